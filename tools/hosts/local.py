"""This machine."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import stat as st
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from .base import Completed, Info, Stat

if TYPE_CHECKING:
    from .forwarding import Listener
    from .links import ThreadLink
    from .watching import Changes

P = ParamSpec("P")
T = TypeVar("T")

KEPT = 8 * 1024 * 1024
"""Bytes of output kept per stream; a runaway command must not fill the memory."""
GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""


_PDEATHSIG = 1
"""prctl(2): the signal that a process gets when its parent ends."""


def _dies_with_us() -> Callable[[], None] | None:
    """What makes a child on Linux hang up when EnvSync is killed: left alone, it would go on changing an environment
    whose lock is free and whose journal says that it stopped."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    parent = os.getpid()

    def set_signal() -> None:
        prctl(_PDEATHSIG, signal.SIGHUP)
        if os.getppid() != parent:
            os._exit(129)  # killed meanwhile

    return set_signal


def open_host(_: str) -> LocalHost:
    """See registry.HOSTS."""
    return LocalHost()


class LocalHost:
    """The machine EnvSync runs on."""

    name = "local"

    async def info(self) -> Info:
        """See Host.info."""
        return await self.call(_info)

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
        if output is None:
            return await self.stream(argv, cwd=cwd, env=env, stdin=stdin, timeout=timeout)

        async def tell(stream: str, chunk: bytes) -> None:
            output(stream, chunk)

        # Commands whose output is wanted live are the ones that do work.
        return await self.stream(argv, cwd=cwd, env=env, stdin=stdin, timeout=timeout, output=tell, tied=True)

    async def stream(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float | None = 60,
        output: Callable[[str, bytes], Awaitable[None]] | None = None,
        tied: bool = False,
    ) -> Completed:
        """Like `run`, but the command waits while `output` does. `tied`: it hangs up when this process is killed."""
        start = time.monotonic()
        command = tuple(argv)
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *command,
                cwd=cwd,
                env={**os.environ, **env} if env else None,
                stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                # Not for each probe: a fork costs more than what a probe needs.
                preexec_fn=_dies_with_us() if tied else None,
            )
        )
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Cancelled half-way asyncio kills the process alone, and waits for ever for the pipes its children hold.
            await asyncio.wait([starting])
            if starting.exception() is None:
                await _end_group(starting.result())
                starting.result()._transport.close()  # type: ignore[attr-defined]  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue]
            raise
        except (FileNotFoundError, NotADirectoryError, PermissionError, ValueError, OSError) as error:
            code = 126 if isinstance(error, PermissionError) else 127
            return Completed(command, code, b"", str(error).encode(), time.monotonic() - start)
        kept = {"stdout": bytearray(), "stderr": bytearray()}

        async def drain(name: str, reader: asyncio.StreamReader | None) -> None:
            while reader is not None and (chunk := await reader.read(65536)):
                if output is not None:
                    await output(name, chunk)
                kept[name] += chunk
                if len(kept[name]) > 2 * KEPT:
                    del kept[name][:-KEPT]

        async def feed() -> None:
            if stdin and process.stdin is not None:
                # A command that does not read its input is no error of ours.
                with suppress(BrokenPipeError, ConnectionResetError):
                    process.stdin.write(stdin)
                    await process.stdin.drain()
                process.stdin.close()

        pumps = asyncio.gather(drain("stdout", process.stdout), drain("stderr", process.stderr), feed())
        timed_out = False
        try:
            await asyncio.wait_for(_exited(process), timeout)
            # A child that left a daemon behind keeps the pipes open: do not wait for that one for ever.
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(pumps), 1.0)
        except TimeoutError:
            timed_out = True
            await _end_group(process)
        except asyncio.CancelledError:
            await _end_group(process)
            raise
        finally:
            pumps.cancel()
            with suppress(asyncio.CancelledError):
                await pumps
            # Pipes that a daemon still holds would stay open here for its whole life; asyncio has no public way.
            process._transport.close()  # type: ignore[attr-defined]  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue]
        code = 124 if timed_out else process.returncode or 0
        return Completed(
            command,
            128 - code if code < 0 else code,
            bytes(kept["stdout"][-KEPT:]),
            bytes(kept["stderr"][-KEPT:]),
            time.monotonic() - start,
            timed_out,
        )

    async def read(self, path: Path) -> bytes:
        """See Host.read."""
        return await self.call(_read, path)

    async def write(self, path: Path, content: bytes, mode: int | None = None) -> None:
        """See Host.write."""
        await self.call(_write, path, content, mode)

    async def remove(self, path: Path) -> None:
        """See Host.remove."""
        await self.call(_remove, path)

    async def stat(self, path: Path) -> Stat | None:
        """See Host.stat."""
        return await self.call(_stat, path)

    async def list(self, path: Path) -> list[Stat]:
        """See Host.list."""
        return await self.call(_list, path)

    async def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """See Host.call."""
        task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    async def start(self, worker: Callable[..., Any], *args: Any) -> ThreadLink:
        """See Host.start."""
        from .links import ThreadLink

        return await ThreadLink.start(worker, *args)

    def watch(self, path: Path) -> Changes:
        """See Host.watch."""
        from .watching import watch

        return watch(path)

    async def forward(self, to: int, *, port: int = 0, address: str = "127.0.0.1") -> Listener:
        """See Host.forward."""
        from .forwarding import Listener, SocketStream

        return await Listener.open(port, lambda: SocketStream.connect(address, to))

    async def terminal(self, argv: Sequence[str] = (), *, cwd: Path | None = None) -> int:
        """See Host.terminal."""
        from .terminal import run_here

        return await run_here(argv, cwd)

    async def close(self) -> None:
        """See Host.close."""


def _info() -> Info:
    import platform
    import pwd

    system = os.uname()
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a user that has no name
        user = str(os.getuid())
    return Info(
        system=system.sysname,
        machine=system.machine,
        hostname=system.nodename,
        user=user,
        uid=os.getuid(),
        home=Path.home(),
        directory=Path.cwd(),
        python=platform.python_version(),
    )


async def _exited(process: asyncio.subprocess.Process) -> None:
    """Wait for the process itself: asyncio's own wait() also waits for its pipes, which a daemon it left may hold open."""
    waiting = asyncio.ensure_future(process.wait())
    try:
        while process.returncode is None:
            await asyncio.wait([waiting], timeout=0.1)
    finally:
        waiting.cancel()


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """SIGTERM to the whole group, then SIGKILL: a command's children must not outlive it."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sign)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(_exited(process), GRACE)
            if not _group_lives(process.pid):
                return


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _read(path: Path) -> bytes:
    # A FIFO must not keep a thread waiting for ever; for regular files O_NONBLOCK means nothing.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if st.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not st.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read()


def _write(path: Path, content: bytes, mode: int | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode is None:
        mode = st.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()


def _stat(path: Path) -> Stat | None:
    try:
        info = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    kinds = {st.S_IFREG: "file", st.S_IFDIR: "directory", st.S_IFLNK: "link"}
    kind = kinds.get(st.S_IFMT(info.st_mode), "special")
    target = os.readlink(path) if kind == "link" else ""
    return Stat(path, kind, info.st_size, st.S_IMODE(info.st_mode), info.st_mtime_ns, target)


def _list(path: Path) -> list[Stat]:
    found = (_stat(path / name) for name in sorted(os.listdir(path)))
    return [entry for entry in found if entry is not None]
