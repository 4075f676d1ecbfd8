"""The internal snapshots of a machine's disk, and the lists of files that are kept beside it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from blake3 import blake3

from ..errors import Damaged, Failed
from . import qmp, vm_listing, vm_qemu
from .vm_place import private, write

BEFORE = "before-thaw"
"""Tag of the state that a thaw goes back to when it fails; gone when it succeeded."""


async def save(monitor: qmp.Monitor, tag: str) -> None:
    await monitor.job("snapshot-save", tag=tag, vmstate="disk", devices=["disk"])


async def drop(monitor: qmp.Monitor, tag: str) -> None:
    await monitor.job("snapshot-delete", tag=tag, devices=["disk"])


async def tags(monitor: qmp.Monitor) -> dict[str, int]:
    """The internal snapshots of the disk, with the bytes of memory in each."""
    nodes = await monitor.do("query-named-block-nodes", flat=True)
    found = [node["image"].get("snapshots", []) for node in nodes if node["node-name"] == "disk"]
    return {item["name"]: int(item["vm-state-size"]) for item in (found[0] if found else ())}


async def stopped_tags(path: Path) -> dict[str, int]:
    shown = json.loads(await vm_qemu.disk("info", "-U", "--output=json", "disk.qcow2", cwd=path))
    return {item["name"]: int(item["vm-state-size"]) for item in shown.get("snapshots", [])}


async def qemu(monitor: qmp.Monitor) -> str:
    version = await monitor.do("query-version")
    return f"{version['qemu']['major']}.{version['qemu']['minor']}.{version['qemu']['micro']} {version['package']}"


async def present(path: Path, tag: str) -> None:
    if tag not in await stopped_tags(path):
        raise Failed(f"the record {tag} of this machine is gone", "Choose another snapshot.")


def listing_file(path: Path, tag: str) -> Path:
    return path / "frozen" / f"{tag}.zst"


async def keep(path: Path, tag: str, listing: bytes) -> str:
    """Keep a list next to the disk; returns its digest."""

    def put() -> str:
        import zstandard

        private(path / "frozen")
        write(listing_file(path, tag), zstandard.compress(listing, 3))
        return blake3(listing).hexdigest()

    return await asyncio.to_thread(put)


def kept(path: Path, tag: str, digest: str) -> bytes | None:
    """The list that was kept; None when it is gone. Raises Damaged when it is another one."""
    import zstandard

    try:
        listing = zstandard.decompress(listing_file(path, tag).read_bytes(), vm_listing.LIMIT)
    except FileNotFoundError:
        return None
    except zstandard.ZstdError as error:
        raise Damaged(f"{listing_file(path, tag)} is damaged", "Remove it: it is made anew from the disk.") from error
    if blake3(listing).hexdigest() != digest:
        raise Damaged(f"{listing_file(path, tag)} is damaged", "Remove it: it is made anew from the disk.")
    return listing
