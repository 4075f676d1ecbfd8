"""What differs between two trees, in a person's terms: their own files one by one, packages' files not at all. Pure."""

from __future__ import annotations

import csv
import json
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from ..moments.say import count
from ..store.compare import compare
from ..store.environments import cache, environments, place
from ..store.model import Change, Entry, Manifest
from .model import Difference, Severity

WEIGHTY = frozenset((
    "pyproject.toml", "requirements.txt", "uv.lock", "poetry.lock", "setup.py", "setup.cfg", "package.json",
    "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "go.mod", "go.sum", "Cargo.toml", "Cargo.lock", "Gemfile",
    "Gemfile.lock", "composer.json", "composer.lock", "pom.xml", "build.gradle", "Dockerfile", "docker-compose.yml",
    "compose.yaml", ".python-version", ".nvmrc", ".tool-versions", ".env",
))  # fmt: skip
"""Files that decide what the environment is."""
FEW = 5
"""Files inside an environment that are named one by one when no package explains them."""
SAID = {"added": "added", "removed": "removed", "content": "edited", "target": "edited", "mode": "mode", "type": "type"}

_METADATA = re.compile(r"(?:-[^/-]+)?(?:-py\d[^/]*)?\.(?:dist|egg)-info/.*$")

FOLDED = 20
"""Paths in a directory that came or went, from which on only the directory is named."""

Read = Callable[[Entry], bytes]


def differences(old: Manifest, new: Manifest, read_old: Read, read_new: Read) -> tuple[list[Difference], list[str]]:
    """The differences, and what is told aside: caches, and environments whose packages explain all that changed in them."""
    changes = [c for c in compare(old, new) if c.kind != "mtime" and not _in_git(c.path)]
    roots = environments(old, new)
    inside = [(c, where) for c in changes if (where := place(c.path, roots))]
    rest = [c for c in changes if not place(c.path, roots)]
    own = [c for c in rest if not cache(c.path)]
    cached = len(rest) - len(own)
    inside = [(c, w) for c, w in inside if not cache(c.path) and not _directory(c)]
    found = [_file(change) for change in _outermost(own)]
    found += _unexplained(inside, old, new, read_old, read_new)
    aside = [f"{count(cached, 'cache file')} {'differs' if cached == 1 else 'differ'}"] if cached else []
    return found, aside


def _file(change: Change) -> Difference:
    name = posixpath.basename(change.path)
    severity: Severity = "minor"
    match change.kind:
        case "removed" | "type":
            severity = "major"
        case "added":
            severity = "info"
        case "mode":
            severity = "minor"
        case _:
            severity = "major" if name in WEIGHTY else "minor"
    was, now = _state(change.old, change), _state(change.new, change)
    return Difference.model_validate(
        {"kind": "file", "what": change.path, "change": SAID[change.kind], "was": was, "now": now, "severity": severity}
    )


def _state(entry: Entry | None, change: Change) -> str:
    if entry is None:
        return ""
    if change.kind == "mode":
        return f"{entry.mode:04o}"
    if entry.kind == "link":
        return f"link to {entry.target}"
    return entry.digest[:12] if entry.kind == "file" and entry.digest else entry.kind


def _unexplained(
    placed: Sequence[tuple[Change, str]], old: Manifest, new: Manifest, read_old: Read, read_new: Read
) -> Iterable[Difference]:
    """Changes inside environments that no package's change explains, e.g. an edit in site-packages."""
    inside = [change for change, _ in placed]
    where = dict((change.path, folder) for change, folder in placed)
    moved = [c.path for c in inside if c.kind in ("added", "removed") and _METADATA.search(c.path)]
    owned = _owned(moved, old, read_old) | _owned(moved, new, read_new)
    modules = _changed_modules(inside, read_old, read_new)
    names = {_name(path) for path in moved}
    rest = [c for c in inside if c.path not in owned and not _below(c.path, modules) and _name(c.path) not in names]
    by_place: dict[str, list[Change]] = {}
    for change in rest:
        by_place.setdefault(where[change.path], []).append(change)
    for folder, changes in sorted(by_place.items()):
        if len(changes) <= FEW:
            yield from (_file(change) for change in changes)
            continue
        numbers = Counter(SAID[change.kind] for change in changes)
        told = ", ".join(f"{number} {verb}" for verb, number in sorted(numbers.items()))
        whole = all(c.kind == "added" for c in changes) or all(c.kind == "removed" for c in changes)
        change = SAID[changes[0].kind] if whole else "edited"
        yield Difference.model_validate(
            {
                "kind": "file",
                "what": folder,
                "change": change,
                "now": told,
                "severity": "info" if change == "added" else "major",
            }
        )


def _name(path: str) -> str:
    """The distribution that a path in site-packages seems to belong to, for those without a RECORD; else nothing."""
    top = path.partition("/site-packages/")[2].partition("/")[0]
    name = _METADATA.sub("", f"{top}/") if _METADATA.search(f"{top}/") else top.partition(".")[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def _owned(moved: Sequence[str], side: Manifest, read: Read) -> set[str]:
    """Paths that the Python distributions that came or went (an upgrade is both) say are theirs."""
    owned: set[str] = set()
    for folder in {path[: path.index(".dist-info/") + 10] for path in moved if ".dist-info/" in path}:
        record = side.by_path.get(f"{folder}/RECORD")
        if record is None or record.digest is None:
            continue
        site = posixpath.dirname(folder)
        for row in csv.reader(read(record).decode("utf-8", "surrogateescape").splitlines()):
            if row and not row[0].startswith("/"):
                owned.add(posixpath.normpath(f"{site}/{row[0]}"))
    return owned


def _changed_modules(inside: Sequence[Change], read_old: Read, read_new: Read) -> frozenset[str]:
    """Directories below node_modules with another version than before: npm keeps each package in one of its own.

    What npm itself keeps there (`.package-lock.json`, `.bin`) follows the packages.
    """
    found: set[str] = set()
    for change in inside:
        if change.path.endswith("/package.json") and "node_modules/" in change.path:
            was = _version(read_old(change.old)) if change.old else None
            now = _version(read_new(change.new)) if change.new else None
            if was != now:
                found.add(change.path.rpartition("/")[0])
        elif "node_modules/." in change.path:
            found.add(change.path)
    return frozenset(found)


def _version(content: bytes) -> object:
    with suppress(ValueError, AttributeError, RecursionError):
        return json.loads(content).get("version")
    return None


def _below(path: str, prefixes: frozenset[str]) -> bool:
    while path:
        if path in prefixes:
            return True
        path = path.rpartition("/")[0]
    return False


def _outermost(changes: Sequence[Change]) -> list[Change]:
    """A large directory that came or went is said once, a small one by the files in it, an empty one by itself."""
    tops = {c.path for c in changes if c.kind in ("added", "removed") and _directory(c)}
    inside = Counter(top for c in changes for top in _above(c.path) if top in tops)
    large = {top for top, number in inside.items() if number > FOLDED}
    return [c for c in changes if not large.intersection(_above(c.path)) and (c.path in large or not inside[c.path])]


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def _directory(change: Change) -> bool:
    return any(entry.kind == "directory" for entry in (change.old, change.new) if entry is not None)


def _in_git(path: str) -> bool:
    return path == ".git" or path.startswith(".git/") or "/.git/" in path or path.endswith("/.git")
