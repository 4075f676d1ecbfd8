"""The base image that every virtual machine begins from: built once from Debian's packages, then only read.

An image is a directory that is complete when it has its final name: `disk.qcow2`, `kernel`, `initrd` and
`image.json` with their digests. Building needs root, using does not.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shlex
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from ..contract import Report, silent
from ..errors import Damaged, Failed
from . import vm_recipe as recipe
from .vm_place import images, read_json, state, write_json

CERTIFICATES = Path("/usr/local/share/ca-certificates")
"""Authorities that this machine trusts beyond Debian's: its machines trust them too."""
PARTS = ("disk.qcow2", "kernel", "initrd")
NEEDED = {
    "debootstrap": "debootstrap",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "mke2fs": "e2fsprogs",
    "busybox": "busybox-static",
    "unshare": "util-linux",
}
"""Debian's package by program."""
PATH = os.pathsep.join(("/usr/local/sbin", "/usr/sbin", "/sbin", os.defpath))
"""Where programs are that only root has on its PATH."""


@dataclass(frozen=True)
class Image:
    """A complete base image."""

    path: Path

    @property
    def disk(self) -> Path:
        return self.path / "disk.qcow2"

    @property
    def kernel(self) -> Path:
        return self.path / "kernel"

    @property
    def initrd(self) -> Path:
        return self.path / "initrd"


def program(name: str) -> str:
    """The path of a program, also of those that only root has on its PATH. Raises Failed with what to install."""
    found = shutil.which(name) or shutil.which(name, path=PATH)
    if found is None:
        raise Failed(f"there is no {name} here", f"Install it: apt-get install {NEEDED[name]}")
    return found


def certificates() -> dict[str, bytes]:
    """The authorities to take along, by their path below CERTIFICATES."""
    found = (path for path in sorted(CERTIFICATES.rglob("*.crt")) if path.is_file())
    return {str(path.relative_to(CERTIFICATES)): path.read_bytes() for path in found}


def version() -> str:
    """The version that an image built now would have."""
    return recipe.version(certificates(), platform.machine())


def find(directory: Path) -> Image | None:
    """The image of the current version that is built already; None when there is none that can be used."""
    found = sorted(directory.glob(f"{version()}-*/image.json"))
    return Image(found[-1].parent) if found else None


def seal(path: Path) -> None:
    """Write down what an image consists of, for `verify` and `check`."""
    write_json(path / "image.json", {"digests": {name: _digest(path / name) for name in PARTS}, "seen": _seen(path)})


def verify(image: Image) -> None:
    """Compare an image with its digests. Raises Damaged; the image is not offered to new machines from then on."""
    digests = (read_json(image.path / "image.json") or {}).get("digests", {})
    for name in PARTS:
        with suppress(OSError):
            if _digest(image.path / name) == digests.get(name):
                continue
        with suppress(OSError):
            (image.path / "image.json").rename(image.path / "damaged.json")
        raise Damaged(
            f"the base image of virtual machines is damaged: {image.path / name}",
            "New machines get a new image; machines made from this one can no longer be trusted: delete them.",
        )


def check(image: Image) -> None:
    """Like `verify`, but reads the image only when its files look other than when it was made. Raises Damaged."""
    body = read_json(image.path / "image.json") or {}
    try:
        fine = body.get("seen") == _seen(image.path)
    except OSError:
        fine = False
    if not fine:
        verify(image)


def usable(root: Path) -> None:
    """Look whether there is what it takes to make a machine. Raises Failed with what to install or to do."""
    if platform.machine() != "x86_64":
        raise Failed(
            f"virtual machines work on x86_64 only so far, and this is {platform.machine()}", "Use a container instead."
        )
    directory = images(root)
    programs = ("qemu-system-x86_64", "qemu-img")
    for name in programs if find(directory) is not None else NEEDED:
        program(name)
    if find(directory) is None and os.geteuid() != 0:
        command = shlex.join([sys.executable, "-m", f"{__package__}.vm_build", str(directory)])
        raise Failed(
            "there is no base image for virtual machines yet, and building it needs root",
            f"Build it once, it takes about a minute: sudo {command}",
        )


async def ensure(report: Report = silent, root: Path | None = None) -> Image:
    """The verified base image, built first when there is none. Raises Failed with what to install or to do."""
    directory = images(root or state())
    image = await asyncio.to_thread(find, directory)
    if image is not None:
        # A damaged one is marked as such, and another one built.
        with suppress(Damaged):
            await asyncio.to_thread(verify, image)
            return image
    usable(root or state())
    from .vm_build import build

    return await build(directory, report)


def _digest(path: Path) -> str:
    return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()


def _seen(path: Path) -> list[list[int]]:
    about = [(path / name).stat() for name in PARTS]
    return [[one.st_size, one.st_mtime_ns] for one in about]
