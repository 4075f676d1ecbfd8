"""The tool `remember`: keep a fact or a preference, without the secrets in it."""

from __future__ import annotations

import re

from pydantic import Field, JsonValue

from ..contract import Args, Changed, Context, Outcome, StepKind, Tool, brief, undo_words
from ..errors import Usage
from ..plan import Plan, Risk, Step
from ..redact import Redactor

LONGEST = 4000
"""Characters of a fact: a page. What is longer belongs in a file of the project."""


class RememberArgs(Args):
    """Arguments of `remember`."""

    fact: str = Field(description="what to keep, in the user's own words", json_schema_extra=brief(""))
    everywhere: bool = Field(
        False,
        description="true when it holds in every project, not only in this one",
        json_schema_extra=brief(""),
    )


class Kept(Changed):
    """What is remembered now."""

    fact: str
    """As it is kept: without secrets."""
    id: int | None = None


async def plan(args: RememberArgs, context: Context) -> Plan:
    """Keep a fact or a preference for later requests.

    For what the user states, wants or prefers: ports, versions, paths, names, ways of working. A fact holds for this
    project and the directories below it, or everywhere. Secrets are taken out before it is kept.
    """
    fact, secrets = _told(args.fact, context)
    project = "" if args.everywhere else str(context.path)
    about: dict[str, JsonValue] = {"fact": fact, "project": project, "host": context.host.name}
    known = await context.notes.find(fact, project=project, host=context.host.name)
    back = Step(kind="note-forget", does=f"forget: {fact}", args=about)
    step = Step(kind="note", does=f"remember: {fact}", args=about, inverse=(back,))
    given: dict[str, JsonValue] = {"fact": fact}
    return Plan(
        tool="remember",
        args=given | ({"everywhere": True} if args.everywhere else {}),
        host=context.host.name,
        path=str(context.path),
        summary=f"already remembered: {fact}" if known else f"remember: {fact}",
        steps=() if known else (step,),
        details=("for every project" if args.everywhere else f"for {context.path} and what is below it",),
        warnings=(f"a secret was taken out and is not kept: {', '.join(secrets)}",) if secrets else (),
        risk=Risk.R1,
    )


async def finish(args: RememberArgs, plan: Plan, outcome: Outcome, context: Context) -> Kept:
    """Make the result from what the journal has."""
    fact, secrets = _told(args.fact, context)
    told = f" (without a secret that was in it: {', '.join(secrets)})" if secrets else ""
    id = outcome.steps[0].data.get("id") if outcome.steps else None
    return Kept(
        summary=f"{plan.summary}{told}",
        transaction=outcome.transaction,
        undo=undo_words(".") if outcome.steps else "",
        fact=fact,
        id=id if isinstance(id, int) else None,
    )


def _told(words: str, context: Context) -> tuple[str, tuple[str, ...]]:
    """The fact as it is kept, and what secrets it had. Raises Usage when nothing worth keeping is left."""
    if len(words) > LONGEST:
        raise Usage(
            f"this is too long for a fact ({len(words):,} characters; {LONGEST:,} at most)",
            "Say it in a sentence, or keep it in a file of the project.",
        )
    text = " ".join(words.encode("utf-8", "backslashreplace").decode("utf-8").split())  # no lone surrogates in a plan
    fact, secrets = Redactor(context.environ).redact(text)
    if not re.search(r"\w", re.sub(r"\[redacted:[^\]]*\]", "", fact)):
        what = f"this is a secret ({', '.join(secrets)}), and secrets are not kept" if secrets else "there is no fact"
        raise Usage(what, "Say what to remember, e.g.: envsync remember --fact 'my database always listens on 5433'")
    return fact, secrets


def _about(step: Step) -> tuple[str, str, str]:
    return str(step.args["fact"]), str(step.args["project"]), str(step.args["host"])


class NoteStep:
    """Keeps a fact. Keeping it again changes nothing, so a crash half-way is no matter."""

    name = "note"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns the note's `id`."""
        fact, project, host = _about(step)
        return {"id": await context.notes.add(fact, project=project, host=host)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        fact, project, host = _about(step)
        return await context.notes.find(fact, project=project, host=host) is not None


class NoteForgetStep:
    """Takes a fact back: exactly this text, of this project and host. Forgetting it again changes nothing."""

    name = "note-forget"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns the `id` that the note had, or None when it was gone already."""
        fact, project, host = _about(step)
        known = await context.notes.find(fact, project=project, host=host)
        if known is None:
            return {"id": None}
        await context.notes.forget(known.id)
        return {"id": known.id}

    async def holds(self, step: Step, context: Context) -> bool | None:
        fact, project, host = _about(step)
        return await context.notes.find(fact, project=project, host=host) is None


REMEMBER = Tool(name="remember", args=RememberArgs, risk=Risk.R1, plan=plan, finish=finish)
STEPS: tuple[StepKind, ...] = (NoteStep(), NoteForgetStep())
