"""The sync sessions that are known, as their files say it: this capability does not know the other one."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..moments.say import count, shown
from ..plan import Data

LISTED = 5


class Syncing(Data):
    """Two directories that are kept the same."""

    id: str
    source: str
    destination: str
    mode: str
    phase: str
    """watching, syncing, starting, unreachable, halted, failed, paused, or stopped."""
    what: str = ""
    hint: str = ""
    conflicts: int = 0
    conflicting: tuple[str, ...] = ()
    """The first of the paths in conflict."""

    @property
    def line(self) -> str:
        arrow = "<->" if self.mode == "two-way" else "->"
        said = f"{self.id}  {shown(self.source)} {arrow} {shown(self.destination)}: {self.phase}"
        if self.what:
            said += f": {shown(self.what)}" + (f". {shown(self.hint)}" if self.hint else "")
        if self.conflicts:
            some = ", ".join(shown(path) for path in self.conflicting)
            said += (
                f"; {count(self.conflicts, 'conflict')}: {some}{' …' if self.conflicts > len(self.conflicting) else ''}"
            )
        return said


def syncing(state: Path) -> tuple[Syncing, ...]:
    """Every session that watches, by id; one that cannot be read is left out."""
    found: list[Syncing] = []
    with suppress(OSError):
        for folder in sorted((state / "sync").iterdir()):
            if folder.name.startswith("."):
                continue
            with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                spec = json.loads((folder / "spec.json").read_bytes())
                if spec.get("watch"):
                    found.append(_one(folder, spec))
    return tuple(found)


def _one(folder: Path, spec: dict[str, Any]) -> Syncing:
    told: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        told = json.loads((folder / "state.json").read_bytes())
    phase = str(told.get("phase", "new"))
    what, hint = str(told.get("what", "")), str(told.get("hint", ""))
    if (folder / "paused").exists():
        phase, what, hint = "paused", "", ""
    elif phase in ("starting", "watching", "syncing", "unreachable") and not _works(folder):
        phase, what, hint = "stopped", "its keeper does not run;", "the next sync command starts it"
    conflicting = [str(path) for path, _ in told.get("conflicting", [])]
    return Syncing(
        id=folder.name, source=_place(spec["source"]), destination=_place(spec["destination"]), mode=str(spec["mode"]),
        phase=phase, what=what, hint=hint, conflicts=int(told.get("conflicts", 0)), conflicting=tuple(conflicting[:LISTED]),
    )  # fmt: skip


def _place(side: dict[str, Any]) -> str:
    return str(side["path"]) if side["host"] == "local" else f"{side['host']}:{side['path']}"


def _works(folder: Path) -> bool:
    """Whether a process holds the session's lock."""
    try:
        fd = os.open(folder.parent / f".lock-{folder.name}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
