"""JavaScript and TypeScript: package.json, the lockfiles of npm, pnpm, Yarn and Bun; versions of Node and who disagrees on them."""

from __future__ import annotations

import json
import re
from typing import cast

from ..draft import Declared, Draft, words
from ..parse import Node, string, table
from ..text import safe
from ..versions import satisfies
from . import node_config, node_data, node_source
from .base import Detector
from .node_commands import commands
from .node_frameworks import extension, frameworks
from .node_known import FRAMEWORKS
from .node_package import Package, is_stub, is_tooling, nx_members, read
from .node_runtimes import by_deno, runtimes
from .node_workspaces import LOCKS, MANAGERS, head, nx

FROZEN = {name: f"{name} install --frozen-lockfile" for name in ("pnpm", "yarn", "bun")} | {"npm": "npm ci"}
_ELSEWHERE = re.compile(
    r"(?:file|link|workspace|portal|git|github|gitlab|https?|catalog|npm|patch|jsr)[:+]|[\w-]{1,100}/[\w.-]{1,100}$"
)


def detect(draft: Draft) -> None:
    """Add what package.json and its neighbours say."""
    if not draft.has("package.json"):
        if not nx(draft):
            _bare(draft)
        return
    package = read(draft)
    if is_stub(package) or is_tooling(package):
        return
    draft.manifest("package.json")
    if nx(draft):
        return
    draft.name = draft.name or package.name
    _workspaces(draft, package)
    if not by_deno(draft):
        _manager(draft, package)
    runtimes(draft, package)
    _declare(draft, package)
    draft.private = draft.private and package.nature not in ("library", "extension")
    draft.exports = package.imported
    frameworks(package)
    node_data.databases(draft, package)
    node_source.variables(draft)
    if not by_deno(draft):
        commands(package)
    if package.library:
        draft.role("job" if package.nature == "action" else "library", 0.85)
    elif package.nature == "tool":
        draft.role("job", 0.75)
    elif package.nature == "workspace":
        draft.role("workspace", 0.9)


def _workspaces(draft: Draft, package: Package) -> None:
    draft.members += [draft.at(glob.removeprefix("./").rstrip("/")) for glob in package.globs]
    draft.members += nx_members(draft)
    for tool in ("turbo", "nx", "lerna"):
        if draft.has(f"{tool}.json"):
            draft.finding(f"a monorepo run with {tool}", f"{tool}.json", rule="monorepo")


def _manager(draft: Draft, package: Package) -> None:
    """The package manager, by packageManager, lockfiles, the workspace above, and what else points to one."""
    content = package.content
    said = string(content.get("packageManager")).partition("@")
    if said[0] in MANAGERS:
        draft.manager(said[0], "package.json", "packageManager")
    asked = table(content, "devEngines", "packageManager")
    if (name := string(asked.get("name"))) in MANAGERS:
        draft.manager(name, "package.json", "devEngines.packageManager")
    locks = [name for name in LOCKS if draft.has(name)]
    if only := re.search(r"only-allow (npm|pnpm|yarn|bun)\b", package.scripts.table.get("preinstall", "")):
        draft.manager(only[1], "package.json", "scripts.preinstall", 0.98)
    for name in locks:
        draft.lockfile(name)
        hinted = LOCKS[name] in table(content, "engines") or (LOCKS[name] == "yarn" and draft.has(".yarnrc.yml"))
        draft.manager(LOCKS[name], name, "", 0.97 if hinted else 0.95)
    if len({LOCKS[name] for name in locks}) > 1:
        draft.finding(
            f"{' and '.join(locks)} are both there: two package managers lock this project",
            locks[0],
            rule="two-lockfiles",
        )
    if draft.has("pnpm-workspace.yaml"):
        draft.manager("pnpm", "pnpm-workspace.yaml", "", 0.9)
    above, where = ("", "") if draft.managers else head(draft)
    if above:
        draft.manager(above, f"/{where}", "", 0.6)
    best = max(draft.managers.values(), key=lambda fact: fact.confidence, default=None)
    if best is None:
        draft.manager("npm", "package.json", "", 0.5)
    package.manager = best.value if best else "npm"
    if said[0] in FROZEN and locks and said[0] not in {LOCKS[name] for name in locks}:
        draft.finding(
            f"package.json asks for {said[0]}, but {locks[0]} is {LOCKS[locks[0]]}'s",
            "package.json",
            "packageManager",
            "contradiction",
        )
    _install(
        draft,
        package,
        [name for name in locks if LOCKS[name] == package.manager],
        string(content.get("packageManager")),
    )


def _install(draft: Draft, package: Package, locks: list[str], said: str) -> None:
    manager = package.manager
    frozen = FROZEN[manager]
    if manager == "yarn" and _berry(draft, said):
        frozen = "yarn install --immutable"
    draft.command("install", frozen if locks else f"{manager} install", locks[0] if locks else "package.json", "", 0.95)
    version = said.partition("@")[2].partition("+")[0]
    spec = string(table(package.content, "engines").get(manager))
    if version and spec and satisfies(manager, spec, version) is False:
        draft.finding(
            f"package.json asks for {manager} {safe(spec, 60)} in engines, but for {safe(version, 60)} in packageManager",
            "package.json",
            f"engines.{manager}",
            "contradiction",
        )


def _berry(draft: Draft, said: str) -> bool:
    """Yarn 2 and newer, which calls a frozen lockfile immutable."""
    if found := re.match(r"yarn@(\d+)", said):
        return int(found[1]) > 1
    return draft.has(".yarnrc.yml") or "__metadata:" in draft.text("yarn.lock")[:2000]


def _declare(draft: Draft, package: Package) -> None:
    for group, extra in ((package.wanted, False), (package.developed, True)):
        for name, spec in group.items():
            known = "" if _ELSEWHERE.match(spec) else spec
            draft.declared.append(Declared("npm", name, known, draft.at("package.json"), extra=extra))
    _locked(draft)


def _locked(draft: Draft) -> None:
    """Exact versions of what npm's lockfile puts at the top level of node_modules."""
    if not (text := draft.text("package-lock.json")):
        return
    try:
        packages = table(json.loads(text)).get("packages")
    except (ValueError, RecursionError) as error:
        draft.finding(
            f"{safe(draft.at('package-lock.json'))} could not be read: {safe(str(error), 120)}",
            "package-lock.json",
            rule="unreadable",
        )
        return
    for path, entry in (cast(Node, packages) if isinstance(packages, dict) else {}).items():
        name = path.removeprefix("node_modules/")
        facts = table(entry)
        if name == path or "/node_modules/" in name or facts.get("optional") or facts.get("link"):
            continue
        if version := string(facts.get("version")):
            extra = bool(facts.get("dev"))
            draft.declared.append(
                Declared("npm", name, version, draft.at("package-lock.json"), exact=True, extra=extra)
            )


def _bare(draft: Draft) -> None:
    """Source without a package.json: a browser's extension, or a script or server that Node runs as it is."""
    if (
        draft.manifests
        or draft.settled
        or [fact.value for fact in draft.languages[:1]] not in (["JavaScript"], ["TypeScript"])
    ):
        return
    if draft.has("manifest.json") and '"manifest_version"' in draft.text("manifest.json"):
        extension(draft, "manifest.json")
        return
    used = [
        hit
        for hit in node_source.said(draft, "js-import", "js-http", "js-shebang")
        if draft.inner(hit.path).count("/") < 2
    ]
    used = [hit for hit in used if hit.path.endswith((".js", ".mjs", ".cjs"))]
    if not used:
        return
    draft.runtime("node", "", used[0].path, f"line {used[0].line}")
    serving = [hit for hit in node_source.listens(draft) if hit.path.endswith((".js", ".mjs", ".cjs"))]
    if serving:
        draft.role("backend", 0.75)
        for port, hit in node_source.ports(draft).items():
            draft.port(port, hit.path, f"line {hit.line}", 0.85)
    for hit in node_source.said(draft, "js-import"):
        if (known := FRAMEWORKS.get(hit.value)) and known.role in ("backend", "worker"):
            draft.framework(known.name, hit.path, f"line {hit.line}", 0.9)
            draft.finding(
                f"this uses {known.name}, but no manifest says which packages it needs",
                hit.path,
                f"line {hit.line}",
                "undeclared",
            )
    if serving and not draft.frameworks:
        draft.framework("Node.js HTTP server", serving[0].path, f"line {serving[0].line}", 0.6)
    paths = list(dict.fromkeys(hit.path for hit in serving or used))
    if len(paths) == 1 or serving:
        draft.command(
            "start",
            f"node {words('./' + draft.inner(paths[0]) if paths[0].startswith('-') else paths[0])}",
            paths[0],
            "",
            0.7 if serving else 0.6,
        )
    draft.role("job", 0.3)


SUFFIXES = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx", ".vue", ".svelte", ".astro")
DETECTOR = Detector(
    name="node",
    manifests=("package.json", "project.json"),
    detect=detect,
    reads=(
        *(
            "pnpm-workspace.yaml",
            "turbo.json",
            "nx.json",
            "lerna.json",
            "angular.json",
            "manifest.json",
            "action.yml",
            "action.yaml",
        ),
        *("serverless.yml", "serverless.yaml", "netlify.toml", "wrangler.toml"),
        *node_config.READS,
        *node_data.READS,
    ),
    # A lockfile of Bun's older kind is binary.
    lockfiles=tuple(name for name in LOCKS if name != "bun.lockb"),
    languages=("JavaScript", "TypeScript"),
    patterns=dict.fromkeys(SUFFIXES, node_source.PATTERNS),
)
