"""The tool `destroy`: stop and remove something that EnvSync made, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from pydantic import Field, JsonValue

from ..contract import Args, Changed, Context, Outcome, StepKind, Tool
from ..errors import EnvSyncError, Refused, Unreachable, Usage
from ..made import servers
from ..made.ending import removed
from ..made.kinds import KINDS, kind
from ..made.ledger import Ledger, Made
from ..moments.say import shown
from ..plan import Plan, Risk, Step

PREFIXES = {"docker": "container", "vm": "vm", "service": "service"}
"""Kind by how a host of it is written."""


class DestroyArgs(Args):
    """Arguments of `destroy`."""

    name: str = Field(description="A sandbox, deployment or service")


async def plan(args: DestroyArgs, context: Context) -> Plan:
    """Remove a sandbox, deployment or service that EnvSync made, for good."""
    made = await _find(args.name, context)
    try:
        state = await kind(made.kind).alive(made, context.state) if made.kind in KINDS else ""
    except Unreachable as error:
        state = f"not to be seen now: {error.what}"
    about: dict[str, JsonValue] = {"kind": made.kind, "name": made.name, "id": made.id}
    host = {word: prefix for prefix, word in PREFIXES.items()}.get(made.kind, made.kind)
    return Plan(
        tool="destroy",
        args={"name": args.name},
        host=context.host.name,
        path=str(context.path),
        summary=f"destroy {made.name}, the {made.what}",
        steps=(Step(kind="made-end", does=f"remove {host}:{made.name} with everything in it", args=about),),
        details=(f"now: {state or 'it does not exist any more; only its entry is removed'}",),
        warnings=("nothing of it can be brought back",),
        risk=Risk.R3,
    )


async def _find(name: str, context: Context) -> Made:
    """The one thing of this name. Raises Usage for none or several, Refused for what EnvSync did not make."""
    prefix, colon, rest = name.partition(":")
    wanted = PREFIXES.get(prefix) if colon else None
    bare = rest if wanted else name
    ledger = Ledger(context.state)
    found = ledger.find(bare, wanted)
    if not found and wanted in (None, "service"):
        # Within its project a service may be called by what it is.
        mine = servers.of(context.state, context.host.name, context.path)
        found = [each for each in mine if each.data.get("kind") == bare]
    if len(found) == 1:
        return found[0]
    if found:
        raise Usage(
            f"{len(found)} things are named {shown(bare)}",
            f"Say which: {' or '.join(_written(each) for each in found)}.",
        )
    living = ledger.living()
    for each in [wanted] if wanted else KINDS:
        try:
            stranger = await kind(each).stranger(bare)
        except EnvSyncError:
            continue  # without an engine there is nothing there to be mistaken for
        if stranger:
            raise Refused(
                f"{stranger} was not made by EnvSync, which never removes what it did not make",
                _near(bare, living) or "Remove it by the means that made it.",
            )
    raise Usage(
        f"EnvSync made nothing that is named {shown(bare)}", _near(bare, living) or "`envsync status` lists it."
    )


def _near(name: str, living: Sequence[Made]) -> str:
    names = [made.name for made in living]
    near = get_close_matches(name, names, 3, 0.6)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"There is: {', '.join(names[:10])}." if names else ""


def _written(made: Made) -> str:
    prefix = next((prefix for prefix, word in PREFIXES.items() if word == made.kind), made.kind)
    return f"{prefix}:{made.name}"


async def finish(args: DestroyArgs, plan: Plan, outcome: Outcome, context: Context) -> Changed:
    """Say what is gone; there is no way back to tell of."""
    return Changed(
        summary=plan.summary.replace("destroy", "destroyed", 1),
        transaction=outcome.transaction,
        done=tuple(step.does for step in outcome.steps if step.state == "done"),
    )


class EndStep:
    """Removes one thing by its line in the ledger; without an `id` in the arguments, what lives under the name."""

    name = "made-end"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `removed`: False when it was gone already."""
        made = self._line(step, context)
        return {"removed": made is not None and await removed(context.state, made)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return self._line(step, context) is None

    def _line(self, step: Step, context: Context) -> Made | None:
        ledger, id = Ledger(context.state), step.args.get("id")
        if id is not None:
            made = ledger.get(str(id))
            return made if made is not None and made.state != "gone" else None
        return next(iter(ledger.find(str(step.args["name"]), str(step.args["kind"]))), None)


DESTROY = Tool(name="destroy", args=DestroyArgs, risk=Risk.R3, plan=plan, finish=finish)
STEPS: tuple[StepKind, ...] = (EndStep(),)
