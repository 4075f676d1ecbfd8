"""A bill of materials in CycloneDX: what is locked, and what is installed where nothing is locked. The only user of cyclonedx."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...errors import Failed
from ...fingerprint import PackageSet, Project
from .. import parse
from ..text import safe
from .base import File, Made, Seen, at
from .lockfiles import READERS, Locked, packages

if TYPE_CHECKING:
    from packageurl import PackageURL

NAME = "sbom.cdx.json"
INSTALLED = {"pip": "pypi", "npm": "npm"}
"""The purl's type by the manager of an installed set; what the system has installed is no part of the project."""


def reads(project: Project) -> tuple[str, ...]:
    """All lockfiles, and manifests that pin."""
    found = [path for service in project.services for path in (*service.lockfiles, *service.manifests)]
    found += [at(service.root, name) for service in project.services for name in ("go.mod", "Cargo.lock", "uv.lock")]
    return tuple(dict.fromkeys(path for path in found if path.rpartition("/")[2] in READERS))


def make(seen: Seen) -> Made:
    """One document for the project."""
    found, notes = collect(seen)
    if not found:
        return Made(notes=(*notes, "neither a lockfile nor an installed environment names any package"))
    return Made((File(NAME, render(seen.project, found)),), tuple(notes))


def collect(seen: Seen) -> tuple[dict[Locked, str], list[str]]:
    """Every package with the file or the folder that it comes from, and what could not be read."""
    found: dict[Locked, str] = {}
    notes: list[str] = []
    for path in sorted(seen.texts, key=lambda path: (path.count("/"), path)):
        folder, _, name = path.rpartition("/")
        if name == "go.sum" and at(folder, "go.mod") in seen.texts:
            continue  # it has also what was only looked at to choose the versions
        try:
            rows = packages(path, seen.texts[path])
        except parse.Broken as error:
            notes.append(f"{safe(path)} could not be read: {error}")
            continue
        _add(found, rows, path)
    locked = {package.kind for package in found}
    for group in seen.packages:
        kind = INSTALLED.get(group.manager, "")
        if kind and group.where != "system" and kind not in locked:
            _add(found, _installed(group, kind), group.where)
    return found, notes


def _installed(group: PackageSet, kind: str) -> Iterable[Locked]:
    return (Locked(kind, name, version) for name, version in sorted(group.packages.items()) if version)


def _add(found: dict[Locked, str], rows: Iterable[Locked], source: str) -> None:
    """Once; a package that any part of the project runs with is not for development only."""
    for package in rows:
        other = replace(package, dev=not package.dev)
        if other in found and not package.dev:
            source = found.pop(other)
        if other not in found:
            found.setdefault(package, source)


def render(project: Project, found: dict[Locked, str]) -> str:
    """The document as JSON of CycloneDX 1.6, the same for the same packages: without time and random number. Raises Failed."""
    return _rendered(safe(posixpath.basename(project.root.rstrip("/")) or "project", 100), tuple(found.items()))


@lru_cache(maxsize=2)
def _rendered(name: str, found: tuple[tuple[Locked, str], ...]) -> str:
    """Kept, since a plan is made again right before it is carried out, and a thousand packages take a second.

    Each component is written by the library on its own: a whole document's check takes the square of their number.
    Which package asked for which is not said, so no package is said to stand alone either.
    """
    try:
        # Its classes are made by decorators that no type checker sees through.
        names = ("model.bom", "model.component", "output.json", "schema.schema")
        bom, component, output, schema = (import_module(f"cyclonedx.{name}") for name in names)
        note: Any = import_module("cyclonedx.model").Property
    except ImportError:
        raise Failed(
            "the library for bills of materials is not installed", "pip install cyclonedx-python-lib"
        ) from None
    kinds, scopes, made = component.ComponentType, component.ComponentScope, dict[str, Any]()
    for package, source in found:
        url = purl(package)
        one: Any = component.Component(
            name=url.name,
            group=url.namespace,
            version=url.version,
            purl=url,
            bom_ref=url.to_string(),
            type=kinds.LIBRARY,
            scope=scopes.EXCLUDED if package.dev else scopes.REQUIRED,
            properties=[note(name="envsync:source", value=safe(source, 400))],
        )
        made.setdefault(url.to_string(), json.loads(one.as_json(view_=schema.SchemaVersion1Dot6)))
    whole: Any = bom.Bom()
    whole.metadata.component = component.Component(name=name, type=kinds.APPLICATION, bom_ref="project")
    document: dict[str, Any] = json.loads(output.JsonV1Dot6(whole).output_as_string())
    for changing in ("serialNumber", "dependencies"):
        document.pop(changing, None)
    document["metadata"].pop("timestamp", None)
    document["components"] = [made[url] for url in sorted(made)]
    first = ("$schema", "bomFormat", "specVersion", "version", "metadata")
    ordered = {key: document[key] for key in (*first, *(key for key in document if key not in first))}
    return json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"


def purl(package: Locked) -> PackageURL:
    """Its address by the rules of its type: https://github.com/package-url/purl-spec."""
    from packageurl import PackageURL

    group, name = "", package.name
    if package.kind == "maven":
        group, _, name = name.partition(":")
    elif package.kind in ("npm", "composer", "golang", "swift"):
        group, _, name = name.rpartition("/")
    return PackageURL(package.kind, group or None, name, package.version)
