"""The steps that put a project's tree back, and that take this back."""

from __future__ import annotations

from contextlib import ExitStack
from typing import cast

from pydantic import JsonValue

from ..contract import Context
from ..errors import Failed
from ..hosts.here import helped, here
from ..journal import Journal
from ..plan import Step
from ..store import anywhere, tree
from ..store.faraway import unchanged
from ..store.model import Change, Entry, Manifest
from ..store.place import snapshots_of, store_of
from ..store.store import Store
from .repository import aim, in_repository


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
            await anywhere.sweep(context)
        return await _restore(context, str(step.args["manifest"]), before, _paths(step))

    async def holds(self, step: Step, context: Context) -> bool | None:
        before = _before(context)
        left = await _undone(context, str(step.args["manifest"]), before, _paths(step))
        return not left


class TreeBack:
    """`tree-back`: undo a `tree` step of this very transaction, and leave alone what somebody else edited meanwhile."""

    name = "tree-back"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        before = _before(context)
        return await _back(context, str(step.args["manifest"]), before, _paths(step))

    async def holds(self, step: Step, context: Context) -> bool | None:
        return None


def _before(context: Context) -> str:
    """The manifest of the snapshot that this transaction began with: with its lock held, the newest one."""
    known = [s for s in snapshots_of(context) if s.automatic]
    if not known:
        raise Failed("there is no snapshot of how it is now", "Nothing was changed. Ask again.")
    return known[-1].manifest


def _paths(step: Step) -> tuple[str, ...]:
    value = step.args.get("paths")
    return tuple(str(path) for path in value) if isinstance(value, list) else ()


async def _restore(context: Context, target: str, before: str, paths: tuple[str, ...]) -> dict[str, JsonValue]:
    with ExitStack() as stack:
        await here(stack.enter_context, store_of(context).writing())
        now, aimed = await here(_aimed, store_of(context), target, before)
        restored = await anywhere.restore(context, aimed, now, paths)
    return {
        "changed": len(restored.done),
        "kept": [f"{notice.path}: {notice.text}" for notice in restored.kept[:50]],
    }


def _aimed(store: Store, target: str, before: str) -> tuple[Manifest, Manifest]:
    """The tree as it was before this transaction, and where it aims."""
    old = store.manifest(before)
    return old, aim(store.manifest(target), old, store).manifest


async def _undone(context: Context, target: str, before: str, paths: tuple[str, ...]) -> list[str]:
    """Paths that should differ from before and do not: what the restore failed to bring about."""
    old, aimed = await here(_aimed, store_of(context), target, before)
    kept = [notice.path for notice in old.notices]
    changes = [change for change in tree.compare(old, aimed, paths) if _real(change)]
    if not changes or not await helped(context.host):
        return []
    left = await context.host.call(unchanged, str(context.path), changes)
    return [name for name in left if not any(path == name or path.startswith(f"{name}/") for path in kept)]


def _real(change: Change) -> bool:
    """Whether a restore can and must bring this change about."""
    entries = [entry for entry in (change.old, change.new) if entry is not None]
    special = any(e.kind == "special" or (e.kind == "file" and e.digest is None) for e in entries)
    times = change.kind == "mtime" and entries[0].kind == "directory"
    return not special and not times


async def _back(context: Context, target: str, before: str, paths: tuple[str, ...]) -> dict[str, JsonValue]:
    """Three ways: what is as the rewind made it goes back to before; what is neither was edited, and stays."""
    store = store_of(context)
    with ExitStack() as stack:
        await here(stack.enter_context, store.writing())
        old, aimed = await here(_aimed, store, target, before)
        now = (await anywhere.look(context)).manifest
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
        restored = await anywhere.restore(context, ordered, now, paths)
    kept = cast(list[JsonValue], stays[:50])
    return {"changed": len(restored.done), "edited": kept}


def _alike(one: Entry | None, other: Entry | None) -> bool:
    """The same thing at a path; times aside, which a crash may have left unset."""
    if one is None or other is None:
        return one is other
    if one.kind == other.kind == "directory":
        return True
    return (one.kind, one.digest, one.target, one.mode) == (other.kind, other.digest, other.target, other.mode)
