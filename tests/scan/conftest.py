"""Projects made of a few files, and a PATH whose programs are small real scripts with known versions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from envsync.tools.contract import Context
from envsync.tools.fingerprint import Fingerprint, Missing, Project, Service
from envsync.tools.scan.tool import ScanArgs, Scanned, observe, read

VERSIONS = {
    "python3": "Python 3.12.1",
    "node": "v20.11.0",
    "npm": "10.2.4",
    "go": "go version go1.22.3 linux/amd64",
    "rustc": "rustc 1.78.0 (9b00956e5 2024-04-29)",
    "cargo": "cargo 1.78.0",
    "uv": "uv 0.9.1",
    "pip3": "pip 24.0 from /x (python 3.12)",
    "ruby": "ruby 3.3.1",
    "php": "PHP 8.3.6 (cli)",
}


def program(folder: Path, name: str, script: str) -> Path:
    """A program for PATH."""
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def fill(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def bin(tmp_path: Path) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "bin"
    for name, said in VERSIONS.items():
        program(folder, name, f"echo '{said}'")
    return folder


@pytest.fixture
def context(project: Path, bin: Path, make_context: Callable[..., Context]) -> Context:
    """For the project, with the small PATH."""
    return make_context(project, environ={"PATH": str(bin)})


Scan = Callable[..., Awaitable[Project]]


@pytest.fixture
def scan(project: Path, context: Context) -> Scan:
    """Write files into the project and scan it."""

    async def run(files: Mapping[str, str] | None = None, **environ: str) -> Project:
        fill(project, files or {})
        found = (await seen(context, "project", **environ)).project
        assert found is not None
        return found

    return run


async def seen(context: Context, scope: str = "all", **environ: str) -> Fingerprint:
    """A fingerprint with some variables set."""
    from dataclasses import replace

    return await observe(replace(context, environ={**context.environ, **environ}), scope)  # type: ignore[arg-type]


async def told(context: Context, scope: str = "project") -> Scanned:
    """The tool's own answer."""
    return await read(ScanArgs(scope=scope), context)  # type: ignore[arg-type]


def only(project: Project) -> Service:
    """The single service of a project."""
    assert len(project.services) == 1, [s.root for s in project.services]
    return project.services[0]


def at(project: Project, root: str) -> Service:
    """The service with that root."""
    return next(s for s in project.services if s.root == root)


def lacks(project: Project, kind: str) -> dict[str, Missing]:
    """What is missing of one kind, by name."""
    return {m.name: m for m in project.missing if m.kind == kind}


def commands(service: Service) -> dict[str, str]:
    """Commands by purpose."""
    return {purpose: fact.value for purpose, fact in service.commands.items()}
