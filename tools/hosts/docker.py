"""A container of a Docker Engine or of Podman."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EnvSyncError, Failed, Unreachable, Usage
from .base import Forward, Frozen, Touched
from .docker_engine import Engine, engine
from .forwarding import Listener, SocketStream, Stream
from .pipe import Pipe
from .remote import RemoteHost

if TYPE_CHECKING:
    from .docker_pipe import ExecPipe
    from .served import Served
    from .shell import Shell


_recorded: set[str] = set()
"""Containers that are being recorded by this process."""


def open_host(rest: str) -> DockerHost:
    """See registry.HOSTS. `rest` is a container's name or the beginning of its id. Raises Usage."""
    if not rest or rest.startswith("-") or any(not (char.isalnum() or char in "_.-") for char in rest):
        raise Usage(f"{rest!r} cannot be the name of a container", "Write docker:NAME; `docker ps` shows the names.")
    return DockerHost(rest)


def exists(name: str) -> bool:
    """Whether a container has this name; False where no engine answers."""
    try:
        return any(container.name == name for container in engine().containers())
    except EnvSyncError:
        return False


class DockerHost(RemoteHost):
    """A running container: nothing is written into it but what is asked for, the helper lives in its memory alone.

    It is also a Freezes; these work on a stopped container as well.
    """

    keeps = False

    def __init__(self, container: str) -> None:
        super().__init__(f"docker:{container}")
        self.container = container
        self._engine: Engine | None = None
        self._info: dict[str, Any] = {}

    # -- The transport

    async def _connect(self) -> None:
        self._engine, self._info = await asyncio.to_thread(self._find)

    def _find(self) -> tuple[Engine, dict[str, Any]]:
        from .docker_freeze import tidy
        from .docker_thaw import repair

        there = engine()
        try:
            info = there.inspect(self.container)
        except Unreachable:
            # It may wait aside, because somebody who was killed had begun to put it back.
            if not repair(there, self.container):
                raise
            info = there.inspect(self.container)
        if info["State"]["Paused"]:
            tidy(there, info["Id"])
            info = there.inspect(info["Id"])
        name, state = str(info["Name"]).lstrip("/"), info["State"]
        if state["Paused"]:
            raise Unreachable(f"container {name} is paused", f"Let it run on: docker unpause {name}")
        if not state["Running"] or state.get("Restarting"):
            code = f" (exit code {state.get('ExitCode')})" if state.get("Status") == "exited" else ""
            raise Unreachable(
                f"container {name} does not run: it is {state.get('Status')}{code}",
                f"Start it: docker start {name}; `docker logs {name}` says why it ended.",
            )
        return there, info

    async def _spawn(self, argv: Sequence[str]) -> Pipe:
        return await self._exec(argv)

    async def _exec(
        self, argv: Sequence[str], *, tty: bool = False, cwd: str = "", env: Mapping[str, str] | None = None
    ) -> ExecPipe:
        from .docker_pipe import ExecPipe

        if self._engine is None:
            raise Unreachable(f"the connection to {self.name} was cut", "Try again: the next use connects anew.")
        while self._info["Id"] in _recorded:  # noqa: ASYNC110  # a thread of another event loop may be the one that records
            await asyncio.sleep(0.01)  # see docker_freeze: nothing may be started while it is paused
        try:
            return await ExecPipe.start(self._engine, self._info["Id"], argv, tty=tty, cwd=cwd, env=env)
        except Failed as error:
            # 404 it is gone, 409 it does not run.
            await asyncio.to_thread(self._find)
            raise Unreachable(f"{self.name} runs no commands: {error.what}", error.hint or "Try again.") from error

    async def _begin(self) -> Served | Shell:
        from .docker_bare import Bare

        try:
            return await super()._begin()
        except Unreachable:
            for words in (["sh", "-c", ":"], ["python3", "-c", ""]):
                pipe = await self._exec(words)
                code = await pipe.wait()
                await pipe.close()
                if code != 127:
                    raise
        if self._engine is None:
            raise Unreachable(f"the connection to {self.name} was cut", "Try again: the next use connects anew.")
        return Bare(self.name, self._engine, self._info, self._exec)

    async def _forward(self, to: int, *, port: int, address: str) -> Forward:
        """Without a Python in it: to the container's own address, where this machine reaches that."""
        if address not in ("127.0.0.1", "localhost", "0.0.0.0"):  # noqa: S104  # compared, not listened on
            raise Failed(f"{self.name} has no Python to reach {address} from", "Install python3 (3.9 or newer) there.")
        networks: dict[str, dict[str, Any]] = self._info["NetworkSettings"].get("Networks") or {}
        if self._info["HostConfig"].get("NetworkMode") == "host":
            addresses = ["127.0.0.1"]
        else:
            addresses = [str(each["IPAddress"]) for each in networks.values() if each.get("IPAddress")]
        if not addresses:
            raise Failed(f"{self.name} has no network", "Attach one: docker network connect bridge NAME")

        async def join() -> Stream:
            return await SocketStream.connect(addresses[0], to)

        return await Listener.open(port, join)

    async def _terminal(self, argv: Sequence[str], *, cwd: Path | None) -> int:
        """Without a Python in it: the engine's own terminals."""
        from .terminal import attach, check, size

        check()
        pipe = await self._exec(argv or ["sh", "-l"], tty=True, cwd=str(cwd or ""))
        try:
            await pipe.resize(*size())
            await attach(pipe, pipe.resize)
            return await pipe.wait()
        finally:
            await pipe.close()

    # -- Freezes

    async def freeze(self, id: str) -> Frozen:
        """See Freezes.freeze."""
        from .docker_freeze import freeze

        def do(there: Engine, name: str) -> Frozen:
            container = str(there.inspect(name)["Id"])
            _recorded.add(container)
            try:
                return freeze(there, name, id)
            finally:
                _recorded.discard(container)

        return await self._do(do)

    async def differs(self, frozen: Frozen) -> list[Touched]:
        """See Freezes.differs."""
        from .docker_freeze import differs

        return await self._do(differs, frozen)

    async def thaw(self, frozen: Frozen, paths: Sequence[str] = ()) -> None:
        """See Freezes.thaw. Programs in the container end when it is put back wholly."""
        from .docker_thaw import thaw

        if not paths:
            await self.close()
        await self._do(thaw, frozen, tuple(paths), mends=True)

    async def forget(self, frozen: Frozen) -> None:
        """See Freezes.forget."""
        from .docker_freeze import discard

        there = await asyncio.to_thread(engine)
        await there.ask(discard, there, str(frozen.data["id"]))

    async def _do(self, work: Any, *args: Any, mends: bool = False) -> Any:
        from .docker_thaw import repair

        def do(there: Engine) -> Any:
            if not mends:
                repair(there, self.container)
            return work(there, self.container, *args)

        there = await asyncio.to_thread(engine)
        return await there.ask(do, there)


def lacking() -> str:
    """Why no container can be reached here, and what to do; empty when an engine answers."""
    try:
        engine()
    except EnvSyncError as error:
        return f"{error.what}. {error.hint}"
    return ""
