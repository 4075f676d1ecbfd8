"""The steps of the Python provider: make an environment, install pinned packages, install the project, sync a uv.lock."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ...hosts.base import Completed
from ...plan import Step
from ..index import text
from ..links import looking
from ..names import normal, plain
from ..part import command, digest, tail
from .pyenvs import Environment, clear, fits, interpreter, probe
from .pytools import Tool, find


def strings(value: JsonValue) -> list[str]:
    """The strings of a step's argument."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def mapping(value: JsonValue) -> dict[str, str]:
    """The text-to-text mapping of a step's argument."""
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def place(step: Step, key: str, context: Context) -> Path:
    """A path argument, which is relative to the project and must stay below it. Raises Failed otherwise."""
    path = Path(str(step.args[key]))
    if path.is_absolute() or ".." in path.parts:
        raise Failed(f"{plain(str(path))} lies outside the project", "Make the plan again.")
    return context.path / path


async def look(path: Path, context: Context) -> Environment:
    """The environment at `path` as it is now."""
    entry = await context.host.stat(path)
    if entry is not None and entry.kind != "directory":
        raise Failed(f"{path} became a {entry.kind} after the plan was made", "Nothing was changed. Ask again.")
    version, dists = await context.host.call(probe, str(path))
    return Environment(path, version, {dist.name: dist for dist in dists})


def _check(done: Completed, what: str) -> dict[str, JsonValue]:
    if done.code != 0:
        said = tail(done)
        build = "build" in said.lower()
        hint = (
            "Its build script failed: a compiler or a system library may be missing."
            if build
            else "Ask again to retry."
        )
        raise Failed(f"{what} failed: {said}", hint)
    return {"code": 0, "seconds": round(done.seconds, 1)}


class MakeVenv:
    """`python-venv`: env, python (path; empty: any that meets `specs`), specs. Replaces what is there."""

    name = "python-venv"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        env = place(step, "env", context)
        await look(env, context)
        python = str(step.args.get("python") or "")
        if not python:
            specs = strings(step.args.get("specs", []))
            found = await interpreter(context, specs)
            if found is None:
                raise Failed(f"no interpreter for {', '.join(specs)}", "Install one, then ask again.")
            python = found.path
        await context.host.call(clear, str(env))
        tool = await find(context)
        if tool.name == "uv":
            argv = [*tool.argv, "venv", "--python", python, "--no-python-downloads", "--no-project", str(env)]
        else:
            argv = [python, "-m", "venv", "--without-pip", str(env)]
        done = await command(context, argv, step.does, cwd=env.parent, env=dict(tool.env), timeout=120)
        return _check(done, "making the virtual environment")

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        found = (await look(place(step, "env", context), context)).python
        return bool(found) and all(fits(spec, found) for spec in strings(step.args.get("specs", [])))


class Install:
    """`python-install`: env, requirements (lines), expect (version by name), again (names to reinstall), deps, builds, hashes,
    links (where to look besides the index).

    `requirements` are exact pins and `deps` is false, unless the set could not be resolved without building something.
    """

    name = "python-install"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        env = place(step, "env", context)
        before = await look(env, context)
        tool = await find(context)
        lines = strings(step.args["requirements"])
        argv = tool.install(
            env,
            builds=bool(step.args.get("builds")),
            deps=bool(step.args.get("deps")),
            hashes=bool(step.args.get("hashes")),
        )
        again = [dist.name for dist in before.dists.values() if dist.broken]
        again = sorted({*again, *strings(step.args.get("again", []))})
        argv += _again(tool, again)
        await context.host.call(_uninstalled, str(env), again)
        done = await command(
            context,
            argv,
            step.does,
            cwd=Path("/"),
            env={**tool.env, **await looking(context, strings(step.args.get("links", [])))},
            stdin="".join(f"{line}\n" for line in lines).encode(),
        )
        data = _check(done, step.does)
        after = await look(env, context)
        data["installed"] = {
            name: [before.dists[name].version if name in before.dists else "", dist.version]
            for name, dist in after.dists.items()
            if name not in before.dists or before.dists[name].version != dist.version
        }
        return data

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        found = await look(place(step, "env", context), context)
        expect = mapping(step.args.get("expect", {}))
        for name, version in expect.items():
            dist = found.dists.get(name)
            if dist is None or dist.broken or (version and _release(dist.version) != _release(version)):
                return False
        return True


class Editable:
    """`python-project`: env, root, deps (whether its dependencies come along, where only its build script knows them)."""

    name = "python-project"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        env, root = place(step, "env", context), place(step, "root", context)
        tool = await find(context)
        argv = tool.editable(env, root)
        if step.args.get("deps"):
            argv = [part for part in argv if part != "--no-deps"]
        done = await command(context, argv, step.does, cwd=root, env=dict(tool.env))
        if done.code != 0 and re.search(r"build_editable|editable mode|editable install", done.error + done.text):
            # Build backends from before PEP 660 can only make a copy.
            argv = [part for part in argv if part != "-e"]
            done = await command(context, argv, step.does, cwd=root, env=dict(tool.env))
            return {**_check(done, "installing the project itself"), "editable": False}
        return {**_check(done, "installing the project itself"), "editable": True}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        root = place(step, "root", context)
        dists = (await look(place(step, "env", context), context)).dists.values()
        places = [dist.local for dist in dists if dist.local]
        return bool(places) and any(await context.host.call(which_same, places, str(root)))


class Sync:
    """`python-sync`: env, root, python, lock (digest of uv.lock), options, expect, again."""

    name = "python-sync"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        env, root = place(step, "env", context), place(step, "root", context)
        if digest(await text(context.host, root / "uv.lock")) != step.args["lock"]:
            raise Failed("uv.lock changed after the plan was made", "Nothing was changed. Ask again.")
        await look(env, context)
        tool = await find(context)
        argv = sync_argv(tool, root, str(step.args.get("python") or ""), strings(step.args.get("options", [])))
        for name in strings(step.args.get("again", [])):
            argv += ["--reinstall-package", name]
        done = await command(context, argv, step.does, cwd=root, env={**tool.env, "UV_PROJECT_ENVIRONMENT": str(env)})
        return _check(done, "uv sync")

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        return await Install().holds(step, context)


def sync_argv(tool: Tool, root: Path, python: str, options: list[str]) -> list[str]:
    """`uv sync` of a frozen lock; what a person installed besides it stays."""
    argv = [*tool.argv, "sync", "--frozen", "--inexact", "--no-python-downloads", "--project", str(root)]
    return [*argv, *(["--python", python] if python else []), *options]


def _again(tool: Tool, names: list[str]) -> list[str]:
    if tool.name == "uv":
        return [part for name in names for part in ("--reinstall-package", name)]
    return ["--force-reinstall"] if names else []


def _uninstalled(env: str, names: list[str]) -> None:
    """Drop the metadata of broken packages: without RECORD no installer can uninstall, without METADATA uv gives up."""
    import shutil

    for info in Path(env).glob("lib/python3*/site-packages/*.dist-info"):
        if normal(info.name.partition("-")[0]) in names and not all(
            (info / name).exists() for name in ("RECORD", "METADATA")
        ):
            shutil.rmtree(info)


def _release(version: str) -> str:
    from packaging.version import InvalidVersion, Version

    try:
        return str(Version(version))
    except InvalidVersion:
        return version


def which_same(found: list[str], root: str) -> list[bool]:
    """Which `file://` paths of editable installs are this directory; to be asked where they are."""
    there = os.path.realpath(root)
    return [bool(place) and os.path.realpath(unquote(place)) == there for place in found]


def changes(step: Step) -> dict[str, tuple[str, str]]:
    """What a plan's step changes, for the result: old and new version by name."""
    value = step.args.get("changes")
    found: dict[str, tuple[str, str]] = {}
    for name, pair in cast(dict[str, Any], value).items() if isinstance(value, dict) else ():
        found[name] = (str(pair[0]), str(pair[1]))
    return found
