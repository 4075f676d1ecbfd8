"""Packages out of lockfiles, of every ecosystem that writes one: plain data, nothing is executed, and nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from .. import parse
from ..requirements import normal
from .lockfiles_node import Found, bun, npm, pnpm, yarn


@dataclass(frozen=True)
class Locked:
    """One package in one version."""

    kind: str
    """The purl's type: pypi, npm, golang, cargo, gem, composer, maven, nuget, hex, pub, swift, jsr."""
    name: str
    """As the ecosystem writes it, with its group or scope: `@types/node`, `org.slf4j:slf4j-api`, `symfony/console`."""
    version: str
    dev: bool = False
    """Only for development."""


MOST = 50_000
"""Packages of one lockfile; more is nobody's project."""
_GEM = re.compile(r"^    ([\w.-]{1,100}) \(([\w.-]{1,60})\)$", re.MULTILINE)
_GO = re.compile(r"(require[ \t]+)?[ \t]*([\w.~/-]{1,300}) (v[\w.+-]{1,100})(?:[ \t]*//|[ \t]*$)")
_GO_SUM = re.compile(r"^([\w.~/-]+) (v[\w.+-]+) h1:", re.MULTILINE)
_GRADLE = re.compile(r"^([\w.-]+:[\w.-]+):([\w.+-]+)=", re.MULTILINE)
_MIX = re.compile(r'^  "[\w-]+": \{:hex, :(\w+), "([\w.+-]+)"', re.MULTILINE)
_PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]\n]*\])?[ \t]*==[ \t]*([\w.!+-]+)", re.MULTILINE)


def packages(path: str, text: str) -> list[Locked]:
    """The packages that a lockfile names, each version once, in order of names. Raises Broken when it cannot be read."""
    reader = READERS.get(path.rpartition("/")[2])
    if reader is None or not text:
        return []
    kind, read = reader
    found: dict[tuple[str, str], bool] = {}
    for name, version, dev in read(text):
        if name and version and len(name) < 300 and len(version) < 100 and len(found) < MOST:
            found[name, version] = dev and found.get((name, version), True)
    return [Locked(kind, name, version, dev) for (name, version), dev in sorted(found.items())]


def _tables(text: str, key: str) -> Iterator[dict[str, Any]]:
    rows = parse.toml(text).get(key)
    yield from (parse.table(row) for row in cast(list[object], rows)) if isinstance(rows, list) else ()


def _uv(text: str) -> Found:
    """Without what is the project's own: those have a directory as source."""
    for row in _tables(text, "package"):
        if not {"virtual", "editable", "directory"} & set(parse.table(row.get("source"))):
            yield normal(parse.string(row.get("name"))), parse.string(row.get("version")), False


def _poetry(text: str) -> Found:
    """Poetry's, PDM's and pylock.toml; those with groups say which are not the program's own."""
    document = parse.toml(text)
    for row in _tables(text, "packages" if "lock-version" in document else "package"):
        groups = parse.strings(row.get("groups"))
        dev = parse.string(row.get("category")) == "dev" or (bool(groups) and not {"main", "default"} & set(groups))
        yield normal(parse.string(row.get("name"))), parse.string(row.get("version")), dev


def _pipfile(text: str) -> Found:
    document = parse.jsonc(text)
    for section, dev in (("default", False), ("develop", True)):
        for name, value in parse.table(document, section).items():
            yield normal(name), parse.string(parse.table(value).get("version")).removeprefix("=="), dev


def _requirements(text: str) -> Found:
    yield from ((normal(name), version, False) for name, version in _PINNED.findall(text))


def _cargo(text: str) -> Found:
    """Without the workspace's own crates: those have no source."""
    for row in _tables(text, "package"):
        if row.get("source"):
            yield parse.string(row.get("name")), parse.string(row.get("version")), False


def _go_mod(text: str) -> Found:
    """What is required; not what takes the place of something, and not what is excluded."""
    block = ""
    for line in text.splitlines():
        opened = re.match(r"(\w+)[ \t]*\(", line)
        block = opened[1] if opened else "" if line.startswith(")") else block
        found = _GO.match(line)
        if found and (block == "require" or found[1]):
            yield found[2], found[3], False


def _go_sum(text: str) -> Found:
    yield from ((name, version, False) for name, version in _GO_SUM.findall(text))


def _gems(text: str) -> Found:
    """Gems of a registry; those of a path or a repository are in sections of their own."""
    for section in re.findall(r"^GEM\n((?:[ ]+[^\n]*\n|\n(?=[ ]))*)", text + "\n", re.MULTILINE):
        yield from (
            (name, re.sub(r"-(?:x86|arm|aarch|java|universal)\S*$", "", version), False)
            for name, version in _GEM.findall(section)
        )


def _composer(text: str) -> Found:
    document = parse.jsonc(text)
    for section, dev in (("packages", False), ("packages-dev", True)):
        rows = document.get(section)
        for row in cast(list[object], rows) if isinstance(rows, list) else ():
            yield parse.string(parse.table(row).get("name")), parse.string(parse.table(row).get("version")), dev


def _gradle(text: str) -> Found:
    yield from ((name, version, False) for name, version in _GRADLE.findall(text))


def _mix(text: str) -> Found:
    yield from ((name, version, False) for name, version in _MIX.findall(text))


def _pub(text: str) -> Found:
    for name, value in parse.table(parse.yaml(text), "packages").items():
        row = parse.table(value)
        if row.get("source") == "hosted":
            yield str(name), parse.string(row.get("version")), parse.string(row.get("dependency")) == "direct dev"


def _nuget(text: str) -> Found:
    for framework in parse.table(parse.jsonc(text), "dependencies").values():
        for name, value in parse.table(framework).items():
            yield name, parse.string(parse.table(value).get("resolved")), False


def _gleam(text: str) -> Found:
    for row in _tables(text, "packages"):
        if parse.string(row.get("source")) == "hex":
            yield parse.string(row.get("name")), parse.string(row.get("version")), False


def _swift(text: str) -> Found:
    document = parse.jsonc(text)
    pins = document.get("pins") or parse.table(document, "object").get("pins")
    for pin in cast(list[object], pins) if isinstance(pins, list) else ():
        row = parse.table(pin)
        place = parse.string(row.get("location")) or parse.string(row.get("repositoryURL"))
        at = re.fullmatch(r"https://([\w.-]+/[\w./-]+?)(?:\.git)?/?", place)
        yield at[1] if at else "", parse.string(parse.table(row, "state").get("version")), False


def _deno(text: str) -> Found:
    """Of npm; a key may have its peers behind it: `name@1.0.0_peer@2.0.0`."""
    for key in parse.table(parse.jsonc(text), "npm"):
        if found := re.match(r"((?:@[\w.-]{1,100}/)?[\w.-]{1,200})@([\w.+-]+?)(?:_|$)", key):
            yield found[1], found[2], False


READERS: dict[str, tuple[str, Callable[[str], Found]]] = {
    "package-lock.json": ("npm", npm), "npm-shrinkwrap.json": ("npm", npm), "pnpm-lock.yaml": ("npm", pnpm), "yarn.lock": ("npm", yarn),
    "bun.lock": ("npm", bun), "deno.lock": ("npm", _deno), "uv.lock": ("pypi", _uv), "poetry.lock": ("pypi", _poetry),
    "pdm.lock": ("pypi", _poetry), "pylock.toml": ("pypi", _poetry), "Pipfile.lock": ("pypi", _pipfile),
    "requirements.lock": ("pypi", _requirements), "requirements-lock.txt": ("pypi", _requirements),
    "requirements.txt": ("pypi", _requirements), "Cargo.lock": ("cargo", _cargo), "go.mod": ("golang", _go_mod), "go.sum": ("golang", _go_sum),
    "Gemfile.lock": ("gem", _gems), "composer.lock": ("composer", _composer), "gradle.lockfile": ("maven", _gradle),
    "mix.lock": ("hex", _mix), "pubspec.lock": ("pub", _pub), "packages.lock.json": ("nuget", _nuget),
    "manifest.toml": ("hex", _gleam), "Package.resolved": ("swift", _swift),
}  # fmt: skip
"""By file name: the type of purl, and what reads it."""
