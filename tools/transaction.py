"""The only code that carries out a plan: lock, plan again, snapshot, journal, do, check, commit or compensate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

from pydantic import JsonValue

from .contract import Capture, Context, Outcome, Progress, Restore, StepKind, StepRecord
from .errors import Cancelled, EnvSyncError, Failed, Stale
from .hosts.holding import held_there
from .journal import Journal, Record
from .locks import lock
from .plan import Plan, Step

KEPT = "`envsync rewind --to last` takes back what was done; `envsync history` shows it."


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
        id = self._journal.begin(plan, context.words)
        snapshot: str | None = None
        begun: list[int] = []
        try:
            if plan.captures or any(step.covered for step in plan.steps):
                context.report(Progress("taking a snapshot first"))
                snapshot = await self._capture(context)
                self._journal.captured(id, snapshot)
            for index, step in enumerate(plan.steps):
                context.report(Progress(step.does, index, len(plan.steps), "steps"))
                self._journal.record(id, StepRecord(index=index, does=step.does, state="intent"))
                begun.append(index)
                data = await self._do(step, context)
                self._journal.record(id, StepRecord(index=index, does=step.does, state="done", data=data))
            self._journal.end(id, "committed")
        except (Exception, asyncio.CancelledError) as error:
            ending = asyncio.ensure_future(self._end(id, plan, begun, snapshot, error, context))
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
        return self._outcome(id)

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

    async def _end(
        self, id: int, plan: Plan, begun: list[int], snapshot: str | None, error: BaseException, context: Context
    ) -> Outcome:
        """Take back what was begun, newest first, and close the transaction."""
        what = "cancelled" if isinstance(error, asyncio.CancelledError) else str(error)
        if begun:
            step = plan.steps[begun[-1]]
            self._journal.record(id, StepRecord(index=begun[-1], does=step.does, state="failed", error=what))
        if not plan.compensates and begun:
            self._journal.end(id, "stopped", what)
            return self._outcome(id)
        stuck = False
        for index in reversed(begun):
            step = plan.steps[index]
            if step.covered:
                continue
            state, why = ("undone", "") if step.inverse else ("stuck", "it has no inverse")
            for inverse in step.inverse:
                try:
                    await self._do(inverse, context)
                except (EnvSyncError, OSError) as failure:
                    state, why = "stuck", str(failure)
            stuck = stuck or state == "stuck"
            self._journal.record(id, StepRecord(index=index, does=step.does, state=state, error=why))
        covered = [index for index in begun if plan.steps[index].covered]
        if covered and snapshot is not None:
            state, why = "undone", ""
            try:
                await self._restore(context, snapshot)
            except (EnvSyncError, OSError) as failure:
                state, why, stuck = "stuck", str(failure), True
            for index in covered:
                self._journal.record(id, StepRecord(index=index, does=plan.steps[index].does, state=state, error=why))
        self._journal.end(id, "broken" if stuck else "compensated", what)
        return self._outcome(id, getattr(error, "hint", ""))

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
