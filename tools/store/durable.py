"""Files that are written once: under a temporary name, synced, then renamed, then the directory synced.

A reader sees the whole file or none. What a killed writer leaves behind is a temporary file without a lock, which
`sweep` removes; a failing writer removes its own at once, so a full disk has its space back.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from ..errors import Failed

TEMPORARY = ".tmp-"


def writable(directory: Path) -> None:
    """Make a directory of the store, private to the user."""
    try:
        if not directory.is_dir():
            if not directory.parent.exists():
                writable(directory.parent)
            directory.mkdir(mode=0o700, exist_ok=True)
            sync_directory(directory.parent)  # a synced file is lost all the same when its directory's own name is
    except OSError as error:
        raise trouble(error, directory) from None


def trouble(error: OSError, path: Path) -> Failed:
    """The error of a failing file system as one that says what to do next."""
    hints = {
        errno.ENOSPC: "the disk is full: free some space, or run `envsync status` to see what the store takes",
        errno.EDQUOT: "your quota is used up: free some space",
        errno.EROFS: "the file system is read-only: make it writable (EnvSync's own state can lie elsewhere: ENVSYNC_STATE)",
        errno.EACCES: "the permissions do not allow it: look at the owner and mode of that directory",
        errno.EIO: "the disk reports errors: save your work elsewhere and check the disk",
    }
    name = f" ({error.filename!r})" if error.filename and str(error.filename) != str(path) else ""
    return Failed(
        f"{path}: {error.strerror or error}{name}",
        hints.get(error.errno or 0, "solve this and try again"),
        errno=error.errno,
    )


def write_all(fd: int, data: bytes) -> None:
    """All of it: one `write` may take less."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class Draft:
    """A temporary file beside its final place, locked while its writer lives."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / f"{TEMPORARY}{token_hex(8)}"
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.size = 0
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.drop()
            raise

    def write(self, data: bytes) -> None:
        write_all(self.fd, data)
        self.size += len(data)

    def publish(self, name: str, replace: bool = False) -> Path:
        """Make it the file `name`; without `replace`, what is there already stays (its content is the same by digest)."""
        final = self.directory / name
        os.fsync(self.fd)
        if not replace and final.exists():
            self.drop()
            return final
        try:
            os.rename(self.path, final)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _move(self.path, final)
        os.close(self.fd)
        self.fd = -1
        sync_directory(self.directory)
        return final

    def drop(self) -> None:
        """Remove it; safe to call at any time, and again."""
        if self.fd >= 0:
            with suppress(OSError):
                os.unlink(self.path)
            os.close(self.fd)
            self.fd = -1


def _move(source: Path, final: Path) -> None:
    """Copy, sync, rename: what `rename` does, where a layered file system (EXDEV) will not."""
    copy = final.with_name(f"{TEMPORARY}{token_hex(8)}")
    out = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(source, "rb") as read:
            while block := read.read(1 << 20):
                write_all(out, block)
        os.fsync(out)
        os.replace(copy, final)
    except BaseException:
        with suppress(OSError):
            os.unlink(copy)
        raise
    finally:
        os.close(out)
    os.unlink(source)


def publish(directory: Path, name: str, data: bytes, replace: bool = False) -> Path:
    """Write a small file durably in one go."""
    try:
        draft = Draft(directory)
        try:
            draft.write(data)
            return draft.publish(name, replace)
        finally:
            draft.drop()
    except OSError as error:
        raise trouble(error, directory / name) from None


def sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sweep(directory: Path) -> int:
    """Remove the temporary files of dead writers; returns the bytes freed."""
    freed = 0
    for path in directory.glob(f"{TEMPORARY}*"):
        with suppress(OSError):
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                size = os.fstat(fd).st_size
                os.unlink(path)
                freed += size
            finally:
                os.close(fd)
    return freed


def sync(fd: int) -> None:
    """Everything written to the file system of `fd` to the disk: one call for many files, where fsync is one for each."""
    try:
        import ctypes  # Python has no syncfs of its own, and some builds have no ctypes

        if ctypes.CDLL(None, use_errno=True).syncfs(fd) == 0:
            return
    except (AttributeError, ImportError, OSError):
        pass
    os.sync()
