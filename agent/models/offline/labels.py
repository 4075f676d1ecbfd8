"""What the encoder says of a request: an act for each part, a slot for each word, flags. The trainer and the reader share it.

The lists are the order of the model file's outputs: changing one means training again, which the file's card checks.
"""

from __future__ import annotations

from .tables import RISKS

NONE = "none"
"""The act of a part that asks for nothing of these tools: chat, knowledge, other work, what is not to be done."""
VAGUE = "vague"
"""The act of a part that is work for these tools, but for none in particular: "clean up", "make it work"."""
ACTS = (*RISKS, NONE, VAGUE)

THINGS = ("runtime", "package", "service", "version")
SLOTS = (
    *THINGS, "template", "path", "host", "source", "destination", "label", "moment", "file", "query", "count", "name",
    "port", "context", "command", "fact", "image", "hours",
)  # fmt: skip
OUTSIDE = 0
"""The label of a word in no slot; slot k begins with 1 + 2k and goes on with 2 + 2k."""

TAKES = ("mine", "theirs", "newest", "both", "merge")
ACTIONS = ("pause", "resume", "flush", "end", "resolve")
FLAGS = (
    "ask", "first", "machine", "project", "gpu", "push", "pull", "once", "mirror", "snapshots", "actions", "one", "latest",
    "last", "before", "spec", "team", *ACTIONS, *TAKES, "all", "vm", "docker", "more",
)  # fmt: skip
"""`ask`: something needed is missing or unclear. `first`: to be done before the parts that were said before it. The others
are arguments that no word stands for: `last` is what "undo that" goes back to, `before` is "undo the upgrade". `more`: the
call before goes on, with what is said now put into it: "same but prod", "not 20, 22", "and on gpu4"."""

_ENV = ("path", "host")
ALLOWED: dict[str, tuple[str, ...]] = {
    "scan": _ENV,
    "provision": (*THINGS, "template", *_ENV),
    "sync": ("source", "destination", "file", "host"),
    "syncs": ("name", "file"),
    "snapshot": ("label", *_ENV),
    "rewind": ("moment", "file", *_ENV),
    "drift": ("moment", *_ENV),
    "history": ("query", "count"),
    "status": ("host",),
    "logs": ("name", "count", "host"),
    "deploy": ("name", "count", "port", "context", *_ENV),
    "rollback": ("name",),
    "switch": ("context",),
    "destroy": ("name",),
    "run": ("command", *_ENV),
    "remember": ("fact",),
    "sandbox": (*THINGS, "image", "hours", "name"),
    NONE: (),
    VAGUE: (),
}
"""Which slots an act has: what the encoder says of the others is not heard."""
FLAGGED: dict[str, tuple[str, ...]] = {
    "scan": ("machine", "project"),
    "provision": ("gpu", "latest"),
    "sync": ("push", "pull", "once", "mirror"),
    "syncs": (*ACTIONS, *TAKES, "all"),
    "rewind": ("last", "before"),
    "drift": ("spec", "team"),
    "history": ("snapshots", "actions", "one"),
    "sandbox": ("vm", "docker", "latest"),
}
"""Which flags an act has besides `ask` and `first`."""
