"""What differs between two trees. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .model import Change, Difference, Entry, Manifest, within


def compare(old: Manifest, new: Manifest, paths: Sequence[str] = ()) -> list[Change]:
    """What differs, sorted by path, one change per path; only at and below `paths` when any are given.

    Where one of the two is blind (a directory it could not read, a path it left out), nothing is said to differ.
    """
    before, after = old.by_path, new.by_path
    changes: list[Change] = []
    for entry in new.entries:
        was = before.get(entry[0])
        if was is entry or was == entry:  # entries of chunks that two snapshots share are the same objects
            continue
        if was is None:
            changes.append(Change(entry[0], "added", None, entry))
        elif kind := difference(was, entry):
            changes.append(Change(entry[0], kind, was, entry))
    if len(after) != len(before) or any(change.kind == "added" for change in changes):
        changes += [Change(e[0], "removed", e, None) for e in old.entries if e[0] not in after]
        changes.sort(key=lambda change: change.path)
    if blind := (*old.blind, *new.blind):
        changes = [
            c for c in changes if c.path not in blind and not c.path.startswith(tuple(b for b in blind if b[-1] == "/"))
        ]
    return [change for change in changes if within(change.path, paths)] if paths else changes


def difference(old: Entry, new: Entry) -> Difference | None:
    """The weightiest difference between two entries of one path; None when they are the same."""
    if old.kind != new.kind:
        return "type"
    if old.digest != new.digest or old.size != new.size:
        return "content"
    if old.target != new.target:
        return "target"
    if old.mode != new.mode:
        return "mode"
    return "mtime" if old.mtime_ns != new.mtime_ns else None
