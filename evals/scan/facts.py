"""What is true of a package, written down by hand, and what a detector says of it: both as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from envsync.tools.errors import Usage

EXPECTED = Path(__file__).parent / "expected"
SETS = {"worked": EXPECTED, "held": Path(__file__).parent / "heldout"}
"""The packages that rules were worked on with, and those that none ever is."""
PURPOSES = ("install", "build", "start", "dev", "test")
"""The commands that are judged; a detector may say more."""


@dataclass(frozen=True)
class Package:
    """A release in a registry: `pypi` (source distributions), `npm`, or `debian` (what a source package was made of)."""

    registry: str
    name: str
    version: str

    @property
    def label(self) -> str:
        return f"{self.registry} {self.name} {self.version}"


@dataclass(frozen=True)
class Right:
    """What counts as right at one place: one of `any`; nothing at all is right too where it `may` be missing."""

    any: tuple[str, ...]
    source: str
    """The file, page or paragraph that says so."""
    may: bool = False
    also: tuple[str, ...] = ()
    """True as well, and not asked for."""

    @property
    def allowed(self) -> frozenset[str]:
        return frozenset(self.any + self.also)


@dataclass(frozen=True)
class Service:
    """One service as its authors describe it."""

    root: str
    roles: Right
    runtimes: Mapping[str, Right]
    commands: Mapping[str, Right]
    """By purpose; a purpose that is not here has no command."""
    unjudged: frozenset[str]
    """Purposes of which the package's own words leave open what is right."""


@dataclass(frozen=True)
class Expected:
    """Everything that is known of a package."""

    package: Package
    languages: Right
    """All of `any`; `also` may be said as well."""
    services: Mapping[str, Service]
    ports: Mapping[str, Right]
    databases: Mapping[str, Right]
    frameworks: Mapping[str, Right] | None = None
    """None where nobody has written down what is right, and so nothing is judged; the same for those below."""
    variables: Mapping[str, Right] | None = None
    """Those that its documentation names: there are others, which are not judged."""
    order: Mapping[str, Right] | None = None
    """`postgresql < .`: what must run before a service, by name or root."""


@dataclass
class Found:
    """What a detector says; None where it has no such field."""

    services: dict[str, str] | None = None
    """Role by root; an empty role where it has none."""
    languages: set[str] | None = None
    versions: set[tuple[str, str, str]] | None = None
    """(root, runtime, version as it is asked for)"""
    commands: set[tuple[str, str, str]] | None = None
    """(root, purpose, what to type)"""
    ports: set[str] | None = None
    databases: set[str] | None = None
    frameworks: set[str] | None = None
    variables: set[str] | None = None
    order: set[str] | None = None
    seconds: float = 0.0


def read(folder: Path = EXPECTED) -> list[Expected]:
    """All packages with what is expected of them. Raises Usage where a file is not as it must be."""
    found: list[Expected] = []
    for path in sorted(folder.glob("*.yaml")):
        for entry in cast("list[dict[str, Any]]", yaml.safe_load(path.read_text("utf-8"))):
            try:
                found.append(_expected(path.stem, dict(entry)))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise Usage(f"{path.name}: {entry.get('name')}: {type(error).__name__} {error}") from error
    return found


def _expected(registry: str, entry: dict[str, Any]) -> Expected:
    package = Package(registry, entry.pop("name"), str(entry.pop("version")))
    entry.pop("about")
    services = {root: _service(root, dict(said)) for root, said in entry.pop("services").items()}
    languages = dict(entry.pop("languages"))
    right = Right(tuple(languages.pop("all")), languages.pop("from"), also=tuple(languages.pop("may", ())))
    ports, databases = _table(entry.pop("ports", {})), _table(entry.pop("databases", {}))
    more = {key: _table(entry.pop(key)) for key in ("frameworks", "variables", "order") if key in entry}
    expected = Expected(package, right, services, ports, databases, **more)
    _nothing_left(entry, languages)
    return expected


def _service(root: str, said: dict[str, Any]) -> Service:
    roles = said.pop("role")
    service = Service(
        root,
        Right(_words(roles), said.pop("from"), may=bool(said.pop("may", False))),
        {name: _right(name, right) for name, right in said.pop("runtimes", {}).items()},
        {name: _right(name, right) for name, right in said.pop("commands", {}).items()},
        frozenset(said.pop("unjudged", ())),
    )
    _nothing_left(said)
    if wrong := (set(service.commands) | service.unjudged) - set(PURPOSES):
        raise ValueError(f"no purposes: {sorted(wrong)}")
    return service


def _table(said: Mapping[object, object]) -> dict[str, Right]:
    return {str(name): _right(str(name), right) for name, right in said.items()}


def _right(name: str, said: object) -> Right:
    """A text is the source of `name` itself; otherwise `any` with `from`, or with `may` for what may be missing."""
    if isinstance(said, str):
        return Right((name,), said)
    table = dict(cast("dict[str, Any]", said))
    may = table.pop("may", "")
    right = Right(
        _words(table.pop("any", name)), may or table.pop("from"), may=bool(may), also=_words(table.pop("also", ()))
    )
    _nothing_left(table)
    return right


def _words(said: object) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(str(word) for word in cast("Iterable[object]", said))


def _nothing_left(*tables: Mapping[str, object]) -> None:
    for table in tables:
        if table:
            raise ValueError(f"unknown keys: {sorted(table)}")
