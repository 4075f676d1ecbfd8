"""The monitor of a running qemu: QEMU Machine Protocol over a Unix socket."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import Failed, Unreachable
from .vm_place import turn

SOCKET = "qmp.sock"
LINE = 1 << 20
"""Bytes that one message of the monitor may have."""
ANSWERS = 30.0
"""Seconds within which the monitor answers an order; work that takes longer is a job."""


class Monitor:
    """A conversation with one qemu. Made by `talk`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._events: list[dict[str, Any]] = []

    async def greet(self) -> None:
        """Take the greeting and leave negotiation mode."""
        await self._message()
        await self.do("qmp_capabilities")

    async def do(self, order: str, **arguments: Any) -> Any:
        """Carry out one command and give its return value.

        Raises Failed with the monitor's words when it refuses, Unreachable when qemu is gone or does not answer.
        """
        body = {"execute": order, "arguments": {key.replace("_", "-"): value for key, value in arguments.items()}}
        try:
            self._writer.write(json.dumps(body).encode() + b"\n")
            await self._writer.drain()
            while True:
                message = await self._message()
                if "event" in message:
                    self._events.append(message)
                elif "error" in message:
                    raise Failed(f"qemu refused {order}: {message['error'].get('desc', 'no reason given')}")
                else:
                    return message.get("return")
        except (ConnectionError, TimeoutError) as error:
            raise _gone(order) from error

    async def job(self, order: str, limit: float = 600, **arguments: Any) -> None:
        """Carry out a command that is a job, and wait for its end. Raises Failed with the reason when it fails."""
        id = f"envsync-{secrets.token_hex(4)}"
        await self.do(order, job_id=id, **arguments)
        async with asyncio.timeout(limit):
            while True:
                jobs = await self.do("query-jobs")
                mine = next((job for job in jobs if job["id"] == id), None)
                if mine is None or mine["status"] == "concluded":
                    break
                await asyncio.sleep(0.01)
        if mine is not None:
            await self.do("job-dismiss", id=id)
            if mine.get("error"):
                raise Failed(f"{order} failed: {mine['error']}")

    async def event(self, name: str, limit: float = ANSWERS) -> dict[str, Any]:
        """Wait for an event, also one that came before this was called."""
        try:
            async with asyncio.timeout(limit):
                while True:
                    for index, event in enumerate(self._events):
                        if event["event"] == name:
                            return self._events.pop(index)
                    message = await self._message()
                    if "event" in message:
                        self._events.append(message)
        except (ConnectionError, TimeoutError) as error:
            raise _gone(f"to report {name}") from error

    async def _message(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(ANSWERS):
                line = await self._reader.readline()
        except ValueError as error:
            raise ConnectionError("a message of the monitor is too long") from error
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the monitor hung up")
        try:
            message = json.loads(line)
        except ValueError as error:
            raise ConnectionError("the monitor sent no JSON") from error
        if not isinstance(message, dict):
            raise ConnectionError("the monitor sent no message")
        return message  # pyright: ignore[reportUnknownVariableType]  # typed by the protocol, and only looked up by key


@asynccontextmanager
async def talk(folder: Path) -> AsyncGenerator[Monitor]:
    """Talk with the qemu whose monitor listens in `folder`, alone: the socket serves one client at a time.

    Raises Unreachable when there is none.
    """
    async with turn(folder / "qmp.lock", "talking with this virtual machine"):
        # A socket's address holds 107 bytes; the way through an open directory is always short enough.
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{handle}/{SOCKET}", limit=LINE)
        except OSError as error:
            raise _gone("to listen") from error
        finally:
            os.close(handle)
        try:
            monitor = Monitor(reader, writer)
            try:
                await monitor.greet()
            except (ConnectionError, TimeoutError) as error:
                raise _gone("to greet") from error
            yield monitor
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def _gone(order: str) -> Unreachable:
    return Unreachable(
        f"the virtual machine's qemu went away, or did not answer when asked {order}",
        "Run the command again: a machine that stopped is started again.",
    )
