"""The go command on the host: where its module cache lies, how it is started, and what it says of a module's versions."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ...contract import Context
from ...errors import Failed, Usage
from ..defaults import away, scratch
from ..names import Named, plain, shown
from .gofiles import numbers
from .toolchain import unreachable

_FIXED = {
    "GOTOOLCHAIN": "local",  # or a line of go.mod would make it download another Go
    "GO111MODULE": "on",
    "GOWORK": "off",
    "GIT_TERMINAL_PROMPT": "0",
}


@dataclass(frozen=True)
class Go:
    """The go command of a host."""

    version: str
    cache: Path
    flags: str
    """Those of the user's GOFLAGS that are kept."""

    def env(self, *flags: str, **more: str) -> dict[str, str]:
        """The environment of a command, with `flags` for its GOFLAGS."""
        return {**_FIXED, "GOFLAGS": " ".join(filter(None, (self.flags, *flags))), **more}


async def find(context: Context) -> Go:
    """Ask the host's go. Raises Failed where it does not answer."""
    argv = ["go", "env", "-json", "GOVERSION", "GOMODCACHE", "GOPATH", "GOFLAGS"]
    done = await context.host.run(argv, cwd=Path("/"), env=_FIXED, timeout=30)
    try:
        said = cast(dict[str, Any], json.loads(done.text)) if done.code == 0 else {}
    except ValueError:
        said = {}
    cache = str(said.get("GOMODCACHE") or "")
    if not cache and said.get("GOPATH"):
        cache = f"{str(said['GOPATH']).partition(':')[0]}/pkg/mod"
    if not Path(cache).is_absolute():
        raise Failed(f"go does not say where its module cache is: {plain(done.error)}", "Look at what `go env` says.")
    kept = [flag for flag in str(said.get("GOFLAGS") or "").split() if flag == "-modcacherw"]
    return Go(str(said.get("GOVERSION") or "").removeprefix("go"), Path(cache), " ".join(kept))


def blocked(go: str, toolchain: str, version: str) -> str:
    """Why this Go cannot work with that `go` line at all; empty when it can."""
    wanted, here = numbers(go), numbers(version)
    if here >= (1, 21):
        return f"it asks for go {plain(go, 40)}, and this host has {plain(version, 40)}" if wanted > here else ""
    # Before 1.21, Go took a newer number as it came, but knew neither three of them nor the toolchain line.
    if toolchain or (go and not re.fullmatch(r"\d+\.\d+", go)):
        line = f"go {go}" if not toolchain else f"toolchain go{toolchain}"
        return f"Go {plain(version, 40)} of this host cannot read its line {shown(line)}"
    return ""


async def resolve(item: Named, go: Go, context: Context) -> tuple[str, str]:
    """The module that a name is of, or is a package of, and the one version that is meant. Raises Usage, Unreachable."""
    query = _query(item)
    # A cache of its own, since the real one is noted only when a step begins. Nothing from it is used.
    folder = await scratch(context.host)
    try:
        env = go.env("-modcacherw", "-mod=mod", GOMODCACHE=str(folder / "cache"), GOSUMDB="off")
        parts = item.name.split("/")
        paths = ["/".join(parts[:number]) for number in range(len(parts), min(len(parts), 3) - 1, -1)]
        said: dict[str, str] = {}
        for path, wanted in [
            *((path, query) for path in paths),
            *((path, "latest") for path in paths if query != "latest"),
        ]:
            argv = ["go", "list", "-m", "-json", f"{path}@{wanted}"]
            done = await context.host.run(argv, cwd=folder, env=env, timeout=120)
            unreachable("go list", done.error if done.code else "")
            if done.code == 0 and wanted == query:
                return path, _version(done.text)
            if done.code == 0:
                raise Usage(
                    f"there is no {plain(str(item))}: its latest version is {_version(done.text)}",
                    f"`go list -m -versions {path}` lists its versions.",
                )
            said.setdefault(path, done.error)
    finally:
        await away(context.host, folder)
    raise Usage(
        f"there is no Go module {shown(item.name)}: {plain(said[item.name], 200)}",
        "Check the name: it is the module's path, e.g. go:github.com/pkg/errors. Nothing was changed.",
    )


def _query(item: Named) -> str:
    """A version as Go asks for it: `v1.2.3`, `v1`, `>=v1.2.0`, a branch or a commit."""
    version = item.version.strip()
    if version in ("", "latest"):
        return "latest"
    compared = re.fullmatch(r"(<=|>=|<|>) ?v?(\d[\w.+-]*)", version)
    if compared:
        return f"{compared[1]}v{compared[2]}"
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.+_-]*", version) or version in ("none", "upgrade", "patch"):
        raise Usage(f"{shown(str(item))}: that is no version of a Go module", f"Write e.g. go:{item.name}@v1.2.3.")
    return f"v{version}" if re.fullmatch(r"\d+(\.\d+){0,2}([-+][\w.+-]*)?", version) else version


def _version(said: str) -> str:
    try:
        version = cast(dict[str, Any], json.loads(said)).get("Version")
    except ValueError:
        version = None
    if not isinstance(version, str) or not re.fullmatch(r"v[0-9A-Za-z.+-]{1,120}", version):
        raise Failed(f"go list gave no version: {plain(said, 200)}", "Ask again.")
    return version
