"""A service under construction: detectors read through it and add to it, and every addition carries its evidence."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..fingerprint import Evidence, Fact, Service, Wanted
from . import parse
from .ignore import is_example
from .text import safe
from .tree import Hit, Tree

MOST = 8
"""Pieces of evidence that are kept for one fact."""


@dataclass(frozen=True)
class Declared:
    """A package that a manifest asks for."""

    manager: str
    """`pip` or `npm`: whose PackageSet it should be in."""
    name: str
    spec: str
    path: str
    exact: bool = False
    """The spec comes from a lockfile: a version beside it is a difference, its absence is none."""
    extra: bool = False
    """Only for development: absent when the project was installed for production."""


@dataclass
class Draft:
    """One service as far as it is known. `root` is relative to the project; so are all paths in evidence."""

    tree: Tree
    root: str
    files: list[str]
    """Paths (relative to the project) that belong to it and to no service below it."""
    name: str = ""
    roles: dict[str, float] = field(default_factory=dict[str, float])
    runtimes: list[Wanted] = field(default_factory=list[Wanted])
    managers: dict[str, Fact] = field(default_factory=dict[str, Fact])
    manifests: list[str] = field(default_factory=list[str])
    lockfiles: list[str] = field(default_factory=list[str])
    languages: tuple[Fact, ...] = ()
    frameworks: dict[str, Fact] = field(default_factory=dict[str, Fact])
    commands: dict[str, Fact] = field(default_factory=dict[str, Fact])
    ports: dict[str, Fact] = field(default_factory=dict[str, Fact])
    databases: dict[str, Fact] = field(default_factory=dict[str, Fact])
    variables: dict[str, Fact] = field(default_factory=dict[str, Fact])
    needs: dict[str, Fact] = field(default_factory=dict[str, Fact])
    """What must run before it; filled when all services are known."""
    declared: list[Declared] = field(default_factory=list[Declared])
    findings: list[Fact] = field(default_factory=list[Fact])
    settled: set[str] = field(default_factory=set[str])
    """Purposes whose command (or `port`) the main language's detector gave; a second language does not override it."""
    tools: dict[str, Wanted] = field(default_factory=dict[str, Wanted])
    members: list[str] = field(default_factory=list[str])
    """Globs of workspace members, relative to the project."""
    exports: bool = False
    """It offers something to import; a workspace member that does and that nothing starts is a library."""
    private: bool = True
    """False: it is published as a package, so it is a library unless something starts it."""

    # -- reading ------------------------------------------------------------------------------------------------

    def at(self, name: str) -> str:
        """The project-relative path of a file of this service."""
        return self._prefix + name

    def has(self, name: str) -> bool:
        return self._prefix + name in self.tree.files

    @cached_property
    def _prefix(self) -> str:
        return self.tree.inside(self.root)

    def text(self, name: str) -> str:
        """A manifest's text; empty when there is none."""
        return self.tree.texts.get(self.at(name), "")

    def toml(self, name: str) -> parse.Node:
        return self._parsed(name, parse.toml)

    def json(self, name: str) -> parse.Node:
        return self._parsed(name, parse.jsonc)

    def yaml(self, name: str) -> parse.Node:
        return self._parsed(name, parse.yaml)

    def _parsed(self, name: str, reader: Callable[[str], parse.Node]) -> parse.Node:
        text = self.tree.texts.get(self.at(name))
        if text is None:
            return {}
        try:
            return reader(text)
        except parse.Broken as error:
            self.finding(f"{safe(self.at(name))} could not be read: {error}", name, rule="unreadable")
            return {}

    @cached_property
    def _own(self) -> set[str]:
        return set(self.files)

    @cached_property
    def beside(self) -> list[str]:
        """Names of the files directly in its root."""
        skip = len(self.tree.inside(self.root))
        return [path[skip:] for path in self.files if "/" not in path[skip:]]

    def hits(self, *rules: str) -> list[Hit]:
        """What this service's own source mentions, tests and examples left out."""
        return [hit for hit in self._mentions if hit.rule in rules]

    @cached_property
    def _mentions(self) -> list[Hit]:
        return [hit for path in self.files for hit in self.tree.by_path.get(path, ())]

    def named(self, *names: str) -> list[str]:
        """This service's files of these base names, shallowest first, tests and examples left out."""
        named = (path for name in names for path in self.tree.by_name.get(name, ()))
        found = [path for path in named if path in self._own and not is_example(self.inner(path))]
        return sorted(found, key=lambda path: (path.count("/"), path))

    def inner(self, path: str) -> str:
        """A project-relative path as seen from this service's root; unchanged when it lies elsewhere."""
        return path.removeprefix(self._prefix)

    # -- adding -------------------------------------------------------------------------------------------------

    def fact(self, value: str, path: str, key: str = "", rule: str = "", confidence: float = 1.0) -> Fact:
        """A finding about this service; `path` is relative to its root unless it is one of its files' full paths.

        With a `/` in front it is relative to the project whatever lies where.
        """
        return Fact(value=safe(value), confidence=confidence, rule=rule, evidence=(self._evidence(path, key),))

    def _evidence(self, path: str, key: str) -> Evidence:
        if path.startswith("/"):
            full = path[1:]
        else:
            full = path if path in self.tree.files and not self.has(path) else self.at(path)
        return Evidence(path=safe(full, 400), key=safe(key, 120))

    def role(self, role: str, confidence: float) -> None:
        self.roles[role] = max(confidence, self.roles.get(role, 0.0))

    def runtime(self, name: str, spec: str, path: str, key: str = "", confidence: float = 1.0) -> None:
        """A runtime it needs; the same wish twice is one wish with two evidences, and as sure as the surer one."""
        evidence = self.fact("", path, key).evidence
        spec = re.sub(r"(?<=[<>=!~^])\s+", "", spec.strip())
        for index, known in enumerate(self.runtimes):
            if known.name == name and known.spec == safe(spec):
                extra = evidence if evidence[0] not in known.evidence else ()
                sure = max(confidence, known.confidence)
                if extra or sure > known.confidence:
                    merged = {"evidence": (known.evidence + extra)[:MOST], "confidence": sure}
                    self.runtimes[index] = known.model_copy(update=merged)
                return
        self.runtimes.append(Wanted(name=name, spec=safe(spec), evidence=evidence, confidence=confidence))

    def tool(self, name: str, path: str, key: str = "", spec: str = "") -> None:
        """A tool, beyond its package managers, that its commands call."""
        self.tools.setdefault(name, Wanted(name=name, spec=safe(spec), evidence=self.fact("", path, key).evidence))

    def manager(self, name: str, path: str, key: str = "", confidence: float = 1.0) -> None:
        self.keep(self.managers, name, self.fact(name, path, key, "manager", confidence))

    def manifest(self, name: str) -> None:
        if (path := safe(self.at(name), 400)) not in self.manifests:
            self.manifests.append(path)

    def lockfile(self, name: str) -> None:
        if (path := safe(self.at(name), 400)) not in self.lockfiles:
            self.lockfiles.append(path)

    def framework(self, name: str, path: str, key: str = "", confidence: float = 1.0) -> None:
        self.keep(self.frameworks, name, self.fact(name, path, key, "framework", confidence))

    def command(self, purpose: str, value: str, path: str, key: str = "", confidence: float = 1.0) -> None:
        """What to type, in the service's root; the surest wins, the first among equals."""
        if purpose in self.settled:
            return
        self.keep(self.commands, purpose, self.fact(value, path, key, "command", confidence))

    def port(self, port: int, path: str, key: str = "", confidence: float = 1.0) -> None:
        if "port" in self.settled and key.startswith("the default"):
            confidence /= 2
        if 0 < port < 65536:
            self.keep(self.ports, str(port), self.fact(str(port), path, key, "port", confidence))

    def database(self, name: str, path: str, key: str = "", confidence: float = 0.9) -> None:
        self.keep(self.databases, name, self.fact(name, path, key, "database", confidence))

    def variable(self, name: str, path: str, key: str = "", confidence: float = 1.0, rule: str = "variable") -> None:
        known = self.variables.get(name)
        if known is None or confidence > known.confidence:
            self.keep(self.variables, name, self.fact(name, path, key, rule, confidence))
        # Said thousands of times in some projects: what `keep` would do, without a fact that adds nothing.
        elif len(known.evidence) < MOST:
            evidence = self._evidence(path, key)
            if not _among(evidence, known.evidence):
                self.variables[name] = known.model_copy(update={"evidence": (*known.evidence, evidence)})

    def finding(self, value: str, path: str, key: str = "", rule: str = "finding", confidence: float = 1.0) -> None:
        found = self.fact("", path, key, rule, confidence).model_copy(update={"value": value[:400]})
        if found not in self.findings:
            self.findings.append(found)

    @staticmethod
    def keep(table: dict[str, Fact], name: str, fact: Fact) -> None:
        """Add a fact to one of the tables: the surest value wins, and evidence for the same value adds up."""
        known = table.get(name)
        if known is None:
            table[name] = fact
            return
        extra = tuple(e for e in fact.evidence if not _among(e, known.evidence))
        if fact.confidence > known.confidence:
            table[name] = fact.model_copy(update={"evidence": (fact.evidence + known.evidence)[:MOST]})
        elif fact.value == known.value and extra:
            table[name] = known.model_copy(update={"evidence": (known.evidence + extra)[:MOST]})

    # -- the result ---------------------------------------------------------------------------------------------

    @property
    def best_role(self) -> str:
        """The likeliest role; `unknown` when nothing speaks for any."""
        return max(self.roles.items(), key=lambda item: item[1])[0] if self.roles else "unknown"

    def done(self) -> Service:
        """The service as data."""
        return Service(
            name=safe(self.name, 80),
            root=safe(self.root, 400),
            role=self.best_role,
            languages=self.languages,
            runtimes=tuple(self.runtimes) + tuple(self.tools.values()),
            managers=tuple(self.managers.values()),
            manifests=tuple(self.manifests),
            lockfiles=tuple(self.lockfiles),
            frameworks=tuple(sorted(self.frameworks.values(), key=lambda fact: -fact.confidence)),
            commands=self.commands,
            ports=tuple(sorted(self.ports.values(), key=lambda fact: -fact.confidence)),
            databases=tuple(self.databases.values()),
            variables=tuple(sorted(self.variables.values(), key=lambda fact: fact.value)),
            needs=tuple(self.needs.values()),
        )


def _among(evidence: Evidence, known: Sequence[Evidence]) -> bool:
    """Whether it is one of those. Comparing two models is slow, and their paths mostly differ."""
    return any(evidence.path == one.path and evidence == one for one in known)


def words(*argv: str) -> str:
    """Words as one would type them: a hostile file name is quoted."""
    return shlex.join(argv)
