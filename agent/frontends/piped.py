"""Reading stdin without ever hanging: a pipe that nobody writes to must not hold up a request that came as words."""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LIMIT = 4_000_000
"""Bytes that are read at most; a model sees far less."""
GRACE = 0.25
"""Seconds that a pipe gets when only our own callers could write to it, as under a program that left stdin open."""
PATIENCE = 3.0
"""Seconds that a pipe gets when another program stands at its other end, as in `slow-command | ask …`."""


def piped(*, words: bool, tell: Callable[[str], None] = lambda _: None) -> str:
    """The text on stdin. With a request in `words` it is context: an idle pipe is given up on, a terminal not read.

    Without one stdin is the request, and is waited for. Returns "" when there is nothing; `tell` is told when that may
    have been too early.
    """
    if sys.stdin is None or sys.stdin.isatty():  # pyright: ignore[reportUnnecessaryComparison]  # None after `<&-`
        return ""
    try:
        handle = sys.stdin.fileno()
        mode = os.fstat(handle).st_mode
    except (OSError, ValueError):
        return ""
    if stat.S_ISREG(mode):
        return _read(handle)
    if stat.S_ISCHR(mode):
        return "" if words else _read(handle)  # /dev/null, or a device without an end
    patience = _patience(handle) if words else 0.0
    if words and not _ready(handle, patience):
        if patience > GRACE:
            tell(
                f"nothing came through the pipe in {patience:.0f} s: going on without it. With a `-` it is waited for."
            )
        return ""
    return _read(handle)


def _ready(handle: int, seconds: float) -> bool:
    return bool(select.select([handle], [], [], max(0.0, seconds))[0])


def _read(handle: int) -> str:
    parts: list[bytes] = []
    size = 0
    while size < LIMIT:
        try:
            part = os.read(handle, min(65536, LIMIT - size))
        except OSError:
            break
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts).decode("utf-8", "backslashreplace")


def _patience(handle: int) -> float:
    """How long a pipe may stay silent: short when no other program than our own callers holds its other end."""
    deadline = time.monotonic() + 0.1
    try:
        pipe = os.readlink(f"/proc/self/fd/{handle}")
        callers = _callers()
    except OSError:
        return 1.0  # no /proc here: a guess between the two
    if not pipe.startswith("pipe:"):
        return GRACE
    for process in Path("/proc").iterdir():
        if time.monotonic() > deadline:
            return PATIENCE
        if process.name.isdigit() and int(process.name) not in callers and _writes(process, pipe):
            return PATIENCE
    return GRACE


def _callers() -> set[int]:
    """This process and those that it descends from."""
    found: set[int] = set()
    process = os.getpid()
    while process > 0:
        found.add(process)
        # The name in brackets may contain anything; the parent is the second field after its end.
        process = int(Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
        if process in found:
            break
    return found


def _writes(process: Path, pipe: str) -> bool:
    with suppress(OSError, ValueError, StopIteration):
        for entry in os.scandir(process / "fd"):
            with suppress(OSError):
                if os.readlink(entry.path) == pipe:
                    info = (process / "fdinfo" / entry.name).read_text()
                    flags = next(line for line in info.splitlines() if line.startswith("flags:")).split()[1]
                    if int(flags, 8) & 0o3:
                        return True
    return False
