"""The journal: what was meant, begun, done and taken back, written before and after every step."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from .contract import StepRecord
from .errors import Failed
from .plan import Data, Plan, Step
from .secret_shapes import secret_name

SCHEMA = """
create table if not exists transactions(
  id integer primary key autoincrement, at text not null, tool text not null, host text not null, path text not null,
  plan text not null, digest text not null, words text not null, snapshot text, state text not null, error text not null);
create table if not exists entries(
  seq integer primary key autoincrement, tx integer not null references transactions(id), step integer not null,
  at text not null, does text not null, state text not null, data text not null, error text not null);
create index if not exists by_tx on entries(tx);
"""


class Record(Data):
    """One transaction as the journal has it. `state` is open, or one of Outcome's."""

    id: int
    at: datetime
    plan: Plan
    words: str = ""
    snapshot: str | None = None
    """Taken before the first step; None when the plan captures nothing."""
    state: str
    error: str = ""
    steps: tuple[StepRecord, ...] = ()
    """The last known state of each step that was begun, in the order of the plan."""


class Journal:
    """An append-only record in SQLite, one file for all projects; a write is on disk when its call returns.

    Every string that goes in passes `redact` first. Raises Failed when it cannot be written: then nothing may be changed.
    """

    def __init__(self, directory: Path, redact: Callable[[str], str] = str) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = directory / "journal.db"
        self._redact = redact
        with self._open() as db:
            db.executescript(SCHEMA)

    def begin(self, plan: Plan, words: str = "") -> int:
        """Write the plan down; returns the transaction's number. Numbers order transactions, times do not."""
        body = json.dumps(_clean(plan.model_dump(mode="json"), self._redact))
        with self._open() as db:
            row = db.execute(
                "insert into transactions(at,tool,host,path,plan,digest,words,state,error) values(?,?,?,?,?,?,?,'open','')",
                (_now(), plan.tool, plan.host, plan.path, body, plan.digest, self._text(words)),
            )
            return int(row.lastrowid or 0)

    def captured(self, id: int, snapshot: str) -> None:
        """The snapshot that precedes the first step is complete."""
        with self._open() as db:
            db.execute("update transactions set snapshot=? where id=?", (snapshot, id))

    def record(self, id: int, step: StepRecord) -> None:
        """Append what is now known of a step."""
        data = json.dumps(_clean(step.data, self._redact))
        with self._open() as db:
            db.execute(
                "insert into entries(tx,step,at,does,state,data,error) values(?,?,?,?,?,?,?)",
                (id, step.index, _now(), self._text(step.does), step.state, data, self._text(step.error)),
            )

    def end(self, id: int, state: str, error: str = "") -> None:
        """The transaction is over."""
        with self._open() as db:
            db.execute("update transactions set state=?, error=? where id=?", (state, self._text(error), id))

    def get(self, id: int) -> Record:
        """One transaction. Raises KeyError."""
        for record in self._read("where id=?", (id,)):
            return record
        raise KeyError(id)

    def recent(self, limit: int = 20, *, host: str | None = None, path: str | None = None) -> list[Record]:
        """The newest transactions first, of one environment or of all."""
        return list(
            self._read(
                "where (?1 is null or host=?1) and (?2 is null or path=?2) order by id desc limit ?3",
                (host, path, limit),
            )
        )

    def open_ones(self, host: str, path: str) -> list[Record]:
        """Transactions of an environment that never ended, oldest first. With its lock held, their processes are dead."""
        return list(self._read("where state='open' and host=? and path=? order by id", (host, path)))

    def _text(self, text: str) -> str:
        """Redacted, and storable: a file name that is no UTF-8 arrives as lone surrogates, which SQLite refuses."""
        return self._redact(text).encode("utf-8", "backslashreplace").decode("utf-8")

    def _read(self, where: str, values: tuple[object, ...]) -> Iterator[Record]:
        with self._open() as db:
            rows = db.execute(
                f"select id,at,plan,words,snapshot,state,error from transactions {where}",  # noqa: S608  # `where` is ours
                values,
            ).fetchall()
            for id, at, plan, words, snapshot, state, error in rows:
                entries = db.execute("select step,does,state,data,error from entries where tx=? order by seq", (id,))
                last = {
                    step: StepRecord(index=step, does=does, state=state, data=json.loads(data), error=why)
                    for step, does, state, data, why in entries
                }
                yield Record(
                    id=id,
                    at=datetime.fromisoformat(at),
                    plan=Plan.model_validate(json.loads(plan)),
                    words=words,
                    snapshot=snapshot,
                    state=state,
                    error=error,
                    steps=tuple(last[index] for index in sorted(last)),
                )

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._file, timeout=5)) as db:
                db.execute("pragma journal_mode=wal")
                # FULL: an intent that is not on disk before its step would be of no use after a power cut.
                db.execute("pragma synchronous=full")
                with db:
                    yield db
        except sqlite3.Error as error:
            raise Failed(
                f"the journal cannot be used: {error}",
                f"Nothing is changed without it. Free some space, or look at {self._file} (`envsync doctor`).",
            ) from error


def undo(record: Record) -> list[Step]:
    """The steps that take back what is known of a transaction, besides its tree: inverses, the newest step's first.

    Each has what it takes back as its own inverse, so that the undoing can be undone. The tree is put back by restoring
    `record.snapshot`; a step that is neither covered nor has an inverse cannot be taken back, and the caller says so.
    """
    begun = {step.index for step in record.steps if step.state in ("intent", "done", "failed", "stuck")}
    return [back for index in sorted(begun, reverse=True) for back in _flipped(record.plan.steps[index])]


def _flipped(step: Step) -> list[Step]:
    bare = [back.model_copy(update={"inverse": ()}) for back in step.inverse]
    again = step.model_copy(update={"inverse": tuple(bare), "covered": False, "after": None})
    return [back.model_copy(update={"inverse": (again,)}) for back in bare]


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _clean(value: JsonValue, redact: Callable[[str], str]) -> JsonValue:
    match value:
        case str():
            return redact(value)
        case list():
            return [_clean(item, redact) for item in value]
        case dict():
            return {
                key: f"[redacted:{key}]" if isinstance(item, str) and secret_name(key) else _clean(item, redact)
                for key, item in value.items()
            }
        case _:
            return value
