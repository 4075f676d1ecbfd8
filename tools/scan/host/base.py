"""What a probe gets and gives. Probes read files and ask nothing, so that they are quick, and run on any host with a Python."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..text import safe

Piece = dict[str, Any]
"""Values of some fields of Equipment."""

LOCATIONS = (
    "ASDF_DATA_DIR", "CARGO_HOME", "DOCKER_HOST", "DOTNET_ROOT", "FNM_DIR", "GEM_HOME", "GOBIN", "GOENV_ROOT", "GOPATH", "MISE_DATA_DIR", "NPM_CONFIG_PREFIX", "N_PREFIX",
    "NODENV_ROOT", "NVM_DIR", "PIPX_HOME", "PNPM_HOME", "PYENV_ROOT", "RBENV_ROOT", "RUSTUP_HOME", "SDKMAN_DIR", "SHELL", "UV_PYTHON_INSTALL_DIR",
    "UV_TOOL_DIR", "VOLTA_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "ZDOTDIR", "npm_config_prefix",
)  # fmt: skip
"""Variables that say where something lies. No other one is looked at, and none of them is kept."""
MOST = 2_000
"""Entries of one folder: more is no folder of a tool's."""


@dataclass(frozen=True)
class Place:
    """Where a probe looks."""

    home: str
    key: bytes = b""
    """For hashes; empty: nothing is hashed."""
    root: str = "/"
    """Of the system's own files; another one in tests."""
    path: tuple[str, ...] = ()
    """The folders of PATH."""
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those of LOCATIONS that are set."""

    @classmethod
    def of(cls, home: str, key: bytes, environ: Mapping[str, str], root: str = "/") -> Place:
        """The place of a user with these variables."""
        folders = tuple(f for f in environ.get("PATH", "").split(os.pathsep) if os.path.isabs(f))
        known = {name: environ[name] for name in LOCATIONS if environ.get(name)}
        return cls(home, key, root, tuple(dict.fromkeys(folders)), known)

    def system(self, path: str) -> str:
        """A path of the system."""
        return os.path.join(self.root, path.lstrip("/"))

    def under(self, *names: str) -> str:
        """A path below the home directory."""
        return os.path.join(self.home, *names)

    def at(self, variable: str, *usual: str) -> list[str]:
        """Where a tool keeps its things: as the variable says, else the usual places below the home directory."""
        said = self.environ.get(variable, "")
        return [said] if os.path.isabs(said) else [self.under(name) for name in usual]

    @property
    def config(self) -> str:
        """The user's folder of settings."""
        return self.at("XDG_CONFIG_HOME", ".config")[0]

    @property
    def data(self) -> str:
        """The user's folder of data."""
        return self.at("XDG_DATA_HOME", ".local/share")[0]

    def short(self, path: str, limit: int = 300) -> str:
        """A path with `~` for the home directory, fit to be shown."""
        home = self.home.rstrip("/")
        inside = bool(home) and (path == home or path.startswith(home + "/"))
        return safe("~" + path[len(home) :] if inside else path, limit)


@dataclass(frozen=True)
class Probe:
    """One look. `seconds` is what it may take before the scan goes on without it."""

    name: str
    work: Callable[[Place], Piece]
    seconds: float = 1.8


def content(path: str, limit: int) -> bytes | None:
    """The beginning of a regular file; None for what is none or cannot be read. Never blocks; links are followed, since
    people keep their settings elsewhere."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with os.fdopen(os.dup(handle), "rb") as file:
            return file.read(limit)
    except OSError:
        return None
    finally:
        os.close(handle)


def words(path: str, limit: int = 1 << 16) -> str:
    """The same as text; empty when there is none."""
    found = content(path, limit)
    return "" if found is None else found.decode("utf-8", "replace")


def names(folder: str, most: int = MOST) -> list[str]:
    """What lies in a folder, sorted; nothing when it cannot be read."""
    found: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                found.append(entry.name)
                if len(found) >= most:
                    break
    except (OSError, ValueError):
        return []
    return sorted(found)


def mapping(value: object) -> dict[str, Any]:
    """A JSON object's values by key; empty for anything else."""
    return {k: v for k, v in value.items() if isinstance(k, str)} if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # JSON


def many(value: object) -> list[Any]:
    """A JSON array's values; empty for anything else."""
    return list(value) if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # JSON


def parsed(path: str, limit: int = 4 << 20) -> Any:
    """The value of a JSON file; None when it cannot be read."""
    import json

    found = content(path, limit)
    try:
        return None if found is None else json.loads(found)
    except (ValueError, RecursionError):
        return None
