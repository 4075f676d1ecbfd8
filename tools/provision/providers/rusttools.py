"""Cargo on the host: how it is started so that nothing of the project steers it, and what it says of a project.

It runs in `/`, with the project's manifest named: its .cargo/config.toml, which may name programs, and its rust-toolchain file,
which may make rustup download a toolchain, count only where Cargo is started.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ...contract import Context
from ...errors import Failed, Usage
from ...hosts.base import Completed
from ...hosts.here import variables
from ..defaults import away, scratch
from ..names import Named, plain, shown
from .toolchain import unreachable

FIXED = {"CARGO_TERM_COLOR": "never", "CARGO_TERM_PROGRESS_WHEN": "never", "RUSTUP_AUTO_INSTALL": "0"}


@dataclass(frozen=True)
class Cargo:
    """The cargo command of a host."""

    version: str
    home: Path
    toolchain: str = ""
    """Which of rustup's is used, empty for its default."""
    options: tuple[str, ...] = ()
    """Values of --config."""

    def argv(self, *words: str, manifest: Path | None = None) -> list[str]:
        """A command line; `words` begin with the subcommand."""
        config = [word for option in self.options for word in ("--config", option)]
        named = ["--manifest-path", str(manifest)] if manifest else []
        return ["cargo", words[0], *config, *named, *words[1:]]

    @property
    def env(self) -> dict[str, str]:
        return {**FIXED, **({"RUSTUP_TOOLCHAIN": self.toolchain} if self.toolchain else {})}

    async def run(self, context: Context, argv: Sequence[str], timeout: float = 120) -> Completed:
        """Run a command that only reads."""
        return await context.host.run(argv, cwd=Path("/"), env=self.env, timeout=timeout)


@dataclass
class Package:
    """A package of the project, as `cargo metadata` has it."""

    name: str
    manifest: Path
    registry: dict[str, str] = field(default_factory=dict[str, str])
    """Requirement by name of what comes from a registry."""
    git: dict[str, str] = field(default_factory=dict[str, str])
    """Repository by name."""
    paths: dict[str, Path] = field(default_factory=dict[str, Path])
    other: frozenset[str] = frozenset()
    """The registries that it names itself."""
    usual: frozenset[str] = frozenset()
    """The registry that counts where it names none, as a lock writes it."""
    rust: str = ""
    """The least version of Rust."""


async def find(context: Context, toolchain: str = "", options: Sequence[str] = ()) -> Cargo:
    """Ask the host's cargo. Raises Failed where it does not answer."""
    env = {**FIXED, **({"RUSTUP_TOOLCHAIN": toolchain} if toolchain else {})}
    done = await context.host.run(["cargo", "--version"], cwd=Path("/"), env=env, timeout=30)
    match = re.search(r"cargo (\d+\.\d+\.\d+)", done.text)
    if done.code != 0 or match is None:
        why = "there is no cargo" if done.code == 127 else plain(done.error, 200)
        raise Failed(f"cargo does not answer: {why}", "Install it (apt: cargo), or set up a toolchain with rustup.")
    given = (await variables(context.host, context.environ, ("CARGO_HOME",))).get("CARGO_HOME", "")
    home = Path(given) if Path(given).is_absolute() else context.home / ".cargo"
    return Cargo(match[1], home, toolchain, tuple(options))


async def toolchains(context: Context) -> list[str] | None:
    """Those that rustup has installed; None where there is no rustup."""
    done = await context.host.run(["rustup", "toolchain", "list"], cwd=Path("/"), env=FIXED, timeout=30)
    return None if done.code != 0 else [line.split()[0] for line in done.text.splitlines() if line.strip()]


async def top(cargo: Cargo, manifest: Path, label: str, context: Context) -> Path:
    """The manifest of the workspace that a manifest belongs to. Raises Failed for manifests that Cargo cannot read."""
    argv = cargo.argv("locate-project", "--workspace", "--message-format", "plain", manifest=manifest)
    done = await cargo.run(context, argv)
    path = Path(done.text.strip())
    if done.code != 0 or not path.is_absolute():
        raise Failed(f"{label} cannot be read: {plain(done.error, 400)}", "Mend it, then ask again.")
    return path


async def packages(cargo: Cargo, manifest: Path, label: str, context: Context) -> list[Package]:
    """The packages of a workspace. Raises Failed."""
    argv = cargo.argv("metadata", "--no-deps", "--offline", "--format-version", "1", manifest=manifest)
    done = await cargo.run(context, argv)
    try:
        listed = cast(dict[str, Any], json.loads(done.text))["packages"] if done.code == 0 else None
        found = [_package(entry) for entry in listed] if listed is not None else None
    except (ValueError, KeyError, TypeError, RecursionError):
        found = None
    if found is None:
        raise Failed(f"{label} cannot be read: {plain(done.error, 400)}", "Mend it, then ask again.")
    return found


def _package(entry: dict[str, Any]) -> Package:
    found = Package(str(entry["name"]), Path(str(entry["manifest_path"])), rust=str(entry.get("rust_version") or ""))
    for one in cast(list[dict[str, Any]], entry["dependencies"]):
        name, source = str(one["name"]), str(one.get("source") or "")
        if one.get("path"):
            found.paths[name] = Path(str(one["path"]))
        elif source.startswith("git+"):
            found.git[name] = source.removeprefix("git+")
        else:
            found.registry[name] = str(one.get("req") or "")
            if one.get("registry"):
                found.other |= {str(one["registry"])}
            else:
                found.usual |= {source}
    return found


async def resolve(item: Named, cargo: Cargo, context: Context) -> str:
    """The version, or the requirement, that a name is added with. Raises Usage, Unreachable, Failed.

    Cargo is asked in a package of our own, so that what the project has already does not answer.
    """
    version = "" if item.version in ("", "latest") else item.version
    word = f"{item.name}@{version}" if version else item.name
    folder = await scratch(context.host)
    try:
        await context.host.write(folder / "Cargo.toml", b'[package]\nname = "envsync-asks"\nversion = "0.0.0"\n')
        await context.host.write(folder / "src/lib.rs", b"")
        argv = cargo.argv("add", "--dry-run", "--", word, manifest=folder / "Cargo.toml")
        done = await cargo.run(context, argv, 180)
    finally:
        await away(context.host, folder)
    said = re.sub(r"\s*Updating .*", "", done.error).strip()
    match = re.search(r"Adding (\S+) v?(.+?) to ", done.error)
    if match and match[1] != item.name:
        raise Usage(
            f"there is no crate {shown(item.name)}", f"Did you mean {plain(match[1], 80)}? Nothing was changed."
        )
    if match:
        return version or match[2]
    unreachable("cargo add", done.error)
    if re.search(r"could not be found in registry|invalid version requirement|expected a version|parse", said):
        raise Usage(f"there is no crate {shown(str(item))}: {plain(said, 200)}", "Check the name and the version.")
    raise Failed(f"cargo cannot say what {shown(str(item))} is: {plain(said, 300)}", "Nothing was changed. Ask again.")
