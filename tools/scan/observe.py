"""Making a fingerprint: the project is read while the machine's programs are asked, all at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..contract import Context
from ..equipment import Equipment
from ..errors import Usage
from ..fingerprint import Fact, FileHash, Fingerprint, Git, HostFacts, Installed, PackageSet, Project, Variable
from ..hosts.here import helped, here, near
from ..made import servers
from . import machine, private, programs, slow
from .git import state
from .host.held import held as held_below
from .host.look import equipment, with_versions
from .missing import NEEDS, Present, listening, missing, ports
from .packages import of_project, of_system
from .project import Survey, survey, wants
from .tree import Limits, collect

Scope = Literal["project", "machine", "all"]


@dataclass(frozen=True)
class Machine:
    """The machine's side of a fingerprint."""

    facts: HostFacts
    packages: list[PackageSet]
    variables: tuple[Variable, ...]
    dotfiles: tuple[FileHash, ...]
    equipment: Equipment


@dataclass(frozen=True)
class Files:
    """The project's side, before it is compared with the machine."""

    survey: Survey
    packages: list[PackageSet]
    pythons: list[Installed]
    git: Git | None


async def observe(context: Context, scope: Scope = "all") -> Fingerprint:
    """The environment of `context.path` now. Reads only, and never fails over what it finds there.

    `project`: services, the project's packages, and the programs that it needs. `machine`: the machine's facts, all
    programs, system packages, variables and dotfiles. Raises Usage when the path is no readable directory.
    """
    at = context.now()
    if scope == "machine":
        side, found, held = await asyncio.gather(_machine(context), programs.installed(context), _held(context))
        return _whole(context, at, side, [*found, *held], None, None)
    if scope == "project":
        files = await _files(context)
        needed = _needed(files.survey)
        found, held = await asyncio.gather(
            programs.installed(context, lambda program: program.name in needed), _held(context)
        )
        held = [item for item in held if item.name in needed]
        return _whole(context, at, None, [*found, *held], files, await _compare(context, files, [*found, *held]))
    side, files, found, held = await asyncio.gather(
        _machine(context), _files(context), programs.installed(context), _held(context)
    )
    return _whole(context, at, side, [*found, *held], files, await _compare(context, files, [*found, *held]))


@dataclass(frozen=True)
class Environ:
    """The variables of the user on that host; those of this process say nothing about another machine."""

    variables: tuple[Variable, ...]
    names: frozenset[str]
    """Of those with a value."""
    active: str
    """The active virtual environment's path."""


async def _environ(context: Context) -> Environ:
    key = await _key(context)
    if near(context.host):
        environ = context.environ if context.host.name == "local" else {}
        names = frozenset(name for name, value in environ.items() if value)
        return Environ(private.variables(environ, key), names, environ.get("VIRTUAL_ENV", ""))
    key = private.host_key(key, context.host.name)
    if await helped(context.host):
        found, active = await context.host.call(private.variables_there, key)
    else:
        found, active = await slow.variables(context.host, key)
    return Environ(tuple(found), frozenset(variable.name for variable in found), active)


async def _key(context: Context) -> bytes:
    try:
        return await here(private.salt, context.state)
    except OSError:
        # Without a place to keep the key, hashes could not be compared with any other time's.
        return b""


SYSTEM = frozenset(
    Path("/", name)
    for name in (
        *("", "bin", "boot", "dev", "etc", "lib", "proc", "run", "sbin", "sys", "usr", "var"),
        "usr/local",
        "var/lib",
    )
)
"""No project, but a container often begins there: what lies below is the system's, or the kernel's and without end."""


def _limits(context: Context) -> Limits:
    """A home directory or a whole disk is no project: a look at what lies on top is all that makes sense."""
    if context.path in SYSTEM:
        return Limits(files=20_000, depth=0, seconds=2.0)
    above = context.path == context.home or context.path in context.home.parents
    return Limits(files=20_000, depth=3, seconds=2.0) if above else Limits()


def _wide(context: Context) -> tuple[Fact, ...]:
    if context.path not in SYSTEM:
        return ()
    what = f"{context.path} is no project's directory, so nothing below it was looked at"
    return (Fact(value=f"{what}; name the project's with --path", rule="wide"),)


async def _held(context: Context) -> list[Installed]:
    if not await helped(context.host):
        return []
    environ = dict(context.environ) if near(context.host) else None
    return await context.host.call(held_below, str(context.home), environ)


async def _machine(context: Context) -> Machine:
    key = await _key(context)
    if not await helped(context.host):
        return await _slow_machine(context, key)
    facts, gpus, packages, dotfiles, environ, more = await asyncio.gather(
        context.host.call(machine.facts, str(context.path)),
        machine.gpus(context),
        context.host.call(of_system),
        _dotfiles(context, key),
        _environ(context),
        equipment(context, _own_key(context, key)),
    )
    return Machine(facts.model_copy(update={"gpus": gpus}), packages, environ.variables, dotfiles, more)


def _own_key(context: Context, key: bytes) -> bytes:
    """The key for hashes that are made on that host."""
    return key if near(context.host) else private.host_key(key, context.host.name)


async def _dotfiles(context: Context, key: bytes) -> tuple[FileHash, ...]:
    if near(context.host):
        return await here(private.dotfiles, str(context.home), key)
    there = private.host_key(key, context.host.name)
    return tuple(await context.host.call(private.dotfiles_there, str(context.home), there))


async def _slow_machine(context: Context, key: bytes) -> Machine:
    """By what a shell can tell."""
    facts, gpus, packages, environ, dotfiles, more = await asyncio.gather(
        slow.facts(context.host, context.path),
        machine.gpus(context),
        slow.system_packages(context.host),
        _environ(context),
        slow.dotfiles(context.host, context.home, private.host_key(key, context.host.name)),
        equipment(context, b""),
    )
    return Machine(facts.model_copy(update={"gpus": gpus}), packages, environ.variables, dotfiles, more)


async def _files(context: Context) -> Files:
    try:
        if not await helped(context.host):
            return await _slow_files(context)
        tree, git = await asyncio.gather(
            context.host.call(collect, str(context.path), wants(), _limits(context), _kept(context)), state(context)
        )
    except OSError as error:
        raise Usage(
            f"{context.path} cannot be read: {error.strerror or error}", "Name a directory that you may read."
        ) from None
    active = (await _environ(context)).active
    found, (packages, pythons) = await asyncio.gather(
        asyncio.to_thread(survey, tree),
        context.host.call(of_project, str(context.path), tree.environments, tree.modules, active),
    )
    return Files(found, packages, pythons, git)


def _kept(context: Context) -> str | None:
    """Where what searching sources gave is remembered: here only. Another host's files are searched over there, and a look
    at it leaves nothing behind."""
    return str(context.state / "cache" / "scan") if near(context.host) else None


async def _slow_files(context: Context) -> Files:
    """The manifests are fetched into a directory here, and read there. Raises OSError."""
    async with slow.fetched(context.host, context.path, wants(), _limits(context)) as copy:
        tree = await here(collect, str(copy), wants(), _limits(context))
        tree.root = str(context.path)
        packages, pythons = await here(of_project, str(copy), tree.environments, tree.modules, "")
        return Files(await here(survey, tree), packages, pythons, None)


def _needed(found: Survey) -> set[str]:
    names = {wanted.name for draft in found.drafts for wanted in draft.runtimes}
    names |= {name for draft in found.drafts for name in draft.tools}
    return names | {need for draft in found.drafts for manager in draft.managers for need in NEEDS.get(manager, ())}


async def _compare(context: Context, files: Files, found: list[Installed]) -> Project:
    own = await here(servers.ports, context.state, context.host.name, context.path)
    wanted = ports(files.survey, own)
    answering = await _listening(context, sorted(set(wanted.values()))) if wanted else frozenset[int]()
    environ = await _environ(context)
    present = Present(
        programs=[*found, *files.pythons],
        packages=files.packages,
        variables=environ.names,
        listening=answering,
        own=own,
    )
    return Project(
        root=str(context.path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
        services=files.survey.services,
        backing=files.survey.backing,
        order=files.survey.order,
        shared=files.survey.shared,
        git=files.git,
        missing=missing(files.survey, present),
        findings=(*_wide(context), *files.survey.findings),
    )


async def _listening(context: Context, ports: list[int]) -> frozenset[int]:
    if not await helped(context.host):
        return await slow.listening(context.host, ports)
    return frozenset(await context.host.call(listening, ports))


def _whole(
    context: Context,
    at: object,
    side: Machine | None,
    found: list[Installed],
    files: Files | None,
    project: Project | None,
) -> Fingerprint:
    pythons = files.pythons if files else []
    everything = programs.distinct([*pythons, *found])
    return Fingerprint.model_validate(
        {
            "at": at,
            "host": context.host.name,
            "facts": side.facts if side else None,
            "runtimes": tuple(item for item in everything if item.name in programs.RUNTIMES),
            "tools": tuple(item for item in everything if item.name not in programs.RUNTIMES),
            "packages": tuple([*(files.packages if files else []), *(side.packages if side else [])]),
            "variables": side.variables if side else (),
            "dotfiles": side.dotfiles if side else (),
            "equipment": with_versions(side.equipment, everything) if side else None,
            "project": project,
        }
    )
