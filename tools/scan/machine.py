"""What the machine is: system, processor, memory, disk, and graphics processors that their own driver reports."""

from __future__ import annotations

import asyncio
import glob
import os
import platform
import re
import shutil
from contextlib import suppress
from pathlib import Path

from ..contract import Context
from ..fingerprint import HostFacts
from ..hosts.here import helped
from .text import safe

TIMEOUT = 3.0


def facts(project: str) -> HostFacts:
    """Everything that can be read without asking a program."""
    disk = _disk(project)
    return HostFacts(
        os=_system(),
        kernel=platform.release(),
        arch=platform.machine(),
        cpu=safe(_processor(), 100),
        cores=_cores(),
        memory=_memory(),
        disk=disk[0],
        disk_free=disk[1],
    )


def _system() -> str:
    if platform.system() == "Darwin":
        return f"macos {platform.mac_ver()[0]}"
    # By hand: Python 3.9, as other machines may have it, cannot.
    text = _file("/etc/os-release") or _file("/usr/lib/os-release")
    release = dict(re.findall(r"""^(ID|VERSION_ID)=["']?([^"'\n]*)["']?$""", text, re.MULTILINE))
    if not release:
        return f"{platform.system().lower()} {platform.release()}"
    return safe(" ".join(part for part in (release.get("ID", "linux"), release.get("VERSION_ID", "")) if part), 60)


def _processor() -> str:
    text = _file("/proc/cpuinfo")
    found = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.processor()


def _cores() -> int:
    """Those this process may use: an affinity mask or a container's quota makes fewer of them."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    quota = _file("/sys/fs/cgroup/cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit() and int(quota[1]) > 0:
        count = min(count, max(1, int(quota[0]) // int(quota[1])))
    return count


def _memory() -> int:
    """Of the machine, or the container's limit when that is less."""
    found = re.search(r"^MemTotal:\s+(\d+) kB", _file("/proc/meminfo"), re.MULTILINE)
    total = int(found[1]) * 1024 if found else 0
    if not total:
        with suppress(ValueError, OSError, AttributeError):
            total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _file("/sys/fs/cgroup/memory.max").strip() or _file("/sys/fs/cgroup/memory/memory.limit_in_bytes").strip()
    return min(total, int(limit)) if limit.isdigit() and total else total


def _disk(project: str) -> tuple[int, int]:
    try:
        usage = shutil.disk_usage(project)
    except OSError:
        return 0, 0
    return usage.total, usage.free


def _file(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20)
    except OSError:
        return ""


def drivers() -> list[str]:
    """Graphics processors that a loaded kernel driver lists by itself."""
    found: list[str] = []
    for path in sorted(glob.glob("/proc/driver/nvidia/gpus/*/information")):
        if model := re.search(r"^Model:\s*(.+)$", _file(path), re.MULTILINE):
            found.append(safe(model[1].strip(), 100))
    return found


async def _listed(context: Context) -> list[str]:
    return await context.host.call(drivers) if await helped(context.host) else []


async def gpus(context: Context) -> tuple[str, ...]:
    """What a driver's own tool answers, else what the kernel's driver lists; a card without a driver is none."""

    async def ask(*argv: str) -> str:
        given = await context.host.run(argv, cwd=Path("/"), env={"LC_ALL": "C"}, timeout=TIMEOUT)
        return given.text if given.code == 0 else ""

    nvidia, rocm, listed = await asyncio.gather(
        ask("nvidia-smi", "-L"), ask("rocm-smi", "--showproductname"), _listed(context)
    )
    found = [match.strip() for match in re.findall(r"^GPU \d+: (.+?)(?: \(UUID|$)", nvidia, re.MULTILINE)]
    found += [match.strip() for match in re.findall(r"Card [Ss]eries:\s*(\S.*)$", rocm, re.MULTILINE)]
    return tuple(safe(name, 100) for name in (found or listed)[:64])
