"""From packages of another machine to steps on this one: what is missing here, manager by manager."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from ...contract import Context
from ...equipment import Equipment
from ...plan import Step
from ..names import plain
from ..part import Part, counted
from ..providers import apt
from .managers import EDITORS, INSTEAD, MANAGERS, Manager, find, listed, started
from .steps import candidates

MACHINE = re.compile(
    r"linux-(?:image|headers|modules|firmware|base|libc-dev)\b.*|grub.*|shim-.*|.*-dkms|nvidia-.*|libnvidia-.*|cuda-drivers.*|xserver-xorg-video-.*"
    r"|firmware-.*|.*-microcode|cloud-.*|open-vm-tools.*|qemu-guest-agent|spice-vdagent|task-(?!spooler).*|tasksel|installation-report|discover|virtualbox-guest.*"
)
"""Debian packages that belong to a machine and not to its user."""
NAMED = 8
"""Names in one line."""


@dataclass(frozen=True)
class Wanted:
    """A package of a manager."""

    manager: str
    name: str
    version: str


def of_equipment(found: Equipment) -> tuple[list[Wanted], list[str]]:
    """What the other machine's managers hold, and what is said of that which cannot be had from an index."""
    wanted: dict[tuple[str, str], Wanted] = {}
    told: list[str] = []
    for kept in found.packages:
        own = kept.manager == "pip" and kept.where not in ("user", "system")
        if own:
            told.append(
                f"not restored: {counted(len(kept.packages), 'package')} of {plain(kept.where, 80)}: pip's, of one interpreter"
            )
            continue
        for name, version in sorted(kept.packages.items()):
            if name in kept.elsewhere:
                told.append(
                    f"not restored: {plain(name, 80)} ({kept.manager}): it comes from a {plain(kept.elsewhere[name], 20)}, not from an index"
                )
            else:
                wanted.setdefault((kept.manager, name), Wanted(kept.manager, name, version))
    return list(wanted.values()), told


def of_editors(found: Equipment) -> list[Wanted]:
    """Extensions, by the editor that has them."""
    return [
        Wanted(editor.name, id, version)
        for editor in found.editors
        for id, version in sorted(editor.extensions.items())
    ]


async def plan(wanted: Iterable[Wanted], context: Context) -> Part:
    """The steps that install what is not there; a package that is there in another version is left as it is."""
    part = Part()
    groups: dict[str, list[Wanted]] = {}
    for item in wanted:
        groups.setdefault(item.manager, []).append(item)
    merged: dict[str, dict[str, Wanted]] = {}
    for name, items in groups.items():
        manager = await _manager(name, context)
        if manager is None:
            part.warnings.append(f"not restored: {_names(items)}: {_absent(name, context)}")
            continue
        into = merged.setdefault(manager.name, {})
        for item in items:
            into.setdefault(item.name, item)
    for manager in MANAGERS:
        if manager.name in merged:
            part.add(await _of(manager, list(merged[manager.name].values()), context))
    return part


def _absent(name: str, context: Context) -> str:
    if not any(find(other) for other in (name, *EDITORS.get(name, ()))):
        return f"what {plain(name, 40)} has is not restored by this version"
    return f"{plain(name, 40)} is not on {plain(context.host.name, 60)}"


async def _manager(name: str, context: Context) -> Manager | None:
    """The one that is there, or one that does the same work."""
    for other in INSTEAD.get(name, EDITORS.get(name, (name,))):
        manager = find(other)
        if manager is not None and await started(manager, context):
            return manager
    return None


async def _of(manager: Manager, items: Sequence[Wanted], context: Context) -> Part:
    part = Part()
    odd = [item for item in items if not manager.takes(item.name, item.version if manager.name != "apt" else "")]
    own = [item for item in items if manager.name == "apt" and MACHINE.fullmatch(item.name)]
    fine = [item for item in items if item not in odd and item not in own]
    if odd:
        part.warnings.append(f"not restored: {_names(odd)}: these are no names or versions that {manager.name} has")
    if own:
        part.warnings.append(f"not restored: {_names(own)}: they belong to the other machine's hardware or system")
    start = await started(manager, context)
    there = await listed(manager, start, [item.name for item in fine], context)
    todo = {item.name: item.version for item in sorted(fine, key=lambda item: item.name) if item.name not in there}
    if len(fine) > len(todo):
        part.present.append(f"{counted(len(fine) - len(todo), manager.noun)}")
    if manager.name == "apt":
        part.add(await _apt(manager, dict.fromkeys(todo, ""), context))
    elif todo:
        part.steps.append(_step(manager, todo))
        part.details += [f"{manager.name}: {name} {version}".rstrip() for name, version in todo.items()]
        part.warnings += [manager.note] if manager.note else []
    return part


async def _apt(manager: Manager, todo: dict[str, str], context: Context) -> Part:
    """Through apt's own provider, which takes exactly what came along back out; where its lists are empty, in two steps."""
    part = Part()
    if not todo:
        return part
    known = await candidates(list(todo), context)
    offered = [name for name in todo if known.get(name)]
    if not any(known.values()) and await apt.lists_empty(context):
        part.steps.append(apt.fetch_lists())
        part.steps.append(_step(manager, todo))
        part.details += [f"apt: {name}" for name in todo]
        part.warnings.append(
            "apt's lists are empty: what comes along, and what it does not have, is known after fetching them"
        )
        return part
    lost = [name for name in todo if name not in offered]
    if lost:
        part.warnings.append(f"not restored: {_listed(lost)}: apt offers no such package here")
    if offered:
        part.add(await apt.plan(dict.fromkeys(offered, ""), context))
    return part


def _step(manager: Manager, todo: dict[str, str]) -> Step:
    names = _listed(list(todo))
    many = f"{counted(len(todo), manager.noun)} with {manager.name}: {names}"
    one = f"{names} with {manager.name}"
    what = many if len(todo) > 1 else one
    args: dict[str, JsonValue] = {"manager": manager.name, "packages": dict[str, JsonValue](todo)}
    back = Step(
        kind="user-packages", does=f"remove {what.replace(' with ', ' again with ', 1)}", args={**args, "remove": True}
    )
    each = {"cargo": 90.0, "go": 20.0}.get(manager.name, 3.0)
    return Step(
        kind="user-packages", does=f"install {what}", args=args, inverse=(back,),
        seconds=2.0 + each * len(todo),
    )  # fmt: skip


def _names(items: Sequence[Wanted]) -> str:
    return _listed([item.name for item in items])


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(plain(name, 60) for name in names[:NAMED])
    return f"{shown} and {len(names) - NAMED} more" if len(names) > NAMED else shown
