"""Changes below a directory of this machine as they happen: inotify on Linux, and looking now and then elsewhere."""

from __future__ import annotations

import asyncio
import errno
import os
import stat as st
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from asyncinotify import Event, Inotify, Watch

ANY = frozenset({"."})
"""Any path may have changed."""
LIMIT = 50_000
"""Paths that are named one by one; a storm of more becomes `.`."""
BATCH = 5000
"""Events that are taken at once at most."""
HOLD = 0.05
"""Seconds for which a file that is open for writing is not told: half of what is being saved is of use to nobody."""
PAUSE = 0.5
"""Seconds between two looks at least; looking takes a twentieth of the time at most."""


class Changes:
    """An iterator of touched paths that merges what nobody has taken yet; waiting for the next one may be cancelled."""

    def __init__(self, source: AsyncIterator[frozenset[str]] | None = None) -> None:
        """`source` is read in the background from the first `__anext__` on; without one `add` is called instead."""
        self._source = source
        self._task: asyncio.Task[None] | None = None
        self._touched: set[str] = set()
        self._error: BaseException | None = None
        self._news = asyncio.Event()

    def __aiter__(self) -> Changes:
        return self

    async def __anext__(self) -> frozenset[str]:
        if self._source is not None and self._task is None:
            self._task = asyncio.ensure_future(self._follow(self._source))
        while not self._touched:
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()
        touched = ANY if "." in self._touched else frozenset(self._touched)
        self._touched.clear()
        return touched

    def add(self, touched: Iterable[str]) -> None:
        """Note paths."""
        self._touched.update(touched)
        if len(self._touched) > LIMIT:
            self._touched = set(ANY)
        self._news.set()

    def fail(self, error: BaseException) -> None:
        """There will be no more: what is noted is still given, then `error` is raised."""
        self._error = error
        self._news.set()

    async def aclose(self) -> None:
        """End the watch; doing it twice is no error."""
        self.fail(StopAsyncIteration())
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _follow(self, source: AsyncIterator[frozenset[str]]) -> None:
        try:
            async for touched in source:
                self.add(touched)
            self.fail(StopAsyncIteration())
        except Exception as error:  # whoever iterates gets it
            self.fail(error)
        finally:
            await cast("AsyncGenerator[frozenset[str], None]", source).aclose()


Skip = Callable[[str], bool]


def watch(path: Path, skip: Skip | None = None) -> Changes:
    """See Host.watch. Directories (by relative path) that `skip` names are not looked into."""
    return Changes(_watch(path, skip or _no))


def _no(_: str) -> bool:
    return False


async def _watch(path: Path, skip: Skip) -> AsyncIterator[frozenset[str]]:
    if not await asyncio.to_thread(path.is_dir):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    while True:
        if sys.platform.startswith("linux"):
            try:
                async for touched in _notified(path, skip):
                    yield touched
            except (OSError, ImportError, RuntimeError, _TooManyError):
                # No inotify, no instance left, or more directories than may be watched.
                pass
            else:
                await _there_again(path)
                continue
        async for touched in _looked(path, skip):
            yield touched
        await _there_again(path)


async def _there_again(path: Path) -> None:
    """The directory itself is gone; somebody may put it back, e.g. a restore."""
    while not await asyncio.to_thread(path.is_dir):  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(PAUSE)


# -- inotify ------------------------------------------------------------------------------------------------------


class _Folder:
    """One watched directory."""

    __slots__ = ("children", "path", "watch")

    def __init__(self, path: str, watch: Watch) -> None:
        self.path = path
        """Relative to the root, `/` between parts; empty for the root."""
        self.watch = watch
        self.children: dict[str, _Folder] = {}


class _Tree:
    """The watched directories below a root, and what was touched since it was last asked."""

    def __init__(self, root: Path, inotify: Inotify, skip: Skip = _no) -> None:
        from asyncinotify import Mask

        self.skip = skip
        self.root = os.fspath(root)
        self.inotify = inotify
        self.mask = (
            Mask.CREATE | Mask.MODIFY | Mask.CLOSE_WRITE | Mask.ATTRIB | Mask.MOVE | Mask.DELETE
            | Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.ONLYDIR | Mask.DONT_FOLLOW | Mask.EXCL_UNLINK
        )  # fmt: skip
        self.appeared = Mask.CREATE | Mask.MOVED_TO
        self.moved = Mask.MOVED_TO
        self.left = Mask.DELETE | Mask.MOVED_FROM
        self.gone = Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.UNMOUNT
        self.directory = Mask.ISDIR
        self.lost = Mask.Q_OVERFLOW
        self.ended = Mask.IGNORED
        self.writing = Mask.CREATE | Mask.MODIFY
        self.whole = Mask.CLOSE_WRITE | Mask.MOVE | Mask.DELETE | Mask.ISDIR
        self.folders: dict[int, _Folder] = {}
        self.touched: set[str] = set()
        self.held: dict[str, float] = {}
        """Files that somebody is writing to, and when they are told all the same."""
        self.overflown = False
        self.top: _Folder | None = None

    def begin(self) -> None:
        """Watch the root and all below it. Raises OSError when there are too many directories."""
        for folder in list(self.folders.values()):
            with suppress(OSError):
                self.inotify.rm_watch(folder.watch)
        self.folders.clear()
        self.overflown = False
        self.top = _Folder("", self._add(self.root))
        self.folders[self.top.watch.wd] = self.top
        self._below(self.top, told=False)

    def _add(self, path: str) -> Watch:
        return cast("Any", self.inotify).add_watch(Path(path), self.mask)  # its PathLike has no type argument

    def take(self) -> frozenset[str]:
        """What was touched since the last time."""
        touched = ANY if self.overflown or len(self.touched) > LIMIT else frozenset(self.touched)
        self.touched.clear()
        return touched

    def hear(self, event: Event) -> bool:
        """Note one event; False when the root is gone."""
        mask = event.mask
        if mask & self.lost:
            self.overflown = True
            return True
        watch = event.watch
        folder = self.folders.get(watch.wd) if watch is not None else None
        if watch is None or folder is None:
            return True
        if event.name is None:
            if folder is self.top and mask & (self.gone | self.ended):
                return False
            if mask & self.ended:
                self.folders.pop(watch.wd, None)
            return True
        name = os.fspath(event.name)
        path = f"{folder.path}/{name}" if folder.path else name
        if mask & self.whole:
            self.held.pop(path, None)
            self._touch(path)
        elif path in self.held:
            return True
        elif mask & self.writing and len(self.held) < BATCH and self._open(path, bool(mask & self.appeared)):
            self.held[path] = time.monotonic() + HOLD
        else:
            self._touch(path)
        if mask & self.directory:
            if mask & (self.left | self.moved) and name in folder.children:
                self._drop(folder.children.pop(name))
            # Of two that change places the arrival is told first: what left may be there all the same.
            if mask & (self.appeared | self.left) and name not in folder.children:
                new = self._watch(folder, name, path)
                if new is not None:
                    self._below(new, told=True)
        return True

    def _touch(self, path: str) -> None:
        if len(self.touched) <= LIMIT:
            self.touched.add(path)

    def _open(self, path: str, new: bool) -> bool:
        """Whether a file that was created or written to will be closed: a new link never is."""
        if not new:
            return True
        try:
            info = os.lstat(os.path.join(self.root, path))
        except OSError:
            return False
        return st.S_ISREG(info.st_mode) and info.st_nlink == 1

    def release(self) -> None:
        """Tell what was held long enough."""
        now = time.monotonic()
        for path in [path for path, until in self.held.items() if until <= now]:
            del self.held[path]
            self._touch(path)

    def _watch(self, above: _Folder, name: str, path: str) -> _Folder | None:
        """Watch one directory; None when it is gone again, is something else now, is closed to us, or is not wanted."""
        if self.skip(path):
            return None
        try:
            watch = self._add(os.path.join(self.root, path))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.ENOMEM, errno.EMFILE):
                raise _TooManyError from None
            return None
        folder = above.children[name] = self.folders[watch.wd] = _Folder(path, watch)
        return folder

    def _below(self, folder: _Folder, *, told: bool) -> None:
        """Watch all below a directory. What is in a new one is told: it may have come before the watch stood."""
        waiting = [folder]  # and no recursion: a tree may be thousands of levels deep
        while waiting:
            above = waiting.pop()
            with suppress(OSError), os.scandir(os.path.join(self.root, above.path)) as entries:
                for entry in entries:
                    path = f"{above.path}/{entry.name}" if above.path else entry.name
                    if told and len(self.touched) <= LIMIT:
                        self.touched.add(path)
                    if entry.is_dir(follow_symlinks=False) and entry.name not in above.children:
                        found = self._watch(above, entry.name, path)
                        if found is not None:
                            waiting.append(found)

    def _drop(self, folder: _Folder) -> None:
        """Forget a directory that left, and all below it: their watches would tell paths that are no more."""
        waiting = [folder]
        while waiting:
            gone = waiting.pop()
            waiting += gone.children.values()
            if self.folders.pop(gone.watch.wd, None) is not None:
                with suppress(OSError):  # deleted directories are unwatched already
                    self.inotify.rm_watch(gone.watch)


class _TooManyError(Exception):
    """More directories than this user may watch."""


async def _notified(path: Path, skip: Skip) -> AsyncIterator[frozenset[str]]:
    from asyncinotify import Inotify

    with Inotify(sync_timeout=0) as inotify:
        tree = _Tree(path, inotify, skip)
        await asyncio.to_thread(tree.begin)
        yield ANY
        getting: asyncio.Future[Event] | None = None
        try:
            while True:
                event: Event | None
                if tree.held:
                    # Not `wait_for`: an event that was read the moment it gave up would be lost.
                    getting = getting or asyncio.ensure_future(inotify.get())
                    left = max(0.0, min(tree.held.values()) - time.monotonic())
                    done, _ = await asyncio.wait([getting], timeout=left)
                    event = getting.result() if done else None
                    getting = None if done else getting
                else:
                    event = await (getting or inotify.get())
                    getting = None
                there, count = True, 0
                while there and event is not None:
                    there = tree.hear(event)
                    count += 1
                    # Only what can be read already, and not for ever in a storm: nobody waits for a fixed time.
                    event = inotify.sync_get() if there and count < BATCH else None
                tree.release()
                if tree.overflown and there:
                    await asyncio.to_thread(tree.begin)
                    tree.touched.add(".")
                touched = tree.take() if there else ANY
                if touched:
                    yield touched
                if not there:
                    return
        finally:
            if getting is not None:
                getting.cancel()


# -- Looking now and then -----------------------------------------------------------------------------------------


async def _looked(path: Path, skip: Skip) -> AsyncIterator[frozenset[str]]:
    before, seconds = await asyncio.to_thread(_look, path, skip)
    yield ANY
    while True:
        await asyncio.sleep(max(PAUSE, 20 * seconds))
        now, seconds = await asyncio.to_thread(_look, path, skip)
        if now is None:
            yield ANY
            return
        if before is None:
            yield ANY
        else:
            touched = {name for name, _ in before.items() ^ now.items()}
            if touched:
                yield frozenset(touched) if len(touched) <= LIMIT else ANY
        before = now


def _look(root: Path, skip: Skip) -> tuple[dict[str, tuple[int, ...]] | None, float]:
    """What tells a change of each path below, and how many seconds looking took; None when the root is gone."""
    start = time.monotonic()
    seen: dict[str, tuple[int, ...]] = {}
    if not root.is_dir():
        return None, 0.0
    waiting = [""]
    while waiting:
        above = waiting.pop()
        with suppress(OSError), os.scandir(os.path.join(root, above)) as entries:
            for entry in entries:
                with suppress(OSError):
                    info = entry.stat(follow_symlinks=False)
                    path = f"{above}/{entry.name}" if above else entry.name
                    directory = st.S_ISDIR(info.st_mode)
                    size, when = (0, 0) if directory else (info.st_size, info.st_mtime_ns)
                    seen[path] = (info.st_mode, info.st_ino, size, when, info.st_ctime_ns if not directory else 0)
                    if directory and not skip(path):
                        waiting.append(path)
    return seen, time.monotonic() - start
