"""A machine behind SSH as a host: odd shells, odd names, faults there, terminals and ports."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path

import pexpect
import pytest

from envsync.tests.core.places import busybox_path
from envsync.tests.hosts.wire_proxy import Line, line
from envsync.tests.lab.require import require
from envsync.tests.lab.ssh import Sshd
from envsync.tools.errors import Failed, Unreachable, Usage
from envsync.tools.hosts.ssh import SshHost, open_host

Make = Callable[..., Sshd]
Open = Callable[..., SshHost]


@pytest.fixture
async def reach(private: Path) -> AsyncGenerator[Open]:
    """Opens a server as a host: `reach(server)`; closed after the test."""
    opened: list[SshHost] = []

    def make(server: Sshd, name: str = "") -> SshHost:
        server.trust(private / ".ssh")
        opened.append(open_host(name or server.host.removeprefix("ssh:")))
        return opened[-1]

    yield make
    for host in opened:
        await host.close()


async def until(true: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for a condition."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not come to that"
        await asyncio.sleep(0.02)


# -- Shells -----------------------------------------------------------------------------------------------------------

WORDS = [
    "",
    " ",
    "a b",
    "it's",
    '"',
    "$HOME",
    "`id`",
    "\\",
    "\\n",
    "!",
    "!!",
    "%s",
    "*",
    "~",
    "#",
    "é\n",
    "\t",
    "-n",
    "{a,b}",
    "$(id)",
    "\udcff",
]


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash", "/usr/bin/fish", "/bin/csh", "/bin/zsh", "/bin/busybox"])
async def test_hostile_04_words_arrive_as_they_are_through_any_login_shell(
    make_sshd: Make, reach: Open, tmp_path: Path, shell: str
) -> None:
    program = shutil.which(Path(shell).name)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    if shell.endswith("busybox"):  # it goes by the name it is called by
        program = str(tmp_path / "sh")
        os.symlink(shutil.which("busybox") or "", program)
    require("root")  # another login shell needs a passwd of its own
    server = make_sshd(shell=program)
    (server.home / "f").write_text("x")
    host = reach(server)
    await host._connect()
    for argv in (["printf", "%s\\0", *WORDS], ["printf", "%s\\0", *WORDS[::-1]]):
        pipe = await host._spawn(argv)
        await pipe.end()
        said = b""
        while data := await pipe.read():
            said += data
        assert said.decode("utf-8", "surrogateescape").split("\0")[:-1] == argv[2:]
        assert await pipe.wait() == 0
    assert (await host.run(["printf", "%s\\0", *WORDS])).stdout.decode("utf-8", "surrogateescape").split("\0")[
        :-1
    ] == WORDS


async def test_hostile_12_a_noisy_login_shell_is_skipped(make_sshd: Make, reach: Open) -> None:
    bash = shutil.which("bash")
    assert bash
    require("root")
    server = make_sshd(shell=bash, banner="Authorized use only\x1b[2J\n")
    (server.home / ".bashrc").write_text(
        "echo 'Run: curl evil | sh'; printf '\\033[31mred\\007'; head -c 30000 /dev/zero | tr '\\0' x; echo err >&2\n"
    )
    host = reach(server)
    done = await host.run(["echo", "hello"])
    assert (done.stdout, done.stderr) == (b"hello\n", b"")
    assert (await host.info()).home == server.home


@pytest.mark.parametrize(
    ("shell", "words"), [("/bin/false", "neither a shell"), ("/usr/sbin/nologin", "not available")]
)
async def test_an_account_without_a_shell_is_unreachable(make_sshd: Make, reach: Open, shell: str, words: str) -> None:
    require("root")
    with pytest.raises(Unreachable, match=words) as error:
        await reach(make_sshd(shell=shell)).info()
    assert "login shell" in error.value.hint


async def test_hostile_12_a_forced_command_is_told_and_only_quoted(make_sshd: Make, reach: Open) -> None:
    server = make_sshd(force="printf 'Backups only.\\033[2J\\n'")
    with pytest.raises(Unreachable) as error:
        await reach(server).info()
    assert "Backups only." in error.value.what and "\x1b" not in str(error.value)


async def test_a_server_for_files_only_is_told(make_sshd: Make, reach: Open) -> None:
    with pytest.raises(Unreachable) as error:
        await reach(make_sshd(force="internal-sftp")).info()
    assert error.value.hint


# -- Faults over there ------------------------------------------------------------------------------------------------


@pytest.fixture
async def wire(sshd: Sshd, private: Path) -> AsyncGenerator[tuple[Line, SshHost]]:
    """The shared server over a line that can be broken, as the host `far`."""
    sshd.trust(private / ".ssh")
    ssh = private / ".ssh"
    async with line(sshd.port) as made:
        (ssh / "config").write_text(
            f"Host far\n  HostName 127.0.0.1\n  Port {made.port}\n  User {sshd.user}\n  IdentityFile {sshd.key}\n"
            f"  IdentitiesOnly yes\n  HostKeyAlias far\n"
        )
        (ssh / "known_hosts").write_text(f"far {sshd.known_hosts.read_text().split(' ', 1)[1]}")
        host = open_host("far")
        yield made, host
        await host.close()


async def test_a_cut_line_ends_what_runs_and_the_next_use_connects_anew(wire: tuple[Line, SshHost]) -> None:
    line, host = wire
    told = asyncio.Event()
    running = asyncio.ensure_future(host.run(["sh", "-c", "echo up; exec sleep 60"], output=lambda *_: told.set()))
    await told.wait()
    line.cut()
    with pytest.raises(Unreachable) as error:
        await asyncio.wait_for(running, 30)
    assert error.value.exit == 6 and error.value.hint
    assert (await host.run(["echo", "again"])).text == "again\n"


async def test_a_line_that_is_cut_while_the_helper_starts_is_unreachable(
    wire: tuple[Line, SshHost], sshd: Sshd
) -> None:
    """In either direction, at the greeting, half-way through the helper that is pushed, or before the first answer is whole.

    How many bytes a start takes differs a little each time, so the last of them are left out.
    """
    line, host = wire

    async def start() -> None:
        shutil.rmtree(sshd.home / ".cache", ignore_errors=True)
        await host.close()
        host._failures = 0
        await asyncio.wait_for(host.info(), 60)

    await host._linked()
    login, asked = line.passed, line.sent
    await start()
    whole, pushed = line.passed, line.sent
    assert pushed - asked > 50_000, "the helper is pushed in this test"
    for cut in range(login + 1, whole - (whole - login) // 5, max(20, (whole - login) // 7)):
        line.cut_after = cut
        with pytest.raises(Unreachable):
            await start()
    line.cut_after = None
    for cut in range(asked + 1, pushed - (pushed - asked) // 5, (pushed - asked) // 7):
        line.cut_sent_after = cut
        with pytest.raises(Unreachable):
            await start()
    line.cut_sent_after = None
    await start()
    assert list((sshd.home / ".cache" / "envsync").glob(".helper*")) == []


async def test_a_write_that_is_cut_at_any_byte_leaves_the_old_or_the_new_content(
    wire: tuple[Line, SshHost], tmp_path: Path
) -> None:
    line, host = wire
    file = tmp_path / "file"
    old, new = b"o" * 300_000, b"n" * 300_000
    await host.info()
    for after in (0, 1, 40, 200, 1000, 5000):
        await host.write(file, old)
        line.cut_after = line.passed + after
        with suppress(Unreachable):
            await asyncio.wait_for(host.write(file, new), 30)
        line.cut_after = None
        await host.info()
        assert file.read_bytes() in (old, new)
        await until(lambda: os.listdir(tmp_path) == ["file"])  # what is half done is removed by the helper as it ends


async def test_a_machine_that_stops_answering_is_noticed(wire: tuple[Line, SshHost], private: Path) -> None:
    line, host = wire
    with (private / ".ssh" / "config").open("a") as file:
        file.write("  ServerAliveInterval 1\n  ServerAliveCountMax 1\n")
    await host.info()
    line.stalled = True
    with pytest.raises(Unreachable):
        await asyncio.wait_for(host.run(["true"]), 60)
    line.stalled = False
    assert (await host.run(["echo", "back"])).text == "back\n"


async def test_after_failures_in_a_row_the_answer_comes_at_once_for_a_while(make_sshd: Make, reach: Open) -> None:
    """A plan with twenty steps must not wait for twenty time-outs."""
    server = make_sshd()
    host = reach(server)
    server.stop()
    for _ in range(2):
        with pytest.raises(Unreachable, match="nothing listens"):
            await host.info()
    server.start()
    with pytest.raises(Unreachable, match="nothing listens") as error:
        await host.info()
    assert "next try is in" in error.value.hint
    host._failed = (host._failed or (0, error.value))[0] - 60, error.value
    assert (await host.info()).system


async def test_a_full_disk_and_a_read_only_directory_are_the_machines_own_errors(
    make_sshd: Make, reach: Open, tmp_path: Path
) -> None:
    require("root")
    host = reach(make_sshd())
    small = tmp_path / "small"
    # In the mount namespace of a process of ours: nothing of this machine changes.
    script = 'mount -t tmpfs -o size=64k tmpfs "$1" && echo old >"$1/file" && mkdir "$1/ro" && mount -t tmpfs -o ro tmpfs "$1/ro" && echo $$ && exec sleep 120'
    small.mkdir()
    with subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(small)],
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        pid = holder.stdout.readline().strip()
        if not pid:
            pytest.skip("mounting is not allowed here")
        root = Path(f"/proc/{pid}/root{small}")
        with pytest.raises(OSError, match="No space left"):
            await host.write(root / "file", b"x" * 200_000)
        assert (root / "file").read_text() == "old\n" and sorted(os.listdir(root)) == ["file", "ro"]
        with pytest.raises(OSError, match="Read-only"):
            await host.write(root / "ro" / "file", b"x")
        holder.kill()


async def test_names_that_are_no_text_survive_the_way(sshd: Sshd, reach: Open, tmp_path: Path) -> None:
    host = reach(sshd)
    path = tmp_path / os.fsdecode(b"caf\xe9\n\x1b[31m;rm -rf $HOME '\"")
    await host.write(path, b"content")
    assert path.read_bytes() == b"content"
    assert [entry.path for entry in await host.list(tmp_path)] == [path]
    assert (await host.run(["cat", str(path)])).stdout == b"content"
    await host.remove(path)
    assert os.listdir(tmp_path) == []


async def test_few_sessions_at_a_time_are_enough(make_sshd: Make, reach: Open) -> None:
    server = make_sshd(extra=["Match all", "MaxSessions 1"])
    host = reach(server)
    done = await asyncio.gather(*(host.run(["echo", str(number)]) for number in range(20)))
    assert [one.text for one in done] == [f"{number}\n" for number in range(20)]
    await host.close()
    nothing = make_sshd(extra=["Match all", "MaxSessions 0"])
    with pytest.raises(Unreachable) as error:
        await asyncio.wait_for(reach(nothing).info(), 20)
    assert "MaxSessions" in error.value.hint


async def test_without_a_python_commands_take_turns_for_the_sessions_there_are(make_sshd: Make, reach: Open) -> None:
    require("root")
    server = make_sshd(shell=shutil.which("bash"), extra=["Match all", "MaxSessions 2"])
    (server.home / ".bashrc").write_text(f"PATH={busybox_path(server.home / 'bin')}\n")
    host = reach(server)
    host.pythons = "no-python-here"
    assert (await host.info()).python == ""
    done = await asyncio.gather(*(host.run(["echo", str(number)]) for number in range(12)))
    assert [(one.code, one.text) for one in done] == [(0, f"{number}\n") for number in range(12)]


async def test_a_clock_that_is_a_day_off_is_measured(make_sshd: Make, reach: Open) -> None:
    server = make_sshd()
    python = server.home / "python"
    python.write_text(
        "#!/usr/bin/python3 -IS\nimport sys, time\nright = time.time\ntime.time = lambda: right() + 86400\n"
        "at = sys.argv.index('-c')\ncode = sys.argv[at + 1]\ndel sys.argv[:at + 2]\nsys.argv.insert(0, '-c')\n"
        "exec(compile(code, 'helper', 'exec'), {'__name__': '__main__'})\n"
    )
    python.chmod(0o755)
    host = reach(server)
    host.pythons = str(python)
    assert abs((await host.info()).clock - 86400) < 60


async def test_an_ipv6_address_is_written_in_brackets(make_sshd: Make, reach: Open, private: Path) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("there is no IPv6 here")
    server = make_sshd(extra=["ListenAddress ::1"])
    host = reach(server, f"{server.user}@[::1]:{server.port}")
    ssh = private / ".ssh"
    (ssh / "config").write_text(
        (ssh / "config")
        .read_text()
        .replace(
            "Host lab", "Host ::1\n  IdentityFile " + str(server.key) + f"\n  UserKnownHostsFile {ssh}/v6\nHost lab"
        )
    )
    (ssh / "v6").write_text(server.known_hosts.read_text().replace("127.0.0.1", "::1"))
    assert (await host.info()).system
    assert host.name == f"ssh:{server.user}@[::1]:{server.port}"


# -- Ports ------------------------------------------------------------------------------------------------------------


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.write_eof()
    await asyncio.sleep(0)
    writer.close()


async def test_a_port_leads_there_and_back(sshd: Sshd, reach: Open) -> None:
    host = reach(sshd)
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    forward = await host.forward(server.sockets[0].getsockname()[1])
    content = os.urandom(3_000_000)
    for _ in range(2):
        reader, writer = await asyncio.open_connection("127.0.0.1", forward.port)

        async def send(writer: asyncio.StreamWriter = writer) -> None:
            writer.write(content)
            await writer.drain()
            writer.write_eof()

        sending = asyncio.ensure_future(send())
        assert await asyncio.wait_for(reader.read(), 60) == content
        await sending
        writer.close()
        assert host._connection is not None
        host._connection.ssh.abort()  # the next connection goes over a new one
    with pytest.raises(Usage):
        await host.forward(22, port=forward.port)
    await forward.close()
    await forward.close()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", forward.port)
    server.close()


async def test_a_server_that_forwards_nothing_is_told_at_once(make_sshd: Make, reach: Open) -> None:
    server = make_sshd(extra=["AllowTcpForwarding no"])
    with pytest.raises(Failed, match="does not let its port") as error:
        await reach(server).forward(server.port)
    assert "AllowTcpForwarding" in error.value.hint


# -- Terminals --------------------------------------------------------------------------------------------------------


def shell(*command: str) -> pexpect.spawn:
    """A terminal with `envsync shell` in it."""
    code = "import sys; from envsync.agent.frontends.shell import run; sys.exit(run(sys.argv[1:]))"
    return pexpect.spawn(sys.executable, ["-c", code, *command], dimensions=(30, 100), timeout=60, encoding="utf-8")


def test_a_terminal_is_a_real_one(sshd: Sshd, private: Path) -> None:
    sshd.trust(private / ".ssh")
    with shell(sshd.host) as screen:
        screen.sendline("stty size; echo $TERM; tty; PS1=ready'> '")
        screen.expect("30 100\r\n")
        screen.expect(r"/dev/pts/\d+\r\n")
        screen.expect("ready> ")
        screen.setwinsize(40, 90)
        screen.sendline("stty size")
        screen.expect("40 90\r\n")
        screen.sendline("sleep 1000")
        screen.expect("sleep 1000\r\n")
        screen.sendcontrol("c")
        screen.expect("ready> ")
        screen.sendline("exit 7")
        screen.expect(pexpect.EOF)
        screen.close()
        assert screen.exitstatus == 7


def test_a_terminal_for_one_command_in_a_directory(sshd: Sshd, private: Path, tmp_path: Path) -> None:
    sshd.trust(private / ".ssh")
    with shell(
        "--cwd", str(tmp_path), sshd.host, "sh", "-c", 'pwd; printf "%s|" "$@"; kill -9 $$', "sh", "a b", "it's"
    ) as screen:
        screen.expect_exact(f"{tmp_path}\r\n")
        screen.expect_exact("a b|it's|")
        screen.expect(pexpect.EOF)
        screen.close()
        assert screen.exitstatus == 137


def test_the_terminal_is_put_back_when_the_connection_is_cut(make_sshd: Make, private: Path) -> None:
    server = make_sshd()
    server.trust(private / ".ssh")
    with pexpect.spawn("/bin/sh", dimensions=(30, 100), timeout=60, encoding="utf-8") as screen:
        screen.sendline("PS1='here> '; stty -a | grep -c ' icanon'")
        screen.expect("1\r\nhere> ")
        code = "import sys; from envsync.agent.frontends.shell import run; sys.exit(run(sys.argv[1:]))"
        screen.sendline(
            f"{sys.executable} -c '{code}' {server.host} sh -c 'echo i''n; exec sleep 1000'; stty -a | grep -c ' icanon'"
        )
        screen.expect("in\r\n")
        server.stop()
        screen.expect("cut")
        screen.expect("1\r\nhere> ")
        screen.sendline("exit")


async def test_without_a_terminal_there_is_none(sshd: Sshd, reach: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "rb") as nothing:
        kept = os.dup(0)
        os.dup2(nothing.fileno(), 0)
        try:
            with pytest.raises(Usage):
                await reach(sshd).terminal(["true"])
        finally:
            os.dup2(kept, 0)
            os.close(kept)
