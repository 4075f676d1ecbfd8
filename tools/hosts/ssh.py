"""A machine behind SSH."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import Unreachable
from .pipe import Pipe
from .remote import RemoteHost
from .ssh_config import Target, aliases, route, target

if TYPE_CHECKING:
    from .ssh_connect import Connection

FULL = 30.0
"""Seconds to wait for another of our own commands to end when the machine takes no more at once (MaxSessions)."""


def open_host(rest: str) -> SshHost:
    """See registry.HOSTS. Raises Usage."""
    return SshHost(target(rest))


def exists(name: str) -> bool:
    """Whether ~/.ssh/config gives a machine this name."""
    return name in aliases()


class SshHost(RemoteHost):
    """One connection, made at the first use, with the helper on one of its channels."""

    def __init__(self, wanted: Target) -> None:
        super().__init__(f"ssh:{wanted}")
        self.target = wanted
        self._connection: Connection | None = None

    async def _connect(self) -> None:
        from .ssh_connect import connect

        self._connection = await connect(await asyncio.to_thread(route, self.target))

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _spawn(self, argv: Sequence[str]) -> Pipe:
        from .ssh_pipe import line

        return await self._open(line(argv))

    async def _open(self, command: str) -> Pipe:
        """A line of the login shell on a channel of its own."""
        import asyncssh
        from asyncssh import constants

        from .ssh_pipe import ChannelPipe

        connection = self._connection
        if connection is None or connection.closed:
            raise gone(self.name, connection)
        until = asyncio.get_running_loop().time() + FULL
        while True:
            try:
                return await ChannelPipe.start(self.name, connection.ssh, command)
            except asyncssh.ChannelOpenError as error:
                if connection.closed:
                    raise gone(self.name, connection) from error
                if error.code not in (constants.OPEN_CONNECT_FAILED, constants.OPEN_RESOURCE_SHORTAGE):
                    raise Unreachable(
                        f"{self.name} runs no commands for us",
                        "Its sshd is set up for something else: ask who runs it.",
                    ) from error
                if asyncio.get_running_loop().time() > until:
                    raise Unreachable(
                        f"{self.name} takes no further command at once",
                        "Others of ours still run there. Its sshd_config sets the limit with MaxSessions.",
                    ) from error
                await asyncio.sleep(0.05)
            except (asyncssh.Error, OSError) as error:
                raise gone(self.name, connection) from error


def gone(name: str, connection: Connection | None) -> Unreachable:
    """The error for a connection that is no more."""
    lost = connection.door.lost if connection is not None else None
    if lost is not None and "keepalive" in str(lost):
        return Unreachable(
            f"{name} stopped answering", "Check the network and the machine; the next use connects anew."
        )
    return Unreachable(f"the connection to {name} was cut", "Try again: the next use connects anew.")
