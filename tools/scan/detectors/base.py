"""What a detector is: the files it wants read, the patterns it looks for, and a pure function that adds to a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..draft import Draft
from ..mentions import Patterns


@dataclass(frozen=True)
class Detector:
    """One ecosystem."""

    name: str
    manifests: tuple[str, ...]
    """File names or globs that make their folder a candidate for a service."""
    detect: Callable[[Draft], None]
    """Called for every folder that has one of `manifests` (and for the root when `languages` occur there)."""
    reads: tuple[str, ...] = ()
    """Further small files that it reads."""
    lockfiles: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()
    """Those of `manifests` that lie in many folders of one project: they count only where no folder above has a manifest."""
    at_root: tuple[str, ...] = ()
    """Files that let it speak of the project's own root, although their names are too common to make a folder a service."""
    patterns: Mapping[str, Patterns] = field(default_factory=dict[str, Patterns])
    """By suffix: what to look for in source. The rule `env` names a variable that is read."""


@dataclass(frozen=True)
class Known:
    """What a dependency says about a service: the framework it is, the role it gives, the port it listens on."""

    name: str
    role: str = ""
    port: int = 0
    confidence: float = 0.9
