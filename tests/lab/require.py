"""Tests that need a real machine: skipped with the reason where there is none, and failing where there must be one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .engine import lacking as no_docker


def require(kind: str) -> None:
    """Skip the test (or, at import, the module) where `kind` (docker, ssh, vm, fuse, root) is not to be had.

    `ENVSYNC_REQUIRE`, a list with commas, names the kinds that must be there: lacking one of those is a failure.
    """
    reason = PROBES[kind]()
    if reason:
        lacks(kind, reason)


def lacks(kind: str, reason: str) -> None:
    """Skip because `kind` is not to be had for this reason, or fail when it was promised. Does not return."""
    if kind in os.environ.get("ENVSYNC_REQUIRE", "").replace(" ", "").split(","):
        pytest.fail(f"{kind} is required (ENVSYNC_REQUIRE) and not there: {reason}", pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def _no_ssh() -> str:
    if program("sshd") is None:
        return "there is no sshd here (on Debian: apt-get install openssh-server)"
    return (
        "" if shutil.which("ssh-keygen") else "there is no ssh-keygen here (on Debian: apt-get install openssh-client)"
    )


def _no_vm() -> str:
    if not any(Path(folder).glob("qemu-system-*") for folder in os.get_exec_path()):
        return "there is no qemu here (on Debian: apt-get install qemu-system-x86)"
    return "" if shutil.which("qemu-img") else "there is no qemu-img here (on Debian: apt-get install qemu-utils)"


def _no_fuse() -> str:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse cannot be used here"
    return "" if shutil.which("sshfs") else "there is no sshfs here (on Debian: apt-get install sshfs)"


def _no_root() -> str:
    return "" if os.geteuid() == 0 else "this needs root"


def program(name: str) -> str | None:
    """The path of a program, also of one where only root looks."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))


PROBES: dict[str, Callable[[], str]] = {
    "docker": no_docker,
    "ssh": _no_ssh,
    "vm": _no_vm,
    "fuse": _no_fuse,
    "root": _no_root,
}
