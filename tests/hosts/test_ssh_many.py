"""Many machines at once: nobody waits for one that is stuck."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.tests.lab.ssh import Sshd
from envsync.tools.errors import Unreachable
from envsync.tools.hosts.ssh import SshHost, open_host

Make = Callable[..., Sshd]
LISTENERS = 10
"""Addresses of one sshd, which takes 16 sockets."""


def look(root: str) -> int:
    """What a scan does: next to the files, look at all of them."""
    return sum(1 for _, folders, names in os.walk(root) for _ in (*folders, *names))


@pytest.fixture
def machines(make_sshd: Make, private: Path) -> Callable[[int], list[SshHost]]:
    """So many addresses with an sshd each, as hosts."""

    def make(count: int) -> list[SshHost]:
        folder, names = private / ".ssh", list[str]()
        servers = list[Sshd]()
        for place in range(-(-count // LISTENERS)):
            net = f"127.0.{place + 1}"
            servers.append(make_sshd(extra=[f"ListenAddress {net}.{number + 1}" for number in range(LISTENERS)]))
            names += [f"{servers[-1].user}@{net}.{number + 1}:{servers[-1].port}" for number in range(LISTENERS)]
        servers[0].trust(folder)
        keys = [server.known_hosts.read_text().split(" ", 1)[1] for server in servers]
        lines = [f"[127.0.*]:{server.port} {key}" for server, key in zip(servers, keys, strict=True)]
        (folder / "known_hosts").write_text("".join(lines))
        config = (
            f"Host 127.0.*\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder / 'known_hosts'}\n  ConnectTimeout 60\n"
        )
        (folder / "config").write_text(config + "".join(f"  IdentityFile {server.key}\n" for server in servers))
        return [open_host(name) for name in names[:count]]

    return make


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def use(host: SshHost, folder: Path) -> None:
    assert await host.stat(folder) is not None
    assert await host.call(os.path.isdir, str(folder))
    assert (await host.run(["echo", "hi"])).text == "hi\n"


@pytest.mark.parametrize("count", [8, pytest.param(50, marks=pytest.mark.slow)])
async def test_one_machine_that_is_stuck_delays_no_other(
    machines: Callable[[int], list[SshHost]], make_sshd: Make, tmp_path: Path, private: Path, count: int
) -> None:
    """A stopped sshd takes the call, since its kernel does, and never speaks: stuck in the handshake, its machine must
    hold up neither the handshakes of others nor their calls."""
    hosts = machines(count)
    stopped = make_sshd()
    with (private / ".ssh" / "config").open("a") as file:
        file.write(f"Host stuck\n  HostName 127.0.0.1\n  Port {stopped.port}\n")
    stuck = [open_host("stuck") for _ in range(20)]
    process = stopped._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        waiting = [asyncio.ensure_future(host.info()) for host in stuck]
        await asyncio.sleep(0)
        start = time.monotonic()
        await asyncio.wait_for(asyncio.gather(*(use(host, tmp_path) for host in hosts)), 55)
        print(f"{count} machines: connected, stat, call and run in {time.monotonic() - start:.2f} s")
        assert not any(task.done() for task in waiting)
        start = time.monotonic()
        await asyncio.wait_for(asyncio.gather(*(use(host, tmp_path) for host in hosts)), 30)
        print(f"{count} machines: once more in {time.monotonic() - start:.2f} s")
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        os.kill(process.pid, signal.SIGCONT)
        await asyncio.gather(*(host.close() for host in hosts))


async def test_a_machine_that_freezes_in_the_middle_delays_no_other(
    machines: Callable[[int], list[SshHost]], make_sshd: Make, private: Path, tmp_path: Path
) -> None:
    """Connected, with calls under way, and then it answers no more."""
    (good,) = machines(1)
    frozen = make_sshd()
    frozen.trust(private / ".ssh" / "frozen", alias="frozen")
    with (private / ".ssh" / "config").open("a") as file:
        text = (private / ".ssh" / "frozen" / "config").read_text()
        file.write(text.replace(" 127.0.0.1\n", "\n  ServerAliveInterval 1\n  ServerAliveCountMax 1\n", 1))
    host = open_host("frozen")
    assert frozen._process is not None
    family = [int((await host.run(["sh", "-c", "echo $PPID"])).text)]
    while (parent := parent_of(family[-1])) != frozen._process.pid:
        family.append(parent)
    for one in family:
        os.kill(one, signal.SIGSTOP)
    try:
        waiting = asyncio.ensure_future(host.stat(tmp_path))
        for _ in range(20):
            await use(good, tmp_path)
        with pytest.raises(Unreachable):
            await asyncio.wait_for(waiting, 60)
    finally:
        for one in family:
            os.kill(one, signal.SIGCONT)
        await good.close()
        await host.close()
