"""The far side of a snapshot: what runs next to the files when those are on another host. Only the standard library works there.

The same code that captures and restores trees here does it there, with another hash (see hashing.py). Contents move in
batches; what a tree looks like moves as stretches of its manifest, and only those that the near side does not have.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

from ..errors import Damaged, EnvSyncError
from .cache import Cache
from .capture import look
from .durable import write_all
from .hashing import of, plain
from .manifest import cut, pack, unpack
from .model import Budget, Change, Entry, Manifest
from .reading import READ, TRIES
from .restore import restore
from .store import Store
from .walk import Beneath

PIECE = 4 << 20
"""Bytes of a large file that move at a time, and of small ones together. The store cuts files at the same places."""
STALE = 86400
"""Seconds after which a directory of contents on their way is what a killed transfer left."""


class Looked(NamedTuple):
    """A tree as stretches, those that the asker does not know yet, and its notices."""

    order: tuple[str, ...]
    fresh: dict[str, bytes]
    notices: tuple[tuple[str, str], ...]


class Got(NamedTuple):
    """A file as one moment had it; `digest` empty when it is gone or no file any more, and `why` when it cannot be read."""

    path: str
    digest: str
    size: int
    mode: int
    mtime_ns: int
    content: bytes
    why: str = ""


def look_there(root: str, own: str, known: frozenset[str], excludes: tuple[str, ...], size: int, files: int) -> Looked:
    """How the tree is. `own` is EnvSync's directory over there, `known` names the stretches that the asker has."""
    cache = Cache(Path(own) / "cache" / "away")
    budget = Budget(bytes=size, files=files)
    seen = look(Path(root), Store(Path(own) / "store"), cache, None, excludes, budget, plain)
    order: list[str] = []
    fresh: dict[str, bytes] = {}
    for stretch in cut(seen.entries):
        packed = pack(stretch)
        name = of(packed, plain)
        order.append(name)
        if name not in known:
            fresh[name] = packed
    return Looked(tuple(order), fresh, tuple((notice.path, notice.text) for notice in seen.notices))


def measure(root: str, limit: int = 300_000) -> tuple[int, int]:
    """Entries and bytes below a directory, links not followed; stops counting after `limit` entries."""
    entries = total = 0
    pending = [root]
    while pending and entries < limit:
        with suppress(OSError), os.scandir(pending.pop()) as listing:
            for item in listing:
                with suppress(OSError):
                    entries += 1
                    if item.is_dir(follow_symlinks=False):
                        pending.append(item.path)
                    elif item.is_file(follow_symlinks=False):
                        total += item.stat(follow_symlinks=False).st_size
    return entries, total


def contents_there(root: str, paths: Sequence[str]) -> list[Got]:
    """The contents of files of at most PIECE bytes; a larger one comes with its beginning only, and without a digest."""
    with Beneath(Path(root)) as tree:
        return [_got(tree, path) for path in paths]


def _got(tree: Beneath, path: str) -> Got:
    gone = Got(path, "", 0, 0, 0, b"")
    try:
        folder, name = tree.parent(path)
        fd = os.open(name, READ, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return gone
    except OSError as error:
        return gone._replace(why=error.strerror or "cannot be read")
    try:
        for _ in range(TRIES):
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                return gone
            content = _all(fd, 0, PIECE + 1)
            after = os.fstat(fd)
            if _stamp(before) == _stamp(after) and len(content) in (after.st_size, PIECE + 1):
                break
        else:
            return gone._replace(why="it kept changing while it was read")
        digest = of(content, plain) if len(content) <= PIECE else ""
        mode = stat.S_IMODE(after.st_mode)
        return Got(path, digest, after.st_size, mode, after.st_mtime_ns, content if digest else b"", "")
    except OSError as error:
        return gone._replace(why=error.strerror or "cannot be read")
    finally:
        os.close(fd)


def piece_there(root: str, path: str, offset: int) -> tuple[tuple[int, ...], bytes]:
    """PIECE bytes of a large file, fewer only at its end, and what differs after every edit. Raises OSError."""
    with Beneath(Path(root)) as tree:
        folder, name = tree.parent(path)
        fd = os.open(name, READ, dir_fd=folder)
        try:
            info = os.fstat(fd)
            content = _all(fd, offset, PIECE)
            return (*_stamp(info), stat.S_IMODE(info.st_mode)), content
        finally:
            os.close(fd)


def _stamp(info: os.stat_result) -> tuple[int, int, int, int]:
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino


def _all(fd: int, offset: int, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (data := os.pread(fd, size, offset)):
        parts.append(data)
        offset += len(data)
        size -= len(data)
    return b"".join(parts)


# -- Putting back ----------------------------------------------------------------------------------------------------


class PutBack(NamedTuple):
    """What a restore did. `fault` has the message and the hint of one that was stopped half-way."""

    done: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]
    fault: tuple[str, str] | None = None
    stopped: tuple[str, ...] = ()


def stage_there(own: str, name: str, pieces: Sequence[tuple[str, bytes]]) -> None:
    """Append pieces of contents to the directory of one transfer. Raises OSError (disk full), and removes it then."""
    folder = _staging(own, name)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for digest, piece in pieces:
            fd = os.open(folder / _plain_name(digest), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            try:
                write_all(fd, piece)
            finally:
                os.close(fd)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def unstage_there(own: str, name: str) -> None:
    """Remove the directory of a transfer, and those that killed ones left long ago."""
    shutil.rmtree(_staging(own, name), ignore_errors=True)
    with suppress(OSError):
        for other in (Path(own) / "staging").iterdir():
            if time.time() - other.stat().st_mtime > STALE:
                shutil.rmtree(other, ignore_errors=True)


def restore_there(
    root: str, own: str, name: str, current: Sequence[bytes], target: Sequence[bytes], paths: tuple[str, ...]
) -> PutBack:
    """Make the tree what `target` says where that differs from `current`, with the contents that were staged.

    A path that is no longer as `current` says stops it before anything is changed.
    """
    try:
        done = restore(
            Path(root), _manifest(target), _manifest(current), Staged(_staging(own, name)), paths, None, plain
        )
    except EnvSyncError as error:
        stopped = error.data.get("paths")
        made = error.data.get("done")
        return PutBack(
            tuple(change.path for change in made) if isinstance(made, list) else (),  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType, reportUnknownMemberType]  # Restored's own
            (),
            (error.what, error.hint),
            tuple(str(path) for path in stopped) if isinstance(stopped, list) else (),  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # of restore
        )
    return PutBack(tuple(change.path for change in done.done), tuple((n.path, n.text) for n in done.kept))


def sweep_there(root: str, temporary: str) -> None:
    """Remove what a killed restore left in the tree: its own temporary names, nothing else."""
    with suppress(RecursionError, OSError):
        for _, folders, names, folder in os.fwalk(root):
            for name in (*folders, *names):
                if name.startswith(temporary) and len(name) == len(temporary) + 16:
                    with suppress(OSError):
                        os.unlink(name, dir_fd=folder)


class Staged:
    """Contents that were sent: see restore.Source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def writing(self) -> AbstractContextManager[None]:
        return nullcontext()

    def place(self, digest: str) -> tuple[str, int, int]:
        if not (self.folder / _plain_name(digest)).exists():
            # What only changes its mode or time needs no content.
            return ("", 0, 0)
        return (digest, 0, 0)

    def pieces(self, digest: str) -> Iterator[bytes]:
        whole = plain()
        try:
            with (self.folder / _plain_name(digest)).open("rb") as file:
                while piece := file.read(PIECE):
                    whole.update(piece)
                    yield piece
        except FileNotFoundError:
            raise Damaged(f"content {digest[:12]} did not arrive", "ask again") from None
        if whole.hexdigest() != digest:
            raise Damaged(f"content {digest[:12]} did not arrive whole", "ask again", digest=digest)


def _manifest(stretches: Sequence[bytes]) -> Manifest:
    entries: list[Entry] = [entry for stretch in stretches for entry in unpack(stretch)]
    return Manifest(tuple(sorted(entries, key=lambda entry: (entry.path != ".", entry.path))))


def _staging(own: str, name: str) -> Path:
    if not name.isalnum():
        raise ValueError("a transfer is named by letters and digits")
    return Path(own) / "staging" / name


def _plain_name(digest: str) -> str:
    if len(digest) != 64 or not digest.isalnum():
        raise ValueError("a content is named by its hash")
    return digest


# -- What a restore failed to bring about -----------------------------------------------------------------------------


def unchanged(root: str, changes: list[Change]) -> list[str]:
    """The paths that are surely still as they were before; runs next to the files."""
    return [change.path for change in changes if _unchanged(Path(root) / change.path, change)]


def _unchanged(path: Path, change: Change) -> bool:
    """Whether a path is surely still as it was before. What somebody edited since is not: that is for them to know."""
    old, new = change.old, change.new
    try:
        info = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return old is None
    except OSError:
        return False
    if old is None or (
        new and (old.kind, old.size, old.mode, old.mtime_ns) == (new.kind, new.size, new.mode, new.mtime_ns)
    ):
        return False
    folder = stat.S_ISDIR(info.st_mode) and (new is None or new.kind != "directory")
    if folder and _holds_something(path):
        return False  # what no snapshot covers is in it, and stays
    kind = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}.get(
        stat.S_IFMT(info.st_mode), "special"
    )
    size = info.st_size if kind == "file" else 0
    mode = 0 if kind == "link" else stat.S_IMODE(info.st_mode)
    return (kind, size, mode, info.st_mtime_ns) == (old.kind, old.size, old.mode, old.mtime_ns)


def _holds_something(path: Path) -> bool:
    with suppress(OSError), os.scandir(path) as listing:
        return any(True for _ in listing)
    return False
