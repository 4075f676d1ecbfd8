"""A port of this machine that leads elsewhere; what carries the bytes is the caller's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from ..errors import Usage

CHUNK = 1 << 16


class Stream(Protocol):
    """Bytes in both directions. Each method is used by one task at a time; different methods by different tasks."""

    async def read(self) -> bytes:
        """The next bytes, as soon as there are any; b"" at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the other side takes none. Raises OSError when it takes none any more."""
        ...

    async def end(self) -> None:
        """Nothing more will be sent."""
        ...

    async def close(self) -> None:
        """Let it go. Closing twice is no error."""
        ...


class Listener:
    """See Forward."""

    def __init__(self, server: asyncio.Server, join: Callable[[], Awaitable[Stream]]) -> None:
        self._server = server
        self._join = join
        self._talks: set[asyncio.Task[None]] = set()
        self.port: int = server.sockets[0].getsockname()[1]

    @classmethod
    async def open(cls, port: int, join: Callable[[], Awaitable[Stream]]) -> Listener:
        """Listen on 127.0.0.1; `join` makes the other end of each connection. Raises Usage when `port` is taken."""
        made: list[Listener] = []
        try:
            server = await asyncio.start_server(lambda r, w: made[0].accept(r, w), "127.0.0.1", port)
        except OSError as error:
            raise Usage(
                f"port {port} of this machine cannot be used: {error.strerror or error}",
                "Name another one, or none for any free one.",
            ) from None
        made.append(cls(server, join))
        return made[0]

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until both sides are done."""
        task = asyncio.current_task()
        if task is not None:
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)
        try:
            stream = await self._join()
        except Exception:  # nobody answers there: a client here sees just that
            writer.transport.abort()
            return
        try:
            await carry(stream, SocketStream(reader, writer))
        finally:
            await stream.close()
            writer.close()

    async def close(self) -> None:
        """See Forward.close."""
        self._server.close()
        for task in list(self._talks):
            task.cancel()
        if self._talks:
            await asyncio.wait(list(self._talks))


class SocketStream:
    """A connected socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, address: str, port: int) -> SocketStream:
        """Connect; raises OSError."""
        return cls(*await asyncio.open_connection(address, port))

    async def read(self) -> bytes:
        """See Stream.read."""
        with suppress(OSError):
            return await self._reader.read(CHUNK)
        return b""

    async def write(self, data: bytes) -> None:
        """See Stream.write."""
        self._writer.write(data)
        await self._writer.drain()

    async def end(self) -> None:
        """See Stream.end."""
        with suppress(OSError):
            self._writer.write_eof()

    async def close(self) -> None:
        """See Stream.close."""
        self._writer.close()


async def carry(one: Stream, other: Stream) -> None:
    """Carry bytes both ways until both directions have ended."""

    async def way(source: Stream, to: Stream) -> None:
        with suppress(OSError):
            while data := await source.read():
                await to.write(data)
        await to.end()

    await asyncio.gather(way(one, other), way(other, one))
