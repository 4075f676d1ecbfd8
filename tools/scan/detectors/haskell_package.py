"""A Haskell package as data, from hpack's package.yaml or from the .cabal file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import cast

from ..draft import Draft
from ..parse import Node, string, strings, table

_STANZA = re.compile(
    r"(library|executable|test-suite|benchmark|common|flag|source-repository|foreign-library|custom-setup)"
    r"(?:[ \t]+(\S{1,120}))?[ \t]*",
    re.IGNORECASE,
)
_FIELD = re.compile(r"[ \t]*([A-Za-z][\w-]{0,40})[ \t]*:[ \t]*(.*)")


@dataclass
class Package:
    """What its description says, in whichever of the two formats."""

    path: str
    name: str = ""
    needed: list[str] = field(default_factory=list[str])
    """Constraints such as `servant-server >= 0.19`, of what is no test."""
    programs: list[str] = field(default_factory=list[str])
    library: bool = False
    tests: bool = False


def hpack(draft: Draft) -> Package | None:
    """package.yaml, from which hpack makes the .cabal file."""
    content = draft.yaml("package.yaml") if draft.has("package.yaml") else {}
    parts = ("library", "executables", "executable", "internal-libraries", "tests", "ghc-options", "benchmarks")
    if not any(part in content for part in parts):
        return None
    draft.manifest("package.yaml")
    package = Package("package.yaml", string(content.get("name")))
    executables = table(content, "executables")
    single = table(content, "executable")
    package.programs = [str(name) for name in executables] or ([package.name] if single else [])
    package.library = "library" in content
    package.tests = "tests" in content
    for part in (content, table(content, "library"), single, *(table(value) for value in executables.values())):
        package.needed += _hpack_needs(part)
    return package


def _hpack_needs(part: Node) -> list[str]:
    found: object = part.get("dependencies")
    items = cast(list[object], found) if isinstance(found, list) else []
    lines = strings(items) or ([found] if isinstance(found, str) else [])
    lines += [string(table(item).get("name")) for item in items]
    lines += [f"{name} {string(spec)}" for name, spec in table(part, "dependencies").items()]
    return [spaced for line in lines if (spaced := _spaced(line))]


def _spaced(constraint: str) -> str:
    """`base>=4.7&&<5` as words; a component of a package (`pkg:lib`) is the package."""
    found = re.match(r"\s*([A-Za-z0-9][\w-]*)(?::[\w{},-]*)?\s*(.*)", constraint, re.DOTALL)
    return f"{found[1]} {found[2].strip()}".strip() if found else ""


def cabal(draft: Draft) -> Package | None:
    """The .cabal file: fields, indented continuations, and stanzas."""
    files = sorted(name for name in draft.beside if name.endswith(".cabal") and name != ".cabal")
    if not files:
        return None
    draft.manifest(files[0])
    text = draft.text(files[0])
    package = Package(files[0])
    kind, key, values = "", "", dict[tuple[str, str], list[str]]()
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare.startswith("--"):
            continue
        stanza = _STANZA.fullmatch(line)
        if stanza:
            kind, key = stanza[1].lower(), ""
            if kind == "executable" and stanza[2]:
                package.programs.append(stanza[2])
            package.library = package.library or kind == "library"
            package.tests = package.tests or kind == "test-suite"
        elif found := _FIELD.fullmatch(line):
            key = found[1].lower()
            values.setdefault((kind, key), []).append(found[2])
        elif key:
            values[kind, key][-1] += f" {bare}"
    package.name = "".join(values.get(("", "name"), [])).strip()
    if text.strip() and not package.name:
        draft.finding(f"{draft.at(files[0])} could not be read: it names no package", files[0], "name", "unreadable")
    for (kind, key), lines in values.items():
        if key == "build-depends" and kind not in ("test-suite", "benchmark", "custom-setup"):
            package.needed += [spaced for part in ",".join(lines).split(",") if (spaced := _spaced(part))]
    return package
