"""Runtimes (python@3.12, node@20, …): what is there, and where one can be had from: mise, uv, apt, or a clear no."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Usage
from ...plan import Step
from ..index import get, mirror
from ..names import plain, shown
from ..part import Part, command, tail
from . import apt
from .pyenvs import fits, interpreter

ALIASES = {
    "nodejs": "node",
    "golang": "go",
    "python3": "python",
    "jdk": "java",
    "openjdk": "java",
    "rustc": "rust",
    "cargo": "rust",
}
UV_RELEASES = "https://github.com/astral-sh/python-build-standalone/releases"


@dataclass(frozen=True)
class Kind:
    """How a runtime says its version, and Debian's packages for it."""

    ask: tuple[str, ...]
    debian: tuple[str, ...]


KINDS = {
    "python": Kind(("python3", "--version"), ("python3", "python3-venv")),
    "node": Kind(("node", "--version"), ("nodejs", "npm")),
    "go": Kind(("go", "version"), ("golang-go",)),
    "rust": Kind(("rustc", "--version"), ("rustc", "cargo")),
    "java": Kind(("java", "-version"), ("default-jdk-headless",)),
    "ruby": Kind(("ruby", "--version"), ("ruby-full",)),
    "php": Kind(("php", "--version"), ("php-cli",)),
    "dotnet": Kind(("dotnet", "--version"), ("dotnet-sdk-8.0",)),
    "deno": Kind(("deno", "--version"), ()),
    "bun": Kind(("bun", "--version"), ()),
}


def known(name: str) -> str:
    """A runtime's canonical name; empty for what is none."""
    name = ALIASES.get(name.lower(), name.lower())
    return name if name in KINDS else ""


def meets(name: str, spec: str, version: str) -> bool:
    """Whether a version meets `20`, `3.11`, `1.22.3`, `>=18`, `^20`, or nothing at all."""
    if name == "python":
        return fits(spec, version)
    spec = spec.strip().removeprefix("v")
    if spec in ("", "latest", "lts", "stable", "*"):
        return True
    caret = re.fullmatch(r"[\^~]\s*(\d+)[\d.]*", spec)
    if caret:
        return version.split(".")[0] == caret[1] and _contains(">=" + spec.lstrip("^~ "), version)
    if re.fullmatch(r"\d+(\.\d+){0,2}(\.x)?", spec):
        parts = spec.removesuffix(".x").split(".")
        return version.split(".")[: len(parts)] == parts
    return _contains(spec.replace(" ", ","), version)


def _contains(spec: str, version: str) -> bool:
    try:
        return SpecifierSet(spec).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False


async def have(name: str, spec: str, context: Context) -> str:
    """The version on this host that meets `spec`, with its path where it is not the one on PATH; empty when there is none."""
    if name == "python":
        python = await interpreter(context, [spec])
        return f"{python.version} ({python.path})" if python else ""
    version = await _version(name, context)
    return version if version and meets(name, spec, version) else ""


async def _version(name: str, context: Context) -> str:
    done = await context.host.run(list(KINDS[name].ask), timeout=15, cwd=Path("/"))
    match = re.search(r"\d+\.\d+(?:\.\d+)?", done.text + done.error) if done.code == 0 else None
    return match[0] if match else ""


async def obtain(name: str, spec: str, context: Context) -> Part:
    """What gets a runtime that meets `spec` onto the host; no steps when it is there. Raises Failed when nothing can."""
    part = Part()
    label = f"{name}@{spec}" if spec else name
    found = await have(name, spec, context)
    if found:
        part.present.append(f"{name} {found}")
        return part
    tried: list[str] = []
    exact = spec if re.fullmatch(r"[\w.]+", spec) else _beginning(spec)
    mise = await context.host.run(["mise", "--version"], timeout=15, cwd=Path("/"))
    if mise.code == 0:
        done = await context.host.run(
            ["mise", "latest", f"{name}@{exact}" if exact else name], timeout=60, cwd=Path("/")
        )
        version = done.text.strip()
        if done.code == 0 and re.fullmatch(r"[\w.+-]+", version) and meets(name, spec, version):
            part.steps.append(_step("mise", name, version, f"install {name} {version} with mise"))
            part.warnings.append(f"in a new shell, `mise use {name}@{version}` puts it on PATH")
            return part
        tried.append(f"mise has no {label} ({plain(done.error or version, 80) or 'no answer'})")
    else:
        tried.append("mise is not installed")
    if name == "python":
        tried.append(await _with_uv(exact, context, part))
        if part.steps:
            return part
    tried.append(await _with_apt(name, spec, context, part))
    if part.steps:
        return part
    here = await _version(name, context)
    tried.append(f"this host has {name} {here}" if here else f"this host has no {name}")
    raise Failed(
        f"cannot get {label} here because {'; '.join(t for t in tried if t)}",
        f"Install mise (https://mise.jdx.dev) or put {label} on PATH by other means; then ask again.",
        tried=tuple(tried),
    )


async def _with_uv(version: str, context: Context, part: Part) -> str:
    from .pytools import find

    try:
        tool = await find(context)
    except Failed:
        return "uv is not installed"
    if tool.name != "uv" or not version:
        return "uv is not installed" if tool.name != "uv" else "uv wants one version named"
    source = await mirror(context, UV_RELEASES)
    if source.startswith(("http://", "https://")) and (await get(context.host, source)).code in (
        0,
        403,
        407,
        502,
        503,
    ):
        return "the downloads that uv installs Python from cannot be reached"
    done = await context.host.run(
        [*tool.argv, "python", "list", "--only-downloads", version], timeout=60, cwd=Path("/")
    )
    match = re.search(r"^cpython-(\d+\.\d+\.\d+)-", done.text, re.MULTILINE)
    if done.code != 0 or match is None:
        return f"uv offers no python@{version}"
    part.steps.append(_step("uv-python", "python", match[1], f"install Python {match[1]} with uv (for this user)"))
    return ""


async def _with_apt(name: str, spec: str, context: Context, part: Part) -> str:
    packages = KINDS[name].debian
    if not packages:
        return f"Debian has no {name}"
    offered = await apt.candidate(packages[0], context)
    if offered is None:
        return "this host has no apt"
    version = re.sub(r"^\d+:", "", offered)
    plain_version = re.match(r"\d+(\.\d+)*", version)
    if not offered or plain_version is None:
        return f"apt offers no {packages[0]}"
    if not meets(name, spec, plain_version[0]):
        return f"apt offers {packages[0]} {plain(version, 40)} only"
    part.add(await apt.plan(dict.fromkeys(packages, ""), context))
    return "" if part.steps else f"apt has {packages[0]} installed already, but it does not answer"


def _beginning(spec: str) -> str:
    """`>=3.12,<4` asks for 3.12 at least: the first number is what a downloader is asked for."""
    match = re.search(r"(?:>=|==|~=|\^|~)\s*(\d+(?:\.\d+)*)", spec)
    return match[1] if match else ""


def _step(kind: str, name: str, version: str, does: str) -> Step:
    args: dict[str, JsonValue] = {"name": name, "version": version}
    back = Step(kind=kind, does=f"remove {name} {version} again", args={**args, "remove": True})
    return Step(kind=kind, does=does, args=args, inverse=(back,), seconds=60.0)


class Mise:
    """`mise`: name, version, remove. Installs below the user's mise directory."""

    name = "mise"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        verb = "uninstall" if step.args.get("remove") else "install"
        wanted = f"{step.args['name']}@{step.args['version']}"
        if step.args.get("remove") and not await self._there(step, context):
            return {"code": 0}
        done = await command(context, ["mise", verb, "--yes", wanted], step.does, cwd=Path("/"))
        return _checked(done.code, f"mise {verb} {wanted}", tail(done))

    async def _there(self, step: Step, context: Context) -> bool:
        wanted = f"{step.args['name']}@{step.args['version']}"
        return (await context.host.run(["mise", "where", wanted], timeout=30, cwd=Path("/"))).code == 0

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        return await self._there(step, context) is not bool(step.args.get("remove"))


class UvPython:
    """`uv-python`: version, remove. Installs below the user's uv directory."""

    name = "uv-python"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        from .pytools import find

        tool = await find(context)
        verb, version = "uninstall" if step.args.get("remove") else "install", str(step.args["version"])
        if step.args.get("remove") and await self.holds(step, context):
            return {"code": 0}
        done = await command(
            context, [*tool.argv, "python", verb, version], step.does, cwd=Path("/"), env=dict(tool.env)
        )
        return _checked(done.code, f"uv python {verb} {version}", tail(done))

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        from .pytools import find

        tool = await find(context)
        argv = [*tool.argv, "python", "find", "--managed-python", "--no-python-downloads", str(step.args["version"])]
        found = (await context.host.run(argv, timeout=30, cwd=Path("/"), env=tool.env)).code == 0
        return found is not bool(step.args.get("remove"))


def _checked(code: int, what: str, said: str) -> dict[str, JsonValue]:
    if code != 0:
        raise Failed(
            f"{what} failed: {said}", "Ask again to retry; what the message names may have to be installed first."
        )
    return {"code": 0}


def parse(text: str) -> tuple[str, str]:
    """`python@3.11` as name and version. Raises Usage for what is no runtime."""
    name, _, version = text.strip().partition("@")
    found = known(name)
    if not found:
        raise Usage(f"{shown(text)} is no runtime that can be provided", f"Runtimes are: {', '.join(KINDS)}.")
    if version and not re.fullmatch(r"[0-9A-Za-z*^~<>=][0-9A-Za-z.*^~<>=, -]{0,40}", version):
        raise Usage(f"{shown(text)}: that is no version", f"Write e.g. {found}@{_example(found)}.")
    return found, version


def _example(name: str) -> str:
    examples: dict[str, Any] = {"python": "3.11", "node": "20", "go": "1.22", "java": "17"}
    return str(examples.get(name, "1"))
