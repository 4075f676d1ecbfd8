"""What a Rust project is at this moment, and the steps that follow from it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...plan import Step
from ..index import text
from ..names import plain
from ..part import Part, Site, counted, digest
from .rustfiles import Lock, Settings, address, big, channel, host, known, local, read_lock, settings
from .rusttools import Cargo, Package, find, packages, toolchains, top

_LONGEST = 60
"""Lines of crates in a plan; of more, the rest is counted."""
_READS = {4: (1, 78), 3: (1, 53)}
"""The first Cargo that reads a lock of that version."""


@dataclass
class Project:
    """A workspace, or a package that is none's."""

    root: Path
    """Where its Cargo.lock lies."""
    label: str
    cargo: Cargo
    lock: Lock
    settings: Settings
    packages: list[Package] = field(default_factory=list[Package])
    missing: tuple[str, ...] = ()
    """What the manifests name and Cargo.lock does not have."""
    ask: bool = False
    """Whether the user's own settings take packages from directories, so that only Cargo can say what is there."""
    mine: frozenset[str] = frozenset()
    """The registries that the user's own settings name."""
    files: dict[str, str] = field(default_factory=dict[str, str])
    """Digest by path; empty for a file that is missing."""
    notes: tuple[str, ...] = ()

    @property
    def manifest(self) -> Path:
        return self.root / "Cargo.toml"

    @property
    def locked(self) -> bool:
        return bool(self.lock.names) and not self.missing


async def started(site: Site, context: Context) -> tuple[Cargo, tuple[str, ...]]:
    """The cargo for a site, and what is to be said of its toolchain. None is downloaded. Raises Failed."""
    asked, odd = await channel(site.root, context)
    installed = await toolchains(context) if asked else None
    match = next((one for one in installed or () if one == asked or one.startswith(f"{asked}-")), "")
    cargo = await find(context, match)
    if asked and installed is not None and not match:
        odd = f"it asks for the toolchain {asked}, which is not downloaded unasked: rustup toolchain install {asked}"
    elif asked and installed is None and asked[0].isdigit() and not f"{cargo.version}.".startswith(f"{asked}."):
        odd = f"it asks for the toolchain {asked}, this host has {cargo.version} and no rustup"
    return cargo, (odd,) if odd else ()


async def look(site: Site, cargo: Cargo, context: Context) -> Project:
    """Read what the site asks for. Raises Failed for manifests, locks or settings that cannot be read."""
    own = await settings(site.root, context)
    cargo = Cargo(cargo.version, cargo.home, cargo.toolchain, own.options)
    label = site.label("Cargo.toml")
    root = (await top(cargo, site.root / "Cargo.toml", label, context)).parent
    members = await packages(cargo, root / "Cargo.toml", label, context)
    content = await big(root / "Cargo.lock", context)
    lock = read_lock(content, _rel(root / "Cargo.lock", context))
    user = await text(context.host, cargo.home / "config.toml") or await text(context.host, cargo.home / "config")
    found = Project(root, label, cargo, lock, own, members, ask=local(user), mine=frozenset(map(_bare, known(user))))
    wanted = {name for one in members for name in (one.name, *one.registry, *one.git)}
    found.missing = tuple(sorted(wanted - lock.names)) if lock.names else ()
    found.files = {"Cargo.lock": digest(content) if content else "", "settings": digest(user)}
    for path in sorted({root / "Cargo.toml", *(one.manifest for one in members)}):
        found.files[_rel(path, context)] = digest(await text(context.host, path))
    found.files |= {name: digest(content) for name, content in own.files.items()}
    return found


def blocked(found: Project) -> str:
    """Why this Cargo cannot work with that lock at all; empty when it can."""
    needs = _READS.get(found.lock.version, (1, 0) if found.lock.version < 3 else (9999, 0))
    if tuple(int(part) for part in found.cargo.version.split(".")[:2]) >= needs:
        return ""
    since = f", which needs {needs[0]}.{needs[1]}" if needs[0] == 1 else ""
    return f"Cargo {found.cargo.version} does not read a Cargo.lock of version {found.lock.version}{since}"


def foreign(found: Project, context: Context, part: Part) -> None:
    """Raise the risk for what comes neither from the usual registry nor from the project itself."""
    reasons = [f"{item.partition(' ')[0]} comes from the repository {address(url.partition('#')[0])}"
               for item, url in found.lock.sources.items()]  # fmt: skip
    usual = {_bare(source) for one in found.packages for source in one.usual}
    for one in found.packages:
        reasons += [
            f"{name} comes from the repository {address(url)}"
            for name, url in one.git.items()
            if name not in found.lock.names
        ]
        reasons += [
            f"{one.name} names the registry {host(url)}" for url in sorted(one.other) if _bare(url) not in found.mine
        ]
        reasons += [
            f"{name} is taken from {plain(str(path), 120)}, which lies outside the project"
            for name, path in one.paths.items()
            if path != context.path and context.path not in path.parents
        ]
    for source, name in found.lock.registries.items():
        if usual and _bare(source) not in usual | found.mine:
            reasons.append(f"{name} comes from the registry {host(source)}")
    reasons += [f"the project's .cargo/config.toml needs your eye: {line}" for line in found.settings.foreign]
    part.reasons += list(dict.fromkeys(reasons))[:8]


def told(found: Project, site: Site, part: Part) -> None:
    """What a person should know besides."""
    part.warnings += [f"{found.label}: {note}" for note in found.notes]
    if found.settings.runs:
        part.warnings.append(
            f"the project's .cargo/config.toml sets {', '.join(found.settings.runs[:5])}: fetching does not use that, a build does"
        )
    newest = max((_numbers(one.rust) for one in found.packages), default=())
    known = any(want.name == "rust" and want.firm for want in site.service.runtimes)
    if newest > _numbers(found.cargo.version) and not known:
        asked = ".".join(map(str, newest))
        part.warnings.append(
            f"{found.label} asks for Rust {asked}, this host has {found.cargo.version}: a build may fail"
        )


def fetching(found: Project, lacking: Sequence[str], site: Site, context: Context, part: Part) -> Step:
    """The step that fetches what a complete Cargo.lock has."""
    part.details += [f"cargo: {item}" for item in lacking[:_LONGEST]]
    if len(lacking) > _LONGEST:
        part.details.append(f"cargo: and {len(lacking) - _LONGEST} more")
    names = [item.partition(" ")[0] for item in lacking]
    changes: dict[str, JsonValue] = {
        (name if names.count(name) == 1 else item): ["", item.partition(" ")[2]]
        for name, item in zip(names, lacking, strict=True)
    }
    args: dict[str, JsonValue] = {**_shared(found, "fetch", (), site, context), "changes": changes}
    args["digest"] = found.files["Cargo.lock"]
    return _cache(
        args, f"fetch {counted(len(lacking), 'crate')} of {found.label} into {found.cargo.home}", len(lacking)
    )


def settling(
    found: Project, words: Sequence[str], exact: dict[str, str], does: str, site: Site, context: Context
) -> list[Step]:
    """The step that writes Cargo.toml (when crates are named) and Cargo.lock, and the one that fetches what is new."""
    shared = _shared(found, "add" if words else "settle", words, site, context)
    args: dict[str, JsonValue] = {
        **shared,
        "verb": "add" if words else "settle",
        "words": list[JsonValue](list(words)),
        "exact": dict[str, JsonValue](exact),
    }
    first = Step(kind="rust-files", does=does, args=args, covered=True, seconds=5.0)
    return [first, _cache({**shared, "digest": ""}, f"fetch what Cargo.lock has then into {found.cargo.home}", 10)]


def _cache(args: dict[str, JsonValue], does: str, number: int) -> Step:
    kept: dict[str, JsonValue] = {key: args[key] for key in ("home", "root", "lock", "key")}
    home = args["home"]
    back = Step(kind="rust-cache", does=f"take what was fetched out of {home} again", args={**kept, "verb": "clear"})
    full: dict[str, JsonValue] = {**args, "verb": "fetch"}
    return Step(kind="rust-cache", does=does, args=full, inverse=(back,), seconds=3.0 + 0.2 * number)


def _shared(found: Project, verb: str, words: Sequence[str], site: Site, context: Context) -> dict[str, JsonValue]:
    fixed = "\n".join(f"{name}:{value}" for name, value in sorted(found.files.items()))
    key = digest(f"{context.host.name}\n{site.root}\n{verb}\n{found.cargo.home}\n{' '.join(words)}\n{fixed}")
    return {
        "home": str(found.cargo.home),
        "root": site.rel,
        "lock": str(found.root / "Cargo.lock"),
        "key": key,
        "toolchain": found.cargo.toolchain,
        "options": list[JsonValue](list(found.cargo.options)),
        "ask": found.ask,
    }


def _rel(path: Path, context: Context) -> str:
    return plain(os.path.relpath(path, context.path))


def _bare(url: str) -> str:
    """An address as two spellings of the same registry share it."""
    return url.removeprefix("registry+").removeprefix("sparse+").rstrip("/")


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split("-")[0].split(".")
    return tuple(int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 9)
