"""Changing a tree: each path atomically, below the root only, nothing lost.

Every step goes through directory descriptors and follows no link. What is replaced or deleted is not destroyed but
exchanged for what comes, looked at once more, and kept; when it is not what was expected, it is exchanged back.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from ..errors import Usage
from ..store.walk import Beneath
from .checking import CHANGED, Checks, Mark, Refused
from .files import copy_over, copy_tree
from .inplace import replace_inside
from .model import OWN, Change, Entry, Options, Outcome, Tree, executable, parent
from .private import Private, remove_tree
from .renaming import Renamer, flush
from .scanner import Scanner, look

HOLDS = "it holds content that is not synchronised"
NEEDED = "its content is not here"
WRITTEN = "written to while it was replaced"
NUMBERS_ALL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Errors that the next path would meet too."""


class Placer:
    """Carries out one batch of changes."""

    def __init__(
        self,
        scanner: Scanner,
        private: Private,
        renamer: Renamer,
        options: Options,
        near: bool,
        batch: str,
        units: Mapping[str, Tree],
    ) -> None:
        self.scanner = scanner
        self.private = private
        self.renamer = renamer
        self.options = options
        self.checks = Checks(scanner, options)
        self.near = near
        self.batch = batch
        self.units = units
        self.tree = Beneath(Path(scanner.root))
        self.root_user = os.geteuid() == 0
        self.kept: dict[str, str] = {}
        self.why: dict[str, str] = {}
        self.now: dict[str, Entry] = {}
        self._taken: dict[str, tuple[str, Entry]] = {}
        """Deleted paths whose content is moved elsewhere: name in `work`, and what it is."""
        self._ready: dict[str, str] = {}
        """Name in `work` of what is to be put at a path."""
        self._uses: dict[bytes, int] = {}
        self._replaced: list[tuple[str, str, Mark]] = []
        self._folders: list[tuple[str, Entry]] = []
        self._owners: dict[str, os.stat_result] = {}

    def run(self, changes: Sequence[Change], contents: Mapping[bytes, bytes]) -> list[Outcome]:
        """Do it. Raises OSError only for what concerns every path; what was done before stays done."""
        try:
            moved = {change.source for change in changes if change.source}
            gone = [change for change in changes if change.new is None]
            put = [change for change in changes if change.new is not None]
            put.sort(key=lambda change: (change.new is not None and change.new.kind == "unit", change.path))
            for change in put:
                if change.new is not None and change.new.kind == "file" and not change.source:
                    self._uses[change.new.digest] = self._uses.get(change.new.digest, 0) + 1
            for change in sorted(gone, key=lambda change: change.path, reverse=True):
                self._do(change.path, self._delete, change, change.path in moved)
            for change in put:
                self._do(change.path, self._prepare, change, contents)
            if self.options.durable:
                flush(self.private.work)
            for change in put:
                if change.path not in self.why:
                    self._do(change.path, self._put, change)
            for path, entry in reversed(self._folders):
                self._do(path, self._attributes, path, entry)
        finally:
            self._end()
        return [
            Outcome(
                change.path,
                self.why.get(change.path, ""),
                self.now.get(change.path) if change.path not in self.why else None,
                self.kept.get(change.path, ""),
            )
            for change in changes
        ]

    def _do(self, path: str, act: object, *args: object) -> None:
        try:
            act(*args)  # type: ignore[operator]
        except Refused as error:
            self.why[path] = str(error)
        except Usage as error:
            self.why[path] = error.what
        except FileNotFoundError:
            self.why[path] = CHANGED
        except FileExistsError:
            self.why[path] = CHANGED
        except OSError as error:
            if error.errno in NUMBERS_ALL:
                raise
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                self.why[path] = CHANGED
            else:
                self.why[path] = error.strerror or str(error)

    # -- Deleting -------------------------------------------------------------------------------------------------

    def _delete(self, change: Change, moved: bool) -> None:
        old = change.old
        if old is None:
            return
        if old.kind == "directory":
            self._rmdir(change.path)
            return
        folder, name = self.tree.parent(change.path)
        mark = self.checks.check(folder, name, change.path, old)
        work = self._away(folder, name, change.path, old, mark)
        if moved and old.kind == "file":
            self._taken[change.path] = (work, old)
        else:
            self.kept[change.path] = self.private.keep(work, self.batch, change.path, old)

    def _away(self, folder: int, name: str, path: str, old: Entry, mark: Mark) -> str:
        """Take a thing out of the tree into `work`; back again when it is no longer what was checked."""
        work = f"old-{token_hex(8)}"
        if self.near:
            try:
                os.rename(name, work, src_dir_fd=folder, dst_dir_fd=self.private.work)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._away_copy(folder, name, path, old, work, mark)
                return work
            if not self.checks.still(self.private.work, work, path, old, mark):
                self._back(folder, name, path, work, old)
                raise Refused(CHANGED)
            return work
        self._away_copy(folder, name, path, old, work, mark)
        return work

    def _away_copy(self, folder: int, name: str, path: str, old: Entry, work: str, mark: Mark) -> None:
        """The same across file systems: out of the way in its own directory first, then copied."""
        aside = f"{OWN}old-{token_hex(8)}"
        os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
        if not self.checks.still(folder, aside, path, old, mark):
            self.renamer.fresh(folder, aside, folder, name)
            raise Refused(CHANGED)
        copy_over(folder, aside, self.private.work, work, durable=True)
        os.unlink(aside, dir_fd=folder)

    def _back(self, folder: int, name: str, path: str, work: str, old: Entry) -> None:
        try:
            self.renamer.fresh(self.private.work, work, folder, name)
        except OSError:
            self.kept[path] = self.private.keep(work, self.batch, path, old)

    def _rmdir(self, path: str) -> None:
        self.tree.forget(path)
        folder, name = self.tree.parent(path)
        try:
            os.rmdir(name, dir_fd=folder)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        with suppress(OSError):
            inner = self.tree.folder(path)
            for left in os.listdir(inner):
                if left.startswith(f"{OWN}new-"):
                    remove_tree(inner, left)
        self.tree.forget(path)
        try:
            os.rmdir(name, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise Refused(HOLDS) from None
            raise

    # -- Making ready ---------------------------------------------------------------------------------------------

    def _prepare(self, change: Change, contents: Mapping[bytes, bytes]) -> None:
        """Have what is to be put there complete in `work`, with its mode and time."""
        new, path = change.new, change.path
        if new is None or new.kind == "directory" or (change.old is not None and _only_mode(change.old, new)):
            return
        if path.rpartition("/")[2].startswith(OWN):
            raise Refused("a name of EnvSync's own")
        if new.kind == "link":
            work = self.private.fresh_name()
            os.symlink(new.target, work, dir_fd=self.private.work)
            os.utime(work, ns=(new.mtime_ns, new.mtime_ns), dir_fd=self.private.work, follow_symlinks=False)
        elif new.kind == "unit":
            work = self._assemble(path, new)
        elif new.kind == "file":
            content = contents.get(new.digest)
            if content is not None and not change.source:
                self._ready[path] = self.private.write(content, lambda fd: self._attribute(fd, change, new))
                return
            work = self._content(change, new)
            fd = os.open(work, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.private.work)
            try:
                self._attribute(fd, change, new)
                if self.options.durable and change.source:
                    os.fsync(fd)
            finally:
                os.close(fd)
        else:
            raise Refused(f"a {new.kind} cannot be made")
        self._ready[path] = work

    def _content(self, change: Change, new: Entry) -> str:
        if change.source:
            taken = self._taken.get(change.source)
            if taken is not None and taken[1].digest == new.digest:
                return taken[0]
        left = self._uses.get(new.digest, 1)
        self._uses[new.digest] = left - 1
        work = self.private.fresh_name()
        staged = new.digest.hex()
        try:
            if left <= 1:
                os.rename(staged, work, src_dir_fd=self.private.staged, dst_dir_fd=self.private.work)
            else:
                copy_over(self.private.staged, staged, self.private.work, work)
        except FileNotFoundError:
            raise Refused(NEEDED) from None
        return work

    def _attribute(self, fd: int, change: Change, new: Entry) -> None:
        mode = new.mode & 0o7777 if self.options.exact else new.mode & 0o777
        owner = None
        if change.old is not None and change.old.kind == "file":
            with suppress(OSError):
                folder, name = self.tree.parent(change.path)
                owner = os.lstat(name, dir_fd=folder)
                if not self.options.exact:
                    mode = with_executable(owner.st_mode & 0o7777, executable(new))
        if owner is None and self.root_user:
            with suppress(OSError):
                owner = self._owner(parent(change.path))
        if self.root_user and owner is not None and (owner.st_uid, owner.st_gid) != (0, 0):
            os.fchown(fd, owner.st_uid, owner.st_gid)
        os.fchmod(fd, mode)
        os.utime(fd, ns=(new.mtime_ns, new.mtime_ns))
        self.now[change.path] = new._replace(mode=mode)

    def _owner(self, folder: str) -> os.stat_result:
        """Whose a directory is; asked once for each."""
        known = self._owners.get(folder)
        if known is None:
            known = self._owners[folder] = os.fstat(self.tree.folder(folder))
        return known

    def _assemble(self, path: str, new: Entry) -> str:
        """A whole new unit: objects that are there already are linked, everything else is copied or comes from staging."""
        inside = self.units.get(path)
        if inside is None:
            raise Refused(NEEDED)
        work = self.private.fresh_name()
        os.mkdir(work, new.mode & 0o777 or 0o755, dir_fd=self.private.work)
        try:
            before = self.scanner.units.get(path)
            here = before.inside if before else {}
            with Beneath(Path(self.private.place, "work", work)) as target:
                for inner, entry in sorted(inside.items()):
                    folder, name = target.parent(inner)
                    if entry.kind == "directory":
                        os.mkdir(name, entry.mode & 0o777 | 0o700, dir_fd=folder)
                    elif entry.kind == "link":
                        os.symlink(entry.target, name, dir_fd=folder)
                    else:
                        self._inner(path, inner, entry, here.get(inner), folder, name)
        except BaseException:
            remove_tree(self.private.work, work)
            raise
        return work

    def _inner(self, path: str, inner: str, entry: Entry, here: Entry | None, folder: int, name: str) -> None:
        source = None
        if here is not None and here.kind == "file" and here.digest == entry.digest:
            with suppress(OSError, Usage):
                above, old = self.tree.parent(f"{path}/{inner}")
                if inner.startswith("objects/") and here.mode == entry.mode and self.near:
                    with suppress(OSError):
                        os.link(old, name, src_dir_fd=above, dst_dir_fd=folder, follow_symlinks=False)
                        return
                if look(above, old, self.options.algorithm).digest == entry.digest:
                    source = (above, old)
        if source is None:
            if not self.private.has(entry.digest):
                raise Refused(NEEDED)
            source = (self.private.staged, entry.digest.hex())
        copy_over(*source, folder, name)
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            os.fchmod(fd, entry.mode & 0o777)
            os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(fd)

    # -- Putting --------------------------------------------------------------------------------------------------

    def _put(self, change: Change) -> None:
        old, new, path = change.old, change.new, change.path
        if new is None:
            return
        folder, name = self.tree.parent(path)
        if new.kind == "directory":
            self._mkdir(folder, name, change)
            return
        if old is not None and _only_mode(old, new):
            self._chmod(folder, name, path, old, new)
            return
        work = self._ready.pop(path)
        try:
            if old is None:
                self._fresh(work, folder, name)
            elif old.kind == "directory":
                self._rmdir(path)
                self._fresh(work, folder, name)
            else:
                self._exchange(work, folder, name, path, old)
        except BaseException:
            self._ready[path] = work
            raise
        if change.source:
            self._taken.pop(change.source, None)
        if new.kind != "file":
            self._done(folder, name, path, new)

    def _fresh(self, work: str, folder: int, name: str) -> None:
        if self.near:
            try:
                self.renamer.fresh(self.private.work, work, folder, name)
                return
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
        aside = f"{OWN}new-{token_hex(8)}"
        try:
            if stat.S_ISDIR(os.lstat(work, dir_fd=self.private.work).st_mode):  # a unit
                copy_tree(self.private.work, work, folder, aside)
            else:
                copy_over(self.private.work, work, folder, aside, durable=True)
            self.renamer.fresh(folder, aside, folder, name)
        except BaseException:
            remove_tree(folder, aside)
            raise
        remove_tree(self.private.work, work)

    def _exchange(self, work: str, folder: int, name: str, path: str, old: Entry) -> None:
        mark = self.checks.check(folder, name, path, old)
        # From here on the name may stand for somebody's content: after a crash it is kept, not swept.
        swap = f"old-{token_hex(8)}"
        os.rename(work, swap, src_dir_fd=self.private.work, dst_dir_fd=self.private.work)
        try:
            done = self.near and self.renamer.exchange(self.private.work, swap, folder, name)
        except OSError as error:
            os.rename(swap, work, src_dir_fd=self.private.work, dst_dir_fd=self.private.work)
            if error.errno != errno.EXDEV:
                raise
            done = False
        else:
            if not done:
                os.rename(swap, work, src_dir_fd=self.private.work, dst_dir_fd=self.private.work)
        if not done and old.kind == "unit":
            self._inside(work, folder, name, path, old, mark)
            return
        if not done:
            away = self._away(folder, name, path, old, mark)
            try:
                self._fresh(work, folder, name)
            except BaseException:
                self._back(folder, name, path, away, old)
                raise
            self.kept[path] = self.private.keep(away, self.batch, path, old)
            return
        if not self.checks.still(self.private.work, swap, path, old, mark):
            self.renamer.exchange(self.private.work, swap, folder, name)
            # What is in our hands now is ours again, unless a third writer came between.
            os.rename(swap, work, src_dir_fd=self.private.work, dst_dir_fd=self.private.work)
            raise Refused(CHANGED)
        self.kept[path] = self.private.keep(swap, self.batch, path, old)
        if old.kind == "file":
            self._replaced.append((path, self.kept[path], mark))

    def _inside(self, work: str, folder: int, name: str, path: str, old: Entry, mark: Mark) -> None:
        """A unit that cannot be exchanged as a directory: a copy is kept, then it is changed file by file."""
        if not self.checks.still(folder, name, path, old, mark):
            raise Refused(CHANGED)
        kept = f"old-{token_hex(8)}"
        copy_tree(folder, name, self.private.work, kept)
        self.kept[path] = self.private.keep(kept, self.batch, path, old)
        try:
            replace_inside(self.private, self.tree, path, work)
        except FileExistsError:
            raise Refused("somebody is changing it") from None

    def _mkdir(self, folder: int, name: str, change: Change) -> None:
        old, new = change.old, change.new
        if new is None:
            return
        if old is not None and old.kind != "directory":
            mark = self.checks.check(folder, name, change.path, old)
            work = self._away(folder, name, change.path, old, mark)
            self.kept[change.path] = self.private.keep(work, self.batch, change.path, old)
        mode = (new.mode & 0o7777 if self.options.exact else new.mode & 0o777) or 0o755
        self.now[change.path] = new
        if self.options.exact:
            self._folders.append((change.path, new))
        try:
            os.mkdir(name, mode | 0o700, dir_fd=folder)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                raise
        else:
            if self.root_user:
                owner = os.fstat(folder)
                os.chown(name, owner.st_uid, owner.st_gid, dir_fd=folder, follow_symlinks=False)
            fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                os.fchmod(fd, mode | 0o700)
            finally:
                os.close(fd)

    def _chmod(self, folder: int, name: str, path: str, old: Entry, new: Entry) -> None:
        self.checks.check(folder, name, path, old)
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            mode = os.fstat(fd).st_mode & 0o7777
            os.fchmod(fd, new.mode & 0o7777 if self.options.exact else with_executable(mode, executable(new)))
        finally:
            os.close(fd)
        self._done(folder, name, path, new)

    def _attributes(self, path: str, entry: Entry) -> None:
        fd = self.tree.folder(path)
        os.fchmod(fd, entry.mode & 0o7777)
        os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))

    def _done(self, folder: int, name: str, path: str, new: Entry) -> None:
        info = os.lstat(name, dir_fd=folder)
        mode = 0 if new.kind == "link" else info.st_mode & 0o7777
        self.now[path] = new._replace(mode=mode, mtime_ns=info.st_mtime_ns if new.kind != "unit" else new.mtime_ns)

    # -- The end --------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        for path, name, mark in self._replaced:
            with suppress(OSError):
                # Somebody still had it open and wrote: their content goes back to its place.
                if Mark.of(os.lstat(name, dir_fd=self.private.keeping)) != mark:
                    folder, here = self.tree.parent(path)
                    if self.renamer.exchange(self.private.keeping, name, folder, here):
                        self.why[path] = WRITTEN
                        self.now.pop(path, None)
        returned = {work for work, _ in self._taken.values()}
        self._ready = {path: work for path, work in self._ready.items() if work not in returned}
        for path, (work, entry) in self._taken.items():
            self.why[path] = "what it was to be moved to could not be made"
            with suppress(OSError, Usage):
                self._back(*self.tree.parent(path), path, work, entry)
                continue
            self.kept[path] = self.private.keep(work, self.batch, path, entry)
        for work in self._ready.values():
            remove_tree(self.private.work, work)
        with suppress(OSError):
            os.close(self.tree.root)
        self.tree.forget()


def with_executable(mode: int, wanted: bool) -> int:
    """A mode made executable for whoever may read, or for nobody."""
    return mode | (mode & 0o444) >> 2 if wanted else mode & ~0o111


def _only_mode(old: Entry, new: Entry) -> bool:
    return old.kind == new.kind == "file" and old.digest == new.digest
