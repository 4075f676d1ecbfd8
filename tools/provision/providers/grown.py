"""Undo for folders that all projects share (~/.m2/repository, ~/.gradle, ~/.nuget): note what is there, take out what came.

A package manager fills them while it works on a project. So a plan has two steps: `grown` notes what is there, and its
inverse takes out again what has come since; the manager's own step is covered by the project's snapshot.
The record also says what a finished run used, so that the next plan knows without running anything of the project.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ...hosts.here import here
from ...plan import Step
from ..part import Site, counted, digest
from .grownfiles import Files, absent, gained, listing, take
from .pysteps import strings

_LONGEST = 7200.0
"""Seconds after its begin within which a run that was killed can have put files there."""

Record = dict[str, Any]


def key(kind: str, site: Site, basis: Sequence[str], context: Context) -> str:
    """What a site's record is called: it changes with the files that say what the site needs."""
    return digest("\n".join([kind, context.host.name, str(context.path), site.rel, *basis]))[:32]


def steps(key: str, roots: Sequence[str], label: str, main: Step) -> list[Step]:
    """The two steps: the note, with its inverse, and `main`, the manager's own covered one. `label` names the folders."""
    args: dict[str, JsonValue] = {"key": key, "roots": list[JsonValue](roots)}
    back = Step(kind="grown", does=f"take out of {label} what has come since", args={**args, "back": True})
    note = Step(kind="grown", does=f"note what {label} holds", args=args, inverse=(back,), seconds=0.5)
    return [note, main]


async def complete(key: str, context: Context) -> list[str] | None:
    """The files that the last finished run used, all of which are still there; None when it has to run (again)."""
    record = await here(_load, _file(context, key))
    if record.get("state") != "after":
        return None
    used = strings(record.get("used"))
    return None if await context.host.call(absent, used) else used


async def finished(key: str, used: Sequence[str], context: Context) -> int:
    """Record that a run ended well: what it used, and what came by it; gives the number of files that came."""
    record = await here(_load, _file(context, key))
    if not record:
        raise Failed("what the shared folders held was not noted", "Nothing was changed. Ask again.")
    added = _merged(record.get("added"), {})
    if record.get("state") == "before":
        added = _merged(added, await context.host.call(gained, record["before"], record["began"], 0.0))
    there = sorted(set(used))
    lacking = set(await context.host.call(absent, there))
    done = {"state": "after", "added": added, "used": [path for path in there if path not in lacking]}
    await here(_save, _file(context, key), done)
    return sum(len(files) for files in added.values())


class Grown:
    """`grown`: key, roots, back. Notes the files below the roots, or (`back`) removes those that came since."""

    name = "grown"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        file = _file(context, str(step.args["key"]))
        record = await here(_load, file)
        if step.args.get("back"):
            return await self._back(file, record, context)
        now, before = await context.host.call(listing, strings(step.args["roots"]))
        if record.get("state") == "before":
            # A run that was killed: what it brought counts as well, so its own note stays.
            await here(_save, file, {**record, "until": now + _LONGEST})
            return {"code": 0}
        fresh = {"state": "before", "before": before, "began": now, "until": now + _LONGEST}
        await here(_save, file, {**fresh, "added": record.get("added", {})})
        return {"code": 0, "files": sum(map(len, before.values()))}

    async def _back(self, file: Path, record: Record, context: Context) -> dict[str, JsonValue]:
        if not record:
            return {"code": 0}
        added = record.get("added")
        if record.get("state") == "before":
            came = await context.host.call(gained, record["before"], record["began"], record["until"])
            added = _merged(added, came)
        removed = await context.host.call(take, cast(dict[str, Files], added or {}))
        await here(file.unlink, True)
        return {"code": 0, "removed": counted(removed, "file")}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        record = await here(_load, _file(context, str(step.args["key"])))
        return not record if step.args.get("back") else bool(record)


def _merged(older: object, newer: dict[str, Files]) -> dict[str, Files]:
    old = cast(dict[str, Files], older) if isinstance(older, dict) else {}
    return {root: {**old.get(root, {}), **newer.get(root, {})} for root in sorted({*old, *newer})}


def _file(context: Context, key: str) -> Path:
    if not key.isalnum():
        raise Failed("a record has no such name", "Make the plan again.")
    return context.state / "grown" / f"{key}.json"


def _load(file: Path) -> Record:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return cast(Record, content) if isinstance(content, dict) else {}


def _save(file: Path, record: Record) -> None:
    """Durable before the step that relies on it begins."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as out:
        json.dump(record, out)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, file)
