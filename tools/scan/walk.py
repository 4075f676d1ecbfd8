"""The walk: folder after folder, then the sources that are not known from the last time."""

from __future__ import annotations

import os
import time
from collections import deque
from errno import ETIMEDOUT
from itertools import islice

from . import patience
from .cache import Cache, Row
from .ignore import Chain
from .listing import Below, Bounds, Folder, Outside, Source
from .mentions import mentions
from .patience import Patient
from .reading import Text, read_seen
from .tree import Hit, Limits, Tree, Wants
from .wanted import Wanted

TOLD = 3
"""Folders that lie too deep and are named; the others are counted."""
FULL = 1000
"""Folders of which it is still told whether they are environments when there are too many files."""
PATTERNS = 20_000
"""Patterns of all .gitignore files of a walk together."""

Step = Below | Outside | Source


class Walk(Patient["Step", "Folder | Row | bool | None"]):
    """One walk of one tree."""

    def __init__(self, root: str, wants: Wants, limits: Limits, kept: str | None) -> None:
        super().__init__()
        self.tree, self.limits, self.patterns = Tree(root), limits, wants.patterns
        deadline = time.monotonic() + limits.seconds
        start = os.path.join(root, "")
        self.bounds = Bounds(start, Wanted(wants), limits, deadline, limits.files, limits.sources, PATTERNS, self.beat)
        self.queue: deque[Below | Outside] = deque([Below("", 0, Chain())])
        self.sources: deque[Source] = deque()
        self.more = 0
        self.deep: list[str] = []
        """Folders that lie too deep."""
        self.budget = limits.source_total
        self.walking = True
        self.full = False
        """There are as many files as there may be."""
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

    def next(self) -> Step | None:
        """The next folder; after the last one the next source that is not known."""
        if self.walking:
            if self._on():
                return self.queue.popleft()
            self._end()
        while self.sources:
            if self.budget <= 0 or time.monotonic() > self.bounds.deadline:
                break
            source = self.sources.popleft()
            known = self.cache.get(*source) if self.cache is not None else None
            if known is None:
                return source
            self._hits(source.path, known)
        if left := len(self.sources) + self.more:
            self.cut = self.cut or bool(self.sources)
            self.tree.notes.append((".", f"{left} of {self.found} source files were not searched for variables"))
        return None

    def read(self, step: Step) -> Folder | Row | bool | None:
        """Read it."""
        if isinstance(step, Below):
            return Folder(self.bounds, step).read()
        if isinstance(step, Outside):
            return os.path.lexists(f"{self.bounds.start}{step.path}/pyvenv.cfg")
        return self._search(*step)

    def take(self, step: Step, result: Folder | Row | bool | None) -> None:
        """Put it to the rest."""
        if isinstance(result, Folder):
            self._take(result)
        elif isinstance(step, Outside):
            if result:
                self.tree.environments.append(step.path)
            elif step.deep:
                self.deep.append(step.path)
        elif isinstance(step, Source) and isinstance(result, Row):
            self._hits(step.path, result)
            if result.keep and self.cache is not None:
                self.cache.put(*step, result)

    def give_up(self, step: Step) -> None:
        """Go on without it."""
        why = f"it did not answer within {patience.PATIENCE:g} s"
        if not step[0]:
            raise OSError(ETIMEDOUT, why, self.tree.root)
        self.cut = True
        if not isinstance(step, Outside):
            self.tree.notes.append((step[0].rstrip("/"), f"not read: {why}"))

    def _on(self) -> bool:
        """Whether the walk goes on with what is in its queue."""
        if not self.full and self.bounds.room <= 0:
            # No more folders are read, but of some it is still told whether they are environments.
            found = (each if isinstance(each, Outside) else Outside(each.prefix[:-1], False) for each in self.queue)
            self.queue = deque(islice(found, FULL))
            self.full = True
        if not self.queue:
            return False
        if time.monotonic() > self.bounds.deadline:
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
        self.sources += found.sources
        self.more += found.more
        self.bounds.room -= len(found.files)
        self.bounds.fit -= len(found.sources)
        self.bounds.patterns -= found.patterns
        self.cut = self.cut or found.cut

    def _hits(self, path: str, row: Row) -> None:
        self.budget -= row.size
        self.tree.hits += [Hit(path, *mention) for mention in row.mentions]

    # -- One source ------------------------------------------------------------------------------------------------

    def _search(self, path: str, info: os.stat_result) -> Row | None:
        """What it mentions; None when it cannot be read."""
        safe = self.cache.safe(info) if self.cache is not None else 0
        text, seen = read_seen(self.bounds.start + path, self.limits.source, tolerant=True)
        if not isinstance(text, Text):
            return None
        found = list(mentions(text, self.patterns[os.path.splitext(path)[1]]))
        return Row(len(text), found, self.cache is not None and self.cache.settled(info, seen, safe))
