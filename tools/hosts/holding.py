"""The lock of an environment on another host, held over there: two machines must not change it at the same time."""

from __future__ import annotations

import os
import platform
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import EnvSyncError, Locked
from ..locks import held, lock
from .base import Freezes, Host
from .here import helped, near


class Holder:
    """A worker (see Host.start) that holds a lock until it is closed, or its connection ends.

    It is the very lock that an EnvSync of the same user on that machine takes. Raises Locked.
    """

    def __init__(self, tell: Callable[[Any], None], environment: str, what: str) -> None:
        self._lock = lock(_state() / "locks", environment, what)
        self._lock.__enter__()

    def close(self) -> None:
        """Let it go."""
        self._lock.__exit__(None, None, None)


def _state() -> Path:
    given = os.environ.get("ENVSYNC_STATE")
    return Path(given) if given else Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "envsync"


def owners() -> list[dict[str, object]]:
    """The owners of the locks that are held on the machine that this runs on."""
    return held(_state() / "locks")


async def owners_there(host: Host) -> list[dict[str, object]]:
    """Likewise on a host that is elsewhere, without those that this machine holds there itself."""
    if near(host) or isinstance(host, Freezes) or not await helped(host):
        return []
    own = f"(from {platform.node()})"
    return [owner for owner in await host.call(owners) if not str(owner.get("what", "")).endswith(own)]


@asynccontextmanager
async def held_there(host: Host, environment: str, what: str) -> AsyncGenerator[None]:
    """Hold `environment` (its path, or a word for the machine) on a host that is elsewhere; here, the caller's lock does.

    Without a Python over there nothing can hold it, so only this installation's own lock does. Raises Locked with the
    owner's words, Unreachable.
    """
    # A container or VM is reached from this machine alone, and what is recorded whole must not change by being locked.
    if near(host) or isinstance(host, Freezes) or not await helped(host):
        yield
        return
    said = f"{what} (from {platform.node()})"
    try:
        link = await host.start(Holder, environment, said)
    except Locked as error:
        raise Locked(error.what.replace("local:", f"{host.name}:", 1), error.hint, **error.data) from None
    try:
        yield
    finally:
        with suppress(EnvSyncError):  # a host that went away has let it go by itself
            await link.close()
