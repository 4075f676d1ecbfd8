"""Python requirements as data: requirements files, PEP 621, Poetry, setup.cfg and the literal parts of setup.py."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import cast

from .parse import Broken, Node, string, table

MOST = 5_000
"""Lines of a requirements file that are looked at."""
LONGEST = 200_000
"""Characters of a setup.py."""


@dataclass(frozen=True)
class Requirement:
    """One requirement that applies on this platform. `name` is normalised as PEP 503 has it."""

    name: str
    spec: str = ""
    extras: tuple[str, ...] = ()


def normal(name: str) -> str:
    """PEP 503: `Foo.Bar_baz` and `foo-bar-baz` are one package."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement(line: str) -> Requirement | None:
    """A PEP 508 line; None when it cannot be read or is not for this platform."""
    from packaging.markers import UndefinedEnvironmentName
    from packaging.requirements import InvalidRequirement
    from packaging.requirements import Requirement as Parsed

    if len(line) > 1000:
        return None
    try:
        parsed = Parsed(line)
        if parsed.marker is not None and not parsed.marker.evaluate({"extra": ""}):
            return None
    except (InvalidRequirement, UndefinedEnvironmentName, RecursionError):
        return None
    return Requirement(normal(parsed.name), str(parsed.specifier), tuple(sorted(parsed.extras)))


def lines(text: str) -> Iterator[str]:
    """The meaningful lines of a requirements file: comments, hashes and continuations undone."""
    for line in text.replace("\\\n", " ").splitlines():
        line = re.sub(r"(^|\s)#.*$", "", line).strip()
        line = re.sub(r"\s--hash[= ]\S+", "", line).strip()
        if line:
            yield line


def from_file(path: str, read: Callable[[str], str], seen: set[str] | None = None) -> list[tuple[str, Requirement]]:
    """(file, requirement) of a requirements file and of those it includes with `-r`; `read` gives a file's text."""
    seen = seen if seen is not None else set()
    if path in seen or len(seen) > 20:
        return []
    seen.add(path)
    found: list[tuple[str, Requirement]] = []
    for line in islice(lines(read(path)), MOST):
        include = re.match(r"(?:-r|--requirement)[= ]\s*(\S+)", line)
        if include:
            folder = path.rpartition("/")[0]
            target = _joined(folder, include[1])
            if target:
                found += from_file(target, read, seen)
        elif line.startswith("-") or "://" in line.split(";")[0].partition("@")[0]:
            continue
        elif (parsed := requirement(line)) is not None:
            found.append((path, parsed))
    return found


def _joined(folder: str, name: str) -> str:
    """A path below the project, or nothing: an include never leads outside."""
    parts: list[str] = [part for part in folder.split("/") if part]
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "" if name.startswith("/") else "/".join(parts)


def from_poetry(dependencies: Node) -> list[Requirement]:
    """Of a `[tool.poetry.dependencies]` table; specs stay in Poetry's syntax, optional ones are left out."""
    found: list[Requirement] = []
    for name, value in dependencies.items():
        table = cast(Node, value) if isinstance(value, dict) else {"version": value}
        if name.lower() != "python" and not table.get("optional"):
            spec = string(table.get("version"))
            found.append(Requirement(normal(name), "" if spec == "*" else spec))
    return found


@dataclass(frozen=True)
class Legacy:
    """What setup.cfg or setup.py says."""

    name: str = ""
    python: str = ""
    requires: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    """The modules in which these begin, one for each."""
    plugins: tuple[tuple[str, str], ...] = ()
    """(what is extended, name) of what it adds to the commands of another program, e.g. `celery.commands`."""
    computed: bool = False
    """What it requires is made by code, which is not run."""
    extras: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(extra, requirements)."""


def from_setup_cfg(text: str) -> Legacy:
    """Raises Broken."""
    import configparser

    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise Broken(f"it is no valid setup.cfg: {str(error).splitlines()[0][:120]}") from None

    def get(section: str, key: str) -> str:
        return parser.get(section, key, fallback="").strip()

    section = "options.entry_points"
    groups = {key: get(section, key).splitlines() for key in (parser.options(section) if parser.has_section(section) else ())}  # fmt: skip
    scripts, targets, plugins = _entries(groups)
    requires = tuple(line.strip() for line in get("options", "install_requires").splitlines() if line.strip())
    name, python = get("metadata", "name"), get("options", "python_requires")
    extra = "options.extras_require"
    names = parser.options(extra) if parser.has_section(extra) else ()
    extras = tuple((key, tuple(line.strip() for line in get(extra, key).splitlines() if line.strip())) for key in names)
    return Legacy(name, python, requires, scripts, targets, plugins, extras=extras)


def _entries(groups: Mapping[str, list[str]]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The names of commands, their modules, and the commands that are added to other programs."""
    lines = [line for line in groups.get("console_scripts", ()) if "=" in line]
    scripts = tuple(line.partition("=")[0].strip() for line in lines)
    targets = tuple(line.partition("=")[2].partition(":")[0].strip() for line in lines)
    added = [(group.removesuffix(".commands"), line) for group in groups if group.endswith(".commands") for line in groups[group]]  # fmt: skip
    return scripts, targets, tuple((group, line.partition("=")[0].strip()) for group, line in added if "=" in line)


def _groups(entry: object) -> dict[str, list[str]]:
    """Entry points as they are given to `setup`: a table of lists, or one text with headings in brackets."""
    if isinstance(entry, dict):
        return {str(key): _items(value) or string(value).splitlines() for key, value in cast(Node, entry).items()}
    groups: dict[str, list[str]] = {}
    heading = ""
    for line in string(entry).splitlines():
        if found := re.fullmatch(r"\[([\w.]{1,100})\]", line.strip()):
            heading = found[1]
        elif line.strip():
            groups.setdefault(heading, []).append(line)
    return groups


def from_setup_py(text: str) -> Legacy:
    """The literal arguments of `setup(…)`, or names of literals; it is read as syntax and never run. Raises Broken."""
    if len(text) > LONGEST:
        raise Broken(f"{len(text)} characters are more than a setup.py has")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Broken(f"it is no valid Python: {str(error)[:120]}") from None
    names: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = _literal(node.value, names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "setup":
            given = {keyword.arg: _literal(keyword.value, names) for keyword in node.keywords if keyword.arg}
            return Legacy(
                string(given.get("name")),
                string(given.get("python_requires")),
                tuple(_items(given.get("install_requires"))),
                *_entries(_groups(given.get("entry_points"))),
                "install_requires" in given and not isinstance(given["install_requires"], list),
                tuple((str(key), tuple(_items(value))) for key, value in table(given.get("extras_require")).items()),
            )
    return Legacy()


def _items(value: object) -> list[str]:
    return [item for item in cast(list[object], value) if isinstance(item, str)] if isinstance(value, list) else []


def _literal(node: ast.expr, names: dict[str, object]) -> object:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError, SyntaxError):
        return None
