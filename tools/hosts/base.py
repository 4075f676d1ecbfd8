"""The protocol of a host: the only door through which a tool looks at or changes a machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar, runtime_checkable

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


@dataclass(frozen=True)
class Info:
    """What a host is like; asked once per connection."""

    system: str
    """As `uname -s` has it: `Linux`, `Darwin`."""
    machine: str
    """As `uname -m` has it: `x86_64`, `aarch64`."""
    hostname: str
    user: str
    uid: int
    home: Path
    directory: Path
    """Where relative paths begin: here the working directory, over SSH the home, in a container its WORKDIR."""
    python: str = ""
    """Version of the Python over there that the helper runs on; empty means the slower path, by shell commands."""
    clock: float = 0.0
    """Seconds that its clock is ahead of this machine's."""


class Forward(Protocol):
    """A port of this machine that leads to one of the host; open until closed."""

    port: int
    """On 127.0.0.1 of this machine."""

    async def close(self) -> None:
        """Stop listening and drop what is connected; closing twice is no error."""
        ...


class Link(Protocol):
    """An object that lives next to the files (see Host.start), and the talk with it."""

    async def ask(self, method: str, *args: Any) -> Any:
        """Call one of its public methods and give what it returns or raises. Calls are carried out one at a time,
        in the order in which they were asked. Raises Unreachable when the host went away."""
        ...

    async def heard(self) -> Any:
        """The next thing that it told, waiting for one. Raises Unreachable when the host went away."""
        ...

    async def close(self) -> None:
        """End it: its `close` method is called when it has one. Closing twice is no error."""
        ...


class Host(Protocol):
    """A machine. Every method raises Unreachable when the machine is gone, and nothing else of its own.

    What can be passed to and from `call` and `start` is plain data: None, bool, int, float, str, bytes, Path, datetime,
    tuples, lists, sets, dicts, enums, and the dataclasses and pydantic models of `envsync.tools`. Nothing that a host
    sends is ever run or unpickled here.
    """

    name: str
    """As people write it: `local`, `docker:NAME`, `ssh:USER@HOST[:PORT]`, `vm:NAME`."""

    async def info(self) -> Info:
        """What the host is like; connects when there is no connection yet. Raises Unreachable, with what to do next."""
        ...

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

    async def start(self, worker: Callable[..., Any], *args: Any) -> Link:
        """Make an object next to the files and keep it there until the link is closed or the host goes away.

        `worker(tell, *args)` makes it: a class importable by name, under the rules of `call`. Its methods run in a
        thread of its own; whatever it passes to `tell` (from any thread) comes out of `Link.heard`, in order.
        Raises Failed on a host without a Python.
        """
        ...

    def watch(self, path: Path) -> AsyncIterator[frozenset[str]]:
        """Changes below a directory as they happen: each time the relative paths (`/` between parts, undecodable bytes
        as surrogates) that were touched since the last time. `.` means that any path may have changed: events were
        lost, or the host can only look now and then. The first one is always `.` and comes when the watch stands:
        nothing that changes after it is missed. Waiting for the next one may be cancelled and done again. Raises
        OSError when `path` is no directory. Ends with Unreachable; closing the iterator (`aclose`) ends the watch.
        """
        ...

    async def forward(self, to: int, *, port: int = 0, address: str = "127.0.0.1") -> Forward:
        """Let a port of this machine (`port`, 0 for any free one) lead to port `to` of `address` as the host sees it.

        Raises Usage when `port` is taken here.
        """
        ...

    async def terminal(self, argv: Sequence[str] = (), *, cwd: Path | None = None) -> int:
        """Join this process's terminal to a command there (the login shell without one) until it ends; its exit code.

        Window size and signals go through. Raises Usage when this process has no terminal.
        """
        ...

    async def close(self) -> None:
        """Let the connection go; the next use connects again. Commands that run over it end."""
        ...


# -- Machines that can be recorded whole --------------------------------------------------------------------------


@dataclass(frozen=True)
class Frozen:
    """A whole machine as it was at one moment."""

    kind: str
    """Which implementation made it: `container` or `vm`."""
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    """What that implementation needs to find it again; plain JSON, kept in the snapshot's record."""
    bytes: int = 0
    notices: tuple[str, ...] = ()
    """What is not in it, e.g. a bind-mounted directory."""


@dataclass(frozen=True)
class Touched:
    """One path that differs between a machine now and as it was: `how` is added, changed or deleted (since then)."""

    path: str
    how: str


@runtime_checkable
class Freezes(Protocol):
    """A host that is recorded and put back as a whole, by what is cheapest and exact there."""

    async def freeze(self, id: str) -> Frozen:
        """Record the machine under a name made from `id`; complete and durable when this returns. Raises Failed."""
        ...

    async def differs(self, frozen: Frozen) -> list[Touched]:
        """What differs now, sorted by path. Raises Failed when the record is gone."""
        ...

    async def thaw(self, frozen: Frozen, paths: Sequence[str] = ()) -> None:
        """Put the machine back, wholly or only `paths` (absolute). Raises Failed, with the machine as it was before."""
        ...

    async def forget(self, frozen: Frozen) -> None:
        """Free what the record takes; one that is gone already is no error."""
        ...
