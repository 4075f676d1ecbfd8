"""The offline model first, and a large one for what it is not sure of."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Protocol

from ...tools.errors import Unreachable
from ...tools.risk import Risk
from ..config import AUTO
from ..events import Notice, Text
from .base import Model, Request, Thought

SURE = 0.8
"""How sure the offline model must be that it has got exactly what was meant, every argument included. Measured on
evals/cases/dev.jsonl: 76 % of the requests stay, 97 % of them are right; with 0.85 it is 61 % and 98 %."""
LONG = 1_000
"""Characters of a request that is not simple any more."""
HOLD = 15.0
"""Seconds in which a large model that could not be reached is not asked again."""


class Offline(Model, Protocol):
    """A model that can also say at once what it makes of a request."""

    def understand(self, request: Request) -> Thought:
        """What `think` yields, at once and without leaving the machine."""
        ...


class Router:
    """Implements Model over two: a request leaves the machine only when the offline model is not sure of it or it is not simple.

    When the large one cannot be reached, what the offline one understands and what can be undone is answered by that.
    A turn that a model began is its own to the end.
    """

    def __init__(self, offline: Offline, large: Model, where: str = "") -> None:
        """`where` names the large one and its place, for a person."""
        self.offline = offline
        self.large = large
        self._where = where or large.name
        self._by: Model | None = None
        self._down: tuple[float, Unreachable] | None = None

    @property
    def name(self) -> str:
        """Who answered last; `auto` before that."""
        return self._by.name if self._by else AUTO

    @property
    def follows_up(self) -> bool:
        """Of the one that answered last."""
        return self._by is not None and self._by.follows_up

    async def think(self, request: Request) -> AsyncIterator[Text | Notice | Thought]:
        """See Model.think."""
        if request.answered:
            # Only the large one wants to see what its calls gave.
            self._by = self.large
            async for piece in self.large.think(request):
                yield piece
            return
        thought = self.offline.understand(request)
        if stays(request, thought):
            self._by = self.offline
            yield thought
            return
        self._by = self.large
        try:
            if self._down and time.monotonic() < self._down[0]:
                raise self._down[1]
            self._down = None
            yield Notice(f"asking {self._where}")
            async for piece in self.large.think(request):
                yield piece
        except Unreachable as error:
            self._down = self._down or (time.monotonic() + HOLD, error)
            if not instead(thought):
                raise _worse(error, thought) from None
            self._by = self.offline
            yield Notice(f"{error.what}: answered offline instead")
            yield thought


def stays(request: Request, thought: Thought) -> bool:
    """Whether the offline model's thought is the answer: the request is short and nothing was piped in, which it does not
    read; it is sure; and it makes one call, or several that only look or are taken back without a trace, and left nothing
    out. A question and a refusal that it is sure of are answers too."""
    if request.piped or len(request.text) > LONG or thought.sure < SURE or thought.kind == "reply":
        return False
    simple = len(thought.calls) == 1 or max(risks(thought), default=Risk.R0) <= Risk.R1
    return thought.kind != "calls" or (simple and not thought.reply)


def instead(thought: Thought) -> bool:
    """Whether it answers when the large model cannot: a question does, and calls that can be undone."""
    return thought.kind == "ask" or (thought.kind == "calls" and max(risks(thought), default=Risk.R4) <= Risk.R2)


def risks(thought: Thought) -> list[Risk]:
    """Of its calls, by their words alone."""
    from .offline.model import risk

    return [risk(call) for call in thought.calls]


def _worse(error: Unreachable, thought: Thought) -> Unreachable:
    """What to do where not even the offline model can answer."""
    if thought.kind != "calls":
        return error
    tools = ", ".join(dict.fromkeys(f"`envsync {call.tool}`" for call in thought.calls))
    return Unreachable(error.what, f"{error.hint} Or type the command, which needs no model: {tools}.".strip())
