"""One change at a time per environment: a lock that names its owner and does not outlive it."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from .errors import Locked, Usage

MARK = "ENVSYNC_LOCK"
"""In the environment of what runs under a lock: the lock's id, by which what a killed owner left behind is known."""


@contextmanager
def lock(directory: Path, environment: str, what: str) -> Generator[None]:
    """Hold the lock of `environment` (any string) for `what`; raises Locked with the owner's words when it is taken.

    The kernel drops the lock with its process, so a dead owner on this machine is simply taken over, unless a command
    that it began (an installer, say) lives on and still changes the environment. An owner on another machine (a state
    directory on a shared disk) cannot be checked from here: that one needs `envsync unlock ID`.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    # A hash that every Python has: an EnvSync elsewhere takes this lock through its helper, which has no other.
    path = directory / f"{blake2b(os.fsencode(environment), digest_size=12).hexdigest()}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _owner(handle)
            raise Locked(
                f"{environment} is being changed by process {owner.get('pid', '?')}: {owner.get('what', 'unknown')}",
                "Wait until it is done, or end that process; nothing was changed.",
                owner=owner,
            ) from None
        owner = _owner(handle)
        if owner and owner.get("machine") != _machine():
            raise Locked(
                f"{environment} was locked from machine {owner.get('machine')}: {owner.get('what')}",
                f"When nothing runs there any more: envsync unlock {owner.get('id')}",
                owner=owner,
            )
        left = _left_behind(owner)
        if left:
            raise Locked(
                f"{environment} is still being changed by process {left[0]}, left behind by one that died: "
                f"{owner.get('what')}",
                f"Wait until it is done, or end it: kill {' '.join(map(str, left[:8]))}. "
                f"If it changes nothing here: envsync unlock {owner.get('id')}",
                owner=owner,
            )
        id = secrets.token_hex(8)
        _say(handle, {"pid": os.getpid(), "machine": _machine(), "id": id, "what": what, "on": environment})
        outer = os.environ.get(MARK, "")
        os.environ[MARK] = f"{outer},{id}".strip(",")
        try:
            yield
        finally:
            os.environ[MARK] = outer
            if not outer:
                del os.environ[MARK]
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def held(directory: Path) -> list[dict[str, object]]:
    """The owners of all locks that are held now or were left behind by another machine."""
    found: list[dict[str, object]] = []
    for path in sorted(directory.glob("*.lock")):
        with path.open("rb") as file:
            owner = _owner(file.fileno())
            if not owner:
                continue
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(owner)
                continue
            if owner.get("machine") != _machine() or _left_behind(owner):
                found.append(owner)
    return found


def unlock(directory: Path, id: str) -> None:
    """Drop a lock that another machine left behind. Raises Usage for an unknown id, Locked when its owner lives here."""
    for path in sorted(directory.glob("*.lock")):
        with path.open("rb+") as file:
            if _owner(file.fileno()).get("id") != id:
                continue
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Locked("that lock is held by a living process here", "End that process instead.") from None
            file.truncate(0)
            return
    raise Usage(f"there is no lock {id!r}", "`envsync status` lists the locks.")


def _left_behind(owner: dict[str, object]) -> list[int]:
    """Processes that `owner` began under its lock and that live on; none where there is no /proc to tell."""
    id = str(owner.get("id") or "")
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*") if id else ():
        with suppress(OSError):
            entries = (folder / "environ").read_bytes().split(b"\0")
            marks = next((e.partition(b"=")[2].decode() for e in entries if e.startswith(f"{MARK}=".encode())), "")
            if id in marks.split(",") and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def _machine() -> str:
    return platform.node()


def _owner(handle: int) -> dict[str, object]:
    try:
        body = json.loads(os.pread(handle, 4096, 0) or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # JSON of our own making


def _say(handle: int, owner: dict[str, object]) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(owner).encode(), 0)
