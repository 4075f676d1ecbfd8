"""Servers that EnvSync made for a project: a database, a cache, a queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from ..hosts.base import Host
from ..hosts.registry import Hosts
from ..provision.services import keeper
from ..provision.services.lines import spec_of
from . import containers
from .ledger import Made

WORD = "service"


@asynccontextmanager
async def _host(made: Made) -> AsyncGenerator[Host]:
    """The machine that it runs on."""
    hosts = Hosts()
    try:
        yield hosts.open(made.place)
    finally:
        await hosts.close()


async def alive(made: Made, state: Path) -> str:
    """See Kind.alive."""
    async with _host(made) as host:
        said = await host.call(keeper.look, spec_of(made))
    return "" if said == "gone" else said


async def end(made: Made, state: Path) -> None:
    """See Kind.end: its processes, its data, and its lines in the project's `.env`."""
    spec = spec_of(made)
    if spec.by == "container":
        await containers.end(replace(made, place=spec.engine), state)
    async with _host(made) as host:
        await host.call(keeper.remove, spec)


async def stranger(name: str) -> str:
    """See Kind.stranger: a server that runs by itself has no name of this kind."""
    return ""


async def printed(made: Made, state: Path, count: int) -> list[tuple[str, str]]:
    """The last lines of its log, as (stream, line). Raises Unreachable."""
    spec = spec_of(made)
    if spec.by == "container":
        found = await asyncio.to_thread(containers.ours, replace(made, place=spec.engine), state)
        return await asyncio.to_thread(containers.reach(spec.engine).logs, found[0].id, count) if found else []
    async with _host(made) as host:
        return [("", line) for line in await host.call(keeper.tail, spec, count)]
