"""What a plan for gems has to see to first, and what it has to say: the Ruby, the place, the tools, what runs code."""

from __future__ import annotations

from pathlib import Path

from ...contract import Context
from ...errors import Failed, Usage
from ..index import without_user
from ..names import Named, plain, shown
from ..part import Part, Site
from ..popular import RUBY
from ..trust import by_person, nearest
from . import apt
from .folders import links
from .rubyfiles import Declared, Settings, settings
from .rubytools import Looked, Ruby, bundler, ruby
from .rubyversions import order, satisfies
from .runtime import obtain

FOLDER = "vendor/bundle"


async def own_ruby(declared: Declared, context: Context, part: Part) -> Ruby | None:
    """The host's Ruby when it is what the Gemfile asks for; None when `part` brings one first. Raises Failed."""
    own = await ruby(context)
    lines = [line if line[:1] in "=<>~!" else f"~> {line}" for line in declared.ruby]
    if not lines or satisfies(own.version, lines):
        return own
    spec = declared.ruby[0] if len(declared.ruby) == 1 and declared.ruby[0][:1].isdigit() else ""
    if not spec:
        raise Failed(
            f"the Gemfile asks for Ruby {plain(', '.join(declared.ruby), 60)} and this host has {own.version}",
            "Install such a Ruby, then ask again.",
        )
    part.add(await obtain("ruby", spec, context))
    part.warnings.append("the packages are planned when that Ruby is there: ask again then")
    return None


async def settle_place(site: Site, declared: Declared, own: Ruby, context: Context) -> Settings:
    """Where gems go, and that it can be. Raises Failed."""
    place = await settings(site, context)
    if place.system:
        raise Failed(
            f"{plain(place.by)} sends gems among the system's own, which needs root and cannot be taken back",
            f"`bundle config set --local path {FOLDER}` keeps them in the project.",
        )
    path = place.path or FOLDER
    parts = [] if outside(path) else list(Path(path).parts)
    blocked = await context.host.call(links, str(site.root), parts) or await context.host.call(
        links, str(site.root), [".bundle"]
    )
    if blocked:
        raise Failed(
            f"{plain(blocked)} is a link or no directory: what lies behind it could not be taken back",
            "Make it a directory of the project, then ask again.",
        )
    foreign = [source for source in dict.fromkeys(declared.sources) if _bare(source) not in own.sources]
    declared.foreign += [plain(_bare(source), 100) for source in foreign]
    return place


def _bare(address: str) -> str:
    return without_user(address)[0]


def outside(path: str) -> bool:
    return path.startswith(("/", "~")) or ".." in Path(path).parts


async def tools(looked: Looked, own: Ruby, context: Context, part: Part) -> None:
    """What bundler and compilers lack here, through apt where that can be. Raises Failed without bundler."""
    needs: dict[str, str] = {}
    if not await bundler(context):
        needs["ruby-bundler"] = ""
    compiled = bool(looked.builds or looked.unknown)
    if compiled and own.defaults.startswith("/usr/lib/"):
        needs.update({} if own.headers else {"ruby-dev": ""})
        for program, package in (("make", "make"), ("cc", "gcc")):
            done = await context.host.run([program, "--version"], cwd=Path("/"), timeout=15)
            needs.update({package: "", "libc6-dev": ""} if done.code == 127 else {})
    if not needs:
        return
    try:
        brought = await apt.plan(needs, context)
        part.add(brought)
        if "ruby-bundler" in needs and not brought.steps:
            raise Failed("`bundle --version` does not answer", "Mend it first.")
    except (Failed, Usage) as error:
        if "ruby-bundler" in needs:
            raise Failed(
                f"bundler is not installed, and {error.what}", f"{error.hint} Or: gem install bundler"
            ) from None
        part.warnings.append(f"the gems that are compiled need {', '.join(sorted(needs))}: {error.what}")


def unknown(item: Named, versions: list[str], declared: Declared) -> Usage:
    """What to say of a gem or a version that the index does not have."""
    if versions:
        last = ", ".join(sorted(set(versions), key=order)[-5:])
        return Usage(
            f"the index of gems has no {shown(str(item))} that runs here",
            f"Its newest versions are {plain(last)}. Name one of them, or leave the version out.",
        )
    near = nearest(item.name, RUBY | declared.names, slips=2)
    return Usage(
        f"the index of gems has no {shown(item.name)}",
        (f"Did you mean {near}? " if near else "Check the name. ")
        + "Nothing was installed: a name that does not exist can be registered by anybody.",
        near=near,
    )


def doubts(item: Named, declared: Declared, context: Context) -> list[str]:
    found: list[str] = []
    near = "" if item.name in RUBY else nearest(item.name, RUBY | declared.names)
    if near:
        found.append(f"{item.name} looks like {near}, which is another gem")
    if not by_person(item, context):
        found.append(f"neither you nor a file of this project named {item.name}")
    return found


def said(site: Site, declared: Declared, place: Settings, looked: Looked, part: Part, probable: bool = False) -> None:
    """What a person must know before bundler runs."""
    part.details.append(f"bundler evaluates {site.label(declared.manifest)}, which is Ruby code of this project")
    if looked.builds:
        part.warnings.append(
            f"built by code of their own (native extensions){', probably' if probable else ''}: {plain(', '.join(looked.builds), 400)}"
        )
    if looked.unknown:
        part.reasons.append(
            f"whether {plain(', '.join(looked.unknown[:8]))} build by code of their own cannot be told before they are fetched"
        )
    if declared.foreign:
        part.reasons.append(f"the project takes gems from elsewhere: {'; '.join(dict.fromkeys(declared.foreign))}")
    if place.told:
        part.reasons.append(f"the project's .bundle/config needs your eye: it {', '.join(place.told[:5])}")
    if place.path and outside(place.path):
        part.reasons.append(
            f"gems go to {plain(place.path)} ({plain(place.by)}), outside the project: they cannot be taken back"
        )
    if declared.plugins:
        part.warnings.append(
            f"plugins of bundler that are not installed: {', '.join(declared.plugins)}; `bundle plugin install NAME` does"
        )
    if place.elsewhere and not place.path:
        part.warnings.append(
            f"BUNDLE_APP_CONFIG is {plain(place.elsewhere)}, so bundler does not read the project's own settings: "
            f"run it with BUNDLE_PATH={FOLDER}"
        )
