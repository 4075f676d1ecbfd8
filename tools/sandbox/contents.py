"""What can be put into a sandbox: Debian's packages by runtime and service, and how it shows that they work."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..errors import Usage

SUITES = {"bookworm": "12", "trixie": "13"}
"""Debian's releases that sandboxes are built from, the usual one first, with their numbers."""


@dataclass(frozen=True)
class Content:
    """One runtime or service."""

    packages: tuple[str, ...]
    versions: dict[str, str] = field(default_factory=dict[str, str])
    """What each release of Debian has."""
    check: tuple[str, ...] = ()
    """A command that ends with 0 when it works."""
    service: str = ""
    """Name of its init script; empty for a runtime."""
    port: int = 0
    note: str = ""


def _by(bookworm: str, trixie: str) -> dict[str, str]:
    return {"bookworm": bookworm, "trixie": trixie}


RUNTIMES: dict[str, Content] = {
    "python": Content(
        ("python3", "python3-venv", "python3-pip", "python-is-python3"), _by("3.11", "3.13"),
        ("python3", "-c", "import ssl, sqlite3, venv"),
    ),
    "node": Content(("nodejs", "npm"), _by("18", "20"), ("node", "-e", "0")),
    "go": Content(("golang-go",), _by("1.19", "1.24"), ("go", "version")),
    "java": Content(("default-jdk-headless",), _by("17", "21"), ("javac", "-version")),
    "ruby": Content(("ruby",), _by("3.1", "3.3"), ("ruby", "-e", "0")),
    "php": Content(("php-cli",), _by("8.2", "8.4"), ("php", "-r", "0;")),
    "perl": Content(("perl",), _by("5.36", "5.40"), ("perl", "-e", "0")),
    "rust": Content(("rustc", "cargo"), _by("1.63", "1.85"), ("cargo", "--version")),
    "gcc": Content(("build-essential",), _by("12", "14"), ("gcc", "--version")),
    "lua": Content(("lua5.4",), _by("5.4", "5.4"), ("lua5.4", "-v")),
}  # fmt: skip
SERVICES: dict[str, Content] = {
    "redis": Content(("redis-server",), _by("7.0", "8.0"), ("redis-cli", "ping"), "redis-server", 6379),
    "postgresql": Content(
        ("postgresql",), _by("15", "17"), ("runuser", "-u", "postgres", "--", "psql", "-tAc", "select 1"),
        "postgresql", 5432,
    ),
    "mariadb": Content(
        ("mariadb-server",), _by("10.11", "11.8"), ("mariadb", "-e", "select 1"), "mariadb", 3306,
    ),
    "mysql": Content(
        ("mariadb-server",), {}, ("mariadb", "-e", "select 1"), "mariadb", 3306, "MySQL is MariaDB in Debian",
    ),
    "memcached": Content(("memcached",), _by("1.6", "1.6"), (), "memcached", 11211),
    "nginx": Content(("nginx-light",), _by("1.22", "1.26"), ("nginx", "-t"), "nginx", 80),
    "rabbitmq": Content(("rabbitmq-server",), _by("3.10", "4.0"), ("rabbitmqctl", "status"), "rabbitmq-server", 5672),
}  # fmt: skip
ALIASES = {
    "python3": "python", "nodejs": "node", "golang": "go", "jdk": "java", "openjdk": "java", "c": "gcc", "c++": "gcc",
    "cargo": "rust", "postgres": "postgresql", "pg": "postgresql", "maria": "mariadb", "rabbit": "rabbitmq",
}  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """A runtime or service that was asked for; `version` empty means any."""

    name: str
    version: str = ""

    @property
    def content(self) -> Content:
        return RUNTIMES.get(self.name) or SERVICES[self.name]

    def fits(self, suite: str) -> bool:
        """Whether this release of Debian has it."""
        return fits(self.content.versions.get(suite, ""), self.version)

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


def fits(there: str, wanted: str) -> bool:
    """`3.11` is `3.11.4` asked for more closely than we know, and `3` asked for less so."""
    a, b = there.split("."), wanted.split(".")
    return not wanted or (bool(there) and all(x == y for x, y in zip(a, b, strict=False)))


def parse(text: str, known: dict[str, Content], what: str) -> Wanted:
    """`python@3.11` as one of `known`. Raises Usage for what is none of them."""
    name, _, version = text.strip().partition("@")
    found = ALIASES.get(name.lower(), name.lower())
    if found not in known or (version and not re.fullmatch(r"\d[\d.]{0,12}", version)):
        raise Usage(f"{text[:60]!r} is no {what} that a sandbox can have", f"There are: {', '.join(known)}.")
    return Wanted(found, version.rstrip("."))


def release(wanted: list[Wanted], tag: str = "") -> str:
    """The release of Debian that has all of it: the one that `tag` (`12`, `trixie`) names, else the first that fits.

    Raises Usage with what there is; KeyError for a tag that is no release that we know.
    """
    named = {**{number: suite for suite, number in SUITES.items()}, **{suite: suite for suite in SUITES}}
    suites = [named[tag.removesuffix("-slim")]] if tag and tag != "latest" else list(SUITES)
    for suite in suites:
        if all(each.fits(suite) for each in wanted):
            return suite
    misfit = next((each for each in wanted if not any(each.fits(suite) for suite in suites)), None)
    if misfit is None:
        raise Usage(f"no release of Debian has all of {', '.join(map(str, wanted))}", "Make two sandboxes.")
    there = misfit.content.versions
    has = ", ".join(f"{there[suite]} (debian:{SUITES[suite]})" for suite in SUITES if suite in there)
    raise Usage(
        f"{misfit} is not in Debian {', '.join(SUITES[suite] for suite in suites)}",
        f"There is {has}." if has else f"Name no version of {misfit.name}.",
    )
