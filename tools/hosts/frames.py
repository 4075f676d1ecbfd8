"""Many conversations over one pipe: each message goes to a channel, and none waits for another's large one."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import Any

from .pipe import Pipe
from .wire import CAP, Malformed, decode, encode

PIECE = 1 << 18
"""Bytes of a message that go in one piece at most; after each one the other channels have their turn."""
HIGH = 4 << 20
"""Bytes that may wait to be sent before `room` waits."""

_HEAD = struct.Struct(">II")
_LAST = 1 << 31


class Frames:
    """Sends and receives messages over a pipe. The messages of one channel keep their order."""

    def __init__(self, pipe: Pipe, hear: Callable[[int, Any], None]) -> None:
        """`hear(channel, message)` gets each message that comes; it must not block."""
        self.pipe = pipe
        self.seen = 0
        """Bytes that have come."""
        self._hear = hear
        self._turns: deque[int] = deque()
        self._waiting: dict[int, deque[list[bytes | memoryview]]] = {}
        self._queued = 0
        self._work = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()
        self._parts: dict[int, bytearray] = {}
        self._held = 0

    def send(self, channel: int, message: object) -> None:
        """Queue a message. Raises TypeError when it is no plain data, ValueError when it is too large."""
        pieces = encode(message)
        size = sum(map(len, pieces))
        if size > CAP:
            raise ValueError(f"{size >> 20} MiB are too much to send to a host at once; the limit is {CAP >> 20} MiB")
        if channel not in self._waiting:
            self._waiting[channel] = deque()
            self._turns.append(channel)
        self._waiting[channel].append(list(pieces))
        self._queued += size
        if self._queued > HIGH:
            self._free.clear()
        self._work.set()

    async def room(self) -> None:
        """Wait until what is queued is little enough to add to it."""
        await self._free.wait()

    async def write(self) -> None:
        """Send what is queued, until cancelled. Raises OSError when the pipe takes no more."""
        while True:
            if not self._turns:
                self._work.clear()
                await self._work.wait()
            batch: list[bytes | memoryview] = []
            size = 0
            while self._turns and size < PIECE:
                size += self._piece(batch)
            if len(batch) == 2 and len(batch[1]) > 1 << 15:
                await self.pipe.write(batch[0])
                await self.pipe.write(batch[1])
            else:
                await self.pipe.write(b"".join(batch))
            self._queued -= size
            if self._queued <= HIGH:
                self._free.set()

    def _piece(self, batch: list[bytes | memoryview]) -> int:
        """Move the next piece of the next channel into `batch`; its size."""
        channel = self._turns.popleft()
        messages = self._waiting[channel]
        message = messages[0]
        taken: list[bytes | memoryview] = []
        size = 0
        while message and size < PIECE:
            whole = message[0]
            if len(whole) > PIECE - size:
                view = memoryview(whole)
                taken.append(view[: PIECE - size])
                message[0] = view[PIECE - size :]
                size = PIECE
            else:
                taken.append(message.pop(0))
                size += len(whole)
        last = 0 if message else _LAST
        if not message:
            messages.popleft()
        if messages:
            self._turns.append(channel)
        else:
            del self._waiting[channel]
        batch.append(_HEAD.pack(channel, size | last))
        batch.extend(taken)
        return size

    async def read(self, start: bytes = b"") -> None:
        """Hear what comes, `start` first, until the pipe ends. Raises Malformed."""
        head = b""
        """The beginning of a piece's head, when the rest of it is still to come."""
        channel, left, last = 0, 0, 0
        """The piece that is coming, and how much of it is still to come."""
        data = start
        while True:
            view, at = memoryview(data), 0
            while at < len(view):
                if not left:
                    need = _HEAD.size - len(head)
                    head += view[at : at + need]
                    at += need
                    if len(head) < _HEAD.size:
                        break
                    channel, size = _HEAD.unpack(head)
                    head, last, left = b"", size & _LAST, size & ~_LAST
                    if not 0 < left <= PIECE:
                        raise Malformed(f"a piece of {left} bytes")
                body = view[at : at + left]
                at += len(body)
                left -= len(body)
                self._take(channel, body, bool(last) and not left)
            data = await self.pipe.read()
            if not data:
                return
            self.seen += len(data)

    def _take(self, channel: int, body: memoryview, last: bool) -> None:
        if not body:
            return
        if channel in self._parts:
            whole = self._parts[channel]
            whole += body
            self._held += len(body)
        elif last:
            self._hear(channel, decode(body))
            return
        else:
            self._parts[channel] = bytearray(body)
            self._held += len(body)
        if self._held > CAP + (CAP >> 1):
            raise Malformed(f"messages of more than {CAP >> 20} MiB")
        if last:
            whole = self._parts.pop(channel)
            self._held -= len(whole)
            self._hear(channel, decode(whole))
