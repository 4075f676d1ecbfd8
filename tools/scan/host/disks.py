"""Drives by what the kernel lists, and the file systems that are mounted from them or from the network."""

from __future__ import annotations

import os
import re

from ...equipment import Disk, Drive
from ..text import safe
from .base import Piece, Place, names, words

_REMOTE = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "fuse.sshfs", "ceph", "glusterfs", "fuse.rclone"}
)
_LOCAL = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "reiserfs", "jfs", "vfat", "exfat", "ntfs", "ntfs3", "fuseblk",
     "overlay", "apfs", "hfs", "ufs"}
)  # fmt: skip
_MADE = re.compile(r"(?:loop|ram|zram|dm-|md|sr|fd|nbd)\d*")
"""Devices that are made of other ones, or of memory."""
MOUNTS = 64


def drives(place: Place) -> Piece:
    """See Drive."""
    found: list[Drive] = []
    base = place.system("/sys/block")
    for name in names(base, 256):
        if _MADE.match(name):
            continue
        at = os.path.join(base, name)
        sectors = words(os.path.join(at, "size"), 40).strip()
        size = int(sectors) * 512 if sectors.isdigit() else 0
        if size:
            model = " ".join(words(os.path.join(at, "device/model"), 100).split())
            found.append(Drive(name=safe(name, 40), kind=_kind(name, at), bytes=size, model=safe(model, 60)))
    return {"drives": tuple(found)}


def _kind(name: str, at: str) -> str:
    if name.startswith(("vd", "xvd")):
        return "virtual"
    if name.startswith("nvme"):
        return "nvme"
    return "hdd" if words(os.path.join(at, "queue/rotational"), 8).strip() == "1" else "ssd"


def disks(place: Place) -> Piece:
    """See Disk. A mount over the network is listed and not asked for its size: one that hangs would hang the probe."""
    found: dict[tuple[str, str], Disk] = {}
    for line in words(place.system("/proc/self/mountinfo"), 1 << 18).splitlines():
        left, dash, right = line.partition(" - ")
        fields, kinds = left.split(" "), right.split(" ")
        if not dash or len(fields) < 5 or len(kinds) < 2:
            continue
        kind, at = kinds[0], _plain(fields[4])
        remote = kind in _REMOTE
        # A file that is mounted over (a container's /etc/hosts) is no disk, nor is the same device a second time.
        if not remote and (kind not in _LOCAL or at.startswith(("/proc", "/sys", "/dev")) or (fields[2], "") in found):
            continue
        if not remote and not os.path.isdir(place.system(at)):
            continue
        size, free = (0, 0) if remote else _space(place.system(at))
        disk = Disk(at=place.short(at, 200), kind=safe(kind, 30), bytes=size, free=free)
        found.setdefault((fields[2], at if remote else ""), disk)
        if len(found) >= MOUNTS:
            break
    return {"disks": tuple(found.values())}


def _space(path: str) -> tuple[int, int]:
    try:
        info = os.statvfs(path)
    except OSError:
        return 0, 0
    return info.f_blocks * info.f_frsize, info.f_bavail * info.f_frsize


def _plain(path: str) -> str:
    r"""The kernel writes a blank as `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)
