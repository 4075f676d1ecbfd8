"""What searching sources gave, by what the files were: the next scan reads only those that changed.

A file is known by path, size, mtime, ctime and inode, with the rule of the trees' stat cache for files that were touched
just now. Kept are derived facts alone (names of variables, ports, hosts), never a text, and nothing of a file in whose
facts something looks like a secret; paths are kept as digests. Manifests are read anew each time. What is kept holds for
the very same search: its patterns, its code and its limits are part of the cache's name. Only ever a short cut: damaged,
or not ours, it is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import pkgutil
import re
import stat
import sys
import time
from contextlib import suppress
from functools import lru_cache
from secrets import token_hex
from typing import NamedTuple, cast

from ..redact import Redactor
from ..trees.cache import COARSE_NS, Clock, settled
from .mentions import Patterns
from .tree import Limits, Wants

MAGIC = b"ESSCAN1\n"
MOST = 8 << 20
"""Bytes of one project's cache, about: the largest that were seen have a few hundred thousand."""
PROJECTS = 64
"""Caches that are kept, the newest."""
OLD = 3600
"""Seconds after which a temporary file is one that a killed scan left."""
_DIGEST = 20
_ENDING = ".scan"
_BETWEEN = "\f"
"""Between the parts of what is kept of a file: one text is read faster than a list of lists."""
_PARTS = re.compile(r"[|()]")

Mention = tuple[str, str, int]
"""Rule, value, line."""


class Row(NamedTuple):
    """What the search of one file gave."""

    size: int
    """Characters that were searched."""
    mentions: list[Mention]
    keep: bool = False
    """Whether any later edit can be told by the file's stamps."""


class Cache:
    """The cache of one project, in a directory of EnvSync's own."""

    def __init__(self, directory: str, root: str, wants: Wants, limits: Limits) -> None:
        self.directory = directory
        mark = hashlib.blake2b(_search(tuple(sorted(wants.patterns.items())), limits.source), digest_size=_DIGEST)
        mark.update(os.fsencode(os.path.abspath(root)))
        self.file = os.path.join(directory, mark.hexdigest() + _ENDING)
        self._known: dict[str, object] = {}
        self._now: dict[str, object] = {}
        self._size = 0
        self._changed = False
        self._clean: set[str] = set()
        self._near = -1
        self._safe = 0

    def load(self) -> None:
        """Read what the last scan knew; a file that is damaged, too large or somebody else's means that nothing is known."""
        try:
            handle = os.open(self.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        try:
            info = os.fstat(handle)
            if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid() or info.st_size > 4 * MOST:
                return
            with os.fdopen(os.dup(handle), "rb") as file:
                raw = file.read(4 * MOST)
            start = len(MAGIC) + _DIGEST
            if raw[:start] != MAGIC + hashlib.blake2b(raw[start:], digest_size=_DIGEST).digest():
                return
            rows: object = json.loads(raw[start:])
            if isinstance(rows, dict):
                self._known = cast(dict[str, object], rows)
        except (OSError, ValueError, RecursionError):
            return
        finally:
            os.close(handle)

    def get(self, path: str, info: os.stat_result) -> Row | None:
        """What was found in a file that is still what it was."""
        name = _name(path)
        kept = self._known.get(name)
        if not isinstance(kept, list):
            return None
        row = cast(list[object], kept)
        if row[:4] != [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino] or len(row) != 6:
            return None
        size, text = row[4:]
        if type(size) is not int or type(text) is not str:
            return None
        parts = text.split(_BETWEEN) if text else []
        try:
            mentions = list(zip(parts[::3], parts[1::3], map(int, parts[2::3]), strict=True))
        except ValueError:
            return None
        self._now[name] = row
        return Row(size, mentions)

    def safe(self, info: os.stat_result) -> int:
        """Stamps of this file before this (ns) can be told from those of any later edit; asked before it is read."""
        if self._near < 0:
            self._near = 0
            with suppress(OSError):
                os.makedirs(self.directory, mode=0o700, exist_ok=True)
                self._near = os.stat(self.directory).st_dev
            # The directory is what asks the file system what time it is.
            self._safe = Clock(self.directory, True).safe()
        return self._safe if info.st_dev == self._near else time.time_ns() - COARSE_NS

    def settled(self, before: os.stat_result, read: os.stat_result | None, safe: int) -> bool:
        """Whether what was read is of the file that the walk saw, and any later edit of it will be noticed."""
        return read is not None and _key(before) == _key(read) and settled(before.st_ctime_ns, safe)

    def put(self, path: str, info: os.stat_result, row: Row) -> None:
        """Remember it."""
        values = [value for _, value, _ in row.mentions]
        text = _BETWEEN.join([f"{rule}{_BETWEEN}{value}{_BETWEEN}{line}" for rule, value, line in row.mentions])
        self._size += 120 + len(text)
        if self._size > MOST or any(_BETWEEN in value for value in values) or not self._harmless(values):
            return
        self._changed = True
        self._now[_name(path)] = [*_key(info), row.size, text]

    def _harmless(self, values: list[str]) -> bool:
        """Whether none of the values looks like a secret, or is one of this process's."""
        new = [value for value in values if value not in self._clean]
        if not new:
            return True
        if _redactor().spans("\n".join(new)):
            return False
        self._clean.update(new)
        return True

    def save(self, whole: bool) -> None:
        """Keep what is known; a failure to write only makes the next scan slower.

        `whole`: this scan came by all sources, so what it did not come by is no longer there.
        """
        rows = self._now if whole else {**self._known, **self._now}
        if not self._changed and len(rows) == len(self._known):
            return
        body = json.dumps(rows, separators=(",", ":")).encode("ascii")
        if len(body) > 3 * MOST:
            return
        temporary = f"{self.file}.{token_hex(6)}"
        with suppress(OSError):
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            try:
                handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(MAGIC + hashlib.blake2b(body, digest_size=_DIGEST).digest() + body)
                os.replace(temporary, self.file)
            except OSError:
                with suppress(OSError):
                    os.unlink(temporary)
                return
            self._prune()

    def _prune(self) -> None:
        """Let the oldest go, and what killed scans left."""
        found: list[tuple[float, str]] = []
        with os.scandir(self.directory) as entries:
            for entry in entries:
                written = entry.stat(follow_symlinks=False).st_mtime
                if entry.name.endswith(_ENDING):
                    found.append((written, entry.path))
                elif _ENDING in entry.name and written < time.time() - OLD:
                    os.unlink(entry.path)
        for _, path in sorted(found, reverse=True)[PROJECTS:]:
            os.unlink(path)


def _name(path: str) -> str:
    """What a path is kept as: names of files may be anything, and a secret too."""
    return hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _key(info: os.stat_result) -> tuple[int, int, int, int]:
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino


@lru_cache(8)
def _search(patterns: tuple[tuple[str, Patterns], ...], most: int) -> bytes:
    """A digest of what the search does, the same in every process: anything of it that changes makes other facts.

    Some expressions list their words in the order of a set, which is another one in each process; so the parts of an
    expression count, and not their order. What only changes the order comes with another version.
    """
    from ... import __version__

    distinct = {pattern for _, table in patterns for pattern in table}
    told = {pattern: (*pattern[:2], *sorted(_PARTS.split(pattern[2]))) for pattern in distinct}
    whole = [(suffix, [told[pattern] for pattern in table]) for suffix, table in patterns]
    mark = hashlib.blake2b(_code(), digest_size=_DIGEST)
    mark.update(repr((MAGIC, __version__, sys.version_info[:3], most, whole)).encode("utf-8", "surrogatepass"))
    return mark.digest()


@lru_cache(1)
def _code() -> bytes:
    """A digest of the code that reads and searches."""
    mark = hashlib.blake2b(digest_size=_DIGEST)
    for name in ("mentions.py", "reading.py", "cache.py"):
        with suppress(OSError, ValueError):
            mark.update(pkgutil.get_data(__package__ or "", name) or b"")
    return mark.digest()


@lru_cache(1)
def _redactor() -> Redactor:
    return Redactor(os.environ)
