"""The graph's nodes: recall, think, gate, ask, act, remember. Plain functions of the state; LangGraph is in graph.py.

`gate` makes the plans, reading only, and keeps them; `ask` is nothing but the one interrupt for the whole list, so that
its re-run after the answer (LangGraph starts an interrupted node from its beginning) neither plans nor does anything
twice. `act` carries out exactly the plans that were shown.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ..tools.errors import Cancelled, EnvSyncError, Failed, NeedsApproval, NotUnderstood, Refused, Stale, Unreachable
from . import executor as executing
from .asking import add_usage, as_line, as_question, repeated, request_of, waiting
from .cancel import Cancel
from .events import Approval, Call, Event, Notice, Planned, Prepared, ToolFinished
from .events import Failed as FailedEvent
from .executor import Executor
from .models.base import MALFORMED, Known, Model, Request, Thought
from .models.founded import question
from .turn import (
    LONGEST,
    MOST_CALLS,
    MOST_REPAIRS,
    MOST_ROUNDS,
    MOST_SAME,
    MOST_STALE,
    UNCHANGED,
    Json,
    State,
    answer,
    call_json,
    call_of,
    conclude,
    fresh,
    line_of,
    prepared_json,
    prepared_of,
    remembered,
    tidy,
    trouble_of,
)
from .wording import content, middle, plain, safe

T = TypeVar("T")
LONGEST_ERROR = 1_000
"""Characters of an error's text."""


class Recall(Protocol):
    """What the graph needs of a memory."""

    async def recall(self, request: str) -> Sequence[str]:
        """Notes that may help, each one line with its origin; empty when memory cannot be read."""
        ...

    async def keep(self, request: str, calls: Sequence[str], outcome: str) -> None:
        """Remember a turn; a memory that cannot be written is no error of the turn."""
        ...


class Flow:
    """The nodes, and what they work with. One per session; `emit` and `model` may be changed between turns."""

    def __init__(
        self,
        executor: Executor,
        model: Model,
        memory: Recall,
        *,
        redact: Callable[[str], str] = str,
        known: Callable[[str], Known] = lambda _: Known(),
        emit: Callable[[Event], None] = lambda _: None,
        acting: Callable[[Json], None] = lambda _: None,
    ) -> None:
        self.executor = executor
        self.model = model
        self.memory = memory
        self.redact = redact
        self.known = known
        self.emit = emit
        self.acting = acting
        """Told on disk what is about to be carried out, so that a process that dies half-way is noticed."""
        self.interrupt: Callable[[Json], Any] = _nobody
        """LangGraph's, put in by the graph: does not return before a person answered."""
        self.cancel = Cancel()
        self.last: State | None = None
        """The state at the end of the turn or at its question, also when it could not be saved."""

    # -- nodes --

    async def recall(self, state: State) -> Json:
        """Begin the turn. LangGraph's own tools may begin one with `{"request": "…"}` alone."""
        given: Json = {**state}
        calls = tidy([call_of(call) for call in given.get("calls", [])], 0)
        begun = fresh(
            middle(safe(self.redact(str(given.get("request", "")))), LONGEST),
            middle(safe(self.redact(str(given.get("piped", "")))), LONGEST),
            calls,
            str(given.get("origin", "words")),
            history=given.get("history"),
            dropped=given.get("dropped"),
        )
        if calls:
            return {**begun, "next": "gate"}
        notes = await self.memory.recall(begun["request"])
        return {**begun, "notes": [safe(note) for note in notes], "next": "think"}

    async def think(self, state: State) -> Json:
        """Ask the model for an ordered list of calls."""
        rounds = state["rounds"] + 1
        if rounds > MOST_ROUNDS:
            return self._stop(Failed("the model goes on and on", f"It was stopped after {MOST_ROUNDS} thoughts."))
        try:
            thought = await self.cancel.unless(self._thought(request_of(state, self.known(state["request"]))))
        except EnvSyncError as error:
            return self._stop(error, by=self.model.name)
        # Kept with the turn: which of several models answered must be known when another process goes on with it.
        by, follows = self.model.name, self.model.follows_up
        found: Json = {
            "rounds": rounds,
            "by": by,
            "follows": follows,
            "usage": add_usage(state["usage"], thought.usage),
        }
        if state["piped"] and not follows and rounds == 1:
            self.emit(Notice(f"the {by} model understands requests only: it did not read what was piped in"))
        said = {"kind": thought.kind, "reply": middle(safe(self.redact(thought.reply)), LONGEST)}
        if thought.kind != "calls" or not thought.calls:
            return {**found, "thought": said, "calls": [], "next": "remember"}
        calls: list[Json] = [call_json(call) for call in tidy(thought.calls, rounds)]
        if any(self.redact(text) != text for text in (json.dumps(call["args"], ensure_ascii=False) for call in calls)):
            # Whatever is carried out is kept in the conversation; what the person types as a command is not.
            error = Refused("the model put a secret value into a call", f"{UNCHANGED} Type the command yourself.")
            return {**found, "calls": [], **self._stop(error)}
        return {**found, "calls": calls, "next": "gate"}

    async def gate(self, state: State) -> Json:
        """Check and plan the calls, and decide whether a person must be asked. Reads only."""
        calls = [call_of(call) for call in state["calls"]]
        if len(calls) + len(state["answered"]) > MOST_CALLS:
            return self._stop(
                Refused(f"{len(calls)} calls in one turn are too many", f"At most {MOST_CALLS} are. {UNCHANGED}"),
                answered=[
                    *state["answered"],
                    *(answer(call, "refused: too many calls", failed=True) for call in calls[:1]),
                ],
            )
        again = repeated(calls, state["answered"])
        if again is not None:
            return self._stop(
                Failed(
                    f"the model asks for the same call again and again: {again.tool}",
                    f"It was stopped after {MOST_SAME} times.",
                )
            )
        wrong = self._wrong(calls)
        if wrong:
            return self._mend(state, calls, wrong, understood=False)
        if state.get("follows") and state["origin"] == "words":
            asked = question(calls, request_of(state, self.known(state["request"])))
            if asked and state["answered"]:
                return self._stop(NotUnderstood(asked, "Name it, and ask again. What was done before is kept."))
            if asked:
                return {"thought": {"kind": "ask", "reply": asked}, "calls": [], "next": "remember"}
        prepared: list[Prepared] = []
        try:
            for call in calls:
                prepared += await self.cancel.unless(
                    self.executor.prepare([call], words=state["request"], origin=state["origin"])
                )
        except Cancelled as error:
            return self._stop(error)
        except EnvSyncError as error:
            # It may need what the calls before it bring: a program of an environment that is not there yet.
            if not any(item.plan and not item.plan.empty for item in prepared) or isinstance(error, Refused):
                if self.executor.settings.plan:
                    self.emit(Planned(tuple(prepared), tuple(calls[len(prepared) :])))
                return self._mend(state, calls, {len(prepared): error}, understood=True)
        later = [*(call_json(call) for call in calls[len(prepared) :]), *state["later"]]
        self.emit(Planned(tuple(prepared), tuple(call_of(call) for call in later)))
        found: Json = {
            "prepared": [plain(prepared_json(item)) for item in prepared],
            "later": later,
            "approved": False,
            "asked": {},
        }
        if self.executor.settings.plan:
            return {**found, "out": {"planned": True}, "next": "remember"}
        waiting = executing.pending(prepared)
        if waiting is None:
            return {**found, "next": "act"}
        # The id is bound to the plans by their digest, and to this one showing of them by what follows it.
        id = f"{waiting.needed.id}.{secrets.token_hex(4)}"
        return {**found, "asked": {"id": id, "at": time.time()}, "next": "ask"}

    async def ask(self, state: State) -> Json:
        """Wait for a person. Nothing happens before the interrupt; its value is for tools that show it."""
        needed = waiting(state)
        self.last = state
        given: Any = self.interrupt(as_question(needed))
        said: dict[str, Any] = given if isinstance(given, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # JSON
        reply = Approval(
            str(said.get("id")), said.get("yes") is True, said.get("always") is True, str(said.get("typed", ""))
        )
        shown = time.time() - state["asked"]["at"]
        if reply.yes and not 0 <= shown <= executing.EXPIRES:
            self.emit(Notice("that plan was shown too long ago to be approved: here it is as it would be now"))
            return {"calls": [item["call"] for item in state["prepared"]], "asked": {}, "next": "gate"}
        try:
            if not reply.yes or not executing.Pending(needed, time.monotonic() - shown).accept(reply):
                raise NeedsApproval("you said no", UNCHANGED)
        except EnvSyncError as error:
            calls = [item.call for item in needed.prepared]
            denied = [answer(call, f"not done: {error.what}", failed=True) for call in calls]
            return {**self._stop(error), "asked": {}, "answered": [*state["answered"], *denied]}
        if reply.always:
            self.executor.always |= {item.call.tool for item in needed.prepared}
        return {"approved": True, "asked": {}, "next": "act"}

    async def act(self, state: State) -> Json:
        """Carry out what was shown, in order, until something fails; every call gets its answer."""
        prepared = [prepared_of(item) for item in state["prepared"]]
        self.acting({"request": state["request"], "calls": [item["call"] for item in state["prepared"]]})
        answered, done = list(state["answered"]), list(state["done"])
        failed: FailedEvent | None = None
        ended = 0
        async with self.cancel.calling(self.executor.stop):
            stream = self.executor.carry_out(
                prepared, approved=state["approved"], words=state["request"], origin=state["origin"]
            )
            async for event in stream:
                if isinstance(event, ToolFinished):
                    text = self.redact(safe(content(event.result)))
                    answered.append(answer(event.call, text))
                    done.append(self._redacted(line_of(event.result)))
                    ended += 1
                if isinstance(event, FailedEvent):
                    failed = event
                    if isinstance(event.error, Stale):
                        break
                self.emit(event)
                if self.cancel.asked and failed is None and ended < len(prepared):
                    failed = FailedEvent(Cancelled("stopped", "What was done before is kept."), prepared[ended].call)
                    self.emit(failed)
                    break
            await stream.aclose()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # an async generator
        found: Json = {"answered": answered, "done": done, "prepared": state["prepared"]}
        rest = [item.call for item in prepared[ended:]]
        if failed is not None and isinstance(failed.error, Stale) and state["stale"] < MOST_STALE:
            self.emit(Notice(f"{failed.error.what}: it is planned anew"))
            again = [call_json(call) for call in rest]
            return {**found, "calls": again, "approved": False, "stale": state["stale"] + 1, "next": "gate"}
        goes_on = state.get("follows", False) and state["origin"] == "words"
        if failed is None:
            found["trouble"] = None
            if state["later"]:
                return {**found, "calls": state["later"], "later": [], "next": "gate"}
            return {**found, "next": "think" if goes_on else "remember"}
        if isinstance(failed.error, Stale):
            self.emit(failed)
        rest += [call_of(call) for call in state["later"]]
        answered.append(answer(rest[0], f"failed: {self.redact(safe(str(failed.error)))}", failed=True))
        answered += [answer(call, "not done: the call before it failed", failed=True) for call in rest[1:]]
        found |= {"trouble": self._clean(failed.error), "later": []}
        ended_by_person = isinstance(failed.error, Cancelled)
        return {**found, "next": "think" if goes_on and not ended_by_person else "remember"}

    async def remember(self, state: State) -> Json:
        """End the turn: the reply is made from what was done, and the turn becomes history and a note."""
        out = self._redacted(conclude(state, prose=state.get("follows", False)))
        if self.executor.settings.plan and out["kind"] == "reply":
            # With --plan the contract knows calls, ask and decline: prose alone is no work for these tools.
            out |= {"kind": "decline", "exit": out["exit"] or 4}
        calls = [item["call"] for item in state["answered"]] or [item["call"] for item in state["prepared"]]
        request = state["request"] or "; ".join(call["tool"] for call in calls)
        await self.memory.keep(request, [as_line(call) for call in calls], out["reply"])
        # What the turn was made of is not needed any more: a session stays small.
        ended = fresh(history=remembered(state["history"], request, calls, out["reply"]), dropped=state["dropped"])
        ended["out"], ended["usage"], ended["by"] = out, state["usage"], state.get("by", "")
        self.last = ended
        return {**ended}

    # -- what they share --

    async def _thought(self, request: Request) -> Thought:
        thought: Thought | None = None
        async for piece in self.model.think(request):
            if isinstance(piece, Thought):
                thought = piece
            else:
                self.emit(piece)
        if thought is None:
            raise Unreachable(f"the model {self.model.name} gave no answer", "Try again, or use --model offline.")
        return thought

    def _wrong(self, calls: Sequence[Call]) -> dict[int, EnvSyncError]:
        """The calls that no plan can be made of, by their place in the list."""
        wrong: dict[int, EnvSyncError] = {}
        for index, call in enumerate(calls):
            try:
                if MALFORMED in call.args:
                    raise NotUnderstood(
                        f"{call.tool}: its arguments were no JSON object", "Send the call again, complete."
                    )
                self.executor.check(call)
            except EnvSyncError as error:
                wrong[index] = error
        return wrong

    def _mend(self, state: State, calls: list[Call], wrong: dict[int, EnvSyncError], *, understood: bool) -> Json:
        """Answer calls that were wrong, so that the model can mend them; nothing of their list is carried out."""
        answered = list(state["answered"])
        for index, call in enumerate(calls):
            text = (
                str(wrong[index])
                if index in wrong
                else "not done: another call of this list was wrong; send them again"
            )
            answered.append(answer(call, self.redact(safe(text)), failed=True))
        first = next(iter(wrong.values()))
        if state.get("follows") and state["origin"] == "words" and state["repairs"] < MOST_REPAIRS:
            again: Json = {"answered": answered, "repairs": state["repairs"] + 1, "trouble": self._clean(first)}
            return {**again, "calls": [], "prepared": [], "next": "think"}
        if not understood and state["origin"] == "words":
            first = NotUnderstood(
                f"the model made a call that cannot be: {first.what}", f"{UNCHANGED} {first.hint}".strip()
            )
        return self._stop(first, answered=answered)

    def _stop(self, error: EnvSyncError, **found: Any) -> Json:
        """End the turn with an error."""
        if len(error.what) > LONGEST_ERROR:  # it may hold a name that a model made up
            error = type(error)(middle(error.what, LONGEST_ERROR), error.hint, **error.data)
        self.emit(FailedEvent(error))
        return {**found, "trouble": self._clean(error), "later": [], "next": "remember"}

    def _clean(self, error: EnvSyncError) -> Any:
        return self._redacted(trouble_of(error))

    def _redacted(self, line: Mapping[str, Any]) -> Json:
        return {key: self.redact(safe(v)) if isinstance(v, str) else v for key, v in line.items()}


def _nobody(_: Json) -> Any:
    return None
