"""What a shared folder (a local repository, a package cache) has gained: runs next to the files, on the standard library."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator

TRACKING = ("_remote.repositories", "resolver-status.properties", "maven-metadata", "_maven.repositories")
"""How the names of files begin by which Maven tracks what it looked for: they are worth nothing without the artifacts."""
_LOCAL = b">="
"""How a line of `_remote.repositories` ends for a file that a person's own build installed."""

Files = dict[str, list[int]]
"""Size and mtime (ns) by path below a root."""


def _walk(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files below `root` as paths relative to it; links are not followed."""
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                for entry in entries:
                    rel = os.path.join(folder, entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(rel)
                    elif entry.is_file(follow_symlinks=False):
                        yield rel, entry.stat(follow_symlinks=False)
        except OSError:
            continue


def listing(roots: list[str]) -> tuple[float, dict[str, list[str]]]:
    """The host's time now and the files below each root."""
    return time.time(), {root: sorted(rel for rel, _ in _walk(root)) for root in roots}


def gained(before: dict[str, list[str]], since: float, until: float) -> dict[str, Files]:
    """What each root has now that it had not, as far as it came between the two times (`until` 0 means: up to now)."""
    found: dict[str, Files] = {}
    for root, names in before.items():
        known = set(names)
        new = {
            rel: [info.st_size, info.st_mtime_ns]
            for rel, info in _walk(root)
            if rel not in known and info.st_ctime >= since - 2 and (not until or info.st_ctime <= until)
        }
        own = {folder for folder in {os.path.dirname(rel) for rel in new} if _installed(os.path.join(root, folder))}
        found[root] = {rel: value for rel, value in new.items() if os.path.dirname(rel) not in own}
    return found


def _installed(folder: str) -> bool:
    """Whether a person's own build put something into this folder of a Maven repository."""
    try:
        with open(os.path.join(folder, "_remote.repositories"), "rb") as file:
            return any(line.strip().endswith(_LOCAL) for line in file.read(100_000).splitlines())
    except OSError:
        return False


def absent(paths: list[str]) -> list[str]:
    """Those paths where there is nothing."""
    return [path for path in paths if not os.path.lexists(path)]


def take(added: dict[str, Files]) -> int:
    """Remove those files, unless they were changed since, and the folders that are left empty; how many were removed."""
    removed = 0
    for root, files in added.items():
        folders: set[str] = set()
        for rel, (size, mtime) in files.items():
            if os.path.isabs(rel) or ".." in rel.split("/"):
                continue
            path = os.path.join(root, rel)
            if _installed(os.path.dirname(path)):
                continue
            try:
                info = os.lstat(path)
                same = [info.st_size, info.st_mtime_ns] == [size, mtime] or os.path.basename(rel).startswith(TRACKING)
                if stat.S_ISREG(info.st_mode) and same:
                    os.unlink(path)
                    removed += 1
            except FileNotFoundError:
                pass
            folders.add(os.path.dirname(path))
        _prune(root, folders)
    return removed


def _prune(root: str, folders: set[str]) -> None:
    """Remove empty folders upwards, the root itself excepted; what only tracks artifacts that are gone goes with them."""
    for folder in sorted(folders, key=len, reverse=True):
        while len(folder) > len(root):
            try:
                names = os.listdir(folder)
                if names and all(name.startswith(TRACKING) or name.endswith(".lastUpdated") for name in names):
                    for name in names:
                        os.unlink(os.path.join(folder, name))
                os.rmdir(folder)
            except OSError:
                if os.path.lexists(folder):
                    break
            folder = os.path.dirname(folder)
