"""Fixtures that give tests real machines; loaded by tests/conftest.py for all of them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from . import images, vms
from .containers import Container
from .containers import start as start_container
from .engine import Engine
from .require import lacks, require
from .ssh import Sshd
from .vms import Vm


@pytest.fixture(scope="session")
def _engine() -> Generator[Engine]:
    require("docker")
    engine = Engine()
    try:
        engine.enter()
    except (RuntimeError, OSError) as error:
        lacks("docker", str(error))
    before = os.environ.get("DOCKER_HOST")
    if engine.address:
        os.environ["DOCKER_HOST"] = engine.address
    yield engine
    if engine.address:
        if before is None:
            os.environ.pop("DOCKER_HOST", None)
        else:
            os.environ["DOCKER_HOST"] = before
    engine.leave()


@pytest.fixture(scope="session")
def _image(_engine: Engine) -> Callable[[str], str]:
    """Makes an image by its short name, once per session."""
    made: dict[str, str] = {}

    def image(name: str) -> str:
        if name not in made:
            try:
                made[name] = images.IMAGES[name](_engine.address)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                lacks("docker", "\n".join([str(error), *getattr(error, "__notes__", [])]))
        return made[name]

    return image


@pytest.fixture
def docker_engine(_engine: Engine) -> str:
    """The address of an engine, empty for the usual one; DOCKER_HOST leads there as well."""
    return _engine.address


@pytest.fixture
def lab_image(_image: Callable[[str], str]) -> Callable[[str], str]:
    """Full name of a base image, made when it is not there: `debian` (with Python), `sshd`, `busybox`."""
    return _image


@pytest.fixture
def make_container(_engine: Engine, _image: Callable[[str], str]) -> Generator[Callable[..., Container]]:
    """Starts more containers: `make_container("debian", "--read-only", labels={…}, command=(…))`; removed after the test."""
    made: list[Container] = []

    def make(
        image: str = "debian", *options: str, labels: dict[str, str] | None = None, command: tuple[str, ...] = ()
    ) -> Container:
        made.append(start_container(_image(image), *options, address=_engine.address, labels=labels, command=command))
        return made[-1]

    yield make
    for container in made:
        container.remove()


@pytest.fixture
def container(make_container: Callable[..., Container]) -> Container:
    """A fresh Debian with Python."""
    return make_container("debian")


@pytest.fixture
def bare_container(make_container: Callable[..., Container]) -> Container:
    """A fresh container with BusyBox and without Python."""
    return make_container("busybox")


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sshd]:
    """An SSH server that the tests of one worker share: leave it running, with its key. See `make_sshd` for others."""
    require("ssh")
    server = Sshd(tmp_path_factory.mktemp("sshd"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make_sshd(tmp_path_factory: pytest.TempPathFactory) -> Generator[Callable[..., Sshd]]:
    """Starts a server for one test: `make_sshd(banner=…, shell=…, force=…, extra=[lines of sshd_config])`."""
    require("ssh")
    made: list[Sshd] = []

    def make(*, start: bool = True, **options: object) -> Sshd:
        server = Sshd(Path(tmp_path_factory.mktemp("sshd")), **options)
        made.append(server)
        if start:
            server.start()
        return server

    yield make
    for server in made:
        server.stop()


@pytest.fixture(scope="session")
def _vm(tmp_path_factory: pytest.TempPathFactory) -> Generator[Vm]:
    from envsync.tools.errors import EnvSyncError

    require("vm")
    vms.share_images()
    # Below the system's own directory for it: the path of a monitor's socket has 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="lab-vm-", ignore_cleanup_errors=True) as root:
        try:
            made = vms.boot(f"lab-{os.getpid()}", Path(root))
        except (EnvSyncError, OSError) as error:
            lacks("vm", str(error))
        yield made
        vms.delete(made)


@pytest.fixture
def vm(_vm: Vm, private: Path, monkeypatch: pytest.MonkeyPatch) -> Vm:
    """A running virtual machine that the tests of one worker share, reached as `vm.host` while the test lasts."""
    monkeypatch.setenv("ENVSYNC_STATE", str(_vm.root))
    return _vm
