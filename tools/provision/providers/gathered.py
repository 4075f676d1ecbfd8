"""All manifests of one kind below a directory in one go: runs next to the files, on the standard library."""

from __future__ import annotations

import fnmatch
import os

SKIP = frozenset({
    ".git", ".hg", ".svn", "node_modules", ".gradle", ".idea", ".vs", "build", "target", "out", "bin", "obj", "dist", ".venv", "venv",
    "__pycache__",
})  # fmt: skip
"""Folders of what is made or fetched, and of tools."""
_ENTRIES = 50_000
_BIGGEST = 1024 * 1024
_TOTAL = 32 * 1024 * 1024


def gather(root: str, patterns: list[str], skip: list[str], biggest: int = _BIGGEST) -> dict[str, str]:
    """Text by relative path of the regular files whose names fit a pattern (any case), links and `skip` folders left out."""
    found: dict[str, str] = {}
    pending, entries, total = [""], 0, 0
    while pending and entries < _ENTRIES and total < max(_TOTAL, 8 * biggest):
        folder = pending.pop()
        try:
            inside = sorted(os.scandir(os.path.join(root, folder)), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in inside:
            entries += 1
            rel = os.path.join(folder, entry.name)
            try:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in skip and rel.count("/") < 12:
                        pending.append(rel)
                elif entry.is_file(follow_symlinks=False) and _fits(rel, patterns) and entry.stat().st_size <= biggest:
                    with open(entry.path, encoding="utf-8", errors="replace") as file:
                        found[rel] = file.read()
                    total += len(found[rel])
            except OSError:
                continue
    return found


def _fits(rel: str, patterns: list[str]) -> bool:
    """A pattern with a slash is for the whole path, others for the name."""
    name = os.path.basename(rel).lower()
    return any(fnmatch.fnmatchcase(rel.lower() if "/" in p else name, p.lower()) for p in patterns)
