"""Starting and stopping virtual machines: qemu as a process of its own, and the wait until sshd answers."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..errors import EnvSyncError, Failed, Unreachable
from . import qmp, vm_image, vm_qemu
from .vm_machine import Machine, find, home, keep
from .vm_place import shared, state, turn

BOOTS = {"kvm": 90.0, "tcg": 300.0}
"""Seconds within which sshd must answer; 1 and 3 are usual, a busy machine multiplies them."""
POWER_OFF = 30.0
"""Seconds that a machine has to power off cleanly; 3 are usual."""


def running(machine: Machine, root: Path | None = None) -> int | None:
    """The process that runs it, or None. A number that was given to another process meanwhile is not believed."""
    try:
        pid = int((home(machine, root) / "pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        dead = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, ValueError):
        return None
    return pid if machine.uuid.encode() in words and not dead else None


def resident(machine: Machine, root: Path | None = None) -> int:
    """Bytes of memory that it takes here now, which is no less than what it uses itself; 0 when it is off."""
    pid = running(machine, root)
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def console(machine: Machine, root: Path | None = None) -> str:
    """The end of what the machine printed while it booted, made harmless for a terminal."""
    with suppress(OSError):
        text = (home(machine, root) / "console").read_bytes()[-4000:].decode("utf-8", "replace")
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b.", "", text.replace("\r", ""))
        return "".join(c if c.isprintable() or c == "\n" else "?" for c in text).strip()[-1500:]
    return ""


async def start(machine: Machine, root: Path | None = None, *, load: str = "", limit: float | None = None) -> Machine:
    """Boot it, or go on from its internal snapshot `load`, and wait until its sshd answers; running already is fine.

    Returns it with the port it has now. Raises Unreachable with the end of its console when it does not come up.
    """
    root = root or state()
    path = home(machine, root)
    if not path.is_dir():
        raise Unreachable(f"there is no virtual machine {machine.name} any more", "Make it anew.")
    async with turn(path / "lock", f"starting or stopping {machine.name}", 600):
        machine = find(machine.name, root) or machine
        image = vm_image.Image(Path(machine.image))
        accelerator = await vm_qemu.accelerator(image, shared(root))
        fresh = running(machine, root) is None
        if fresh:
            machine = await _launch(machine, path, image, accelerator, load)
        else:
            await _resume(machine, root)
        try:
            await _answers(machine, root, limit or BOOTS[accelerator])
        except Unreachable:
            if fresh:
                await _kill(machine, root)
            raise
        if fresh:
            # From now on what the guest prints is kept in memory only: it must not fill this machine's disk.
            with suppress(EnvSyncError):
                async with qmp.talk(path) as monitor:
                    await monitor.do(
                        "chardev-change", id="console", backend={"type": "ringbuf", "data": {"size": 65536}}
                    )
        return machine


async def stop(machine: Machine, root: Path | None = None, *, clean: bool = True) -> None:
    """Power it off: cleanly at first, by force when it does not listen. A machine that is off is no error."""
    path = home(machine, root)
    if not path.is_dir():
        return
    async with turn(path / "lock", f"starting or stopping {machine.name}", 600):
        if clean and running(machine, root) is not None:
            with suppress(EnvSyncError):
                async with qmp.talk(path) as monitor:
                    await monitor.do("cont")
                    keys = [{"type": "qcode", "data": key} for key in ("ctrl", "alt", "delete")]
                    await monitor.do("send-key", keys=keys)
                await _until(lambda: running(machine, root) is None, POWER_OFF)
        await _kill(machine, root)


async def _launch(machine: Machine, path: Path, image: vm_image.Image, accelerator: str, load: str) -> Machine:
    """Start qemu; it returns when the devices are made and the ports are bound."""
    await asyncio.to_thread(vm_image.check, image)
    error = ""
    for attempt in range(5):
        # The port of last time, if it is free: connections that people wrote down go on working.
        machine = replace(machine, port=machine.port if machine.port and attempt == 0 else free_port())
        keep(machine, path)
        with suppress(FileNotFoundError):
            (path / qmp.SOCKET).unlink()
        line = vm_qemu.argv(
            image=image, uuid=machine.uuid, machine=machine.type, accelerator=accelerator, memory=machine.memory,
            cpus=machine.cpus, port=machine.port, load=load,
        )  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *line, cwd=path, env=vm_qemu.environment(), start_new_session=True, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        error = (await process.communicate())[1].decode("utf-8", "backslashreplace").strip()[-800:]
        if process.returncode == 0:
            return machine
        if "host forwarding rule" not in error:
            break
    raise Failed(
        f"qemu could not start the virtual machine {machine.name}: {error}",
        f"Its files are in {path}; is there memory and disk space left?",
    )


async def delete(machine: Machine, root: Path | None = None) -> None:
    """Stop it and remove all of it; one that is gone is no error."""
    path = home(machine, root)
    await stop(machine, root, clean=False)
    gone = path.with_name(f".gone-{machine.name}-{secrets.token_hex(4)}")
    try:
        path.rename(gone)  # the name is free at once, and a crash leaves nothing that looks like a machine
    except FileNotFoundError:
        return
    await asyncio.to_thread(shutil.rmtree, gone, True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _answers(machine: Machine, root: Path, limit: float) -> None:
    until = time.monotonic() + limit
    while True:
        if running(machine, root) is None:
            raise _down(machine, root, "ended while it booted")
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection("127.0.0.1", machine.port)
                try:
                    if (await reader.read(4)) == b"SSH-":
                        return
                finally:
                    writer.close()
        if time.monotonic() > until:
            await _resume(machine, root)
            raise _down(machine, root, f"did not come up within {limit:.0f} seconds")
        await asyncio.sleep(0.05)


async def _resume(machine: Machine, root: Path) -> None:
    """Let a machine go on that is held: qemu does that when the disk here is full, and we while we load a record, also
    when we are killed then. Raises Unreachable while there is no space."""
    try:
        async with qmp.talk(home(machine, root)) as monitor:
            if (await monitor.do("query-status"))["status"] == "running":
                return
            await monitor.do("cont")
            await asyncio.sleep(0.2)  # what is written again now fails again at once
            status = (await monitor.do("query-status"))["status"]
    except EnvSyncError:
        return
    if status == "io-error":
        raise Unreachable(
            f"{machine.name} is held because the disk under {root} is full", "Free space there, then try again."
        )


def _down(machine: Machine, root: Path, what: str) -> Unreachable:
    tail = console(machine, root)
    said = f"; it said last:\n{tail}" if tail else " and said nothing"
    return Unreachable(f"the virtual machine {machine.name} {what}{said}", "Try again, or delete it and make it anew.")


async def _kill(machine: Machine, root: Path | None) -> None:
    pid = running(machine, root)
    if pid is None:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    if not await _until(lambda: running(machine, root) is None, 10):
        raise Failed(f"qemu of {machine.name} (process {pid}) does not end", f"End it yourself: kill -9 {pid}")


async def _until(condition: Callable[[], bool], limit: float) -> bool:
    until = time.monotonic() + limit
    while not condition():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
    return True
