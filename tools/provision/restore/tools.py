"""Runtimes and commands that a machine has: as which package another one gets them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...contract import Context
from ...errors import EnvSyncError
from ...fingerprint import Fingerprint, Installed
from ..names import plain
from ..part import Part
from ..providers import runtime
from .managers import find, started
from .packages import Wanted

MOST = 12
"""Versions of runtimes: each is asked for at several places."""
SAME = "git git-lfs curl wget jq make gcc g++ gfortran clang cmake meson tmux zsh fish vim emacs rsync fzf ffmpeg direnv nginx podman sqlite3 composer ansible ccache mold tcc"  # fmt: skip
"""Debian packages that are named as the command is."""
DEBIAN = dict.fromkeys(SAME.split(), "") | {
    "ninja": "ninja-build", "psql": "postgresql-client", "mysql": "default-mysql-client", "mariadb": "mariadb-client", "redis-cli": "redis-tools",
    "redis-server": "redis-server", "nvim": "neovim", "ripgrep": "ripgrep", "fd": "fd-find", "bat": "bat", "mvn": "maven", "gradle": "gradle",
    "docker": "docker.io", "gh": "gh", "bundle": "ruby-bundler", "pip": "python3-pip", "pipx": "pipx", "npm": "npm",
}  # fmt: skip
BREW = {
    "psql": "libpq",
    "redis-cli": "redis",
    "nvim": "neovim",
    "mvn": "maven",
    "g++": "gcc",
    "gfortran": "gcc",
    "sqlite3": "sqlite",
}
"""Formulas that are not named as the Debian package is."""
PYTHON = frozenset(("poetry", "pdm", "hatch", "pipenv", "ruff"))
NODE = frozenset(("pnpm", "yarn"))
WHOLE = frozenset(("node", "java", "deno", "bun", "rust", "swift", "dotnet"))
"""Runtimes of which the first number says enough; of the others it is the first two."""


def specs(items: Sequence[Installed]) -> list[tuple[str, str]]:
    """The runtimes as somebody would ask for them, `python 3.12`, each once, newest first."""
    found: dict[tuple[str, str], None] = {}
    for item in sorted(items, key=lambda item: (item.name, _ordered(item.version)), reverse=True):
        numbers = re.match(r"\d+", item.version) if item.name in WHOLE else re.match(r"\d+\.\d+", item.version)
        if runtime.known(item.name) == item.name and numbers and item.name != "perl":
            found[item.name, "" if item.name == "rust" else numbers[0]] = None
    return sorted(found, key=lambda pair: pair[0])


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:4])


async def runtimes(wanted: Fingerprint, now: Fingerprint, context: Context) -> Part:
    """What gets the runtimes onto the host, each where it can be had; what cannot is told."""
    part, lacking = Part(), dict[str, list[str]]()
    here = specs(now.runtimes)
    todo = [pair for pair in specs(wanted.runtimes) if pair not in here]
    part.present += [f"{name} {spec}".strip() for name, spec in specs(wanted.runtimes) if (name, spec) in here]
    for name, spec in todo[:MOST]:
        try:
            part.add(await runtime.obtain(name, spec, context))
        except EnvSyncError as error:
            reason = error.what.partition(" because ")[2] or error.what
            lacking.setdefault(re.sub(rf"@{re.escape(spec)}\b", "", reason) if spec else reason, []).append(
                f"{name} {spec}".strip()
            )
    for reason, names in lacking.items():
        part.warnings.append(f"not restored: {', '.join(names)}: {plain(reason, 200)}")
    if len(todo) > MOST:
        part.warnings.append(f"not restored: {len(todo) - MOST} more versions of runtimes")
    return part


async def commands(wanted: Fingerprint, now: Fingerprint, context: Context) -> tuple[list[Wanted], list[str]]:
    """The commands that are missing, as packages of a manager that is there, and what is said of the others."""
    have = {item.name for item in (*now.tools, *now.runtimes)}
    missing = sorted({item.name for item in wanted.tools} - have)
    there = [name for name in ("apt", "brew", "uv", "pipx", "npm") if await _is_there(name, context)]
    found: list[Wanted] = []
    unknown: list[str] = []
    for name in missing:
        choice = _package(name, there)
        if choice is None:
            unknown.append(name)
        else:
            found.append(choice)
    told = (
        [f"not restored: {', '.join(plain(name, 40) for name in unknown)}: no package is known for them here"]
        if unknown
        else []
    )
    return found, told


def _package(name: str, there: Sequence[str]) -> Wanted | None:
    if name in PYTHON:
        manager = next((one for one in ("uv", "pipx") if one in there), "")
        return Wanted(manager, name, "") if manager else None
    if name in NODE and "npm" in there:
        return Wanted("npm", name, "")
    package = DEBIAN.get(name)
    if package is None:
        return None
    if "apt" in there:
        return Wanted("apt", package or name, "")
    return Wanted("brew", BREW.get(name, package or name), "") if "brew" in there else None


async def _is_there(name: str, context: Context) -> bool:
    manager = find(name)
    return manager is not None and bool(await started(manager, context))
