"""What runs: units of systemd by their control groups, else processes by name; and the ports that are listened on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ...equipment import Listener
from ..text import safe
from .base import Piece, Place, content, names, words

PROCESSES = 20_000
SETTLED = 5.0
"""Seconds that a process must have lived to be called one that runs."""
HANDLES = 200_000
"""Open files that are looked at to find whose a port is."""
_LISTENS = "0A"
"""The state, in the kernel's table."""
_HELPERS = frozenset(
    {
        "bash",
        "sh",
        "dash",
        "zsh",
        "fish",
        "sleep",
        "cat",
        "tail",
        "ps",
        "ssh",
        "su",
        "sudo",
        "login",
        "tini",
        "dumb-init",
    }
)
"""Processes that say nothing about what is served."""


def services(place: Place) -> Piece:
    """Names of the units that run; where there is no systemd, of the processes."""
    units: set[str] = set()
    for base in ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"):
        slices = place.system(f"{base}/system.slice")
        for name in names(slices):
            if name.endswith(".service") and _populated(os.path.join(slices, name)):
                units.add(_unit(name))
    if units:
        return {"services": tuple(sorted(units)), "services_by": "systemd"}
    up = words(place.system("/proc/uptime"), 100).partition(" ")[0]
    before = float(up) - SETTLED if re.fullmatch(r"\d+(\.\d+)?", up) else 0.0
    found = {name for pid, name in _processes(place) if _since(place, pid) <= before and _own(place, pid)} - _HELPERS
    return {"services": tuple(sorted(found)[:200]), "services_by": "processes" if found else ""}


def _populated(group: str) -> bool:
    """Whether it has processes; version 1 of the groups has no events."""
    return "populated 1" in words(f"{group}/cgroup.events", 200) or bool(words(f"{group}/cgroup.procs", 200))


def _unit(name: str) -> str:
    return safe(re.sub(r"\\x([0-9a-f]{2})", lambda hexed: chr(int(hexed[1], 16)), name.removesuffix(".service")), 80)


def _processes(place: Place) -> Iterator[tuple[str, str]]:
    for pid in names(place.system("/proc"), PROCESSES):
        if pid.isdigit():
            name = words(place.system(f"/proc/{pid}/comm"), 64).strip()
            if name:
                yield pid, safe(name, 40)


def _own(place: Place, pid: str) -> bool:
    """Not one of the kernel's own threads, which have no command line."""
    return bool(content(place.system(f"/proc/{pid}/cmdline"), 1))


def _since(place: Place, pid: str) -> float:
    """Seconds after the start of the machine."""
    fields = words(place.system(f"/proc/{pid}/stat"), 1024).rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK") if len(fields) > 19 and fields[19].isdigit() else 0.0


def listening(place: Place) -> Piece:
    """See Listener."""
    ports: dict[int, tuple[bool, str]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in words(place.system(table), 4 << 20).splitlines()[1:]:
            fields = line.split()
            if len(fields) < 10 or fields[3] != _LISTENS:
                continue
            address, _, port = fields[1].partition(":")
            number = int(port, 16) if re.fullmatch(r"[0-9A-F]{4}", port) else 0
            everywhere = ports.get(number, (False, ""))[0] or not _loopback(address)
            ports[number] = (everywhere, fields[9])
    owners = _owners(place, {inode for _, inode in ports.values()})
    found = [
        Listener(port=port, program=owners.get(inode, ""), everywhere=everywhere)
        for port, (everywhere, inode) in sorted(ports.items())
    ]
    return {"listening": tuple(found[:500])}


def _loopback(address: str) -> bool:
    """As the kernel writes it: words of four bytes, each in this machine's own order."""
    if len(address) == 8:
        return address.endswith("7F")
    return address == "00000000000000000000000001000000" or (address[16:24] == "FFFF0000" and address.endswith("7F"))


def _owners(place: Place, inodes: set[str]) -> dict[str, str]:
    """The program's name by the inode of its socket, as far as this user may look."""
    found: dict[str, str] = {}
    seen = 0
    for pid in names(place.system("/proc"), PROCESSES) if inodes else []:
        if not pid.isdigit():
            continue
        folder = place.system(f"/proc/{pid}/fd")
        for handle in names(folder, 4096):
            seen += 1
            try:
                target = os.readlink(os.path.join(folder, handle))
            except OSError:
                continue
            inode = target[8:-1] if target.startswith("socket:[") else ""
            if inode in inodes and inode not in found:
                found[inode] = safe(words(place.system(f"/proc/{pid}/comm"), 64).strip(), 40)
        if len(found) == len(inodes) or seen > HANDLES:
            break
    return found
