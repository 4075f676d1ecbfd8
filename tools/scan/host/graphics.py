"""Graphics processors, and whether programs can really use them: their own library is loaded and asked, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from ...contract import Context
from ...equipment import Graphics
from ...hosts.here import helped
from ..text import safe
from .base import Piece, Place, many, mapping, names, words

TIMEOUT = 1.8
_QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total,compute_cap", "--format=csv,noheader,nounits")
_PCI = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
CUDA = """
import ctypes, json
def ask():
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return {"why": "its library (libcuda.so.1) is not installed"}
    code = cuda.cuInit(0)
    if code:
        return {"why": "its library answers with error %d" % code}
    number, count = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(number))
    cuda.cuDeviceGetCount(ctypes.byref(count))
    found = []
    for index in range(min(count.value, 64)):
        device, major, minor, size = ctypes.c_int(), ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
        name = ctypes.create_string_buffer(100)
        if cuda.cuDeviceGet(ctypes.byref(device), index):
            continue
        cuda.cuDeviceGetName(name, 100, device)
        cuda.cuDeviceGetAttribute(ctypes.byref(major), 75, device)
        cuda.cuDeviceGetAttribute(ctypes.byref(minor), 76, device)
        cuda.cuDeviceTotalMem_v2(ctypes.byref(size), device)
        found.append([name.value.decode("utf-8", "replace"), "%d.%d" % (major.value, minor.value), size.value])
    version = "%d.%d" % (number.value // 1000, number.value % 1000 // 10)
    return {"version": version, "devices": found} if found else {"why": "its library finds no device"}
print(json.dumps(ask()))
"""
HIP = """
import ctypes, json
def ask():
    for name in ("libamdhip64.so", "libamdhip64.so.6", "libamdhip64.so.5", "/opt/rocm/lib/libamdhip64.so"):
        try:
            hip = ctypes.CDLL(name)
            break
        except OSError:
            continue
    else:
        return {"why": "ROCm's library (libamdhip64.so) is not installed"}
    count = ctypes.c_int()
    code = hip.hipGetDeviceCount(ctypes.byref(count))
    if code or not count.value:
        return {"why": "ROCm's library answers with error %d" % code if code else "ROCm's library finds no device"}
    return {"devices": count.value}
print(json.dumps(ask()))
"""


async def look(context: Context, root: str = "/") -> Piece:
    """See Graphics."""
    seen = await context.host.call(cards, root) if await helped(context.host) else {}
    nvidia, amd = await asyncio.gather(_nvidia(context, seen), _amd(context, seen))
    rest = [
        Graphics(name=f"{vendor} graphics ({device})", vendor=vendor, why="no driver for computing is loaded for it")
        for vendor, device in seen.get("pci", [])
        if not ((vendor == "nvidia" and nvidia) or (vendor == "amd" and amd))
    ]
    return {"graphics": tuple([*nvidia, *amd, *rest])}


def cards(root: str) -> dict[str, Any]:
    """What the kernel says: its drivers, the devices of AMD's computing driver, and the cards on the bus."""
    place = Place("", root=root)
    driver = re.search(
        r"Kernel Module\s+(?:for \S+\s+)?(\d[\d.]+)", words(place.system("/proc/driver/nvidia/version"), 1000)
    )
    found: dict[str, Any] = {
        "nvidia": driver[1] if driver else "",
        "device": any(os.path.exists(place.system(f"/dev/{name}")) for name in ("nvidiactl", "dxg")),
        "amd": [],
        "pci": [],
        "rocm": words(place.system("/opt/rocm/.info/version"), 40).strip().partition("-")[0],
        "amdgpu": words(place.system("/sys/module/amdgpu/version"), 40).strip(),
        "kfd": os.access(place.system("/dev/kfd"), os.R_OK | os.W_OK),
    }
    nodes = place.system("/sys/class/kfd/kfd/topology/nodes")
    for node in names(nodes, 64):
        facts = dict(re.findall(r"^(\w+) (\d+)$", words(os.path.join(nodes, node, "properties")), re.MULTILINE))
        target = int(facts.get("gfx_target_version", "0"))
        if target:
            bank = words(os.path.join(nodes, node, "mem_banks/0/properties"))
            size = re.search(r"^size_in_bytes (\d+)$", bank, re.MULTILINE)
            gfx = f"gfx{target // 10000}{target // 100 % 100:x}{target % 100:x}"
            found["amd"].append([gfx, int(size[1]) if size else 0])
    base = place.system("/sys/class/drm")
    for card in names(base, 256):
        if re.fullmatch(r"card\d+", card):
            vendor = words(os.path.join(base, card, "device/vendor"), 20).strip()
            device = words(os.path.join(base, card, "device/device"), 20).strip()
            if vendor in _PCI:
                found["pci"].append([_PCI[vendor], safe(device, 10)])
    return found


async def _nvidia(context: Context, seen: dict[str, Any]) -> list[Graphics]:
    asked = context.host.run(_QUERY, cwd=Path("/"), env={"LC_ALL": "C"}, timeout=TIMEOUT)
    hopeful = bool(seen.get("nvidia") or seen.get("device"))
    done, told = await asyncio.gather(asked, _own(context, CUDA) if hopeful else _nothing())
    rows = [[part.strip() for part in line.split(",")] for line in done.text.splitlines()] if done.code == 0 else []
    devices = many(told.get("devices"))
    why = "" if devices else str(told.get("why", "")) or "nobody asked its library"
    found: list[Graphics] = []
    for index, row in enumerate(row for row in rows[:64] if len(row) >= 3):
        device = devices[index] if index < len(devices) else None
        found.append(
            Graphics(
                name=safe(row[0], 100),
                vendor="nvidia",
                driver=safe(row[1], 40),
                memory=int(row[2]) << 20 if row[2].isdigit() else 0,
                platform="CUDA" if device else "",
                version=safe(str(told.get("version", "")), 20) if device else "",
                capability=safe(str(device[1]), 20) if device else safe(row[3], 20) if len(row) > 3 else "",
                why="" if device else why,
            )
        )
    if not found and devices:
        driver, version = str(seen.get("nvidia", "")), safe(str(told.get("version", "")), 20)
        found = [
            Graphics(name=safe(str(name), 100), vendor="nvidia", driver=driver, memory=int(size), platform="CUDA", version=version, capability=safe(str(capability), 20))
            for name, capability, size in devices
        ]  # fmt: skip
    return found


async def _amd(context: Context, seen: dict[str, Any]) -> list[Graphics]:
    if not seen.get("amd"):
        return []
    told = await _own(context, HIP) if seen["kfd"] else {"why": "this user may not open /dev/kfd"}
    usable = "devices" in told
    return [
        Graphics(name=f"AMD {gfx}", vendor="amd", driver=str(seen["amdgpu"]), memory=int(size), platform="ROCm" if usable else "",
                 version=str(seen["rocm"]) if usable else "", capability=gfx, why="" if usable else safe(str(told.get("why", "")), 200))
        for gfx, size in seen["amd"]
    ]  # fmt: skip


async def _nothing() -> dict[str, Any]:
    return {}


async def _own(context: Context, script: str) -> dict[str, Any]:
    """What a vendor's own library answers. It runs in a process of its own: it may crash, hang, or take a second to wake up."""
    python = sys.executable if context.host.name == "local" else "python3"
    done = await context.host.run([python, "-I", "-S", "-c", script], cwd=Path("/"), timeout=TIMEOUT)
    if done.timed_out:
        return {"why": f"its library did not answer within {TIMEOUT:g} s"}
    try:
        return mapping(json.loads(done.text))
    except ValueError:
        return {"why": "its library crashed"}
