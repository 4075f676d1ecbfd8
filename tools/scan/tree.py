"""The walk: a project as plain data, made by reading only; everything that judges it works on this and on nothing else.

Links are never followed, special files never opened, and files, depth, bytes and time are bounded: what was left out
because of that is said in `notes`.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cached_property

from .dotenv import is_private, names_only
from .ignore import MADE, MADE_BESIDE, Rules, ignored, is_example
from .mentions import Patterns, mentions

TOLD = 3
"""Folders that lie too deep and are named; the others are counted."""


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


@dataclass(frozen=True)
class Hit:
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


class _Walk:
    """One walk's state, with what is asked for every single file made ready."""

    def __init__(self, tree: Tree, wants: Wants, limits: Limits) -> None:
        self.tree, self.wants, self.limits = tree, wants, limits
        self.deadline = time.monotonic() + limits.seconds
        self.queue: deque[tuple[str, int, tuple[Rules, ...]]] = deque()
        self.sources: list[str] = []
        self.deep: list[str] = []
        """Folders that lie too deep."""
        self.names = frozenset(name for name in wants.manifests if "*" not in name)
        self.globs, self.paths = globs(wants)
        self.lockfiles = frozenset(wants.lockfiles)

    def wanted(self, path: str, name: str) -> bool:
        """Whether a file of that path and name is a manifest."""
        return name in self.names or self.globs.match(name) is not None or self.paths.match(path) is not None


def globs(wants: Wants) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What the manifests' globs match: names, and whole paths."""
    found = [name for name in wants.manifests if "*" in name]
    names, paths = ([translate(n) for n in found if ("/" in n) is whole] for whole in (False, True))
    return re.compile("|".join(names) or r"(?!)"), re.compile("|".join(paths) or r"(?!)")


def collect(root: str, wants: Wants, limits: Limits | None = None) -> Tree:
    """Walk `root`, breadth first so that a budget is spent on what matters most. Raises OSError only for `root` itself."""
    bounds = limits or Limits()
    tree = Tree(root)
    walk = _Walk(tree, wants, bounds)
    walk.queue.append(("", 0, _excludes(root)))
    os.scandir(root).close()
    while walk.queue:
        prefix, depth, chain = walk.queue.popleft()
        if time.monotonic() > walk.deadline:
            tree.notes.append((prefix or ".", f"not read: the walk stopped after {bounds.seconds:g} s"))
            break
        _folder(walk, prefix, depth, chain)
        if len(tree.files) >= bounds.files:
            tree.notes.append((prefix or ".", f"not all read: the walk stopped at {bounds.files} files"))
            break
    if bounds.depth:
        why = f"not read: folders are nested more than {bounds.depth} deep"
        tree.notes.extend((path, why) for path in walk.deep[:TOLD])
        if left := len(walk.deep[TOLD:]):
            tree.notes.append((".", f"{left} more folders are nested more than {bounds.depth} deep, and were not read"))
    _search(walk)
    return tree


def _excludes(root: str) -> tuple[Rules, ...]:
    text = read_text(os.path.join(root, ".git", "info", "exclude"), 1 << 16)
    return (Rules("", text.splitlines()),) if isinstance(text, Text) else ()


def _folder(walk: _Walk, prefix: str, depth: int, chain: tuple[Rules, ...]) -> None:
    tree = walk.tree
    try:
        with os.scandir(os.path.join(tree.root, prefix)) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        tree.notes.append((prefix.rstrip("/"), f"could not be read: {error.strerror or error}"))
        return
    names = {entry.name for entry in entries}
    if ".gitignore" in names:
        chain = _extend(walk, prefix, chain)
    for entry in entries:
        path = prefix + entry.name
        try:
            if entry.is_symlink():
                tree.links += 1
                if walk.wanted(path, entry.name):
                    tree.notes.append((path, "not read: it is a link, and links are not followed"))
            elif entry.is_dir(follow_symlinks=False):
                if _enter(tree, path, entry.name, names) and not ignored(path + "/", entry.name, chain):
                    if depth >= walk.limits.depth:
                        walk.deep.append(path)
                    else:
                        walk.queue.append((path + "/", depth + 1, chain))
            elif not entry.is_file(follow_symlinks=False):
                tree.special.append(path)
            else:
                _file(walk, path, entry, chain)
        except OSError as error:
            tree.notes.append((path, f"could not be read: {error.strerror or error}"))
        if len(tree.files) >= walk.limits.files:
            return


def _extend(walk: _Walk, prefix: str, chain: tuple[Rules, ...]) -> tuple[Rules, ...]:
    text = read_text(os.path.join(walk.tree.root, prefix, ".gitignore"), 1 << 18)
    if not isinstance(text, Text):
        walk.tree.notes.append((prefix + ".gitignore", text.why))
        return chain
    rules = Rules(prefix, text.splitlines())
    for line in rules.dropped:
        walk.tree.notes.append((prefix + ".gitignore", f"pattern left out, it has too many stars: {line[:60]}"))
    return (*chain, rules)


def _enter(tree: Tree, path: str, name: str, beside: set[str]) -> bool:
    if name == "node_modules":
        tree.modules.append(path)
        return False
    if name in MADE or name.endswith((".egg-info", ".dist-info", ".xcodeproj")):
        return False
    made = MADE_BESIDE.get(name)
    if made and any(other.endswith(mark) for other in beside for mark in made):
        return False
    if os.path.lexists(os.path.join(tree.root, path, "pyvenv.cfg")):
        tree.environments.append(path)
        return False
    return True


def _file(walk: _Walk, path: str, entry: os.DirEntry[str], chain: Sequence[Rules]) -> None:
    name = entry.name
    # `.env` is ignored nearly everywhere, and its names are what tells whether a variable is set.
    if chain and ignored(path, name, chain) and not name.startswith(".env"):
        return
    walk.tree.files[path] = entry.stat(follow_symlinks=False).st_size
    manifest = walk.wanted(path, name)
    if manifest or name in walk.lockfiles:
        limit = walk.limits.manifest if manifest else walk.limits.lockfile
        text = read_text(os.path.join(walk.tree.root, path), limit)
        if isinstance(text, Text):
            # Values of this machine's .env end here: no detector, no other process and no message ever has them.
            walk.tree.texts[path] = names_only(text) if is_private(name) else str(text)
        else:
            walk.tree.notes.append((path, text.why))
    # The whole of a name like `go` or `.py` is no suffix.
    elif os.path.splitext(name)[1] in walk.wants.patterns and not is_example(path):
        walk.sources.append(path)


def _search(walk: _Walk) -> None:
    budget = walk.limits.source_total
    for count, path in enumerate(walk.sources):
        if count >= walk.limits.sources or budget <= 0 or time.monotonic() > walk.deadline:
            left = len(walk.sources) - count
            walk.tree.notes.append((".", f"{left} of {len(walk.sources)} source files were not searched for variables"))
            return
        text = read_text(os.path.join(walk.tree.root, path), walk.limits.source, tolerant=True)
        if not isinstance(text, Text):
            continue
        budget -= len(text)
        patterns = walk.wants.patterns[os.path.splitext(path)[1]]
        walk.tree.hits.extend(Hit(path, rule, value, line) for rule, value, line in mentions(text, patterns))


class Text(str):
    """A file's content."""

    __slots__ = ()


@dataclass(frozen=True)
class Unread:
    """Why a file's content is not to be had."""

    why: str


def read_text(path: str, limit: int, *, tolerant: bool = False) -> Text | Unread:
    """A regular file's text: never blocks, never follows a link. `tolerant` takes any bytes, as far as the limit goes."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return Unread(f"could not be read: {error.strerror or error}")
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            return Unread("not read: it is no regular file")
        if info.st_size > limit and not tolerant:
            return Unread(f"not read: {info.st_size} bytes are more than the {limit} that are sensible here")
        with os.fdopen(os.dup(handle), "rb") as file:
            content = file.read(limit)
    except OSError as error:
        return Unread(f"could not be read: {error.strerror or error}")
    finally:
        os.close(handle)
    return decoded(content, tolerant=tolerant)


def decoded(content: bytes, *, tolerant: bool = False) -> Text | Unread:
    """Text of bytes: UTF-8, or UTF-16 with its mark."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return Text(content.decode("utf-16"))
        except UnicodeDecodeError:
            return Unread("could not be read: it is broken UTF-16")
    if tolerant:
        return Text(content.decode("utf-8", "replace"))
    if b"\0" in content:
        return Unread("could not be read: it is binary")
    try:
        return Text(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Unread(f"could not be read: it is no UTF-8 (byte {error.start})")
