"""The other end of a connection: carries out what is asked, many things at once, until the connection is gone."""

from __future__ import annotations

from . import compat

compat.fill()

# ruff: noqa: E402  # the names that older Pythons lack must be there first
import asyncio
import functools
import gc
import importlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...errors import Failed
from ..flow import Flow
from ..forwarding import SocketStream, carry
from ..frames import Frames
from ..links import ThreadLink
from ..local import LocalHost
from ..pipe import Reader, Writer
from ..wire import Malformed

SILENCE = 300.0
"""Seconds without a sign of life after which the other side counts as gone; it sends one every few seconds."""
PIECE = 1 << 20
"""Bytes of a file that are sent at a time."""


class Channel:
    """One thing that is being carried out."""

    def __init__(self, server: Server, number: int) -> None:
        self.server = server
        self.number = number
        self.task: asyncio.Task[None] | None = None
        self._early: list[list[Any]] = []
        self._ear: Callable[..., None] | None = None

    def hear(self, message: list[Any]) -> None:
        """Take what else the other side says on this channel."""
        if self._ear is None:
            self._early.append(message)
        else:
            self._ear(*message)

    def listen(self, ear: Callable[..., None]) -> None:
        """`ear(kind, *values)` gets what the other side says, and what it said before."""
        self._ear = ear
        for message in self._early:
            ear(*message)
        self._early.clear()

    def send(self, kind: str, *values: Any) -> None:
        """Say something to the other side."""
        self.server.frames.send(self.number, [kind, *values])

    def ended(self, task: asyncio.Task[None]) -> None:
        """Say so when it was cancelled: a task that is cancelled before it begins has no chance to."""
        self.server.channels.pop(self.number, None)
        if task.cancelled():
            self.send("cancelled", None)

    async def room(self) -> None:
        """Wait while the other side is slow."""
        await self.server.frames.room()


class Server:
    """Serves this machine over a pipe."""

    def __init__(self, into: int, out: int) -> None:
        self.host = LocalHost()
        self.frames = Frames(Ends(Reader(into), Writer(out)), self._hear)
        self.channels: dict[int, Channel] = {}

    async def serve(self) -> None:
        """Until the connection is gone; then everything that was started over it is ended."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(32, "envsync"))
        self.frames.send(0, ["hello", await self.host.info(), time.time()])
        tasks = [asyncio.ensure_future(work) for work in (self.frames.read(), self.frames.write(), self._listen())]
        for sign in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, tasks[0].cancel)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for done in tasks:
            if done.done() and not done.cancelled() and isinstance(done.exception(), Malformed):
                print(f"envsync helper: {done.exception()}", file=sys.stderr)
        running = [channel.task for channel in self.channels.values() if channel.task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=10)

    async def _listen(self) -> None:
        """Ends when the other side has not been heard of for long, e.g. because its network is gone without a word."""
        while True:
            before = self.frames.seen
            await asyncio.sleep(SILENCE)
            if self.frames.seen == before:
                return

    def _hear(self, number: int, message: Any) -> None:
        kind, *values = message
        if kind == "ping":
            self.frames.send(0, ["pong", time.time()])
        elif kind == "do":
            channel = self.channels[number] = Channel(self, number)
            channel.task = asyncio.ensure_future(self._do(channel, *values))
            channel.task.add_done_callback(channel.ended)
        elif number in self.channels:
            channel = self.channels[number]
            if kind == "cancel" and channel.task is not None:
                channel.task.cancel()
            else:
                channel.hear(message)

    async def _do(self, channel: Channel, what: str, args: list[Any]) -> None:
        end: tuple[str, Any] = ("ok", None)
        try:
            work: Callable[..., Awaitable[Any]] = getattr(self, f"do_{what}")
            end = ("ok", await work(channel, *args))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # the other side gets it, whatever it is
            end = ("error", error)
        try:
            channel.send(*end)
        except (TypeError, ValueError) as error:
            channel.send("error", Failed(str(error), "This is a bug of EnvSync."))

    # -- What can be asked ----------------------------------------------------------------------------------------

    async def do_stat(self, _: Channel, path: Path) -> Any:
        """See Host.stat."""
        return await self.host.stat(path)

    async def do_list(self, _: Channel, path: Path) -> Any:
        """See Host.list."""
        return await self.host.list(path)

    async def do_remove(self, _: Channel, path: Path) -> None:
        """See Host.remove."""
        await self.host.remove(path)

    async def do_read(self, channel: Channel, path: Path) -> None:
        """See Host.read; the content goes in pieces, so that no size is too large and nobody else waits for it."""
        content = memoryview(await self.host.read(path))
        for at in range(0, len(content), PIECE):
            await channel.room()
            channel.send("data", content[at : at + PIECE])

    async def do_write(self, channel: Channel, path: Path, mode: int | None) -> None:
        """See Host.write; the content comes in pieces."""
        content = bytearray()
        complete = asyncio.Event()

        def hear(kind: str, piece: bytes = b"") -> None:
            content.extend(piece)
            if kind == "end":
                complete.set()

        channel.listen(hear)
        await complete.wait()
        await self.host.write(path, bytes(content), mode)

    async def do_run(
        self,
        channel: Channel,
        argv: list[str],
        cwd: Path | None,
        env: dict[str, str] | None,
        stdin: bytes,
        timeout: float | None,
        live: bool,
    ) -> Any:
        """See Host.run. With `live` the output goes as it comes, and is not repeated at the end."""

        async def output(stream: str, chunk: bytes) -> None:
            channel.send("out", stream, chunk)
            await channel.room()

        done = await self.host.stream(
            argv, cwd=cwd, env=env, stdin=stdin, timeout=timeout, output=output if live else None, tied=True
        )
        kept = (b"", b"") if live else (done.stdout, done.stderr)
        return [done.code, *kept, done.seconds, done.timed_out]

    async def do_call(self, _: Channel, work: list[Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """See Host.call."""
        return await self.host.call(_found(*work), *args, **named)

    async def do_start(self, channel: Channel, worker: list[Any], args: tuple[Any, ...]) -> None:
        """See Host.start; ends when the link is closed."""
        link = await self.host.start(_found(*worker), *args)
        asked: dict[int, asyncio.Task[None]] = {}

        async def answer(number: int, method: str, values: tuple[Any, ...]) -> None:
            try:
                channel.send("answer", number, await link.ask(method, *values))
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # likewise
                channel.send("fault", number, error)

        closing = asyncio.Event()

        def done(number: int, task: asyncio.Task[None]) -> None:
            asked.pop(number, None)
            if task.cancelled():
                channel.send("skipped", number)

        def hear(kind: str, *values: Any) -> None:
            if kind == "ask":
                asked[values[0]] = asyncio.ensure_future(answer(*values))
                asked[values[0]].add_done_callback(functools.partial(done, values[0]))
            elif kind == "unask" and values[0] in asked:
                asked[values[0]].cancel()
            elif kind == "close":
                closing.set()

        channel.listen(hear)
        channel.send("ready")
        telling = asyncio.ensure_future(_tell(channel, link))
        try:
            await closing.wait()
        finally:
            for task in list(asked.values()):
                task.cancel()
            await link.close()
            await asyncio.wait([telling])

    async def do_watch(self, channel: Channel, path: Path) -> None:
        """See Host.watch; ends when cancelled."""
        changes = self.host.watch(path)
        try:
            async for touched in changes:
                channel.send("seen", touched)
                await channel.room()
        finally:
            await changes.aclose()

    async def do_join(self, channel: Channel, address: str, port: int) -> None:
        """Connect to a port, and carry bytes until both sides are done."""
        flow = Flow(channel.send)
        channel.listen(flow.hear)
        stream = await SocketStream.connect(address, port)
        channel.send("ready")
        try:
            await carry(flow, stream)
        finally:
            await stream.close()

    async def do_terminal(
        self, channel: Channel, argv: list[str], cwd: Path | None, env: dict[str, str], rows: int, columns: int
    ) -> int:
        """A program in a terminal of its own; its exit code."""
        from ..terminal import Pty

        screen = await Pty.start(argv, str(cwd) if cwd else None, env, rows, columns)
        flow = Flow(channel.send)

        def hear(kind: str, *values: Any) -> None:
            if kind == "size":
                screen.resize(*values)
            else:
                flow.hear(kind, *values)

        channel.listen(hear)
        channel.send("ready")
        typing = asyncio.ensure_future(_type(flow, screen))
        try:
            while data := await screen.read():
                await flow.write(data)
            await flow.end()
            code = await screen.process.wait()
        finally:
            typing.cancel()
            await screen.close()
            with suppress(ProcessLookupError):
                os.killpg(screen.process.pid, signal.SIGHUP)
        return 128 - code if code < 0 else code

    async def do_forget(self, _: Channel) -> None:
        """Remove what is kept of the helper on this machine."""
        await self.host.call(_forget)


class Ends:
    """Standard input and output as a Pipe."""

    def __init__(self, into: Reader, out: Writer) -> None:
        self.read = into.read
        self.write = out.write

    async def read_error(self) -> bytes:
        """See Pipe.read_error."""
        return b""

    async def end(self) -> None:
        """See Pipe.end."""

    async def wait(self) -> int:
        """See Pipe.wait."""
        return 0

    async def close(self) -> None:
        """See Pipe.close."""


async def _tell(channel: Channel, link: ThreadLink) -> None:
    with suppress(Exception):  # closed
        while True:
            channel.send("told", await link.heard())
            await channel.room()


async def _type(flow: Flow, screen: Any) -> None:
    with suppress(OSError):
        while data := await flow.read():
            await screen.write(data)
        await screen.end()


def _found(module: str, name: str, *owner: Any) -> Callable[..., Any]:
    """What `named` (see served.py) stands for."""
    if owner:
        return getattr(owner[0], name)
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _forget() -> None:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(cache, "envsync")
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith("helper-") and name.endswith((".pyz", ".codes")):
                os.unlink(os.path.join(folder, name))
        os.rmdir(folder)


def main(ended: Callable[[], None] | None = None) -> None:
    """Serve on standard input and output; whatever a function prints goes to standard error. `ended` is called then."""
    # Trees of 100,000 entries are no garbage: looking for some among them would stop everything for 0.1 s.
    gc.freeze()
    gc.set_threshold(20_000, 50, 1000)
    into, out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)

    async def serve() -> None:
        await Server(into, out).serve()

    with suppress(BaseException):
        asyncio.run(serve())
    with suppress(BaseException):
        if ended is not None:
            ended()
    os._exit(0)  # a thread that still works must not keep this process
