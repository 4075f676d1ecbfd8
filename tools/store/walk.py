"""Walking a tree without ever following a link: every directory is opened relative to its parent.

No path is handed to the kernel whole, so neither PATH_MAX nor a link swapped in half-way matters.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ..errors import Failed, Usage

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN = 64
"""So many directories are held open at a time; a deeper walk closes the outer ones and comes back through `..`."""


def open_root(root: Path) -> int:
    """A descriptor of the root directory; the root itself may be named through a link."""
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Usage(f"{root} cannot be opened as a directory: {error.strerror}", "name an existing directory") from None


class Folder:
    """One directory on the way down: its open descriptor (or none for now), its identity while closed, and what is still to visit."""

    __slots__ = ("fd", "identity", "pending", "prefix")

    def __init__(self, fd: int, prefix: str) -> None:
        self.fd = fd
        self.identity: tuple[int, int] | None = None
        self.prefix = prefix
        self.pending: list[str] = []

    def close(self) -> None:
        """Give the descriptor back for now, remembering which directory it was."""
        info = os.fstat(self.fd)
        self.identity = (info.st_dev, info.st_ino)
        os.close(self.fd)
        self.fd = -1


def walk(root: int, refused: list[tuple[str, str]]) -> Iterator[Folder]:
    """Yields every directory, the root first, with its descriptor open; the caller puts the names of the
    subdirectories to visit into `pending`. A directory that cannot be opened goes to `refused` with the reason.

    Depth first with an explicit stack: neither depth nor breadth of the tree meets a limit of Python or of the kernel.
    """
    stack: list[Folder] = []
    try:
        top = Folder(os.open(".", FOLDER, dir_fd=root), "")
        stack.append(top)
        yield top
        outermost = 0
        while stack:
            folder = stack[-1]
            if not folder.pending:
                stack.pop()
                if stack and stack[-1].fd < 0:
                    _reopen(stack[-1], folder.fd)
                    outermost = len(stack) - 1
                os.close(folder.fd)
                continue
            name = folder.pending.pop()
            try:
                child = Folder(os.open(name, FOLDER, dir_fd=folder.fd), f"{folder.prefix}{name}/")
            except FileNotFoundError:
                continue  # it vanished since it was listed
            except OSError as error:
                refused.append((folder.prefix + name, error.strerror or "cannot be opened"))
                continue
            stack.append(child)
            if len(stack) - outermost > OPEN:
                stack[outermost].close()
                outermost += 1
            yield child
    finally:
        for folder in stack:
            if folder.fd >= 0:
                os.close(folder.fd)


def _reopen(folder: Folder, child: int) -> None:
    fd = os.open("..", FOLDER, dir_fd=child)
    info = os.fstat(fd)
    if (info.st_dev, info.st_ino) != folder.identity:
        os.close(fd)
        raise Failed(f"{folder.prefix or '.'} was moved while it was being read", "nothing was changed; try again")
    folder.fd = fd


class Beneath:
    """Opens directories of one root by relative path, component by component, following no link.

    Keeps the most recently used ones open. Use as a context manager.
    """

    def __init__(self, root: Path) -> None:
        self.root = open_root(root)
        self._open: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> Beneath:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.forget()
        os.close(self.root)

    def folder(self, path: str) -> int:
        """A descriptor of a directory, which stays ours. Raises OSError when a component is missing or no directory."""
        if path in (".", ""):
            return self.root
        if (fd := self._open.get(path)) is not None:
            self._open.move_to_end(path)
            return fd
        above = max([known for known in self._open if path.startswith(known + "/")], key=len, default="")
        fd = self._open[above] if above else self.root
        at = len(above) + 1 if above else 0
        names = path[at:].split("/")
        for i, name in enumerate(names):
            left = len(names) - i
            if name in ("", ".", ".."):
                raise Usage(f"{path!r} does not lie below the root", "name paths inside the project")
            fd = os.open(name, FOLDER, dir_fd=fd)
            at += len(name) + 1
            # The ones on the way are kept too, since a deep tree is left upwards; of a very deep one only the last.
            key = path[: at - 1] if left < OPEN else f"/{left}"
            if (stale := self._open.pop(key, None)) is not None:
                os.close(stale)
            self._open[key] = fd
            while len(self._open) > OPEN:
                os.close(self._open.popitem(last=False)[1])
        return fd

    def parent(self, path: str) -> tuple[int, str]:
        """The descriptor of the directory that holds `path`, and the name in it."""
        above, _, name = path.rpartition("/")
        if name in ("", ".", ".."):
            raise Usage(f"{path!r} names nothing below the root", "name paths inside the project")
        return self.folder(above), name

    def forget(self, path: str = "") -> None:
        """Close what is open at and below `path`: it is about to go."""
        for known in [p for p in self._open if not path or p == path or p.startswith(path + "/")]:
            with suppress(OSError):
                os.close(self._open.pop(known))
