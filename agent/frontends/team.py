"""`envsync team`: what a project's people share, signed, so that drift can name who moved."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence

from ...tools.contract import Args, Context, Result
from ...tools.errors import Usage
from ...tools.team import members as team
from ..config import Settings
from ..wiring import build
from .flags import Parser, settings
from .render import Screen
from .turn import dumped

HOW = "For example: envsync team join ../shared, or envsync team join git@host:team/envs.git#main"


def run(argv: Sequence[str]) -> int:
    """Join, publish, list, trust or leave. Raises Usage for a project without a team."""
    parser = Parser("envsync team", description="Share this project's fingerprint, signed, with its people.")
    parser.add_argument("words", nargs="*", metavar="join PLACE | publish | members | trust PERSON | leave")
    parser.add_argument("--person", default="", metavar="NAME", help="join: how the others name you")
    parser.add_argument("--project", default="", metavar="NAME", help="join: what they all call this project")
    given = parser.read(argv)
    chosen = settings(given, os.environ)
    return asyncio.run(_run(given.words or ["members"], given.person, given.project, chosen))


async def _run(words: Sequence[str], person: str, project: str, chosen: Settings) -> int:
    parts = build(chosen)
    try:
        context = await parts.executor.context(Args())
        result = await _do(words, person, project, context, chosen.plan)
    finally:
        await parts.close()
    if chosen.json:
        print(json.dumps(dumped(result)))
    else:
        Screen(chosen).result(result)
    return 0


async def _do(words: Sequence[str], person: str, project: str, context: Context, plan: bool) -> Result:
    match words:
        case ["members" | "list"]:
            return await team.members(context)
        case ["join", place]:
            if plan:
                return Result(summary=f"would join the team at {place}, and publish this project's fingerprint there")
            return await team.join(context, place, person, project)
        case ["publish"]:
            if plan:
                return Result(summary="would publish this project's fingerprint as it is now")
            return await team.publish(context)
        case ["trust", name]:
            if plan:
                return Result(summary=f"would take {name}'s key as it is there now")
            await asyncio.to_thread(team.trust, context, name)
            return Result(summary=f"{name}'s key is taken as it is there now, the next time it is read")
        case ["leave"]:
            if plan:
                return Result(summary="would take your file away and forget the team")
            return await team.leave(context)
        case _:
            raise Usage("team takes: join PLACE, publish, members, trust PERSON, leave", HOW)
