"""The nearest example, for requests that the grammar has no frame for. It may observe or ask, never change anything."""

from __future__ import annotations

from ..base import Thought


def nearest(low: str) -> Thought | None:
    return None
