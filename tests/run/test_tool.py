"""`run` on a real directory: output, exit codes, time-outs, the project's own environment, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.tools.contract import Context, Output, Progress
from envsync.tools.errors import Usage
from envsync.tools.journal import Journal
from envsync.tools.plan import Risk
from envsync.tools.run.tool import STEPS, Ran, RunArgs, finish, plan
from envsync.tools.snapshot.take import capture, restore
from envsync.tools.transaction import Transactions

Make = Callable[..., Context]


async def run(context: Context, command: str, **more: object) -> Ran:
    args = RunArgs.model_validate({"command": command, **more})
    made = await plan(args, context)
    kinds = {kind.name: kind for kind in STEPS}
    outcome = await Transactions(Journal(context.state), kinds, capture, restore).apply(
        made.digest, lambda: plan(args, context), context
    )
    assert outcome.state == "committed", outcome.error
    return await finish(args, made, outcome, context)


async def test_output_comes_live_and_whole(make_context: Make, project: Path) -> None:
    seen: list[Output | Progress] = []
    done = await run(make_context(project, report=seen.append), "printf 'gr\\303\\274n\\n'")
    assert "".join(event.text for event in seen if isinstance(event, Output)) == "grün\n"
    assert (done.code, done.exit, done.tail) == (0, 0, "grün\n")
    assert done.snapshot, "a command is preceded by a snapshot"


async def test_a_failing_command_is_a_result_with_exit_one(make_context: Make, project: Path) -> None:
    done = await run(make_context(project), "sh -c 'echo broken; exit 3'")
    assert (done.code, done.exit) == (3, 1)
    assert "exit code 3" in done.summary


async def test_a_time_out_says_so(make_context: Make, project: Path) -> None:
    done = await run(make_context(project), "sleep 30", timeout=0.3)
    assert done.code == 124 and "ended after" in done.summary


async def test_the_projects_own_environment_comes_first(make_context: Make, project: Path) -> None:
    (project / ".venv/bin").mkdir(parents=True)
    own = project / ".venv/bin/ls"
    own.write_text("#!/bin/sh\necho mine\n")
    own.chmod(0o755)
    assert (await run(make_context(project), "ls")).tail == "mine\n"


async def test_an_unknown_program_is_refused_before_anything_happens(make_context: Make, project: Path) -> None:
    with pytest.raises(Usage, match="no-such-program"):
        await plan(RunArgs(command="no-such-program -q"), make_context(project))


async def test_a_program_that_cannot_be_started_is_a_failure_with_the_way_out(
    make_context: Make, project: Path
) -> None:
    (project / "tool").write_text("not executable")
    context = make_context(project)
    args = RunArgs(command="./tool")
    made = await plan(args, context)
    kinds = {kind.name: kind for kind in STEPS}
    outcome = await Transactions(Journal(context.state), kinds, capture, restore).apply(
        made.digest, lambda: plan(args, context), context
    )
    assert outcome.state == "stopped"
    assert "could not be started" in outcome.error and "permissions" in outcome.hint + outcome.error


async def test_no_snapshot_means_r3(make_context: Make, private: Path) -> None:
    made = await plan(RunArgs(command="ls"), make_context(private))
    assert made.risk == Risk.R3 and "home directory" in made.reason
    assert not made.undoable


async def test_hostile_05_control_signs_of_a_command_stay_in_its_output(make_context: Make, project: Path) -> None:
    done = await run(make_context(project), "printf '\\033[31mred\\033[0m'")
    # Kept as data; what shows it escapes it.
    assert done.tail == "\x1b[31mred\x1b[0m"
