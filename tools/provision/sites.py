"""A project as the places where packages go, and which place and ecosystem a bare name belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from ..contract import Context
from ..errors import Usage
from ..fingerprint import Fingerprint, Service
from .index import pypi
from .names import Named, normal, prefix, suits
from .part import Provider, Site
from .popular import KNOWN, NODE, PYTHON, SYSTEM
from .providers import apt
from .providers.registry import PROVIDERS

_ANYWHERE = ("python", "node")
"""Ecosystems whose packages may be installed into a directory that has no manifest yet."""


async def sites(found: Fingerprint, context: Context) -> list[Site]:
    """The services' directories, the project's own first; each once. Raises Usage when there is none."""
    services = {".": Service(name=context.path.name)}
    services.update({s.root: s for s in (found.project.services if found.project else ())})
    made: list[Site] = []
    for rel, service in sorted(services.items()):
        path = PurePosixPath(rel)
        if path.is_absolute() or ".." in path.parts:
            continue
        root = context.path / rel
        entry = await context.host.stat(root)
        if entry is not None and entry.kind == "directory":
            names = frozenset(item.path.name for item in await context.host.list(root))
            made.append(Site(root, "." if rel in (".", "") else rel, service, names))
    if not made:
        raise Usage(
            f"{context.path} is no directory", "Name the project's directory, or leave it out for the current one."
        )
    parts = tuple(sorted(site.root for site in made))
    return [replace(site, parts=parts) for site in made]


def served(site: Site) -> list[Provider]:
    """The providers that have something to do in a site."""
    return [provider for provider in PROVIDERS if provider.serves(site)]


async def assign(
    named: Sequence[Named], places: Sequence[Site], context: Context
) -> tuple[dict[str, str], list[tuple[Provider, Site, list[Named]]]]:
    """Debian packages (version by name), and the rest by provider and site. Raises Usage when a name fits two places."""
    system: dict[str, str] = {}
    groups: dict[tuple[str, str], tuple[Provider, Site, list[Named]]] = {}
    for item in named:
        choice = await _choose(item, places, context)
        if choice is None:
            system[item.name] = item.version
        else:
            provider, site = choice
            groups.setdefault((provider.ecosystem, site.rel), (provider, site, []))[2].append(item)
    return system, list(groups.values())


async def _choose(item: Named, places: Sequence[Site], context: Context) -> tuple[Provider, Site] | None:
    """Where a name goes; None stands for Debian's packages."""
    if item.ecosystem == "apt":
        return None
    options = [
        (p, site)
        for site in places
        for p in served(site)
        if item.ecosystem in ("", p.ecosystem) and suits(item, p.ecosystem)
    ]
    naming = [(p, site) for p, site in options if await _names(p, site, item, context)]
    if len(naming) == 1:
        return naming[0]
    if not item.ecosystem and not naming and (item.name in SYSTEM or _debian(item.name)):
        return None
    if len(naming) > 1 or len({p.ecosystem for p, _ in options}) > 1:
        return _sorted_out(item, naming or options)
    if len(options) > 1:
        raise Usage(
            f"{item.bare}: for which part of the project?",
            f"Go there and ask again, e.g. envsync -C {options[0][1].rel} provision --packages {item}. "
            f"Parts: {', '.join(site.rel for _, site in options)}.",
        )
    if options:
        provider, site = options[0]
        if provider.ecosystem == "python" and not item.ecosystem:
            if not naming:
                _known_elsewhere(item)
            if await _only_debian(item, context):
                return None
        return provider, site
    return await _without_project(item, places, context)


def _sorted_out(item: Named, options: Sequence[tuple[Provider, Site]]) -> tuple[Provider, Site]:
    """Well-known names belong to one ecosystem; for others a person is asked."""
    name = item.bare
    likely = [eco for eco, known in KNOWN.items() if (normal(name) if eco == "python" else name) in known]
    if len(likely) == 1:
        fitting = [(p, site) for p, site in options if p.ecosystem == likely[0]]
        if len(fitting) == 1:
            return fitting[0]
    where = [f"{prefix(p.ecosystem)}:{name} ({site.rel})" for p, site in options]
    raise Usage(
        f"{name}: which one is meant, {' or '.join(where)}?",
        "Write the prefix, or apt: for a package of the system; or go to the part's own directory first.",
    )


def _known_elsewhere(item: Named) -> None:
    """In a Python project a name known from npm is asked about: on PyPI somebody else owns it. Raises Usage."""
    if item.bare in NODE and normal(item.name) not in PYTHON:
        raise Usage(
            f"{item.bare} is known from npm, and this is a Python project: which one is meant?",
            f"Write npm:{item.bare}, or pip:{item.bare} for what PyPI has under that name.",
        )


async def _without_project(item: Named, places: Sequence[Site], context: Context) -> tuple[Provider, Site] | None:
    """In a directory that is of no ecosystem the name itself has to tell."""
    root = places[0]
    by_name = {provider.ecosystem: provider for provider in PROVIDERS}
    if item.ecosystem in _ANYWHERE:
        return by_name[item.ecosystem], root
    if item.ecosystem:
        raise Usage(
            f"{item.bare}: no part of {root.root} is of that kind",
            f"{prefix(item.ecosystem)}: packages go into a project's own manifest: make one first, or go to its directory.",
        )
    likely = [eco for eco, known in (("python", PYTHON), ("node", NODE)) if item.bare.lower() in known]
    if len(likely) == 1:
        return by_name[likely[0]], root
    if "[" in item.name:
        return by_name["python"], root
    if item.name.startswith("@"):
        return by_name["node"], root
    raise Usage(
        f"{item.bare}: from where? There is no project here that says so",
        f"Write pip:{item.bare}, npm:{item.bare} or apt:{item.bare}; what belongs into another kind of manifest needs that first.",
    )


async def _names(provider: Provider, site: Site, item: Named, context: Context) -> bool:
    declared = await provider.declared(site, context)
    return (normal(item.name) if provider.ecosystem == "python" else item.name) in declared


async def _only_debian(item: Named, context: Context) -> bool:
    """Whether Debian has the name and the Python index does not."""
    if not await apt.candidate(item.bare, context):
        return False
    return await pypi(context, item.bare) is None


def _debian(name: str) -> bool:
    return name.startswith("lib") and name.endswith("-dev")
