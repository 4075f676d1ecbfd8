"""Makes, starts, looks at and removes one project's server, next to the files; only the standard library."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import socket
import stat
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...errors import Failed
from . import dotenv, processes
from .kind import Access, Kind, Spec, Tools, Unwell
from .registry import KINDS
from .variables import adopted

SYSTEM = Path("/var/lib/envsync/services")
"""Where root keeps them: a server that is no root cannot reach into root's home."""
TRIES = 300
"""Ports that are tried, one after the other."""
TAIL = 1 << 20
LOG = 16 << 20
"""Bytes of a log with which a start begins a new one."""


# -- Looking ------------------------------------------------------------------------------------------------------


def base(given: str) -> str:
    """The directory of all services here: root's own, `given`, or one in the user's state directory."""
    if os.geteuid() == 0:
        return str(SYSTEM)
    home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local/state")
    return given or os.path.join(home, "envsync/services")


def program(kind: str, version: str) -> str | None:
    """The version of the program that would serve; None when there is none."""
    found = KINDS[kind].find(version)
    return found.version if found else None


def ports(first: int, count: int, taken: Sequence[int], wanted: int = 0, turn: int = 0) -> tuple[int, ...]:
    """`count` free ports of this host, `wanted` first if it is free, the others from `first` on, beginning with the one
    that is `turn` further: two projects that ask at once seldom get the same. Raises Failed."""
    found = [wanted] if wanted and free(wanted) and wanted not in taken else []
    for port in (first + (turn + step) % TRIES for step in range(TRIES)):
        if len(found) == count:
            break
        if port not in taken and port not in found and free(port):
            found.append(port)
    if len(found) < count:
        raise Failed(f"no port from {first} to {first + TRIES} is free", "End something that listens there.")
    return tuple(found)


def free(port: int) -> bool:
    """Whether nothing listens on a port of any address here."""
    for family, address in ((socket.AF_INET, ""), (socket.AF_INET6, "::1")):
        with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
            # Without it a port would count as taken for a minute after its last client.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except PermissionError:
                return False
            except OSError as error:
                if family == socket.AF_INET or error.errno == 98:
                    return False
    return True


def look(spec: Spec) -> str:
    """`running`, `stopped`, `gone`, or what is wrong with it, beginning with `unwell`."""
    access = known(spec)
    if access is None:
        return "gone"
    if spec.by == "native" and not processes.running(spec.folder):
        return "stopped"
    said = greeted(KINDS[spec.kind], spec.port, access)
    return f"unwell: {said}" if said else "running"


def greeted(kind: Kind, port: int, access: Access) -> str:
    """What is wrong with what answers there; empty when nothing is."""
    try:
        kind.greet(port, access)
    except (OSError, Unwell) as error:
        return str(error)
    except (struct.error, ValueError, IndexError):
        return "this is not its protocol"
    return ""


def known(spec: Spec) -> Access | None:
    """How to get in; None before there is anything."""
    try:
        found = json.loads((spec.folder / "credentials.json").read_text())
        return Access(str(found["user"]), str(found["password"]), str(found["database"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def tail(spec: Spec, count: int) -> list[str]:
    """The last lines of its log, without its password."""
    try:
        handle = os.open(spec.log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return []
    with os.fdopen(handle, "rb") as file:
        size = os.fstat(handle).st_size if stat.S_ISREG(os.fstat(handle).st_mode) else 0
        file.seek(max(size - TAIL, 0))
        text = file.read(TAIL).decode("utf-8", "backslashreplace") if size else ""
    access = known(spec)
    if access and access.password:
        text = text.replace(access.password, "[redacted:password]")
    return text.splitlines()[-count:]


# -- Changing -----------------------------------------------------------------------------------------------------


def ready(spec: Spec) -> None:
    """Make the private directory with its credentials: those that the project's `.env` has already, else new ones."""
    _directory(spec.folder)
    if known(spec) is None:
        found = adopted(spec.kind, dotenv.read(spec.project / spec.file), spec.port)
        access = Access.new(spec.database)
        access = Access(found.get("user") or access.user, found.get("password") or access.password,
                        found.get("database") or access.database)  # fmt: skip
        _put(spec.folder / "credentials.json", json.dumps(asdict(access)).encode(), 0o600, {})


def make(spec: Spec) -> dict[str, str]:
    """Bring the server to life: what is there already is kept, what a kill left half-made is made anew.

    Returns the program's version. Raises Failed with the end of its log.
    """
    kind = KINDS[spec.kind]
    ready(spec)
    access = known(spec)
    if access is None:
        raise Failed(f"{spec.folder} cannot be read back", "Look at the disk.")
    server = kind.find(spec.version)
    if server is None:
        raise Failed(f"no program of {spec.kind} {spec.version} is on this host", "Ask again: it is installed first.")
    tools = Made(spec, _person(kind))
    done = spec.folder / "made.json"
    if not done.exists():
        processes.end(spec.folder, kind.stop)
        for each in (spec.data, spec.run):
            _removed(each)
            _directory(each, tools.person)
        kind.prepare(spec, access, tools)
        _put(done, json.dumps({"version": server.version}).encode(), 0o600, {})
    start(spec)
    return {"version": server.version}


def start(spec: Spec) -> None:
    """Start it, unless it runs, and wait until it answers. Raises Failed with the end of its log."""
    kind, access = KINDS[spec.kind], known(spec)
    if access is None:
        raise Failed(f"what {spec.name} kept is gone", f"envsync destroy --name {spec.name}, then provision it anew.")
    if not processes.running(spec.folder):
        busy = [port for port in (spec.port, *spec.more) if not free(port)]
        if busy:
            raise Failed(
                f"port {busy[0]} was taken meanwhile", "Ask again: another one is chosen, or end what took it."
            )
        server = kind.find(spec.version)
        if server is None:
            raise Failed(f"the program of {spec.kind} is gone", f"Install Debian's package {kind.debian} again.")
        tools = Made(spec, _person(kind))
        with suppress(OSError):
            if spec.log.lstat().st_size > LOG:
                spec.log.replace(spec.log.with_suffix(".old"))
        boot = kind.boot(spec, access, server, tools)
        processes.start(boot.argv, boot.env, spec.folder, tools.person)
    _well(spec, kind, access)
    kind.settled(spec)


def _well(spec: Spec, kind: Kind, access: Access) -> None:
    limit, gone = time.monotonic() + kind.starts, 0
    while said := greeted(kind, spec.port, access):
        gone = gone + 1 if not processes.running(spec.folder) else 0
        last = " | ".join(tail(spec, 8))
        if gone > 20:  # a second: the shell that starts it may not have come to it yet
            raise Failed(f"{spec.name} ended as soon as it was started: {last[-900:]}", f"Its log: {spec.log}")
        if time.monotonic() > limit:
            raise Failed(
                f"{spec.name} does not answer on port {spec.port} ({said}): {last[-900:]}", f"Its log: {spec.log}"
            )
        time.sleep(0.05)


def stop(spec: Spec) -> None:
    """End it, with time to write what it holds; nothing running is no error."""
    kind = KINDS[spec.kind]
    processes.end(spec.folder, kind.stop)
    kind.stopped(spec)


def remove(spec: Spec) -> None:
    """End it and remove all that it had: the lines in `.env`, the data, the credentials. Raises OSError."""
    if spec.by == "native":
        stop(spec)
    dotenv.drop(spec.project, spec.file, spec.name, spec.folder / "env.json")
    _removed(spec.folder)
    with suppress(OSError):
        spec.folder.parent.rmdir()
    if spec.folder.parent == SYSTEM:
        with suppress(OSError):
            SYSTEM.parent.rmdir()


# -- Files and people ---------------------------------------------------------------------------------------------


class Made(Tools):
    """See Tools: as the system user of the server when EnvSync is root."""

    def __init__(self, spec: Spec, person: Mapping[str, Any]) -> None:
        self.spec, self.person = spec, person
        self.user = pwd.getpwuid(person.get("user", os.geteuid())).pw_name

    def call(self, argv: Sequence[str], what: str, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
        """See Tools.call."""
        try:
            done = subprocess.run(
                argv, input=stdin.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.spec.run,
                env=processes.surroundings(env or {}, self.spec.run), timeout=300, check=False, **self.person,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Failed(f"{what} took longer than 300 seconds", "Ask again on a machine that is less busy.") from None
        said = done.stdout.decode("utf-8", "backslashreplace")
        if done.returncode:
            rows = [line.strip() for line in said.splitlines() if line.strip()]
            # Some say much more after what went wrong.
            told = [line for line in rows if re.search(r"error|fatal|denied|no space", line, re.IGNORECASE)] or rows
            end = " | ".join(told[-8:])
            raise Failed(f"{what} failed: {end[-900:] or f'exit code {done.returncode}'}", "Nothing of it is left.")
        return said

    def put(self, path: Path, content: str) -> None:
        """See Tools.put."""
        _put(path, content.encode(), 0o600, self.person)


def _person(kind: Kind) -> dict[str, Any]:
    """For subprocess: who the server runs as. Raises Failed when root has nobody for it."""
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam(kind.user)
    except KeyError:
        raise Failed(
            f"{kind.name} must not run as root, and there is no user {kind.user!r}",
            f"Make it: useradd --system {kind.user}. Debian's package {kind.debian} does so too.",
        ) from None
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _directory(path: Path, person: Mapping[str, Any] | None = None) -> None:
    """A directory for its user alone; root's may be passed through on the way to what lies in it."""
    if os.geteuid() == 0:
        for each in (*reversed(path.parent.parents), path.parent):
            with suppress(FileExistsError):
                each.mkdir()
                each.chmod(0o711)  # whatever the umask is: another user has to come through
    else:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    info = path.lstat()
    if not stat.S_ISDIR(info.st_mode):
        raise Failed(f"{path} is no directory", "Move it away, then ask again.")
    if person:
        os.chown(path, person["user"], person["group"])
    path.chmod(0o700 if person or os.geteuid() != 0 else 0o711)


def _put(path: Path, content: bytes, mode: int, person: Mapping[str, Any]) -> None:
    """Write a new file; what stands there, a link included, is replaced and never followed."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        os.fchmod(handle, mode)
        if person:
            os.fchown(handle, person["user"], person["group"])
        file.flush()
        os.fsync(handle)
    part.replace(path)


def _removed(path: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(path)
