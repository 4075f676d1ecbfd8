"""A machine as its helper serves it: the methods of Host, over a connection."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from ..errors import Failed, Unreachable
from .base import Completed, Info, Stat
from .connection import Call, Connection
from .flow import Flow
from .forwarding import Listener
from .local import KEPT
from .watching import Changes

P = ParamSpec("P")
T = TypeVar("T")

PIECE = 1 << 20
"""Bytes of a file that are sent at a time."""
_OURS = __name__.rpartition(".hosts.")[0] + "."


class Served:
    """See Host. Lives as long as its connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def lost(self) -> bool:
        """Whether another connection is needed."""
        return self.connection.lost is not None or self.connection.loop is not asyncio.get_running_loop()

    async def info(self) -> Info:
        """See Host.info."""
        if self.connection.info is None:
            raise self.connection.fresh()
        return self.connection.info

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float | None = 60,
        output: Callable[[str, bytes], None] | None = None,
    ) -> Completed:
        """See Host.run."""
        kept = {"stdout": bytearray(), "stderr": bytearray()}

        def hear(kind: str, stream: str = "", chunk: Any = b"") -> None:
            if kind == "out" and output is not None and isinstance(chunk, bytes) and stream in kept:
                kept[stream] += chunk
                if len(kept[stream]) > 2 * KEPT:
                    del kept[stream][:-KEPT]
                output(stream, chunk)

        added = dict(env) if env else None
        call = self.connection.call("run", list(argv), cwd, added, bytes(stdin), timeout, output is not None, hear=hear)
        match await call.result():
            case [int(code), bytes(out), bytes(err), float(seconds), bool(late)]:
                if output is not None:
                    out, err = bytes(kept["stdout"][-KEPT:]), bytes(kept["stderr"][-KEPT:])
                return Completed(tuple(argv), code, out, err, seconds, late)
            case _:
                raise self._nonsense()

    async def read(self, path: Path) -> bytes:
        """See Host.read."""
        pieces: list[bytes] = []

        def hear(kind: str, piece: Any = b"") -> None:
            if isinstance(piece, bytes):
                pieces.append(piece)

        await self.connection.call("read", path, hear=hear).result()
        return b"".join(pieces)

    async def write(self, path: Path, content: bytes, mode: int | None = None) -> None:
        """See Host.write."""
        call = self.connection.call("write", path, mode)
        try:
            rest = memoryview(content)
            for at in range(0, len(rest), PIECE):
                call.send("data", bytes(rest[at : at + PIECE]))
                await self.connection.frames.room()
            call.send("end")
        except asyncio.CancelledError:
            await call.cancel()
            raise
        await call.result()

    async def remove(self, path: Path) -> None:
        """See Host.remove."""
        await self.connection.ask("remove", path)

    async def stat(self, path: Path) -> Stat | None:
        """See Host.stat."""
        found = await self.connection.ask("stat", path)
        if found is not None and not isinstance(found, Stat):
            raise self._nonsense()
        return found

    async def list(self, path: Path) -> list[Stat]:
        """See Host.list."""
        found = await self.connection.ask("list", path)
        if not isinstance(found, list) or not all(isinstance(entry, Stat) for entry in cast("list[Any]", found)):
            raise self._nonsense()
        return cast("list[Stat]", found)

    async def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Host.call."""
        name, before, named = _named(work)
        return await self.connection.ask("call", name, (*before, *args), {**named, **kwargs})

    async def start(self, worker: Callable[..., Any], *args: Any) -> RemoteLink:
        """See Host.start."""
        name, before, _ = _named(worker)
        link = RemoteLink(self.connection)
        link.call = self.connection.call("start", name, (*before, *args), hear=link.hear)
        await link.call.begun()
        return link

    def watch(self, path: Path) -> RemoteChanges:
        """See Host.watch."""
        return RemoteChanges(self.connection, path)

    async def forward(self, to: int, *, port: int = 0, address: str = "127.0.0.1") -> Listener:
        """See Host.forward."""

        async def join() -> Joined:
            joined = Joined()
            joined.call = self.connection.call("join", address, to, hear=joined.hear)
            joined.call.end.add_done_callback(lambda _: joined.fail())
            await joined.call.begun()
            return joined

        return await Listener.open(port, join)

    async def terminal(self, argv: Sequence[str] = (), *, cwd: Path | None = None) -> int:
        """See Host.terminal."""
        from .terminal import attach, check, size

        check()
        screen = Joined()
        env = {"TERM": os.environ.get("TERM", "xterm")}
        screen.call = self.connection.call("terminal", list(argv), cwd, env, *size(), hear=screen.hear)
        screen.call.end.add_done_callback(lambda _: screen.fail())
        await screen.call.begun()

        async def resize(rows: int, columns: int) -> None:
            screen.send("size", rows, columns)

        try:
            await attach(screen, resize)
        except BaseException:
            await screen.close()
            raise
        code = await screen.call.result()
        if not isinstance(code, int):
            raise self._nonsense()
        return code

    async def forget(self) -> None:
        """Remove what is kept of the helper over there."""
        await self.connection.ask("forget")

    async def close(self) -> None:
        """Let the connection go."""
        await self.connection.close()

    def _nonsense(self) -> Unreachable:
        """What a peer answers that keeps to the form of a message and not to its sense."""
        self.connection.lose("it sent what makes no sense")
        return self.connection.fresh()


class RemoteLink:
    """See Link."""

    call: Call

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._told: asyncio.Queue[tuple[Any] | None] = asyncio.Queue()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._next = 0
        self._closed = False

    def hear(self, kind: str, *values: Any) -> None:
        """Take what it says."""
        if kind == "told":
            self._told.put_nowait((values[0],))
        elif kind in ("answer", "fault", "skipped"):
            answer = self._asked.pop(values[0], None)
            if answer is None or answer.done():
                return
            if kind == "answer":
                answer.set_result(values[1])
            elif kind == "fault" and isinstance(values[1], Exception):
                answer.set_exception(values[1])
            else:
                answer.set_exception(Unreachable("the link is closed", "Start it again."))
        elif kind == "lost":
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(self._gone())
            self._asked.clear()
            self._told.put_nowait(None)

    async def ask(self, method: str, *args: Any) -> Any:
        """See Link.ask. One that is cancelled before its turn is not carried out; else cancelling waits for its end."""
        if self._closed or self.call.end.done():
            raise self._gone()
        self._next += 1
        number = self._next
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.call.send("ask", number, method, args)
        self._asked[number] = answer
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            self.call.send("unask", number)
            await asyncio.wait([answer])
            raise

    async def heard(self) -> Any:
        """See Link.heard."""
        told = await self._told.get()
        if told is None:
            self._told.put_nowait(None)
            raise self._gone()
        return told[0]

    async def close(self) -> None:
        """See Link.close."""
        if not self._closed:
            self._closed = True
            self.call.send("close")
        with suppress(Exception):
            await asyncio.shield(self.call.end)
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(self._gone())
        self._told.put_nowait(None)

    def _gone(self) -> Unreachable:
        if self._connection.lost is not None:
            return self._connection.fresh()
        return Unreachable("the link is closed", "Start it again.")


class RemoteChanges(Changes):
    """Changes that the helper tells."""

    def __init__(self, connection: Connection, path: Path) -> None:
        super().__init__()
        self._connection = connection
        self._path = path
        self._call: Call | None = None

    async def __anext__(self) -> frozenset[str]:
        if self._call is None:
            self._call = self._connection.call("watch", self._path, hear=self._hear)
            self._call.end.add_done_callback(self._done)
        return await super().__anext__()

    async def aclose(self) -> None:
        """End the watch; doing it twice is no error."""
        await super().aclose()
        if self._call is not None:
            await self._call.cancel()

    def _hear(self, kind: str, touched: Any = ()) -> None:
        if kind == "seen":
            self.add(path for path in touched if isinstance(path, str))

    def _done(self, end: asyncio.Future[Any]) -> None:
        if self._error is None:
            self.fail(end.exception() or StopAsyncIteration())


class Joined(Flow):
    """A stream to something over there."""

    call: Call

    def __init__(self) -> None:
        super().__init__(self.send)

    def send(self, kind: str, *values: Any) -> None:
        """Say something to the other side."""
        self.call.send(kind, *values)

    def hear(self, kind: str, value: Any = None) -> None:
        """See Flow.hear."""
        if kind == "lost":
            self.fail()
        else:
            super().hear(kind, value)

    async def close(self) -> None:
        """Let it go, and end what is over there."""
        await super().close()
        await self.call.cancel()


def _named(work: Callable[..., Any]) -> tuple[list[Any], tuple[Any, ...], dict[str, Any]]:
    """How a function is called over there, and the arguments bound to it. Raises Failed for one that is not there."""
    if isinstance(work, functools.partial):
        bound = cast("functools.partial[Any]", work)
        name, before, named = _named(bound.func)
        return name, (*before, *bound.args), {**named, **bound.keywords}
    owner = getattr(work, "__self__", None)
    if inspect.ismethod(work) and not isinstance(owner, type):
        return ["", work.__name__, owner], (), {}
    module, name = str(getattr(work, "__module__", "")), str(getattr(work, "__qualname__", ""))
    here: Any = sys.modules.get(module)
    for part in name.split("."):
        here = getattr(here, part, None)
    if here is None or not (module.startswith(_OURS) or module.partition(".")[0] in sys.stdlib_module_names):
        raise Failed(f"{module}.{name} cannot be run on another machine", "This is a bug of EnvSync.")
    return [module, name], (), {}
