"""The kinds of steps that sync sessions make."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

from pydantic import JsonValue

from ..contract import Context, Progress
from ..errors import EnvSyncError, Failed, Stale, Unreachable, Usage
from ..hosts.base import Host
from ..plan import Step
from ..store.collector import without_collector
from . import control, holding, revive
from .engine import Done
from .session import LISTED, Session, Spec, Told, now
from .settling import answer
from .undoing import forget, records, take_back
from .work import Work

STOPS = 30.0
"""Seconds that a keeper has to finish what it is doing."""
SETTLES = 600.0
"""Seconds that settling conflicts may take."""
FRESH = 5.0
"""Seconds for which what was seen when the plan was made again need not be looked at once more."""
SHOWS = 60.0
"""Seconds until a new keeper has connected and looked at everything; later it goes on all the same."""


@asynccontextmanager
async def working(session: Session, context: Context) -> AsyncGenerator[Work]:
    """The session at work, alone: its lock is held meanwhile. With `Work.held` set its sides stay open for the next
    call, some seconds. Raises Locked, Unreachable, Damaged."""

    def host(name: str) -> Host:
        return context.host if name == context.host.name else context.open(name)

    with session.locked(wait=STOPS), without_collector():
        work = await holding.take(session, host) or await Work.open(session, host)
        try:
            yield work
        except BaseException:
            work.held = False
            raise
        finally:
            with suppress(EnvSyncError, OSError):
                if work.held:
                    holding.hold(work, host)
                else:
                    await work.close()


class Cycle:
    """`sync-cycle`: make both sides the same, once; what undoing needs is on disk before the first change."""

    name = "sync-cycle"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `session`, `source` and `destination` (paths changed there), `bytes`, `conflicts`, `problems`."""
        session = _session(step, context)
        await stopped(session)
        async with working(session, context) as work:
            session.save()
            work.accepted = frozenset(str(code) for code in _listed(step.args.get("accept")))
            # The plan was made again a moment ago, under the transaction's lock.
            found = await work.looked(FRESH)
            mark = str(step.args["changes"])
            if found.mark != mark:
                raise Stale("the directories changed since the plan was shown", "Nothing was done. Ask again.")
            context.report(Progress(step.does))
            done = await work.cycles(record=mark, plan=found.plan)
            forget(session.directory)
            session.tell(_told(work, "stopped", done))
        return {
            "session": session.spec.id,
            "source": sum(len(d.made[0]) for d in done),
            "destination": sum(len(d.made[1]) for d in done),
            "bytes": sum(sum(d.sent) for d in done),
            "conflicts": [[path, c.why] for path, c in sorted(work.engine.conflicts.items())[:LISTED]],
            "problems": [[path, why] for path, why in sorted(work.engine.problems.items())[:LISTED]],
        }

    async def holds(self, step: Step, context: Context) -> bool | None:
        """People may go on writing: only whether the session is there can be told."""
        return (_session(step, context).directory / "spec.json").exists()


class Back:
    """`sync-back`: put back on both sides what a `sync-cycle` changed; what was edited since stays."""

    name = "sync-back"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `changed` (paths), `edited` (paths that stay)."""
        session = _session(step, context)
        session.recall()
        if not session.directory.exists():
            raise Failed("what this sync changed is not known any more", "Its session was ended and forgotten.")
        goes_on = session.keeping
        await stopped(session)
        try:
            async with working(session, context) as work:
                await work.engine.look()
                made, stays = await take_back(work.engine, records(session.directory, str(step.args["changes"])))
                session.tell(_told(work, "stopped", []))
        finally:
            if goes_on:
                revive.start(context.state, session.spec.id)
        if step.args.get("made") and not stays and not goes_on:
            with session.locked(wait=STOPS):
                session.forget()
        return {"changed": made, "edited": list[JsonValue](stays[:LISTED])}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return None


class Keep:
    """`sync-keep`: start the session's keeper, and wait until it watches."""

    name = "sync-keep"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `session`, `phase` (what the keeper said last)."""
        session = _session(step, context)
        await holding.drop(session)
        session.recall()
        session.save()
        session.mark("paused", False)
        session.mark("keep", True)
        told = await begun(session)
        if told.phase in ("halted", "failed"):
            raise Failed(told.what or "the keeper did not start", told.hint or f"See {session.directory}/log")
        return {"session": session.spec.id, "phase": told.phase}

    async def holds(self, step: Step, context: Context) -> bool | None:
        session = _session(step, context)
        return session.keeping or session.told().phase == "halted"


class End:
    """`sync-end`: the keeper ends. With `aside` the session is no longer known, but can be recalled."""

    name = "sync-end"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `session`. `pause` keeps it as paused."""
        session = _session(step, context)
        if not session.directory.exists():
            return {"session": session.spec.id}
        session.mark("keep", False)
        session.mark("paused", bool(step.args.get("pause")))
        await stopped(session)
        if step.args.get("aside"):
            with session.locked(wait=STOPS):
                session.aside()
        return {"session": session.spec.id}

    async def holds(self, step: Step, context: Context) -> bool | None:
        session = _session(step, context)
        return not session.keeping and not session.busy()


class Start(Keep):
    """`sync-start`: as `sync-keep`, for a session that was paused, ended or halted."""

    name = "sync-start"


class Recall:
    """`sync-recall`: a session that was ended is known again, and does not run."""

    name = "sync-recall"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `session`."""
        session = _session(step, context)
        session.recall()
        return {"session": session.spec.id}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return _session(step, context).directory.exists()


class Resolve:
    """`sync-resolve`: settle conflicts as the rules say; what loses is in its side's kept store."""

    name = "sync-resolve"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `settled` (paths), `left` (path and reason)."""
        session = _session(step, context)
        done = await settled(session, context, step.args["rules"], str(step.args["changes"]))
        return {"session": session.spec.id, "settled": done["paths"][:LISTED], "left": done["left"][:LISTED]}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return None


async def settled(session: Session, context: Context, rules: JsonValue, changes: str = "") -> dict[str, Any]:
    """What settling would do, or (with the digest of that as `changes`) do it: by the keeper where there is one."""
    more: dict[str, Any] = {"rules": rules, "changes": changes, "dry": not changes}
    if session.busy():
        reply = await control.ask(session.directory, SETTLES, "settle", **more)
        if not reply.get("ok"):
            raise Failed(str(reply.get("what")), str(reply.get("hint") or "`envsync syncs` shows how it goes."))
        return reply
    async with working(session, context) as work:
        found = await answer(work, more)
        if changes:
            session.tell(_told(work, "stopped", []))
        return found


def _session(step: Step, context: Context) -> Session:
    body = step.args["spec"]
    if not isinstance(body, dict):
        raise Usage("this step names no sync session", "Ask again.")
    id = str(body["id"])
    try:
        at = Spec.model_validate_json((Session(context.state, _spec(body)).directory / "spec.json").read_bytes()).at
    except (OSError, ValueError):
        at = None
    return Session(context.state, _spec(body) if at is None else _spec({**body, "id": id, "at": at.isoformat()}))


def _spec(body: dict[str, JsonValue]) -> Spec:
    return Spec.model_validate({"at": now(), **body, "ignore": tuple(str(p) for p in _listed(body.get("ignore")))})


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _told(work: Work, phase: str, done: list[Done]) -> Told:
    from .keeper import listed

    made = (sum(len(d.made[0]) for d in done), sum(len(d.made[1]) for d in done))
    return Told.model_validate({"phase": phase, "since": now(), "synced": now(), "pushed": made, **listed(work.engine)})


async def refreshed(session: Session, context: Context) -> int:
    """Make both sides of a session without a keeper equal now; the number of conflicts."""
    async with working(session, context) as work:
        done = await work.cycles()
        session.tell(_told(work, "stopped", done))
        return len(work.engine.conflicts)


async def stopped(session: Session) -> None:
    """End the keeper, if there is one, and wait until it has finished what it was doing."""
    end = time.monotonic() + STOPS
    asked = False
    while session.busy() and time.monotonic() < end:
        if not asked:
            with suppress(Unreachable, Failed):
                await control.ask(session.directory, 5.0, "stop")
                asked = True
        await asyncio.sleep(0.02)


async def begun(session: Session) -> Told:
    """Start the keeper and wait until it watches, or says why it does not. Slow hosts get their time in the background."""
    before = session.told()
    revive.start(session.state, session.spec.id)
    end = time.monotonic() + SHOWS
    started = time.monotonic()
    while time.monotonic() < end:
        told = session.told()
        new = (told.pid, told.began) != (before.pid, before.began)
        if new and told.phase not in ("starting", "syncing", "new"):
            return told
        if not new and time.monotonic() - started > 10 and not session.busy():
            return told.model_copy(update={"phase": "failed", "what": "its keeper did not start"})
        await asyncio.sleep(0.02)
    return session.told()
