"""Maven: pom.xml with the properties, dependencies and plugins that it has from the poms above it in the project."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..draft import Draft, words
from ..parse import Broken
from ..text import safe
from .elements import elements, said
from .jvm import Needed, conclude, has_main
from .jvm_settings import settings

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST = 40
"""Modules of the same project that one is followed into."""
_JAVA = ("maven.compiler.release", "java.version", "maven.compiler.source", "maven.compiler.target", "release.version", "jdk.version")  # fmt: skip
_BOOT = {"1": "1.8", "2": "1.8", "3": "17", "4": "17"}
"""`java.version` as spring-boot-starter-parent sets it, by its major version."""
_GOALS = (
    ("spring-boot-maven-plugin", "spring-boot:run", 0), ("quarkus-maven-plugin", "quarkus:dev", 0), ("micronaut-maven-plugin", "mn:run", 0),
    ("liberty-maven-plugin", "liberty:dev", 9080), ("jetty-maven-plugin", "jetty:run", 8080), ("jetty-ee10-maven-plugin", "jetty:run", 8080),
    ("tomcat7-maven-plugin", "tomcat7:run", 8080), ("wildfly-maven-plugin", "wildfly:run", 8080), ("vertx-maven-plugin", "vertx:run", 0),
    ("payara-micro-maven-plugin", "payara-micro:start", 8080), ("javafx-maven-plugin", "javafx:run", 0),
)  # fmt: skip
"""Plugins that run the program: (plugin, what to type, the port of the server that it brings)."""
_PUBLISHES = ("maven-gpg-plugin", "central-publishing-maven-plugin", "nexus-staging-maven-plugin")


@dataclass(frozen=True)
class Pom:
    """One pom.xml."""

    path: str
    root: Element

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path) or "."

    @property
    def packaging(self) -> str:
        return said(self.root, "packaging") or "jar"

    def modules(self) -> list[str]:
        """Folders of its modules, relative to the project."""
        ways = ("modules/module", "subprojects/subproject", "profiles/profile/modules/module")
        names = [(found.text or "").strip()[:200] for way in ways for found in self.root.iterfind(way)]
        folders = [posixpath.normpath(posixpath.join(self.folder, name)) for name in names if name]
        return [posixpath.dirname(folder) if folder.endswith(".xml") else folder for folder in folders]


def detect(draft: Draft) -> None:
    """Add what the pom says."""
    if not draft.has("pom.xml"):
        return
    chain = _chain(draft)
    modules = chain[0].modules() if chain else []
    if chain and chain[0].packaging == "pom" and not modules and draft.root != ".":
        return  # A parent or a list of versions that other poms refer to.
    draft.manifest("pom.xml")
    draft.manager("maven", "pom.xml")
    draft.members += modules
    maven = _wrapper(draft)
    install = f"{maven} install -DskipTests" if modules else f"{maven} dependency:go-offline"
    draft.command("install", install, "pom.xml", "", 0.8)
    draft.command("build", f"{maven} package", "pom.xml", "", 0.9)
    draft.command("test", f"{maven} test", "pom.xml", "", 0.9)
    if not chain:
        draft.runtime("java", "", "pom.xml")
        return
    properties = _properties(chain)
    draft.name = draft.name or _filled(said(chain[0].root, "artifactId"), properties)
    _java(draft, chain, properties)
    needed = [one for pom in chain for part in _parts(draft, pom) for one in _dependencies(part, pom, properties)]
    kotlin = properties.get("kotlin.version", "")
    if re.match(r"\d", kotlin) and any(one.name.startswith("org.jetbrains.kotlin:") for one in needed):
        draft.runtime("kotlin", kotlin, "pom.xml", "properties.kotlin.version")
    if chain[0].packaging != "pom":
        _judge(draft, chain, needed, properties, maven)


def _read(draft: Draft, path: str) -> Pom | None:
    """Raises Broken."""
    text = draft.tree.texts.get(path)
    return Pom(path, elements(text)) if text is not None else None


def _chain(draft: Draft) -> list[Pom]:
    """Its pom and those above it that lie in the project; empty when its own cannot be read."""
    chain: list[Pom] = []
    path = draft.at("pom.xml")
    try:
        while len(chain) < 8 and path not in {pom.path for pom in chain} and (pom := _read(draft, path)):
            chain.append(pom)
            parent = pom.root.find("parent")
            if parent is None:
                break
            way = said(parent, "relativePath") if parent.find("relativePath") is not None else "../pom.xml"
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), way)) if way else ""
            path = path if path.endswith(".xml") else posixpath.join(path, "pom.xml")
            above = _read(draft, path)
            if above is None or said(above.root, "artifactId") != said(parent, "artifactId"):
                break
    except Broken as error:
        if not chain:
            draft.finding(f"{safe(draft.at('pom.xml'))} could not be read: {error}", "pom.xml", rule="unreadable")
    return chain


def _properties(chain: list[Pom]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pom in reversed(chain):
        for block in pom.root.iterfind("properties"):
            found.update({entry.tag: (entry.text or "").strip()[:200] for entry in block})
    for key in ("groupId", "artifactId", "version"):
        value = next((v for pom in chain for v in (said(pom.root, key), said(pom.root, f"parent/{key}")) if v), "")
        found[f"project.{key}"] = value
    return {name: _filled(value, found) for name, value in found.items()}


def _filled(value: str, properties: dict[str, str]) -> str:
    """A value with the properties that it names filled in."""
    for _ in range(5):
        if "${" not in value:
            break
        value = re.sub(r"\$\{([\w.-]{1,100})\}", lambda match: properties.get(match[1], ""), value)[:300]
    return value


def _java(draft: Draft, chain: list[Pom], properties: dict[str, str]) -> None:
    for pom in chain:
        for plugin in _plugins(pom.root, managed=True):
            if said(plugin, "artifactId") == "maven-compiler-plugin":
                for key in ("release", "source", "target"):
                    if version := _number(_filled(said(plugin, f"configuration/{key}"), properties)):
                        draft.runtime("java", version, f"/{pom.path}", f"maven-compiler-plugin {key}")
                        return
    for key in _JAVA:
        if version := _number(properties.get(key, "")):
            path = next((f"/{pom.path}" for pom in chain if pom.root.find(f"properties/{key}") is not None), "pom.xml")
            draft.runtime("java", version, path, f"properties.{key}")
            return
    for pom in chain:
        if said(pom.root, "parent/artifactId") == "spring-boot-starter-parent":
            version = said(pom.root, "parent/version")
            draft.runtime(
                "java",
                _BOOT.get(version.partition(".")[0], ""),
                f"/{pom.path}",
                f"spring-boot-starter-parent {version}",
            )
            return
    draft.runtime("java", "", "pom.xml")


def _number(version: str) -> str:
    return version if re.fullmatch(r"\d+(\.\d+)*", version) else ""


def _parts(draft: Draft, pom: Pom) -> Iterator[Element]:
    """The pom itself and its profiles that are active without being asked for."""
    yield pom.root
    for profile in pom.root.iterfind("profiles/profile"):
        file = said(profile, "activation/file/exists").replace("${basedir}/", "")
        if said(profile, "activation/activeByDefault") == "true" or (file and draft.has(file)):
            yield profile


def _dependencies(root: Element, pom: Pom, properties: dict[str, str]) -> Iterator[Needed]:
    for one in root.iterfind("dependencies/dependency"):
        if said(one, "scope") != "test":
            group, artifact = (_filled(said(one, key), properties) for key in ("groupId", "artifactId"))
            yield Needed(f"{group}:{artifact}", f"/{pom.path}")


def _plugins(root: Element, *, managed: bool = False) -> Iterator[Element]:
    yield from root.iterfind("build/plugins/plugin")
    if managed:
        yield from root.iterfind("build/pluginManagement/plugins/plugin")


def _wrapper(draft: Draft) -> str:
    """`./mvnw`, that of a folder above, or the program on PATH."""
    folder = draft.root if draft.root != "." else ""
    for up in range(8):
        if posixpath.join(folder, "mvnw") in draft.tree.files:
            return ("../" * up or "./") + "mvnw"
        if not folder:
            break
        folder = folder.rpartition("/")[0]
    return "mvn"


def _judge(draft: Draft, chain: list[Pom], needed: list[Needed], properties: dict[str, str], maven: str) -> None:
    own = chain[0]
    parts = [part for pom in reversed(chain) for part in _parts(draft, pom)]
    plugins = {said(plugin, "artifactId"): plugin for part in parts for plugin in _plugins(part)}
    parent = said(own.root, "parent/artifactId")
    if parent == "spring-boot-starter-parent":
        needed.append(Needed(f"org.springframework.boot:{parent}", f"/{own.path}"))
        plugins.setdefault("spring-boot-maven-plugin", own.root)
    config = settings(draft, *(["config.yml"] if any("dropwizard" in one.name for one in needed) else []))
    main = has_main(draft)
    war = own.packaging in ("war", "ear")
    published = own.root.find("licenses") is not None or any(name in plugins for name in _PUBLISHES)
    goal, key, port = next(((goal, name, port) for name, goal, port in _GOALS if name in plugins), ("", "", 0))
    starts = bool(goal) and (main is not False or war or key == "quarkus-maven-plugin" or bool(port))
    runs = starts or war or (bool(main) and not published)
    mates = _of_others(draft, needed, properties) if runs else []
    conclude(draft, "pom.xml", needed + mates, config, runs=runs)
    if war and draft.best_role == "job":
        draft.role("backend", 0.6)
    if starts:
        draft.command("start", f"{maven} {goal}", "pom.xml", key, 0.95)
        if port and not draft.ports and not config.port_said:
            draft.port(port, "pom.xml", f"the default of {key}", 0.8)
        if goal.endswith(":dev"):
            draft.command("dev", f"{maven} {goal}", "pom.xml", key, 0.95)
    elif runs and not war:
        _plain_start(draft, plugins, properties, maven)


def _plain_start(draft: Draft, plugins: dict[str, Element], properties: dict[str, str], maven: str) -> None:
    """A program without a plugin that is made to run it."""
    if "exec-maven-plugin" in plugins and said(plugins["exec-maven-plugin"], "configuration/mainClass"):
        draft.command("start", f"{maven} compile exec:java", "pom.xml", "exec-maven-plugin", 0.9)
        return
    if "Dropwizard" in draft.frameworks and draft.has("config.yml") and "maven-shade-plugin" in plugins:
        jar = f"target/{properties['project.artifactId']}-{properties['project.version']}.jar"
        draft.command("start", words("java", "-jar", jar, "server", "config.yml"), "pom.xml", "maven-shade-plugin", 0.7)
        return
    mains = sorted({hit.path for hit in draft.hits("jvm-main")})
    inside = draft.at("src/main/java/")
    if len(mains) == 1 and mains[0].startswith(inside) and mains[0].endswith(".java"):
        if draft.best_role == "job" and _depended_on(draft, properties.get("project.artifactId", "")):
            draft.role("library", 0.6)  # what can be started in it is a helper
            return
        name = mains[0].removeprefix(inside).removesuffix(".java").replace("/", ".")
        draft.command("start", words(maven, "compile", "exec:java", f"-Dexec.mainClass={name}"), mains[0], "main", 0.6)


def _depended_on(draft: Draft, artifact: str) -> bool:
    """Whether another module of the project uses this one for more than its tests."""
    for path in draft.tree.by_name.get("pom.xml", [])[:2000]:
        if path == draft.at("pom.xml") or f">{artifact}<" not in draft.tree.texts.get(path, ""):
            continue
        try:
            pom = _read(draft, path)
        except Broken:
            continue
        if pom and any(one.name.endswith(f":{artifact}") for one in _dependencies(pom.root, pom, {})):
            return True
    return False


def _of_others(draft: Draft, needed: list[Needed], properties: dict[str, str]) -> list[Needed]:
    """The libraries that come with the project's own modules that this one uses."""
    folders: dict[str, list[str]] = {}
    for path in draft.tree.by_name.get("pom.xml", [])[:2000]:
        folders.setdefault(posixpath.basename(posixpath.dirname(path)), []).append(path)
    found: list[Needed] = []
    seen: set[str] = set()
    queue = [one.name for one in needed]
    while queue and len(seen) < MOST:
        artifact = queue.pop(0).partition(":")[2]
        parts = artifact.split("-")[:8]
        # A module `shop-core` lies in a folder of that name, or in `core`.
        for path in [path for start in range(len(parts)) for path in folders.get("-".join(parts[start:]), [])][:10]:
            if path in seen or path == draft.at("pom.xml"):
                continue
            try:
                pom = _read(draft, path)
            except Broken:
                continue
            if pom and said(pom.root, "artifactId") == artifact:
                seen.add(path)
                more = list(_dependencies(pom.root, pom, properties))
                found += more
                queue += [one.name for one in more]
    return found
