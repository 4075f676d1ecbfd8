"""The only code that carries out a plan: lock, plan again, snapshot, journal, do, check, commit or compensate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from pydantic import JsonValue

from .board import Board
from .contract import Capture, Context, Outcome, Progress, Restore, StepKind, StepRecord
from .errors import Cancelled, EnvSyncError, Failed, Stale
from .hosts.holding import held_there
from .journal import Journal, Record
from .locks import lock
from .plan import Plan, Step

KEPT = "`envsync rewind --to last` takes back what was done; `envsync history` shows it."

AT_ONCE = 4
"""Steps that may run at the same time: more would only share the same network and disk."""


@dataclass
class _Run:
    """How far a transaction has come."""

    id: int
    plan: Plan
    snapshot: str | None = None
    begun: list[int] = field(default_factory=list[int])
    done: set[int] = field(default_factory=set[int])
    failed: int | None = None
    """The step that stopped it."""

    def ready(self) -> list[int]:
        """The steps that may begin now, in the order of the plan."""
        return [
            index
            for index, step in enumerate(self.plan.steps)
            if index not in self.begun and self.done.issuperset(range(index) if step.after is None else step.after)
        ]

    def unfinished(self) -> list[int]:
        """Those that were begun and did not end; the last one that was begun when it is not a step that failed."""
        return [index for index in self.begun if index not in self.done] or self.begun[-1:]


class Transactions:
    """Carries out plans. `kinds` are the step kinds by name, `capture` and `restore` the snapshots' two verbs."""

    def __init__(self, journal: Journal, kinds: Mapping[str, StepKind], capture: Capture, restore: Restore) -> None:
        self._journal = journal
        self._kinds = kinds
        self._capture = capture
        self._restore = restore

    async def apply(
        self, approved: str, replan: Callable[[], Awaitable[Plan]], context: Context, what: str = "a change"
    ) -> Outcome:
        """Carry out the plan whose digest a person or the policy approved.

        The plan is made again under the lock; when its digest is not `approved` the environment has moved: Stale, with the
        new plan in `data["plan"]`, and nothing was changed. Raises Locked likewise. A step that fails is compensated
        together with all before it, and the outcome says how that went. When cancelled, the same, then Cancelled.
        """
        environment = f"{context.host.name}:{context.path}"
        async with AsyncExitStack() as locks:
            locks.enter_context(lock(context.state / "locks", environment, what))
            await locks.enter_async_context(held_there(context.host, f"local:{context.path}", what))
            self.settle(context)
            plan = await replan()
            if plan.digest != approved:
                raise Stale(
                    "the environment changed since the plan was shown",
                    "Nothing was done. Look at the new plan and say yes to that one.",
                    plan=plan,
                )
            if plan.system:
                locks.enter_context(lock(context.state / "locks", f"{context.host.name} (system)", what))
                await locks.enter_async_context(held_there(context.host, "local (system)", what))
            return await self._carry_out(plan, context)

    def settle(self, context: Context) -> list[Record]:
        """Close the transactions of this environment whose process died; call with its lock held. Returns them.

        A step with an intent and no result stays so in the journal: only its post-condition could tell, and rewinding
        asks for that. Nothing is taken back by itself: a person may have worked on since.
        """
        dead = self._journal.open_ones(context.host.name, str(context.path))
        for record in dead:
            done = len(record.steps) == len(record.plan.steps) and all(step.state == "done" for step in record.steps)
            self._journal.end(record.id, "committed" if done else "interrupted", "" if done else "the process died")
        return [self._journal.get(record.id) for record in dead]

    async def _carry_out(self, plan: Plan, context: Context) -> Outcome:
        run = _Run(self._journal.begin(plan, context.words), plan)
        try:
            if plan.captures or any(step.covered for step in plan.steps):
                context.report(Progress("taking a snapshot first"))
                run.snapshot = await self._capture(context)
                self._journal.captured(run.id, run.snapshot)
            await self._steps(run, context)
            self._journal.end(run.id, "committed")
        except (Exception, asyncio.CancelledError) as error:
            ending = asyncio.ensure_future(self._end(run, error, context))
            try:
                outcome = await asyncio.shield(ending)
            except asyncio.CancelledError:
                # A second Ctrl-C must not stop the taking back half-way.
                await asyncio.wait([ending])
                outcome = ending.result()
            if isinstance(error, asyncio.CancelledError):
                hint = outcome.hint or ("" if outcome.state == "compensated" else KEPT)
                raise Cancelled(_ended(outcome), hint, outcome=outcome) from None
            if not isinstance(error, EnvSyncError | OSError):
                raise  # a fault of ours is shown as one, once what it left half-done is taken back
            return outcome
        return self._outcome(run.id)

    async def _steps(self, run: _Run, context: Context) -> None:
        """Carry the steps out, each as soon as those that it waits for are done. The first failure, which is raised, stops
        the others; none of them runs any more when this returns."""
        board = Board(run.plan.steps, context)
        working: dict[asyncio.Task[dict[str, JsonValue]], int] = {}
        try:
            while len(run.done) < len(run.plan.steps):
                for index in run.ready()[: AT_ONCE - len(working)]:
                    step = run.plan.steps[index]
                    self._journal.record(run.id, StepRecord(index=index, does=step.does, state="intent"))
                    run.begun.append(index)
                    working[asyncio.ensure_future(self._do(step, board.begin(index)))] = index
                if not working:
                    raise Failed("this plan has steps that wait for each other", "Make the plan again.")
                over, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                self._over(run, {task: working.pop(task) for task in over}, board)
        except BaseException:
            for task in working:
                task.cancel()
            while working:
                with suppress(asyncio.CancelledError):  # a second Ctrl-C: they end all the same
                    over, _ = await asyncio.wait(working)
                    for task in over:
                        board.end(working.pop(task))
            raise

    def _over(self, run: _Run, tasks: Mapping[asyncio.Task[dict[str, JsonValue]], int], board: Board) -> None:
        """Write down what became of these steps; raise the error of the first that failed."""
        failed: BaseException | None = None
        for task, index in sorted(tasks.items(), key=lambda item: item[1]):
            board.end(index)
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            if error is None:
                done = StepRecord(index=index, does=run.plan.steps[index].does, state="done", data=task.result())
                self._journal.record(run.id, done)
                run.done.add(index)
            elif failed is None:
                run.failed, failed = index, error
        if failed is not None:
            raise failed

    async def _do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        kind = self._kinds.get(step.kind)
        if kind is None:
            raise Failed(
                f"no step kind {step.kind!r} in this version", "Make the plan again with this version of EnvSync."
            )
        data = await kind.do(step, context)
        if await kind.holds(step, context) is False:
            raise Failed(
                f"this did not take effect: {step.does}", "The command reported success but its result is not there."
            )
        return data

    async def _end(self, run: _Run, error: BaseException, context: Context) -> Outcome:
        """Take back what was begun, newest first, and close the transaction."""
        what = "cancelled" if isinstance(error, asyncio.CancelledError) else str(error)
        steps = run.plan.steps
        for index in run.unfinished():
            why = what if run.failed in (None, index) else "stopped, since another step failed"
            self._journal.record(run.id, StepRecord(index=index, does=steps[index].does, state="failed", error=why))
        if not run.plan.compensates and run.begun:
            self._journal.end(run.id, "stopped", what)
            return self._outcome(run.id)
        stuck = False
        for index in reversed(run.begun):
            step = steps[index]
            if step.covered:
                continue
            state, why = ("undone", "") if step.inverse else ("stuck", "it has no inverse")
            for inverse in step.inverse:
                try:
                    await self._do(inverse, context)
                except (EnvSyncError, OSError) as failure:
                    state, why = "stuck", str(failure)
            stuck = stuck or state == "stuck"
            self._journal.record(run.id, StepRecord(index=index, does=step.does, state=state, error=why))
        covered = [index for index in run.begun if steps[index].covered]
        if covered and run.snapshot is not None:
            state, why = "undone", ""
            try:
                await self._restore(context, run.snapshot)
            except (EnvSyncError, OSError) as failure:
                state, why, stuck = "stuck", str(failure), True
            for index in covered:
                self._journal.record(run.id, StepRecord(index=index, does=steps[index].does, state=state, error=why))
        self._journal.end(run.id, "broken" if stuck else "compensated", what)
        return self._outcome(run.id, getattr(error, "hint", ""))

    def _outcome(self, id: int, hint: str = "") -> Outcome:
        record = self._journal.get(id)
        return Outcome(
            transaction=id,
            state=record.state,
            snapshot=record.snapshot,
            steps=record.steps,
            error=record.error,
            hint=hint,
        )


def _ended(outcome: Outcome) -> str:
    match outcome.state:
        case "compensated":
            return "cancelled; what had been changed was taken back"
        case "stopped":
            return "stopped; what the command had done is kept"
        case _:
            return "cancelled; some of it could not be taken back"
