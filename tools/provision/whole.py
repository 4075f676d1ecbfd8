"""All that a project needs: runtimes, databases, each service's packages, and a look whether it works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..contract import Context
from ..errors import Failed, Usage
from ..fingerprint import Fingerprint, Service
from . import checks
from .names import plain
from .part import Part, Provider, Site, counted
from .providers import runtime
from .services import plan as services
from .services.steps import written
from .sites import served, sites


async def plan(found: Fingerprint, context: Context, gpu: bool) -> Part:
    """What brings the project to what the scan and its manifests ask for, in the order in which it must come.

    `gpu` asks for builds that use one. Raises Usage where nothing says what is needed.
    """
    places = [replace(site, gpu=gpu) for site in await sites(found, context)]
    work = [(provider, site) for site in places for provider in served(site)]
    parts = found.project.services if found.project else ()
    missing = found.project.missing if found.project else ()
    others = [
        s for s in parts if (s.manifests or s.lockfiles) and not any(site.service.root == s.root for _, site in work)
    ]
    if not work and not missing and not others:
        raise Usage(
            f"nothing in {context.path} says what it needs: no manifest was found",
            "Go to a project's directory (-C DIR), or name what to install: --packages NAME, --runtimes python@3.11.",
        )
    part = Part()
    await _lacking(found, {provider.ecosystem for provider, _ in work}, context, part)
    await _databases(found, context, part)
    _unset(found, part)
    await _packages(work, context, part)
    for other in others:
        part.warnings.append(_not_served(other))
    if part.steps and (len(work) > 1 or any(step.kind.startswith("service-") for step in part.steps)):
        part.steps += [step for service in parts if (step := checks.step(service)) is not None]
    part.warnings[:] = list(dict.fromkeys(part.warnings))
    return part


async def _lacking(found: Fingerprint, handled: set[str], context: Context, part: Part) -> None:
    """The runtimes that no provider brings."""
    for lack in found.project.missing if found.project else ():
        if lack.kind == "runtime" and lack.name not in handled and runtime.known(lack.name):
            try:
                part.add(await runtime.obtain(runtime.known(lack.name), lack.wanted, context))
            except Failed as error:
                part.warnings.append(f"{error.what}; {error.hint}")


async def _databases(found: Fingerprint, context: Context, part: Part) -> None:
    """A server for each database that the services use, in the order of their start."""
    for name, version in services.needed(found):
        try:
            part.add(await services.plan(name, version, context, found))
        except Failed as error:
            part.warnings.append(f"{error.what}; {error.hint}")
    if (able := services.choices(found)) and not any(step.kind.startswith("service-") for step in part.steps):
        part.warnings.append(f"it can use {' or '.join(able)}: `envsync provision --services NAME` gives it one")


def _unset(found: Fingerprint, part: Part) -> None:
    """The variables that nothing sets, neither now nor by the plan."""
    given = {name for step in part.steps if step.kind == "service-env" for name in written(step)}
    lacks = (lack for lack in found.project.missing if lack.kind == "variable") if found.project else ()
    names = [plain(lack.name) for lack in lacks if lack.name not in given]
    if names:
        some = ", ".join(names[:8]) + (f" and {counted(len(names) - 8, 'other')}" if len(names) > 8 else "")
        part.warnings.append(f"it reads variables that are not set: {some}")


async def _packages(work: Sequence[tuple[Provider, Site]], context: Context, part: Part) -> None:
    """Each service's packages, beside each other where their tools stand that; what goes through apt comes before."""
    chains: dict[str, Part] = {}
    for provider, site in work:
        mine = await provider.project(site, context)
        mine.details = list(dict.fromkeys(mine.details))
        if len(work) > 1 and mine.details:
            mine.details.insert(0, f"{plain(site.rel)}:")
        first = next((n for n, step in enumerate(mine.steps) if not step.kind.startswith("apt")), len(mine.steps))
        part.steps += mine.steps[:first]
        mine.steps = mine.steps[first:]
        key = provider.ecosystem if provider.alone else f"{provider.ecosystem} {site.rel}"
        chains.setdefault(key, Part()).add(mine)
    late = [chain for chain in chains.values() if any(step.kind.startswith("apt") for step in chain.steps)]
    for chain in late:
        part.add(chain)
    part.beside([chain for chain in chains.values() if chain not in late])


def _not_served(service: Service) -> str:
    install = service.commands.get("install")
    how = f"; run: {plain(install.value)}" if install else ""
    name = plain(service.root if service.root not in (".", "") else service.name)
    kind = plain(service.managers[0].value) if service.managers else plain(service.manifests[0])
    return f"{name}: the packages of {kind} are not installed by this version{how}"
