"""A virtual machine for the tests of one worker, made by EnvSync's own code from an image in the lab's cache."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .place import cache

T = TypeVar("T")


@dataclass(frozen=True)
class Vm:
    """A running machine; its files are in the state directory `root`."""

    name: str
    root: Path

    @property
    def host(self) -> str:
        """As EnvSync writes it."""
        return f"vm:{self.name}"


def share_images() -> None:
    """Let all tests use one base image: a minute to make, once."""
    os.environ.setdefault("ENVSYNC_IMAGES", str(cache() / "images"))


def boot(name: str, root: Path) -> Vm:
    """Make a machine and start it. Raises EnvSyncError."""
    from envsync.tools.hosts import vm_boot, vm_machine

    async def work() -> None:
        await vm_boot.start(await vm_machine.create(name, root=root), root)

    apart(work())
    return Vm(name, root)


def delete(vm: Vm) -> None:
    """End it and remove its files."""
    from envsync.tools.hosts import vm_boot, vm_machine

    machine = vm_machine.find(vm.name, vm.root)
    if machine is not None:
        apart(vm_boot.delete(machine, vm.root))


def apart(work: Coroutine[Any, Any, T]) -> T:
    """Carry out a coroutine in a thread with a loop of its own: fixtures must not touch the tests' loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
