"""Go: the modules that go.mod, go.sum and go.work ask for, in the module cache, so that a build needs no network."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Usage
from ..index import text
from ..names import Named, plain
from ..part import Part, Site, counted
from ..trust import by_person, nearest
from . import gocache
from .gofiles import Wanted, numbers, parse, read, sums, workspace
from .goplan import beside, filling, label_of, newer, pair, siblings
from .gotools import Go, blocked, find, resolve
from .toolchain import leads, ready


class GoProvider:
    """See Provider."""

    ecosystem = "go"
    alone = True

    def serves(self, site: Site) -> bool:
        """See Provider.serves."""
        return "go.mod" in site.files or "go.work" in site.files

    async def declared(self, site: Site, context: Context) -> frozenset[str]:
        """See Provider.declared."""
        if "go.mod" not in site.files:
            return frozenset()
        module = parse(await text(context.host, site.root / "go.mod"), site.label("go.mod"))
        zips, _ = sums(await text(context.host, site.root / "go.sum"))
        return frozenset(module.requires) | {item.rpartition("@")[0] for item in zips}

    async def project(self, site: Site, context: Context, runtime: str = "") -> Part:
        """See Provider.project. What cannot be had is a warning."""
        part = Part()
        work = await workspace(site.root, context)
        above = work is not None and work != context.path and context.path not in work.parents
        if work is not None and not above and not leads(site, work, context):
            return part
        near = await siblings(site, context) if above else {}
        root = site.root if above or work is None else work
        wanted = await read(root, root == work, site, context, frozenset(near))
        label = label_of(root, context)
        if above:
            part.warnings.append(f"{label} is of the workspace {work}: what its other modules need is fetched there")
        _based(wanted, label, part)
        try:
            if not await ready("go", site, context, part, runtime):
                return part
            go = await find(context)
        except Failed as error:
            part.warnings.append(f"{label}: the Go modules cannot be fetched here: {error.what}; {error.hint}")
            return part
        why = blocked(wanted.go, wanted.toolchain, go.version)
        if why:
            part.warnings.append(f"{label}: cannot fetch the Go modules here, because {why}; {newer(wanted)}")
            return part
        _aged(wanted, go, site, part)
        if wanted.vendored:
            if wanted.vendored == "fits":
                part.present.append(f"the Go modules in {beside(label, 'vendor')}")
            else:
                part.warnings.append(
                    f"{beside(label, 'vendor')} does not fit {label}: {wanted.vendored}; run: go mod vendor"
                )
            return part
        lacking = await context.host.call(gocache.lacking, str(go.cache), wanted.sums)
        if not lacking and not wanted.unfixed:
            there = counted(len(wanted.sums), "Go module")
            part.present.append(f"{there} of {label} in {go.cache}" if wanted.sums else f"{label} names no modules")
            return part
        _foreign(wanted, part)
        part.steps += filling(wanted, near, lacking, label, go, context, part)
        return part

    async def packages(self, site: Site, named: Sequence[Named], context: Context) -> Part:
        """See Provider.packages. Raises Failed where this Go cannot do it."""
        part = Part()
        if "go.mod" not in site.files:
            raise Usage(
                f"{site.label('go.work')} is a workspace: in which of its modules?", "Go to that directory (-C)."
            )
        near = await siblings(site, context)
        wanted = await read(site.root, False, site, context, frozenset(near))
        label = site.label("go.mod")
        _based(wanted, label, part)
        if not await ready("go", site, context, part):
            return part
        go = await find(context)
        why = blocked(wanted.go, wanted.toolchain, go.version)
        if why:
            raise Failed(f"cannot add a module to {label} here, because {why}", newer(wanted))
        _foreign(wanted, part)
        declared = await self.declared(site, context)
        requires = wanted.modules["."].requires
        words: list[str] = []
        expect: dict[str, str] = {}
        for item in named:
            if "[" in item.name:
                raise Usage(f"{item}: only Python packages have extras", f"Write {item.bare}.")
            if item.name in requires and not item.version:
                part.present.append(f"{item.name} {requires[item.name]}")
                continue
            path, version = await resolve(item, go, context)
            if requires.get(path) == version and path == item.name:
                part.present.append(f"{path} {version}")
                continue
            _judged(item, path, declared, context, part)
            old = requires.get(path, "")
            part.details.append(f"go: {path} {old} -> {version}" if old else f"go: {path} {version}")
            words.append(f"{item.name}@{version}")
            expect[path] = version
        if not words:
            return part
        part.details.append(f"{label} and {site.label('go.sum')} are changed too")
        changes: dict[str, JsonValue] = {path: [requires.get(path, ""), new] for path, new in expect.items()}
        args: dict[str, JsonValue] = {
            "words": list[JsonValue](words),
            "siblings": dict[str, JsonValue](near),
            "vendor": bool(wanted.vendored),
            "changes": changes,
        }
        does = f"fetch {', '.join(words)} and what comes along into {go.cache}"
        part.steps += pair("get", wanted, args, does, go, context, dict[str, JsonValue](expect))
        return part


def _judged(item: Named, path: str, declared: frozenset[str], context: Context, part: Part) -> None:
    """Raise the risk for a name that nobody named, or that looks like another one of the project."""
    if path in declared:
        return
    near = nearest(path, declared)
    if near:
        part.reasons.append(f"{path} looks like {near}, which is another module")
    if not by_person(item, context):
        part.reasons.append(f"neither you nor a file of this project named {path}")


def _foreign(wanted: Wanted, part: Part) -> None:
    part.reasons += [f"{line}" for line in wanted.outside[:5]]
    part.details += [f"go: {line}" for line in wanted.replaced[:20]]


def _based(wanted: Wanted, label: str, part: Part) -> None:
    part.basis += [f"{label}:{name}:{value}" for name, value in sorted(wanted.files.items())]


def _aged(wanted: Wanted, go: Go, site: Site, part: Part) -> None:
    """A newer `go` or `toolchain` line than this Go, where it works nevertheless."""
    told = any(want.name == "go" and want.firm for want in site.service.runtimes)
    if numbers(wanted.go) > numbers(go.version)[: len(numbers(wanted.go))] and not told:
        part.warnings.append(f"it asks for go {plain(wanted.go, 40)}, this host has {go.version}: a build may fail")
    if wanted.toolchain and numbers(wanted.toolchain) > numbers(go.version):
        part.warnings.append(f"it names the toolchain go{plain(wanted.toolchain, 40)}, which is not downloaded")
