"""What a Python project's files ask for, as plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..names import normal

TEST_EXTRAS = ("test", "tests", "testing", "dev", "develop", "development")
"""Extras and dependency groups that hold what a project's own tests need; the first kind found is enough."""


@dataclass
class Declared:
    """What the files ask for. `lines` are requirements (PEP 508), `pins` what a lockfile fixes them to."""

    lines: list[str] = field(default_factory=list[str])
    pins: list[str] = field(default_factory=list[str])
    urls: list[str] = field(default_factory=list[str])
    """Requirements that come from an address and not from the index."""
    hashes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """`sha256:…` by normalised name, where a requirements file has them."""
    sources: list[str] = field(default_factory=list[str])
    """What was read, for the preview: `pyproject.toml`, `group tests`."""
    files: dict[str, str] = field(default_factory=dict[str, str])
    """Digest by name of every file that was read."""
    extras: list[str] = field(default_factory=list[str])
    """The project's extras whose lines are taken."""
    groups: list[str] = field(default_factory=list[str])
    optional: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """All lines by extra."""
    name: str = ""
    installable: bool = False
    """True: the project itself is a package and gets installed in editable mode."""
    unknown: bool = False
    """True: what it depends on is known only to its own build script."""
    requires: str = ""
    """The interpreter it asks for, e.g. `>=3.9`."""
    lock: str = ""
    indexes: set[str] = field(default_factory=set[str])
    """Hosts that uv.lock takes packages from."""
    pytest: str = ""
    """The file that configures pytest."""
    notes: list[str] = field(default_factory=list[str])

    @property
    def names(self) -> frozenset[str]:
        """Normalised names of all that is declared or locked, in whichever extra."""
        lines = (*self.lines, *self.pins, *self.urls, *(line for extra in self.optional.values() for line in extra))
        return frozenset(filter(None, map(name_of, lines)))

    def take(self, name: str) -> None:
        """Take an extra's lines, with those of the project's other extras that it names."""
        if name not in self.extras and name in self.optional:
            self.extras.append(name)
            self.lines += self._own(self.optional[name])
            self.sources.append(f"extra {name}")

    def _own(self, lines: list[str], depth: int = 0) -> list[str]:
        """`all = ["me[a,b]"]` names the project's own extras."""
        found: list[str] = []
        for line in lines:
            match = re.match(r"\s*([\w.-]+)\s*\[([\w,. -]+)\]", line)
            if match and self.name and normal(match[1]) == normal(self.name) and depth < 8:
                for extra in match[2].split(","):
                    found += self._own(self.optional.get(extra.strip(), []), depth + 1)
            else:
                found.append(line)
        return found

    def test_extra(self) -> None:
        """Take the extra that the project's own tests need, when there is one."""
        for name in [name for name in TEST_EXTRAS if name in self.optional][:1]:
            self.take(name)


def name_of(line: str) -> str:
    """The normalised name in a requirement line; empty when it has none."""
    match = re.match(r"\s*([A-Za-z0-9][\w.-]*)", line)
    return normal(match[1]) if match else ""


def from_address(line: str) -> bool:
    """Whether a requirement line names an address: `x @ https://…`, `git+ssh://…`."""
    return bool(re.search(r"^\s*(?:[\w.-]+(?:\[[^]]*\])?\s*@\s*)?\w[\w+.-]*://", line))
