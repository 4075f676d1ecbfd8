"""Which build fits the machine: libraries for a GPU are not fetched where there is none, unless a person says so.

What can be used is what the scan found by asking the driver's own library. Names that a person asked for may become those
of another build; what a project's own files ask for stays, and is only met by another build of the same version numbers.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from ..contract import Context
from ..errors import Failed, Unreachable
from ..hosts.base import Host
from .builds import LOCAL, for_gpu, libraries, major, slim, useless, without_gpu
from .index import pypi
from .links import Wheel, looking, wheels
from .names import Named, normal, plain
from .part import Part
from .providers.pytags import rank, ranks
from .providers.pytools import Resolved
from .sizes import amount

NOTABLE = 100_000_000
"""Bytes of GPU libraries that a named package may bring along without a GPU before a person has to agree."""
HEAVY = 1_000_000_000
"""Bytes of them that a project's own files may ask for before a person has to agree."""
_FRESH = 60.0
"""Seconds for which a look at the machine holds: a plan is made twice, and looking takes a second."""
_TRIES = 3

Resolve = Callable[[Sequence[str], Sequence[str], Mapping[str, str]], Awaitable[Resolved]]
"""Requirement lines, constraints and variables in; the exact versions out. Raises as Tool.resolve does."""


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


# -- What was resolved --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chosen:
    """What will be installed after all."""

    found: Resolved
    places: tuple[str, ...] = ()
    """Where an installer has to look besides the index."""
    names: tuple[str, ...] = ()
    """Of packages that took the place of others by name."""


async def fitted(
    lines: Sequence[str], found: Resolved, resolve: Resolve, python: str, context: Context, part: Part, *, gpu: bool,
    named: bool,
) -> Chosen:  # fmt: skip
    """What `lines` lead to, in builds that fit the machine where those are to be had. `named`: a person wrote the lines."""
    twins = [f"{twin}, the build of {name} without" for name, twin in _twins(lines).items()] if named else []
    if not libraries(found.wanted) and not twins:
        return Chosen(found)
    there = await machine(context)
    if there.platform == "CUDA":
        return await _for_driver(lines, found, resolve, there, part, gpu)
    if not useless(found.wanted, there.platform):
        if twins and not there.usable:
            part.details.append(f"what it brings for a GPU is of no use here: there is also {'; '.join(twins)}")
        return Chosen(found)
    chosen = None
    for label in ("rocm", "cpu") if there.usable else ("cpu",):
        chosen = chosen or await _local(lines, found, resolve, python, context, part, label, there)
    if chosen is None and named:
        chosen = await _slim(lines, found, resolve, there, part)
    return chosen or Chosen(found)


async def _local(
    lines: Sequence[str], found: Resolved, resolve: Resolve, python: str, context: Context, part: Part, label: str,
    there: Machine,
) -> Chosen | None:  # fmt: skip
    """A set with `+cpu` (or `+rocm…`) versions, which meet the same requirements; None when no source of the user has one."""
    owners = [name for name in LOCAL if name in found.wanted]
    known = await ranks(context, python) if owners else {}
    offers: dict[str, list[Wheel]] = {}
    for name in owners:
        wanted = _asked(lines, name)
        offers[name] = [
            wheel
            for wheel in await wheels(context, name, label)
            if rank(wheel.filename, known) is not None and wanted.contains(wheel.version, prereleases=True)
        ]
    # Others of the set follow torch: their own build of the matching version, where there is one.
    lead = next((name for name in owners if offers[name]), "")
    for wheel in offers.get(lead, [])[:_TRIES]:
        for extra in ([w for name in owners if name != lead for w in offers[name][:1]], []):
            using = [wheel, *extra]
            places = tuple(dict.fromkeys(w.place for w in using if w.place))
            pins = [f"{_name(w)}=={w.version}" for w in using]
            try:
                other = await resolve(lines, pins, await looking(context, places))
            except (Failed, Unreachable):  # a source that is down is no source
                continue
            if useless(other.wanted, there.platform):
                continue
            _say(found, other, lead, wheel, part, there)
            return Chosen(other, places)
    return None


def _say(found: Resolved, other: Resolved, lead: str, wheel: Wheel, part: Part, there: Machine) -> None:
    number = len(useless(found.wanted, there.platform))
    instead = f"{lead} {found.wanted[lead]} with {number} {'library' if number == 1 else 'libraries'} for CUDA"
    build = "CPU build" if (wheel.version.local or "") == "cpu" else "ROCm build"
    if lead in other.wanted:
        place = f" from {plain(wheel.place, 120)}" if wheel.place else ""
        part.warnings.append(
            f"{there.lacking}: the {build} {lead} {other.wanted[lead]}{place} is installed, not {instead}; {ELSEWHERE}"
        )
    else:
        part.warnings.append(f"{there.lacking}: the {build} of {lead} is kept, and not replaced by {instead}")
    mixed = [name for name in LOCAL if name in other.wanted and "+" not in other.wanted[name]]
    if mixed:
        part.warnings.append(f"{', '.join(mixed)} has no {build} here, and may not load beside that of {lead}")


async def _slim(lines: Sequence[str], found: Resolved, resolve: Resolve, there: Machine, part: Part) -> Chosen | None:
    """A set with the smaller builds of packages that a person named; None when that does not do without the libraries."""
    twins = _twins(lines)
    if not twins:
        return None
    named = {line: _requirement(line) for line in lines}
    instead = [
        f"{twins[needs.name]}{needs.specifier}" if needs.name in twins else line for line, needs in named.items()
    ]
    try:
        other = await resolve(instead, [], {})
    except (Failed, Unreachable):
        return None
    if useless(other.wanted, there.platform):
        return None
    for name, twin in twins.items():
        part.warnings.append(f"{there.lacking}: {twin} is installed, the CPU build of {name}; {ELSEWHERE}")
    return Chosen(other, names=tuple(map(normal, twins.values())))


def _twins(lines: Sequence[str]) -> dict[str, str]:
    """The smaller build by the name as it was written, of lines that name one which brings a GPU's half along."""
    names = [_requirement(line).name for line in lines]
    return {name: twin for name in names if (twin := slim(name))}


async def _for_driver(
    lines: Sequence[str], found: Resolved, resolve: Resolve, there: Machine, part: Part, gpu: bool
) -> Chosen:
    """Older releases where the newest ones need a newer CUDA than the driver runs."""
    runs = int(there.version.partition(".")[0]) if there.version.partition(".")[0].isdigit() else 0
    beyond = {name: cuda for name, version in found.wanted.items() if (cuda := major(name, version)) > runs}
    beyond = {name: beyond[name] for name in libraries(beyond)}
    if not runs or not beyond:
        return Chosen(found)
    needs = f"CUDA {max(beyond.values())}, and the driver of {there.name} runs CUDA up to {there.version}"
    if gpu:
        limits = [f"{name}<0" if f"cu{cuda}" in name or f"cuda{cuda}" in name else f"{name}<{runs + 1}" for name, cuda in beyond.items()]  # fmt: skip
        try:
            other = await resolve(lines, limits, {})
        except (Failed, Unreachable):
            other = None
        if other is not None:
            part.warnings.append(f"older releases are chosen, since the newest need {needs}")
            return Chosen(other)
    part.warnings.append(f"this needs {needs}: it runs on the CPU until the driver is newer")
    return Chosen(found)


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


def _requirement(line: str) -> Requirement:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return Requirement("none")


def _asked(lines: Sequence[str], name: str) -> SpecifierSet:
    """What the lines themselves ask of a package; others of the set are the resolver's to hold."""
    found = SpecifierSet()
    for line in lines:
        needs = _requirement(line)
        if normal(needs.name) == name:
            found &= needs.specifier
    return found


def _name(wheel: Wheel) -> str:
    return normal(wheel.filename.partition("-")[0])
