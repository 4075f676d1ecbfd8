"""The tools' arguments as the contract fixes them: how each is compared, and what leaving it out means.

Written from the contract and not from the tools, so that the evals judge what this version has not built yet, too; a test
holds it against the tools that exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "path", "paths", "place", "host", "word", "words", "name", "label", "moment", "things", "packages", "flag", "count",
    "number", "command", "query", "fact",
]  # fmt: skip
"""How values are compared: see compare.py."""
NEEDED: Any = object()
"""The default of an argument that has none."""


@dataclass(frozen=True)
class Argument:
    kind: Kind
    default: Any = NEEDED
    choices: tuple[str, ...] = ()


_PATH = Argument("path", ".")
_ON = Argument("host", "local")
_THINGS = Argument("things", [])
_PACKAGES = Argument("packages", [])
_NAME = Argument("name")

TOOLS: dict[str, dict[str, Argument]] = {
    "scan": {
        "path": _PATH,
        "on": _ON,
        "scope": Argument("word", "all", ("project", "machine", "all")),
        "mermaid": Argument("flag", False),
        "write": Argument("word", None, ("devcontainer", "compose", "dockerfile", "mise", "sbom")),
    },
    "provision": {
        "runtimes": _THINGS,
        "packages": _PACKAGES,
        "services": _THINGS,
        "template": Argument("name", None),
        "answers": Argument("words", []),
        "gpu": Argument("flag", False),
        "path": _PATH,
        "on": _ON,
    },
    "sync": {
        "source": Argument("place"),
        "destination": Argument("place"),
        "mode": Argument("word", "two-way", ("two-way", "push", "pull")),
        "watch": Argument("flag", True),
        "mirror": Argument("flag", False),
        "ignore": Argument("words", []),
        "max_delete": Argument("number", None),
        "accept": Argument("words", []),
    },
    "syncs": {
        "action": Argument("word", "list", ("list", "pause", "resume", "flush", "end", "resolve")),
        "name": Argument("place", None),
        "take": Argument("word", None, ("mine", "theirs", "newest", "both", "merge")),
        "under": Argument("paths", []),
        "rules": Argument("words", []),
        "accept": Argument("words", []),
    },
    "snapshot": {"label": Argument("label", None), "on": _ON, "path": _PATH},
    "rewind": {"to": Argument("moment"), "paths": Argument("paths", []), "on": _ON, "path": _PATH},
    "drift": {"against": Argument("moment", "last"), "on": _ON, "path": _PATH},
    "history": {
        "query": Argument("query", None),
        "kind": Argument("word", "all", ("all", "snapshots", "actions")),
        "limit": Argument("count", 20),
        "path": _PATH,
    },
    "status": {"on": Argument("host", None)},
    "logs": {"service": _NAME, "tail": Argument("count", 100), "on": _ON},
    "deploy": {
        "path": _PATH,
        "to": Argument("host", "docker"),
        "name": Argument("name", None),
        "replicas": Argument("count", 1),
        "port": Argument("count", None),
        "context": Argument("name", None),
    },
    "rollback": {"name": _NAME},
    "switch": {"context": _NAME},
    "destroy": {"name": _NAME},
    "run": {"command": Argument("command"), "on": _ON, "path": _PATH, "timeout": Argument("number", 3600.0)},
    "remember": {"fact": Argument("fact"), "everywhere": Argument("flag", False)},
    "sandbox": {
        "image": Argument("name", "debian"),
        "runtimes": _THINGS,
        "packages": _PACKAGES,
        "services": _THINGS,
        "hours": Argument("number", 1.0),
        "name": Argument("label", None),
        "kind": Argument("word", "docker", ("docker", "vm")),
    },
}


_TYPES: dict[str, tuple[type, ...]] = {"flag": (bool,), "count": (int,), "number": (int, float)}
_LISTS = ("things", "packages", "paths", "words")


def faults(call: Any) -> list[str]:
    """What of a call the contract does not allow: an unknown tool or argument, a value of another type, one missing."""
    if not isinstance(call, dict) or not isinstance(call.get("tool"), str) or not isinstance(call.get("args"), dict):
        return ["a call is {tool, args}"]
    tool, args = call["tool"], call["args"]
    if tool not in TOOLS:
        return [f"there is no tool {tool!r}"]
    known = TOOLS[tool]
    found = [f"{tool} has no argument {name!r}" for name in args if name not in known]
    found += [f"{tool} needs {name}" for name, one in known.items() if one.default is NEEDED and name not in args]
    for name, value in args.items():
        if name in known and not _fits(known[name], value):
            found.append(f"{tool}.{name} cannot be {value!r}")
    return found


def _fits(argument: Argument, value: Any) -> bool:
    if value is None:
        return argument.default is None
    if argument.kind in _LISTS:
        return isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value)
    if isinstance(value, bool) and argument.kind != "flag":
        return False
    if not isinstance(value, _TYPES.get(argument.kind, (str,))):
        return False
    return bool(value.strip()) and value in (argument.choices or (value,)) if isinstance(value, str) else True
