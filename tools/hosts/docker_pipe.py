"""A program in a container: one exec of the engine over a socket of its own, taken over from HTTP.

The SDK's own sockets lose what a program prints at once: it comes with the HTTP header and stays in the reader's buffer.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from ..errors import Failed, Unreachable
from .docker_engine import Engine

FULL = 4 << 20
"""Bytes that may wait to be read before the engine is told to wait."""
UNSTARTED = (b"OCI runtime exec failed", b"Error: executable file", b"Error: crun:", b"Error: runc:")
"""How engines begin to say, as a program's output, that it could not be started."""
KILLED = 137
NAMES = {1: 0, 2: 1}
"""Which of our two streams a frame's first byte means: standard output and standard error."""


UNESCAPE = (
    'n=$#; while [ $n -gt 0 ]; do a=$(printf "%b." "$1"); shift; set -- "$@" "${a%.}"; n=$((n-1)); done; exec "$@"'
)
"""A dot keeps what ends in a newline whole."""


def carried(argv: Sequence[str]) -> list[str]:
    """A command as the engine's JSON can carry it: words that are no UTF-8 are escaped, and a shell there undoes that."""
    try:
        "".join(argv).encode()
    except UnicodeEncodeError:
        plain = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")
        words = ("".join(chr(b) if b in plain else f"\\0{b:03o}" for b in os.fsencode(word)) for word in argv)
        return ["sh", "-c", UNESCAPE, "sh", *words]
    return list(argv)


class ExecPipe(asyncio.Protocol):
    """See Pipe. With a terminal both streams are one."""

    def __init__(self, engine: Engine, id: str, tty: bool) -> None:
        self.id = id
        self._engine = engine
        self._tty = tty
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._held = bytearray()
        self._streams: tuple[list[bytes], list[bytes]] = ([], [])
        self._waiting = 0
        self._moved: tuple[asyncio.Event, asyncio.Event] = (asyncio.Event(), asyncio.Event())
        self._writable = asyncio.Event()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended = False
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._answered = False
        self._printed = False
        self._unstarted = b""
        self._ssh: asyncio.subprocess.Process | None = None

    @classmethod
    async def start(
        cls,
        engine: Engine,
        container: str,
        argv: Sequence[str],
        *,
        tty: bool = False,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
    ) -> ExecPipe:
        """Start `argv` in the container, in a session of its own. Raises Unreachable; Failed when the engine says no."""
        api = engine.api
        options: dict[str, Any] = {"stdin": True, "tty": tty, "workdir": cwd or None}
        options["environment"] = {**({"TERM": os.environ.get("TERM", "xterm")} if tty else {}), **(env or {})}
        made: dict[str, Any] = await engine.ask(api.exec_create, container, carried(argv), **options)
        pipe = cls(engine, str(made["Id"]), tty)
        try:
            await pipe._open()
        except BaseException:
            await pipe.close()
            raise
        return pipe

    async def _open(self) -> None:
        url, tls = self._engine.address.url, self._engine.address.tls
        parts = urlsplit(url)
        try:
            if parts.scheme in ("unix", "http+unix"):
                await self._loop.create_unix_connection(lambda: self, url.partition("://")[2])
            elif parts.scheme == "ssh":
                await self._by_ssh(parts.username, parts.hostname or "", parts.port)
            else:
                secure = _secure(tls) if tls or parts.scheme == "https" else None
                name, port = parts.hostname or "localhost", parts.port or (2376 if secure else 2375)
                await self._loop.create_connection(
                    lambda: self, name, port, ssl=secure, server_hostname=name if secure else None
                )
            if self._transport is None:
                raise ConnectionResetError("it closed the connection")
            body = json.dumps({"Detach": False, "Tty": self._tty}).encode()
            head = f"POST /v{self._engine.version}/exec/{self.id}/start HTTP/1.1\r\nHost: engine\r\n"
            head += "Content-Type: application/json\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            self._transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            async with asyncio.timeout(60):
                await self._opened
        except (OSError, TimeoutError) as error:
            raise Unreachable(
                f"the container engine at {url} does not answer: {error}", "`envsync doctor` says what works here."
            ) from error

    async def _by_ssh(self, user: str | None, host: str, port: int | None) -> None:
        """The engine of another machine, as the docker command reaches it; ssh is given one end of a socket pair."""
        ours, theirs = socket.socketpair()
        words = ["ssh", *(["-l", user] if user else []), *(["-p", str(port)] if port else []), "--", host]
        words += ["docker", "system", "dial-stdio"]
        with theirs:
            end, null = theirs.fileno(), asyncio.subprocess.DEVNULL
            self._ssh = await asyncio.create_subprocess_exec(*words, stdin=end, stdout=end, stderr=null)
        await self._loop.create_connection(lambda: self, sock=ours)

    # -- asyncio.Protocol

    def connection_made(self, transport: Any) -> None:
        """See asyncio.Protocol."""
        self._transport = transport
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if not self._answered:
            self._held += data
            if (end := self._held.find(b"\r\n\r\n")) < 0:
                return
            head = bytes(self._held[:end])
            code = head.split(b" ", 2)[1] if head.count(b" ") > 1 else b""
            data = bytes(self._held[end + 4 :])
            self._held.clear()
            self._answered = True
            if code not in (b"101", b"200"):
                # What cannot be started is told here by newer engines, as output by older ones: see `wait`.
                self._unstarted = data
                self._keep(1, data)
                self._opened.set_result(None)
                if self._transport is not None:
                    self._transport.close()
                return
            self._opened.set_result(None)
        if self._tty:
            self._keep(0, data)
            return
        if self._held:
            self._held += data
            data = bytes(self._held)
            self._held.clear()
        view, at = memoryview(data), 0
        while len(view) - at >= 8:
            size = int.from_bytes(view[at + 4 : at + 8], "big")
            if len(view) - at - 8 < size:
                break
            self._keep(NAMES.get(view[at], 1), bytes(view[at + 8 : at + 8 + size]))
            at += 8 + size
        self._held += view[at:]

    def _keep(self, stream: int, data: bytes) -> None:
        if not data:
            return
        if stream == 0 and not self._printed:
            self._printed = True
            if data.startswith(UNSTARTED):
                self._unstarted, stream = data, 1
        self._streams[stream].append(data)
        self._moved[stream].set()
        self._waiting += len(data)
        if self._waiting > FULL and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """See asyncio.Protocol."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._ended = True
        if not self._over.done():
            self._over.set_result(None)
        self._writable.set()
        for moved in self._moved:
            moved.set()
        if not self._opened.done():
            self._opened.set_exception(exc or ConnectionResetError("it closed the connection"))

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._writable.set()

    # -- Pipe

    async def read(self) -> bytes:
        """See Pipe.read."""
        return await self._take(0)

    async def read_error(self) -> bytes:
        """See Pipe.read_error."""
        return await self._take(1)

    async def _take(self, stream: int) -> bytes:
        held, moved = self._streams[stream], self._moved[stream]
        while not held:
            if self._ended:
                return b""
            moved.clear()
            await moved.wait()
        data = held[0] if len(held) == 1 else b"".join(held)
        held.clear()
        before, self._waiting = self._waiting, self._waiting - len(data)
        if before > FULL >= self._waiting and self._transport is not None and not self._ended:
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """See Pipe.write."""
        if self._ended or self._transport is None or self._transport.is_closing():
            raise BrokenPipeError("the container's end of the pipe is closed")
        self._transport.write(bytes(data))
        await self._writable.wait()
        if self._ended:
            raise BrokenPipeError("the container's end of the pipe is closed")

    async def end(self) -> None:
        """See Pipe.end."""
        if self._transport is not None and not self._ended and self._transport.can_write_eof():
            with suppress(OSError, RuntimeError):
                self._transport.write_eof()

    async def wait(self) -> int:
        """See Pipe.wait."""
        pause = 0.002
        while True:
            if not self._ended:
                # What it left behind may hold its streams open after its end: ask now and then.
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(self._over), 1.0)
            try:
                info: dict[str, Any] = await self._engine.ask(self._engine.api.exec_inspect, self.id)
            except Failed as error:
                raise Unreachable(
                    "the container was removed or stopped while a command ran in it",
                    "`docker ps -a` shows what there is.",
                ) from error
            code = info.get("ExitCode")
            if not info.get("Running") and code is not None:
                if code == KILLED and not await self._lives(str(info.get("ContainerID", ""))):
                    raise Unreachable("the container was stopped while a command ran in it", "`docker ps -a` shows it.")
                return self._exit(int(code))
            if pause > 1:
                raise Unreachable("the connection to a program in the container was cut", "Try again.")
            if self._ended:
                await asyncio.sleep(pause)  # the engine notes the end a moment after it closed the streams
                pause *= 2

    async def _lives(self, container: str) -> bool:
        """Whether the container goes on after a program in it was killed; its end is noted a moment later."""
        for _ in range(5):
            try:
                info: dict[str, Any] = await self._engine.ask(self._engine.api.inspect_container, container)
            except Failed:
                return False
            if not info["State"]["Running"]:
                return False
            await asyncio.sleep(0.1)
        return True

    def _exit(self, code: int) -> int:
        """What cannot be started is 127 or 126 as shells have it; engines differ in that, and tell why as its output."""
        if self._unstarted and code in (126, 127, 255):
            missing = b"not found" in self._unstarted or b"no such file" in self._unstarted.lower()
            return 127 if missing else 126
        return code

    async def close(self) -> None:
        """See Pipe.close."""
        if self._transport is not None:
            self._transport.abort()
        if self._ssh is not None:
            with suppress(ProcessLookupError):
                self._ssh.kill()
            await self._ssh.wait()
            self._ssh = None

    async def resize(self, rows: int, columns: int) -> None:
        """Tell the terminal of the program its size."""
        await self._engine.ask(self._engine.api.exec_resize, self.id, height=rows, width=columns)


def _secure(tls: Any) -> ssl.SSLContext:
    """The SDK's TLS settings as asyncio takes them."""
    context = ssl.create_default_context(cafile=getattr(tls, "ca_cert", None) or None)
    if cert := getattr(tls, "cert", None):
        context.load_cert_chain(cert[0], cert[1])
    if getattr(tls, "verify", True) is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
