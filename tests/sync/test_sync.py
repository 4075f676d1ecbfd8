"""The tool `sync`, once: what it shows, makes, refuses, and takes back."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from envsync.tools.errors import Stale, Usage
from envsync.tools.sync.engine import Halted

from .conftest import Desk


def fill(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def read(root: Path) -> dict[str, str]:
    """Text by path; repositories are left out, whose files change when git looks at them."""
    files = (p for p in sorted(root.rglob("*")) if p.is_file() and ".git" not in p.parts)
    return {str(p.relative_to(root)): p.read_text() for p in files}


async def test_a_first_sync_copies_what_either_side_lacks_and_leaves_conflicts(desk: Desk) -> None:
    fill(desk.mine, a="1", src__b="2", both="mine")
    (desk.mine / "empty").mkdir()
    fill(desk.theirs, c="3", both="theirs")
    plan = await desk.plan("sync", source=str(desk.mine), destination=str(desk.theirs), watch=False)
    assert "1 conflict left alone" in plan.summary and plan.undoable
    assert any("new c" in line for line in plan.details) and any("both" in line for line in plan.warnings)
    assert not (desk.theirs / "a").exists(), "planning changed something"
    result = await desk.sync(watch=False)
    assert read(desk.mine) == {"a": "1", "src/b": "2", "c": "3", "both": "mine"}
    assert read(desk.theirs) == {"a": "1", "src/b": "2", "c": "3", "both": "theirs"}
    assert (desk.theirs / "empty").is_dir()
    assert [path for path, _ in result.conflicts] == ["both"] and result.at_source == 1
    assert not desk.session.keeping and not desk.session.busy()


async def test_with_an_ancestor_deletions_and_edits_go_both_ways(desk: Desk) -> None:
    fill(desk.mine, a="1", b="2", c="3", d="4")
    await desk.sync(watch=False)
    (desk.mine / "a").unlink()
    fill(desk.theirs, b="edited")
    (desk.theirs / "c").rename(desk.theirs / "moved")
    plan = await desk.plan("sync", source=str(desk.mine), destination=str(desk.theirs), watch=False)
    assert any("move c to moved" in line for line in plan.details)
    await desk.sync(watch=False)
    assert read(desk.mine) == read(desk.theirs) == {"b": "edited", "d": "4", "moved": "3"}
    again = await desk.sync(watch=False)
    assert again.summary.startswith("nothing to sync")


async def test_undo_puts_both_sides_back_and_again_undoes_that(desk: Desk) -> None:
    fill(desk.mine, a="1", b="2", gone="3", **{f"dir__f{n}": str(n) for n in range(30)})
    await desk.sync(watch=False)
    (desk.theirs / "gone").unlink()
    shutil.rmtree(desk.mine / "dir")
    fill(desk.mine, a="mine", new="new")
    fill(desk.theirs, b="theirs")
    mine, theirs = read(desk.mine), read(desk.theirs)
    await desk.sync(watch=False, max_delete=100)
    both = read(desk.mine)
    assert both == read(desk.theirs) == {"a": "mine", "b": "theirs", "new": "new"}
    await desk.take_back()
    assert (read(desk.mine), read(desk.theirs)) == (mine, theirs)
    await desk.sync(watch=False, max_delete=100)
    assert read(desk.mine) == read(desk.theirs) == both


async def test_undo_leaves_what_was_edited_since(desk: Desk) -> None:
    fill(desk.mine, a="1", b="2")
    await desk.sync(watch=False)
    fill(desk.mine, a="11", b="22")
    await desk.sync(watch=False)
    fill(desk.theirs, b="somebody went on")
    outcome = await desk.take_back()
    assert read(desk.theirs) == {"a": "1", "b": "somebody went on"}
    assert outcome.steps[0].data["edited"] == ["b"]


async def test_a_change_between_the_plan_and_the_approval_makes_it_stale(desk: Desk) -> None:
    fill(desk.mine, a="1")
    plan = await desk.plan("sync", source=str(desk.mine), destination=str(desk.theirs), watch=False)
    fill(desk.mine, b="2")
    with pytest.raises(Stale):
        await desk.transactions().apply(
            plan.digest,
            lambda: desk.plan("sync", source=str(desk.mine), destination=str(desk.theirs), watch=False),
            desk.context,
        )
    assert not desk.theirs.exists()


@pytest.mark.parametrize("mode", ["push", "pull"])
async def test_one_way_leaves_the_source_alone_and_mirror_makes_an_exact_copy(desk: Desk, mode: str) -> None:
    fill(desk.mine, a="1", b="2")
    fill(desk.theirs, extra="x")
    await desk.sync(watch=False, mode=mode)
    assert read(desk.mine) == {"a": "1", "b": "2"} and read(desk.theirs) == {"a": "1", "b": "2", "extra": "x"}
    fill(desk.theirs, a="edited there")
    await desk.sync(watch=False, mode=mode)
    assert read(desk.mine)["a"] == "1" and read(desk.theirs)["a"] == "edited there"
    await desk.sync(watch=False, mode=mode, mirror=True)
    assert read(desk.mine) == read(desk.theirs) == {"a": "1", "b": "2"}
    await desk.take_back()
    assert read(desk.theirs) == {"a": "edited there", "b": "2", "extra": "x"}
    with pytest.raises(Usage, match="one way"):
        await desk.sync(watch=False, mirror=True)


async def test_an_emptied_or_missing_side_halts_until_it_is_accepted(desk: Desk) -> None:
    fill(desk.mine, **{f"f{n}": str(n) for n in range(30)})
    await desk.sync(watch=False)
    for path in desk.theirs.iterdir():
        path.unlink()
    with pytest.raises(Halted) as halted:
        await desk.sync(watch=False)
    assert halted.value.halt.code == "emptied" and "--accept emptied" in halted.value.hint
    assert len(read(desk.mine)) == 30
    desk.theirs.rmdir()
    with pytest.raises(Halted, match="is gone"):
        await desk.sync(watch=False)
    desk.theirs.mkdir()
    await desk.sync(watch=False, accept=["emptied", "device"])
    assert read(desk.mine) == {}
    await desk.take_back()
    assert len(read(desk.mine)) == 30


async def test_a_source_that_is_not_there_is_wrong_usage(desk: Desk) -> None:
    desk.mine.rmdir()
    with pytest.raises(Usage, match="no directory"):
        await desk.sync(watch=False)


async def test_large_files_arrive_whole_and_again_after_an_insertion(desk: Desk) -> None:
    content = bytearray(os.urandom(5_000_000))
    (desk.mine / "big").write_bytes(content)
    first = await desk.sync(watch=False)
    assert (desk.theirs / "big").read_bytes() == content and first.bytes == len(content)
    content[2_000_000:2_000_000] = b"inserted"
    content[-10:] = b"0123456789"
    (desk.mine / "big").write_bytes(content)
    await desk.sync(watch=False)
    assert (desk.theirs / "big").read_bytes() == content


async def test_many_changes_in_several_messages_with_moves_among_them(desk: Desk) -> None:
    for n in range(2500):
        (desk.mine / f"f{n:04}").write_text(f"content {n}")
    await desk.sync(watch=False)
    (desk.mine / "to").mkdir()
    for n in range(2500):
        (desk.mine / f"f{n:04}").rename(desk.mine / "to" / f"g{n:04}")
    await desk.sync(watch=False, accept=["deletions", "emptied"])
    assert read(desk.theirs) == {f"to/g{n:04}": f"content {n}" for n in range(2500)}


async def test_hostile_05_names_that_are_no_text_are_synced_and_shown_escaped(desk: Desk) -> None:
    names = [b"new\nline", b"esc\x1b[31m", b"--force", b"; rm -rf ~ #.txt", b"\xff\xfe", "ümlaut".encode()]
    for name in names:
        with open(os.path.join(os.fsencode(desk.mine), name), "wb") as file:
            file.write(name)
    plan = await desk.plan("sync", source=str(desk.mine), destination=str(desk.theirs), watch=False)
    assert all(line.isprintable() for line in (*plan.details, plan.summary))
    await desk.sync(watch=False)
    assert sorted(os.listdir(os.fsencode(desk.theirs))) == sorted(names)
    await desk.take_back()
    assert not desk.theirs.exists() or os.listdir(desk.theirs) == []


async def test_hostile_18_a_link_out_of_the_tree_is_neither_followed_nor_copied(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    fill(desk.mine, a="1")
    (desk.mine / "out").symlink_to(tmp_path / "secret")
    (desk.mine / "in").symlink_to("a")
    result = await desk.sync(watch=False)
    assert os.readlink(desk.theirs / "in") == "a" and not (desk.theirs / "out").is_symlink()
    assert (tmp_path / "secret").read_text() == "secret" and not result.problems
