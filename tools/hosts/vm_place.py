"""Where virtual machines are kept, who may change one at a time, and files that are replaced as a whole."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import Damaged, Failed, Locked, Usage

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")


def state() -> Path:
    """EnvSync's state directory, as the settings determine it: the default of every function here that takes one."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(os.environ.get("ENVSYNC_STATE") or Path(home) / "envsync").absolute()


def images(root: Path) -> Path:
    """Where base images are: of all installations of this user when ENVSYNC_IMAGES says so, else of this one."""
    return Path(os.environ.get("ENVSYNC_IMAGES") or root / "images").absolute()


def machines(root: Path) -> Path:
    """The directory with one directory for each machine."""
    return root / "vms"


def shared(root: Path) -> Path:
    """What all machines have in common: our key, and what is known of this computer. No machine can have its name."""
    return private(machines(root) / ".shared")


def folder(name: str, root: Path) -> Path:
    """The directory of one machine. Raises Usage for a name that could be more than the name of one file."""
    if not NAME.fullmatch(name):
        raise Usage(
            f"{name!r} cannot be the name of a virtual machine",
            "Use up to 48 letters, digits, dots, underscores and hyphens, beginning with a letter or digit.",
        )
    return machines(root) / name


def private(directory: Path) -> Path:
    """Make a directory that only this user can enter."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file as a whole: a reader, and a crash, find the old content or the new one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def write_json(path: Path, body: object) -> None:
    """Replace a file by `body` as JSON."""
    write(path, json.dumps(body, indent=1, sort_keys=True).encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """What write_json wrote; None when there is no such file. Raises Damaged."""
    try:
        body = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise Damaged(f"{path} cannot be read: {error}", "Restore it from a backup, or remove it.") from error
    if not isinstance(body, dict):
        raise Damaged(f"{path} holds no record", "Restore it from a backup, or remove it.")
    return body  # pyright: ignore[reportUnknownVariableType]  # JSON of our own making


@asynccontextmanager
async def turn(file: Path, what: str, limit: float = 120) -> AsyncGenerator[None]:
    """Wait for one's turn at `file`, at most `limit` seconds; the kernel gives it back when the process dies.

    Raises Locked when somebody else keeps it: `what` says at what.
    """
    private(file.parent)
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + limit
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Locked(
                        f"another process has been {what} for {limit:.0f} seconds", "Wait until it is done, or end it."
                    ) from None
            await asyncio.sleep(0.02)
        yield
    finally:
        os.close(handle)


def full(error: OSError, what: str, directory: Path) -> Failed:
    """An error of the disk under `directory`, as one that says what to do."""
    return Failed(
        f"{what} failed: {error.strerror or error}",
        f"Free space under {directory}, or set ENVSYNC_STATE to another disk.",
    )
