"""Watching on this machine when it is hard: storms, lost events, too many directories, a root that goes."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.hosts import watching
from envsync.tools.hosts.watching import ANY, Changes, watch
from envsync.tools.trees.renaming import Renamer

MINUTE = 60.0
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")


async def until(changes: AsyncIterator[frozenset[str]], *wanted: str) -> None:
    """Wait until all of these were told, or that any may have changed."""
    missing = set(wanted)
    while missing:
        touched = await asyncio.wait_for(anext(changes), MINUTE)
        missing -= touched


@pytest.fixture
async def changes(tmp_path: Path) -> AsyncIterator[Changes]:
    made = watch(tmp_path)
    assert await asyncio.wait_for(anext(made), MINUTE) == ANY
    yield made
    await made.aclose()


@linux
async def test_a_tree_that_appears_at_once_is_told_whole(changes: Changes, tmp_path: Path) -> None:
    """`npm install` makes directories faster than anybody can watch them."""
    made = {f"a/{n}/{m}/file" for n in range(20) for m in range(5)}
    for name in made:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    await until(changes, *made)
    (tmp_path / "a/19/4/late").write_text("x")
    await until(changes, "a/19/4/late")


@linux
async def test_a_directory_that_moved_is_told_by_its_new_name_only(changes: Changes, tmp_path: Path) -> None:
    (tmp_path / "one/deep").mkdir(parents=True)
    await until(changes, "one/deep")
    (tmp_path / "one").rename(tmp_path / "two")
    await until(changes, "one", "two", "two/deep")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    (tmp_path / "two").rename(outside)
    await until(changes, "two")
    (outside / "deep/file").write_text("x")
    (tmp_path / "last").write_text("x")
    told: set[str] = set()
    while "last" not in told:
        told |= await asyncio.wait_for(anext(changes), MINUTE)
    assert not any("deep" in path for path in told)
    shutil.rmtree(outside)


@linux
async def test_a_directory_that_changes_places_with_another_is_watched(changes: Changes, tmp_path: Path) -> None:
    """As a synced `.git` is put in its place: the kernel tells that the new one came before the old one left."""
    renamer = Renamer()
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    for n in range(3):
        (tmp_path / "git/refs").mkdir(parents=True, exist_ok=True)
        (outside / f"new{n}/refs").mkdir(parents=True)
        await until(changes, "git")
        here, there = (os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (tmp_path, outside))
        try:
            if not renamer.exchange(there, f"new{n}", here, "git"):
                pytest.skip("two names cannot be exchanged on this file system")
        finally:
            os.close(here)
            os.close(there)
        await until(changes, "git", "git/refs")
        (tmp_path / "git/refs/later").write_text("x")
        await until(changes, "git/refs/later")
        (tmp_path / "git/refs/later").unlink()
        (tmp_path / "git").touch()
        (tmp_path / "git/refs").rmdir()
    shutil.rmtree(outside)


@linux
async def test_lost_events_are_said_and_nothing_after_them_is_missed(changes: Changes, tmp_path: Path) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if most > 100_000:
        pytest.skip("this machine keeps more events than a test can make")
    # Nothing is awaited here, so nobody reads them.
    for _ in range(most // 2 + 1000):
        os.close(os.open(tmp_path / "storm", os.O_WRONLY | os.O_CREAT))
        os.unlink(tmp_path / "storm")
    (tmp_path / "hidden/deep").mkdir(parents=True)
    while await asyncio.wait_for(anext(changes), MINUTE) != ANY:
        pass
    (tmp_path / "hidden/deep/file").write_text("x")
    await until(changes, "hidden/deep/file")


@linux
async def test_more_directories_than_may_be_watched_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncinotify

    right = asyncinotify.Inotify.add_watch
    count = 0

    def few(self: Any, path: Any, mask: Any) -> Any:
        nonlocal count
        count += 1
        if count > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return right(self, path, mask)

    monkeypatch.setattr(asyncinotify.Inotify, "add_watch", few)
    monkeypatch.setattr(watching, "PAUSE", 0.02)
    (tmp_path / "old").mkdir()
    changes = watch(tmp_path)
    assert await asyncio.wait_for(anext(changes), MINUTE) == ANY
    for n in range(10):
        (tmp_path / f"new-{n}").mkdir()
    while await asyncio.wait_for(anext(changes), MINUTE) != ANY:
        pass
    (tmp_path / "new-9/file").write_text("x")
    await until(changes, "new-9/file")
    (tmp_path / "new-9/file").write_text("y")
    await until(changes, "new-9/file")
    (tmp_path / "new-9/file").unlink()
    await until(changes, "new-9/file")
    await changes.aclose()


@pytest.mark.parametrize("how", ["inotify", "looking"])
async def test_a_root_that_goes_and_comes_back_is_watched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(watching, "PAUSE", 0.02)
    if how == "looking":
        monkeypatch.setattr(watching.sys, "platform", "other")
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    changes = watch(root)
    assert await asyncio.wait_for(anext(changes), MINUTE) == ANY
    shutil.rmtree(root)
    while await asyncio.wait_for(anext(changes), MINUTE) != ANY:
        pass
    (root / "sub").mkdir(parents=True)
    while await asyncio.wait_for(anext(changes), MINUTE) != ANY:
        pass
    (root / "sub/file").write_text("x")
    await until(changes, "sub/file")
    await changes.aclose()


@linux
async def test_hostile_18_links_to_directories_are_not_followed(changes: Changes, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-linked"
    outside.mkdir()
    (tmp_path / "link").symlink_to(outside)
    await until(changes, "link")
    (outside / "file").write_text("x")
    (tmp_path / "last").write_text("x")
    told: set[str] = set()
    while "last" not in told:
        told |= await asyncio.wait_for(anext(changes), MINUTE)
    assert "link/file" not in told


async def test_a_storm_that_nobody_takes_becomes_one_answer() -> None:
    changes = Changes()
    for n in range(watching.LIMIT + 10):
        changes.add([f"file-{n}"])
    assert await anext(changes) == ANY
    changes.add(["one"])
    changes.fail(OSError(5, "gone"))
    assert await anext(changes) == {"one"}
    with pytest.raises(OSError):
        await anext(changes)
