"""What a Node project's files ask for and what its node_modules holds, read without running any of it."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ...errors import Failed
from ...hosts.base import Host
from ...hosts.here import near
from ..index import text
from ..names import is_node, plain
from ..part import Site, digest
from .nodelocks import fixed

LOCKS = {
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
"""The package manager by the lockfile that it writes."""
_HARMLESS = (
    "save-exact save-prefix legacy-peer-deps strict-peer-deps prefer-dedupe engine-strict install-strategy lockfile-version"
    " package-lock save fund audit loglevel progress update-notifier omit include install-links tag message init-license"
    " auto-install-peers shamefully-hoist hoist node-linker public-hoist-pattern hoist-pattern access"
)
HARMLESS = frozenset(_HARMLESS.split())
"""Settings of .npmrc that decide neither where packages come from nor what runs."""
LOCAL = ("file:", "link:", "workspace:", "portal:", ".", "/", "~/")
"""How ranges begin that stand for a directory and not for a package of the registry."""


@dataclass
class Declared:
    """What the files ask for."""

    manager: str = "npm"
    pinned: str = ""
    """The manager's version that `packageManager` names."""
    lock: str = ""
    direct: dict[str, str] = field(default_factory=dict[str, str])
    """Range by name of dependencies and devDependencies."""
    optional: frozenset[str] = frozenset()
    locked: dict[str, str] = field(default_factory=dict[str, str])
    """npm: version by path (`node_modules/a/node_modules/b`) of what has to be there on this platform."""
    fixed: dict[str, str] = field(default_factory=dict[str, str])
    """The other managers: version of direct dependencies that the lock fixes."""
    scripted: tuple[str, ...] = ()
    """npm: names whose lock entry says that they have an install script."""
    scripts: dict[str, str] = field(default_factory=dict[str, str])
    """The project's own scripts."""
    settings: tuple[str, ...] = ()
    """What .npmrc sets that a person should know of: programs, proxies, and variables whose values it sends."""
    config: str = ""
    """.npmrc without those, and without anything that npm would fill in from the environment."""
    hosts: frozenset[str] = frozenset()
    """Where the lock says that packages come from, as `host` or `host:port`."""
    registries: frozenset[str] = frozenset()
    """Likewise the project's .npmrc."""
    local: bool = False
    """Whether parts of the project itself are among its packages (workspaces, `file:`)."""
    berry: bool = False
    """yarn 2 or newer."""
    linked: bool = True
    """Whether packages land in node_modules (not with yarn's Plug'n'Play)."""
    files: dict[str, str] = field(default_factory=dict[str, str])
    platform: tuple[str, str] = (sys.platform, platform.machine())
    """Of the host: the system as Node calls it, and the machine as `uname -m` has it."""

    @property
    def names(self) -> frozenset[str]:
        """Names that the manifest or the lock has."""
        return frozenset(self.direct) | {path.rpartition("node_modules/")[2] for path in self.locked}


async def read(host: Host, site: Site) -> Declared:
    """Read a site's package.json and lockfile. Raises Failed for JSON that is none."""
    found = Declared()
    if not near(host):
        info = await host.info()
        found.platform = (info.system.lower(), info.machine)
    manifest = _json(await _file(host, site, "package.json", found), site.label("package.json"))
    groups = ("dependencies", "devDependencies", "optionalDependencies")
    found.direct = {
        name: str(value) for group in groups for name, value in _table(manifest, group).items() if is_node(name)
    }
    found.optional = frozenset(_table(manifest, "optionalDependencies"))
    found.scripts = {k: v for k, v in _table(manifest, "scripts").items() if isinstance(v, str)}
    found.local = bool(manifest.get("workspaces")) or any(spec.startswith(LOCAL) for spec in found.direct.values())
    named = re.match(r"(npm|pnpm|yarn|bun)@([0-9][\w.-]*)", str(manifest.get("packageManager") or ""))
    found.lock = next((name for name in LOCKS if name in site.files), "")
    if named:
        found.manager, found.pinned = named[1], named[2]
        found.lock = next((lock for lock, manager in LOCKS.items() if manager == named[1] and lock in site.files), "")
    elif found.lock:
        found.manager = LOCKS[found.lock]
    content = await _file(host, site, found.lock, found) if found.lock else ""
    if found.manager == "npm" and content:
        npm_lock(_json(content, site.label(found.lock)), found, found.platform)
    found.fixed = fixed(found.lock, content, found.direct)
    if found.manager == "yarn":
        found.berry = "__metadata:" in content or (found.pinned > "" and not found.pinned.startswith("1."))
        config = await _file(host, site, ".yarnrc.yml", found) if ".yarnrc.yml" in site.files else ""
        found.linked = not found.berry or bool(
            re.search(r"^nodeLinker:\s*['\"]?(node-modules|pnpm)", config, re.MULTILINE)
        )
    address = r"(?:\"?resolved\"?:? \"|tarball: )https?://(?:[^@/\"\s]*@)?([^/\"\s]+)/"
    found.hosts = frozenset(re.findall(address, content))
    config = await _file(host, site, ".npmrc", found) if ".npmrc" in site.files else ""
    address = r"^\s*(?:@[\w.-]+:)?registry\s*=\s*[\"']?https?://(?:[^@/\s]*@)?([^/\s\"']+)"
    found.registries = frozenset(re.findall(address, config, re.MULTILINE))
    found.config, found.settings = npmrc(config)
    return found


def npmrc(content: str) -> tuple[str, tuple[str, ...]]:
    """The lines of a project's .npmrc that a plan may be made with, and what the others do, in words."""
    kept: list[str] = []
    told: list[str] = []
    for line in content.splitlines():
        key, _, _ = line.partition("=")
        key = key.strip().strip("\"'").removesuffix("[]")
        if not key or key[0] in "#;":
            continue
        sent = re.findall(r"\$\{([^}]*)\}", line)
        if sent:
            told.append(f"it sends the value of {', '.join(map(plain, sent))} to whom it names")
        elif key in HARMLESS or key == "registry" or key.endswith(":registry"):
            kept.append(line)
        elif not key.startswith("//"):
            told.append(f"it sets {plain(key, 40)}")
    return "".join(f"{line}\n" for line in kept), tuple(dict.fromkeys(told))


async def _file(host: Host, site: Site, name: str, found: Declared) -> str:
    content = await text(host, site.root / name, 64 * 1024 * 1024)
    found.files[name] = digest(content)
    return content


def _json(content: str, label: str) -> Mapping[str, Any]:
    try:
        data: Any = json.loads(content or "{}")
    except (ValueError, RecursionError) as error:
        raise Failed(
            f"{label} cannot be read: {plain(str(error))}", "Correct it at that line, then ask again."
        ) from None
    return cast(dict[str, Any], data) if isinstance(data, dict) else {}


def _table(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def npm_lock(lock: Mapping[str, Any], found: Declared, platform: tuple[str, str]) -> None:
    """Read a parsed package-lock.json into `found`: what has to be there on this platform, and what has scripts."""
    scripted: list[str] = []
    for path, value in _table(lock, "packages").items():
        entry = cast(dict[str, Any], value) if isinstance(value, dict) else {}
        if not path.startswith("node_modules/") and "/node_modules/" not in path:
            continue
        if ".." in path.split("/") or path.startswith("/"):
            continue
        name = path.rpartition("node_modules/")[2]
        if entry.get("hasInstallScript"):
            scripted.append(name)
        if not entry.get("optional") and not entry.get("link") and not entry.get("peer") and _for(entry, platform):
            found.locked[path] = str(entry.get("version") or "")
    for name, value in _table(lock, "dependencies").items() if not found.locked else ():
        entry = cast(dict[str, Any], value) if isinstance(value, dict) else {}
        if not entry.get("optional"):
            found.locked[f"node_modules/{name}"] = str(entry.get("version") or "")
    found.scripted = tuple(sorted(set(scripted)))


def _for(entry: Mapping[str, Any], platform: tuple[str, str]) -> bool:
    system, machine = platform
    machine = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(machine, machine)
    return all(
        not isinstance(entry.get(key), list) or mine in entry[key] or any(str(v).startswith("!") for v in entry[key])
        for key, mine in (("os", system), ("cpu", machine))
    )


def versions(root: str, paths: list[str]) -> dict[str, str]:
    """The version in each `PATH/package.json` below `root`; a path without one is left out."""
    found: dict[str, str] = {}
    for path in paths:
        try:
            with open(os.path.join(root, path, "package.json"), encoding="utf-8", errors="replace") as file:
                data: Any = json.load(file)
            found[path] = str(cast(dict[str, Any], data).get("version", "")) if isinstance(data, dict) else ""
        except (OSError, ValueError):
            continue
    return found


def plugged(root: str, paths: list[str]) -> dict[str, str]:
    """Likewise for yarn's Plug'n'Play, where `.pnp.cjs` tells what there is."""
    try:
        content = (Path(root) / ".pnp.cjs").read_text("utf-8", "replace")
    except OSError:
        return {}
    known = dict(re.findall(r"/(@?[\w.~-]+?)-npm-([0-9][\w.+]*(?:-[a-z]+[\w.]*)?)-[0-9a-f]{10}", content))
    names = {path: path.removeprefix("node_modules/").replace("/", "-") for path in paths}
    return {path: known[name] for path, name in names.items() if name in known}


def finished(root: str, manager: str) -> bool:
    """Whether the manager's own mark says that an installation ran to its end."""
    marks = {
        "npm": (".package-lock.json",),
        "pnpm": (".modules.yaml",),
        "yarn": (".yarn-integrity", ".yarn-state.yml"),
        "bun": ("",),
    }
    return any((Path(root) / "node_modules" / mark).exists() for mark in marks.get(manager, ("",)))
