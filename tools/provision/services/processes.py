"""A server's processes on this host: started so that they outlive EnvSync, and found again by where they work."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# The number is written before the program begins: a kill in between leaves nobody that is not known.
_INNER = 'echo $$ >"$0" && exec "$@"'
_OUTER = 'umask 077; inner=$1; shift; sh -c "$inner" "$@" >>"$0" 2>&1 </dev/null &'
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin"
STOPS = 30.0
"""Seconds that a server has to write what it holds."""


def surroundings(env: Mapping[str, str], home: Path) -> dict[str, str]:
    """What a server sees: nothing of the user's environment, and not the mark of a lock that is held right now."""
    return {"PATH": PATH, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": str(home), "TMPDIR": str(home), **env}


def start(argv: Sequence[str], env: Mapping[str, str], folder: Path, person: Mapping[str, Any]) -> None:
    """Start a server below its `folder`, with its output in the log there, as a process of nobody here. Raises OSError."""
    run = folder / "run"
    shell = ["sh", "-c", _OUTER, str(run / "server.log"), _INNER, str(run / "pid"), *argv]
    subprocess.run(
        shell, cwd=run, env=surroundings(env, run), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, check=True, timeout=30, **person,
    )  # fmt: skip


def running(folder: Path) -> list[int]:
    """The processes that work below a directory, the oldest number first; a finished one that nobody waited for is none."""
    if not os.path.isdir("/proc/self"):
        return [pid for pid in [_written(folder)] if pid and _mentions(pid, str(folder))]
    root = os.path.realpath(folder)
    found: list[int] = []
    with _as_owner(folder / "data"):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError):
                where = os.readlink(f"/proc/{name}/cwd")
                if where == root or where.startswith(f"{root}/"):
                    found.append(int(name))
    return sorted(found)


@contextmanager
def _as_owner(path: Path) -> Generator[None]:
    """Look with the eyes of a file's owner: root in a container may not see where another user's process works, though
    that user may. Of this thread alone, which is why it is none of Python's own calls."""
    try:
        info = path.lstat()
        libc = ctypes.CDLL(None) if os.geteuid() == 0 and info.st_uid != 0 else None
        ask = (libc.setfsgid, libc.setfsuid) if libc else ()
    except (OSError, AttributeError):
        ask, info = (), None
    if not ask or info is None:
        yield
        return
    ask[0](info.st_gid)
    ask[1](info.st_uid)
    try:
        yield
    finally:
        ask[1](0)
        ask[0](os.getegid())


def leader(folder: Path) -> int | None:
    """The server itself among them."""
    known = running(folder)
    told = _written(folder)
    return told if told in known else next(iter(known), None)


def end(folder: Path, sign: signal.Signals) -> None:
    """Ask the server to stop, wait, and kill what is left of it. Nothing running is no error."""
    pid = leader(folder)
    limit = time.monotonic() + STOPS
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
        while running(folder) and time.monotonic() < limit:
            time.sleep(0.05)
    while left := running(folder):
        for each in left:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        time.sleep(0.05)


def _written(folder: Path) -> int:
    with suppress(OSError, ValueError):
        return int((folder / "run/pid").read_text("ascii", "replace"))
    return 0


def _mentions(pid: int, folder: str) -> bool:
    """Where there is no /proc: whether the process's command names the directory."""
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, timeout=10, check=False)
        return folder in done.stdout.decode("utf-8", "replace")
    return False
