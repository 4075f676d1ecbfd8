"""The kinds of steps that snapshot and rewind make."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import cast

from blake3 import blake3
from pydantic import JsonValue

from ..contract import Context, Report, StepKind
from ..errors import Failed
from ..journal import Journal
from ..moments.say import count
from ..plan import Step
from ..store import tree
from ..store.cache import Cache
from ..store.capture import TEMPORARY
from ..store.model import Change, Entry, Manifest, Snapshot
from ..store.place import budget, cache_of, excluded, snapshots_of, store_of
from ..store.store import Store
from . import dotfiles
from .repository import aim, in_repository
from .take import take

LEFT = re.compile(re.escape(TEMPORARY) + r"[0-9a-f]{16}")
"""A file half-way to its place: only a rewind that was killed leaves one."""


class Take:
    """`snapshot`: record the environment under `label`."""

    name = "snapshot"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `snapshot` (its id), `files`, `bytes`, `seconds`, `stored` (bytes the store grew by) and `notices`."""
        store = store_of(context)
        before = await context.host.call(store.du)
        label = step.args.get("label")
        taken = await take(context, str(label) if label else None, automatic=False)
        after = await context.host.call(store_of(context).du)
        return {
            "snapshot": taken.snapshot.id,
            "files": taken.snapshot.files,
            "bytes": taken.snapshot.bytes,
            "seconds": round(taken.seconds, 2),
            "stored": max(0, after.bytes - before.bytes),
            "notices": list[JsonValue](taken.notices[:50]),
        }

    async def holds(self, step: Step, context: Context) -> bool | None:
        return any(s.label == step.args.get("label") and not s.automatic for s in snapshots_of(context))


class Forget:
    """`snapshot-forget`: forget the snapshot `id`, or the first by hand with `label` whose number is above `after`."""

    name = "snapshot-forget"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        snapshot = self._meant(step, context)
        if snapshot is None:
            return {}
        await context.host.call(store_of(context).forget, snapshot.id)
        return {"forgotten": snapshot.id}

    async def holds(self, step: Step, context: Context) -> bool | None:
        # By label, there may be another of that name afterwards: then only `do` knows.
        return self._meant(step, context) is None if "id" in step.args else None

    def _meant(self, step: Step, context: Context) -> Snapshot | None:
        known = snapshots_of(context)
        if "id" in step.args:
            return next((s for s in known if s.id == step.args["id"]), None)
        after, label = int(str(step.args.get("after", 0))), step.args.get("label")
        return next((s for s in known if s.seq > after and not s.automatic and s.label == label), None)


class Keep:
    """`snapshot-keep`: bring the forgotten `record` back, under a new id. Fails when its content is gone by now."""

    name = "snapshot-keep"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        kept = await context.host.call(store_of(context).save, Snapshot.model_validate_json(str(step.args["record"])))
        return {"snapshot": kept.id}

    async def holds(self, step: Step, context: Context) -> bool | None:
        was = Snapshot.model_validate_json(str(step.args["record"]))
        return any((s.manifest, s.at) == (was.manifest, was.at) for s in snapshots_of(context))


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


class DotfileStep:
    """`dotfile`: give the file at `path` (with `~`) the content `digest` (null: none) and `mode`, if it still is `was`."""

    name = "dotfile"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        path, digest, was = str(step.args["path"]), step.args.get("digest"), step.args.get("was")
        now = await context.host.call(_digest, context.home, path)
        if now == digest and digest is None:
            return {}
        if now not in (was, digest):
            raise Failed(f"{path} was edited meanwhile", "It was left as it is. Ask again to see the new plan.")
        store = store_of(context)
        if was is not None and not await context.host.call(store.has, str(was)):
            raise Failed(
                f"{path} is not overwritten: its present content is in no snapshot", "Move it away, then ask again."
            )
        file = context.home / path.removeprefix("~/")
        if digest is None:
            await context.host.remove(file)
        else:
            content = await context.host.call(store.get, str(digest))
            await context.host.write(file, content, int(str(step.args.get("mode") or 0o644)))
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return await context.host.call(_digest, context.home, str(step.args["path"])) == step.args.get("digest")


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
    kind = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}.get(
        stat.S_IFMT(info.st_mode), "special"
    )
    size = info.st_size if kind == "file" else 0
    mode = 0 if kind == "link" else stat.S_IMODE(info.st_mode)
    return (kind, size, mode, info.st_mtime_ns) == (old.kind, old.size, old.mode, old.mtime_ns)


def _real(change: Change) -> bool:
    """Whether a restore can and must bring this change about."""
    entries = [entry for entry in (change.old, change.new) if entry is not None]
    special = any(e.kind == "special" or (e.kind == "file" and e.digest is None) for e in entries)
    times = change.kind == "mtime" and entries[0].kind == "directory"
    return not special and not times


def _back(context: Context, target: str, before: str, paths: tuple[str, ...]) -> dict[str, JsonValue]:
    """Three ways: what is as the rewind made it goes back to before; what is neither was edited, and stays."""
    store, root = store_of(context), context.path
    cache: Cache = cache_of(context)
    with store.writing():
        old = store.manifest(before)
        now = tree.look(root, store, cache, context.report, excluded(context), budget(context))
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
    return {"changed": len(restored.done), "edited": kept, "said": count(len(restored.done), "path")}


def _alike(one: Entry | None, other: Entry | None) -> bool:
    """The same thing at a path; times aside, which a crash may have left unset."""
    if one is None or other is None:
        return one is other
    if one.kind == other.kind == "directory":
        return True
    return (one.kind, one.digest, one.target, one.mode) == (other.kind, other.digest, other.target, other.mode)


def _digest(home: Path, path: str) -> str | None:
    held = dotfiles.read_one(home, path)
    return blake3(held.content).hexdigest() if held else None


STEPS: tuple[StepKind, ...] = (Take(), Forget(), Keep(), Tree(), TreeBack(), DotfileStep())
