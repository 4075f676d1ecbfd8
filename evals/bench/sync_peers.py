"""The others: raw inotify with a remote helper (the floor), lsyncd, Unison, Syncthing; rsync and tar for first copies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from sync_lab import Lab, free_port, quiet, until_same, wait

FLOOR_THERE = r"""
import os, struct, sys
root, stdin = sys.argv[1], sys.stdin.buffer
while head := stdin.read(8):
    name_size, size = struct.unpack(">II", head)
    name, content = stdin.read(name_size).decode(), stdin.read(size)
    target = os.path.join(root, name)
    fd = os.open(target + ".tmp~", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(fd, content)
    os.close(fd)
    os.rename(target + ".tmp~", target)
"""

FLOOR_HERE = r"""
import os, struct, subprocess, sys
from asyncinotify import Inotify, Mask
import asyncio
root, there = sys.argv[1], sys.argv[2:]
pipe = subprocess.Popen(there, stdin=subprocess.PIPE).stdin
async def main():
    with Inotify() as watch:
        for folder, _, _ in os.walk(root):
            watch.add_watch(folder, Mask.CLOSE_WRITE | Mask.MOVED_TO)
        print("ready", flush=True)
        async for event in watch:
            path = os.fspath(event.path)
            with open(path, "rb") as file:
                content = file.read()
            name = os.path.relpath(path, root).encode()
            pipe.write(struct.pack(">II", len(name), len(content)) + name + content)
            pipe.flush()
asyncio.run(main())
"""


@dataclass
class Engine:
    """One way to keep `here` and `there` the same. `start` returns when it watches and both are the same."""

    lab: Lab
    here: Path
    there: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    name = "?"
    pause = (0.03, 0.09)
    """Seconds between two writes, at random between these; slow engines need more to show each write."""
    writes = 300
    limit = 5.0
    two_way = True

    def missing(self) -> str:
        """Why it cannot run here; empty when it can."""
        return ""

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()

    def pids(self) -> list[int]:
        """Its processes on both sides (children are found by themselves)."""
        return [*(process.pid for process in self.running), *([self.lab.sshd.pid] if self.lab.sshd else [])]

    def spawn(self, *argv: object, **environ: str) -> subprocess.Popen[bytes]:
        log = (self.lab.root / f"{type(self).__name__}.log").open("ab")
        process = subprocess.Popen(
            [str(a) for a in argv],
            env={**self.lab.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        self.running.append(process)
        return process


class Floor(Engine):
    """The least that it can take: one way, no ancestor, no check, no directories."""

    name = "floor: raw inotify + remote helper, one way"
    two_way = False

    def start(self) -> None:
        rsync(self.lab, self.here, self.there)
        there = [*self.lab.ssh, f"{sys.executable} -c '{FLOOR_THERE}' {self.there}"]
        process = subprocess.Popen(
            [sys.executable, "-c", FLOOR_HERE, str(self.here), *there], env=self.lab.environ, stdout=subprocess.PIPE
        )
        self.running.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        _prove(self.here, self.there)


class Lsyncd(Engine):
    name = "lsyncd + rsync, delay 0, ControlMaster, one way"
    pause, writes, limit, two_way = (0.2, 0.4), 60, 3.0, False

    def missing(self) -> str:
        return "" if shutil.which("lsyncd") and shutil.which("rsync") else "lsyncd or rsync is not installed"

    def start(self) -> None:
        config = self.lab.root / "lsyncd.lua"
        config.write_text(
            f'settings {{ nodaemon = true }}\nsync {{ default.rsync, source = "{self.here}", '
            f'target = "{self.lab.alias}:{self.there}", delay = 0, rsync = {{ archive = true, rsh = "{self.lab.rsh}" }} }}\n'
        )
        self.spawn("lsyncd", config)
        until_same(self.here, self.there, 120)
        _prove(self.here, self.there)


class Unison(Engine):
    name = "unison -repeat 1"
    pause, writes, limit = (0.8, 1.6), 20, 15.0

    def missing(self) -> str:
        return "" if shutil.which("unison") else "unison is not installed"

    def flags(self) -> list[str]:
        return [
            str(self.here), f"ssh://{self.lab.alias}/{self.there}", "-batch", "-auto", "-silent", "-confirmbigdel=false",
            "-sshargs", f"-F {self.lab.root}/home/.ssh/config",
        ]  # fmt: skip

    def start(self) -> None:
        self.spawn("unison", *self.flags(), "-repeat", "1", UNISON=str(self.lab.root / "unison"))
        until_same(self.here, self.there, 300)
        _prove(self.here, self.there)


class Syncthing(Engine):
    """Two instances over its own TLS on loopback; `delay` is fsWatcherDelayS."""

    name = "syncthing, tuned (watcher delay 0.01 s)"
    program, delay = "syncthing", "0.01"
    # It waits 250 ms after each index that it sends: writes closer together than that would show this and not its speed.
    pause, writes, limit = (0.3, 0.6), 100, 20.0

    def missing(self) -> str:
        return "" if shutil.which(self.program) else f"{self.program} is not installed"

    def start(self) -> None:
        homes = [self.lab.root / f"st-{type(self).__name__}-{side}" for side in "ab"]
        ids: list[str] = []
        for home in homes:
            shutil.rmtree(home, ignore_errors=True)
            quiet(self.program, "generate", "--home", home, "--skip-port-probing", env=self.lab.environ)
            shown = subprocess.run(
                [self.program, "--home", home, "--device-id"], env=self.lab.environ, capture_output=True, check=True
            )
            ids.append(shown.stdout.decode().split()[-1])
        ports, api = [free_port(), free_port()], [free_port(), free_port()]
        for n, (home, folder) in enumerate(zip(homes, (self.here, self.there), strict=True)):
            (folder / ".stfolder").mkdir(exist_ok=True)
            devices = "".join(
                f'<device id="{id}" compression="never"><address>tcp://127.0.0.1:{port}</address></device>'
                for id, port in zip(ids, ports, strict=True)
            )
            (home / "config.xml").write_text(
                f'<configuration version="37"><folder id="b" path="{folder}" type="sendreceive" rescanIntervalS="3600" '
                f'fsWatcherEnabled="true" fsWatcherDelayS="{self.delay}">{"".join(f"""<device id="{id}"></device>""" for id in ids)}'
                f'</folder>{devices}<gui enabled="true" tls="false"><address>127.0.0.1:{api[n]}</address><apikey>bench</apikey>'
                f"</gui><options><listenAddress>tcp://127.0.0.1:{ports[n]}</listenAddress>"
                "<globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>"
                "<relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><startBrowser>false</startBrowser>"
                "<urAccepted>-1</urAccepted><autoUpgradeIntervalH>0</autoUpgradeIntervalH>"
                "<crashReportingEnabled>false</crashReportingEnabled></options></configuration>"
            )
        for home in homes:
            self.spawn(self.program, "serve", "--home", home, "--no-browser", "--no-restart")
        for port in api:
            wait(lambda port=port: _answers(port), 30, "syncthing's start")
        until_same(self.here, self.there, 300)
        _prove(self.here, self.there, 60)


class SyncthingDefault(Syncthing):
    name, delay = "syncthing, defaults (watcher delay 10 s)", "10"
    pause, writes, limit = (0.1, 3.0), 5, 40.0


# -- Once ---------------------------------------------------------------------------------------------------------


def tar(lab: Lab, here: Path, there: Path) -> None:
    """One channel: the usual yardstick for many small files."""
    source = subprocess.Popen(["tar", "-C", here, "-cf", "-", "."], stdout=subprocess.PIPE)
    done = subprocess.run([*lab.ssh, f"tar -C {there} -xf -"], stdin=source.stdout, env=lab.environ, check=False)
    if source.wait() or done.returncode:
        raise RuntimeError("tar failed")


def rsync(lab: Lab, here: Path, there: Path) -> None:
    quiet("rsync", "-a", f"{here}/", f"{lab.alias}:{there}/", env=lab.environ)


def unison(lab: Lab, here: Path, there: Path) -> None:
    engine = Unison(lab, here, there)
    quiet("unison", *engine.flags(), env={**lab.environ, "UNISON": str(lab.root / f"unison-{here.name}")})


def _prove(here: Path, there: Path, limit: float = 20) -> None:
    """It watches: one write arrives. Written again and again, since a watch that is not there yet misses it."""
    for n in range(int(limit / 2)):
        (here / "d0000/prove").write_text(str(n))
        try:
            wait(lambda n=n: _text(there / "d0000/prove") == str(n), 2 if limit < 60 else limit, "the first write")
            return
        except TimeoutError:
            continue
    raise TimeoutError("it watches nothing")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/rest/noauth/health", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


PEERS: tuple[type[Engine], ...] = (Floor, Lsyncd, Unison, Syncthing, SyncthingDefault)
if newer := os.environ.get("SYNCTHING"):
    Syncthing.program = SyncthingDefault.program = newer
