"""Getting there: what is wrong with a machine, a line or a jump is said, with what to do next."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from envsync.tests.hosts.wire_proxy import Line, line
from envsync.tests.lab.ssh import Sshd
from envsync.tools.errors import EnvSyncError, Unreachable
from envsync.tools.hosts import ssh_connect, ssh_dial
from envsync.tools.hosts.ssh_config import route, target
from envsync.tools.hosts.ssh_connect import connect
from envsync.tools.hosts.ssh_keys import UnknownKey, key_of

Make = Callable[..., Sshd]


async def get_in(name: str) -> None:
    """Connect and log in; raises when that is not possible."""
    await (await connect(route(target(name)))).close()


async def refusal(name: str, kind: type[EnvSyncError] = Unreachable) -> EnvSyncError:
    with pytest.raises(kind) as error:
        await get_in(name)
    assert error.value.hint
    return error.value


@pytest.fixture
def ssh(sshd: Sshd, private: Path) -> Path:
    """~/.ssh of a user who gets in to `lab`."""
    sshd.trust(private / ".ssh")
    return private / ".ssh"


def add(ssh: Path, text: str) -> None:
    config = ssh / "config"
    config.write_text(text + config.read_text())


@pytest.fixture
async def wire(sshd: Sshd, ssh: Path) -> AsyncGenerator[Line]:
    """A line to the server, as the machine `far`."""
    async with line(sshd.port) as made:
        add(
            ssh,
            f"Host far\n  HostName 127.0.0.1\n  Port {made.port}\n  HostKeyAlias far\n  IdentityFile {sshd.key}\n"
            f"  IdentitiesOnly yes\n  User {sshd.user}\n  ConnectTimeout 20\n",
        )
        names = ssh / "known_hosts"
        names.write_text(names.read_text() + f"far {names.read_text().split(' ', 1)[1]}")
        yield made


async def test_nothing_listens(ssh: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = await refusal(f"me@127.0.0.1:{free.getsockname()[1]}")
    assert "nothing listens" in error.what and "openssh-server" in error.hint


async def test_a_name_that_does_not_resolve(ssh: Path) -> None:
    assert "no machine named 'nowhere.invalid'" in (await refusal("me@nowhere.invalid")).what


async def test_an_address_that_does_not_answer_takes_no_longer_than_allowed(ssh: Path) -> None:
    """A full queue drops what comes, as a firewall does."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        add(ssh, "Host 127.0.0.1\n  ConnectTimeout 1\n")
        start = time.monotonic()
        error = await refusal(f"me@127.0.0.1:{port}")
        assert time.monotonic() - start < 9, "ConnectTimeout says 1 s, ours would be 10 s"
        assert "did not answer in 1 s" in error.what and "ConnectTimeout" in error.hint
        for filler in fillers:
            filler.close()


async def test_a_machine_that_takes_the_call_and_says_nothing(ssh: Path, wire: Line) -> None:
    wire.stalled = True
    add(ssh, "Host far\n  ConnectTimeout 1\n")
    assert "did not answer in 1 s" in (await refusal("far")).what


async def test_hostile_12_what_does_not_speak_ssh_is_quoted(ssh: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad\r\n\x1b[2Jrun this\r\n" * 4000)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    error = await refusal(f"me@127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()
    assert "\x1b" not in str(error)
    assert "does not speak SSH" in error.what or "hung up" in error.what


async def test_a_line_that_is_cut_at_any_byte_is_unreachable(
    ssh: Path, wire: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version, key exchange, login: wherever it ends, it ends with the same error, and soon."""
    monkeypatch.setattr(ssh_connect, "AGAIN", 0.0)
    await get_in("far")
    whole = wire.passed
    assert whole > 1000
    for cut in sorted({1, 2, 7, 20, 41, 42, 100, *range(150, whole - 120, 97)}):
        wire.cut_after = cut
        await asyncio.wait_for(refusal("far"), 30)
    wire.cut_after = None
    await get_in("far")


async def test_a_busy_machine_that_hangs_up_at_once_is_tried_again(ssh: Path, wire: Line) -> None:
    """sshd does that when more than MaxStartups connect at the same time."""
    wire.refuse = 1
    await get_in("far")
    assert wire.connections == 2
    wire.refuse = 9
    error = await refusal("far")
    assert wire.connections == 4 and "MaxStartups" in error.hint


async def test_giving_up_leaves_nothing_behind(ssh: Path, wire: Line) -> None:
    wire.stalled = True
    task = asyncio.ensure_future(get_in("far"))
    while not wire.connections:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [other for other in asyncio.all_tasks() if "ssh_connect" in repr(other.get_coro())] == []


# -- Over other machines ----------------------------------------------------------------------------------------------


@pytest.fixture
def inner(make_sshd: Make, sshd: Sshd, ssh: Path) -> Sshd:
    """A second machine, `inner`, that is reached over `lab`."""
    server = make_sshd()
    (ssh / "inner").write_text(server.known_hosts.read_text())
    add(
        ssh,
        f"Host inner\n  HostName 127.0.0.1\n  Port {server.port}\n  User {server.user}\n  IdentityFile {server.key}\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {ssh / 'inner'}\n  ProxyJump lab\n",
    )
    return server


async def test_a_machine_behind_another_is_reached_over_it(inner: Sshd, sshd: Sshd) -> None:
    connection = await connect(route(target("inner")))
    try:
        done = await connection.ssh.run("echo $SSH_CONNECTION", check=True)
        assert str(done.stdout).split()[3] == str(inner.port)
        hop = connection.over
        assert hop is not None and not hop.connection.closed
    finally:
        await connection.close()
    assert hop.connection.closed


async def test_machines_behind_one_bastion_share_the_way_to_it(inner: Sshd, sshd: Sshd) -> None:
    before = sshd.log.read_text().count("Accepted publickey")
    made = await asyncio.gather(*(connect(route(target("inner"))) for _ in range(20)))
    assert sshd.log.read_text().count("Accepted publickey") == before + 1
    hop = made[0].over
    assert hop is not None
    for connection in made[1:]:
        await connection.close()
    await made[0].ssh.run("true", check=True)
    hop.connection.ssh.abort()  # a bastion that goes away is connected to anew
    again = await connect(route(target("inner")))
    await again.ssh.run("true", check=True)
    assert again.over is not hop
    await made[0].close()
    await again.ssh.run("true", check=True)
    await again.close()


async def test_who_gives_up_half_way_does_not_take_the_bastion_from_others(inner: Sshd) -> None:
    first, second = (asyncio.ensure_future(connect(route(target("inner")))) for _ in range(2))
    while not any(
        "ssh_jump" in repr(task.get_coro()) or "_make" in repr(task.get_coro()) for task in asyncio.all_tasks()
    ):
        await asyncio.sleep(0)
    first.cancel()
    connection = await second
    await connection.ssh.run("true", check=True)
    await connection.close()


@pytest.mark.parametrize("jumps", ["inner", "lab,inner"])
async def test_a_chain_of_jumps_is_followed_in_order(make_sshd: Make, inner: Sshd, ssh: Path, jumps: str) -> None:
    last = make_sshd()
    last.trust(ssh / "last", alias="last")
    add(ssh, (ssh / "last" / "config").read_text().replace(" 127.0.0.1\n", f"\n  ProxyJump {jumps}\n", 1))
    connection = await connect(route(target("last")))
    assert connection.over is not None
    assert [str(hop) for hop in connection.over.chain] == ["lab", "inner"]
    await connection.close()


async def test_the_keys_of_jumps_are_checked_too(inner: Sshd, ssh: Path) -> None:
    (ssh / "known_hosts").write_text("")
    error = await refusal("inner", UnknownKey)
    assert error.what.startswith("lab is not known yet") and "envsync trust lab" in error.hint
    with pytest.raises(UnknownKey, match="lab"):
        await key_of("inner")


async def test_the_key_of_a_machine_behind_another_can_be_asked_for(inner: Sshd, ssh: Path) -> None:
    (ssh / "inner").write_text("")
    assert (await key_of("inner")).filed == f"[127.0.0.1]:{inner.port}"


async def test_a_jump_that_cannot_reach_the_machine_says_so(inner: Sshd) -> None:
    inner.stop()
    error = await refusal("inner")
    assert error.what.startswith("lab cannot reach 127.0.0.1 port")


async def test_a_jump_that_lets_nothing_through_says_so(make_sshd: Make, inner: Sshd, ssh: Path) -> None:
    strict = make_sshd(extra=["AllowTcpForwarding no"])
    strict.trust(ssh / "strict", alias="strict")
    add(
        ssh,
        (ssh / "strict" / "config").read_text().replace(" 127.0.0.1\n", "\n", 1) + "Host inner\n  ProxyJump strict\n",
    )
    error = await refusal("inner")
    assert "strict does not let connections through" in error.what and "AllowTcpForwarding" in error.hint


async def test_a_jump_that_is_down_is_the_one_that_is_named(inner: Sshd, ssh: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        add(ssh, f"Host lab\n  Port {free.getsockname()[1]}\n")
        assert "nothing listens" in (await refusal("inner")).what


async def test_a_proxy_command_is_a_line_of_the_shell(sshd: Sshd, ssh: Path, tmp_path: Path) -> None:
    add(ssh, f"Host odd\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {sshd.user}\n  IdentityFile {sshd.key}\n"
             f"  UserKnownHostsFile {ssh / 'known_hosts'}\n"
             f"  ProxyCommand sh -c 'echo noise >&2; echo %h %p >{tmp_path / 'seen'}; exec ssh -F {sshd.config} -W %h:%p lab' 2>/dev/null\n")  # fmt: skip
    connection = await connect(route(target("odd")))
    assert connection.proxy is not None
    pid = connection.proxy.pid
    await connection.close()
    assert (tmp_path / "seen").read_text() == f"127.0.0.1 {sshd.port}\n"
    assert not Path(f"/proc/{pid}").exists()


async def test_hostile_12_a_proxy_command_that_fails_says_why(ssh: Path) -> None:
    add(ssh, "Host odd\n  ProxyCommand printf 'no \\033[1mway\\n' >&2\n")
    error = await refusal("odd")
    assert "ProxyCommand" in error.what and "no \\x1b[1mway" in error.what


# -- Many at once -----------------------------------------------------------------------------------------------------


async def test_fifty_machines_and_one_that_is_stopped(sshd: Sshd, make_sshd: Make, ssh: Path) -> None:
    """The stopped one takes the call (its kernel does) and never speaks: nobody else may wait for it."""
    stopped = make_sshd()
    stopped.trust(ssh / "stopped", alias="stopped")
    add(ssh, (ssh / "stopped" / "config").read_text().replace(" 127.0.0.1\n", "\n", 1))
    add(ssh, "Host stopped\n  ConnectTimeout 20\n")
    process = stopped._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        waiting = [asyncio.ensure_future(get_in("stopped")) for _ in range(ssh_connect.AT_ONCE)]
        await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(*(get_in("lab") for _ in range(50))), 19)
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    finally:
        os.kill(process.pid, signal.SIGCONT)


# -- Addresses --------------------------------------------------------------------------------------------------------


async def test_an_address_that_drops_everything_does_not_hold_up_the_next_one(sshd: Sshd) -> None:
    """One after the other, a machine with broken IPv6 takes all of the time there is."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        dropping, answering = full.getsockname(), ("127.0.0.1", sshd.port)
        made = await asyncio.wait_for(ssh_dial.reach([(socket.AF_INET, dropping), (socket.AF_INET, answering)]), 20)
        assert made.getpeername() == answering
        made.close()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            refusing = free.getsockname()
            made = await asyncio.wait_for(ssh_dial.reach([(socket.AF_INET, refusing), (socket.AF_INET, answering)]), 20)
            made.close()
            with pytest.raises(ConnectionRefusedError):
                await ssh_dial.reach([(socket.AF_INET, refusing)])
        for filler in fillers:
            filler.close()
