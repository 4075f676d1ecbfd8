"""Talking to a session's keeper: one JSON line each way over a socket in the session's private directory."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import Failed, Unreachable

NAME = "control"
LONGEST = 100
"""Bytes of a socket's path that every system takes."""
WIDEST = 16 << 20
"""Bytes of a line."""
Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


@contextmanager
def _address(directory: Path) -> Generator[str]:
    """A path that is short enough for a socket: through a descriptor where the plain one is too long."""
    plain = str(directory / NAME)
    if len(os.fsencode(plain)) <= LONGEST or not os.path.isdir("/proc/self/fd"):
        yield plain
        return
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{NAME}"
    finally:
        os.close(fd)


async def serve(directory: Path, answer: Answer) -> asyncio.Server:
    """Answer requests until the server is closed; the keeper's lock says that no other one does."""
    (directory / NAME).unlink(missing_ok=True)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readline())
            reply = await answer(dict(asked))
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        except (ValueError, TypeError, OSError):
            pass  # whoever asked went away, or spoke another language
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    with _address(directory) as path:
        server = await asyncio.start_unix_server(talk, path, limit=WIDEST)
    os.chmod(directory / NAME, 0o600)
    return server


async def ask(directory: Path, limit: float, do: str, **more: Any) -> dict[str, Any]:
    """What the keeper answers to a request. Raises Unreachable when none listens, Failed when it takes longer than `limit` seconds."""
    try:
        with _address(directory) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=WIDEST)
    except OSError as error:
        raise Unreachable("the keeper of this sync session does not answer", f"Try again. ({error.strerror})") from None
    try:
        writer.write(json.dumps({"do": do, **more}).encode() + b"\n")
        line = await asyncio.wait_for(reader.readline(), limit)
    except TimeoutError:
        raise Failed(
            f"the sync session was not done within {limit:.0f} s", "`envsync syncs` shows how it goes."
        ) from None
    except OSError:
        line = b""
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    if not line:
        raise Unreachable("the keeper of this sync session ended while it was asked", "Try again.")
    reply: dict[str, Any] = json.loads(line)
    return reply
