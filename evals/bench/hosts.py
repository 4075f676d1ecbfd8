"""What a host behind SSH costs, beside the openssh client, side by side in one run against a real sshd on loopback.

    .venv/bin/python evals/bench/hosts.py [--rounds 200] [--machines 50] [--megabytes 100] [--json FILE]

EnvSync: one connection with its helper on a channel. openssh: a new connection for each command, and over a
ControlMaster that is open already, which is the fastest it can do. The floor is a bare socket to another process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from envsync.tests.lab.ssh import Sshd
from envsync.tools.hosts.ssh import SshHost, open_host

LISTENERS = 15
"""Addresses that one sshd listens on; it takes 16 sockets."""
Times = list[float]
Row = tuple[str, str, float, float, int]


def said(rows: list[Row]) -> None:
    """Print a table: what, who, p50 and p99 in ms, how often."""
    print(f"{'what':24}{'who':28}{'p50 ms':>10}{'p99 ms':>10}{'n':>7}")
    for what, who, middle, late, count in rows:
        print(f"{what:24}{who:28}{middle:10.2f}{late:10.2f}{count:7}")


def row(what: str, who: str, times: Times) -> Row:
    """A line of the table, from seconds."""
    ordered = sorted(times)
    return (
        what,
        who,
        statistics.median(ordered) * 1e3,
        ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e3,
        len(ordered),
    )


async def timed(work: Callable[[], Awaitable[object]], count: int) -> Times:
    """Seconds that each of `count` runs takes."""
    found: Times = []
    for _ in range(count):
        start = time.perf_counter()
        await work()
        found.append(time.perf_counter() - start)
    return found


async def openssh(config: Path, *words: str, mux: Path | None = None, stdin: bytes | None = None) -> bytes:
    """Run the openssh client; raises RuntimeError when it fails."""
    argv = ["ssh", "-F", str(config), "-o", "BatchMode=yes", *(["-S", str(mux)] if mux else ["-o", "ControlPath=none"])]
    process = await asyncio.create_subprocess_exec(
        *argv, "lab", *words,
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=1 << 24,
    )  # fmt: skip
    out, err = await process.communicate(stdin)
    if process.returncode:
        raise RuntimeError(f"{argv} {words}: {err!r}")
    return out


async def one(server: Sshd, given: argparse.Namespace) -> list[Row]:
    """One machine: connecting, small calls, large files."""
    name, rows = server.host.removeprefix("ssh:"), list[Row]()
    mux = server.root / "mux"
    few = max(5, given.rounds // 10)

    async def connect() -> None:
        host = open_host(name)
        await host._linked()
        await host.close()

    async def answer() -> None:
        host = open_host(name)
        await host.stat(server.home)
        await host.close()

    async def first() -> None:
        shutil.rmtree(server.home / ".cache", ignore_errors=True)
        await answer()

    rows.append(row("connect", "EnvSync", await timed(connect, few)))
    rows.append(row("connect + true", "openssh", await timed(lambda: openssh(server.config, "true"), few)))
    rows.append(row("first answer ever", "EnvSync, helper pushed", await timed(first, few)))
    rows.append(row("first answer", "EnvSync, helper there", await timed(answer, few)))
    host = open_host(name)
    await openssh(server.config, "-fNM", mux=mux)
    try:
        rows.append(row("stat", "EnvSync", await timed(lambda: host.stat(server.home), given.rounds)))
        rows.append(
            row(
                "stat",
                "openssh, ControlMaster",
                await timed(lambda: openssh(server.config, f"stat {server.home}", mux=mux), few),
            )
        )
        rows.append(row("run true", "EnvSync", await timed(lambda: host.run(["true"]), given.rounds)))
        rows.append(
            row("run true", "openssh, ControlMaster", await timed(lambda: openssh(server.config, "true", mux=mux), few))
        )
        rows.append(row("50 x run at once", "EnvSync", await timed(lambda: fifty(host), 5)))
        content, path = os.urandom(given.megabytes * 1_000_000), server.home / "large"
        size = f"{given.megabytes} MB"
        # `write` syncs to the disk before it renames, so the peer has to as well.
        put = f"cat >{path}.part && sync {path}.part && mv {path}.part {path}"
        rows.append(row(f"write {size}", "EnvSync", await timed(lambda: host.write(path, content), 5)))
        rows.append(
            row(
                f"write {size}",
                "openssh, ControlMaster",
                await timed(lambda: openssh(server.config, put, mux=mux, stdin=content), 5),
            )
        )
        rows.append(row(f"write {size}", "openssh", await timed(lambda: openssh(server.config, put, stdin=content), 5)))
        rows.append(row(f"read {size}", "EnvSync", await timed(lambda: host.read(path), 5)))
        rows.append(
            row(
                f"read {size}",
                "openssh, ControlMaster",
                await timed(lambda: openssh(server.config, f"cat {path}", mux=mux), 5),
            )
        )
        if await host.read(path) != content:
            raise RuntimeError("what was read is not what was written")
    finally:
        await host.close()
        subprocess.run(["ssh", "-F", server.config, "-S", mux, "-O", "exit", "lab"], capture_output=True, check=False)
    return rows


async def fifty(host: SshHost) -> None:
    await asyncio.gather(*(host.run(["true"]) for _ in range(50)))


async def many(servers: list[Sshd], count: int) -> list[Row]:
    """Many machines at once: each a connection and a helper of its own."""
    server, names = servers[0], list[str]()
    for place, one in enumerate(servers):
        names += [f"{one.user}@127.0.{place + 1}.{number + 1}:{one.port}" for number in range(LISTENERS)]
    hosts = [open_host(name) for name in names[:count]]
    each: Times = []

    async def look(host: SshHost) -> None:
        start = time.perf_counter()
        await host.stat(server.home)
        await host.run(["true"])
        await host.list(Path("/usr/bin"))
        each.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(look(host) for host in hosts))
    total = time.perf_counter() - start
    start = time.perf_counter()
    await asyncio.gather(*(host.stat(server.home) for host in hosts))
    again = time.perf_counter() - start
    await asyncio.gather(*(host.close() for host in hosts))
    start = time.perf_counter()
    await asyncio.gather(
        *(
            openssh(
                server.config,
                f"stat {server.home}; true; ls -l /usr/bin",
            )
            for _ in range(count)
        )
    )
    peer = time.perf_counter() - start
    what = f"{count} machines at once"
    return [
        row(what, "EnvSync, all: total", [total]),
        row(what, "EnvSync, each", each),
        row(what, "EnvSync, stat on open ones", [again]),
        row(what, "openssh: total", [peer]),
    ]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--machines", type=int, default=50)
    options.add_argument("--megabytes", type=int, default=100)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="hosts-bench-", dir=shm if shm.is_dir() else None) as name:
        root = Path(name)
        os.environ["HOME"] = str(root)
        count = 1 + (given.machines - 1) // LISTENERS
        servers = [
            Sshd(root / f"server{place}", extra=[f"ListenAddress 127.0.{place + 1}.{n + 1}" for n in range(LISTENERS)])
            for place in range(count)
        ]
        try:
            for server in servers:
                server.start()
            folder = root / ".ssh"
            servers[0].trust(folder)
            keys = [server.known_hosts.read_text().split(" ", 1)[1] for server in servers]
            known = [f"[127.0.*]:{server.port} {key}" for server, key in zip(servers, keys, strict=True)]
            (folder / "known_hosts").write_text("".join(known))
            with (folder / "config").open("a") as file:
                file.write(f"Host 127.0.*\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder / 'known_hosts'}\n")
                file.writelines(f"  IdentityFile {server.key}\n" for server in servers)
            print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {shm if shm.is_dir() else 'disk'}")
            rows = asyncio.run(one(servers[0], given)) + asyncio.run(many(servers, given.machines))
        finally:
            for server in servers:
                server.stop()
    said(rows)
    if given.json:
        given.json.write_text(
            json.dumps([dict(zip(("what", "who", "p50", "p99", "n"), found, strict=True)) for found in rows])
        )


if __name__ == "__main__":
    main()
