"""What every engine in the sync benchmark gets: an sshd of its own on loopback, trees, and the same measuring."""

from __future__ import annotations

import os
import random
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

POLL = 0.0002
"""Seconds between two looks at the other side."""
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Lab:
    """An sshd on a free port of 127.0.0.1 with keys of its own, and a HOME in which `ssh bench` reaches it."""

    root: Path
    port: int = 0
    alias: str = "bench"
    sshd: subprocess.Popen[bytes] | None = None
    environ: dict[str, str] = field(default_factory=dict)

    def up(self) -> None:
        """Start it; HOME with config, key and known_hosts lies under `root`."""
        home, own = self.root / "home", self.root / "sshd"
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        own.mkdir(mode=0o700)
        for key in (own / "host", home / ".ssh/id_ed25519"):
            quiet("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        shutil.copy(home / ".ssh/id_ed25519.pub", own / "authorized")
        self.port = free_port()
        (own / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {own}/host\nAuthorizedKeysFile {own}/authorized\n"
            f"PidFile {own}/pid\nPasswordAuthentication no\nUsePAM no\nStrictModes no\nMaxSessions 100\n"
            # Root's bash reads .bashrc on every exec (0.2 s here) unless it takes itself for a nested one: no peer shall pay that.
            "MaxStartups 100:30:200\nSubsystem sftp internal-sftp\nSetEnv SHLVL=3 "
            f"UNISON={self.root}/unison-there XDG_STATE_HOME={self.root}/state-there\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self.sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", own / "config", "-E", own / "log"])
        public = (own / "host.pub").read_text().split()
        (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{self.port} {public[0]} {public[1]}\n")
        (home / ".ssh/config").write_text(
            f"Host {self.alias}\n  HostName 127.0.0.1\nHost {self.alias} 127.0.0.1\n  Port {self.port}\n  User {user()}\n"
            f"  IdentityFile {home}/.ssh/id_ed25519\n  IdentitiesOnly yes\n  UserKnownHostsFile {home}/.ssh/known_hosts\n"
            f"  ControlMaster auto\n  ControlPath {self.root}/cm\n  ControlPersist 120\n"
            "  Ciphers aes128-gcm@openssh.com\n  LogLevel ERROR\n"
        )
        self.environ = {**os.environ, "HOME": str(home), "RSYNC_RSH": self.rsh}
        self.environ.pop("SSH_AUTH_SOCK", None)
        wait(lambda: quiet(*self.ssh, "true", check=False) == 0, 10, "sshd")

    @property
    def rsh(self) -> str:
        return f"ssh -F {self.root}/home/.ssh/config"

    @property
    def ssh(self) -> list[str]:
        return [*self.rsh.split(), self.alias]

    def down(self) -> None:
        quiet(*self.rsh.split(), "-O", "exit", self.alias, check=False)
        if self.sshd is not None:
            self.sshd.terminate()
            self.sshd.wait()


def user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def quiet(*argv: object, check: bool = True, **more: object) -> int:
    """Run; its exit code. A failure ends the benchmark with the program's own words unless `check` is off."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, stdin=subprocess.DEVNULL, **more)  # type: ignore[call-overload]
    if check and done.returncode:
        raise RuntimeError(f"{argv[0]} failed ({done.returncode}): {(done.stdout + done.stderr)[-1500:].decode()}")
    return done.returncode


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait(ready: Callable[[], bool], limit: float, what: str, step: float = 0.01) -> None:
    """Until `ready`. Raises TimeoutError that names `what`."""
    end = time.monotonic() + limit
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} took more than {limit:.0f} s")
        time.sleep(step)


# -- Trees --------------------------------------------------------------------------------------------------------


def fill(root: Path, files: int, size: int, seed: int = 1, per: int = 100) -> None:
    """`files` of `size` random bytes, `per` in a directory."""
    dice = random.Random(seed)
    for n in range(files):
        folder = root / f"d{n // per:04}"
        if n % per == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{n:06}.dat").write_bytes(dice.randbytes(size))


def same(one: Path, other: Path) -> bool:
    """Whether two trees hold the same files, to the byte."""
    a, b = names(one), names(other)
    return a == b and all((one / name).read_bytes() == (other / name).read_bytes() for name in a)


def names(root: Path) -> list[str]:
    found: list[str] = []
    for folder, _, files in os.walk(root):
        found += [os.path.relpath(os.path.join(folder, name), root) for name in files if not name.startswith(".")]
    return sorted(found)


def until_same(one: Path, other: Path, limit: float) -> float:
    """Seconds until `other` is what `one` is (which stays as it is); the check itself moves on, and is full at the end."""
    start = time.monotonic()
    expected = names(one)
    at = 0
    while at < len(expected):
        try:
            if (other / expected[at]).read_bytes() == (one / expected[at]).read_bytes():
                at += 1
                continue
        except OSError:
            pass
        if time.monotonic() - start > limit:
            raise TimeoutError(f"not the same after {limit:.0f} s: {expected[at]}")
        time.sleep(0.001)
    seconds = time.monotonic() - start
    wait(lambda: same(one, other), limit, "the trees being the same")
    return seconds


# -- Latency ------------------------------------------------------------------------------------------------------


@dataclass
class Latency:
    """Of many writes, in milliseconds; `missed` never arrived."""

    times: list[float]
    missed: int = 0

    @property
    def text(self) -> str:
        if not self.times:
            return f"all {self.missed} missed"
        lost = f", {self.missed} missed" if self.missed else ""
        return f"{self.p50:.1f} / {self.p99:.1f}{lost}"

    @property
    def p50(self) -> float:
        return statistics.median(self.times)

    @property
    def p99(self) -> float:
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, round(0.99 * (len(ordered) - 1)))]


def latency(
    here: Path, there: Path, targets: Iterable[str], pause: tuple[float, float], limit: float, seed: int = 7
) -> Latency:
    """Write 1 KB to each target here, and wait for exactly that content there before the next."""
    dice, found = random.Random(seed), Latency([])
    for target in targets:
        time.sleep(dice.uniform(*pause))
        content = dice.randbytes(1024)
        begun = time.perf_counter()
        fd = os.open(here / target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(fd, content)
        os.close(fd)
        written = time.perf_counter()
        while True:
            now = time.perf_counter()
            try:
                if (there / target).read_bytes() == content:
                    # From the end of the write: what a person waits for after saving.
                    found.times.append((now - written) * 1000)
                    break
            except OSError:
                pass
            if now - begun > limit:
                found.missed += 1
                break
            time.sleep(POLL)
    return found


# -- Cost ---------------------------------------------------------------------------------------------------------


def family(pids: Iterable[int]) -> set[int]:
    """These processes and all below them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.parent.name)] = int(fields[1])
    found = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu(pids: Iterable[int]) -> float:
    """Seconds of processor time that these have used."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def idle(pids: Iterable[int], seconds: float = 10) -> float:
    """Share of one core (in percent) that these processes take while nothing happens."""
    all_of = family(pids)
    before = cpu(all_of)
    time.sleep(seconds)
    return 100 * (cpu(all_of) - before) / seconds


def memory(pids: Iterable[int]) -> float:
    """The most MB of memory that the largest of these processes has had."""
    found = [0.0]
    for pid in family(pids):
        try:
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    found.append(int(line.split()[1]) / 1024)
        except OSError:
            continue
    return max(found)
