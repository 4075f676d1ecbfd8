"""What a reader gets and gives, and what several readers need."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...events import Call
from .english import ordinary
from .frame import Frame
from .normalise import Text
from .tables import (
    SERVICEISH,
    SERVICES,
)
from .values import coined, context
from .world import World

COMMANDS = "{commands}"
"""In a question: stands for the project's own commands, which are known only when it is asked."""


@dataclass(frozen=True)
class Found:
    """What was read: `kind` is calls, ask or decline."""

    kind: str
    calls: tuple[Call, ...] = ()
    reply: str = ""


@dataclass(frozen=True)
class Clause:
    """A cleaned clause, the frame that matched it, and what follows the match."""

    frame: Frame
    text: Text
    rest: Text
    world: World
    head: str
    question: bool = False


def made(*calls: Call) -> Found:
    return Found("calls", calls)


def asks(reply: str) -> Found:
    return Found("ask", (), reply)


NO = Found("decline", (), "")


def quoted(raw: str) -> str:
    """Without the quotes around it, if there is a pair."""
    raw = raw.strip()
    for start, end in ("``", '""', "''", "“”", "„“", "„”", "«»", "‘’"):
        if len(raw) >= 2 and raw[0] == start and raw[-1] == end:
            return raw[1:-1].strip()
    return raw


def blanked(text: Text, pattern: str) -> Text:
    match = re.search(pattern, text.low)
    return text.blank(match.start(), match.end()) if match else text


_KINDWORDS = re.compile(
    r"^\s*(?:(?:the|my|our|that|this|a|old|running|whole|entire|back|down|all|of|from|deployment|deployments|service|services|sandbox|sandboxes|app|stack|release|version|container|application|named|called|for|on|up|previous|last|to|again|now|temporary|production)(?![\w.-])\s*)+(?=\S)"
)

_KINDTAIL = re.compile(
    r"\s+(?:deployments?|services?|sandbox(?:es)?|apps?|stack|releases?|containers?|application|instance|back|down|again|now|completely|entirely|for good|altogether|too|as well|there|to (?:the|its) (?:previous|last|prior|earlier) (?:release|version|deployment|state)|(?:to|by) (?:one|the previous) (?:release|version)|one (?:release|version))+$"
)


def names(text: Text) -> list[Text]:
    """ "the api and the worker" as the two names; nouns of kind around them are left out."""
    out: list[Text] = []
    at = 0
    for match in [*re.finditer(r"\s*(?:,|\band\b|&|\bplus\b)\s*(?:and )?", text.low), None]:
        item = text.cut(at, match.start() if match else None)
        at = match.end() if match else at
        for _ in range(3):
            if tail := _KINDTAIL.search(" " + item.low):
                item = item.cut(0, max(tail.start() - 1, 0)) if tail.start() else item.cut(0, 0)
        if lead := _KINDWORDS.match(item.low):
            item = item.cut(lead.end())
        item = item.cut(0, len(item.low.rstrip(" .,;:!?\"'`")))
        item = item.cut(len(item.low) - len(item.low.lstrip(" \"'`")))
        if item.low:
            out.append(item)
    return out


def foreign(word: str, world: World) -> bool:
    """An ordinary English word that nobody is known to have given to a service, context or snapshot here."""
    names = {*world.known.services, *world.known.snapshots, *world.known.hosts}
    return not (word in names or coined(word) or word in SERVICEISH or word in SERVICES or context(word)) and ordinary(
        word
    )


def choice(world: World) -> str:
    return f" There are: {', '.join(world.known.services[:8])}." if world.known.services else ""
