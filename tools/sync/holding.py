"""Sides that stay open between a plan, its being made again, and its being carried out: for some seconds, in one process.

What was seen is used again only moments later, by the same session, when nobody else has agreed on anything since. That
is as safe as looking again: each path is checked once more when it is changed, and content by its digest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import EnvSyncError
from ..hosts.base import Host
from .ancestor import Ancestor
from .session import Session
from .work import Work

LINGER = 10.0
"""Seconds for which they stay open; a person who thinks longer about a plan waits for them once more."""


@dataclass
class _Held:
    work: Work
    hosts: tuple[Host, Host]
    loop: asyncio.AbstractEventLoop
    timer: asyncio.TimerHandle | None = None
    closing: asyncio.Task[None] | None = None


_held: dict[Path, _Held] = {}


def hold(work: Work, open_host: Callable[[str], Host]) -> None:
    """Keep it for the next `take`; its session's lock may be let go."""
    loop = asyncio.get_running_loop()
    work.engine.ancestor.close()
    held = _Held(work, _hosts(work.session, open_host), loop)

    def end() -> None:
        if _held.get(work.session.directory) is held:
            del _held[work.session.directory]
            held.closing = loop.create_task(_close(work))

    held.timer = loop.call_later(LINGER, end)
    _held[work.session.directory] = held


async def take(session: Session, open_host: Callable[[str], Host]) -> Work | None:
    """What is held for this session; call with its lock held. None when there is nothing that could be used."""
    held = _held.pop(session.directory, None)
    if held is None or held.loop is not asyncio.get_running_loop():
        return None
    if held.timer is not None:
        held.timer.cancel()
    work, before = held.work, held.work.engine.ancestor
    try:
        hosts = _hosts(session, open_host)
        if work.session.spec.asked() == session.spec.asked() and all(map(_same, hosts, held.hosts)):
            await asyncio.gather(*(side.facts() for side in work.engine.sides))  # they answer
            now = Ancestor(session.directory / "ancestor")
            work.again(session, None if now.mark == before.mark else now)
            return work
    except EnvSyncError:
        pass  # its connection is gone, or its record damaged: opening it anew says so
    await _close(work)
    return None


async def drop(session: Session) -> None:
    """Close what is held for this session."""
    held = _held.pop(session.directory, None)
    if held is not None and held.loop is asyncio.get_running_loop():
        if held.timer is not None:
            held.timer.cancel()
        await _close(held.work)


def _hosts(session: Session, open_host: Callable[[str], Host]) -> tuple[Host, Host]:
    return open_host(session.spec.source.host), open_host(session.spec.destination.host)


def _same(one: Host, other: Host) -> bool:
    return one is other


async def _close(work: Work) -> None:
    with suppress(EnvSyncError, OSError):
        await work.close()
