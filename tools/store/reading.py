"""Reading one file: as one moment had it, without following a link or waiting for anything."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection
from typing import NamedTuple

from .blobs import CHUNK
from .hashing import Hash, of, stored
from .model import Notice
from .pack import RECIPE, Writer

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Not blocking, in case a FIFO takes the file's place between the look at it and the opening."""
TRIES = 3


class Read(NamedTuple):
    """What reading a file gave; `digest` None when its content cannot be read, `steady` False when it kept changing."""

    digest: str | None
    size: int
    info: os.stat_result
    steady: bool


class Reader:
    """Reads files, and stores what the store does not have when there is a `writer`."""

    def __init__(
        self,
        writer: Writer | None,
        held: Collection[str],
        notices: list[Notice],
        grown: Callable[[str, int, int], None],
        hash: Hash = stored,
    ) -> None:
        self.writer = writer
        self.held = held
        self.notices = notices
        self.hash = hash
        self.grown = grown
        """Told when a file is larger than it was a moment ago: path, size, by how much; raises when that is too large."""

    def read(self, folder: int, name: str, path: str, seen: os.stat_result) -> Read | None:
        """A file as one moment had it; None when it is gone or no file any more."""
        try:
            fd = os.open(name, READ, dir_fd=folder)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):  # a link or a socket took its place
                return None
            self.notices.append(Notice(path, f"content not read: {error.strerror}"))
            return Read(None, seen.st_size, seen, False)
        try:
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                return None
            size, tries = seen.st_size, 0
            while True:
                if before.st_size > size:
                    self.grown(path, before.st_size, before.st_size - size)
                digest, size = self._content(fd, before.st_size, os.path.splitext(name)[1])
                after = os.fstat(fd)
                then, now = ((i.st_mtime_ns, i.st_ctime_ns, i.st_size) for i in (before, after))
                if then == now and size == after.st_size:
                    return Read(digest, size, after, True)
                tries += 1
                if tries == TRIES:
                    break
                before = after
                os.lseek(fd, 0, os.SEEK_SET)
            self.notices.append(Notice(path, "it was being written while it was read; the snapshot has what was read"))
            return Read(digest, size, after, False)
        except OSError as error:
            self.notices.append(Notice(path, f"content not read: {error.strerror}"))
            return Read(None, seen.st_size, seen, False)
        finally:
            os.close(fd)

    def _content(self, fd: int, size: int, like: str) -> tuple[str, int]:
        """Read a file to its end; store what the store does not have. Returns its digest and true length."""
        writer = self.writer
        if size <= CHUNK:
            data = os.read(fd, size + 1)
            if len(data) == size or (len(data) < size and not os.read(fd, 1)):
                digest = of(data, self.hash)
                if writer and digest not in self.held and digest not in writer.pending:
                    writer.add(digest, data, like)
                return digest, len(data)
            os.lseek(fd, 0, os.SEEK_SET)
        whole = self.hash()
        parts: list[str] = []
        length = 0
        while piece := _piece(fd):
            whole.update(piece)
            length += len(piece)
            part = of(piece, self.hash) if writer else ""
            parts.append(part)
            if writer and part not in self.held and part not in writer.pending:
                writer.add(part, piece, like)
        digest = whole.hexdigest()
        if writer and len(parts) != 1 and digest not in self.held and digest not in writer.pending:
            writer.add(digest, bytes.fromhex("".join(parts)), "recipe", RECIPE)
        return digest, length


def _piece(fd: int) -> bytes:
    """The next `CHUNK` bytes, fewer only at the end."""
    data = os.read(fd, CHUNK)
    if len(data) == CHUNK or not data:
        return data
    parts = [data]
    missing = CHUNK - len(data)
    while missing and (data := os.read(fd, missing)):
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)
