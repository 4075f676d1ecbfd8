"""The worker that sits next to the files of one side (see Host.start): what it takes and gives is packed plain data."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import Failed
from ..store.walk import Beneath
from .cache import Cache, Clock
from .following import Following
from .hashing import digest_of, file_blocks, root_of
from .inplace import finish_all
from .model import DIGEST, OWN, Options, Scan, checked
from .packing import (
    pack,
    pack_outcomes,
    pack_scan,
    pack_tree,
    unpack,
    unpack_changes,
    unpack_names,
    unpack_tree,
)
from .placing import Placer
from .private import Private
from .probe import facts_of
from .renaming import Renamer
from .scanner import READ, Scanner
from .where import find_private


class Side:
    """One root. Methods are called one at a time; what is touched is told from another thread as a list of paths."""

    def __init__(
        self, tell: Callable[[Any], None], root: str, id: str, options: Options | None = None, private: str = ""
    ) -> None:
        if sys.getfilesystemencoding().lower().replace("-", "") != "utf8":
            raise Failed("Python runs here without UTF-8 names", "Set PYTHONUTF8=1 for it.")
        self.tell = tell
        self.root = os.path.abspath(os.path.expanduser(root))
        self.options = options or Options()
        self._id, self._wanted = id, private
        self.renamer = Renamer()
        self._settle()
        self.last: Scan | None = None
        self._paths: dict[bytes, str] | None = None
        self._watch: Following | None = None

    def _settle(self) -> None:
        """Find the place for what is private. A root that is made only later has its place sought once more."""
        self._settled = os.path.isdir(self.root)
        place, self.near = find_private(self.root, self._id, self._wanted)
        self.private = Private(place, self.options.algorithm)
        if self.private.alone:
            finish_all(self.private, self.root)
        self.clock = Clock(os.path.join(place, "probe"), self.near)
        self.cache = Cache(os.path.join(place, "stat.cache"))
        self.cache.load()
        self.scanner = Scanner(self.root, self.options, self.cache, self.clock, lambda: self.private.identity)

    def _again(self) -> None:
        if not self._settled and os.path.isdir(self.root):
            self.private.close()
            self._settle()

    def facts(self) -> Any:
        """See Replica.facts."""
        self._again()
        return facts_of(self.root, self.private.place, self.near, self.options.algorithm)

    def scan(self, paths: list[str], inline: int) -> bytes:
        """See Replica.scan."""
        scan = self._scan(paths, inline)
        return pack_scan(scan)

    def inside(self, path: str) -> bytes:
        """See Replica.inside."""
        return pack_tree(self.scanner.inside(checked(path)))

    def watch(self) -> None:
        """See Replica.watch."""
        if self._watch is None:
            if self.last is None:
                self._scan([], 0)  # what is ignored need not be watched
            self._watch = Following(self.root, self.skipped, self.tell)

    def fetch(self, paths: bytes, digests: bytes, spans: list[tuple[int, int, int]]) -> bytes:
        """See Replica.fetch: (size, offset, length) of each in `spans`. A piece that is not there is one byte short."""
        parts: list[bytes] = []
        with Beneath(Path(self.root)) as tree:
            for at, (path, (size, offset, length)) in enumerate(zip(unpack_names(paths), spans)):
                parts += self._piece(tree, path, digests[at * DIGEST : (at + 1) * DIGEST], size, offset, length)
        return pack(parts)

    def piece(self, path: str, digest: bytes, size: int, offset: int, length: int) -> bytes | None:
        """One piece of `fetch`; None for one that is not there."""
        with Beneath(Path(self.root)) as tree:
            there, content = self._piece(tree, path, digest, size, offset, length)
        return content if there else None

    def blocks(self, path: str, digest: bytes) -> bytes:
        """See Replica.blocks."""
        if self.options.algorithm != "blocks":
            return b""
        if digest in self.scanner.blocks:
            return self.scanner.blocks[digest]
        with suppress(OSError), Beneath(Path(self.root)) as tree:
            folder, name = tree.parent(checked(path))
            fd = os.open(name, READ, dir_fd=folder)
            try:
                digests, _ = file_blocks(fd)
            finally:
                os.close(fd)
            return digests if root_of(digests) == digest else b""
        return b""

    def missing(self, digests: bytes, sizes: list[int]) -> bytes:
        """See Replica.missing."""
        self._again()
        needed: list[bytes] = []
        with Beneath(Path(self.root)) as tree:
            for at, _ in enumerate(sizes):
                digest = digests[at * DIGEST : (at + 1) * DIGEST]
                if not self.private.has(digest) and not self._elsewhere(tree, digest):
                    needed.append(digest)
        return b"".join(needed)

    def stage(self, digests: bytes, contents: bytes) -> None:
        """See Replica.stage."""
        self._again()
        for at, content in enumerate(unpack(contents)):
            self.private.put(digests[at * DIGEST : (at + 1) * DIGEST], content)

    def begin(self, digest: bytes, size: int, blocks: bytes, base: str) -> list[tuple[int, int]]:
        """See Replica.begin."""
        self._again()
        fd = self._open(base) if base and blocks else None
        safe = self.clock.safe()
        try:
            before = os.fstat(fd) if fd is not None else None
            gaps, learnt = self.private.begin(digest, size, blocks, fd)
            if fd is not None and before is not None and learnt and before == os.fstat(fd):
                self.cache.put(base, before, learnt, safe)  # which spares reading it once more before it is replaced
            return gaps
        finally:
            if fd is not None:
                os.close(fd)

    def anchor(self, digest: bytes, base: str, anchors: list[tuple[int, bytes]]) -> list[tuple[int, int]]:
        """See Replica.anchor."""
        fd = self._open(base)
        if fd is None:
            return self.private.gaps(digest)
        try:
            return self.private.anchor(digest, fd, anchors)
        finally:
            os.close(fd)

    def fill(self, digest: bytes, offset: int, data: bytes) -> None:
        """See Replica.fill."""
        self.private.fill(digest, offset, data)

    def finish(self, digest: bytes) -> None:
        """See Replica.finish."""
        self.private.finish(digest)

    def apply(self, changes: bytes, batch: str, digests: bytes, contents: bytes, units: dict[str, bytes]) -> bytes:
        """See Replica.apply."""
        self._again()
        listed = unpack_changes(changes)
        parts = unpack(contents)
        given = {digests[at * DIGEST : (at + 1) * DIGEST]: content for at, content in enumerate(parts)}
        for digest, content in given.items():
            self.private.verify(digest, content)
        trees = {path: unpack_tree(blob) for path, blob in units.items()}
        placer = Placer(self.scanner, self.private, self.renamer, self.options, self.near, batch, trees)
        try:
            outcomes = placer.run(listed, given)
        finally:
            self._paths = None
        if self.last is not None:
            for outcome, change in zip(outcomes, listed):
                if not outcome.why:
                    if change.new is None:
                        self.last.tree.pop(change.path, None)
                    elif outcome.now is not None:
                        self.last.tree[change.path] = outcome.now
        return pack_outcomes(outcomes)

    def kept(self) -> list[Any]:
        """See Replica.kept."""
        return [(k.name, k.batch, k.path, tuple(k.entry), k.at) for k in self.private.kept()]

    def prune(self, before: float, limit: int) -> int:
        """See Replica.prune."""
        return self.private.prune(before, limit)

    def sweep(self) -> None:
        """See Replica.sweep."""
        self.private.sweep()

    def close(self) -> None:
        """End the watch and remember what was read."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self.cache.save()
        self.private.close()

    # -- Within ---------------------------------------------------------------------------------------------------

    def _scan(self, paths: list[str], inline: int) -> Scan:
        self._again()
        self._paths = None
        scan = self.scanner.part(paths, inline) if paths else self.scanner.whole()
        if scan.roots is None:
            self.last = scan
            self.cache.save()
        elif self.last is not None:
            self.last = scan.onto(self.last)
        if self.scanner.rules_changed:
            self.scanner.rules_changed = False
            if self._watch is not None:
                self._watch.again()
        return scan

    def _open(self, path: str) -> int | None:
        with suppress(OSError), Beneath(Path(self.root)) as tree:
            folder, name = tree.parent(checked(path))
            return os.open(name, READ, dir_fd=folder)
        return None

    def _piece(
        self, tree: Beneath, path: str, digest: bytes, size: int, offset: int, length: int
    ) -> tuple[bytes, bytes]:
        """(b"1", content), or (b"", b"") for what is not what the plan knows."""
        gone = (b"", b"")
        try:
            folder, name = tree.parent(checked(path))
            whole = offset == 0 and (length < 0 or length >= size)
            fd = os.open(name, READ, dir_fd=folder)
            try:
                if os.fstat(fd).st_size != size:
                    return gone
                content = pread_all(fd, size - offset if length < 0 else min(length, size - offset), offset)
            finally:
                os.close(fd)
        except OSError:
            return gone
        # What is sent is what was checked: somebody may write between two reads.
        if whole and digest_of(content, self.options.algorithm) != digest:
            return gone
        return b"1", content

    def _elsewhere(self, tree: Beneath, digest: bytes) -> bool:
        """Stage a content from another file of the tree, or from the kept store."""
        if self._paths is None:
            entries = self.last.tree.items() if self.last else ()
            self._paths = {entry.digest: path for path, entry in entries if entry.kind == "file"}
        path = self._paths.get(digest)
        fd = None
        if path is not None:
            with suppress(OSError):
                folder, name = tree.parent(path)
                fd = os.open(name, READ, dir_fd=folder)
        if fd is None:
            fd = self.private.open_kept(digest)
        if fd is None:
            return False
        try:
            return self.private.copy(fd, digest)
        finally:
            os.close(fd)

    def skipped(self, path: str) -> bool:
        """Whether nothing at this path counts, so that nobody need watch it."""
        if "/.git/objects" in f"/{path}" and self.options.units:
            return True
        return path.rpartition("/")[2].startswith(OWN) or self.scanner.ignores(path)


def pread_all(fd: int, length: int, offset: int) -> bytes:
    """Bytes of an open file. Raises OSError, also when it is shorter than that."""
    content = os.pread(fd, length, offset)
    while len(content) < length:
        more = os.pread(fd, length - len(content), offset + len(content))
        if not more:
            raise OSError("the file became shorter")
        content += more
    return content
