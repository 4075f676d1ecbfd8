"""Containers that EnvSync made."""

from __future__ import annotations

import asyncio
import atexit
from functools import cache
from pathlib import Path

from ..errors import EnvSyncError
from ..hosts.docker_engine import Address, Container, Engine, engine, find
from .ledger import Made
from .owner import ID, OWNER, owner

WORD = "sandbox"


def reach(place: str) -> Engine:
    """The engine at this address, connected once per process. Raises Unreachable."""
    try:
        usual = not place or find().url == place
    except EnvSyncError:
        usual = False  # there is none in the usual places any more; the one that was used may still be there
    return engine() if usual else _other(place)


@cache
def _other(place: str) -> Engine:
    made = Engine(Address(place))
    atexit.register(made.close)
    return made


def ours(made: Made, state: Path) -> list[Container]:
    """The containers that carry this installation's mark and the line's id: never found by name. Raises Unreachable."""
    return reach(made.place).containers({OWNER: owner(state), ID: made.id})


async def alive(made: Made, state: Path) -> str:
    """See Kind.alive."""
    found = await asyncio.to_thread(ours, made, state)
    return found[0].state if found else ""


async def end(made: Made, state: Path) -> None:
    """See Kind.end."""

    def remove() -> None:
        at = reach(made.place)
        for container in ours(made, state):
            at.remove(container.id)

    await asyncio.to_thread(remove)


async def stranger(name: str) -> str:
    """See Kind.stranger."""
    found = await asyncio.to_thread(lambda: [c for c in engine().containers() if c.name == name])
    return f"the container {name} (image {found[0].image}, {found[0].status})" if found else ""
