"""The transaction: what is journalled, compensated, refused and left behind, with real steps on real files."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import JsonValue

from envsync.tools.contract import Context, StepRecord
from envsync.tools.errors import Cancelled, Failed, Locked, Stale
from envsync.tools.journal import Journal, undo
from envsync.tools.locks import lock
from envsync.tools.plan import Plan, Risk, Step
from envsync.tools.transaction import Transactions

Make = Callable[..., Context]


class Append:
    """Appends a line to a file; its inverse takes the last line off. Fails, waits or lies on request."""

    name = "append"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        line, file = str(step.args["line"]), context.path / "log"
        off = bool(step.args.get("off"))
        if line == "fail" and not off:
            raise Failed("it failed", "as asked")
        if line == "fault" and not off:
            raise KeyError("a fault of ours")
        if line == "wait" and not off:
            await asyncio.sleep(30)
        lines = file.read_text().splitlines() if file.exists() else []
        if off:
            lines = lines[:-1] if lines and lines[-1] == line else lines
        elif line != "lie":
            lines.append(line)
        file.write_text("".join(f"{one}\n" for one in lines))
        return {"lines": len(lines)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        present = str(step.args["line"]) in (context.path / "log").read_text().splitlines()
        return present != bool(step.args.get("off"))


def step(line: str, *, inverse: bool = True) -> Step:
    back = Step(kind="append", does=f"remove {line}", args={"line": line, "off": True})
    return Step(kind="append", does=f"append {line}", args={"line": line}, inverse=(back,) if inverse else ())


def plan(context: Context, *lines: str, **changes: object) -> Plan:
    body: dict[str, object] = {
        "tool": "provision",
        "path": str(context.path),
        "summary": "append lines",
        "steps": tuple(step(line) for line in lines),
        "risk": Risk.R2,
    }
    return Plan.model_validate({**body, **changes})


async def no_capture(context: Context, label: str | None = None) -> str:
    return "s1"


async def no_restore(context: Context, snapshot: str) -> str:
    return "restored"


def transactions(context: Context) -> Transactions:
    return Transactions(Journal(context.state), {"append": Append()}, no_capture, no_restore)


async def apply(context: Context, what: Plan) -> object:
    async def again() -> Plan:
        return what

    return await transactions(context).apply(what.digest, again, context)


async def test_a_committed_transaction_is_journalled_step_by_step(make_context: Make, project: Path) -> None:
    context = make_context(project)
    outcome = await apply(context, plan(context, "a", "b"))
    assert outcome.state == "committed"
    record = Journal(context.state).recent(1)[0]
    assert [(entry.state, entry.data) for entry in record.steps] == [("done", {"lines": 1}), ("done", {"lines": 2})]
    assert [back.does for back in undo(record)] == ["remove b", "remove a"]


@pytest.mark.parametrize("bad", ["fail", "lie"])
async def test_a_failing_step_takes_back_all_before_it(make_context: Make, project: Path, bad: str) -> None:
    context = make_context(project)
    outcome = await apply(context, plan(context, "a", "b", bad))
    assert outcome.state == "compensated"
    assert (project / "log").read_text() == ""
    assert [entry.state for entry in outcome.steps] == ["undone", "undone", "undone"]


async def test_a_step_without_inverse_is_named_as_stuck(make_context: Make, project: Path) -> None:
    context = make_context(project)
    outcome = await apply(context, plan(context, steps=(step("a", inverse=False), step("fail"))))
    assert outcome.state == "broken"
    assert [entry.state for entry in outcome.steps] == ["stuck", "undone"]


async def test_a_fault_of_ours_is_taken_back_before_it_is_shown(make_context: Make, project: Path) -> None:
    context = make_context(project)
    with pytest.raises(KeyError):
        await apply(context, plan(context, "a", "fault"))
    assert (project / "log").read_text() == "" and Journal(context.state).recent(1)[0].state == "compensated"


async def test_hostile_30_a_plan_that_moved_is_stale_and_nothing_happens(make_context: Make, project: Path) -> None:
    context = make_context(project)
    shown = plan(context, "a")

    async def again() -> Plan:
        return plan(context, "a", "b")

    with pytest.raises(Stale) as error:
        await transactions(context).apply(shown.digest, again, context)
    assert error.value.data["plan"].steps[1].does == "append b"
    assert not (project / "log").exists()
    assert Journal(context.state).recent() == []


async def test_hostile_52_a_second_change_is_refused_with_the_owner(make_context: Make, project: Path) -> None:
    context = make_context(project)
    with (
        lock(context.state / "locks", f"local:{project}", "upgrade numpy"),
        pytest.raises(Locked, match="upgrade numpy"),
    ):
        await apply(context, plan(context, "a"))
    assert not (project / "log").exists()


async def test_hostile_51_cancelling_takes_back_and_frees_the_lock(make_context: Make, project: Path) -> None:
    context = make_context(project)
    task = asyncio.ensure_future(apply(context, plan(context, "a", "wait")))
    while not (project / "log").exists():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(Cancelled, match="taken back"):
        await task
    assert (project / "log").read_text() == ""
    with lock(context.state / "locks", f"local:{project}", "next"):
        pass


async def test_a_plan_that_does_not_compensate_keeps_what_was_done(make_context: Make, project: Path) -> None:
    context = make_context(project)
    outcome = await apply(context, plan(context, "a", "fail", compensates=False))
    assert outcome.state == "stopped"
    assert (project / "log").read_text() == "a\n"


async def test_hostile_48_no_journal_no_change(make_context: Make, project: Path) -> None:
    context = make_context(project)
    Journal(context.state)
    (context.state / "journal.db").write_bytes(b"this is no database at all, but it is there" * 100)
    with pytest.raises(Failed, match="journal"):
        await apply(context, plan(context, "a"))
    assert not (project / "log").exists()


def test_hostile_50_53_a_killed_process_leaves_a_journal_that_tells(make_context: Make, project: Path) -> None:
    context = make_context(project)
    script = f"""
        import asyncio, os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_transaction import *
        from envsync.tools.hosts.local import LocalHost
        class Kill(Append):
            async def do(self, step, context):
                data = await super().do(step, context)
                if step.args["line"] == "b":
                    os.kill(os.getpid(), signal.SIGKILL)
                return data
        async def none(context, scope="all"): ...
        context = Context(LocalHost(), Path({str(project)!r}), Path({str(context.state)!r}), None, none)
        what = plan(context, "a", "b", "c")
        async def again(): return what
        done = Transactions(Journal(context.state), {{"append": Kill()}}, no_capture, no_restore)
        asyncio.run(done.apply(what.digest, again, context))
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    journal = Journal(context.state)
    assert [entry.state for entry in journal.recent(1)[0].steps] == ["done", "intent"]
    # The lock of the dead process is taken over, and its transaction is closed as what it is.
    asyncio.run(apply(context, plan(context, "d")))
    dead = journal.recent(2)[1]
    assert dead.state == "interrupted"
    assert [back.does for back in undo(dead)] == ["remove b", "remove a"]


def test_hostile_53_a_lock_from_another_machine_needs_an_explicit_unlock(tmp_path: Path) -> None:
    from envsync.tools.locks import held, unlock

    with lock(tmp_path, "local:/p", "x"):
        (file,) = tmp_path.glob("*.lock")
        body = file.read_text().replace(os.uname().nodename, "elsewhere")
    file.write_text(body)
    with pytest.raises(Locked, match="elsewhere") as error, lock(tmp_path, "local:/p", "y"):
        pass
    (owner,) = held(tmp_path)
    assert str(owner["id"]) in error.value.hint
    unlock(tmp_path, str(owner["id"]))
    with lock(tmp_path, "local:/p", "y"):
        assert len(held(tmp_path)) == 1


def test_hostile_58_secrets_do_not_reach_the_journal(tmp_path: Path, make_context: Make, project: Path) -> None:
    context = make_context(project)
    journal = Journal(context.state, lambda text: text.replace("hunter2", "[redacted]"))
    journal.begin(plan(context, "hunter2"), words="my password is hunter2")
    assert all(b"hunter2" not in file.read_bytes() for file in context.state.glob("journal.db*"))


def test_hostile_58_61_odd_text_and_named_secrets_are_kept_as_they_may_be(
    tmp_path: Path, make_context: Make, project: Path
) -> None:
    journal = Journal(tmp_path / "state")
    name = os.fsdecode(b"caf\xe9")
    id = journal.begin(plan(make_context(project), name), words=f"remove {name}")
    journal.record(id, StepRecord(index=0, does=name, state="done", data={"password": "abc", "file": name}))
    record = journal.get(id)
    assert record.steps[0].data == {"password": "[redacted:password]", "file": name}
    assert "\\udce9" in record.words
    assert record.plan.steps[0].args["line"] == name
