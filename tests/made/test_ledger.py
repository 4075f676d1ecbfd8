"""The ledger: what it holds after crashes and races, and the due time that others read."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.tools.errors import Failed
from envsync.tools.made.ledger import Ledger, Made
from envsync.tools.made.owner import owner

NOW = 1_000_000.0


def a(name: str = "box", until: float | None = NOW + 100, kind: str = "container") -> Made:
    return Made(kind=kind, name=name, what="sandbox", at=NOW, until=until)


def due(state: Path) -> str:
    return (state / "made/due").read_text()


def test_reading_an_empty_ledger_makes_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert (ledger.living(), ledger.due(NOW), ledger.next()) == ([], [], None)
    assert list(tmp_path.iterdir()) == []


def test_a_name_lives_once_and_is_free_again_when_it_is_gone(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first = ledger.want(a())
    with pytest.raises(Failed, match="already"):
        ledger.want(a())
    ledger.want(a(kind="vm"))
    assert ledger.claim(first.id, NOW, NOW + 300, lease=False)
    ledger.gone(first.id, NOW)
    ledger.want(a())


def test_a_lease_that_was_extended_cannot_be_claimed_and_a_claimed_one_cannot_be_extended(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    made = ledger.want(a(until=NOW - 1))
    assert ledger.lease(made.id, NOW + 50)
    assert not ledger.claim(made.id, NOW, NOW + 300, lease=True)
    assert ledger.claim(made.id, NOW + 51, NOW + 300, lease=True)
    assert not ledger.lease(made.id, NOW + 999)
    assert not ledger.made(made.id)


def test_of_many_reapers_one_gets_the_claim(tmp_path: Path) -> None:
    made = Ledger(tmp_path).want(a(until=NOW - 1))
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        won = pool.starmap(_claim, [(tmp_path, made.id)] * 8)
    assert sorted(won) == [False] * 7 + [True]


def _claim(state: Path, id: str) -> bool:
    return Ledger(state).claim(id, NOW, NOW + 300, lease=True)


def test_what_cannot_be_removed_stays_and_says_why(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    made = ledger.want(a(until=NOW - 1))
    assert ledger.claim(made.id, NOW, NOW + 300, lease=True)
    ledger.stayed(made.id, "the engine is off", NOW + 60)
    (left,) = ledger.living()
    assert (left.state, left.error, left.due, left.tries) == ("ending", "the engine is off", NOW + 60, 1)
    assert due(tmp_path) == repr(NOW + 60)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(["want", "lease", "claim", "gone", "made"]), st.integers(0, 3), st.integers(-50, 50))
    )
)
def test_the_due_time_on_disk_is_that_of_the_ledger_after_any_changes(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, int, int]]
) -> None:
    state = tmp_path_factory.mktemp("state")
    ledger, known = Ledger(state), dict[int, str]()
    for verb, which, when in changes:
        id = known.get(which)
        if verb == "want" and (id is None or (line := ledger.get(id)) is None or line.state == "gone"):
            known[which] = ledger.want(a(f"box-{which}", NOW + when)).id
        elif id is not None:
            _change(ledger, verb, id, when)
    if known:
        next = ledger.next()
        assert due(state) == ("never" if next is None else repr(next))


def _change(ledger: Ledger, verb: str, id: str, when: int) -> None:
    match verb:
        case "lease":
            ledger.lease(id, NOW + when)
        case "claim":
            ledger.claim(id, NOW, NOW + 300 + when, lease=True)
        case "gone":
            ledger.gone(id, NOW)
        case _:
            ledger.made(id)


def test_hostile_50_a_kill_at_any_moment_leaves_no_machine_without_a_due_time(tmp_path: Path) -> None:
    # Whatever is in the ledger, the file says that something is due no later than that.
    context = multiprocessing.get_context("spawn")
    for round in range(6):
        state = tmp_path / str(round)
        process = context.Process(target=_work, args=(state,))
        process.start()
        while not (state / "made/due").exists():
            assert process.is_alive()
        # At another moment each time: the numbers are milliseconds of its work.
        process.join(0.002 * round)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        ledger = Ledger(state)
        next = ledger.next()
        text = due(state)
        assert next is None or (text != "never" and float(text) <= next)
        ledger.settle()
        assert due(state) == ("never" if next is None else repr(next))


def _work(state: Path) -> None:
    ledger = Ledger(state)
    for number in range(10_000):
        made = ledger.want(a(f"box-{number}", NOW + 1000 - number))
        ledger.made(made.id)
        if number % 3:
            ledger.claim(made.id, NOW, NOW + 2000, lease=False)
            ledger.gone(made.id, NOW)


def test_hostile_48_a_ledger_that_cannot_be_written_stops_what_would_be_made(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.want(a())
    (tmp_path / "made/ledger.db").write_bytes(b"not a database at all, but long enough to be read as one" * 100)
    with pytest.raises(Failed, match="ledger"):
        ledger.want(a("other"))


def test_lines_about_what_is_long_gone_are_forgotten(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for name in ("old", "new"):
        made = ledger.want(a(name, NOW if name == "old" else NOW + 40 * 86400))
        ledger.claim(made.id, NOW, NOW, lease=False)
        ledger.gone(made.id, NOW + 35 * 86400)
    with sqlite3.connect(tmp_path / "made/ledger.db") as db:
        rows = db.execute("select name from made").fetchall()
    db.close()
    assert rows == [("new",)]


def test_the_installation_has_one_id_whoever_asks_first(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        ids = set(pool.map(owner, [tmp_path / "state"] * 8))
    assert len(ids) == 1 and len(ids.pop()) == 32
    (tmp_path / "state/installation").write_text("torn")
    assert len(owner(tmp_path / "state")) == 32
