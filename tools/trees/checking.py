"""Whether a path still is what the plan expects: before it is touched, and once more when it is in our hands."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from ..store.walk import walk
from .model import Entry, Options, Tree, same
from .scanner import Scanner, look
from .unit import is_lock, is_passing

CHANGED = "changed meanwhile"


class Mark(NamedTuple):
    """What a thing was when it was looked at: a rename changes none of these."""

    inode: int
    size: int
    mtime_ns: int

    @staticmethod
    def of(info: os.stat_result) -> Mark:
        """Of a stat."""
        return Mark(info.st_ino, info.st_size, info.st_mtime_ns)


class Refused(Exception):
    """A path that is left as it is, with the reason."""


class Checks:
    """Looks at single paths of a tree."""

    def __init__(self, scanner: Scanner, options: Options) -> None:
        self.scanner = scanner
        self.options = options

    def check(self, folder: int, name: str, path: str, old: Entry) -> Mark:
        """Raises Refused unless the plan's expectation holds."""
        info = os.lstat(name, dir_fd=folder)
        if not self._is(folder, name, path, old, info):
            raise Refused(CHANGED)
        return Mark.of(info)

    def _is(self, folder: int, name: str, path: str, old: Entry, info: os.stat_result) -> bool:
        kind = stat.S_IFMT(info.st_mode)
        if old.kind == "link":
            return kind == stat.S_IFLNK and os.readlink(name, dir_fd=folder) == old.target
        if old.kind == "unit":
            if kind != stat.S_IFDIR:
                return False
            scan = self.scanner.part([path])
            now = scan.tree.get(path)
            if path in scan.busy:
                raise Refused("somebody is changing it")
            return now is not None and same(now, old, self.options.exact)
        if old.kind != "file" or kind != stat.S_IFREG:
            return False
        digest = self.scanner.cache.get(path, info)
        if digest is None:
            digest = look(folder, name, self.options.algorithm).digest
        now = Entry("file", info.st_mode & 0o7777, info.st_size, info.st_mtime_ns, digest)
        return same(now, old, self.options.exact)

    def still(self, folder: int, name: str, path: str, old: Entry, mark: Mark) -> bool:
        """Whether what was taken is what was checked; a cheap look, and a thorough one where that does not tell."""
        info = os.lstat(name, dir_fd=folder)
        if old.kind == "unit":
            unit = self.scanner.units.get(path)
            return stat.S_ISDIR(info.st_mode) and unit is not None and _unmoved(folder, name, unit.inside)
        if Mark.of(info) == mark:
            return True
        if old.kind != "file" or not stat.S_ISREG(info.st_mode):
            return False
        return look(folder, name, self.options.algorithm).digest == old.digest


def _unmoved(folder: int, name: str, inside: Tree) -> bool:
    """Whether a unit's files have the sizes and times that they had when it was scanned, and no lock is in it."""
    seen = 0
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        for inner in walk(fd, []):
            for item in os.listdir(inner.fd):
                path = inner.prefix + item
                info = os.lstat(item, dir_fd=inner.fd)
                if stat.S_ISDIR(info.st_mode):
                    inner.pending.append(item)
                if is_lock(path):
                    return False
                if path in inside:
                    seen += 1
                    entry = inside[path]
                    if entry.kind == "file" and (entry.size, entry.mtime_ns) != (info.st_size, info.st_mtime_ns):
                        return False
                elif not is_passing(path) and stat.S_ISREG(info.st_mode):
                    return False
    except FileNotFoundError:
        return False
    finally:
        os.close(fd)
    return seen == len(inside)
