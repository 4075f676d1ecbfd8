"""Texts that both sides had in common: what a three-way merge needs after both have been edited."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from ..store.durable import writable

LARGEST = 1 << 20
"""Bytes of a text that is kept."""
ALL = 256 << 20
"""Bytes (compressed) of all texts of a session; then no more are taken in until `prune` finds some that are not needed."""


class Bases:
    """One session's texts by content digest, in a file of its own that goes with the session.

    Not in the snapshots' store: a pack is made for each addition there, and every save of a file would be one.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / "bases.db"
        self._waiting: dict[bytes, bytes] = {}

    def add(self, contents: Mapping[bytes, bytes]) -> None:
        """Have these kept with the next `save`; what is no text, or too large, is left out."""
        self._waiting.update({d: c for d, c in contents.items() if is_text(c)})

    @property
    def waiting(self) -> int:
        """Bytes that the next `save` writes."""
        return sum(map(len, self._waiting.values()))

    def save(self) -> None:
        """Write what was added. Where that fails (a full disk), merges lack these texts and nothing else does."""
        writable(self._file.parent)
        rows = [(digest, zlib.compress(content, 1)) for digest, content in self._waiting.items()]
        self._waiting.clear()
        try:
            with closing(self._open()) as db, db:
                (size,) = db.execute("select coalesce(sum(length(content)),0) from bases").fetchone()
                if size < ALL:
                    db.executemany("insert or ignore into bases values(?,?)", rows)
        except sqlite3.Error:
            return

    def get(self, digest: bytes) -> bytes | None:
        """The text of this digest, when it was kept."""
        if digest in self._waiting:
            return self._waiting[digest]
        if not self._file.exists():
            return None
        try:
            with closing(self._open()) as db:
                row = db.execute("select content from bases where digest=?", (digest,)).fetchone()
            return None if row is None else zlib.decompress(row[0])
        except (sqlite3.Error, zlib.error):
            return None

    def known(self) -> set[bytes]:
        """The digests of all that is kept."""
        if not self._file.exists():
            return set(self._waiting)
        try:
            with closing(self._open()) as db:
                return {row[0] for row in db.execute("select digest from bases")} | set(self._waiting)
        except sqlite3.Error:
            return set(self._waiting)

    def prune(self, needed: Iterable[bytes]) -> None:
        """Forget all but these."""
        wanted = set(needed)
        gone = [(digest,) for digest in self.known() if digest not in wanted]
        if gone:
            with closing(self._open()) as db, db:
                db.executemany("delete from bases where digest=?", gone)

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._file, timeout=5)
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=normal")
        db.execute("create table if not exists bases(digest blob primary key, content blob not null) without rowid")
        return db


def is_text(content: bytes) -> bool:
    """Whether lines of it can be merged: UTF-8 without NUL, and not large."""
    if len(content) > LARGEST or b"\0" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
