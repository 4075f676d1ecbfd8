"""A large content on its way in: which blocks of it are there."""

from __future__ import annotations

import os

from .hashing import BLOCK, block
from .model import DIGEST


class Partial:
    """A content that is being put together."""

    def __init__(self, fd: int, size: int, blocks: bytes) -> None:
        self.fd = fd
        self.size = size
        self.blocks = blocks
        self.have = bytearray(len(blocks) // DIGEST)
        self.sums = bytearray()
        """Block digests of what came in order from the beginning."""

    def check(self, end: int, first: int = 0) -> None:
        """Look which blocks up to byte `end` are there already."""
        for number in range(first, min(-(-end // BLOCK), len(self.have))):
            length = min(BLOCK, self.size - number * BLOCK)
            piece = os.pread(self.fd, length, number * BLOCK)
            if block(piece) == self.blocks[number * DIGEST : (number + 1) * DIGEST]:
                self.have[number] = 1

    def gaps(self) -> list[tuple[int, int]]:
        """The spans that are still to be sent."""
        found: list[tuple[int, int]] = []
        for number, have in enumerate(self.have):
            if have:
                continue
            at = number * BLOCK
            length = min(BLOCK, self.size - at)
            if found and sum(found[-1]) == at:
                found[-1] = (found[-1][0], found[-1][1] + length)
            else:
                found.append((at, length))
        return [gap for gap in found if gap[1]]
