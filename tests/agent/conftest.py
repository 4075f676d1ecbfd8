"""Sessions over a real graph, store, journal and executor; two small tools stand in for the product's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, JsonValue

from envsync.agent import events
from envsync.agent.config import Settings
from envsync.agent.events import Call, Event
from envsync.agent.models.base import Thought
from envsync.agent.models.scripted import ScriptedModel
from envsync.agent.session import Session
from envsync.tools import registry
from envsync.tools.contract import Args, Context, Result, Step, Tool
from envsync.tools.errors import Failed, Usage
from envsync.tools.plan import Plan, Risk


class LookArgs(Args):
    """Arguments of `look`."""

    name: str = Field(description="the file to look at")


class PutArgs(Args):
    """Arguments of `put`."""

    name: str = Field(description="the file to write")
    text: str = Field("", description="what to write")
    after: str = Field("", description="a file that must be there")
    path: str = Field(".", description="the directory")


class WipeArgs(Args):
    """Arguments of `wipe`."""

    name: str = Field(description="the file to remove for good")


async def look(args: LookArgs, context: Context) -> Result:
    """Read a file."""
    file = context.path / args.name
    if not file.is_file():
        raise Usage(f"there is no file {args.name}", "Name one that exists.")
    return Result(summary=f"{args.name}: {file.read_text()}")


async def put(args: PutArgs, context: Context) -> Plan:
    """Write a file."""
    file = context.path / args.name
    if args.after and not (context.path / args.after).exists():
        raise Usage(f"{args.after} is missing", "Make it first.")
    old = file.read_text() if file.exists() else None
    inverse = Step(kind="test-put", does=f"put {args.name} back", args={"file": str(file), "text": old})
    step = Step(
        kind="test-put",
        does=f"write {args.name}",
        args={"file": str(file), "text": args.text},
        inverse=(inverse,),
    )
    empty = old == args.text
    return Plan(
        tool="put",
        args=args.model_dump(mode="json", exclude_unset=True),
        path=str(context.path),
        summary=f"{args.name} is there already" if empty else f"write {args.name}",
        steps=() if empty else (step,),
        risk=Risk.R2,
    )


async def wipe(args: WipeArgs, context: Context) -> Plan:
    """Remove a file for good."""
    plan = await put(PutArgs(name=args.name, text="gone"), context)
    return plan.model_copy(update={"tool": "wipe", "risk": Risk.R3, "summary": f"remove {args.name}"})


class PutStep:
    """Writes or removes a file; the text `fail` fails."""

    name = "test-put"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        file, text = Path(str(step.args["file"])), step.args["text"]
        if text == "fail":
            raise Failed("the disk says no", "Try another disk.")
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(str(text))
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return None


TOOLS: dict[str, Tool[Any]] = {
    "look": Tool("look", LookArgs, Risk.R0, read=look),
    "put": Tool("put", PutArgs, Risk.R2, plan=put),
    "wipe": Tool("wipe", WipeArgs, Risk.R3, plan=wipe),
}


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product's table with three more tools in it."""
    register(monkeypatch.setattr)


def register(setattr: Callable[[Any, str, Any], None]) -> None:
    """Also for other processes that a test starts."""
    real, kinds = registry.find, registry.kinds

    def find(name: str) -> Tool[Any]:
        return TOOLS[name] if name in TOOLS else real(name)

    setattr(registry, "find", find)
    setattr(registry, "kinds", lambda: {"test-put": PutStep(), **kinds()})


@pytest.fixture
def settings(tmp_path: Path, project: Path, private: Path) -> Settings:
    """Settings of a person in `project`, with a state directory of their own."""
    return Settings(
        state=tmp_path / "state",
        file=tmp_path / "none.toml",
        path=project,
        environ={"HOME": str(private)},
        memory=False,
    )


@pytest.fixture
async def talk(settings: Settings) -> AsyncIterator[Callable[..., Any]]:
    """Opens sessions: `await talk(thoughts, **settings)`; all are closed at the end."""
    opened: list[Session] = []

    async def open(thoughts: Iterable[Thought] = (), follows_up: bool = False, **changes: Any) -> Session:
        model = ScriptedModel(thoughts, follows_up=follows_up)
        session = await Session.open(replace(settings, **changes), model=model)
        opened.append(session)
        return session

    yield open
    for session in opened:
        await session.close()


def calls(*made: tuple[str, dict[str, Any]] | Call, reply: str = "") -> Thought:
    """A thought that makes these calls."""
    return Thought("calls", tuple(c if isinstance(c, Call) else Call(c[0], c[1]) for c in made), reply)


async def all_of(stream: AsyncIterator[Event]) -> list[Event]:
    """The events of a turn, in order; a turn ends within a minute."""
    found: list[Event] = []
    async with asyncio.timeout(60):
        async for event in stream:
            found.append(event)
    return found


def one(found: list[Event], kind: type[Any]) -> Any:
    """The only event of its kind."""
    (event,) = [event for event in found if isinstance(event, kind)]
    return event


def yes(needed: events.ApprovalNeeded, **more: Any) -> events.Approval:
    return events.Approval(needed.id, True, **more)
