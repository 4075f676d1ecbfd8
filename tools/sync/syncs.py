"""The tool `syncs`: what is kept the same, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, JsonValue

from ..contract import Args, Block, Changed, Context, Lines, Outcome, StepKind, Table, Tool, brief, undo_words
from ..errors import Failed, Unreachable, Usage
from ..moments.say import ago, count, shown
from ..plan import Data, Plan, Risk, Step
from . import control
from .preview import LISTED
from .revive import revive
from .session import Session, find
from .settling import Wish
from .steps import refreshed, settled, working
from .tool import cycle_step

SETTLE = "settle them: envsync syncs resolve"
FLUSHES = 600.0
"""Seconds that a flush may take."""
Action = Literal["list", "pause", "resume", "flush", "end", "resolve"]
Take = Literal["mine", "theirs", "newest", "both", "merge"]


class SyncsArgs(Args):
    """Arguments of `syncs`."""

    action: Action = Field("list", description="list, pause, resume, flush (make equal now), end, or resolve conflicts")
    name: str | None = Field(
        None,
        description="the session: its id or a part of one of its places; empty: all of them",
        json_schema_extra=brief("its id or a place"),
    )
    take: Take | None = Field(
        None,
        description="resolve: mine is the source's, theirs the destination's; both keeps the two, merge joins texts",
    )
    under: list[str] = Field(
        default_factory=list[str],
        description="resolve: only conflicts at or below these paths",
        json_schema_extra=brief(None),
    )
    rules: list[str] = Field(
        default_factory=list[str],
        description="resolve: several at once, PATH=TAKE each; *=TAKE for all the others",
        json_schema_extra=brief("PATH=TAKE, *=TAKE"),
    )

    accept: list[str] = Field(
        default_factory=list[str],
        description="resume: go on in spite of what halted it: emptied, deletions, device or names",
        json_schema_extra=brief(None),  # a halt is a person's to override
    )


class Shown(Data):
    """One session as it is listed."""

    id: str
    source: str
    destination: str
    mode: str
    phase: str
    what: str = ""
    hint: str = ""
    synced: str | None = None
    files: int = 0
    conflicts: int = 0
    conflicting: tuple[tuple[str, str], ...] = ()
    notices: tuple[tuple[str, str], ...] = ()


class Syncs(Changed):
    """What was done, and how all sessions are now."""

    sessions: tuple[Shown, ...] = ()
    settled: tuple[str, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    """Conflicts that could not be settled as asked, with the reason."""

    def blocks(self) -> Sequence[Block]:
        """A table, then what wants a person."""
        found: list[Block] = []
        if self.sessions:
            rows = [
                (s.id, shown(s.source), "<->" if s.mode == "two-way" else "->", shown(s.destination), s.phase, f"{s.files:,}", str(s.conflicts or ""))
                for s in self.sessions
            ]  # fmt: skip
            found.append(Table(("id", "source", "", "destination", "state", "paths", "conflicts"), rows))
        for session in self.sessions:
            said = [f"{shown(session.what)}. {shown(session.hint)}" if session.hint else shown(session.what)]
            said = said if session.what else []
            said += [f"conflict: {shown(path)}: {shown(why)}" for path, why in session.conflicting[:LISTED]]
            said += [f"{shown(path)}: {shown(why)}" for path, why in session.notices[:LISTED]]
            if session.conflicts:
                named = f" --name {session.id}" if len(self.sessions) > 1 else ""
                said.append(f"{SETTLE}{named} --take mine|theirs|newest|both|merge [--under PATH]")
            if said:
                found.append(Lines(said, session.id))
        if self.left:
            found.append(Lines([f"{shown(path)}: {shown(why)}" for path, why in self.left[:LISTED]], "not settled"))
        return [*found, *super().blocks()]


async def plan(args: SyncsArgs, context: Context) -> Plan:
    """List what is kept in sync; pause, flush or end it, or settle its conflicts.

    Use it for "which syncs run?", "pause the sync", "stop syncing", "take mine under src, theirs elsewhere", "merge the
    conflicts". Ending leaves both directories as they are.
    """
    if args.action != "resolve" and (args.take or args.under or args.rules):
        raise Usage(f"--take, --under and --rules go with --action resolve, not with {args.action}", "Leave them out.")
    if args.accept and args.action != "resume":
        raise Usage(f"--accept goes with --action resume, not with {args.action}", "Leave it out.")
    found = find(context.state, args.name)
    revive(context.state)
    match args.action:
        case "list":
            words = f"{count(len(found), 'sync session')}" if found else "nothing is kept in sync"
            return _plan(args, context, words, [], Risk.R1)
        case "resolve":
            return await _resolving(args, context, found)
        case "flush":
            chosen = _some(found, args)
            steps = [_flush(s) for s in chosen]
            return _plan(args, context, f"flush {_titles(chosen)}", steps, Risk.R1)
        case "pause":
            chosen = [s for s in _some(found, args) if s.keeping]
            steps = [_end(s, pause=True) for s in chosen]
            return _plan(args, context, f"pause {_titles(chosen)}" if chosen else "nothing to pause", steps, Risk.R1)
        case "resume":
            chosen = [s for s in _some(found, args) if s.spec.watch and not s.keeping]
            steps = [step for s in chosen for step in await _resuming(s, args, context)]
            words = f"resume {_titles(chosen)}" if chosen else "nothing to resume"
            details = [step.does for step in steps if step.kind == "sync-cycle"]
            return _plan(args, context, words, steps, Risk.R2 if args.accept else Risk.R1, details)
        case "end":
            chosen = _some(found, args)
            if args.name is None and len(chosen) > 1:
                listed = "; ".join(_title(s) for s in chosen[:8])
                raise Usage("which sync session?", f"Name it by its id, or `all`: {listed}")
            steps = [_end(s) for s in chosen]
            return _plan(args, context, f"end {_titles(chosen)}; both directories stay as they are", steps, Risk.R1)


async def _resuming(session: Session, args: SyncsArgs, context: Context) -> list[Step]:
    """With something accepted a cycle comes first, shown and undoable: it does what the halt kept from being done."""
    if not args.accept:
        return [_start(session)]
    async with working(session, context) as work:
        work.accepted = frozenset(args.accept)
        found = await work.looked()
    return [cycle_step(session.spec, found.plan, False, args.accept, found.mark), _start(session)]


async def _resolving(args: SyncsArgs, context: Context, found: list[Session]) -> Plan:
    wish = Wish.asked(args.take, args.under, args.rules)
    chosen = _some(found, args)
    if len(chosen) > 1:
        chosen = [s for s in chosen if s.told().conflicts] or chosen
    if len(chosen) > 1:
        raise Usage(
            "conflicts of which sync session?", f"Name it by its id: {'; '.join(_title(s) for s in chosen[:8])}"
        )
    (session,) = chosen
    reply = await settled(session, context, wish.plain())
    lines = [str(line) for line in reply["lines"]]
    left = [f"not settled: {shown(str(path))}: {shown(str(why))}" for path, why in reply["left"][:LISTED]]
    if not lines:
        why = f"{count(len(reply['left']), 'conflict')} cannot be settled so" if left else "there are no such conflicts"
        return _plan(args, context, f"{why}: {_title(session)}", [], Risk.R2, left)
    args_: dict[str, JsonValue] = {**_body(session), "rules": wish.plain(), "changes": str(reply["digest"])}
    back = Step(kind="sync-back", does="put back what was settled, on both sides", args={**args_, "made": False})
    step = Step(kind="sync-resolve", does=f"settle {count(len(lines), 'conflict')}", args=args_, inverse=(back,))
    details = [*lines[:LISTED], *([f"… and {len(lines) - LISTED} more"] if len(lines) > LISTED else [])]
    return _plan(args, context, f"{step.does} of {_title(session)}", [step], Risk.R2, details, left)


def _some(found: list[Session], args: SyncsArgs) -> list[Session]:
    if not found:
        raise Usage("nothing is kept in sync", "Begin with: envsync sync ./dir USER@HOST:/dir")
    return found


def _title(session: Session) -> str:
    return f"{session.spec.id} ({shown(session.spec.title)})"


def _titles(found: Sequence[Session]) -> str:
    return _title(found[0]) if len(found) == 1 else count(len(found), "sync session")


def _body(session: Session) -> dict[str, JsonValue]:
    return {"spec": session.spec.model_dump(mode="json", exclude={"at"})}


def _flush(session: Session) -> Step:
    args: dict[str, JsonValue] = {"id": session.spec.id}
    back = Step(kind="syncs-flushed", does="leave it so: what a flush carries over is what people changed", args=args)
    return Step(kind="syncs-flush", does=f"make equal now: {_title(session)}", args=args, inverse=(back,))


def _end(session: Session, *, pause: bool = False) -> Step:
    verb = "pause" if pause else "end"
    step = Step(
        kind="sync-end", does=f"{verb} {_title(session)}", args={**_body(session), "pause": pause, "aside": not pause}
    )
    back = _start(session).model_copy(update={"inverse": ()})
    # What was not running before does not run after the undoing.
    return step.model_copy(
        update={"inverse": (back if session.keeping else back.model_copy(update={"kind": "sync-recall"}),)}
    )


def _start(session: Session) -> Step:
    back = Step(kind="sync-end", does=f"pause {_title(session)}", args={**_body(session), "pause": session.paused})
    return Step(kind="sync-start", does=f"go on with {_title(session)}", args=_body(session), inverse=(back,))


def _plan(
    args: SyncsArgs, context: Context, summary: str, steps: list[Step], risk: Risk, details: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> Plan:  # fmt: skip
    return Plan(
        tool="syncs", args=args.model_dump(mode="json", exclude_unset=True), host=context.host.name,
        path=str(context.path), summary=summary, steps=tuple(steps), details=tuple(details), warnings=tuple(warnings),
        risk=risk,
    )  # fmt: skip


async def nothing(args: SyncsArgs, plan: Plan, context: Context) -> Syncs:
    """The list, or that there was nothing to do."""
    return _result(args, plan, context, find(context.state, args.name) if args.action == "list" else [])


async def finish(args: SyncsArgs, plan: Plan, outcome: Outcome, context: Context) -> Syncs:
    """Make the result from what the journal has, and from how the sessions are now."""
    data = [step.data for step in outcome.steps]
    settled = tuple(str(path) for item in data for path in _list(item.get("settled")))
    left = tuple((str(pair[0]), str(pair[1])) for item in data for pair in map(_list, _list(item.get("left"))))
    result = _result(args, plan, context, find(context.state, None))
    summary = plan.summary
    if args.action == "flush":
        conflicts = sum(int(str(item.get("conflicts", 0))) for item in data)
        summary = "both sides are equal" + (f" but for {count(conflicts, 'conflict')}" if conflicts else "")
    return result.model_copy(
        update={
            "summary": summary,
            "transaction": outcome.transaction,
            "done": tuple(step.does for step in outcome.steps if step.state == "done"),
            "undo": undo_words(".") if plan.undoable else "",
            "settled": settled,
            "left": left,
        }
    )


def _result(args: SyncsArgs, plan: Plan, context: Context, found: Sequence[Session]) -> Syncs:
    shown_: list[Shown] = []
    for session in found:
        told = session.told()
        shown_.append(
            Shown(
                id=session.spec.id,
                source=str(session.spec.source.place),
                destination=str(session.spec.destination.place),
                mode=session.spec.mode + (", mirror" if session.spec.mirror else ""),
                phase=told.phase if session.spec.watch else "once",
                what=told.what,
                hint=told.hint,
                synced=ago(told.synced, context.now()) if told.synced else None,
                files=told.files,
                conflicts=told.conflicts,
                conflicting=told.conflicting,
                notices=told.notices,
            )
        )
    return Syncs(summary=plan.summary, sessions=tuple(shown_))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]  # JSON of our own making


class Flush:
    """`syncs-flush`: wait until both sides of a session are equal now."""

    name = "syncs-flush"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `conflicts` (number). Raises Failed or Unreachable when it cannot be done now."""
        (session,) = find(context.state, str(step.args["id"]))
        if session.busy():
            answer = await control.ask(session.directory, FLUSHES, "flush")
            if not answer.get("ok"):
                kind = Unreachable if session.told().phase == "unreachable" else Failed
                raise kind(str(answer.get("what")), str(answer.get("hint") or "`envsync syncs` shows how it goes."))
            return {"conflicts": int(answer.get("conflicts", 0))}
        return {"conflicts": await refreshed(session, context)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return None


class Flushed:
    """`syncs-flushed`: the taking back of a flush, of which there is nothing: it did nothing that was not under way."""

    name = "syncs-flushed"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return None


SYNCS = Tool(name="syncs", args=SyncsArgs, risk=Risk.R1, plan=plan, finish=finish, nothing=nothing)
STEPS: tuple[StepKind, ...] = (Flush(), Flushed())
