"""The protocol of a host: the only door through which a tool looks at or changes a machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Completed:
    """A command that ended. A non-zero `code` is a value, not an exception.

    `code` is 127 when the program does not exist, 126 when it may not be executed, 124 after a time-out, and
    128 + N when signal N ended it, as shells have it.
    """

    argv: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool = False

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are no UTF-8 become escapes."""
        return self.stdout.decode("utf-8", "backslashreplace")

    @property
    def error(self) -> str:
        """Standard error as text, likewise."""
        return self.stderr.decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Stat:
    """A directory entry, links not followed."""

    path: Path
    kind: str
    """`file`, `directory`, `link` or `special` (FIFO, socket, device)."""
    size: int
    mode: int
    """Permission bits only (0 to 0o7777)."""
    mtime_ns: int
    target: str = ""
    """Of a link."""


class Host(Protocol):
    """A machine. Every method raises Unreachable when the machine is gone, and nothing else of its own."""

    name: str
    """As people write it: `local`, `docker:NAME`, `ssh:USER@HOST`, `vm:NAME`."""

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
        """Run one command without a shell, in a process group of its own, and wait for it.

        `env` is added to the host's environment. `timeout` is in seconds, None for no limit; at its end, and when the
        caller is cancelled, the whole group gets SIGTERM and after two seconds SIGKILL. `output` is called with
        (`stdout` or `stderr`, chunk) as they come. Kept output is capped at 8 MiB a stream, the tail is kept.
        """
        ...

    async def read(self, path: Path) -> bytes:
        """The content of a regular file. Raises OSError as the machine does."""
        ...

    async def write(self, path: Path, content: bytes, mode: int | None = None) -> None:
        """Replace a file atomically: temporary file in the same directory, fsync, rename. Makes missing parents.

        `mode` None keeps an existing file's mode (0o644 for a new one). Raises OSError.
        """
        ...

    async def remove(self, path: Path) -> None:
        """Remove a file, a link or an empty directory; a missing one is no error. Raises OSError."""
        ...

    async def stat(self, path: Path) -> Stat | None:
        """The entry, its link not followed; None when there is none."""
        ...

    async def list(self, path: Path) -> list[Stat]:
        """The entries of a directory, sorted by name. Raises OSError."""
        ...

    async def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function next to the files, without blocking the caller.

        `work` must be importable by name, and depend on nothing but the standard library and `envsync.tools`: a host
        that is elsewhere ships it there. Cancelling waits for it to end, since a thread cannot be stopped half-way.
        """
        ...
