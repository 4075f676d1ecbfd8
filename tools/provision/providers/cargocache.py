"""Cargo's home, looked at on the host without Cargo: which crates it holds, and which of a lock are not all there."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any


def held(home: str) -> list[str]:
    """Relative paths of the crates, their unpacked trees, and the repositories and checkouts. The index changes no build."""
    found: list[str] = []
    for kind, depth in (("registry/cache", 2), ("registry/src", 2), ("git/db", 1), ("git/checkouts", 2)):
        found += list(_below(home, kind, depth))
    return sorted(found)


def _below(home: str, rel: str, depth: int) -> Iterator[str]:
    for name in _names(os.path.join(home, rel)):
        if depth == 1:
            yield f"{rel}/{name}"
        else:
            yield from _below(home, f"{rel}/{name}", depth - 1)


def lacking(home: str, crates: dict[str, str], sources: dict[str, str]) -> list[str]:
    """What a build without network would not find.

    `crates` has the checksum (empty where an old lock keeps none there) by `name version`, `sources` the repository's URL and commit (`URL#COMMIT`) by `name version`.
    """
    places = [name for name in _names(os.path.join(home, "registry/index")) if not name.startswith(".")]
    lost = [item for item, wanted in crates.items() if not any(_there(home, place, item, wanted) for place in places)]
    return sorted(lost + [item for item, source in sources.items() if not _checked_out(home, source)])


def damaged(home: str, crates: dict[str, str]) -> list[str]:
    """Relative paths of crates that are not what the lock has, as a download that was killed leaves them."""
    found: list[str] = []
    for place in _names(os.path.join(home, "registry/cache")):
        for item, wanted in crates.items():
            rel = f"registry/cache/{place}/{item.replace(' ', '-')}.crate"
            if wanted and os.path.isfile(os.path.join(home, rel)) and _sum(os.path.join(home, rel)) != wanted:
                found.append(rel)
    return found


def versions(paths: list[str]) -> dict[str, Any]:
    """What came in with these files, as the result shows it: nothing and the version by name."""
    found: dict[str, Any] = {}
    for path in paths:
        match = re.fullmatch(r"registry/cache/[^/]+/(.+?)-(\d+\.\d+\.\d+.*)\.crate", path)
        if match:
            name, version = match.groups()
            found[name if name not in found else f"{name} {version}"] = ["", version]
    return found


def places(home: str) -> int:
    """The number of registries that it has an index of."""
    return len([name for name in _names(os.path.join(home, "registry/index")) if not name.startswith(".")])


def vendored(folder: str, crates: dict[str, str]) -> list[str]:
    """Those of the crates that a directory source lacks, by the checksums that it keeps of them."""
    there: set[str] = set()
    for name in _names(folder):
        path = os.path.join(folder, name, ".cargo-checksum.json")
        with suppress(OSError, UnicodeDecodeError), open(path, encoding="utf-8") as file:
            there |= set(re.findall(r'"package"\s*:\s*"([0-9a-f]{64})"', file.read()))
    return sorted(item for item, wanted in crates.items() if wanted not in there)


def _there(home: str, place: str, item: str, wanted: str) -> bool:
    name, _, version = item.partition(" ")
    index = os.path.join(home, "registry/index", place)
    if not os.path.isdir(os.path.join(index, ".git")) and not os.path.isfile(
        os.path.join(index, ".cache", _entry(name))
    ):
        return False
    crate = os.path.join(home, "registry/cache", place, f"{name}-{version}.crate")
    if not os.path.isfile(crate) or not os.path.getsize(crate):
        return False
    # Cargo writes this mark when it has checked the sum and unpacked all of it.
    done = os.path.join(home, "registry/src", place, f"{name}-{version}", ".cargo-ok")
    return os.path.isfile(done) or not wanted or _sum(crate) == wanted


def _entry(name: str) -> str:
    """Where an index has a crate."""
    name = name.lower()
    if len(name) < 4:
        return f"{len(name)}/{name}" if len(name) < 3 else f"3/{name[0]}/{name}"
    return f"{name[:2]}/{name[2:4]}/{name}"


def _checked_out(home: str, source: str) -> bool:
    url, _, commit = source.partition("#")
    name = url.rstrip("/").rpartition("/")[2].removesuffix(".git").lower()
    top = os.path.join(home, "git/checkouts")
    for repository in _names(top):
        if repository.rpartition("-")[0].lower() not in (name, f"{name}.git"):
            continue
        for short in _names(os.path.join(top, repository)):
            mark = os.path.join(top, repository, short, ".cargo-ok")
            if len(short) >= 7 and commit.startswith(short) and os.path.isfile(mark):
                return True
    return False


def _sum(path: str) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
