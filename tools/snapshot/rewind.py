"""The tool `rewind`: back to an earlier moment, previewed, and undoable itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field, JsonValue

from ..contract import Args, Block, Changed, Context, Lines, Outcome, Tool, brief, place_words, undo_words
from ..errors import Usage
from ..fingerprint import Fingerprint
from ..hosts.base import Touched
from ..hosts.here import here
from ..journal import Journal, Record
from ..moments.say import count, shown, title
from ..plan import Plan, Risk, Step
from ..store import anywhere, tree
from ..store.environments import idle
from ..store.model import Change, Manifest, Snapshot
from ..store.place import above, snapshots_of, store_of
from ..store.store import Store
from . import around, packages, whole
from .goal import RECENT, Goal, aim_at, changed, newest_is_here
from .paths import clean, present
from .preview import Preview, preview
from .repository import aim
from .take import scanned

LISTED = 12
"""Package changes and files shown one by one."""
ELSEWHERE = frozenset(("note", "note-forget", "snapshot-forget", "snapshot-keep", "service-end"))
"""Kinds of steps that change something here too, which putting the whole machine back over there does not take back."""
KEPT_FIRST = "overwritten or removed, and kept in a snapshot taken first"


class RewindArgs(Args):
    """Arguments of `rewind`."""

    absent = True

    to: str = Field(
        description="a snapshot's label or id, `last`, or the user's own words for a moment",
        json_schema_extra=brief("label, id, `last`, or words for a moment"),
    )
    paths: list[str] = Field(
        default_factory=list[str],
        description="only these files or directories; empty: everything",
        json_schema_extra=brief(""),
    )
    on: str = Field("local", description="the host")
    path: str = Field(".", description="the project's directory")


class Rewound(Changed):
    """What a rewind did."""

    to: str = ""
    """Id of the snapshot it went back to; empty when only steps were taken back."""
    paths: int = 0
    """Paths in the project that were changed."""
    kept: tuple[str, ...] = ()
    """What could not be made as it was, with the reason."""
    notes: tuple[str, ...] = ()
    """What the plan warned of: a moment that no snapshot is as old as, what nothing takes back."""

    def blocks(self) -> Sequence[Block]:
        """With the notes, which `--yes` shows nowhere else."""
        return [*([Lines(self.notes, "to know")] if self.notes else []), *super().blocks()]


@dataclass(frozen=True)
class Files:
    """The tree's part: what differs now from where the rewind aims."""

    changes: list[Change]
    preview: Preview
    notes: tuple[str, ...]
    touched: tuple[Touched, ...] = ()
    """Instead of `changes`, where the whole machine goes back."""


@dataclass(frozen=True)
class Seen:
    """How it is now, compared with a snapshot."""

    files: Files
    now: Fingerprint | None
    then: Fingerprint | None


async def plan(args: RewindArgs, context: Context) -> Plan:
    """Take the environment, or some of its paths, back to an earlier moment.

    Use it for "undo that" (`last`), for a snapshot by label or id, or for a moment in the user's own words, e.g.
    "yesterday at noon" or "before the numpy upgrade". It takes a snapshot first, so a rewind can be undone too, and it
    loses no git commit.
    """
    records = Journal(context.state).recent(RECENT, host=context.host.name, path=str(context.path))
    snapshots = snapshots_of(context)
    if not snapshots and not records and (place := above(context) or _recorded_as(context)):
        there = f"-C {place}" if context.host.name == "local" else place_words(place, args.on).strip()
        raise Usage(
            f"nothing is recorded of {shown(str(context.path))}, but of {shown(place)}"
            f"{' above it' if Path(place) in context.path.parents else ' on that machine'}",
            f"Go there, or add: {there}" if context.host.name == "local" else f"Add: {there}",
        )
    known = {name for s in snapshots for name in (s.id, s.label)}
    if args.to not in known and (place := _recorded_as(context, args.to)):
        raise Usage(
            f"{args.to!r} is a snapshot of {context.host.name} that was taken for {shown(place)}",
            f"It has the whole machine. Add: {place_words(place, args.on).strip()}",
        )
    goal, seen = await _past_idle(aim_at(args.to, snapshots, records, context.now()), snapshots, records, context)
    if goal.last:
        newest_is_here(goal, records, Journal(context.state).recent(RECENT, host=context.host.name), context.path)
    if goal.snapshot is not None and goal.snapshot.frozen is not None:
        return await _whole(args, context, goal, seen)
    wanted, homes = clean(args.paths, context.path, context.home)
    if goal.snapshot is None and (taken := around.made_by(goal.since[0], snapshots)):
        seen = await _look(taken, context)
        back = aim_at(taken.id, snapshots, records, context.now())
        if taken.frozen is not None:
            return await _whole(args, context, back if args.paths else _unmade(goal, taken, seen) or back, seen)
        homes_differ = any(await around.dotfiles(back, context, None))
        goal = back if args.paths or homes_differ else _unmade(goal, taken, seen) or back
    if goal.snapshot is None and args.paths:
        raise Usage(f"the state {goal.why} has no files to take from", "Leave the paths out, or name a snapshot.")
    target = goal.snapshot
    if target is None:
        return _plan(args, context, goal, f"take back `{title(goal.since[0])}`", goal.steps, [], list(goal.stuck), None)
    if args.paths:
        files = await _differs(target, context, wanted) if wanted else None
        steps, warnings = await around.dotfiles(goal, context, homes)
        what = ", ".join(shown(path) for path in args.paths[:3]) + (" …" if len(args.paths) > 3 else "")
        return _plan(args, context, goal, f"rewind {what} to {goal.why}", steps, [], warnings, files, wanted)
    seen = seen or await _look(target, context)
    files, now, then = seen.files, seen.now, seen.then
    steps, warnings = await around.dotfiles(goal, context, None)
    system, said = await around.system(goal, now, then, context)
    details = packages.changes(now, then)
    details = [*details[:LISTED], f"… and {len(details) - LISTED} more packages"] if len(details) > LISTED else details
    return _plan(
        args, context, goal, f"rewind to {goal.why}", (*goal.steps, *system, *steps), details,
        [*files.notes, *said, *warnings, *around.beyond(goal, now, then), *(f"cannot be taken back: {s}" for s in goal.stuck)], files,
    )  # fmt: skip


def _recorded_as(context: Context, name: str = "") -> str:
    """The directory for which this machine was last recorded whole, as the snapshot `name` if one is given; empty when none was."""
    known = [s for s in store_of(context).snapshots(host=context.host.name) if s.frozen and s.path != str(context.path)]
    return next((s.path for s in reversed(known) if not name or name in (s.id, s.label)), "")


async def _whole(args: RewindArgs, context: Context, goal: Goal, seen: Seen | None) -> Plan:
    """Back to a snapshot of a whole machine: everything on it comes along, so nothing else needs steps of its own."""
    target = goal.snapshot
    if target is None:
        return _plan(args, context, goal, f"take back `{title(goal.since[0])}`", goal.steps, [], list(goal.stuck), None)
    steps = tuple(step for step in goal.steps if step.kind in ELSEWHERE)
    if args.paths:
        paths = whole.clean(args.paths, context)
        found = whole.limited(await whole.touched(context, target), paths)
        files = Files([], whole.preview(found, str(context.path), target.id), (), tuple(found))
        what = ", ".join(shown(path) for path in args.paths[:3]) + (" …" if len(args.paths) > 3 else "")
        return _plan(args, context, goal, f"rewind {what} to {goal.why}", steps, [], [], files, paths)
    seen = seen or await _look(target, context)
    details = [*packages.changes(seen.now, seen.then), *packages.changes(seen.now, seen.then, system=True)]
    details = [*details[:LISTED], f"… and {len(details) - LISTED} more packages"] if len(details) > LISTED else details
    warnings = [] if not seen.files.touched else ["what runs on the machine is stopped for it, and started again"]
    return _plan(args, context, goal, f"rewind to {goal.why}", steps, details, warnings, seen.files)


def _plan(
    args: RewindArgs, context: Context, goal: Goal, what: str, steps: tuple[Step, ...] | list[Step],
    packages: list[str], warnings: list[str], files: Files | None, paths: tuple[str, ...] = (),
) -> Plan:  # fmt: skip
    """Put the parts together: the tree first, so that what takes a service back finds the project's files as they were."""
    all_steps: list[Step] = []
    parts: list[str] = []
    details = [f"package {line}" for line in packages]
    risk, reason, basis = Risk.R2, "", ""
    if files is not None and (files.changes or files.touched) and goal.snapshot is not None:
        own = files.preview.summary
        told = ", ".join(part for part in (own, files.preview.made) if part) or "times of directories"
        if files.touched:
            all_steps.append(whole.step(goal.snapshot, paths, f"machine: {told}"))
        else:
            all_steps.append(_tree(goal.snapshot, paths, f"files: {told}"))
        parts += [own] if own or packages else [told]
        details += files.preview.details
        risk, reason, basis = files.preview.risk, files.preview.reason, files.preview.basis
        if files.preview.conflicts:
            some = ", ".join(files.preview.conflicts[:LISTED]) + (" …" if len(files.preview.conflicts) > LISTED else "")
            warnings = [f"{KEPT_FIRST}: {some}", *warnings]
    all_steps += steps
    if goal.note:
        warnings = [goal.note, *warnings]
    if not all_steps:
        note = f" ({'; '.join(warnings)})" if warnings else ""
        return Plan(tool="rewind", host=context.host.name, path=str(context.path), risk=Risk.R2,
                    args=args.model_dump(mode="json", exclude_unset=True),
                    summary=f"nothing to rewind: {_place(paths)} as in {goal.why}{note}")  # fmt: skip
    if packages:
        parts.append(f"{count(len(packages), 'package')} changed" if len(packages) > 3 else ", ".join(packages))
    if homes := [str(step.args["path"]) for step in all_steps if step.kind == "dotfile"]:
        parts.append(count(len(homes), "dotfile") if len(homes) > 3 else ", ".join(homes))
    if others := [step for step in all_steps if step.kind not in ("dotfile", "tree", "thaw")]:
        parts.append(others[0].does if len(others) == 1 else count(len(others), "other step"))
    return Plan(
        tool="rewind",
        args=args.model_dump(mode="json", exclude_unset=True),
        host=context.host.name,
        path=str(context.path),
        summary=f"{what}: {', '.join(part for part in parts if part)}" if goal.snapshot else what,
        steps=tuple(all_steps),
        details=tuple(details),
        warnings=tuple(dict.fromkeys(warnings)),
        risk=risk,
        reason=reason,
        captures=goal.snapshot is not None,
        system=any(step.kind in ("apt", "thaw") for step in all_steps),
        basis=basis,
    )


def _tree(snapshot: Snapshot, paths: Sequence[str], does: str) -> Step:
    named: dict[str, JsonValue] = {
        "manifest": snapshot.manifest,
        "snapshot": snapshot.id,
        "paths": list[JsonValue](paths),
    }
    back = Step(kind="tree-back", does="put the files back as they were before the rewind", args=dict(named))
    return Step(kind="tree", does=does, args=named, inverse=(back,))


def _place(paths: tuple[str, ...]) -> str:
    return (
        f"{', '.join(shown(path) for path in paths)} {'is' if len(paths) == 1 else 'are'}" if paths else "everything is"
    )


async def finish(args: RewindArgs, plan: Plan, outcome: Outcome, context: Context) -> Rewound:
    """Make the result from what the journal has."""
    done = [step for step in outcome.steps if step.state == "done"]
    kept = [line for step in done for line in _lines(step.data.get("kept"))]
    target = next((s for s in plan.steps if s.kind in ("tree", "thaw")), None)
    summary = plan.summary.replace("rewind", "rewound", 1).replace("take back", "took back", 1)
    if kept:
        summary += f"; {count(len(kept), 'path')} could not be made as before"
    return Rewound(
        summary=summary,
        transaction=outcome.transaction,
        snapshot=outcome.snapshot,
        done=(*(step.does for step in done), *(f"kept {shown(line.replace(': kept: ', ': ', 1))}" for line in kept)),
        undo=undo_words(args.path, args.on).removeprefix("say `undo that`, or: "),
        to=str(target.args["snapshot"]) if target else "",
        paths=sum(int(str(step.data.get("changed", 0))) for step in done),
        kept=tuple(kept),
        notes=tuple(line for line in plan.warnings if not line.startswith(KEPT_FIRST)),
    )


def _lines(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # JSON


async def _past_idle(
    goal: Goal, snapshots: Sequence[Snapshot], records: Sequence[Record], context: Context
) -> tuple[Goal, Seen | None]:
    """The last change, leaving out commands since that left nothing but caches: running the tests is no change to undo.

    With it, how it is now compared with the goal's snapshot, where that was looked at on the way.
    """
    aimed, left = goal, list(records)
    seen: Seen | None = None
    while aimed.last and aimed.since and aimed.since[0].plan.tool == "run" and aimed.snapshot is not None:
        seen = await _look(aimed.snapshot, context)
        if not await _idle(aimed, seen, context):
            break
        left = [record for record in left if record.id < aimed.since[0].id]
        if not any(changed(record) for record in left):
            return goal, seen if aimed is goal else None
        aimed, seen = aim_at("last", snapshots, left, context.now()), None
    if aimed is goal:
        return goal, seen
    note = "commands that ran since left nothing but caches; this takes back the change before them"
    return replace(aimed, note=note), seen


async def _idle(goal: Goal, seen: Seen, context: Context) -> bool:
    """Whether a command left nothing that a rewind takes back; where the scan failed, nobody knows."""
    if seen.now is None or seen.then is None or not idle(seen.files.changes) or seen.files.touched:
        return False
    if any(packages.changes(seen.now, seen.then, system) for system in (False, True)):
        return False
    steps, _ = await around.dotfiles(goal, context, None)
    return not steps


async def _look(target: Snapshot, context: Context) -> Seen:
    """The tree and the scan at the same time."""
    scan = asyncio.ensure_future(scanned(context))
    try:
        if target.frozen is not None:
            await asyncio.wait([scan])  # a machine that is being compared may stand still
        files = await _differs(target, context, ())
        return Seen(files, await scan, await here(store_of(context).fingerprint, target))
    finally:
        scan.cancel()
        await asyncio.wait([scan])


async def _differs(target: Snapshot, context: Context, paths: tuple[str, ...]) -> Files:
    """Look at the tree and compare; stores nothing."""
    if target.frozen is not None:
        found = await whole.touched(context, target)
        return Files(
            [], whole.preview(found, str(context.path), target.id), (), tuple(whole.told(found, str(context.path)))
        )
    store = store_of(context)
    seen = await anywhere.look(context)
    return await here(_compared, target, store, seen, paths)


def _compared(target: Snapshot, store: Store, seen: anywhere.Seen, paths: tuple[str, ...]) -> Files:
    then: Manifest = store.manifest(target.manifest)
    now = seen.manifest
    present(paths, then, now, target.id)
    aimed = aim(then, now, store, seen.read)
    differing = tree.compare(now, aimed.manifest, paths)
    changes = [change for change in differing if not _stays(change)]
    stay = [
        f"{shown(change.path)} stays: a FIFO, socket or device is in no snapshot"
        for change in differing
        if _stays(change)
    ]
    return Files(changes, preview(changes, now, target.id), (*stay[:LISTED], *(aimed.notes if not paths else ())))


def _stays(change: Change) -> bool:
    """Whether a rewind would have to remove what it could not make again."""
    return change.new is None and change.old is not None and change.old.kind == "special"


def _unmade(goal: Goal, taken: Snapshot, seen: Seen) -> Goal | None:
    """`last` after a snapshot by hand: forget it, when nothing differs from it; None when something does."""
    preview = seen.files.preview
    differing = packages.changes(seen.now, seen.then) or packages.changes(seen.now, seen.then, system=True)
    if preview.summary or preview.generated or differing or seen.files.touched:
        return None
    keep = Step(kind="snapshot-keep", does=f"keep snapshot {taken.id}", args={"record": taken.model_dump_json()})
    forget = Step(
        kind="snapshot-forget", does=f"forget snapshot {taken.id}, from which nothing differs", args={"id": taken.id},
        inverse=(keep,),
    )  # fmt: skip
    return Goal(goal.why, None, (forget,), goal.since, last=True)


REWIND = Tool(name="rewind", args=RewindArgs, risk=Risk.R2, plan=plan, finish=finish)
