"""A snapshot and its label."""

from __future__ import annotations

import re

from ..english import ordinary
from ..found import NO, Clause, Found, asks, made, quoted
from ..frame import frame
from ..moments import TIMES
from ..normalise import Text
from ..places import where
from ..tables import (
    EVERYDAY,
    OBJECTS,
    SERVICEISH,
)
from ..values import HOSTISH, namelike, pathlike
from ..world import call

_SNAP = r"(?:snapshot|snap|checkpoint|restore point|save ?point|recovery point|backup of (?:the |my |this )?(?:env\w*|state|project|setup))"
_ENV = r"(?:env\w*|state|project|setup|machine|system|everything|workspace|repo|stack)"

FRAMES = (
    frame("snapshot", 93, r"keep (?:a|one|another) (?:new |full )?snapshot\b", "noun"),
    frame(
        "snapshot",
        93,
        rf"(?:(?:a |an |the |another |one more |quick |new |fresh |full )+|(?:take|make|create|do|grab|get|save|record|capture|store|shoot|want|need|like|have|add|with|feel better with|give)(?: me| us)?(?: a| an| the| another| one| one more| new| quick| full| fresh| complete| proper| safety| little)* )?{_SNAP}\b(?! (?:of )?(?:list|history|s\b))",
        "noun",
    ),
    frame(
        "snapshot",
        91.5,
        r"(?:label|name|tag|mark|call) (?:the |this |my )?(?:(?:current|present) )?(?:state|env\w*|setup|moment|point|this)\b(?= |$)",
        "label",
    ),
    frame(
        "snapshot",
        91,
        rf"(?:snapshot|checkpoint|freeze|record|save|capture|back ?up|preserve|store|remember|bookmark)(?: (?:the|my|this|our|current|whole|entire|present|a|copy of|exact|way|things are|as it is))* ?(?={_ENV}\b|this\b|it\b|how|here|where|$)",
        "verb",
    ),
)

_LABEL = re.compile(
    r"(?:,\s*)?\b(?:and )?(?:called|named|labell?ed|titled|tagged(?: as)?|call(?:ing)? it|name it|label(?:ling|ing)? it|(?:with|under|using|by) (?:the |a )?(?:label|name|title|tag)(?: of)?|label|name|as|tag|naming it)\s*[:=]?\s*(?=\S)(?!before \w|(?:usual|well|soon|it is|is)\b(?: |$)(?!\w))"
)


def read(clause: Clause) -> Found | None:
    rest = clause.rest
    low = clause.text.low
    if any(
        word in EVERYDAY - TIMES
        for word in re.findall(
            r"[a-z]+", re.sub(r"(?:called|named|labell?ed|as|label|name)\s.*", "", clause.rest.masked())
        )
    ):
        return NO
    if (
        re.search(r"\b(?:scan|list|show)\b", low)
        and clause.frame.how == "noun"
        and not re.match(r"(?:take|make|create|do|snap)", low)
    ):
        return None
    my_thing = re.match(r"\s*(?:of )?(?:my|your|our|his|her) ([a-z]+)$", rest.low)
    if my_thing and my_thing[1] not in OBJECTS and my_thing[1] not in SERVICEISH and ordinary(my_thing[1]):
        return NO
    label: str | None = None
    if (of := re.match(r"\s*of (?:the |my |our |this |a )*([\w./:@-]+)", rest.low)) and (
        of[1] not in OBJECTS
        and not pathlike(of[1])
        and not HOSTISH.match(of[1])
        and of[1] not in (host.lower() for host in clause.world.known.hosts)
        and ordinary(of[1])
        and of[1] not in SERVICEISH
        and of[1]
        not in (
            "now",
            "here",
            "current",
            "container",
            "vm",
            "what",
            "how",
            "python",
            "whole",
            "entire",
            "full",
            "present",
            "dev",
        )
    ):
        return NO
    if match := _LABEL.search(rest.masked()):
        value = rest.cut(match.end())
        rest = rest.cut(0, match.start())
        tail = where(value, clause.world) if not value.low.startswith(('"', "'", "`")) else None
        if tail is None:
            end = next((i for i in range(1, len(value.low)) if value.low[i] == value.low[0]), len(value.low) - 1) + 1
            label = quoted(value.raw(0, end))
            rest = (
                Text(
                    rest.low + " " + value.low[end:],
                    [*rest.starts, *value.starts[end - 1 :]],
                    [*rest.ends, *value.ends[end - 1 :]],
                    value.original,
                )
                if rest.low
                else value.cut(end)
            )
            place = where(rest, clause.world, bare=True, alone=True)
        else:
            label = tail.text.raw().strip(" ,.")
            place = where(rest, clause.world, bare=True, alone=True)
            place.on, place.path = place.on or tail.on, place.path or tail.path
    else:
        place = where(rest, clause.world, bare=True)
        text = place.text.low.strip(" ,.")
        if text.startswith(('"', "'", "`")):
            label = quoted(place.text.raw())
        elif clause.head.strip() in (
            "snapshot",
            "snap",
            "checkpoint",
            "take snapshot",
            "take a snapshot",
            "save snapshot",
            "create snapshot",
        ) and namelike(text):
            label = place.text.raw()
        elif match := re.search(r"(?:^|\s)((?:\.{1,2}|~)?/\S*)", place.text.low):
            place.path = place.text.raw(match.start(1), match.end(1))
    if place.lost:
        return asks("On which host? Name it as docker:NAME, USER@HOST or vm:NAME.")
    if label is not None and not label:
        label = None
    return made(call("snapshot", label=label, on=place.on, path=place.path))
