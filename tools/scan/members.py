"""Folders that workspaces name as their members: they are parts of the project, whatever they are called."""

from __future__ import annotations

import re
from posixpath import join, normpath

from . import parse
from .ignore import is_example
from .parse import Node, string, strings, table
from .tree import Tree

_TESTS = frozenset({
    "test", "tests", "t", "spec", "specs", "__tests__", "e2e", "testdata", "test-data", "testing", "fixtures", "fixture", "__fixtures__", "mocks",
    "__mocks__", "cypress", "integration-tests", "integration_tests", "integrationtests", "e2e-tests", "vendor", "third_party", "third-party", "thirdparty",
    "vendored", "_vendor", "3rdparty", "fuzz", "node_modules",
})  # fmt: skip
"""Last folders that stay what they are, although a workspace builds them."""
_SHOWN = frozenset({"example", "examples", "sample", "samples", "demo", "demos", "playground", "playgrounds"})
"""Those too where only a pattern names them."""
READS = ("Cargo.toml", "package.json", "pnpm-workspace.yaml", "lerna.json", "go.work", "pyproject.toml")
MOST = 400
"""Workspace files, and members of one of them, that are looked at."""


def named(tree: Tree) -> set[str]:
    """Folders that a workspace names, or matches with a pattern of plain folders (`apps/*`, not `apps/**`)."""
    found: set[str] = set()
    folders: dict[str, set[str]] = {}
    for name in READS:
        for path in tree.by_name.get(name, ())[:MOST]:
            base = path.rpartition("/")[0]
            for glob in _globs(tree.texts.get(path, ""), name)[:MOST]:
                plain = normpath(join(base, glob.rstrip("/")))
                if glob.startswith("!") or plain.startswith(("..", "/")) or "**" in plain:
                    continue
                folder, _, last = plain.rpartition("/")
                if is_example(f"{folder}/."):
                    continue  # they are built with the rest, and stay examples
                if "*" not in plain:
                    found.update([] if _tests(last) else [plain])
                elif "*" not in folder and re.fullmatch(r"[\w.@*-]{1,60}", last) and last.count("*") == 1:
                    folders = folders or _below(tree)
                    before, after = last.split("*")
                    for one in folders.get(folder, ()):
                        if one.startswith(before) and one.endswith(after) and one not in _SHOWN and not _tests(one):
                            found.add(f"{folder}/{one}" if folder else one)
    return found - {"."}


def _tests(name: str) -> bool:
    return name in _TESTS or re.search(r"[-_.](?:e2e|tests?)$", name) is not None


def _below(tree: Tree) -> dict[str, set[str]]:
    """The names of the folders with a manifest in each folder."""
    found: dict[str, set[str]] = {}
    for name in ("Cargo.toml", "package.json", "pyproject.toml"):
        for path in tree.by_name.get(name, ()):
            folder, _, last = path.rpartition("/")[0].rpartition("/")
            found.setdefault(folder, set()).add(last)
    return found


def _globs(text: str, name: str) -> list[str]:
    if name == "go.work":
        return re.findall(r"^[ \t]*(?:use[ \t]+)?\"?(\./[\w./@-]{1,200})\"?[ \t\r]*$", text, re.MULTILINE)
    mark = {"Cargo.toml": "[workspace", "package.json": '"workspaces"', "pyproject.toml": "[tool.uv.workspace"}.get(
        name, ""
    )
    if not text or mark not in text:
        return []
    try:
        content = _read(text, name)
    except parse.Broken:
        return []  # the detector of its language says so
    if name == "Cargo.toml":
        return strings(table(content, "workspace").get("members"))
    if name == "pyproject.toml":
        return strings(table(content, "tool", "uv", "workspace").get("members"))
    if name == "package.json":
        found = content.get("workspaces")
        return strings(found) or strings(table(found).get("packages"))
    packages = content.get("packages")
    return strings(packages) or [string(packages)] * bool(string(packages))


def _read(text: str, name: str) -> Node:
    if name.endswith(".toml"):
        return parse.toml(text)
    return parse.yaml(text) if name.endswith(".yaml") else parse.jsonc(text)
