"""A host that looks but never changes: dry run is a wrapper, not an `if` in every tool."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from .base import Completed, Forward, Host, Info, Link, Stat

P = ParamSpec("P")
T = TypeVar("T")


class DryRunHost:
    """Reads go through to `host`; commands and writes are recorded in `would` and not done."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.name = host.name
        self.would: list[str] = []

    async def info(self) -> Info:
        """See Host.info."""
        return await self.host.info()

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
        """Record the command; it succeeds with no output."""
        self.would.append("run " + " ".join(argv))
        return Completed(tuple(argv), 0, b"", b"", 0.0)

    async def read(self, path: Path) -> bytes:
        """See Host.read."""
        return await self.host.read(path)

    async def write(self, path: Path, content: bytes, mode: int | None = None) -> None:
        """Record the write."""
        self.would.append(f"write {path} ({len(content)} bytes)")

    async def remove(self, path: Path) -> None:
        """Record the removal."""
        self.would.append(f"remove {path}")

    async def stat(self, path: Path) -> Stat | None:
        """See Host.stat."""
        return await self.host.stat(path)

    async def list(self, path: Path) -> list[Stat]:
        """See Host.list."""
        return await self.host.list(path)

    async def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Host.call; the caller answers for `work` only reading."""
        return await self.host.call(work, *args, **kwargs)

    async def start(self, worker: Callable[..., Any], *args: Any) -> Link:
        """See Host.start; the caller answers for `worker` only reading."""
        return await self.host.start(worker, *args)

    def watch(self, path: Path) -> AsyncIterator[frozenset[str]]:
        """See Host.watch."""
        return self.host.watch(path)

    async def forward(self, to: int, *, port: int = 0, address: str = "127.0.0.1") -> Forward:
        """See Host.forward: a way to look, which changes nothing over there."""
        return await self.host.forward(to, port=port, address=address)

    async def terminal(self, argv: Sequence[str] = (), *, cwd: Path | None = None) -> int:
        """Record that a terminal would be joined."""
        self.would.append("terminal " + " ".join(argv))
        return 0

    async def close(self) -> None:
        """See Host.close."""
        await self.host.close()
