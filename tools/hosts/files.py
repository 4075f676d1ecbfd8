"""One directory's files, opened and changed piece by piece: the far end of `envsync mount`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Attributes = tuple[int, int, int, int, int, int, int, int, int]
"""mode, links, uid, gid, size, atime, mtime and ctime in nanoseconds, inode."""


class Files:
    """A worker (see Host.start) that serves what a file system asks for, below `root`.

    Paths are absolute below the root, `/` being the root itself. The kernel that asks has resolved links and `..`
    already, so a path that still has `..` in it is refused. Every method raises OSError as the machine does.
    """

    def __init__(self, tell: Callable[[Any], None], root: str) -> None:
        self._root = os.path.abspath(root)
        self._open: set[int] = set()
        os.listdir(self._root)  # a root that is none is said at once

    def getattr(self, path: str) -> Attributes:
        return _attributes(os.lstat(self._at(path)))

    def readdir(self, path: str) -> list[tuple[str, Attributes]]:
        """Names with their attributes, so that a listing takes one round trip."""
        found: list[tuple[str, Attributes]] = []
        with os.scandir(self._at(path)) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    found.append((entry.name, _attributes(entry.stat(follow_symlinks=False))))
        return found

    def readlink(self, path: str) -> str:
        return os.readlink(self._at(path))

    def open(self, path: str, flags: int, mode: int = 0o666) -> int:
        """A handle for `read`, `write`, `truncate`, `fsync` and `release`."""
        handle = os.open(self._at(path), flags | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        self._open.add(handle)
        return handle

    def read(self, handle: int, size: int, offset: int) -> bytes:
        return os.pread(self._mine(handle), size, offset)

    def write(self, handle: int, content: bytes, offset: int) -> int:
        return os.pwrite(self._mine(handle), content, offset)

    def truncate(self, path: str, length: int, handle: int | None = None) -> None:
        if handle is not None:
            os.ftruncate(self._mine(handle), length)
        else:
            os.truncate(self._at(path), length)

    def fsync(self, handle: int) -> None:
        os.fsync(self._mine(handle))

    def release(self, handle: int) -> None:
        if handle in self._open:
            self._open.remove(handle)
            os.close(handle)

    def unlink(self, path: str) -> None:
        os.unlink(self._at(path))

    def mkdir(self, path: str, mode: int) -> None:
        os.mkdir(self._at(path), mode)

    def rmdir(self, path: str) -> None:
        os.rmdir(self._at(path))

    def rename(self, old: str, new: str) -> None:
        os.rename(self._at(old), self._at(new))

    def symlink(self, target: str, path: str) -> None:
        os.symlink(target, self._at(path))

    def link(self, old: str, new: str) -> None:
        os.link(self._at(old), self._at(new), follow_symlinks=False)

    def chmod(self, path: str, mode: int) -> None:
        os.chmod(self._at(path), mode)

    def chown(self, path: str, uid: int, gid: int) -> None:
        os.chown(self._at(path), uid, gid, follow_symlinks=False)

    def utimens(self, path: str, times: tuple[int, int] | None) -> None:
        """Access and modification time in nanoseconds; None means now."""
        now = time.time_ns()
        os.utime(self._at(path), ns=times or (now, now), follow_symlinks=False)

    def statfs(self) -> dict[str, int]:
        info = os.statvfs(self._root)
        names = (
            "f_bsize",
            "f_frsize",
            "f_blocks",
            "f_bfree",
            "f_bavail",
            "f_files",
            "f_ffree",
            "f_favail",
            "f_namemax",
        )
        return {name: getattr(info, name) for name in names}

    def close(self) -> None:
        """Close what is open still."""
        for handle in [*self._open]:
            self.release(handle)

    def _at(self, path: str) -> str:
        if ".." in path.split("/"):
            raise PermissionError(1, "Operation not permitted", path)
        return self._root + path if path != "/" else self._root

    def _mine(self, handle: int) -> int:
        if handle not in self._open:
            raise OSError(9, "Bad file descriptor")
        return handle


def _attributes(info: os.stat_result) -> Attributes:
    return (
        info.st_mode,
        info.st_nlink,
        info.st_uid,
        info.st_gid,
        info.st_size,
        info.st_atime_ns,
        info.st_mtime_ns,
        info.st_ctime_ns,
        info.st_ino,
    )
