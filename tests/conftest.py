"""Shared by all tests: a private home and state, real parts, and no model or network by accident."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from envsync.tools.contract import Context, Remembered
from envsync.tools.fingerprint import Fingerprint
from envsync.tools.hosts.local import LocalHost

pytest_plugins = ["envsync.tests.lab.plugin"]
BASE = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """A base directory of its own for each run: pytest's shared one is cleaned by several runs at once, and with Python's
    rmtree, which cannot remove what the tests of very deep trees leave when a run is killed."""
    if config.option.basetemp is None and not hasattr(config, "workerinput"):
        config.option.basetemp = tempfile.mkdtemp(prefix="envsync-tests-")
        config.stash[BASE] = config.option.basetemp


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Take it away, or leave it to be looked at when something failed."""
    base = session.config.stash.get(BASE, None)
    if base is not None and exitstatus == 0:
        subprocess.run(["rm", "-rf", "--", base], check=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a virtual machine go to one worker (`--dist loadgroup`): two emulated machines would starve each other."""
    for item in items:
        if "[vm" in item.name or "virtual_machine" in item.name or item.path.name == "test_vm_machine.py":
            item.add_marker(pytest.mark.xdist_group("vm"))


class ListNotes:
    """Notes in a list: the tools' view of a memory, without a file."""

    def __init__(self) -> None:
        self.kept: dict[int, Remembered] = {}

    async def add(self, fact: str, *, project: str, host: str) -> int:
        id = max(self.kept, default=0) + 1
        self.kept[id] = Remembered(id=id, text=fact, kind="fact", origin="person", at=datetime.now(UTC))
        return id

    async def forget(self, id: int) -> None:
        self.kept.pop(id, None)

    async def get(self, id: int) -> Remembered | None:
        return self.kept.get(id)

    async def find(self, fact: str, *, project: str, host: str) -> Remembered | None:
        return next((note for note in self.kept.values() if note.text == fact), None)

    async def search(
        self, query: str | None, *, project: str, limit: int, kinds: Sequence[str] = ()
    ) -> list[Remembered]:
        return list(self.kept.values())[-limit:]


async def no_scan(context: Context, scope: str = "all") -> Fingerprint:
    """A fingerprint with nothing in it, for tests in which the scan is not the subject."""
    return Fingerprint(at=datetime.now(UTC))


@pytest.fixture(autouse=True)
def private(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for every test, and none of the user's settings."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for name in (
        "XDG_STATE_HOME",
        "XDG_CONFIG_HOME",
        "ENVSYNC_STATE",
        "ENVSYNC_CONFIG",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project directory."""
    path = tmp_path / "project"
    path.mkdir()
    return path


@pytest.fixture
def make_context(tmp_path: Path, private: Path) -> Callable[..., Context]:
    """Builds a Context for a directory on this machine, with a state directory of its own."""

    def make(path: Path, **changes: object) -> Context:
        context = Context(
            host=LocalHost(), path=path, state=tmp_path / "state", notes=ListNotes(), observe=no_scan, home=private
        )
        context.state.mkdir(exist_ok=True, mode=0o700)
        return replace(context, **changes)

    return make
