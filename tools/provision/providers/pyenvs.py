"""Python interpreters of a host and what a virtual environment holds, found by looking, never by assuming."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ...contract import Context
from ...errors import Failed
from ...hosts.base import Host
from ...hosts.here import helped
from ..names import normal, plain
from .pylocks import caret

PLACES = (
    ".pyenv/versions/*/bin/python3",
    ".local/share/uv/python/*/bin/python3",
    ".local/share/mise/installs/python/*/bin/python3",
    ".asdf/installs/python/*/bin/python3",
)
"""Below the home directory: where version managers keep interpreters that are not on PATH."""
_ASK = "import sys,json;print(json.dumps([sys.executable,'.'.join(map(str,sys.version_info[:3])),sys.prefix!=sys.base_prefix]))"


@dataclass(frozen=True)
class Python:
    """An interpreter that answered."""

    path: str
    version: str


@dataclass(frozen=True)
class Dist:
    """An installed distribution; `broken` when files that its RECORD lists are gone, as after a kill half-way."""

    name: str
    version: str
    broken: bool = False
    local: str = ""
    """The directory that it was installed from, as an editable install or as a copy."""
    origin: str = ""
    """The address that it was installed from, when that was no index."""
    requires: tuple[str, ...] = ()
    gutted: bool = False
    """Its METADATA is gone, on which uv gives up altogether."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment as it is."""

    path: Path
    python: str
    """Its interpreter's version; empty when the environment is unusable."""
    dists: dict[str, Dist]


def fits(spec: str, version: str) -> bool:
    """Whether an interpreter's version meets `>=3.9,<4`, `3.12`, `3.12.4`, `^3.9` or nothing at all."""
    spec = re.sub(r"^(cpython|python)[-@]?", "", caret(spec) if re.search(r"[\^~](?!=)", spec) else spec.strip())
    if spec in ("", "latest", "system", "*"):
        return True
    if re.fullmatch(r"\d+(\.\d+)?", spec):
        spec = f"=={spec}.*"
    elif spec[0].isdigit():
        spec = f"=={spec}"
    try:
        return SpecifierSet(spec).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


async def interpreter(context: Context, specs: Sequence[str]) -> Python | None:
    """The interpreter to use for `specs`: `python3` of PATH when it fits, else the newest that does; None when none does."""
    host = context.host
    first = await _ask(host, "python3")
    if first is not None and all(fits(spec, first.version) for spec in specs):
        return first
    kept = await host.call(_kept, str(context.home)) if await helped(host) else []
    # A shim of pyenv takes 50 ms to say that it has no such version: ask all at once, and only when needed.
    names = ["python", *(f"python3.{minor}" for minor in range(20, 6, -1)), "/usr/bin/python3", *kept]
    answers = [answer for answer in await asyncio.gather(*(_ask(host, name) for name in names)) if answer is not None]
    fitting = [python for python in answers if all(fits(spec, python.version) for spec in specs)]
    return max(fitting, key=lambda p: ([int(n) for n in p.version.split(".")], p.path), default=None)


def _kept(home: str) -> list[str]:
    return sorted(str(path) for place in PLACES for path in Path(home).glob(place))


async def _ask(host: Host, name: str) -> Python | None:
    # -I: a project's own modules must not run here.
    done = await host.run([name, "-I", "-c", _ASK], timeout=10, cwd=Path("/"))
    match = re.match(r'\["([^"]+)", "(3\.\d+\.\d+)", (true|false)\]', done.text) if done.code == 0 else None
    # An active virtual environment of something else is no base to build on: its own base is found by itself.
    return Python(match[1], match[2]) if match and match[3] == "false" else None


async def environment(context: Context, root: Path) -> Environment | None:
    """The virtual environment of a directory; None when there is none. Raises Failed when `.venv` leads elsewhere."""
    for name in (".venv", "venv", "env"):
        path = root / name
        entry = await context.host.stat(path)
        if entry is None or (name != ".venv" and await context.host.stat(path / "pyvenv.cfg") is None):
            continue
        if entry.kind != "directory":
            raise Failed(
                f"{path} is a {entry.kind}, no directory",
                "What lies behind it could not be taken back. Remove it, and a virtual environment is made in its place.",
            )
        python, dists = await context.host.call(probe, str(path))
        return Environment(path, python, {dist.name: dist for dist in dists})
    return None


async def outside(context: Context, env: Environment) -> str:
    """An interpreter like that of `env` which is no part of the project, for planning.

    Starting the environment's own one runs what lies in it (`*.pth`, `sitecustomize`, or a script that is called python),
    and a plan runs nothing of a project. Raises Failed when there is none.
    """
    real = await context.host.call(os.path.realpath, env.path / "bin/python")
    own = Path(real).is_relative_to(context.path) or Path(real).is_relative_to(env.path)
    if not own and re.fullmatch(r"(python|pypy)(3(\.\d+)?t?)?", os.path.basename(real)):
        return real
    minor = ".".join(env.python.split(".")[:2])
    found = await interpreter(context, [f"=={minor}.*"])
    if found is None:
        raise Failed(
            f"{env.path} has an interpreter of its own, and a plan starts nothing that lies in the project",
            f"Install Python {minor} on this machine, or remove {env.path.name}: it is made anew then.",
        )
    return found.path


def probe(env: str) -> tuple[str, list[Dist]]:
    """The version and the distributions of the environment at `env`, read from its files; runs nothing of it."""
    path = Path(env)
    version = ""
    try:
        config = (path / "pyvenv.cfg").read_text("utf-8", "replace")
        match = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", config, re.MULTILINE)
        usable = os.access(path / "bin/python", os.X_OK)
        version = match[1] if match and usable else ""
    except OSError:
        pass
    found: list[Dist] = []
    for site in sorted(path.glob("lib/python3*/site-packages")):
        for info in sorted(site.glob("*.dist-info")):
            dist = _dist(site, info)
            if dist is not None:
                found.append(dist)
    return version, found


def _dist(site: Path, info: Path) -> Dist | None:
    name, _, version = info.name.removesuffix(".dist-info").partition("-")
    try:
        head, _, _ = (info / "METADATA").read_text("utf-8", "replace").partition("\n\n")
    except OSError:
        return Dist(normal(name), version, True, gutted=True)
    fields = re.findall(r"^(Name|Version|Requires-Dist):\s*(.*)$", head, re.MULTILINE)
    single = {key: value.strip() for key, value in fields if key != "Requires-Dist"}
    requires = tuple(value.strip() for key, value in fields if key == "Requires-Dist")
    local = origin = ""
    try:
        data: Any = json.loads((info / "direct_url.json").read_text("utf-8"))
        if "dir_info" in data:
            local = re.sub(r"^file://", "", str(data.get("url", ""))).rstrip("/")
        else:
            origin = str(data.get("url", ""))
    except (OSError, ValueError, TypeError, AttributeError):
        pass
    broken = not _complete(site, info)
    return Dist(normal(single.get("Name", name)), single.get("Version", version), broken, local, origin, requires)


def _complete(site: Path, info: Path) -> bool:
    """Whether every file of RECORD is there, and none is empty that should not be."""
    try:
        rows = csv.reader(io.StringIO((info / "RECORD").read_text("utf-8", "replace")))
        for row in rows:
            if row and not row[0].endswith((".pyc", "INSTALLER", "REQUESTED")):
                size = os.lstat(site / row[0]).st_size
                if size == 0 and len(row) > 2 and row[2] not in ("", "0"):
                    return False
    except OSError:
        return False
    return True


def clear(env: str) -> None:
    """Remove a virtual environment's directory. Raises OSError when it is a link."""
    path = Path(env)
    if path.is_symlink():
        raise OSError(f"{env} is a link")
    if path.exists():
        shutil.rmtree(path)


def conflicts(dists: dict[str, Dist], wanted: dict[str, str], python: str) -> list[str]:
    """What installed packages say against the wanted versions, e.g. `flask 2.2.5 asks for werkzeug<3`."""
    # markers are judged as this environment's interpreter would, as far as its version says
    marker_env: dict[str, str] = {k: v for k, v in default_environment().items() if isinstance(v, str)}
    marker_env |= {"python_full_version": python, "python_version": ".".join(python.split(".")[:2]), "extra": ""}
    found: list[str] = []
    for dist in dists.values():
        for line in dist.requires if dist.name not in wanted else ():
            try:
                needs = Requirement(line)
                if needs.marker is not None and not needs.marker.evaluate(marker_env):
                    continue
                version = wanted.get(normal(needs.name))
                if version and not needs.specifier.contains(version, prereleases=True):
                    found.append(
                        f"{dist.name} {dist.version} asks for {plain(str(needs))}: {needs.name} {version} may break it"
                    )
            except (InvalidRequirement, ValueError):
                continue
    return sorted(found)
