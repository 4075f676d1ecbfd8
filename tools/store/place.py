"""Where a context's snapshots and stat caches lie."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..contract import Context
from ..errors import Usage
from .cache import Cache
from .model import Budget, Snapshot
from .store import Store

BYTES, FILES, EXCLUDE = "ENVSYNC_SNAPSHOT_BYTES", "ENVSYNC_SNAPSHOT_FILES", "ENVSYNC_SNAPSHOT_EXCLUDE"
"""The user's own limits: bytes, entries, and relative paths joined by `:` that no snapshot covers."""


def store_of(context: Context) -> Store:
    """The store of all projects, made when it is first written to; one object per process, so that it is read once."""
    return _store(context.state / "store")


@lru_cache(maxsize=8)
def _store(directory: Path) -> Store:
    return Store(directory)


def cache_of(context: Context) -> Cache:
    return Cache(context.state / "cache")


def snapshots_of(context: Context) -> list[Snapshot]:
    """This environment's snapshots, newest last."""
    return store_of(context).snapshots(str(context.path), context.host.name)


def above(context: Context) -> str:
    """The nearest directory above this project that has snapshots; empty when none has."""
    known = {s.path for s in store_of(context).snapshots(host=context.host.name)}
    return next((str(parent) for parent in context.path.parents if str(parent) in known), "")


def excluded(context: Context) -> tuple[str, ...]:
    """What no snapshot of this project covers: EnvSync's own state, and what the user excluded."""
    given = tuple(part for part in context.environ.get(EXCLUDE, "").split(":") if part.strip("/ "))
    state = Path(context.state)
    own = (str(state.relative_to(context.path)),) if state.is_relative_to(context.path) else ()
    return own + given


def budget(context: Context) -> Budget:
    """How large a snapshot may get. Raises Usage for a limit that is no number."""
    limits = Budget()
    try:
        return Budget(
            bytes=int(context.environ.get(BYTES) or limits.bytes), files=int(context.environ.get(FILES) or limits.files)
        )
    except ValueError:
        raise Usage(f"{BYTES} and {FILES} are whole numbers", "Correct them, or unset them.") from None
