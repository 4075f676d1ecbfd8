"""What a Cargo.lock, a project's .cargo/config.toml and its rust-toolchain file say, read without running Cargo."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from ...contract import Context
from ...errors import Failed
from ..index import text
from ..names import plain

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,200}")
_VERSION = re.compile(r"\d{1,12}\.\d{1,12}\.\d{1,12}(?:[-+][0-9A-Za-z.+-]{1,120})?")
_CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_RUNS = ("rustc", "rustc-wrapper", "rustc-workspace-wrapper", "rustdoc")
_BIGGEST = 64 * 1024 * 1024


@dataclass
class Lock:
    """A Cargo.lock."""

    version: int = 0
    names: frozenset[str] = frozenset()
    crates: dict[str, str] = field(default_factory=dict[str, str])
    """Checksum by `name version` of what comes from registries."""
    sources: dict[str, str] = field(default_factory=dict[str, str])
    """`URL#COMMIT` by `name version` of what comes from repositories."""
    registries: dict[str, str] = field(default_factory=dict[str, str])
    """One crate of it, by registry as the lock writes it."""


@dataclass
class Settings:
    """What the project's own .cargo/config.toml files set, as far as it counts for fetching."""

    options: tuple[str, ...] = ()
    """Values of --config that say where packages come from, with absolute paths and without credentials."""
    vendor: Path | None = None
    """The directory in the project that stands in for the registry."""
    foreign: tuple[str, ...] = ()
    """What a person should know of where packages come from."""
    runs: tuple[str, ...] = ()
    """Programs that it names, which fetching does not run."""
    files: dict[str, str] = field(default_factory=dict[str, str])


def read_lock(content: str, label: str) -> Lock:
    """Read a Cargo.lock; an empty one for an empty text. Raises Failed for what is none."""
    table = load(content, label)
    found = Lock(version=_number(table.get("version")))
    names: set[str] = set()
    packages = table.get("package")
    for entry in cast(list[Any], packages) if isinstance(packages, list) else []:
        package = cast(dict[str, Any], entry) if isinstance(entry, dict) else {}
        name, version = str(package.get("name") or ""), str(package.get("version") or "")
        if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
            raise Failed(
                f"{label} cannot be read: {plain(f'{name} {version}', 80)!r} is no crate", "Mend or remove it."
            )
        names.add(name)
        kind, _, source = str(package.get("source") or "").partition("+")
        if kind == "git":
            found.sources[f"{name} {version}"] = re.sub(r"\?[^#]*", "", source)
        elif kind in ("registry", "sparse"):
            found.crates[f"{name} {version}"] = str(package.get("checksum") or "")
            found.registries.setdefault(f"{kind}+{source}", name)
    found.names = frozenset(names)
    return found


def load(content: str, label: str) -> dict[str, Any]:
    """Parse TOML. Raises Failed."""
    try:
        return tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise Failed(f"{label} cannot be read: {plain(str(error))}", "Mend it, then ask again.") from error


async def settings(root: Path, context: Context) -> Settings:
    """The project's own settings for what lies at `root`, the nearest ones first. Raises Failed for TOML that is none."""
    found = Settings()
    sources: dict[str, dict[str, Any]] = {}
    registries: dict[str, str] = {}
    runs: list[str] = []
    for folder in (root, *root.parents):
        if folder != context.path and context.path not in folder.parents:
            break
        for name in (".cargo/config.toml", ".cargo/config"):
            content = await text(context.host, folder / name)
            if not content:
                continue
            label = str((folder / name).relative_to(context.path))
            found.files[label] = content
            table = load(content, label)
            for key, value in _tables(table, "source").items():
                sources.setdefault(key, {"at": folder, **value})
            for key, value in _tables(table, "registries").items():
                registries.setdefault(key, str(value.get("index") or ""))
                runs += ["a credential provider"] if "credential-provider" in value else []
            runs += [f"build.{key}" for key in _RUNS if key in _one(table, "build")]
            runs += ["a credential provider"] if "global-credential-providers" in _one(table, "registry") else []
            break
    found.runs = tuple(dict.fromkeys(runs))
    _sourced(found, sources, registries, context)
    return found


def _sourced(
    found: Settings, sources: Mapping[str, dict[str, Any]], registries: Mapping[str, str], context: Context
) -> None:
    options: list[str] = []
    foreign: list[str] = []
    for name, source in sources.items():
        if not _NAME.fullmatch(name):
            foreign.append(f"it sets a source {plain(name, 40)}, which is not used here")
            continue
        for key in ("replace-with", "registry", "git", "branch", "tag", "rev"):
            value = str(source.get(key) or "")
            if key in ("registry", "git") and value:
                foreign.append(f"packages come from {host(value)}")
            if value and not _credentials(value):
                options.append(f"source.{name}.{key}={json.dumps(value)}")
        for key in ("directory", "local-registry"):
            if not source.get(key):
                continue
            place = Path(os.path.normpath(cast(Path, source["at"]) / str(source[key])))
            inside = context.path in place.parents
            found.vendor = place if key == "directory" and inside else found.vendor
            foreign += (
                [] if inside else [f"packages come from {plain(str(source[key]))}, which lies outside the project"]
            )
            options.append(f"source.{name}.{key}={json.dumps(str(place))}")
    for name, index in registries.items():
        if index and _NAME.fullmatch(name) and not _credentials(index):
            options.append(f"registries.{name}.index={json.dumps(index)}")
            foreign.append(f"registry {name} is {host(index)}")
    found.options, found.foreign = tuple(options), tuple(dict.fromkeys(foreign))


def address(url: str) -> str:
    """A repository's address for a message, likewise."""
    return plain(f"{host(url)}{urlsplit(url).path}", 120)


def host(url: str) -> str:
    """The server of an address for a message, without the credentials that it may have."""
    parts = urlsplit(re.sub(r"^(?:registry|sparse|git)\+", "", url))
    return plain(parts.netloc.rpartition("@")[2] or parts.path, 80)


async def channel(root: Path, context: Context) -> tuple[str, str]:
    """The toolchain that the nearest rust-toolchain file in the project asks for, empty for none; and what is odd about it."""
    for folder in (root, *root.parents):
        if folder != context.path and context.path not in folder.parents:
            break
        for name in ("rust-toolchain", "rust-toolchain.toml"):
            content = (await text(context.host, folder / name)).strip()
            if not content:
                continue
            if _CHANNEL.fullmatch(content):
                return content, ""
            table = _one(load(content, name), "toolchain")
            asked = str(table.get("channel") or "")
            if table.get("path"):
                return "", f"{name} asks for the toolchain at {plain(str(table['path']), 80)}, which is not used here"
            return (asked, "") if _CHANNEL.fullmatch(asked) else ("", f"{name} names no toolchain that can be had")
    return "", ""


def local(content: str) -> bool:
    """Whether the user's own config.toml takes packages from directories instead of a registry."""
    sources = _tables(load(content, "Cargo's config.toml"), "source") if content else {}
    return any("directory" in source or "local-registry" in source for source in sources.values())


def known(content: str) -> frozenset[str]:
    """The registries that the user's own config.toml names."""
    table = load(content, "Cargo's config.toml") if content else {}
    return frozenset(str(value.get("index") or "") for value in _tables(table, "registries").values())


async def big(path: Path, context: Context) -> str:
    """A lockfile's text."""
    return await text(context.host, path, _BIGGEST)


def _credentials(value: str) -> bool:
    return "@" in urlsplit(value).netloc


def _one(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = table.get(key)
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _tables(table: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    return {name: cast(dict[str, Any], value) for name, value in _one(table, key).items() if isinstance(value, dict)}


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
