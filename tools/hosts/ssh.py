"""A machine behind SSH."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Failed, Unreachable
from .pipe import Pipe
from .remote import RemoteHost
from .ssh_config import Route, Target, aliases, route, target

if TYPE_CHECKING:
    from .forwarding import Listener
    from .ssh_connect import Connection
    from .ssh_pipe import ChannelPipe, ChannelStream

FULL = 30.0
"""Seconds to wait for another of our own commands to end when the machine takes no more at once (MaxSessions)."""
ALONE = 3.0
"""Likewise when none of ours runs there: sshd needs a moment to see that one has ended."""
SLOWER = 15.0
"""Seconds at most for which a machine that could not be reached several times over is not asked again."""


def open_host(rest: str) -> SshHost:
    """See registry.HOSTS. Raises Usage."""
    return SshHost(target(rest))


def exists(name: str) -> bool:
    """Whether ~/.ssh/config gives a machine this name."""
    return name in aliases()


class SshHost(RemoteHost):
    """One connection, made at the first use, with the helper on one of its channels; terminals and forwards on others."""

    def __init__(self, wanted: Target) -> None:
        super().__init__(f"ssh:{wanted}")
        self.target = wanted
        self._connection: Connection | None = None
        self._made_in: asyncio.AbstractEventLoop | None = None
        self._making: asyncio.Lock | None = None
        self._pipes: weakref.WeakSet[ChannelPipe] = weakref.WeakSet()
        self._failures = 0
        self._failed: tuple[float, Unreachable] | None = None

    async def close(self) -> None:
        """See Host.close."""
        await super().close()
        connection, self._connection, self._failures = self._connection, None, 0
        if connection is not None and self._made_in is asyncio.get_running_loop():
            await connection.close()

    async def terminal(self, argv: Sequence[str] = (), *, cwd: Path | None = None) -> int:
        """See Host.terminal; needs no Python over there."""
        from .terminal import attach, check, size

        check()
        command = [*argv]
        if cwd is not None:
            run = 'exec "$@"' if argv else 'exec "${SHELL:-sh}" -l'
            command = ["sh", "-c", f'cd -- "$1" && shift && {run}', "sh", str(cwd), *argv]
        pipe = await self._open(command, (os.environ.get("TERM", "xterm"), *size()))
        try:
            await attach(pipe, pipe.resize)
            return await pipe.wait()
        finally:
            await pipe.close()

    async def forward(self, to: int, *, port: int = 0, address: str = "127.0.0.1") -> Listener:
        """See Host.forward; each connection goes over whatever connection there is by then.

        Raises Failed when the machine forwards nothing.
        """
        from .forwarding import Listener

        async def join() -> ChannelStream:
            from .ssh_pipe import ChannelStream

            return await ChannelStream.reach((await self._linked()).ssh, address, to)

        await self._forwards(to, address)
        return await Listener.open(port, join)

    async def _forwards(self, to: int, address: str) -> None:
        """Try it once: a port that leads nowhere by policy is told now, and one that nobody answers yet is no error."""
        import asyncssh
        from asyncssh import constants

        from .ssh_pipe import ChannelStream

        connection = await self._linked()
        try:
            stream = await ChannelStream.reach(connection.ssh, address, to)
        except asyncssh.ChannelOpenError as error:
            if connection.closed:
                raise gone(self.name, connection) from error
            if error.code == constants.OPEN_ADMINISTRATIVELY_PROHIBITED:
                raise Failed(
                    f"{self.name} does not let its port {to} be reached this way",
                    "Its sshd_config says AllowTcpForwarding no (or PermitOpen): ask who runs it.",
                ) from error
        except (asyncssh.Error, OSError) as error:
            raise gone(self.name, connection) from error
        else:
            await stream.close()

    # -- See RemoteHost -------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        await self._linked()

    async def _disconnect(self) -> None:
        """The helper is gone. The connection may be as good as ever, and carry terminals: only a dead one is let go."""
        connection = self._connection
        if connection is not None and self._made_in is asyncio.get_running_loop() and connection.closed:
            self._connection = None
            await connection.close()

    async def _spawn(self, argv: Sequence[str]) -> Pipe:
        return await self._open(argv, None)

    # -- The connection -------------------------------------------------------------------------------------------

    async def _linked(self) -> Connection:
        """The connection, made when there is none. Raises Unreachable."""
        from .ssh_connect import connect

        loop = asyncio.get_running_loop()
        if self._made_in is not loop:
            # Another event loop is over, and its connection with it.
            self._made_in, self._making, self._connection = loop, asyncio.Lock(), None
        making = self._making = self._making or asyncio.Lock()
        async with making:
            if self._connection is not None and not self._connection.closed:
                return self._connection
            await self._disconnect()
            self._spare(loop.time())
            try:
                self._connection = await connect(await self._way())
            except Unreachable as error:
                self._failures += 1
                self._failed = (loop.time(), error)
                raise
            self._failures = 0
            return self._connection

    async def _way(self) -> Route:
        """How to get there now. Raises Usage, and Unreachable when the machine itself is not up."""
        return await asyncio.to_thread(route, self.target)

    def _spare(self, now: float) -> None:
        """Say again at once what was wrong a moment ago, after the second failure in a row: a plan with twenty steps
        must not wait for twenty time-outs."""
        if self._failures < 2 or self._failed is None:
            return
        when, error = self._failed
        pause = min(2.0 ** (self._failures - 1), SLOWER)
        if type(error) is Unreachable and now - when < pause:
            left = f"It was tried {now - when:.0f} s ago; the next try is in {pause - (now - when):.0f} s."
            raise Unreachable(error.what, f"{error.hint} {left}", **error.data)

    async def _open(self, argv: Sequence[str], terminal: tuple[str, int, int] | None) -> ChannelPipe:
        """A program on a channel of its own; without one, the login shell."""
        import asyncssh
        from asyncssh import constants

        from .ssh_pipe import ChannelPipe, line

        connection = await self._linked()
        command = line(argv) if argv else None
        now = asyncio.get_running_loop().time
        until, alone = now() + FULL, now() + ALONE
        while True:
            try:
                pipe = await ChannelPipe.start(self.name, connection.ssh, command, terminal)
                self._pipes.add(pipe)
                return pipe
            except asyncssh.ChannelOpenError as error:
                if connection.closed:
                    raise gone(self.name, connection) from error
                if error.code == constants.OPEN_REQUEST_PTY_FAILED:
                    raise Failed(
                        f"{self.name} gives no terminal", "Its sshd_config says PermitTTY no: ask who runs it."
                    ) from error
                if error.code not in (constants.OPEN_CONNECT_FAILED, constants.OPEN_RESOURCE_SHORTAGE):
                    raise Unreachable(
                        f"{self.name} runs no commands for us",
                        "Its sshd is set up for something else: ask who runs it.",
                    ) from error
                if any(not pipe.closed for pipe in self._pipes):
                    alone = now() + ALONE
                if now() > min(until, alone):
                    raise Unreachable(
                        f"{self.name} takes no further command at once",
                        "Its sshd_config says with MaxSessions how many may run: wait for another of ours, or raise it.",
                    ) from error
                await asyncio.sleep(0.05)
            except (asyncssh.Error, OSError) as error:
                raise gone(self.name, connection) from error


def gone(name: str, connection: Connection) -> Unreachable:
    """The error for a connection that is no more."""
    if "keepalive" in str(connection.door.lost):
        return Unreachable(
            f"{name} stopped answering", "Check the network and the machine; the next use connects anew."
        )
    return Unreachable(f"the connection to {name} was cut", "Try again: the next use connects anew.")
