"""Plan, decide, ask, carry out a list of calls: what the graph's gate and act nodes and typed commands share."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blake3 import blake3
from pydantic import ValidationError

from ..tools import registry
from ..tools.contract import (
    Args,
    Changed,
    Context,
    Notes,
    Outcome,
    Output,
    Progress,
    Report,
    Result,
    silent,
    undo_words,
)
from ..tools.errors import Cancelled, EnvSyncError, NeedsApproval, Refused, Stale, Usage
from ..tools.errors import Failed as ToolFailed
from ..tools.fingerprint import Fingerprint
from ..tools.hosts.base import Freezes
from ..tools.hosts.registry import Hosts
from ..tools.journal import Journal
from ..tools.plan import Plan, Risk
from ..tools.transaction import Transactions
from . import policy
from .config import Settings, state_directory
from .events import Approval, ApprovalNeeded, Call, Event, Failed, Planned, Prepared, ToolFinished, ToolStarted

EXPIRES = 600.0
"""Seconds that a shown plan can be approved: after a coffee break the plan is shown again."""


class Executor:
    """Checks, plans, decides and carries out calls. One per session; `always` grows with a person's answers."""

    def __init__(self, settings: Settings, notes: Notes, redact: Callable[[str], str] = str) -> None:
        self.settings = settings
        self.journal = Journal(state_directory(settings), redact)
        self.always: set[str] = set()
        self.hosts = Hosts()
        self._notes = notes
        self._running: asyncio.Task[Event] | None = None

    def check(self, call: Call) -> Args:
        """The call's arguments, validated. Raises Usage with every fault named, in words a model or a person can mend."""
        kind = registry.find(call.tool).args
        try:
            return kind.model_validate(dict(call.args))
        except ValidationError as error:
            faults = "; ".join(_fault(item) for item in error.errors(include_url=False, include_context=False))
            known = ", ".join(kind.model_fields)
            raise Usage(f"{call.tool}: {faults}", f"{call.tool} takes: {known}.") from error

    async def context(self, args: Args, *, words: str = "", origin: str = "person", report: Report = silent) -> Context:
        """What a tool may use for one call. Raises Usage for a path that is no directory, Unreachable for a host that is.

        A relative path begins in the settings' directory here, and on another host where that host says.
        """
        given = getattr(args, "path", None)
        host = self.hosts.open(getattr(args, "on", None) or self.settings.on)
        if host.name == "local":
            home, path = self._here(given if isinstance(given, str) else ".")
            there = path.is_dir()
        else:
            info = await host.info()
            home = info.home
            path = _normal(info.directory / _below(home, given if isinstance(given, str) else "."))
            entry = await host.stat(path)
            # A machine that is recorded whole can be put back also when the directory is what went.
            gone = entry is None and args.absent and isinstance(host, Freezes)
            there = gone or (entry is not None and entry.kind in ("directory", "link"))
        if not there:
            where = "" if host.name == "local" else f" on {host.name}"
            raise Usage(
                f"{path} is no directory{where}", "Name the project's directory, or leave it out for the current one."
            )
        return Context(
            host=host,
            path=path,
            state=self.settings.state,
            notes=self._notes,
            observe=_observe,
            report=report,
            home=home,
            origin=origin,
            words=words,
            open=self.hosts.open,
            environ=dict(self.settings.environ),
        )

    def _here(self, given: str) -> tuple[Path, Path]:
        """The home and the directory that is meant on this machine."""
        home = Path(self.settings.environ.get("HOME") or Path.home())
        return home, Path(self.settings.path, Path(given).expanduser()).resolve()

    async def close(self) -> None:
        """Let the hosts' connections go."""
        await self.hosts.close()

    async def prepare(self, calls: Sequence[Call], *, words: str = "", origin: str = "person") -> list[Prepared]:
        """Check and plan every call, reading only. Raises the first call's error; Refused when policy says no."""
        return [await self._prepare(call, words, origin) for call in calls]

    async def _prepare(self, call: Call, words: str, origin: str) -> Prepared:
        args, tool = self.check(call), registry.find(call.tool)
        call = Call(call.tool, args.model_dump(mode="json", exclude_unset=True), call.id)
        plan = None
        if tool.plan is not None and tool.planned(args):
            plan = await tool.plan(args, await self.context(args, words=words, origin=origin))
        yes = Risk.R2 if self.settings.yes else Risk.R1
        decision = policy.decide(call.tool, tool.risk, plan, yes=yes, always=self.always)
        if decision.verdict == "refuse":
            raise Refused(f"{call.tool} is refused: {decision.why}", "Nothing was changed.")
        risk = tool.risk if plan is None else max(tool.risk, plan.risk)
        return Prepared(call, risk, plan, decision.verdict == "ask", decision.why)

    async def carry_out(
        self, prepared: Sequence[Prepared], *, approved: bool, words: str = "", origin: str = "person"
    ) -> AsyncIterator[Event]:
        """Carry the calls out in order and stop at the first failure, which is the last event then.

        A plan that went stale because of the calls before it in this very list is Stale too: the rest is planned anew.
        """
        for item in prepared:
            if item.asks and not approved:
                yield Failed(_denied(item), item.call)
                return
            yield ToolStarted(item.call)
            async for event in self._watched(item, words, origin):
                yield event
                if isinstance(event, Failed):
                    return

    def stop(self) -> bool:
        """End the call that is being carried out; `carry_out` then yields its Failed, which says what became of it.

        False when there is none: a plan is being made, or a person being asked."""
        return self._running is not None and self._running.cancel()

    async def _watched(self, item: Prepared, words: str, origin: str) -> AsyncIterator[Event]:
        """Run one call in a task of its own, and yield what it reports as it comes."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def report(event: Progress | Output) -> None:
            # Reports may come from worker threads.
            loop.call_soon_threadsafe(queue.put_nowait, event)

        async def work() -> Event:
            try:
                return ToolFinished(item.call, await self._call(item, report, words, origin))
            except EnvSyncError as error:
                return Failed(error, item.call)
            except asyncio.CancelledError:
                # A transaction that had begun says so itself: this was a read, or had not begun.
                return stopped

        stopped = Failed(Cancelled(f"{item.call.tool} was stopped", "Nothing was changed."), item.call)
        task = self._running = asyncio.ensure_future(work())
        # Called after the reports that are under way, also for a task that was cancelled before it began.
        task.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            yield stopped if task.cancelled() else await task
        finally:
            self._running = None
            if not task.done():
                task.cancel()
                await asyncio.wait([task])

    async def _call(
        self, item: Prepared, report: Callable[[Progress | Output], None], words: str, origin: str
    ) -> Result:
        tool, args = registry.find(item.call.tool), self.check(item.call)
        context = await self.context(args, words=words, origin=origin, report=report)
        if tool.read is not None and not tool.planned(args):
            return await tool.read(args, context)
        plan, make = item.plan, tool.plan
        if plan is None or make is None:
            raise ToolFailed(f"{item.call.tool} has no plan", "Ask again.")
        if plan.empty:
            return await tool.nothing(args, plan, context) if tool.nothing else Changed(summary=plan.summary)
        outcome = await self.transactions().apply(plan.digest, lambda: make(args, context), context, plan.summary)
        if outcome.state != "committed":
            raise _failure(plan, outcome)
        if tool.finish is not None:
            return await tool.finish(args, plan, outcome, context)
        return changed(plan, outcome)

    def transactions(self) -> Transactions:
        """The transactions of this installation; made late, since it loads the snapshots' code."""
        from ..tools.snapshot.take import capture, restore

        return Transactions(self.journal, registry.kinds(), capture, restore)


@dataclass(frozen=True)
class Pending:
    """An approval that was asked for: bound to its plans, single use, and it expires."""

    needed: ApprovalNeeded
    since: float

    def accept(self, answer: Approval) -> bool:
        """True when this answer is a valid yes. Raises NeedsApproval with the reason when it is no answer to these plans."""
        if answer.id != self.needed.id:
            raise NeedsApproval("that was an answer to another plan", "Look at this plan, and answer it.")
        if time.monotonic() - self.since > EXPIRES:
            raise NeedsApproval("the plan was shown too long ago", "Ask again to see it as it would be now.")
        if answer.yes and self.needed.phrase and answer.typed.strip() != self.needed.phrase:
            raise NeedsApproval(
                f"this cannot be taken back, so it wants {self.needed.phrase!r} typed out", "Nothing was changed."
            )
        return answer.yes


def pending(prepared: Sequence[Prepared]) -> Pending | None:
    """What a person must be asked about these calls; None when they may run as they are."""
    asking = [item for item in prepared if item.asks]
    if not asking:
        return None
    digests = "".join(item.plan.digest if item.plan else "" for item in prepared)
    risk = max(item.risk for item in asking)
    phrase = asking[0].call.tool if risk >= Risk.R3 else ""
    id = blake3(digests.encode()).hexdigest()[:16]
    return Pending(ApprovalNeeded(id, tuple(prepared), risk, phrase), time.monotonic())


class Direct:
    """Typed calls as a turn: the same events and answers as a session, without graph or model."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self._pending: Pending | None = None

    async def send(self, calls: Sequence[Call]) -> AsyncIterator[Event]:
        """Plan the calls, and carry them out unless a person must say yes: then the last event is ApprovalNeeded."""
        try:
            prepared = await self.executor.prepare(calls)
        except EnvSyncError as error:
            yield Failed(error, calls[0] if calls else None)
            return
        yield Planned(tuple(prepared))
        if self.executor.settings.plan:
            return
        self._pending = pending(prepared)
        if self._pending is not None:
            yield self._pending.needed
            return
        async for event in self.executor.carry_out(prepared, approved=True):
            yield event

    async def answer(self, approval: Approval) -> AsyncIterator[Event]:
        """Go on after ApprovalNeeded. A plan that went stale is shown again, for a new answer."""
        waiting, self._pending = self._pending, None
        try:
            if waiting is None:
                raise NeedsApproval("nothing waits for an answer", "Ask for something first.")
            if not waiting.accept(approval):
                raise NeedsApproval("you said no", "Nothing was changed.")
        except EnvSyncError as error:
            yield Failed(error)
            return
        if approval.always:
            self.executor.always |= {item.call.tool for item in waiting.needed.prepared}
        rest = list(waiting.needed.prepared)
        async for event in self.executor.carry_out(rest, approved=True):
            if isinstance(event, ToolFinished):
                rest = rest[1:]
            if isinstance(event, Failed) and isinstance(event.error, Stale):
                yield event
                async for again in self.send([item.call for item in rest]):
                    yield again
                return
            yield event


def changed(plan: Plan, outcome: Outcome) -> Changed:
    """The plain result of a committed transaction."""
    undo = undo_words(str(plan.args.get("path", ".")), str(plan.args.get("on", "local"))) if plan.undoable else ""
    return Changed(
        summary=plan.summary,
        transaction=outcome.transaction,
        snapshot=outcome.snapshot,
        done=tuple(step.does for step in outcome.steps if step.state == "done"),
        undo=undo,
    )


async def _observe(context: Context, scope: Any = "all") -> Fingerprint:
    from ..tools.scan.tool import observe

    return await observe(context, scope)


def _denied(item: Prepared) -> NeedsApproval:
    what = item.plan.summary if item.plan else item.call.tool
    return NeedsApproval(
        f"needs your approval ({item.why}): {what}",
        "Nothing was changed. Run it in a terminal to be asked, or add --yes for plans up to R2."
        if item.risk < Risk.R3
        else "Nothing was changed. This cannot be approved beforehand: run it in a terminal.",
    )


def _failure(plan: Plan, outcome: Outcome) -> EnvSyncError:
    """The error of a transaction that did not commit; it says what was changed and what became of that."""
    stuck = [f"{step.does}: {step.error}" for step in outcome.steps if step.state == "stuck"]
    match outcome.state:
        case "compensated":
            after = "What had been changed was taken back." if outcome.steps else "Nothing was changed."
        case "stopped":
            after = "What it had done is kept; `envsync rewind --to last` takes it back."
        case _:
            after = f"Could not be taken back: {'; '.join(stuck)}."
    hint = f"{after} {outcome.hint}".strip()
    error = Cancelled if outcome.error == "cancelled" else ToolFailed
    return error(
        f"{plan.tool} failed: {outcome.error.splitlines()[0] if outcome.error else 'unknown'}", hint, outcome=outcome
    )


def _fault(item: Any) -> str:
    """One validation fault in one line; the offered value is not repeated, it may be anything."""
    where = ".".join(str(part) for part in item["loc"]) or "arguments"
    return f"unknown argument {where!r}" if item["type"] == "extra_forbidden" else f"{where}: {item['msg']}"


def _normal(path: Path) -> Path:
    """Without `.` and `..`; links cannot be asked for here."""
    return Path(os.path.normpath(path))


def _below(home: Path, given: str) -> Path:
    """`~` is the home over there."""
    return home / given[1:].lstrip("/") if given == "~" or given.startswith("~/") else Path(given)
