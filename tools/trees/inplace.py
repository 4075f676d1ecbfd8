"""Changing a unit file by file, where a whole directory cannot be renamed: a layer of a container's image, another mount.

An intent is written first and the complete new inside lies ready, so that whoever is killed half-way finishes at the
next start; until then the repository's own lock keeps git out. Objects come before what refers to them.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from ..errors import Usage
from ..store.walk import Beneath, walk
from .files import copy_over
from .hashing import file_digest
from .model import OWN
from .private import Private, remove_tree

LOCK = "index.lock"


def replace_inside(private: Private, tree: Beneath, path: str, work: str) -> None:
    """Make the unit at `path` what `work` (a directory in the private place) holds. Raises OSError; FileExistsError when
    somebody else has the repository's lock."""
    mine = f"intent-{token_hex(8)}"
    ready = f"ready-{mine}"
    os.rename(work, ready, src_dir_fd=private.work, dst_dir_fd=private.fd)
    with open(os.path.join(private.place, mine), "x", encoding="utf-8") as stream:
        json.dump({"path": path, "ready": ready}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        _finish(private, tree, path, ready, mine)
    except BaseException as error:
        if isinstance(error, FileExistsError) or not _locked_by(tree, path, mine):
            _forget(private, mine, ready)  # nothing was begun
        raise


def finish_all(private: Private, root: str) -> None:
    """Finish what a killed process began. What cannot be finished now waits for the next start."""
    for mine in [name for name in os.listdir(private.fd) if name.startswith("intent-")]:
        with suppress(OSError, ValueError, KeyError, Usage):
            with open(os.path.join(private.place, mine), encoding="utf-8") as stream:
                intent = json.load(stream)
            with Beneath(Path(root)) as tree:
                if _locked_by(tree, intent["path"], mine):
                    _finish(private, tree, intent["path"], intent["ready"], mine)
                else:
                    _forget(private, mine, intent["ready"])


def _finish(private: Private, tree: Beneath, path: str, ready: str, mine: str) -> None:
    live = tree.folder(path)
    if not _locked_by(tree, path, mine):
        lock = os.open(LOCK, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=live)
        with os.fdopen(lock, "w") as stream:
            stream.write(mine)
    wanted = os.open(ready, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=private.fd)
    try:
        new, now = _listed(wanted), _listed(live)
        with Beneath(Path(private.place, ready)) as source, Beneath(Path(f"{tree_path(tree)}/{path}")) as target:
            for inner in sorted(new, key=_order):
                _put(source, target, inner, new[inner])
            for inner in sorted(now.keys() - new.keys(), reverse=True):
                if inner != LOCK:
                    folder, name = target.parent(inner)
                    with suppress(OSError):
                        (os.rmdir if stat.S_ISDIR(now[inner]) else os.unlink)(name, dir_fd=folder)
    finally:
        os.close(wanted)
    _forget(private, mine, ready)
    os.unlink(LOCK, dir_fd=live)


def tree_path(tree: Beneath) -> str:
    """A path that leads to the root that `tree` has open, also when it was renamed since."""
    link = f"/proc/self/fd/{tree.root}"
    return link if os.path.exists(link) else f"/dev/fd/{tree.root}"


def _put(source: Beneath, target: Beneath, inner: str, mode: int) -> None:
    folder, name = target.parent(inner)
    if stat.S_ISDIR(mode):
        with suppress(FileExistsError):
            os.mkdir(name, mode & 0o777, dir_fd=folder)
        return
    above, there = source.parent(inner)
    if _equal(above, there, folder, name):
        return
    aside = f"{OWN}new-{token_hex(8)}"
    copy_over(above, there, folder, aside)
    try:
        os.rename(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        remove_tree(folder, aside)
        if error.errno != errno.EISDIR:
            raise
        remove_tree(folder, name)
        copy_over(above, there, folder, name)


def _equal(above: int, there: str, folder: int, name: str) -> bool:
    try:
        one, other = os.lstat(there, dir_fd=above), os.lstat(name, dir_fd=folder)
    except OSError:
        return False
    if (one.st_mode, one.st_size) != (other.st_mode, other.st_size) or not stat.S_ISREG(one.st_mode):
        return False
    return _digest(above, there) == _digest(folder, name)


def _digest(folder: int, name: str) -> bytes:
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        return file_digest(fd)[0]
    finally:
        os.close(fd)


def _listed(fd: int) -> dict[str, int]:
    """Mode by path of all below a directory."""
    found: dict[str, int] = {}
    for folder in walk(fd, []):
        for name in os.listdir(folder.fd):
            mode = os.lstat(name, dir_fd=folder.fd).st_mode
            found[folder.prefix + name] = mode
            if stat.S_ISDIR(mode):
                folder.pending.append(name)
    return found


def _order(path: str) -> tuple[int, str]:
    """Directories come before what is in them; what refers to objects after all of them, the index at last."""
    if path.startswith("objects") and not path.endswith(".idx"):
        return 0, path
    if path.startswith("objects"):
        return 1, path
    if path == "HEAD" or path == "packed-refs" or path.startswith("refs"):
        return 3, path
    return (4, path) if path.endswith("index") else (2, path)


def _locked_by(tree: Beneath, path: str, mine: str) -> bool:
    try:
        fd = os.open(LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=tree.folder(path))
    except OSError:
        return False
    try:
        return os.read(fd, 100) == mine.encode()
    finally:
        os.close(fd)


def _forget(private: Private, mine: str, ready: str) -> None:
    with suppress(OSError):
        os.unlink(mine, dir_fd=private.fd)
    remove_tree(private.fd, ready)
