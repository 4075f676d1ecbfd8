"""What only makes sense after what was said before: "no, the other one", "do that again", "the same for pandas"."""

from __future__ import annotations

import re

from ...events import Call
from .found import Found, asks, made
from .normalise import Text
from .things import things
from .values import namelike
from .world import World, call

_OTHER = re.compile(
    r"(?:no|nope|not that one|wrong one|wait)?[,.! ]*(?:i meant |i mean |rather |take |use )?the other(?: one)?\W*$"
)
_AGAIN = re.compile(
    r"(?:please )?(?:do (?:that|it|this) again|again|(?:once|one) more(?: time)?|repeat(?: that| it| the last (?:command|one))?|same again|do the same again|rerun(?: it| that)?|redo that)\W*$"
)
_SAME = re.compile(
    r"(?:and |now |then |please )*(?:do )?(?:the )?same (?:thing )?(?:for|with|on|to) (?=\S)|(?:and |now |then )+(?:for|on) (?=\S)"
)
_MEANT = re.compile(
    r"(?:no|nope|sorry|wait|oops|actually)[,.! ]+(?:not (?:that|that one)[,. ]+)?(?:i meant |i mean |rather |make it |make that )?(?:to |on |the )?(?P<what>[\w@.:/-]+)(?: instead| please)?\W*$|(?:i meant|i mean|rather|make (?:it|that)) (?:to |on )?(?P<meant>[\w@.:/-]+)(?: instead)?\W*$"
)
_SLOT = {
    "rewind": "to",
    "rollback": "name",
    "destroy": "name",
    "logs": "service",
    "switch": "context",
    "snapshot": "label",
}


def follow(text: Text, world: World) -> Found | None:
    """The calls that such words mean after the last call; None when the words stand on their own."""
    low, last = text.low, world.last()
    if last is None:
        return asks("Which one?") if _OTHER.match(low) and "other" in low else None
    if _AGAIN.match(low):
        return made(last)
    if _OTHER.match(low):
        return _other(last, world)
    if match := _SAME.match(low):
        return _same(last, text.cut(match.end()), world)
    if match := _MEANT.match(low):
        group = "what" if match["what"] else "meant"
        return _meant(last, text.cut(match.start(group), match.end(group)), world)
    return None


def _put(last: Call, key: str, value: object) -> Found:
    return made(call(last.tool, **{**last.args, key: value}))


def _other(last: Call, world: World) -> Found:
    key = _SLOT.get(last.tool, "name" if last.tool == "deploy" else "")
    among = world.known.snapshots if key in ("to", "label") else world.known.services
    others = [name for name in among if name != last.args.get(key)]
    if key and len(others) == 1 and len(among) > 1:
        return _put(last, key, others[0])
    return asks(f"Which one? {', '.join(others[:8])}" if others else "Which one? Name it.")


def _same(last: Call, text: Text, world: World) -> Found | None:
    text = text.cut(0, len(text.low.rstrip(" .,!?")))
    if last.tool == "provision":
        wanted = [item for key in ("runtimes", "packages", "services") for item in last.args.get(key, [])]
        version = wanted[0].rpartition("@")[2] if len(wanted) == 1 and "@" in wanted[0].lstrip("@") else ""
        found = things(text, world, upgrade=version == "latest")
        if found.empty or found.strange:
            return None
        same = {
            key: [item if "@" in item.lstrip("@") or not version else f"{item}@{version}" for item in items]
            for key, items in (("runtimes", found.runtimes), ("packages", found.packages), ("services", found.services))
        }
        return made(call("provision", **same, on=last.args.get("on"), path=last.args.get("path")))
    key = _SLOT.get(
        last.tool, "name" if last.tool == "deploy" else "on" if last.tool in ("scan", "status", "drift") else ""
    )
    return _put(last, key, text.raw()) if key and re.fullmatch(r"\S+", text.low) else None


def _meant(last: Call, text: Text, world: World) -> Found | None:
    low = text.low
    key = _SLOT.get(last.tool)
    if (
        key is None
        or not namelike(low)
        or low
        in (
            "thanks",
            "stop",
            "don't",
            "deploy",
            "undo",
            "install",
            "run",
            "snapshot",
            "wait",
            "problem",
            "worries",
            "idea",
            "way",
            "thing",
        )
    ):
        return None
    return _put(last, key, text.raw())
