"""One folder of a walk. What is done for every single file in it is written for speed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from .dotenv import is_private, names_only
from .ignore import MADE, MADE_BESIDE, Chain, Rules, is_example_folder, is_example_name, meaning
from .reading import Text, read_text
from .tree import Limits
from .wanted import MANIFEST, SOURCE, Wanted

OFTEN = 64
"""After so many files of a folder the time is looked at."""
MANY = 4096
"""Entries that are listed in one go."""
PATTERNS = 4_000
"""Patterns of one .gitignore: each is compiled."""
_MADE_ENDS = (".egg-info", ".dist-info", ".xcodeproj")


class Below(NamedTuple):
    """A folder to walk."""

    prefix: str
    """`""` for the root, else with a `/` at the end."""
    depth: int
    chain: Chain


class Outside(NamedTuple):
    """A folder that is not walked: it may still be a virtual environment."""

    path: str
    deep: bool
    """Only because it lies too deep."""


class Source(NamedTuple):
    """A source file to search."""

    path: str
    info: os.stat_result
    """What it was when the walk came by."""


@dataclass
class Bounds:
    """What the folders of one walk have in common, and how much each may still add."""

    start: str
    """The root, with a `/` at the end."""
    wanted: Wanted
    limits: Limits
    deadline: float
    """By the monotonic clock."""
    room: int
    """Files."""
    fit: int
    """Sources that are searched."""
    patterns: int
    """Of .gitignore files."""
    beat: Callable[[], None]
    """Called now and then, to show that there is progress."""


class Folder:
    """What one folder gave."""

    def __init__(self, bounds: Bounds, below: Below) -> None:
        self.bounds = bounds
        self.prefix, self.depth, self.chain = below
        self.names: Set[str] = frozenset()
        self.suspects: set[str] = set()
        """Names that some .gitignore may speak of."""
        self.files: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.notes: list[tuple[str, str]] = []
        self.below: list[Below | Outside] = []
        self.sources: list[Source] = []
        self.more = 0
        """Sources beyond those that are searched."""
        self.environments: list[str] = []
        self.modules: list[str] = []
        self.special: list[str] = []
        self.links = 0
        self.patterns = 0
        self.cut = False
        """It was not read to its end, because of a limit."""

    def read(self) -> Folder:
        """Itself, read. Raises OSError for the root only."""
        try:
            entries = self._entries()
        except OSError as error:
            if not self.prefix:
                raise
            self._note(self.prefix[:-1], f"could not be read: {error.strerror or error}")
            return self
        self.names = entries.keys()
        if self.prefix and "pyvenv.cfg" in entries:
            self.environments.append(self.prefix[:-1])
        else:
            self._rules()
            self._each(entries)
        return self

    def _note(self, path: str, why: str) -> None:
        self.notes.append((path, why))

    def _at(self, path: str) -> str:
        return self.bounds.start + path

    def _ignores(self, path: str, name: str) -> bool:
        """Whether git ignores it; a folder's path ends in `/`."""
        return name in self.suspects and self.chain.ignores(path, name)

    def _entries(self) -> dict[str, os.DirEntry[str]]:
        """What lies in it, by name. Raises OSError."""
        with os.scandir(self._at(self.prefix)) as listed:
            entries = {entry.name: entry for entry in islice(listed, MANY)}
            if len(entries) == MANY:
                self._more(entries, listed)
        return entries

    def _more(self, entries: dict[str, os.DirEntry[str]], listed: Iterator[os.DirEntry[str]]) -> None:
        """The rest of a large folder: when there is more than a whole walk may have, only what is looked for by its name."""
        keen = self.bounds.wanted.either | {".gitignore", "pyvenv.cfg"}
        while some := list(islice(listed, MANY)):
            full = len(entries) >= self.bounds.limits.files
            entries.update((entry.name, entry) for entry in some if not full or entry.name in keen)
            self.bounds.beat()
            if time.monotonic() > self.bounds.deadline:
                return

    def _rules(self) -> None:
        """Its own .gitignore, and which of its names any of them may speak of."""
        if not self.prefix:
            exclude = read_text(self._at(".git/info/exclude"), 1 << 16)
            if isinstance(exclude, Text):
                self._extend(exclude, ".git/info/exclude")
        if ".gitignore" in self.names:
            text = read_text(self._at(self.prefix + ".gitignore"), 1 << 18)
            if isinstance(text, Text):
                self._extend(text, self.prefix + ".gitignore")
            else:
                self._note(self.prefix + ".gitignore", text.why)
        self.suspects = self.chain.suspects(self.prefix, self.names)

    def _extend(self, text: str, path: str) -> None:
        lines = [line.removesuffix("\r") for line in text.split("\n") if line and line[0] not in "#\r"]
        room = min(PATTERNS, max(0, self.bounds.patterns - self.patterns))
        if len(lines) > room:
            self._note(path, f"{len(lines) - room} patterns left out: there are too many")
            lines = lines[:room]
        for number, line in enumerate(lines):
            meaning(line)
            if number % OFTEN == 0:
                self.bounds.beat()
        rules = Rules(self.prefix, lines)
        self.patterns += len(lines)
        for line in rules.dropped:
            self._note(path, f"pattern left out, it has too many stars: {line[:60]}")
        self.chain = self.chain.extended(rules)
        self.bounds.beat()

    def _each(self, entries: dict[str, os.DirEntry[str]]) -> None:
        prefix, files, sources, suspects = self.prefix, self.files, self.sources, self.suspects
        exact, heads, kinds = self.bounds.wanted.either, self.bounds.wanted.heads, self.bounds.wanted.kinds
        room, fit = self.bounds.room, self.bounds.fit
        look = min(room, OFTEN)
        example: bool | None = None
        names = sorted(entries)
        if len(names) > room:
            names.sort(key=lambda name: name not in exact)  # what is not read at all should not be a manifest
        for name in names:
            entry = entries[name]
            path = prefix + name
            try:
                if not entry.is_file(follow_symlinks=False):
                    self._other(entry, path)
                    continue
                # `.env` is ignored nearly everywhere, and its names are what tells whether a variable is set.
                if name in suspects and self._ignores(path, name) and not name.startswith(".env"):
                    continue
                files[path] = entry.stat(follow_symlinks=False).st_size
            except OSError as error:
                self._note(path, f"could not be read: {error.strerror or error}")
                continue
            dot = name.rfind(".")
            kind = kinds[name[dot:] if dot >= 0 else ""]
            if (kind & MANIFEST or name in exact or name.startswith(heads)) and self._read(path, name):
                pass
            # The whole of a name like `go` or `.py` is no suffix.
            elif kind & SOURCE and name[:dot].strip("."):
                if example is None:
                    example = prefix != "" and is_example_folder(prefix[:-1])
                if not example and not is_example_name(name):
                    if len(sources) < fit:
                        sources.append(Source(path, entry.stat(follow_symlinks=False)))
                    else:
                        self.more += 1
            if len(files) >= look:
                self.bounds.beat()
                look = min(room, look + OFTEN)
                if self._over(room):
                    return

    def _over(self, room: int) -> bool:
        """Whether a limit is reached in the middle of a folder; says so."""
        if len(self.files) >= room:
            self._note(self.prefix or ".", f"not all read: the walk stopped at {self.bounds.limits.files} files")
        elif time.monotonic() > self.bounds.deadline:
            self._note(self.prefix or ".", f"not all read: the walk stopped after {self.bounds.limits.seconds:g} s")
        else:
            return False
        self.cut = True
        return True

    def _other(self, entry: os.DirEntry[str], path: str) -> None:
        """A folder, a link or a special file. Raises OSError."""
        name = entry.name
        if entry.is_symlink():
            self.links += 1
            if self.bounds.wanted.manifest(path, name):
                self._note(path, "not read: it is a link, and links are not followed")
        elif not entry.is_dir(follow_symlinks=False):
            self.special.append(path)
        elif name == "node_modules":
            self.modules.append(path)
        elif not _made(name, self.names):
            deep = self.depth >= self.bounds.limits.depth
            out = self._ignores(path + "/", name)
            if deep or out:
                self.below.append(Outside(path, not out))
            else:
                self.below.append(Below(path + "/", self.depth + 1, self.chain))

    def _read(self, path: str, name: str) -> bool:
        """Take the text of a manifest or lockfile; False when it is none."""
        manifest = self.bounds.wanted.manifest(path, name)
        if not manifest and name not in self.bounds.wanted.either:
            return False
        limit = self.bounds.limits.manifest if manifest else self.bounds.limits.lockfile
        text = read_text(self._at(path), limit)
        self.bounds.beat()
        if isinstance(text, Text):
            # Values of this machine's .env end here: no detector, no other process and no message ever has them.
            self.texts[path] = names_only(text) if is_private(name) else str(text)
        else:
            self._note(path, text.why)
        return True


def _made(name: str, beside: Set[str]) -> bool:
    """Whether tools made the folder; some only when something lies beside it."""
    if name in MADE or name.endswith(_MADE_ENDS):
        return True
    marks = MADE_BESIDE.get(name)
    return marks is not None and any(other.endswith(marks) for other in beside)
