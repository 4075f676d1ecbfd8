"""Virtual machines that EnvSync made for somebody to throw away."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ..hosts import vm_boot, vm_machine
from .ledger import Made
from .owner import ID, OWNER, owner

WORD = "sandbox"


def ours(made: Made, state: Path) -> vm_machine.Machine | None:
    """The machine that carries this installation's mark and the line's id."""
    machine = vm_machine.find(made.name, Path(made.place))
    if machine is None or (machine.labels.get(OWNER), machine.labels.get(ID)) != (owner(state), made.id):
        return None
    return machine


async def alive(made: Made, state: Path) -> str:
    """See Kind.alive."""

    def look() -> str:
        machine = ours(made, state)
        if machine is None:
            return ""
        return "running" if vm_boot.running(machine, Path(made.place)) is not None else "off"

    return await asyncio.to_thread(look)


async def end(made: Made, state: Path) -> None:
    """See Kind.end."""
    machine = await asyncio.to_thread(ours, made, state)
    if machine is not None:
        await vm_boot.delete(machine, Path(made.place))


async def stranger(name: str) -> str:
    """See Kind.stranger."""
    known = [machine.name for machine in await asyncio.to_thread(vm_machine.known)]
    return f"the virtual machine {name}" if name in known else ""
