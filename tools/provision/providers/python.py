"""Python: a virtual environment in the project, filled from its lockfile or manifests through uv (or pip)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version
from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Usage
from ...plan import Step
from ..names import Named, normal, plain, requirement
from ..part import Part, Site, counted
from ..trust import judge
from .pydeclared import Declared, name_of
from .pyenvs import Environment, Python, conflicts, environment, fits, interpreter
from .pyfiles import MANIFESTS, read
from .pysteps import same_place, sync_argv
from .pytools import CHANGE, NeedsBuild, Resolved, Tool, find
from .runtime import obtain


@dataclass(frozen=True)
class Base:
    """Where packages will go: the environment's path, the one that is there and can be kept, and its interpreter."""

    path: Path
    kept: Environment | None
    python: Python

    @property
    def readable(self) -> Path | None:
        """The environment that an installer can look into."""
        whole = self.kept and not any(dist.gutted for dist in self.kept.dists.values())
        return self.kept.path if self.kept and whole else None

    @property
    def versions(self) -> dict[str, str]:
        return {name: dist.version for name, dist in self.kept.dists.items()} if self.kept else {}


class PythonProvider:
    """See Provider."""

    ecosystem = "python"

    def serves(self, site: Site) -> bool:
        """See Provider.serves."""
        return bool(site.files & MANIFESTS)

    async def declared(self, site: Site, context: Context) -> frozenset[str]:
        """See Provider.declared."""
        return (await read(context.host, site)).names

    async def project(self, site: Site, context: Context, runtime: str = "") -> Part:
        """See Provider.project."""
        declared = await read(context.host, site)
        part = Part()
        part.basis += [f"{site.label(name)}:{value}" for name, value in sorted(declared.files.items())]
        part.warnings += [f"{site.label('.')}: {note}" if site.rel != "." else note for note in declared.notes]
        base = await self._base(site, context, part, runtime, declared)
        if base is None:
            return part
        tool = await find(context)
        if declared.lock == "uv.lock" and tool.name == "uv":
            await self._sync(site, declared, base, tool, context, part)
        else:
            await self._install(site, declared, base, tool, context, part)
        if not part.steps:
            part.present.append(f"{counted(len(base.versions), 'package')} in {site.label(base.path.name)}")
        return part

    async def packages(self, site: Site, named: Sequence[Named], context: Context) -> Part:
        """See Provider.packages."""
        part = Part()
        declared = await read(context.host, site)
        part.basis += [f"{site.label(name)}:{value}" for name, value in sorted(declared.files.items())]
        for item in named:
            verdict = await judge(item, "python", declared.names, context)
            part.details.append(verdict.detail)
            part.reasons += [verdict.reason] if verdict.reason else []
        base = await self._base(site, context, part, "", declared)
        if base is None:
            return part
        lines = [requirement(item) for item in named]
        upgrade = [item.bare for item in named if item.version == "latest"]
        tool = await find(context)
        try:
            found = await tool.resolve(context, lines, python=base.python.path, env=base.readable, upgrade=upgrade)
        except NeedsBuild as error:
            raise Failed(
                f"refused: {', '.join(map(str, named))} {error.what}",
                "Only ready wheels are installed by name, since building runs the package's own script. Name another "
                "version, or put it into the project's manifest, which says that you trust it.",
            ) from error
        if declared.sources and base.kept is None:
            part.warnings.append("the project's own requirements are not installed yet: `envsync provision` does that")
        self._pinned(site, base, found, part, first={normal(item.name) for item in named})
        if not part.steps:
            names = [normal(item.name) for item in named]
            part.present += [f"{name} {base.versions.get(name, '')}".strip() for name in names]
        if base.kept is not None:
            part.warnings += conflicts(base.kept.dists, found.wanted, base.python.version)
        if part.steps and declared.sources:
            part.details.append(f"{', '.join(declared.sources[:1])} stays as it is: this changes the environment only")
        return part

    async def _base(self, site: Site, context: Context, part: Part, runtime: str, declared: Declared) -> Base | None:
        """Settle the environment: keep it, make it, or make it anew. None when the interpreter has to be installed first."""
        specs = [want.spec for want in site.service.runtimes if want.name == "python" and want.spec]
        if runtime:
            specs = [runtime]
        elif declared.requires and declared.requires not in specs:
            specs.append(declared.requires)
        kept = await environment(context, site.root)
        if kept is not None and kept.python and all(fits(spec, kept.python) for spec in specs):
            return Base(kept.path, kept, Python(str(kept.path / "bin/python"), kept.python))
        python = await interpreter(context, specs)
        if python is None:
            part.add(await obtain("python", ",".join(specs), context))
            part.warnings.append("the packages are planned when that Python is there: ask again then")
            return None
        path = kept.path if kept is not None else site.root / ".venv"
        if kept is not None:
            why = f"it has Python {kept.python}" if kept.python else "its interpreter is gone"
            part.warnings.append(
                f"{site.label(path.name)} is made anew, since {why}; what was added by hand is not put back"
            )
        verb = "make" if kept is None else "make anew"
        part.steps.append(
            _step("python-venv", f"{verb} {site.label(path.name)} with Python {python.version}", 2.0, {
                "env": site.label(path.name), "python": python.path, "specs": list[JsonValue]([*specs, python.version]),
            })
        )  # fmt: skip
        part.details.append(f"Python {python.version}: {python.path}")
        return Base(path, None, python)

    async def _sync(self, site: Site, declared: Declared, base: Base, tool: Tool, context: Context, part: Part) -> None:
        options = [f"--extra={name}" for name in declared.extras] + [f"--group={name}" for name in declared.groups]
        argv = [*sync_argv(tool, site.root, base.python.path if base.kept is None else "", options), "--dry-run"]
        env = {**tool.env, "UV_PROJECT_ENVIRONMENT": str(base.path)}
        done = await context.host.run(argv, cwd=site.root, env=env, timeout=300)
        if done.code != 0:
            raise Failed(
                f"uv cannot use {site.label('uv.lock')}: {plain(done.error, 600)}",
                "Make the lock again with `uv lock`, then ask again.",
            )
        new: dict[str, str] = {}
        gone: dict[str, str] = {}
        for sign, name, version, source in CHANGE.findall(done.text + "\n" + done.error):
            # `~` on the project itself: uv builds it again each time, which is no change of ours.
            if sign == "~" and source and base.kept and name in base.kept.dists:
                continue
            (gone if sign == "-" else new)[normal(name)] = version
        again = _broken(base)
        if not new and not again and base.kept is not None:
            return
        changes = {name: [base.versions.get(name) or gone.get(name, ""), version] for name, version in new.items()}
        part.details += _lines(changes)
        part.steps.append(
            _step(
                "python-sync",
                f"install {counted(len(new) or len(again), 'package')} of uv.lock into {site.label(base.path.name)}",
                3.0 + 0.3 * len(new),
                {
                    "env": site.label(base.path.name),
                    "root": site.rel,
                    "python": base.python.path if base.kept is None else "",
                    "lock": declared.files["uv.lock"],
                    "options": list[JsonValue](options),
                    "again": list[JsonValue](again),
                    "expect": {**new, **{name: base.versions[name] for name in again if name not in new}},
                    "changes": {name: list[JsonValue](pair) for name, pair in changes.items()},
                },
            )
        )

    async def _install(
        self, site: Site, declared: Declared, base: Base, tool: Tool, context: Context, part: Part
    ) -> None:
        here = [dist for dist in base.kept.dists.values() if dist.local] if base.kept else []
        own = next((dist for dist in here if same_place(dist.local, site.root)), None)
        lines = [line for line in declared.lines if normal(line) != normal(declared.name or " ")]
        if declared.unknown and own is not None:
            # Installed once, its metadata say what its build script did not: without extras, which are declared above.
            lines += [line for line in own.requires if "extra ==" not in line]
        if declared.lock and declared.lock != "Pipfile.lock":
            with_what = "" if declared.lock == "uv.lock" else f", {declared.lock.partition('.')[0]} itself is not used"
            part.details.append(f"the versions of {declared.lock} are installed with {tool.name}{with_what}")
        await self._addresses(site, declared, base, part)
        if lines:
            part.details.append(f"as {', '.join(declared.sources)} ask")
        try:
            found = await tool.resolve(
                context, lines, python=base.python.path, env=base.readable, constraints=declared.pins
            )
            self._pinned(site, base, found, part, hashes=declared.hashes)
        except NeedsBuild as error:
            self._open(site, base, lines, error, part)
        except Failed as error:
            refused = [note for note in declared.notes if "another index" in note]
            raise Failed(error.what, "; ".join([error.hint, *refused]), **error.data) from error
        if declared.installable and own is None:
            label = plain(declared.name) or "the project"
            with_deps = declared.unknown
            part.steps.append(
                _step("python-project", f"install {label} itself in editable mode", 5.0, {
                    "env": site.label(base.path.name), "root": site.rel, "deps": with_deps,
                })
            )  # fmt: skip
            if with_deps:
                part.warnings.append(
                    f"what {label} depends on is known only to its own build script: those packages are not listed here"
                )

    def _pinned(
        self,
        site: Site,
        base: Base,
        found: Resolved,
        part: Part,
        *,
        hashes: Mapping[str, list[str]] = {},
        first: Set[str] = frozenset(),
    ) -> None:
        """The step for an exactly known set; `first` are the names that its line shows before others."""
        wanted = {name: v for name, v in found.wanted.items() if base.versions.get(name) != v}
        again = [name for name in _broken(base) if name not in wanted]
        pins = {**wanted, **{name: base.versions[name] for name in again}}
        if not pins:
            return
        hashed = bool(hashes) and all(name in hashes for name in pins)
        lines = [
            f"{name}=={version}" + ("".join(f" --hash={h}" for h in hashes[name]) if hashed else "")
            for name, version in sorted(pins.items())
        ]
        changes = {name: [base.versions.get(name, ""), version] for name, version in sorted(pins.items())}
        part.details += _lines(changes)
        verb = _verb({name: pair for name, pair in changes.items() if name in first} or changes)
        asked = [line for line in _lines(changes) if not first or line.split(" ")[0] in first]
        some = (asked or _lines(changes))[:3]
        more = f" and {len(pins) - len(some)} more" if len(pins) > len(some) else ""
        part.steps.append(
            _step(
                "python-install",
                f"{verb} {', '.join(some)}{more} in {site.label(base.path.name)}",
                1.0 + 0.3 * len(pins),
                {
                    "env": site.label(base.path.name),
                    "requirements": list[JsonValue](lines),
                    "expect": dict[str, JsonValue](pins),
                    "again": list[JsonValue](again),
                    "deps": False,
                    "builds": False,
                    "hashes": hashed,
                    "changes": {name: list[JsonValue](pair) for name, pair in changes.items()},
                },
            )
        )

    def _open(self, site: Site, base: Base, lines: list[str], error: NeedsBuild, part: Part) -> None:
        """The step for a set of which something has to be built: the project's files named it, so it may be."""
        part.warnings.append(
            "something has to be built from source, which runs its build script and decides the exact versions then: "
            + plain(error.what, 300)
        )
        part.steps.append(
            _step("python-install", f"build and install {counted(len(lines), 'requirement')} of the project", 60.0, {
                "env": site.label(base.path.name), "requirements": list[JsonValue](lines), "deps": True, "builds": True,
                "expect": {name_of(line): "" for line in lines if ";" not in line},
            })
        )  # fmt: skip

    async def _addresses(self, site: Site, declared: Declared, base: Base, part: Part) -> None:
        """Requirements from an address instead of the index: named by the project, but for a person to look at."""
        good = [line for line in declared.urls if re.search(r"(?:git\+)?(?:https|ssh)://", line)]
        part.warnings += [
            f"{plain(line)} is left out: not fetched safely" for line in declared.urls if line not in good
        ]
        lines = [line for line in good if "@" not in line.partition("://")[0] or name_of(line) not in base.versions]
        if not lines:
            return
        part.reasons.append(f"comes from an address and not from the package index: {', '.join(map(plain, lines))}")
        part.steps.append(
            _step("python-install", f"build and install {counted(len(lines), 'requirement')} from addresses", 30.0, {
                "env": site.label(base.path.name), "requirements": list[JsonValue](list(lines)), "deps": True, "builds": True,
                "expect": {name_of(line): "" for line in lines if "@" in line.partition("://")[0]},
            })
        )  # fmt: skip


def _broken(base: Base) -> list[str]:
    return sorted(dist.name for dist in base.kept.dists.values() if dist.broken) if base.kept else []


def _verb(changes: Mapping[str, list[str]]) -> str:
    pairs = [(old, new) for old, new in changes.values() if old]
    if len(pairs) < len(changes):
        return "install"
    if all(old == new for old, new in pairs):
        return "repair"
    up = [Version(old) < Version(new) for old, new in pairs if old != new]
    return "upgrade" if all(up) else "change" if any(up) else "downgrade"


def _lines(changes: Mapping[str, list[str]]) -> list[str]:
    return [
        f"{name} {old} -> {new}" if old and old != new else f"{name} {new}{' (again)' if old else ''}"
        for name, (old, new) in sorted(changes.items())
    ]


def _step(kind: str, does: str, seconds: float, args: dict[str, JsonValue]) -> Step:
    return Step(kind=kind, does=does, args=args, covered=True, seconds=seconds)


def refuse_extras(named: Sequence[Named]) -> None:
    """Raise Usage for extras where an ecosystem has none."""
    for item in named:
        if "[" in item.name:
            raise Usage(f"{item.name}: only Python packages have extras", f"Write {item.bare}.")
