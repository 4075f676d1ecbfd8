"""The tool `snapshot`: record the environment on a person's request."""

from __future__ import annotations

from pydantic import Field

from ..contract import Args, Changed, Context, Lines, Outcome, Tool, brief, place_words, undo_words
from ..contract import Block as Block
from ..errors import Usage
from ..moments.find import LAST
from ..moments.say import count, shown, size
from ..plan import Plan, Risk, Step
from ..store.place import snapshots_of
from .take import LARGE, estimate, expected, guard, measured

ASKS = 60.0
"""Expected seconds from which on a first snapshot is asked for."""
RESERVED = LAST | {"now", "spec", "team", "latest", "newest"}
LONGEST = 100


class SnapshotArgs(Args):
    """Arguments of `snapshot`."""

    label: str | None = Field(None, description="a name to find it by", json_schema_extra=brief(""))
    on: str = Field("local", description="the host")
    path: str = Field(".", description="the project's directory")


class Snapshotted(Changed):
    """The snapshot that was made; `snapshot` is its id."""

    label: str | None = None
    files: int
    bytes: int
    """Of all its files."""
    stored: int
    """Bytes that the store grew by."""
    seconds: float
    notices: tuple[str, ...] = ()
    """What of the tree it does not hold, and why."""
    back: str = ""
    """The command that goes back to it."""

    def blocks(self) -> list[Block]:
        notices = [Lines([shown(line) for line in self.notices[:10]], "notices")] if self.notices else []
        return [*notices, Lines([f"back to it: {self.back}", f"undo: {self.undo}"])]


async def plan(args: SnapshotArgs, context: Context) -> Plan:
    """Record the environment, to be able to come back to it.

    It holds the project's files (ignored ones, links, modes and empty directories too), its packages, the system's
    packages and versions, and the usual dotfiles. Give a label when one is named.
    """
    label = _label(args.label)
    known = snapshots_of(context)
    if label in {s.id for s in known}:
        raise Usage(f"{label!r} is the id of a snapshot, so it cannot be a label as well", "Choose another label.")
    by_hand = [s for s in known if not s.automatic]
    why = guard(context, named="path" in args.model_fields_set or bool(by_hand))
    details: list[str] = []
    risk, reason = Risk.R1, ""
    if not known:
        entries, total = await measured(context)
        if entries >= LARGE[0] or total >= LARGE[1]:
            details.append(f"the first snapshot here: {estimate(entries, total)}")
            if expected(entries, total) > ASKS:
                risk, reason = Risk.R2, f"the first snapshot is large: {estimate(entries, total)}"
        if why:
            risk, reason = Risk.R2, f"this is {why}"
    same = sum(s.label == label for s in known) if label else 0
    if same:
        details.append(
            f"{count(same, 'snapshot')} of that label {'exists' if same == 1 else 'exist'}; rewind will ask which"
        )
    what = f"record {context.path}" + (f" as {label!r}" if label else "")
    args_ = {"label": label, "after": by_hand[-1].seq if by_hand else 0}
    forget = Step(kind="snapshot-forget", does="forget the snapshot", args=dict(args_))
    return Plan(
        tool="snapshot",
        args=args.model_dump(mode="json", exclude_unset=True),
        host=context.host.name,
        path=str(context.path),
        summary=f"snapshot{f' {label!r}' if label else ''} of {shown(context.path.name or context.host.name)}",
        steps=(Step(kind="snapshot", does=what, args={"label": label}, inverse=(forget,)),),
        details=tuple(details),
        risk=risk,
        reason=reason,
    )


async def finish(args: SnapshotArgs, plan: Plan, outcome: Outcome, context: Context) -> Snapshotted:
    """Make the result from what the journal has."""
    data = outcome.steps[0].data
    files, total, stored = (int(str(data[key])) for key in ("files", "bytes", "stored"))
    seconds, label = float(str(data["seconds"])), _label(args.label)
    notices = data.get("notices")
    return Snapshotted(
        summary=f"snapshot {data['snapshot']}{f' {label!r}' if label else ''}: "
        + (
            f"the whole machine, {size(total)}, {seconds:.1f} s"
            if data.get("whole")
            else f"{count(files, 'file')}, {size(total)}, {size(stored)} new in the store, {seconds:.1f} s"
        ),
        transaction=outcome.transaction,
        snapshot=str(data["snapshot"]),
        done=tuple(step.does for step in outcome.steps),
        undo=undo_words(args.path, args.on),
        back=f"envsync rewind --to {data['snapshot']}{place_words(args.path, args.on)}",
        label=label,
        files=files,
        bytes=total,
        stored=stored,
        seconds=seconds,
        notices=tuple(str(line) for line in notices) if isinstance(notices, list) else (),
    )


def _label(given: str | None) -> str | None:
    """The label as it is kept. Raises Usage for one that could not be found again."""
    label = " ".join((given or "").split())
    if not label:
        return None
    if label.casefold() in RESERVED:
        raise Usage(f"{label!r} cannot be a label: rewind has its own meaning for it", "Choose another label.")
    if len(label) > LONGEST or not label.isprintable():
        raise Usage(f"a label is at most {LONGEST} characters, all of them printable", "Choose another label.")
    return label


SNAPSHOT = Tool(name="snapshot", args=SnapshotArgs, risk=Risk.R1, plan=plan, finish=finish)
