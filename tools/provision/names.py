"""What people name: `numpy@1.26.4`, `pip:uvicorn[standard]`, `npm:@types/node@20`, `apt:jq`, checked before anything uses it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import Usage

PREFIXES = {
    "pip": "python",
    "pypi": "python",
    "python": "python",
    "npm": "node",
    "node": "node",
    "apt": "apt",
    "go": "go",
    "golang": "go",
    "cargo": "rust",
    "crate": "rust",
    "rust": "rust",
    "maven": "java",
    "gradle": "java",
    "java": "java",
    "gem": "ruby",
    "bundler": "ruby",
    "ruby": "ruby",
    "composer": "php",
    "php": "php",
    "nuget": "dotnet",
    "dotnet": "dotnet",
}
"""Ecosystem by the prefix that people write; the first of each is how we write it."""

_NAME = {
    "python": re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,120}[A-Za-z0-9])?(?:\[[A-Za-z0-9][A-Za-z0-9._,-]{0,80}\])?"),
    "node": re.compile(r"(?:@[a-z0-9][a-z0-9._~-]{0,100}/)?[a-z0-9][a-z0-9._~-]{0,120}", re.IGNORECASE),
    "apt": re.compile(r"[a-z0-9][a-z0-9+.-]{1,120}"),
    "go": re.compile(r"(?:[a-z0-9-]{1,60}\.){1,6}[a-z]{2,24}(?:/[A-Za-z0-9_~][\w.~-]{0,100}){1,12}"),
    "rust": re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,100}"),
    "java": re.compile(r"[A-Za-z][\w.-]{0,120}:[A-Za-z][\w.-]{0,120}"),
    "ruby": re.compile(r"[A-Za-z0-9_][\w.-]{0,120}"),
    "php": re.compile(r"[a-z0-9][a-z0-9_.-]{0,100}/[a-z0-9][a-z0-9_.-]{0,100}", re.IGNORECASE),
    "dotnet": re.compile(r"[A-Za-z0-9_][\w.-]{0,120}"),
}
_BARE = ("python", "node", "apt", "go")
"""What may come without a prefix. `vendor/package` and `group:artifact` look like paths: they need one."""
_ANY = re.compile("|".join(f"(?:{_NAME[each].pattern})" for each in _BARE), re.IGNORECASE)
# A colon only after a Debian epoch: `npm:x@file:dir` and `npm:x@npm:other` would be another package, or none of the index.
_VERSION = re.compile(
    r"(?:\d{1,4}:)?[0-9A-Za-z][0-9A-Za-z.+~!_-]{0,80}|(?:[<>=~!^]{1,2} ?[0-9][0-9A-Za-z.*+!_-]{0,40},? ?){1,4}"
)


@dataclass(frozen=True)
class Named:
    """A thing that a person or a model asked for."""

    name: str
    version: str = ""
    """Empty means any that fits; `latest`; a version or its beginning; or a specifier such as `>=2,<3`."""
    ecosystem: str = ""
    """A value of PREFIXES; empty when the name came without a prefix."""

    @property
    def bare(self) -> str:
        """The name without extras, as an index knows it."""
        return self.name.partition("[")[0]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


def parse(text: str) -> Named:
    """Read one name as people write it. Raises Usage for what is no name: a path, a URL, an option, control characters."""
    raw = text.strip()
    prefix, colon, rest = raw.partition(":")
    ecosystem = PREFIXES.get(prefix.lower(), "") if colon else ""
    body = rest if ecosystem else raw
    name, version = _split(body)
    pattern = _NAME.get(ecosystem, _ANY)
    if not pattern.fullmatch(name) or (version and not _VERSION.fullmatch(version)):
        raise Usage(
            f"{shown(text)} is not a package name",
            "Write NAME or NAME@VERSION, e.g. numpy@1.26.4 or npm:left-pad. "
            "Paths, URLs and options are not taken here: put those into the project's own manifest.",
        )
    return Named(name, version, ecosystem)


def _split(body: str) -> tuple[str, str]:
    """`a@1` and `a==1` alike; the leading @ of an npm scope belongs to the name."""
    match = re.match(r"(@?[^@<>=~!^ ]+)(?:@| ?(?=[<>=~!^]))(.+)", body, re.DOTALL)
    if match is None:
        return body, ""
    return match[1], match[2].strip().removeprefix("===").removeprefix("==").strip()


def shown(text: str) -> str:
    """Untrusted text for a message: escaped and cut to a length that a line holds."""
    safe = text.encode("ascii", "backslashreplace").decode()
    return repr(safe if len(safe) <= 80 else safe[:77] + "…")


def plain(text: str, limit: int = 160) -> str:
    """Untrusted prose (an index's summary) for one line: no control or invisible characters, and bounded."""
    line = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def prefix(ecosystem: str) -> str:
    """How people write that a name belongs to an ecosystem: `pip` for python, `npm` for node."""
    return next(word for word, known in PREFIXES.items() if known == ecosystem)


def suits(item: Named, ecosystem: str) -> bool:
    """Whether an ecosystem could have a package of that name."""
    pattern = _NAME.get(ecosystem)
    return pattern is not None and pattern.fullmatch(item.name) is not None


def is_node(name: str) -> bool:
    """Whether npm could have a package of that name; anything else in a manifest may lead out of node_modules."""
    return _NAME["node"].fullmatch(name) is not None


def normal(name: str) -> str:
    """A Python package's name as indexes compare it (PEP 503), without extras."""
    return re.sub(r"[-_.]+", "-", name.partition("[")[0].strip()).lower()


def requirement(named: Named) -> str:
    """The PEP 508 line for a named Python package; a version's beginning (`1.26`) means any release of that line."""
    version = named.version
    if version in ("", "latest"):
        return named.name
    if version[0] in "<>=~!^":
        if version[0] == "^":
            raise Usage(f"{shown(str(named))}: Python packages know no ^", f"Write {named.name}@{version[1:]} instead.")
        return named.name + version.replace(" ", "")
    parts = version.split(".")
    short = len(parts) < 3 and all(part.isdigit() for part in parts)
    return f"{named.name}=={version}.*" if short else f"{named.name}=={version}"
