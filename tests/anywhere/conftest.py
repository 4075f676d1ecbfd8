"""One project on every kind of host, with real tools and real transactions."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from envsync.tests.anywhere.acting import World
from envsync.tests.core.places import pipe_host
from envsync.tests.lab.require import require
from envsync.tests.provision.conftest import Index as Index
from envsync.tests.provision.conftest import index as index
from envsync.tools.hosts.local import LocalHost
from envsync.tools.hosts.registry import Hosts


def _machine(kind: str, request: pytest.FixtureRequest) -> str:
    """A real one of that kind, as it is written."""
    if kind.startswith("docker"):
        require("docker")
        return request.getfixturevalue("make_container")("debian" if kind == "docker" else "busybox").host
    require(kind)
    machine = request.getfixturevalue("sshd" if kind == "ssh" else "vm")
    if kind == "ssh":
        machine.trust(request.getfixturevalue("private") / ".ssh")
    return machine.host


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, private: Path) -> Callable[..., object]:
    """Makes a World: `async with world("ssh") as w`."""

    @asynccontextmanager
    async def make(kind: str) -> AsyncIterator[World]:
        environ = {"HOME": str(private), "PATH": os.environ["PATH"]}
        if kind == "local":
            root = tmp_path / "place" / "app"
            root.mkdir(parents=True)
            yield World(LocalHost(), root, tmp_path / "state", private, environ)
            return
        if kind == "remote":
            made = pipe_host("remote", tmp_path)
            # uv of these tests is over there as well.
            tools = tmp_path / "tools"
            tools.mkdir()
            (tools / "uv").symlink_to(shutil.which("uv") or Path(sys.executable).parent / "uv")
            made.env["PATH"] = f"{tools}:{made.env['PATH']}"
            root = tmp_path / "place" / "app"
            root.mkdir(parents=True)
            try:
                info = await made.info()
                yield World(made, root, tmp_path / "state", info.home, environ)
            finally:
                await made.close()
            return
        hosts = Hosts()
        try:
            host = hosts.open(_machine(kind, request))
            info = await host.info()
            root = Path(f"/srv/app-{secrets.token_hex(4)}")
            if kind == "ssh":
                root = info.home / root.name
            done = await host.run(["mkdir", "-p", str(root)], timeout=300)
            assert done.code == 0, done
            yield World(host, root, tmp_path / "state", info.home, environ)
        finally:
            await hosts.close()

    return make
