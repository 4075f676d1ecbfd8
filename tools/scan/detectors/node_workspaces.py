"""Packages that live together: the workspace a folder belongs to, the applications of Nx, and packages that are found by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from posixpath import join, normpath

from .. import parse
from ..draft import Draft, words
from ..parse import Node, string, strings, table
from . import node_config, node_source

LOCKS = {
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
MANAGERS = ("npm", "pnpm", "yarn", "bun")
RUNNER = {"npm": "npx ", "pnpm": "pnpm exec ", "yarn": "yarn ", "bun": "bunx "}
"""In front of a program that lies in node_modules."""
_NAME = re.compile(r'"name"[ \t]{0,20}:[ \t]{0,20}"([^"\n]{1,214})"')
_NEAR = re.compile(r"workspace:|file:|link:|portal:|\*$")
_EXECUTORS = (
    ("/next:", "Next.js", "frontend"), ("/angular:", "Angular", "frontend"), ("build-angular:", "Angular", "frontend"), ("/vite:", "Vite", "frontend"),
    ("/remix:", "Remix", "frontend"), ("/nuxt:", "Nuxt", "frontend"), ("/expo:", "Expo", "frontend"), ("/react-native:", "React Native", "frontend"),
    ("webpack:dev-server", "", "frontend"), ("rspack:dev-server", "", "frontend"), ("/js:node", "", "backend"), ("/node:", "", "backend"),
)  # fmt: skip
"""What the executors of an application of Nx say: (part of the name, framework, role)."""


def _parsed(draft: Draft, path: str) -> Node:
    text = draft.tree.texts.get(path, "")
    try:
        if path.endswith((".yaml", ".yml")):
            return parse.yaml(text) if text else {}
        return parse.jsonc(text) if text else {}
    except parse.Broken:
        return {}  # the folder it belongs to says so


def head(draft: Draft) -> tuple[str, str]:
    """(package manager, path that says so) of the workspace above that this folder is a member of; empty without one."""
    parts = draft.root.split("/")
    for depth in range(len(parts) - 1, -1, -1) if draft.root != "." else ():
        prefix = "".join(f"{part}/" for part in parts[:depth])
        package = _parsed(draft, prefix + "package.json")
        found = package.get("workspaces")
        globs = strings(found) or strings(table(found).get("packages"))
        globs += strings(_parsed(draft, prefix + "pnpm-workspace.yaml").get("packages"))
        globs = globs or strings(_parsed(draft, prefix + "lerna.json").get("packages"))
        nx = f"{prefix}nx.json" in draft.tree.files
        if not nx and not matches("/".join(parts[depth:]), globs):
            continue
        said = string(package.get("packageManager")).partition("@")[0]
        if said in MANAGERS:
            return said, prefix + "package.json"
        for name in (
            "pnpm-lock.yaml",
            "yarn.lock",
            "bun.lock",
            "bun.lockb",
            "package-lock.json",
            "pnpm-workspace.yaml",
        ):
            if prefix + name in draft.tree.files:
                return LOCKS.get(name, "pnpm"), prefix + name
        return "npm", prefix + "package.json"
    return "", ""


def matches(folder: str, globs: list[str]) -> bool:
    """Whether workspace globs name a folder; one that begins with `!` takes it out again."""
    verdict = False
    for glob in globs[:500]:
        plain = glob.removeprefix("!").removeprefix("./").rstrip("/")
        if plain.count("*") < 6 and len(plain) < 200:
            expression = re.escape(plain).replace(r"/\*\*", "(?:/.*)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
            expression = re.sub(r"\\\{([\w,.-]+)\\\}", lambda m: f"(?:{m[1].replace(',', '|')})", expression)
            if re.fullmatch(expression, folder):
                verdict = not glob.startswith("!")
    return verdict


def local(draft: Draft, root: str, wanted: Mapping[str, str], names: dict[str, str]) -> Iterator[str]:
    """Folders of packages of the same project that the one at `root` depends on; `names` is filled when it is needed."""
    near = {name: spec for name, spec in wanted.items() if _NEAR.match(spec)}
    for name, spec in list(near.items())[:100]:
        where = re.match(r"(?:file|link|portal):(.*)", spec)
        if where and f"{(folder := normpath(join(root, where[1])))}/package.json" in draft.tree.texts:
            yield folder
        elif not where:
            names.update({} if names else _names(draft))
            if name in names:
                yield names[name]


def _names(draft: Draft) -> dict[str, str]:
    """The folders of all packages of the project by name."""
    found: dict[str, str] = {}
    for path in draft.tree.by_name.get("package.json", ())[:400]:
        if name := _NAME.search(draft.tree.texts.get(path, "")[:4000]):
            found.setdefault(name[1], path.rpartition("/")[0])
    return found


def nx(draft: Draft) -> bool:
    """Add what project.json says of an application or library of Nx; False when this folder is none."""
    if not draft.has("project.json") or not _above(draft):
        return False
    content = draft.json("project.json")
    name = string(content.get("name")) or draft.root.rpartition("/")[2]
    if name.endswith("-e2e"):
        return True
    draft.manifest("project.json")
    draft.name = draft.name or name
    manager, where = head(draft)
    draft.manager(manager or "npm", f"/{where}" if where else "project.json", "", 0.6)
    draft.runtime("node", "", "project.json")
    targets = table(content, "targets")
    run = "npx nx" if manager in ("", "npm") else "bunx nx" if manager == "bun" else f"{manager} nx"
    for purpose, target in (("start", "serve"), ("build", "build"), ("test", "test")):
        if target in targets or (purpose == "start" and "dev" in targets):
            target = target if target in targets else "dev"
            draft.command(purpose, f"{run} {target} {words(name)}", "project.json", f"targets.{target}", 0.95)
    kind = string(content.get("projectType"))
    if kind == "library":
        draft.commands.pop("start", None)
        draft.role("library", 0.95)
        return True
    executors = " ".join(string(table(target).get("executor")) for target in targets.values())
    for mark, framework, role in _EXECUTORS if kind == "application" else ():
        if mark in executors:
            draft.role(role, 0.85 if role == "frontend" else 0.9)
            if framework:
                draft.framework(framework, "project.json", "targets", 0.9)
    for options in (table(targets, target, "options") for target in ("serve", "dev")):
        if type(port := options.get("port")) is int:
            draft.port(port, "project.json", "targets.serve.options.port", 0.95)
    for port, (name, key) in node_config.ports(draft).items():
        draft.port(port, name, key, 0.9)
    for port, hit in node_source.ports(draft).items():
        draft.port(port, hit.path, f"line {hit.line}", 0.85)
    node_source.variables(draft)
    return True


def _above(draft: Draft) -> bool:
    parts = draft.root.split("/")
    return any(
        "".join(f"{part}/" for part in parts[:depth]) + "nx.json" in draft.tree.files for depth in range(len(parts))
    )
