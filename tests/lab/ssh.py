"""A real SSH server for tests: Debian's sshd on a free loopback port, with keys, files and a home of its own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .require import program

STARTS = 30.0
"""Seconds that it may take on a loaded machine; 0.05 are usual."""
PRIVATE = 'mount --bind "$1" /etc/passwd && shift && exec "$@"'
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {host_key}
AuthorizedKeysFile {root}/authorized_keys
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
PrintMotd no
PrintLastLog no
UseDNS no
Subsystem sftp internal-sftp
MaxSessions 200
MaxStartups 200:30:300
SetEnv HOME={home}
LogLevel VERBOSE
{extra}
"""


class Sshd:
    """One server. Its user's home is `home`, an empty directory: nothing of the real one is read or written.

    As root the server gets a mount namespace of its own with its own /etc/passwd, so that the shell can be chosen and
    `sshd.user` logs in to `home`; without root the user is the caller's, whose sessions begin in the real home with
    HOME set to `home`.
    """

    def __init__(
        self, root: Path, *, extra: Sequence[str] = (), shell: str = "/bin/sh", banner: str = "", force: str = ""
    ) -> None:
        self.root, self.home, self.shell = root, root / "home", shell
        self.home.mkdir(parents=True)
        self.key, self.host_key, self.known_hosts = root / "id_ed25519", root / "host_key", root / "known_hosts"
        self.log = root / "sshd.log"
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.port = _free_port()
        self._extra = list(extra)
        if banner:
            (root / "banner").write_text(banner)
            self._extra.append(f"Banner {root / 'banner'}")
        if force:
            self._extra.append(f"ForceCommand {force}")
        self._process: subprocess.Popen[bytes] | None = None
        _keygen(self.key)
        shutil.copy(f"{self.key}.pub", root / "authorized_keys")
        self.rekey()
        self.trust(root / "dot-ssh")
        self.config = root / "dot-ssh/config"

    @property
    def host(self) -> str:
        """As EnvSync writes it."""
        return f"ssh:{self.user}@127.0.0.1:{self.port}"

    def trust(self, folder: Path, *, alias: str = "lab", known: bool = True) -> None:
        """Fill `folder` (a `~/.ssh`) so that `ssh ALIAS` and `ssh -p PORT USER@127.0.0.1` get in; `known` False leaves the host's key unknown."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        names = folder / "known_hosts"
        names.write_text(self.known_hosts.read_text() if known else "")
        (folder / "config").write_text(
            f"Host {alias} 127.0.0.1\n  HostName 127.0.0.1\n  Port {self.port}\n  User {self.user}\n"
            f"  IdentityFile {self.key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {names}\n"
            "  StrictHostKeyChecking yes\n  GlobalKnownHostsFile /dev/null\n"
        )

    def rekey(self) -> None:
        """Give the host a new key, as a reinstalled machine has; `known_hosts` follows, and copies of it do not."""
        for path in (self.host_key, Path(f"{self.host_key}.pub")):
            path.unlink(missing_ok=True)
        _keygen(self.host_key)
        kind, key = Path(f"{self.host_key}.pub").read_text().split()[:2]
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def start(self) -> None:
        """Start it and wait until it answers. Raises RuntimeError with its log."""
        file = self.root / "sshd_config"
        text = CONFIG.format(
            port=self.port, host_key=self.host_key, root=self.root, home=self.home, extra="\n".join(self._extra)
        )
        file.write_text(text)
        sshd = program("sshd")
        if sshd is None:
            raise RuntimeError("there is no sshd")
        argv = [sshd, "-D", "-f", str(file), "-E", str(self.log)]
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
            self._users()
            own = ["unshare", "--mount", "--propagation", "private", "sh", "-c", PRIVATE, "sh", f"{self.root}/passwd"]
            # In a container that may not mount, HOME alone has to do.
            if subprocess.run([*own, "true"], capture_output=True, check=False).returncode == 0:
                argv = [*own, *argv]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        limit = time.monotonic() + STARTS
        while not _greets(self.port):
            if self._process.poll() is not None or time.monotonic() > limit:
                log = self.log.read_text(errors="replace") if self.log.exists() else ""
                raise RuntimeError(f"sshd did not start:\n{log[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it with all its connections and what runs over them, as when the machine is switched off."""
        if self._process is None:
            return
        # The listener first, so that nobody connects again meanwhile; then all that hangs below it.
        family = _below(self._process.pid)
        self._process.kill()
        self._process.wait()
        self._process = None
        _kill(family)

    def cut(self) -> None:
        """Break every connection and go on listening: what a flaky network does. What ran over them goes on."""
        if self._process is not None:
            _kill([pid for pid in _below(self._process.pid) if _name(pid).startswith("sshd")])

    def restart(self) -> None:
        """Off and on again, on the same port."""
        self.stop()
        self.start()

    def say(self, what: str) -> str:
        """What the openssh client prints for a command line there; for checks that must not use EnvSync."""
        argv = ["ssh", "-F", str(self.config), "-o", "BatchMode=yes", "lab", what]
        return subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=60, check=True).stdout

    def _users(self) -> None:
        lines = [line for line in Path("/etc/passwd").read_text().splitlines() if not line.startswith(f"{self.user}:")]
        # `*`: no password, and not locked, which sshd would refuse without PAM.
        own = f"{self.user}:*:{os.getuid()}:{os.getgid()}::{self.home}:{self.shell}"
        (self.root / "passwd").write_text("\n".join([own, *lines, ""]))


def _keygen(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(path)], check=True)


def _free_port() -> int:
    """Below the range from which the kernel gives ports to clients: one that is free now stays so until it is used."""
    for _ in range(1000):
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise RuntimeError("no free port")


def _greets(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as talk:
        return talk.recv(4) == b"SSH-"
    return False


def _below(pid: int) -> list[int]:
    """All descendants of a process, children before grandchildren."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError):
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found = list(parents.get(pid, []))
    for child in found:
        found += parents.get(child, [])
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
