"""Copying and removing single files below open directories, following no link."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

CHUNK = 1 << 20


def copy_span(source: int, at: int, target: int, to: int, length: int) -> None:
    """Copy bytes between open files, in the kernel where it can."""
    while length > 0:
        try:
            done = os.copy_file_range(source, target, length, at, to)
        except (AttributeError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in (
                errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF,
            ):  # fmt: skip
                raise
            piece = os.pread(source, min(CHUNK, length), at)
            write_all_at(target, piece, to)
            done = len(piece)
        if not done:
            return
        at, to, length = at + done, to + done, length - done


def copy_over(folder: int, name: str, target: int, new: str, durable: bool = False) -> None:
    """Copy a file or a link under a fresh name; mode and time come along. `durable`: it is on the disk when this
    returns, since the original goes then. Raises OSError."""
    info = os.lstat(name, dir_fd=folder)
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(name, dir_fd=folder), new, dir_fd=target)
        os.utime(new, ns=(info.st_mtime_ns, info.st_mtime_ns), dir_fd=target, follow_symlinks=False)
        return
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        out = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=target)
        try:
            copy_span(fd, 0, out, 0, os.fstat(fd).st_size)
            os.fchmod(out, info.st_mode & 0o7777)
            os.utime(out, ns=(info.st_mtime_ns, info.st_mtime_ns))
            if durable:
                os.fsync(out)
        finally:
            os.close(out)
    finally:
        os.close(fd)


def copy_tree(folder: int, name: str, target: int, new: str) -> None:
    """Copy a directory with all below it; special files are left out. Raises OSError."""
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.mkdir(new, os.fstat(fd).st_mode & 0o777 | 0o700, dir_fd=target)
        to = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=target)
        try:
            for inner in os.listdir(fd):
                mode = os.lstat(inner, dir_fd=fd).st_mode
                if stat.S_ISDIR(mode):
                    copy_tree(fd, inner, to, inner)
                elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                    copy_over(fd, inner, to, inner)
        finally:
            os.close(to)
    finally:
        os.close(fd)


def remove_tree(folder: int, name: str) -> None:
    """Remove something of our own with all below it, following no link; what cannot be removed stays."""
    try:
        os.unlink(name, dir_fd=folder)
        return
    except (IsADirectoryError, PermissionError):
        pass
    except OSError:
        return
    with suppress(OSError):
        os.chmod(name, 0o700, dir_fd=folder)
    try:
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return
    try:
        for inner in os.listdir(fd):
            remove_tree(fd, inner)
    finally:
        os.close(fd)
    with suppress(OSError):
        os.rmdir(name, dir_fd=folder)


def write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def write_all_at(fd: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done
