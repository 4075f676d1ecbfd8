"""Session: THE api. One conversation that front ends send words, calls and answers to, and that streams events back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from ..tools.errors import EnvSyncError, Failed, NeedsApproval, NotUnderstood
from ..tools.errors import Usage as UsageError
from .asking import waiting
from .config import AUTO, Settings
from .conversation import Conversation, typed
from .events import Approval, ApprovalNeeded, Call, Done, Event, Notice, ToolFinished, Usage
from .events import Failed as FailedEvent
from .executor import Direct
from .flow import Flow
from .models.base import Known, Model
from .models.registry import open_model
from .sessions import UNAFFECTED, Info, delete, list_sessions, rename
from .turn import (
    LONGEST,
    UNCHANGED,
    Json,
    State,
    call_json,
    call_of,
    conclude,
    fresh,
    line_of,
    trouble_of,
)
from .wiring import Parts, build
from .wording import middle, safe, says

__all__ = ["Info", "Session", "delete", "list_sessions", "rename"]


class Session:
    """A conversation. One turn at a time: `send`, `call` and `answer` stream a turn's events to its end.

    The last event is Done, or ApprovalNeeded: then the turn waits, also beyond this process, for `answer`. Closing a
    stream early cancels its turn. Nothing is raised in a stream but what is a fault of EnvSync itself.
    """

    def __init__(self, settings: Settings, parts: Parts, model: Model) -> None:
        """Use `Session.open`."""
        self.settings = settings
        self.cost: float | None = None
        """US dollars so far; None when no price is known."""
        self._parts = parts
        self._flow = Flow(parts.executor, model, parts.recall, redact=parts.redact, known=parts.known)
        self._kept = Conversation(settings, self._flow, parts.notices.append)
        self._worker: asyncio.Task[Exception | None] | None = None
        self._direct: Direct | None = None
        """Carries out typed calls with a secret in them, past everything that is stored."""

    @classmethod
    async def open(cls, settings: Settings, *, model: Model | None = None) -> Session:
        """Begin a conversation, or go on with `settings.session`, or with this project's latest (`settings.resume`).

        `model` overrides the settings' one. Raises Usage for settings that cannot be, Locked when another process has
        the conversation open.
        """
        parts = build(settings)
        session = cls(settings, parts, model or parts.model)
        try:
            await session._kept.open()
        except BaseException:
            await session.close()
            raise
        if session.model == "offline" and not settings.model and session._kept.first_time("offline"):
            parts.notices.append(
                "No model is configured, so the built-in offline one is used. "
                "For a larger one set OPENAI_API_KEY or OPENAI_BASE_URL and name it with --model."
            )
        return session

    @property
    def id(self) -> str:
        """For `--session`; empty when nothing is kept."""
        return self._kept.id

    @property
    def title(self) -> str:
        """From the first words, or as it was renamed."""
        return self._kept.title

    @property
    def waiting(self) -> ApprovalNeeded | None:
        """What must be answered before this turn goes on; set right after opening when an earlier process asked."""
        return self._kept.waiting

    @property
    def model(self) -> str:
        """Who answers, or answered last where several may; assign another one to switch (`offline`, `NAME`,
        `NAME@ENDPOINT`, `auto` for what is configured). Raises Usage."""
        return self._flow.model.name

    @model.setter
    def model(self, name: str) -> None:
        named = replace(self.settings, model=name, route=False)
        self._flow.model = open_model(named if name != AUTO else replace(self.settings, route=True))

    @property
    def plan(self) -> bool:
        """Whether plans are only shown; assign to switch."""
        return self.settings.plan

    @plan.setter
    def plan(self, only: bool) -> None:
        self.settings = self._parts.executor.settings = replace(self.settings, plan=only)

    def known(self) -> Known:
        """Names that exist here, for completion. Reads small files only."""
        return self._parts.known()

    # -- A turn --

    async def send(self, text: str, piped: str = "") -> AsyncGenerator[Event]:
        """One request in words; `piped` is text that came with it, which is data.

        While a plan waits, a bare "no" answers it. A bare "yes" never does: words are no approval, and the plan is shown
        again. Anything else is another topic, and the plan is dropped, unapproved.
        """
        words, notices = self._taken(text, "your message")
        data, more = self._taken(piped, "the piped text")
        said, asked, held = says(words), self.waiting, self._kept.dropped
        if asked is not None and said == "no":
            stream = self.answer(Approval(asked.id, yes=False))
        elif self._direct is None and said == "yes" and (asked is not None or held):
            held = held if asked is None else self._kept.pending()
            notices.append("a yes in words approves nothing: this is what it was about, as it would be now")
            calls = [call_of(call) for call in held["calls"]]
            stream = self._turn(fresh(held["request"], held["piped"], calls, held["origin"]), held["request"])
        elif not words.strip():
            error = NotUnderstood("there are no words", "Say what you want, e.g. `ask what is missing here`.")
            stream = self._failed(error, "decline")
        else:
            self._drop()
            stream = self._turn(fresh(words, data), words)
        for notice in [*notices, *more]:
            yield Notice(notice)
        async with aclosing(stream):
            async for event in stream:
                yield event

    async def call(self, calls: Sequence[Call]) -> AsyncGenerator[Event]:
        """Typed calls, e.g. a slash command: planned, asked and carried out without a model, and kept in the conversation."""
        self._drop()
        given = [call_json(call) for call in calls]
        clean: list[Json] = [self._clean(call) for call in given]
        stream = self._turn(fresh(calls=calls, origin="person"), typed(given))
        if clean != given:
            yield Notice("a secret value in this call is used and not kept")
            self._direct = Direct(self._parts.executor)
            stream = self._directly(self._direct.send(calls), clean)
        async with aclosing(stream):
            async for event in stream:
                yield event

    async def answer(self, approval: Approval) -> AsyncGenerator[Event]:
        """A person's answer to ApprovalNeeded. An answer to anything but the plan that waits changes nothing."""
        asked = self.waiting
        if asked is None:
            stream = self._failed(NeedsApproval("nothing waits for an answer", "Ask for something first."))
        elif approval.id != asked.id:
            yield FailedEvent(NeedsApproval("that was an answer to another plan", "Look at this plan, and answer it."))
            yield asked
            return
        elif self._direct is not None:
            stream = self._directly(self._direct.answer(approval), [])
        else:
            stream = self._run(self._kept.resume(approval), self.title)
        # Single use: from here on this answer counts for nothing else, whatever happens.
        self._kept.waiting = None
        async with aclosing(stream):
            async for event in stream:
                yield event

    def cancel(self) -> None:
        """Stop the running turn: its command's process group is ended, what can be taken back is, and the stream goes
        on to its Done. Nothing happens when no turn runs."""
        self._flow.cancel.ask()
        if self._direct is not None:
            self._parts.executor.stop()

    async def close(self) -> None:
        """End the conversation; a running turn is cancelled. Safe to call twice. A plan that waits goes on waiting."""
        if self._worker is not None:
            self.cancel()
            await asyncio.wait([self._worker])
        await self._kept.close()
        await self._parts.close()

    # -- Running it --

    async def _turn(self, state: State, words: str) -> AsyncGenerator[Event]:
        self._direct = self._kept.waiting = None
        async with aclosing(self._run(self._kept.run(state), words)) as stream:
            async for event in stream:
                yield event

    async def _run(self, work: Coroutine[Any, Any, Exception | None], words: str) -> AsyncGenerator[Event]:
        if self._worker is not None:
            work.close()
            yield FailedEvent(UsageError("a turn is running", "Wait for its end, or cancel it."))
            return
        began = time.monotonic()
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._flow.emit = queue.put_nowait
        self._flow.cancel.clear()
        self._flow.last = None
        worker = self._worker = asyncio.ensure_future(work)
        worker.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            for event in self._notices():
                yield event
            while (event := await queue.get()) is not None:
                yield event
        finally:
            while not worker.done():
                # The reader left: what was begun is still ended properly, however often the reader is cancelled.
                self.cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([worker])
            self._worker = None
        for event in self._ended(worker, words, began):
            yield event

    def _ended(self, worker: asyncio.Task[Exception | None], words: str, began: float) -> list[Event]:
        """The turn's last events, once it is saved."""
        state, events = self._flow.last, list[Event]()
        try:
            unsaved = worker.result()
        except EnvSyncError as error:
            return [FailedEvent(error), self._done("calls", str(error), error.exit, began)]
        if state is None:
            raise AssertionError("a turn ends in a state")
        self._kept.history, self._kept.dropped = state["history"], state["dropped"]
        if unsaved is not None:
            events.append(Notice(f"this conversation cannot be kept any more ({unsaved}). {UNAFFECTED}"))
        if state["asked"] and unsaved is not None:
            lost = Failed("the plan cannot wait for an answer, since it could not be kept", f"{UNCHANGED} Ask again.")
            return [*events, FailedEvent(lost), self._done("calls", str(lost), lost.exit, began)]
        self._kept.waiting = waiting(state) if state["asked"] else None
        by = state.get("by", "") or self.model
        self._kept.noted(words, by)
        if self.waiting is not None:
            return [*events, *self._notices(), self.waiting]
        out, used = state["out"], state["usage"]
        if out["kind"] == "ask":
            # A yes now answers that question, and no plan of long ago.
            self._kept.dropped = {}
        usage = Usage(used["prompt"], used["completion"], used["cost"]) if used else None
        if usage and usage.cost is not None:
            self.cost = (self.cost or 0.0) + usage.cost
        return [*events, *self._notices(), self._done(out["kind"], out["reply"], out["exit"], began, usage, by)]

    async def _directly(self, stream: AsyncIterator[Event], calls: list[Json]) -> AsyncGenerator[Event]:
        """Follow calls that are not kept as they were typed, and remember their redacted form."""
        began, state = time.monotonic(), fresh(origin="person")
        async for event in stream:
            if isinstance(event, ApprovalNeeded):
                self._kept.waiting = event
            if isinstance(event, ToolFinished):
                state["done"] = [*state["done"], line_of(event.result)]
            if isinstance(event, FailedEvent):
                state["trouble"] = trouble_of(event.error)
            yield event
        if self.waiting is not None:
            return
        self._direct = None
        state["answered"] = [{"call": call} for call in calls]
        state["out"] = {"planned": self.settings.plan}
        out = self._clean(conclude(state, prose=False))
        self._kept.remember("", calls, out["reply"])
        yield self._done("calls", out["reply"], out["exit"], began)

    async def _failed(self, error: EnvSyncError, kind: str = "calls") -> AsyncGenerator[Event]:
        yield FailedEvent(error)
        yield self._done(kind, str(error), error.exit, time.monotonic())

    def _done(self, kind: str, reply: str, exit: int, began: float, usage: Usage | None = None, by: str = "") -> Done:
        return Done(kind, reply, by or self.model, usage, exit, time.monotonic() - began)

    def _drop(self) -> None:
        """The person turned to something else: a plan that waits is not approved."""
        if self.waiting is None or self._worker is not None:
            return
        if self._direct is None:
            self._kept.drop()
        self._direct = self._kept.waiting = None

    def _taken(self, text: str, what: str) -> tuple[str, list[str]]:
        """Text as it may be stored and shown to a model, and what the person should know about that."""
        clean, names = self._parts.redact.redact(text)
        told = [f"{what} held a secret ({', '.join(names)}): it was taken out and is kept nowhere"] if names else []
        clean = safe(clean)
        if len(clean) > LONGEST:
            told.append(f"{what} is long: its middle was left out, {LONGEST:,} of {len(clean):,} characters are read")
        return middle(clean, LONGEST), told

    def _clean(self, value: Any) -> Any:
        """A JSON value without secrets."""
        match value:
            case str():
                return self._parts.redact(value)
            case dict():
                return {key: self._clean(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]  # JSON
            case list():
                return [self._clean(item) for item in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
            case _:
                return value

    def _notices(self) -> list[Event]:
        told, self._parts.notices[:] = list(self._parts.notices), []
        return [Notice(text) for text in told]
