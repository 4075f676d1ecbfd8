"""What kinds of things EnvSync makes; adding one is one file and one line here."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol

from .ledger import Made

KINDS: dict[str, str] = {
    "container": "containers",
    "vm": "machines",
    "service": "services",
}
"""Module by kind, imported when one of the kind is looked at; see Kind for what it has."""


class Kind(Protocol):
    """How one kind of thing is looked at and removed. Both only ever touch what carries this installation's mark and
    the line's own id; both raise Unreachable when its place does not answer."""

    WORD: str
    """What people call it."""

    async def alive(self, made: Made, state: Path) -> str:
        """Its state in one word (`running`, `exited`, …); empty when it does not exist."""
        ...

    async def end(self, made: Made, state: Path) -> None:
        """Remove it with all that came with it; one that is gone already is no error."""
        ...

    async def stranger(self, name: str) -> str:
        """What of this kind has this name and was not made by EnvSync, in words; empty when there is none."""
        ...


def kind(name: str) -> Kind:
    """The module of a kind. Raises KeyError."""
    return import_module(f".{KINDS[name]}", __package__)  # pyright: ignore[reportReturnType]  # a module as a protocol
