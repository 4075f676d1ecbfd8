"""The line to a machine: a socket to the first of its addresses that answers, or a command that is the line."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress

NEXT = 0.25
"""Seconds until the next address is tried as well (RFC 8305). One after the other, a machine whose IPv6 leads nowhere
would take all of the time there is."""


Address = tuple[int, tuple[object, ...]]
"""The family of an address, and the address as the system has it."""


async def dial(host: str, port: int, family: int = socket.AF_UNSPEC) -> socket.socket:
    """A connected socket. Raises OSError: of the name, or of the first address when none of them answers."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    addresses: list[Address] = list(dict.fromkeys((kind, address) for kind, _, _, _, address in found))
    # One of each family in turn, in the order that the system prefers.
    first = [one for one in addresses if one[0] == addresses[0][0]]
    others = [one for one in addresses if one not in first]
    mixed = [one for pair in zip(first, others, strict=False) for one in pair]
    return await reach([*mixed, *(one for one in addresses if one not in mixed)])


async def reach(order: Sequence[Address]) -> socket.socket:
    """A socket to the first of several addresses that answers. Raises OSError, of the first one, when none does."""
    trying: list[asyncio.Task[socket.socket]] = []
    made: socket.socket | None = None
    try:
        for kind, address in order:
            trying.append(asyncio.ensure_future(_connect(kind, address)))
            made = await _first(trying, NEXT if len(trying) < len(order) else None)
            if made is not None:
                return made
        while any(not task.done() for task in trying):
            made = await _first(trying, None)
            if made is not None:
                return made
        return trying[0].result()
    finally:
        for task in trying:
            task.cancel()
        for result in await asyncio.gather(*trying, return_exceptions=True):
            if isinstance(result, socket.socket) and result is not made:
                result.close()


async def _first(trying: list[asyncio.Task[socket.socket]], seconds: float | None) -> socket.socket | None:
    """The first that is connected; None when the time is over, or another one has failed."""
    pending = [task for task in trying if not task.done()]
    done, _ = await asyncio.wait(pending, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return next((task.result() for task in done if task.exception() is None), None)


async def _connect(kind: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(kind, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, address)  # pyright: ignore[reportArgumentType]
    except BaseException:
        made.close()
        raise
    return made


async def command(line: str) -> tuple[asyncio.subprocess.Process, socket.socket]:
    """Start a ProxyCommand as ssh does, by the shell, since it is a line of the user's own configuration.

    asyncssh would split it without a shell, and mix what the command complains about into the connection.
    """
    ours, theirs = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            f"exec {line}",
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    ours.setblocking(False)
    return process, ours


async def end(proxy: asyncio.subprocess.Process | None, most: int) -> str:
    """End a ProxyCommand; what it complained about, `most` bytes of it."""
    if proxy is None:
        return ""
    if proxy.returncode is None:
        with suppress(ProcessLookupError, TimeoutError):
            # It hears that the connection is over, and gets a moment to say why.
            await asyncio.wait_for(proxy.wait(), 0.5)
    if proxy.returncode is None:
        with suppress(ProcessLookupError):
            proxy.terminate()
    complaint = b""
    if proxy.stderr is not None:
        with suppress(TimeoutError):
            complaint = await asyncio.wait_for(proxy.stderr.read(most), 0.5)
    await proxy.wait()
    proxy._transport.close()  # type: ignore[attr-defined]  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue]  # what it started may hold the pipe for ever
    return complaint.decode("utf-8", "replace")
