"""A context whose sandboxes are in a real engine, and in which nothing is left afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from envsync.tools import registry
from envsync.tools.contract import Context, Outcome, Tool
from envsync.tools.hosts.registry import Hosts
from envsync.tools.journal import Journal, Record, undo
from envsync.tools.made.ending import end
from envsync.tools.made.ledger import Ledger
from envsync.tools.plan import Plan, Risk
from envsync.tools.transaction import Transactions

LIMIT = 120.0
"""Seconds that anything may take on a loaded machine."""


async def no_snapshot(*_: object) -> str:
    raise AssertionError("a sandbox needs no snapshot")


def transactions(context: Context) -> Transactions:
    return Transactions(Journal(context.state), registry.kinds(), no_snapshot, no_snapshot)


async def carry_out(tool: str, context: Context, **args: object) -> tuple[Plan, Outcome]:
    """Plan a call and carry it out as the executor does."""
    found: Tool = registry.find(tool)
    make = found.plan
    assert make is not None
    given = found.args.model_validate(args)
    plan = await make(given, context)
    return plan, await transactions(context).apply(plan.digest, lambda: make(given, context), context)


async def take_back(context: Context, record: Record) -> Outcome:
    """A transaction's inverse, as rewinding makes it."""
    back = Plan(tool="rewind", path=str(context.path), summary="undo", risk=Risk.R2, steps=tuple(undo(record)))

    async def same() -> Plan:
        return back

    return await transactions(context).apply(back.digest, same, context)


def until(holds: Callable[[], object]) -> None:
    """Wait for something to become true."""
    limit = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


def reaper(state: Path) -> int | None:
    """The process that waits for leases to end, if one lives."""
    with suppress(OSError, ValueError):
        pid = int((state / "made/reaper.lock").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if str(state).encode() in words:
            return pid
    return None


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"lab-{os.getpid()}-{time.monotonic_ns() % 10**9}"


@pytest.fixture
async def bench(make_context: Callable[..., Context], project: Path) -> AsyncIterator[Context]:
    """A context that reaches machines; what was made in it is removed at the end, and its reaper ends by itself."""
    hosts = Hosts()
    context = make_context(project, open=hosts.open)
    yield context
    await hosts.close()
    for made in Ledger(context.state).living():
        await end(context.state, made, lease=False)
    pid = reaper(context.state)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


@pytest.fixture
def seen() -> Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]:
    """Waits for something to become true, asking as often as it can."""

    async def wait(holds: Callable[[], Awaitable[object]]) -> None:
        async with asyncio.timeout(LIMIT):
            while not await holds():
                await asyncio.sleep(0.05)

    return wait
