"""One turn from a front end's side: follow its events, ask the person where one must say yes, and know how it ended."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...tools.contract import Result
from ...tools.errors import Cancelled, EnvSyncError, NeedsApproval
from ...tools.registry import TOOLS
from ...tools.risk import Risk
from ..events import Approval, ApprovalNeeded, Call, Done, Event, Failed, Planned, Prepared, Text, ToolFinished
from .flags import failure
from .render import Screen


@dataclass(frozen=True)
class Reworded:
    """A person's `edit`: the plan is not approved, this is wanted instead."""

    words: str


Approve = Callable[[ApprovalNeeded], Awaitable[Approval | Reworded]]
"""Asks the person. Raises NeedsApproval when there is nobody to ask."""


class Talk(Protocol):
    """What a turn needs of a session, or of executor.Direct."""

    def answer(self, approval: Approval) -> AsyncIterator[Event]: ...


@dataclass
class Turn:
    """How a turn went; filled while it goes."""

    prepared: tuple[Prepared, ...] = ()
    later: tuple[Call, ...] = ()
    results: list[tuple[Call, Result]] = field(default_factory=list[tuple[Call, Result]])
    errors: list[EnvSyncError] = field(default_factory=list[EnvSyncError])
    text: str = ""
    done: Done | None = None
    reworded: str = ""

    @property
    def exit(self) -> int:
        """The exit code of the contract's table."""
        if self.done:
            return self.done.exit  # the session has weighed it: a call that was mended is no failure
        codes = [error.exit for error in self.errors] + [result.exit for _, result in self.results]
        return next((code for code in codes if code), 0)

    def add(self, event: Event) -> None:
        match event:
            case Planned(prepared, later):
                self.prepared, self.later = prepared, later
                # A stale plan that is shown again is no failure any more.
                self.errors.clear()
            case ToolFinished(call, result):
                self.results.append((call, result))
            case Failed(error):
                self.errors.append(error)
            case Text(text):
                self.text += text
            case Done():
                self.done = event
            case _:
                pass

    @property
    def understood(self) -> bool:
        """Calls were made of the request, whether or not they can be carried out here and now."""
        return bool(self.prepared or self.later)

    def document(self, *, plan: bool = False) -> dict[str, Any]:
        """The turn as the one JSON document that `ask --json` prints; with `plan` exactly what the contract names."""
        done = self.done
        body: dict[str, Any] = {
            "kind": done.kind if done else "calls",
            "calls": calls(self.prepared, self.later),
            "reply": str(self.errors[0]) if self.errors and self.exit else (done.reply if done else "") or self.text,
            "model": done.model if done else "",
            "seconds": round(done.seconds, 3) if done else 0.0,
        }
        if self.errors and self.exit and not (plan and self.understood):
            body = {**failure(self.errors[0]), **body}
        if plan:
            return body
        body |= {
            "results": [{"tool": call.tool, **dumped(result)} for call, result in self.results],
            "exit": self.exit,
        }
        if done and done.usage:
            body["usage"] = {"prompt": done.usage.prompt, "completion": done.usage.completion, "cost": done.usage.cost}
        return body


async def follow(
    talk: Talk, stream: AsyncIterator[Event], screen: Screen, approve: Approve, stop: Callable[[], object]
) -> Turn:
    """Show a turn to its end, asking when it must be asked. Errors of the turn are in what it returns, not raised.

    `stop` ends the running call; the stream then says what became of it. It is called when nobody reads the answer any
    more: a command that writes for ever is ended as with `… | head` elsewhere.
    """
    turn = Turn()
    try:
        while True:
            needed = await _until_asked(stream, screen, turn, stop)
            if needed is None:
                return turn
            try:
                answer = await approve(needed)
            except (NeedsApproval, asyncio.CancelledError) as error:
                await _drop(talk, needed, turn)
                if not isinstance(error, NeedsApproval):
                    raise
                turn.errors.append(error)
                screen.show(Failed(error))
                return turn
            if isinstance(answer, Reworded):
                await _drop(talk, needed, turn)
                turn.reworded = answer.words
                return turn
            stream = talk.answer(answer)
    finally:
        screen.meter.end()


async def _until_asked(
    stream: AsyncIterator[Event], screen: Screen, turn: Turn, stop: Callable[[], object]
) -> ApprovalNeeded | None:
    needed, stopped = None, False
    async for event in stream:
        turn.add(event)
        screen.show(event)
        if isinstance(event, ApprovalNeeded):
            needed = event
        if screen.broken and not stopped:
            stopped = True
            stop()
    return needed


async def _drop(talk: Talk, needed: ApprovalNeeded, turn: Turn) -> None:
    """Answer no without a word, so that nothing waits any more."""
    async for event in talk.answer(Approval(needed.id, yes=False)):
        if isinstance(event, Done):
            turn.add(event)


async def stoppable(work: Callable[[], Awaitable[Turn]], stop: Callable[[], bool], screen: Screen) -> Turn:
    """Run a turn so that Ctrl-C, SIGTERM and a closed terminal stop it and it still ends in order.

    `stop` ends the running call and says whether there was one; without one the work itself is cancelled.
    """
    task = asyncio.ensure_future(work())

    def cancel() -> None:
        if not stop():
            task.cancel()

    try:
        with signals(cancel):
            return await task
    except asyncio.CancelledError:
        error = Cancelled("cancelled", "Nothing was changed.")
        screen.show(Failed(error))
        return Turn(errors=[error])
    finally:
        screen.meter.end()


@contextmanager
def signals(stop: Callable[[], None]) -> Generator[None]:
    """Ctrl-C, SIGTERM and a closed terminal call `stop` instead of ending the process half-way."""
    loop = asyncio.get_running_loop()
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for kind in kinds:
        with suppress(NotImplementedError, ValueError):
            loop.add_signal_handler(kind, stop)
    try:
        yield
    finally:
        for kind in kinds:
            with suppress(NotImplementedError, ValueError):
                loop.remove_signal_handler(kind)


def calls(prepared: Sequence[Prepared], later: Sequence[Call] = ()) -> list[dict[str, Any]]:
    """Calls in the contract's JSON form: only the arguments that were understood."""
    risks = {entry.name: entry.risk for entry in TOOLS}
    return [
        *({"tool": item.call.tool, "args": dict(item.call.args), "risk": Risk(item.risk).name} for item in prepared),
        *({"tool": call.tool, "args": dict(call.args), "risk": risks[call.tool].name} for call in later),
    ]


def dumped(result: Result) -> dict[str, Any]:
    """A result with all its fields."""
    return result.model_dump(mode="json")
