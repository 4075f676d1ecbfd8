"""Reading a tree: into the store (`capture`) or only to know what is there (`look`)."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..contract import Progress, Report
from ..errors import Failed
from .cache import RACY_NS, Cache, Known
from .collector import without_collector
from .durable import trouble
from .hashing import Hash, stored
from .manifest import encode
from .model import LEFT_OUT, UNREAD, Budget, Entry, Manifest, Notice, make_entry
from .pack import Writer
from .reading import Reader
from .store import Store
from .walk import Folder, open_root, walk

TEMPORARY = ".envsync-tmp-"
"""How `restore` names files on their way; one that a crash left behind is no part of the project."""
PATHS = 256 << 20
"""Characters of all paths together: 10,000 nested directories with long names would else fill the memory."""


def capture(
    root: Path,
    store: Store,
    cache: Cache,
    report: Report | None = None,
    excludes: Sequence[str] = (),
    budget: Budget | None = None,
) -> Manifest:
    """Read a tree into the store; the manifest is durable there (`Store.manifest(m.digest)`) when this returns.

    `excludes` are relative paths left out with all below them; the store itself always is. Raises Usage when root is
    no directory, Failed when the budget or the disk does not suffice (earlier snapshots stay intact).
    """
    with without_collector(), store.writing(), ExitStack() as stack:
        writer = store.blobs.writer()
        stack.callback(writer.drop)
        scan = _Scan(root, store, cache, report, excludes, budget or Budget(), writer)
        try:
            manifest = scan.run()
            encoded = encode(manifest)
            vars(manifest)["digest"] = encoded.digest  # so that asking for it does not encode again
            writer.flush()
            held = store.blobs.spots()
            for digest, chunk in encoded.chunks:
                if digest not in held:
                    writer.add(digest, chunk, "manifest")
            if encoded.digest not in held:
                writer.add(encoded.digest, encoded.root, "manifest")
            writer.finish()
        except OSError as error:
            raise trouble(error, store.directory) from None
        scan.remember()
        store.captured(encoded)
        return manifest


def look(
    root: Path,
    store: Store,
    cache: Cache,
    report: Report | None = None,
    excludes: Sequence[str] = (),
    budget: Budget | None = None,
    hash: Hash = stored,
) -> Manifest:
    """The same manifest as `capture`, without storing anything: for previews, drift, and the far side of a snapshot.

    `hash` names the contents; a `cache` belongs to one of them.
    """
    with without_collector():
        scan = _Scan(root, store, cache, report, excludes, budget or Budget(), None, hash)
        manifest = scan.run()
        scan.remember()
        return manifest


class _Scan:
    """One pass over a tree."""

    def __init__(
        self,
        root: Path,
        store: Store,
        cache: Cache,
        report: Report | None,
        excludes: Sequence[str],
        budget: Budget,
        writer: Writer | None,
        hash: Hash = stored,
    ) -> None:
        self.root = root
        self.cache = cache
        self.report = report
        self.excludes = frozenset(path.strip("/") for path in excludes)
        self.budget = budget
        self.writer = writer
        self.notices: list[Notice] = []
        self.held: Collection[str] = store.blobs.spots() if writer else ()
        self.reader = Reader(writer, self.held, self.notices, self._grown, hash)
        self.own = _identity(store.directory)
        self.known = cache.load(root)
        self.fresh: Known = {}
        self.bytes = 0
        self.characters = 0
        self.linked = 0
        self.safe = time.time_ns() - RACY_NS
        self.reported = time.monotonic()

    def run(self) -> Manifest:
        entries: list[Entry] = []
        refused: list[tuple[str, str]] = []
        root = open_root(self.root)
        try:
            info = os.fstat(root)
            entries.append(Entry(".", "directory", info.st_mode & 0o7777, info.st_mtime_ns, 0, None, None))
            for folder in walk(root, refused):
                self._folder(folder, entries)
        finally:
            os.close(root)
        self.notices += [Notice(path, f"{UNREAD}: {why}") for path, why in refused]
        if self.linked:
            self.notices.append(
                Notice(".", f"{self.linked} files have further hard links; a rewind restores each as a file of its own")
            )
        top, *below = entries
        below.sort(key=_path)
        return Manifest((top, *below), tuple(self.notices))

    def remember(self) -> None:
        """Keep the stat cache for next time, when it says anything new."""
        if self.fresh != self.known:
            self.cache.save(self.root, self.fresh)

    def _folder(self, folder: Folder, entries: list[Entry]) -> None:
        prefix = folder.prefix
        known, fresh, held, safe = self.known.get, self.fresh, self.held, self.safe
        every, excludes = self.writer is None, self.excludes
        new = make_entry
        first = len(entries)
        try:
            listing = os.scandir(folder.fd)
        except OSError as error:
            self.notices.append(Notice(prefix.rstrip("/") or ".", f"{UNREAD}: {error.strerror}"))
            return
        with listing:
            for item in listing:
                try:
                    info = item.stat(follow_symlinks=False)
                except OSError:
                    continue  # it vanished since it was listed
                name = item.name
                path = prefix + name
                if excludes and path in excludes:
                    self.notices.append(Notice(path, f"{LEFT_OUT}: excluded"))
                    continue
                mode = info.st_mode
                kind = mode & 0o170000
                if kind == 0o100000:
                    size, mtime, ctime = info.st_size, info.st_mtime_ns, info.st_ctime_ns
                    key = (info.st_ino, size, mtime, ctime, mode, info.st_dev)
                    digest = known(key)
                    self.bytes += size
                    if digest is not None and (every or digest in held):
                        fresh[key] = digest
                    elif name.startswith(TEMPORARY):
                        continue
                    else:
                        self._within(path, size, len(entries))
                        read = self.reader.read(folder.fd, name, path, info)
                        if read is None:
                            continue
                        digest, size, info = read.digest, read.size, read.info
                        mode, mtime, ctime = info.st_mode, info.st_mtime_ns, info.st_ctime_ns
                        if digest is not None and read.steady and mtime < safe and ctime < safe:
                            fresh[(info.st_ino, size, mtime, ctime, mode, info.st_dev)] = digest
                    if info.st_nlink > 1:
                        self.linked += 1
                    entries.append(new(Entry, (path, "file", mode & 0o7777, mtime, size, digest, None)))
                elif kind == 0o040000:
                    if (info.st_dev, info.st_ino) == self.own:
                        self.notices.append(Notice(path, f"{LEFT_OUT}: it is the snapshot store itself"))
                        continue
                    entries.append(new(Entry, (path, "directory", mode & 0o7777, info.st_mtime_ns, 0, None, None)))
                    folder.pending.append(name)
                elif kind == 0o120000:
                    if name.startswith(TEMPORARY):
                        continue
                    try:
                        target = os.readlink(name, dir_fd=folder.fd)
                    except OSError:
                        continue  # no longer a link, or gone: as if it had vanished before
                    entries.append(new(Entry, (path, "link", 0, info.st_mtime_ns, 0, None, target)))
                else:
                    self.notices.append(
                        Notice(path, f"{_special(mode)}: recorded, but a rewind does not make it again")
                    )
                    entries.append(new(Entry, (path, "special", mode & 0o7777, info.st_mtime_ns, 0, None, None)))
        self.characters += len(prefix) * (len(entries) - first)
        self._within(prefix or ".", 0, len(entries))
        if self.report and time.monotonic() - self.reported > 0.2:
            self.reported = time.monotonic()
            self.report(Progress("reading the project", len(entries), None, "files"))

    def _grown(self, path: str, size: int, by: int) -> None:
        self.bytes += by
        self._within(path, size, 0)

    def _within(self, path: str, size: int, count: int) -> None:
        """Raises when the budget is exceeded: before a byte of the file that exceeds it is read."""
        hint = "exclude it, delete it, or raise the limit (ENVSYNC_SNAPSHOT_BYTES, ENVSYNC_SNAPSHOT_FILES)"
        if self.bytes > self.budget.bytes:
            raise Failed(
                f"the project is too large for a snapshot: more than {_gib(self.budget.bytes)} with {path!r}"
                + (f", which alone counts {_gib(size)}" if size > self.budget.bytes // 4 else ""),
                hint,
                path=path,
            )
        if count > self.budget.files:
            raise Failed(f"the project has more than {self.budget.files:,} entries; the last one was {path!r}", hint)
        if self.characters > PATHS:
            raise Failed(
                f"the project is nested too deeply to record: {path[:200]!r}…", "move that directory out of the project"
            )


def _identity(directory: Path) -> tuple[int, int] | None:
    try:
        info = os.stat(directory)
    except OSError:
        return None
    return info.st_dev, info.st_ino


def _path(entry: Entry) -> str:
    return entry[0]


def _special(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
