"""What holds the parts of a project together: workspaces of package managers, and the tools that build many packages at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from . import parse
from .draft import Draft
from .gathered import Gathered
from .parse import Node, strings, table

READS = (
    "turbo.json", "nx.json", "lerna.json", "rush.json", "pnpm-workspace.yaml", "go.work", "MODULE.bazel", "WORKSPACE", "WORKSPACE.bazel", "pants.toml",
    "melos.yaml", "moon.yml", "workspace.yml", "BUCK", ".buckconfig", "please.build", ".plzconfig",
)  # fmt: skip
TOOLS = {
    "turbo.json": "turbo", "nx.json": "nx", "lerna.json": "lerna", "rush.json": "rush", "MODULE.bazel": "bazel", "WORKSPACE": "bazel",
    "WORKSPACE.bazel": "bazel", "pants.toml": "pants", "melos.yaml": "melos", ".moon/workspace.yml": "moon", ".buckconfig": "buck", ".plzconfig": "please",
}  # fmt: skip
"""By the file that each of them has at the root of what it builds."""


def apply(drafts: Mapping[str, Draft], gathered: Gathered) -> None:
    """Name the workspaces and tools; rule `workspace` for the first, `monorepo` for the others."""
    for draft in drafts.values():
        for name, tool in TOOLS.items():
            if draft.has(name):
                gathered.share(tool, draft.at(name), "", "monorepo")
        for tool, name, key in _workspaces(draft):
            gathered.share(tool, draft.at(name), key, "workspace")


def _workspaces(draft: Draft) -> list[tuple[str, str, str]]:
    """(whose, file, key) of the workspaces that a folder is the root of."""
    found: list[tuple[str, str, str]] = []
    if draft.has("pnpm-workspace.yaml") and "packages" in draft.text("pnpm-workspace.yaml"):
        found.append(("pnpm", "pnpm-workspace.yaml", "packages"))
    elif _read(draft, "package.json", '"workspaces"', parse.jsonc).get("workspaces"):
        known = [name for name in ("pnpm", "yarn", "bun", "npm") if name in draft.managers]
        found.append((known[0] if known else "npm", "package.json", "workspaces"))
    deno = next((name for name in ("deno.json", "deno.jsonc") if draft.has(name)), "")
    if deno and _read(draft, deno, '"workspace"', parse.jsonc).get("workspace"):
        found.append(("deno", deno, "workspace"))
    if strings(table(_read(draft, "Cargo.toml", "[workspace", parse.toml), "workspace").get("members")):
        found.append(("cargo", "Cargo.toml", "workspace.members"))
    if re.search(r"^[ \t]*use\b", draft.text("go.work"), re.MULTILINE):
        found.append(("go", "go.work", "use"))
    if "workspace" in table(_read(draft, "pyproject.toml", "workspace", parse.toml), "tool", "uv"):
        found.append(("uv", "pyproject.toml", "tool.uv.workspace"))
    if re.search(r"<module>", draft.text("pom.xml")):
        found.append(("maven", "pom.xml", "modules"))
    for name in ("settings.gradle", "settings.gradle.kts"):
        if re.search(r"^[ \t]*include\b", draft.text(name), re.MULTILINE):
            found.append(("gradle", name, "include"))
    if re.search(r"apps_path:", draft.text("mix.exs")):
        found.append(("mix", "mix.exs", "apps_path"))
    if strings(_read(draft, "pubspec.yaml", "workspace:", parse.yaml).get("workspace")):
        found.append(("pub", "pubspec.yaml", "workspace"))
    solution = next((name for name in draft.beside if name.endswith((".sln", ".slnx"))), "")
    if solution and len(draft.members) > 1:
        found.append(("dotnet", solution, ""))
    return found


def _read(draft: Draft, name: str, mark: str, reader: Callable[[str], Node]) -> Node:
    """A manifest, parsed only when it can say something here; what is broken in it its detector has said."""
    text = draft.text(name)
    if mark not in text:
        return {}
    try:
        return reader(text)
    except parse.Broken:
        return {}
