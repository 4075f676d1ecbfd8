"""Steps that do not wait for each other: they run at once, stop together, are taken back in order, and report as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from envsync.tools.board import Board
from envsync.tools.contract import Context, Outcome, Output, Progress
from envsync.tools.errors import Cancelled, Failed
from envsync.tools.journal import Journal
from envsync.tools.plan import Plan, Risk, Step
from envsync.tools.transaction import AT_ONCE, Transactions

Make = Callable[..., Context]


class Meeting:
    """A step that leaves a file, and can wait for the file of another: two that wait for each other end only together."""

    name = "meet"

    def __init__(self) -> None:
        self.order: list[str] = []
        self.most = self.now = 0

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        name = str(step.args["name"])
        path = context.path / name
        if step.args.get("off"):
            path.unlink(missing_ok=True)
            self.order.append(f"-{name}")
            return {}
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            path.write_text("")
            self.order.append(name)
            context.report(Output(f"{name} says\nhalf"))
            context.report(Progress(f"working on {name}", 1, 3, "parts"))
            await asyncio.sleep(0)
            for other in str(step.args.get("waits", "")).split():
                async with asyncio.timeout(10):
                    while not (context.path / other).exists():
                        await asyncio.sleep(0.005)
            if step.args.get("fails"):
                raise Failed(f"{name} failed", "as asked")
        finally:
            self.now -= 1
        return {"name": name}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return (context.path / str(step.args["name"])).exists() is not bool(step.args.get("off"))


def step(name: str, after: tuple[int, ...] | None, **args: JsonValue) -> Step:
    back = Step(kind="meet", does=f"remove {name}", args={"name": name, "off": True})
    return Step(kind="meet", does=f"make {name}", args={"name": name, **args}, inverse=(back,), after=after)


def plan(context: Context, *steps: Step) -> Plan:
    return Plan(tool="provision", path=str(context.path), summary="meet", steps=steps, risk=Risk.R2)


async def apply(context: Context, what: Plan, kind: Meeting) -> Outcome:
    async def again() -> Plan:
        return what

    async def nothing(context: Context, *_: object) -> str:
        return ""

    run = Transactions(Journal(context.state), {"meet": kind}, nothing, nothing)
    return await run.apply(what.digest, again, context)


async def test_two_that_wait_for_each_other_meet_and_the_last_waits_for_both(make_context: Make, project: Path) -> None:
    context, kind = make_context(project), Meeting()
    outcome = await apply(
        context,
        plan(context, step("a", (), waits="b"), step("b", (), waits="a"), step("last", None)),
        kind,
    )
    assert outcome.state == "committed" and kind.order == ["a", "b", "last"]
    assert [(record.index, record.state) for record in outcome.steps] == [(0, "done"), (1, "done"), (2, "done")]


async def test_without_word_of_it_steps_stay_one_after_the_other(make_context: Make, project: Path) -> None:
    context, kind = make_context(project), Meeting()
    await apply(context, plan(context, step("a", None), step("b", None), step("c", None)), kind)
    assert kind.most == 1


async def test_no_more_than_a_few_run_at_once(make_context: Make, project: Path) -> None:
    context, kind = make_context(project), Meeting()
    await apply(context, plan(context, *(step(str(n), ()) for n in range(12))), kind)
    assert 1 < kind.most <= AT_ONCE


async def test_a_failure_stops_the_others_and_all_is_taken_back_newest_first(make_context: Make, project: Path) -> None:
    context, kind = make_context(project), Meeting()
    steps = (
        step("first", ()),
        step("stuck", (0,), waits="never"),
        step("bad", (0,), waits="stuck", fails=True),
        step("no", None),
    )
    outcome = await apply(context, plan(context, *steps), kind)
    assert outcome.state == "compensated" and outcome.error.startswith("bad failed")
    assert kind.order == ["first", "stuck", "bad", "-bad", "-stuck", "-first"] and kind.now == 0
    assert sorted(path.name for path in project.iterdir()) == []
    assert [record.index for record in outcome.steps] == [0, 1, 2]


async def test_cancelling_ends_all_that_run(make_context: Make, project: Path) -> None:
    context, kind = make_context(project), Meeting()
    task = asyncio.ensure_future(
        apply(context, plan(context, step("a", (), waits="never"), step("b", (), waits="never")), kind)
    )
    while not (project / "b").exists():
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(Cancelled, match="taken back"):
        await task
    assert kind.now == 0 and not list(project.iterdir())


async def test_steps_that_wait_for_each_other_are_refused_and_taken_back(make_context: Make, project: Path) -> None:
    context, kind = make_context(project), Meeting()
    outcome = await apply(context, plan(context, step("a", ()), step("b", (2,)), step("c", (1,))), kind)
    assert outcome.state == "compensated" and "wait for each other" in outcome.error
    assert not list(project.iterdir())


def test_reports_become_one_view(make_context: Make, project: Path) -> None:
    said: list[Progress | Output] = []
    board = Board((step("a", ()), step("b", ())), make_context(project, report=said.append))
    a = board.begin(0)
    b = board.begin(1)
    b.report(Progress("fetching", 2, 5, "packages"))
    a.report(Output("one\ntw"))
    b.report(Output("other\n"))
    a.report(Output("o\n"))
    a.report(Output("rest"))
    board.end(0)
    assert [event.text for event in said if isinstance(event, Output)] == [
        "[1] one\n",
        "[2] other\n",
        "[1] two\n",
        "[1] rest\n",
    ]
    shown = [event for event in said if isinstance(event, Progress)]
    assert shown[2] == Progress("make a · fetching (2/5 packages)", 0, 2, "steps")
    assert shown[-1] == Progress("fetching (2/5 packages)", 1, 2, "steps")


@st.composite
def waits(draw: st.DrawFn) -> list[tuple[int, ...] | None]:
    number = draw(st.integers(1, 9))
    return [
        draw(st.none() | st.lists(st.integers(0, index - 1), max_size=3, unique=True).map(tuple))
        if index
        else draw(st.just(()))
        for index in range(number)
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(waits(), st.integers(-1, 8))
def test_whatever_waits_for_whatever_order_is_kept_and_failures_leave_nothing(
    tmp_path_factory: pytest.TempPathFactory, make_context: Make, after: list[tuple[int, ...] | None], bad: int
) -> None:
    project = tmp_path_factory.mktemp("project")
    context, kind = make_context(project), Meeting()
    steps = [step(str(index), wait, fails=index == bad) for index, wait in enumerate(after)]
    outcome = asyncio.run(apply(context, plan(context, *steps), kind))
    begun = [name for name in kind.order if not name.startswith("-")]
    for index, wait in enumerate(after):
        if str(index) in begun:
            before = range(index) if wait is None else wait
            assert all(begun.index(str(one)) < begun.index(str(index)) for one in before)
    if bad in range(len(after)):
        assert outcome.state == "compensated" and not list(project.iterdir())
    else:
        assert outcome.state == "committed" and len(begun) == len(after)
