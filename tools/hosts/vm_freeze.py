"""Recording a virtual machine whole and putting it back: internal snapshots of its disk, with its memory when it runs."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EnvSyncError, Failed
from . import qmp, vm_boot, vm_inside, vm_listing, vm_plug, vm_qemu, vm_records
from .base import Frozen, Touched
from .vm_machine import Machine, home
from .vm_place import full, turn

if TYPE_CHECKING:
    from .vm import VmHost

PREFIX = "envsync-"


async def freeze(host: VmHost, machine: Machine, id: str) -> Frozen:
    """See Freezes. A record of that id that a crash left behind is made anew."""
    root, path = host.root, home(machine, host.root)
    tag = PREFIX + re.sub(r"[^A-Za-z0-9._-]", "_", id)[:100]
    data: dict[str, Any] = {"name": machine.name, "uuid": machine.uuid, "tag": tag, "running": False}
    try:
        async with turn(path / "freeze.lock", f"recording {machine.name}", 600):
            if vm_boot.running(machine, root) is None:
                async with turn(path / "lock", f"starting or stopping {machine.name}", 600):
                    if tag in await vm_records.stopped_tags(path):
                        await vm_qemu.disk("snapshot", "-d", tag, "disk.qcow2", cwd=path)
                    await vm_qemu.disk("snapshot", "-c", tag, "disk.qcow2", cwd=path)
                return Frozen("vm", data)
            since = await _clock(host)
            listing = await _list(host, "/")
            await vm_plug.checked(host, ["sync"])
            data |= {
                "running": True,
                "since": since,
                "until": await _clock(host),
                "listing": await vm_records.keep(path, tag, listing),
            }
            await asyncio.to_thread(_room, machine, root)
            async with qmp.talk(path) as monitor:
                await vm_plug.unplug(monitor)
                if tag in await vm_records.tags(monitor):
                    await vm_records.drop(monitor, tag)
                try:
                    await vm_records.save(monitor, tag)
                except EnvSyncError as error:
                    with suppress(EnvSyncError):
                        await vm_records.drop(monitor, tag)
                    free = f"Is there space for {machine.memory} MiB more under {root}?"
                    raise Failed(f"{machine.name} could not be recorded: {error.what}", free) from error
                data["qemu"] = await vm_records.qemu(monitor)
                size = (await vm_records.tags(monitor)).get(tag, 0)
            return Frozen("vm", data, size)
    except OSError as error:
        raise full(error, f"recording {machine.name}", root) from error


def _room(machine: Machine, root: Path) -> None:
    """Refuse before qemu fills the disk: what it wrote of a record that then did not fit it keeps in the disk's file."""
    free = shutil.disk_usage(root).free
    need = vm_boot.resident(machine, root)
    if free < need:
        raise Failed(
            f"{machine.name} could not be recorded: its memory may take {need >> 20} MiB and {free >> 20} are free",
            f"Make space under {root}, or forget older snapshots of it.",
        )


async def thaw(host: VmHost, machine: Machine, frozen: Frozen, paths: Sequence[str] = ()) -> None:
    """See Freezes."""
    path = home(machine, host.root)
    tag = _tag(machine, frozen)
    if any(not p.startswith("/") or ".." in Path(p).parts or "\0" in p for p in paths):
        raise Failed(
            "only absolute paths can be put back", "Write them as they are in the machine, from /, without `..`."
        )
    async with turn(path / "freeze.lock", f"putting {machine.name} back", 600):
        if paths and all(len(Path(p).parts) > 1 for p in paths):
            await host.info()
            async with vm_plug.plugged(host, machine, tag) as mounted:
                try:
                    await host.call(vm_inside.put_back, mounted, list(paths))
                except (OSError, RuntimeError) as error:
                    raise Failed(
                        f"{machine.name}: the paths could not be put back: {error}",
                        "Everything there is as it was before.",
                    ) from error
                await vm_plug.checked(host, ["sync"])
            return
        await host.close()
        pid = vm_boot.running(machine, host.root)
        if frozen.data.get("running"):
            if pid is None or not await _load(path, tag, frozen):
                await _restart(host, machine, tag)
            await host.close()
            await _awaken(host)
        else:
            await vm_boot.stop(machine, host.root)
            async with turn(path / "lock", f"starting or stopping {machine.name}", 600):
                await _apply(path, tag)


async def differs(host: VmHost, machine: Machine, frozen: Frozen) -> list[Touched]:
    """See Freezes."""
    path = home(machine, host.root)
    tag = _tag(machine, frozen)
    async with turn(path / "freeze.lock", f"comparing {machine.name}", 600):
        now = vm_listing.parse(await _list(host, "/"))
        await vm_records.present(path, tag)
        listing = frozen.data.get("listing")
        kept = await asyncio.to_thread(vm_records.kept, path, tag, str(listing)) if listing else None
        if kept is None:
            async with vm_plug.plugged(host, machine, tag) as mounted:
                kept = await _list(host, mounted)
        then = vm_listing.parse(kept)
        since, until = int(frozen.data.get("since", 0)), int(frozen.data.get("until", -1))
        touched, unsure = vm_listing.differs(then, now, since, until)
        if unsure:
            async with vm_plug.plugged(host, machine, tag) as mounted:
                equal = frozenset(await host.call(vm_inside.same, mounted, unsure))
            touched += [Touched(p, "changed") for p in unsure if p not in equal]
        return sorted(touched, key=lambda item: item.path)


async def forget(host: VmHost, machine: Machine, frozen: Frozen) -> None:
    """See Freezes."""
    path = home(machine, host.root)
    tag = str(frozen.data.get("tag", ""))
    if not tag.startswith(PREFIX) or frozen.data.get("uuid") != machine.uuid or not path.is_dir():
        return
    async with turn(path / "freeze.lock", f"forgetting a record of {machine.name}", 600):
        if vm_boot.running(machine, host.root) is not None:
            async with qmp.talk(path) as monitor:
                if tag in await vm_records.tags(monitor):
                    await vm_records.drop(monitor, tag)
        else:
            async with turn(path / "lock", f"starting or stopping {machine.name}", 600):
                if tag in await vm_records.stopped_tags(path):
                    await vm_qemu.disk("snapshot", "-d", tag, "disk.qcow2", cwd=path)
        with suppress(FileNotFoundError):
            vm_records.listing_file(path, tag).unlink()


# -- Steps --------------------------------------------------------------------------------------------------------


async def _load(path: Path, tag: str, frozen: Frozen) -> bool:
    """Go back to `tag` in the qemu that runs; False when it cannot and the machine must be started from the record.

    When loading fails half-way the machine goes back to where it was.
    """
    async with qmp.talk(path) as monitor:
        await vm_plug.unplug(monitor)
        if await vm_records.qemu(monitor) != frozen.data.get("qemu"):
            return False
        await monitor.do("stop")
        try:
            if vm_records.BEFORE in await vm_records.tags(monitor):
                await vm_records.drop(monitor, vm_records.BEFORE)
            await vm_records.save(monitor, vm_records.BEFORE)
            try:
                await monitor.job("snapshot-load", tag=tag, vmstate="disk", devices=["disk"])
            except Failed as error:
                await monitor.job("snapshot-load", tag=vm_records.BEFORE, vmstate="disk", devices=["disk"])
                raise Failed(f"the machine could not be put back: {error.what}", "It is as it was before.") from error
            finally:
                with suppress(EnvSyncError):
                    await vm_records.drop(monitor, vm_records.BEFORE)
        finally:
            with suppress(EnvSyncError):
                await monitor.do("cont")
    return True


async def _restart(host: VmHost, machine: Machine, tag: str) -> None:
    """Start a machine from its record; where another qemu cannot read the memory in it, from the disk alone."""
    path = home(machine, host.root)
    await vm_boot.stop(machine, host.root)
    try:
        await vm_boot.start(machine, host.root, load=tag)
    except EnvSyncError:
        async with turn(path / "lock", f"starting or stopping {machine.name}", 600):
            await _apply(path, tag)
        await vm_boot.start(machine, host.root)


async def _apply(path: Path, tag: str) -> None:
    """Put the disk of a stopped machine back."""
    if vm_records.BEFORE in await vm_records.stopped_tags(path):
        await vm_qemu.disk("snapshot", "-d", vm_records.BEFORE, "disk.qcow2", cwd=path)
    await vm_qemu.disk("snapshot", "-c", vm_records.BEFORE, "disk.qcow2", cwd=path)
    try:
        await vm_qemu.disk("snapshot", "-a", tag, "disk.qcow2", cwd=path)
    except Failed:
        await vm_qemu.disk("snapshot", "-a", vm_records.BEFORE, "disk.qcow2", cwd=path)
        raise
    finally:
        with suppress(Failed):
            await vm_qemu.disk("snapshot", "-d", vm_records.BEFORE, "disk.qcow2", cwd=path)


async def _awaken(host: VmHost) -> None:
    """Tell a machine that went back what time it is, and that its random numbers were used before.

    Without the helper, which asks for the time when it begins, and with a word when it is ready for it.
    """
    program = (
        "import fcntl, sys, time\n"
        "print('ready', flush=True)\n"
        "said = sys.stdin.buffer.readline()\n"
        "time.clock_settime(time.CLOCK_REALTIME, float(said))\n"
        "with open('/dev/urandom', 'wb', 0) as file:\n"
        "    file.write(sys.stdin.buffer.read())\n"
        "    fcntl.ioctl(file, 0x5207)\n"  # RNDRESEEDCRNG: use it from now on
    )
    pipe = await host.spawn(["python3", "-c", program])
    try:
        if await pipe.read():
            await pipe.write(f"{time.time()!r}\n".encode() + os.urandom(64))
        await pipe.end()
        code = await pipe.wait()
    except OSError:
        code = 1
    finally:
        await pipe.close()
    if code:
        await vm_plug.checked(host, ["date", "-s", f"@{time.time():.3f}"])


def _tag(machine: Machine, frozen: Frozen) -> str:
    tag = str(frozen.data.get("tag", ""))
    if frozen.kind != "vm" or not tag.startswith(PREFIX) or frozen.data.get("uuid") != machine.uuid:
        raise Failed(
            f"this record is of another machine than the {machine.name} of today",
            "A machine that was deleted and made anew has no records of the old one.",
        )
    return tag


async def _clock(host: VmHost) -> int:
    return int((await vm_plug.checked(host, ["date", "+%s%N"])).strip())


async def _list(host: VmHost, root: str) -> bytes:
    listing = bytearray()

    def take(stream: str, chunk: bytes) -> None:
        if stream == "stdout" and len(listing) < vm_listing.LIMIT:
            listing.extend(chunk)

    # 1 is a file that vanished while it was looked at.
    done = await host.run(vm_listing.command(root), timeout=1800, output=take)
    if done.code > 1:
        raise Failed(f"{host.name}: its files could not be listed: {done.error.strip()[-500:]}", "Try again.")
    return bytes(listing)
