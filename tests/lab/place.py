"""Where the lab keeps what is slow to make, and how several test processes share it."""

from __future__ import annotations

import fcntl
import os
import pwd
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def cache() -> Path:
    """The lab's own directory, outside the repository: `ENVSYNC_LAB`, else below the user's cache directory.

    The home is the one of the passwd database: a test's HOME is private and goes with the test.
    """
    named = os.environ.get("ENVSYNC_LAB")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path(pwd.getpwuid(os.getuid()).pw_dir, ".cache"))
    path = Path(named) if named else home / "envsync-lab"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def only_one(name: str) -> Generator[None]:
    """Let one process at a time make `name`; the others wait, and then find it made."""
    with (cache() / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
