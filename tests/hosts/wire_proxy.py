"""A line between a client and a server that breaks where a test wants it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress


class Line:
    """A port of this machine that leads to another one, and what may happen on the way."""

    def __init__(self, to: int) -> None:
        self.to = to
        self.port = 0
        self.cut_after: int | None = None
        """Bytes from the server after which a connection ends; None for never."""
        self.cut_sent_after: int | None = None
        """Bytes from the client after which a connection ends."""
        self.refuse = 0
        """So many of the next connections end before a word."""
        self.stalled = False
        """Nothing goes through any more, and nobody is told: what a machine does whose power is gone."""
        self.connections = 0
        self.passed = 0
        """Bytes from the server of the last connection."""
        self.sent = 0
        """Bytes from its client."""
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """End all connections."""
        for writer in list(self._open):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            if self.refuse:
                self.refuse -= 1
                return
            there, back = await asyncio.open_connection("127.0.0.1", self.to)
            self._open.add(back)
            self.passed = self.sent = 0
            pumps = [
                asyncio.ensure_future(self._pump(reader, back)),
                asyncio.ensure_future(self._pump(there, writer, True)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._open.discard(back)
            back.transport.abort()
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: bool = False) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                while self.stalled:
                    await asyncio.sleep(0.02)
                limit = self.cut_after if back else self.cut_sent_after
                gone = self.passed if back else self.sent
                if limit is not None:
                    data = data[: max(0, limit - gone)]
                writer.write(data)
                await writer.drain()
                if back:
                    self.passed += len(data)
                else:
                    self.sent += len(data)
                if limit is not None and gone + len(data) >= limit:
                    return


@asynccontextmanager
async def line(to: int) -> AsyncGenerator[Line]:
    """A line to port `to` of this machine."""
    made = Line(to)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.cut()
        await asyncio.sleep(0)
