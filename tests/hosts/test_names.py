"""The names of machines that a request may mean."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.tests.lab.containers import Container
from envsync.tools.hosts import docker_find, names
from envsync.tools.hosts.names import containers


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes | None], None]:
    """An engine on a socket of its own that answers exactly this; None: nothing at all."""

    def start(answer: bytes | None) -> None:
        path = tmp_path / "engine.sock"
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            with server, server.accept()[0] as line:
                line.recv(4096)
                if answer is None:
                    time.sleep(3)
                else:
                    line.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        monkeypatch.setattr(docker_find, "MACHINES", [path, path])
        monkeypatch.setattr(names, "_slow", set[str]())

    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    return start


def http(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_containers_ssh_names_and_machines_are_known(
    private: Path, tmp_path: Path, docker_engine: str, make_container: Callable[..., Container]
) -> None:
    there = make_container("busybox")
    (private / ".ssh").mkdir()
    (private / ".ssh/config").write_text("Host build-1 *.example.org\n  HostName 10.0.0.1\n")
    (tmp_path / "vms/box").mkdir(parents=True)
    (tmp_path / "vms/box/vm.json").write_text("{}")
    found = names.names(tmp_path)
    assert found[:3] == ("local", "build-1", "box") and there.name in found
    assert "*.example.org" not in found


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b"[" * 100_000,
        json.dumps({"message": "no"}).encode(),
        json.dumps([1, None, {"Names": 3}, {"Names": [None, "/a/b", "/"]}]).encode(),
    ],
)
def test_hostile_12_an_engine_that_talks_nonsense_has_no_containers(
    engine: Callable[[bytes | None], None], body: bytes
) -> None:
    engine(http(body))
    assert containers() == []


def test_an_engine_that_hangs_is_asked_once(engine: Callable[[bytes | None], None]) -> None:
    engine(None)
    assert containers() == []
    begun = time.monotonic()
    assert containers() == []
    assert time.monotonic() - begun < names.PATIENCE
