"""Which runtimes and tools are on PATH, in which versions: all looked up at once, each with a time-out, never in the project.

A version manager's stand-in, or a package manager, obeys the files of the folder it runs in (`.yarnrc.yml` names a script to
run, `go.mod` a toolchain to download), so every probe runs in `/`, and nothing that lies in the project is ever started.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ..contract import Context
from ..fingerprint import Installed
from ..hosts.base import Host
from ..hosts.here import helped
from . import told

TIMEOUT = 2.0
PARALLEL = 8
NOTHING = "-"
"""In the cache: a version manager's stand-in behind which no version is chosen, so the program is not there."""


@dataclass(frozen=True)
class Program:
    """One thing to look for."""

    name: str
    """Under which it is reported; several programs may share one."""
    file: str
    argv: tuple[str, ...] = ("--version",)
    runtime: bool = False


def _all(runtime: bool, names: str, *argv: str) -> tuple[Program, ...]:
    pairs = (name.partition("=") for name in names.split())
    return tuple(Program(name, file or name, argv or ("--version",), runtime) for name, _, file in pairs)


PROGRAMS: tuple[Program, ...] = (
    *_all(True, "python=python3 python"),
    *_all(True, " ".join(f"python=python3.{minor}" for minor in range(8, 16))),
    *_all(
        True,
        "node bun deno rust=rustc ruby php dotnet elixir julia swift dart flutter crystal nim haskell=ghc ocaml elm gleam r=Rscript racket guile",
    ),
    *_all(True, "chicken=csi", "-version"),
    # The version itself lies in a file; asking the machine for it is one expression.
    *_all(True, "erlang=erl", "-noshell", "-eval", 'io:format("~s.0", [erlang:system_info(otp_release)]), halt().'),
    *_all(True, "go zig", "version"),
    *_all(True, "java", "-version"),
    *_all(True, "perl", "-e", "print $^V"),
    *_all(True, "lua", "-v"),
    *_all(
        False,
        "uv pip=pip3 pip poetry pdm pipenv hatch conda pipx ruff npm pnpm yarn cargo rustup mvn gradle bundle gem composer",
    ),
    *_all(False, "gcc g++ gfortran", "-dumpfullversion"),
    *_all(False, "tcc", "-v"),
    *_all(False, "nvcc hipcc ccache mold bash zsh fish nu=nu"),
    *_all(
        False,
        "sbt lein clojure mill mix rebar3 stack cabal dune opam luarocks cpanm conan vcpkg bats shards nimble cobc quarto clang make just ninja cmake meson git git-lfs gh docker podman psql mysql mariadb redis-server redis-cli sqlite3",
    ),
    *_all(
        False,
        "mongod nginx caddy mise asdf pyenv rbenv fnm volta direnv terraform ansible helm curl jq vim nvim code emacs"
        " wget rsync fzf ripgrep=rg fd=fdfind fd bat=batcat bat nerdctl",
    ),
    *_all(False, "kubectl", "version", "--client"),
    *_all(False, "tmux", "-V"),
    *_all(False, "ffmpeg", "-version"),
)
"""What is looked for; adding something is one word here."""

RUNTIMES = frozenset(program.name for program in PROGRAMS if program.runtime)
QUIET = {
    "LC_ALL": "C",
    "GOTOOLCHAIN": "local",
    "COREPACK_ENABLE_NETWORK": "0",
    "COREPACK_ENABLE_PROJECT_SPEC": "0",
    "RUSTUP_AUTO_INSTALL": "0",
    "DOTNET_NOLOGO": "1",
    "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
    "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1",
    "CHECKPOINT_DISABLE": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "MISE_OFFLINE": "1",
    "COMPOSER_ALLOW_SUPERUSER": "1",
    "NO_COLOR": "1",
}
_VERSION = re.compile(r"(?<![\w.])(?:go|v)?(\d+\.\d+[\w.+-]*)")


@dataclass(frozen=True)
class Found:
    """A program on PATH, not yet asked for its version."""

    program: Program
    path: str
    real: str
    mark: str
    """Changes when the program does: inode, size and time of the file, and of what a stand-in obeys."""
    version: str = ""
    """Where it can be read without running anything."""
    ask: bool = True
    start: str = ""
    """What is run to ask it, where that is not `path`: what is behind a stand-in."""


def find(programs: Sequence[Program], path: str | None, project: str) -> list[Found]:
    """Look up every program on `path` (None: this process's), one entry per real file."""
    folders = [
        f for f in (path if path is not None else os.environ.get("PATH", "")).split(os.pathsep) if os.path.isabs(f)
    ]
    found: list[Found] = []
    seen: set[tuple[str, str]] = set()
    for program in programs:
        for folder in dict.fromkeys(folders):
            at = os.path.join(folder, program.file)
            try:
                info = os.stat(at)
            except (OSError, ValueError):
                continue
            if not (info.st_mode & 0o111) or not os.path.isfile(at):
                continue
            start = told.behind(at, program.file)
            if start is None:
                continue
            real = os.path.realpath(start)
            if (program.name, real) not in seen:
                seen.add((program.name, real))
                found.append(_found(program, at, start, info, project))
            break
    return found


def _found(program: Program, at: str, start: str, info: os.stat_result, project: str) -> Found:
    real = os.path.realpath(start)
    with suppress(OSError):
        info = os.stat(start)
    mark = f"{info.st_ino}:{info.st_size}:{info.st_mtime_ns}{_obeyed(at, real)}"
    version = told.version(program.file, start, real)
    inside = _within(real, project)
    return Found(program, at, real, mark, version, ask=not version and not inside, start=start)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _obeyed(at: str, real: str) -> str:
    """What else decides the version of a stand-in: the version manager's global choice."""
    marks = ""
    for file in (
        os.path.join(os.path.dirname(os.path.dirname(at)), "version"),
        os.path.expanduser("~/.rustup/settings.toml"),
    ):
        if ("/shims/" in at and file.endswith("version")) or (real.endswith("/rustup") and "rustup" in file):
            with suppress(OSError):
                info = os.stat(file)
                marks += f":{info.st_mtime_ns}:{info.st_size}"
    return marks


async def installed(context: Context, wanted: Callable[[Program], bool] = lambda _: True) -> list[Installed]:
    """The programs that are there, with versions; what hangs, crashes or says nothing has an empty one."""
    host = context.host
    path = context.environ.get("PATH") if host.name == "local" else None
    programs = [program for program in PROGRAMS if wanted(program)]
    if await helped(host):
        found = await host.call(find, programs, path, str(context.path))
    else:
        found = await _found_by_shell(host, programs)
    store = context.state / "cache" / f"versions-{re.sub(r'[^A-Za-z0-9]+', '-', host.name)}.json"
    known = await asyncio.to_thread(_load, store)
    gate = asyncio.Semaphore(PARALLEL)

    async def ask(item: Found) -> tuple[Found, str]:
        if item.version or not item.ask:
            return item, item.version
        if item.mark and (remembered := known.get(_key(item))):
            return item, remembered
        async with gate:
            given = await host.run(
                [item.start or item.path, *item.program.argv], cwd=Path("/"), env=QUIET, timeout=TIMEOUT
            )
        match = _VERSION.search(given.text[:4000]) or _VERSION.search(given.error[:4000])
        if given.timed_out or given.code != 0 or not match:
            return item, NOTHING if "/shims/" in item.path and given.code == 127 else ""
        return item, match[1].rstrip(".-+")[:40]

    pairs = await asyncio.gather(*(ask(item) for item in found))
    fresh = {_key(item): version for item, version in pairs if version and item.ask}
    if any(known.get(key) != version for key, version in fresh.items()):
        await asyncio.to_thread(_save, store, {**known, **fresh})
    there = {
        (item.program.name, version or item.path, os.path.dirname(item.path)): Installed(
            name=item.program.name, version=version, path=item.path
        )
        for item, version in reversed(pairs)
        if version != NOTHING
    }
    return list(there.values())[::-1]


async def _found_by_shell(host: Host, programs: Sequence[Program]) -> list[Found]:
    """Where a shell would find them; what they are cannot be told apart, so each is asked again every time."""
    script = 'for n in "$@"; do p=$(command -v -- "$n") && printf "%s\\0%s\\0" "$n" "$p"; done; :'
    done = await host.run(["sh", "-c", script, "sh", *dict.fromkeys(p.file for p in programs)], cwd=Path("/"))
    words = done.text.split("\0")
    at = {name: path for name, path in zip(words[::2], words[1::2], strict=False) if path.startswith("/")}
    return [Found(program, at[program.file], at[program.file], "") for program in programs if program.file in at]


def _key(item: Found) -> str:
    return f"{item.path}\n{item.real}\n{item.mark}"


def _load(store: Path) -> dict[str, str]:
    try:
        content = json.loads(store.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    pairs = cast(dict[object, object], content) if isinstance(content, dict) else {}
    return {key: value for key, value in pairs.items() if isinstance(key, str) and isinstance(value, str)}


def _save(store: Path, versions: dict[str, str]) -> None:
    """A cache: what cannot be kept is asked again next time."""
    with suppress(OSError):
        store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = store.with_suffix(f".{os.getpid()}.tmp")
        newest = dict(list(versions.items())[-500:])
        temporary.write_text(json.dumps(newest), encoding="utf-8")
        os.replace(temporary, store)


def distinct(found: Iterable[Installed]) -> list[Installed]:
    """Without those that are the same version of the same thing at the same place."""
    return list({(item.name, item.version, item.path): item for item in found}.values())
