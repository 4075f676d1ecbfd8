"""Sync sessions on disk: what two directories are kept the same, since when, and how that goes.

STATE/sync/ID/   spec.json    what was asked for
                 keep         there while a keeper shall run; `revive` looks for it
                 lock         held by whoever works on the session: its keeper, or a command
                 state.json   what the keeper says of itself, for `status`
                 ancestor/    what both sides agreed on          bases.db   text both sides had in common
                 undo-N       what a cycle changed               log        the keeper's own words
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from pydantic import JsonValue, ValidationError

from ..errors import Locked, Usage
from ..plan import Data, canonical
from ..store.durable import publish, sync_directory, writable
from .model import Mode
from .places import Place

FOLDER = "sync"
ENDED = 30 * 86400
"""Seconds for which an ended session can be recalled."""
LISTED = 200
"""Conflicts and notices that the state lists; all are counted."""


class Side(Data):
    """One directory of a session."""

    host: str
    path: str

    @property
    def place(self) -> Place:
        return Place(self.host, self.path)


class Spec(Data):
    """What a session is asked to do; never changed, but for its rules and whether it is paused."""

    id: str
    source: Side
    destination: Side
    mode: str = "two-way"
    """As the person gave it: `two-way`, `push` or `pull`."""
    mirror: bool = False
    watch: bool = True
    ignore: tuple[str, ...] = ()
    max_delete: float | None = None
    """Percent of a side that one cycle may delete; None: the usual."""
    at: datetime

    @property
    def name(self) -> str:
        """How a person may call it."""
        return self.id

    @property
    def title(self) -> str:
        arrow = "<->" if self.mode == "two-way" else "->"
        return f"{self.source.place} {arrow} {self.destination.place}"

    @property
    def way(self) -> Mode:
        if self.mode == "two-way":
            return Mode.TWO_WAY
        return Mode.MIRROR if self.mirror else Mode.ONE_WAY

    def asked(self) -> dict[str, JsonValue]:
        """What must be the same for two calls to mean the same session."""
        return self.model_dump(mode="json", exclude={"id", "at", "watch"})


class Told(Data):
    """What a session last said of itself."""

    phase: str = "new"
    """new, starting, watching, syncing, unreachable, halted, failed, paused or stopped."""
    what: str = ""
    """Why, in one line, where that needs saying."""
    hint: str = ""
    since: datetime | None = None
    """Of the phase."""
    synced: datetime | None = None
    """When both sides were last found, or made, equal (conflicts aside)."""
    pid: int = 0
    began: float = 0.0
    """When that process began, in seconds since the machine did."""
    files: int = 0
    cycles: int = 0
    pushed: tuple[int, int] = (0, 0)
    """Paths changed at the source and at the destination since the keeper began."""
    conflicts: int = 0
    conflicting: tuple[tuple[str, str], ...] = ()
    """The first of them: path and why."""
    notices: tuple[tuple[str, str], ...] = ()
    retry: datetime | None = None
    """When an unreachable host is tried again."""
    halt: str = ""
    """Code of the halt."""


class Session:
    """One session's directory."""

    def __init__(self, state: Path, spec: Spec) -> None:
        self.state = state
        self.spec = spec
        self.directory = folder(state) / spec.id
        self._lock = folder(state) / f".lock-{spec.id}"

    def save(self) -> None:
        """Write it down; durable when this returns."""
        writable(self.directory)
        publish(self.directory, "spec.json", self.spec.model_dump_json().encode(), replace=True)

    def told(self) -> Told:
        """What it last said; the phase is corrected where no process stands behind it any more."""
        try:
            told = Told.model_validate_json((self.directory / "state.json").read_bytes())
        except (OSError, ValidationError):
            told = Told()
        if self.paused:
            return told.model_copy(update={"phase": "paused", "what": ""})
        if told.phase in ("starting", "watching", "syncing", "unreachable") and not self.busy():
            return told.model_copy(update={"phase": "stopped", "what": "its keeper does not run"})
        return told

    def tell(self, told: Told) -> None:
        """Say how it goes. Seen whole or not at all; not flushed to the disk, since the next keeper says it anew."""
        body = told.model_dump_json().encode()
        draft = self.directory / f".state-{os.getpid()}"
        with suppress(OSError):  # a full disk must not end what still works
            draft.write_bytes(body)
            os.replace(draft, self.directory / "state.json")

    @property
    def keeping(self) -> bool:
        """Whether a keeper shall run."""
        return (self.directory / "keep").exists()

    @property
    def paused(self) -> bool:
        return (self.directory / "paused").exists()

    def mark(self, name: str, there: bool) -> None:
        """Set or take away `keep` or `paused`, durably."""
        path = self.directory / name
        if there:
            path.touch(0o600)
        else:
            path.unlink(missing_ok=True)
        sync_directory(self.directory)

    def busy(self) -> bool:
        """Whether a process works on it right now."""
        try:
            fd = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    @contextmanager
    def locked(self, wait: float = 0.0) -> Generator[None]:
        """Work on it alone; the kernel drops the lock with its process. Raises Locked after `wait` seconds."""
        writable(self._lock.parent)
        fd = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        end = time.monotonic() + wait
        try:
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= end:
                        raise Locked(
                            f"sync session {self.spec.name} is being worked on by another process",
                            "Wait a moment and try again; `envsync syncs` shows it.",
                        ) from None
                    time.sleep(0.01)
            yield
        finally:
            os.close(fd)

    def aside(self) -> None:
        """End it so that it can be recalled for some weeks; an earlier one of the same pair goes for good."""
        ended = self.directory.with_name(f".ended-{self.spec.id}")
        for old in (ended, *self.directory.parent.glob(".ended-*")):
            if old == ended or time.time() - old.stat().st_mtime > ENDED:
                shutil.rmtree(old, ignore_errors=True)
        os.rename(self.directory, ended)
        os.utime(ended)

    def recall(self) -> None:
        """Take it back from where `aside` put it, unless it is there."""
        if not self.directory.exists():
            with suppress(FileNotFoundError):
                os.rename(self.directory.with_name(f".ended-{self.spec.id}"), self.directory)

    def forget(self) -> None:
        """Remove all that is known of it; the two directories stay as they are."""
        aside = self.directory.with_name(f".gone-{self.spec.id}-{os.getpid()}")
        os.rename(self.directory, aside)  # half a session must never be found
        shutil.rmtree(aside, ignore_errors=True)


def folder(state: Path) -> Path:
    return state / FOLDER


def all_of(state: Path) -> list[Session]:
    """Every session, the oldest first. One that cannot be read is left out."""
    return sorted(_read(state), key=lambda session: (session.spec.at, session.spec.id))


def _read(state: Path) -> Iterator[Session]:
    with suppress(FileNotFoundError):
        for path in folder(state).iterdir():
            if not path.name.startswith("."):
                with suppress(OSError, ValidationError):
                    yield Session(state, Spec.model_validate_json((path / "spec.json").read_bytes()))


def id_of(source: Side, destination: Side) -> str:
    """The same pair of directories is the same session, whichever way round a person names it."""
    pair = sorted([side.host, side.path] for side in (source, destination))
    return blake2b(canonical(pair), digest_size=4).hexdigest()


def between(state: Path, source: Side, destination: Side) -> Session | None:
    """The session of exactly these two directories."""
    id = id_of(source, destination)
    return next((session for session in _read(state) if session.spec.id == id), None)


def find(state: Path, name: str | None) -> list[Session]:
    """The sessions that `name` means: an id or its beginning, or a part of one of the places; None or `all`: all of them.

    Raises Usage when there is none, or when a name means several.
    """
    known = all_of(state)
    if name is None:
        return known
    exact = [s for s in known if s.spec.id == name] or [s for s in known if name in _words(s.spec)]
    found = exact or [s for s in known if s.spec.id.startswith(name) or any(name in word for word in _words(s.spec))]
    if len(found) == 1:
        return found
    if name == "all":
        return known
    listed = "; ".join(f"{s.spec.name}: {s.spec.title}" for s in (found or known)[:8])
    if found:
        raise Usage(f"{name!r} means several sync sessions", f"Say which, by its id. {listed}")
    raise Usage(f"there is no sync session {name!r}", f"There are: {listed}." if known else "There is none at all.")


def _words(spec: Spec) -> tuple[str, ...]:
    places = (spec.source.place, spec.destination.place)
    return tuple(word for place in places for word in (str(place), place.path, Path(place.path).name, place.name))


def sessions(state: Path) -> list[Mapping[str, JsonValue]]:
    """What `status` shows of every session, as plain data."""
    found: list[Mapping[str, JsonValue]] = []
    for session in all_of(state):
        told = session.told()
        found.append(
            {
                "id": session.spec.id,
                "title": session.spec.title,
                "watch": session.spec.watch,
                **json.loads(told.model_dump_json()),
            }
        )
    return found


def now() -> datetime:
    return datetime.now(UTC)
