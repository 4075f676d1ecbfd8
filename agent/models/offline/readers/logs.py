"""The output of services."""

from __future__ import annotations

import re

from ..found import NO, Clause, Found, asks, made
from ..frame import SHOW, frame
from ..places import where
from ..tables import (
    EVERYDAY,
)
from ..values import JOINT, namelike, number
from ..world import call

FRAMES = (
    frame("logs", 81, r"tail(?= (?:the )?[\w.-]+(?: (?:service|container))?$)", "logs"),
    frame(
        "logs",
        82,
        r"(?:(?:show|see|tell|check|look at|print|get)(?: me)? )?what (?:(?:is|does|did|has|was) )?(?:the )?(?=[\w.-]+ (?:service |server )?(?:is |has |was |has been )?(?:print|logg?|output|say|writ|spit|report)\w*(?: (?:so far|out|lately|right now|now|today|there))*$)",
        "says",
    ),
    frame(
        "logs",
        95,
        rf"(?:{SHOW}|tail|follow|cat|fetch|dump|grab|stream|output|what do|what does|what's in|what is in|last|from|see|look (?:at|into|in)|have a look at|need|want to see)?.{{0,60}}?\b(?:logs?|log ?(?:file|files|output|lines|entries))\b",
        "logs",
    ),
    frame(
        "logs",
        85,
        r"what (?:do|does|did|are|is)(?= .{1,50}\blogs? (?:say|show|tell|print|look like|contain))",
        "logs",
    ),
    frame(
        "logs",
        80,
        r"(?:what is|what's|what does|what did) (?=[\w.-]+ (?:say|print|output|printing|saying|logging|log|outputting)\b)",
        "says",
    ),
    frame(
        "logs",
        81,
        r"(?:(?:show|tail|get|give|print|see|read|check|fetch|dump)(?: me)? )?(?:the )?(?:last \d+ lines of )?(?:the )?(?:console )?(?:output|stdout|stderr) (?:of|from|for)\b",
        "logs",
    ),
    frame(
        "logs",
        80,
        r"(?:show|tail|get|print|see)(?: me)?(?: the)? (?:last \d+ lines|output|stdout|stderr|last lines|console output)\b",
        "logs",
    ),
)

_SERVICE = r"[\w][\w.@/-]{0,120}"

_LINES = re.compile(
    rf"(?:(?:last|latest|recent|past|first|final|tail|only|the)\s+)*(?:-n\s*)?(\d[\d{JOINT}]*)(?:\s+(?:log )?(?:lines?|rows|entries|messages|logs?))?(?:\s+(?:of|from|in|for)\b)?"
)

_LOGWORDS = re.compile(
    r"(?<![\w-])(?:show|tail|follow|cat|fetch|dump|grab|stream|output|console|stdout|get|give|see|view|print|display|read|check|open|look|have|want|need|bring|pull|up|a|at|in|into|me|us|to|the|its|their|his|all|some|latest|"
    r"last|recent|log|logs|logfiles?|lines?|entries|file|files|of|from|for|by|on|what|what's|is|are|do|does|did|say|says|saying|printing|print|logged|wrote|writing|writes|spitting|so|far|lately|service|container|deployment|app's|"
    r"server's|please|now|most|newest|few|tell|about|my|our|and|that|this|list|there|here|only|just|with|current|currently|live|again|whole|full|complete|any|also|too|wants|error|errors|output's|outputs|logging|outputting)(?![\w-])"
)


def read(clause: Clause) -> Found | None:
    if re.match(r"log ?in ?to \S+$", clause.text.low):
        return None
    if re.match(r"log (?:my|me|this|a|an|in|out|off|on|it)\b", clause.text.low):
        return NO
    if re.search(
        r"\b(?:git log|changelog|log off|log on|log in|log ?into|log ?out|log me|chop|burn|wood|fire\w*|captain|audit log|activity log|blog)\b",
        clause.text.low,
    ):
        return NO
    place = where(clause.text, clause.world, path=False)
    text = place.text.cut()
    low = text.low
    if re.match(r"(?:sync|copy|push|pull|mirror|upload|download|deploy|install|run)\b", low):
        return None
    tail: int | None = None
    if match := _LINES.search(low):
        tail = number(match[1])
        text = text.blank(match.start(), match.end())
        if not tail or tail > 1_000_000:
            return asks("How many lines?")
    possessive = re.compile(r"'s?(?=\s)")
    text = text.sub(possessive, lambda m: " " * len(m[0]))
    services: list[str] = []
    for match in re.finditer(rf"(?<![\w.@/-]){_SERVICE}", _LOGWORDS.sub(lambda m: " " * len(m[0]), text.low)):
        word = match[0].rstrip(".")
        if word in EVERYDAY:
            return NO
        if word in ("it", "its") or not namelike(word):
            continue
        services.append(text.raw(match.start(), match.start() + len(word)))
    if len(services) > 4:
        return None
    world = clause.world
    if not services and place.on is not None:
        kind, colon, name = place.on.partition(":")
        if kind == "docker" or (not colon and "@" not in place.on):
            # A container is what prints; where its engine is, the tool knows.
            return made(call("logs", service=name or kind, tail=tail if tail != 100 else None))
        return asks(f"The logs of which service on {place.on}?")
    if not services:
        name = world.name() or (world.known.services[0] if len(world.known.services) == 1 else None)
        if name is None:
            choice = f" There are: {', '.join(world.known.services[:8])}." if world.known.services else ""
            return asks(f"The logs of which service?{choice}")
        services = [name]
    return made(*(call("logs", service=name, tail=tail if tail != 100 else None, on=place.on) for name in services))
