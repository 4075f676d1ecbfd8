"""Containers as hosts, and engines that are not as they should be. What all hosts do is in tests/core/test_hosts.py."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import http.server
import io
import json
import os
import pty
import secrets
import shutil
import signal
import socketserver
import struct
import subprocess
import sys
import tarfile
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from envsync.tests.lab.containers import Container
from envsync.tests.lab.engine import docker
from envsync.tests.lab.require import require
from envsync.tools.errors import EnvSyncError, Failed, Unreachable, Usage
from envsync.tools.hosts import docker_engine, docker_find
from envsync.tools.hosts.docker import exists, open_host
from envsync.tools.hosts.docker_engine import Engine, engine, find
from envsync.tools.hosts.docker_pipe import ExecPipe
from envsync.tools.hosts.registry import Hosts, canonical

Make = Callable[..., Container]


async def refusal(name: str) -> EnvSyncError:
    host = open_host(name)
    with pytest.raises(Unreachable) as error:
        await host.info()
    await host.close()
    assert error.value.hint
    return error.value


# -- Containers ----------------------------------------------------------------------------------------------------


async def test_a_bare_name_means_the_container_and_an_id_may_be_short(make_container: Make) -> None:
    box = make_container("debian")
    assert exists(box.name) and canonical(box.name) == f"docker:{box.name}" and not exists(f"{box.name}x")
    id = engine().inspect(box.name)["Id"]
    hosts = Hosts()
    assert (await hosts.open(f"docker:{id[:10]}").run(["hostname"])).text.strip() == id[:12]
    await hosts.close()


@pytest.mark.parametrize("name", ["", "-rf", "../x", "a b", "x;y", "a/b"])
def test_hostile_04_a_name_that_can_be_no_container_is_refused(name: str) -> None:
    with pytest.raises(Usage):
        open_host(name)


async def test_the_image_says_user_directory_and_environment(make_container: Make) -> None:
    box = make_container("debian", "--user", "1234:5678", "-w", "/srv", "--read-only", "-e", "GREETING=hello there")
    host = open_host(box.name)
    info = await host.info()
    assert (info.uid, str(info.directory), bool(info.python)) == (1234, "/srv", True)
    assert (await host.run(["sh", "-c", "id -g; pwd; echo $GREETING"])).text.split("\n")[:3] == [
        "5678",
        "/srv",
        "hello there",
    ]
    with pytest.raises(OSError) as error:
        await host.write(Path("/srv/x"), b"1")
    assert error.value.errno in (errno.EROFS, errno.EACCES)
    await host.close()


async def test_looking_at_a_container_changes_nothing_in_it(make_container: Make) -> None:
    box = make_container("debian")
    before = docker("diff", box.name, address=box.address)
    host = open_host(box.name)
    await host.info()
    await host.run(["true"])
    await host.close()
    assert docker("diff", box.name, address=box.address) == before


async def test_what_is_wrong_with_a_container_is_said(make_container: Make) -> None:
    box = make_container("busybox", command=("sleep", "1000"))
    assert "there is no container" in (await refusal(f"{box.name}x")).what
    box.act("pause")
    assert f"docker unpause {box.name}" in (await refusal(box.name)).hint
    box.act("unpause")
    box.act("stop", "--time", "0")
    error = await refusal(box.name)
    assert "does not run" in error.what and f"docker start {box.name}" in error.hint


@pytest.mark.parametrize("image", ["debian", "busybox"])
async def test_a_container_that_is_removed_while_in_use(make_container: Make, image: str) -> None:
    box = make_container(image)
    host = open_host(box.name)
    seen = asyncio.Event()
    task = asyncio.ensure_future(
        host.run(["sh", "-c", "echo begun; sleep 1000"], timeout=None, output=lambda *_: seen.set())
    )
    await asyncio.wait_for(seen.wait(), 60)
    await asyncio.to_thread(box.remove)
    with pytest.raises(Unreachable):
        await asyncio.wait_for(task, 60)
    with pytest.raises(Unreachable, match="there is no container"):
        await host.run(["true"])
    await host.close()


@pytest.fixture
def bare(docker_engine: str, make_container: Make) -> Generator[Container]:
    """A container with one program and no shell: the program is BusyBox under a name that nobody looks for."""
    program, image, held = shutil.which("busybox"), f"lab-bare-{secrets.token_hex(4)}", io.BytesIO()
    assert program is not None
    with tarfile.open(fileobj=held, mode="w") as tar:
        for folder in ("app", "tmp", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        tar.add(program, "app/busybox")
        passwd = b"root:x:0:0:root:/home/me:/none\n"
        entry = tarfile.TarInfo("etc/passwd")
        entry.size = len(passwd)
        tar.addfile(entry, io.BytesIO(passwd))
    change = ["--change", 'CMD ["/app/busybox","sleep","2147483647"]', "--change", "WORKDIR /app"]
    docker("import", *change, "-", image, stdin=held.getvalue(), address=docker_engine)
    name = f"lab-{secrets.token_hex(6)}"
    docker("run", "--detach", "--init", "--name", name, image, address=docker_engine)
    yield Container(name, docker_engine)
    docker("rm", "-f", "-v", name, address=docker_engine)
    docker("rmi", "-f", image, address=docker_engine)


async def test_a_container_without_a_shell_has_files_and_runs_commands(bare: Container) -> None:
    host = open_host(bare.name)
    info = await host.info()
    assert (info.system, info.user, str(info.home), str(info.directory), info.python) == (
        "Linux",
        "root",
        "/home/me",
        "/app",
        "",
    )
    done = await host.run(
        ["/app/busybox", "sh", "-c", "pwd; cat; echo $X >&2; exit 3"], cwd=Path("/tmp"), env={"X": "y"}, stdin=b"in"
    )
    assert (done.code, done.text, done.error) == (3, "/tmp\nin", "y\n")
    assert (await host.run(["sh"])).code == 127
    await host.write(Path("/tmp/new/deep/f"), b"one", 0o750)
    await host.write(Path("/tmp/new/deep/f"), b"two")
    await host.write(Path("relative\nname"), b"three")
    assert await host.read(Path("/tmp/new/deep/f")) == b"two"
    stat = await host.stat(Path("/tmp/new/deep/f"))
    assert stat is not None and (stat.kind, stat.size, stat.mode) == ("file", 3, 0o750)
    assert abs(stat.mtime_ns / 1e9 - time.time()) < 600
    assert [entry.path.name for entry in await host.list(Path("/app"))] == ["busybox", "relative\nname"]
    assert (await host.run(["/app/busybox", "ln", "-s", "/tmp/new/deep/f", "/tmp/l"])).code == 0
    assert await host.read(Path("/tmp/l")) == b"two"
    link = await host.stat(Path("/tmp/l"))
    assert link is not None and (link.kind, link.target) == ("link", "/tmp/new/deep/f")
    assert await host.stat(Path("/nothing")) is None
    for path, kind in (("/nothing", FileNotFoundError), ("/tmp", IsADirectoryError)):
        with pytest.raises(kind):
            await host.read(Path(path))
    with pytest.raises(OSError, match="nothing in the container that can remove"):
        await host.remove(Path("/tmp/l"))
    with pytest.raises(Failed):
        await host.call(os.getpid)
    late = await host.run(["/app/busybox", "sleep", "1000"], timeout=0.3)
    assert late.timed_out and late.code == 124
    await host.close()


async def test_a_container_without_a_shell_is_recorded_and_put_back(bare: Container) -> None:
    host = open_host(bare.name)
    await host.write(Path("/tmp/f"), b"one")
    frozen = await host.freeze(f"test-{secrets.token_hex(6)}")
    try:
        await host.write(Path("/tmp/f"), b"two")
        await host.write(Path("/tmp/g"), b"new")
        assert [(each.path, each.how) for each in await host.differs(frozen)] == [
            ("/tmp/f", "changed"),
            ("/tmp/g", "added"),
        ]
        with pytest.raises(Failed, match="no `rm`"):
            await host.thaw(frozen, ["/tmp/f", "/tmp/g"])
        assert await host.read(Path("/tmp/f")) == b"two"  # taken back
        await host.thaw(frozen, ["/tmp/f"])
        assert await host.read(Path("/tmp/f")) == b"one"
        await host.thaw(frozen)
        assert await host.differs(frozen) == []
    finally:
        await host.forget(frozen)
        await host.close()


async def test_a_port_of_a_container_without_a_python(make_container: Make) -> None:
    box = make_container("busybox")
    host = open_host(box.name)
    box.run("sh", "-c", "mkdir -p /srv && echo page >/srv/index.html && httpd -p 8080 -h /srv")
    forward = await host.forward(8080)
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(-1), 60)).endswith(b"page\n")
    writer.close()
    await writer.wait_closed()
    await forward.close()
    await host.close()


def test_a_terminal_in_a_container_without_a_python(make_container: Make) -> None:
    box = make_container("busybox")
    code = "import asyncio,sys\nfrom envsync.tools.hosts.docker import open_host\n"
    code += "async def main():\n host = open_host(sys.argv[1])\n code = await host.terminal(['sh'])\n await host.close()\n return code\n"
    code += "sys.exit(asyncio.run(main()))"
    pid, screen = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", code, box.name])
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    seen, until = b"", time.monotonic() + 60
    os.write(screen, b"stty size; exit $((3+4))\n")
    with suppress(OSError):
        while time.monotonic() < until and (data := os.read(screen, 4096)):
            seen += data
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    os.close(screen)
    assert b"33 77" in seen  # as large as ours


async def test_output_that_nobody_reads_does_not_fill_the_memory(make_container: Make) -> None:
    box = make_container("busybox")
    pipe = await ExecPipe.start(engine(), box.name, ["sh", "-c", "head -c 50000000 /dev/zero; echo end >&2"])
    await asyncio.sleep(1)
    assert pipe._waiting < 10_000_000  # pyright: ignore[reportPrivateUsage]
    size = 0
    while data := await pipe.read():
        size += len(data)
    assert (size, await pipe.read_error(), await pipe.wait()) == (50_000_000, b"end\n", 0)
    await pipe.close()


async def test_words_that_are_no_utf8_arrive_as_they_are(make_container: Make) -> None:
    box = make_container("busybox")
    word = os.fsdecode(b"\xff\xfe -n $(id) \\0101 'q'\n")
    pipe = await ExecPipe.start(engine(), box.name, ["printf", "%s|", word, "plain"])
    assert await pipe.read() == os.fsencode(word) + b"|plain|"
    assert await pipe.wait() == 0
    await pipe.close()


# -- The small functions for other tools ---------------------------------------------------------------------------


def test_logs_keep_streams_apart_and_lists_take_labels(make_container: Make) -> None:
    mark = secrets.token_hex(6)
    box = make_container(
        "busybox",
        labels={"com.example.mark": mark},
        command=("sh", "-c", "echo one; sleep 0.5; echo two >&2; sleep 0.5; echo three; sleep 1000"),
    )
    until = time.monotonic() + 60
    while len(found := engine().logs(box.name, 2)) < 2 or found[-1][1] != "three":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert found == [("stderr", "two"), ("stdout", "three")]
    assert [each.name for each in engine().containers({"com.example.mark": mark})] == [box.name]
    assert engine().containers({"com.example.mark": "other"}) == []


def test_a_container_is_made_with_limits_and_refusals_are_said(lab_image: Any) -> None:
    name = f"lab-{secrets.token_hex(6)}"
    image = lab_image("busybox")
    id = engine().create(image, name, command=["sleep", "1000"], labels={"envsync.lab": "1"}, memory=64 << 20, cpus=0.5)
    try:
        host = engine().inspect(id)["HostConfig"]
        assert (host["Memory"], host["NanoCpus"], host["Privileged"]) == (64 << 20, 500_000_000, False)
        with pytest.raises(Usage, match="taken"):
            engine().create(image, name, labels={})
        with pytest.raises(Usage, match="no image"):
            engine().create(f"{name}:none", f"{name}-2", labels={})
        with pytest.raises(Failed):
            engine().create(image, f"{name}-3", memory=1, labels={})
        assert not exists(f"{name}-3")
    finally:
        engine().remove(id)
        engine().remove(id)


# -- Engines -------------------------------------------------------------------------------------------------------


def test_where_an_engine_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(docker_find, "MACHINES", [])
    with pytest.raises(Unreachable) as error:
        find()
    assert "podman.socket" in error.value.hint
    (tmp_path / "podman").mkdir()
    with socketserver.UnixStreamServer(str(tmp_path / "podman/podman.sock"), http.server.BaseHTTPRequestHandler):
        assert find().url == f"unix://{tmp_path}/podman/podman.sock"
        for name, url in (("other", "tcp://10.0.0.1:2375"), ("third", "ssh://me@there")):
            folder = private / ".docker/contexts/meta" / hashlib.sha256(name.encode()).hexdigest()
            folder.mkdir(parents=True)
            meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": url, "SkipTLSVerify": False}}}
            (folder / "meta.json").write_text(json.dumps(meta))
        (private / ".docker/config.json").write_text(json.dumps({"currentContext": "other"}))
        assert find().url == "tcp://10.0.0.1:2375"
        monkeypatch.setenv("DOCKER_CONTEXT", "third")
        assert find().url == "ssh://me@there"
        monkeypatch.setenv("DOCKER_CONTEXT", "none")
        with pytest.raises(Unreachable, match="none"):
            find()
        monkeypatch.setenv("DOCKER_HOST", "unix:///named.sock")
        assert find().url.endswith("/named.sock")


def test_no_engine_is_no_machine_of_that_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert not exists("anything")
    with pytest.raises(Unreachable, match="does not answer") as error:
        engine()
    assert "doctor" in error.value.hint and error.value.exit == 6


def test_an_engine_that_speaks_an_old_language(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Old(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = json.dumps({"ApiVersion": "1.30", "Version": "17.06"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def address_string(self) -> str:
            return ""

    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "old.sock"), Old) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/old.sock")
        with pytest.raises(Unreachable, match=r"1\.30") as error:
            engine()
        assert "Upgrade" in error.value.hint
        server.shutdown()


def test_a_socket_that_we_may_not_use(docker_engine: str) -> None:
    require("root")
    code = "from envsync.tools.hosts.docker_engine import engine\ntry: engine()\nexcept Exception as e: print(type(e).__name__, e)"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import os; os.setgroups([]); os.setgid(65534)\nimport envsync.tools.hosts.docker_engine, docker\nos.setuid(65534)\n{code}",
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": "/nonexistent"},
        check=False,
    )
    assert done.stdout.startswith("Unreachable you may not use the container engine"), done.stderr
    assert "usermod -aG docker" in done.stdout


async def test_an_engine_that_is_stopped_while_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab_image: Any, docker_engine: str
) -> None:
    require("root")
    folder = Path(tempfile.mkdtemp(prefix="lab-"))  # the path of a socket is short
    address = f"unix://{folder}/d.sock"
    argv = [
        "dockerd",
        "--host",
        address,
        "--data-root",
        f"{folder}/data",
        "--exec-root",
        f"{folder}/x",
        "--pidfile",
        f"{folder}/pid",
    ]
    image = lab_image("busybox")
    with (folder / "log").open("wb") as log:
        # In a network of its own: it would remove the bridge of the machine's engine.
        argv = ["unshare", "--net", *argv, "--bridge", "none", "--iptables=false"]
        daemon = subprocess.Popen(argv, stdout=log, stderr=log, cwd="/")
    try:
        until = time.monotonic() + 120
        while not (folder / "d.sock").is_socket() or not _answers(address):
            assert daemon.poll() is None and time.monotonic() < until, (folder / "log").read_text()[-2000:]
            time.sleep(0.2)
        docker(
            "load",
            stdin=subprocess.run(
                ["docker", *(["-H", docker_engine] if docker_engine else []), "save", image],
                capture_output=True,
                check=True,
            ).stdout,
            address=address,
        )
        docker("run", "-d", "--init", "--network", "none", "--name", "one", image, address=address)
        monkeypatch.setenv("DOCKER_HOST", address)
        host, seen = open_host("one"), asyncio.Event()
        task = asyncio.ensure_future(
            host.run(["sh", "-c", "echo begun; sleep 1000"], timeout=None, output=lambda *_: seen.set())
        )
        await asyncio.wait_for(seen.wait(), 60)
        daemon.send_signal(signal.SIGTERM)
        with pytest.raises(Unreachable):
            await asyncio.wait_for(task, 120)
        await asyncio.to_thread(daemon.wait, 120)
        with pytest.raises(Unreachable, match="does not answer") as error:
            await host.run(["true"])
        assert "Start it" in error.value.hint
        await host.close()
        engine_of(address).close()
    finally:
        if daemon.poll() is None:
            daemon.terminate()
            daemon.wait(120)
        subprocess.run(["rm", "-rf", str(folder)], check=False)


def engine_of(address: str) -> Engine:
    return next(made for (_, url), made in docker_engine._engines.items() if url == address)  # pyright: ignore[reportPrivateUsage]


def _answers(address: str) -> bool:
    return subprocess.run(["docker", "-H", address, "version"], capture_output=True, check=False).returncode == 0
