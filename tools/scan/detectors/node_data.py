"""The databases that a JavaScript project talks to: by its clients, its ORM's settings, and the packages beside it that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import parse
from ..draft import Draft
from ..ignore import is_example
from ..parse import string, table
from .node_known import CLIENT, DIALECTS
from .node_package import Package
from .node_source import said
from .node_workspaces import local

READS = ("schema.prisma", "drizzle.config.ts", "drizzle.config.js", "drizzle.config.mjs", "ormconfig.json")
_SOURCE = re.compile(r"^[ \t]*datasource[ \t]+\w{1,60}[ \t]*\{([^{}]{0,2000})\}", re.MULTILINE)
_PROVIDER = re.compile(r'^[ \t]*provider[ \t]*=[ \t]*"(\w+)"', re.MULTILINE)
_URL = re.compile(r'env\([ \t]*"([A-Z][A-Z0-9_]{1,63})"[ \t]*\)')
_DIALECT = re.compile(r"\b(?:dialect|driver)[ \t]*:[ \t]*[\"']([\w-]{2,20})[\"']")
_DEEPEST = 3
"""How many packages of the same project are followed, one asking for the next."""
_MOST = 30
"""And how many of them that one asks for."""


def databases(draft: Draft, package: Package) -> None:
    """Add what its dependencies and settings say, and those of the packages beside it that it is made of."""
    for name in package.wanted:
        if name in CLIENT:
            draft.database(CLIENT[name], "package.json", f"dependencies.{name}")
    for name in table(package.content, "optionalDependencies"):
        if name in CLIENT:
            draft.database(CLIENT[name], "package.json", f"optionalDependencies.{name}", 0.5)
    for name in package.wanted:
        # Forks of the two drivers that everybody uses are published under a scope.
        if re.fullmatch(r"@(?!types/)[\w.-]{1,60}/(?:better-)?sqlite3", name):
            draft.database("sqlite", "package.json", f"dependencies.{name}", 0.8)
    for hit in said(draft, "js-sqlite")[:1]:
        draft.database("sqlite", hit.path, f"line {hit.line}", 0.85)
    for path in _files(draft, draft.root):
        _settings(draft, path)
    if package.nature in ("library", "workspace"):
        return
    seen, names = {draft.root}, dict[str, str]()
    near = list(local(draft, draft.root, package.wanted, names))
    for _ in range(_DEEPEST):
        near = [folder for folder in dict.fromkeys(near) if folder not in seen][:_MOST]
        seen.update(near)
        near = [further for folder in near for further in _of(draft, folder, names)]


def _of(draft: Draft, folder: str, names: dict[str, str]) -> Iterator[str]:
    """Add the databases of another package of this project; yields the packages that it depends on in turn."""
    path = f"{folder}/package.json"
    try:
        content = parse.jsonc(draft.tree.texts.get(path, "{}"))
    except parse.Broken:
        return
    wanted = {name: string(spec) for name, spec in table(content, "dependencies").items()}
    for name in wanted:
        if name in CLIENT:
            draft.database(CLIENT[name], f"/{path}", f"dependencies.{name}", 0.8)
    for file in _files(draft, folder):
        _settings(draft, file)
    yield from local(draft, folder, wanted, names)


def _files(draft: Draft, root: str) -> list[str]:
    """Settings of ORMs in a folder and below."""
    inside = draft.tree.inside(root)
    own = set(draft.files) if root == draft.root else None
    found = [path for name in READS for path in draft.tree.by_name.get(name, ()) if path.startswith(inside)]
    return [path for path in found if (own is None or path in own) and not is_example(path.removeprefix(inside))][:8]


def _settings(draft: Draft, path: str) -> None:
    text = draft.tree.texts.get(path, "")
    name = path.rpartition("/")[2]
    where = f"/{path}"
    if name == "schema.prisma":
        for block in _SOURCE.findall(text):
            if (found := _PROVIDER.search(block)) and found[1] in DIALECTS:
                draft.database(DIALECTS[found[1]], where, "datasource.provider", 0.95)
            for variable in _URL.findall(block):
                draft.variable(variable, where, "datasource.url", 0.95, rule="declared")
    elif name == "ormconfig.json":
        try:
            kind = string(parse.jsonc(text).get("type")) if text else ""
        except parse.Broken:
            kind = ""
        if kind in DIALECTS:
            draft.database(DIALECTS[kind], where, "type", 0.9)
    else:
        for found in _DIALECT.findall(text):
            if found in DIALECTS:
                draft.database(DIALECTS[found], where, "dialect", 0.95)
        for variable in re.findall(r"process\.env\.([A-Z][A-Z0-9_]{1,63})\b", text):
            draft.variable(variable, where, "", 0.8, rule="source")
