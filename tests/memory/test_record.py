"""The record's file under damage, newer versions, other processes and kill -9."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import pytest

from envsync.memory.base import MemoryBusy, MemoryFault
from envsync.memory.events import Record
from envsync.memory.file import MARK, MIGRATIONS

P = ("/shop", "local")


def filled(directory: Path, count: int = 300) -> set[str]:
    """A closed record with facts; returns their texts."""
    record = Record(directory)
    texts = {f"fact number {n} {'x' * (n % 97)}" for n in range(count)}
    for text in texts:
        record.add(text, *P)
    record.close()
    return texts


def texts(record: Record) -> set[str]:
    return {note.text for note in record.facts(*P)}


def holds_facts(page: bytes | bytearray) -> bool:
    """Whether this page of the file is a leaf of a table (SQLite's type 13) with whole facts in it."""
    return page[0] == 13 and page.count(b"fact number ") > 3


def child(body: str, *args: object) -> subprocess.Popen[str]:
    """A process that runs `body` with the given arguments, as another EnvSync would."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(body), *map(str, args)], stdout=subprocess.PIPE, text=True
    )


def test_only_the_user_can_read_it(tmp_path: Path):
    filled(tmp_path / "memory", 1)
    assert (tmp_path / "memory").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "memory/memory.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "damage", ["header", "random pages", "cut off", "text", "empty tables", "another program's", "directory entry"]
)
def test_a_damaged_file_is_kept_aside_and_what_can_be_read_is_read_back(tmp_path: Path, damage: str):
    before = filled(tmp_path, 1500 if damage == "random pages" else 300)
    file = tmp_path / "memory.db"
    with closing(sqlite3.connect(file)) as db:
        db.execute("pragma wal_checkpoint(truncate)").fetchone()
    content = bytearray(file.read_bytes())
    chance = random.Random(7)
    if damage == "header":
        content[:100] = os.urandom(100)
    elif damage == "random pages":
        # Leaves with facts in them: what hangs below a root or an inner page that is lost cannot be read back at all.
        leaves = [
            page for page in range(len(content) // 4096) if holds_facts(content[page * 4096 : page * 4096 + 4096])
        ]
        assert len(leaves) > 40
        for page in chance.sample(leaves, 4):
            content[page * 4096 : page * 4096 + 200] = chance.randbytes(200)
    elif damage == "cut off":
        del content[len(content) // 2 // 4096 * 4096 :]
    elif damage == "text":
        content = bytearray(b"this is no database\n" * 1000)
    file.write_bytes(content)
    if damage == "empty tables":
        with sqlite3.connect(file) as db:
            db.execute("drop table vectors")
        db.close()
        record = Record(tmp_path)
        record.drop_vectors("any")
        record.close()
    elif damage == "another program's":
        file.unlink()
        with sqlite3.connect(file) as db:
            db.execute("create table theirs(a)")
        db.close()
    elif damage == "directory entry":
        file.unlink()

    said: list[str] = []
    record = Record(tmp_path, warn=said.append)
    record.add("written after the damage", *P)
    after = texts(record)
    for note in record.lexical("fact", "/shop", 500):
        assert note.text in after
    assert "written after the damage" in after
    assert after - {"written after the damage"} <= before
    kept = [path for path in tmp_path.glob("memory.db.damaged-*") if not path.name.endswith(("-wal", "-shm"))]
    record.close()
    if damage == "directory entry":
        assert not kept and not said
    elif damage == "empty tables":
        assert len(kept) == 1 and before <= after
    else:
        assert len(kept) == 1 and len(said) == 1 and str(kept[0]) in said[0]
        if damage not in ("another program's", "random pages"):  # a lost leaf may show only after the first write
            assert kept[0].read_bytes() == bytes(content)
    if damage == "random pages":
        assert len(after) > len(before) // 2, "most of it was readable"


def test_any_random_damage_never_ends_in_anything_but_working_memory(tmp_path: Path):
    chance = random.Random(11)
    filled(tmp_path / "good", 60)
    good = (tmp_path / "good/memory.db").read_bytes()
    for round in range(40):
        directory = tmp_path / str(round)
        directory.mkdir()
        content = bytearray(good)
        for _ in range(chance.choice([1, 5, 200])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        (directory / "memory.db").write_bytes(content)
        record = Record(directory)
        try:
            id = record.add("after", *P)
            record.facts(*P)
            record.lexical("fact after", "/shop", 10)
            record.newest("/shop", 10)
            assert record.get(id)
        except MemoryFault as fault:  # e.g. damage that reads as a newer format
            assert fault.hint
        record.close()


def test_hostile_56_locked_over_the_wait_is_a_clear_error_and_loses_nothing(tmp_path: Path):
    filled(tmp_path, 3)
    other = sqlite3.connect(tmp_path / "memory.db", isolation_level=None)
    other.execute("begin immediate")
    record = Record(tmp_path, wait=0.3)
    start = time.monotonic()
    with pytest.raises(MemoryBusy) as error:
        record.add("waits", *P)
    assert 0.2 < time.monotonic() - start < 2 and "--no-memory" in error.value.hint
    assert len(record.facts(*P)) == 3, "reading goes on while another writes"
    other.execute("rollback")
    other.close()
    record.add("waits", *P)
    assert len(record.facts(*P)) == 4
    record.close()


def test_a_newer_format_is_refused_and_left_as_it_is(tmp_path: Path):
    filled(tmp_path, 2)
    with sqlite3.connect(tmp_path / "memory.db") as db:
        db.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
    db.close()
    before = (tmp_path / "memory.db").read_bytes()
    record = Record(tmp_path)
    with pytest.raises(MemoryFault, match="newer EnvSync"):
        record.facts(*P)
    record.close()
    assert (tmp_path / "memory.db").read_bytes() == before


def test_a_format_that_becomes_newer_under_an_open_record_is_not_taken_for_damage(tmp_path: Path):
    record = Record(tmp_path)
    record.add("before the update", *P)
    with sqlite3.connect(tmp_path / "memory.db") as db:  # what an update might do
        db.executescript(f"alter table notes rename to memories; pragma user_version = {len(MIGRATIONS) + 1};")
    db.close()
    with pytest.raises(MemoryFault, match="newer EnvSync"):
        record.newest("/shop", 3)
    record.close()
    assert not list(tmp_path.glob("*.damaged-*"))


def test_an_older_format_is_taken_up_with_its_notes(tmp_path: Path):
    with sqlite3.connect(tmp_path / "memory.db") as db:
        db.executescript(f"{MIGRATIONS[0]} pragma application_id = {MARK}; pragma user_version = 1;")
        at = "2026-01-02T03:04:05+00:00"
        db.execute("insert into notes values (7, ?, '/shop', 'local', 'fact', 'person', 'kept since', '{}')", (at,))
    db.close()
    record = Record(tmp_path)
    [note] = record.lexical("since", "/shop", 5)
    assert (note.id, note.text) == (7, "kept since")
    record.keep_vectors("e", [(7, b"1234")])
    assert record.vectors("e", 1, [7]) == {7: b"1234"}
    record.close()


def test_forgetting_leaves_no_bytes_of_it_on_disk(tmp_path: Path):
    record = Record(tmp_path)
    record.add("a neighbour that stays", *P)
    id = record.add("the unforgettable-word-xyzzy is here", *P)
    record.keep_vectors("e", [(id, b"vector-bytes")])
    record.forget(id)
    assert record.vectors("e", 3, [id]) == {}
    record.close()
    whole = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"neighbour" in whole and b"the unforgettable-word-xyzzy is" not in whole and b"vector-bytes" not in whole


def test_secrets_under_a_key_are_redacted_too(tmp_path: Path):
    def redact(text: str) -> str:
        return text.replace('"password": "', '"password": "[redacted]') if "[redacted]" not in text else text

    record = Record(tmp_path, redact)
    id = record.add("ran it", *P, kind="turn", data={"args": {"password": "s3cret", "n": 3}, "list": [1, None, True]})
    note = record.get(id)
    assert note and note.data == {"args": {"password": "[redacted]", "n": 3}, "list": [1, None, True]}
    record.close()


def test_data_without_bounds_is_refused(tmp_path: Path):
    record = Record(tmp_path)
    with pytest.raises(MemoryFault, match="too large"):
        record.add("turn", *P, kind="turn", data={"lines": ["x" * 1000] * 2000})
    record.close()


WRITER = """
    import sys
    from pathlib import Path
    from envsync.memory.events import Record
    directory, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    record = Record(directory)
    for n in range(count):
        record.add(f"{name} {n}", "/shop", "local", kind="turn")
        print(n, flush=True)
"""


def test_processes_that_write_at_once_lose_no_note(tmp_path: Path):
    """They also race for making the file."""
    children = [child(WRITER, tmp_path / "memory", name, 60) for name in "abc"]
    for process in children:
        process.communicate(timeout=60)
        assert process.returncode == 0
    record = Record(tmp_path / "memory")
    found = {note.text for note in record.newest("/shop", 1000)}
    record.close()
    assert found == {f"{name} {n}" for name in "abc" for n in range(60)}


def test_hostile_50_killed_writer_loses_nothing_that_it_was_told_is_kept(tmp_path: Path):
    for round in range(3):
        process = child(WRITER, tmp_path, f"r{round}", 100_000)
        assert process.stdout
        told = [int(process.stdout.readline()) for _ in range(20 + round * 7)][-1]
        process.send_signal(signal.SIGKILL)
        told = max([told, *(int(line) for line in process.communicate()[0].split())])
        said: list[str] = []
        record = Record(tmp_path, warn=said.append)
        found = {note.text for note in record.newest("/shop", 100_000)}
        record.add(f"after {round}", *P)
        record.close()
        assert {f"r{round} {n}" for n in range(told + 1)} <= found and not said


def test_processes_that_meet_a_damaged_file_move_it_aside_once(tmp_path: Path):
    filled(tmp_path, 5)
    (tmp_path / "memory.db").write_bytes(b"no database " * 1000)
    children = [child(WRITER, tmp_path, name, 20) for name in "ab"]
    assert all(process.communicate(timeout=60) and process.returncode == 0 for process in children)
    record = Record(tmp_path)
    assert len(record.newest("/shop", 100)) == 40
    record.close()
    assert len([p for p in tmp_path.glob("*.damaged-*") if not p.name.endswith(("-wal", "-shm"))]) == 1


def test_a_file_that_somebody_deletes_meanwhile_is_made_again(tmp_path: Path):
    record = Record(tmp_path)
    record.add("gone with the file", *P)
    for path in tmp_path.glob("memory.db*"):
        path.unlink()
    record.add("after", *P)
    record.close()
    record = Record(tmp_path)
    assert texts(record) == {"after"}
    record.close()


def test_hostile_49_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path):
    (tmp_path / "memory").write_text("a file in the way")
    record = Record(tmp_path / "memory")
    with pytest.raises(MemoryFault) as error:
        record.add("a", *P)
    assert "--no-memory" in error.value.hint
    record.close()


def test_hostile_48_full_disk_keeps_what_was_there(tmp_path: Path):
    filled(tmp_path, 20)
    record = Record(tmp_path)
    assert len(texts(record)) == 20
    record._file.read(lambda db: db.execute("pragma max_page_count = 1"))  # SQLite's own way to be full
    with pytest.raises(MemoryFault, match="disk is full"):
        for n in range(200):
            record.add(f"{n} {'y' * 4000}", *P)
    assert len(texts(record)) >= 20
    record.close()
