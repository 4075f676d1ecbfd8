"""Python: a virtual environment in the project, filled from its lockfile or manifests through uv (or pip)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ..fitting import Chosen, fitted
from ..gpu import reckon, renamed
from ..index import python_index, text
from ..links import looking
from ..names import Named, normal, plain, requirement
from ..part import Part, Site, counted
from ..trust import judge
from .pydeclared import Declared, name_of
from .pyenvs import Python, conflicts, environment, fits, interpreter, outside
from .pyfiles import MANIFESTS, read
from .pyhosts import strangers
from .pyplan import Base, addresses, broken, change_lines, covered_step, pinned, unresolved
from .pysizes import weigh, weigh_lock
from .pysteps import changes, sync_argv, which_same
from .pytools import CHANGE, NeedsBuild, Resolved, Tool, find
from .runtime import obtain


class PythonProvider:
    """See Provider."""

    ecosystem = "python"
    alone = False

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
        if not await python_index(context):
            part.warnings.append(
                "neither uv nor pip says which package index it uses: whether a name exists is seen on installing"
            )
        asked, named = named, await renamed(named, site.gpu, context, part)
        # A build that takes the place of what was named is named by our own table.
        known = declared.names | {normal(item.name) for item in named if item not in asked}
        for verdict in await asyncio.gather(*(judge(item, "python", known, context) for item in named)):
            part.details.append(verdict.detail)
            part.reasons += [verdict.reason] if verdict.reason else []
        base = await self._base(site, context, part, "", declared)
        if base is None:
            return part
        lines = [requirement(item) for item in named]
        upgrade = [item.bare for item in named if item.version == "latest"]
        tool = await find(context)

        async def resolve(lines: Sequence[str], pins: Sequence[str], links: Mapping[str, str]) -> Resolved:
            return await tool.resolve(
                context,
                lines,
                python=base.python.path,
                env=base.readable,
                constraints=pins,
                upgrade=upgrade,
                links=links,
            )

        try:
            found = await resolve(lines, (), {})
        except NeedsBuild as error:
            raise Failed(
                f"refused: {', '.join(map(str, named))} {error.what}",
                "Only ready wheels are installed by name, since building runs the package's own script. Name another "
                "version, or put it into the project's manifest, which says that you trust it.",
            ) from error
        chosen = await fitted(lines, found, resolve, base.python.path, context, part, gpu=site.gpu, named=True)
        found = chosen.found
        if declared.sources and base.kept is None:
            part.warnings.append("the project's own requirements are not installed yet: `envsync provision` does that")
        pinned(
            site, base, found, part, first={*(normal(item.name) for item in named), *chosen.names}, places=chosen.places
        )
        await self._cost(part, chosen, tool, base, context, gpu=site.gpu, named=True)
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
        specs = [want.firm for want in site.service.runtimes if want.name == "python" and want.firm]
        if runtime:
            specs = [runtime]
        elif declared.requires and declared.requires not in specs:
            specs.append(declared.requires)
        kept = await environment(context, site.root)
        if kept is not None and kept.python and all(fits(spec, kept.python) for spec in specs):
            return Base(kept.path, kept, Python(await outside(context, kept), kept.python))
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
            covered_step("python-venv", f"{verb} {site.label(path.name)} with Python {python.version}", 2.0, {
                "env": site.label(path.name), "python": python.path, "specs": list[JsonValue]([*specs, python.version]),
            }).model_copy(update={"download": 0})
        )  # fmt: skip
        part.details.append(f"Python {python.version}: {python.path}")
        return Base(path, None, python)

    async def _cost(
        self, part: Part, chosen: Chosen, tool: Tool, base: Base, context: Context, *, gpu: bool, named: bool
    ) -> None:
        """Say what the last step fetches, and what of it is of no use here."""
        if part.steps and part.steps[-1].kind == "python-install":
            links = await looking(context, chosen.places)
            await weigh(part, chosen.found, tool, base.python.path, context, links)
            wanted = {name: new for name, (_, new) in changes(part.steps[-1]).items()}
            await reckon(part, wanted, context, gpu=gpu, named=named)

    async def _sync(self, site: Site, declared: Declared, base: Base, tool: Tool, context: Context, part: Part) -> None:
        options = [f"--extra={name}" for name in declared.extras] + [f"--group={name}" for name in declared.groups]
        argv = [*sync_argv(tool, site.root, base.python.path, options), "--dry-run"]
        # An environment that is not there: uv would start the one that is, and with it whatever lies in it.
        env = {**tool.env, "UV_PROJECT_ENVIRONMENT": str(base.path.with_name(".venv-of-no-project"))}
        done = await context.host.run(argv, cwd=site.root, env=env, timeout=300)
        if done.code != 0:
            raise Failed(
                f"uv cannot use {site.label('uv.lock')}: {plain(done.error, 600)}",
                "Make the lock again with `uv lock`, then ask again.",
            )
        new: dict[str, str] = {}
        for sign, name, version, source in CHANGE.findall(done.text + "\n" + done.error):
            there = base.versions.get(normal(name))
            # Of the project itself only its build script may know the version; it is installed once, as it lies here.
            if sign != "-" and there != version and not (there and source.startswith("file:")):
                new[normal(name)] = version
        again = broken(base)
        if not new and not again and base.kept is not None:
            return
        other, why = await strangers(context, declared.indexes, map(name_of, declared.pins))
        if other:
            part.reasons.append(f"uv.lock takes packages from {', '.join(map(plain, other))}; {why}")
        moved = {name: [base.versions.get(name, ""), version] for name, version in new.items()}
        part.details += change_lines(moved)
        part.steps.append(
            covered_step(
                "python-sync",
                f"install {counted(len(new) or len(again), 'package')} of uv.lock into {site.label(base.path.name)}",
                3.0 + 0.1 * len(new),
                {
                    "env": site.label(base.path.name),
                    "root": site.rel,
                    "python": base.python.path if base.kept is None else "",
                    "lock": declared.files["uv.lock"],
                    "options": list[JsonValue](options),
                    "again": list[JsonValue](again),
                    "expect": {**new, **{name: base.versions[name] for name in again if name not in new}},
                    "changes": {name: list[JsonValue](pair) for name, pair in moved.items()},
                },
            )
        )
        content = await text(context.host, site.root / "uv.lock")
        await weigh_lock(part, content, new, frozenset(other), tool, base.python.path, context)
        await reckon(part, new, context, gpu=site.gpu, named=False)

    async def _install(
        self, site: Site, declared: Declared, base: Base, tool: Tool, context: Context, part: Part
    ) -> None:
        here = [dist for dist in base.kept.dists.values() if dist.local] if base.kept else []
        alike = await context.host.call(which_same, [dist.local for dist in here], str(site.root)) if here else []
        own = next((dist for dist, same in zip(here, alike, strict=True) if same), None)
        lines = [line for line in declared.lines if normal(line) != normal(declared.name or " ")]
        if declared.unknown and own is not None:
            # Installed once, its metadata say what its build script did not: without extras, which are declared above.
            lines += [line for line in own.requires if "extra ==" not in line]
        if declared.lock and declared.lock != "Pipfile.lock":
            with_what = "" if declared.lock == "uv.lock" else f", {declared.lock.partition('.')[0]} itself is not used"
            part.details.append(f"the versions of {declared.lock} are installed with {tool.name}{with_what}")
        addresses(site, declared, base, part)
        if lines:
            part.details.append(f"as {', '.join(declared.sources)} ask")

        async def resolve(lines: Sequence[str], pins: Sequence[str], links: Mapping[str, str]) -> Resolved:
            both = [*declared.pins, *pins]
            return await tool.resolve(
                context, lines, python=base.python.path, env=base.readable, constraints=both, links=links
            )

        try:
            chosen = Chosen(await resolve(lines, (), {}))
            if not declared.lock and not declared.hashes:
                found = chosen.found
                chosen = await fitted(lines, found, resolve, base.python.path, context, part, gpu=site.gpu, named=False)
            pinned(site, base, chosen.found, part, hashes=declared.hashes, places=chosen.places)
            await self._cost(part, chosen, tool, base, context, gpu=site.gpu, named=False)
        except NeedsBuild as error:
            unresolved(site, base, lines, error, part)
        except Failed as error:
            refused = [note for note in declared.notes if "another index" in note]
            raise Failed(error.what, "; ".join([error.hint, *refused]), **error.data) from error
        if declared.installable and own is None:
            label = plain(declared.name) or "the project"
            with_deps = declared.unknown
            part.steps.append(
                covered_step("python-project", f"install {label} itself in editable mode", 5.0, {
                    "env": site.label(base.path.name), "root": site.rel, "deps": with_deps,
                })
            )  # fmt: skip
            if with_deps:
                part.warnings.append(
                    f"what {label} depends on is known only to its own build script: those packages are not listed here"
                )
