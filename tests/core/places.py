"""Where the suite over all hosts runs: a host, an empty directory on it, and what else a test may know of it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from envsync.tests.lab.require import require
from envsync.tools.hosts.base import Host
from envsync.tools.hosts.fake import FakeHost
from envsync.tools.hosts.local import LocalHost
from envsync.tools.hosts.pipe import Pipe, ProcessPipe
from envsync.tools.hosts.registry import Hosts
from envsync.tools.hosts.remote import RemoteHost

VM = pytest.param("vm", marks=pytest.mark.slow)  # emulated, it takes minutes to boot
COMMANDS = ["local", "remote", "shell", "docker", "docker-bare", "ssh", VM]
"""Hosts that run commands."""
FILES = [*COMMANDS, "fake"]
"""Hosts that have files."""
LINKS = ["local", "fake", "remote", "docker", "ssh", VM]
"""Hosts that have a Python."""


@dataclass
class Place:
    """A host and an empty directory on it."""

    kind: str
    host: Host
    root: Path
    cut: Callable[[], Any] | None = None
    """Breaks the connection, where that can be done to one test alone."""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def python(self) -> bool:
        return self.kind not in ("shell", "docker-bare")

    async def directory(self, name: str) -> Path:
        path = self.root / name
        if self.python:
            await self.host.call(os.makedirs, path, exist_ok=True)
        else:
            assert (await self.host.run(["mkdir", "-p", "--", str(path)])).code == 0
        return path

    async def link(self, name: str, target: str | Path) -> Path:
        path = self.root / name
        if self.python:
            await self.host.call(os.symlink, target, path)
        else:
            assert (await self.host.run(["ln", "-s", "--", str(target), str(path)])).code == 0
        return path

    async def fifo(self, name: str) -> Path:
        path = self.root / name
        if self.python:
            await self.host.call(os.mkfifo, path)
        else:
            assert (await self.host.run(["mkfifo", "--", str(path)])).code == 0
        return path

    @property
    def large(self) -> int:
        """Bytes of a large file: more than any buffer on the way, and what an emulated machine encrypts in seconds."""
        return (4 if self.kind == "vm" else 64) << 20

    async def move(self, source: Path, to: Path) -> None:
        if self.python:
            await self.host.call(os.rename, source, to)
        else:
            assert (await self.host.run(["mv", "--", str(source), str(to)])).code == 0

    async def names(self, path: Path | None = None) -> list[str]:
        return [entry.path.name for entry in await self.host.list(path or self.root)]


class PipeHost(RemoteHost):
    """A machine that is this one, reached over the pipes of a subprocess, with `env` as all of its environment."""

    def __init__(self, name: str, env: dict[str, str], before: Sequence[str] = ()) -> None:
        super().__init__(name)
        self.env = env
        self.before = before
        self.spawned: list[ProcessPipe] = []

    async def _spawn(self, argv: Sequence[str]) -> Pipe:
        words = ["/usr/bin/env", "-i", *(f"{key}={value}" for key, value in self.env.items()), *self.before, *argv]
        self.spawned.append(await ProcessPipe.start(words))
        return self.spawned[-1]

    def kill(self) -> None:
        """End what serves it, as a crash of the machine would."""
        for pipe in self.spawned:
            if pipe.process.returncode is None:
                os.killpg(pipe.process.pid, 9)


def busybox_path(folder: Path) -> str:
    """A PATH with nothing but BusyBox's commands."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("there is no busybox here (on Debian: apt-get install busybox-static)")
    folder.mkdir()
    subprocess.run([busybox, "--install", "-s", str(folder)], check=True)
    return str(folder)


def pipe_host(kind: str, tmp: Path) -> PipeHost:
    """`remote`: served by a helper on the system's own Python. `shell`: BusyBox and nothing else."""
    home = tmp / f"home-{kind}"
    home.mkdir()
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C"}
    if kind == "shell":
        env["PATH"] = busybox_path(tmp / "busybox")
        host = PipeHost("test:shell", env)
        host.pythons = "no-python-here"
        return host
    return PipeHost("test:remote", env)


@asynccontextmanager
async def place(kind: str, request: pytest.FixtureRequest, tmp: Path) -> AsyncIterator[Place]:
    """The place of one test on that kind of host."""
    (tmp / "place").mkdir()
    if kind == "local":
        yield Place(kind, LocalHost(), tmp / "place")
    elif kind == "fake":
        yield Place(kind, FakeHost(tmp / "place", {("echo",): (0, "hello\n")}), tmp / "place")
    elif kind in ("remote", "shell"):
        made = pipe_host(kind, tmp)
        try:
            yield Place(kind, made, tmp / "place", cut=made.kill)
        finally:
            await made.close()
    else:
        hosts = Hosts()
        try:
            host, cut = _elsewhere(kind, request, hosts)
            # Over SSH it is this machine, where the test's own directory goes with the test.
            root = tmp / "place" / "far" if kind == "ssh" else Path(f"/tmp/envsync-{secrets.token_hex(6)}")
            done = await host.run(["mkdir", str(root)], timeout=300)
            assert done.code == 0, done.error
            yield Place(kind, host, root, cut=cut)
            if cut is None:
                await host.run(["rm", "-rf", str(root)])
        finally:
            await hosts.close()


def _elsewhere(kind: str, request: pytest.FixtureRequest, hosts: Hosts) -> tuple[Host, Callable[[], Any] | None]:
    if kind in ("docker", "docker-bare"):
        require("docker")
        if "goes_away" in request.node.name:  # it is broken by the test
            container = request.getfixturevalue("container")
            return hosts.open(container.host), lambda: container.act("kill")
        container = request.getfixturevalue("shared_container")("debian" if kind == "docker" else "busybox")
        return hosts.open(container.host), None
    require(kind)
    if kind == "vm":
        return hosts.open(request.getfixturevalue("vm").host), None
    breaks = "goes_away" in request.node.name or "lost_connection" in request.node.name
    machine = request.getfixturevalue("make_sshd")() if breaks else request.getfixturevalue("sshd")
    machine.trust(request.getfixturevalue("private") / ".ssh")
    return hosts.open(machine.host), machine.cut if breaks else None
