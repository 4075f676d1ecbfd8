"""Which virtual machine or container this is, and whether it can run virtual machines itself."""

from __future__ import annotations

import os
import re
from typing import Literal

from ...equipment import Virtual
from .base import Piece, Place, words

_MAKERS = (
    ("vmware", "vmware"), ("virtualbox", "virtualbox"), ("innotek", "virtualbox"), ("microsoft corporation virtual", "hyper-v"),
    ("xen", "xen"), ("parallels", "parallels"), ("bochs", "kvm"), ("qemu", "kvm"), ("kvm", "kvm"), ("google", "google"),
    ("amazon", "amazon"), ("openstack", "openstack"), ("digitalocean", "kvm"), ("hetzner", "kvm"), ("apple virtualization", "apple"),
    ("firecracker", "firecracker"),
)  # fmt: skip
"""What a virtual machine's firmware calls itself."""
_CONTAINERS = (
    ("docker", "docker"),
    ("libpod", "podman"),
    ("kubepods", "kubernetes"),
    ("lxc", "lxc"),
    ("machine.slice", "systemd-nspawn"),
)


def look(place: Place) -> Piece:
    """See Virtual."""
    return {"virtual": Virtual(kvm=_kvm(place), hypervisor=_hypervisor(place), container=_container(place))}


def _kvm(place: Place) -> Literal["", "usable", "denied"]:
    device = place.system("/dev/kvm")
    if not os.path.exists(device):
        return ""
    return "usable" if os.access(device, os.R_OK | os.W_OK) else "denied"


def _hypervisor(place: Place) -> str:
    flags = re.search(r"^(?:flags|Features)\s*:.*$", words(place.system("/proc/cpuinfo"), 1 << 16), re.MULTILINE)
    firmware = " ".join(
        words(place.system(f"/sys/class/dmi/id/{name}"), 200).strip() for name in ("sys_vendor", "product_name")
    ).lower()
    named = next((maker for mark, maker in _MAKERS if mark in firmware), "")
    if named in ("google", "amazon", "openstack") and not (flags and " hypervisor" in flags[0]):
        return ""  # they also rent out whole machines
    if named:
        return named
    kind = words(place.system("/sys/hypervisor/type"), 40).strip()
    if kind:
        return kind[:40]
    return "unknown" if flags and re.search(r"\bhypervisor\b", flags[0]) else ""


def _container(place: Place) -> str:
    release = words(place.system("/proc/sys/kernel/osrelease"), 200).lower()
    if "microsoft" in release:
        return "wsl"
    told = words(place.system("/run/systemd/container"), 100).strip()
    if told:
        return re.sub(r"[^\w.-]", "", told)[:40]
    # The kernel's own threads are seen from outside of containers only: an image that was booted as a machine still has
    # its engine's mark.
    if words(place.system("/proc/2/comm"), 40).strip() == "kthreadd":
        return ""
    if os.path.exists(place.system("/run/.containerenv")):
        return "podman"
    if os.path.exists(place.system("/.dockerenv")):
        return "kubernetes" if os.path.isdir(place.system("/run/secrets/kubernetes.io")) else "docker"
    groups = words(place.system("/proc/1/cgroup"), 4096)
    return next((name for mark, name in _CONTAINERS if mark in groups), "")
