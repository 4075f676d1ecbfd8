"""One suite over every host. It looks at a machine and prepares it by the protocol alone, so that it runs anywhere."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from envsync.tests.core.places import COMMANDS, FILES, LINKS, VM, Place, place
from envsync.tests.lab.containers import Container, start
from envsync.tests.lab.engine import Engine
from envsync.tools.errors import EnvSyncError, Failed, Unreachable, Usage
from envsync.tools.hosts import shell
from envsync.tools.hosts.dryrun import DryRunHost
from envsync.tools.hosts.helper.probe import Probe
from envsync.tools.hosts.local import KEPT
from envsync.tools.hosts.registry import Hosts
from envsync.tools.plan import Step
from envsync.tools.risk import Risk

MINUTE = 60.0
"""Seconds that anything may take at most on a loaded machine; tests wait for a condition, never for a time."""
HOSTILE = [
    "new\nline",
    "ends with one\n",
    "-rf",
    "--force",
    "$(touch owned)",
    "`touch owned`",
    "; touch owned #",
    "quote'\"\\",
    "%s %n",
    "*",
    "\x1b[31mred",
    "\udcff\udcfe",
    "é",
    "n" * 255,
]


@pytest.fixture(scope="session")
def shared_container(_engine: Engine, _image: Callable[[str], str]) -> Iterator[Callable[[str], Container]]:
    """One container of each image for all tests here: each works in a directory of its own."""
    made: dict[str, Container] = {}

    def get(image: str) -> Container:
        if image not in made:
            made[image] = start(_image(image), address=_engine.address)
        return made[image]

    yield get
    for container in made.values():
        container.remove()


@pytest.fixture
async def commands(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """A host that runs commands."""
    async with place(request.param, request, tmp_path) as made:
        yield made


@pytest.fixture(params=FILES)
async def files(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """A host that has files."""
    async with place(request.param, request, tmp_path) as made:
        yield made


@pytest.fixture(params=LINKS)
async def links(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """A host that has a Python."""
    async with place(request.param, request, tmp_path) as made:
        yield made


def on(*kinds: str) -> Any:
    return pytest.mark.parametrize("commands", kinds, indirect=True)


everywhere = on(*COMMANDS)


# -- What it is ----------------------------------------------------------------------------------------------------


@everywhere
async def test_info_says_what_the_machine_itself_says(commands: Place) -> None:
    info = await commands.host.info()
    said = (await commands.host.run(["uname", "-sm"])).text.split()
    assert [info.system, info.machine] == said
    assert str(info.uid) == (await commands.host.run(["id", "-u"])).text.strip()
    assert str(info.directory) == (await commands.host.run(["pwd"])).text.strip()
    assert bool(info.python) == commands.python
    assert abs(info.clock) < 5


# -- Commands ------------------------------------------------------------------------------------------------------


@everywhere
async def test_a_command_gives_its_output_and_its_code(commands: Place) -> None:
    done = await commands.host.run(["sh", "-c", "echo hello; echo bad >&2; exit 3"])
    assert (done.code, done.text, done.error, done.timed_out) == (3, "hello\n", "bad\n", False)


@everywhere
async def test_a_missing_program_is_code_127_not_an_exception(commands: Place) -> None:
    assert (await commands.host.run(["no-such-program-here"])).code == 127
    assert (await commands.host.run(["./no-such-program-here"], cwd=commands.root)).code == 127


@everywhere
async def test_a_program_that_may_not_be_executed_is_code_126(commands: Place) -> None:
    await commands.host.write(commands.root / "plain", b"#!/bin/sh\n", 0o644)
    assert (await commands.host.run([str(commands.root / "plain")])).code == 126


@everywhere
async def test_a_signal_is_code_128_and_its_number(commands: Place) -> None:
    assert (await commands.host.run(["sh", "-c", "kill -9 $$"])).code == 137


@everywhere
async def test_directory_environment_and_input_arrive(commands: Place) -> None:
    folder = await commands.directory("a 'b' $c")
    sent = os.urandom(1 << 20)
    done = await commands.host.run(
        ["sh", "-c", 'pwd; printf "%s\\n" "$GIVEN"; cat'], cwd=folder, env={"GIVEN": "x=1 '\"$HOME\n\udcff"}, stdin=sent
    )
    assert done.stdout == os.fsencode(f"{folder}\nx=1 '\"$HOME\n\udcff\n") + sent


@everywhere
async def test_a_command_that_does_not_read_its_input_is_no_error(commands: Place) -> None:
    assert (await commands.host.run(["true"], stdin=bytes(1 << 20))).code == 0


@everywhere
async def test_hostile_04_arguments_are_never_read_by_a_shell(commands: Place) -> None:
    done = await commands.host.run(["printf", "%s\\n", *HOSTILE], cwd=commands.root)
    assert done.stdout == b"".join(os.fsencode(name) + b"\n" for name in HOSTILE)
    assert await commands.names() == []


@everywhere
async def test_a_time_out_ends_the_whole_process_group(commands: Place) -> None:
    script = "trap '' TERM; sleep 300 & echo $! > child; wait"
    quick = commands.kind in ("local", "remote", "shell")
    done = await commands.host.run(["sh", "-c", script], cwd=commands.root, timeout=1 if quick else 3)
    assert done.timed_out and done.code == 124
    await _gone(commands, await _child(commands))


@everywhere
async def test_cancelling_ends_the_whole_process_group(commands: Place) -> None:
    task = asyncio.ensure_future(
        commands.host.run(["sh", "-c", "sleep 300 & echo $! > child; wait"], cwd=commands.root, timeout=None)
    )
    child = await _child(commands)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _gone(commands, child)


async def _child(place: Place) -> str:
    """What a script wrote into `child`, once it did."""
    until = time.monotonic() + MINUTE
    while time.monotonic() < until:
        if (
            await place.host.stat(place.root / "child")
            and (said := await place.host.read(place.root / "child")).strip()
        ):
            return said.decode().strip()
        await asyncio.sleep(0.02)
    raise AssertionError("it never began")


async def _gone(place: Place, pid: str) -> None:
    """Wait until a process is dead; a zombie that nobody reaps in a container counts as dead."""
    until = time.monotonic() + MINUTE
    while time.monotonic() < until:
        said = (await place.host.run(["cat", f"/proc/{pid}/stat"])).text
        if not said or said.rpartition(")")[2].split()[0] == "Z":
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"process {pid} lives on")


@everywhere
async def test_output_streams_as_it_comes_and_is_capped(commands: Place) -> None:
    seen: list[tuple[str, bytes]] = []
    script = "head -c 30000000 /dev/zero; echo last; echo end >&2"
    done = await commands.host.run(["sh", "-c", script], output=lambda stream, chunk: seen.append((stream, chunk)))
    assert sum(len(chunk) for stream, chunk in seen if stream == "stdout") == 30_000_005
    assert len(done.stdout) <= KEPT and done.stdout.endswith(b"\0last\n")
    assert done.error == "end\n"


@everywhere
async def test_output_comes_while_the_command_runs(commands: Place) -> None:
    heard = asyncio.Event()
    task = asyncio.ensure_future(
        commands.host.run(["sh", "-c", "echo first; sleep 300"], output=lambda *_: heard.set(), timeout=None)
    )
    await asyncio.wait_for(heard.wait(), MINUTE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@everywhere
async def test_a_daemon_that_keeps_the_pipe_open_does_not_hang_the_call(commands: Place) -> None:
    start = time.monotonic()
    done = await commands.host.run(["sh", "-c", "sleep 120 & echo started; echo $! > child"], cwd=commands.root)
    assert done.text == "started\n"
    assert time.monotonic() - start < 100
    await commands.host.run(["kill", await _child(commands)])


@everywhere
async def test_many_commands_run_at_once(commands: Place) -> None:
    """Each waits for a file that only the last one makes: one after the other they would never end."""
    script = 'if [ "$0" = 7 ]; then : > go; fi; until [ -e go ]; do sleep 0.05; done; echo "$0"'
    done = await asyncio.gather(
        *(commands.host.run(["sh", "-c", script, str(n)], cwd=commands.root, timeout=MINUTE) for n in range(8))
    )
    assert [one.text for one in done] == [f"{n}\n" for n in range(8)]


# -- Files ---------------------------------------------------------------------------------------------------------


async def test_write_is_atomic_and_keeps_the_mode(files: Place) -> None:
    file = files.root / "deep" / "er" / "file"
    await files.host.write(file, b"one", 0o750)
    await files.host.write(file, b"two")
    assert await files.host.read(file) == b"two"
    found = await files.host.stat(file)
    assert found is not None and (found.mode, found.size, found.kind) == (0o750, 3, "file")
    assert await files.names(file.parent) == ["file"]


async def test_a_new_file_gets_the_usual_mode(files: Place) -> None:
    await files.host.write(files.root / "file", b"")
    found = await files.host.stat(files.root / "file")
    assert found is not None and (found.mode, found.size) == (0o644, 0)


async def test_a_failed_write_leaves_the_old_content(files: Place) -> None:
    await files.directory("file")
    with pytest.raises(IsADirectoryError):
        await files.host.write(files.root / "file", b"x")
    await files.host.write(files.root / "plain", b"kept")
    with pytest.raises(OSError):
        await files.host.write(files.root / "plain" / "below", b"x")
    assert await files.names() == ["file", "plain"]
    assert await files.host.read(files.root / "plain") == b"kept"


async def test_a_read_is_newer_than_the_write_before_it(files: Place) -> None:
    before = await files.host.stat(files.root)
    await files.host.write(files.root / "file", b"x")
    found = await files.host.stat(files.root / "file")
    assert before is not None and found is not None
    # Nanoseconds, not seconds: a rewrite of the same size within one second must be seen.
    assert found.mtime_ns >= before.mtime_ns and found.mtime_ns % 10**9


async def test_reading_what_is_no_file_says_why(files: Place) -> None:
    with pytest.raises(FileNotFoundError) as error:
        await files.host.read(files.root / "nothing")
    assert error.value.filename is not None
    with pytest.raises(IsADirectoryError):
        await files.host.read(files.root)
    with pytest.raises(FileNotFoundError):
        await files.host.list(files.root / "nothing")
    await files.host.write(files.root / "plain", b"")
    with pytest.raises(NotADirectoryError):
        await files.host.list(files.root / "plain")
    assert await files.host.stat(files.root / "nothing") is None
    assert await files.host.stat(files.root / "plain" / "below") is None


async def test_hostile_21_a_fifo_is_seen_and_never_waited_for(files: Place) -> None:
    path = await files.fifo("fifo")
    found = await files.host.stat(path)
    assert found is not None and found.kind == "special"
    with pytest.raises(OSError) as error:
        await asyncio.wait_for(files.host.read(path), MINUTE)
    assert error.value.errno == errno.EINVAL


async def test_list_tells_kinds_without_following_links(files: Place) -> None:
    await files.host.write(files.root / "a", b"x")
    await files.link("b", "/etc")
    await files.fifo("c")
    await files.directory("d")
    await files.link("e", "nowhere\n")
    assert [(entry.path, entry.kind, entry.target) for entry in await files.host.list(files.root)] == [
        (files.root / "a", "file", ""),
        (files.root / "b", "link", "/etc"),
        (files.root / "c", "special", ""),
        (files.root / "d", "directory", ""),
        (files.root / "e", "link", "nowhere\n"),
    ]
    for entry in await files.host.list(files.root):
        assert await files.host.stat(entry.path) == entry


async def test_an_empty_directory_has_no_entries(files: Place) -> None:
    assert await files.host.list(files.root) == []


async def test_hostile_18_a_link_is_replaced_and_not_written_through(files: Place) -> None:
    await files.host.write(files.root / "kept", b"kept")
    await files.directory("folder")
    for name, target in (("link", "kept"), ("to-folder", "folder"), ("broken", "nothing")):
        link = await files.link(name, target)
        await files.host.write(link, b"new")
        found = await files.host.stat(link)
        assert found is not None and found.kind == "file"
        assert await files.host.read(link) == b"new"
    assert await files.host.read(files.root / "kept") == b"kept"
    assert await files.names(files.root / "folder") == []


async def test_remove_takes_files_links_and_empty_directories_only(files: Place) -> None:
    full = await files.directory("full")
    await files.host.write(full / "x", b"kept")
    link = await files.link("link", full)
    empty = await files.directory("empty")
    await files.host.remove(link)
    await files.host.remove(empty)
    await files.host.remove(files.root / "missing")
    with pytest.raises(OSError) as error:
        await files.host.remove(full)
    assert error.value.errno == errno.ENOTEMPTY
    assert await files.names() == ["full"]
    assert await files.host.read(full / "x") == b"kept"
    await files.host.remove(full / "x")
    assert await files.names(full) == []


async def test_hostile_05_any_name_survives(files: Place) -> None:
    for name in HOSTILE:
        await files.host.write(files.root / name, os.fsencode(name))
    assert sorted(await files.names()) == sorted(HOSTILE)
    for entry in await files.host.list(files.root):
        assert await files.host.stat(entry.path) == entry
        assert await files.host.read(entry.path) == os.fsencode(entry.path.name)
        await files.host.remove(entry.path)
    assert await files.names() == []
    with pytest.raises(OSError) as error:
        await files.host.write(files.root / ("n" * 256), b"")
    assert error.value.errno == errno.ENAMETOOLONG


async def test_a_large_file_arrives_whole(files: Place) -> None:
    content = os.urandom(1 << 20) * (files.large >> 20)
    await files.host.write(files.root / "large", content)
    assert await files.host.read(files.root / "large") == content


async def test_small_calls_do_not_wait_for_a_large_one(files: Place) -> None:
    await files.host.write(files.root / "large", bytes(files.large))
    large = asyncio.ensure_future(files.host.read(files.root / "large"))
    found = await asyncio.gather(*(files.host.stat(files.root / "large") for _ in range(10)))
    assert all(one is not None and one.size == files.large for one in found)
    assert len(await large) == files.large


# -- Functions and objects next to the files ------------------------------------------------------------------------


async def test_a_function_runs_next_to_the_files(links: Place) -> None:
    made = Path(await links.host.call(tempfile.mkdtemp, prefix="x-", dir=str(links.root)))
    assert made.parent == links.root and await links.names() == [made.name]
    await links.host.call(shutil.rmtree, made, True)
    assert await links.names() == []
    assert await links.host.call(shutil.which, "no-such-program-here") is None


async def test_what_a_function_raises_arrives(links: Place) -> None:
    with pytest.raises(FileNotFoundError) as error:
        await links.host.call(os.stat, str(links.root / "nothing"))
    assert error.value.filename == str(links.root / "nothing")
    with pytest.raises(ValueError, match="null byte"):
        await links.host.call(os.listdir, "\0")


VALUES = [
    None, True, 1 << 70, 0.5, "text \udcff \ud800\udc00", b"bytes", Path("/a \udcff"), (1, (2, [3])), [1, (2,)], {"a": {1: (2,)}},
    {(1, 2): {3}, "!b": 0}, frozenset({b"x"}), Risk.R2, Step(kind="a", does="b", args={"c": [1, None]}), bytearray(b"x") and b"x",
]  # fmt: skip


async def test_plain_data_goes_there_and_back_unchanged(links: Place) -> None:
    link = await links.host.start(Probe)
    for value in VALUES:
        got = await link.ask("echo", value)
        assert got == value and type(got) is type(value)
    await link.close()


async def test_a_link_answers_in_order_and_tells_in_order(links: Place) -> None:
    link = await links.host.start(Probe, "begun")
    assert await link.heard() == "begun"
    asked = [link.ask("echo", n) for n in range(50)]
    assert await asyncio.gather(*asked) == list(range(50))
    assert await link.ask("tell", *range(100)) == 100
    assert [await link.heard() for _ in range(100)] == list(range(100))
    await link.close()
    await link.close()


async def test_the_calls_of_a_link_are_carried_out_one_at_a_time(links: Place) -> None:
    link = await links.host.start(Probe)
    slow = asyncio.ensure_future(link.ask("pause", 0.3))
    quick = asyncio.ensure_future(link.ask("echo", 1))
    await quick
    assert slow.done()
    await link.close()


async def test_a_link_raises_what_its_object_raised_and_goes_on(links: Place) -> None:
    link = await links.host.start(Probe)
    with pytest.raises(FileNotFoundError):
        await link.ask("fail", errno.ENOENT)
    with pytest.raises(EnvSyncError):
        await link.ask("_secret")
    with pytest.raises(EnvSyncError):
        await link.ask("no_such_method")
    assert await link.ask("echo", 1) == 1
    await link.close()


async def test_a_call_of_a_link_that_is_cancelled_before_its_turn_is_not_carried_out(links: Place) -> None:
    link = await links.host.start(Probe)
    first = asyncio.ensure_future(link.ask("pause", 0.3))
    second = asyncio.ensure_future(link.ask("tell", "never"))
    await asyncio.sleep(0)
    second.cancel()
    await first
    with pytest.raises(asyncio.CancelledError):
        await second
    await link.ask("tell", "after")
    assert await link.heard() == "after"
    await link.close()


async def test_a_closed_link_says_so(links: Place) -> None:
    link = await links.host.start(Probe)
    waiting = asyncio.ensure_future(link.heard())
    await link.ask("echo", 1)
    await link.close()
    with pytest.raises(Unreachable):
        await waiting
    with pytest.raises(Unreachable):
        await link.ask("echo", 1)


async def test_an_object_that_cannot_be_made_says_why(links: Place) -> None:
    with pytest.raises(EnvSyncError if links.kind not in ("local", "fake") else TypeError, match="argument"):
        await links.host.start(Probe, 1, 2, 3)


@on("shell", "docker-bare")
async def test_without_a_python_the_message_says_what_to_do(commands: Place) -> None:
    with pytest.raises(Failed) as error:
        await commands.host.call(os.getpid)
    assert "python3" in error.value.hint
    with pytest.raises(Failed) as error:
        await commands.host.start(Probe)
    assert "python3" in error.value.hint


# -- Changes -------------------------------------------------------------------------------------------------------


async def _told(changes: AsyncIterator[frozenset[str]], *wanted: str) -> None:
    """Wait until all of these paths were touched."""
    missing = set(wanted)
    while missing:
        missing -= await asyncio.wait_for(anext(changes), MINUTE)


async def test_a_watch_tells_what_was_touched(files: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "PAUSE", 0.2)  # seconds between two looks, where there is nothing better
    old = await files.directory("old")
    await files.host.write(old / "file", b"1")
    changes = files.host.watch(files.root)
    assert await asyncio.wait_for(anext(changes), MINUTE) == {"."}
    await files.host.write(old / "file", b"2")
    await _told(changes, "old/file")
    await files.host.write(files.root / "new" / "deep" / "file", b"1")
    await _told(changes, "new/deep/file")
    await files.host.write(files.root / "new" / "deep" / "other", b"1")
    await _told(changes, "new/deep/other")
    await files.move(files.root / "new", files.root / "moved")
    await _told(changes, "new", "moved", "moved/deep/file")
    await files.host.write(files.root / "moved" / "deep" / "file", b"3")
    await _told(changes, "moved/deep/file")
    await files.host.remove(files.root / "moved" / "deep" / "file")
    await _told(changes, "moved/deep/file")
    await files.host.write(files.root / "new\nline \udcff", b"")
    await _told(changes, "new\nline \udcff")
    await changes.aclose()


async def test_waiting_for_changes_may_be_given_up_and_taken_up_again(
    files: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "PAUSE", 0.2)
    changes = files.host.watch(files.root)
    assert await asyncio.wait_for(anext(changes), MINUTE) == {"."}
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(changes), 0.01)
    await files.host.write(files.root / "file", b"")
    await _told(changes, "file")
    await changes.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(changes)


async def test_watching_what_is_no_directory_says_so(files: Place) -> None:
    changes = files.host.watch(files.root / "nothing")
    with pytest.raises(OSError):
        await asyncio.wait_for(anext(changes), MINUTE)
    await changes.aclose()


# -- Ports ---------------------------------------------------------------------------------------------------------

ECHO = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    talk, _ = server.accept()
    while data := talk.recv(65536):
        talk.sendall(data)
    talk.sendall(b"end")
    talk.close()
"""


@on("local", "remote", "docker", "ssh", VM)
async def test_a_forwarded_port_leads_there(commands: Place) -> None:
    said: asyncio.Queue[bytes] = asyncio.Queue()
    server = asyncio.ensure_future(
        commands.host.run(["python3", "-c", ECHO], timeout=None, output=lambda _, chunk: said.put_nowait(chunk))
    )
    port = int(await asyncio.wait_for(said.get(), MINUTE))
    forward = await commands.host.forward(port)
    with pytest.raises(Usage):
        await commands.host.forward(port, port=forward.port)
    sent = os.urandom(3 << 20)
    for _ in range(2):
        reader, writer = await asyncio.open_connection("127.0.0.1", forward.port)
        writer.write(sent)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(-1), MINUTE) == sent + b"end"
        writer.close()
    await forward.close()
    await forward.close()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", forward.port)
    server.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server


@on("local", "remote", "docker", "ssh", VM)
async def test_a_port_on_which_nobody_listens_closes_the_connection(commands: Place) -> None:
    forward = await commands.host.forward(1)
    reader, writer = await asyncio.open_connection("127.0.0.1", forward.port)
    with suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(-1), MINUTE) == b""
    writer.close()
    await forward.close()


async def test_a_terminal_needs_one_here(files: Place) -> None:
    with pytest.raises(Usage, match="terminal"):
        await files.host.terminal(["true"])


# -- Going away ----------------------------------------------------------------------------------------------------


@on("remote", "docker", "ssh")
async def test_everything_that_waits_ends_when_the_machine_goes_away(commands: Place) -> None:
    assert commands.cut is not None
    link = await commands.host.start(Probe)
    changes = commands.host.watch(commands.root)
    await anext(changes)
    waiting = [
        asyncio.ensure_future(work)
        for work in (
            commands.host.run(["sleep", "300"], timeout=None),
            link.heard(),
            link.ask("pause", 300),
            anext(changes),
            commands.host.call(time.sleep, 300),
        )
    ]
    await link_is_busy(commands)
    await asyncio.to_thread(commands.cut)
    for task in waiting:
        with pytest.raises(Unreachable) as error:
            await asyncio.wait_for(task, MINUTE)
        assert error.value.hint and error.value.exit == 6
    with pytest.raises(Unreachable):
        await link.ask("echo", 1)
    await changes.aclose()
    await link.close()


async def link_is_busy(place: Place) -> None:
    """A round trip: what was asked before it has begun over there."""
    await place.host.stat(place.root)


@on("shell")
async def test_a_machine_that_goes_away_is_one_error_without_a_helper_too(commands: Place) -> None:
    assert commands.cut is not None
    assert (await commands.host.run(["true"])).code == 0
    task = asyncio.ensure_future(commands.host.run(["sh", "-c", "echo > child; sleep 300"], cwd=commands.root))
    until = time.monotonic() + MINUTE
    while not (commands.root / "child").exists() and time.monotonic() < until:
        await asyncio.sleep(0.02)
    commands.cut()
    # The pipe of a subprocess cannot tell a lost connection from a killed program.
    assert (await asyncio.wait_for(task, MINUTE)).code == 137


@on("remote", "shell", "ssh", "docker")
async def test_a_closed_host_connects_again_when_it_is_used(commands: Place) -> None:
    await commands.host.write(commands.root / "file", b"kept")
    await commands.host.close()
    assert await commands.host.read(commands.root / "file") == b"kept"


@on("remote", "ssh")
async def test_a_lost_connection_is_made_anew(commands: Place) -> None:
    assert commands.cut is not None
    await commands.host.write(commands.root / "file", b"kept")
    commands.cut()
    until = time.monotonic() + MINUTE
    while time.monotonic() < until:
        try:
            assert await commands.host.read(commands.root / "file") == b"kept"
            return
        except Unreachable:
            await asyncio.sleep(0.02)
    raise AssertionError("it stays lost")


# -- Dry runs, and what is true of this machine alone ----------------------------------------------------------------


@on("local", "remote")
async def test_dry_run_reads_and_never_changes(commands: Place) -> None:
    await commands.host.write(commands.root / "file", b"kept")
    host = DryRunHost(commands.host)
    await host.write(commands.root / "file", b"new")
    await host.remove(commands.root / "file")
    await host.run(["rm", "-rf", str(commands.root)])
    await host.terminal(["rm", "-rf", str(commands.root)])
    assert await host.read(commands.root / "file") == b"kept"
    assert await host.list(commands.root) == [await host.stat(commands.root / "file")]
    assert (await host.info()).uid == (await commands.host.info()).uid
    link = await host.start(Probe)
    assert await link.ask("echo", 1) == 1
    await link.close()
    assert len(host.would) == 4


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
