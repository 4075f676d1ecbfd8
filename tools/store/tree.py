"""Trees: capture one, look at one, compare two, restore one. The project's files are only ever reached through here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..contract import Report
from .cache import Cache
from .model import Budget, Change, Manifest, Restored
from .store import Store


def capture(
    root: Path,
    store: Store,
    cache: Cache,
    report: Report | None = None,
    excludes: Sequence[str] = (),
    budget: Budget | None = None,
) -> Manifest:
    """Read a tree into the store; the manifest is durable there (`Store.manifest(m.digest)`) when this returns.

    `excludes` are relative paths left out with all below them; the store itself always is. Raises Usage when root is
    no directory, Failed when the budget or the disk does not suffice (earlier snapshots stay intact).
    """
    raise NotImplementedError


def look(
    root: Path,
    store: Store,
    cache: Cache,
    report: Report | None = None,
    excludes: Sequence[str] = (),
    budget: Budget | None = None,
) -> Manifest:
    """The same manifest as `capture`, without storing anything: for previews and drift."""
    raise NotImplementedError


def compare(old: Manifest, new: Manifest, paths: Sequence[str] = ()) -> list[Change]:
    """What differs, sorted by path, one change per path. Pure."""
    raise NotImplementedError


def restore(
    root: Path,
    target: Manifest,
    current: Manifest,
    store: Store,
    paths: Sequence[str] = (),
    report: Report | None = None,
) -> Restored:
    """Make the tree what `target` says, wholly or only `paths`, touching only what differs from `current`.

    `current` must be what `capture` returned just before: what it does not list is never removed or overwritten, and a
    path that is no longer as it says stops the restore with Failed, which names the path and leaves it as it is.
    May be called again with the same arguments after a crash: what is already as in `target` counts as done.
    """
    raise NotImplementedError
