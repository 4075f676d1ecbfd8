"""Two directories, and the tools on them as the executor runs them; no keeper outlives its test."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from envsync.tools import registry
from envsync.tools.contract import Context, Outcome, Result, Tool
from envsync.tools.journal import Journal, undo
from envsync.tools.plan import Plan, Risk
from envsync.tools.sync.session import Session, all_of
from envsync.tools.sync.steps import stopped
from envsync.tools.transaction import Transactions

LIMIT = 60.0
"""Seconds that anything may take on a loaded machine."""


async def no_snapshot(*_: object) -> str:
    raise AssertionError("a sync needs no snapshot")


@dataclass
class Desk:
    """Two sides and a context."""

    context: Context
    mine: Path
    theirs: Path

    def transactions(self) -> Transactions:
        return Transactions(Journal(self.context.state), registry.kinds(), no_snapshot, no_snapshot)

    async def plan(self, tool: str, **args: Any) -> Plan:
        found: Tool = registry.find(tool)
        assert found.plan is not None
        return await found.plan(found.args.model_validate(args), self.context)

    async def do(self, tool: str, **args: Any) -> Any:
        """Plan it and carry it out; its result. The outcome must be a commit."""
        found: Tool = registry.find(tool)
        make = found.plan
        assert make is not None and found.finish is not None
        given = found.args.model_validate(args)
        plan = await make(given, self.context)
        if plan.empty:
            return await found.nothing(given, plan, self.context) if found.nothing else Result(summary=plan.summary)
        outcome = await self.transactions().apply(plan.digest, lambda: make(given, self.context), self.context)
        assert outcome.state == "committed", outcome
        return await found.finish(given, plan, outcome, self.context)

    async def sync(self, **args: Any) -> Any:
        return await self.do("sync", source=str(self.mine), destination=str(self.theirs), **args)

    async def take_back(self) -> Outcome:
        """Undo the newest transaction, as rewinding does."""
        (record,) = Journal(self.context.state).recent(1)
        steps = tuple(undo(record))
        back = Plan(tool="rewind", path=str(self.context.path), summary="undo", risk=Risk.R2, steps=steps)

        async def same() -> Plan:
            return back

        outcome = await self.transactions().apply(back.digest, same, self.context)
        assert outcome.state == "committed", outcome
        return outcome

    @property
    def session(self) -> Session:
        (session,) = all_of(self.context.state)
        return session

    async def until(self, holds: Callable[[], object], what: str = "") -> None:
        """Wait for something to become true."""
        end = time.monotonic() + LIMIT
        while not holds():
            told = [
                (s.told(), (s.directory / "log").read_text()[-2000:]) for s in all_of(self.context.state) if s.keeping
            ]
            assert time.monotonic() < end, f"waited in vain {what}: {told}"
            await asyncio.sleep(0.01)


@pytest.fixture
async def desk(tmp_path: Path, project: Path, make_context: Callable[..., Context]) -> AsyncIterator[Desk]:
    mine, theirs = project / "mine", tmp_path / "theirs"
    mine.mkdir()
    made = Desk(make_context(project), mine, theirs)
    yield made
    for session in all_of(made.context.state):
        session.mark("keep", False)
        pid = session.told().pid
        await stopped(session)
        if session.busy() and pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
