"""The exact versions that fit the machine: other builds of the same packages, where the user's own sources have them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from ..contract import Context
from ..errors import Failed, Unreachable
from .builds import LOCAL, libraries, major, slim, useless
from .gpu import ELSEWHERE, Machine, machine
from .links import Wheel, looking, wheels
from .names import normal, plain
from .part import Part
from .providers.pytags import rank, ranks
from .providers.pytools import Resolved

_TRIES = 3

Resolve = Callable[[Sequence[str], Sequence[str], Mapping[str, str]], Awaitable[Resolved]]
"""Requirement lines, constraints and variables in; the exact versions out. Raises as Tool.resolve does."""


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
