"""A part of a request, as the encoder labels it, into its call; and back to what was missing when there is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...events import Call
from .labels import ACTIONS, TAKES, THINGS
from .normalise import Text
from .slots import value
from .tables import SERVICES
from .things import canonical, joined, thing, wanted
from .values import VERSION


@dataclass(frozen=True)
class Span:
    """The words of one slot."""

    slot: str
    text: Text


CORRECTED = re.compile(
    r"\b(?:no|nope|wait|sorry|actually|i mean|i meant|make that|make it|correction|scratch that|rather|nein|perdón|pardon|oops)\b",
    re.IGNORECASE,
)
"""Between two values of one argument: the second is meant."""


@dataclass(frozen=True)
class Act:
    """One part of a request: what it wants, with the words for it. `spans` are in the order of the text."""

    tool: str
    spans: tuple[Span, ...] = ()
    flags: frozenset[str] = field(default_factory=frozenset[str])
    text: Text = field(default_factory=lambda: Text("", (), (), ""))

    def one(self, slot: str) -> Any:
        """The value of the first span of a slot that has one, or of one that corrects it: "deploy api, no, worker"."""
        best: Any = None
        end = 0
        for span in self.spans:
            if span.slot == slot and (found := value(slot, span.text)) is not None:
                if best is None or CORRECTED.search(span.text.original[end : span.text.starts[0]]):
                    best = found
                end = span.text.ends[-1]
        return best

    def all(self, slot: str) -> list[Any]:
        """The values of all spans of a slot."""
        found: list[Any] = []
        end = 0
        for span in self.spans:
            if span.slot == slot and (one := value(slot, span.text)) is not None:
                if found and CORRECTED.search(span.text.original[end : span.text.starts[0]]):
                    found.pop()  # "a.txt, no, b.txt"
                found.append(one)
                end = span.text.ends[-1]
        return list(dict.fromkeys(found))


def place(act: Act) -> dict[str, Any]:
    """`path` and `on`; this directory and this machine are the defaults."""
    path, host = act.one("path"), act.one("host")
    return {"path": None if path == "." else path, "on": None if host in ("local", "localhost", "here") else host}


def compose(act: Act) -> Call:
    """The call that an act's words make, complete or not; `missing` says what it still needs."""
    args = {key: value for key, value in _MAKE[act.tool](act).items() if value is not None and value != []}
    return Call(act.tool, {key: value for key, value in args.items() if value is not False or key == "watch"})


NEEDED: dict[str, tuple[str, ...]] = {
    "sync": ("source", "destination"), "logs": ("service",), "rollback": ("name",), "switch": ("context",), "destroy": ("name",),
    "run": ("command",), "remember": ("fact",), "rewind": ("to",),
}  # fmt: skip


def missing(made_: Call) -> tuple[str, ...]:
    """The arguments that the call needs and has not."""
    return tuple(key for key in NEEDED.get(made_.tool, ()) if key not in made_.args)


def _things(act: Act) -> dict[str, Any]:
    """Runtimes, packages and services, each with the version that was said of it."""
    found: list[list[str]] = []  # kind, name, version
    ahead = ""
    named = False
    spans = [span for span in act.spans if span.slot in THINGS]
    for at, span in enumerate(spans):
        original = span.text.original
        instead = bool(at) and bool(CORRECTED.search(original[spans[at - 1].text.ends[-1] : span.text.starts[0]]))
        if span.slot in ("runtime", "package", "service"):
            name, exact = thing(span.text)
            if not name:
                continue
            if instead and found:
                found.pop()
            kind = "package" if span.slot == "service" and name.lower() not in SERVICES else span.slot
            found.append([kind, canonical(kind, name), exact or ahead])
            ahead, named = "", True
        elif span.slot == "version" and (asked := wanted(span.text)):
            if _leads(spans, at):
                ahead = asked
            elif named and (instead or not found[-1][2]):
                found[-1][2] = asked
                if _TO_ALL.search(original[: span.text.starts[0]]):
                    for one in found[:-1]:
                        one[2] = one[2] or asked
            elif named and found[-1][2][:1] in _BOUND and asked[0] in _BOUND:
                found[-1][2] += f",{asked}"  # ">= 1.11, < 1.13"
            elif named and found[-1][2] and VERSION.fullmatch(asked) and found[-1][0] == "runtime":
                found.append([found[-1][0], found[-1][1], asked])
            else:
                ahead = asked
    out: dict[str, Any] = {"runtimes": [], "packages": [], "services": []}
    for kind, name, exact in found:
        if not exact and "latest" in act.flags:
            exact = "latest"
        if (said := joined(name, exact)) not in out[kind + "s"]:
            out[kind + "s"].append(said)
    return out


_BOUND = ("<", ">", "!", "~")
_TO_ALL = re.compile(r"\b(?:to|both (?:at|on|to|in))(?: (?:the|their|its))?(?: version)?\s*$", re.IGNORECASE)
"""Before a version that is meant for all things said: "upgrade react and react-dom to 19"."""
_AND = re.compile(r"[,;&+]|\b(?:and|plus|with|und|et|y|e)\b", re.IGNORECASE)


def _leads(spans: Sequence[Span], at: int) -> bool:
    """The version stands right before the next thing, and apart from the last: "flask and the latest numpy", "X, version 2 of Y"."""
    if at + 1 == len(spans) or not at or spans[at + 1].slot == "version":
        return False
    before, here, after = spans[at - 1].text, spans[at].text, spans[at + 1].text
    between = here.original[before.ends[-1] : here.starts[0]]
    onward = here.original[here.ends[-1] : after.starts[0]].strip()
    return bool(_AND.search(between)) and onward in ("", "of", "of the", "von", "de", "version of")


def _scan(act: Act) -> dict[str, Any]:
    scope = "machine" if "machine" in act.flags else "project" if "project" in act.flags else None
    return {**place(act), "scope": scope}


def _provision(act: Act) -> dict[str, Any]:
    return {**_things(act), "template": act.one("template"), "gpu": "gpu" in act.flags, **place(act)}


_ELSEWHERE = re.compile(r"(?:docker|vm|ssh):|[\w.-]+@[\w.-]+:|[\w-][\w.-]+:[/~]")


def _sync(act: Act) -> dict[str, Any]:
    places = {"source": act.one("source"), "destination": act.one("destination")}
    if host := act.one("host"):
        # "pull /data from me@box": the side that is elsewhere was said in two pieces
        side = "source" if "pull" in act.flags else "destination"
        if (path := places[side]) and path != ".":
            places[side] = f"{host}:{path}"
    # One way is called push when the source is here and pull when it is elsewhere: a fact, whatever verb was said.
    away = bool(places["source"] and _ELSEWHERE.match(places["source"]))
    mode = ("pull" if away else "push") if act.flags & {"push", "pull"} else None
    out = {**places, "mode": mode, "mirror": "mirror" in act.flags}
    out["ignore"] = act.all("file")
    return {**out, "watch": False} if "once" in act.flags else out


def _syncs(act: Act) -> dict[str, Any]:
    action = next((action for action in ACTIONS if action in act.flags), None)
    take = next((take for take in TAKES if take in act.flags), None)
    name = "all" if "all" in act.flags else act.one("name")
    return {"action": action or ("resolve" if take else None), "name": name, "take": take, "under": act.all("file")}


def _rewind(act: Act) -> dict[str, Any]:
    to = act.one("moment")
    if to is not None and "before" in act.flags and not to.lower().startswith("before "):
        to = f"before {to}"
    if to is None and "last" in act.flags:
        to = "last"
    return {"to": to, "paths": act.all("file"), **place(act)}


def _drift(act: Act) -> dict[str, Any]:
    against = act.one("moment") or ("spec" if "spec" in act.flags else "team" if "team" in act.flags else None)
    return {"against": None if against == "last" else against, **place(act)}


def _history(act: Act) -> dict[str, Any]:
    kind = "snapshots" if "snapshots" in act.flags else "actions" if "actions" in act.flags else None
    return {"query": act.one("query"), "kind": kind, "limit": act.one("count") or (1 if "one" in act.flags else None)}


def _logs(act: Act) -> dict[str, Any]:
    return {"service": act.one("name"), "tail": act.one("count"), "on": place(act)["on"]}


def _deploy(act: Act) -> dict[str, Any]:
    where = place(act)
    to = where["on"]
    return {
        "path": where["path"],
        "to": None if to == "docker" else to,
        "name": act.one("name"),
        "replicas": None if (n := act.one("count")) == 1 else n,
        "port": act.one("port"),
        "context": act.one("context"),
    }


def _run(act: Act) -> dict[str, Any]:
    said = [str(value("command", _closed(act, span.text)) or "") for span in act.spans if span.slot == "command"]
    # "it is called nox, so run `nox -s lint`": the longest, the last of equals
    return {"command": max(reversed(said), key=len, default="") or None, **place(act)}


_BESIDE = re.compile(r"\W*(?:on|in|at|inside|over|please|and|then|again|now|first|there|here)\b")


def _closed(act: Act, text: Text) -> Text:
    """A command that ends inside a quotation goes on to its end, and one before a pipe to the end of the part: half of it is another command."""
    if text.starts[0] not in act.text.starts:
        return text
    begin, end = act.text.starts.index(text.starts[0]), act.text.starts.index(text.starts[-1]) + 1
    for opening, ending in act.text.quotes():
        if opening == begin - 1 and end < ending - 1:
            return act.text.cut(begin, ending - 1)
    if _PIPED.match(act.text.low[end:]) or _PIPED.search(f" {text.low} "[-4:]):
        return act.text.cut(begin)
    if not (mark := _open(text.low)):
        return text
    closing = act.text.low.find(mark, end)
    if closing < 0:
        return text
    later = [act.text.starts.index(span.text.starts[0]) for span in act.spans if span.text.starts[0] > text.starts[-1]]
    rest = act.text.low[closing + 1 :]
    return act.text.cut(begin, closing + 1 if later or _BESIDE.match(rest) else len(act.text.low))


_PIPED = re.compile(r" *(?:\|\|?|2?>>?|<|&&) ")


def _open(low: str) -> str:
    """The quote that is open at the end."""
    quote = ""
    for char in low:
        if char == quote:
            quote = ""
        elif not quote and char in "\"'`":
            quote = char
    return quote


_CALLED = re.compile(r"\b(?:called|named|labell?ed|with (?:the )?(?:label|name)) [\"']?([\w.-]+)[\"']?\W*$")


def _called(act: Act) -> str | None:
    """ "take a snapshot called before": a label may be any word."""
    match = _CALLED.search(act.text.low)
    return act.text.raw(*match.span(1)) if match else None


def _sandbox(act: Act) -> dict[str, Any]:
    kind = "vm" if "vm" in act.flags else None
    image = act.one("image")
    return {
        "image": None if image == "debian" else image, **_things(act), "hours": act.one("hours"), "name": act.one("name"),
        "kind": kind,
    }  # fmt: skip


_MAKE: dict[str, Callable[[Act], dict[str, Any]]] = {
    "scan": _scan, "provision": _provision, "sync": _sync, "syncs": _syncs, "rewind": _rewind, "drift": _drift,
    "history": _history, "logs": _logs, "deploy": _deploy, "run": _run, "sandbox": _sandbox,
    "snapshot": lambda act: {"label": act.one("label") or _called(act), **place(act)},
    "status": lambda act: {"on": place(act)["on"]},
    "rollback": lambda act: {"name": act.one("name")},
    "switch": lambda act: {"context": act.one("context")},
    "destroy": lambda act: {"name": act.one("name")},
    "remember": lambda act: {"fact": act.one("fact")},
}  # fmt: skip
