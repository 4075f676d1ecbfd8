"""A `.git` directory as one thing: its digest, and who is at work in it."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field

from .hashing import block, unit_digest
from .model import OWN, Entry, Tree

LIMIT = 256 << 20
"""Bytes of a git index that is looked into; a larger one counts as it is."""


@dataclass
class Unit:
    """The inside of one, as last seen."""

    inside: Tree = field(default_factory=dict[str, Entry])
    locks: list[str] = field(default_factory=list[str])
    torn: bool = False
    """Files came, went or changed while it was read."""
    stamps: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Digest of what a file means, where that is less than its bytes."""

    def digest(self, exact: bool = False) -> bytes:
        """The digest of all that counts."""
        return unit_digest(
            (path, entry.kind, entry.mode if exact else entry.mode & 0o111 if entry.kind == "file" else 0,
             self.stamps.get(path, entry.digest), entry.target)
            for path, entry in self.inside.items()
            if entry.kind != "directory" or exact
        )  # fmt: skip


def is_lock(path: str) -> bool:
    """Whether this file says that a git is changing the repository."""
    name = path.rpartition("/")[2]
    return (name.endswith(".lock") and not path.startswith("hooks/")) or path == "gc.pid"


def is_passing(path: str) -> bool:
    """Whether this file is nobody's content: half-written objects, sockets of a monitor."""
    name = path.rpartition("/")[2]
    return (path.startswith("objects/") and name.startswith(("tmp_", ".tmp-"))) or name.startswith(
        ("fsmonitor--daemon", OWN)
    )


def stamp_of(folder: int, name: str, path: str, info: os.stat_result) -> bytes | None:
    """Of an index, the digest of what is staged: `git status` rewrites the stat data of this very machine in it, which
    means nothing on another. None for all other files, and for an index in a form that is not known."""
    if name != "index" or (path != "index" and not path.startswith(("worktrees/", "modules/"))) or info.st_size > LIMIT:
        return None
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    with os.fdopen(fd, "rb") as stream:
        return index_digest(stream.read())


def index_digest(raw: bytes) -> bytes | None:
    """The digest of an index's entries without times, inodes, owners and sizes (gitformat-index, versions 2 and 3,
    SHA-1); None for another form."""
    if len(raw) < 32 or raw[:4] != b"DIRC":
        return None
    version, count = struct.unpack_from(">II", raw, 4)
    if version not in (2, 3):
        return None
    at = 12
    parts: list[bytes] = []
    try:
        for _ in range(count):
            start = at
            flags = int.from_bytes(raw[at + 60 : at + 62], "big")
            at += 62
            extended = b""
            if flags & 0x4000:
                extended = raw[at : at + 2]
                at += 2
            end = raw.index(b"\0", at)
            length = flags & 0x0FFF
            if length != 0x0FFF and length != end - at:
                return None  # another hash, whose entries are longer
            parts.append(raw[start + 24 : start + 28] + raw[start + 40 : start + 62] + extended + raw[at:end] + b"\0")
            at = start + ((end - start) // 8 + 1) * 8
        while at + 8 <= len(raw) - 20:
            name, size = raw[at : at + 4], int.from_bytes(raw[at + 4 : at + 8], "big")
            if name in (b"link", b"sdir"):
                return None
            if name == b"REUC":
                parts.append(raw[at : at + 8 + size])
            at += 8 + size
        if at != len(raw) - 20:
            return None
    except ValueError:
        return None
    return block(b"".join([b"index\0", *parts]))
