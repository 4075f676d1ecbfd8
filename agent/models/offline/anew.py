"""A call made anew from words that make no request by themselves: "on docker:web", "worker", "3 replicas", "pandas"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...events import Call
from .compose import Act, Span, compose
from .normalise import Text
from .resolve import HOSTED
from .simple import reads
from .tables import CONTEXTS, KEYWORDS, words
from .values import HOSTISH, INSTALLABLE, namelike, unversioned
from .words import SHAPES, Word, shape, split
from .world import World, names_here

NAME = {"rollback": "name", "destroy": "name", "logs": "service", "deploy": "name", "sandbox": "name"}
_LABEL = {"rewind": "to", "drift": "against"}
_COUNT = {"logs": ("tail",), "deploy": ("replicas", "port"), "sandbox": ("hours",), "history": ("limit",)}
_UNIT = {
    "replicas": words("replica replicas instance instances copy copies"),
    "tail": words("line lines"),
    "hours": words("hour hours h"),
    "port": words("port"),
    "limit": words("entries actions"),
}
_UNITS = frozenset[str]().union(*_UNIT.values())
_SKIPPED = words(
    "the a an my our and but only just please too also as well instead then now again last for to on at in from of with about service one "
    "host box machine container version mit auf für und nur bitte auch den die das avec sur pour et aussi le la "
    "con en para y el también com em e o por favor também num no na"
)
_AT = words("on at in from inside to auf sur en em no na")
_COMMON = words("web api worker app backend frontend server gateway proxy auth db queue scheduler bot site database")
"""Ordinary words that services are often called."""
_THING = {
    "runtime": "runtime", "service": "service", "version": "version", "integer": "version", "package": "package", "word-package": "package",
    "versioned": "package", "scoped": "package",
}  # fmt: skip
"""What a thing of these looks is to `compose`."""
_UNKNOWN = frozenset({"rare", "coined"})
_STOPS = frozenset(",.;!?&")
_MAIL = re.compile(r"[^@\s:]+@[^@\s]+\.\w+$")
"""A host perhaps, and perhaps an address that was pasted."""


def anew(call: Call, text: Text, world: World, *, sure: bool = False) -> Call | None:
    """The call with what `text` says put into it; None when one word of it has no place there.

    `sure`: the words are certainly a value ("I meant billing"), so that a name need not be known, nor a host be led in.
    """
    if text.quotes():
        return None
    here, found, things = names_here(world), dict[str, Any](), list[Word]()
    said = split(text)
    for at, word in enumerate(said):
        before, after = (said[i].low if 0 <= i < len(said) else "" for i in (at - 1, at + 1))
        makes = call.tool in ("provision", "sandbox") and after not in _UNITS
        kind = _kind(word, {} if makes and here.get(word.low) == "service-here" else here)
        if (kind == "mark" and word.low in _STOPS) or word.low in _UNITS:
            continue
        if (
            makes
            and (kind in _THING or (sure and kind in _UNKNOWN and len(said) < 4))
            and (sure or len(said) > 1 or not reads(word.low))
        ):
            things.append(word)
        elif put := _slot(call, word.low, kind, before, after, world, sure):
            if put in found:
                return None
            found[put] = _value(put, text.raw(word.start, word.end), word.low)
        elif word.low not in _SKIPPED:
            return None
    if things and all(_THING.get(_kind(word, {})) == "version" for word in things):
        found |= _versioned(call, things, text) if sure or "version" in text.low else {}
    elif things:
        found |= _things(things, text)
    return Call(call.tool, {**_kept(call, found), **found}) if found else None


def _kind(word: Word, here: Mapping[str, str]) -> str:
    kind = SHAPES[shape(word.low, here)]
    return "host" if kind == "versioned" and HOSTISH.fullmatch(word.low) else kind


def _slot(call: Call, low: str, kind: str, before: str, after: str, world: World, sure: bool) -> str | None:
    """The argument of the call that a word is for."""
    tool, services = call.tool, {name.lower() for name in world.known.services}
    if kind == "integer":
        return _count(call, before, after)
    if kind == "host" and (sure or before in _AT or not _MAIL.match(low)):
        return HOSTED.get(tool)
    if kind == "host-here" and (before in _AT or low not in services or tool not in NAME):
        return HOSTED.get(tool)
    if kind == "snapshot-here" and tool in _LABEL:
        return _LABEL[tool]
    if low in services:
        return NAME.get(tool)
    if low in CONTEXTS and tool in ("deploy", "switch") and not reads(low):
        return "context"
    likely = sure or (not services and (kind == "service" or low in _COMMON))
    if not likely or low in _SKIPPED or reads(low) or low in KEYWORDS or not namelike(low):
        return None
    return "context" if tool == "switch" else NAME.get(tool) if tool != "sandbox" else None


def _count(call: Call, before: str, after: str) -> str | None:
    """What a number counts: by the word beside it, by what was counted before, or the usual."""
    keys = _COUNT.get(call.tool, ())
    if unit := next((key for key, names in _UNIT.items() if after in names or before in names), None):
        return unit if unit in keys else None
    counted = [key for key in keys if key in call.args]
    return counted[0] if len(counted) == 1 else keys[0] if keys else None


def _value(key: str, raw: str, low: str) -> Any:
    if key in ("replicas", "port", "tail", "limit"):
        return int(low)
    return float(low) if key == "hours" else CONTEXTS.get(low, raw) if key == "context" else raw


def _things(found: list[Word], text: Text) -> dict[str, Any]:
    shapes = [(word, SHAPES[shape(word.low, {})]) for word in found]
    spans = tuple(Span(_THING.get(kind, "package"), text.cut(word.start, word.end)) for word, kind in shapes)
    return dict(compose(Act("provision", spans)).args)


def _versioned(call: Call, found: list[Word], text: Text) -> dict[str, Any]:
    """A version alone is that of the one thing that was named: "make that 17"."""
    items = [(key, str(item)) for key in INSTALLABLE for item in call.args.get(key, ())]
    if len(items) != 1 or len(found) != 1:
        return {}
    key, item = items[0]
    return {key: [f"{unversioned(item)}@{text.raw(found[0].start, found[0].end)}"]}


def _kept(call: Call, found: Mapping[str, Any]) -> dict[str, Any]:
    """What stays of the call: other things are installed instead of those before, not besides."""
    gone = set(INSTALLABLE) if set(INSTALLABLE) & set(found) else set[str]()
    return {key: value for key, value in call.args.items() if key not in gone}


def instead(call: Call, old: str, text: Text, world: World) -> Call | None:
    """The call with one of its values replaced: "not staging, prod". None when it has no such value."""
    old = CONTEXTS.get(old, old)
    if not re.fullmatch(r"\S+", text.low):
        return None
    for key, value in call.args.items():
        if key in INSTALLABLE:
            if found := _thing_instead(call, key, old, text, world):
                return found
        elif str(value).lower() == old:
            new: Any = int(text.low) if isinstance(value, int) and text.low.isdigit() else text.raw()
            return Call(call.tool, {**call.args, key: CONTEXTS.get(text.low, new) if key == "context" else new})
    return None


def _thing_instead(call: Call, key: str, old: str, text: Text, world: World) -> Call | None:
    items = [str(item) for item in call.args[key]]
    kept = [item for item in items if unversioned(item).lower() != old]
    new = anew(Call("provision", {}), text, world, sure=True)
    if len(kept) == len(items) or new is None or not set(new.args) <= set(INSTALLABLE):
        return None
    args: dict[str, Any] = {**call.args, key: kept}
    for kind, more in new.args.items():
        args[kind] = [*args.get(kind, []), *more]
    return Call(call.tool, {name: found for name, found in args.items() if found != []})
