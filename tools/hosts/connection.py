"""Our end of a connection to a helper: what is asked, what comes back, and what happens when it is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from ..errors import EnvSyncError, Unreachable
from .base import Info
from .frames import Frames
from .pipe import Pipe
from .wire import Malformed

BEAT = 15.0
"""Seconds between two signs of life; after two that were not answered the connection counts as lost."""
TAIL = 4096
"""Bytes of what the other side said on standard error that are kept, for messages."""


class Call:
    """One thing that was asked, until its end."""

    def __init__(self, connection: Connection, number: int, hear: Callable[..., None] | None) -> None:
        self._connection = connection
        self.number = number
        self.hear = hear
        self.end: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        # Nobody may be waiting when the connection is lost.
        self.end.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.ready: asyncio.Future[None] | None = None

    def send(self, kind: str, *values: Any) -> None:
        """Say more about it; nothing happens when it has ended."""
        if not self.end.done():
            self._connection.frames.send(self.number, [kind, *values])

    async def result(self) -> Any:
        """Wait for the end. Cancelling ends it over there, and waits for that."""
        try:
            return await asyncio.shield(self.end)
        except asyncio.CancelledError:
            await self.cancel()
            raise

    async def begun(self) -> None:
        """Wait until it says that it is ready; raises as `result` does."""
        self.ready = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait([self.ready, self.end], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.cancel()
            raise
        if self.end.done():
            self.end.result()

    async def cancel(self) -> None:
        """End it over there, and wait for that."""
        self.send("cancel")
        if not self.end.done():
            await asyncio.wait([self.end])


class Connection:
    """A helper that serves. Everything raises Unreachable once the connection is lost."""

    def __init__(self, name: str, pipe: Pipe) -> None:
        self.name = name
        self.pipe = pipe
        self.frames = Frames(pipe, self._hear)
        self.lost: Unreachable | None = None
        self.loop = asyncio.get_running_loop()
        self.info: Info | None = None
        self._hello: asyncio.Future[None] = self.loop.create_future()
        self._calls: dict[int, Call] = {}
        self._next = 1
        self.noise = bytearray()
        """The end of what the other side said on standard error."""
        self._sent = 0.0
        self._tasks: list[asyncio.Task[Any]] = [asyncio.ensure_future(self._errors())]

    async def begin(self, start: bytes) -> Info:
        """Start talking; `start` is what was read already. Raises Unreachable."""
        self._sent = time.time()
        self._tasks += [asyncio.ensure_future(work) for work in (self._read(start), self._write(), self._beat())]
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._hello), 60)
        if self.info is None:
            self.lose("its helper does not answer")
            raise self.lost or AssertionError
        return self.info

    def call(self, what: str, *args: Any, hear: Callable[..., None] | None = None) -> Call:
        """Ask for something; `hear(kind, *values)` gets what it says before its end."""
        if self.lost is not None:
            raise self.fresh()
        call = Call(self, self._next, hear)
        self._next = self._next + 1 & 0x7FFFFFFF or 1
        self.frames.send(call.number, ["do", what, list(args)])
        self._calls[call.number] = call
        return call

    async def ask(self, what: str, *args: Any) -> Any:
        """Ask for something and wait for it."""
        return await self.call(what, *args).result()

    def lose(self, why: str) -> None:
        """The connection is gone: everything that waits for it ends with Unreachable."""
        if self.lost is not None:
            return
        said = self.noise.decode("utf-8", "replace").strip()
        self.lost = Unreachable(
            f"the connection to {self.name} was lost: {why}",
            "Do it again: EnvSync connects anew. `envsync doctor` says which hosts work.",
            host=self.name,
            **({"stderr": said} if said else {}),
        )
        if not self._hello.done():
            self._hello.set_result(None)
        calls, self._calls = self._calls, {}
        for call in calls.values():
            if not call.end.done():
                call.end.set_exception(self.fresh())
            if call.hear is not None:
                call.hear("lost")

    def fresh(self) -> Unreachable:
        """The error, anew each time: one exception raised in many tasks would collect all their tracebacks."""
        lost = self.lost
        return Unreachable(lost.what, lost.hint, **lost.data) if lost else Unreachable(f"{self.name} is gone")

    async def close(self) -> None:
        """Let it go; what was started over it is ended there."""
        self.lose("it was closed here")
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self.pipe.close()

    def _hear(self, number: int, message: Any) -> None:
        if not isinstance(message, list) or not message or not isinstance(message[0], str):
            raise Malformed("it is no message")
        kind, *values = cast("list[Any]", message)
        if number == 0:
            if kind == "hello" and isinstance(values[0], Info):
                self._greet(*values)
            return
        call = self._calls.get(number)
        if call is None:
            return
        if kind in ("ok", "error", "cancelled"):
            del self._calls[number]
            if call.end.done():
                return
            if kind == "ok":
                call.end.set_result(values[0])
            elif kind == "error" and isinstance(
                values[0], (EnvSyncError, OSError, ValueError, LookupError, RuntimeError, EOFError)
            ):
                call.end.set_exception(values[0])
            else:
                call.end.set_exception(Unreachable(f"{self.name} ended what was asked", "Do it again."))
        elif kind == "ready":
            if call.ready is not None and not call.ready.done():
                call.ready.set_result(None)
        elif call.hear is not None:
            call.hear(kind, *values)

    def _greet(self, info: Info, now: float) -> None:
        from dataclasses import replace

        here = time.time()
        self.info = replace(info, clock=round(now - (here + self._sent) / 2, 3))
        if not self._hello.done():
            self._hello.set_result(None)

    async def _read(self, start: bytes) -> None:
        why = "it ended"
        try:
            await self.frames.read(start)
            with suppress(asyncio.TimeoutError):
                code = await asyncio.wait_for(self.pipe.wait(), 2)
                why = f"its helper ended with code {code}"
        except Malformed as error:
            why = f"it sent what cannot be read ({error})"
        except Unreachable as error:
            why = error.what
        except (ValueError, TypeError, LookupError) as error:
            why = f"it sent what makes no sense ({type(error).__name__}: {error})"
        finally:
            self.lose(why)

    async def _write(self) -> None:
        try:
            await self.frames.write()
        except OSError as error:
            # The reader knows better why, when it sees the end too.
            await asyncio.sleep(1)
            self.lose(error.strerror or str(error))

    async def _errors(self) -> None:
        while data := await self.pipe.read_error():
            self.noise += data
            del self.noise[:-TAIL]

    async def _beat(self) -> None:
        missed = 0
        while missed < 2:
            seen = self.frames.seen
            self.frames.send(0, ["ping"])
            await asyncio.sleep(BEAT)
            missed = missed + 1 if self.frames.seen == seen else 0
        self.lose(f"no answer for {2 * BEAT:g} seconds")
