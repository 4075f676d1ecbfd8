"""A virtual machine that EnvSync boots itself: started when it is used, reached over its own sshd, recorded whole."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path

from ..errors import EnvSyncError, Failed, Unreachable, Usage
from . import vm_boot, vm_freeze, vm_image, vm_machine
from .base import Frozen, Touched
from .pipe import Pipe
from .ssh import SshHost
from .ssh_config import ALIVE, MISSES, Route, Target
from .vm_machine import Machine
from .vm_place import folder, shared, state

CONNECT = 60.0
"""Seconds until sshd must have shown its key: emulated processors compute for a while."""


def open_host(rest: str) -> VmHost:
    """See registry.HOSTS. Raises Usage for a name that no machine has."""
    if vm_machine.find(rest) is None:
        have = ", ".join(f"vm:{machine.name}" for machine in vm_machine.known()) or "there are none"
        raise Usage(f"there is no virtual machine {rest!r}", f"Virtual machines here: {have}.")
    return VmHost(rest)


def exists(name: str) -> bool:
    """Whether there is a machine of that name."""
    try:
        return vm_machine.find(name) is not None
    except EnvSyncError:
        return False


def lacking(root: Path | None = None) -> tuple[str, str] | None:
    """Why no virtual machine can be made here, and what to do about it; None when it can."""
    try:
        vm_image.usable(root or state())
    except EnvSyncError as error:
        return error.what, error.hint
    return None


def route(machine: Machine, root: Path) -> Route:
    """How ssh gets to a machine: with our key, and only to the very key that was made for it before it first ran."""
    path = folder(machine.name, root)
    return Route(
        target=Target("127.0.0.1", "root", machine.port), host="127.0.0.1", port=machine.port, user="root", family=socket.AF_INET, files=(),
        jumps=(), command="", known=(path / "known_hosts",), alias=f"envsync-{machine.uuid}", connect=CONNECT, alive=ALIVE,
        misses=MISSES, identities=(shared(root) / "key",), only=True, agent="", chosen=frozenset(),
    )  # fmt: skip


class VmHost(SshHost):
    """See Host and Freezes."""

    def __init__(self, name: str, root: Path | None = None) -> None:
        super().__init__(Target("127.0.0.1", "root"))
        self.name = f"vm:{name}"
        self.root = root or state()
        self._machine = name

    def machine(self) -> Machine:
        """What is known of it now. Raises Unreachable when it was deleted."""
        machine = vm_machine.find(self._machine, self.root)
        if machine is None:
            raise Unreachable(f"there is no virtual machine {self._machine} any more", "Make it anew.")
        return machine

    async def spawn(self, argv: Sequence[str]) -> Pipe:
        """Start a program there without the helper."""
        return await self._spawn(argv)

    async def _way(self) -> Route:
        try:
            machine = await vm_boot.start(await asyncio.to_thread(self.machine), self.root)
        except Failed as error:
            raise Unreachable(error.what, error.hint) from error
        return route(machine, self.root)

    async def freeze(self, id: str) -> Frozen:
        """See Freezes.freeze."""
        return await vm_freeze.freeze(self, self.machine(), id)

    async def differs(self, frozen: Frozen) -> list[Touched]:
        """See Freezes.differs."""
        return await vm_freeze.differs(self, self.machine(), frozen)

    async def thaw(self, frozen: Frozen, paths: Sequence[str] = ()) -> None:
        """See Freezes.thaw."""
        try:
            await vm_freeze.thaw(self, self.machine(), frozen, paths)
        except OSError as error:
            raise Failed(f"{self.name} could not be put back: {error}", "Free space there, then try again.") from error

    async def forget(self, frozen: Frozen) -> None:
        """See Freezes.forget."""
        machine = vm_machine.find(self._machine, self.root)
        if machine is not None:
            await vm_freeze.forget(self, machine, frozen)
