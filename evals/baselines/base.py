"""A baseline: a model that answers at once, knows how large it is, and may have learnt from cases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from envsync.agent.events import Call, Text
from envsync.agent.models.base import Request, Thought


class Baseline:
    """Implements Model. A subclass gives `name`, `understand` and, where it has learnt something, `size`."""

    name = ""
    follows_up = False

    def understand(self, request: Request) -> Thought:
        raise NotImplementedError

    async def think(self, request: Request) -> AsyncIterator[Text | Thought]:
        yield self.understand(request)

    @property
    def size(self) -> int:
        """Bytes of what it keeps beside its code."""
        return 0


def thought(kind: str, calls: list[dict[str, Any]]) -> Thought:
    """The answer of a case as a thought."""
    if kind not in ("calls", "ask"):
        return Thought("decline")
    return Thought(kind, tuple(Call(call["tool"], dict(call["args"])) for call in calls) if kind == "calls" else ())
