"""Content digests that can be verified in parts.

A file no larger than one block has the BLAKE2b of its content; a larger one the BLAKE2b of its blocks' digests, joined.
So a file that is put together from pieces of several sources is verified piece by piece, without reading it once more,
and large files are hashed by all cores.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from .model import DIGEST

BLOCK = 64 * 1024
"""Bytes of a block. What must be sent for a changed byte is one block; its digest costs 20 bytes for each."""
PARALLEL = 8 * BLOCK * 16
"""Files from this size on are hashed by several threads."""


def digest_of(content: bytes, algorithm: str = "blocks") -> bytes:
    """The digest of a content that is at hand."""
    if algorithm == "sha256":
        return hashlib.sha256(content).digest()[:DIGEST]
    if len(content) <= BLOCK:
        return block(content)
    return root_of(blocks_of(content))


def block(content: bytes | memoryview) -> bytes:
    """The digest of one block."""
    return hashlib.blake2b(content, digest_size=DIGEST).digest()


def blocks_of(content: bytes) -> bytes:
    """The digests of a content's blocks, joined."""
    view = memoryview(content)
    return b"".join([block(view[at : at + BLOCK]) for at in range(0, len(content), BLOCK)] or [block(b"")])


def root_of(blocks: bytes) -> bytes:
    """The digest of a file, from the joined digests of its blocks."""
    if len(blocks) == DIGEST:
        return blocks
    return hashlib.blake2b(blocks, digest_size=DIGEST, person=b"blocks").digest()


def file_blocks(fd: int) -> tuple[bytes, int]:
    """The joined block digests of an open file, and how many bytes were read. Raises OSError."""
    size = os.fstat(fd).st_size
    if size < PARALLEL:
        digests, read = _span(fd, 0, None)
        return digests or block(b""), read
    workers = min(os.cpu_count() or 1, 8)
    share = -(-size // workers // BLOCK) * BLOCK
    spans = [(at, min(at + share, size) if at + share < size else None) for at in range(0, size, share)]
    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(_span, [fd] * len(spans), *zip(*spans)))
    for (start, end), (_, read) in zip(spans, parts):
        if end is not None and read != end - start:  # it shrank meanwhile: what was read is no file that ever was
            return b"", sum([read for _, read in parts])
    return b"".join([digests for digests, _ in parts]), sum([read for _, read in parts])


def file_digest(fd: int, algorithm: str = "blocks") -> tuple[bytes, int]:
    """The digest of an open file, and how many bytes were read. Raises OSError."""
    if algorithm == "sha256":
        whole = hashlib.sha256()
        at = 0
        while chunk := os.pread(fd, 1 << 20, at):
            whole.update(chunk)
            at += len(chunk)
        return whole.digest()[:DIGEST], at
    digests, read = file_blocks(fd)
    return root_of(digests) if digests else b"\0" * DIGEST, read


def unit_digest(inside: Iterable[tuple[str, str, int, bytes, str]]) -> bytes:
    """The digest of a unit from its (path, kind, executable, digest, target) rows, in any order."""
    whole = hashlib.blake2b(digest_size=DIGEST, person=b"unit")
    for path, kind, mode, digest, target in sorted(inside):
        for part in (path, kind, "x" if mode else "-", target):
            whole.update(part.encode("utf-8", "surrogateescape") + b"\0")
        whole.update(digest + b"\n")
    return whole.digest()


def _span(fd: int, at: int, end: int | None) -> tuple[bytes, int]:
    start = at
    digests: list[bytes] = []
    while end is None or at < end:
        want = 16 * BLOCK if end is None else min(16 * BLOCK, end - at)
        chunk = os.pread(fd, want, at)
        if not chunk:
            break
        if len(chunk) % BLOCK and end is None:  # a short read may be the end, or only short
            while more := os.pread(fd, BLOCK - len(chunk) % BLOCK, at + len(chunk)):
                chunk += more
                if len(chunk) % BLOCK == 0:
                    break
        view = memoryview(chunk)
        digests += [block(view[i : i + BLOCK]) for i in range(0, len(chunk), BLOCK)]
        at += len(chunk)
    return b"".join(digests), at - start
