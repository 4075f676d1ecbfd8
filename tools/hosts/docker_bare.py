"""A container with neither a Python nor a shell: files by the engine's archives, commands by its exec."""

from __future__ import annotations

import asyncio
import base64
import errno
import io
import json
import os
import posixpath
import tarfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from . import docker_files as files
from .base import Completed, Info, Stat
from .docker_engine import Engine
from .docker_pipe import ExecPipe
from .local import KEPT
from .shell import Shell

MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686", "arm": "armv7l"}
LINKS = 40
"""Links that are followed one after another, as the kernel has it."""


class Bare(Shell):
    """See Host; weaker where the engine has no call: a file is replaced by removing it first, nothing can be removed
    unless there is an `rm`, and a command that takes too long is left running."""

    def __init__(
        self, name: str, engine: Engine, info: dict[str, Any], start: Callable[..., Awaitable[ExecPipe]]
    ) -> None:
        super().__init__(name, start)
        self._engine = engine
        self._told = info
        self._start = start
        self._id = str(info["Id"])

    async def info(self) -> Info:
        """See Host.info."""
        if self._info is None:
            config = self._told["Config"]
            image: dict[str, Any] = await self._engine.ask(self._engine.api.inspect_image, self._told["Image"])
            user = str(config.get("User") or "root").partition(":")[0]
            uid, home = await self._person(user)
            kind = str(image.get("Architecture", ""))
            self._info = Info(
                system=str(image.get("Os", "linux")).capitalize(),
                machine=MACHINES.get(kind, kind),
                hostname=str(config.get("Hostname", "")),
                user=user,
                uid=uid,
                home=Path(home),
                directory=Path(config.get("WorkingDir") or "/"),
            )
        return self._info

    async def _person(self, user: str) -> tuple[int, str]:
        lines: list[str] = []
        with suppress(OSError):
            lines = os.fsdecode(await self.read(Path("/etc/passwd"))).splitlines()
        for line in lines:
            fields = line.split(":")
            if len(fields) >= 6 and user in (fields[0], fields[2]) and fields[2].isdigit():
                return int(fields[2]), fields[5]
        return (int(user) if user.isdigit() else 0), "/root" if user in ("root", "0") else "/"

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
        pipe = await self._start(argv, cwd=str(cwd or ""), env=dict(env or {}))
        kept = {"stdout": bytearray(), "stderr": bytearray()}

        async def drain(name: str, take: Callable[[], Awaitable[bytes]]) -> None:
            while chunk := await take():
                if output is not None:
                    output(name, chunk)
                kept[name] += chunk
                if len(kept[name]) > 2 * KEPT:
                    del kept[name][:-KEPT]

        async def feed() -> None:
            with suppress(OSError):
                if stdin:
                    await pipe.write(stdin)
            await pipe.end()

        late, code = False, 124
        pumps = asyncio.gather(drain("stdout", pipe.read), drain("stderr", pipe.read_error), feed())
        try:
            code = await asyncio.wait_for(pipe.wait(), timeout)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(pumps), 1.0)
        except TimeoutError:
            late = True
            kept["stderr"] += b"\n(it goes on in the container: the engine cannot end it)"
        finally:
            pumps.cancel()
            with suppress(asyncio.CancelledError):
                await pumps
            await pipe.close()
        out, err = bytes(kept["stdout"][-KEPT:]), bytes(kept["stderr"][-KEPT:])
        return Completed(tuple(argv), code, out, err, time.monotonic() - start, late)

    async def read(self, path: Path) -> bytes:
        """See Host.read."""
        at = self._at(path)

        def do() -> bytes:
            here = at
            for _ in range(LINKS):
                with self._first(here) as found:
                    if found is None:
                        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
                    tar, member, _ = found
                    if member.issym():
                        here = os.path.normpath(os.path.join(os.path.dirname(here), member.linkname))
                        continue
                    file = tar.extractfile(member) if member.isreg() else None
                    if file is None:
                        kind = errno.EISDIR if member.isdir() else errno.EINVAL
                        raise OSError(kind, os.strerror(kind), str(path))
                    return file.read()
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))

        return await self._engine.ask(do)

    async def write(self, path: Path, content: bytes, mode: int | None = None) -> None:
        """See Host.write; not atomic, and a link is replaced."""
        at, person = self._at(path), await self.info()

        def do() -> None:
            made, missing = tarfile.TarInfo(at.strip("/")), list[str]()
            made.size, made.mtime, made.uid = len(content), int(time.time()), person.uid
            made.mode = 0o644 if mode is None else mode
            if (before := files.glance(self._engine.slow, self._id, at)) is not None:
                if before.kind == "directory":
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
                made.uid, made.gid = before.uid, before.gid
                made.mode = before.mode if mode is None else mode
            above = os.path.dirname(at)
            while above != "/" and not files.kind(self._engine.slow, self._id, above):
                missing.append(above)
                above = os.path.dirname(above)
            held = io.BytesIO()
            with tarfile.open(fileobj=held, mode="w", format=tarfile.PAX_FORMAT) as tar:
                for folder in reversed(missing):
                    entry = tarfile.TarInfo(folder.strip("/"))
                    entry.type, entry.mode, entry.uid, entry.mtime = tarfile.DIRTYPE, 0o755, person.uid, made.mtime
                    tar.addfile(entry)
                tar.addfile(made, io.BytesIO(content))
            self._engine.slow.put_archive(self._id, "/", held.getvalue())

        await self._engine.ask(do)

    async def remove(self, path: Path) -> None:
        """See Host.remove; by the container's own `rm` or `rmdir`."""
        found = await self.stat(path)
        if found is None:
            return
        words = ["rmdir", "--"] if found.kind == "directory" else ["rm", "-f", "--"]
        done = await self.run([*words, self._at(path)])
        if done.code == 127:
            raise OSError(errno.ENOTSUP, "there is nothing in the container that can remove it", str(path))
        if done.code:
            raise OSError(errno.ENOTEMPTY if found.kind == "directory" else errno.EPERM, done.error.strip(), str(path))

    async def stat(self, path: Path) -> Stat | None:
        """See Host.stat."""
        at = self._at(path)

        def do() -> Stat | None:
            with self._first(at) as found:
                return None if found is None else _stat(path, found[1], found[2].get("mtime"))

        return await self._engine.ask(do)

    async def list(self, path: Path) -> list[Stat]:
        """See Host.list; reads all that is below."""
        at = self._at(path)

        def do() -> list[Stat]:
            found: list[Stat] = []
            kind = files.kind(self._engine.slow, self._id, at)
            if kind != "directory":
                code = errno.ENOTDIR if kind else errno.ENOENT
                raise OSError(code, os.strerror(code), str(path))
            for _, member in files.members(files.archive(self._engine.slow, self._id, at)):
                place = files.place(member.name, 0 if at == "/" else 1)
                if place != "/" and place.count("/") == 1:
                    found.append(_stat(path / place[1:], member, None))
            return sorted(found, key=lambda entry: entry.path.name)

        return await self._engine.ask(do)

    def _at(self, path: Path) -> str:
        """A path from the container's root."""
        if path.is_absolute():
            return posixpath.normpath(str(path))
        directory = self._told["Config"].get("WorkingDir") or "/"
        return posixpath.normpath(str(Path(directory) / path))

    def _first(self, path: str) -> _First:
        return _First(self._engine.slow, self._id, path)

    async def _seen(self, path: Path) -> tuple[dict[str, bytes], float]:
        at, start = self._at(path), time.monotonic()
        seen = await self._engine.ask(files.look, self._engine.slow, self._id, at)
        return {name[1:] or ".": repr(entry).encode() for name, entry in seen.items()}, time.monotonic() - start


class _First:
    """The first member of a path's archive, open to be read; None when there is nothing there."""

    def __init__(self, api: Any, container: str, path: str) -> None:
        self._api, self._container, self._path = api, container, path
        self._stream: Any = None
        self._answer: Any = None

    def __enter__(self) -> tuple[tarfile.TarFile, tarfile.TarInfo, dict[str, Any]] | None:
        self._answer = files.opened(self._api, self._container, self._path)
        if self._answer is None:
            return None
        stat = json.loads(base64.b64decode(self._answer.headers["X-Docker-Container-Path-Stat"]))
        self._stream = files.members(self._answer.iter_content(files.CHUNK, False))
        for tar, member in self._stream:
            return tar, member, stat
        return None

    def __exit__(self, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()
        if self._answer is not None:
            self._answer.close()


def _stat(path: Path, member: tarfile.TarInfo, exact: str | None) -> Stat:
    kind = files.KINDS.get(member.type, "special")
    mtime = int(member.mtime) * 10**9
    if exact:
        with suppress(ValueError):
            # The engine says nanoseconds, which datetime would round.
            whole, _, rest = exact.rstrip("Z").partition(".")
            mtime = int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**9 + int(
                (rest or "0").ljust(9, "0")[:9]
            )
    target = member.linkname if kind == "link" else ""
    size = len(os.fsencode(target)) if kind == "link" else member.size
    return Stat(path, kind, size, 0o777 if kind == "link" else member.mode & 0o7777, mtime, target)
