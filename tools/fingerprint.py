"""The fingerprint: the typed record of an environment at one moment. Compact, portable, no secrets."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from blake3 import blake3
from pydantic import Field

from .equipment import Equipment
from .plan import Data, canonical


class Evidence(Data):
    """Where a finding comes from."""

    path: str
    """Relative to the project's root; `PATH` or a command for findings about the machine."""
    key: str = ""
    """The key, line or pattern inside it, e.g. `project.requires-python`."""


class Fact(Data):
    """A finding: a value, how sure the scan is (0 to 1), which rule fired, and on what evidence."""

    value: str
    confidence: float = 1.0
    rule: str = ""
    evidence: tuple[Evidence, ...] = ()


class Wanted(Data):
    """A runtime or tool that the project asks for, in its ecosystem's own version syntax."""

    name: str
    spec: str = ""
    """`>=3.11`, `20`, `^18 || ^20`; empty means any."""
    evidence: tuple[Evidence, ...] = ()
    confidence: float = 1.0
    """Of the version: what a manifest asks for is sure, what only a CI file or a dev container names is not."""

    @property
    def firm(self) -> str:
        """The version as far as it is more than a hint: what is tested with one may well run with another."""
        return self.spec if self.confidence > 0.5 else ""


class Missing(Data):
    """Declared but not present, with the fix."""

    kind: Literal["runtime", "tool", "packages", "service", "variable", "file"]
    name: str
    wanted: str = ""
    actual: str = ""
    """What is there instead; empty when nothing is."""
    fix: str = ""
    """What to type, e.g. `envsync provision` or `set DATABASE_URL`."""
    service: str = ""
    """The service's root, when the project has several."""


class Service(Data):
    """One part of a project: a root directory with its stack."""

    name: str
    root: str = "."
    """Relative to the project's root."""
    role: str = "unknown"
    """frontend, backend, worker, database, cache, proxy, job, library, static, workspace (a root that only holds a
    monorepo together) or unknown."""
    languages: tuple[Fact, ...] = ()
    """Most used first, by bytes of source."""
    runtimes: tuple[Wanted, ...] = ()
    managers: tuple[Fact, ...] = ()
    """Package managers by name: uv, pip, poetry, npm, pnpm, yarn, bun, go, cargo, maven, gradle, bundler, composer …"""
    manifests: tuple[str, ...] = ()
    """Relative to the project's root, as all paths of evidence are."""
    lockfiles: tuple[str, ...] = ()
    """Likewise; those of the workspace for its members."""
    frameworks: tuple[Fact, ...] = ()
    commands: dict[str, Fact] = Field(default_factory=dict)
    """By purpose: install, build, start, dev, test, worker, cli (what a package offers) …; typed in the service's root."""
    ports: tuple[Fact, ...] = ()
    databases: tuple[Fact, ...] = ()
    """By canonical name: postgresql, mysql, sqlite, redis, mongodb, rabbitmq …"""
    variables: tuple[Fact, ...] = ()
    """Names of environment variables that it reads; never values."""
    needs: tuple[Fact, ...] = ()
    """What must run before it: databases by canonical name, other services by root."""


class Backing(Data):
    """Something that the project's files run beside its own services: a database, cache, queue, proxy."""

    name: str
    """Canonical (`postgresql`), or as it is called in the file where that is unknown."""
    role: str
    """database, cache, queue, proxy, mail, storage, search, monitoring or unknown."""
    label: str = ""
    """What the compose file calls it."""
    image: str = ""
    version: str = ""
    """The image's tag, as far as it is a version."""
    ports: tuple[int, ...] = ()
    """On this machine where the file says so."""
    profiles: tuple[str, ...] = ()
    """It only runs when one of these is asked for."""
    evidence: tuple[Evidence, ...] = ()


class Git(Data):
    """The repository's state as facts."""

    head: str
    """The commit's id; empty on an unborn branch."""
    branch: str
    """Empty when HEAD is detached."""
    index: str
    """BLAKE3 of the index file; empty without one."""
    dirty: bool = False


class Project(Data):
    """What the scan found in a directory."""

    root: str
    services: tuple[Service, ...] = ()
    backing: tuple[Backing, ...] = ()
    order: tuple[tuple[str, ...], ...] = ()
    """Waves of the start: names of databases and roots of services; what is in one wave may start together."""
    shared: tuple[Fact, ...] = ()
    """What the services have in common: workspaces and monorepo tools."""
    git: Git | None = None
    missing: tuple[Missing, ...] = ()
    findings: tuple[Fact, ...] = ()
    """Contradictions, files that could not be read, and other things worth saying."""


class HostFacts(Data):
    """The machine itself."""

    os: str
    """e.g. `debian 12`, `macos 15.1`."""
    kernel: str
    arch: str
    cpu: str = ""
    cores: int = 0
    memory: int = 0
    """Bytes."""
    disk: int = 0
    """Bytes of the file system that holds the project."""
    disk_free: int = 0
    gpus: tuple[str, ...] = ()
    """As a driver really reports them; empty means none that can be used."""


class Installed(Data):
    """A runtime or tool on PATH."""

    name: str
    version: str
    """Empty when it did not say within its time-out."""
    path: str


class PackageSet(Data):
    """The packages of one environment."""

    manager: str
    """`pip`, `npm` or `apt`."""
    where: str
    """Relative path of the environment (`.venv`, `node_modules`), or `system`."""
    packages: dict[str, str] = Field(default_factory=dict)
    """Version by name."""


class Variable(Data):
    """An environment variable: its name and a salted hash of its value, never the value."""

    name: str
    digest: str


class FileHash(Data):
    """A config file outside the project, by content hash."""

    path: str
    """With `~` for the home directory."""
    digest: str


class Fingerprint(Data):
    """An environment at one moment. `volatile` facts (free disk, time) do not count towards `digest`."""

    schema_version: Literal[1] = 1
    at: datetime
    host: str = "local"
    facts: HostFacts | None = None
    runtimes: tuple[Installed, ...] = ()
    tools: tuple[Installed, ...] = ()
    packages: tuple[PackageSet, ...] = ()
    variables: tuple[Variable, ...] = ()
    dotfiles: tuple[FileHash, ...] = ()
    equipment: Equipment | None = None
    """What the machine has beyond its programs; None when the scan did not look at the machine, or was too old to."""
    project: Project | None = None

    @property
    def still(self) -> Fingerprint:
        """Without what changes by itself from one minute to the next: free space, what runs, what is listened on."""
        facts = self.facts and self.facts.model_copy(update={"disk_free": 0})
        return self.model_copy(update={"facts": facts, "equipment": self.equipment and self.equipment.still})

    @property
    def digest(self) -> str:
        """BLAKE3 (hex) over everything but the time and what changes by itself."""
        return blake3(canonical(self.still.model_dump(mode="json", exclude={"at": True}))).hexdigest()
