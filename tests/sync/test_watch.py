"""Sessions that go on: the keeper, what it catches up with, and what people can do with it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from envsync.tools import registry
from envsync.tools.contract import Lines
from envsync.tools.errors import Usage
from envsync.tools.sync.revive import revive
from envsync.tools.sync.session import sessions

from .conftest import LIMIT, Desk
from .test_sync import fill, read


def text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


async def equal(desk: Desk) -> None:
    """Both sides are the same once everything under way has arrived."""
    await desk.do("syncs", action="flush")
    assert read(desk.mine) == read(desk.theirs)


async def test_it_goes_on_both_ways_and_is_listed(desk: Desk) -> None:
    fill(desk.mine, a="1")
    result = await desk.sync()
    assert result.watching and read(desk.theirs) == {"a": "1"}
    fill(desk.mine, src__deep__b="2")
    await desk.until(lambda: text(desk.theirs / "src/deep/b") == "2")
    fill(desk.theirs, a="3")
    await desk.until(lambda: text(desk.mine / "a") == "3")
    shutil.rmtree(desk.theirs / "src")
    await desk.until(lambda: not (desk.mine / "src").exists())
    listed = await desk.do("syncs")
    assert [(s.id, s.phase) for s in listed.sessions] == [(result.session, "watching")]
    assert sessions(desk.context.state)[0]["phase"] == "watching"
    status = await registry.find("status").read(registry.find("status").args(), desk.context)
    assert [(each.id, each.phase) for each in status.syncs] == [(result.session, "watching")]
    again = await desk.sync()
    assert "already kept the same" in again.summary
    with pytest.raises(Usage, match="kept the same already"):
        await desk.sync(mode="push")


async def test_pause_resume_and_end_can_be_undone(desk: Desk) -> None:
    await desk.sync()
    await desk.do("syncs", action="pause", name="theirs")
    assert desk.session.told().phase == "paused" and not desk.session.busy()
    fill(desk.mine, a="1")
    fill(desk.theirs, b="2")
    await desk.do("syncs", action="resume")
    assert read(desk.mine) == read(desk.theirs) == {"a": "1", "b": "2"}
    await desk.take_back()
    assert not desk.session.keeping
    await desk.do("syncs", action="resume")
    await desk.do("syncs", action="end")
    assert (await desk.do("syncs")).sessions == () and read(desk.theirs) == {"a": "1", "b": "2"}
    (desk.mine / "a").unlink()
    await desk.take_back()  # of the ending: known again, and it catches up
    await desk.until(lambda: not (desk.theirs / "a").exists())


async def test_an_ended_session_begins_anew_and_deletes_nothing(desk: Desk) -> None:
    fill(desk.mine, a="1", b="2")
    await desk.sync()
    await desk.do("syncs", action="end")
    (desk.mine / "a").unlink()
    await desk.sync()
    assert read(desk.mine) == read(desk.theirs) == {"a": "1", "b": "2"}


async def test_hostile_50_a_killed_keeper_is_started_by_the_next_command_and_catches_up(desk: Desk) -> None:
    fill(desk.mine, a="1")
    await desk.sync()
    assert revive(desk.context.state) == []
    pid = desk.session.told().pid
    os.kill(pid, signal.SIGKILL)
    await desk.until(lambda: not desk.session.busy())
    assert desk.session.told().phase == "stopped"
    fill(desk.mine, b="2")
    assert revive(desk.context.state) == [desk.session.spec.id]
    await desk.until(lambda: text(desk.theirs / "b") == "2")
    await desk.until(lambda: desk.session.told().phase == "watching")
    assert desk.session.told().pid != pid


async def test_undoing_a_watched_sync_ends_it_and_puts_its_first_cycle_back(desk: Desk) -> None:
    fill(desk.mine, a="mine")
    fill(desk.theirs, b="theirs")
    await desk.sync()
    fill(desk.mine, later="by people")
    await desk.until(lambda: text(desk.theirs / "later"))
    await desk.take_back()
    assert read(desk.mine) == {"a": "mine", "later": "by people"}
    assert read(desk.theirs) == {"b": "theirs", "later": "by people"}
    assert (await desk.do("syncs")).sessions == ()


async def conflict(desk: Desk, **files: tuple[str, str, str]) -> None:
    """Files that both sides changed while nobody watched: (before, mine, theirs)."""
    fill(desk.mine, **{name: before for name, (before, _, _) in files.items()})
    await desk.sync()
    await desk.until(lambda: (desk.session.directory / "bases.db").exists() and desk.session.told().phase == "watching")
    await desk.do("syncs", action="pause")
    for name, (_, mine, theirs) in files.items():
        fill(desk.mine, **{name: mine})
        fill(desk.theirs, **{name: theirs})
    await desk.do("syncs", action="resume")
    assert desk.session.told().conflicts == len(files)


async def test_conflicts_are_settled_by_rules_and_that_is_undone(desk: Desk) -> None:
    await conflict(desk, src__a=("1", "mine", "theirs"), lib__b=("1", "mine", "theirs"), c=("1", "mine", "theirs"))
    before = read(desk.mine), read(desk.theirs)
    done = await desk.do("syncs", action="resolve", rules=["src=mine", "*=theirs"])
    assert sorted(done.settled) == ["c", "lib/b", "src/a"] and not done.left
    assert read(desk.mine) == read(desk.theirs) == {"src/a": "mine", "lib/b": "theirs", "c": "theirs"}
    await desk.take_back()
    assert (read(desk.mine), read(desk.theirs)) == before
    await desk.until(lambda: desk.session.told().conflicts == 3)
    await desk.do("syncs", action="resolve", take="theirs", under=["lib"])
    await desk.until(lambda: desk.session.told().conflicts == 2)
    assert read(desk.mine)["lib/b"] == "theirs" and read(desk.theirs)["c"] == "theirs"


async def test_both_are_kept_or_the_newest(desk: Desk) -> None:
    await conflict(desk, a=("1", "mine", "theirs"), b=("1", "mine", "theirs"))
    os.utime(desk.mine / "b", (10**9, 10**9))
    await desk.do("syncs", action="resolve", rules=["a=both", "b=newest"])
    both = read(desk.mine)
    assert both == read(desk.theirs) and both["a"] == "mine" and both["b"] == "theirs"
    assert [text for name, text in both.items() if name.startswith("a.conflict-local-")] == ["theirs"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
async def test_texts_are_merged_from_what_both_had_and_only_where_that_is_clean(desk: Desk) -> None:
    lines = [f"line {n}" for n in range(20)]

    def with_line(number: int, text: str) -> str:
        return "\n".join([*lines[:number], text, *lines[number + 1 :], ""])

    base = "\n".join([*lines, ""])
    await conflict(
        desk,
        clean=(base, with_line(2, "mine"), with_line(15, "theirs")),
        same=(base, with_line(2, "mine"), with_line(2, "theirs")),
        bytes=("\0" + base, "\0a", "\0b"),
    )
    done = await desk.do("syncs", action="resolve", take="merge")
    merged = with_line(2, "mine").replace("line 15", "theirs")
    assert text(desk.mine / "clean") == text(desk.theirs / "clean") == merged
    assert sorted(path for path, _ in done.left) == ["bytes", "same"]
    assert text(desk.mine / "same") != text(desk.theirs / "same")
    await desk.take_back()
    assert text(desk.mine / "clean") == with_line(2, "mine") and text(desk.theirs / "clean") == with_line(15, "theirs")


async def test_storms_of_files_arrive_whole_and_do_not_echo(desk: Desk) -> None:
    """Editors that rename, a branch switch of hundreds of files, a package tree that comes and goes."""
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(desk.mine)]
    subprocess.run([*git, "init", "-q"], check=True)
    fill(desk.mine, **{f"src__f{n}": f"one {n}" for n in range(300)})
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    subprocess.run([*git, "checkout", "-qb", "two"], check=True)
    fill(desk.mine, **{f"src__f{n}": f"two {n}" for n in range(300)})
    subprocess.run([*git, "commit", "-qam", "two"], check=True)
    await desk.sync()
    subprocess.run([*git, "checkout", "-q", "-"], check=True)
    for n in range(20):
        (desk.mine / "t~").write_text(f"saved {n}")
        os.replace(desk.mine / "t~", desk.mine / "src/f7")
    fill(desk.mine, **{f"node_modules__p{n}__index.js": str(n) for n in range(60)})
    await desk.until(lambda: text(desk.theirs / "src/f7") == "saved 19")
    shutil.rmtree(desk.mine / "node_modules")
    await equal(desk)
    assert text(desk.theirs / "src/f8") == "one 8" and not (desk.theirs / "node_modules").exists()
    there = subprocess.run(
        ["git", "-C", str(desk.theirs), "status", "--porcelain"], capture_output=True, text=True, check=True
    )
    assert there.stdout == " M src/f7\n"
    seen = -1
    end = time.monotonic() + LIMIT
    while seen != (seen := desk.session.told().cycles):  # what comes back of our own changes ends by itself
        assert time.monotonic() < end, "something goes to and fro"
        await asyncio.sleep(1.5)


async def test_a_side_that_is_emptied_halts_the_keeper_until_that_is_accepted(desk: Desk) -> None:
    fill(desk.mine, **{f"f{n}": str(n) for n in range(40)})
    await desk.sync()
    pid = desk.session.told().pid
    os.kill(pid, signal.SIGSTOP)  # what follows comes at once, as when a disk is unmounted
    for path in desk.theirs.iterdir():
        path.unlink()
    os.kill(pid, signal.SIGCONT)
    await desk.until(lambda: desk.session.told().phase == "halted")
    told = desk.session.told()
    assert told.halt in ("emptied", "deletions") and "--accept" in told.hint and len(read(desk.mine)) >= 20
    assert revive(desk.context.state) == []
    await desk.do("syncs", action="resume", accept=["emptied", "deletions"])
    assert read(desk.mine) == {} and desk.session.told().phase == "watching"


async def test_a_tree_deleted_bit_by_bit_halts_before_half_of_it_is_gone(desk: Desk) -> None:
    fill(desk.mine, **{f"f{n}": str(n) for n in range(60)})
    await desk.sync()
    for n in range(60):
        (desk.theirs / f"f{n}").unlink()
        await desk.until(lambda n=n: not (desk.mine / f"f{n}").exists() or desk.session.told().phase == "halted")
    assert desk.session.told().halt == "deletions" and len(read(desk.mine)) >= 25


async def test_conflicts_are_listed_with_what_settles_them_and_all_sessions_end_at_once(desk: Desk) -> None:
    fill(desk.mine, a="1")
    await desk.sync(watch=True)
    await desk.do("syncs", action="pause")
    (desk.mine / "a").write_text("mine")
    (desk.theirs / "a").write_text("theirs!")
    await desk.do("syncs", action="resume")
    await desk.until(lambda: desk.session.told().conflicts)
    listed = await desk.do("syncs")
    lines = [line for block in listed.blocks() if isinstance(block, Lines) for line in block.lines]
    assert any("envsync syncs resolve --take mine|theirs" in line for line in lines), lines
    other = desk.mine.parent / "other"
    other.mkdir()
    await desk.do("sync", source=str(other), destination=str(desk.theirs.parent / "other"), watch=True)
    with pytest.raises(Usage, match="which sync session") as error:
        await desk.do("syncs", action="end")
    assert "`all`" in error.value.hint
    await desk.do("syncs", action="end", name="all")
    assert (await desk.do("syncs")).sessions == ()


async def test_commits_go_both_ways_one_after_the_other(desk: Desk) -> None:
    """A repository that was put in its place is watched like one that has always been there."""

    def git(root: Path, *words: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@y")
        return subprocess.run(["git", "-C", str(root), *who, *words], capture_output=True, text=True, check=True).stdout

    git(desk.mine, "init", "-q")
    git(desk.mine, "commit", "-q", "--allow-empty", "-m", "first")
    await desk.sync(watch=True)
    for n in range(2):
        for one, other in ((desk.mine, desk.theirs), (desk.theirs, desk.mine)):
            git(one, "commit", "-q", "--allow-empty", "-m", f"{n}")
            await desk.until(
                lambda one=one, other=other: git(one, "rev-parse", "HEAD") == git(other, "rev-parse", "HEAD")
            )
            # The next commit must not begin before this one is settled on both sides.
            await desk.do("syncs", action="flush")
    assert not desk.session.told().conflicts
