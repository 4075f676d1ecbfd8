"""A plan of a sync in words: how much goes which way, with examples, and what a person must know first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from ..moments.say import count, shown, size
from ..trees.model import Change
from ..trees.packing import pack, pack_changes, pack_entries, pack_names
from .model import Conflict, Reconciled

LISTED = 12
"""Paths of each side that are shown; all are counted."""


@dataclass(frozen=True)
class Sums:
    """What happens at one side."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    moved: int = 0
    bytes: int = 0
    """Of what is copied there; less may travel."""

    @property
    def words(self) -> str:
        parts = [
            f"{number:,} {word}"
            for number, word in (
                (self.new, "new"),
                (self.changed, "changed"),
                (self.moved, "moved"),
                (self.deleted, "deleted"),
            )
            if number
        ]
        return ", ".join(parts) + (f" ({size(self.bytes)})" if self.bytes else "") if parts else "nothing"


def sums(changes: Sequence[Change]) -> Sums:
    """Count them; the old name of something moved is no deletion."""
    sources = {change.source for change in changes if change.source}
    moved = len(sources)
    new = sum(c.old is None and c.new is not None and not c.source for c in changes)
    deleted = sum(c.new is None and c.path not in sources for c in changes)
    changed = sum(c.old is not None and c.new is not None for c in changes)
    copied = sum(c.new.size for c in changes if c.new is not None and not c.source and c.new.kind in ("file", "unit"))
    return Sums(new, changed, deleted, moved, copied)


def lines(changes: Sequence[Change], where: str) -> list[str]:
    """The first of them, one line each: deletions first, since they matter most."""
    sources = {change.source for change in changes if change.source}
    shownable = [c for c in changes if not (c.new is None and c.path in sources)]
    ordered = sorted(shownable, key=lambda c: (c.new is not None, c.old is None, c.path))
    found = [f"{where}: {_line(change)}" for change in ordered[:LISTED]]
    if len(ordered) > LISTED:
        found.append(f"{where}: … and {len(ordered) - LISTED:,} more")
    return found


def _line(change: Change) -> str:
    path = shown(change.path)
    if change.new is None:
        return f"delete {path}"
    if change.source:
        return f"move {shown(change.source)} to {path}"
    what = (
        f" ({size(change.new.size)})" if change.new.kind == "file" else ("/" if change.new.kind == "directory" else "")
    )
    return f"{'new' if change.old is None else 'change'} {path}{what}"


def conflict_lines(conflicts: Sequence[Conflict]) -> list[str]:
    """What stays as it is until somebody decides."""
    found = [f"conflict, left alone: {shown(c.path)}: {shown(c.why)}" for c in conflicts[:LISTED]]
    if len(conflicts) > LISTED:
        found.append(f"… and {count(len(conflicts) - LISTED, 'more conflict')}")
    return found


def digest(plan: Reconciled) -> str:
    """Of everything that the plan says: what an approval is bound to. Times of files do not count."""

    def timeless(changes: Sequence[Change]) -> list[Change]:
        return [
            Change(c.path, c.old and c.old._replace(mtime_ns=0), c.new and c.new._replace(mtime_ns=0), c.source)
            for c in changes
        ]

    conflicts = sorted(plan.conflicts)
    body = pack(
        [
            pack_changes(timeless(plan.to_alpha)),
            pack_changes(timeless(plan.to_beta)),
            pack_names(c.path for c in conflicts),
            pack_entries([e and e._replace(mtime_ns=0) for c in conflicts for e in (c.alpha, c.beta)]),
        ]
    )
    return blake2b(body, digest_size=16).hexdigest()
