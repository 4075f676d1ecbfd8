"""The tool `sync`: keep two directories the same, here, elsewhere, or both elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, JsonValue

from ..contract import Args, Block, Changed, Context, Lines, Outcome, StepKind, Tool, brief, undo_words
from ..errors import Usage
from ..moments.say import count, shown
from ..plan import Plan, Risk, Step
from .model import Reconciled
from .places import Place, place, refuse
from .preview import LISTED, conflict_lines, lines, sums
from .revive import revive
from .session import Session, Side, Spec, between, id_of
from .steps import Back, Cycle, End, Keep, Recall, Resolve, Start, working
from .work import Seen, Work


class SyncArgs(Args):
    """Arguments of `sync`."""

    source: str = Field(
        description="one directory: ./dir, USER@HOST:/dir, docker:NAME:/dir or vm:NAME:/dir",
        json_schema_extra=brief("./dir, USER@HOST:/dir or docker:NAME:/dir"),
    )
    destination: str = Field(
        description="the other directory, written likewise; made when it is not there", json_schema_extra=brief("")
    )
    mode: Literal["two-way", "push", "pull"] = Field(
        "two-way", description="two-way, or one way from source to destination (push or pull)"
    )
    watch: bool = Field(
        True, description="go on keeping them the same; false: once, now", json_schema_extra=brief("false: once, now")
    )
    mirror: bool = Field(
        False,
        description="one way only: the destination becomes an exact copy, extra files are deleted",
        json_schema_extra=brief(""),
    )
    ignore: list[str] = Field(
        default_factory=list[str],
        description="patterns of paths to leave out, as in .gitignore (which counts anyway)",
        json_schema_extra=brief(""),
    )
    max_delete: float | None = Field(
        None,
        ge=0,
        le=100,
        description="stop when more than this percentage of a side would be deleted",
        json_schema_extra=brief(None),
    )

    accept: list[str] = Field(
        default_factory=list[str],
        description="go on in spite of what halted it: emptied, deletions, device or names",
        json_schema_extra=brief(None),  # a halt is a person's to override
    )


class Synced(Changed):
    """What a sync did."""

    session: str = ""
    """Id of the session, for `syncs`."""
    watching: bool = False
    at_source: int = 0
    """Paths changed there."""
    at_destination: int = 0
    bytes: int = 0
    """Of files that were copied, before what both sides had already is left out."""
    conflicts: tuple[tuple[str, str], ...] = ()
    """Paths that differ and stay as they are, with the reason (the first 200)."""
    problems: tuple[tuple[str, str], ...] = ()
    """Paths that could not be made the same, with the reason."""

    def blocks(self) -> Sequence[Block]:
        """Conflicts and problems first: they want a person."""
        found: list[Block] = []
        if self.conflicts:
            said = [f"{shown(path)}: {shown(why)}" for path, why in self.conflicts[:LISTED]]
            more = [f"… and {len(self.conflicts) - LISTED} more"] if len(self.conflicts) > LISTED else []
            how = [
                f"settle them: envsync syncs --action resolve --name {self.session} --take mine|theirs|newest|both|merge"
            ]
            found.append(Lines([*said, *more, *how], "conflicts"))
        if self.problems:
            found.append(Lines([f"{shown(path)}: {shown(why)}" for path, why in self.problems[:LISTED]], "not made"))
        if self.watching:
            found.append(
                Lines(
                    [
                        f"it goes on by itself: envsync syncs shows it, envsync syncs --action end --name {self.session} ends it"
                    ]
                )
            )
        return [*found, *super().blocks()]


async def plan(args: SyncArgs, context: Context) -> Plan:
    """Keep two directories the same, in both directions or in one.

    Either side can be here, in a container, behind SSH or in a VM. Nothing that was not synced is ever overwritten: what
    both sides changed is a conflict and stays. It goes on in the background unless `watch` is false.
    """
    if args.mirror and args.mode == "two-way":
        raise Usage("an exact copy goes one way", "Add --mode push (or pull), or leave --mirror out.")
    one, other = await asyncio.gather(place(args.source, context), place(args.destination, context))
    await refuse(one, other, context)
    spec = _spec(args, one, other, context)
    known = between(context.state, spec.source, spec.destination)
    if known is not None:
        if known.spec.watch and known.spec.asked() == spec.asked():
            if known.keeping:
                revive(context.state)
                told = known.told()
                return _plan(args, context, f"already kept the same by sync session {spec.id} ({told.phase})", ())
        elif known.spec.watch:
            raise Usage(
                f"these two directories are kept the same already, otherwise: {known.spec.title}, {_how(known.spec)}",
                f"End that one first: envsync syncs --action end --name {known.spec.id}",
            )
        elif known.spec.source != spec.source:
            raise Usage(
                f"these two directories were synced the other way round: {known.spec.title}, {_how(known.spec)}",
                f"Name them in that order, or forget it first: envsync syncs --action end --name {known.spec.id}",
            )
    async with working(Session(context.state, spec), context) as work:
        work.accepted = frozenset(args.accept)
        if known is None and (await work.engine.sides[0].facts()).kind == "missing":
            raise Usage(f"{one} is no directory", "Name one that is there; only the destination is made.")
        made = _planned(args, context, spec, await work.looked(), work, known)
        work.held = any(step.kind == "sync-cycle" for step in made.steps)
        return made


def _spec(args: SyncArgs, one: Place, other: Place, context: Context) -> Spec:
    sides = Side(host=one.host, path=one.path), Side(host=other.host, path=other.path)
    return Spec(
        id=id_of(*sides), source=sides[0], destination=sides[1], mode=args.mode, mirror=args.mirror, watch=args.watch,
        ignore=tuple(args.ignore), max_delete=args.max_delete, at=context.now(),
    )  # fmt: skip


def _how(spec: Spec) -> str:
    return f"{spec.mode}{', mirror' if spec.mirror else ''}{f', ignoring {list(spec.ignore)}' if spec.ignore else ''}"


def _planned(args: SyncArgs, context: Context, spec: Spec, seen: Seen, work: Work, known: Session | None) -> Plan:
    found, mark = seen.plan, seen.mark
    there, here = sums(found.to_beta), sums(found.to_alpha)
    one, other = spec.source.place, spec.destination.place
    body = spec.model_dump(mode="json", exclude={"at"})
    steps: list[Step] = []
    if not found.quiet or not work.engine.ancestor.begun or known is None:
        steps.append(cycle_step(spec, found, known is None, args.accept, mark))
    if args.watch:
        end = Step(kind="sync-end", does="end the sync session", args={"spec": body})
        steps.append(Step(kind="sync-keep", does="go on keeping them the same", args={"spec": body}, inverse=(end,)))
    elif not steps:
        said = f"{count(len(found.conflicts), 'conflict')} left" if found.conflicts else "nothing to sync"
        return _plan(args, context, f"{said}: {spec.title}", (), conflict_lines(found.conflicts))
    parts = [f"{word} {s.words}" for word, s in (("there", there), ("here", here)) if s.words != "nothing"]
    if found.conflicts:
        parts.append(f"{count(len(found.conflicts), 'conflict')} left alone")
    how = "keep in sync" if args.watch else "sync"
    summary = (
        f"{how} {shown(str(one))} and {shown(str(other))}"
        if args.mode == "two-way"
        else f"{how} {shown(str(one))} to {shown(str(other))}"
    )
    summary += f": {', '.join(parts)}" if parts else ": they are the same now"
    warnings = [*conflict_lines(found.conflicts)]
    warnings += [f"{shown(n.path)}: {shown(n.text)}" for n in found.notices[:LISTED]]
    if len(found.notices) > LISTED:
        warnings.append(f"… and {count(len(found.notices) - LISTED, 'more notice')}")
    if args.watch:
        warnings.append("undoing puts back what this first sync changes; what people change later stays as it is then")
    return _plan(
        args, context, summary, steps, [*lines(found.to_beta, "there"), *lines(found.to_alpha, "here")], warnings, mark
    )


def cycle_step(spec: Spec, found: Reconciled, made: bool, accept: Sequence[str], mark: str) -> Step:
    """The step that makes both sides the same as `found` (whose digest is `mark`) says, and takes itself back."""
    both = ((spec.destination.place, sums(found.to_beta)), (spec.source.place, sums(found.to_alpha)))
    words = [f"{shown(str(place))}: {all_of.words}" for place, all_of in both if all_of.words != "nothing"]
    args: dict[str, JsonValue] = {
        "spec": spec.model_dump(mode="json", exclude={"at"}), "changes": mark, "made": made,
        "accept": list[JsonValue](accept),
    }  # fmt: skip
    back = Step(kind="sync-back", does="put back what the sync changed, on both sides", args=dict(args))
    does = f"make them the same: {'; '.join(words)}" if words else "note that they are the same"
    return Step(kind="sync-cycle", does=does, args=args, inverse=(back,))


def _plan(
    args: SyncArgs, context: Context, summary: str, steps: Sequence[Step], details: Sequence[str] = (),
    warnings: Sequence[str] = (), basis: str = "",
) -> Plan:  # fmt: skip
    return Plan(
        tool="sync",
        args=args.model_dump(mode="json", exclude_unset=True),
        host=context.host.name,
        path=str(context.path),
        summary=summary,
        steps=tuple(steps),
        details=tuple(details),
        warnings=tuple(warnings),
        risk=Risk.R2,
        basis=basis,
    )


async def finish(args: SyncArgs, plan: Plan, outcome: Outcome, context: Context) -> Synced:
    """Make the result from what the journal has."""
    none: dict[str, JsonValue] = {}
    cycle = next((step.data for step in outcome.steps if "source" in step.data), none)
    session = next(str(step.data["session"]) for step in outcome.steps if "session" in step.data)
    conflicts, problems = _pairs(cycle.get("conflicts")), _pairs(cycle.get("problems"))
    summary = (
        plan.summary.replace("keep in sync", "keeping in sync", 1)
        if args.watch
        else plan.summary.replace("sync", "synced", 1)
    )
    if problems:
        summary += f"; {count(len(problems), 'path')} could not be made the same"
    return Synced(
        summary=summary,
        transaction=outcome.transaction,
        snapshot=outcome.snapshot,
        done=tuple(step.does for step in outcome.steps if step.state == "done"),
        undo=undo_words("."),
        session=session,
        watching=args.watch,
        at_source=int(str(cycle.get("source", 0))),
        at_destination=int(str(cycle.get("destination", 0))),
        bytes=int(str(cycle.get("bytes", 0))),
        conflicts=conflicts,
        problems=problems,
    )


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return ()
    return tuple((str(item[0]), str(item[1])) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # JSON of our own making


SYNC = Tool(name="sync", args=SyncArgs, risk=Risk.R2, plan=plan, finish=finish)
STEPS: tuple[StepKind, ...] = (Cycle(), Back(), Keep(), End(), Start(), Recall(), Resolve())
