"""The tool `run`: one command, argv, no shell, live output, and a snapshot of the project before it."""

from __future__ import annotations

import asyncio
import codecs
import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

from pydantic import Field, JsonValue

from ..contract import Args, Changed, Context, Outcome, Output, StepKind, Tool, brief, undo_words
from ..errors import Failed, Usage
from ..hosts.base import Freezes
from ..hosts.here import helped, variables
from ..plan import Plan, Risk, Step
from ..store.fetching import state_there
from ..store.guard import guarded
from .words import judge, split

TAIL = 4000
"""Characters of output that the journal and the result keep; all of it was shown as it came."""


class RunArgs(Args):
    """Arguments of `run`."""

    command: str = Field(
        description="the command line; quotes work, pipes and other shell operators do not",
        json_schema_extra=brief("no pipes or other shell operators"),
    )
    on: str = Field("local", description="the host to run it on")
    path: str = Field(".", description="the directory to run it in")
    timeout: float = Field(
        3600.0, ge=0, description="seconds after which it is ended; 0 for no limit", json_schema_extra=brief(None)
    )


class Ran(Changed):
    """What a command gave."""

    code: int
    """Its exit code; 124 after a time-out."""
    seconds: float
    tail: str = ""
    """The end of its output, at most 4,000 characters."""

    @property
    def exit(self) -> int:
        return 0 if self.code == 0 else 1


async def plan(args: RunArgs, context: Context) -> Plan:
    """Run one command, without a shell.

    Use it for what no other tool does: tests, builds, scripts. The project's own .venv/bin and node_modules/.bin come
    first on PATH. The command is taken back by restoring the snapshot that precedes it.
    """
    argv = split(args.command)
    found = await _which(argv[0], context)
    if found is None and "/" not in argv[0]:
        raise Usage(
            f"there is no program {argv[0]!r} on PATH or in the project's environments",
            "Set the project up first (envsync provision), or name the program with its path.",
        )
    risk, reason = judge(argv, context.path)
    whole = isinstance(context.host, Freezes)
    wide = "" if whole else guarded(context.path, context.home, state_there(context))
    if wide:
        risk, reason = Risk.R3, reason or f"this is {wide}, which no snapshot covers"
    step = Step(
        kind="command",
        does=f"run {shlex.join(argv)}",
        args={"argv": list[JsonValue](argv), "cwd": str(context.path), "timeout": args.timeout},
        covered=not wide,
    )
    return Plan(
        tool="run",
        args=args.model_dump(mode="json", exclude_unset=True),
        host=context.host.name,
        path=str(context.path),
        summary=f"run {shlex.join(argv)}",
        steps=(step,),
        details=(f"in {context.path}", f"program {found or argv[0]}"),
        warnings=("what it does outside the project cannot be taken back",) if not (reason or whole) else (),
        risk=risk,
        reason=reason,
        captures=not wide,
        compensates=False,
    )


async def finish(args: RunArgs, plan: Plan, outcome: Outcome, context: Context) -> Ran:
    """Make the result from what the journal has."""
    data = outcome.steps[0].data
    code, seconds = int(str(data["code"])), float(str(data["seconds"]))
    line = plan.summary.removeprefix("run ")
    if data.get("timed_out"):
        summary = f"`{line}` was ended after {seconds:.0f} s"
    elif code == 0:
        summary = f"`{line}` succeeded in {seconds:.1f} s"
    else:
        summary = f"`{line}` failed with exit code {code} after {seconds:.1f} s"
    return Ran(
        summary=summary,
        transaction=outcome.transaction,
        snapshot=outcome.snapshot,
        undo=undo_words(args.path, args.on) if plan.undoable else "",
        code=code,
        seconds=seconds,
        tail=str(data.get("tail", "")),
    )


OWN = (".venv/bin", "venv/bin", "node_modules/.bin")
"""The project's own programs come first on PATH, as `uv run` and `npx` have it."""
_WHICH = 'PATH=; for d in "$@"; do PATH="${PATH:+$PATH:}$d"; done; export PATH; command -v -- "$ENVSYNC_SOUGHT"'


async def _own(context: Context, root: Path) -> list[str]:
    """Those of OWN that are there."""
    kinds = await asyncio.gather(*(context.host.stat(root / part) for part in OWN))
    return [str(root / part) for part, entry in zip(OWN, kinds, strict=True) if entry and entry.kind == "directory"]


async def search_path(context: Context, root: Path) -> str:
    """PATH of the host, with the project's own environments first."""
    path = (await variables(context.host, dict(os.environ), ("PATH",))).get("PATH", os.defpath)
    return os.pathsep.join([*await _own(context, root), path])


async def _which(program: str, context: Context) -> str | None:
    """Where a program is on that host; None when it is not on its PATH."""
    if "/" in program:
        return program
    path = await search_path(context, context.path)
    if await helped(context.host):
        return await context.host.call(shutil.which, program, path=path)
    done = await context.host.run(
        ["sh", "-c", _WHICH, "sh", *path.split(os.pathsep)], env={"ENVSYNC_SOUGHT": program}, cwd=Path("/")
    )
    # BusyBox names a command of its own without a path.
    return done.text.strip() or None if done.code == 0 else None


class CommandStep:
    """Runs `argv` in `cwd`. A non-zero exit code is a value; only a command that cannot be begun is a failure."""

    name = "command"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `code`, `seconds`, `tail` and `timed_out`."""
        argv = [str(word) for word in _list(step.args["argv"])]
        cwd = Path(str(step.args["cwd"]))
        env = {"PATH": await search_path(context, cwd)}
        if await context.host.stat(cwd / ".venv/bin/python") is not None:
            env["VIRTUAL_ENV"] = str(cwd / ".venv")
        limit = float(str(step.args.get("timeout", 0))) or None
        tail = bytearray()

        decode = {stream: _decoder() for stream in ("stdout", "stderr")}

        def output(stream: str, chunk: bytes) -> None:
            tail.extend(chunk)
            del tail[: -4 * TAIL]
            context.report(Output(decode[stream](chunk), stream))

        done = await context.host.run(argv, cwd=cwd, env=env, timeout=limit, output=output)
        if done.code in (126, 127) and not done.stdout and done.seconds < 1 and not tail:
            raise Failed(f"{argv[0]} could not be started: {done.error}", "Look at the program's path and permissions.")
        text = tail.decode("utf-8", "backslashreplace")[-TAIL:]
        return {"code": done.code, "seconds": round(done.seconds, 3), "tail": text, "timed_out": done.timed_out}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """What a person's command should bring about is not known here."""
        return None


def _decoder() -> Callable[[bytes], str]:
    """UTF-8 over chunk borders; a character cut in two by a read must not become two escapes."""
    return codecs.getincrementaldecoder("utf-8")("backslashreplace").decode


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [value]


RUN = Tool(name="run", args=RunArgs, risk=Risk.R2, plan=plan, finish=finish)
STEPS: tuple[StepKind, ...] = (CommandStep(),)
