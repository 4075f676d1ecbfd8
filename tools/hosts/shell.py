"""A machine without a Python: every method by commands of its POSIX shell and its userland, GNU's or BusyBox's."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import Failed, Unreachable
from . import shell_words as words
from .base import Completed, Info, Stat
from .local import GRACE, KEPT
from .pipe import Pipe
from .watching import ANY, LIMIT, Changes

PAUSE = 2.0
"""Seconds between two looks of a watch at least; looking takes a twentieth of the time at most."""
NOISE = 1 << 16
"""Bytes that a login shell may print before our command speaks."""
_HINT = "Install python3 (3.9 or newer) there: EnvSync then does this through its helper."


class Shell:
    """See Host. Each call is one program; nothing is kept over there."""

    lost = False

    def __init__(self, name: str, spawn: Callable[[Sequence[str]], Awaitable[Pipe]]) -> None:
        self.name = name
        self._spawn = spawn
        self._info: Info | None = None

    async def info(self) -> Info:
        """See Host.info."""
        if self._info is None:
            sent = time.time()
            said = (await self._ask(words.INFO)).split(b"\0")
            if len(said) < 8:
                raise Unreachable(f"{self.name} does not say what it is", "Log in by hand and try `uname -a; id`.")
            system, machine, hostname, user, uid, home, directory, now = (os.fsdecode(word) for word in said[:8])
            clock = float(now) - (sent + time.time()) / 2 if now.isdigit() else 0.0
            number = int(uid) if uid.isdigit() else -1
            # `date` tells whole seconds: less than that is no difference.
            clock = 0.0 if abs(clock) < 1.5 else round(clock)
            self._info = Info(system, machine, hostname, user, number, Path(home), Path(directory), "", clock)
        return self._info

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
        start = time.monotonic()
        if not argv or any("\0" in word for word in argv):
            return Completed(tuple(argv), 127, b"", b"no such program", 0.0)
        added = [f"{key}={value}" for key, value in (env or {}).items()]
        told = [str(cwd) if cwd is not None else "", str(len(added)), *added, *argv]
        code, out, err, late = await self._do([words.RUN, *told], stdin, timeout, output, KEPT)
        return Completed(tuple(argv), code, out, err, time.monotonic() - start, late)

    async def read(self, path: Path) -> bytes:
        """See Host.read."""
        return await self._ask(words.READ, path)

    async def write(self, path: Path, content: bytes, mode: int | None = None) -> None:
        """See Host.write."""
        await self._ask(words.WRITE, path, "" if mode is None else f"{mode:o}", str(len(content)), stdin=content)

    async def remove(self, path: Path) -> None:
        """See Host.remove."""
        await self._ask(words.REMOVE, path)

    async def stat(self, path: Path) -> Stat | None:
        """See Host.stat."""
        try:
            found = await self._entries(words.STAT, path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return replace(found[0], path=path) if found else None

    async def list(self, path: Path) -> list[Stat]:
        """See Host.list."""
        return sorted(await self._entries(words.LIST, path), key=lambda entry: entry.path.name)

    async def call(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """See Host.call: there is nothing that it could run on."""
        raise Failed(f"{self.name} has no Python 3.9 or newer, so this cannot be done there", _HINT)

    async def start(self, worker: Callable[..., Any], *args: Any) -> Any:
        """See Host.start, likewise."""
        raise Failed(f"{self.name} has no Python 3.9 or newer, so this cannot be done there", _HINT)

    def watch(self, path: Path) -> Changes:
        """See Host.watch: by looking now and then."""
        return Changes(self._look(path))

    async def forget(self) -> None:
        """Nothing is kept over there."""

    async def close(self) -> None:
        """Nothing is open."""

    # -- How ------------------------------------------------------------------------------------------------------

    async def _entries(self, script: str, path: Path) -> list[Stat]:
        for _ in range(5):
            with suppress(words.Moved):
                return words.entries(await self._ask(script, path), path)
        return words.entries(await self._ask(script, path), path)

    async def _look(self, path: Path) -> AsyncIterator[frozenset[str]]:
        before, seconds = await self._seen(path)
        yield ANY
        while True:
            await asyncio.sleep(max(PAUSE, 20 * seconds))
            try:
                now, seconds = await self._seen(path)
            except words.Moved:
                continue
            except OSError:
                now = {}
            touched = {name for name, _ in before.items() ^ now.items()}
            if touched:
                yield frozenset(touched) if len(touched) <= LIMIT and now else ANY
            before = now

    async def _seen(self, path: Path) -> tuple[dict[str, bytes], float]:
        start = time.monotonic()
        return words.marks(await self._ask(words.TREE, path)), time.monotonic() - start

    async def _ask(self, script: str, *args: str | Path, stdin: bytes = b"") -> bytes:
        """What one of our scripts printed. Raises OSError for what went wrong over there."""
        told = [str(arg) if not str(arg).startswith("-") else f"./{arg}" for arg in args]
        if any("\0" in word for word in told):
            raise ValueError("embedded null byte")
        code, out, err, _ = await self._do([script, *told], stdin, None, None, None)
        if code:
            raise words.failure(code, err, str(args[0]) if args else None)
        return out

    async def _do(
        self,
        command: Sequence[str],
        stdin: bytes,
        timeout: float | None,
        output: Callable[[str, bytes], None] | None,
        limit: int | None,
    ) -> tuple[int, bytes, bytes, bool]:
        """Carry out a script with its arguments: (exit code, stdout, stderr, timed out)."""
        mark = f"envsync-{secrets.token_hex(8)}"
        script, told = command[0], list(command[1:])
        if not all(word.isascii() or word.isprintable() for word in told):
            told = [script, *words.pack(told)]
            script = words.UNPACK
        pipe = await self._spawn(["sh", "-c", words.BEGIN + script, mark, *told])
        talk = _Talk(pipe, f"{mark} ".encode(), output, limit)
        pumps = asyncio.gather(talk.out(), talk.error(), talk.feed(stdin))
        late = False
        code = 0
        try:
            code = await asyncio.wait_for(pipe.wait(), timeout)
            # What a program left behind may hold the streams open: do not wait for that one for ever.
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(pumps), 1.0 if limit is not None else None)
        except TimeoutError:
            late = True
            await self._end(talk)
        except asyncio.CancelledError:
            await self._end(talk)
            raise
        finally:
            pumps.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await pumps
            await pipe.close()
        if not talk.begun and not late:
            raise Unreachable(
                f"{self.name} runs no commands: its shell ended with code {code}"
                + (
                    f": {bytes(talk.kept['stderr'][-300:]).decode('utf-8', 'backslashreplace').strip()}"
                    if talk.kept["stderr"]
                    else ""
                ),
                "Give its user a login shell (sh).",
            )
        out, err = (bytes(talk.kept[name][-limit:] if limit else talk.kept[name]) for name in ("stdout", "stderr"))
        return 124 if late else code, out, err, late

    async def _end(self, talk: _Talk) -> None:
        """SIGTERM to the whole group, then SIGKILL, as LocalHost does."""
        if talk.group:
            with suppress(Unreachable):
                killer = await self._spawn(["sh", "-c", words.KILL, "sh", talk.group, f"{GRACE:g}"])
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(killer.wait(), 4 * GRACE + 10)
                await killer.close()


class _Talk:
    """The streams of one command."""

    def __init__(self, pipe: Pipe, mark: bytes, output: Callable[[str, bytes], None] | None, limit: int | None) -> None:
        self._pipe = pipe
        self._mark = mark
        self._output = output
        self._limit = limit
        self.kept = {"stdout": bytearray(), "stderr": bytearray()}
        self.begun = False
        self.group = ""

    async def out(self) -> None:
        """Standard output, from the line that our script begins with."""
        heard = b""
        while not self.begun and (data := await self._pipe.read()):
            heard += data
            _, found, after = heard.partition(self._mark)
            if found and b"\n" in after:
                group, _, rest = after.partition(b"\n")
                self.begun, self.group = True, group.decode("ascii", "replace") if group.isdigit() else ""
                self._take("stdout", rest)
            elif len(heard) > NOISE:
                return
        while data := await self._pipe.read():
            self._take("stdout", data)

    async def error(self) -> None:
        """Standard error."""
        while data := await self._pipe.read_error():
            self._take("stderr", data)

    async def feed(self, stdin: bytes) -> None:
        """Standard input; a command that does not read it is no error of ours."""
        with suppress(OSError):
            for at in range(0, len(stdin), 1 << 18):
                await self._pipe.write(stdin[at : at + (1 << 18)])
        await self._pipe.end()

    def _take(self, name: str, data: bytes) -> None:
        if not data:
            return
        if self._output is not None:
            self._output(name, data)
        kept = self.kept[name]
        kept += data
        if self._limit is not None and len(kept) > 2 * self._limit:
            del kept[: -self._limit]
