"""Programs that listen on TCP ports, from the kernel's own tables; nothing is run or connected to."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress

from ..hosts.base import Host
from ..hosts.here import helped
from ..plan import Data

LISTEN = "0A"
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


class Listener(Data):
    """One listening socket; `program` and `pid` are known only for the user's own processes."""

    port: int
    address: str
    program: str = ""
    pid: int | None = None


def listeners() -> list[Listener]:
    """Sorted by port, one per port and address; empty on systems without /proc."""
    text = ""
    for table in TABLES:
        with suppress(OSError), open(table, encoding="ascii") as file:
            text += file.read()
    return told(text, _owners)


async def listeners_of(host: Host) -> list[Listener]:
    """Those of a host; without Python over there, without the programs' names. Raises Unreachable."""
    if await helped(host):
        return await host.call(listeners)
    tables = await host.run(["cat", *TABLES], timeout=15)
    return told(tables.text, lambda _: {})


def told(tables: str, owners_of: Callable[[Iterable[str]], dict[str, tuple[int, str]]]) -> list[Listener]:
    """What the kernel's tables say, with whom `owners_of` names for their inodes."""
    sockets: dict[str, tuple[str, int]] = {}
    for line in tables.splitlines():
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTEN:
            address, _, port = fields[1].partition(":")
            with suppress(ValueError):
                sockets[fields[9]] = (_address(address), int(port, 16))
    owners = owners_of(sockets.keys()) if sockets else {}
    found: dict[tuple[int, str], Listener] = {}
    for inode, (address, port) in sockets.items():
        pid, program = owners.get(inode, (None, ""))
        found[port, address] = Listener(port=port, address=address, program=program, pid=pid)
    return [found[key] for key in sorted(found)]


def _owners(inodes: Iterable[str]) -> dict[str, tuple[int, str]]:
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, tuple[int, str]] = {}
    with suppress(OSError):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError):
                for handle in os.listdir(f"/proc/{pid}/fd"):
                    with suppress(OSError):
                        inode = wanted.get(os.readlink(f"/proc/{pid}/fd/{handle}"))
                        if inode is not None and inode not in found:
                            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                                found[inode] = (int(pid), file.read().strip())
            if len(found) == len(wanted):
                break
    return found


def _address(text: str) -> str:
    """The kernel writes 32-bit words in the machine's own byte order."""
    words = [int(text[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(text), 8)]
    return str(ipaddress.ip_address(b"".join(words)))
