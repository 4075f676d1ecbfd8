"""A frozen disk as a second one of the running machine, so that the machine itself reads its old files."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EnvSyncError, Failed
from . import qmp, vm_qemu
from .vm_machine import Machine, home

if TYPE_CHECKING:
    from .vm import VmHost

PLUGGED = "frozen"


async def checked(host: VmHost, argv: Sequence[str]) -> str:
    """Run a command there that must succeed, and give what it printed. Raises Failed."""
    done = await host.run(argv, timeout=600)
    if done.code:
        raise Failed(f"{host.name}: {argv[0]} ended with {done.code}: {done.error.strip()[-500:]}", "Try again.")
    return done.text


@asynccontextmanager
async def plugged(host: VmHost, machine: Machine, tag: str) -> AsyncGenerator[str]:
    """The frozen disk as a second one of the running machine: the directory there where it is mounted to be read.

    The copy is small: it has only what differs from the base image.
    """
    path = home(machine, host.root)
    mounted = f"/run/envsync-{secrets.token_hex(6)}"
    serial = secrets.token_hex(8)
    await host.info()
    async with qmp.talk(path) as monitor:
        await unplug(monitor)
    copy = path / "frozen.qcow2"
    base = str(Path(machine.image) / "disk.qcow2")
    await vm_qemu.disk(
        *("convert", "-q", "-U", "-l", f"snapshot.name={tag}", "-O", "qcow2", "-B", base, "-F", "qcow2"),
        *("disk.qcow2", copy.name),
        cwd=path,
    )
    try:
        async with qmp.talk(path) as monitor:
            source = {"driver": "file", "filename": str(copy)}  # whole: a daemon is in no directory of ours any more
            await monitor.do("blockdev-add", driver="qcow2", node_name=PLUGGED, file=source)
            await monitor.do(
                "device_add", driver="virtio-blk-pci", id=PLUGGED, bus="plug", drive=PLUGGED, serial=serial
            )
        device = await _device(host, serial)
        await checked(host, ["mkdir", "-m", "700", mounted])
        # Not noload: the journal has what was written last.
        await checked(host, ["mount", "-t", "ext4", "-o", "ro", device, mounted])
        yield mounted
    finally:
        with suppress(EnvSyncError):
            await host.run(["umount", mounted])
            await host.run(["rmdir", mounted])
        with suppress(EnvSyncError):
            async with qmp.talk(path) as monitor:
                await unplug(monitor)
        with suppress(OSError):
            copy.unlink()


async def _device(host: VmHost, serial: str) -> str:
    """The name that the plugged disk got over there."""
    look = 'for d in /sys/block/vd*; do [ "$(cat "$d/serial")" = "$1" ] && echo "/dev/${d##*/}"; done; :'
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = (await host.run(["sh", "-c", look, "sh", serial])).text.strip()
        if re.fullmatch(r"/dev/vd[a-z]+", found):
            return found
        await asyncio.sleep(0.05)
    raise Failed(f"{host.name} does not find the disk that was plugged in", "Start the machine anew, then try again.")


async def unplug(monitor: qmp.Monitor) -> None:
    """Take the frozen disk out, also one that a crash left in."""
    nodes = await monitor.do("query-named-block-nodes", flat=True)
    if not any(node["node-name"] == PLUGGED for node in nodes):
        return
    with suppress(Failed):  # there is no such device: it was never plugged in, or is out already
        await monitor.do("device_del", id=PLUGGED)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            event = await monitor.event("DEVICE_DELETED", 60)
            if event.get("data", {}).get("device") == PLUGGED:
                break
    await monitor.do("blockdev-del", node_name=PLUGGED)
