"""What a rewind of a tree would do, in words and numbers. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from blake3 import blake3

from ..moments.say import count, shown, size
from ..plan import Risk, canonical
from ..store.environments import environments, place
from ..store.model import Change, Manifest

_GENERATED = """.venv venv node_modules __pycache__ .tox .nox .mypy_cache .pytest_cache .ruff_cache .cache .next .nuxt .turbo
.parcel-cache .svelte-kit .gradle .eggs dist build target out coverage htmlcov .git"""
GENERATED = frozenset(_GENERATED.split())
"""Directories that tools fill: shown as one line each, and not counted as a person's own files."""
LISTED = 20
"""Paths shown one by one."""
MANY, SHARE, FEW = 200, 0.3, 20
"""Removing more of a person's own files than MANY, or more than SHARE of them and at least FEW, needs R3."""
SIGNS = {"added": "+", "removed": "-"}
WHY = {"mode": " (mode)", "mtime": " (time only)", "target": " (link)", "type": " (type)"}


@dataclass(frozen=True)
class Preview:
    """A tree's part of a plan."""

    summary: str
    """`2 edited files restored, 1 new file removed`: the person's own; empty when none of those differs."""
    generated: int
    """Paths that tools made, e.g. in `.venv`."""
    made: str
    """The same in words: `225 generated files restored`; empty when there are none."""
    details: tuple[str, ...]
    conflicts: tuple[str, ...]
    """The person's own files that are overwritten or removed."""
    risk: Risk
    reason: str
    basis: str
    """Digest of which paths are touched and how."""


def preview(changes: Sequence[Change], current: Manifest, name: str) -> Preview:
    """Describe `changes`, which lead from `current` to where the rewind aims: to the snapshot called `name`."""
    telling = [change for change in changes if not _noise(change)]
    roots = environments(current)
    groups = {change.path: group(change.path, roots) for change in telling}
    own = [change for change in telling if not groups[change.path]]
    made = Counter(folder for folder in groups.values() if folder)
    files = [change for change in telling if not _directory(change)]
    numbers = Counter(SIGNS.get(c.kind, "~") for c in files if not groups[c.path])
    phrases = (("~", "edited file", "restored"), ("+", "deleted file", "back"), ("-", "new file", "removed"))
    parts = [f"{count(numbers[sign], noun)} {end}" for sign, noun, end in phrases if numbers[sign]]
    folders = sum(_directory(change) for change in own)
    if not parts and folders:
        parts = [f"{count(folders, 'directory')} restored"]
    written = sum(change.new.size for change in files if change.new and change.kind in ("added", "content", "type"))
    details = [f"{SIGNS.get(c.kind, '~')} {shown(c.path)}{_slash(c)}{WHY.get(c.kind, '')}" for c in own[:LISTED]]
    if len(own) > LISTED:
        details.append(
            f"… and {count(len(own) - LISTED, 'path')} more; all of them: envsync drift --json --against {name}"
        )
    details += [f"~ {shown(name)}/: {count(number, 'path')}" for name, number in sorted(made.items())]
    if written:
        details.append(f"{size(written)} to write")
    lost = [
        c
        for c in own
        if c.old and c.old.kind in ("file", "link") and c.kind in ("removed", "content", "type", "target")
    ]
    removed = [c for c in lost if c.kind == "removed"]
    risk, reason = Risk.R2, ""
    if len(removed) >= FEW:
        total = sum(e.kind in ("file", "link") and not group(e.path, roots) for e in current.entries)
        if len(removed) > MANY or len(removed) > SHARE * total:
            risk, reason = Risk.R3, f"it removes {len(removed):,} of your {total:,} files"
    return Preview(
        summary=", ".join(parts),
        generated=len(telling) - len(own),
        made=_made([change for change in telling if groups[change.path]]),
        details=tuple(details),
        conflicts=tuple(shown(c.path) for c in lost),
        risk=risk,
        reason=reason,
        basis=blake3(canonical([[c.path, c.kind] for c in telling])).hexdigest() if telling else "",
    )


def _made(changes: Sequence[Change]) -> str:
    """What becomes of generated files; a directory that goes or comes back whole is not `restored`."""
    kinds = {change.kind for change in changes}
    ends = {frozenset({"added"}): "back", frozenset({"removed"}): "removed"}
    return f"{count(len(changes), 'generated file')} {ends.get(frozenset(kinds), 'restored')}" if changes else ""


def group(path: str, roots: Collection[str]) -> str:
    """The generated directory, the environment (`roots`) or the repository that a path belongs to; nothing for a person's own."""
    if found := place(path, roots, GENERATED):
        return found
    parts = path.split("/")
    return next(("/".join(parts[: n + 1]) for n, part in enumerate(parts) if part.endswith(".egg-info")), "")


def _noise(change: Change) -> bool:
    """A directory's time changes with every file in it, and says nothing by itself."""
    return change.kind == "mtime" and _directory(change)


def _directory(change: Change) -> bool:
    entry = change.new or change.old
    return entry is not None and entry.kind == "directory"


def _slash(change: Change) -> str:
    return "/" if _directory(change) else ""
