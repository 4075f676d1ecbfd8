"""Where a side of a sync is: scp-like names of directories, and which of them must not be kept the same."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..contract import Context
from ..errors import Failed, Usage
from ..hosts.base import Host
from ..store.guard import guarded

KINDS = ("docker", "ssh", "vm", "local")
EXAMPLES = "A directory is written ./dir, USER@HOST:/dir, docker:NAME:/dir, ssh:USER@HOST:PORT:/dir or vm:NAME:/dir."


@dataclass(frozen=True)
class Place:
    """A directory somewhere. As text it is what a person could type."""

    host: str
    """Full name of the host: `local`, or `KIND:…`."""
    path: str
    """Absolute; undecodable bytes as surrogates."""

    def __str__(self) -> str:
        return self.path if self.host == "local" else f"{self.host}:{self.path}"

    @property
    def local(self) -> bool:
        return self.host == "local"

    @property
    def name(self) -> str:
        """The machine in a word, for names of conflict copies."""
        plain = self.host.partition(":")[2].rpartition("@")[2] or self.host
        return re.sub(r"[^A-Za-z0-9.-]+", "-", plain).strip("-.")[:40] or "there"


def split(text: str) -> tuple[str, str]:
    """Host (as written, `local` for none) and path of an endpoint. Raises Usage."""
    if not text or "\0" in text:
        raise Usage(f"{text!r} is no directory", EXAMPLES)
    if re.match(r"[A-Za-z]:[\\/]", text) or text.startswith("\\\\"):
        raise Usage(f"{text!r} is a path of Windows", "EnvSync keeps directories of Unix-like machines. " + EXAMPLES)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        raise Usage(f"{text!r} is an address, and no directory", EXAMPLES)
    before = text.split("/", 1)[0]
    if ":" not in before:
        return "local", text
    kind, _, rest = text.partition(":")
    if kind in KINDS:
        if kind == "local":
            return "local", _path(rest, text)
        host, path = _remote(rest, text)
        return f"{kind}:{host}", path
    host, path = _remote(text, text)
    if len(host) == 1:
        raise Usage(f"{text!r} looks like a drive of Windows", f"For a host of that name write ssh:{text}. " + EXAMPLES)
    return host, path


def _remote(rest: str, text: str) -> tuple[str, str]:
    """`HOST[:PORT]:PATH`; an IPv6 address stands in brackets."""
    found = re.match(r"((?:[^\s:@/\[\]]+@)?(?:\[[0-9A-Fa-f:.%]+\]|[^\s:@/\[\]]+)(?::\d{1,5}(?=:))?):(.*)", rest, re.S)
    if found is None or found[1].startswith("-"):
        raise Usage(f"{text!r} has no host and directory in it", EXAMPLES)
    return found[1], _path(found[2], text)


def _path(path: str, text: str) -> str:
    if not path:
        raise Usage(
            f"{text!r} names no directory", f"For its home write {text}~ - but better a directory below it. {EXAMPLES}"
        )
    return path


async def place(text: str, context: Context) -> Place:
    """The place that a person means. Connects to a remote host. Raises Usage, Unreachable."""
    host, path = split(text)
    if host == "local":
        base = context.path if context.host.name == "local" else Path.cwd()
        home = Path(context.environ.get("HOME") or Path.home())
        return Place("local", _plain(base / _below(home, path)))
    there = context.open(host)
    info = await there.info()
    return Place(there.name, _plain(info.directory / _below(info.home, path)))


def _plain(path: Path) -> str:
    """Without `.` and `..`; no file system is asked."""
    return os.path.normpath(path)


def _below(home: Path, path: str) -> Path:
    """`~` is the home on that machine."""
    if path == "~" or path.startswith("~/"):
        return home / path[1:].lstrip("/")
    return Path(path)


async def refuse(one: Place, other: Place, context: Context) -> None:
    """Raise Usage for a pair that must not be kept the same: too wide, EnvSync's own, or one inside the other."""
    roots: list[tuple[str, str]] = []
    for side in (one, other):
        host = context.open(side.host) if not side.local else context.host
        home, machine, root = await _about(side, host, context)
        state = context.state if side.local else Path("/nowhere/of/envsync")
        why = guarded(Path(root), home, state) or guarded(Path(side.path), home, state)
        if why:
            raise Usage(f"{side} is {why}, which is never kept in sync as a whole", "Name a directory of a project.")
        roots.append((machine, root))
    (here, mine), (there, theirs) = roots
    if here != there:
        return
    if mine == theirs:
        raise Usage(f"{one} and {other} are the same directory", "Name two different ones.")
    for inner, outer in ((mine, theirs), (theirs, mine)):
        if Path(inner).is_relative_to(outer):
            raise Usage(f"{inner} lies inside {outer}", "A directory cannot be kept the same as a part of itself.")


async def _about(side: Place, host: Host, context: Context) -> tuple[Path, str, str]:
    """Home and identity of the machine, and the directory's real path: two names may mean one machine."""
    if side.local:
        home = Path(context.environ.get("HOME") or Path.home())
        return home, *_identity(side.path)
    info = await host.info()
    try:
        machine, root = await host.call(_identity, side.path)
    except Failed:  # no Python there: then by its name
        return info.home, f"{host.name} {info.hostname}", side.path
    return info.home, machine, root


def _identity(path: str) -> tuple[str, str]:
    """Runs next to the files: which machine this is, and the real path."""
    return _machine(Path("/")), os.path.realpath(path)


def _machine(root: Path) -> str:
    """The same for two names of one file system tree on one running machine, and else different."""
    info = root.stat()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = os.uname().nodename
    return f"{boot} {info.st_dev} {info.st_ino}"
