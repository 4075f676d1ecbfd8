"""Looking at a tree: what is there, what counts, what it contains."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import Failed, Usage
from ..store.walk import Beneath, Folder, walk
from .cache import Cache, Clock
from .hashing import BLOCK, block, digest_of, file_blocks, file_digest, root_of
from .ignore import Rules, ignored
from .model import DIGEST, OWN, Entry, Notice, Options, Scan, Tree, parent
from .unit import Unit, is_lock, is_passing, stamp_of

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
PATTERNS = 1 << 20
"""Bytes of a file with ignore patterns; the rest of a larger one is not looked at."""
SMALL = 64 * 1024
INLINE = 1 << 20
"""Bytes of content that may come along with one scan."""
TRIES = 3
LARGE = 1 << 20
BLOCKS_HELD = 4 << 20
"""Bytes of block digests that are held: of some 13 GB of content."""


class Looked(NamedTuple):
    """What one read of a file gave."""

    digest: bytes
    info: os.stat_result
    steady: bool
    """False when it was written to while it was read."""
    content: bytes | None
    blocks: bytes = b""
    """Joined digests of its blocks, when there are several."""


class Scanner:
    """Scans one root. Not for several threads at once."""

    def __init__(
        self, root: str, options: Options, cache: Cache, clock: Clock, own: Callable[[], tuple[int, int]]
    ) -> None:
        self.root = root
        self.options = options
        self.cache = cache
        self.clock = clock
        self.own = own
        """Device and inode of our private directory, which may lie inside the root."""
        self.units: dict[str, Unit] = {}
        self.blocks: dict[bytes, bytes] = {}
        """Block digests by digest, of the large files that were read last."""
        self.rules_changed = False
        """Whether patterns were read that say something else than before; whoever cares sets it back."""
        self._texts: dict[str, int] = {}
        self._chains: dict[str, tuple[Rules, ...]] = {}
        self._first = (Rules("", list(options.ignores)),) if options.ignores else ()
        self._scan = Scan()
        self._inline = 0
        self._room = 0

    def whole(self) -> Scan:
        """Everything."""
        self._begin(None, 0)
        before, self.cache.known = self.cache.known, {}
        self._old = before
        self._chains = {}
        self.units = {}
        with Beneath(Path(self._path())) as tree:
            self._walk(tree.root, "", self._first)
        if len(before) != len(self.cache.known):
            self.cache.changed = True
        self._old = {}
        return self._scan

    def part(self, paths: Iterable[str], inline: int = 0) -> Scan:
        """What is at and below `paths`. Of a file with ignore patterns it is everything beside and below it."""
        roots = self._roots(paths)
        if "" in roots:
            return self.whole()
        roots = self._roots([self._unknown(root) for root in roots])
        self._forget(roots)
        self._begin(tuple(roots), inline)
        with Beneath(Path(self._path())) as tree:
            for root in roots:
                self._one(tree, root)
        return self._scan

    def inside(self, path: str) -> Tree:
        """The files of a unit as they were when it was last scanned; scans it now when it was not."""
        if path not in self.units:
            self.part([path])
        unit = self.units.get(path)
        return dict(unit.inside) if unit else {}

    # -- Where to look --------------------------------------------------------------------------------------------

    def _roots(self, paths: Iterable[str]) -> list[str]:
        wanted: set[str] = set()
        for path in paths:
            if path in ("", "."):
                return [""]
            parts = path.split("/")
            if parts[-1] in self.options.honours:
                parts.pop()
            if self.options.units and ".git" in parts:
                parts = parts[: parts.index(".git") + 1]
            if not parts:
                return [""]
            wanted.add("/".join(parts))
        kept: list[str] = []
        for path in sorted(wanted):
            above = path
            while above := parent(above):
                if above in wanted:
                    break
            else:
                kept.append(path)
        return kept

    def _path(self) -> str:
        if os.path.lexists(self.root):
            return self.root
        raise Failed(f"{self.root} is gone", "Make it again, or end what works on it.", code="gone")

    def _begin(self, roots: tuple[str, ...] | None, inline: int) -> None:
        self._scan = Scan({}, roots)
        self._safe = self.clock.safe()
        self._inline = inline
        self._room = INLINE
        self._own = self.own()
        self._old = {}
        self._notes: list[Notice] = []
        self._ignored: list[str] = []
        self._busy: list[str] = []

    def _end(self) -> None:
        self._scan.notices = tuple(self._notes)
        self._scan.ignored = tuple(self._ignored)
        self._scan.busy = tuple(self._busy)

    # -- Walking --------------------------------------------------------------------------------------------------

    def _walk(self, root: int, base: str, chain: tuple[Rules, ...]) -> None:
        refused: list[tuple[str, str]] = []
        above: dict[str, tuple[Rules, ...]] = {base: chain}
        for folder in walk(root, refused):
            prefix = base + folder.prefix
            self._folder(folder, prefix, above.pop(prefix, chain), above)
        for path, why in refused:
            path = base + path
            self._unread(path, why)
        self._end()

    def _one(self, tree: Beneath, path: str) -> None:
        above = parent(path)
        for name in _ends(above):
            if (name in self.units) or self._is_ignored(name):
                self._end()
                return
        try:
            folder, name = tree.parent(path)
            info = os.lstat(name, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError, Usage):
            self._end()
            return
        except OSError as error:
            if error.errno != errno.ELOOP:  # a link is where a directory was
                self._unread(path, error.strerror or "cannot be looked at")
            self._end()
            return
        chain = self._chain(tree, above + "/" if above else "")
        pending: list[str] = []
        self._item(folder, name, path, info, chain, pending)
        if pending:
            try:
                fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            except FileNotFoundError:
                self._scan.tree.pop(path, None)
            except OSError as error:
                self._unread(path, error.strerror or "cannot be opened")
            else:
                try:
                    self._walk(fd, path + "/", chain)
                finally:
                    os.close(fd)
        self._end()

    def _forget(self, roots: Iterable[str]) -> None:
        """Drop what is known of directories that are looked at anew."""
        gone = [root for root in roots if root + "/" in self._chains or root in self.units]
        if gone:
            starts = tuple([root + "/" for root in gone])
            self._chains = {key: chain for key, chain in self._chains.items() if not key.startswith(starts)}
            self.units = {
                key: unit for key, unit in self.units.items() if key not in gone and not key.startswith(starts)
            }

    def ignores(self, path: str) -> bool:
        """Whether a path, or a directory above it, is ignored, as far as is known. May be asked from any thread."""
        return any(self._is_ignored(part) for part in _ends(path))

    def _unknown(self, path: str) -> str:
        """The uppermost directory on the way to `path` that was never walked, when there is one."""
        for above in _ends(parent(path)):
            if above + "/" not in self._chains and above not in self.units and not self._is_ignored(above):
                return above
            if self._is_ignored(above):
                break
        return path

    def _is_ignored(self, path: str) -> bool:
        above, _, name = path.rpartition("/")
        chain = self._chains.get(above + "/" if above else "", None)
        return chain is not None and ignored(path + "/", name, chain)

    def _chain(self, tree: Beneath, prefix: str) -> tuple[Rules, ...]:
        """The patterns that count in a directory."""
        known = self._chains.get(prefix)
        if known is not None:
            return known
        above = parent(prefix[:-1])
        chain = self._chain(tree, above + "/" if above else "") if prefix else self._first
        try:
            folder = tree.folder(prefix[:-1])
            names = [name for name in self.options.honours if _is_file(folder, name)]
        except OSError:
            return chain
        return self._extended(folder, prefix, chain, names)

    def _extended(self, folder: int, prefix: str, chain: tuple[Rules, ...], names: Sequence[str]) -> tuple[Rules, ...]:
        for name in self.options.honours:
            if name not in names:
                continue
            try:
                fd = os.open(name, READ, dir_fd=folder)
            except OSError as error:
                self._notes.append(Notice(prefix + name, f"patterns not read: {error.strerror}"))
                continue
            try:
                text = os.read(fd, PATTERNS).decode("utf-8", "replace") if stat.S_ISREG(os.fstat(fd).st_mode) else ""
            finally:
                os.close(fd)
            if self._texts.get(prefix + name) != hash(text):
                self._texts[prefix + name] = hash(text)
                self.rules_changed = True
            rules = Rules(prefix, text.splitlines())
            self._notes += [
                Notice(prefix + name, f"pattern left out, it has too many stars: {line[:60]}") for line in rules.dropped
            ]
            chain = (*chain, rules)
        self._chains[prefix] = chain
        return chain

    def _folder(
        self, folder: Folder, prefix: str, chain: tuple[Rules, ...], above: dict[str, tuple[Rules, ...]]
    ) -> None:
        try:
            with os.scandir(folder.fd) as listing:
                found = list(listing)
        except OSError as error:
            self._unread(prefix.rstrip("/"), error.strerror or "cannot be listed")
            return
        honours = self.options.honours
        chain = self._extended(folder.fd, prefix, chain, [item.name for item in found if item.name in honours])
        pending = folder.pending
        fd = folder.fd
        for item in found:
            name = item.name
            try:
                info = item.stat(follow_symlinks=False)
            except OSError:
                continue  # it vanished since it was listed
            self._item(fd, name, prefix + name, info, chain, pending)
        if pending:
            for name in pending:
                above[f"{prefix}{name}/"] = chain

    def _item(
        self, folder: int, name: str, path: str, info: os.stat_result, chain: tuple[Rules, ...], pending: list[str]
    ) -> None:
        mode = info.st_mode
        kind = mode & 0o170000
        if name.startswith(OWN):
            return
        if kind == 0o040000:
            if (info.st_dev, info.st_ino) == self._own:
                return
            if name == ".git" and self.options.units:
                self._unit(folder, name, path)
                return
            if chain and ignored(path + "/", name, chain):
                self._ignored.append(path)
                return
            self._scan.tree[path] = Entry("directory", mode & 0o7777, 0, info.st_mtime_ns)
            pending.append(name)
            return
        if chain and ignored(path, name, chain):
            self._ignored.append(path)
            return
        if kind == 0o100000:
            digest = self._known(path, info)
            if digest is None:
                looked = self._read(folder, name, path, info)
                if looked is None:
                    return
                digest, info = looked.digest, looked.info
                if not looked.steady:
                    self._busy.append(path)
                if looked.content is not None:
                    self._scan.contents[digest] = looked.content
            self._scan.tree[path] = Entry("file", info.st_mode & 0o7777, info.st_size, info.st_mtime_ns, digest)
        elif kind == 0o120000:
            try:
                target = os.readlink(name, dir_fd=folder)
            except OSError:
                return  # no longer a link, or gone
            self._scan.tree[path] = Entry("link", 0, 0, info.st_mtime_ns, b"", target)
        else:
            self._scan.tree[path] = Entry("special", mode & 0o7777, 0, info.st_mtime_ns)
            self._notes.append(Notice(path, f"{_special(mode)}: left alone"))

    def _unread(self, path: str, why: str) -> None:
        if path:
            self._scan.tree[path] = Entry("unread")
            self._notes.append(Notice(path, f"not read: {why}"))
        else:
            raise Failed(f"{self.root} cannot be read: {why}", "Give yourself the right to read it.", code="unread")

    # -- Content --------------------------------------------------------------------------------------------------

    def _known(self, path: str, info: os.stat_result) -> bytes | None:
        if self._old:
            known = self._old.get(path)
            if known is not None and (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino) == known[:4]:
                self.cache.known[path] = known
                return known[4]
            return None
        return self.cache.get(path, info)

    def _read(self, folder: int, name: str, path: str, info: os.stat_result) -> Looked | None:
        """Read a file's digest, as often as it takes to find it at rest; None when it is gone."""
        looked = None
        for _ in range(TRIES):
            try:
                looked = look(folder, name, self.options.algorithm, self._inline)
            except FileNotFoundError:
                return None
            except OSError as error:
                self._unread(path, error.strerror or "cannot be read")
                return None
            if looked.steady:
                break
        if looked is None:
            return None
        if len(looked.blocks) > LARGE // BLOCK * DIGEST:
            self.blocks[looked.digest] = looked.blocks
            while sum(map(len, self.blocks.values())) > BLOCKS_HELD:
                del self.blocks[next(iter(self.blocks))]
        if looked.steady:
            self.cache.put(path, looked.info, looked.digest, self._safe)
        if looked.content is not None:
            self._room -= len(looked.content)
            if self._room < 0:
                looked = looked._replace(content=None)
        return looked

    def _unit(self, folder: int, name: str, path: str) -> None:
        """A directory that counts as one thing."""
        unit = Unit()
        newest = 0
        size = 0
        inline, self._inline = self._inline, 0
        try:
            root = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            return
        except OSError as error:
            self._unread(path, error.strerror or "cannot be opened")
            return
        refused: list[tuple[str, str]] = []
        try:
            for inner in walk(root, refused):
                with os.scandir(inner.fd) as listing:
                    found = list(listing)
                for item in found:
                    below = inner.prefix + item.name
                    try:
                        info = item.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    kind = info.st_mode & 0o170000
                    if is_lock(below):
                        unit.locks.append(below)
                        continue
                    if kind == 0o040000:
                        unit.inside[below] = Entry("directory", info.st_mode & 0o7777, 0, info.st_mtime_ns)
                        inner.pending.append(item.name)
                    elif kind == 0o100000 and not is_passing(below):
                        full = f"{path}/{below}"
                        digest = self._known(full, info)
                        if digest is None:
                            looked = self._read(inner.fd, item.name, full, info)
                            if looked is None:
                                unit.torn = True  # it vanished: git is at work
                                continue
                            digest, info = looked.digest, looked.info
                            unit.torn = unit.torn or not looked.steady
                        entry = Entry("file", info.st_mode & 0o7777, info.st_size, info.st_mtime_ns, digest)
                        unit.inside[below] = entry
                        stamp = stamp_of(inner.fd, item.name, below, info)
                        if stamp is not None:
                            unit.stamps[below] = stamp
                        size += info.st_size
                        newest = max(newest, info.st_mtime_ns)
                    elif kind == 0o120000:
                        try:
                            target = os.readlink(item.name, dir_fd=inner.fd)
                        except OSError:
                            unit.torn = True
                            continue
                        unit.inside[below] = Entry("link", 0, 0, info.st_mtime_ns, b"", target)
            mode = os.fstat(root).st_mode & 0o7777
        finally:
            os.close(root)
            self._inline = inline
        self.units[path] = unit
        if refused:
            self._unread(path, f"{refused[0][0]}: {refused[0][1]}")
            return
        if unit.locks or unit.torn:
            self._busy.append(path)
            if unit.locks:
                self._notes.append(
                    Notice(path, f"waits for {path}/{unit.locks[0]}; remove that file if no git is running")
                )
        self._scan.tree[path] = Entry("unit", mode, size, newest, unit.digest(self.options.exact))


def look(folder: int, name: str, algorithm: str, inline: int = 0) -> Looked:
    """Read one file. Raises OSError; FileNotFoundError also for what is no file any more."""
    fd = os.open(name, READ, dir_fd=folder)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise FileNotFoundError(name)
        content = None
        blocks = b""
        if info.st_size <= SMALL:
            data = os.read(fd, SMALL + 1)
            if len(data) <= SMALL and len(data) >= info.st_size:
                content = data
        if content is None and algorithm == "blocks":
            blocks, read = file_blocks(fd)
            digest = root_of(blocks) if blocks else bytes(DIGEST)
        elif content is None:
            digest, read = file_digest(fd, algorithm)
        else:
            digest = block(content) if algorithm == "blocks" else digest_of(content, algorithm)
            read = len(content)
            if read > inline:
                content = None
        after = os.fstat(fd)
    finally:
        os.close(fd)
    steady = read == after.st_size and (info.st_mtime_ns, info.st_ctime_ns, info.st_size) == (
        after.st_mtime_ns,
        after.st_ctime_ns,
        after.st_size,
    )
    return Looked(digest, after, steady, content, blocks)


def _ends(path: str) -> list[str]:
    """`a`, `a/b`, `a/b/c` for `a/b/c`; nothing for the root."""
    parts = path.split("/") if path else []
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def _is_file(folder: int, name: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode)
    except OSError:
        return False


def _special(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"
