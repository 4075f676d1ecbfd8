"""The stat cache: content digests of files that have not changed since they were last read."""

from __future__ import annotations

from pathlib import Path


class Cache:
    """Stat caches of all roots, in one directory. Only ever a short cut: lost or damaged, it is made again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
