"""What the parts of the offline model give each other."""

from __future__ import annotations

from dataclasses import dataclass

from ...events import Call
from .world import World

COMMANDS = "{commands}"
"""In a question: stands for the project's own commands, which are known only when it is asked."""


@dataclass(frozen=True)
class Found:
    """What was read: `kind` is calls or ask."""

    kind: str
    calls: tuple[Call, ...] = ()
    reply: str = ""


def made(*calls: Call) -> Found:
    return Found("calls", calls)


def asks(reply: str) -> Found:
    return Found("ask", (), reply)


def quoted(raw: str) -> str:
    """Without the quotes around it, if there is a pair."""
    raw = raw.strip()
    for start, end in ("``", '""', "''", "“”", "„“", "„”", "«»", "‘’"):
        if len(raw) >= 2 and raw[0] == start and raw[-1] == end:
            return raw[1:-1].strip()
    return raw


def choice(world: World) -> str:
    return f" There are: {', '.join(world.known.services[:8])}." if world.known.services else ""
