"""The ledger: every machine and deployment that EnvSync makes is written here before it exists, and struck off after it is gone.

Only the standard library is used: the reaper that sleeps beside the user's work has little else in memory.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import Failed

FOLDER = "made"
NEVER = "never"
KEPT = 30 * 86400.0
"""Seconds that a line about what is gone is kept."""
SCHEMA = """
create table if not exists made(
  id text primary key, kind text not null, name text not null, what text not null, state text not null,
  at real not null, until real, due real, place text not null, data text not null, error text not null, tries integer not null);
create unique index if not exists living on made(kind, name) where state != 'gone';
"""
_COLUMNS = "id,kind,name,what,state,at,until,due,place,data,error,tries"


@dataclass(frozen=True)
class Made:
    """One line. Times are seconds since 1970, as the clock of this machine has them."""

    kind: str
    """A key of `kinds.KINDS`."""
    name: str
    """As people write it; unique among what lives of one kind."""
    what: str
    """In words, e.g. `sandbox of debian:12 with python`."""
    at: float
    until: float | None = None
    """When its lease ends; None for what has none."""
    place: str = ""
    """Where it is, as its kind needs it, e.g. the engine's address."""
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = "wanted"
    """wanted (it may or may not exist), made, ending (being removed) or gone."""
    due: float | None = None
    """When the reaper looks at it next."""
    error: str = ""
    """Why it could not be removed the last time."""
    tries: int = 0


class Ledger:
    """The lines in one SQLite file; a change is on disk when its call returns. Raises Failed when it cannot be used."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER
        self._file = self.folder / "ledger.db"

    # -- Reading: makes nothing ----------------------------------------------------------------------------------

    def living(self) -> list[Made]:
        """All that is not gone, in the order in which it was made."""
        return self._read("where state != 'gone' order by at, name")

    def find(self, name: str, kind: str | None = None) -> list[Made]:
        """What lives under exactly this name: one at most of each kind."""
        return [made for made in self.living() if made.name == name and kind in (None, made.kind)]

    def get(self, id: str) -> Made | None:
        """The line with this id, gone or not."""
        return next(iter(self._read("where id=?", (id,))), None)

    def due(self, now: float) -> list[Made]:
        """What the reaper must look at, the longest overdue first."""
        return self._read("where state != 'gone' and due <= ? order by due", (now,))

    def next(self) -> float | None:
        """When something is due next; None when nothing is."""
        times = [made.due for made in self.living() if made.due is not None]
        return min(times, default=None)

    # -- Writing -------------------------------------------------------------------------------------------------

    def want(self, made: Made) -> Made:
        """Write down what is about to be made. Raises Failed when the name lives already."""
        made = replace(made, state="wanted", due=made.until)
        try:
            self._change(
                f"insert into made({_COLUMNS}) values(?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    made.id, made.kind, made.name, made.what, made.state, made.at, made.until, made.due, made.place,
                    json.dumps(made.data), made.error, made.tries,
                ),
            )  # fmt: skip
        except sqlite3.IntegrityError:
            raise Failed(f"there is a {made.kind} {made.name!r} already", "Choose another name.") from None
        return made

    def made(self, id: str, what: str = "") -> bool:
        """It exists now. False when it was taken away meanwhile."""
        return self._change(
            "update made set state='made', what=case ? when '' then what else ? end where id=? and state in ('wanted','made')",
            (what, what, id),
        )

    def lease(self, id: str, until: float) -> bool:
        """Give it a lease that ends then. False when it is being removed already: whoever comes first wins."""
        return self._change(
            "update made set until=?, due=? where id=? and state in ('wanted','made')", (until, until, id)
        )

    def claim(self, id: str, now: float, again: float, lease: bool) -> bool:
        """Take it for removal; True for one caller. Should that one die, it is due again at `again`.

        With `lease` only if its lease has ended: False for one that was extended meanwhile.
        """
        ended = "and due <= ? and (until is null or until <= ?)" if lease else "and ? = ?"
        values = (again, id, now, now) if lease else (again, id, 0, 0)
        return self._change(
            f"update made set state='ending', due=?, tries=tries+1 where id=? and state != 'gone' {ended}",  # noqa: S608  # ours
            values,
        )

    def stayed(self, id: str, why: str, again: float) -> None:
        """It could not be removed; try again then."""
        self._change("update made set error=?, due=? where id=? and state='ending'", (why[:500], again, id))

    def gone(self, id: str, now: float) -> None:
        """It does not exist any more."""
        self._change("update made set state='gone', due=null, error='' where id=?", (id,))
        self._change(
            "delete from made where state='gone' and at < ? and (until is null or until < ?)", (now - KEPT,) * 2
        )

    # -- The file ------------------------------------------------------------------------------------------------

    def _read(self, where: str, values: Sequence[object] = ()) -> list[Made]:
        if not self._file.exists():
            return []
        with self._open() as db:
            rows = db.execute(f"select {_COLUMNS} from made {where}", tuple(values)).fetchall()  # noqa: S608  # ours
        names = _COLUMNS.split(",")
        lines = [dict(zip(names, row, strict=True)) for row in rows]
        return [Made(**{**line, "data": json.loads(line["data"])}) for line in lines]

    def _change(self, sql: str, values: Sequence[object]) -> bool:
        """One change; True when it met a line. The due time is never later on disk than what the ledger holds."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._open(write=True) as db:
            met = db.execute(sql, tuple(values)).rowcount > 0
            self._say(db, only_earlier=True)
        with self._open(write=True) as db:
            self._say(db, only_earlier=False)
        return met

    def settle(self) -> None:
        """Write the due time anew."""
        if self._file.exists():
            with self._open(write=True) as db:
                self._say(db, only_earlier=False)

    def _say(self, db: sqlite3.Connection, only_earlier: bool) -> None:
        """Write when something is due next, for who must not open the ledger to know. Called inside a transaction."""
        path = self.folder / "due"
        (next,) = db.execute("select min(due) from made where state != 'gone'").fetchone()
        try:
            known = path.read_text()
        except FileNotFoundError:
            known = ""
        text = NEVER if next is None else repr(float(next))
        if text == known or (only_earlier and not _earlier(text, known)):
            return
        part = path.with_name(f".due.{secrets.token_hex(4)}")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    @contextmanager
    def _open(self, write: bool = False) -> Generator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._file, timeout=10, isolation_level=None)) as db:
                with suppress(OSError):
                    self._file.chmod(0o600)
                # FULL: what exists without a line here after a power cut would never be removed.
                db.execute("pragma synchronous=full")
                db.executescript(SCHEMA)
                if not write:
                    yield db
                    return
                db.execute("begin immediate")
                try:
                    yield db
                except BaseException:
                    db.execute("rollback")
                    raise
                db.execute("commit")
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.Error, OSError) as error:
            raise Failed(
                f"the ledger of what EnvSync made cannot be used: {error}",
                f"Nothing is made without it. Free some space, or look at {self._file}.",
            ) from error


def _earlier(text: str, known: str) -> bool:
    if text == NEVER:
        return False
    try:
        return float(text) < float(known)
    except ValueError:
        return True
