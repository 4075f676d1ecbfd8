"""A host whose files are this machine's, but reached as another machine's are: everything passes through the wire's bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from envsync.tools.hosts import wire
from envsync.tools.hosts.base import Completed, Forward, Info, Link, Stat
from envsync.tools.hosts.local import LocalHost


class Wired:
    """See Host. A function is sent by its name, its arguments and its answer as bytes; what is no plain data fails."""

    def __init__(self, name: str = "ssh:somebody@elsewhere", home: Path | None = None, python: bool = True) -> None:
        self.name = name
        self.home = home
        self.python = python
        self.inner = LocalHost()
        self.called: list[str] = []

    async def info(self) -> Info:
        info = await self.inner.info()
        info = replace(info, home=self.home) if self.home else info
        return info if self.python else replace(info, python="")

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
        return await self.inner.run(argv, cwd=cwd, env=env, stdin=stdin, timeout=timeout, output=output)

    async def read(self, path: Path) -> bytes:
        return await self.inner.read(path)

    async def write(self, path: Path, content: bytes, mode: int | None = None) -> None:
        await self.inner.write(path, content, mode)

    async def remove(self, path: Path) -> None:
        await self.inner.remove(path)

    async def stat(self, path: Path) -> Stat | None:
        return await self.inner.stat(path)

    async def list(self, path: Path) -> list[Stat]:
        return await self.inner.list(path)

    async def call(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self.python:
            raise AssertionError(f"{work} was sent to a host without Python")
        name = f"{work.__module__}:{work.__qualname__}"
        self.called.append(name)
        message = b"".join(wire.encode((args, kwargs)))

        def over_there() -> bytes:
            module, _, function = name.partition(":")
            found = getattr(import_module(module), function)
            given, named = wire.decode(message)
            try:
                return b"".join(wire.encode(found(*given, **named)))
            except Exception as error:
                return b"".join(wire.encode(error))

        answer = wire.decode(await asyncio.to_thread(over_there))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def start(self, worker: Callable[..., Any], *args: Any) -> Link:
        return await self.inner.start(worker, *args)

    def watch(self, path: Path) -> AsyncIterator[frozenset[str]]:
        return self.inner.watch(path)

    async def forward(self, to: int, *, port: int = 0, address: str = "127.0.0.1") -> Forward:
        return await self.inner.forward(to, port=port, address=address)

    async def terminal(self, argv: Sequence[str] = (), *, cwd: Path | None = None) -> int:
        raise AssertionError("no test joins a terminal")

    async def close(self) -> None:
        await self.inner.close()
