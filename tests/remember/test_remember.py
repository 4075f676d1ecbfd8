"""The tool `remember`: what is kept, what is not, and that undo takes back exactly that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from envsync.agent.wiring import ToolNotes
from envsync.memory.base import NoMemory
from envsync.memory.notebook import Notebook
from envsync.tools.contract import Context
from envsync.tools.errors import Usage
from envsync.tools.journal import Journal
from envsync.tools.plan import Plan, Risk
from envsync.tools.redact import Redactor
from envsync.tools.remember.tool import REMEMBER, STEPS, Kept, RememberArgs
from envsync.tools.transaction import Transactions

KEY = "gh" + "p_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3z99"


@pytest.fixture
async def context(make_context: Callable[..., Context], project: Path) -> AsyncIterator[Context]:
    """A context with the real memory."""
    made = make_context(project)
    redact = Redactor({"APP_SECRET": "s3cret-value"})
    memory = Notebook(made.state, redact)
    yield make_context(project, notes=ToolNotes(memory), environ={"APP_SECRET": "s3cret-value"})
    await memory.close()


async def no_snapshot(*_: object) -> str:
    raise AssertionError("a fact needs no snapshot")


def transactions(context: Context) -> Transactions:
    return Transactions(Journal(context.state), {kind.name: kind for kind in STEPS}, no_snapshot, no_snapshot)


async def remember(context: Context, fact: str, **more: bool) -> tuple[Plan, Kept]:
    args = RememberArgs(fact=fact, **more)
    assert REMEMBER.plan and REMEMBER.finish
    plan = await REMEMBER.plan(args, context)
    outcome = await transactions(context).apply(plan.digest, lambda: REMEMBER.plan(args, context), context)
    assert outcome.state == "committed"
    return plan, await REMEMBER.finish(args, plan, outcome, context)


async def undo(context: Context, plan: Plan) -> Plan:
    """The plan's inverse, carried out as a transaction of its own."""
    back = Plan(
        tool="rewind",
        path=str(context.path),
        summary="undo",
        risk=Risk.R1,
        steps=tuple(inverse for step in reversed(plan.steps) for inverse in step.inverse),
    )

    async def same() -> Plan:
        return back

    assert (await transactions(context).apply(back.digest, same, context)).state == "committed"
    return back


async def facts(context: Context) -> list[str]:
    return [note.text for note in await context.notes.search(None, project=str(context.path), limit=99)]


async def test_a_fact_is_kept_and_undone_exactly(context: Context):
    await remember(context, "redis listens on 6380")
    plan, kept = await remember(context, "my  database always\nlistens on 5433")
    assert plan.risk is Risk.R1 and plan.undoable and kept.fact == "my database always listens on 5433"
    assert kept.undo and (note := await context.notes.get(kept.id or 0)) and note.text == kept.fact
    await undo(context, plan)
    await undo(context, plan)
    assert await facts(context) == ["redis listens on 6380"]


async def test_what_is_known_already_is_no_change_and_its_undo_takes_nothing(context: Context):
    await remember(context, "use pnpm")
    plan, kept = await remember(context, "use pnpm")
    assert plan.empty and not kept.undo and kept.summary.startswith("already")
    await undo(context, plan)
    assert await facts(context) == ["use pnpm"]


async def test_undo_leaves_the_same_fact_of_another_place_alone(context: Context):
    await remember(context, "use pnpm", everywhere=True)
    plan, _ = await remember(context, "use pnpm")
    assert len(await facts(context)) == 2
    await undo(context, plan)
    assert await facts(context) == ["use pnpm"]
    assert (await context.notes.find("use pnpm", project="", host="local")) is not None


async def test_hostile_59_a_secret_in_a_fact_is_not_kept_and_said(context: Context):
    plan, kept = await remember(context, f"deploys use {KEY} and s3cret-value")
    written = plan.model_dump_json() + kept.model_dump_json() + "".join(await facts(context))
    written += "".join(path.read_bytes().decode("latin-1") for path in context.state.rglob("*") if path.is_file())
    assert KEY not in written and "s3cret-value" not in written
    assert "github-token" in plan.warnings[0] and "APP_SECRET" in kept.summary
    assert await facts(context) == ["deploys use [redacted:github-token] and [redacted:APP_SECRET]"]
    await undo(context, plan)
    assert await facts(context) == []


@pytest.mark.parametrize("fact", ["", "  \n ", KEY, "?!", "x" * 5000, "y" * 1_000_000])
async def test_what_is_no_fact_is_refused_with_what_to_do(context: Context, fact: str):
    with pytest.raises(Usage) as error:
        await remember(context, fact)
    assert error.value.hint and await facts(context) == []


@pytest.mark.parametrize("fact", ["lone \ud800 surrogate", "nul \0 byte", "مرحبا \u202e", "\x1b[31mred"])
async def test_hostile_61_any_text_is_kept_and_undone(context: Context, fact: str):
    plan, _ = await remember(context, fact)
    assert len(await facts(context)) == 1
    await undo(context, plan)
    assert await facts(context) == []


async def test_with_memory_off_it_says_so_before_a_plan_is_made(make_context: Callable[..., Context], project: Path):
    context = make_context(project, notes=ToolNotes(NoMemory()))
    assert REMEMBER.plan
    with pytest.raises(Usage) as error:
        await REMEMBER.plan(RememberArgs(fact="use pnpm"), context)
    assert "--no-memory" in error.value.hint
