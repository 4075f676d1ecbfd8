"""What is in the base image of virtual machines: packages, the few files of ours, and the first program that runs."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import Failed

SUITE = "bookworm"
PACKAGES = ("openssh-server", "python3", "ca-certificates", "busybox-static")
SIZE = 8 * 1024**3
"""Bytes of the disk as the guest sees it; the file holds only what was written."""
MODULES = (
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_mmio",
    "virtio_blk",
    "failover",
    "net_failover",
    "virtio_net",
)
"""Kernel modules that are needed before the disk is there, in the order in which they need each other."""

INIT = f"""#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc; $b mount -t sysfs sysfs /sys; $b mount -t devtmpfs dev /dev
if [ -n "$envsync_probe" ]; then echo envsync-probe-works; $b poweroff -f; fi
for m in {" ".join(MODULES)}; do $b insmod /mods/$m.ko; done
i=0; while [ ! -b /dev/vda ] && [ $i -lt 1000 ]; do $b usleep 10000; i=$((i+1)); done
$b mount -t ext4 -o rw,noatime,noinit_itable /dev/vda /new || {{ echo "envsync: the disk cannot be mounted"; $b poweroff -f; }}
$b mount --move /dev /new/dev
cd /seed; for f in $($b find . -type f); do $b cmp -s $f /new/$f || $b cp -p $f /new/$f; done
cd /first; [ -e /new/etc/envsync/seeded ] || {{ for f in $($b find . -type f); do $b cp -p $f /new/$f; done; : > /new/etc/envsync/seeded; }}
cd /
$b ip link set lo up; $b ip addr add 10.0.2.15/24 dev eth0; $b ip link set eth0 up; $b ip route add default via 10.0.2.2
$b umount /sys /proc
exec $b switch_root /new /bin/busybox init
"""
"""The first program: it mounts the disk, lays the machine's own keys on it, and hands over."""

START = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc -o nosuid,nodev,noexec proc /proc
$b mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
$b mkdir -p /dev/pts /dev/shm
$b mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
$b mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /dev/shm
$b mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs /run
$b mkdir -p /run/sshd /run/lock
$b ln -sf /proc/self/fd /dev/fd; $b ln -sf fd/0 /dev/stdin; $b ln -sf fd/1 /dev/stdout; $b ln -sf fd/2 /dev/stderr
$b hostname -F /etc/hostname
find /tmp -xdev -mindepth 1 -delete
size=$($b blockdev --getsize64 /dev/vda)
[ "$size" = "$($b cat /etc/envsync/size)" ] || { resize2fs /dev/vda >/dev/null 2>&1 && echo "$size" > /etc/envsync/size; }
"""
INITTAB = """::sysinit:/etc/envsync/start
::respawn:/usr/sbin/sshd -D
::ctrlaltdel:/bin/busybox poweroff
::restart:/bin/busybox init
::shutdown:/bin/busybox sync
::shutdown:/bin/busybox mount -o remount,ro /
"""
SSHD = """UseDNS no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/envsync/authorized_keys .ssh/authorized_keys
MaxSessions 200
MaxStartups 200:30:400
PrintMotd no
PrintLastLog no
"""

FILES: Mapping[str, tuple[str, int]] = {
    "etc/envsync/start": (START, 0o755),
    "etc/envsync/size": (f"{SIZE}\n", 0o644),
    "etc/inittab": (INITTAB, 0o644),
    "etc/ssh/sshd_config.d/envsync.conf": (SSHD, 0o644),
    "etc/resolv.conf": ("nameserver 10.0.2.3\n", 0o644),
    "etc/hosts": ("127.0.0.1 localhost\n::1 localhost ip6-localhost\n", 0o644),
    "etc/fstab": ("/dev/vda / ext4 rw,noatime 0 1\n", 0o644),
}
"""Text and mode of what is written over Debian's own files."""


def version(certificates: Mapping[str, bytes], machine: str) -> str:
    """Digest of all that decides what is in an image: images of one version are interchangeable."""
    digest = hashlib.blake2b(digest_size=6)
    parts = [
        SUITE,
        *PACKAGES,
        str(SIZE),
        *MODULES,
        INIT,
        machine,
        *(f"{n}{t}{m}" for n, (t, m) in sorted(FILES.items())),
    ]
    for part in parts:
        digest.update(part.encode() + b"\0")
    for name, content in sorted(certificates.items()):
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


@dataclass(frozen=True)
class Entry:
    """One thing of an initial RAM disk: `mode` with the kind's bits, as `stat` has it."""

    path: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(path: str, mode: int = 0o755) -> Entry:
    return Entry(path, 0o040000 | mode)


def file(path: str, content: bytes, mode: int = 0o644) -> Entry:
    return Entry(path, 0o100000 | mode, content)


def archive(entries: Iterable[Entry]) -> bytes:
    """A cpio archive (`newc`) as the kernel unpacks it; several of them in a row are one initial RAM disk."""
    made = bytearray()
    for number, entry in enumerate([*entries, Entry("TRAILER!!!", 0)], 1):
        name = entry.path.encode() + b"\0"
        numbers = (number, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, *entry.device, len(name), 0)
        made += b"070701" + b"".join(b"%08X" % value for value in numbers) + name
        made += bytes(-len(made) % 4) + entry.content
        made += bytes(-len(made) % 4)
    return bytes(made)


def initrd(busybox: bytes, modules: Path) -> bytes:
    """The part of the initial RAM disk that all machines share. Raises Failed when a module is not in the kernel."""
    entries = [directory(name) for name in ("bin", "mods", "dev", "proc", "sys", "new", "seed", "first")]
    entries += [Entry("dev/console", 0o020600, device=(5, 1)), file("bin/busybox", busybox, 0o755)]
    entries += [file(f"mods/{name}.ko", _module(modules, name)) for name in MODULES]
    return archive([*entries, file("init", INIT.encode(), 0o755)])


def seed(name: str, uuid: str, host_key: bytes, public: bytes, client: bytes) -> bytes:
    """The part that one machine has alone: its host key, who may log in, and (the first time) its name and id."""
    return archive(
        [
            *(directory(f"seed/{path}") for path in ("etc", "etc/ssh", "etc/envsync")),
            file("seed/etc/ssh/ssh_host_ed25519_key", host_key, 0o600),
            file("seed/etc/ssh/ssh_host_ed25519_key.pub", public),
            file("seed/etc/envsync/authorized_keys", client, 0o600),
            directory("first/etc"),
            file("first/etc/hostname", name.encode() + b"\n"),
            file("first/etc/hosts", FILES["etc/hosts"][0].encode() + b"127.0.1.1 " + name.encode() + b"\n"),
            file("first/etc/machine-id", uuid.replace("-", "").encode() + b"\n", 0o444),
        ]
    )


def _module(root: Path, name: str) -> bytes:
    found = sorted(root.rglob(f"{name}.ko*"))
    if not found:
        raise Failed(
            f"the kernel has no module {name}", "Another kernel package is installed in the archive; report it."
        )
    content = found[0].read_bytes()
    return lzma.decompress(content) if found[0].suffix == ".xz" else content
