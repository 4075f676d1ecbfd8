"""What steps put into a package tool's own cache, which lies outside the project: noted, so that just that can be taken out.

A record per step lies in EnvSync's state: what the cache held before, and once the step has ended what came in. A step that was
killed finds its record and keeps the older note. What another program fetched while a step ran counts as the step's: after an
undo it has to be fetched once more, and nothing else is lost.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from ...contract import Context
from ...errors import Failed
from ...hosts.here import here

Listing = Callable[[], Awaitable[list[str]]]
"""Gives the relative paths of what a cache holds now."""


async def begin(key: str, listing: Listing, context: Context) -> None:
    """Note what the cache holds, before a step with this key adds to it. A note that a killed run left is kept."""
    path = _path(key, context)
    record = await here(_load, path)
    if "before" in record:
        return
    added = set(_strings(record.get("added")))
    before = [item for item in await listing() if item not in added]
    await here(_save, path, {"before": before})


async def end(key: str, listing: Listing, context: Context, files: dict[str, str] | None = None) -> list[str]:
    """Record what came in since `begin`, and texts for a later step of the plan; gives the relative paths."""
    path = _path(key, context)
    before = set(_strings((await here(_load, path)).get("before")))
    added = sorted(set(await listing()) - before)
    await here(_save, path, {"added": added, "files": files or {}})
    return added


async def files(key: str, context: Context) -> dict[str, str] | None:
    """The texts that `end` was given; None when that step has not ended or was taken back."""
    record = await here(_load, _path(key, context))
    found = cast("dict[object, object] | None", record.get("files"))
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else None


async def clear(key: str, root: Path, listing: Listing, context: Context) -> dict[str, Any]:
    """Take out of the cache at `root` what came in under this key, and forget the record; nothing to do without one."""
    path = _path(key, context)
    record = await here(_load, path)
    if not record:
        return {"removed": 0}
    if "before" in record:
        before = set(_strings(record["before"]))
        added = [item for item in await listing() if item not in before]
    else:
        added = _strings(record.get("added"))
    await context.host.call(drop, str(root), added)
    await here(path.unlink, True)
    return {"removed": len(added)}


async def known(key: str, context: Context) -> bool:
    """Whether there is a record of this key."""
    return bool(await here(_load, _path(key, context)))


def drop(root: str, paths: list[str]) -> None:
    """Remove files and trees below `root`, and directories that are left empty. What is gone already is no error."""
    top = os.path.realpath(root)
    for rel in sorted(paths, reverse=True):
        parts = rel.split("/")
        if rel.startswith("/") or ".." in parts or "" in parts:
            continue
        full = os.path.join(top, rel)
        parent = os.path.dirname(full)
        if os.path.realpath(parent) != parent:
            continue  # a link on the way leads elsewhere
        if os.path.isdir(full) and not os.path.islink(full):
            _writable(full)
            shutil.rmtree(full, ignore_errors=True)
        else:
            with suppress(FileNotFoundError):
                os.unlink(full)
        while parent != top:
            try:
                os.rmdir(parent)
            except OSError:
                break
            parent = os.path.dirname(parent)


def _writable(folder: str) -> None:
    """Go makes its extracted modules read-only: their directories must be writable to be emptied."""
    for place, _, _ in os.walk(folder):
        with suppress(OSError):
            os.chmod(place, stat.S_IMODE(os.lstat(place).st_mode) | stat.S_IRWXU)


def _path(key: str, context: Context) -> Path:
    if not key.isalnum():
        raise Failed("the plan names no record", "Make the plan again.")
    return context.state / "provision" / f"{key}.json"


def _load(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _save(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _strings(value: object) -> list[str]:
    return [item for item in cast(list[object], value) if isinstance(item, str)] if isinstance(value, list) else []
