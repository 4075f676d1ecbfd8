"""Node: node_modules from the lockfile, through the manager whose lockfile it is; install scripts only of what the project names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Unreachable, Usage
from ...plan import Step
from .. import defaults
from ..index import npm, text
from ..names import Named, plain
from ..part import Part, Site, counted
from ..trust import judge
from .nodefiles import LOCAL, Declared, finished, npm_lock, plugged, read, versions
from .nodesizes import weigh
from .nodesteps import ENV
from .runtime import have, obtain


class NodeProvider:
    """See Provider."""

    ecosystem = "node"
    alone = False

    def serves(self, site: Site) -> bool:
        """See Provider.serves."""
        return "package.json" in site.files

    async def declared(self, site: Site, context: Context) -> frozenset[str]:
        """See Provider.declared."""
        return (await read(context.host, site)).names

    async def project(self, site: Site, context: Context, runtime: str = "") -> Part:
        """See Provider.project."""
        part = Part()
        declared = await read(context.host, site)
        part.basis += [f"{site.label(name)}:{value}" for name, value in sorted(declared.files.items())]
        if not await self._node(site, context, part, runtime):
            return part
        where = site.label("node_modules")
        if not declared.direct and not declared.locked:
            part.present.append(f"{site.label('package.json')} names no dependencies")
            return part
        paths, wanted = _wanted(declared)
        there = await context.host.call(versions if declared.linked else plugged, str(site.root), paths)
        lacking = {path: wanted[path] for path in paths if path not in there or wanted[path] not in ("", there[path])}
        complete = not declared.linked or await context.host.call(finished, str(site.root), declared.manager)
        if complete and not lacking:
            part.present.append(f"{counted(len(paths), 'package')} in {where}")
            return part
        await self._registries(declared, context, part)
        changes = {path: [there.get(path, ""), version] for path, version in lacking.items()}
        lock = await self._lock(site, declared, context)
        if not declared.lock:
            resolved, lock = await self._resolved(site, declared, [], context)
            changes = resolved or changes
            # What the plan shows is what must be there afterwards, even if the registry moves in between.
            wanted.update({path: version for path, (_, version) in changes.items()})
            part.warnings.append(f"there is no lockfile: {declared.manager} chooses versions and writes one")
        part.details += _lines(changes)
        part.steps.append(
            _step(
                f"install {counted(len(changes), 'package')} into {where} with {declared.manager}",
                3.0 + 0.1 * len(changes),
                {
                    **_common(site, declared),
                    "verb": "frozen" if declared.lock else "open",
                    "expect": dict[str, JsonValue](wanted),
                    "changes": {_short(path): list[JsonValue](pair) for path, pair in changes.items()},
                },
            )
        )
        await self._weigh(part, lock, changes, context)
        self._scripts(site, declared, part)
        return part

    async def _lock(self, site: Site, declared: Declared, context: Context) -> Mapping[str, Any]:
        """npm's lockfile; empty where there is none."""
        if declared.manager != "npm" or not declared.lock:
            return {}
        data = json.loads(await text(context.host, site.root / declared.lock, 64 * 1024 * 1024) or "{}")
        return cast(dict[str, Any], data) if isinstance(data, dict) else {}

    async def _weigh(self, part: Part, lock: Mapping[str, Any], changes: Iterable[str], context: Context) -> None:
        """Say of the last step what it fetches, unless a person has to look at the registries first."""
        if not any("registry" in reason or ".npmrc" in reason for reason in part.reasons):
            await weigh(part, lock, changes, context)

    async def _registries(self, declared: Declared, context: Context, part: Part) -> None:
        """Registries that the project brings along, by its lock or its .npmrc, are for a person to look at."""
        if declared.settings:
            part.reasons.append(f"the project's .npmrc needs your eye: {'; '.join(declared.settings[:5])}")
        other = declared.hosts | declared.registries
        if other:
            other -= {urlsplit(address).netloc for address in await defaults.npm(context)}
        if other:
            # Few, since each is a start of npm; a project with more of them is for a person to look at anyway.
            other -= {host for host in sorted(other)[:3] if await defaults.npm_alias(context, host)}
        if other:
            other -= {urlsplit(await defaults.yarn(context)).netloc}
        if other:
            part.reasons.append(
                f"the project takes packages from {', '.join(map(plain, sorted(other)))}, which is not your registry"
            )

    async def packages(self, site: Site, named: Sequence[Named], context: Context) -> Part:
        """See Provider.packages."""
        part = Part()
        declared = await read(context.host, site)
        part.basis += [f"{site.label(name)}:{value}" for name, value in sorted(declared.files.items())]
        if not await self._node(site, context, part, ""):
            return part
        await self._registries(declared, context, part)
        pins: dict[str, str] = {}
        for item in named:
            if "[" in item.name:
                raise Usage(f"{item}: only Python packages have extras", f"Write {item.bare}.")
            verdict = await judge(item, "node", declared.names, context)
            entry = verdict.entry
            if item.version not in ("", "latest"):
                entry = await npm(context, item.name, item.version)
            if entry is None:
                raise Usage(f"npm has no {plain(str(item))}", f"`npm view {item.name} versions` lists them.")
            path = f"node_modules/{item.name}"
            look = versions if declared.linked else plugged
            there = (await context.host.call(look, str(site.root), [path])).get(path, "")
            if there and (there == entry.latest or not item.version) and item.name in declared.direct:
                part.present.append(f"{item.name} {there}")
                continue
            part.details.append(verdict.detail)
            part.reasons += [verdict.reason] if verdict.reason else []
            if entry.scripts:
                part.warnings.append(
                    f"{item.name} has an install script, which is not run; `npm rebuild {item.name}` runs it"
                )
            pins[item.name] = entry.latest
        if not pins:
            return part
        words = [f"{name}@{version}" for name, version in sorted(pins.items())]
        changes, lock = await self._resolved(site, declared, words, context)
        changes = changes or {f"node_modules/{name}": ["", version] for name, version in pins.items()}
        part.details += _lines(changes)
        part.details.append(f"package.json and {declared.lock or 'the lockfile'} are changed too")
        part.steps.append(
            _step(
                f"install {', '.join(words)} in {site.label('node_modules')} with {declared.manager}",
                3.0 + 0.1 * len(changes),
                {
                    **_common(site, declared),
                    "verb": "add",
                    "words": list[JsonValue](words),
                    "expect": {path: version for path, (_, version) in changes.items()},
                    "changes": {_short(path): list[JsonValue](pair) for path, pair in changes.items()},
                },
            )
        )
        await self._weigh(part, lock, changes, context)
        return part

    async def _node(self, site: Site, context: Context, part: Part, runtime: str) -> bool:
        """False when Node has to be installed first. A version that does not fit is a warning where nothing better is to be had."""
        specs = [want.firm for want in site.service.runtimes if want.name == "node" and want.firm]
        if await have("node", runtime, context):
            for spec in specs if not runtime else []:
                if not await have("node", spec, context):
                    part.warnings.append(f"the project asks for node {plain(spec)}, this host has another version")
            return True
        part.add(await obtain("node", runtime or (specs[0] if specs else ""), context))
        part.warnings.append("the packages are planned when Node is there: ask again then")
        return False

    def _scripts(self, site: Site, declared: Declared, part: Part) -> None:
        """Install scripts: run those of packages that the project's own manifest names, and the project's own."""
        named = [name for name in declared.scripted if name in declared.direct]
        others = [name for name in declared.scripted if name not in declared.direct and name not in declared.optional]
        if named:
            part.steps.append(
                _step(f"run the install scripts of {', '.join(named)}, which the project names", 10.0, {
                    **_common(site, declared), "verb": "rebuild", "words": list[JsonValue](list(named)), "expect": {},
                })
            )  # fmt: skip
        if others:
            part.warnings.append(
                f"install scripts that are not run, since nobody named the packages: {', '.join(others[:8])}"
                f"; `npm rebuild NAME` runs one"
            )
        if "postinstall" in declared.scripts:
            part.details.append(f"the project's own postinstall: {plain(declared.scripts['postinstall'])}")
            part.steps.append(
                _step("run the project's own postinstall script", 10.0, {
                    **_common(site, declared), "verb": "postinstall", "expect": {},
                })
            )  # fmt: skip

    async def _resolved(
        self, site: Site, declared: Declared, words: list[str], context: Context
    ) -> tuple[dict[str, list[str]], Mapping[str, Any]]:
        """Versions before and after by path, as npm resolves them in a copy of the manifest, and the lock that it would
        write; empty where it cannot tell.

        Not by npm's own dry run: that of npm 9 names no packages, and writes into node_modules.
        """
        bare = declared.lock or await context.host.stat(site.root / "node_modules") is None
        if declared.manager != "npm" or declared.local or not bare:
            return {}, {}
        copy = await defaults.scratch(context.host)
        try:
            for name in ("package.json", declared.lock):
                if name in site.files:
                    await context.host.write(copy / name, await context.host.read(site.root / name))
            await context.host.write(copy / ".npmrc", declared.config.encode())
            argv = ["npm", "install", "--package-lock-only", "--ignore-scripts", "--prefer-offline", "--", *words]
            done = await context.host.run(argv, cwd=copy, env=ENV, timeout=180)
            if done.code != 0 and declared.settings:
                return {}, {}  # with the rest of its .npmrc it may: a person is asked about that first
            if done.code != 0:
                raise _failure(plain(done.error, 500))
            lock = json.loads(await text(context.host, copy / (declared.lock or "package-lock.json")) or "{}")
        finally:
            await defaults.away(context.host, copy)
        found = Declared()
        npm_lock(lock, found, declared.platform)
        there = await context.host.call(versions, str(site.root), list(found.locked))
        changes = {path: [there.get(path, ""), v] for path, v in found.locked.items() if there.get(path) != v}
        return changes, lock


def _failure(said: str) -> Failed | Unreachable:
    if re.search(r"ENOTFOUND|ETIMEDOUT|ECONNREFUSED|ECONNRESET|EAI_AGAIN", said):
        return Unreachable(f"npm could not reach its registry: {said}", "Check the network and ask again.")
    return Failed(f"npm cannot install that: {said}", "Nothing was changed.")


def _short(path: str) -> str:
    """`outer > inner` for `node_modules/outer/node_modules/inner`."""
    return path.removeprefix("node_modules/").replace("/node_modules/", " > ")


def _wanted(declared: Declared) -> tuple[list[str], dict[str, str]]:
    """What node_modules must hold: all of npm's lock, or else each direct dependency in any version."""
    if declared.locked:
        return list(declared.locked), declared.locked
    names = [n for n, spec in declared.direct.items() if n not in declared.optional and not spec.startswith(LOCAL)]
    return [f"node_modules/{name}" for name in names], {
        f"node_modules/{name}": declared.fixed.get(name, "") for name in names
    }


def _lines(changes: dict[str, list[str]]) -> list[str]:
    return [
        f"{_short(path)} {old} -> {new}" if old and old != new else f"{_short(path)} {new}".strip()
        for path, (old, new) in sorted(changes.items())
    ]


def _common(site: Site, declared: Declared) -> dict[str, JsonValue]:
    manager = "berry" if declared.manager == "yarn" and declared.berry else declared.manager
    return {
        "root": site.rel,
        "manager": manager,
        "pinned": declared.pinned,
        "linked": declared.linked,
        "lock": {declared.lock: declared.files[declared.lock]} if declared.lock else {},
    }


def _step(does: str, seconds: float, args: dict[str, JsonValue]) -> Step:
    return Step(kind="node", does=does, args=args, covered=True, seconds=seconds)
