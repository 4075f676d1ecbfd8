"""pyproject.toml, setup.cfg and setup.py as data: read, never run."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Mapping
from typing import Any, cast

from ...errors import Failed
from ..names import plain
from .pydeclared import TEST_EXTRAS, Declared
from .pylocks import caret


def pyproject(content: str, label: str, found: Declared) -> Mapping[str, Any]:
    """Read pyproject.toml into `found`; returns it parsed. Raises Failed when it is no TOML: guessing would install something else."""
    try:
        data = tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Failed(
            f"{label} cannot be read: {plain(str(error))}", "Correct it at that line, then ask again."
        ) from None
    project, built = table(data, "project"), bool(table(data, "build-system"))
    if project:
        found.sources.append("pyproject.toml")
        found.name = str(project.get("name") or "")
        found.requires = str(project.get("requires-python") or "")
        found.lines += strings(project.get("dependencies"))
        found.installable = built
        found.unknown = "dependencies" in strings(project.get("dynamic"))
        found.optional = _extras(table(project, "optional-dependencies"))
        found.test_extra()
    groups = table(data, "dependency-groups")
    found.groups = [name for name in TEST_EXTRAS if name in groups][:1]
    for name in found.groups:
        found.lines += _group(groups, name)
        found.sources.append(f"group {name}")
    poetry, flit = table(data, "tool", "poetry"), table(data, "tool", "flit", "metadata")
    if poetry and not project:
        _poetry(poetry, built, found)
    if flit and not project:
        found.sources.append("pyproject.toml [tool.flit]")
        found.name = str(flit.get("dist-name") or flit.get("module") or "")
        found.installable = built
        found.requires = str(flit.get("requires-python") or "")
        found.lines += strings(flit.get("requires"))
        found.optional = _extras(table(flit, "requires-extra"))
        found.test_extra()
    if table(data, "tool", "pytest"):
        found.pytest = "pyproject.toml"
    return data


def _extras(value: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: strings(lines) for name, lines in value.items()}


def _poetry(poetry: Mapping[str, Any], built: bool, found: Declared) -> None:
    found.sources.append("pyproject.toml [tool.poetry]")
    found.name = str(poetry.get("name") or "")
    found.installable = built and poetry.get("package-mode") is not False and bool(found.name)
    main = dict(table(poetry, "dependencies"))
    found.requires = caret(str(main.pop("python", "") or ""))
    tables = [main, table(poetry, "dev-dependencies")]
    groups = table(poetry, "group")
    found.groups = [name for name in TEST_EXTRAS if name in groups]
    tables += [table(groups, name, "dependencies") for name in found.groups]
    for packages in tables:
        for name, value in packages.items():
            line = poetry_line(name, value)
            if line:
                found.lines.append(line)
            elif not table(value).get("optional"):
                found.notes.append(f"{plain(name)} is left out: it comes from a path, an address or several places")


def poetry_line(name: str, value: object) -> str:
    """A PEP 508 line from poetry's or pipenv's table; empty for what is no plain index package."""
    if not isinstance(value, dict):
        return f"{name}{caret(value)}" if isinstance(value, str) else ""
    entry = cast(dict[str, Any], value)
    if entry.get("optional") or any(key in entry for key in ("path", "url", "git", "file")):
        return ""
    markers = [str(entry["markers"])] if entry.get("markers") else []
    python = caret(str(entry.get("python") or ""))
    markers += [f"python_version {m[0]} '{m[1]}'" for m in re.findall(r"(>=|<=|==|<|>)\s*([\d.]+)", python)]
    extras = strings(entry.get("extras"))
    line = name + (f"[{','.join(extras)}]" if extras else "") + caret(str(entry.get("version") or ""))
    return f"{line} ; {' and '.join(markers)}" if markers else line


def _group(groups: Mapping[str, Any], name: str, depth: int = 0) -> list[str]:
    """A dependency group's lines with the groups it includes (PEP 735)."""
    found: list[str] = []
    entries = groups.get(name)
    for entry in cast(list[Any], entries) if isinstance(entries, list) and depth < 16 else []:
        if isinstance(entry, str):
            found.append(entry)
        elif isinstance(entry, dict):
            found += _group(groups, str(cast(dict[str, Any], entry).get("include-group", "")), depth + 1)
    return found


def uv_groups(data: Mapping[str, Any], tests: list[str]) -> list[str]:
    """Groups for `uv sync`: the test group, when it is none of those that uv takes anyway."""
    chosen = table(data, "tool", "uv").get("default-groups", ["dev"])
    return [] if chosen == "all" else [name for name in tests if name not in strings(chosen)]


def setup_cfg(content: str, found: Declared) -> None:
    """Read setup.cfg into `found`."""
    config = configparser.RawConfigParser(strict=False)
    try:
        config.read_string(content)
    except configparser.Error:
        found.notes.append("setup.cfg could not be read")
        return
    if config.has_section("tool:pytest"):
        found.pytest = "setup.cfg"
    if found.name or not config.has_option("metadata", "name"):
        return
    found.sources.append("setup.cfg")
    found.installable = True
    found.name = config.get("metadata", "name").strip()
    found.requires = config.get("options", "python_requires", fallback="").strip()
    found.lines += _cfg_lines(config.get("options", "install_requires", fallback=""))
    if config.has_section("options.extras_require"):
        found.optional = {name: _cfg_lines(value) for name, value in config.items("options.extras_require")}
        found.test_extra()


def _cfg_lines(value: str) -> list[str]:
    return [line.strip() for line in value.splitlines() if line.strip() and not line.strip().startswith(("#", "file:"))]


def setup_py(script: str, found: Declared) -> None:
    """Read what stands literally in setup.py into `found`."""
    values = _setup_arguments(script)
    found.sources.append("setup.py")
    found.installable = True
    name, python = values.get("name"), values.get("python_requires")
    found.name = found.name or (name if isinstance(name, str) else "")
    found.requires = found.requires or (python if isinstance(python, str) else "")
    if "install_requires" in values and not found.lines:
        found.unknown = values["install_requires"] is None
        found.lines += strings(values["install_requires"])
    if not found.optional:
        found.optional = _extras(table(values.get("extras_require")))
        found.optional.setdefault("tests", strings(values.get("tests_require")))
        found.optional = {name: lines for name, lines in found.optional.items() if lines}
        found.test_extra()


def _setup_arguments(script: str) -> dict[str, Any]:
    """The arguments of the call of `setup`; None for one whose value only running the script would tell."""
    try:
        tree = ast.parse(script)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    names = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "setup":
            return {k.arg: _literal(k.value, names) for k in node.keywords if k.arg}
    return {}


def _literal(node: ast.expr | None, names: Mapping[str, ast.expr], depth: int = 0) -> Any:
    """A literal with names of other literals in it; None for anything that would have to be run."""
    if depth > 20 or node is None:
        return None
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return _literal(names.get(node.id), names, depth + 1)
        case ast.List() | ast.Tuple():
            found: list[Any] = []
            for item in node.elts:
                value = _literal(item.value if isinstance(item, ast.Starred) else item, names, depth + 1)
                if value is None:
                    return None
                found += (
                    cast(list[Any], value) if isinstance(item, ast.Starred) and isinstance(value, list) else [value]
                )
            return found
        case ast.Dict():
            pairs = zip(node.keys, node.values, strict=True)
            known = {_literal(k, names, depth + 1): _literal(v, names, depth + 1) for k, v in pairs if k is not None}
            return {k: v for k, v in known.items() if isinstance(k, str) and v is not None}
        case ast.BinOp(op=ast.Add()):
            left, right = _literal(node.left, names, depth + 1), _literal(node.right, names, depth + 1)
            if isinstance(left, list) and isinstance(right, list):
                return [*cast(list[Any], left), *cast(list[Any], right)]
            return left + right if isinstance(left, str) and isinstance(right, str) else None
        case _:
            return None


def table(value: object, *keys: str) -> Mapping[str, Any]:
    """The mapping at `keys`, or an empty one."""
    for key in keys:
        value = cast(dict[str, Any], value).get(key) if isinstance(value, dict) else None
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def strings(value: object) -> list[str]:
    """The strings of a list; empty for anything else."""
    return [v for v in cast(list[object], value) if isinstance(v, str)] if isinstance(value, list | tuple) else []
