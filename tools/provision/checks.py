"""Whether a service works after it was set up: its own tests, or else its start and a question to its port."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from ..contract import Context, Progress
from ..fingerprint import Fact, Service
from ..hosts.base import Completed
from ..plan import Data, Step
from .names import plain
from .part import tail
from .providers.pysteps import place, strings
from .services import dotenv
from .services.project import listens

TESTS = 600.0
"""Seconds that a service's tests may take; longer ones are stopped, which is told and is no failure of the setting up."""
STARTS = 60.0
"""Seconds that a service may take until its port answers."""
SURE = 0.6
"""A command that the scan is less sure of is shown, and not run."""
_RUNS = ("backend", "frontend", "worker", "job", "library", "static")
_SHELL = re.compile(r"[;&|<>`$(){}*?\n]|^\w+=")
_MANAGERS = (["uv", "run"], ["poetry", "run"], ["pdm", "run"], ["pipenv", "run"], ["hatch", "run"])


class Check(Data):
    """How one service's check ended."""

    service: str
    how: str
    """The command that was run."""
    passed: bool | None
    """None: it could not be told, and `said` says why."""
    said: str = ""


def step(service: Service) -> Step | None:
    """The step that checks a service: its tests, or else its start; None where the scan knows neither for sure."""
    if service.role not in _RUNS:
        return None
    where = service.name if service.root in (".", "") else service.root
    tests, port = _sure(service, "test"), _port(service)
    if tests:
        return _step(service, "test", tests, None, f"run the tests of {plain(where)}: {plain(shlex.join(tests))}")
    start = _sure(service, "start") or _sure(service, "dev")
    if start and port and service.role in ("backend", "frontend"):
        does = f"start {plain(where)} once and ask its port {port}: {plain(shlex.join(start))}"
        return _step(service, "start", start, port, does)
    return None


def _sure(service: Service, purpose: str) -> list[str]:
    """The command's words; empty for one that is not sure, or that only a shell could run."""
    known: Fact | None = service.commands.get(purpose)
    if known is None or known.confidence < SURE or _SHELL.search(known.value):
        return []
    with suppress(ValueError):
        return shlex.split(known.value)
    return []


def _port(service: Service) -> int | None:
    likely = sorted(service.ports, key=lambda fact: -fact.confidence)
    return next((int(fact.value) for fact in likely if fact.value.isdigit() and 0 < int(fact.value) < 65536), None)


def _step(service: Service, purpose: str, argv: list[str], port: int | None, does: str) -> Step:
    root = service.root or "."
    args: dict[str, JsonValue] = {
        "root": root,
        "purpose": purpose,
        "argv": list[JsonValue](argv),
        "port": port,
        "name": service.name if root == "." else root,
    }
    return Step(kind="check", does=does, args=args, covered=True, seconds=15.0)


class Checks:
    """`check`: root, purpose (test, start), argv, port, name. Tells how it went; what it finds is no failure of the plan:
    what was installed is as asked, and is not taken back because a test of the project fails."""

    name = "check"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        root = place(step, "root", context)
        argv = await runnable(strings(step.args["argv"]), root, context)
        values = await environment(root, context)
        context.report(Progress(step.does))
        port = step.args.get("port")
        if step.args["purpose"] == "start" and isinstance(port, int):
            passed, said = await _started(argv, root, port, values, context)
        else:
            passed, said = await _tested(argv, root, values, context)
        for value in sorted(values.values(), key=len, reverse=True):
            said = said.replace(value, "[value of .env]") if len(value) >= 6 else said
        how = shlex.join(argv).replace(f"{root}/", "")
        found = Check(service=str(step.args["name"]), how=how, passed=passed, said=said)
        return cast("dict[str, JsonValue]", found.model_dump(mode="json"))

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds. What it found is in the journal."""
        return None


async def _tested(argv: Sequence[str], root: Path, values: dict[str, str], context: Context) -> tuple[bool | None, str]:
    env = {**values, "CI": "1", "NO_COLOR": "1"}
    done = await context.host.run(argv, cwd=root, env=env, timeout=TESTS)
    if done.code == 127:
        return None, f"{argv[0]} is not there"
    if done.seconds >= TESTS:
        return None, f"not over after {TESTS / 60:.0f} minutes"
    return (True, f"in {done.seconds:.1f} s") if done.code == 0 else (False, tail(done))


async def _started(
    argv: Sequence[str], root: Path, port: int, values: dict[str, str], context: Context
) -> tuple[bool | None, str]:
    """Start it, wait for its port, and end it again with all that it started."""
    if await listens(port, context):
        return None, f"port {port} is taken, so it was not started"
    env = {"PORT": str(port), **values, "CI": "1", "NO_COLOR": "1"}
    running = asyncio.ensure_future(context.host.run(argv, cwd=root, env=env, timeout=STARTS + 30))
    try:
        until = asyncio.get_running_loop().time() + STARTS
        while asyncio.get_running_loop().time() < until:
            await asyncio.wait([running], timeout=0.3)
            if running.done():
                return False, _ended(running.result())
            if await listens(port, context):
                # A server that another one holds back opens its port and dies: it has to last.
                await asyncio.wait([running], timeout=0.5)
                return (False, _ended(running.result())) if running.done() else (True, f"port {port} answers")
        return False, f"port {port} did not answer within {STARTS:.0f} s"
    finally:
        running.cancel()
        await asyncio.wait([running])


def _ended(done: Completed) -> str:
    return f"ended with code {done.code}: {tail(done)}"


async def runnable(words: Sequence[str], root: Path, context: Context) -> list[str]:
    """A command as it can be run without activating anything: `.venv/bin/pytest` for `uv run pytest` or `pytest`."""
    rest = list(words[2:] if list(words[:2]) in _MANAGERS else words)
    if not rest or "/" in rest[0]:
        return list(words)
    path = root / ".venv/bin" / rest[0]
    return [str(path), *rest[1:]] if await context.host.stat(path) is not None else list(words)


async def environment(root: Path, context: Context) -> dict[str, str]:
    """The variables of the `.env` files of the project and of the service, for its own processes only."""
    found: dict[str, str] = {}
    for folder in dict.fromkeys([context.path, root]):
        path = folder / dotenv.FILE
        entry = await context.host.stat(path)
        if entry is not None and entry.kind == "file" and entry.size <= dotenv.MOST:
            values = dotenv.values(await context.host.read(path))
            found.update({name: value for name, value in values.items() if value and "\0" not in value})
    return found


def results(data: Sequence[dict[str, JsonValue]]) -> list[Check]:
    """The checks among what the journal has of a plan's steps."""
    return [Check.model_validate(each) for each in data if {"service", "how", "passed"} <= each.keys()]
