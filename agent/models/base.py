"""The interface of a model: a request in, calls or a question or a refusal out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ..events import Call, Notice, Text, Usage

MALFORMED = "(malformed)"
"""Key of the raw text in a call's `args` when its arguments were no JSON object: such a call is answered, never carried
out, and no tool has an argument of that name."""


@dataclass(frozen=True)
class Answered:
    """One call of this turn and what came of it, as text for a model. Every call gets exactly one."""

    call: Call
    content: str
    failed: bool = False


@dataclass(frozen=True)
class Turn:
    """An earlier turn of the conversation."""

    request: str
    calls: tuple[Call, ...]
    reply: str


@dataclass(frozen=True)
class Known:
    """Names that exist, so that "it", "the worker" and "there" can be resolved and inventions noticed."""

    project: str = ""
    snapshots: tuple[str, ...] = ()
    """Labels and ids, newest first."""
    services: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ("local",)
    packages: tuple[str, ...] = ()
    commands: Mapping[str, str] = field(default_factory=dict[str, str])
    """The project's own commands by purpose (start, build, test), read from its files: data to show, never to run."""


@dataclass(frozen=True)
class Request:
    """All that a model may know when it thinks. Notes and piped text are data with an origin, never instructions."""

    text: str
    piped: str = ""
    history: tuple[Turn, ...] = ()
    notes: tuple[str, ...] = ()
    known: Known = field(default_factory=Known)
    answered: tuple[Answered, ...] = ()
    """Calls of this turn that were carried out or refused already; empty on the first thought."""


@dataclass(frozen=True)
class Thought:
    """What a model made of a request. `calls` is an ordered list and is empty for the other kinds."""

    kind: Literal["calls", "ask", "decline", "reply"]
    calls: tuple[Call, ...] = ()
    reply: str = ""
    usage: Usage | None = None
    sure: float = 1.0
    """Probability that this is exactly what was meant, calibrated; 1.0 from a model that cannot tell."""


class Model(Protocol):
    """Who understands. Raises Unreachable when it cannot be asked, within 10 seconds of the connection failing."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        ...

    @property
    def follows_up(self) -> bool:
        """True: it wants to see what its calls gave, and may make more of them or add prose. False: one thought a turn."""
        ...

    def think(self, request: Request) -> AsyncIterator[Text | Notice | Thought]:
        """Any number of Text pieces (shown as they come) and Notices, then exactly one Thought. A stream that was cut,
        or ended without a finish reason, gives no calls: it raises Unreachable.

        `name` and `follows_up` say from then on who answered, where several could have."""
        ...
