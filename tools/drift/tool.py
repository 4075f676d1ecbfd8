"""The tool `drift`: what differs, how bad, and the fix."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Literal

from pydantic import Field

from ..contract import Args, Block, Context, Lines, Observe, Result, Tool
from ..errors import EnvSyncError, Usage
from ..fingerprint import Fingerprint, Missing
from ..hosts.here import here
from ..journal import Journal, Record
from ..moments.find import LAST, find
from ..moments.say import ago, cause, clock, shown
from ..plan import Risk
from ..store import anywhere
from ..store.model import Entry, Snapshot
from ..store.place import above, snapshots_of, store_of
from ..store.store import Store
from . import files, words
from .compare import compare
from .model import Difference, Fix, Kind, Severity, fixed

RECENT = 500
CONTEXTS = frozenset(("team", "dev", "development", "staging", "prod", "production"))


class DriftArgs(Args):
    """Arguments of `drift`."""

    against: str = Field(
        "last",
        description="`last` snapshot; `spec` (lockfiles, version files); a label or id; words for a moment; `A..B`",
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

    def blocks(self) -> Sequence[Block]:
        more = [Lines([f"the fix: {self.fix}"])] if self.fix else []
        aside = [Lines([shown(line) for line in self.aside[:5]], "aside")] if self.aside else []
        return [*words.table(self.differences), *more, *aside]

    @property
    def exit(self) -> int:
        return 5 if self.differences else 0


async def read(args: DriftArgs, context: Context) -> Drifted:
    """Tell what changed since a snapshot or against the specification, how bad, and the fix.

    Use it for "what changed?", "why does it not work any more?", "is this as the lockfile says?". Compares files,
    package versions, runtimes, variable names, dotfiles and git's state; changes nothing.
    """
    against = " ".join(args.against.split())
    if against.casefold() in ("spec", "the spec", "specification", "lockfile", "the lockfile"):
        return await _specification(context)
    snapshots = snapshots_of(context)
    if not snapshots and (place := above(context)):
        raise Usage(
            f"there is no snapshot of {shown(str(context.path))}, but of {shown(place)} above it",
            f"Go there, or add: -C {place}",
        )
    labels = {s.label for s in snapshots}
    if against not in labels and (_host(against) or against.casefold() in CONTEXTS):
        raise Usage(
            f"this version cannot compare with {shown(against)} yet",
            "It compares with a snapshot (label, id, or words for a moment), with `spec`, and two snapshots as A..B.",
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
    found = find(against, snapshots, records, context.now())
    return await _since(found.snapshot, records, context, found.note)


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
    differences = [fixed(d, _call(d, snapshot, held)) for d in _folded(differences)]
    moment = f"snapshot {snapshot.id} ({cause(snapshot, records)}, {ago(snapshot.at, context.now())})"
    said = words.sentence(differences)
    whole = Fix(tool="rewind", args={"to": snapshot.id}) if any(d.call for d in differences) else None
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
    differences = tuple(_lack(lack) for lack in lacks)
    said = words.sentence(differences)
    whole = Fix(tool="provision") if any(d.call for d in differences) else None
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


def _host(text: str) -> bool:
    return bool(re.match(r"(?:docker|ssh|vm):|[\w.-]+@[\w.-]+(?::\d+)?$", text)) or text == "local"


DRIFT = Tool(name="drift", args=DriftArgs, risk=Risk.R0, read=read)
