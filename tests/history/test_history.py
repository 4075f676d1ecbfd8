"""The timeline: what was done, recorded and remembered, newest first, and found by words."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from rewinding import append, change, fact, rewind, snapshot

from envsync.tools.contract import Context
from envsync.tools.errors import Usage
from envsync.tools.history.tool import HISTORY, History
from envsync.tools.moments.times import span
from envsync.tools.store.place import snapshots_of, store_of


async def history(context: Context, **args: object) -> History:
    result = await HISTORY.read(HISTORY.args.model_validate(args), context)  # pyright: ignore[reportOptionalCall]
    assert isinstance(result, History)
    return result


@pytest.fixture
async def lived(context: Context, project: Path) -> Context:
    """A project to which things happened, and a fact that is remembered."""
    (project / "app.py").write_text("one\n")
    await snapshot(context, "start")
    asked = replace(context, words="bump numpy please")
    await change(asked, append("app.py"), summary="upgrade numpy 1.26.4 -> 2.3.1")
    await change(context, append("app.py", fail=True), summary="install flask")
    await rewind(context)
    await context.notes.add("the database listens on 5433", project=str(project), host="local")
    return context


async def test_everything_newest_first_and_nothing_twice(lived: Context) -> None:
    result = await history(lived)
    told = [(e.kind, e.what.split(" (")[0], e.state.split(", before")[0]) for e in result.entries]
    assert told[0][:2] == ("note", "the database listens on 5433")
    # The snapshot that the compensation took stands by itself; all others stand beside what they belong to.
    rest = [line for line in told[1:] if line[:2] != ("snapshot", "snapshot")]
    assert rest == [
        ("action", f"rewind to {result.entries[-2].snapshot}", "done"),
        ("action", "install flask", "failed, taken back"),
        ("action", "upgrade numpy 1.26.4 -> 2.3.1", "done"),
        ("snapshot", "'start'", "1 file, 4 B"),
    ]
    assert "“bump numpy please”" in result.entries[-2].what


async def test_kinds_and_limit(lived: Context) -> None:
    assert {e.kind for e in (await history(lived, kind="actions")).entries} == {"action"}
    snapshots = await history(lived, kind="snapshots")
    assert len(snapshots.entries) == len(snapshots_of(lived))
    assert "before `upgrade numpy 1.26.4 -> 2.3.1`" in [e.what for e in snapshots.entries]
    limited = await history(lived, limit=2)
    assert len(limited.entries) == 2
    assert limited.summary.startswith("2 of ")
    for limit in (0, -1, 10**6):
        with pytest.raises(ValidationError):
            await history(lived, limit=limit)


async def test_a_query_finds_what_it_is_about(lived: Context) -> None:
    result = await history(lived, query="when did we upgrade numpy?")
    assert result.entries[0].what.startswith("upgrade numpy")
    assert (await history(lived, query="database port 5433")).entries[0].kind == "note"
    nothing = await history(lived, query="kubernetes", kind="actions")
    assert nothing.entries == ()
    assert "nothing is recorded for 'kubernetes'" in nothing.summary


async def test_hostile_54_the_order_is_by_number_when_the_clock_jumped_back(context: Context, project: Path) -> None:
    (project / "app.py").write_text("one\n")
    await snapshot(context, "first")
    first = snapshots_of(context)[0]
    store_of(context).save(first.model_copy(update={"label": "second", "at": datetime(2001, 1, 1, tzinfo=UTC)}))
    assert [e.what for e in (await history(context, kind="snapshots")).entries] == ["'second'", "'first'"]


async def test_an_empty_history_says_how_to_begin(context: Context) -> None:
    assert (await history(context)).summary == "nothing is recorded in this project yet: envsync snapshot records it"


async def test_without_memory_the_rest_is_still_told(lived: Context) -> None:
    class Off:
        async def search(self, *_: object, **__: object) -> list[object]:
            raise Usage("memory is off")

    result = await history(replace(lived, notes=Off()), query="numpy")
    assert result.entries


async def test_other_projects_are_left_out(lived: Context, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    lived.notes.kept.clear()  # pyright: ignore[reportAttributeAccessIssue]
    assert (await history(replace(lived, path=other))).entries == ()
    await change(replace(lived, path=other), fact("elsewhere"), summary="elsewhere")
    assert "elsewhere" not in str((await history(lived)).entries)


async def test_a_question_about_a_time_is_answered_for_that_time(lived: Context) -> None:
    store = store_of(lived)
    newest = snapshots_of(lived)[-1]
    store.save(newest.model_copy(update={"label": "old", "at": lived.now() - timedelta(days=1)}))
    today = await history(lived, query="what did I do today?")
    assert "'old'" not in [e.what for e in today.entries]
    assert len(today.entries) > 3
    yesterday = await history(lived, query="what happened yesterday?")
    assert [e.what for e in yesterday.entries] == ["'old'"]
    both = await history(lived, query="numpy today")
    assert both.entries[0].what.startswith("upgrade numpy")
    assert len(both.entries) < len(today.entries)


@pytest.mark.parametrize(
    ("words", "start", "end", "rest"),
    [
        ("what did I do yesterday?", "10 00:00", "11 00:00", "what did I do"),
        ("since yesterday", "10 00:00", "11 17:30", ""),
        ("numpy this week", "09 00:00", "11 17:30", "numpy"),
        ("on monday", "09 00:00", "10 00:00", ""),
        ("in the last hour", "11 16:30", "11 17:30", ""),
        ("two hours ago", "11 15:30", "11 17:30", ""),
    ],
)
def test_spans(monkeypatch: pytest.MonkeyPatch, words: str, start: str, end: str, rest: str) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        found = span(words, datetime(2025, 6, 11, 15, 30, tzinfo=UTC))
        assert found is not None
        assert [at.astimezone().strftime("%d %H:%M") for at in found[:2]] == [start, end]
        assert found[2] == rest
    finally:
        monkeypatch.undo()
        time.tzset()
