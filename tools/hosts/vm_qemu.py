"""How qemu is started: its command line, and whether this machine's KVM really runs a guest."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import Failed
from .qmp import SOCKET
from .vm_image import Image, program
from .vm_place import read_json, write_json

PROBE = 10.0
"""Seconds in which a guest under KVM must have said a word; 0.5 are usual, emulation takes 1.5."""
AGAIN = 7 * 86400.0
"""Seconds after which KVM that did not work is tried again."""
KVM = Path("/dev/kvm")


def argv(
    *, image: Image, uuid: str, machine: str, accelerator: str, memory: int, cpus: int, port: int, load: str = ""
) -> list[str]:
    """The command line, to be run in the machine's directory: all its own files are named without a path there.

    `load` names the internal snapshot to begin from; whatever shapes the guest's devices must not change between
    taking one and loading it, which is why `machine` is a versioned type.
    """
    kvm = accelerator == "kvm"
    # Only emulation may do without the guards against speculation: there is no other guest to spy on.
    guards = "" if kvm else " mitigations=off"
    return [
        program("qemu-system-x86_64"),
        *("-name", "envsync", "-uuid", uuid, "-machine", machine, "-nodefaults", "-no-user-config"),
        *(("-accel", "kvm", "-cpu", "host") if kvm else ("-accel", "tcg,thread=multi,tb-size=64", "-cpu", "max")),
        *("-smp", str(cpus), "-m", f"{memory}M", "-display", "none", "-no-reboot", "-daemonize", "-pidfile", "pid"),
        *("-sandbox", "on,obsolete=deny,resourcecontrol=deny"),
        *("-chardev", "file,id=console,path=console", "-serial", "chardev:console"),
        *("-kernel", str(image.kernel), "-initrd", "initrd"),
        *("-append", f"console=ttyS0 quiet panic=-1 random.trust_cpu=on{guards}"),
        *("-blockdev", "driver=file,node-name=file,filename=disk.qcow2,discard=unmap"),
        *("-blockdev", "driver=qcow2,node-name=disk,file=file,discard=unmap"),
        *("-device", "virtio-blk-pci,drive=disk"),
        # An empty slot, into which a frozen disk is plugged while files are taken out of it.
        *("-device", "pcie-root-port,id=plug,chassis=1"),
        *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:22", "-device", "virtio-net-pci,netdev=net,romfile="),
        *("-qmp", f"unix:{SOCKET},server=on,wait=off"),
        *(("-loadvm", load) if load else ()),
    ]


def environment() -> dict[str, str]:
    """What qemu gets of our environment: nothing that marks it as a part of the command that happened to start it."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/", "LC_ALL": "C"}


async def machine_type() -> str:
    """The versioned name of the q35 machine, so that a snapshot loads in a later qemu too."""
    shown = await _output([program("qemu-system-x86_64"), "-machine", "help"])
    found = re.search(r"^q35\s.*\(alias of (pc-q35-[\w.]+)\)", shown, re.MULTILINE)
    return found[1] if found else "q35"


async def accelerator(image: Image, folder: Path) -> str:
    """`kvm` where a guest was seen to run under it, else `tcg`. The device file proves nothing: it is there on machines
    whose KVM hangs every stock kernel. The verdict is kept in `folder` for this kernel and this qemu."""
    if not os.access(KVM, os.R_OK | os.W_OK):
        return "tcg"
    file = folder / "accelerator.json"
    about = [platform.node(), platform.release(), str(os.stat(program("qemu-system-x86_64")).st_mtime_ns)]
    known = read_json(file)
    if known and known.get("about") == about and (known["works"] or 0 <= time.time() - known["at"] < AGAIN):
        return "kvm" if known["works"] else "tcg"
    works = await asyncio.to_thread(_probe, image)
    write_json(file, {"about": about, "works": works, "at": time.time()})
    return "kvm" if works else "tcg"


def _probe(image: Image) -> bool:
    """Boot the kernel with a first program that says one word."""
    with tempfile.TemporaryDirectory(prefix="envsync-kvm-") as folder:
        console = Path(folder) / "console"
        line = [
            program("qemu-system-x86_64"), "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "128M", "-nodefaults",
            "-no-user-config", "-display", "none", "-no-reboot", "-kernel", str(image.kernel), "-initrd", str(image.initrd),
            "-append", "console=ttyS0 quiet panic=-1 envsync_probe=1", "-serial", "file:console",
        ]  # fmt: skip
        process = subprocess.Popen(
            line, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            until = time.monotonic() + PROBE
            while time.monotonic() < until:
                if console.exists() and b"envsync-probe-works" in console.read_bytes():
                    return True
                if process.poll() is not None:
                    return False
                time.sleep(0.05)
            return False
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


async def disk(*words: str, cwd: Path) -> str:
    """Run qemu-img in a machine's directory. Raises Failed with what it said."""
    return await _output([program("qemu-img"), *words], cwd)


async def _output(line: Sequence[str], cwd: Path | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *line, cwd=cwd, env=environment(), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await process.communicate()
    if process.returncode:
        free = f"Free space there? {shutil.disk_usage(cwd).free // 2**20} MiB are free." if cwd else ""
        said = error.decode("utf-8", "backslashreplace").strip()[-500:]
        raise Failed(f"{Path(line[0]).name} {line[1]} ended with {process.returncode}: {said}", free)
    return out.decode("utf-8", "backslashreplace")
