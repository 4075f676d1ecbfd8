"""Turns of a session: what is asked, done, said, and what lasts."""

from __future__ import annotations

from pathlib import Path

from envsync.agent.events import Approval, ApprovalNeeded, Call, Done, Failed, Notice, Planned, ToolFinished
from envsync.agent.models.base import Thought

from .conftest import all_of, calls, one, yes

PUT = ("put", {"name": "a", "text": "1"})


async def test_a_change_waits_for_a_yes_and_is_then_done(talk, project: Path):
    session = await talk([calls(PUT)])
    asked = await all_of(session.send("write a"))
    assert isinstance(asked[-1], ApprovalNeeded)
    assert not (project / "a").exists()
    done = await all_of(session.answer(yes(asked[-1])))
    assert (project / "a").read_text() == "1"
    assert done[-1].exit == 0
    assert done[-1].reply.startswith("write a")
    assert "undo" in done[-1].reply


async def test_no_changes_nothing(talk, project: Path):
    session = await talk([calls(PUT)])
    asked = await all_of(session.send("write a"))
    done = await all_of(session.answer(Approval(asked[-1].id, False)))
    assert one(done, Failed).error.exit == 3
    assert done[-1].exit == 3
    assert not (project / "a").exists()
