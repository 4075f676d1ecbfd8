"""Looking at a project's files and putting some in place, through descriptors and following no link. Runs next to them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import suppress
from secrets import token_hex

LARGEST = 1024 * 1024
"""Bytes of a file that is compared and shown; a larger one is no file of a template."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


def digest(content: bytes) -> str:
    """SHA-256 as hex: what Python has of itself on any machine."""
    return hashlib.sha256(content).hexdigest()


def look(root: str, paths: list[str]) -> dict[str, tuple[str, str, bytes, bool]]:
    """What is at each path: its kind (`none`, `file`, `large`, `directory`, `link`, `special`), the path that this is
    about (a folder on the way that is a link or a file), its content and whether it may be executed."""
    return {path: _look(root, path) for path in paths}


def put(root: str, files: list[tuple[str, bytes, bool, str]]) -> int:
    """Give each file (path, content, executable, digest of what is there now or empty for nothing) its content.

    Each is written under another name and renamed. One that has its content already stays. Missing folders are made.
    Returns how many were written. Raises OSError: ESTALE for one that is neither as it was nor as it is to be, ELOOP or
    ENOTDIR for a link or a file on the way.
    """
    written = 0
    for path, content, executable, was in files:
        kind, about, now, runs = _look(root, path)
        if kind == "file" and now == content and (runs or not executable):
            continue
        if kind not in ("none", "file") or (digest(now) if kind == "file" else "") != was:
            raise OSError(errno.ESTALE, "it is not as it was", about)
        folder = _open(root, path.split("/")[:-1], make=True)
        try:
            _write(folder, path.rpartition("/")[2], content, executable)
        finally:
            os.close(folder)
        written += 1
    return written


def _look(root: str, path: str) -> tuple[str, str, bytes, bool]:
    *above, name = path.split("/")
    fd = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    try:
        for depth, part in enumerate([*above, name]):
            here = "/".join(path.split("/")[: depth + 1])
            try:
                info = os.lstat(part, dir_fd=fd)
            except FileNotFoundError:
                return "none", path, b"", False
            kind = _KINDS.get(stat.S_IFMT(info.st_mode), "special")
            if depth < len(above):
                if kind != "directory":
                    return kind if kind != "file" else "special", here, b"", False
                deeper = os.open(part, _FOLDER, dir_fd=fd)
                os.close(fd)
                fd = deeper
            elif kind == "file":
                return _content(fd, part, path, info)
            else:
                return kind, path, b"", False
    finally:
        os.close(fd)
    return "none", path, b"", False


def _content(folder: int, name: str, path: str, info: os.stat_result) -> tuple[str, str, bytes, bool]:
    if info.st_size > LARGEST:
        return "large", path, b"", False
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(fd, "rb") as stream:
        return "file", path, stream.read(LARGEST), bool(info.st_mode & 0o100)


def _open(root: str, folders: list[str], *, make: bool) -> int:
    """The directory's descriptor, opened part by part from the root, which alone may be a link."""
    fd = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    try:
        for name in folders:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=fd)
            deeper = os.open(name, _FOLDER, dir_fd=fd)
            os.close(fd)
            fd = deeper
    except BaseException:
        os.close(fd)
        raise
    return fd


def _write(folder: int, name: str, content: bytes, executable: bool) -> None:
    temporary = f".envsync-tmp-{token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o644, dir_fd=folder), "wb") as stream:
            os.fchmod(stream.fileno(), 0o755 if executable else _mode(folder, name))
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


def _mode(folder: int, name: str) -> int:
    """That of the file that is replaced, so that what was private stays so."""
    try:
        return os.lstat(name, dir_fd=folder).st_mode & 0o777
    except FileNotFoundError:
        return 0o644
