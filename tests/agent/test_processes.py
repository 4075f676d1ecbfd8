"""What outlives a process, and what does not: waiting plans, approvals, commands, damaged files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envsync.agent.events import ApprovalNeeded, Call, Done, Failed, Notice, ToolStarted
from envsync.agent.models.base import Thought
from envsync.agent.session import Session, delete, list_sessions, rename
from envsync.tools.errors import Locked, Usage
from envsync.tools.hosts.local import LocalHost
from envsync.tools.journal import Journal

from .conftest import all_of, calls, one, yes

PUT = ("put", {"name": "a", "text": "1"})
WORKER = Path(__file__).with_name("turns.py")


@pytest.fixture
def process(settings, project: Path):
    """Runs steps in a process of their own, and returns what it printed and how it ended."""

    def run(script: list[dict[str, Any]], *steps: str) -> tuple[list[str], int]:
        (project.parent / "script.jsonl").write_text("\n".join(json.dumps(thought) for thought in script))
        done = subprocess.run(
            [sys.executable, str(WORKER), str(settings.state), str(project), *steps],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=project.parent,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.stdout.splitlines(), done.returncode

    return run


def job(project: Path, lines: str) -> str:
    """A command of the project's own, since a shell's one-liner is never approved beforehand."""
    file = project / "job"
    file.write_text(f"#!/bin/sh\n{lines}\n")
    file.chmod(0o755)
    return "./job"


def command(line: str) -> dict[str, Any]:
    return {"kind": "calls", "calls": [{"tool": "run", "args": {"command": line}}]}


def test_a_waiting_plan_survives_its_process(process, project: Path):
    said, _ = process([command("touch made")], "say:touch it")
    assert said[-1] == "asked run touch made"
    assert not (project / "made").exists()
    again, _ = process([], "yes")
    assert again[:2] == [said[0], "waiting run touch made"]
    assert again[-1].startswith("done ['`touch made` succeeded")
    assert (project / "made").exists()


def test_a_kill_between_question_and_answer_loses_nothing(process, project: Path):
    _, code = process([command("touch made")], "say:touch it", "die")
    assert code == -signal.SIGKILL
    assert not (project / "made").exists()
    said, _ = process([], "yes")
    assert said[1] == "waiting run touch made"
    assert (project / "made").exists()


def test_a_kill_while_acting_uses_the_approval_up(process, project: Path, settings):
    line = job(project, "touch began; exec sleep 5")
    process([command(line)], "say:go")
    _, code = process([], "die-acting")
    assert code == -signal.SIGKILL
    said, _ = process([{"kind": "decline", "reply": "well"}], "yes", "say:what now")
    assert not any(line.startswith("waiting") for line in said)
    assert "failed nothing waits for an answer" in said
    assert any(line.startswith("notice the last turn was stopped half-way") for line in said)
    assert said[-1] == "done ['well']"
    (record,) = Journal(settings.state).recent()
    assert record.steps[0].state == "intent"


async def test_cancel_ends_the_process_group_and_the_thread_stays_valid(talk, project: Path):
    line = job(project, "sleep 300 & echo $! > child; echo $$ > parent; wait")
    session = await talk(
        [calls(("run", {"command": line})), Thought("decline", reply="well")], follows_up=True, yes=True
    )
    found = []
    async for event in session.send("run it"):
        found.append(event)
        if isinstance(event, ToolStarted):
            asyncio.get_running_loop().create_task(_cancel_when(project / "parent", session))
    assert one(found, Failed).error.exit == 130
    assert found[-1].exit == 130
    assert len(session._flow.model.asked) == 1
    for name in ("child", "parent"):
        assert _gone(int((project / name).read_text()))
    assert (await all_of(session.send("and now?")))[-1].reply == "well"
    assert session._flow.model.asked[1].history[-1].reply.startswith("stopped; what the command had done is kept")


async def _cancel_when(file: Path, session: Session) -> None:
    while not (file.exists() and file.read_text().strip()):
        await asyncio.sleep(0.01)
    session.cancel()


def _gone(pid: int) -> bool:
    for _ in range(300):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


async def test_a_reader_that_leaves_cancels_its_turn(talk, project: Path):
    session = await talk(
        [calls(("run", {"command": job(project, "echo $$ > parent; sleep 300")})), calls(PUT)], yes=True
    )
    stream = session.send("run it")
    async for event in stream:
        if isinstance(event, ToolStarted):
            while not (project / "parent").exists():
                await asyncio.sleep(0.01)
            break
    await stream.aclose()
    assert _gone(int((project / "parent").read_text() or "0"))
    assert (await all_of(session.send("write a")))[-1].exit == 0


async def test_cancel_stops_a_thought_and_a_list_between_its_calls(talk, project: Path, settings):
    class Slow:
        name, follows_up = "slow", True

        async def think(self, request):
            await asyncio.sleep(60)
            yield Thought("reply")

    session = await Session.open(settings, model=Slow())
    asyncio.get_running_loop().call_later(0.1, session.cancel)
    found = await all_of(session.send("think"))
    assert one(found, Failed).error.exit == 130
    await session.close()
    session = await talk([calls(*(("put", {"name": str(n), "text": "x"}) for n in range(5)))], yes=True)
    found = []
    async for event in session.send("write"):
        found.append(event)
        if isinstance(event, ToolStarted) and event.call.args["name"] == "2":
            session.cancel()
    assert one(found, Failed).error.exit == 130
    assert not (project / "4").exists()


async def test_sessions_are_listed_renamed_found_and_deleted(talk, settings, project: Path):
    first = await talk([Thought("decline", reply="no")])
    await all_of(first.send("set up   this\nproject please " + "x" * 80))
    second = await talk([calls(PUT)])
    await all_of(second.send("write a"))
    third = await talk()
    listed = list_sessions(settings)
    assert [(info.id, info.waiting) for info in listed] == [(second.id, True), (first.id, False)]
    assert listed[1].title == "set up this project please…"
    rename(settings, first.id[:5], "the set-up")
    await first.close()
    await second.close()
    again = await Session.open(replace(settings, session="the set-up"), model=third._flow.model)
    assert again.id == first.id
    await again.close()
    delete(settings, second.id)
    assert [info.id for info in list_sessions(settings)] == [first.id]
    with sqlite3.connect(settings.state / "sessions.db") as db:
        assert db.execute("select count(*) from checkpoints where thread_id=?", (second.id,)).fetchone() == (0,)
    db.close()
    with pytest.raises(Usage, match="there is no session"):
        await Session.open(replace(settings, session="nowhere"), model=third._flow.model)


async def test_continue_takes_this_projects_latest(talk, settings, project: Path, tmp_path: Path):
    here = await talk([Thought("decline", reply="no")])
    await all_of(here.send("hello"))
    await here.close()
    (tmp_path / "elsewhere").mkdir()
    there = await talk([Thought("decline", reply="no")], path=tmp_path / "elsewhere")
    await all_of(there.send("hello"))
    again = await talk(resume=True)
    assert again.id == here.id
    assert again._kept.history[0]["reply"] == "no"


async def test_one_conversation_is_open_once(talk, settings):
    first = await talk([Thought("decline", reply="no")])
    await all_of(first.send("hello"))
    with pytest.raises(Locked, match="open in another process"):
        await talk(session=first.id)


async def test_a_session_stays_small(talk, settings):
    session = await talk([Thought("decline", reply="y" * 2_000) for _ in range(60)])
    for number in range(60):
        await all_of(session.send(f"{number}" + "x" * 2_000))
    with sqlite3.connect(settings.state / "sessions.db") as db:
        ((rows, size),) = db.execute("select count(*), sum(length(checkpoint)) from checkpoints").fetchall()
    db.close()
    assert rows == 1
    assert size < 200_000
    assert (settings.state / "sessions.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("fault", ["no database", "torn"])
async def test_hostile_56_a_damaged_file_costs_conversations_only(talk, settings, fault: str, project: Path):
    first = await talk([calls(PUT)], yes=True)
    await all_of(first.send("write a"))
    await first.close()
    file = settings.state / "sessions.db"
    body = bytearray(file.read_bytes())
    body[:] = b"x" * len(body) if fault == "no database" else body[:4096] + b"\xff" * (len(body) - 4096)
    file.write_bytes(body)
    for tail in ("-wal", "-shm"):
        Path(f"{file}{tail}").unlink(missing_ok=True)
    again = await talk([Thought("decline", reply="well")], resume=True)
    found = await all_of(again.send("hello"))
    assert any("damaged" in event.text for event in found if isinstance(event, Notice))
    assert found[-1].reply == "well"
    assert list(settings.state.glob("sessions.db.damaged-*"))
    assert len(Journal(settings.state).recent()) == 1


async def test_hostile_56_a_crafted_checkpoint_builds_nothing(talk, settings, tmp_path: Path):
    first = await talk([calls(PUT)])
    await all_of(first.send("write a"))
    await first.close()
    import ormsgpack

    proof = tmp_path / "proof"
    call = ormsgpack.packb(("pathlib", "Path", [str(proof)], "touch"))
    evil = ormsgpack.packb({"v": 4, "id": "1", "channel_values": {"asked": ormsgpack.Ext(1, call)}, "ts": ""})
    with sqlite3.connect(settings.state / "sessions.db") as db:
        db.execute("update checkpoints set checkpoint=?", (evil,))
    db.close()
    again = await talk([Thought("decline", reply="well")], session=first.id)
    assert (await all_of(again.send("hello")))[-1].reply == "well"
    assert not proof.exists()


async def test_hostile_56_a_file_that_is_locked_is_done_without(talk, settings, monkeypatch, project: Path):
    monkeypatch.setattr("envsync.agent.sessions.WAIT", 0.2)
    first = await talk([Thought("decline", reply="x")])
    await all_of(first.send("hello"))
    holder = sqlite3.connect(settings.state / "sessions.db", isolation_level=None)
    holder.execute("begin exclusive")
    session = await talk([calls(PUT)])
    found = await all_of(session.send("write a"))
    assert any("locked" in event.text for event in found if isinstance(event, Notice))
    assert (await all_of(session.answer(yes(found[-1]))))[-1].exit == 0
    assert (project / "a").exists()
    holder.close()


async def test_a_disk_that_fills_up_mid_conversation_ends_no_turn(talk, settings, project: Path):
    session = await talk([calls(PUT), Thought("decline", reply="well")], yes=True)
    await session._kept._thread._db.execute("pragma query_only=on")
    found = await all_of(session.send("write a"))
    assert any("cannot be kept any more" in event.text for event in found if isinstance(event, Notice))
    assert found[-1].exit == 0
    assert (project / "a").exists()
    assert (await all_of(session.send("next")))[-1].reply == "well"
    assert session._flow.model.asked[1].history[0].reply.startswith("write a")


async def test_only_one_turn_runs_at_a_time(talk, project: Path):
    session = await talk([calls(("run", {"command": "sleep 0.5"}))], yes=True)
    async for event in session.send("sleep"):
        if isinstance(event, ToolStarted):
            other = await all_of(session.call([Call("put", {"name": "a"})]))
            assert one(other, Failed).error.what == "a turn is running"
    assert isinstance(event, Done)
    assert not isinstance(event, ApprovalNeeded)
    assert os.listdir(project) == []


async def test_cancelling_a_command_at_any_moment_ends_its_children_and_returns(project: Path):
    line = job(project, "sleep 300 & echo $! > child; wait")
    for number in range(12):
        (project / "child").unlink(missing_ok=True)
        task = asyncio.ensure_future(LocalHost().run([str(project / line)], cwd=project))
        await asyncio.sleep(number * 0.001)
        while number % 2 and not (project / "child").exists():
            time.sleep(0.001)  # the loop stands still: the command is ahead of it
        task.cancel()
        async with asyncio.timeout(10):
            with contextlib.suppress(asyncio.CancelledError):
                await task
        child = (project / "child").read_text().strip() if (project / "child").exists() else ""
        assert not child or _gone(int(child))
