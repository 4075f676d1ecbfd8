"""The steps that put a project's tree back, and that take this back."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from ..contract import Context, Report
from ..errors import Failed
from ..journal import Journal
from ..plan import Step
from ..store import tree
from ..store.capture import TEMPORARY
from ..store.model import Change, Entry, Manifest
from ..store.place import budget, cache_of, excluded, snapshots_of, store_of
from ..store.store import Store
from .repository import aim, in_repository

LEFT = re.compile(re.escape(TEMPORARY) + r"[0-9a-f]{16}")
"""A file half-way to its place: only a rewind that was killed leaves one."""


class Tree:
    """`tree`: make the project's files what `manifest` says, wholly or at `paths`, from what the snapshot just before has.

    A path that somebody edits meanwhile stops it: that edit is in no snapshot. Its inverse is `tree-back`.
    """

    name = "tree"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `changed` (paths), `kept` (what could not be made as it was, with the reason)."""
        before = _before(context)
        recent = Journal(context.state).recent(20, host=context.host.name, path=str(context.path))
        if any(record.state in ("interrupted", "broken") for record in recent):
            await context.host.call(_sweep, context.path)
        return await context.host.call(
            _restore, context.path, store_of(context), str(step.args["manifest"]), before, _paths(step), context.report
        )

    async def holds(self, step: Step, context: Context) -> bool | None:
        before = _before(context)
        left = await context.host.call(_undone, context, str(step.args["manifest"]), before, _paths(step))
        return not left


class TreeBack:
    """`tree-back`: undo a `tree` step of this very transaction, and leave alone what somebody else edited meanwhile."""

    name = "tree-back"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        before = _before(context)
        return await context.host.call(_back, context, str(step.args["manifest"]), before, _paths(step))

    async def holds(self, step: Step, context: Context) -> bool | None:
        return None


def look(context: Context) -> Manifest:
    """The tree as it is now, stored nowhere; runs beside the files."""
    return tree.look(
        context.path, store_of(context), cache_of(context), context.report, excluded(context), budget(context)
    )


def _before(context: Context) -> str:
    """The manifest of the snapshot that this transaction began with: with its lock held, the newest one."""
    known = [s for s in snapshots_of(context) if s.automatic]
    if not known:
        raise Failed("there is no snapshot of how it is now", "Nothing was changed. Ask again.")
    return known[-1].manifest


def _paths(step: Step) -> tuple[str, ...]:
    value = step.args.get("paths")
    return tuple(str(path) for path in value) if isinstance(value, list) else ()


def _restore(
    root: Path, store: Store, target: str, before: str, paths: tuple[str, ...], report: Report
) -> dict[str, JsonValue]:
    with store.writing():
        now = store.manifest(before)
        aimed = aim(root, store.manifest(target), now, store).manifest
        restored = tree.restore(root, aimed, now, store, paths, report)
    return {
        "changed": len(restored.done),
        "kept": [f"{notice.path}: {notice.text}" for notice in restored.kept[:50]],
    }


def _sweep(root: Path) -> None:
    """Remove the temporary files that a killed rewind left in the tree; the environment's lock says that none is at work."""
    # A tree nested deeper than Python's stack keeps what lies at its bottom: captures leave such files out anyhow.
    with suppress(RecursionError):
        for _, folders, names, folder in os.fwalk(root):
            for name in (*folders, *names):  # a link to a directory is listed among the directories
                if LEFT.fullmatch(name):
                    with suppress(OSError):
                        os.unlink(name, dir_fd=folder)


def _undone(context: Context, target: str, before: str, paths: tuple[str, ...]) -> list[str]:
    """Paths that should differ from before and do not: what the restore failed to bring about."""
    store = store_of(context)
    old = store.manifest(before)
    aimed = aim(context.path, store.manifest(target), old, store).manifest
    kept = [notice.path for notice in old.notices]
    return [
        change.path
        for change in tree.compare(old, aimed, paths)
        if _real(change)
        and _unchanged(context.path / change.path, change)
        and not any(path == change.path or path.startswith(f"{change.path}/") for path in kept)
    ]


def _unchanged(path: Path, change: Change) -> bool:
    """Whether a path is surely still as it was before. What somebody edited since is not: that is for them to know."""
    old, new = change.old, change.new
    try:
        info = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return old is None
    except OSError:
        return False
    if old is None or (
        new and (old.kind, old.size, old.mode, old.mtime_ns) == (new.kind, new.size, new.mode, new.mtime_ns)
    ):
        return False
    folder = stat.S_ISDIR(info.st_mode) and (new is None or new.kind != "directory")
    if folder and _holds_something(path):
        return False  # what no snapshot covers is in it, and stays
    kind = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}.get(
        stat.S_IFMT(info.st_mode), "special"
    )
    size = info.st_size if kind == "file" else 0
    mode = 0 if kind == "link" else stat.S_IMODE(info.st_mode)
    return (kind, size, mode, info.st_mtime_ns) == (old.kind, old.size, old.mode, old.mtime_ns)


def _holds_something(path: Path) -> bool:
    with suppress(OSError), os.scandir(path) as listing:
        return any(True for _ in listing)
    return False


def _real(change: Change) -> bool:
    """Whether a restore can and must bring this change about."""
    entries = [entry for entry in (change.old, change.new) if entry is not None]
    special = any(e.kind == "special" or (e.kind == "file" and e.digest is None) for e in entries)
    times = change.kind == "mtime" and entries[0].kind == "directory"
    return not special and not times


def _back(context: Context, target: str, before: str, paths: tuple[str, ...]) -> dict[str, JsonValue]:
    """Three ways: what is as the rewind made it goes back to before; what is neither was edited, and stays."""
    store, root = store_of(context), context.path
    with store.writing():
        old = store.manifest(before)
        now = look(context)
        aimed = aim(root, store.manifest(target), old, store).manifest
        entries: dict[str, Entry] = {entry.path: entry for entry in old.entries}
        stays: list[str] = []
        for change in tree.compare(old, now):
            mine = _alike(aimed.by_path.get(change.path), change.new) and not in_repository(change.path)
            if mine or (
                change.new and change.new.kind == "directory" and change.old and change.old.kind == "directory"
            ):
                continue
            stays.append(change.path)
            if change.new is None:
                entries.pop(change.path, None)
            else:
                entries[change.path] = change.new
        for path in stays:
            # What stays needs the directories it lies in, and whatever stood in their place gives way.
            while "/" in path:
                path = path.rpartition("/")[0]
                there = now.by_path.get(path)
                if there is not None and there.kind == "directory":
                    entries.setdefault(path, there)
        ordered = Manifest(tuple(sorted(entries.values(), key=lambda entry: entry.path)), old.notices)
        restored = tree.restore(root, ordered, now, store, paths, context.report)
    kept = cast(list[JsonValue], stays[:50])
    return {"changed": len(restored.done), "edited": kept}


def _alike(one: Entry | None, other: Entry | None) -> bool:
    """The same thing at a path; times aside, which a crash may have left unset."""
    if one is None or other is None:
        return one is other
    if one.kind == other.kind == "directory":
        return True
    return (one.kind, one.digest, one.target, one.mode) == (other.kind, other.digest, other.target, other.mode)
