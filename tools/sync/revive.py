"""Keepers that died are started again by the next command: cheap enough to be looked at each time.

Imports nothing but the standard library: every command runs this.
"""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import suppress
from pathlib import Path

MARK = "ENVSYNC_LOCK"
"""See tools/locks: what a keeper does is not done under the lock of the command that started it."""


def revive(state: Path) -> list[str]:
    """Start the keeper of every session that shall have one and has none; their ids. Some 20 µs for a session."""
    started: list[str] = []
    with suppress(OSError), os.scandir(state / "sync") as listing:
        kept = [e.name for e in listing if e.name[0] != "." and os.path.exists(os.path.join(e.path, "keep"))]
        for id in kept:
            if _alone(state / "sync" / f".lock-{id}"):
                start(state, id)
                started.append(id)
    return started


def start(state: Path, id: str) -> None:
    """Start a keeper that outlives this process; one that is there already wins."""
    import subprocess

    environ = {name: value for name, value in os.environ.items() if name != MARK}
    with open(state / "sync" / id / "log", "ab") as log:
        os.chmod(log.fileno(), 0o600)
        # It forks at once and goes on in the child: waiting here leaves no zombie behind.
        subprocess.run(
            [sys.executable, "-I", "-m", f"{__package__}.keeper", str(state), id],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environ,
            cwd="/",
            start_new_session=True,
            check=False,
        )


def _alone(lock: Path) -> bool:
    """Whether nobody works on it: no lock file, or one that nobody holds."""
    try:
        fd = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True
