"""Renames that exchange two names, or never replace one: what a plain rename cannot promise."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys
from typing import Any

_NOREPLACE = 1
_EXCHANGE = 2
_NUMBERS = {"x86_64": 316, "aarch64": 276, "riscv64": 276, "armv7l": 382, "ppc64le": 357, "s390x": 347, "i686": 353}
"""Of the system call, by machine: musl's libc has no wrapper for it."""
_MISSING = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)
"""What a kernel or a file system says that cannot do it."""


def _load() -> Any | None:
    if not sys.platform.startswith("linux"):
        return None
    number = _NUMBERS.get(platform.machine())
    try:
        libc = ctypes.CDLL(None, use_errno=True)
    except OSError:
        return None
    if hasattr(libc, "renameat2"):
        function = libc.renameat2
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
        return function
    if number is None:
        return None
    call = libc.syscall

    def renameat2(*args: Any) -> int:
        return call(ctypes.c_long(number), *args)

    return renameat2


class Renamer:
    """Renames below open directories. Once the file system has refused a kind, the next best is used."""

    def __init__(self) -> None:
        self._call = _load()
        self.exchanges = self._call is not None

    def fresh(self, source: int, name: str, target: int, new: str) -> None:
        """Rename, never over something. Raises FileExistsError, OSError."""
        if self._call is not None:
            try:
                self._two(source, name, target, new, _NOREPLACE)
            except OSError as error:
                if error.errno not in _MISSING:
                    raise
            else:
                return
        try:
            os.link(name, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (
                errno.EPERM,
                errno.EOPNOTSUPP,
                errno.EMLINK,
                errno.ENOSYS,
                errno.EISDIR,
                errno.EACCES,
            ):
                raise
            try:
                os.lstat(new, dir_fd=target)
            except FileNotFoundError:
                os.rename(name, new, src_dir_fd=source, dst_dir_fd=target)
            else:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new) from None
        else:
            os.unlink(name, dir_fd=source)

    def exchange(self, source: int, name: str, target: int, new: str) -> bool:
        """Let two names change places at once; False where that cannot be done. Raises OSError."""
        if not self.exchanges:
            return False
        try:
            self._two(source, name, target, new, _EXCHANGE)
        except OSError as error:
            if error.errno not in _MISSING:
                raise
            self.exchanges = False
            return False
        return True

    def _two(self, source: int, name: str, target: int, new: str, flags: int) -> None:
        if self._call is None or self._call(source, os.fsencode(name), target, os.fsencode(new), flags) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), name, None, new)


def flush(fd: int) -> None:
    """Flush everything of the file system that `fd` is on to the disk."""
    try:
        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        os.sync()
        return
    if call(fd) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
