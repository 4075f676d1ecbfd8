"""MSBuild's files as data: projects with the properties that Directory.Build.props gives them, and solutions."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..draft import Draft
from ..parse import Broken
from ..text import safe
from ..tree import Tree
from .elements import elements

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PROJECTS = (".csproj", ".fsproj", ".vbproj")
PROPS = "Directory.Build.props"
SOLUTIONS = (".sln", ".slnx")
MOST = 500


@dataclass
class Project:
    """One project file. Paths are relative to the scanned project."""

    path: str
    sdks: list[str] = field(default_factory=list[str])
    properties: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """(value, the file that sets it) by name."""
    packages: list[str] = field(default_factory=list[str])
    references: list[str] = field(default_factory=list[str])
    """Other project files."""
    broken: str = ""

    @property
    def stem(self) -> str:
        return posixpath.basename(self.path).rpartition(".")[0]

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path)

    def value(self, name: str) -> str:
        """A property's value with the properties that it names filled in."""
        value = self.properties.get(name, ("", ""))[0]
        for _ in range(5):
            if "$(" not in value:
                break
            value = re.sub(r"\$\((\w{1,100})\)", lambda match: self.properties.get(match[1], ("", ""))[0], value)[:300]
        return value

    def is_true(self, name: str) -> bool:
        return self.value(name).lower() == "true"


def above(tree: Tree, folder: str, name: str) -> str:
    """The path of the nearest file of a name in a folder or above it, or nothing."""
    while True:
        path = posixpath.join(folder, name)
        if path in tree.texts:
            return path
        if not folder:
            return ""
        folder = posixpath.dirname(folder)


def project(tree: Tree, path: str) -> Project:
    """A project file; what cannot be read is said in `broken`."""
    found = Project(path)
    props = above(tree, posixpath.dirname(path), PROPS)
    for file in (props, path):
        try:
            root = elements(tree.texts[file]) if file else None
        except Broken as error:
            found.broken = f"{safe(file)} could not be read: {error}"
            continue
        if root is not None:
            _add(found, root, file)
    for name in ("packages.config", "paket.references"):
        _others(found, name, tree.texts.get(posixpath.join(found.folder, name), ""))
    return found


def _add(found: Project, root: Element, file: str) -> None:
    if sdk := root.get("Sdk"):
        found.sdks += [part.partition("/")[0].strip() for part in sdk[:300].split(";")]
    found.sdks += [(element.get("Name") or "")[:100] for element in root.iterfind("Sdk")]
    for group in root.iterfind("PropertyGroup"):
        for entry in group:
            # What holds under a condition only counts where nothing else is said.
            if not (group.get("Condition") or entry.get("Condition")) or entry.tag not in found.properties:
                found.properties[entry.tag] = ((entry.text or "").strip()[:300], file)
    for element in [*root.iter("PackageReference"), *root.iter("FrameworkReference")][:MOST]:
        if name := (element.get("Include") or "").strip()[:150]:
            found.packages.append(name)
    for element in list(root.iter("ProjectReference"))[:MOST]:
        way = (element.get("Include") or "").replace("\\", "/").strip()[:300]
        found.references.append(posixpath.normpath(posixpath.join(posixpath.dirname(file), way)))


def _others(found: Project, name: str, text: str) -> None:
    if name == "packages.config":
        found.packages += re.findall(r"<package[ \t]+id=\"([\w.-]{1,150})\"", text)[:MOST]
    else:
        lines = (line.split() for line in text.splitlines()[:MOST])
        found.packages += [words[0] for words in lines if words and re.fullmatch(r"[A-Za-z][\w.-]{0,149}", words[0])]


def reached(tree: Tree, start: Project) -> list[Project]:
    """The projects of the tree that one refers to, directly or not."""
    found: dict[str, Project] = {}
    queue = list(start.references)
    while queue and len(found) < 60:
        path = queue.pop(0)
        if path != start.path and path not in found and path in tree.texts and path.endswith(PROJECTS):
            found[path] = project(tree, path)
            queue += found[path].references
    return list(found.values())


def solution(draft: Draft, name: str) -> Iterator[str]:
    """Paths (relative to the scanned project) of the project files that a solution holds."""
    text = draft.text(name)
    if name.endswith(".slnx"):
        try:
            ways = [element.get("Path") or "" for element in elements(text).iter("Project")]
        except Broken as error:
            draft.finding(f"{safe(draft.at(name))} could not be read: {error}", name, rule="unreadable")
            return
    else:
        ways = re.findall(
            r"^Project\(\"\{[^}\n]{1,60}\}\"\) = \"[^\"\n]{1,200}\", \"([^\"\n]{1,300})\"", text, re.MULTILINE
        )
    for way in ways[:MOST]:
        path = posixpath.normpath(posixpath.join(draft.root if draft.root != "." else "", way.replace("\\", "/")[:300]))
        if path.endswith(PROJECTS) and not path.startswith(".."):
            yield path
