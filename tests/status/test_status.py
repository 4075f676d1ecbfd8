"""What is going on: locks, unfinished work, what listens, what the snapshots take."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from rewinding import append, change, fact, rewind, snapshot

from envsync.tools.contract import Context
from envsync.tools.journal import Journal
from envsync.tools.locks import lock
from envsync.tools.status.listening import listeners
from envsync.tools.status.tool import STATUS, Status


async def status(context: Context) -> Status:
    result = await STATUS.read(STATUS.args(), context)  # pyright: ignore[reportOptionalCall]
    assert isinstance(result, Status)
    return result


async def test_a_quiet_machine(context: Context) -> None:
    found = await status(context)
    assert (found.locks, found.unfinished, found.snapshots, found.last_snapshot) == ((), (), 0, None)
    assert found.summary.startswith("no locks, nothing unfinished, ")


async def test_snapshots_and_what_they_take(context: Context, project: Path) -> None:
    (project / "blob").write_bytes(os.urandom(200_000))
    made = await snapshot(context, "start")
    found = await status(context)
    assert found.last_snapshot == made.snapshot
    assert found.snapshots == 1
    assert 200_000 < found.store_bytes < 400_000
    assert f"the last one here {made.snapshot} (labelled 'start', just now)" in found.summary
    assert found.retention.startswith("every labelled one, the newest 50 of each project")


async def test_hostile_52_a_lock_is_shown_with_its_owner(context: Context) -> None:
    with lock(context.state / "locks", f"local:{context.path}", "upgrade numpy"):
        (held,) = (await status(context)).locks
        assert (held.what, held.pid) == ("upgrade numpy", os.getpid())
    assert (await status(context)).locks == ()


async def test_broken_work_is_shown_with_what_to_do_until_it_is_rewound(context: Context, project: Path) -> None:
    (project / "app.py").write_text("one\n")
    stuck = fact("sent").model_copy(update={"inverse": ()})
    outcome = await change(context, stuck, append("app.py", fail=True), summary="send and append")
    assert outcome.state == "broken"
    (found,) = (await status(context)).unfinished
    assert found.what == "`send and append`"
    assert "not taken back: keep 'sent'" in found.state
    assert f"envsync rewind --to {outcome.snapshot}" in found.advice
    (project / "app.py").write_text("two\n")
    await rewind(context, outcome.snapshot or "")
    assert (await status(context)).unfinished == ()


async def test_work_under_way_is_no_unfinished_work(context: Context) -> None:
    from envsync.tools.contract import StepRecord
    from envsync.tools.plan import Plan, Risk

    journal = Journal(context.state)
    plan = Plan(tool="provision", path=str(context.path), summary="install", steps=(fact("x"),), risk=Risk.R2)
    id = journal.begin(plan)
    journal.record(id, StepRecord(index=0, does="keep 'x'", state="intent"))
    with lock(context.state / "locks", f"local:{context.path}", "install"):
        assert (await status(context)).unfinished == ()
    (found,) = (await status(context)).unfinished
    assert found.state == "interrupted after 0 of 1 step"


def test_a_listening_program_is_found_with_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (found,) = [item for item in listeners() if item.port == port]
    assert (found.pid, found.address) == (os.getpid(), "127.0.0.1")
