"""`envsync tunnel HOST PORT…`: ports of a host, reached on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...tools.errors import Usage
from ...tools.hosts.registry import Hosts
from ..config import Settings
from .flags import Parser, settings
from .render import Screen
from .turn import signals

PORT = re.compile(r"(?:(?P<local>\d{1,5}):)?(?:(?P<address>[A-Za-z0-9.\-]+|\[[0-9a-fA-F:]+\]):)?(?P<port>\d{1,5})")


@dataclass(frozen=True)
class Wanted:
    """One port to forward: `local` 0 means the same number when it is free, else any."""

    local: int
    address: str
    port: int


def run(argv: Sequence[str]) -> int:
    """Forward ports until Ctrl-C. Raises Usage for what is no port, Unreachable when the host is."""
    parser = Parser("envsync tunnel", description="Reach ports of a host on this machine, until Ctrl-C.")
    parser.add_argument("words", nargs="*", metavar="HOST [LOCAL:][ADDRESS:]PORT…")
    given = parser.read(argv)
    chosen = settings(given, os.environ)
    words = [*given.words]
    if words and chosen.on != "local" and PORT.fullmatch(words[0]):
        words.insert(0, chosen.on)
    if len(words) < 2:
        raise Usage("tunnel needs a host and a port", "For example: envsync tunnel user@machine 8080, or 3000:8080.")
    wanted = [_wanted(word) for word in words[1:]]
    if chosen.plan:
        lines = [
            f"would lead 127.0.0.1:{one.local or one.port} to {one.address}:{one.port} of {words[0]}" for one in wanted
        ]
        print(json.dumps({"summary": "; ".join(lines)}) if chosen.json else "\n".join(lines))
        return 0
    return asyncio.run(_tunnel(words[0], wanted, chosen))


def _wanted(word: str) -> Wanted:
    found = PORT.fullmatch(word)
    if found is None or not all(0 < int(found[name] or 1) < 65536 for name in ("local", "port")):
        raise Usage(f"{word!r} is no port", "A port is written 8080, 3000:8080 (here:there), or 3000:db:5432.")
    return Wanted(int(found["local"] or 0), (found["address"] or "127.0.0.1").strip("[]"), int(found["port"]))


async def _tunnel(name: str, wanted: Sequence[Wanted], chosen: Settings) -> int:
    hosts, ended = Hosts(), asyncio.Event()
    host = hosts.open(name)
    try:
        opened: list[tuple[Wanted, int]] = []
        for one in wanted:
            try:
                forward = await host.forward(one.port, port=one.local or one.port, address=one.address)
            except Usage:
                if one.local:
                    raise
                # Nobody asked for this very number here: any free one serves.
                forward = await host.forward(one.port, address=one.address)
            opened.append((one, forward.port))
        if chosen.json:
            told = [{"local": port, "address": one.address, "port": one.port} for one, port in opened]
            print(json.dumps({"host": host.name, "forwards": told}), flush=True)
        else:
            screen = Screen(chosen)
            for one, port in opened:
                screen.note(f"127.0.0.1:{port} leads to {one.address}:{one.port} of {host.name}", "good")
            screen.note("Ctrl-C ends it")
        with signals(ended.set):
            await _until(ended, hosts, name)
    finally:
        await hosts.close()
    return 0


async def _until(ended: asyncio.Event, hosts: Hosts, name: str) -> None:
    """Wait for the end; a host that goes away meanwhile is an error, not a tunnel that leads nowhere."""
    while not ended.is_set():
        try:
            await asyncio.wait_for(ended.wait(), 15)
        except TimeoutError:
            await hosts.open(name).info()
