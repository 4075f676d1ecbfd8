"""Maven: what an offline build needs comes into the local repository by a build up to the tests' compilation."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Unreachable, Usage
from ...hosts.here import variables
from ...plan import Step
from ..names import plain
from ..part import Part, Site, counted
from . import grown, jvm, wrapper
from .grownfiles import absent
from .pom import Reactor, reactor_of, read


async def project(site: Site, context: Context, runtime: str) -> Part:
    """What brings a site's dependencies and plugins into the local repository. Says in `warnings` what cannot be done."""
    part = Part()
    above = await reactor_of(site, context)
    if above:
        part.present.append(f"{site.rel} is a module of {above if above != '.' else 'pom.xml'}, which provides for it")
        return part
    reactor = await read(site, context)
    part.basis += [f"{site.label(name)}:{value}" for name, value in sorted(reactor.files.items())]
    if why := _cannot(reactor):
        part.warnings.append(f"{site.label('pom.xml')}: cannot provide for it here, because {why}")
        return part
    try:
        if not await jvm.ready(site, context, part, runtime):
            return part
        home = await jvm.home(context)
        known = await jvm.settings(context, home)
        where = await _repository(reactor, home, known, context)
    except (Failed, Usage, Unreachable) as error:
        part.warnings.append(f"{site.label('pom.xml')}: cannot provide for it here, because {error.what}; {error.hint}")
        return part
    shown = jvm.shown_path(where, context, home)
    own, every = jvm.mirrors(known)
    used = await wrapper.look("maven", site, context, home, part)
    key = grown.key("maven", site, [*part.basis, *map(str, (used.files if used else {}).items())], context)
    there = await grown.complete(key, context)
    if there is not None and (used is None or used.there):
        part.present.append(f"{counted(len(there), 'file')} of {site.label('pom.xml')} in {shown}")
        return part
    program = await wrapper.program("maven", site.label("pom.xml"), used, context, part)
    if not program:
        return part
    size = await wrapper.tell(used, site, context, own, part) if used else None
    strange = [] if every else jvm.foreign(reactor.repositories, own)
    if strange:
        part.reasons.append(
            f"{site.label('pom.xml')} takes packages from {', '.join(strange)}, which your own settings do not name"
        )
    await _lines(site, reactor, where, shown, context, part)
    args: dict[str, JsonValue] = {
        "root": site.rel, "program": list[JsonValue](program), "repository": str(where), "key": key,
        "own": list[JsonValue](sorted(reactor.own)),
    }  # fmt: skip
    main = Step(
        kind="maven",
        does=f"fetch what {site.label('pom.xml')} needs into {shown} with {program[-1].removeprefix('./')}, compiling it once",
        args=args,
        covered=True,
        seconds=15.0 + 5.0 * len(reactor.poms),
        download=size or None,
    )
    roots = [str(where), *([str(used.dists)] if used else [])]
    part.steps += grown.steps(key, roots, shown, main)
    return part


def _cannot(reactor: Reactor) -> str:
    if reactor.broken:
        name, why = next(iter(reactor.broken.items()))
        return f"{name} cannot be read: {why}"
    if reactor.outside:
        return f"its module {reactor.outside[0]} lies outside the project, where nothing could be taken back"
    return ""


async def _repository(reactor: Reactor, home: Path, known: list[jvm.Element], context: Context) -> Path:
    """The local repository that the user's own runs of Maven have. Raises Failed when only a run could tell."""
    given = (await variables(context.host, context.environ, ("MAVEN_OPTS",))).get("MAVEN_OPTS", "")
    named = jvm.option(given, "maven.repo.local")
    if jvm.option(reactor.config, "maven.repo.local"):
        raise Failed(
            "the project's own .mvn options name another local repository", "Take maven.repo.local out of them."
        )
    named = named or next((found for one in known if (found := one.said("localRepository"))), "")
    named = named.replace("${user.home}", str(home))
    path = Path(named) if named else home / ".m2/repository"
    if "${" in named or not path.is_absolute():
        raise Failed(
            f"the local repository {plain(named, 80)} is known to Maven only", "Name an absolute path in settings.xml."
        )
    return path


async def _lines(site: Site, reactor: Reactor, where: Path, shown: str, context: Context, part: Part) -> None:
    """What a person reads before saying yes."""
    named = [one for one in reactor.dependencies if one.version]
    lacking = set(await context.host.call(absent, [str(where / one.pom) for one in named]))
    part.details += [f"not yet in {shown}: {one}" for one in named if str(where / one.pom) in lacking][:60]
    others = len(reactor.poms) - 1
    part.details += [f"{site.label('pom.xml')} has {counted(others, 'module')}"] if others else []
    part.details.append(
        "the project's tests are compiled and not run; one empty test of ours is, so that their engine is there too; "
        "plugins for packaging come when you package"
    )
    obeyed = sorted(name for name in reactor.files if name.startswith(".mvn/"))
    if obeyed:
        part.warnings.append(f"Maven obeys what the project says in {', '.join(map(site.label, obeyed))}")
    plugins = ", ".join(str(one) for one in reactor.plugins[:8])
    part.warnings.append(
        "Maven compiles the project for this, so plugins and annotation processors that it names run"
        + (f", besides Maven's own: {plugins}" if plugins else "")
    )
