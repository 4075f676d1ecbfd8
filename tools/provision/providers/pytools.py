"""uv, or pip where there is no uv: what they would install, and the commands that install it."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...contract import Context
from ...errors import Failed, Unreachable
from ...hosts.base import Completed
from ...hosts.here import near
from ..defaults import pip_programs, uv_programs
from ..index import uv_env, without_user
from ..names import normal, plain
from ..part import digest
from ..popular import PYTHON
from ..trust import nearest

QUIET = {"UV_NO_PROGRESS": "1", "NO_COLOR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
CHANGE = re.compile(r"^ ([+~-]) ([A-Za-z0-9._-]+)==(\S+)(?: \(from (\S+)\))?\s*$", re.MULTILINE)
"""A line of what uv would do, or did: sign, name, version, and where from when it is no index."""
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+?)(?:\s*;.*)?$", re.MULTILINE)
_NO_ANSWER = re.compile(
    r"dns error|Connection (refused|reset)|timed out|Network is unreachable|error sending request|Request failed after"
    r"|Failed to fetch|NewConnectionError",
    re.IGNORECASE,
)
_NO_WHEEL = re.compile(r"no usable wheels|Wheels are required|[Bb]uilding source distributions")
_NO_BUILD = re.compile(
    r"[Bb]uilding source distributions|no usable wheels|no wheels|only-binary|no-build|No matching distribution"
)


class NeedsBuild(Failed):
    """The set cannot be resolved from ready wheels: something would have to be built by its own script."""


@dataclass(frozen=True)
class Resolved:
    """What would be in the environment that is not there now: version by normalised name, and what would go."""

    wanted: dict[str, str]
    removed: dict[str, str]
    urls: dict[str, str] = field(default_factory=dict[str, str])
    """pip: where each file is, by name."""


@dataclass(frozen=True)
class Tool:
    """uv or pip. `argv` is how it is started."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]

    async def resolve(
        self,
        context: Context,
        lines: Sequence[str],
        *,
        python: str,
        env: Path | None,
        constraints: Sequence[str] = (),
        upgrade: Sequence[str] = (),
        links: Mapping[str, str] = {},
    ) -> Resolved:
        """The exact versions that `lines` lead to in `env`, or in a new environment of `python`. Changes nothing.

        Only wheels are looked at, so no build script runs. `links` are variables with more places to look at. Raises NeedsBuild when that is not enough, Failed when the
        lines contradict each other, Unreachable when the index does not answer.
        """
        if not lines:
            return Resolved({}, {})
        stdin = "".join(f"{line}\n" for line in lines).encode()
        pins = "".join(f"{line}\n" for line in constraints)
        folder = tempfile.gettempdir() if near(context.host) else "/tmp"  # noqa: S108  # of this user, replaced atomically
        file = Path(folder) / f"envsync-{digest(pins)[:16]}.txt"
        if constraints:
            await context.host.write(file, pins.encode(), 0o600)
        try:
            extra = ["-c", str(file)] if constraints else []
            if self.name == "uv":
                return await replace(self, env={**self.env, **links})._uv(context, stdin, python, env, extra, upgrade)
            return await self._pip(context, stdin, python, env, extra, bool(upgrade))
        finally:
            if constraints:
                await context.host.remove(file)

    async def _uv(
        self, context: Context, stdin: bytes, python: str, env: Path | None, extra: list[str], upgrade: Sequence[str]
    ) -> Resolved:
        common = ["--no-build", "--no-python-downloads"]
        if env is None:
            argv = ["pip", "compile", "-q", "--no-header", "--no-annotate", *common, "--python", python, *extra, "-"]
        else:
            again = [part for name in upgrade for part in ("--upgrade-package", name)]
            # As a target and not as an environment, since uv would start the latter's interpreter: see pyenvs.outside.
            (site,) = await context.host.call(_sites, env)
            argv = ["pip", "install", "--dry-run", *common, "--python", python, "--target", str(site)]
            argv += [*again, *extra, "-r", "-"]
        done = await context.host.run([*self.argv, *argv], cwd=Path("/"), env=self.env, stdin=stdin, timeout=300)
        if done.code != 0:
            raise _failure(done)
        if env is None:
            return Resolved({normal(name): version for name, version in _PINNED.findall(done.text)}, {})
        new: dict[str, str] = {}
        old: dict[str, str] = {}
        for sign, name, version, _ in CHANGE.findall(done.text + "\n" + done.error):
            (old if sign == "-" else new)[normal(name)] = version
        return Resolved(new, {name: version for name, version in old.items() if name not in new})

    async def _pip(
        self, context: Context, stdin: bytes, python: str, env: Path | None, extra: list[str], upgrade: bool
    ) -> Resolved:
        argv = [
            "install",
            "--dry-run",
            "--quiet",
            "--report",
            "-",
            "--only-binary",
            ":all:",
            *extra,
            "-r",
            "/dev/stdin",
        ]
        # Nothing is installed by a dry run, so a guard against installing into the system's Python has nothing to guard.
        argv += ["--ignore-installed", "--break-system-packages"] if env is None else []
        argv += ["--upgrade"] if upgrade else []
        target = python if env is None else str(env)
        done = await context.host.run(
            [*self.argv, "--python", target, *argv], cwd=Path("/"), env=self.env, stdin=stdin, timeout=600
        )
        if done.code != 0:
            raise _failure(done)
        try:
            report: Any = json.loads(done.text)
            pairs = [(item["metadata"]["name"], item["metadata"]["version"]) for item in report["install"]]
            urls = [without_user(str(item["download_info"]["url"]))[0] for item in report["install"]]
        except (ValueError, KeyError, TypeError):
            raise Failed("pip gave no report of what it would install", "Install uv, or update pip.") from None
        names = [normal(name) for name, _ in pairs]
        return Resolved(
            {name: str(version) for name, (_, version) in zip(names, pairs, strict=True)},
            {},
            dict(zip(names, urls, strict=True)),
        )

    def install(self, env: Path, *, builds: bool, deps: bool, hashes: bool = False) -> list[str]:
        """The command that installs the requirement lines on its standard input into `env`."""
        if self.name == "uv":
            argv = ["pip", "install", "--python", str(env), "--no-python-downloads"]
            argv += [] if builds else ["--no-build"]
            argv += ["--require-hashes"] if hashes else []
            argv += ["-r", "-"]
        else:
            argv = ["--python", str(env), "install", "--quiet"]
            argv += [] if builds else ["--only-binary", ":all:"]
            argv += ["--require-hashes"] if hashes else []
            argv += ["-r", "/dev/stdin"]
        return [*self.argv, *argv, *([] if deps else ["--no-deps"])]

    def editable(self, env: Path, root: Path) -> list[str]:
        """The command that installs the project at `root` into `env` in editable mode, without its dependencies."""
        start = ["pip", "install", "--python", str(env)] if self.name == "uv" else ["--python", str(env), "install"]
        return [*self.argv, *start, "--no-deps", "-e", str(root)]


async def find(context: Context) -> Tool:
    """uv from PATH, beside EnvSync's own interpreter or as its module; else pip. Raises Failed when there is neither."""
    env = {**QUIET, **await uv_env(context)}
    for argv in uv_programs(context):
        done = await context.host.run([*argv, "--version"], timeout=15, cwd=Path("/"))
        if done.code == 0 and done.text.startswith("uv"):
            return Tool("uv", argv, env)
    for argv in pip_programs(context):
        done = await context.host.run([*argv, "-I", "-m", "pip", "--version"], timeout=30, cwd=Path("/"))
        if done.code == 0:
            return Tool("pip", (*argv, "-I", "-m", "pip"), env)
    raise Failed(
        "neither uv nor pip was found, so no Python package can be installed",
        "Install uv (https://docs.astral.sh/uv/), or Debian's python3-pip and python3-venv.",
    )


def _sites(env: Path) -> list[Path]:
    return [*sorted(env.glob("lib/python3*/site-packages")), env / "lib"][:1]


def _failure(done: Completed) -> Failed | Unreachable:
    whole = done.error or done.text
    said = plain(re.sub(r"^Using (Python|CPython) .*$|^error: |^ERROR: ", "", whole, flags=re.MULTILINE), 600)
    if _NO_ANSWER.search(said):
        return Unreachable(
            f"the package index did not answer: {said}", "Check the network and the index settings of uv or pip."
        )
    unknown = re.search(r"there is no version of ([\w.,=*<>!~-]+)|([\w.-]+) was not found in the package", said)
    if unknown and not _NO_WHEEL.search(said):
        near = nearest(normal(unknown[2] or ""), PYTHON, slips=2)
        advice = f"Did you mean {near}?" if near else "Name one that exists, or correct the project's file that has it."
        return Failed(f"the package index has no {unknown[1] or unknown[2]}", f"Nothing was changed. {advice}")
    if _NO_BUILD.search(said):
        return NeedsBuild(f"not available as a ready wheel: {said}", "")
    return Failed(
        f"these requirements cannot be met together: {said}",
        "Nothing was changed. Loosen what the message names, or name another version.",
    )
