"""The list of conversations: one SQLite file beside LangGraph's checkpoints, readable without LangGraph."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..tools.errors import Failed, Usage
from .config import Settings, state_directory

KEPT = 200
"""Sessions that are kept; the oldest go first."""
WAIT = 5.0
"""Seconds that another process may hold the file."""
TITLE = 60
"""Characters of a title."""
SCHEMA = """
create table if not exists sessions(
  id text primary key, seq integer not null, title text not null, project text not null, host text not null,
  created text not null, updated text not null, turns integer not null default 0, model text not null default '',
  waiting integer not null default 0, acting text not null default '');
create table if not exists said(what text primary key);
"""


@dataclass(frozen=True)
class Info:
    """One conversation in the list."""

    id: str
    title: str
    project: str
    host: str
    updated: datetime
    turns: int
    model: str
    waiting: bool
    """A plan was shown and not answered."""


class Sessions:
    """The file `STATE/sessions.db`. Raises sqlite3.Error as SQLite does; the functions below make messages of it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(file, timeout=WAIT, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=normal")
            self._db.executescript(SCHEMA)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    def add(self, project: str, host: str) -> str:
        """A new conversation; returns its id. The oldest beyond KEPT are deleted."""
        id, now = _id(), _now()
        with self._transaction() as db:
            db.execute(
                "insert into sessions(id,seq,title,project,host,created,updated) "
                "values(?,(select coalesce(max(seq),0)+1 from sessions),'',?,?,?,?)",
                (id, project, host, now, now),
            )
            old = db.execute("select id from sessions order by seq desc limit -1 offset ?", (KEPT,)).fetchall()
            for (gone,) in old:
                self._drop(gone)
        return id

    def all(self) -> list[Info]:
        """Every conversation with at least one turn, the latest first."""
        rows = self._db.execute(
            "select id,title,project,host,updated,turns,model,waiting from sessions "
            "where turns>0 or waiting=1 or acting<>'' order by seq desc"
        )
        return [
            Info(id, name, project, host, datetime.fromisoformat(at), turns, model, bool(waiting))
            for id, name, project, host, at, turns, model, waiting in rows
        ]

    def touched(self, id: str, *, words: str, turns: int, model: str, waiting: bool) -> None:
        """A turn ended, or waits: the conversation is the latest now, and has a title from its first words."""
        with self._transaction() as db:
            db.execute(
                "update sessions set seq=(select max(seq)+1 from sessions), updated=?, turns=?, model=?, waiting=?, "
                "acting='', title=case when title='' then ? else title end where id=?",
                (_now(), turns, model, int(waiting), title(words), id),
            )
            # A checkpoint is complete in itself: the last one is all that going on needs.
            for table in ("writes", "checkpoints"):
                with suppress(sqlite3.OperationalError):  # LangGraph makes its tables with its first checkpoint
                    db.execute(
                        f"delete from {table} where thread_id=?1 and checkpoint_id<>"  # noqa: S608  # two constants
                        "(select max(checkpoint_id) from checkpoints where thread_id=?1)",
                        (id,),
                    )

    def acting(self, id: str, what: dict[str, Any]) -> None:
        """Something is about to be carried out. On disk before it is, so that an approval is never used twice."""
        self._db.execute("pragma synchronous=full")
        try:
            self._db.execute("update sessions set acting=?, waiting=0 where id=?", (json.dumps(what), id))
        finally:
            self._db.execute("pragma synchronous=normal")

    def interrupted(self, id: str) -> dict[str, Any] | None:
        """What was being carried out when the last process of this conversation died."""
        row = self._db.execute("select acting from sessions where id=?", (id,)).fetchone()
        return json.loads(row[0]) if row and row[0] else None

    def rename(self, id: str, to: str) -> None:
        self._db.execute("update sessions set title=? where id=?", (title(to), id))

    def delete(self, id: str) -> None:
        with self._transaction():
            self._drop(id)

    def first_time(self, what: str) -> bool:
        """True once per installation: for what is said once."""
        return self._db.execute("insert or ignore into said values(?)", (what,)).rowcount == 1

    def _drop(self, id: str) -> None:
        self._db.execute("delete from sessions where id=?", (id,))
        for table in ("writes", "checkpoints"):
            with suppress(sqlite3.OperationalError):
                self._db.execute(f"delete from {table} where thread_id=?", (id,))  # noqa: S608  # two constants
        with suppress(FileNotFoundError):
            (self.file.parent / "sessions" / f"{id}.lock").unlink()

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        self._db.execute("begin immediate")
        try:
            yield self._db
            self._db.execute("commit")
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("rollback")
            raise


def open_sessions(directory: Path, tell: Callable[[str], None]) -> Sessions | None:
    """The file, or a new one beside a damaged one, or None when it cannot be used now; `tell` is told why.

    What is lost with it are conversations. Journal, snapshots and memory are other files.
    """
    file = directory / "sessions.db"
    for again in (False, True):
        try:
            return Sessions(file)
        except sqlite3.DatabaseError as error:
            if again or not damaged(error):
                tell(f"conversations cannot be kept ({error}): this one is not. {UNAFFECTED}")
                return None
            tell(f"{put_aside(file)} {UNAFFECTED}")
        except OSError as error:
            tell(f"conversations cannot be kept ({error}): this one is not. {UNAFFECTED}")
            return None
    raise AssertionError("unreachable")


UNAFFECTED = "The journal and the snapshots are not affected."


def damaged(error: Exception) -> bool:
    """Whether SQLite says that the file is broken or none of its own; false for busy, full or read-only."""
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def put_aside(file: Path) -> str:
    """Move a damaged file away, with what belongs to it; returns what to tell the person."""
    kept = file.with_name(f"{file.name}.damaged-{time.time_ns()}")
    for tail in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            file.with_name(file.name + tail).rename(kept.with_name(kept.name + tail))
    return f"The record of conversations was damaged and is kept as {kept}; a new one was begun."


def list_sessions(settings: Settings) -> list[Info]:
    """All conversations of this user, the latest first. Raises Failed when they cannot be read."""
    with _opened(settings) as sessions:
        return sessions.all()


def rename(settings: Settings, session: str, to: str) -> None:
    """Give a conversation another title; `session` is an id, the beginning of one, or a title. Raises Usage."""
    with _opened(settings) as sessions:
        sessions.rename(find(sessions.all(), session).id, to)


def delete(settings: Settings, session: str) -> None:
    """Delete a conversation, for good; what it did stays in the journal. Raises Usage."""
    with _opened(settings) as sessions:
        sessions.delete(find(sessions.all(), session).id)


def find(known: list[Info], session: str) -> Info:
    """The one conversation meant by an id, the beginning of one, or a title. Raises Usage, naming what there is."""
    exact = [info for info in known if session in (info.id, info.title)]
    near = exact or [info for info in known if session and info.id.startswith(session)]
    if len(near) == 1:
        return near[0]
    listed = "; ".join(f"{info.id} ({info.title})" for info in (near or known)[:5])
    which = f"These exist: {listed}." if listed else "There are none yet."
    raise Usage(f"{'several sessions are' if near else 'there is no session'} {session!r}", which)


def title(words: str) -> str:
    """The first words, on one line."""
    line = " ".join(words.split())
    return line if len(line) <= TITLE else f"{line[: TITLE - 1].rsplit(' ', 1)[0]}…"


@contextmanager
def _opened(settings: Settings) -> Generator[Sessions]:
    told: list[str] = []
    sessions = open_sessions(state_directory(settings), told.append)
    if sessions is None:
        raise Failed(told[-1], "Try again; if it stays, look at the state directory with `envsync doctor`.")
    try:
        yield sessions
    except sqlite3.Error as error:
        raise Failed(f"the list of conversations cannot be used: {error}", UNAFFECTED) from error
    finally:
        sessions.close()


def _id() -> str:
    """Short enough to type; begins with a letter, so that no shell or parser takes it for a number."""
    return secrets.choice("abcdefghjkmnpqrstvwxyz") + secrets.token_hex(4)


def _now() -> str:
    return datetime.now(UTC).isoformat()
