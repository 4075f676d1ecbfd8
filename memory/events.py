"""The record: every note in one SQLite file. It is the truth of memory; the index is made from it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from .base import Json, Kind, MemoryFault, Note, Redact, Warn, above, bounded, words
from .file import COLUMNS, WAIT, File

DATA_LIMIT = 1_000_000
"""Characters of a note's data, as JSON."""


class Record:
    """The SQLite record, blocking; used from one thread at a time. Opened at the first use.

    Several processes may write at once. A file that is damaged, or no record of ours, is moved aside as
    `*.damaged-TIME`, what can be read of it is copied into a new one, and `warn` is told; nothing is ever deleted.
    """

    def __init__(self, directory: Path, redact: Redact = str, warn: Warn = lambda _: None, wait: float = WAIT) -> None:
        self._redact = redact
        self._file = File(directory / "memory.db", warn, wait)
        self._read = self._file.read
        self._write = self._file.write

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        self._file.close()

    # -- Writing --------------------------------------------------------------------------------------------------

    def add(
        self,
        text: str,
        project: str,
        host: str,
        kind: Kind = "fact",
        origin: str = "person",
        data: Mapping[str, Json] | None = None,
    ) -> int:
        """Keep a note; on disk when this returns. See `Memory.add` for what makes it find the note that is there."""
        text = bounded(text, self._redact)
        body = json.dumps(clean(data or {}, self._redact), ensure_ascii=True, sort_keys=True)
        if len(body) > DATA_LIMIT:
            raise MemoryFault(f"A note's data is too large ({len(body):,} characters).", "Keep less with it.")

        def work(db: sqlite3.Connection) -> int:
            if kind == "fact":
                known = "select id from notes where kind='fact' and project=? and host=? and text=?"
                row = db.execute(known, (project, host, text)).fetchone()
            elif kind == "fingerprint":
                newest = "select * from notes where kind='fingerprint' and project=? order by id desc limit 1"
                same = f"select id from ({newest}) where host=? and text=? and data=?"  # noqa: S608 (constant text)
                row = db.execute(same, (project, host, text, body)).fetchone()
            else:
                row = None
            if row:
                return int(row[0])
            at = datetime.now(UTC).isoformat()
            new = "insert into notes(at, project, host, kind, origin, text, data) values (?, ?, ?, ?, ?, ?, ?)"
            return int(db.execute(new, (at, project, host, kind, origin, text, body)).lastrowid or 0)

        return self._write(work)

    def forget(self, id: int) -> None:
        """Delete a note and its vectors; SQLite overwrites what it frees."""
        self._write(lambda db: db.execute("delete from notes where id=?", (id,)))

    def keep_vectors(self, embedder: str, vectors: Iterable[tuple[int, bytes]]) -> None:
        """Keep vectors made for notes, so that an index can be made again without computing them again."""
        # A note may have been forgotten meanwhile: then there is nothing to hang the vector on.
        sql = "insert or replace into vectors select id, ?, ? from notes where id=?"
        rows = [(embedder, vector, id) for id, vector in vectors]
        self._write(lambda db: db.executemany(sql, rows))

    def drop_vectors(self, embedder: str) -> None:
        self._write(lambda db: db.execute("delete from vectors where embedder=?", (embedder,)))

    def put(self, key: str, value: str) -> None:
        self._write(lambda db: db.execute("insert or replace into meta values (?, ?)", (key, value)))

    # -- Reading --------------------------------------------------------------------------------------------------

    def meta(self, key: str) -> str:
        row = self._read(lambda db: db.execute("select value from meta where key=?", (key,)).fetchone())
        return str(row[0]) if row else ""

    def get(self, id: int) -> Note | None:
        return next(iter(self.notes([id])), None)

    def notes(self, ids: Sequence[int]) -> list[Note]:
        """These notes, in this order; unknown ids are left out."""
        marks = ",".join("?" * len(ids))
        found = {note.id: note for note in self._select(f"where id in ({marks})", list(ids))}
        return [found[id] for id in ids if id in found]

    def find(self, fact: str, project: str, host: str) -> Note | None:
        key = [project, host, bounded(fact, self._redact)]
        return next(iter(self._select("where kind='fact' and project=? and host=? and text=?", key)), None)

    def facts(self, project: str, host: str) -> list[Note]:
        """See `Memory.facts`."""
        places = above(project)
        marks = ",".join("?" * len(places))
        sql = f"where kind='fact' and project in ({marks}) and (host=? or project='') order by id desc"
        return sorted(self._select(sql, [*places, host]), key=lambda note: places.index(note.project))

    def newest(self, project: str, limit: int, kinds: Sequence[str] = ()) -> list[Note]:
        where, values = scope(project, kinds)
        return self._select(f"where {where} order by id desc limit ?", [*values, limit])

    def lexical(self, query: str, project: str, limit: int, kinds: Sequence[str] = ()) -> list[Note]:
        """Notes that share words with the query (stemmed), best first by BM25, the newer first among equals."""
        wanted = words(query)
        if not wanted:
            return []
        match = " OR ".join(f'"{word}"' for word in wanted)
        where, values = scope(project, kinds)
        sql = f"join words on words.rowid = id where words match ? and {where} order by bm25(words), id desc limit ?"
        return self._select(sql, [match, *values, limit])

    def ids(self) -> set[int]:
        """The ids of all notes."""
        return self._read(lambda db: {int(row[0]) for row in db.execute("select id from notes")})

    def vectors(self, embedder: str, dimension: int, ids: Sequence[int]) -> dict[int, bytes]:
        """The vectors kept for these notes, as 32-bit floats; one of another length is left out, to be made again."""

        def work(db: sqlite3.Connection) -> dict[int, bytes]:
            found: dict[int, bytes] = {}
            for at in range(0, len(ids), 500):
                part = ids[at : at + 500]
                sql = f"select note, vector from vectors where embedder=? and length(vector)=? and note in ({','.join('?' * len(part))})"  # noqa: S608 (marks only)
                rows = db.execute(sql, (embedder, 4 * dimension, *part))
                found.update((int(id), bytes(vector)) for id, vector in rows)
            return found

        return self._read(work)

    def scoped(self, project: str, kinds: Sequence[str] = ()) -> list[int]:
        """Ids of the notes that belong to a project, the newest first."""
        where, values = scope(project, kinds)
        sql = f"select id from notes where {where} order by id desc"  # noqa: S608 (`scope` makes constant text)
        return self._read(lambda db: [int(row[0]) for row in db.execute(sql, values)])

    def _select(self, rest: str, values: Sequence[str | int]) -> list[Note]:
        columns = ", ".join(f"notes.{name}" for name in COLUMNS.split(", "))
        sql = f"select {columns} from notes {rest}"  # noqa: S608 (constant text, values are bound)
        return self._read(lambda db: [_note(row) for row in db.execute(sql, values)])


def scope(project: str, kinds: Sequence[str]) -> tuple[str, list[str]]:
    """The SQL condition, with its values, for the notes that belong to a project. See `Memory.search`."""
    places = above(project)
    where = f"(project=? or (kind='fact' and project in ({','.join('?' * len(places))})))"
    values = [project, *places]
    if kinds:
        where += f" and kind in ({','.join('?' * len(kinds))})"
    return where, [*values, *kinds]


def clean(value: Json, redact: Redact) -> Json:
    """JSON as it is stored: every string redacted, alone and under the key it stands under."""
    if isinstance(value, str):
        return bounded(value, redact)
    if isinstance(value, Mapping):
        return {bounded(key, redact): _under(key, item, redact) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [clean(item, redact) for item in value]
    return value


def _under(key: str, value: Json, redact: Redact) -> Json:
    if (
        value is None
        or isinstance(value, bool | Mapping)
        or (isinstance(value, Sequence) and not isinstance(value, str))
    ):
        return clean(value, redact)
    if isinstance(value, str):
        value = bounded(value, redact)
    line = f"{json.dumps(key)}: {json.dumps(value)}"
    return value if redact(line) == line or redact(key) != key else "[redacted]"


def _note(row: Sequence[object]) -> Note:
    """A row as a note. A cell that a damaged disk changed costs that cell and not the note."""
    id, text, kind, origin, at, project, host, body = (str(cell) for cell in row)
    when, data = datetime.fromtimestamp(0, UTC), cast(Mapping[str, Json], {})
    with suppress(ValueError, TypeError):
        when = datetime.fromisoformat(at)
    with suppress(ValueError, TypeError):
        data = json.loads(body)
    return Note(int(id), text, cast(Kind, kind), origin, when, project, host, data)
