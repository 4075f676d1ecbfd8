"""The walk: folder after folder, then the sources. What is done for every single file is written for speed."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Set
from errno import ETIMEDOUT
from fnmatch import translate
from itertools import islice

from .cache import Cache, Row
from .dotenv import is_private, names_only
from .ignore import MADE, MADE_BESIDE, Chain, Rules, is_example_folder, is_example_name
from .mentions import mentions
from .patience import PATIENCE, Patient
from .reading import Text, read_seen, read_text
from .tree import Hit, Limits, Tree, Wants

TOLD = 3
"""Folders that lie too deep and are named; the others are counted."""
PATTERNS = 20_000
"""Lines of all .gitignore files of a walk together: each is compiled."""
OFTEN = 64
"""After so many files of a folder the time is looked at."""
_MADE_ENDS = (".egg-info", ".dist-info", ".xcodeproj")

Below = tuple[str, int, Chain]
"""A folder: its path (`""` or with a `/` at the end), how deep it lies, and the .gitignore files above it."""
Source = tuple[str, os.stat_result]
"""A source file: its path, and what it was when the walk came by."""


MANIFEST, SOURCE = 1, 2


class Kinds(dict[str, int]):
    """By a name's last suffix (with its dot, or none at all) what the file may be: MANIFEST, SOURCE, both or 0."""

    def __init__(self, tails: Set[str], suffixes: Set[str]) -> None:
        super().__init__()
        self._tails, self._suffixes = tails, suffixes

    def __missing__(self, suffix: str) -> int:
        # A name with this suffix ends in a tail only when one of both ends in the other.
        may = any(tail.endswith(suffix) or suffix.endswith(tail) for tail in self._tails)
        kind = MANIFEST * may + SOURCE * (suffix in self._suffixes)
        if len(self) < 10_000:
            self[suffix] = kind
        return kind


class Wanted:
    """Which files are read: by a quick look at the name, then by the globs themselves."""

    def __init__(self, wants: Wants) -> None:
        starred = [name for name in wants.manifests if "*" in name]
        self.names = frozenset(name for name in wants.manifests if "*" not in name)
        self.either = self.names.union(wants.lockfiles)
        names, paths = ([translate(n) for n in starred if ("/" in n) is whole] for whole in (False, True))
        self._names = re.compile("|".join(names) or r"(?!)")
        self._paths = re.compile("|".join(paths) or r"(?!)")
        heads: set[str] = set()
        tails: set[str] = set()
        for glob in starred:
            first, *_, last = re.split(r"[*?\[\]]", glob)
            # A glob of paths says nothing about where a name begins.
            if first and "/" not in glob:
                heads.add(first)
            else:
                tails.add(last.rpartition("/")[2])
        self.heads = tuple(sorted(heads))
        self.kinds = Kinds(tails, wants.patterns.keys())

    def manifest(self, path: str, name: str) -> bool:
        """Whether a file of that path and name is a manifest."""
        return name in self.names or self._names.match(name) is not None or self._paths.match(path) is not None


class Folder:
    """What one folder gave."""

    def __init__(self, prefix: str, depth: int, chain: Chain) -> None:
        self.prefix, self.depth, self.chain = prefix, depth, chain
        self.names: Set[str] = frozenset()
        self.suspects: set[str] = set()
        """Names that some .gitignore may speak of."""
        self.files: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.notes: list[tuple[str, str]] = []
        self.below: list[Below] = []
        self.deep: list[str] = []
        self.sources: list[Source] = []
        self.more = 0
        """Sources beyond those that are searched."""
        self.environments: list[str] = []
        self.modules: list[str] = []
        self.special: list[str] = []
        self.links = 0
        self.patterns = 0
        self.cut = False

    def ignores(self, path: str, name: str) -> bool:
        """Whether git ignores it; a folder's path ends in `/`."""
        return name in self.suspects and self.chain.ignores(path, name)

    def note(self, path: str, why: str) -> None:
        self.notes.append((path, why))


class Walk(Patient["Below | Source", "Folder | Row | None"]):
    """One walk of one tree."""

    def __init__(self, root: str, wants: Wants, limits: Limits, kept: str | None) -> None:
        super().__init__()
        self.tree, self.limits, self.patterns = Tree(root), limits, wants.patterns
        self.wanted = Wanted(wants)
        self.deadline = time.monotonic() + limits.seconds
        self.queue: deque[Below] = deque([("", 0, Chain())])
        self.sources: deque[Source] = deque()
        self.more = 0
        self.deep: list[str] = []
        self.budget = limits.source_total
        self.ignores = PATTERNS
        self.walking = True
        self.cut = False
        """Something was left out because of a limit, or because it hangs."""
        self.cache = Cache(kept, root, wants, limits) if kept else None

    def run(self) -> Tree:
        """Do it. Raises OSError for the root itself."""
        if self.cache is not None:
            self.cache.load()
        self.work()
        # In the order of the walk, whether they were seen from above or from inside.
        self.tree.environments.sort(key=lambda path: (path.count("/"), path.split("/")))
        if self.cache is not None:
            self.cache.save(whole=not self.cut)
        return self.tree

    # -- The steps -------------------------------------------------------------------------------------------------

    def next(self) -> Below | Source | None:
        """The next folder; after the last one the next source that is not known."""
        if self.walking:
            if self._on():
                return self.queue.popleft()
            self._end()
        while self.sources:
            if self.budget <= 0 or time.monotonic() > self.deadline:
                break
            source = self.sources.popleft()
            known = self.cache.get(*source) if self.cache is not None else None
            if known is None:
                return source
            self._hits(source[0], known)
        if left := len(self.sources) + self.more:
            self.cut = self.cut or bool(self.sources)
            self.tree.notes.append((".", f"{left} of {self.found} source files were not searched for variables"))
        return None

    def read(self, step: Below | Source) -> Folder | Row | None:
        """Read it."""
        return self._folder(Folder(*step)) if len(step) == 3 else self._search(*step)

    def take(self, step: Below | Source, result: Folder | Row | None) -> None:
        """Put it to the rest."""
        if isinstance(result, Folder):
            self._take(result)
        elif result is not None and len(step) == 2:
            self._hits(step[0], result)
            if result.keep and self.cache is not None:
                self.cache.put(*step, result)

    def give_up(self, step: Below | Source) -> None:
        """Go on without it."""
        why = f"it did not answer within {PATIENCE:g} s"
        if not step[0]:
            raise OSError(ETIMEDOUT, why, self.tree.root)
        self.cut = True
        self.tree.notes.append((step[0].rstrip("/"), f"not read: {why}"))

    def _on(self) -> bool:
        """Whether the walk goes on with what is in its queue."""
        if not self.queue or len(self.tree.files) >= self.limits.files:
            return False
        if time.monotonic() > self.deadline:
            self.cut = True
            why = f"not read: the walk stopped after {self.limits.seconds:g} s"
            self.tree.notes.append((self.queue[0][0] or ".", why))
            return False
        return True

    def _end(self) -> None:
        """The walk is over, the search begins."""
        self.walking = False
        self.queue.clear()
        self.found = len(self.sources) + self.more
        notes, depth = self.tree.notes, self.limits.depth
        if depth:
            why = f"not read: folders are nested more than {depth} deep"
            notes.extend((path, why) for path in self.deep[:TOLD])
            if left := len(self.deep[TOLD:]):
                notes.append((".", f"{left} more folders are nested more than {depth} deep, and were not read"))

    def _take(self, found: Folder) -> None:
        tree = self.tree
        tree.files.update(found.files)
        tree.texts.update(found.texts)
        tree.notes += found.notes
        tree.environments += found.environments
        tree.modules += found.modules
        tree.special += found.special
        tree.links += found.links
        self.queue += found.below
        self.deep += found.deep
        self.sources += found.sources
        self.more += found.more
        self.ignores -= found.patterns
        self.cut = self.cut or found.cut

    def _hits(self, path: str, row: Row) -> None:
        self.budget -= row.size
        self.tree.hits += [Hit(path, *mention) for mention in row.mentions]

    # -- One folder ------------------------------------------------------------------------------------------------

    def _folder(self, found: Folder) -> Folder:
        """Raises OSError for the root only."""
        prefix = found.prefix
        try:
            entries = self._entries(found)
        except OSError as error:
            if not prefix:
                raise
            found.note(prefix.rstrip("/"), f"could not be read: {error.strerror or error}")
            return found
        found.names = entries.keys()
        if prefix and "pyvenv.cfg" in entries:
            found.environments.append(prefix[:-1])
            return found
        self._rules(found)
        self._each(found, entries)
        return found

    def _entries(self, found: Folder) -> dict[str, os.DirEntry[str]]:
        """What lies in it, by name; of a folder with more than a whole walk may have, some, and what is named."""
        most = self.limits.files
        with os.scandir(os.path.join(self.tree.root, found.prefix)) as listed:
            entries = {entry.name: entry for entry in islice(listed, most)}
            if len(entries) == most:
                keen = self.wanted.either | {".gitignore", "pyvenv.cfg"}
                for number, entry in enumerate(listed):
                    if entry.name in keen:
                        entries[entry.name] = entry
                    if not number & 0xFFF:
                        self.beats += 1
                        if time.monotonic() > self.deadline:
                            break
        return entries

    def _rules(self, found: Folder) -> None:
        """Its own .gitignore, and which of its names any of them may speak of."""
        if not found.prefix:
            exclude = read_text(os.path.join(self.tree.root, ".git", "info", "exclude"), 1 << 16)
            if isinstance(exclude, Text):
                self._extend(found, exclude, ".git/info/exclude")
        if ".gitignore" in found.names:
            text = read_text(os.path.join(self.tree.root, found.prefix, ".gitignore"), 1 << 18)
            if isinstance(text, Text):
                self._extend(found, text, found.prefix + ".gitignore")
            else:
                found.note(found.prefix + ".gitignore", text.why)
        found.suspects = found.chain.suspects(found.prefix, found.names)

    def _extend(self, found: Folder, text: str, path: str) -> None:
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        room = max(0, self.ignores - found.patterns)
        if len(lines) > room:
            found.note(path, f"{len(lines) - room} lines left out: there are too many in this project")
        found.patterns += len(lines)
        rules = Rules(found.prefix, lines[:room])
        for line in rules.dropped:
            found.note(path, f"pattern left out, it has too many stars: {line[:60]}")
        found.chain = found.chain.extended(rules)

    def _each(self, found: Folder, entries: dict[str, os.DirEntry[str]]) -> None:
        prefix, files, sources, suspects = found.prefix, found.files, found.sources, found.suspects
        exact, heads, kinds = self.wanted.either, self.wanted.heads, self.wanted.kinds
        room, fit = self.limits.files - len(self.tree.files), self.limits.sources - len(self.sources)
        look = min(room, OFTEN)
        example: bool | None = None
        for name in sorted(entries):
            entry = entries[name]
            path = prefix + name
            try:
                if not entry.is_file(follow_symlinks=False):
                    self._other(found, entry, path)
                    continue
                # `.env` is ignored nearly everywhere, and its names are what tells whether a variable is set.
                if name in suspects and found.ignores(path, name) and not name.startswith(".env"):
                    continue
                files[path] = entry.stat(follow_symlinks=False).st_size
            except OSError as error:
                found.note(path, f"could not be read: {error.strerror or error}")
                continue
            dot = name.rfind(".")
            kind = kinds[name[dot:] if dot >= 0 else ""]
            if (kind & MANIFEST or name in exact or name.startswith(heads)) and self._read(found, path, name):
                pass
            # The whole of a name like `go` or `.py` is no suffix.
            elif kind & SOURCE and name[:dot].strip("."):
                if example is None:
                    example = prefix != "" and is_example_folder(prefix[:-1])
                if not example and not is_example_name(name):
                    if len(sources) < fit:
                        sources.append((path, entry.stat(follow_symlinks=False)))
                    else:
                        found.more += 1
            if len(files) >= look:
                self.beats += 1
                look = min(room, look + OFTEN)
                if self._over(found, room):
                    return

    def _over(self, found: Folder, room: int) -> bool:
        """Whether a limit is reached in the middle of a folder; says so."""
        if len(found.files) >= room:
            found.note(found.prefix or ".", f"not all read: the walk stopped at {self.limits.files} files")
        elif time.monotonic() > self.deadline:
            found.note(found.prefix or ".", f"not all read: the walk stopped after {self.limits.seconds:g} s")
        else:
            return False
        found.cut = True
        return True

    def _other(self, found: Folder, entry: os.DirEntry[str], path: str) -> None:
        """A folder, a link or a special file. Raises OSError."""
        name = entry.name
        if entry.is_symlink():
            found.links += 1
            if self.wanted.manifest(path, name):
                found.note(path, "not read: it is a link, and links are not followed")
        elif not entry.is_dir(follow_symlinks=False):
            found.special.append(path)
        elif name == "node_modules":
            found.modules.append(path)
        elif not _made(name, found.names):
            deep = found.depth >= self.limits.depth
            out = found.ignores(path + "/", name)
            if not deep and not out:
                found.below.append((path + "/", found.depth + 1, found.chain))
            elif os.path.lexists(os.path.join(self.tree.root, path, "pyvenv.cfg")):
                found.environments.append(path)
            elif not out:
                found.deep.append(path)

    def _read(self, found: Folder, path: str, name: str) -> bool:
        """Take the text of a manifest or lockfile; False when it is none."""
        manifest = self.wanted.manifest(path, name)
        if not manifest and name not in self.wanted.either:
            return False
        limit = self.limits.manifest if manifest else self.limits.lockfile
        text = read_text(os.path.join(self.tree.root, path), limit)
        self.beats += 1
        if isinstance(text, Text):
            # Values of this machine's .env end here: no detector, no other process and no message ever has them.
            found.texts[path] = names_only(text) if is_private(name) else str(text)
        else:
            found.note(path, text.why)
        return True

    # -- One source ------------------------------------------------------------------------------------------------

    def _search(self, path: str, info: os.stat_result) -> Row | None:
        """What it mentions; None when it cannot be read."""
        safe = self.cache.safe(info) if self.cache is not None else 0
        text, seen = read_seen(os.path.join(self.tree.root, path), self.limits.source, tolerant=True)
        if not isinstance(text, Text):
            return None
        found = list(mentions(text, self.patterns[os.path.splitext(path)[1]]))
        return Row(len(text), found, self.cache is not None and self.cache.settled(info, seen, safe))


def _made(name: str, beside: Set[str]) -> bool:
    """Whether tools made the folder; some only when something lies beside it."""
    if name in MADE or name.endswith(_MADE_ENDS):
        return True
    marks = MADE_BESIDE.get(name)
    return marks is not None and any(other.endswith(marks) for other in beside)
