"""A side's private directory: content on its way in, and content that was overwritten or deleted."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex

from ..errors import Damaged
from .files import copy_span, remove_tree, write_all, write_all_at
from .hashing import BLOCK, block, blocks_of, digest_of, file_blocks, file_digest, root_of
from .model import DIGEST, Entry, Kept
from .partial import Partial

NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Private:
    """Staged, partial and kept content. `work` holds what is between two names; it is emptied into `kept` on start."""

    def __init__(self, place: str, algorithm: str) -> None:
        self.place = place
        self.algorithm = algorithm
        self.fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.staged = os.open("staged", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)
        self.work = os.open("work", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)
        self.keeping = os.open("kept", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)
        self._partial: dict[bytes, Partial] = {}
        self._run_id = token_hex(4)
        self._number = 0
        self._by_digest: dict[bytes, str] | None = None
        """Names in the kept store, by content."""
        self._lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self.fd)
        self.alone = _locked(self._lock)
        """Whether nobody else works here: what lies in `work` is then nobody's."""
        if self.alone:
            self._recover()

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        info = os.fstat(self.fd)
        return info.st_dev, info.st_ino

    def close(self) -> None:
        """Let go; what is staged stays."""
        for partial in self._partial.values():
            os.close(partial.fd)
        self._partial.clear()
        for fd in (self.staged, self.work, self.keeping, self._lock, self.fd):
            with suppress(OSError):
                os.close(fd)

    # -- Content on its way in ------------------------------------------------------------------------------------

    def has(self, digest: bytes) -> bool:
        """Whether a content is staged."""
        try:
            os.lstat(digest.hex(), dir_fd=self.staged)
        except OSError:
            return False
        return True

    def put(self, digest: bytes, content: bytes) -> None:
        """Stage a content that is at hand, verified."""
        self.verify(digest, content)
        name = self.write(content)
        os.rename(name, digest.hex(), src_dir_fd=self.work, dst_dir_fd=self.staged)

    def verify(self, digest: bytes, content: bytes) -> None:
        """Raises Damaged unless the content has that digest."""
        if digest_of(content, self.algorithm) != digest:
            raise Damaged("content that was received does not match its digest", "Try again.")

    def gaps(self, digest: bytes) -> list[tuple[int, int]]:
        """What is still to be sent of a begun content."""
        return self._partial[digest].gaps()

    def fresh_name(self) -> str:
        """A name in `work` that says that it is nobody's but ours."""
        self._number += 1
        return f"new-{self._run_id}-{self._number}"

    def write(self, content: bytes, then: Callable[[int], None] | None = None) -> str:
        """A file of that content in `work`; `then` gets its descriptor before it is closed."""
        name = self.fresh_name()
        fd = os.open(name, NEW, 0o600, dir_fd=self.work)
        try:
            write_all(fd, content)
            if then is not None:
                then(fd)
        except BaseException:
            with suppress(OSError):
                os.unlink(name, dir_fd=self.work)
            raise
        finally:
            os.close(fd)
        return name

    def copy(self, fd: int, digest: bytes) -> bool:
        """Stage a copy of an open file; False, with nothing staged, when its content is something else."""
        name = self.fresh_name()
        new = os.open(name, NEW, 0o600, dir_fd=self.work)
        try:
            copy_span(fd, 0, new, 0, os.fstat(fd).st_size)
            fine = file_digest(new, self.algorithm)[0] == digest
            if fine:
                os.rename(name, digest.hex(), src_dir_fd=self.work, dst_dir_fd=self.staged)
            return fine
        finally:
            os.close(new)
            with suppress(OSError):
                os.unlink(name, dir_fd=self.work)

    def begin(self, digest: bytes, size: int, blocks: bytes, base: int | None) -> tuple[list[tuple[int, int]], bytes]:
        """See Replica.begin; `base` is an open file. Also the digest of `base`, when it came out by the way."""
        if digest in self._partial:
            os.close(self._partial.pop(digest).fd)
        if blocks and (root_of(blocks) != digest or len(blocks) != DIGEST * max(1, -(-size // BLOCK))):
            raise Damaged("block digests that were received do not match the file's", "Try again.")
        folder = os.open("partial", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)
        try:
            fd = os.open(digest.hex(), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
        finally:
            os.close(folder)
        there = os.fstat(fd).st_size
        os.ftruncate(fd, size)
        partial = self._partial[digest] = Partial(fd, size, blocks)
        if not blocks:
            return [(0, size)] if size else [], b""
        if there:
            partial.check(there)
        learnt = self._borrow(partial, base) if base is not None else b""
        return partial.gaps(), learnt

    def anchor(self, digest: bytes, base: int, anchors: list[tuple[int, bytes]]) -> list[tuple[int, int]]:
        """See Replica.anchor."""
        import mmap

        partial = self._partial[digest]
        size = os.fstat(base).st_size
        if not size:
            return partial.gaps()
        with mmap.mmap(base, size, access=mmap.ACCESS_READ) as view:
            at = 0
            for offset, text in anchors:
                number = offset // BLOCK
                if partial.have[number]:
                    continue
                found = view.find(text, at)
                if found < 0 and at:
                    found = view.find(text, 0, at)
                if found >= 0:
                    at = found
                    for first, step in ((number, 1), (number - 1, -1)):
                        self._run(partial, base, size, found - offset, first, step)
        return partial.gaps()

    def fill(self, digest: bytes, offset: int, data: bytes) -> None:
        """See Replica.fill."""
        partial = self._partial[digest]
        if offset + len(data) > partial.size:
            raise Damaged("more content was received than the file has", "Try again.")
        write_all_at(partial.fd, data, offset)
        if self.algorithm == "blocks" and offset == len(partial.sums) // DIGEST * BLOCK:
            partial.sums += blocks_of(data)
        if partial.blocks:
            view = memoryview(data)
            for at in range(0, len(data), BLOCK):
                number, rest = divmod(offset + at, BLOCK)
                piece = view[at : at + BLOCK]
                if rest == 0 and block(piece) == partial.blocks[number * DIGEST : (number + 1) * DIGEST]:
                    partial.have[number] = 1

    def finish(self, digest: bytes) -> None:
        """See Replica.finish."""
        partial = self._partial.pop(digest)
        path = os.path.join("partial", digest.hex())
        try:
            if partial.blocks:
                fine = all(partial.have)
            elif len(partial.sums) == DIGEST * max(1, -(-partial.size // BLOCK)):
                fine = root_of(bytes(partial.sums)) == digest
            else:
                fine = file_digest(partial.fd, self.algorithm)[0] == digest
        finally:
            os.close(partial.fd)
        if not fine:
            if not partial.blocks:
                os.unlink(path, dir_fd=self.fd)
            raise Damaged("content that was received does not match its digest", "Try again.")
        os.rename(path, digest.hex(), src_dir_fd=self.fd, dst_dir_fd=self.staged)

    def _borrow(self, partial: Partial, base: int) -> bytes:
        """Take the blocks that `base` has at the same place counted from its beginning, then from its end."""
        learnt = b""
        size = os.fstat(base).st_size
        fresh = not any(partial.have)
        for at, length in partial.gaps():
            copy_span(base, at, partial.fd, at, min(length, size - at))
            if not fresh:
                partial.check(at + length, at // BLOCK)
        if fresh:  # what was copied is what is verified: `base` may change under our hands
            digests, _ = file_blocks(partial.fd)
            if size == partial.size:
                learnt = root_of(digests)
            if len(digests) == len(partial.blocks):
                for number in range(len(partial.have)):
                    at = number * DIGEST
                    partial.have[number] = digests[at : at + DIGEST] == partial.blocks[at : at + DIGEST]
        if size != partial.size:
            self._run(partial, base, size, size - partial.size, len(partial.have) - 1, -1)
        return learnt

    def _run(self, partial: Partial, base: int, size: int, shift: int, number: int, step: int) -> None:
        """Take blocks that lie `shift` bytes further on in `base`, one after the other while they fit."""
        while 0 <= number < len(partial.have):
            at = number * BLOCK
            length = min(BLOCK, partial.size - at)
            if partial.have[number] or at + shift < 0 or at + shift + length > size:
                return
            piece = os.pread(base, length, at + shift)
            if block(piece) != partial.blocks[number * DIGEST : (number + 1) * DIGEST]:
                return
            write_all_at(partial.fd, piece, at)
            partial.have[number] = 1
            number += step

    # -- Content that was there before ----------------------------------------------------------------------------

    def keep(self, name: str, batch: str, path: str, entry: Entry) -> str:
        """Move something from `work` to the kept store; its name there."""
        stamp = f"{time.time_ns():020d}-{token_hex(4)}"
        line = {
            "name": stamp,
            "batch": batch,
            "path": path,
            "at": time.time(),
            "entry": [entry.kind, entry.mode, entry.size, entry.mtime_ns, entry.digest.hex(), entry.target],
        }
        # Noted first: a line without its file is skipped, a file without a line would be content without a name.
        log = os.open("kept.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=self.fd)
        try:
            os.write(log, json.dumps(line).encode() + b"\n")
        finally:
            os.close(log)
        os.rename(name, stamp, src_dir_fd=self.work, dst_dir_fd=self.keeping)
        if self._by_digest is not None and entry.kind == "file":
            self._by_digest[entry.digest] = stamp
        return stamp

    def kept(self) -> list[Kept]:
        """See Replica.kept."""
        present = set(os.listdir(self.keeping))
        found: list[Kept] = []
        with suppress(FileNotFoundError), open(os.path.join(self.place, "kept.log"), encoding="utf-8") as log:
            for text in log:
                with suppress(ValueError, KeyError, TypeError):
                    line = json.loads(text)
                    if line["name"] in present:
                        kind, mode, size, mtime, digest, target = line["entry"]
                        entry = Entry(kind, mode, size, mtime, bytes.fromhex(digest), target)
                        found.append(Kept(line["name"], line["batch"], line["path"], entry, line["at"]))
        return found

    def open_kept(self, digest: bytes) -> int | None:
        """An open file of the kept store that had this content when it was kept."""
        if self._by_digest is None:  # once for many questions: reading the log for each took a minute for 2,500
            self._by_digest = {kept.entry.digest: kept.name for kept in self.kept() if kept.entry.kind == "file"}
        name = self._by_digest.get(digest)
        if name is not None:
            with suppress(OSError):
                return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.keeping)
        return None

    def prune(self, before: float, limit: int) -> int:
        """See Replica.prune."""
        found = self.kept()
        self._by_digest = None
        total = sum([kept.entry.size for kept in found])
        freed = 0
        left: list[Kept] = []
        for kept in found:
            if kept.at < before or total > limit:
                total -= kept.entry.size
                freed += kept.entry.size
                remove_tree(self.keeping, kept.name)
            else:
                left.append(kept)
        if len(left) != len(found):
            names = {kept.name for kept in left}
            path = os.path.join(self.place, "kept.log")
            with open(path, encoding="utf-8") as log:
                lines = [line for line in log if _named(line) in names]
            with open(path + ".new", "w", encoding="utf-8") as log:
                log.writelines(lines)
            os.replace(path + ".new", path)
        return freed

    def sweep(self) -> None:
        """Forget staged content: nothing is on its way."""
        for folder in (self.staged,):
            for name in os.listdir(folder):
                remove_tree(folder, name)

    def _recover(self) -> None:
        """What a killed process left between two names is kept under its own name: it may be somebody's content."""
        for name in os.listdir(self.work):
            if name.startswith("new-"):
                remove_tree(self.work, name)
                continue
            with suppress(OSError):
                info = os.lstat(name, dir_fd=self.work)
                kind = "unit" if stat.S_ISDIR(info.st_mode) else "link" if stat.S_ISLNK(info.st_mode) else "file"
                self.keep(name, "recovered", name, Entry(kind, info.st_mode & 0o7777, info.st_size, info.st_mtime_ns))


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)  # a file system without locks has no second user
    return True


def _named(line: str) -> str:
    try:
        return str(json.loads(line)["name"])
    except (ValueError, KeyError, TypeError):
        return ""
