"""The tool `drift`: what differs, how bad, and the fix."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from ..contract import Args, Block, Context, Lines, Observe, Result, Tool, brief
from ..errors import EnvSyncError, Usage
from ..fingerprint import Fingerprint, Missing
from ..hosts.here import here, near
from ..hosts.names import names
from ..journal import Journal, Record
from ..moments.find import LAST, find
from ..moments.say import ago, cause, clock, shown
from ..plan import Risk
from ..store import anywhere
from ..store.model import Entry, Snapshot
from ..store.place import above, snapshots_of, store_of
from ..store.store import Store
from ..team.members import has_published, is_member
from . import across, files, words
from .compare import compare
from .elsewhere import against_host, against_people, host_of
from .exported import against_file, meant
from .machine import machine
from .model import Difference, Fix, Kind, Severity, fixed

RECENT = 500
TEAM = frozenset(("team", "the team", "my team", "everybody", "everyone"))
CONTEXTS = frozenset(("dev", "development", "staging", "prod", "production"))


class DriftArgs(Args):
    """Arguments of `drift`."""

    against: str = Field(
        "last",
        description="`last` snapshot; `spec` (lockfiles, version files); a label or id; words for a moment; `A..B`; "
        "a host (`USER@HOST[:/dir]`); a teammate's name, or `team`; the file of a fingerprint",
        json_schema_extra=brief("`last`, `spec` (lockfiles), label, id, moment, host, teammate or `team`"),
    )
    on: str = Field("local", description="the host")
    path: str = Field(".", description="the project's directory")


class Drifted(Result):
    """What differs."""

    against: str
    """Id of the snapshot, `spec`, or `A..B`."""
    at: datetime | None = None
    """When that snapshot was taken."""
    differences: tuple[Difference, ...] = ()
    aside: tuple[str, ...] = ()
    """What differs too, and says nothing about the project: caches, variables that it does not read."""
    fix: str = ""
    """What makes it all as it was, in one command."""
    call: Fix | None = None
    across: bool = False
    """Whether the other side is another host or person."""

    def blocks(self) -> Sequence[Block]:
        more = [Lines([f"the fix: {self.fix}"])] if self.fix else []
        aside = [Lines([shown(line) for line in self.aside[:5]], "aside")] if self.aside else []
        table = across.table if self.across else words.table
        return [*table(self.differences), *more, *aside]

    @property
    def exit(self) -> int:
        return 5 if self.differences else 0


async def read(args: DriftArgs, context: Context) -> Drifted:
    """Tell what changed or differs, how bad it is, and the fix.

    Use it for "what changed?", "why does it not work any more?", "is this as the lockfile says?". Compares files,
    package versions, runtimes, variable names, dotfiles and git's state; changes nothing. Against another host or a
    teammate it also says who moved since both sides last had the same.
    """
    against = " ".join(args.against.split())
    if against.casefold() in ("spec", "the spec", "specification", "lockfile", "the lockfile"):
        return await _specification(context)
    snapshots = snapshots_of(context)
    if not snapshots and (place := above(context)):
        raise Usage(
            f"there is no snapshot of {shown(str(context.path))}, but of {shown(place)} above it",
            f"Go there, or add: -C {place}" if context.host.name == "local" else f"Add: --path {place}",
        )
    labels = {s.label for s in snapshots}
    if against not in labels:
        if (file := meant(against, context)) is not None:
            return await _exported(file, context)
        if (other := host_of(against)) is not None:
            return await _elsewhere(*other, context)
        # Before words are searched for what they may mean: a machine of just this name is meant.
        if against != "local" and against in await here(names, context.state):
            return await _elsewhere(context.open(against).name, "", context)
        if against.casefold() in TEAM or is_member(context, against):
            return await _people(against, context)
        if against.casefold() in CONTEXTS:
            raise Usage(
                f"this version cannot compare with the context {shown(against)} yet",
                "It compares with a snapshot, with `spec`, a host, a teammate or `team`, and two snapshots as A..B.",
            )
    records = Journal(context.state).recent(RECENT, host=context.host.name, path=str(context.path))
    if ".." in against and against not in labels:
        one, _, other = (part.strip(" .") for part in against.partition(".."))
        old = find(one, snapshots, records, context.now()).snapshot
        if other and other.casefold() != "now":
            return await _two(old, find(other, snapshots, records, context.now()).snapshot, context)
        return await _since(old, records, context)
    if against.casefold() in LAST:
        if not snapshots:
            raise Usage(
                "there is no snapshot of this project yet, so nothing to compare with",
                "Take one: envsync snapshot. Against lockfiles and version files: envsync drift --against spec",
            )
        return await _last(snapshots, records, context)
    try:
        found = find(against, snapshots, records, context.now())
    except Usage:
        if machine := _machine(against, context):
            return await _elsewhere(machine, "", context)
        if await has_published(context, against):
            return await _people(against, context)
        raise
    return await _since(found.snapshot, records, context, found.note)


def _machine(word: str, context: Context) -> str:
    """The full name of the container or VM that a bare word means; empty when it means none."""
    if not re.fullmatch(r"[\w.-]+", word):
        return ""
    try:
        return context.open(word).name
    except EnvSyncError:
        return ""


async def _elsewhere(name: str, path: str, context: Context) -> Drifted:
    """This side against another host."""
    differences, aside, said = await against_host(name, path, context)
    return Drifted(
        summary=said or f"{context.path.name} is the same here and on {shown(name)}",
        against=f"{name}:{path}" if path else name,
        differences=tuple(differences),
        aside=tuple(aside),
        across=True,
    )


async def _exported(file: Path, context: Context) -> Drifted:
    """This machine against an exported fingerprint."""
    differences, fix = await against_file(file, context)
    said = words.sentence(differences)
    return Drifted(
        summary=f"{said}, against {shown(file.name)}" if said else f"this machine is as {shown(file.name)} says",
        against=str(file),
        differences=tuple(differences),
        fix=fix,
    )


async def _people(who: str, context: Context) -> Drifted:
    """This side against what teammates published."""
    everybody = who.casefold() in TEAM
    differences, notices, said, members = await against_people("team" if everybody else who, context)
    names = ", ".join(shown(member.person) for member in members)
    when = f" (as of {ago(min(m.at for m in members), context.now())})" if members else ""
    return Drifted(
        summary=(f"{said}{when}" if said else f"everything that matters is as {names} has it{when}")
        if members
        else "nobody else has published yet: they join with envsync team join",
        against="team" if everybody else members[0].person,
        differences=tuple(differences),
        aside=tuple(notices),
        across=True,
    )


async def _last(snapshots: Sequence[Snapshot], records: list[Record], context: Context) -> Drifted:
    """Since the newest snapshot; when that only preceded a command that changed nothing, since the one before."""
    ran = {record.snapshot for record in records if record.plan.tool == "run"}
    context = replace(context, observe=_once(context.observe))
    for snapshot in reversed(snapshots):
        drifted = await _since(snapshot, records, context)
        if drifted.differences or snapshot.id not in ran or snapshot is snapshots[0]:
            return drifted
    raise AssertionError("there is a snapshot")


def _once(observe: Observe) -> Observe:
    """The same scan for every snapshot that is compared with it: it takes longer than the comparison."""
    made: list[Fingerprint] = []

    async def again(context: Context, scope: Literal["project", "machine", "all"] = "all") -> Fingerprint:
        if not made:
            made.append(await observe(context, scope))
        return made[0]

    return again


async def _since(snapshot: Snapshot, records: list[Record], context: Context, note: str = "") -> Drifted:
    """Now against a snapshot."""
    seen = asyncio.ensure_future(context.observe(context, "all"))
    try:
        if snapshot.frozen is not None:
            await asyncio.wait([seen])  # a machine that is being compared may stand still
        differences, aside = await _trees(snapshot, None, context)
        await asyncio.wait([seen])
    finally:
        seen.cancel()
        await asyncio.wait([seen])
    then = store_of(context).fingerprint(snapshot)
    if error := seen.exception():
        if not isinstance(error, EnvSyncError | OSError):
            raise error
        aside = [*aside, f"packages and runtimes were not compared: {error}"]
    elif then is None:
        aside = [*aside, "packages and runtimes were not compared: the snapshot's own scan had failed"]
    else:
        more, others = compare(then, seen.result())
        differences, aside = [*more, *differences], [*aside, *others]
    held = {file.path for file in snapshot.dotfiles}
    differences = [fixed(d, _placed(_call(d, snapshot, held), context)) for d in _folded(differences)]
    moment = f"snapshot {snapshot.id} ({cause(snapshot, records)}, {ago(snapshot.at, context.now())})"
    said = words.sentence(differences)
    whole = _placed(Fix(tool="rewind", args={"to": snapshot.id}), context) if any(d.call for d in differences) else None
    return Drifted(
        summary=(f"{said} since {moment}" if said else f"nothing changed since {moment}")
        + (f"; {note}" if note else ""),
        against=snapshot.id,
        at=snapshot.at,
        differences=tuple(differences),
        aside=tuple(aside),
        fix=str(whole) if whole else "",
        call=whole,
    )


def _folded(differences: Sequence[Difference]) -> list[Difference]:
    """Of an environment that came or went as a whole its packages are told, and not its files and its Python too."""
    whole = [d.where for d in differences if d.kind == "package" and d.what == d.where]

    def within(d: Difference) -> bool:
        place = d.what if d.kind == "file" else d.where if d.kind == "runtime" else ""
        return any(place == folder or place.startswith(f"{folder}/") for folder in whole)

    return [d for d in differences if not within(d)]


async def _two(old: Snapshot, new: Snapshot, context: Context) -> Drifted:
    """Two snapshots against each other; there is nothing to fix in the past."""
    differences, aside = await _trees(old, new, context)
    one, other = (store_of(context).fingerprint(snapshot) for snapshot in (old, new))
    if one is not None and other is not None:
        more, others = compare(one, other)
        differences, aside = [*more, *differences], [*aside, *others]
    differences = _folded(differences)
    said = words.sentence(differences) or "nothing differs"
    between = f"from snapshot {old.id} ({clock(old.at)}) to {new.id} ({clock(new.at)})"
    return Drifted(
        summary=f"{said} {between}",
        against=f"{old.id}..{new.id}",
        at=old.at,
        differences=tuple(differences),
        aside=tuple(aside),
    )


async def _specification(context: Context) -> Drifted:
    """Now against what the project's lockfiles, manifests and version files say."""
    now: Fingerprint = await context.observe(context, "project")
    lacks = now.project.missing if now.project else ()
    differences = tuple(_elsewhere_too(_lack(lack), context) for lack in lacks)
    said = words.sentence(differences)
    whole = _placed(Fix(tool="provision"), context) if any(d.call for d in differences) else None
    declared = sorted({f for s in (now.project.services if now.project else ()) for f in (*s.lockfiles, *s.manifests)})
    source = ", ".join(shown(name) for name in declared[:3]) + (" …" if len(declared) > 3 else "")
    if not declared:
        return Drifted(summary="this project has no lockfile, manifest or version file to compare with", against="spec")
    return Drifted(
        summary=f"{said}, against {source}"
        if said
        else f"everything is as {source} {'say' if len(declared) > 1 else 'says'}",
        against="spec",
        differences=differences,
        fix=str(whole) if whole else "",
        call=whole,
    )


KINDS: dict[str, Kind] = {"runtime": "runtime", "tool": "tool", "packages": "package", "service": "service",
                          "variable": "variable", "file": "file"}  # fmt: skip
WEIGHT: dict[str, Severity] = {"runtime": "breaking", "packages": "breaking", "tool": "major", "service": "major",
                               "variable": "major", "file": "minor"}  # fmt: skip


def _lack(lack: Missing) -> Difference:
    wrong = bool(lack.actual) and lack.kind in ("packages", "runtime")
    call = None
    if match := re.fullmatch(r"envsync provision(?: --(runtimes|packages|services) (\S+))?", lack.fix):
        call = Fix(tool="provision", args={match[1]: [match[2]]} if match[1] else {})
    severity = "major" if wrong and lack.kind == "packages" else WEIGHT[lack.kind]
    return Difference(
        kind=KINDS[lack.kind], what=lack.name, change="version" if wrong else "missing", was=lack.wanted,
        now=lack.actual, where=lack.service, severity=severity, fix=lack.fix, call=call,
    )  # fmt: skip


async def _trees(old: Snapshot, new: Snapshot | None, context: Context) -> tuple[list[Difference], list[str]]:
    """Files of a snapshot against another, or against now; stores nothing."""
    if old.frozen is not None or (new is not None and new.frozen is not None):
        if new is not None:
            return [], ["the files of two records of a whole machine are not compared, only their packages"]
        return await machine(old, context)
    seen = await anywhere.look(context) if new is None else None
    return await here(_compared, store_of(context), old, new, seen)


def _compared(
    store: Store, old: Snapshot, new: Snapshot | None, seen: anywhere.Seen | None
) -> tuple[list[Difference], list[str]]:
    before = store.manifest(old.manifest)

    def held(entry: Entry) -> bytes:
        with suppress(EnvSyncError):
            return store.get(entry.digest or "")
        return b""

    if new is not None:
        return files.differences(before, store.manifest(new.manifest), held, held)
    if seen is None:
        raise AssertionError("either another snapshot or a look")
    return files.differences(before, seen.manifest, held, seen.read)


def _placed(fix: Fix | None, context: Context) -> Fix | None:
    """The call for the host and the directory that were asked about; here, a person is in that directory."""
    if fix is None or near(context.host):
        return fix
    return fix.model_copy(update={"args": {**fix.args, "on": context.host.name, "path": str(context.path)}})


def _elsewhere_too(d: Difference, context: Context) -> Difference:
    return d if d.call is None or near(context.host) else fixed(d, _placed(d.call, context))


def _call(d: Difference, snapshot: Snapshot, dotfiles: set[str]) -> Fix | None:
    """The call that brings one difference back, where there is one."""
    match d.kind:
        case "file":
            return Fix(tool="rewind", args={"to": snapshot.id, "paths": [d.what]})
        case "dotfile" if d.what in dotfiles:
            return Fix(tool="rewind", args={"to": snapshot.id, "paths": [d.what]})
        case "package" if d.where != "system":
            return Fix(tool="rewind", args={"to": snapshot.id, "paths": [d.where]})
        case "package" if d.was:
            return Fix(tool="provision", args={"packages": [f"apt:{d.what}@{d.was}"]})
        case "runtime" if d.was and d.change == "removed":
            return Fix(tool="provision", args={"runtimes": [f"{d.what}@{d.was}"]})
        case _:
            return None


DRIFT = Tool(name="drift", args=DriftArgs, risk=Risk.R0, read=read)
