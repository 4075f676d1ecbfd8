"""Taking a cycle back: what it was about to change is written down first, so that a kill half-way can be undone too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..store.durable import publish
from ..trees.model import Change, Entry, Tree
from ..trees.packing import (
    pack,
    pack_changes,
    pack_entries,
    pack_names,
    pack_tree,
    unpack,
    unpack_changes,
    unpack_entries,
    unpack_names,
    unpack_tree,
)
from .engine import Engine
from .model import Reconciled

PREFIX = "undo-"


@dataclass
class Record:
    """What one cycle was about to do."""

    changes: tuple[list[Change], list[Change]]
    """At alpha and at beta."""
    units: tuple[dict[str, Tree], dict[str, Tree]]
    """What was inside the units that it replaced or removed."""
    before: dict[str, Entry | None]
    """The ancestor as it was, at the paths where it moved on."""


async def remember(directory: Path, name: str, engine: Engine, plan: Reconciled) -> None:
    """Write down what carrying out `plan` changes; on disk when this returns."""
    units: tuple[dict[str, Tree], dict[str, Tree]] = ({}, {})
    for side, changes in enumerate((plan.to_alpha, plan.to_beta)):
        for change in changes:
            if change.old is not None and change.old.kind == "unit":
                units[side][change.path] = await engine.sides[side].inside(change.path)
    before = {path: engine.ancestor.tree.get(path) for path in plan.ancestor}
    body = pack(
        [
            pack_changes(plan.to_alpha),
            pack_changes(plan.to_beta),
            *(pack([pack_names(inside), *map(pack_tree, inside.values())]) for inside in units),
            pack_names(before),
            pack_entries(list(before.values())),
        ]
    )
    publish(directory, f"{PREFIX}{name}", body, replace=True)


def records(directory: Path, name: str) -> list[Record]:
    """What was written down under a name, the newest first."""
    found = sorted(
        directory.glob(f"{PREFIX}{name}-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True
    )
    return [_read(path.read_bytes()) for path in found]


def _read(body: bytes) -> Record:
    to_alpha, to_beta, *units, names, entries = unpack(body)
    insides: list[dict[str, Tree]] = []
    for blob in units:
        paths, *trees = unpack(blob)
        insides.append(dict(zip(unpack_names(paths), map(unpack_tree, trees), strict=True)))
    before = dict(zip(unpack_names(names), unpack_entries(entries), strict=True))
    return Record((unpack_changes(to_alpha), unpack_changes(to_beta)), (insides[0], insides[1]), before)


async def take_back(engine: Engine, found: Iterable[Record]) -> tuple[int, list[str]]:
    """Make both sides what they were before; how many paths, and which stay because somebody edited them since."""
    made, stays = 0, list[str]()
    for record in found:
        moved_on = dict(record.before)
        for side, target in enumerate(engine.sides):
            back = [Change(c.path, c.new, c.old) for c in reversed(record.changes[side])]
            contents = {c.new.digest: c.new.size for c in back if c.new is not None and c.new.kind == "file"}
            for inside in record.units[side].values():
                contents.update({e.digest: e.size for e in inside.values() if e.kind == "file"})
            lost = await target.missing(contents) if contents else set[bytes]()
            whole = [c for c in back if not (c.new is not None and c.new.digest and c.new.digest in lost)]
            outcomes = await target.apply(whole, units=record.units[side]) if whole else []
            refused = {o.path for o in outcomes if o.why} | {c.path for c in back} - {c.path for c in whole}
            for path in sorted(refused):
                stays.append(path)
                moved_on.pop(path, None)
            made += len(back) - len(refused)
        engine.ancestor.record(moved_on.items())
    return made, stays


def forget(directory: Path, keep: int = 20) -> None:
    """Drop all but the newest records: what they speak of leaves the kept stores, too."""
    found = sorted(directory.glob(f"{PREFIX}*"), key=lambda path: path.stat().st_mtime_ns)
    for path in found[:-keep]:
        path.unlink(missing_ok=True)
