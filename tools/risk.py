"""The five risk classes, in a module of their own: `--help` needs them and must not load pydantic for it."""

from __future__ import annotations

from enum import IntEnum


class Risk(IntEnum):
    """How much a call can hurt; policy reads it, tools only declare it."""

    R0 = 0
    """Observes."""
    R1 = 1
    """Local and reversible."""
    R2 = 2
    """Changes the environment; can be undone."""
    R3 = 3
    """Irreversible, remote, production, or many deletions."""
    R4 = 4
    """Never."""
