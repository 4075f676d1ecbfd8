"""Which hash names a content: BLAKE3 in the store; on another host, which may have no BLAKE3, what every Python has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

from blake3 import blake3


class Digest(Protocol):
    """A hash under way."""

    def update(self, data: bytes, /) -> object: ...

    def hexdigest(self) -> str: ...


Hash = Callable[[], Digest]
"""Makes a hash whose hex form has 64 characters."""


def stored() -> Digest:
    """As the store names contents."""
    return blake3()


def plain() -> Digest:
    """BLAKE2b of 32 bytes: as the far side names contents. Never equal to the store's name of anything."""
    return hashlib.blake2b(digest_size=32)


def of(content: bytes, hash: Hash) -> str:
    """The name of one content."""
    whole = hash()
    whole.update(content)
    return whole.hexdigest()
