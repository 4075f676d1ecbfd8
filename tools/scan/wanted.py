"""Which files of a tree are read: asked for every single one, so there is a quick look in front of the globs."""

from __future__ import annotations

import re
from collections.abc import Set
from fnmatch import translate

from .tree import Wants

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
