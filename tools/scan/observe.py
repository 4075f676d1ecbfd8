"""Making a fingerprint: the project is read while the machine's programs are asked, all at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from ..contract import Context
from ..errors import Usage
from ..fingerprint import FileHash, Fingerprint, Git, HostFacts, Installed, PackageSet, Project, Variable
from . import machine, private, programs
from .git import state
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


def _environ(context: Context) -> dict[str, str]:
    """The user's variables: those of this process say nothing about another machine."""
    return context.environ if context.host.name == "local" else {}


def _limits(context: Context) -> Limits:
    """A home directory or a whole disk is no project: a look at what lies on top is all that makes sense."""
    above = context.path == context.home or context.path in context.home.parents
    return Limits(files=20_000, depth=3, seconds=2.0) if above else Limits()


async def _held(context: Context) -> list[Installed]:
    return await context.host.call(programs.held, str(context.home))


async def _machine(context: Context) -> Machine:
    try:
        key = await asyncio.to_thread(private.salt, context.state)
    except OSError:
        # Without a place to keep the key, hashes could not be compared with any other time's.
        key = b""
    facts, gpus, packages, dotfiles = await asyncio.gather(
        context.host.call(machine.facts, str(context.path)),
        machine.gpus(context),
        context.host.call(of_system),
        context.host.call(private.dotfiles, str(context.home), key),
    )
    return Machine(
        facts.model_copy(update={"gpus": gpus}), packages, private.variables(_environ(context), key), dotfiles
    )


async def _files(context: Context) -> Files:
    try:
        tree, git = await asyncio.gather(
            context.host.call(collect, str(context.path), wants(), _limits(context)), state(context)
        )
    except OSError as error:
        raise Usage(
            f"{context.path} cannot be read: {error.strerror or error}", "Name a directory that you may read."
        ) from None
    found, (packages, pythons) = await asyncio.gather(
        asyncio.to_thread(survey, tree),
        context.host.call(
            of_project, str(context.path), tree.environments, tree.modules, _environ(context).get("VIRTUAL_ENV", "")
        ),
    )
    return Files(found, packages, pythons, git)


def _needed(found: Survey) -> set[str]:
    names = {wanted.name for draft in found.drafts for wanted in draft.runtimes}
    names |= {name for draft in found.drafts for name in draft.tools}
    return names | {need for draft in found.drafts for manager in draft.managers for need in NEEDS.get(manager, ())}


async def _compare(context: Context, files: Files, found: list[Installed]) -> Project:
    wanted = ports(files.survey)
    answering = await context.host.call(listening, sorted(set(wanted.values()))) if wanted else frozenset[int]()
    present = Present(
        programs=[*found, *files.pythons],
        packages=files.packages,
        variables=frozenset(name for name, value in _environ(context).items() if value),
        listening=answering,
    )
    return Project(
        root=str(context.path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
        services=files.survey.services,
        git=files.git,
        missing=missing(files.survey, present),
        findings=files.survey.findings,
    )


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
            "project": project,
        }
    )
