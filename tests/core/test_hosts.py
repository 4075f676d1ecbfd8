"""One suite over every host that runs commands and touches files for real."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from envsync.tools.errors import Usage
from envsync.tools.hosts.dryrun import DryRunHost
from envsync.tools.hosts.fake import FakeHost
from envsync.tools.hosts.local import LocalHost
from envsync.tools.hosts.registry import Hosts


@pytest.fixture(params=["local", "fake"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> LocalHost:
    return LocalHost() if request.param == "local" else FakeHost(tmp_path, {("echo",): (0, "hello\n")})


async def test_a_command_gives_its_output(host: LocalHost) -> None:
    done = await host.run(["echo", "hello"])
    assert (done.code, done.text) == (0, "hello\n")


async def test_a_missing_program_is_code_127_not_an_exception(host: LocalHost) -> None:
    assert (await host.run(["no-such-program-here"])).code == 127


async def test_write_is_atomic_and_keeps_the_mode(host: LocalHost, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "file"
    await host.write(file, b"one", 0o750)
    await host.write(file, b"two")
    assert file.read_bytes() == b"two"
    assert file.stat().st_mode & 0o7777 == 0o750
    assert os.listdir(file.parent) == ["file"]


async def test_a_failed_write_leaves_the_old_content(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError):
        await host.write(tmp_path / "file", b"x")
    assert os.listdir(tmp_path) == ["file"]


async def test_list_tells_kinds_without_following_links(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").symlink_to("/etc")
    os.mkfifo(tmp_path / "c")
    (tmp_path / "d").mkdir()
    assert [(entry.path.name, entry.kind) for entry in await host.list(tmp_path)] == [
        ("a", "file"),
        ("b", "link"),
        ("c", "special"),
        ("d", "directory"),
    ]
    assert await host.stat(tmp_path / "nothing") is None


async def test_remove_takes_files_links_and_empty_directories_only(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "full")
    await host.remove(tmp_path / "link")
    await host.remove(tmp_path / "missing")
    with pytest.raises(OSError):
        await host.remove(tmp_path / "full")
    assert (tmp_path / "full" / "x").exists()


async def test_hostile_04_arguments_are_never_read_by_a_shell(tmp_path: Path) -> None:
    name = "; touch owned #"
    done = await LocalHost().run(["echo", name], cwd=tmp_path)
    assert done.text == f"{name}\n"
    assert not (tmp_path / "owned").exists()


async def test_a_time_out_ends_the_whole_process_group(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 60 & echo $! > child; wait"
    done = await LocalHost().run(["sh", "-c", script], cwd=tmp_path, timeout=0.5)
    assert done.timed_out and done.code == 124
    await _gone(int((tmp_path / "child").read_text()))


async def test_cancelling_ends_the_whole_process_group(tmp_path: Path) -> None:
    task = asyncio.ensure_future(LocalHost().run(["sh", "-c", "sleep 60 & echo $! > child; wait"], cwd=tmp_path))
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _gone(int((tmp_path / "child").read_text()))


async def _gone(pid: int) -> None:
    """Wait until a process is dead; a zombie that nobody reaps in a container counts as dead."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except FileNotFoundError:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"process {pid} lives on")


async def test_output_streams_as_it_comes_and_is_capped() -> None:
    seen: list[bytes] = []
    done = await LocalHost().run(
        ["sh", "-c", "head -c 30000000 /dev/zero; echo end >&2"], output=lambda _, chunk: seen.append(chunk)
    )
    assert sum(map(len, seen)) == 30_000_004
    assert len(done.stdout) <= 8 * 1024 * 1024
    assert done.error == "end\n"


async def test_a_daemon_that_keeps_the_pipe_open_does_not_hang_the_call() -> None:
    start = time.monotonic()
    done = await LocalHost().run(["sh", "-c", "sleep 20 & echo started"])
    assert done.text == "started\n"
    assert time.monotonic() - start < 10


async def test_dry_run_reads_and_never_changes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    host = DryRunHost(LocalHost())
    await host.write(tmp_path / "file", b"new")
    await host.remove(tmp_path / "file")
    await host.run(["rm", "-rf", str(tmp_path)])
    assert await host.read(tmp_path / "file") == b"kept"
    assert len(host.would) == 3


def test_an_unknown_host_says_what_is_possible() -> None:
    with pytest.raises(Usage, match="teapot:web") as error:
        Hosts().open("teapot:web")
    assert "local" in error.value.hint


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child that its parent is gone")
def test_hostile_50_a_command_does_not_outlive_a_killed_envsync() -> None:
    """An install that went on in the background changed an environment whose journal said that it had stopped."""
    code = (
        "import asyncio\n"
        "from envsync.tools.hosts.local import LocalHost\n"
        "say = lambda stream, chunk: print(chunk.decode(), end='', flush=True)\n"
        "asyncio.run(LocalHost().run(['sh', '-c', 'echo $$; exec sleep 60'], output=say))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        child = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5
    while time.monotonic() < until and _alive(child):
        time.sleep(0.02)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
