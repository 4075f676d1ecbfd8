"""What a directory tree is, as plain data, and how it travels.

Standard library and Python 3.9 only: this module travels to other machines in the helper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import Usage

DIGEST = 20
"""Bytes of a content digest (BLAKE2b, or the beginning of a SHA-256 where one side has no Python)."""
OWN = ".envsync-"
"""How every name of our own that may lie inside a tree begins; such names are never scanned and never made by others."""
KINDS = ("file", "directory", "link", "special", "unit", "unread")


class Entry(NamedTuple):
    """One thing in a tree. A tuple, because a tree has 100,000 of them."""

    kind: str
    """`file`, `directory`, `link`, `special` (FIFO, socket, device: never touched), `unit` (a directory that changes as
    a whole, i.e. `.git`; nothing below it is in the tree) or `unread` (there, but nobody may look at it)."""
    mode: int = 0
    """Permission bits (0 to 0o7777); 0 for links."""
    size: int = 0
    """Bytes of a file, or of all files of a unit; 0 for all else."""
    mtime_ns: int = 0
    digest: bytes = b""
    """Of a file's content or of a unit's inside, `DIGEST` bytes; empty for all else."""
    target: str = ""
    """What a link points to, as written in the link."""


Tree = dict[str, Entry]
"""Entry by path: relative to the root, `/` between parts, undecodable bytes as surrogates; the root itself is not in it."""


class Change(NamedTuple):
    """One path of a side that is to become something else."""

    path: str
    old: Entry | None
    """What the plan expects there (None: nothing). When it is something else, the path is refused, not overwritten."""
    new: Entry | None
    """What shall be there (None: nothing)."""
    source: str = ""
    """A path of the same side that is deleted by the same batch and has this very content: it is moved here."""


class Outcome(NamedTuple):
    """What became of one change."""

    path: str
    why: str = ""
    """Empty when it was done; else why it was not, e.g. `changed meanwhile`."""
    now: Entry | None = None
    """What is there after it was done."""
    kept: str = ""
    """Name in the kept store of what was there before; empty when nothing was lost."""


class Kept(NamedTuple):
    """Something that was overwritten or deleted, and kept."""

    name: str
    batch: str
    path: str
    entry: Entry
    at: float
    """Seconds since the epoch."""


class Notice(NamedTuple):
    """Something about a path that its entry does not say."""

    path: str
    text: str


@dataclass(frozen=True)
class Options:
    """What counts in a tree, and how it is recorded."""

    honours: tuple[str, ...] = (".gitignore", ".vortexignore")
    """Names of files with ignore patterns, nested, as git reads them; the later one wins where two say something."""
    ignores: tuple[str, ...] = ()
    """Further patterns, as if they stood in a `.gitignore` above the root's."""
    units: bool = True
    """Whether a `.git` directory is one unit; else its files are like any others."""
    exact: bool = False
    """All permission bits count and are set; else only whether a file may be executed."""
    algorithm: str = "blocks"
    """`blocks` (BLAKE2b over block digests, so that parts can be verified) or `sha256` (what a bare shell can make)."""
    durable: bool = False
    """Flush content to the disk before it gets its name."""


@dataclass(frozen=True)
class Facts:
    """What a side's root and its file system are like."""

    kind: str
    """Of the root: `directory`, `file`, `missing`, `special` or `unread`; a link to a directory counts as `directory`."""
    root: str = ""
    """The root's real path there, undecodable bytes as surrogates."""
    device: int = 0
    inode: int = 0
    writable: bool = True
    folds_case: bool = False
    """Names that differ only in case mean the same file."""
    unicode: str = "exact"
    """`exact`; `folds`: names that differ only in normalisation mean the same file; `decomposes`: and names are stored
    as NFD, however they were made."""
    links: bool = True
    """Symbolic links can be made."""
    executable: bool = True
    """The executable bit is kept."""
    forbidden: str = ""
    """Characters, besides `/` and NUL, that no name may have there."""
    utf8: bool = False
    """Names must be UTF-8."""
    longest: int = 255
    """Bytes of the longest name."""
    clock: float = 0.0
    """Seconds since the epoch by that machine's clock, when asked."""
    algorithm: str = "blocks"
    private: str = ""
    """Where staged and kept content lies, on the same file system where that is possible."""


@dataclass
class Scan:
    """A tree at one moment, or a part of it."""

    tree: Tree = field(default_factory=dict[str, Entry])
    roots: tuple[str, ...] | None = None
    """The paths at and below which this says what is there; None: everything."""
    ignored: tuple[str, ...] = ()
    """Paths that exist and are ignored, the uppermost ones only."""
    busy: tuple[str, ...] = ()
    """Units that somebody is changing right now (a lock file is in them): leave them alone this time."""
    notices: tuple[Notice, ...] = ()
    contents: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """Content by digest, of files in a partial scan no larger than was asked for."""

    def onto(self, before: Scan) -> Scan:
        """The whole tree, from an earlier whole one and this newer part. `before` is used up."""
        if self.roots is None:
            return self
        tree = before.tree
        folders: list[str] = []
        for root in self.roots:
            old = tree.pop(root, None)
            if old is not None and old.kind == "directory":
                folders.append(root + "/")
        if folders:
            starts = tuple(folders)
            for path in [path for path in tree if path.startswith(starts)]:
                del tree[path]
        tree.update(self.tree)
        ignored, busy, notices = before.ignored, before.busy, before.notices
        if folders or len(self.roots) > 16 or any(root in ignored for root in self.roots):
            within = Within(self.roots)
            ignored = tuple([path for path in ignored if path not in within])
        if busy or notices:
            within = Within(self.roots)
            busy = tuple([path for path in busy if path not in within])
            notices = tuple([notice for notice in notices if notice.path not in within])
        return Scan(tree, None, ignored + self.ignored, busy + self.busy, notices + self.notices)


class Within:
    """A set of paths with everything below them."""

    def __init__(self, roots: Iterable[str]) -> None:
        self.roots = frozenset(roots)

    def __contains__(self, path: object) -> bool:
        if not self.roots or not isinstance(path, str):
            return False
        if "." in self.roots or path in self.roots:
            return True
        at = path.rfind("/")
        while at > 0:
            if path[:at] in self.roots:
                return True
            at = path.rfind("/", 0, at)
        return False


def parent(path: str) -> str:
    """The directory that holds `path`; empty for one right below the root."""
    return path.rpartition("/")[0]


def parents(path: str) -> Iterator[str]:
    """The directories above `path`, the innermost first, without the root."""
    at = path.rfind("/")
    while at > 0:
        yield path[:at]
        at = path.rfind("/", 0, at)


def checked(path: str) -> str:
    """The path itself. Raises Usage unless it is relative and lies below the root, component by component."""
    if not path or "\0" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise Usage(f"{path[:200]!r} does not lie below the root", "Name paths inside the directory.")
    return path


def executable(entry: Entry) -> bool:
    """Whether anybody may execute it."""
    return entry.kind == "file" and bool(entry.mode & 0o111)


def same(one: Entry | None, other: Entry | None, exact: bool = False) -> bool:
    """Whether two entries mean the same; times never count, and of modes only the executable bit unless `exact`."""
    if one is None or other is None:
        return one is other
    if one.kind != other.kind or one.digest != other.digest or one.target != other.target:
        return False
    if exact:
        return one.mode == other.mode
    return one.kind != "file" or bool(one.mode & 0o111) == bool(other.mode & 0o111)


def encode(path: str) -> bytes:
    """The bytes of a path, as the file system has them."""
    return path.encode("utf-8", "surrogateescape")


def decode(path: bytes) -> str:
    """The path of these bytes: `encode` gives exactly them back, whatever the machine's locale is."""
    return path.decode("utf-8", "surrogateescape")


def entries_of(tree: Mapping[str, Entry], path: str) -> Tree:
    """What is below `path`, by full path."""
    start = path + "/"
    return {key: entry for key, entry in tree.items() if key.startswith(start)}
