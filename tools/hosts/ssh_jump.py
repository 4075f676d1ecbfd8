"""Machines on the way to others: one connection to each, shared by all that go over it.

Fifty machines behind one bastion would otherwise log in there fifty times, and sshd turns away more than ten at a time.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from .ssh_config import Target

if TYPE_CHECKING:
    from .ssh_connect import Connection

Chain = tuple[Target, ...]
"""The machines up to and including one, in the order in which they are passed."""

_pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Chain, Hop]] = weakref.WeakKeyDictionary()


class Hop:
    """A connection to a machine on the way, as long as anybody uses it."""

    def __init__(self, chain: Chain, making: Awaitable[Connection]) -> None:
        self.chain = chain
        self.making = asyncio.ensure_future(making)
        self.users = 0

    @property
    def connection(self) -> Connection:
        """The connection, once `enter` has returned this."""
        return self.making.result()

    @property
    def usable(self) -> bool:
        """Whether it is being made, or open."""
        return not self.making.done() or (self.making.exception() is None and not self.connection.closed)

    async def leave(self) -> None:
        """Let it go; the last one to leave ends it."""
        self.users -= 1
        if self.users:
            return
        pool = _pools.get(asyncio.get_running_loop(), {})
        if pool.get(self.chain) is self:
            del pool[self.chain]
        if not self.making.done():
            self.making.cancel()
            await asyncio.wait({self.making})
        if not self.making.cancelled() and self.making.exception() is None:
            await self.connection.close()


async def enter(chain: Chain, connect: Callable[[Target, Hop | None], Awaitable[Connection]]) -> Hop:
    """The last machine of a chain; `connect` makes a connection over the hop before it. Raises what that raises."""
    pool = _pools.setdefault(asyncio.get_running_loop(), {})
    hop = pool.get(chain)
    if hop is None or not hop.usable:
        hop = pool[chain] = Hop(chain, _make(chain, connect))
    hop.users += 1
    try:
        await asyncio.shield(hop.making)
    except BaseException:
        await hop.leave()
        raise
    return hop


async def _make(chain: Chain, connect: Callable[[Target, Hop | None], Awaitable[Connection]]) -> Connection:
    *way, wanted = chain
    before = await enter(tuple(way), connect) if way else None
    try:
        return await connect(wanted, before)
    except BaseException:
        if before is not None:
            with suppress(asyncio.CancelledError):
                await before.leave()
        raise
