"""A program that runs somewhere, as three streams of bytes: what every connection to another machine is made of."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

CHUNK = 1 << 18
"""Bytes that are read at most at a time."""


class Pipe(Protocol):
    """A running program's streams. Each method is used by one task at a time; different methods by different tasks."""

    async def read(self) -> bytes:
        """The next bytes of its standard output, as soon as there are any; b"" at the end, and when the connection is lost."""
        ...

    async def read_error(self) -> bytes:
        """Likewise for standard error; always b"" when the connection has no such stream."""
        ...

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Give it input; waits while it does not take any. Raises OSError when it takes none any more.

        `data` may be changed by the caller after this returned.
        """
        ...

    async def end(self) -> None:
        """Its input ends here."""
        ...

    async def wait(self) -> int:
        """Wait until it ended: its exit code, 128 + N after signal N. Raises Unreachable when the connection was lost."""
        ...

    async def close(self) -> None:
        """Let it go: its input ends and, where the connection can do that, it gets SIGHUP. Closing twice is no error."""
        ...


class Reader:
    """Reads a file descriptor without blocking the loop; owns it."""

    def __init__(self, file: int) -> None:
        os.set_blocking(file, False)
        _widen(file)
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """The next bytes; b"" at the end."""
        while self._file >= 0:
            try:
                return os.read(self._file, CHUNK)
            except BlockingIOError:
                self._waiting = self._loop.create_future()
                self._loop.add_reader(self._file, _wake, self._waiting)
                try:
                    await self._waiting
                finally:
                    if self._file >= 0:
                        self._loop.remove_reader(self._file)
            except OSError:
                break
        return b""

    def close(self) -> None:
        """Stop reading; whoever waits gets the end."""
        if self._file >= 0:
            file, self._file = self._file, -1
            self._loop.remove_reader(file)
            os.close(file)
        if self._waiting is not None:
            _wake(self._waiting)


class Writer:
    """Writes to a file descriptor without blocking the loop; owns it."""

    def __init__(self, file: int) -> None:
        os.set_blocking(file, False)
        _widen(file)
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of it; raises OSError."""
        rest = memoryview(data)
        while rest:
            if self._file < 0:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            try:
                rest = rest[os.write(self._file, rest) :]
            except BlockingIOError:
                self._waiting = self._loop.create_future()
                self._loop.add_writer(self._file, _wake, self._waiting)
                try:
                    await self._waiting
                finally:
                    if self._file >= 0:
                        self._loop.remove_writer(self._file)

    def close(self) -> None:
        """Nothing more will be written."""
        if self._file >= 0:
            file, self._file = self._file, -1
            self._loop.remove_writer(file)
            os.close(file)
        if self._waiting is not None:
            _wake(self._waiting)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _widen(file: int) -> None:
    """A pipe holds 64 KiB; a larger one saves many turns when much is to be carried."""
    with suppress(OSError, AttributeError):
        fcntl.fcntl(file, fcntl.F_SETPIPE_SZ, 1 << 20)  # type: ignore[attr-defined]


class ProcessPipe:
    """A program of this machine."""

    def __init__(self, process: asyncio.subprocess.Process, into: int, out: int, error: int) -> None:
        self.process = process
        self._in = Writer(into)
        self._out = Reader(out)
        self._error = Reader(error)

    @classmethod
    async def start(cls, argv: Sequence[str], env: Mapping[str, str] | None = None) -> ProcessPipe:
        """Start `argv` in a session of its own; `env` is added to the environment. Raises OSError."""
        theirs_in, into = os.pipe()
        out, theirs_out = os.pipe()
        error, theirs_error = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                env={**os.environ, **env} if env else None,
                stdin=theirs_in,
                stdout=theirs_out,
                stderr=theirs_error,
                start_new_session=True,
            )
        except BaseException:
            for file in (into, out, error):
                os.close(file)
            raise
        finally:
            for file in (theirs_in, theirs_out, theirs_error):
                os.close(file)
        return cls(process, into, out, error)

    async def read(self) -> bytes:
        """See Pipe.read."""
        return await self._out.read()

    async def read_error(self) -> bytes:
        """See Pipe.read_error."""
        return await self._error.read()

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """See Pipe.write."""
        await self._in.write(data)

    async def end(self) -> None:
        """See Pipe.end."""
        self._in.close()

    async def wait(self) -> int:
        """See Pipe.wait."""
        code = await self.process.wait()
        return 128 - code if code < 0 else code

    async def close(self) -> None:
        """See Pipe.close."""
        self._in.close()
        self._out.close()
        self._error.close()
        for sign in (signal.SIGHUP, signal.SIGKILL):
            if self.process.returncode is None:
                with suppress(ProcessLookupError):
                    self.process.send_signal(sign)
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.process.wait(), 5)
