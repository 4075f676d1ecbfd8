"""Which build fits the machine: libraries for a GPU are not fetched where there is none, unless a person says so.

What can be used is what the scan found by asking the driver's own library. Names that a person asked for may become those
of another build; what a project's own files ask for stays, and is only met by another build of the same version numbers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from ..contract import Context
from ..hosts.base import Host
from .builds import for_gpu, libraries, useless, without_gpu
from .index import pypi
from .names import Named, normal, plain
from .part import Part
from .sizes import amount

NOTABLE = 100_000_000
"""Bytes of GPU libraries that a named package may bring along without a GPU before a person has to agree."""
HEAVY = 1_000_000_000
"""Bytes of them that a project's own files may ask for before a person has to agree."""
_FRESH = 60.0
"""Seconds for which a look at the machine holds: a plan is made twice, and looking takes a second."""


@dataclass(frozen=True)
class Machine:
    """The GPU of a host, as far as programs can use one."""

    name: str = ""
    """Empty when there is none that can be used."""
    platform: str = ""
    """CUDA, ROCm or Metal."""
    version: str = ""
    """The newest CUDA that the driver runs, or ROCm's version; empty when it was not said."""
    why: str = ""
    """Why there is none: a card without a driver, or one whose library does not answer."""

    @property
    def usable(self) -> bool:
        return self.platform in ("CUDA", "ROCm")

    @property
    def lacking(self) -> str:
        """What this machine has not, for whom libraries of CUDA are of no use."""
        return "no CUDA here" if self.usable else "no GPU here"


_seen: WeakKeyDictionary[Host, tuple[float, Machine]] = WeakKeyDictionary()


async def machine(context: Context) -> Machine:
    """The host's GPU; the first that can be used when there are several."""
    then, known = _seen.get(context.host, (0.0, Machine()))
    if then and time.monotonic() - then < _FRESH:
        return known
    found = await context.observe(context, "machine")
    cards = found.equipment.graphics if found.equipment else ()
    made = Machine()
    for card in cards:
        if card.platform in ("CUDA", "ROCm"):
            made = Machine(plain(card.name, 80), card.platform, plain(card.version, 20))
            break
        made = made if made.why else Machine(why=f"{plain(card.name, 80)}: {plain(card.why, 120)}")
    if found.equipment is None and found.facts and found.facts.gpus:
        made = Machine(why=f"{plain(found.facts.gpus[0], 80)}: nobody asked its library")
    _seen[context.host] = (time.monotonic(), made)
    return made


# -- What was named -----------------------------------------------------------------------------------------------


async def renamed(named: Sequence[Named], gpu: bool, context: Context, part: Part) -> list[Named]:
    """The packages under the names of the builds that fit the machine; what is changed is said."""
    ours = [item for item in named if without_gpu(item.name) is not None or (gpu and _has_builds(item.name))]
    if not ours:
        return list(named)
    there = await machine(context)
    made: list[Named] = []
    for item in named:
        other = ""
        if item in ours and there.usable and gpu:
            other = for_gpu(item.name, there.platform, there.version)
            if other and await pypi(context, normal(other)) is None:
                part.warnings.append(f"the index has no {other}, the build of {item.name} for {there.platform}")
                other = ""
            elif other and other != item.name:
                part.warnings.append(
                    f"{other} is installed, the build of {item.name} for {there.platform} ({there.name})"
                )
        elif item in ours and not there.usable:
            other = without_gpu(item.name) or ""
            if other:
                part.warnings.append(f"no GPU here: {other} is installed, the CPU build of {item.name}; {ELSEWHERE}")
        made.append(replace(item, name=other) if other else item)
    return list(dict.fromkeys(made))


ELSEWHERE = "--on HOST for one with a GPU"


def _has_builds(name: str) -> bool:
    return any(for_gpu(name, platform, "99") for platform in ("CUDA", "ROCm"))


# -- What that costs ----------------------------------------------------------------------------------------------


async def reckon(part: Part, wanted: Mapping[str, str], context: Context, *, gpu: bool, named: bool) -> None:
    """Say what GPU libraries cost on a machine that has no use for them; more than a little needs a person's yes."""
    if not libraries(wanted):
        return
    there = await machine(context)
    brought = useless(wanted, there.platform)
    if not brought:
        return
    sizes = {fetch.name: fetch.size for fetch in part.fetches if fetch.name in brought}
    known, unknown = sum(size or 0 for size in sizes.values()), None in sizes.values()
    if not sizes:  # all of them in a cache
        part.warnings.append(f"GPU libraries and {there.lacking}: {_some(brought)}; all of them are in a cache already")
        return
    how_much = f"{'at least ' if unknown else ''}{amount(known)}" if known else "an unknown amount"
    why = f" ({there.why})" if there.why else ""
    said = f"{how_much} of GPU libraries ({_some(brought)}) and {there.lacking}{why}"
    if gpu:
        cause = "there is no CPU build to be had" if named else "the project's own files ask for that"
        part.warnings.append(f"{said}: {cause}; {ELSEWHERE}")
    elif known > (NOTABLE if named else HEAVY) or (unknown and len(brought) > 3):
        part.reasons.append(f"{said}; --on a host with one, or --gpu to have them all the same")
    else:
        part.warnings.append(said)


async def told(context: Context, part: Part) -> None:
    """What `--gpu` comes to on this machine."""
    there = await machine(context)
    if there.usable:
        version = f" {there.version}" if there.version else ""
        part.warnings.append(f"GPU: {there.name}, {there.platform}{version} can be used")
    elif not any("no GPU here" in line for line in (*part.warnings, *part.reasons)):
        why = f" ({there.why})" if there.why else ""
        part.warnings.append(f"no GPU here that can be used{why}: the CPU build is installed; {ELSEWHERE}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
