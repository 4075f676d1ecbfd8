"""Provisions a service in a process of its own, so that a test can kill it: `python -m … PROJECT STATE SERVICE`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from envsync.tools.contract import Context
from envsync.tools.hosts.registry import Hosts

from .conftest import carry_out, scanned


async def main(project: str, state: str, service: str) -> None:
    """Carry it out; prints how it ended."""

    async def observe(context: Context, scope: str = "all") -> object:
        return scanned(context.path)

    hosts = Hosts()
    context = Context(
        host=hosts.open("local"), path=Path(project), state=Path(state), notes=None, observe=observe, open=hosts.open  # type: ignore[arg-type]
    )  # fmt: skip
    _, outcome = await carry_out(context, service)
    print(outcome.state, outcome.error)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
