"""A project as plain data, made by reading only; everything that judges it works on this and on nothing else.

Links are never followed, special files never opened, and files, depth, bytes and time are bounded: what was left out
because of that is said in `notes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from ..store.collector import without_collector
from .mentions import Patterns
from .reading import Text as Text
from .reading import Unread as Unread
from .reading import decoded as decoded
from .reading import read_text as read_text


@dataclass(frozen=True)
class Limits:
    """How far a walk goes."""

    files: int = 200_000
    depth: int = 64
    """0: only the files on top, and that is not worth a word."""
    seconds: float = 10.0
    manifest: int = 1 << 20
    """Bytes of one manifest."""
    lockfile: int = 32 << 20
    sources: int = 1_500
    """Source files whose text is searched."""
    source: int = 256 << 10
    source_total: int = 12 << 20


@dataclass(frozen=True)
class Wants:
    """What the detectors want to read: names or globs of files (with a `/`: of paths), and patterns for source by suffix."""

    manifests: tuple[str, ...] = ()
    lockfiles: tuple[str, ...] = ()
    patterns: Mapping[str, Patterns] = field(default_factory=dict[str, Patterns])


class Hit(NamedTuple):
    """Something that source text mentions."""

    path: str
    rule: str
    value: str
    line: int


@dataclass
class Tree:
    """A project's files as data. Paths are relative, with `/`; a byte that is no UTF-8 is a surrogate escape."""

    root: str
    files: dict[str, int] = field(default_factory=dict[str, int])
    """Size in bytes by path: tracked or trackable files, links and special files left out."""
    texts: dict[str, str] = field(default_factory=dict[str, str])
    """The content of manifests and lockfiles."""
    hits: list[Hit] = field(default_factory=list[Hit])
    environments: list[str] = field(default_factory=list[str])
    """Folders with a `pyvenv.cfg`."""
    modules: list[str] = field(default_factory=list[str])
    """`node_modules` folders."""
    notes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(path, why it was not read)."""
    links: int = 0
    special: list[str] = field(default_factory=list[str])

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """Paths by base name; asked for only when the walk is over."""
        found: dict[str, list[str]] = {}
        for path in self.files:
            found.setdefault(path.rpartition("/")[2], []).append(path)
        return found

    @cached_property
    def by_path(self) -> dict[str, list[Hit]]:
        """What each file's source mentions; asked for only when the walk is over."""
        found: dict[str, list[Hit]] = {}
        for hit in self.hits:
            found.setdefault(hit.path, []).append(hit)
        return found

    def inside(self, root: str) -> str:
        """The prefix of paths in `root`."""
        return "" if root == "." else f"{root}/"


@without_collector()
def collect(root: str, wants: Wants, limits: Limits | None = None, kept: str | None = None) -> Tree:
    """Walk `root`, breadth first so that a budget is spent on what matters most, then search the sources.

    `kept` is a directory of EnvSync's own in which what sources mention is remembered, so that the next time only those
    that changed are read; the result is the same with and without it. Raises OSError only for `root` itself.
    """
    from .walk import Walk

    return Walk(root, wants, limits or Limits(), kept).run()
