"""Virtual machines that EnvSync boots itself: make, start, stop, delete, list.

All of one machine is in its directory `vms/NAME`: `vm.json`, the disk (an overlay on the base image), its keys, and
while it runs qemu's pidfile, monitor socket and console. The machine outlives the process that started it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import time
import uuid as uuids
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ..contract import Report, silent
from ..errors import Damaged, EnvSyncError, Usage
from . import vm_image, vm_qemu, vm_recipe
from .vm_place import folder, full, images, machines, private, read_json, shared, state, turn, write, write_json

OLD = 86400.0
"""Seconds after which an image that nothing uses is removed: until then somebody may be making a machine of it."""
MEMORY, DISK, CPUS = 512, 8, 2
"""Defaults: MiB, GiB (the disk's file holds only what was written), processors."""


@dataclass(frozen=True)
class Machine:
    """What is known of one machine. `disk` is in GiB, `memory` in MiB; `image` is the directory of its base image."""

    name: str
    uuid: str
    image: str
    type: str
    memory: int
    disk: int
    cpus: int
    created: str
    labels: dict[str, str] = field(default_factory=dict[str, str])
    port: int = 0
    """Of sshd on 127.0.0.1, while it runs."""


def home(machine: Machine | str, root: Path | None = None) -> Path:
    """The directory that holds all of a machine."""
    return folder(machine if isinstance(machine, str) else machine.name, root or state())


def find(name: str, root: Path | None = None) -> Machine | None:
    """The machine of that name; None when there is none. Raises Usage for an impossible name, Damaged."""
    path = home(name, root) / "vm.json"
    body = read_json(path)
    if body is None:
        return None
    try:
        return Machine(**body)
    except TypeError as error:
        raise Damaged(
            f"{path} is no machine's record: {error}", "Restore it from a backup, or delete the machine."
        ) from error


def known(root: Path | None = None) -> list[Machine]:
    """All machines, by name; one whose record is damaged is left out."""
    found: list[Machine] = []
    for path in sorted(machines(root or state()).glob("*/vm.json")):
        with suppress(EnvSyncError):
            machine = find(path.parent.name, root)
            found += [machine] if machine is not None else []
    return found


def keep(machine: Machine, path: Path) -> None:
    """Write down in the machine's directory what is known of it."""
    write_json(path / "vm.json", asdict(machine))


async def create(
    name: str,
    *,
    memory: int = MEMORY,
    disk: int = DISK,
    cpus: int = CPUS,
    labels: Mapping[str, str] | None = None,
    report: Report = silent,
    root: Path | None = None,
) -> Machine:
    """Make a machine, without starting it; builds the base image when there is none.

    Raises Usage when the name is impossible or taken or a size makes no sense, Failed when something is lacking here.
    """
    root = root or state()
    path = folder(name, root)
    if disk < DISK or not 128 <= memory <= 1 << 20 or not 1 <= cpus <= 255:
        raise Usage(
            f"a virtual machine with {memory} MiB, a disk of {disk} GiB and {cpus} processors cannot be made",
            f"At least 128 MiB, {DISK} GiB and 1 processor.",
        )
    if path.exists():
        raise _taken(name)
    image = await vm_image.ensure(report, root)
    await asyncio.to_thread(prune, root)
    made = private(machines(root)) / f".new-{name}-{secrets.token_hex(4)}"
    try:
        made.mkdir(mode=0o700)
        machine = Machine(
            name=name, uuid=str(uuids.uuid4()), image=str(image.path), type=await vm_qemu.machine_type(), memory=memory,
            disk=disk, cpus=min(cpus, os.cpu_count() or 1), created=datetime.now(UTC).isoformat(), labels=dict(labels or {}),
        )  # fmt: skip
        await _keys(machine, made, image, shared(root))
        await vm_qemu.disk(
            *("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(image.disk), "disk.qcow2", f"{disk}G"), cwd=made
        )
        (made / "disk.qcow2").chmod(0o600)
        keep(machine, made)
        try:
            made.rename(path)
        except OSError as error:
            if path.exists():
                raise _taken(name) from error
            raise
        return machine
    except OSError as error:
        raise full(error, f"making the virtual machine {name}", root) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def prune(root: Path) -> list[Path]:
    """Remove base images that are neither current nor any machine's, and a day old; returns them. Images that several
    installations share are left alone, and all are while a machine's record cannot be read."""
    found: list[Path] = []
    records = list(machines(root).glob("*/vm.json"))
    mine = known(root)
    if images(root) != root / "images" or len(mine) < len(records):
        return found
    current = vm_image.version()
    for path in images(root).glob("*-*"):
        if not path.name.startswith(f"{current}-") and str(path) not in {machine.image for machine in mine}:
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > OLD:
                    shutil.rmtree(path)
                    found.append(path)
    return found


# -- Parts --------------------------------------------------------------------------------------------------------


def _taken(name: str) -> Usage:
    return Usage(f"there is a virtual machine {name} already", f"Use it as vm:{name}, or take another name.")


async def client_key(folder: Path) -> Path:
    """This installation's key for its machines; made once."""
    import asyncssh

    file = folder / "key"
    async with turn(folder / "key.lock", "making the key for virtual machines"):
        if not file.exists():
            key = asyncssh.generate_private_key("ssh-ed25519", comment="envsync")  # pyright: ignore[reportUnknownMemberType]
            write(file.with_suffix(".pub"), key.export_public_key(), 0o644)
            write(file, key.export_private_key())
    return file


async def _keys(machine: Machine, made: Path, image: vm_image.Image, folder: Path) -> None:
    """Make the machine's own host key, and put it where the machine finds it when it boots."""
    import asyncssh

    client = (await client_key(folder)).with_suffix(".pub").read_bytes()
    host = asyncssh.generate_private_key("ssh-ed25519", comment=machine.name)  # pyright: ignore[reportUnknownMemberType]
    public = host.export_public_key()
    write(made / "known_hosts", f"envsync-{machine.uuid} ".encode() + public, 0o644)
    own = vm_recipe.seed(machine.name, machine.uuid, host.export_private_key(), public, client)
    write(made / "initrd", image.initrd.read_bytes() + own)
