"""Putting single files, links and directories in their place below a root, through descriptors, following no link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import TypeVar

from .blobs import CHUNK
from .capture import TEMPORARY
from .durable import write_all
from .model import Entry
from .walk import Beneath

T = TypeVar("T")
ANY = getattr(os, "O_PATH", os.O_RDONLY)
"""Of Linux; elsewhere a file that may not be read can have its mode set only by its owner's hand."""
WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def signature(info: os.stat_result) -> tuple[int, ...]:
    """What differs after every edit: no call can set ctime."""
    return (info.st_dev, info.st_ino, info.st_mode, info.st_size, info.st_mtime_ns, info.st_ctime_ns)


class Moved(Exception):
    """A path is no longer what it was when it was checked."""


class Places:
    """Writes below one root. Directories without write permission are opened up and closed again by `close_up`."""

    def __init__(self, tree: Beneath) -> None:
        self.tree = tree
        self.opened: dict[str, int] = {}
        """Directories made writable for a while, with the mode they had."""
        self._relinked: dict[tuple[int, int], tuple[int, ...]] = {}
        """Signatures of files that lost one of their hard links by us: that alone sets the ctime of the other ones."""
        self._swept: set[str] = set()

    def look(self, path: str) -> os.stat_result | None:
        """What is at `path` now; None when nothing is, or when its directory cannot be looked into."""
        try:
            folder, name = self.tree.parent(path)
            return os.lstat(name, dir_fd=folder)
        except OSError:
            return None

    def file(self, entry: Entry, content: Callable[[], Iterable[bytes]], expected: os.stat_result | None) -> None:
        """Put a file there whole: content, mode and mtime appear at once. Raises Moved instead of overwriting an edit.

        `content` is asked again when the directory had to be opened up first.
        """

        def make(folder: int, temporary: str) -> None:
            fd = os.open(temporary, WRITE, 0o600, dir_fd=folder)
            try:
                size = 0
                for piece in content():
                    size += len(piece)
                    if len(piece) == CHUNK and not piece.strip(b"\0"):
                        os.lseek(fd, CHUNK, os.SEEK_CUR)  # a hole: a sparse image stays sparse
                    else:
                        write_all(fd, piece)
                os.ftruncate(fd, size)
                self._own(fd, folder, expected)
                os.fchmod(fd, entry.mode)
                os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
            finally:
                os.close(fd)

        self._put(entry, make, expected)

    def link(self, entry: Entry, expected: os.stat_result | None) -> None:
        """Put a symbolic link there, as `file` does."""

        def make(folder: int, temporary: str) -> None:
            os.symlink(entry.target or "", temporary, dir_fd=folder)
            if os.geteuid() == 0:
                owner = expected or os.fstat(folder)
                os.chown(temporary, owner.st_uid, owner.st_gid, dir_fd=folder, follow_symlinks=False)
            os.utime(temporary, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=folder, follow_symlinks=False)

        self._put(entry, make, expected)

    def directory(self, path: str) -> None:
        """Make an empty directory, private until its attributes are set; one that is there already stays."""

        def make(folder: int, name: str) -> None:
            try:
                os.mkdir(name, 0o700, dir_fd=folder)
            except FileExistsError:
                if not stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                    raise Moved(path) from None
                return
            if os.geteuid() == 0:
                owner = os.fstat(folder)
                os.chown(name, owner.st_uid, owner.st_gid, dir_fd=folder, follow_symlinks=False)

        self._in(path, make)

    def remove(self, path: str, expected: os.stat_result) -> None:
        """Remove a file or link that is still what was checked."""

        def act(folder: int, name: str) -> None:
            self._unmoved(folder, name, path, expected)
            with self._unlinking(folder, name, expected):
                os.unlink(name, dir_fd=folder)

        self._in(path, act)

    def rmdir(self, path: str) -> bool:
        """Remove a directory; False when something is still in it that is not our own."""
        for last in (False, True):
            self.tree.forget(path)
            try:
                self._in(path, lambda folder, name: os.rmdir(name, dir_fd=folder))
            except FileNotFoundError:
                return True
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
                    raise
                if last:
                    return False
                self.sweep(f"{path}/.")
            else:
                return True
        return False

    def attributes(self, entry: Entry) -> None:
        """Set mode (not of links) and mtime of what is there."""

        def act(folder: int, name: str) -> None:
            if entry.kind != "link":
                _chmod(folder, name, entry.mode)
            os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=folder, follow_symlinks=False)

        if entry.path == ".":
            os.fchmod(self.tree.root, entry.mode)
            os.utime(self.tree.root, ns=(entry.mtime_ns, entry.mtime_ns))
        else:
            self._in(entry.path, act)

    def sweep(self, path: str) -> None:
        """Remove what a killed restore left in the directory of `path`: its own temporary names, nothing else."""
        above = path.rpartition("/")[0]
        if above in self._swept:
            return
        self._swept.add(above)
        with suppress(OSError):
            folder = self.tree.folder(above)
            for name in os.listdir(folder):
                if name.startswith(TEMPORARY):
                    with suppress(OSError):
                        os.unlink(name, dir_fd=folder)

    def close_up(self) -> None:
        """Give directories that were opened up the mode they had."""
        for path, mode in sorted(self.opened.items(), reverse=True):
            with suppress(OSError):
                if path in ("", "."):
                    os.fchmod(self.tree.root, mode)
                else:
                    folder, name = self.tree.parent(path)
                    _chmod(folder, name, mode)
        self.opened.clear()

    def _put(self, entry: Entry, make: Callable[[int, str], None], expected: os.stat_result | None) -> None:
        def act(folder: int, name: str) -> None:
            self.sweep(entry.path)
            temporary = f"{TEMPORARY}{token_hex(8)}"
            try:
                make(folder, temporary)
                if expected is None:
                    self._fresh(folder, temporary, name, entry.path)
                else:
                    self._unmoved(folder, name, entry.path, expected)
                    with self._unlinking(folder, name, expected):
                        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise

        self._in(entry.path, act)

    def _fresh(self, folder: int, temporary: str, name: str, path: str) -> None:
        """Rename, but never over something: a hard link fails where a rename would replace."""
        try:
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            os.unlink(temporary, dir_fd=folder)
        except FileExistsError:
            raise Moved(path) from None
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV):
                raise
            with suppress(FileNotFoundError):
                os.lstat(name, dir_fd=folder)
                raise Moved(path) from None
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)

    def _unmoved(self, folder: int, name: str, path: str, expected: os.stat_result) -> None:
        try:
            now = os.lstat(name, dir_fd=folder)
        except FileNotFoundError:
            raise Moved(path) from None
        if signature(now) != self._relinked.get((now.st_dev, now.st_ino), signature(expected)):
            raise Moved(path)

    @contextmanager
    def _unlinking(self, folder: int, name: str, expected: os.stat_result) -> Generator[None]:
        """Around what takes a name from a file: its other names, which packages of two environments may be, are as before."""
        if expected.st_nlink < 2:
            yield
            return
        fd = os.open(name, ANY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            yield
            after = os.fstat(fd)
        finally:
            os.close(fd)
        if signature(after)[:-1] == signature(expected)[:-1]:
            self._relinked[after.st_dev, after.st_ino] = signature(after)

    def _in(self, path: str, act: Callable[[int, str], T]) -> T:
        """Act in the directory of `path`; where its mode forbids that, open it up first."""
        above, _, name = path.rpartition("/")
        try:
            folder, name = self.tree.parent(path)
            return act(folder, name)
        except PermissionError:
            if not self._open_up(above):
                raise
        folder, name = self.tree.parent(path)
        return act(folder, name)

    def _open_up(self, path: str) -> bool:
        if path in self.opened:
            return False
        if not path:
            self.opened[path] = os.fstat(self.tree.root).st_mode & 0o7777
            os.fchmod(self.tree.root, self.opened[path] | 0o700)
            return True
        folder, name = self.tree.parent(path)
        mode = os.lstat(name, dir_fd=folder).st_mode
        if not stat.S_ISDIR(mode):
            return False
        self.opened[path] = mode & 0o7777
        _chmod(folder, name, mode & 0o7777 | 0o700)
        return True

    def _own(self, fd: int, folder: int, expected: os.stat_result | None) -> None:
        if (
            os.geteuid() == 0
        ):  # as root, a file must not change hands: the one replaced, or else the directory, says whose it is
            owner = expected or os.fstat(folder)
            os.fchown(fd, owner.st_uid, owner.st_gid)


def _chmod(folder: int, name: str, mode: int) -> None:
    """chmod that follows no link: on the opened thing itself, never by name."""
    info = os.lstat(name, dir_fd=folder)
    if stat.S_ISLNK(info.st_mode):
        raise Moved(name)
    if info.st_mode & 0o7777 == mode:
        return
    # O_PATH opens even what may not be read; the kernel resolves /proc/self/fd to exactly that inode.
    fd = os.open(name, ANY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if stat.S_ISLNK(os.fstat(fd).st_mode):
            raise Moved(name)
        if ANY:
            os.chmod(f"/proc/self/fd/{fd}", mode)
        else:
            os.fchmod(fd, mode)
    finally:
        os.close(fd)
