"""`envsync fingerprint`: a typed call of a tool that only people call."""

from __future__ import annotations

from collections.abc import Sequence

from . import typed


def run(argv: Sequence[str]) -> int:
    """Carry it out; returns the exit code."""
    return typed.run("fingerprint", argv)
