"""The record's file: opened, made, migrated, and replaced when it is damaged. Nothing is ever deleted."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from .base import MemoryBusy, MemoryFault, Warn

T = TypeVar("T")
WAIT = 5.0
"""Seconds that another process may hold the record before one gives up."""
MARK = 0x456E764D
"""SQLite's application_id of our files (`EnvM`): another program's database is never taken for ours."""

# Each script takes the schema one version up; user_version counts how many were applied. Never edit one that shipped.
MIGRATIONS = (
    """
    create table notes(
      id integer primary key autoincrement, at text not null, project text not null, host text not null,
      kind text not null, origin text not null, text text not null, data text not null);
    create unique index one_fact on notes(project, host, text) where kind = 'fact';
    create index by_project on notes(project, kind, id);
    create virtual table words using fts5(text, content='notes', content_rowid='id', tokenize='porter unicode61');
    create trigger note_added after insert on notes begin
      insert into words(rowid, text) values (new.id, new.text); end;
    create trigger note_gone after delete on notes begin
      insert into words(words, rowid, text) values ('delete', old.id, old.text); end;
    """,
    """
    create table vectors(
      note integer not null references notes(id) on delete cascade, embedder text not null, vector blob not null,
      primary key (note, embedder)) without rowid;
    create table meta(key text primary key, value text not null);
    """,
)
COLUMNS = "id, text, kind, origin, at, project, host, data"
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


_UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged file raises; the second comes from the text of SQLite's own messages."""


class _Foreign(sqlite3.DatabaseError):
    """The file is a database of another program."""


class File:
    """A connection that opens itself at the first use, and again when the file was replaced.

    A file that is damaged, or none of ours, is moved aside as `*.damaged-TIME`, what can be read of it is copied into a
    new one, and `warn` is told. Every method raises MemoryFault, and MemoryBusy when others hold it over `wait` seconds.
    """

    def __init__(self, path: Path, warn: Warn, wait: float) -> None:
        self.path = path
        self._warn = warn
        self._wait = wait
        self._db: sqlite3.Connection | None = None
        self._inode = 0

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._guarded(work)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def transaction(db: sqlite3.Connection) -> T:
            db.execute("begin immediate")
            try:
                done = work(db)
                db.execute("commit")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("rollback")
                raise
            return done

        return self._guarded(transaction)

    def _guarded(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do it; once more after a damaged file was replaced. SQLite's errors become ours."""
        for attempt in (1, 2):
            try:
                return work(self._live())
            except UnicodeDecodeError as error:  # also of names and messages, when the schema itself is damaged
                if attempt == 2:
                    raise MemoryFault(f"{self.path} holds what is no text.", "Pass --no-memory.") from error
                self._replace(error)
            except sqlite3.Error as error:
                if attempt == 1 and _damaged(error):
                    self._replace(error)
                    continue
                raise _fault(error, self.path, self._wait) from error
            except OSError as error:
                raise MemoryFault(
                    f"Memory cannot be opened: {error}", f"Make {self.path.parent} writable, or pass --no-memory."
                ) from error
        raise AssertionError("unreachable")

    def _live(self) -> sqlite3.Connection:
        """The open connection. A file that another process replaced, or somebody deleted, is opened anew."""
        if self._db is not None:
            with suppress(FileNotFoundError):
                if self.path.stat().st_ino == self._inode:
                    return self._db
            self.close()
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._inode = self.path.stat().st_ino
        db = sqlite3.connect(self.path, timeout=self._wait, isolation_level=None, check_same_thread=False)
        try:
            db.execute("pragma foreign_keys = on")
            db.execute("pragma secure_delete = on")
            if _version(db) != (MARK, len(MIGRATIONS)):
                with _alone(self.path, self._wait):
                    _migrate(db, self.path)
        except BaseException:
            db.close()
            raise
        self._db = db
        return db

    def _replace(self, error: Exception) -> None:
        """Move the file aside and copy what can be read of it into a new one."""
        with suppress(FileNotFoundError):
            self.close()
            with _alone(self.path, self._wait):
                if self.path.stat().st_ino != self._inode:
                    return  # another process has done it
                _refuse_newer(self.path)
                kept = self.path.with_name(f"{self.path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}")
                for tail in ("-wal", "-shm", ""):
                    with suppress(FileNotFoundError):
                        self.path.with_name(self.path.name + tail).rename(kept.with_name(kept.name + tail))
            saved = self._copy_from(kept)
            self._warn(
                f"The memory file was damaged ({error}). It is kept as {kept}; "
                f"{saved} of its notes were read back into a new one."
            )

    def _copy_from(self, kept: Path) -> int:
        rows = _salvage(kept)
        sql = f"insert or ignore into notes({COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 (constant text)
        self.write(lambda db: db.executemany(sql, [rows[id] for id in sorted(rows)]))
        return len(rows)


def _version(db: sqlite3.Connection) -> tuple[int, int]:
    mark = db.execute("pragma application_id").fetchone()
    version = db.execute("pragma user_version").fetchone()
    return int(mark[0]), int(version[0])


def _migrate(db: sqlite3.Connection, file: Path) -> None:
    mark, version = _version(db)
    if mark != MARK and db.execute("select count(*) from sqlite_master").fetchone()[0]:
        raise _Foreign("it is another program's database")
    if version > len(MIGRATIONS):
        raise _newer(file, version)
    db.execute("pragma journal_mode = wal")
    for number in range(version, len(MIGRATIONS)):
        steps = f"pragma application_id = {MARK}; pragma user_version = {number + 1};"
        try:
            db.executescript(f"begin immediate; {MIGRATIONS[number]} {steps} commit;")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                db.execute("rollback")
            raise


def _newer(file: Path, version: int) -> MemoryFault:
    return MemoryFault(
        f"{file} was written by a newer EnvSync (format {version}, this one knows {len(MIGRATIONS)}).",
        "Update EnvSync, or pass --no-memory.",
    )


def _refuse_newer(file: Path) -> None:
    """Raises MemoryFault when the file only looks damaged because a newer EnvSync has changed its format meanwhile."""
    mark = version = 0
    with suppress(*_UNREADABLE), closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as db:
        mark, version = _version(db)
    if mark == MARK and len(MIGRATIONS) < version < 1000:  # a damaged header reads as any number
        raise _newer(file, version)


@contextmanager
def _alone(file: Path, wait: float) -> Generator[None]:
    """One process at a time makes, migrates or replaces the file. Raises MemoryBusy after `wait` seconds."""
    with file.with_suffix(".lock").open("a") as lock:
        until = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise _busy(file, wait) from None
                time.sleep(0.02)
        yield  # closing the file lets the lock go


def _damaged(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return isinstance(error, _Foreign) or "Could not decode" in str(error)
    missing = code == sqlite3.SQLITE_ERROR and str(error).startswith(("no such table", "no such column", "malformed"))
    return code & 0xFF in _DAMAGED or code == sqlite3.SQLITE_IOERR_SHORT_READ or missing


def _busy(file: Path, wait: float) -> MemoryBusy:
    return MemoryBusy(
        f"Another process has held the memory {file} for over {wait:g} s.",
        "Close the other EnvSync that is writing, and ask again; --no-memory works without it.",
    )


def _fault(error: sqlite3.Error, file: Path, wait: float) -> MemoryFault:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _busy(file, wait)
    if code == sqlite3.SQLITE_FULL:
        return MemoryFault(
            "The disk is full: this was not remembered.", "Free some space; nothing kept before is lost."
        )
    hint = f"Look at {file}, or pass --no-memory."
    if "fts5" in str(error):
        hint = "This Python's SQLite lacks FTS5: use another Python, or pass --no-memory."
    return MemoryFault(f"Memory cannot be used: {error}.", hint)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


_GAP = 20_000
"""So many ids without a row end a salvage; asking for one takes 3 µs."""


def _salvage(file: Path) -> dict[int, tuple[str, ...]]:
    """Every row of `notes` that can still be read, by id. The file is opened read-only and stays as it is."""
    rows: dict[int, tuple[str, ...]] = {}
    with suppress(*_UNREADABLE), closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as db:
        db.execute("pragma writable_schema = on")  # a damaged line of the schema hides the others no longer
        db.text_factory = _text
        for order in ("asc", "desc"):
            with suppress(*_UNREADABLE):
                for row in db.execute(f"select {COLUMNS} from notes not indexed order by id {order}"):  # noqa: S608 (constant text)
                    if int(row[0]) in rows:
                        break
                    rows[int(row[0])] = tuple(row)
        # Then each id is looked for by itself, until none has come for long: damage cuts both walks short, and what
        # a damaged page gives for an id bounds nothing.
        id = last = 0
        while id - last < _GAP:
            id += 1
            if id in rows:
                last = id
                continue
            with suppress(*_UNREADABLE):
                row = db.execute(f"select {COLUMNS} from notes where id=?", (id,)).fetchone()  # noqa: S608 (constant text)
                if row:
                    rows[id], last = tuple(row), id
    return rows
