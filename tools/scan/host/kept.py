"""What package managers hold outside of projects, in the order in which it is told."""

from __future__ import annotations

from collections.abc import Callable

from ...equipment import Kept
from . import kept_others, kept_python, kept_system
from .base import Piece, Place

READERS: tuple[Callable[[Place], list[Kept]], ...] = (
    kept_system.apt, kept_system.apk, kept_system.pacman, kept_system.brew, kept_system.snap, kept_system.flatpak,
    kept_python.pip, kept_python.pipx, kept_python.uv,
    kept_others.npm, kept_others.others_of_node, kept_others.cargo, kept_others.gem, kept_others.go,
)  # fmt: skip
"""Adding a package manager is one function, and one word here."""


def look(place: Place) -> Piece:
    """See Kept."""
    return {"packages": tuple(kept for reader in READERS for kept in reader(place))}
