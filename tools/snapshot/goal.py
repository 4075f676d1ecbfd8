"""What a rewind is to go back to: a snapshot, and the changes since whose inverse steps belong to it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..errors import Failed, Usage
from ..journal import Record, undo
from ..moments.find import LAST, find
from ..moments.say import named, shown, title
from ..plan import Step
from ..store.model import Snapshot

RECENT = 500
"""Transactions that are looked at; whoever goes further back names a snapshot or a time."""
FILES = frozenset({"tree", "tree-back", "thaw", "thaw-back", "dotfile", "apt-update"})
"""Kinds that are never replayed: a rewind compares files with the snapshot itself, and package lists are no state."""
OWN = FILES | {
    "apt",
    "note",
    "note-forget",
    "snapshot",
    "snapshot-forget",
    "snapshot-keep",
    "scan-write",
    "scan-remove",
}
"""The same for going further back than the last change, which leaves facts and snapshots as they are."""
ASIDE = frozenset({"remember", "snapshot"})
"""Tools that change no environment: only `last` takes these back, going to an earlier moment does not."""


@dataclass(frozen=True)
class Goal:
    """Where to go. Without a snapshot only `steps` are to be done."""

    why: str
    """Words for the plan's summary; the same each time the plan is made."""
    snapshot: Snapshot | None = None
    steps: tuple[Step, ...] = ()
    """Inverses of what was done since, in the order to do them."""
    since: tuple[Record, ...] = ()
    """The transactions that are taken back, newest first."""
    stuck: tuple[str, ...] = ()
    """Steps of those that nothing can take back."""
    note: str = ""
    last: bool = False


def aim_at(words: str, snapshots: Sequence[Snapshot], records: Sequence[Record], now: datetime) -> Goal:
    """The goal for a person's words; `snapshots` newest last, `records` (of this environment) newest first. Raises Usage."""
    if " ".join(words.casefold().split()) in LAST:
        return _last(snapshots, records)
    found = find(words, snapshots, records, now)
    since = tuple(_since(found.snapshot, snapshots, records))
    steps = [step for record in since if record.plan.tool not in ASIDE for step in undo(record) if step.kind not in OWN]
    return Goal(
        why=named(found.snapshot, records),
        snapshot=found.snapshot,
        steps=tuple(_shortest(steps)),
        since=since,
        stuck=tuple(line for record in since for line in _stuck(record)),
        note=found.note,
    )


def _last(snapshots: Sequence[Snapshot], records: Sequence[Record]) -> Goal:
    """The state before the newest change."""
    newest = next((r for r in records if changed(r)), None)
    if newest is None:
        if not snapshots:
            raise Usage("nothing was changed here yet, so there is nothing to take back", "See: envsync history")
        return Goal(named(snapshots[-1], records), snapshots[-1], last=True)
    steps = tuple(step for step in undo(newest) if step.kind not in FILES)
    what = f"before `{title(newest)}`"
    if newest.snapshot is None:
        if not steps:
            stuck = "; ".join(_stuck(newest)) or newest.plan.summary
            raise Failed(
                f"the last change cannot be taken back: {stuck}",
                "To go further back, name a moment: see envsync history",
            )
        return Goal(what, None, steps, (newest,), tuple(_stuck(newest)), last=True)
    snapshot = next((s for s in snapshots if s.id == newest.snapshot), None)
    if snapshot is None:
        raise Failed(
            f"the snapshot {newest.snapshot} from {what} is gone",
            "To go to another moment, name it: see envsync history",
        )
    return Goal(f"{snapshot.id} ({what})", snapshot, steps, (newest,), tuple(_stuck(newest)), last=True)


def newest_is_here(goal: Goal, records: Sequence[Record], everywhere: Sequence[Record], path: Path) -> None:
    """`last` is the last change that a person knows of. Raises Usage when that was made in a directory below or above
    `path`, of which `records` (newest first, as `everywhere` of the host) do not tell."""
    here = max((record.id for record in records if changed(record)), default=0)
    for record in everywhere:
        if record.id <= here:
            return
        there = Path(record.plan.path)
        if changed(record) and there != path and (path in there.parents or there in path.parents):
            own = f"\n  The last one of this directory: envsync rewind --to {goal.snapshot.id}" if goal.snapshot else ""
            raise Usage(
                f"the last change was made in {shown(str(there))}: {title(record)}",
                f"To take it back: envsync rewind --to last --path {shlex.quote(str(there))}{own}",
            )


def changed(record: Record) -> bool:
    """Whether a transaction left something changed, however it ended."""
    return record.state != "compensated" and any(s.state in ("intent", "done", "failed", "stuck") for s in record.steps)


def _since(snapshot: Snapshot, snapshots: Sequence[Snapshot], records: Sequence[Record]) -> list[Record]:
    """The transactions after a snapshot: told by their own snapshot's number, and only without one by time."""
    number = {s.id: s.seq for s in snapshots}

    def later(record: Record) -> bool:
        if record.snapshot in number:
            return number[record.snapshot or ""] >= snapshot.seq
        return record.at >= snapshot.at

    return [record for record in records if changed(record) and later(record)]


def _stuck(record: Record) -> list[str]:
    held = record.snapshot is not None
    return [
        record.plan.steps[s.index].does
        for s in record.steps
        if s.state in ("intent", "done", "failed", "stuck")
        and not record.plan.steps[s.index].inverse
        and not (held and record.plan.steps[s.index].covered)
    ]


def _shortest(steps: Sequence[Step]) -> list[Step]:
    """Leave out a step that only takes back the one before it, and that one with it."""
    left: list[Step] = []
    for step in steps:
        if left and any((back.kind, back.args) == (step.kind, step.args) for back in left[-1].inverse):
            left.pop()
        else:
            left.append(step)
    return left
