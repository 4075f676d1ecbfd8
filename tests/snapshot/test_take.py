"""Taking snapshots: guards, labels, what is recorded, limits, retention."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rewinding import append, call, change, rewind, rewind_plan, scan, snapshot

from envsync.tools.contract import Context, Progress
from envsync.tools.errors import Failed, Usage
from envsync.tools.fingerprint import Fingerprint
from envsync.tools.journal import Journal
from envsync.tools.plan import Risk
from envsync.tools.snapshot.take import capture, estimate
from envsync.tools.snapshot.tool import SNAPSHOT
from envsync.tools.store.place import snapshots_of, store_of


async def plan(context: Context, **args: object) -> object:
    return await SNAPSHOT.plan(SNAPSHOT.args.model_validate(args), context)  # pyright: ignore[reportOptionalCall]


async def test_a_snapshot_says_what_it_holds(context: Context, project: Path) -> None:
    (project / "a").write_bytes(os.urandom(100_000))
    first = await snapshot(context, "start")
    assert (first.files, first.bytes, first.label) == (1, 100_000, "start")
    assert first.stored >= 100_000
    assert first.summary.startswith(f"snapshot {first.snapshot} 'start': 1 file, 98 KiB, ")
    again = await snapshot(context)
    assert again.stored < 50_000


async def test_it_holds_fingerprint_words_and_dotfiles(context: Context, project: Path, private: Path) -> None:
    (private / ".profile").write_text("x=1\n")
    id = await capture(replace(context, words="my token is ghp_" + "a1B2" * 10))
    (held,) = snapshots_of(context)
    assert held.id == id
    assert held.automatic
    assert store_of(context).fingerprint(held) is not None
    assert [file.path for file in held.dotfiles] == ["~/.profile"]
    assert "ghp_" not in held.words


@pytest.mark.parametrize("label", ["last", "LAST", "spec", "x" * 101, "a\x1b[2K"])
async def test_labels_that_could_not_be_found_again_are_refused(context: Context, project: Path, label: str) -> None:
    with pytest.raises(Usage):
        await snapshot(context, label)


async def test_hostile_26_a_second_snapshot_of_a_label_is_allowed_and_rewind_asks_which(
    context: Context, project: Path
) -> None:
    await snapshot(context, "good")
    second = await plan(context, label="good")
    assert "1 snapshot of that label exists; rewind will ask which" in second.details  # pyright: ignore
    await snapshot(context, "good")
    with pytest.raises(Usage, match="2 snapshots are called 'good'"):
        await rewind(context, "good")


@pytest.mark.parametrize("path", ["/", "/etc", "/usr"])
async def test_directories_of_the_system_are_never_recorded(make_context: Callable[..., Context], path: str) -> None:
    with pytest.raises(Usage, match=r"is a directory of the system|is above your home directory"):
        await plan(make_context(Path(path)), path=path)


async def test_the_home_directory_is_recorded_only_when_it_is_named(
    make_context: Callable[..., Context], private: Path
) -> None:
    context = make_context(private, observe=scan)
    (private / "file").write_text("one")
    with pytest.raises(Usage, match="is your home directory") as error:
        await plan(context)
    assert f"--path {private}" in error.value.hint
    with pytest.raises(Usage, match="is your home directory"):
        await capture(context)
    asked = await plan(context, path=str(private))
    assert (asked.risk, asked.reason) == (Risk.R2, "this is your home directory")  # pyright: ignore
    await call(SNAPSHOT, context, path=str(private))
    # Now a person meant it, so what follows may record it, too.
    await change(context, append("file"))
    await rewind(context)
    assert (private / "file").read_text() == "one"


async def test_our_own_state_inside_a_project_is_never_rewound(
    make_context: Callable[..., Context], project: Path
) -> None:
    context = make_context(project, observe=scan, state=project / "state")
    context.state.mkdir()
    (project / "file").write_text("one")
    await call(SNAPSHOT, context, path=str(project))
    (project / "file").write_text("two")
    await rewind(context, "last", path=str(project))
    assert (project / "file").read_text() == "one"
    assert len(Journal(context.state).recent()) == 2


async def test_hostile_22_a_sparse_terabyte_is_refused_before_it_is_read(context: Context, project: Path) -> None:
    with (project / "huge").open("wb") as file:
        file.truncate(1 << 40)
    start = time.monotonic()
    with pytest.raises(Failed, match="too large for a snapshot"):
        await snapshot(context)
    assert time.monotonic() - start < 5
    assert not snapshots_of(context)
    without = replace(context, environ={"ENVSYNC_SNAPSHOT_EXCLUDE": "huge"})
    await snapshot(without, "without")
    (project / "new").write_text("x")
    await rewind(without, "without")
    assert (project / "huge").stat().st_size == 1 << 40
    assert not (project / "new").exists()


async def test_a_first_large_capture_is_announced_and_asked_for_when_it_takes_long(
    context: Context, project: Path
) -> None:
    for number in range(5100):
        (project / f"f{number}").touch()
    said: list[str] = []
    watched = replace(context, report=lambda event: said.append(event.label) if isinstance(event, Progress) else None)
    first = await plan(watched)
    assert first.details == ("the first snapshot here: about 5,100 files and directories, 0 B, some 0 s",)  # pyright: ignore
    await snapshot(watched)
    assert any("first snapshot of" in line and "5,100" in line for line in said)
    assert not (await plan(watched)).details  # pyright: ignore
    assert estimate(2_000_000, 40 << 30) == "about 2,000,000 files and directories, 40 GiB, some 5 minutes"


async def test_a_failing_scan_does_not_prevent_the_snapshot(context: Context, project: Path) -> None:
    async def broken(context: Context, scope: str = "all") -> Fingerprint:
        raise Failed("the scan broke")

    (project / "file").write_text("one")
    blind = replace(context, observe=broken)
    made = await snapshot(blind)
    assert any("scan failed" in line for line in made.notices)
    assert snapshots_of(blind)[0].fingerprint is None


async def test_retention_forgets_old_unlabelled_snapshots_once_a_day(context: Context, project: Path) -> None:
    store = store_of(context)
    await snapshot(context, "kept")
    first = snapshots_of(context)[0]
    old = context.now() - timedelta(days=90)
    with store.writing():
        for _ in range(60):
            store.save(first.model_copy(update={"at": old, "label": None, "automatic": True}))
    mark = store.directory / "retained"
    await capture(context)
    assert len(snapshots_of(context)) == 62
    os.utime(mark, (0, 0))
    await capture(context)
    left = snapshots_of(context)
    assert len(left) < 60
    assert "kept" in [s.label for s in left]


async def test_a_rewind_to_an_old_snapshot_survives_retention_being_due(context: Context, project: Path) -> None:
    store = store_of(context)
    (project / "file").write_text("old")
    await capture(context)
    first = snapshots_of(context)[0]
    (project / "file").write_text("new")
    with store.writing():
        for _ in range(60):
            store.save(first.model_copy(update={"at": context.now() - timedelta(days=90)}))
    target = snapshots_of(context)[1]
    os.utime(store.directory / "retained", (0, 0))
    await rewind(context, target.id)
    assert (project / "file").read_text() == "old"


async def test_plans_do_not_depend_on_when_they_are_made(context: Context, project: Path) -> None:
    one, two = await plan(context, label="x"), await plan(context, label="x")
    assert one.digest == two.digest  # pyright: ignore
    assert (await rewind_plan(context, (await snapshot(context, "x")).snapshot)).empty


async def test_a_label_cannot_be_the_id_of_another_snapshot(context: Context, project: Path) -> None:
    made = await snapshot(context)
    with pytest.raises(Usage, match="is the id of a snapshot"):
        await snapshot(context, made.snapshot)
