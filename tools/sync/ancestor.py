"""What both sides last agreed on, kept on disk: a whole tree, and behind it a log of what was agreed since.

A crash at any point leaves the whole tree and a prefix of the log. Losing the end of the log is harmless: what was
applied and not recorded is found equal on both sides at the next look, or is a conflict where somebody went on editing.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from ..errors import Damaged
from ..store.durable import publish, trouble, writable, write_all
from ..trees.model import Entry, Tree
from ..trees.packing import pack, pack_entries, pack_names, pack_tree, unpack, unpack_entries, unpack_names, unpack_tree

MARK = b"envsync ancestor 1\n"
BASE = "ancestor-"
LOG = "agreed-"
SMALL = 1 << 20
"""Bytes of log that are never worth a new whole tree."""


class Ancestor:
    """The agreed tree of one session, in one directory; one process at a time has it open."""

    def __init__(self, directory: Path) -> None:
        """Read it back, as empty when there is none (then nothing is made before the first `record`). Raises Damaged when
        what is there does not verify."""
        self.tree: Tree = {}
        self.begun = False
        """Whether both sides ever agreed on anything: before that, nothing can have been deleted."""
        self._directory = directory
        self._number, self._size, self._fd, self._logged, self._synced = 0, 0, -1, 0, True
        self._load()

    @property
    def mark(self) -> tuple[int, int, bool]:
        """The same for two readings of one directory only when nobody recorded anything between them."""
        return self._number, self._logged, self.begun

    def record(self, changes: Iterable[tuple[str, Entry | None]]) -> None:
        """Both sides agree on these paths now (None: on there being nothing). In the page cache when this returns, so
        that a killed process loses nothing; `sync` brings it to the disk."""
        listed = list(changes)
        for path, entry in listed:
            if entry is None:
                self.tree.pop(path, None)
            else:
                self.tree[path] = entry
        if listed or not self.begun:
            body = pack([pack_names(path for path, _ in listed), pack_entries([entry for _, entry in listed])])
            self._append(body)
            self.begun = True

    def sync(self) -> None:
        """Bring it to the disk; a log that has grown long becomes a new whole tree."""
        if self._synced:
            return
        if self._logged > max(SMALL, self._size):
            self.compact()
            return
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise trouble(error, self._directory) from None
        self._synced = True

    def compact(self) -> None:
        """Write the whole tree anew, and begin a new log."""
        body = zlib.compress(pack_tree(self.tree), 1)
        number = self._number + 1
        head = MARK + blake2b(body, digest_size=32).digest()
        writable(self._directory)
        # The name of the log follows from the tree's: one rename decides which pair counts.
        publish(self._directory, f"{BASE}{number}", head + body, replace=True)
        old = self._number
        self._shut()
        self._number, self._size, self._logged, self._synced, self.begun = number, len(body), 0, True, True
        for name in (f"{BASE}{old}", f"{LOG}{old}"):
            with suppress(OSError):
                os.unlink(self._directory / name)

    def close(self) -> None:
        """Bring it to the disk and let go."""
        self.sync()
        self._shut()

    def _load(self) -> None:
        numbers = sorted(
            int(p.name.removeprefix(BASE)) for p in self._directory.glob(f"{BASE}*") if p.name[-1].isdigit()
        )
        if numbers:
            self._number = numbers[-1]
            raw = (self._directory / f"{BASE}{self._number}").read_bytes()
            digest, body = raw[len(MARK) : len(MARK) + 32], raw[len(MARK) + 32 :]
            if not raw.startswith(MARK) or blake2b(body, digest_size=32).digest() != digest:
                raise Damaged(
                    f"the record of what both sides agreed on does not verify: {self._directory}",
                    "End this sync session and begin it anew: nothing is deleted then, and what differs is a conflict.",
                )
            self.tree, self._size, self.begun = unpack_tree(zlib.decompress(body)), len(body), True
        self._replay(self._directory / f"{LOG}{self._number}")
        for path in (*self._directory.glob(f"{BASE}*"), *self._directory.glob(f"{LOG}*")):
            if not path.name.endswith(f"-{self._number}"):
                with suppress(OSError):
                    path.unlink()

    def _replay(self, log: Path) -> None:
        """Take in the log up to its first record that is not whole; cut the rest off."""
        try:
            raw = log.read_bytes()
        except FileNotFoundError:
            return
        at = 0
        while at + 8 <= len(raw):
            size, check = int.from_bytes(raw[at : at + 4], "little"), int.from_bytes(raw[at + 4 : at + 8], "little")
            body = raw[at + 8 : at + 8 + size]
            if len(body) < size or zlib.crc32(body) != check:
                break
            try:
                names, entries = unpack(body)
                pairs = list(zip(unpack_names(names), unpack_entries(entries), strict=True))
            except (Damaged, ValueError):
                break
            for path, entry in pairs:
                if entry is None:
                    self.tree.pop(path, None)
                else:
                    self.tree[path] = entry
            self.begun = True
            at += 8 + size
        self._logged = at
        if at < len(raw):
            os.truncate(log, at)

    def _append(self, body: bytes) -> None:
        frame = len(body).to_bytes(4, "little") + zlib.crc32(body).to_bytes(4, "little") + body
        try:
            if self._fd < 0:
                writable(self._directory)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._fd = os.open(self._directory / f"{LOG}{self._number}", flags, 0o600)
            write_all(self._fd, frame)
        except OSError as error:
            # Half a record would hide all after it.
            with suppress(OSError):
                os.truncate(self._directory / f"{LOG}{self._number}", self._logged)
            raise trouble(error, self._directory) from None
        self._logged += len(frame)
        self._synced = False

    def _shut(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
