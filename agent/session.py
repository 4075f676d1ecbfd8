"""Session: THE api. One conversation that front ends send words, calls and answers to, and that streams events back."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..tools.errors import EnvSyncError, Failed, Locked, NeedsApproval, NotUnderstood
from ..tools.errors import Usage as UsageError
from .config import Settings, state_directory
from .events import Approval, ApprovalNeeded, Call, Done, Event, Notice, ToolFinished, Usage
from .events import Failed as FailedEvent
from .executor import Direct
from .graph import Flow, Thread, waiting
from .models.base import Known, Model
from .models.registry import open_model
from .sessions import UNAFFECTED, Info, Sessions, damaged, delete, find, list_sessions, open_sessions, put_aside, rename
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
    middle,
    remembered,
    safe,
    says,
    trouble_of,
)
from .wiring import Parts, build

__all__ = ["Info", "Session", "delete", "list_sessions", "rename"]


class Session:
    """A conversation. One turn at a time: `send`, `call` and `answer` stream a turn's events to its end.

    The last event is Done, or ApprovalNeeded: then the turn waits, also beyond this process, for `answer`. Closing a
    stream early cancels its turn. Nothing is raised in a stream but what is a fault of EnvSync itself.
    """

    id: str
    title: str
    cost: float | None
    """US dollars so far; None when no price is known."""

    def __init__(self, settings: Settings, parts: Parts, sessions: Sessions | None, model: Model) -> None:
        """Use `Session.open`."""
        self.settings = settings
        self.id, self.title, self.cost = "", "", None
        self.waiting: ApprovalNeeded | None = None
        """What a person must answer before this turn goes on; set right after opening when an earlier process asked."""
        self._parts = parts
        self._sessions = sessions
        self._history: list[Json] = []
        self._dropped: Json = {}
        self._turns = 0
        self._lock: int | None = None
        self._worker: asyncio.Task[None] | None = None
        self._direct: Direct | None = None
        self._flow = Flow(
            parts.executor, model, parts.recall, redact=parts.redact, known=parts.known, acting=self._acting
        )
        self._thread: Thread

    @classmethod
    async def open(cls, settings: Settings, *, model: Model | None = None) -> Session:
        """Begin a conversation, or go on with `settings.session`, or with this project's latest (`settings.resume`).

        `model` overrides the settings' one. Raises Usage for settings that cannot be, Locked when another process has
        the conversation open.
        """
        parts = build(settings)
        directory = state_directory(settings)
        sessions = open_sessions(directory, parts.notices.append)
        session = cls(settings, parts, sessions, model or parts.model)
        try:
            await session._enter(directory)
        except BaseException:
            await session.close()
            raise
        if session.model == "offline" and not settings.model and sessions and sessions.first_time("offline"):
            parts.notices.append(
                "No model is configured, so the built-in offline one is used. "
                "For a larger one set OPENAI_API_KEY or OPENAI_BASE_URL and name it with --model."
            )
        return session

    @property
    def model(self) -> str:
        """The model's name; assign another one to switch (`offline`, `NAME`, `NAME@ENDPOINT`). Raises Usage."""
        return self._flow.model.name

    @model.setter
    def model(self, name: str) -> None:
        self._flow.model = open_model(replace(self.settings, model=name))

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

    async def send(self, text: str, piped: str = "") -> AsyncIterator[Event]:
        """One request in words; `piped` is text that came with it, which is data.

        While a plan waits, a bare "no" answers it. A bare "yes" never does: words are no approval, and the plan is shown
        again. Anything else is another topic, and the plan is dropped, unapproved.
        """
        words, notices = self._taken(text, "your message")
        data, more = self._taken(piped, "the piped text")
        said = says(words)
        held = self._dropped
        if self.waiting is not None and said == "no":
            stream = self.answer(Approval(self.waiting.id, yes=False))
        elif said == "yes" and (self.waiting is not None or held):
            held = held if self.waiting is None else self._pending()
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
        async for event in stream:
            yield event

    async def call(self, calls: Sequence[Call]) -> AsyncIterator[Event]:
        """Typed calls, e.g. a slash command: planned, asked and carried out without a model, and kept in the conversation."""
        self._drop()
        given = [call_json(call) for call in calls]
        clean: list[Json] = [self._clean(call) for call in given]
        if clean != given:
            # A secret that a person typed is used, and not kept: such a call goes past everything that is stored.
            yield Notice("a secret value in this call is used and not kept")
            self._direct = Direct(self._parts.executor)
            async for event in self._directly(self._direct.send(calls), clean):
                yield event
            return
        async for event in self._turn(fresh(calls=calls, origin="person"), _words(given)):
            yield event

    async def answer(self, approval: Approval) -> AsyncIterator[Event]:
        """A person's answer to ApprovalNeeded. An answer to anything but the plan that waits changes nothing."""
        if self._direct is not None and self.waiting is not None and approval.id == self.waiting.id:
            async for event in self._directly(self._direct.answer(approval), []):
                yield event
            return
        if self.waiting is None:
            async for event in self._failed(NeedsApproval("nothing waits for an answer", "Ask for something first.")):
                yield event
            return
        if approval.id != self.waiting.id:
            yield FailedEvent(NeedsApproval("that was an answer to another plan", "Look at this plan, and answer it."))
            yield self.waiting
            return
        # Single use: from here on this answer counts for nothing else, whatever happens.
        self.waiting = None
        async for event in self._run(self._thread.resume(approval), self.title):
            yield event

    def cancel(self) -> None:
        """Stop the running turn: its command's process group is ended, what can be taken back is, and the stream goes
        on to its Done. Nothing happens when no turn runs."""
        if self._worker is not None or self._direct is not None:
            self._flow.cancelled.set()
            self._parts.executor.stop()

    async def close(self) -> None:
        """End the conversation; a running turn is cancelled. Safe to call twice. A plan that waits goes on waiting."""
        if self._worker is not None:
            self.cancel()
            await asyncio.wait([self._worker])
        if hasattr(self, "_thread"):
            await self._thread.close()
        if self._sessions is not None:
            self._sessions.close()
            self._sessions = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        await self._parts.close()

    # -- Running it --

    async def _turn(self, state: State, words: str) -> AsyncIterator[Event]:
        self._direct = self.waiting = None
        state["history"], state["dropped"] = self._history, self._dropped
        async for event in self._run(self._thread.run(state), words):
            yield event

    async def _run(self, work: Coroutine[Any, Any, None], words: str) -> AsyncIterator[Event]:
        if self._worker is not None:
            work.close()
            yield FailedEvent(UsageError("a turn is running", "Wait for its end, or cancel it."))
            return
        began = time.monotonic()
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._flow.emit = queue.put_nowait
        self._flow.cancelled.clear()
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
        for event in await self._ended(worker, words, began):
            yield event

    async def _ended(self, worker: asyncio.Task[None], words: str, began: float) -> list[Event]:
        """The turn's last events, once it is saved."""
        state = self._flow.last
        events: list[Event] = []
        unsaved: Exception | None = None
        try:
            worker.result()
        except EnvSyncError as error:
            return [FailedEvent(error), self._done("calls", str(error), error.exit, began)]
        except (sqlite3.Error, OSError) as error:
            unsaved = error
        if state is None:
            raise AssertionError("a turn ends in a state")
        self._history, self._dropped = state["history"], state["dropped"]
        asked = bool(state["asked"])
        if unsaved is not None:
            events.append(Notice(f"this conversation cannot be kept any more ({unsaved}). {UNAFFECTED}"))
            await self._unkept()
        if asked and unsaved is not None:
            lost = Failed("the plan cannot wait for an answer, since it could not be kept", f"{UNCHANGED} Ask again.")
            return [*events, FailedEvent(lost), self._done("calls", str(lost), lost.exit, began)]
        self._turns += not asked
        self._noted(words, asked)
        if asked:
            self.waiting = waiting(state)
            return [*events, *self._notices(), self.waiting]
        out = state["out"]
        if out["kind"] == "ask":
            # A yes now answers that question, and no plan of long ago.
            self._dropped = {}
        used = state["usage"]
        usage = Usage(used["prompt"], used["completion"], used["cost"]) if used else None
        if usage and usage.cost is not None:
            self.cost = (self.cost or 0.0) + usage.cost
        return [*events, *self._notices(), self._done(out["kind"], out["reply"], out["exit"], began, usage)]

    async def _directly(self, stream: AsyncIterator[Event], calls: list[Json]) -> AsyncIterator[Event]:
        """Follow calls that are not kept as they were typed, and remember their redacted form."""
        began, state = time.monotonic(), fresh(origin="person")
        self._flow.cancelled.clear()
        self.waiting = None
        async for event in stream:
            if isinstance(event, ApprovalNeeded):
                self.waiting = event
            if isinstance(event, ToolFinished):
                state["done"] = [*state["done"], line_of(event.result)]
            if isinstance(event, FailedEvent):
                state["trouble"] = trouble_of(event.error)
            yield event
        if self.waiting is not None:
            return
        self._direct = None
        state["answered"] = [{"call": call, "content": "", "failed": False} for call in calls]
        state["out"] = {"planned": self.settings.plan}
        out = self._clean(conclude(state, prose=False))
        self._history = remembered(self._history, _words(calls), calls, out["reply"])
        yield self._done("calls", out["reply"], out["exit"], began)

    async def _failed(self, error: EnvSyncError, kind: str = "calls") -> AsyncIterator[Event]:
        yield FailedEvent(error)
        yield self._done(kind, str(error), error.exit, time.monotonic())

    def _done(self, kind: str, reply: str, exit: int, began: float, usage: Usage | None = None) -> Done:
        return Done(kind, reply, self.model, usage, exit, time.monotonic() - began)

    # -- What lasts --

    async def _enter(self, directory: Path) -> None:
        """Find or make the conversation, hold it, and read where it stands."""
        sessions, project, on = self._sessions, str(self.settings.path.resolve()), self.settings.on
        if sessions is None:
            self._thread = Thread(self._flow, None, "kept nowhere")
            await self._thread.open()
            return
        known = sessions.all()
        info = find(known, self.settings.session) if self.settings.session else None
        if info is None and self.settings.resume:
            info = next((one for one in known if (one.project, one.host) == (project, on)), None)
            if info is None:
                self._parts.notices.append("there is no earlier conversation about this project: this is a new one")
        if info is not None and await self._go_on(info, directory):
            return
        self.id, self.title = self._sessions.add(project, on) if self._sessions else "", ""
        self._lock = _hold(directory, self.id)
        self._thread = Thread(self._flow, directory / "sessions.db", self.id)
        await self._thread.open()

    async def _go_on(self, info: Info, directory: Path) -> bool:
        """Take up an earlier conversation; False, and the person is told, when what was kept of it cannot be read."""
        self._lock = _hold(directory, info.id)
        self._thread = Thread(self._flow, directory / "sessions.db", info.id)
        try:
            state = await self._thread.open() or fresh()
            asked = waiting(state) if state["asked"] else None
        except Exception as error:  # whatever stands in the file, it is no reason to stop: it is put aside
            await self._thread.close()
            os.close(self._lock)
            self._lock = None
            told = f"the conversation {info.id} cannot be read: this is a new one. {UNAFFECTED}"
            if damaged(error) and self._sessions is not None:
                self._sessions.close()
                told = f"{put_aside(directory / 'sessions.db')} {UNAFFECTED}"
                self._sessions = open_sessions(directory, self._parts.notices.append)
            self._parts.notices.append(told)
            return False
        self.id, self.title, self._turns = info.id, info.title, info.turns
        self._history, self._dropped = state["history"], state["dropped"]
        cut_off = self._sessions.interrupted(self.id) if self._sessions else None
        if cut_off is not None:
            reply = "interrupted: the process ended half-way; the journal has what was done"
            self._history = remembered(
                self._history, cut_off["request"] or _words(cut_off["calls"]), cut_off["calls"], reply
            )
            self._parts.notices.append(
                f"the last turn was stopped half-way ({_words(cut_off['calls'])}). `envsync history` shows what was "
                "done, `envsync rewind --to last` takes it back."
            )
        elif asked is not None:
            self._flow.last = state
            self.waiting = asked
        return True

    async def _unkept(self) -> None:
        """Go on without a file."""
        await self._thread.close()
        self._thread = Thread(self._flow, None, self.id)
        await self._thread.open()

    def _acting(self, what: Json) -> None:
        if self._sessions is None:
            return
        try:
            self._sessions.acting(self.id, what)
        except sqlite3.Error as error:
            raise Failed(f"the conversation cannot be written: {error}", f"{UNCHANGED} Try again.") from error

    def _noted(self, words: str, asked: bool) -> None:
        if self._sessions is None:
            return
        try:
            self._sessions.touched(self.id, words=words, turns=self._turns, model=self.model, waiting=asked)
        except sqlite3.Error as error:
            self._parts.notices.append(f"the list of conversations cannot be written: {error}. {UNAFFECTED}")
        self.title = self.title or " ".join(words.split())[:60]

    def _pending(self) -> Json:
        """What waits for an answer, to be shown again or dropped."""
        state = self._flow.last or fresh()
        calls = [*(item["call"] for item in state["prepared"]), *state["later"]]
        return {key: state[key] for key in ("request", "piped", "origin")} | {"calls": calls}

    def _drop(self) -> None:
        """The person turned to something else: the plan that waits is not approved, and kept for a late yes."""
        if self.waiting is None or self._worker is not None:
            return
        if self._direct is None:
            held = self._pending()
            self._dropped = held
            self._history = remembered(
                self._history,
                held["request"] or _words(held["calls"]),
                held["calls"],
                f"planned, not approved. {UNCHANGED}",
            )
        self.waiting, self._direct = None, None

    def _taken(self, text: str, what: str) -> tuple[str, list[str]]:
        """Text as it may be stored and shown to a model, and what the person should know about that."""
        clean, names = self._parts.redact.redact(text)
        told = [f"{what} held a secret ({', '.join(names)}): it was taken out and is kept nowhere"] if names else []
        clean = safe(clean)
        if len(clean) > LONGEST:
            told.append(f"{what} is long: its middle was left out, {LONGEST:,} of {len(clean):,} characters are read")
        return middle(clean, LONGEST), told

    def _clean(self, value: Any) -> Any:
        match value:
            case str():
                return safe(self._parts.redact(value))
            case dict():
                return {key: self._clean(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]  # JSON
            case list():
                return [self._clean(item) for item in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
            case _:
                return value

    def _notices(self) -> list[Event]:
        told, self._parts.notices[:] = list(self._parts.notices), []
        return [Notice(text) for text in told]


def _hold(directory: Path, id: str) -> int:
    """Hold a conversation: two processes would overwrite each other's turns. The kernel lets go when a process ends."""
    (directory / "sessions").mkdir(mode=0o700, exist_ok=True)
    handle = os.open(directory / "sessions" / f"{id}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Locked(
            f"the conversation {id} is open in another process", "Close it there, or begin a new one."
        ) from None
    return handle


def _words(calls: Sequence[Json]) -> str:
    return "; ".join(
        f"/{call['tool']} {' '.join(f'{key}={json.dumps(value)}' for key, value in call['args'].items())}".strip()
        for call in calls
    )
