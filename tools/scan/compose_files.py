"""Compose files as data: which files of a project are some, and the services in each, taken apart with care."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from . import parse
from .dockerfile import fill
from .gathered import Gathered
from .ignore import is_example
from .parse import Node, string, strings, table
from .text import listed, safe
from .tree import Tree

MAIN = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
READS = (*MAIN, "docker-compose*.y*ml", "compose.*.y*ml", "compose-*.y*ml", "*.compose.y*ml")
_NAME = re.compile(
    r"(?:docker-)?compose(?:[._-](?P<behind>[\w.-]{1,40}))?\.ya?ml|(?P<ahead>[\w-]{1,40})\.(?:docker-)?compose\.ya?ml"
)
_TRIED = frozenset({"test", "tests", "testing", "ci", "e2e", "integration", "sut", "bench", "example", "sample"})
_TRIES = frozenset(
    {
        "test",
        "tests",
        "e2e",
        "playwright",
        "cypress",
        "sut",
        "lint",
        "k6",
        "locust",
        "selenium",
        "coverage",
        "typecheck",
        "storybook",
    }
)
"""Services that try the others out."""
_LIVE = frozenset({"prod", "production", "staging", "deploy", "release", "swarm", "stack", "prd", "stage"})
FILES, SERVICES = 40, 600
"""As many of one project are looked at."""


@dataclass(frozen=True)
class Composed:
    """One service of a compose file."""

    label: str
    facts: Node
    path: str
    """The file's, relative to the project."""
    sure: float
    """How much the file says about the project as one runs it to work on it."""

    @property
    def key(self) -> str:
        return f"services.{safe(self.label, 60)}"

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


def is_compose(name: str) -> bool:
    """Whether a file of that name is a compose file."""
    return _NAME.fullmatch(name) is not None


def read(tree: Tree, gathered: Gathered) -> list[Composed]:
    """Every service of every compose file, the file that is meant when none is named first."""
    found: list[Composed] = []
    paths = [
        path for path in tree.texts if is_compose(path.rpartition("/")[2]) and not is_example(path.rpartition("/")[0])
    ]
    for path in sorted(paths, key=_rank)[:FILES]:
        try:
            content = parse.yaml(tree.texts[path])
        except parse.Broken as error:
            gathered.finding(f"{safe(path)} could not be read: {error}", path, rule="unreadable")
            continue
        if "include" in content:
            gathered.finding(
                f"{safe(path)} includes other files, which were left out", path, "include", rule="left-out"
            )
        sure = _sure(path)
        extended: list[str] = []
        for label, value in list(_services(content).items())[: SERVICES - len(found)]:
            facts = table(value)
            if "extends" in facts:
                extended.append(safe(str(label), 60))
            if facts:
                tries = "build" in facts and set(re.split(r"[_-]", str(label).lower())) & _TRIES
                found.append(Composed(str(label)[:80], facts, path, sure * (0.5 if tries else 1.0)))
        if extended:
            gathered.finding(
                f"{safe(path)} takes part of {listed(extended, 3)} from elsewhere (extends), which was left out",
                path,
                f"services.{extended[0]}.extends",
                rule="left-out",
            )
    return found


def _services(content: Node) -> Node:
    if "services" in content:
        return table(content, "services")
    # The oldest form has the services on top.
    old = content and all({"image", "build"} & set(table(value)) for value in content.values())
    return content if old else {}


def _rank(path: str) -> tuple[int, int, str]:
    name = path.rpartition("/")[2]
    return path.count("/"), MAIN.index(name) if name in MAIN else 5 if ".override." in name else 6, path


def _sure(path: str) -> float:
    name = path.rpartition("/")[2]
    found = _NAME.fullmatch(name)
    kinds = set(re.split(r"[._-]", ((found["behind"] or found["ahead"] or "") if found else "").lower()))
    if kinds & _TRIED:
        return 0.5
    return 0.8 if kinds & _LIVE else 1.0 if name in MAIN or "override" in kinds else 0.95


@dataclass(frozen=True)
class Build:
    """What an image is built from; paths are relative to the project."""

    context: str
    dockerfile: str
    target: str = ""


def build(service: Composed) -> Build | None:
    """What is built; None when nothing is, or when it lies outside of the project."""
    value = service.facts.get("build")
    facts = table(value)
    text = filled(string(value) or string(facts.get("context")) or ("." if value is not None else ""))
    context = inside(service.folder, text)
    if context is None:
        return None
    file = inside(context, filled(string(facts.get("dockerfile"))) or "Dockerfile")
    return Build(context or ".", file or "", filled(string(facts.get("target"))))


def inside(folder: str, path: str) -> str | None:
    """A relative path as seen from the project's root (empty for that itself); None when it leads out of it."""
    if not path or "://" in path or path.startswith(("/", "~", "git@", "$")):
        return None
    joined = posixpath.normpath(posixpath.join(folder, path[:400]))
    return None if joined == ".." or joined.startswith("../") else "" if joined == "." else joined


def filled(text: str) -> str:
    """A text with the defaults of its variables put in."""
    return fill(text, {}) if len(text) < 2_000 else ""


def waits(service: Composed) -> list[tuple[str, str]]:
    """(label, key) of what it is started after."""
    facts = service.facts
    found = [(label, "depends_on") for label in strings(facts.get("depends_on"))]
    for label, how in table(facts, "depends_on").items():
        if table(how).get("required") is not False:
            found.append((str(label), "depends_on"))
    found += [(link.partition(":")[0], "links") for link in strings(facts.get("links"))]
    mode = string(facts.get("network_mode"))
    if mode.startswith("service:"):
        found.append((mode.removeprefix("service:"), "network_mode"))
    return found[:60]


def environment(service: Composed) -> Iterator[tuple[str, str]]:
    """(name, value) of the variables that it gets; the value is empty where the file has none."""
    return _pairs(service.facts.get("environment"))


def arguments(service: Composed) -> Iterator[tuple[str, str]]:
    """(name, value) of what its image is built with."""
    return _pairs(table(service.facts, "build").get("args"))


def labels(service: Composed) -> list[str]:
    """Its labels, as `name=value`."""
    value = service.facts.get("labels")
    return [*strings(value), *(f"{name}={text}" for name, text in table(value).items())][:100]


def _pairs(value: object) -> Iterator[tuple[str, str]]:
    pairs: list[tuple[str, object]] = [(line.partition("=")[0], line.partition("=")[2]) for line in strings(value)]
    pairs += list(table(value).items())
    for name, content in pairs[:300]:
        if re.fullmatch(r"[A-Za-z_]\w{0,127}", str(name)):
            yield str(name), filled("" if content is None else str(content))


def ports(service: Composed) -> list[tuple[int, int]]:
    """(on this machine, in the container); 0 where none is said."""
    found: list[tuple[int, int]] = []
    value = service.facts.get("ports")
    for entry in cast(list[Any], value)[:60] if isinstance(value, list) else []:
        if isinstance(entry, dict):
            facts = cast(Node, entry)
            host, inner = str(facts.get("published", "")), str(facts.get("target", ""))
        else:
            ahead, _, inner = filled(str(entry)).partition("/")[0].rpartition(":")
            host = ahead.rpartition(":")[2]
        found.append((_port(host), _port(inner)))
    for entry in (
        cast(list[Any], service.facts.get("expose"))[:60] if isinstance(service.facts.get("expose"), list) else []
    ):
        found.append((0, _port(filled(str(entry)).partition("/")[0])))
    return [pair for pair in found if pair[1]]


def _port(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536 else 0


def mounts(service: Composed) -> list[str]:
    """The folders of the project that it sees; empty for the project's root."""
    found: list[str] = []
    value = service.facts.get("volumes")
    for entry in cast(list[Any], value)[:60] if isinstance(value, list) else []:
        source = string(cast(Node, entry).get("source")) if isinstance(entry, dict) else str(entry).partition(":")[0]
        path = inside(service.folder, filled(source)) if source.startswith(".") else None
        if path is not None:
            found.append(path)
    return found


def names(service: Composed) -> list[str]:
    """Under which other containers reach it."""
    found = [service.label, *(string(service.facts.get(key)) for key in ("container_name", "hostname"))]
    for network in table(service.facts, "networks").values():
        found += strings(table(network).get("aliases"))
    return [name.lower()[:80] for name in found[:20] if re.fullmatch(r"[A-Za-z0-9][\w.-]{0,80}", name)]


def command(service: Composed) -> list[str] | str:
    """What it runs instead of its image's own command."""
    value = service.facts.get("command")
    if isinstance(value, str):
        text = " ".join(filled(value).split())
        try:
            argv = shlex.split(text)
        except ValueError:
            return []
        shell = len(argv) > 2 and argv[0] in ("sh", "bash", "/bin/sh", "/bin/bash")
        return argv if shell else text
    return [filled(word) for word in strings(value)]


def image(service: Composed) -> str:
    """Its image's name with the defaults of variables put in."""
    return filled(string(service.facts.get("image")))
