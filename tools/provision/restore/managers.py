"""Package managers that install for the user, and editors: how each lists, installs and removes. Names are checked first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ...contract import Context
from ..names import normal
from ..providers import apt

Listed = dict[str, str]
"""Version by name."""
_PYTHON = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,120}[a-z0-9])?")
_NODE = re.compile(r"(?:@[a-z0-9][a-z0-9._~-]{0,100}/)?[a-z0-9][a-z0-9._~-]{0,120}", re.IGNORECASE)
_CRATE = re.compile(r"[A-Za-z][\w-]{0,100}")
_GEM = re.compile(r"[A-Za-z0-9_][\w.-]{0,120}")
_MODULE = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/[\w.~-]{1,100}){1,12}")
_DEBIAN = re.compile(r"[a-z0-9][a-z0-9+.-]{1,120}")
_FORMULA = re.compile(r"[a-z0-9][\w@.+-]{0,100}", re.IGNORECASE)
_EXTENSION = re.compile(r"[A-Za-z0-9][\w-]{0,80}\.[A-Za-z0-9][\w-]{0,100}")
_VERSION = re.compile(r"v?\d[\w.+!~-]{0,80}")


@dataclass(frozen=True)
class Manager:
    """One of them. Arguments are argv lists; nothing goes through a shell, and no name can be an option."""

    name: str
    program: tuple[str, ...]
    """How it is started, by the places where it may be; a leading `~/` is the home directory over there."""
    noun: str
    names: re.Pattern[str]
    listing: tuple[str, ...]
    read: Callable[[str], Listed]
    install: Callable[[str, str], tuple[str, ...]]
    remove: Callable[[str], tuple[str, ...]]
    env: dict[str, str] = field(default_factory=dict[str, str])
    prefix: tuple[str, ...] = ()
    """Arguments between the program and all others."""
    root: bool = False
    note: str = ""
    """What a person must know before it is used."""

    def takes(self, name: str, version: str) -> bool:
        """Whether these are a name and a version, and no option, path or address."""
        return self.names.fullmatch(name) is not None and (not version or _VERSION.fullmatch(version) is not None)


def _node_listed(said: str) -> Listed:
    return {
        name: str(_object(about).get("version", "")) for name, about in _object(_json(said).get("dependencies")).items()
    }


def _uv_listed(said: str) -> Listed:
    return {normal(name): version for name, version in re.findall(r"^([\w.-]+) v(\S+)", said, re.MULTILINE)}


def _pipx_listed(said: str) -> Listed:
    found: Listed = {}
    for about in _object(_json(said).get("venvs")).values():
        main = _object(_object(_object(about).get("metadata")).get("main_package"))
        found[normal(str(main.get("package", "")))] = str(main.get("package_version", ""))
    return found


def _pip_listed(said: str) -> Listed:
    try:
        rows = json.loads(said)
    except ValueError:
        return {}
    listed = [_object(row) for row in cast("list[object]", rows)] if isinstance(rows, list) else []
    return {normal(str(row["name"])): str(row.get("version", "")) for row in listed if row.get("name")}


def _cargo_listed(said: str) -> Listed:
    return dict(re.findall(r"^([\w-]+) v(\S+?)(?: \([^)]*\))?:$", said, re.MULTILINE))


def _gem_listed(said: str) -> Listed:
    return dict(re.findall(r"^([\w.-]+) \((?:default: )?([^\s,)]+)", said, re.MULTILINE))


def _words_listed(said: str) -> Listed:
    """`name version …` a line, as brew has it."""
    rows = (line.split() for line in said.splitlines())
    return {row[0]: row[-1] for row in rows if len(row) >= 2}


def _code_listed(said: str) -> Listed:
    rows = (line.strip().lower().partition("@") for line in said.splitlines())
    return {id: version for id, _, version in rows if _EXTENSION.fullmatch(id)}


def _dpkg_listed(said: str) -> Listed:
    rows = (line.split(" ") for line in said.splitlines())
    return {row[0]: row[2] for row in rows if len(row) == 3 and row[1] == "installed"}


def _json(said: str) -> dict[str, Any]:
    try:
        return _object(json.loads(said[said.find("{") :]))
    except (ValueError, RecursionError):
        return {}


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


_QUIET = {"NO_COLOR": "1", "CI": "1"}
_NPM = {**_QUIET, "npm_config_fund": "false", "npm_config_audit": "false", "NO_UPDATE_NOTIFIER": "1"}
_CODE = {**_QUIET, "DONT_PROMPT_WSL_INSTALL": "1"}


def _code(name: str, *programs: str) -> Manager:
    return Manager(
        name, programs, "extension", _EXTENSION, ("--list-extensions", "--show-versions"), _code_listed,
        lambda id, version: ("--install-extension", f"{id}@{version}" if version else id),
        lambda id: ("--uninstall-extension", id), _CODE,
    )  # fmt: skip


MANAGERS: tuple[Manager, ...] = (
    Manager(
        "apt", ("apt-get",), "Debian package", _DEBIAN, (), _dpkg_listed, lambda name, _: (name,), lambda name: (f"{name}-",),
        apt.ENV, root=True,
    ),
    Manager(
        "brew", ("brew", "/opt/homebrew/bin/brew", "/home/linuxbrew/.linuxbrew/bin/brew", "/usr/local/bin/brew"), "formula", _FORMULA,
        ("list", "--formula", "--versions"), _words_listed, lambda name, _: ("install", "--formula", name),
        lambda name: ("uninstall", "--formula", name), {**_QUIET, "HOMEBREW_NO_AUTO_UPDATE": "1", "HOMEBREW_NO_ANALYTICS": "1"},
    ),
    Manager(
        "uv", ("uv", "~/.local/bin/uv", "~/.cargo/bin/uv"), "tool", _PYTHON, ("tool", "list"), _uv_listed,
        lambda name, version: ("tool", "install", "--no-build", f"{name}=={version}" if version else name),
        lambda name: ("tool", "uninstall", name), {**_QUIET, "UV_NO_PROGRESS": "1"},
    ),
    Manager(
        "pipx", ("pipx", "~/.local/bin/pipx"), "tool", _PYTHON, ("list", "--json"), _pipx_listed,
        lambda name, version: ("install", "--pip-args=--only-binary=:all:", f"{name}=={version}" if version else name),
        lambda name: ("uninstall", name), {**_QUIET, "USE_EMOJI": "0"},
    ),
    Manager(
        "pip", ("python3",), "package", _PYTHON, ("list", "--user", "--format=json"), _pip_listed,
        lambda name, version: ("install", "--user", "--only-binary", ":all:", f"{name}=={version}" if version else name),
        lambda name: ("uninstall", "--yes", name), {**_QUIET, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}, ("-m", "pip"),
    ),
    Manager(
        "npm", ("npm",), "package", _NODE, ("ls", "--global", "--depth=0", "--json"), _node_listed,
        lambda name, version: ("install", "--global", "--ignore-scripts", "--", f"{name}@{version}" if version else name),
        lambda name: ("uninstall", "--global", "--", name), _NPM,
        note="npm's install scripts are not run; `npm rebuild --global NAME` runs those of a package that needs them",
    ),
    Manager(
        "cargo", ("cargo", "~/.cargo/bin/cargo"), "crate", _CRATE, ("install", "--list"), _cargo_listed,
        lambda name, version: ("install", "--locked", *(("--version", version) if version else ()), name),
        lambda name: ("uninstall", name), {**_QUIET, "CARGO_TERM_PROGRESS_WHEN": "never"},
        note="cargo builds from source: each crate takes minutes, and its build script runs",
    ),
    Manager(
        "gem", ("gem",), "gem", _GEM, ("list", "--local", "--quiet"), _gem_listed,
        lambda name, version: ("install", "--user-install", "--no-document", *(("--version", version) if version else ()), name),
        lambda name: ("uninstall", "--user-install", "--executables", "--ignore-dependencies", "--all", name), _QUIET,
    ),
    Manager(
        "go", ("go", "/usr/local/go/bin/go"), "program", _MODULE, (), lambda _: {},
        lambda name, version: ("install", f"{name}@{version or 'latest'}"), lambda name: (), {**_QUIET, "GOFLAGS": "-mod=mod"},
        note="Go's programs are built from source",
    ),
    _code("vscode", "code"),
    _code("vscode-insiders", "code-insiders"),
    _code("vscodium", "codium"),
    _code("cursor", "cursor"),
    _code("windsurf", "windsurf"),
    _code("positron", "positron"),
    _code("code-server", "code-server", "~/.local/bin/code-server"),
)  # fmt: skip
"""Adding one is one entry here."""
EDITORS = {
    "vscode-server": ("vscode", "code-server"),
    "cursor-server": ("cursor",),
    "openvscode-server": ("vscode", "code-server"),
}
"""Whose extensions another editor can have."""
INSTEAD = {"pipx": ("pipx", "uv"), "uv": ("uv", "pipx")}
"""Managers that can do each other's work."""


def find(name: str) -> Manager | None:
    """The manager of exactly that name."""
    return next((manager for manager in MANAGERS if manager.name == name), None)


async def started(manager: Manager, context: Context) -> tuple[str, ...]:
    """The beginning of its command lines on that host; empty when it is not there."""
    for place in manager.program:
        program = str(context.home / place[2:]) if place.startswith("~/") else place
        done = await context.host.run(
            [program, *manager.prefix, *_version(manager)], cwd=Path("/"), timeout=20, env=manager.env
        )
        if done.code == 0:
            return (program, *manager.prefix)
    return ()


def _version(manager: Manager) -> Sequence[str]:
    return ("version",) if manager.name == "go" else ("--version",)


async def listed(manager: Manager, start: Sequence[str], names: Sequence[str], context: Context) -> Listed:
    """What it holds there: all of it, or of apt and Go those of `names`."""
    if manager.name == "apt":
        return await apt.installed([name for name in names if _DEBIAN.fullmatch(name)], context)
    if manager.name == "go":
        return await _go_listed(start, names, context)
    done = await context.host.run([*start, *manager.listing], cwd=Path("/"), timeout=60, env=manager.env)
    # npm ends with an error over what it would not have installed so, and lists all the same.
    return manager.read(done.text)


async def _go_listed(start: Sequence[str], names: Sequence[str], context: Context) -> Listed:
    folder = await go_folder(start, context)
    found: Listed = {}
    for name in names:
        if folder is not None and await context.host.stat(folder / go_program(name)) is not None:
            found[name] = ""
    return found


async def go_folder(start: Sequence[str], context: Context) -> Path | None:
    """Where Go puts programs."""
    done = await context.host.run([*start, "env", "GOBIN", "GOPATH"], cwd=Path("/"), timeout=20)
    lines = [line.strip() for line in done.text.split("\n")] if done.code == 0 else []
    if len(lines) < 2 or not (lines[0] or lines[1]).startswith("/"):
        return None
    return Path(lines[0]) if lines[0] else Path(lines[1].partition(":")[0]) / "bin"


def go_program(module: str) -> str:
    """The file's name: the last part of the path that is no major version."""
    parts = module.split("/")
    return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) and len(parts) > 1 else parts[-1]
