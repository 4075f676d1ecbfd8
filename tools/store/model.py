"""What the snapshot engine speaks of: entries, manifests, changes, snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal, NamedTuple, cast

from pydantic import Field, JsonValue

from ..plan import Data

Kind = Literal["file", "directory", "link", "special"]
"""`special` is a FIFO, socket or device: recorded, never opened, never restored."""

Difference = Literal["added", "removed", "type", "content", "target", "mode", "mtime"]


class Entry(NamedTuple):
    """One thing in a tree. A tuple, because a manifest has tens of thousands of them."""

    path: str
    """Relative to the root with `/`, undecodable bytes as surrogates (`os.fsencode` gives the real name); the root is `.`."""
    kind: Kind
    mode: int
    """Permission bits with setuid, setgid and sticky (`& 0o7777`); 0 for links, which have none of their own."""
    mtime_ns: int
    size: int
    """Bytes of a file's content; 0 for all else."""
    digest: str | None
    """BLAKE3 (hex, 64 characters) of a file's content; None for other kinds, and for a file that could not be read."""
    target: str | None
    """What a link points to, as it is written in the link."""


make_entry = cast("Callable[[type[Entry], Iterable[object]], Entry]", tuple.__new__)  # pyright: ignore[reportUnknownMemberType]  # its own stub leaves the items open
"""`Entry(*fields)` at a third of the cost: a scan makes tens of thousands."""


UNREAD = "directory not read"
LEFT_OUT = "left out"
"""How the notices begin that say where a manifest is blind."""


class Notice(NamedTuple):
    """Something about a path that the tree's entries do not say, e.g. that it was skipped and why."""

    path: str
    text: str


@dataclass(frozen=True)
class Manifest:
    """A tree at one moment: every entry, sorted by path, the root `.` first among them."""

    entries: tuple[Entry, ...]
    notices: tuple[Notice, ...] = ()

    @cached_property
    def digest(self) -> str:
        """BLAKE3 (hex) of the stored form; equal trees (mtimes and notices included) have equal digests."""
        from .manifest import encode

        return encode(self).digest

    @cached_property
    def by_path(self) -> dict[str, Entry]:
        return {entry.path: entry for entry in self.entries}

    @cached_property
    def blind(self) -> tuple[str, ...]:
        """Beginnings of paths that the manifest says nothing about: below unreadable directories, at and below excluded paths."""
        unread = [notice.path + "/" for notice in self.notices if notice.text.startswith(UNREAD)]
        left_out = [notice.path for notice in self.notices if notice.text.startswith(LEFT_OUT)]
        return (*unread, *left_out, *(path + "/" for path in left_out))

    @cached_property
    def bytes(self) -> int:
        return sum([entry.size for entry in self.entries])

    @cached_property
    def files(self) -> int:
        return sum([entry.kind == "file" for entry in self.entries])


class Change(NamedTuple):
    """One path that differs between two manifests; `kind` is the weightiest difference, old and new tell the rest.

    Weight: added, removed, type, content or target, mode, mtime.
    """

    path: str
    kind: Difference
    old: Entry | None
    new: Entry | None


class Restored(NamedTuple):
    """What a restore did, and what it left alone with the reason (uncaptured files, special files, lost content)."""

    done: list[Change]
    kept: list[Notice]


class Dotfile(Data):
    """A file outside the project whose content a snapshot holds."""

    path: str
    """With `~` for the home directory."""
    digest: str
    """Of the content, to be read with `Store.get`."""
    mode: int


class Whole(Data):
    """A whole machine as its host recorded it: see hosts.base.Frozen."""

    kind: str
    data: dict[str, JsonValue] = Field(default_factory=dict)
    bytes: int = 0
    notices: tuple[str, ...] = ()


class Snapshot(Data):
    """The record of one snapshot. Ordered by `seq`, never by time: clocks jump."""

    id: str = ""
    """Short and unique, e.g. `k3f9wq`; given by `Store.save`."""
    seq: int = 0
    """Strictly increasing within a store, never used twice; given by `Store.save`."""
    at: datetime
    """UTC."""
    label: str | None = None
    automatic: bool = False
    """True when a transaction took it, False when a person asked for it."""
    host: str = "local"
    path: str
    """The project's absolute root on the host."""
    manifest: str
    """Digest of the tree's manifest, to be read with `Store.manifest`."""
    files: int
    bytes: int
    fingerprint: str | None = None
    """Digest of its fingerprint, to be read with `Store.fingerprint`: kept aside, records are read all the time."""
    dotfiles: tuple[Dotfile, ...] = ()
    words: str = ""
    """The request that led to it."""
    frozen: Whole | None = None
    """The whole machine, where its host can record that: the manifest says nothing then. None for a tree."""


class DiskUse(Data):
    """What a store takes."""

    bytes: int
    """On disk, in all."""
    blobs: int
    packs: int
    snapshots: int


class Keep(Data):
    """Which snapshots `prune` keeps: every labelled one, and those that any of the other rules names.

    The newest snapshot of each project is always kept.
    """

    last: int = 50
    """So many of the newest without a label, per host and project."""
    days: float = 30
    """All younger than this."""
    bytes: int | None = Field(default=20 << 30)
    """When the store is larger, unlabelled snapshots go too, the oldest first; None means no limit."""


class Pruned(Data):
    """What `prune` removed."""

    snapshots: tuple[str, ...] = ()
    """Ids of the forgotten snapshots."""
    blobs: int = 0
    bytes: int = 0
    """Freed on disk."""


class Budget(Data):
    """How much one capture may take before it stops with an error instead of filling the disk."""

    bytes: int = 20 << 30
    """Apparent size of all files; a sparse file counts in full, since it is stored and restored in full."""
    files: int = 1_000_000
    """Entries. Each takes some 1.5 KB of memory while a capture or rewind runs."""


def within(path: str, paths: Sequence[str]) -> bool:
    """Whether a relative path is one of `paths` or lies below one, by whole components; `()` and `.` mean everything."""
    return not paths or any(root == "." or path == root or path.startswith(root + "/") for root in paths)
