"""What changed in a tree."""

from __future__ import annotations

from collections.abc import Mapping

from ..trees.model import Entry, same


def diff(ancestor: Mapping[str, Entry], now: Mapping[str, Entry]) -> dict[str, tuple[Entry | None, Entry | None]]:
    """The (old, new) entries of every path that differs, by path; times and permission bits do not count."""
    changed: dict[str, tuple[Entry | None, Entry | None]] = {
        path: (entry, now.get(path)) for path, entry in ancestor.items() if not same(entry, now.get(path))
    }
    changed.update((path, (None, entry)) for path, entry in now.items() if path not in ancestor)
    return dict(sorted(changed.items()))
