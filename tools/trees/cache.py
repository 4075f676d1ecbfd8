"""The stat cache: digests of files that have not changed since they were last read.

A file is known by path, size, mtime, ctime and inode. `utime` can set an mtime back but no call sets a ctime, so a
rewrite of the same size is noticed. Time stamps have a granularity, though: an edit in the same tick as the look would
leave them all equal. So a file whose ctime is not safely older than the look is not remembered, and is read again next
time. What "now" means is asked of the file system itself: over a network it has another clock.
"""

from __future__ import annotations

import hashlib
import os
import time
from array import array
from contextlib import suppress

from ..errors import Damaged
from .model import DIGEST
from .packing import pack, pack_names, unpack, unpack_names

FINE_NS = 50_000_000
"""How much older than the look a ctime must be; the coarsest kernel tick is 10 ms."""
COARSE_NS = 2_000_000_000
"""The same where stamps are whole seconds (FAT's are two), or the file system's own clock cannot be asked."""
FORMAT = b"trees1"


class Cache:
    """Digests by path; `file` is where they wait for the next start."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.known: dict[str, tuple[int, int, int, int, bytes]] = {}
        self.changed = False

    def load(self) -> None:
        """Read what the last process knew; a damaged or missing file means nothing is known."""
        try:
            with open(self.file, "rb") as stream:
                raw = stream.read()
            if not raw.startswith(FORMAT) or hashlib.blake2b(raw[70:]).digest() != raw[6:70]:
                return
            names, digests, *columns = unpack(raw[70:])
            paths = unpack_names(names)
            numbers: list[array[int]] = []
            for code, column in zip("QqqQ", columns):
                numbers.append(array(code))
                numbers[-1].frombytes(column)
            each = [digests[at : at + DIGEST] for at in range(0, len(digests), DIGEST)]
            self.known = dict(zip(paths, zip(*numbers, each)))
        except (OSError, Damaged, ValueError):
            self.known = {}

    def save(self) -> None:
        """Keep what is known; a failure to write only makes the next start slower."""
        if not self.changed:
            return
        rows = list(self.known.values())
        numbers = [row[:4] for row in rows]
        columns = [array(code, [row[i] for row in numbers]).tobytes() for i, code in enumerate("QqqQ")]
        body = pack([pack_names(self.known), b"".join([row[4] for row in rows]), *columns])
        temporary = f"{self.file}.{os.getpid()}"
        try:
            with open(temporary, "wb") as stream:
                stream.write(FORMAT + hashlib.blake2b(body).digest() + body)
            os.replace(temporary, self.file)
            self.changed = False
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)

    def get(self, path: str, info: os.stat_result) -> bytes | None:
        """The digest of a file that is still what it was when it was read."""
        known = self.known.get(path)
        if known is not None and (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino) == known[:4]:
            return known[4]
        return None

    def put(self, path: str, info: os.stat_result, digest: bytes, safe: int) -> None:
        """Remember a digest, when the file's ctime is before `safe` (see `Clock`)."""
        if settled(info.st_ctime_ns, safe):
            self.known[path] = (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino, digest)
            self.changed = True
        elif path in self.known:
            del self.known[path]
            self.changed = True


def settled(ctime: int, safe: int) -> bool:
    """Whether a ctime (ns) can be told from that of any edit after `safe` (see `Clock`); one of whole seconds may be coarse."""
    return ctime < safe and (ctime % 1_000_000_000 != 0 or ctime < safe - COARSE_NS)


class Clock:
    """What time it is for the file system that `probe` (a file of ours) is on."""

    def __init__(self, probe: str, near: bool) -> None:
        self.probe = probe
        self.near = near

    def safe(self) -> int:
        """Stamps before this (ns) can be told from those of any later edit."""
        if self.near:
            with suppress(OSError):
                os.utime(self.probe)
                return os.stat(self.probe).st_ctime_ns - FINE_NS
        return time.time_ns() - COARSE_NS
