"""The tool `status`: what is going on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import Field

from ..contract import Args, Block, Context, Lines, Result, Table, Tool
from ..hosts.base import Info
from ..hosts.here import here, near
from ..hosts.holding import owners_there
from ..journal import Journal, Record
from ..locks import held
from ..moments.say import ago, cause, count, short, shown, size, title
from ..plan import Data, Risk
from ..store.model import Keep
from ..store.place import store_of
from .leases import Leased, counted, leases
from .listening import Listener, listeners_of
from .syncing import Syncing, syncing

RECENT = 200
UNFINISHED = ("interrupted", "broken", "open")


class StatusArgs(Args):
    """Arguments of `status`."""

    on: str | None = Field(None, description="the host; empty: this machine")


class Held(Data):
    """A lock, and who holds it."""

    on: str
    what: str
    pid: int
    machine: str
    id: str


class Unfinished(Data):
    """A transaction that ended half-way, and what to do about it."""

    transaction: int
    path: str
    what: str
    state: str
    advice: str


class Status(Result):
    """What is going on."""

    locks: tuple[Held, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
    services: tuple[Listener, ...] = ()
    """Programs that listen on a TCP port of the host."""
    machine: str = ""
    """What another host is; empty for this machine."""
    snapshots_there: int = 0
    """Of all projects on the host that was asked about."""
    made: tuple[Leased, ...] = ()
    """Sandboxes and whatever else EnvSync made that is still there."""
    syncs: tuple[Syncing, ...] = ()
    """Directories that are kept the same."""
    store_bytes: int = 0
    """On disk, all projects together."""
    snapshots: int = 0
    """Of all projects."""
    retention: str = ""
    last_snapshot: str | None = None
    """Id of this project's newest."""

    def blocks(self) -> Sequence[Block]:
        found: list[Block] = []
        if self.unfinished:
            found.append(
                Lines([f"{u.what} in {shown(u.path)}: {u.state}. {u.advice}" for u in self.unfinished], "unfinished")
            )
        if self.locks:
            found.append(
                Lines(
                    [f"{shown(k.on)}: {shown(k.what)} (process {k.pid} on {shown(k.machine)})" for k in self.locks],
                    "locks",
                )
            )
        if self.syncs:
            found.append(Lines([each.line for each in self.syncs], "kept in sync"))
        if self.made:
            now = datetime.now(UTC)
            found.append(Lines([each.line(now) for each in self.made], "made by EnvSync"))
        if self.services:
            rows = [(str(s.port), shown(s.program) or "?", str(s.pid or ""), s.address) for s in self.services[:30]]
            found.append(Table(("port", "program", "pid", "address"), rows, "listening"))
        return [*found, Lines([f"snapshots keep: {self.retention}"])]


async def read(args: StatusArgs, context: Context) -> Status:
    """Show what is going on: locks, interrupted work, running services, the store's size.

    Use it for "what is running?", "is anything stuck?", "how much space do the snapshots take?".
    """
    store = store_of(context)
    usage = await here(store.du)
    known = store.snapshots()
    mine_here = [s for s in known if (s.path, s.host) == (str(context.path), context.host.name)]
    there = [s for s in known if s.host == context.host.name]
    locks = tuple(_held(owner) for owner in held(context.state / "locks"))
    locks += tuple(
        _held({**owner, "on": str(owner.get("on", "?")).replace("local", context.host.name, 1)})
        for owner in await owners_there(context.host)
    )
    busy = {lock.on for lock in locks}
    journal = Journal(context.state)
    records = journal.recent(RECENT)
    unfinished = tuple(_unfinished(r) for r in records if r.state in UNFINISHED and not _over(r, records, busy))
    services = tuple(await listeners_of(context.host)) if not _fake(context) else ()
    seen = None if context.host.name == "local" or _fake(context) else _told(await context.host.info())
    made = await leases(context.state, context.host.name)
    syncs = syncing(context.state)
    keep = Keep()
    retention = f"every labelled one, the newest {keep.last} of each project, and all of the last {keep.days:.0f} days"
    if keep.bytes:
        retention += f", up to {size(keep.bytes)} in all"
    last = mine_here[-1] if mine_here else None
    parts = [
        f"{count(len(locks), 'lock')} held" if locks else "no locks",
        f"{count(len(unfinished), 'transaction')} unfinished" if unfinished else "nothing unfinished",
        f"{count(len(services), 'service')} listening",
        *counted(made),
        *([f"{count(len(syncs), 'sync session')}"] if syncs else []),
        f"{count(len(known), 'snapshot')} in {size(usage.bytes)}",
    ]
    if last is not None:
        mine = journal.recent(RECENT, host=context.host.name, path=str(context.path))
        parts.append(f"the last one here {last.id} ({cause(last, mine)}, {ago(last.at, context.now())})")
    if seen is not None:
        parts = [f"{context.host.name}: {seen}", *parts, f"{count(len(there), 'snapshot')} of it"]
    return Status(
        summary=", ".join(parts), machine=seen or "", snapshots_there=len(there), locks=locks, unfinished=unfinished, services=services, made=made, syncs=syncs, store_bytes=usage.bytes,
        snapshots=len(known), retention=retention, last_snapshot=last.id if last else None,
    )  # fmt: skip


def _fake(context: Context) -> bool:
    """A double for tests stands on this machine, and its ports are not its own."""
    return near(context.host) and context.host.name != "local"


def _told(info: Info) -> str:
    """What a machine says of itself is data: shortened and escaped."""
    said = f"{shown(info.user)}@{shown(info.hostname)}, {shown(info.system)} {shown(info.machine)}"
    said += f", Python {shown(info.python)}" if info.python else ", no Python (slower ways are taken)"
    return said + (f", its clock is {info.clock:+.0f} s off" if abs(info.clock) >= 5 else "")


def _held(owner: dict[str, object]) -> Held:
    pid = str(owner.get("pid", "0"))
    return Held(
        on=str(owner.get("on", "?")), what=short(str(owner.get("what", "?"))), pid=int(pid) if pid.isdigit() else 0,
        machine=str(owner.get("machine", "?")), id=str(owner.get("id", "")),
    )  # fmt: skip


def _over(record: Record, records: Sequence[Record], busy: set[str]) -> bool:
    """Whether it needs nobody: it is under way right now, it had changed nothing, or somebody went on since."""
    if record.state == "open" and f"{record.plan.host}:{record.plan.path}" in busy:
        return True
    if not record.steps:
        return True
    place = (record.plan.host, record.plan.path)
    return any(
        r.id > record.id
        and r.state == "committed"
        and r.plan.tool in ("rewind", record.plan.tool)
        and (r.plan.host, r.plan.path) == place
        for r in records
    )


def _unfinished(record: Record) -> Unfinished:
    done = sum(step.state == "done" for step in record.steps)
    state = "interrupted" if record.state == "open" else record.state
    stuck = [step.does for step in record.steps if step.state == "stuck"]
    said = f"{state} after {done} of {count(len(record.plan.steps), 'step')}"
    if stuck:
        said += f"; not taken back: {short('; '.join(stuck))}"
    back = f"envsync rewind --to {record.snapshot}" if record.snapshot else "envsync rewind --to last"
    return Unfinished(
        transaction=record.id, path=record.plan.path, what=f"`{title(record)}`", state=said,
        advice=f"Back to before it, in that directory: {back}. Or ask for the same again to go on.",
    )  # fmt: skip


STATUS = Tool(name="status", args=StatusArgs, risk=Risk.R0, read=read)
