"""Removes what EnvSync made when its lease ends: a process of its own, which sleeps until then.

`wake` is called at the start of every command. It reads one small file; only when something is leased and nobody
waits for its end (the process was killed, the machine was switched off) is a reaper started. As a program:
`python -m envsync.tools.sandbox.reaper STATE`.
"""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time
from contextlib import suppress
from pathlib import Path

NAP = 60.0
"""Seconds of sleep at most: while a machine is suspended its clock goes on, and timers do not."""
LOG = 64 * 1024


def wake(state: Path) -> bool:
    """Start a reaper if something is leased and none is waiting; True when one was started. Takes 0.05 ms otherwise."""
    folder = state / "made"
    if _due(folder) == "never" or _waiting(folder):
        return False
    _start(state)
    return True


def nudge(state: Path) -> None:
    """A lease was written or changed: make sure that a reaper knows."""
    if wake(state):
        return
    # Without a reader there is nobody to tell, and whoever comes next reads the ledger anyway.
    with suppress(OSError):
        handle = os.open(state / "made/nudge", os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(handle, b"\n")
        finally:
            os.close(handle)


def _due(folder: Path) -> str:
    """When something is due next, as the ledger wrote it: `never`, or a time; empty when that was lost."""
    try:
        due = (folder / "due").read_text()
    except OSError:
        due = ""
    return due if due == "never" or (folder / "ledger.db").exists() else "never"


def _waiting(folder: Path) -> bool:
    """Whether a reaper lives: the kernel drops the lock with its process."""
    try:
        handle = os.open(folder / "reaper.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _start(state: Path) -> None:
    import subprocess

    from ..locks import MARK

    # Without the mark of a lock that is held right now: the reaper is not what that one waits for.
    env = {name: value for name, value in os.environ.items() if name != MARK}
    code = (
        "import os, sys; os.fork() and os._exit(0); from envsync.tools.sandbox.reaper import main; main(sys.argv[1:])"
    )
    with suppress(OSError):
        # Twice removed: nobody here has to wait for it, and a closed terminal does not end it. -P: not the directory's modules.
        argv = [sys.executable, "-P", "-c", code, str(state)]
        subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env, cwd="/",
            start_new_session=True, check=False,
        )  # fmt: skip


def main(argv: list[str]) -> int:
    """Wait for leases to end and remove what they were for, until nothing is leased."""
    state = Path(argv[0])
    folder = state / "made"
    os.umask(0o077)
    while _due(folder) != "never":
        handle = os.open(folder / "reaper.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _alone(handle):
                return 0
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            _serve(state)
        except FileNotFoundError:
            return 0  # the state directory was removed: what it knew is not known any more
        finally:
            os.close(handle)
        # A lease may have been written between the last look and the release: then this one, too, is ours.
    return 0


def _alone(handle: int) -> bool:
    for _ in range(100):
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)  # somebody may only be looking whether a reaper waits
    return False


def _serve(state: Path) -> None:
    from ..errors import EnvSyncError
    from ..made.ledger import Ledger

    ledger, ear = Ledger(state), _ear(state / "made")
    try:
        ledger.settle()
        while True:
            reap(state)
            try:
                next = ledger.next()
            except EnvSyncError as error:
                _log(state, f"the ledger cannot be read: {error}")
                next = time.time() + NAP
            if next is None:
                return
            _sleep(ear, min(max(next - time.time(), 0.0), NAP))
            if not (state / "made/ledger.db").exists():
                return
    finally:
        os.close(ear)


def reap(state: Path) -> list[str]:
    """Remove everything whose lease has ended; the names of what was removed. What cannot be removed now stays due."""
    import asyncio

    from ..errors import EnvSyncError
    from ..made.ending import end
    from ..made.ledger import Ledger

    removed: list[str] = []
    try:
        for made in Ledger(state).due(time.time()):
            try:
                if asyncio.run(end(state, made, lease=made.state != "ending")):
                    removed.append(made.name)
                    _log(state, f"removed {made.kind} {made.name}: its lease has ended")
            except (EnvSyncError, OSError) as error:
                _log(state, f"{made.kind} {made.name} could not be removed: {error}")
            except Exception as error:
                # Whatever it is, the others' leases end as well; this one is due again by its claim.
                _log(state, f"{made.kind} {made.name}: {type(error).__name__}: {error}")
    except EnvSyncError as error:
        _log(state, str(error))
    return removed


def _ear(folder: Path) -> int:
    """A pipe by which others wake this process."""
    path = folder / "nudge"
    with suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    # Also for writing: or it would be at its end as soon as the first writer leaves.
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def _sleep(ear: int, seconds: float) -> None:
    if select.select([ear], [], [], seconds)[0]:
        os.read(ear, 4096)


def _log(state: Path, line: str) -> None:
    """A line in the reaper's own log, which starts anew when it is full."""
    path = state / "made/reaper.log"
    with suppress(OSError):
        mode = "a" if not path.exists() or path.stat().st_size < LOG else "w"
        with path.open(mode, encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {' '.join(line.split())[:500]}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
