"""What providers get and give: a site (one service's directory) in, a part of a plan out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from blake3 import blake3

from ..contract import Context, Output, Progress
from ..fingerprint import Service
from ..hosts.base import Completed
from ..plan import Step
from .names import Named


@dataclass(frozen=True)
class Fetch:
    """A package whose file has to be fetched."""

    name: str
    size: int | None
    """Bytes; None when nobody told."""


@dataclass(frozen=True)
class Site:
    """One service of the project: where it lies and what lies there."""

    root: Path
    rel: str
    """Relative to the project's path; `.` for the path itself."""
    service: Service
    files: frozenset[str]
    """Names directly in `root`."""
    gpu: bool = False
    """Whether builds that use a GPU are asked for."""
    parts: tuple[Path, ...] = ()
    """The directories of all parts of the project, sorted."""

    def label(self, name: str) -> str:
        """A path below this site as people read it from the project's root."""
        return name if self.rel == "." else f"{self.rel}/{name}"


@dataclass
class Part:
    """A provider's share of a plan. `absent` says what it could not provide and why; `reasons` raise the risk to R3."""

    steps: list[Step] = field(default_factory=list[Step])
    details: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    reasons: list[str] = field(default_factory=list[str])
    present: list[str] = field(default_factory=list[str])
    """What is there already, e.g. `15 packages in .venv`."""
    basis: list[str] = field(default_factory=list[str])
    differences: list[str] = field(default_factory=list[str])
    """Lines of unified diffs, without secrets."""
    fetches: list[Fetch] = field(default_factory=list[Fetch])
    """What its steps fetch, as far as names are known; not what a cache on the host has."""

    def add(self, other: Part) -> None:
        """Append another part to this one."""
        self.steps += other.steps
        self.details += other.details
        self.warnings += other.warnings
        self.reasons += other.reasons
        self.present += other.present
        self.basis += other.basis
        self.differences += other.differences
        self.fetches += other.fetches

    def beside(self, others: Sequence[Part]) -> None:
        """Append parts that do not wait for each other, only for all that this one holds already."""
        if len(others) == 1:
            self.add(others[0])
            return
        before = tuple(range(len(self.steps)))
        for other in others:
            first = len(self.steps)
            steps = [
                step.model_copy(update={"after": before + tuple(range(first, first + number))})
                for number, step in enumerate(other.steps)
            ]
            self.add(replace(other, steps=steps))


class Provider(Protocol):
    """Brings one ecosystem's packages into a site. Its steps' kinds carry the work out and check it."""

    ecosystem: str
    """`python`, `node`: what a name's prefix selects."""
    alone: bool
    """True: two sites of it must not be worked on at the same time, since its tool's own cache would not stand that."""

    def serves(self, site: Site) -> bool:
        """Whether this site is of this ecosystem."""
        ...

    async def declared(self, site: Site, context: Context) -> frozenset[str]:
        """The package names that the site's own manifests and lockfiles have."""
        ...

    async def project(self, site: Site, context: Context, runtime: str = "") -> Part:
        """What brings the site to what its manifests ask; empty steps when it is there. `runtime` is a wanted version."""
        ...

    async def packages(self, site: Site, named: Sequence[Named], context: Context) -> Part:
        """What installs the named packages. Raises Usage for a name or version that does not exist."""
        ...


def digest(content: str) -> str:
    """BLAKE3 (hex, 64 characters) of a text."""
    return blake3(content.encode("utf-8", "surrogatepass")).hexdigest()


async def command(
    context: Context,
    argv: Sequence[str],
    label: str,
    *,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    stdin: bytes = b"",
    timeout: float = 1800,
) -> Completed:
    """Run a step's command with its output passed on as it comes."""
    context.report(Progress(label))

    def pass_on(stream: str, chunk: bytes) -> None:
        context.report(Output(chunk.decode("utf-8", "backslashreplace"), stream))

    return await context.host.run(argv, cwd=cwd, env=env, stdin=stdin, timeout=timeout, output=pass_on)


def tail(done: Completed, lines: int = 12) -> str:
    """The end of what a failed command said: its error output, or else its output."""
    said = (done.error.strip() or done.text.strip()).splitlines()
    return "\n".join(line[:300] for line in said[-lines:]) or f"exit code {done.code}"


def counted(number: int, noun: str) -> str:
    """`1 package`, `3 packages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
