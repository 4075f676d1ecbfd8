"""What runs a JavaScript project, Node or Bun, and in which version; two places that exclude each other are a finding."""

from __future__ import annotations

import re
from itertools import combinations

from ..draft import Draft
from ..parse import string, table
from ..text import safe
from ..versions import satisfies
from .node_known import FRAMEWORKS
from .node_package import Package, action_runtime
from .node_source import said
from .node_workspaces import LOCKS

_BUN = frozenset({"@types/bun", "bun-types", "elysia"})
_PLAIN = re.compile(r"\d+(\.\d+){0,2}")


def runtimes(draft: Draft, package: Package) -> None:
    """Node or Bun, and in which versions; two places that exclude each other are a finding."""
    content = package.content
    engines = table(content, "engines")
    wishes = [(string(engines.get("node")), "package.json", "engines.node")] if "node" in engines else []
    if node := string(table(content, "volta").get("node")):
        wishes.append((node, "package.json", "volta.node"))
    runtime = table(content, "devEngines", "runtime")
    if string(runtime.get("name")) == "node" and (spec := string(runtime.get("version"))):
        wishes.append((spec, "package.json", "devEngines.runtime"))
    if spec := string(draft.yaml("pnpm-workspace.yaml").get("useNodeVersion")):
        wishes.append((spec, "pnpm-workspace.yaml", "useNodeVersion"))
    version, where = action_runtime(draft)
    if version:
        wishes.append((version, where, "runs.using"))
    for name in ("serverless.yml", "serverless.yaml"):
        if found := re.fullmatch(r"nodejs(\d+)(?:\.x)?", string(table(draft.yaml(name), "provider").get("runtime"))):
            wishes.append((found[1], name, "provider.runtime"))
    if draft.has("netlify.toml"):
        told = table(draft.toml("netlify.toml"), "build", "environment").get("NODE_VERSION")
        if isinstance(told, str | int) and re.fullmatch(r"v?\d[\d.]{0,20}", str(told)):
            wishes.append((str(told).removeprefix("v"), "netlify.toml", "build.environment.NODE_VERSION"))
    bun = string(engines.get("bun"))
    if bun or _by_bun(draft, package):
        draft.runtime("bun", bun, "package.json", "engines.bun" if bun else "")
    elif not wishes and not by_deno(draft):
        draft.runtime("node", "", "package.json")
    for spec, path, key in wishes:
        draft.runtime("node", spec, path, key)
    for (one, path, _), (other, at, beside) in combinations(wishes, 2):
        if _apart(one, other):
            draft.finding(
                f"{safe(draft.at(at))} asks for node {safe(other, 60)} ({beside}), but {safe(draft.at(path))} asks for {safe(one, 60)}",
                at,
                beside,
                "contradiction",
            )


def _apart(one: str, other: str) -> bool:
    """Whether two wishes exclude each other, as far as that can be told: one of them is a version, the other leaves it out."""
    outside = [_outside(spec, version) for spec, version in ((one, other), (other, one)) if _PLAIN.fullmatch(version)]
    return bool(outside) and all(outside)


def _outside(spec: str, version: str) -> bool:
    missing = 3 - len(version.split("."))
    return all(satisfies("node", spec, version + end * missing) is False for end in (".999", ".0"))


def _by_bun(draft: Draft, package: Package) -> bool:
    """Its own code runs on Bun: being installed by it says nothing yet."""
    calls = (call for name in package.scripts.table for call in package.scripts.calls(name))
    if any(call.program == "bun" and call.kind == "program" for call in calls):
        return True
    if said(draft, "js-bun"):
        return package.manager == "bun" or bool(_BUN & {*package.wanted, *package.developed})
    known = any(
        FRAMEWORKS[name].role == "frontend"
        for name in FRAMEWORKS
        if name in package.wanted or name in package.developed
    )
    return package.manager == "bun" and not known and bool(_BUN & {*package.wanted, *package.developed})


def by_deno(draft: Draft) -> bool:
    """Deno takes package.json too: beside its own lockfile, and without one of Node's, nothing asks for Node."""
    return draft.has("deno.lock") and not any(draft.has(name) for name in LOCKS)
