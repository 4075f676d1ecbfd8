"""What is compared: EnvSync's own scan, and the rule that a directory with a manifest is a service."""

from __future__ import annotations

import os
import time
from fnmatch import fnmatch
from pathlib import Path

from envsync.tools.fingerprint import Fact
from envsync.tools.scan.project import Survey, survey, wants
from envsync.tools.scan.tree import collect

from .facts import PURPOSES, Found

SURE = 0.7
"""The confidence from which a finding counts as sure."""
KEPT = ("database", "cache", "queue", "search")
"""Roles of what a project runs beside itself that are databases here."""
MANIFESTS = (
    "package.json", "pyproject.toml", "setup.py", "requirements.txt", "Pipfile", "go.mod", "Cargo.toml", "pom.xml",
    "build.gradle", "build.gradle.kts", "build.sbt", "project.clj", "deps.edn", "Gemfile", "*.gemspec", "composer.json",
    "mix.exs", "rebar.config", "gleam.toml", "*.cabal", "stack.yaml", "dune-project", "*.csproj", "*.fsproj", "*.vcxproj",
    "Package.swift", "pubspec.yaml", "shard.yml", "build.zig", "*.nimble", "*.rockspec", "DESCRIPTION", "Project.toml",
    "Makefile.PL", "cpanfile", "CMakeLists.txt", "meson.build", "deno.json", "elm.json",
)  # fmt: skip
"""What says what a package is called and needs; a Makefile alone lies in many a folder that is none."""


def project(root: Path) -> tuple[Survey, float]:
    """EnvSync's scan of a folder and its seconds."""
    started = time.perf_counter()
    found = survey(collect(str(root), wants()))
    return found, time.perf_counter() - started


def ours(project: Survey, seconds: float, *, least: float = 0.0) -> Found:
    """The scan's result as the fields that are compared; findings below `least` are left out."""

    def sure(facts: tuple[Fact, ...]) -> list[Fact]:
        return [fact for fact in facts if fact.confidence >= least]

    services = project.services
    return Found(
        services={service.root: service.role for service in services},
        languages={fact.value for service in services for fact in sure(service.languages)},
        versions={
            (service.root, wanted.name, wanted.spec)
            for service in services
            for wanted in service.runtimes
            if wanted.spec and wanted.confidence >= least
        },
        commands={
            (service.root, purpose, fact.value)
            for service in services
            for purpose, fact in service.commands.items()
            if purpose in PURPOSES and fact.confidence >= least
        },
        ports={fact.value for service in services for fact in sure(service.ports)},
        databases={fact.value for service in services for fact in sure(service.databases)}
        | {backing.name for backing in project.backing if backing.role in KEPT},
        frameworks={fact.value for service in services for fact in sure(service.frameworks)},
        variables={fact.value for service in services for fact in sure(service.variables)},
        order={f"{fact.value} < {service.root}" for service in services for fact in sure(service.needs)},
        seconds=seconds,
    )


def naive(root: Path) -> Found:
    """Each directory with a manifest, wherever it lies; only what git and package managers fill is left out."""
    started = time.perf_counter()
    roots: dict[str, str] = {}
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if name not in (".git", "node_modules")]
        if any(fnmatch(name, manifest) for name in files for manifest in MANIFESTS):
            roots[Path(folder).relative_to(root).as_posix()] = ""
    return Found(services=roots, seconds=time.perf_counter() - started)
