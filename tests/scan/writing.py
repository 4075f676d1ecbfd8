"""What the tests of writers share: what a writer sees of a few files, and a project built by hand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from envsync.tools.fingerprint import Backing, Evidence, Fact, PackageSet, Project, Service, Wanted
from envsync.tools.scan.project import survey, wants
from envsync.tools.scan.tree import collect
from envsync.tools.scan.write import registry
from envsync.tools.scan.write.base import Made, Seen

from .conftest import fill


def seen(root: Path, files: Mapping[str, str], kind: str, **changes: object) -> Seen:
    """A project of these files as the writer of `kind` sees it."""
    fill(root, files)
    found = survey(collect(str(root), wants()))
    project = Project(
        root=str(root), services=found.services, backing=found.backing, order=found.order, shared=found.shared
    ).model_copy(update=changes)
    return looked(root, project, kind)


def looked(root: Path, project: Project, kind: str) -> Seen:
    """The texts and names that the writer of `kind` asks for."""
    wanted = registry.find(kind).reads(project)
    texts = {path: (root / path).read_text() for path in wanted if (root / path).is_file()}
    roots = {".", *(service.root for service in project.services)}
    return Seen(project, (), texts, {at: frozenset(os.listdir(root / at)) for at in roots if (root / at).is_dir()})


def make(root: Path, files: Mapping[str, str], kind: str) -> Made:
    """What the writer of `kind` makes of these files."""
    return registry.find(kind).make(seen(root, files, kind))


def texts(made: Made) -> dict[str, str]:
    """The files that were made, by path."""
    assert len({file.path for file in made.files}) == len(made.files)
    return {file.path: file.text for file in made.files}


def fact(value: str, confidence: float = 0.9, key: str = "") -> Fact:
    """A finding."""
    return Fact(value=value, confidence=confidence, evidence=(Evidence(path="x", key=key),))


def service(name: str, root: str = ".", **more: object) -> Service:
    """A service; lists of strings become facts."""
    given = {
        key: tuple(fact(str(one)) for one in value) if isinstance(value, list) else value for key, value in more.items()
    }
    return Service.model_validate({"name": name, "root": root, "role": "backend", **given})


def wanted(name: str, *specs: str, path: str = "x", confidence: float = 1.0) -> list[Wanted]:
    """Wishes for a runtime."""
    at = (Evidence(path=path),)
    return [Wanted(name=name, spec=spec, evidence=at, confidence=confidence) for spec in specs]


SHOP: dict[str, str] = {
    "api/pyproject.toml": """\
[project]
name = "shop-api"
version = "0"
requires-python = ">=3.11"
dependencies = ["fastapi", "uvicorn", "psycopg2", "redis"]
""",
    "api/uv.lock": 'version = 1\n\n[[package]]\nname = "fastapi"\nversion = "0.115.0"\nsource = { registry = "https://index.example/simple" }\n',
    "api/main.py": """\
import os
from fastapi import FastAPI
app = FastAPI()
where = os.environ["POSTGRES_HOST"]
word = os.environ["DB_PASSWORD"]
redis = os.environ["REDIS_URL"]
level = os.environ.get("LOG_LEVEL", "info")
""",
    "web/package.json": """\
{"name": "shop-web", "private": true, "scripts": {"dev": "vite", "build": "vite build"},
 "engines": {"node": ">=20"}, "dependencies": {"react": "^19.0.0"}, "devDependencies": {"vite": "^6.0.0"}}
""",
    "web/package-lock.json": """\
{"lockfileVersion": 3, "packages": {"": {"name": "shop-web"}, "node_modules/react": {"version": "19.0.0"},
 "node_modules/vite": {"version": "6.0.1", "dev": true}, "node_modules/@types/node": {"version": "22.1.0", "dev": true}}}
""",
}
"""An API with PostgreSQL and Redis, and pages."""

__all__ = ["SHOP", "Backing", "PackageSet", "fact", "looked", "make", "seen", "service", "texts", "wanted"]
