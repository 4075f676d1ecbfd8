"""What .NET project files, solutions, locks and restore results say, read without running MSBuild."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, field
from typing import Any, cast

from ..names import plain
from .gathered import SKIP, gather
from .xmlfile import Element, Unreadable, parse

PROJECTS = (".csproj", ".fsproj", ".vbproj")
SOLUTIONS = (".sln", ".slnx")
FILES = ["*.csproj", "*.fsproj", "*.vbproj", "*.sln", "*.slnx", "directory.build.props", "directory.build.targets",
         "directory.packages.props", "packages.lock.json", "nuget.config", "global.json"]  # fmt: skip
_LISTED = re.compile(
    r'^Project\("\{[^}]*\}"\)\s*=\s*"[^"]*",\s*"([^"]+\.(?:cs|fs|vb)proj)"', re.MULTILINE | re.IGNORECASE
)
_EXACT = re.compile(r"\d+(?:\.\d+){0,3}(?:-[0-9A-Za-z.-]+)?")


@dataclass
class Solution:
    """The projects of one site."""

    targets: list[str] = field(default_factory=list[str])
    """What `dotnet restore` is given: solutions, or the one project."""
    projects: list[str] = field(default_factory=list[str])
    """Project files, relative to the site."""
    texts: dict[str, str] = field(default_factory=dict[str, str])
    broken: dict[str, str] = field(default_factory=dict[str, str])
    outside: list[str] = field(default_factory=list[str])
    """Projects that the solutions name and that lie above the site."""

    def packages(self, project: str, *, sure: bool = False) -> dict[str, str]:
        """Version by name of a project's own package references; empty where it is not written there.

        `sure` leaves out those that stand under a condition, which only MSBuild can tell.
        """
        found: dict[str, str] = {}
        central = self._central(project)
        for element, conditional in _conditions(self.texts[project]):
            name = element.attributes.get("Include", "")
            if element.tag != "PackageReference" or not _is_name(name) or (sure and conditional):
                continue
            given = [element.attributes.get(key) or element.said(key) for key in ("VersionOverride", "Version")]
            found[name] = next(filter(None, given), central.get(name.lower(), ""))
        return found

    def _central(self, project: str) -> dict[str, str]:
        """Central package management: the nearest Directory.Packages.props upwards."""
        files = {
            posixpath.dirname(n): text
            for n, text in self.texts.items()
            if n.lower().endswith("directory.packages.props")
        }
        folder = posixpath.dirname(project)
        while folder and folder not in files:
            folder = posixpath.dirname(folder)
        elements = [e for e in _elements(files.get(folder, "")) if e.tag == "PackageVersion"]
        return {e.attributes.get("Include", "").lower(): e.attributes.get("Version", "") for e in elements}

    @property
    def old(self) -> list[str]:
        """Projects of the .NET Framework's own kind, which name no SDK: `dotnet restore` does nothing for them."""
        return [
            project for project in self.projects if project not in self.broken and not _has_sdk(self.texts[project])
        ]

    def locked(self, project: str) -> bool:
        """Whether a packages.lock.json lies beside it."""
        return posixpath.join(posixpath.dirname(project), "packages.lock.json") in self.texts

    @property
    def locks(self) -> dict[str, str]:
        """Version by name of all that the locks fix."""
        found: dict[str, str] = {}
        for project in self.projects:
            content = self.texts.get(posixpath.join(posixpath.dirname(project), "packages.lock.json"), "")
            for framework in _mapping(_json(content).get("dependencies")).values():
                for name, entry in _mapping(framework).items():
                    version = _mapping(entry).get("resolved")
                    if isinstance(version, str):
                        found[plain(name, 120)] = plain(version, 60)
        return found

    @property
    def sources(self) -> tuple[list[str], list[str]]:
        """Addresses and folders of packages that the project's own files name."""
        named: list[str] = []
        for name, content in self.texts.items():
            if posixpath.basename(name).lower() == "nuget.config":
                sources = [add for e in _elements(content) if e.tag == "packageSources" for add in e.all("add")]
                named += [add.attributes.get("value", "") for add in sources]
            elif not name.endswith((".json", ".sln", ".slnx")):
                tags = ("RestoreSources", "RestoreAdditionalProjectSources")
                named += [word for e in _elements(content) if e.tag in tags for word in e.text.split(";")]
        named = [one.strip() for one in named if one.strip()]
        urls = [one for one in named if "://" in one]
        return urls, [one for one in named if one not in urls and "$(" not in one]


def solution(texts: dict[str, str]) -> Solution:
    """The site's solutions with their projects, or else the project files directly in it."""
    found = Solution(texts=texts)
    direct = [name for name in texts if "/" not in name]
    found.targets = sorted(name for name in direct if name.lower().endswith(SOLUTIONS))
    for name in found.targets:
        for project in _members(name, found):
            if project.startswith(".."):
                found.outside.append(plain(project, 80))
            elif project not in texts:
                found.broken[plain(project, 80)] = f"{plain(name, 60)} names it, and it is not there"
            elif project not in found.projects:
                found.projects.append(project)
    if not found.targets:
        found.projects = sorted(name for name in direct if name.lower().endswith(PROJECTS))
        found.targets = list(found.projects)
    for name in texts:
        if name.lower().endswith((*PROJECTS, ".slnx", ".props", ".targets", "nuget.config")):
            try:
                parse(texts[name])
            except Unreadable as error:
                found.broken[plain(name, 80)] = str(error)
    return found


def _members(name: str, found: Solution) -> list[str]:
    content = found.texts[name]
    if name.lower().endswith(".slnx"):
        paths = [e.attributes.get("Path", "") for e in _elements(content) if e.tag == "Project"]
    else:
        paths = _LISTED.findall(content)
    clean = [posixpath.normpath(path.replace("\\", "/")) for path in paths if path]
    return [path for path in dict.fromkeys(clean) if path.lower().endswith(PROJECTS)]


@dataclass(frozen=True)
class Restored:
    """What the last restore of a project gave."""

    direct: dict[str, str]
    """What it had been asked for: version range by name in lower case."""
    files: list[str]
    """One file of each package; when all are there, a build needs no network."""


def results(root: str) -> dict[str, Restored]:
    """What restores left below `root`, by the project's absolute path. Runs next to the files."""
    found: dict[str, Restored] = {}
    texts = gather(root, ["project.assets.json"], sorted(SKIP - {"obj"}), 64 * 1024 * 1024)
    for content in texts.values():
        assets = _json(content)
        inside = _mapping(assets.get("project"))
        project = _mapping(inside.get("restore")).get("projectPath")
        frameworks, folders = _mapping(inside.get("frameworks")), list(_mapping(assets.get("packageFolders")))
        if not isinstance(project, str) or not frameworks or not folders:
            continue
        direct = {
            name.lower(): str(_mapping(entry).get("version") or "")
            for framework in frameworks.values()
            for name, entry in _mapping(_mapping(framework).get("dependencies")).items()
        }
        files: list[str] = []
        for name, entry in _mapping(assets.get("libraries")).items():
            where = _mapping(entry).get("path")
            if _mapping(entry).get("type") == "package" and isinstance(where, str) and ".." not in where:
                files.append(posixpath.join(folders[0], where, f"{name.lower().replace('/', '.')}.nupkg.sha512"))
        found[project] = Restored(direct, files)
    return found


def agrees(restored: Restored, declared: dict[str, str]) -> bool:
    """Whether a restore was asked for what is declared now."""
    for name, version in declared.items():
        wanted = restored.direct.get(name.lower())
        if wanted is None or (_EXACT.fullmatch(version) and not _same(version, wanted)):
            return False
    return True


def _same(version: str, wanted: str) -> bool:
    """`1.0` is `[1.0.0, )` in restore's own words."""
    low = re.match(r"\[([^,\]]+)", wanted)
    strip = re.compile(r"(\.0)+(?=-|$)")
    return low is not None and strip.sub("", low[1].strip().lower()) == strip.sub("", version.lower())


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_][\w.-]{0,120}", name) is not None


def _conditions(content: str) -> list[tuple[Element, bool]]:
    """Every element, and whether it or one around it has a condition."""
    try:
        pending = [(parse(content), False)]
    except Unreadable:
        return []
    found: list[tuple[Element, bool]] = []
    while pending:
        element, conditional = pending.pop(0)
        conditional = conditional or "Condition" in element.attributes or element.tag == "Choose"
        found.append((element, conditional))
        pending += [(child, conditional) for child in element.children]
    return found


def _has_sdk(content: str) -> bool:
    elements = _elements(content)
    return any("Sdk" in e.attributes or e.tag == "Sdk" for e in elements if e.tag in ("Project", "Import", "Sdk"))


def _elements(content: str) -> list[Element]:
    return [element for element, _ in _conditions(content)]


def _json(content: str) -> dict[str, Any]:
    try:
        value: object = json.loads(content.removeprefix("\ufeff")) if content else {}
    except (ValueError, RecursionError):
        return {}
    return _mapping(value)


def _mapping(value: object) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}
