"""From words to one snapshot: names, times, meaning, and asking instead of guessing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.tools.contract import StepRecord
from envsync.tools.errors import EnvSyncError, Usage
from envsync.tools.journal import Record
from envsync.tools.moments.find import find
from envsync.tools.moments.meaning import best
from envsync.tools.moments.say import ago, choices, shown, title
from envsync.tools.moments.times import moment
from envsync.tools.plan import Plan, Risk, Step
from envsync.tools.store.model import Snapshot

NOW = datetime(2025, 6, 11, 15, 30, tzinfo=UTC)  # a Wednesday


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone with daylight saving: times must be read on the user's clock."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def snap(seq: int, at: datetime, id: str = "", label: str | None = None, automatic: bool = True) -> Snapshot:
    return Snapshot(
        id=id or f"s{seq}xx",
        seq=seq,
        at=at,
        label=label,
        automatic=automatic,
        path="/p",
        manifest="0",
        files=1,
        bytes=1,
    )


def done(
    id: int, summary: str, snapshot: str | None, words: str = "", tool: str = "provision", state: str = "committed"
) -> Record:
    step = Step(kind="x", does=summary, covered=True)
    return Record(
        id=id,
        at=NOW - timedelta(hours=10 - id),
        plan=Plan(tool=tool, path="/p", summary=summary, steps=(step,), risk=Risk.R2),
        words=words,
        snapshot=snapshot,
        state=state,
        steps=(StepRecord(index=0, does=summary, state="done"),),
    )


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("yesterday at noon", utc(2025, 6, 10, 10, 0)),
        ("two hours ago", utc(2025, 6, 11, 13, 30)),
        ("half an hour ago", utc(2025, 6, 11, 15, 0)),
        ("an hour and a half ago", utc(2025, 6, 11, 14, 0)),
        ("a couple of hours ago", utc(2025, 6, 11, 13, 30)),
        ("a few minutes ago", utc(2025, 6, 11, 15, 27)),
        ("this morning", utc(2025, 6, 11, 7, 0)),
        ("last week", utc(2025, 6, 4, 15, 30)),
        ("how it was yesterday at 9am", utc(2025, 6, 10, 7, 0)),
        ("back to monday 14:00", utc(2025, 6, 9, 12, 0)),
        ("2025-06-10T10:00Z", utc(2025, 6, 10, 10, 0)),
        ("2025-06-10 12:00", utc(2025, 6, 10, 10, 0)),
        ("before lunch", utc(2025, 6, 11, 10, 30)),
    ],
)
def test_time_words_are_read_on_the_users_clock(words: str, wanted: datetime) -> None:
    assert moment(words, NOW) == wanted


@pytest.mark.parametrize(("words", "day"), [("yesterday", 10), ("monday", 9), ("2025-06-09", 9), ("last friday", 6)])
def test_a_bare_day_is_its_end(words: str, day: int) -> None:
    at = moment(words, NOW)
    assert at is not None
    assert at.astimezone().strftime("%d %H:%M") == f"{day:02} 23:59"


@pytest.mark.parametrize(
    "words",
    ["before the numpy upgrade", "last", "k3f9", "v2", "12", "2", "may", "release-2", "numpy", "", "sat", "py311"],
)
def test_what_is_no_time_is_not_taken_for_one(words: str) -> None:
    assert moment(words, NOW) is None


def test_before_a_bare_day_is_the_end_of_the_day_before() -> None:
    at = moment("before yesterday", NOW)
    assert at is not None
    assert at.astimezone().strftime("%d %H:%M") == "09 23:59"


def test_hostile_54_hours_across_a_change_of_daylight_saving_are_real_hours() -> None:
    # In Berlin, 2025-03-30 02:00 became 03:00: two hours before 04:30 the clock said 01:30.
    now = utc(2025, 3, 30, 2, 30)
    assert moment("two hours ago", now) == now - timedelta(hours=2)
    assert moment("yesterday at noon", now) == utc(2025, 3, 29, 11, 0)
    assert moment("today at 03:30", utc(2025, 3, 30, 10, 0)) == utc(2025, 3, 30, 1, 30)


def test_the_newest_at_or_before_the_moment_is_taken_else_the_oldest_with_a_note() -> None:
    snapshots = [snap(n, NOW - timedelta(hours=10 - n)) for n in range(1, 8)]
    found = find("4 hours ago", snapshots, [], NOW)
    assert found.snapshot.seq == 6
    assert "at or before" in found.why
    assert not found.note
    oldest = find("last month", snapshots, [], NOW)
    assert oldest.snapshot.seq == 1
    assert "no snapshot is as old as" in oldest.note


def test_hostile_54_order_is_by_number_when_the_clock_jumped_back_and_in_one_second() -> None:
    later = [snap(1, NOW - timedelta(minutes=5)), snap(2, NOW - timedelta(hours=3)), snap(3, NOW - timedelta(hours=3))]
    assert find("1 hour ago", later, [], NOW).snapshot.seq == 3
    assert find("1 minute ago", later, [], NOW).snapshot.seq == 3
    assert find("latest", later, [], NOW).snapshot.seq == 3


def test_the_future_is_an_error_that_names_it() -> None:
    with pytest.raises(Usage, match="in the future"):
        find("in 2 hours", [snap(1, NOW - timedelta(days=1))], [], NOW)


def test_names_win_over_times_and_are_found_however_they_are_written() -> None:
    snapshots = [
        snap(1, NOW - timedelta(days=2), "k3f9", "before refactor"),
        snap(2, NOW - timedelta(days=1), "m4x2", "monday"),
        snap(3, NOW, "k3zz"),
    ]
    for words in (
        "k3f9",
        "before refactor",
        "Before-Refactor",
        "the snapshot called 'before refactor'",
        "k3f",
        '"k3f9"',
    ):
        assert find(words, snapshots, [], NOW).snapshot.id == "k3f9", words
    assert find("monday", snapshots, [], NOW).snapshot.id == "m4x2"


def test_hostile_26_two_snapshots_of_one_label_are_asked_about_with_times() -> None:
    snapshots = [snap(1, NOW - timedelta(days=2), "k3f9", "good"), snap(2, NOW - timedelta(hours=1), "m4x2", "good")]
    with pytest.raises(Usage, match="2 snapshots are called 'good': which one") as error:
        find("good", snapshots, [], NOW)
    assert "k3f9" in error.value.hint
    assert "Mon 2025-06-09 17:30:00" in error.value.hint
    assert "1 hour ago" in error.value.hint
    assert error.value.data["ids"] == ["k3f9", "m4x2"]


def test_hostile_44_an_invented_id_lists_the_newest_real_ones() -> None:
    with pytest.raises(Usage, match="no snapshot of this project is 'qqqq'") as error:
        find("qqqq", [snap(1, NOW, "k3f9")], [], NOW)
    assert "k3f9" in error.value.hint


@pytest.mark.parametrize("words", ["", "   ", "''"])
def test_hostile_24_an_empty_target_asks(words: str) -> None:
    with pytest.raises(Usage, match="to which moment"):
        find(words, [snap(1, NOW)], [], NOW)


SNAPS = [snap(n, NOW - timedelta(hours=10 - n), f"id{n}") for n in range(1, 8)]
RECORDS = [
    done(7, "run pytest -q", "id7", "run the tests", tool="run"),
    done(
        6, "rewind to id4 (before `upgrade numpy 1.26.4 -> 2.3.1 in .venv`): 3 files", "id6", "undo that", tool="rewind"
    ),
    done(5, "upgrade numpy 1.26.4 -> 2.3.1 in .venv", "id5", state="compensated"),
    done(4, "upgrade numpy 1.26.4 -> 2.3.1 in .venv", "id4", "bump numpy please"),
    done(3, "install redis 7.0 with apt", None, "I need redis"),
    done(2, "install flask 3.0 and 5 more in .venv", "id2", "set this project up"),
]


@pytest.mark.parametrize(
    ("words", "id"),
    [
        ("before the numpy upgrade", "id4"),
        ("before I upgraded numpy", "id4"),
        ("before numpy was bumped", "id4"),
        ("after the numpy upgrade", "id5"),
        ("before installing flask", "id2"),
        ("before flsk was installed", "id2"),
        ("before I ran the tests", "id7"),
        ("before I set this project up", "id2"),
        ("before redis", "id3"),
        ("undo the numpy upgrade", "id4"),
    ],
)
def test_a_moment_is_found_by_what_was_done(words: str, id: str) -> None:
    assert find(words, SNAPS, RECORDS, NOW).snapshot.id == id


def test_two_changes_that_fit_are_asked_about_and_last_or_first_decides() -> None:
    records = [done(4, "upgrade numpy 2.3.1 -> 2.4.0", "id4"), done(2, "upgrade numpy 1.26.4 -> 2.3.1", "id2")]
    with pytest.raises(Usage, match="fits 2 moments: which one") as error:
        find("before the numpy upgrade", SNAPS, records, NOW)
    assert "id4" in error.value.hint
    assert "id2" in error.value.hint
    assert find("before the last numpy upgrade", SNAPS, records, NOW).snapshot.id == "id4"
    assert find("before the first numpy upgrade", SNAPS, records, NOW).snapshot.id == "id2"


@pytest.mark.parametrize("words", ["before the django migration", "clean up", "the thing", "before it broke"])
def test_hostile_25_vague_words_are_never_guessed(words: str) -> None:
    with pytest.raises(Usage):
        find(words, SNAPS, RECORDS, NOW)


def test_nothing_after_the_newest_change_is_said() -> None:
    records = [done(7, "upgrade numpy", "id7")]
    with pytest.raises(Usage, match="nothing was recorded after"):
        find("after the numpy upgrade", SNAPS, records, NOW)


@given(st.text(max_size=60))
def test_any_words_give_a_snapshot_or_a_usage_error(words: str) -> None:
    try:
        found = find(words, SNAPS, RECORDS, NOW)
    except EnvSyncError as error:
        assert error.hint
    else:
        assert found.snapshot in SNAPS


def test_rare_words_decide() -> None:
    texts = ["install numpy", "install pandas", "install flask", "upgrade pandas"]
    assert best("installing pandas", texts) == [1]
    assert best("pandas", texts) == [3, 1]
    assert best("the install", texts) == [2, 1, 0]


def test_hostile_05_untrusted_text_is_shown_escaped() -> None:
    assert shown("a\nb\x1b[2K\u202ec\udcff") == "a\\nb\\x1b[2K\\u202ec\\udcff"
    assert shown("ünïcode 世界") == "ünïcode 世界"


def test_ago_is_rounded_down_and_never_negative() -> None:
    assert ago(NOW - timedelta(minutes=119), NOW) == "1 hour ago"
    assert ago(NOW - timedelta(seconds=59), NOW) == "just now"
    assert ago(NOW + timedelta(hours=1), NOW) == "just now"
    assert len(choices(SNAPS, RECORDS, NOW, 5).splitlines()) == 6


def test_the_title_of_an_undone_remember_keeps_its_words() -> None:
    record = done(1, "take back `remember: the port is 5433`", None, tool="rewind")
    assert title(record) == "take back `remember: the port is 5433`"
    assert title(done(2, "rewind to k3f9 (before `x`): 2 files", None, tool="rewind")) == "rewind to k3f9"
