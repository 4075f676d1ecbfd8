"""This process's terminal, and programs that run in one."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import pwd
import signal
import struct
import sys
import termios
import tty
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import Usage
from .forwarding import CHUNK, Stream


def check() -> None:
    """Raises Usage when this process has no terminal."""
    if not (os.isatty(0) and os.isatty(1)):
        raise Usage("this is no terminal", "Start it in a terminal, or give one command to `envsync run`.")


def size(terminal: int = 1) -> tuple[int, int]:
    """Rows and columns of a terminal."""
    columns, rows = os.get_terminal_size(terminal)
    return rows, columns


def login_shell() -> list[str]:
    """The user's shell on this machine, as a login shell."""
    shell = os.environ.get("SHELL", "/bin/sh")
    with suppress(KeyError):
        shell = pwd.getpwuid(os.getuid()).pw_shell or shell
    return [shell if os.access(shell, os.X_OK) else "/bin/sh", "-l"]


async def run_here(argv: Sequence[str], cwd: Path | None) -> int:
    """Run a command of this machine in this process's terminal; its exit code. Raises Usage."""
    check()
    held = {sign: signal.signal(sign, signal.SIG_IGN) for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)}
    try:
        process = await asyncio.create_subprocess_exec(
            *(argv or login_shell()), cwd=cwd, restore_signals=True, preexec_fn=_usual_signals
        )
        code = await process.wait()
    except OSError as error:
        print(error.strerror, file=sys.stderr)
        return 126 if isinstance(error, PermissionError) else 127
    finally:
        for sign, handler in held.items():
            signal.signal(sign, handler)
    return 128 - code if code < 0 else code


def _usual_signals() -> None:
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(sign, signal.SIG_DFL)


async def attach(stream: Stream, resize: Callable[[int, int], Awaitable[None]]) -> None:
    """Join this process's terminal to a program in a terminal elsewhere until it ends its output.

    Everything typed goes there as it is, Ctrl-C too; `resize(rows, columns)` is called when the window changes.
    """
    check()
    loop = asyncio.get_running_loop()
    before = termios.tcgetattr(0)
    typed: asyncio.Queue[bytes] = asyncio.Queue()
    changed = asyncio.Event()

    async def keys() -> None:
        with suppress(OSError):
            while data := await typed.get():
                await stream.write(data)
            await stream.end()

    async def sizes() -> None:
        while True:
            await changed.wait()
            changed.clear()
            await resize(*size())

    tasks = [asyncio.ensure_future(keys()), asyncio.ensure_future(sizes())]
    tty.setraw(0, termios.TCSADRAIN)  # what was typed meanwhile is meant for the other side
    loop.add_reader(0, lambda: typed.put_nowait(os.read(0, CHUNK)))
    loop.add_signal_handler(signal.SIGWINCH, changed.set)
    try:
        while data := await stream.read():
            await asyncio.to_thread(_show, data)
    finally:
        loop.remove_reader(0)
        loop.remove_signal_handler(signal.SIGWINCH)
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _show(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


class Pty:
    """A program in a terminal of its own on this machine; a Stream of what it shows and what is typed."""

    def __init__(self, process: asyncio.subprocess.Process, terminal: int) -> None:
        self.process = process
        self._terminal = terminal
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def start(cls, argv: Sequence[str], cwd: str | None, env: Mapping[str, str], rows: int, columns: int) -> Pty:
        """Start it; raises OSError."""
        ours, theirs = pty.openpty()
        try:
            _resize(ours, rows, columns)
            process = await asyncio.create_subprocess_exec(
                *(argv or login_shell()),
                cwd=cwd or Path.home(),
                env={**os.environ, **env},
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
                preexec_fn=_own_terminal,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        os.set_blocking(ours, False)
        return cls(process, ours)

    def resize(self, rows: int, columns: int) -> None:
        """The window has another size; the program gets SIGWINCH."""
        _resize(self._terminal, rows, columns)

    async def read(self) -> bytes:
        """See Stream.read."""
        while self._terminal >= 0:
            try:
                return os.read(self._terminal, CHUNK)
            except BlockingIOError:
                await self._ready(self._loop.add_reader, self._loop.remove_reader)
            except OSError:
                break  # EIO: the last program in the terminal is gone
        return b""

    async def write(self, data: bytes) -> None:
        """See Stream.write."""
        while data and self._terminal >= 0:
            try:
                data = data[os.write(self._terminal, data) :]
            except BlockingIOError:
                await self._ready(self._loop.add_writer, self._loop.remove_writer)

    async def end(self) -> None:
        """See Stream.end: the end of input, as typed."""
        await self.write(b"\x04")

    async def close(self) -> None:
        """Hang up."""
        if self._terminal >= 0:
            with suppress(OSError):
                os.close(self._terminal)
            self._terminal = -1

    async def _ready(self, add: Callable[..., Any], remove: Callable[[int], Any]) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        add(self._terminal, lambda: future.done() or future.set_result(None))
        try:
            await future
        finally:
            remove(self._terminal)


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _resize(terminal: int, rows: int, columns: int) -> None:
    with suppress(OSError):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
