"""A program that runs somewhere, as three streams of bytes: what every connection to another machine is made of."""

from __future__ import annotations

import asyncio
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


class ProcessPipe:
    """A program of this machine."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, argv: Sequence[str], env: Mapping[str, str] | None = None) -> ProcessPipe:
        """Start `argv` in a session of its own; `env` is added to the environment. Raises OSError."""
        return cls(
            await asyncio.create_subprocess_exec(
                *argv,
                env={**os.environ, **env} if env else None,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                limit=1 << 20,
            )
        )

    async def read(self) -> bytes:
        """See Pipe.read."""
        assert self._process.stdout is not None
        with suppress(OSError):
            return await self._process.stdout.read(CHUNK)
        return b""

    async def read_error(self) -> bytes:
        """See Pipe.read_error."""
        assert self._process.stderr is not None
        with suppress(OSError):
            return await self._process.stderr.read(CHUNK)
        return b""

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """See Pipe.write."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def end(self) -> None:
        """See Pipe.end."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    async def wait(self) -> int:
        """See Pipe.wait."""
        code = await self._process.wait()
        return 128 - code if code < 0 else code

    async def close(self) -> None:
        """See Pipe.close."""
        await self.end()
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGHUP)
        self._process._transport.close()  # type: ignore[attr-defined]  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue]  # asyncio has no public way to let pipes go that a child's child still holds
