"""What the poms of a Maven project say, read without running Maven: modules, dependencies, plugins, foreign repositories."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ...contract import Context
from ..index import text
from ..names import plain
from ..part import Site, digest
from .xmlfile import Element, Unreadable, parse

MOST = 500
"""Modules of one reactor that are read."""
_PLAIN = re.compile(r"[A-Za-z0-9_][\w.+-]{0,150}")
_VALUE = re.compile(r"\$\{([^${}]{1,120})\}")
_CORE = "org.apache.maven.plugins"
_EXTRA = (".mvn/maven.config", ".mvn/jvm.config", ".mvn/extensions.xml", ".mvn/settings.xml", "settings.xml")


@dataclass(frozen=True)
class Wanted:
    """A dependency or plugin as a pom names it; `version` is empty where only Maven can tell it."""

    group: str
    artifact: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}" + (f" {self.version}" if self.version else "")

    @property
    def pom(self) -> str:
        """Where a local repository has its pom."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.artifact}-{self.version}.pom"


@dataclass
class Reactor:
    """A pom and its modules, by their folder relative to the first one."""

    poms: dict[str, Element] = field(default_factory=dict[str, Element])
    files: dict[str, str] = field(default_factory=dict[str, str])
    """Digest by name of all that was read."""
    broken: dict[str, str] = field(default_factory=dict[str, str])
    """Why, by name, of what could not be read."""
    outside: list[str] = field(default_factory=list[str])
    """Modules that lie outside the project."""
    settings: list[Element] = field(default_factory=list[Element])
    """Maven settings that the project brings along."""
    config: str = ""
    """The options that the project itself gives to Maven."""

    @property
    def own(self) -> set[str]:
        """`group:artifact` of the modules themselves."""
        return {f"{group}:{artifact}" for group, artifact, _ in map(self._identity, self.poms.values())}

    def _identity(self, pom: Element) -> tuple[str, str, str]:
        return (
            pom.said("groupId") or pom.said("parent/groupId"),
            pom.said("artifactId"),
            pom.said("version") or pom.said("parent/version"),
        )

    def _values(self, pom: Element) -> dict[str, str]:
        """Properties as far as the reactor's own poms tell them."""
        group, artifact, version = self._identity(pom)
        chain, seen = [pom], {artifact}
        while (parent := chain[-1].said("parent/artifactId")) and parent not in seen:
            seen.add(parent)
            above = next((p for p in self.poms.values() if p.said("artifactId") == parent), None)
            if above is None:
                break
            chain.append(above)
        values: dict[str, str] = {}
        for one in reversed(chain):
            for properties in one.all("properties"):
                values.update({child.tag: child.text for child in properties.children})
        itself = {"groupId": group, "artifactId": artifact, "version": version}
        return values | {
            f"{start}{name}": value for start in ("project.", "pom.", "") for name, value in itself.items()
        }

    def wanted(self, paths: tuple[str, ...]) -> list[Wanted]:
        """What lies at these paths of every pom, each once, the reactor's own modules left out."""
        found: dict[str, Wanted] = {}
        managed = self._managed()
        for pom in self.poms.values():
            values = self._values(pom)
            for element in (e for path in paths for e in pom.all(path)):
                one = _coordinates(element, values)
                if one is None or f"{one.group}:{one.artifact}" in self.own:
                    continue
                name = f"{one.group}:{one.artifact}"
                version = one.version or managed.get(name, "")
                if not (name in found and found[name].version):
                    found[name] = Wanted(one.group, one.artifact, version)
        return [found[name] for name in sorted(found)]

    def _managed(self) -> dict[str, str]:
        versions: dict[str, str] = {}
        for pom in self.poms.values():
            values = self._values(pom)
            for path in ("dependencyManagement/dependencies/dependency", "build/pluginManagement/plugins/plugin"):
                for one in filter(None, (_coordinates(element, values) for element in pom.all(path))):
                    versions.setdefault(f"{one.group}:{one.artifact}", one.version)
        return versions

    @property
    def dependencies(self) -> list[Wanted]:
        return self.wanted(("dependencies/dependency", "profiles/profile/dependencies/dependency", "parent"))

    @property
    def plugins(self) -> list[Wanted]:
        """Plugins besides Maven's own: code of others that a build runs."""
        found = self.wanted(
            ("build/plugins/plugin", "build/extensions/extension", "profiles/profile/build/plugins/plugin")
        )
        return [one for one in found if one.group != _CORE] + [
            one for one in found if one.group == _CORE and one.artifact == "maven-antrun-plugin"
        ]

    @property
    def repositories(self) -> list[str]:
        """The addresses that the poms and the project's own settings name."""
        ways = ("repositories/repository", "pluginRepositories/pluginRepository", "mirrors/mirror")
        paths = [*ways, *(f"profiles/profile/{way}" for way in ways)]
        addresses: list[str] = []
        for pom in (*self.poms.values(), *self.settings):
            values = self._values(pom)
            addresses += [fill(e.said("url"), values) for path in paths for e in pom.all(path)]
        return [address for address in dict.fromkeys(addresses) if address]


def fill(value: str, values: dict[str, str]) -> str:
    """`${name}` replaced as far as it is known."""
    for _ in range(8):
        if len(value) > 2000 or not _VALUE.search(value):
            break
        value = _VALUE.sub(lambda match: values.get(match[1], match[0])[:500], value)
    return value


def _coordinates(element: Element, values: dict[str, str]) -> Wanted | None:
    """None for what is no name of Maven's."""
    group = fill(element.said("groupId"), values) or (_CORE if element.tag == "plugin" else "")
    artifact, version = fill(element.said("artifactId"), values), fill(element.said("version"), values)
    if not _PLAIN.fullmatch(group) or not _PLAIN.fullmatch(artifact) or element.said("scope") == "system":
        return None
    return Wanted(group, artifact, version if _PLAIN.fullmatch(version) else "")


async def read(site: Site, context: Context) -> Reactor:
    """The poms from this site's own down."""
    found = Reactor()
    pending = ["pom.xml"]
    while pending and len(found.files) < MOST:
        name = pending.pop(0)
        if name in found.files:
            continue
        path = Path(posixpath.normpath(str(site.root / name)))
        if not path.is_relative_to(context.path):
            found.outside.append(plain(name, 80))
            continue
        content = await text(context.host, path, 4 * 1024 * 1024)
        found.files[name] = digest(content)
        try:
            pom = parse(content)
        except Unreadable as error:
            found.broken[plain(name, 80)] = str(error) if content else "it is not there, or cannot be read"
            continue
        folder = posixpath.dirname(name)
        found.poms[folder or "."] = pom
        ways = ("modules/module", "subprojects/subproject", "profiles/profile/modules/module")
        for module in (e.text for way in ways for e in pom.all(way) if e.text):
            inner = posixpath.normpath(posixpath.join(folder, module))
            pending.append(inner if inner.endswith(".xml") else posixpath.join(inner, "pom.xml"))
    for name in _EXTRA:
        content = await text(context.host, site.root / name, 1024 * 1024) if _beside(name, site) else ""
        if not content:
            continue
        found.files[name] = digest(content)
        found.config += f" {' '.join(content.split())}" if name.endswith(".config") else ""
        if name.endswith("settings.xml"):
            try:
                found.settings.append(parse(content))
            except Unreadable as error:
                found.broken[name] = str(error)
    return found


def _beside(name: str, site: Site) -> bool:
    return name.partition("/")[0] in site.files


async def reactor_of(site: Site, context: Context) -> str:
    """The folder (relative to the project) of the reactor that this site is a module of; empty when it is of none."""
    rel = PurePosixPath(site.rel)
    for above in reversed(rel.parents if site.rel != "." else ()):
        root = context.path / above
        entry = await context.host.stat(root / "pom.xml")
        if entry is None:
            continue
        files = frozenset(item.path.name for item in await context.host.list(root))
        found = await read(Site(root, str(above), site.service, files), context)
        if str(rel.relative_to(above)) in found.poms:
            return str(above)
    return ""
