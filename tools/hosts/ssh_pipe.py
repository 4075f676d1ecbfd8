"""One program at the other end of an SSH connection, as a pipe."""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from ..errors import Unreachable

if TYPE_CHECKING:
    from asyncssh import SSHClientChannel, SSHClientConnection

WINDOW = 8 << 20
"""Bytes the other side may send before we have taken them. ssh's own 2 MiB limits a fast line of 20 ms to 100 MB/s."""
PACKET = 1 << 18
"""Bytes that one packet may have; OpenSSH sends 32 KiB at most, others more."""
HELD = 4 << 20
"""Bytes kept here that nobody has read yet, before the other side is asked to wait."""
_SIGNALS = {
    "HUP": 1,
    "INT": 2,
    "QUIT": 3,
    "ILL": 4,
    "ABRT": 6,
    "FPE": 8,
    "KILL": 9,
    "USR1": 10,
    "SEGV": 11,
    "PIPE": 13,
    "ALRM": 14,
    "TERM": 15,
}


def line(argv: Sequence[str]) -> str:
    """A command line that gives exactly these words, whatever login shell reads it.

    sshd hands a line to the login shell, which may be fish, csh or none that we know, and they differ in what a
    backslash, a quote, `!` or a line break means between quotes. So it only ever sees one word between single quotes,
    in which none of these occurs; a POSIX sh that it starts reads the rest.
    """
    words = " ".join(shlex.quote(word) for word in argv)
    octal = "".join(f"\\0{byte:03o}" for byte in f"exec {words}".encode("utf-8", "surrogateescape"))
    return 'sh -c \'eval "$(printf %b "' + octal + '")"\''


class _Session:
    """What asyncssh calls as bytes come; kept here until they are read."""

    def __init__(self) -> None:
        self.channel: SSHClientChannel[bytes] | None = None
        self.held: dict[int, deque[bytes]] = {0: deque(), 1: deque()}
        self.size = 0
        self.ended = False
        self.paused = False
        self.closed = asyncio.Event()
        self.lost: Exception | None = None
        self._came = [asyncio.Event(), asyncio.Event()]
        self._flows = asyncio.Event()
        self._flows.set()

    def connection_made(self, chan: Any) -> None:
        self.channel = chan

    def session_started(self) -> None:
        pass

    def data_received(self, data: bytes, datatype: int | None) -> None:
        stream = 1 if datatype else 0
        self.held[stream].append(data)
        self.size += len(data)
        if self.size > HELD and not self.paused and self.channel is not None:
            self.paused = True
            self.channel.pause_reading()
        self._came[stream].set()

    def eof_received(self) -> bool:
        self.ended = True
        self._wake()
        return True  # what we write may still be wanted

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended, self.lost = True, exc
        self.closed.set()
        self._flows.set()
        self._wake()

    def pause_writing(self) -> None:
        self._flows.clear()

    def resume_writing(self) -> None:
        self._flows.set()

    def exit_status_received(self, status: int) -> None:
        pass

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        pass

    def _wake(self) -> None:
        for event in self._came:
            event.set()

    async def take(self, stream: int) -> bytes:
        held = self.held[stream]
        while not held:
            if self.ended:
                return b""
            self._came[stream].clear()
            await self._came[stream].wait()
        data = held.popleft() if len(held) == 1 else b"".join(held)
        held.clear()
        self.size -= len(data)
        if self.paused and self.size <= HELD // 2 and self.channel is not None:
            self.paused = False
            self.channel.resume_reading()
        return data

    async def flows(self) -> None:
        await self._flows.wait()


class ChannelStream:
    """See forwarding.Stream: one channel of a connection."""

    def __init__(self, channel: Any, session: _Session) -> None:
        self._channel = channel
        self._session = session

    @classmethod
    async def reach(cls, connection: SSHClientConnection, address: str, port: int) -> ChannelStream:
        """A TCP connection that the machine makes for us. Raises what asyncssh raises."""
        create: Callable[..., Awaitable[tuple[Any, Any]]] = cast(Any, connection).create_connection
        return cls(*await create(_Session, address, port, encoding=None, window=WINDOW, max_pktsize=PACKET))

    @property
    def closed(self) -> bool:
        """Whether both sides are done with it."""
        return self._session.closed.is_set()

    async def read(self) -> bytes:
        """See Stream.read."""
        return await self._session.take(0)

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """See Stream.write; `data` may be changed by the caller after this returned."""
        if self._session.closed.is_set() or self._channel.is_closing():
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        # Piece by piece, so that what waits to be sent stays small and other channels get their turn.
        view = memoryview(data)
        for start in range(0, len(view), HELD):
            self._channel.write(view[start : start + HELD])
            await self._session.flows()
            if self._session.closed.is_set():
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    async def end(self) -> None:
        """See Stream.end."""
        with suppress(OSError):
            self._channel.write_eof()

    async def close(self) -> None:
        """See Stream.close."""
        if not self._session.closed.is_set():
            self._channel.close()


class ChannelPipe(ChannelStream):
    """See Pipe: a program there, in a terminal of its own or without one."""

    def __init__(self, name: str, channel: Any, session: _Session) -> None:
        super().__init__(channel, session)
        self._name = name

    @classmethod
    async def start(
        cls,
        name: str,
        connection: SSHClientConnection,
        command: str | None,
        terminal: tuple[str, int, int] | None = None,
    ) -> ChannelPipe:
        """Run a line of the login shell, or that shell itself; `terminal` is its kind, rows and columns.

        Raises what asyncssh raises.
        """
        # It is called with bytes, and never checked for its class: asyncssh's annotations know text alone.
        create: Callable[..., Awaitable[tuple[Any, Any]]] = cast(Any, connection).create_session
        options: dict[str, Any] = {"request_pty": False}
        if terminal is not None:
            kind, rows, columns = terminal
            options = {"request_pty": "force", "term_type": kind, "term_size": (columns, rows)}
        channel, session = await create(_Session, command, encoding=None, window=WINDOW, max_pktsize=PACKET, **options)
        return cls(name, channel, session)

    async def read_error(self) -> bytes:
        """See Pipe.read_error."""
        return await self._session.take(1)

    async def resize(self, rows: int, columns: int) -> None:
        """The window of its terminal has another size."""
        with suppress(OSError):
            self._channel.change_terminal_size(columns, rows)

    async def wait(self) -> int:
        """See Pipe.wait."""
        await self._session.closed.wait()
        signal = self._channel.get_exit_signal()
        if signal is not None:
            return 128 + _SIGNALS.get(signal[0], 15)
        status = self._channel.get_exit_status()
        if status is None:
            raise Unreachable(f"the connection to {self._name} was cut", "Try again: the next use connects anew.")
        return status

    async def close(self) -> None:
        """See Pipe.close."""
        if not self._session.closed.is_set():
            with suppress(OSError):
                self._channel.send_signal("HUP")
        await super().close()
