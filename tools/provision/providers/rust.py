"""Rust: the crates that Cargo.lock has, in Cargo's home, so that a build needs no network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from ...contract import Context
from ...errors import Failed, Usage
from ..index import text
from ..names import Named, plain
from ..part import Part, Site, counted
from ..trust import by_person, nearest
from . import cargocache
from .rustfiles import big, load, read_lock
from .rustplan import Project, blocked, fetching, foreign, look, settling, started, told
from .ruststeps import lacking
from .rusttools import Package, resolve
from .toolchain import leads, ready

_FULL = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?")


class RustProvider:
    """See Provider."""

    ecosystem = "rust"
    alone = True

    def serves(self, site: Site) -> bool:
        """See Provider.serves."""
        return "Cargo.toml" in site.files

    async def declared(self, site: Site, context: Context) -> frozenset[str]:
        """See Provider.declared."""
        manifest = load(await text(context.host, site.root / "Cargo.toml"), site.label("Cargo.toml"))
        names: set[str] = set()
        for key in ("dependencies", "dev-dependencies", "build-dependencies"):
            table = manifest.get(key)
            names |= set(cast(dict[str, Any], table)) if isinstance(table, dict) else set()
        if "workspace" in manifest:
            return frozenset(names)  # the lock there has what any of its members names
        lock = read_lock(await big(site.root / "Cargo.lock", context), site.label("Cargo.lock"))
        return frozenset(names) | lock.names

    async def project(self, site: Site, context: Context, runtime: str = "") -> Part:
        """See Provider.project. What cannot be had is a warning."""
        part = Part()
        label = site.label("Cargo.toml")
        try:
            if not await ready("rust", site, context, part, runtime):
                return part
            cargo, notes = await started(site, context)
        except Failed as error:
            part.warnings.append(f"{label}: the crates cannot be fetched here: {error.what}; {error.hint}")
            return part
        found = await look(site, cargo, context)
        found.notes = notes
        above = _above(found, context)
        if found.root != site.root and not above and not leads(site, found.root, context):
            return part
        part.basis += [f"{label}:{name}:{value}" for name, value in sorted(found.files.items())]
        told(found, site, part)
        why = blocked(found)
        if why:
            part.warnings.append(f"{label}: cannot fetch the crates here, because {why}; a newer one: rustup update")
            return part
        if found.settings.vendor is not None:
            await _vendored(found, found.settings.vendor, context, part)
            return part
        if not found.locked:
            return _unlocked(found, above, site, context, part)
        lost = await lacking(found.lock, found.cargo, found.manifest, found.ask, context)
        if lost:
            foreign(found, context, part)
            part.steps.append(fetching(found, lost, site, context, part))
            return part
        number = len(found.lock.crates) + len(found.lock.sources)
        there = f"{counted(number, 'crate')} of {label} in {found.cargo.home}"
        part.present.append(there if number else f"{label} names no crates")
        return part

    async def packages(self, site: Site, named: Sequence[Named], context: Context) -> Part:
        """See Provider.packages. Raises Failed where this Cargo cannot do it."""
        part = Part()
        if not await ready("rust", site, context, part):
            return part
        cargo, notes = await started(site, context)
        found = await look(site, cargo, context)
        found.notes = notes
        part.basis += [f"{found.label}:{name}:{value}" for name, value in sorted(found.files.items())]
        package = next((one for one in found.packages if one.manifest == site.root / "Cargo.toml"), None)
        _fitting(found, package, context)
        told(found, site, part)
        words: dict[str, str] = {}
        exact: dict[str, str] = {}
        known = frozenset(package.registry if package else ()) | found.lock.names
        for item in named:
            if "[" in item.name:
                raise Usage(f"{item}: only Python packages have extras", f"Write {item.bare}.")
            wanted = package.registry.get(item.name) if package else None
            if wanted is not None and _meets(item, wanted, found):
                part.present.append(f"{item.name} {wanted}")
                continue
            version = await resolve(item, found.cargo, context)
            if wanted is not None and item.version == "latest" and f"{item.name} {version}" in found.lock.crates:
                part.present.append(f"{item.name} {version}")
                continue
            _judged(item, known, context, part)
            part.details.append(f"cargo: {item.name} {plain(version, 80)}")
            words[item.name] = f"{item.name}@{version}"
            if _FULL.fullmatch(version):
                exact[item.name] = version
        if not words:
            return part
        foreign(found, context, part)
        part.details.append(f"{found.label} and Cargo.lock are changed too; what comes along is known then")
        added = [words[name] for name in sorted(words)]
        part.steps += settling(found, added, exact, f"add {', '.join(added)} to {found.label}", site, context)
        return part


def _above(found: Project, context: Context) -> bool:
    """Whether the workspace's root, and so its Cargo.lock, lies outside the project."""
    return found.root != context.path and context.path not in found.root.parents


def _unlocked(found: Project, above: bool, site: Site, context: Context, part: Part) -> Part:
    """A Cargo.lock that is missing or does not have all is written first."""
    what = f"lacks {', '.join(found.missing[:5])}" if found.missing else "is missing"
    if above:
        part.warnings.append(
            f"{found.label}: cannot settle {found.root / 'Cargo.lock'}, which {what}, because it lies outside the project; "
            f"go there: envsync -C {found.root} provision"
        )
        return part
    direct = {name: version for one in found.packages for name, version in one.registry.items()}
    if not direct and not any(one.git for one in found.packages):
        part.present.append(f"{found.label} names no crates")
        return part
    foreign(found, context, part)
    part.warnings.append(
        f"{found.label}: Cargo.lock {what}: Cargo chooses versions and writes it; the rest is known then"
    )
    names = [name for name in sorted(direct) if not found.missing or name in found.missing]
    part.details += [f"cargo: {name} {plain(direct[name], 60)}" for name in names[:60]]
    part.steps += settling(found, (), {}, f"settle Cargo.lock for {found.label}", site, context)
    return part


async def _vendored(found: Project, folder: Path, context: Context, part: Part) -> None:
    """Crates that the project brings along are there, or not."""
    lost = await context.host.call(cargocache.vendored, str(folder), found.lock.crates)
    if not lost and found.locked:
        part.present.append(f"{counted(len(found.lock.crates), 'crate')} of {found.label} in {folder}")
        return
    what = ", ".join((*found.missing, *lost)[:5]) or "a Cargo.lock"
    part.warnings.append(f"{found.label}: the crates are vendored in {folder}, which lacks {what}; run: cargo vendor")


def _fitting(found: Project, package: Package | None, context: Context) -> None:
    """Raise Usage or Failed where no crate can be added."""
    if package is None:
        members = ", ".join(one.name for one in found.packages[:8]) or "it has none"
        raise Usage(f"{found.label} is of a workspace and no package of its own: to which of its members ({members})?",
                    "Go to that member's directory (-C).")  # fmt: skip
    why, hint = blocked(found), "A newer one: rustup update."
    if _above(found, context):
        why = f"its Cargo.lock lies in {found.root}, outside the project"
        hint = f"Name that directory as the project: envsync -C {found.root}"
    elif found.settings.vendor is not None:
        why, hint = f"its crates are vendored in {found.settings.vendor}", "Run `cargo add` and then `cargo vendor`."
    if why:
        raise Failed(f"cannot add a crate to {found.label} here, because {why}", hint)


def _meets(item: Named, wanted: str, found: Project) -> bool:
    """Whether what the manifest requires is what is asked for."""
    if item.version == "latest":
        return False
    if _FULL.fullmatch(item.version):
        return f"{item.name} {item.version}" in found.lock.crates
    return item.version in ("", wanted, wanted.removeprefix("^"))


def _judged(item: Named, known: frozenset[str], context: Context, part: Part) -> None:
    """Raise the risk for a name that nobody named, or that looks like another one of the project."""
    if item.name in known:
        return
    near = nearest(item.name, known)
    if near:
        part.reasons.append(f"{item.name} looks like {near}, which is another crate")
    if not by_person(item, context):
        part.reasons.append(f"neither you nor a file of this project named {item.name}")
