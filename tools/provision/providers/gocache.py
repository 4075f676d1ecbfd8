"""Go's module cache, looked at on the host without Go: what it holds, and which module versions are not all there."""

from __future__ import annotations

import os
import re
from typing import Any


def held(cache: str) -> list[str]:
    """Relative paths of what the cache holds: each downloaded file, each extracted module, each clone of a repository."""
    found: list[str] = []
    download = os.path.join(cache, "cache", "download")
    for folder, _, names in os.walk(download):
        if os.path.basename(folder) == "@v":
            found += [os.path.relpath(os.path.join(folder, name), cache) for name in names]
    clones = os.path.join(cache, "cache", "vcs")
    found += [f"cache/vcs/{name}" for name in (os.listdir(clones) if os.path.isdir(clones) else [])]
    for folder, folders, _ in os.walk(cache):
        if folder == cache and "cache" in folders:
            folders.remove("cache")
        modules = [name for name in folders if "@" in name]
        found += [os.path.relpath(os.path.join(folder, name), cache) for name in modules]
        folders[:] = [name for name in folders if "@" not in name]
    return sorted(found)


def lacking(cache: str, sums: dict[str, str]) -> list[str]:
    """Those of the module versions (`path@version`, with its hash from go.sum or an empty text) that no build finds there.

    There is a version whose go.mod, zip or tree, and hash are there, the latter as go.sum has it.
    """
    return sorted(item for item, wanted in sums.items() if not _there(cache, item, wanted))


def _there(cache: str, item: str, wanted: str) -> bool:
    path, _, version = item.rpartition("@")
    base = os.path.join(cache, "cache", "download", escaped(path), "@v", escaped(version))
    try:
        with open(base + ".ziphash", encoding="ascii") as file:
            said = file.read(200).strip()
    except (OSError, UnicodeDecodeError):
        return False
    tree = os.path.join(cache, f"{escaped(path)}@{escaped(version)}")
    whole = os.path.isdir(tree) and not os.path.exists(base + ".partial")
    packed = os.path.isfile(base + ".zip") and os.path.getsize(base + ".zip") > 0
    return (whole or packed) and os.path.isfile(base + ".mod") and wanted in ("", said)


def versions(paths: list[str]) -> dict[str, Any]:
    """What came in with these files, as the result shows it: nothing and the version by module path."""
    found: dict[str, Any] = {}
    for path in paths:
        match = re.fullmatch(r"cache/download/(.+)/@v/(.+)\.zip", path)
        if match:
            module, version = (re.sub(r"!([a-z])", lambda letter: letter[1].upper(), part) for part in match.groups())
            found[module if module not in found else f"{module}@{version}"] = ["", version]
    return found


def absent(folder: str, names: list[str]) -> list[str]:
    """Those of the directories below `folder` that are not there."""
    return [name for name in names if not os.path.isdir(os.path.join(folder, name))]


def escaped(text: str) -> str:
    """A path or version as file systems that ignore case need it: `!` before what was an upper-case letter."""
    return re.sub(r"[A-Z]", lambda match: f"!{match[0].lower()}", text)
