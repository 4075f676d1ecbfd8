"""Making a tree what a manifest says, touching only what differs and losing nothing that is not in the store."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn, Protocol

from ..contract import Progress, Report
from ..errors import Failed, Usage
from .beneath import Moved, Places, signature
from .compare import compare
from .durable import sync, trouble
from .hashing import Hash, stored
from .model import Change, Entry, Manifest, Notice, Restored, within
from .reading import READ
from .walk import Beneath


class Source(Protocol):
    """Where contents come from: the store, or on another host what was sent there."""

    def writing(self) -> AbstractContextManager[None]:
        """Keeps the contents there while it is open."""
        ...

    def place(self, digest: str) -> tuple[str, int, int]:
        """Where a content lies, for reading in that order. Raises Damaged when it is not there."""
        ...

    def pieces(self, digest: str) -> Iterator[bytes]:
        """The content in pieces, verified."""
        ...


def restore(
    root: Path,
    target: Manifest,
    current: Manifest,
    store: Source,
    paths: Sequence[str] = (),
    report: Report | None = None,
    hash: Hash = stored,
) -> Restored:
    """Make the tree what `target` says, wholly or only `paths`, touching only what differs from `current`.

    `current` must be what `capture` returned just before: what it does not list is never removed or overwritten, and a
    path that is no longer as it says stops the restore with Failed, which names the path and leaves it as it is.
    May be called again with the same arguments after a crash: what is already as in `target` counts as done.
    """
    changes = wanted(current, target, paths)
    with store.writing(), Beneath(root) as tree:
        work = _Work(root, Places(tree), store, target, current, report, hash)
        try:
            work.check(changes)
            work.carry_out()
        except Moved as error:
            work.stop([str(error)])
        except OSError as error:
            failed = trouble(error, root)
            failed.data["done"] = work.done
            raise failed from None
        finally:
            work.finish()
        return Restored(work.done, work.kept)


def wanted(current: Manifest, target: Manifest, paths: Sequence[str]) -> list[Change]:
    """The changes that a restore of `paths` makes: those, and the directories above them that must be made first."""
    clean: list[str] = []
    for path in paths:
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if ".." in parts or path.startswith("/"):
            raise Usage(f"{path!r} does not lie in the project", "name paths relative to the project, without `..`")
        clean.append("/".join(parts) or ".")
    changes = compare(current, target)
    if not clean or "." in clean:
        return changes
    above = {"/".join(p.split("/")[:n]) for p in clean for n in range(1, p.count("/") + 1)}
    return [
        change
        for change in changes
        if within(change.path, clean) or (change.path in above and change.kind in ("added", "type"))
    ]


class _Work:
    """One restore: what was found, done and kept."""

    def __init__(
        self, root: Path, places: Places, store: Source, target: Manifest, current: Manifest, report: Report | None,
        hash: Hash,
    ) -> None:  # fmt: skip
        self.root = root
        self.hash = hash
        self.places = places
        self.store = store
        self.target = target
        self.current = current
        self.aimed: set[str] = set()
        self.report = report
        self.todo: list[Change] = []
        self.seen: dict[str, os.stat_result | None] = {}
        self.done: list[Change] = []
        self.kept: list[Notice] = []
        self.touched: set[str] = set()
        self.reported = time.monotonic()

    def check(self, changes: Sequence[Change]) -> None:
        """Look at every path before touching any: all that is needed is in the store, all is still as it was captured."""
        moved: list[str] = []
        self.aimed = {change.path for change in changes}
        for change in changes:
            if reason := untouchable(change):
                self.kept.append(Notice(change.path, reason))
                continue
            if change.new and change.new.digest:
                self.store.place(change.new.digest)  # raises Damaged: better now than half-way
            info = self.seen[change.path] = self.places.look(change.path) if change.path != "." else None
            if self._is(change.path, change.new, info, exact=True):
                self.done.append(change)
                # An interrupted restore may have stopped before its directory's mtime was set, or its own traces removed.
                self._touch(change.path)
                self.places.sweep(change.path)
            elif self._is(change.path, change.old, info, exact=False) or _halfway(change, info):
                self.todo.append(change)
            else:
                moved.append(change.path)
        if moved:
            self.stop(moved)

    def carry_out(self) -> None:
        """Remove, make room, write; a directory's own mode and mtime come last (`finish`)."""
        files: list[Change] = []
        stay: set[str] = set()
        for change in self.todo:
            old = change.old
            if old and old.kind in ("file", "link") and (change.new is None or change.new.kind == "directory"):
                self._remove(change)
        for change in reversed(self.todo):
            if change.old and change.old.kind == "directory" and (change.new is None or change.new.kind != "directory"):
                self._touch(change.path)
                if self.places.rmdir(change.path):
                    self.seen[change.path] = None
                    if change.new is None:
                        self.done.append(change)
                else:
                    stay.add(change.path)
                    self.kept.append(Notice(change.path, "kept: it holds files that no snapshot covers"))
        for change in self.todo:
            new = change.new
            if new is None or change.path in stay:
                continue
            if new.kind == "directory":
                if change.kind in ("added", "type"):
                    self._touch(change.path)
                    self.places.directory(change.path)
                self.touched.add(change.path)
                self.done.append(change)
            else:
                files.append(change)
        place = self.store.place
        files.sort(key=lambda c: place(c.new.digest) if c.new and c.new.digest else ("", -1, 0))
        for count, change in enumerate(files):
            self._write(change)
            if self.report and time.monotonic() - self.reported > 0.2:
                self.reported = time.monotonic()
                self.report(Progress("restoring", count, len(files), "files"))

    def finish(self) -> None:
        """Attributes of the directories that were touched, the deepest first; then everything to the disk."""
        self.places.close_up()
        for path in sorted(self.touched, reverse=True):
            # A directory above the paths that were asked for is left as it was.
            entry = (self.target if path in self.aimed else self.current).by_path.get(path)
            info = self.places.look(path) if path != "." else None
            if entry and entry.kind == "directory" and (path == "." or (info and stat.S_ISDIR(info.st_mode))):
                try:
                    self.places.attributes(entry)
                except (OSError, Moved):
                    self.kept.append(Notice(path, "its mode and time could not be set"))
        self.places.close_up()
        if self.done:
            sync(self.places.tree.root)

    def stop(self, paths: Sequence[str]) -> NoReturn:
        some = ", ".join(repr(path) for path in paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
        raise Failed(
            f"changed while the rewind was under way: {some}",
            "these were left as they are; run the rewind again, it begins with a snapshot of what is there now",
            paths=list(paths),
            done=self.done,
        )

    def _write(self, change: Change) -> None:
        new, info = change.new, self.seen[change.path]
        if new is None:
            return
        attributes_only = change.old is not None and change.kind in ("mode", "mtime")
        try:
            # chmod of a file with further hard links would change the file elsewhere too: it becomes a file of its own.
            if attributes_only and info is not None and (new.kind == "link" or info.st_nlink == 1):
                now = self.places.look(change.path)
                if now is None or signature(now) != signature(info):
                    raise Moved(change.path)
                self.places.attributes(new)
            elif new.kind == "link":
                self._touch(change.path)
                self.places.link(new, info)
            else:
                self._touch(change.path)
                digest = new.digest or ""
                self.places.file(new, lambda: self.store.pieces(digest), info)
        except Moved:
            if not self._is(change.path, new, self.places.look(change.path), exact=True):
                raise
        except (NotADirectoryError, FileNotFoundError):
            self.kept.append(Notice(change.path, "not restored: something that no snapshot covers is in its way"))
            return
        self.done.append(change)

    def _remove(self, change: Change) -> None:
        info = self.seen[change.path]
        if info is not None and not stat.S_ISDIR(info.st_mode):
            self._touch(change.path)
            self.places.remove(change.path, info)
            self.seen[change.path] = None
        if change.new is None:
            self.done.append(change)

    def _touch(self, path: str) -> None:
        """Remember that the directory of `path` has its mtime changed."""
        self.touched.add(path.rpartition("/")[0] or ".")

    def _is(self, path: str, entry: Entry | None, info: os.stat_result | None, exact: bool) -> bool:
        """Whether the disk has what `entry` says; mtimes count only if `exact`, and directories only by kind if not."""
        if path == ".":
            return not exact
        if entry is None or info is None:
            return entry is None and info is None
        if entry.kind == "directory":
            same = stat.S_ISDIR(info.st_mode)
            return same and (not exact or (info.st_mode & 0o7777, info.st_mtime_ns) == (entry.mode, entry.mtime_ns))
        if exact and info.st_mtime_ns != entry.mtime_ns:
            return False
        if entry.kind == "link":
            return stat.S_ISLNK(info.st_mode) and self._target(path) == entry.target
        if not stat.S_ISREG(info.st_mode) or info.st_size != entry.size or info.st_mode & 0o7777 != entry.mode:
            return False
        return self._digest(path, info) == entry.digest

    def _target(self, path: str) -> str | None:
        try:
            folder, name = self.places.tree.parent(path)
            return os.readlink(name, dir_fd=folder)
        except OSError:
            return None

    def _digest(self, path: str, info: os.stat_result) -> str | None:
        """The name of a file's content as it is now; None when it cannot be read or changes meanwhile."""
        try:
            folder, name = self.places.tree.parent(path)
            fd = os.open(name, READ, dir_fd=folder)
        except OSError:
            return None
        try:
            if signature(os.fstat(fd)) != signature(info):
                return None
            whole = self.hash()
            while block := os.read(fd, 1 << 20):
                whole.update(block)
            return whole.hexdigest() if signature(os.fstat(fd)) == signature(info) else None
        except OSError:
            return None
        finally:
            os.close(fd)


def _halfway(change: Change, info: os.stat_result | None) -> bool:
    """Whether a path is as an interrupted restore leaves it: cleared for another type, or a directory just made."""
    if info is None:
        return change.kind == "type"
    return change.new is not None and change.new.kind == "directory" and stat.S_ISDIR(info.st_mode)


def untouchable(change: Change) -> str:
    """Why a change is not made; empty when it is."""
    old, new = change.old, change.new
    if new and new.kind == "special":
        return "not restored: a FIFO, socket or device is recorded but not made again"
    if old and old.kind == "special":
        return "kept: a FIFO, socket or device is in no snapshot"
    if new and new.kind == "file" and new.digest is None:
        return "not restored: its content could not be read when the snapshot was taken"
    if old and old.kind == "file" and old.digest is None:
        return "kept: its content cannot be read, so no snapshot covers it"
    return ""
