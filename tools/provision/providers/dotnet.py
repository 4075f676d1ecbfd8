""".NET: NuGet packages through `dotnet restore`, as locked where there is a lock, and `dotnet add package`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Unreachable, Usage
from ...hosts.here import variables
from ...plan import Step
from ..index import text
from ..names import Named, plain
from ..part import Part, Site, counted, digest
from ..trust import by_person
from . import grown, nuget, toolchain
from .dotnetfiles import FILES, PROJECTS, SOLUTIONS, Solution, solution
from .dotnetsteps import ENV, needs
from .gathered import SKIP, gather
from .grownfiles import absent
from .jvm import shown_path
from .xmlfile import Unreadable, parse


class DotNetProvider:
    """See Provider."""

    ecosystem = "dotnet"
    alone = True
    """Two restores write the same packages' folder and the same project files' results."""

    def serves(self, site: Site) -> bool:
        """See Provider.serves."""
        return any(name.lower().endswith((*PROJECTS, *SOLUTIONS)) for name in site.files)

    async def declared(self, site: Site, context: Context) -> frozenset[str]:
        """See Provider.declared."""
        found = await _read(site, context)
        return frozenset(name for project in found.projects for name in found.packages(project))

    async def project(self, site: Site, context: Context, runtime: str = "") -> Part:
        """See Provider.project."""
        part = Part()
        above = await _covered(site, context)
        if above:
            part.present.append(f"{site.rel} is a part of {above}, which provides for it")
            return part
        found = await _read(site, context)
        part.basis += _basis(site, found)
        label = site.label(found.targets[0] if found.targets else ".")
        if why := await _cannot(found, site, context, part, runtime):
            part.warnings.append(f"{label}: cannot provide for it here, because {why}")
            return part
        if any(step.kind != "dotnet" for step in part.steps):
            return part
        where = await _packages(context)
        shown = shown_path(where, context)
        needed = await needs(str(site.root), dict[str, JsonValue](found.locks), context)
        if needed is not None and not await context.host.call(absent, needed):
            part.present.append(f"{counted(len(needed), 'package')} of {label} in {shown}")
            return part
        await _sources(label, found, context, part)
        modes = _modes(found)
        _lines(site, found, part)
        locks = {name: digest(content) for name, content in found.texts.items() if name.endswith("packages.lock.json")}
        key = grown.key("dotnet", site, part.basis, context)
        args: dict[str, JsonValue] = {
            "root": site.rel, "key": key, "targets": dict[str, JsonValue](modes), "locks": dict[str, JsonValue](locks),
            "expect": dict[str, JsonValue](found.locks),
        }  # fmt: skip
        how = " as locked" if set(modes.values()) == {"locked"} else ""
        does = f"restore the packages of {label}{how} into {shown}"
        seconds = 5.0 + 3.0 * len(found.projects)
        main = Step(kind="dotnet", does=does, args=args, covered=True, seconds=seconds)
        part.steps += grown.steps(key, [str(where)], shown_path(where, context), main)
        return part

    async def packages(self, site: Site, named: Sequence[Named], context: Context) -> Part:
        """See Provider.packages."""
        part = Part()
        found = await _read(site, context)
        part.basis += _basis(site, found)
        if why := await _cannot(found, site, context, part, ""):
            raise Failed(f"cannot add packages here, because {why}", "Nothing was changed.")
        if part.steps:
            return part
        if len(found.projects) != 1:
            raise Usage(
                f"{site.label('.')} has {counted(len(found.projects), 'project')}: which one is meant?",
                f"Go to its own directory first: {', '.join(plain(name, 80) for name in found.projects[:6]) or 'there is none'}.",
            )
        project = found.projects[0]
        declared, where = found.packages(project), await _packages(context)
        await _sources(site.label(project), found, context, part)
        urls, _ = found.sources
        for item in named:
            there = next((version for name, version in declared.items() if name.lower() == item.name.lower()), None)
            if there is not None and item.version in ("", there):
                part.present.append(f"{item.name} {there}".strip())
                continue
            entry = await nuget.find(item, urls, context)
            part.details.append(entry.detail)
            if there is None and not by_person(item, context):
                part.reasons.append(f"neither you nor a file of this project named {item.name}")
            key = grown.key("dotnet-add", site, [*part.basis, entry.name, entry.version], context)
            args: dict[str, JsonValue] = {
                "root": site.rel, "key": key, "project": project, "add": [entry.name, entry.version], "targets": {},
                "expect": {entry.name: entry.version}, "changes": {entry.name: [there or "", entry.version]},
            }  # fmt: skip
            does = f"add {entry.name} {entry.version} to {site.label(project)} with dotnet"
            main = Step(kind="dotnet", does=does, args=args, covered=True, seconds=8.0)
            part.steps += grown.steps(key, [str(where)], shown_path(where, context), main)
        return part


async def _read(site: Site, context: Context) -> Solution:
    return solution(await context.host.call(gather, str(site.root), FILES, sorted(SKIP)))


def _basis(site: Site, found: Solution) -> list[str]:
    return [f"{site.label(name)}:{digest(content)}" for name, content in sorted(found.texts.items())]


async def _covered(site: Site, context: Context) -> str:
    """The solution above this site that has all its projects; empty when there is none."""
    own = [name for name in site.files if name.lower().endswith(PROJECTS)]
    rel = PurePosixPath(site.rel)
    for above in rel.parents if site.rel != "." else ():
        folder = context.path / above
        entries = [entry.path.name for entry in await context.host.list(folder)]
        if not any(name.lower().endswith(SOLUTIONS) for name in entries):
            continue
        found = solution(await context.host.call(gather, str(folder), FILES, sorted(SKIP)))
        inside = rel.relative_to(above)
        if own and all(str(inside / name) in found.projects for name in own):
            return str(above / found.targets[0])
    return ""


async def _cannot(found: Solution, site: Site, context: Context, part: Part, runtime: str) -> str:
    """Why nothing can be done; `part` gets the steps that bring the SDK where that is what is missing."""
    if found.broken:
        name, why = next(iter(found.broken.items()))
        return f"{name} cannot be read: {why}"
    if found.outside:
        return f"{found.outside[0]} lies outside of it, where nothing could be taken back"
    if not found.projects:
        return "it has no projects"
    if found.old:
        return f"{plain(found.old[0], 80)} is a project of the .NET Framework, whose packages only its own tools fetch"
    wants = [
        want.model_copy(update={"spec": f">={want.spec}"})
        if want.name == "dotnet" and re.fullmatch(r"\d+(\.\d+){0,2}", want.spec)
        else want
        for want in site.service.runtimes
    ]  # a newer SDK builds for an older framework
    there = replace(site, service=site.service.model_copy(update={"runtimes": tuple(wants)}))
    try:
        if not await toolchain.ready("dotnet", there, context, part, runtime):
            return ""
    except (Failed, Usage, Unreachable) as error:
        return f"{error.what}; {error.hint}"
    # The SDK chooser reads global.json and nothing else; no build file runs for this.
    done = await context.host.run(["dotnet", "--version"], cwd=site.root, env=ENV, timeout=60)
    if done.code != 0:
        return f"no installed .NET SDK is what global.json asks for: {plain(done.error or done.text, 200)}"
    return ""


async def _packages(context: Context) -> Path:
    """The folder that restored packages go into."""
    given = (await variables(context.host, context.environ, ("NUGET_PACKAGES",))).get("NUGET_PACKAGES", "")
    if given:
        return Path(given)
    for path in nuget.configs(context):
        content = await text(context.host, path)
        try:
            settings = [add for add in parse(content).all("config/add")] if content else []
        except Unreadable:
            continue
        for add in settings:
            value = add.attributes.get("value", "")
            if add.attributes.get("key", "").lower() == "globalpackagesfolder" and value.startswith("/"):
                return Path(value)
    return context.home / ".nuget/packages"


async def _sources(label: str, found: Solution, context: Context, part: Part) -> None:
    """Sources of packages that the project's own files name are for a person to look at."""
    urls, folders = found.sources
    own = {urlsplit(url).netloc.rpartition("@")[2].lower() for url in await nuget.sources(context)}
    strange = sorted({plain(urlsplit(url).netloc.rpartition("@")[2], 100).lower() for url in urls} - own)
    if strange:
        part.reasons.append(
            f"{label} takes packages from {', '.join(strange)}, which your own NuGet settings do not name"
        )
    if folders:
        part.warnings.append(
            f"packages also come from a folder that the project names: {', '.join(plain(f, 80) for f in folders[:4])}"
        )


def _modes(found: Solution) -> dict[str, str]:
    """What is restored how: each project by itself when only some have a lock."""
    locked = [project for project in found.projects if found.locked(project)]
    if locked and len(locked) < len(found.projects):
        return {project: "locked" if project in locked else "open" for project in found.projects}
    return dict.fromkeys(found.targets, "locked" if locked else "open")


def _lines(site: Site, found: Solution, part: Part) -> None:
    locks = found.locks
    versions = {name: version for project in found.projects for name, version in found.packages(project).items()}
    lines = [f"{name} {version}".strip() for name, version in sorted({**versions, **locks}.items())]
    part.details += lines[:60] + ([f"… and {len(lines) - 60} more"] if len(lines) > 60 else [])
    unlocked = [project for project in found.projects if not found.locked(project) and found.packages(project)]
    if unlocked:
        part.warnings.append(
            f"there is no packages.lock.json for {', '.join(plain(site.label(p), 80) for p in unlocked[:3])}: NuGet chooses the versions"
        )
    part.warnings.append("project files are programs of MSBuild: a restore runs what they and their imports say")
