"""A stream of bytes in each direction over one channel, so that a slow reader stops the writer and nothing piles up."""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import Callable
from typing import Any

WINDOW = 1 << 20
"""Bytes that may be on their way unread, each way."""
PIECE = 1 << 17


class Flow:
    """See forwarding.Stream. `send` puts a message on the channel; `hear` gets those of the other side."""

    def __init__(self, send: Callable[..., None]) -> None:
        self._send = send
        self._come: deque[bytes] = deque()
        self._held = 0
        self._ended = False
        self._gone = False
        self._credit = WINDOW
        self._eaten = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    def hear(self, kind: str, value: Any = None) -> None:
        """Take a message of the other side: `data` with bytes, `more` with a number of bytes that were read, `end`."""
        if kind == "data" and isinstance(value, bytes) and not self._ended:
            self._held += len(value)
            if self._held > 2 * WINDOW:
                self.fail()  # it does not keep to what was agreed
            else:
                self._come.append(value)
        elif kind == "more" and isinstance(value, int):
            self._credit += value
            self._room.set()
        elif kind == "end":
            self._ended = True
        self._news.set()

    def fail(self) -> None:
        """The connection is gone."""
        self._gone = self._ended = True
        self._news.set()
        self._room.set()

    async def read(self) -> bytes:
        """See Stream.read."""
        while not self._come:
            if self._ended:
                return b""
            self._news.clear()
            await self._news.wait()
        data = self._come.popleft()
        self._held -= len(data)
        self._eaten += len(data)
        if self._eaten >= WINDOW // 4 and not self._gone:
            self._send("more", self._eaten)
            self._eaten = 0
        return data

    async def write(self, data: bytes) -> None:
        """See Stream.write."""
        for at in range(0, len(data), PIECE):
            piece = data[at : at + PIECE]
            while self._credit <= 0 and not self._gone:
                self._room.clear()
                await self._room.wait()
            if self._gone:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            self._credit -= len(piece)
            self._send("data", piece)

    async def end(self) -> None:
        """See Stream.end."""
        if not self._gone:
            self._send("end")

    async def close(self) -> None:
        """See Stream.close."""
        self.fail()
