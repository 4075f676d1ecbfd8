"""A machine to throw away."""

from __future__ import annotations

import re

from ..found import NO, Clause, Found, asks, made
from ..frame import frame
from ..normalise import Text
from ..tables import PACKAGES, RUNTIMES, SERVICES
from ..things import things
from ..values import coined, namelike, number
from ..world import call

_MAKE = (
    r"(?:(?:give|make|create|spin|start|boot|launch|open|set|need|want|get|bring|prepare|build|use|have|fire|put|provision|run)"
    r"(?: me| us| up)*|in)(?: with)?"
)
_SHORT = (
    r"(?:throw[- ]?away|disposable|temporary|temp|scratch|short[- ]lived|ephemeral|one[- ]off|clean|fresh|isolated)"
)
_KINDS = {"vm": "vm", "virtual machine": "vm", "microvm": "vm", "micro vm": "vm"}
_IMAGES = "debian|ubuntu|alpine|fedora|centos|rocky|almalinux|arch|busybox|bookworm|bullseye|trixie|sid"
_SHAPE = r"(?:micro[- ]?vm|vm|virtual machine|(?:docker )?container)"
_NOUN = r"(?:sandbox(?:es)?|playground|micro[- ]?vm|vm|virtual machine|container|environment|env|machine|box|system|instance)"

FRAMES = (
    frame("sandbox", 94, rf"{_MAKE}(?: an?| another| the| one| some| new)*(?: new| small| quick| empty| plain)*(?: {_SHORT},?)+(?= (?:(?:{_IMAGES})\b|[\w.:-]+ {_NOUN}\b|{_NOUN}\b))"),
    frame("sandbox", 94, rf"{_MAKE}(?: an?| another| new| quick| small| plain)*(?: (?:{_IMAGES})(?:[ :-]?[\d.]+)?| python| node| docker)?(?= (?:sandbox(?:es)?|playground)\b)"),
    frame("sandbox", 93, rf"(?:an? )?(?:new )?(?:{_SHORT} )+(?=(?:{_IMAGES})\b|sandbox\b)"),
    frame("sandbox", 92, r"(?:new |another |an? )?(?=sandbox (?:with|for|called|named|running|from|of|based)\b)"),
    frame("sandbox", 92, r"(?:new|another|an?)(?= sandbox$)"),
    frame("sandbox", 94, rf"(?:give|make|create|spin|start|boot|launch|need|want|get|fire|set)(?: me| us| up)*(?: an?| another| one more)(?: new| small| quick| plain| linux)*(?: (?:{_IMAGES})(?:[ :-]?[\d.]+)?| python| node)?(?= {_SHAPE}$| {_SHAPE} (?:with|for|called|named|running|having|that|to|where)\b)"),
    frame("sandbox", 97, r"(?:keep|extend|prolong|renew|lengthen)(?: the lease of)?(?: the| my)?(?: sandbox)?(?= (?:[\w.-]+ )?.{0,30}\b(?:min(?:ute)?s?|hours?|hrs?|h|days?|weeks?)$)", "longer"),
    frame("sandbox", 97, r"(?:give|let|leave)(?: the| my)?(?: sandbox)?(?= (?:[\w.-]+ )?(?:live |have |run |stay )?(?:for )?(?:another|\d+ more|an? (?:extra|additional|more|couple more|few more))\b.{0,20}\b(?:min(?:ute)?s?|hours?|hrs?|h|days?|weeks?)$)", "longer"),
)  # fmt: skip

_FOR = re.compile(
    r"[,\s]+(?:that (?:lives|lasts|is there) )?(?:(?:for|lasting|living|of) (?:about |around |only |just |the next )?)"
    r"(?P<n>\d[\d.]*|an?|half an?|one|a couple of|a few)[\s-]+(?P<unit>min(?:ute)?s?|hours?|hrs?|h|days?|weeks?)\b"
)
_MORE = re.compile(
    r"(?P<n>\d[\d.]*|an?|another|half an?|one|a couple of|a few)(?: more| additional| extra| other)? (?P<unit>min(?:ute)?s?|hours?|hrs?|h|days?|weeks?)$"
)
_NAMED = re.compile(
    r"[,\s]+(?:called|named|by the name of|with the name) (?:it )?[\"'`]?(?P<name>[a-z0-9][\w.-]{0,60})[\"'`]?"
)
_IMAGE = re.compile(rf"(?<![\w-])(?P<image>{_IMAGES})(?:[ :-]?(?P<version>\d[\d.]*))?(?![\w-])")
_SUITES = {"bookworm": "debian:12", "bullseye": "debian:11", "trixie": "debian:13", "sid": "debian:sid"}
_WITH = re.compile(
    r"(?:^|\s)(?:with|having|containing|that has|running|plus|and|including|where i can (?:use|run))\s+(?=\S)"
)
_HOURS = {"m": 1 / 60, "h": 1.0, "d": 24.0, "w": 168.0}
_COUNTS = {
    "a": 1.0,
    "an": 1.0,
    "another": 1.0,
    "one": 1.0,
    "half a": 0.5,
    "half an": 0.5,
    "a couple of": 2.0,
    "a few": 3.0,
}


def read(clause: Clause) -> Found | None:
    text = clause.text.cut(len(clause.head) - len(clause.head.lstrip()))
    if re.search(r"\b(?:delete|remove|destroy|stop|kill|tear|what|which|list|show)\b", clause.head):
        return None
    if clause.frame.how == "longer":
        return _longer(clause)
    rest = clause.rest
    hours: float | None = None
    if match := _FOR.search(" " + rest.low):
        hours = _hours(match["n"], match["unit"])
        if hours is None or hours > 24 * 31:
            return asks("For how long? A sandbox can live up to 31 days.")
        rest = rest.blank(max(match.start() - 1, 0), match.end() - 1)
    name = None
    if match := _NAMED.search(" " + rest.low):
        name = rest.raw(match.start("name") - 1, match.end("name") - 1)
        if not namelike(name.lower()):
            return NO
        rest = rest.blank(max(match.start() - 1, 0), match.end() - 1)
    image = None
    if match := _IMAGE.search(text.low):
        image = _SUITES.get(match["image"]) or match["image"] + (f":{match['version']}" if match["version"] else "")
    kind = next((kind for word, kind in _KINDS.items() if re.search(rf"\b{word}s?\b", text.low)), None)
    found = things(_listed(rest), clause.world)
    if found.everyday or found.strange:
        return NO if found.everyday else asks(f"What is {found.strange[0]!r} in the sandbox?")
    return made(
        call(
            "sandbox",
            image=None if image == "debian" else image,
            runtimes=found.runtimes,
            packages=found.packages,
            services=found.services,
            hours=hours if hours != 1 else None,
            name=name,
            kind=kind,
        )
    )


def _longer(clause: Clause) -> Found | None:
    """One that exists is kept: "give sandbox-1 another hour"."""
    rest, living = clause.rest, clause.world.known.services
    match = _MORE.search(rest.low)
    hours = _hours(match["n"], match["unit"]) if match else None
    said = re.match(r"\s*([\w.-]+)", rest.low)
    word = said[1] if said else ""
    if word in living or coined(word):
        name = rest.raw(said.start(1), said.end(1)) if said else None
    elif word in ("it", "that", "this") or "sandbox" in clause.head:
        name = clause.world.name() or (living[0] if len(living) == 1 else None)
        if name is None:
            return asks(f"Which sandbox? There are: {', '.join(living[:8]) or 'none'}.")
    else:
        return None
    if hours is None or hours > 24 * 31:
        return asks("For how long? A sandbox can live up to 31 days.")
    return made(call("sandbox", name=name, hours=hours))


def _hours(count: str, unit: str) -> float | None:
    value = _COUNTS.get(count)
    if value is None:
        whole = number(count)
        value = float(whole) if whole is not None else float(count) if re.fullmatch(r"\d+\.\d+", count) else None
    return None if value is None else round(value * _HOURS[unit[0]], 4)


def _listed(rest: Text) -> Text:
    """What is to be in it: after `with`, or a known thing right before the noun, "a python sandbox"."""
    if match := _WITH.search(" " + rest.low):
        rest = rest.cut(max(match.end() - 1, 0))
        rest = rest.cut(
            0,
            len(re.sub(r"\s+(?:to (?:try|test|play|check|see)\b.*|so (?:that )?i\b.*|in (?:it|there))$", "", rest.low)),
        )
        return rest
    first = re.match(r"\s*([a-z][\w.+-]*)", rest.low)
    if first and (first[1] in RUNTIMES or first[1] in SERVICES or first[1] in PACKAGES):
        return rest.cut(first.start(1), first.end(1))
    return rest.cut(len(rest.low))
