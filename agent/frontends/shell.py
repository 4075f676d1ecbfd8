"""`envsync shell HOST [COMMAND…]`: a real terminal on any host."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from ...tools.errors import Usage
from ...tools.hosts.registry import Hosts
from .flags import VALUED, Parser, settings, split


def run(argv: Sequence[str]) -> int:
    """Join this terminal to the login shell of a host, or to a command there; returns its exit code."""
    parser = Parser("envsync shell", description="Open a terminal on a host: its login shell, or one command.")
    parser.add_argument("words", nargs="*", metavar="HOST [COMMAND…]")
    parser.add_argument("--cwd", metavar="DIR", help="start in that directory over there")
    # The first plain word is the host; what follows it is the command with its own flags.
    before, host, command = split(argv, {*VALUED, "--cwd"})
    given = parser.read([*before, host] if host else before)
    chosen = settings(given, os.environ)
    host = host or ("" if chosen.on == "local" else chosen.on)
    if not host:
        raise Usage("shell needs the host", "For example: envsync shell docker:web, or envsync shell user@machine.")
    return asyncio.run(_shell(host, command, given.cwd))


async def _shell(name: str, command: Sequence[str], cwd: str | None) -> int:
    hosts = Hosts()
    try:
        return await hosts.open(name).terminal(command, cwd=Path(cwd) if cwd else None)
    finally:
        await hosts.close()
