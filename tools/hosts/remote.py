"""A host that is reached over byte pipes: one helper there serves it, or, without a Python over there, its own shell.

A transport is a subclass with three methods: `_connect`, `_spawn` and `_disconnect`. Everything else is made of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ..errors import Failed, Unreachable
from .base import Completed, Forward, Info, Link, Stat
from .pipe import Pipe
from .shell import Shell
from .terminal import check

if TYPE_CHECKING:
    from .served import Served

P = ParamSpec("P")
T = TypeVar("T")

NOISE = 1 << 16
"""Bytes that a login shell may print before the helper speaks."""
PATIENCE = 120.0
"""Seconds that the helper may take to speak: an emulated machine is slow."""


class RemoteHost:
    """See Host. Connects at the first use, and again at the next use after a connection was lost.

    Transports override the underlined methods. `_forward` and `_terminal` only where the transport can do these without
    a Python over there.
    """

    name: str
    pythons = ""
    """Where a Python is looked for over there, names or paths with spaces between; empty means the usual places."""
    keeps = True
    """Whether a copy of the helper stays in ~/.cache/envsync over there, so that the next connection is faster."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._over: Served | Shell | None = None
        self._turn: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- What a transport offers ----------------------------------------------------------------------------------

    async def _connect(self) -> None:
        """Make the connection anew (the last one, if any, was let go by `_disconnect`). Raises Unreachable, with what
        to do next."""

    async def _disconnect(self) -> None:
        """Let the connection go. Doing it twice, or before connecting, is no error."""

    async def _spawn(self, argv: Sequence[str]) -> Pipe:
        """Start one program there, in a session (and so a process group) of its own, without a terminal.

        `argv` must arrive exactly as given: where the transport passes a line through a shell, each word is quoted.
        Words may hold surrogates: names that are no UTF-8, to be sent as `os.fsencode` has them. A missing program is
        no error here: it ends with 127. Raises Unreachable when the connection is gone.
        """
        raise NotImplementedError

    async def _forward(self, to: int, *, port: int, address: str) -> Forward:
        """Host.forward without a Python over there."""
        raise Failed(
            f"{self.name} has no Python, so its ports cannot be reached", "Install python3 (3.9 or newer) there."
        )

    async def _terminal(self, argv: Sequence[str], *, cwd: Path | None) -> int:
        """Host.terminal without a Python over there."""
        raise Failed(f"{self.name} has no Python, so it gives no terminal", "Install python3 (3.9 or newer) there.")

    # -- Host -----------------------------------------------------------------------------------------------------

    async def info(self) -> Info:
        """See Host.info."""
        return await (await self._ready()).info()

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
        over = await self._ready()
        return await over.run(argv, cwd=cwd, env=env, stdin=stdin, timeout=timeout, output=output)

    async def read(self, path: Path) -> bytes:
        """See Host.read."""
        return await (await self._ready()).read(path)

    async def write(self, path: Path, content: bytes, mode: int | None = None) -> None:
        """See Host.write."""
        await (await self._ready()).write(path, content, mode)

    async def remove(self, path: Path) -> None:
        """See Host.remove."""
        await (await self._ready()).remove(path)

    async def stat(self, path: Path) -> Stat | None:
        """See Host.stat."""
        return await (await self._ready()).stat(path)

    async def list(self, path: Path) -> list[Stat]:
        """See Host.list."""
        return await (await self._ready()).list(path)

    async def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Host.call."""
        return await (await self._ready()).call(work, *args, **kwargs)

    async def start(self, worker: Callable[..., Any], *args: Any) -> Link:
        """See Host.start."""
        return await (await self._ready()).start(worker, *args)

    def watch(self, path: Path) -> AsyncIterator[frozenset[str]]:
        """See Host.watch."""
        return _Watch(self, path)

    async def forward(self, to: int, *, port: int = 0, address: str = "127.0.0.1") -> Forward:
        """See Host.forward."""
        over = await self._ready()
        if isinstance(over, Shell):
            return await self._forward(to, port=port, address=address)
        return await over.forward(to, port=port, address=address)

    async def terminal(self, argv: Sequence[str] = (), *, cwd: Path | None = None) -> int:
        """See Host.terminal."""
        check()
        over = await self._ready()
        return await (self._terminal(argv, cwd=cwd) if isinstance(over, Shell) else over.terminal(argv, cwd=cwd))

    async def close(self) -> None:
        """See Host.close."""
        over, self._over = self._over, None
        if over is not None and self._loop is asyncio.get_running_loop():
            await over.close()
        await self._disconnect()

    async def remove_helper(self) -> None:
        """Remove what EnvSync keeps of itself over there; the helper that runs lives on until the connection is closed."""
        await (await self._ready()).forget()

    # -- Connecting -----------------------------------------------------------------------------------------------

    async def _ready(self) -> Served | Shell:
        """What carries things out over there; connects when nothing does."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # Another event loop is over, and its connection with it.
            self._loop, self._turn, self._over = loop, asyncio.Lock(), None
        if self._over is not None and not self._over.lost:
            return self._over
        turn = self._turn = self._turn or asyncio.Lock()
        from .helper.build import helper

        async with turn:
            if self._over is None or self._over.lost:
                if self._over is not None:
                    await self._over.close()
                    self._over = None
                await self._disconnect()
                # Whether the helper is the one for these sources takes as long as the handshake: both at a time.
                made = asyncio.ensure_future(asyncio.to_thread(helper))
                try:
                    await self._connect()
                finally:
                    await asyncio.gather(made, return_exceptions=True)  # `_begin` meets what it raised
                self._over = await self._begin()
            return self._over

    async def _begin(self) -> Served | Shell:
        from .connection import Connection
        from .helper import boot
        from .helper.build import helper
        from .served import Served

        made = await asyncio.to_thread(helper)
        said = b""
        # The last one is for a machine whose Python is broken: that is when somebody wants to put it back.
        for command in (boot.by_shell, boot.by_python, boot.by_shell_alone):
            nonce = boot.nonce()
            pipe = await self._spawn(command(nonce, made.digest, keep=self.keeps, pythons=self.pythons or boot.PYTHONS))
            connection = Connection(self.name, pipe)
            try:
                word, rest = await _greeting(pipe, boot.MAGIC + nonce.encode())
                if word == b"none":
                    await connection.close()
                    return Shell(self.name, self._spawn)
                if word == b"need":
                    await pipe.write(len(made.content).to_bytes(8, "big"))
                    await pipe.write(made.content)
                if word:
                    await connection.begin(rest)
                    return Served(connection)
                said = connection.noise.strip() or rest.strip() or said
            except OSError as error:
                await connection.close()
                raise Unreachable(
                    f"{self.name} closed the connection: {error.strerror or error}",
                    "Try again; `envsync doctor` looks at it.",
                ) from None
            except BaseException:
                await connection.close()
                raise
            await connection.close()
        words = " ".join(said[-300:].decode("utf-8", "backslashreplace").split())
        text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in words)
        raise Unreachable(
            f"{self.name} answers, but neither a shell nor a Python starts there" + (f": {text}" if text else ""),
            "Give its user a login shell (sh), or install python3 (3.9 or newer) there.",
        )


class _Watch:
    """Connects when it is first asked; a watch is asked for without waiting."""

    def __init__(self, host: RemoteHost, path: Path) -> None:
        self._host = host
        self._path = path
        self._changes: Any = None
        self._turn = asyncio.Lock()

    def __aiter__(self) -> _Watch:
        return self

    async def __anext__(self) -> frozenset[str]:
        async with self._turn:
            if self._changes is None:
                self._changes = (await self._host._ready()).watch(self._path)  # pyright: ignore[reportPrivateUsage]  # its own
        return await self._changes.__anext__()

    async def aclose(self) -> None:
        """End the watch; doing it twice is no error."""
        if self._changes is not None:
            await self._changes.aclose()


async def _greeting(pipe: Pipe, magic: bytes) -> tuple[bytes, bytes]:
    """The word after the magic, and what came after its line; no word when the program ended without one.

    Raises Unreachable when too much else, or nothing, comes.
    """
    heard = b""

    async def listen() -> tuple[bytes, bytes]:
        nonlocal heard
        while len(heard) <= NOISE:
            data = await pipe.read()
            heard += data
            _, found, after = heard.partition(b"\n" + magic + b" ")
            if found and b"\n" in after:
                word, _, rest = after.partition(b"\n")
                return word.strip(), rest
            if not data:
                return b"", heard
        raise Unreachable(
            "its login shell prints more than EnvSync is willing to skip",
            "Let its start-up files print only in a terminal: `[ -t 1 ] || return`.",
        )

    with suppress(asyncio.TimeoutError):
        return await asyncio.wait_for(listen(), PATIENCE)
    raise Unreachable(
        f"nothing answered within {PATIENCE:g} seconds of the login",
        "Log in by hand to see what its start-up files wait for.",
    )
