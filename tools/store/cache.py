"""The stat cache: content digests of files that have not changed since they were last read.

A file is known by device, inode, size, mtime, ctime and mode. `utime` can set mtime back but not ctime, so a rewrite of
the same size with its old mtime is noticed. Time stamps have a granularity, though: an edit in the same tick as the
scan would leave them all equal. So a file whose stamps are not safely older than the scan is not remembered, and is
read again next time (what git calls racily clean).
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from itertools import repeat
from pathlib import Path

from blake3 import blake3

from .durable import TEMPORARY

MAGIC = b"ESSTAT1\n"
RACY_NS = 2_000_000_000
"""How much older than the scan stamps must be: FAT's granularity, the coarsest there is."""

Key = tuple[int, int, int, int, int, int]
"""inode, size, mtime_ns, ctime_ns, mode, device."""
Known = dict[Key, str]

_HEAD = struct.Struct("<8s32sI")


class Cache:
    """Stat caches of all roots, in one directory. Only ever a short cut: lost or damaged, it is made again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def load(self, root: Path) -> Known:
        """What is known of a root's files; empty when nothing is, or when the cache is damaged."""
        try:
            raw = self._file(root).read_bytes()
            magic, digest, n = _HEAD.unpack_from(raw)
            if magic != MAGIC or blake3(memoryview(raw)[_HEAD.size :]).digest() != digest:
                return {}
            at = _HEAD.size
            columns: list[tuple[int, ...]] = []
            for code, width in zip("QQqqIQ", (8, 8, 8, 8, 4, 8), strict=True):
                columns.append(struct.unpack_from(f"<{n}{code}", raw, at))
                at += n * width
            text = raw[at:].hex()
            return dict(zip(zip(*columns, strict=True), [text[i : i + 64] for i in range(0, 64 * n, 64)], strict=True))  # pyright: ignore[reportReturnType]  # six columns make six-tuples
        except (OSError, struct.error):
            return {}

    def save(self, root: Path, known: Known) -> None:
        """Keep this for next time. A failure to write is no error: the next scan is slower, nothing else."""
        body = b"".join(
            [
                struct.pack(f"<{len(known)}{code}", *column)
                for code, column in zip("QQqqIQ", zip(*known, strict=True) if known else repeat((), 6), strict=True)
            ]
            + [bytes.fromhex("".join(known.values()))]
        )
        file = self._file(root)
        temporary = file.with_name(f"{TEMPORARY}{os.getpid()}-{file.name}")
        with suppress(OSError):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                temporary.write_bytes(_HEAD.pack(MAGIC, blake3(body).digest(), len(known)) + body)
                os.replace(temporary, file)
            finally:
                with suppress(OSError):
                    os.unlink(temporary)

    def _file(self, root: Path) -> Path:
        return self.directory / f"{blake3(os.fsencode(root)).hexdigest()[:32]}.stat"
