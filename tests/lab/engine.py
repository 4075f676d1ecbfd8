"""A container engine: the one that answers, or one that the lab starts for as long as anybody uses it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from typing import IO

from .place import cache, only_one

STARTS = 60.0
"""Seconds that a daemon may take on a loaded machine; 2 are usual."""


def docker(*words: str, address: str = "", stdin: bytes | None = None, timeout: float = 300) -> str:
    """What the docker command prints, stripped. Raises CalledProcessError with both streams in its notes."""
    argv = ["docker", *(["--host", address] if address else []), *words]
    done = subprocess.run(argv, input=stdin, capture_output=True, timeout=timeout, check=False)
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, argv, done.stdout, done.stderr)
        error.add_note((done.stdout + done.stderr).decode(errors="backslashreplace")[-4000:])
        raise error
    return done.stdout.decode(errors="backslashreplace").strip()


def answers(address: str = "") -> bool:
    """Whether an engine answers there; without an address, where the docker command looks by itself."""
    if shutil.which("docker") is None:
        return False
    try:
        return bool(docker("version", "--format", "{{.Server.Version}}", address=address, timeout=30))
    except (subprocess.SubprocessError, OSError):
        return False


def lacking() -> str:
    """Why there is no engine here, or an empty string."""
    if shutil.which("docker") is None:
        return "there is no docker command here (on Debian: apt-get install docker.io)"
    if answers():
        return ""
    if shutil.which("dockerd") is None:
        return "no Docker engine answers, and there is no dockerd to start"
    return "" if os.geteuid() == 0 else "no Docker engine answers, and starting one needs root"


class Engine:
    """An engine to test with. `address` is empty for the one that was there already, where everybody looks.

    Processes that share an engine of the lab's each hold a shared lock on one file; the last one to leave gets it
    exclusively and ends the engine. A test run that was killed leaves it to the next.
    """

    def __init__(self) -> None:
        self.address = ""
        self._users: IO[str] | None = None
        self._home = cache() / "engine"

    def enter(self) -> None:
        """Find an engine or start one. Raises RuntimeError with the end of its log."""
        if answers():
            return
        self._home.mkdir(exist_ok=True)
        with only_one("engine"):
            self._users = (self._home / "users").open("w")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            self.address = f"unix://{self._home / 'docker.sock'}"
            if not answers(self.address):
                self._start()

    def leave(self) -> None:
        """Let it go; the last user ends it, if the lab had started it."""
        if self._users is None:
            return
        with only_one("engine"), self._users as file:
            self._users = None
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._end()

    def _start(self) -> None:
        log = self._home / "dockerd.log"
        argv = ["dockerd", "--host", self.address, "--data-root", str(self._home / "data")]
        argv += ["--exec-root", str(self._home / "exec"), "--pidfile", str(self._home / "pid")]
        with suppress(FileNotFoundError):
            (self._home / "pid").unlink()  # of an engine that was killed: its number may be somebody else's by now
        # A child of nobody here: it may outlive this process, when another one still uses it.
        shell = ["setsid", "sh", "-c", 'log=$1; shift; "$@" >"$log" 2>&1 </dev/null & echo $!', "sh", str(log), *argv]
        pid = int(subprocess.run(shell, capture_output=True, check=True, cwd="/").stdout)
        limit = time.monotonic() + STARTS
        while not answers(self.address):
            if not _lives(pid) or time.monotonic() > limit:
                raise RuntimeError(f"dockerd did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)

    def _end(self) -> None:
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            pid = int((self._home / "pid").read_text())
            os.kill(pid, signal.SIGTERM)
            limit = time.monotonic() + STARTS
            while (self._home / "pid").exists() and time.monotonic() < limit:
                time.sleep(0.1)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
