"""What a writer is: a pure function from what the scan saw of a project to the text of files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...fingerprint import Fact, PackageSet, Project, Service


@dataclass(frozen=True)
class File:
    """One file to be written."""

    path: str
    """Relative to the project's root."""
    text: str
    also: tuple[str, ...] = ()
    """Other names of the same thing: where one of them is there, it is written instead of a second one beside it."""
    keep: bool = False
    """Made only where there is none: one that is there stays as it is."""


@dataclass(frozen=True)
class Made:
    """What a writer makes of a project."""

    files: tuple[File, ...] = ()
    notes: tuple[str, ...] = ()
    """What is left out and why, and what a person must do besides."""


@dataclass(frozen=True)
class Seen:
    """What a writer may look at: the scan's findings, the manifests that it reads, and what lies in the services' roots."""

    project: Project
    packages: Sequence[PackageSet] = ()
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Content by path, relative to the project's root; what could not be read is missing."""
    names: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Names of the entries of a service's root, by that root; the project's own root is there as `.`."""

    def has(self, root: str, *names: str) -> str:
        """The first of `names` that lies in a root; empty when none does."""
        there = self.names.get(root, frozenset[str]())
        return next((name for name in names if name in there), "")

    def text(self, root: str, name: str) -> str:
        """The text of a manifest in a root; empty when it was not read."""
        return self.texts.get(at(root, name), "")


@dataclass(frozen=True)
class Writer:
    """One kind of file that `envsync scan --write` knows."""

    name: str
    make: Callable[[Seen], Made]
    reads: Callable[[Project], Sequence[str]]
    """Paths of the manifests whose text it wants, relative to the project's root."""


def at(root: str, name: str) -> str:
    """The path of a file in a service's root, relative to the project."""
    return name if root in ("", ".") else f"{root}/{name}"


def no_texts(_: Project) -> Sequence[str]:
    """For a writer that needs no manifest's text."""
    return ()


def manifests(project: Project) -> Sequence[str]:
    """The manifests of every service."""
    return tuple(dict.fromkeys(path for service in project.services for path in service.manifests))


def runs(service: Service) -> bool:
    """Whether a service is something that can be started, and no library or a monorepo's head."""
    return service.role not in ("library", "workspace")


def surest(facts: Sequence[Fact]) -> str:
    """The value of the finding that the scan is surest of, the first of equals; empty without any."""
    return max(facts, key=lambda fact: fact.confidence).value if facts else ""


def port(service: Service) -> int:
    """The port that a service most likely listens on; 0 when none is known."""
    found = surest(service.ports)
    return int(found) if found.isdecimal() and 0 < int(found) < 65536 else 0


def command(service: Service, *purposes: str) -> str:
    """The first known command of these purposes; empty when there is none."""
    return next((service.commands[purpose].value for purpose in purposes if purpose in service.commands), "")


def slug(name: str, other: str = "app") -> str:
    """A name as a compose service, an image or a task may be called: lower case letters, digits, `-` and `_`."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name.lower()).strip("-_")
    return kept[:60] or other


def slugs(services: Sequence[Service], reserved: Iterable[str] = ()) -> dict[str, str]:
    """A slug for each service by root, no two the same and none that is reserved."""
    found: dict[str, str] = {}
    for service in services:
        wanted = slug(service.name, slug(service.root.rpartition("/")[2]))
        taken = {*found.values(), *reserved}
        found[service.root] = next(
            name
            for name in (wanted, slug(service.root), *(f"{wanted}-{n}" for n in range(2, 999)))
            if name not in taken
        )
    return found
