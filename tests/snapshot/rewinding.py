"""What the tests of snapshot, rewind and drift share: real directories, real transactions, a small real scan."""

from __future__ import annotations

import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from envsync.tools.contract import Context, Outcome, Result
from envsync.tools.errors import Failed
from envsync.tools.fingerprint import Fingerprint, PackageSet
from envsync.tools.journal import Journal
from envsync.tools.plan import Plan, Risk, Step
from envsync.tools.snapshot.rewind import REWIND
from envsync.tools.snapshot.steps import STEPS
from envsync.tools.snapshot.take import capture, restore
from envsync.tools.snapshot.tool import SNAPSHOT
from envsync.tools.transaction import Transactions

Facts = dict[str, tuple[Any, ...]]


async def scan(context: Context, scope: str = "all") -> Fingerprint:
    """The packages of a `.venv`, read from its dist-info folders, and of `system.txt` beside the state as apt's."""
    found: dict[str, str] = {}
    for folder in context.path.glob(".venv/lib/*/site-packages/*.dist-info"):
        text = (folder / "METADATA").read_text()
        found[re.findall(r"^Name: (.*)$", text, re.M)[0]] = re.findall(r"^Version: (.*)$", text, re.M)[0]
    sets = [PackageSet(manager="pip", where=".venv", packages=found)] if (context.path / ".venv").is_dir() else []
    listed = context.state.parent / "system.txt"
    if listed.exists():
        lines = dict(line.split(" ") for line in listed.read_text().splitlines())
        sets.append(PackageSet(manager="apt", where="system", packages=lines))
    return Fingerprint(at=datetime.now(UTC), packages=tuple(sets))


class Append:
    """Appends to a file of the project, as a person's command would; covered by the snapshot."""

    name = "append"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        path = context.path / str(step.args["file"])
        if step.args.get("fail"):
            path.write_text("half")
            raise Failed("it failed half-way")
        with path.open("a") as file:
            file.write(str(step.args["text"]))
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return None


class Fact:
    """Puts a line into a file outside the project, or takes it out: undone by its inverse, no snapshot has it."""

    name = "fact"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        file = context.state / "facts"
        lines = file.read_text().splitlines() if file.exists() else []
        fact = str(step.args["fact"])
        lines = [*lines, fact] if step.args["put"] else [line for line in lines if line != fact]
        file.write_text("".join(f"{line}\n" for line in lines))
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return None


class FakeApt:
    """The system's packages as a text file, so that no test installs anything."""

    name = "apt"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        file = context.state.parent / "system.txt"
        have = dict(line.split(" ") for line in file.read_text().splitlines())
        have.update(step.args.get("install") or {})
        for name in step.args.get("remove") or []:
            have.pop(name, None)
        file.write_text("".join(f"{name} {version}\n" for name, version in sorted(have.items())))
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return None


KINDS = {kind.name: kind for kind in (*STEPS, Append(), Fact(), FakeApt())}


def transactions(context: Context) -> Transactions:
    return Transactions(Journal(context.state), KINDS, capture, restore)


async def call(tool: Any, context: Context, **args: Any) -> Result:
    """Plan and carry out, as the executor does for an approved call."""
    parsed = tool.args.model_validate(args)
    plan = await tool.plan(parsed, context)
    if plan.empty:
        return Result(summary=plan.summary)
    outcome = await transactions(context).apply(plan.digest, lambda: tool.plan(parsed, context), context)
    if outcome.state != "committed":
        raise Failed(outcome.error, outcome=outcome)
    return await tool.finish(parsed, plan, outcome, context)


async def rewind(context: Context, to: str = "last", **args: Any) -> Any:
    return await call(REWIND, context, to=to, **args)


async def snapshot(context: Context, label: str | None = None) -> Any:
    return await call(SNAPSHOT, context, **({"label": label} if label else {}))


async def rewind_plan(context: Context, to: str = "last", **args: Any) -> Plan:
    return await REWIND.plan(REWIND.args.model_validate({"to": to, **args}), context)  # pyright: ignore[reportOptionalCall]


async def change(
    context: Context, *steps: Step, tool: str = "provision", summary: str = "a change", **more: Any
) -> Outcome:
    """A transaction of some other tool."""
    plan = Plan(
        tool=tool, host=context.host.name, path=str(context.path), summary=summary, steps=steps, risk=Risk.R2, **more
    )

    async def replan() -> Plan:
        return plan

    return await transactions(context).apply(plan.digest, replan, context)


def append(file: str, text: str = "more\n", **args: JsonValue) -> Step:
    return Step(kind="append", does=f"append to {file}", args={"file": file, "text": text, **args}, covered=True)


def fact(text: str) -> Step:
    args: dict[str, JsonValue] = {"fact": text}
    return Step(
        kind="fact",
        does=f"keep {text!r}",
        args={**args, "put": True},
        inverse=(Step(kind="fact", does=f"forget {text!r}", args={**args, "put": False}),),
    )


def facts(root: Path, times: bool = True) -> Facts:
    """Everything a rewind has to give back: kind, mode, content, link target and mtime of every path."""
    found: Facts = {}
    for folder, folders, files in os.walk(root):
        for name in [".", *folders, *files]:
            path = Path(folder, name) if name != "." else Path(folder)
            info = path.lstat()
            mtime = info.st_mtime_ns if times else 0
            if stat.S_ISLNK(info.st_mode):
                what: tuple[Any, ...] = ("link", os.readlink(path), mtime)
            elif stat.S_ISDIR(info.st_mode):
                what = ("directory", stat.S_IMODE(info.st_mode), mtime)
            else:
                what = ("file", stat.S_IMODE(info.st_mode), mtime, path.read_bytes())
            found[str(path.relative_to(root))] = what
    return found


def install(project: Path, name: str, version: str, python: str = "python3.11") -> None:
    """A distribution in the project's `.venv`, as an installer leaves it."""
    site = project / ".venv/lib" / python / "site-packages"
    site.mkdir(parents=True, exist_ok=True)
    for old in site.glob(f"{name}-*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "RECORD").write_text(f"{name}.py,,\n{folder.name}/METADATA,,\n{folder.name}/RECORD,,\n")
    (project / ".venv/pyvenv.cfg").write_text("version = 3.11.7\n")
    (site / f"{name}.py").write_text(f"__version__ = {version!r}\n")
