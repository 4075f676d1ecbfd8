"""One project on every kind of host, with real tools and real transactions."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from envsync.tests.anywhere.acting import World
from envsync.tests.core.places import pipe_host, place
from envsync.tests.provision.conftest import Index as Index
from envsync.tests.provision.conftest import index as index
from envsync.tools.hosts.local import LocalHost

Worlds = Callable[[str], AsyncIterator[World]]


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
        async with place(kind, request, tmp_path) as there:
            root = await there.directory("app")
            info = await there.host.info()
            yield World(there.host, root, tmp_path / "state", info.home, environ)

    return make
