"""Git repositories in a tree: a rewind never loses a commit.

Inside a `.git` directory that exists now, a rewind changes only HEAD, and the index where it belongs to the very commit
that is checked out then. Objects, branches, stashes and hooks stay as they are. A `.git` that is gone comes back whole.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass

from ..store.model import Entry, Manifest
from ..store.store import Store


@dataclass(frozen=True)
class Aimed:
    """What a rewind really aims at, and what a person should know about the repositories."""

    manifest: Manifest
    notes: tuple[str, ...] = ()


def aim(target: Manifest, current: Manifest, store: Store, read: Callable[[Entry], bytes] | None = None) -> Aimed:
    """`target` with the repositories of `current` kept, as this module's docstring says. Changes nothing.

    `read` gives contents of `current`; without it they are in the store, as after a capture.
    """

    def stored(entry: Entry) -> bytes:
        return store.get(entry.digest or "")

    reading = read or stored
    kept = [repo for repo in _repositories(current) if _stays(repo, target, current)]
    if not kept:
        return Aimed(target)
    insides = tuple(f"{repo}/" for repo in kept)

    def inside(path: str) -> bool:
        return path in kept or path.startswith(insides)

    entries = {e.path: e for e in target.entries if not inside(e.path)}
    entries.update((e.path, e) for e in current.entries if inside(e.path))
    notes: list[str] = []
    for repo in kept:
        if repo in target.by_path:
            taken, note = _state(reading, repo, target, current, store)
            entries.update((entry.path, entry) for entry in taken)
            notes += [note] if note else []
        else:
            notes.append(f"{repo} was made since and has commits, so it stays")
    ordered = tuple(sorted(entries.values(), key=lambda entry: entry.path))
    return Aimed(Manifest(ordered, target.notices), tuple(notes))


def in_repository(path: str) -> bool:
    """Whether a path is a `.git` directory or lies in one."""
    return path == ".git" or path.startswith(".git/") or "/.git/" in path or path.endswith("/.git")


def _repositories(manifest: Manifest) -> list[str]:
    return [
        e.path
        for e in manifest.entries
        if e.kind == "directory" and (e.path == ".git" or e.path.endswith("/.git")) and ".git/" not in e.path
    ]


def _stays(repo: str, target: Manifest, current: Manifest) -> bool:
    """Known then: yes. Made since: where its directory is older and it has commits; a clone goes with its directory."""
    there = target.by_path.get(repo)
    if there is not None:
        return there.kind == "directory"
    parent = target.by_path.get(os.path.dirname(repo) or ".")
    if parent is None or parent.kind != "directory":
        return False
    return any(e.kind == "file" and e.path.startswith(f"{repo}/objects/") for e in current.entries)


def _state(
    read: Callable[[Entry], bytes], repo: str, target: Manifest, current: Manifest, store: Store
) -> tuple[list[Entry], str]:
    """The entries of HEAD and index to bring back, and a note when the branch has moved since."""
    old, new = target.by_path.get(f"{repo}/HEAD"), current.by_path.get(f"{repo}/HEAD")
    if old is None or new is None or old.digest is None or new.digest is None:
        return [], ""
    then = _Side(repo, target, lambda entry: store.get(entry.digest or ""))
    now = _Side(repo, current, read)
    was, branch = then.commit(then.text("HEAD"))
    commit, _ = now.commit(then.text("HEAD"))
    here, other = now.commit(now.text("HEAD"))
    where = "" if repo == ".git" else f" in {os.path.dirname(repo)}"
    if commit is None and was is not None:
        return [], f"git{where}: branch {branch} is gone; git stays on {other or here}"
    taken = [old] if old.digest != new.digest else []
    if commit != was:
        return taken, (
            f"git{where}: commits made since stay ({branch or 'HEAD'} was {_id(was)}, is {_id(commit)}); "
            f"your files go back, and git shows the difference"
        )
    index, fresh = target.by_path.get(f"{repo}/index"), current.by_path.get(f"{repo}/index")
    if index and fresh and index.digest and index.digest != fresh.digest:
        now_staged = _staged(read(fresh))
        if now_staged is None or now_staged != _staged(store.get(index.digest)):
            taken.append(index)
    return taken, ""


class _Side:
    """A repository then or now: reads refs out of the files that git keeps them in."""

    def __init__(self, repo: str, manifest: Manifest, read: Callable[[Entry], bytes]) -> None:
        self._repo = repo
        self._manifest = manifest
        self._read = read

    def text(self, name: str) -> str:
        entry = self._manifest.by_path.get(f"{self._repo}/{name}")
        if entry is None or entry.kind != "file" or entry.digest is None:
            return ""
        return self._read(entry).decode("utf-8", "surrogateescape")

    def commit(self, head: str) -> tuple[str | None, str]:
        """The commit that a HEAD's content means on this side, and the branch; None for a branch without one."""
        if not head.startswith("ref: "):
            return head.strip() or None, ""
        ref = head[5:].strip()
        branch = ref.removeprefix("refs/heads/")
        if loose := self.text(ref).strip():
            return loose, branch
        for line in self.text("packed-refs").splitlines():
            commit, _, name = line.partition(" ")
            if name == ref:
                return commit, branch
        return None, branch


def _staged(index: bytes) -> frozenset[bytes] | None:
    """What an index stages, without the stat data that every `git status` renews; None for a format unknown here."""
    if len(index) < 32 or index[:4] != b"DIRC":
        return None
    version, number = struct.unpack(">II", index[4:12])
    if version not in (2, 3) or hashlib.sha1(index[:-20], usedforsecurity=False).digest() != index[-20:]:
        return None
    at, found = 12, set[bytes]()
    for _ in range(number):
        flags = struct.unpack_from(">H", index, at + 60)[0]
        name = at + (64 if flags & 0x4000 else 62)
        end = index.index(b"\0", name)
        found.add(index[at + 24 : at + 28] + index[at + 40 : end])
        at += (end - at + 8) // 8 * 8
    return frozenset(found)


def _id(commit: str | None) -> str:
    return commit[:9] if commit else "without a commit"
