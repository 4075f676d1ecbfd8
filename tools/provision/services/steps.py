"""The steps of a service: its image, the server itself, its start after a stop, and the project's variables."""

from __future__ import annotations

import asyncio
from typing import cast

from pydantic import JsonValue

from ...contract import Context, Progress, StepKind
from ...errors import Failed
from ...made import containers as engines
from ...made.ending import removed
from ...made.ledger import Ledger, Made
from ...plan import Step
from . import containers, dotenv, keeper, variables
from .kind import Spec
from .lines import KIND, line, spec_of
from .quiet import QuietStep


def _line(step: Step, context: Context) -> Made:
    found = Ledger(context.state).find(str(step.args["name"]), KIND)
    if not found or found[0].state == "ending":
        raise Failed(f"the service {step.args['name']} is gone", "Ask for it again.")
    return found[0]


class ImageStep:
    """`service-image`: pull an image. Its inverse (`keep`) does nothing: the next project begins from it."""

    name = "service-image"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        if not step.args.get("keep"):
            await containers.pull(str(step.args["engine"]), str(step.args["image"]), context)
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        if step.args.get("keep"):
            return None
        return await containers.there(str(step.args["engine"]), str(step.args["image"]))


class MakeStep:
    """`service-make`: write the service down, then make its server and see that it answers. Returns its version."""

    name = "service-make"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        spec = _spec(step)
        ledger = Ledger(context.state)
        known = ledger.find(spec.name, KIND)
        made = known[0] if known else ledger.want(line(spec, context.host.name))
        if made.state == "ending" or spec_of(made) != spec:
            raise Failed(
                f"{spec.name} exists and is another one", f"envsync destroy --name {spec.name}, then ask again."
            )
        context.report(Progress(step.does))
        if spec.by == "container":
            done = await containers.make(made, spec, context)
        else:
            done = await context.host.call(keeper.make, spec)
        ledger.made(made.id)
        return {"version": done["version"], "port": spec.port}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds: it answers in its own protocol, to its own password."""
        spec = _spec(step)
        known = Ledger(context.state).find(spec.name, KIND)
        return bool(known) and known[0].state == "made" and await context.host.call(keeper.look, spec) == "running"


class EndStep:
    """`service-end`: remove the service with all that it had; one that is gone, or another one of the name, is left alone."""

    name = "service-end"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        made = self._there(step, context)
        return {"removed": made is not None and await removed(context.state, made)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        return self._there(step, context) is None

    def _there(self, step: Step, context: Context) -> Made | None:
        found = Ledger(context.state).find(str(step.args["name"]), KIND)
        return found[0] if found and spec_of(found[0]) == _spec(step) else None


class StartStep:
    """`service-start`: start what was stopped; `service-stop`, its inverse."""

    name = "service-start"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        made = _line(step, context)
        spec = spec_of(made)
        context.report(Progress(step.does))
        if spec.by == "container":
            found = await asyncio.to_thread(engines.ours, containers.lined(made, spec), context.state)
            if not found:
                raise Failed(
                    f"the container of {spec.name} is gone",
                    f"envsync destroy --name {spec.name}, then provision it anew.",
                )
            await containers.start(found[0].id, spec, context)
        else:
            await context.host.call(keeper.start, spec)
        return {"port": spec.port}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        return await context.host.call(keeper.look, spec_of(_line(step, context))) == "running"


class StopStep:
    """`service-stop`: end its processes; what it keeps stays. One that is gone is no error."""

    name = "service-stop"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        made = next(iter(Ledger(context.state).find(str(step.args["name"]), KIND)), None)
        if made is None:
            return {}
        spec = spec_of(made)
        if spec.by == "container":
            await containers.halt(made, spec, context.state)
        else:
            await context.host.call(keeper.stop, spec)
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        found = Ledger(context.state).find(str(step.args["name"]), KIND)
        return not found or await context.host.call(keeper.look, spec_of(found[0])) != "running"


class VariablesStep:
    """`service-env`: write variables into the project's `.env`, or take those named in `remove` out. Returns the names."""

    name = "service-env"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        if step.args.get("remove"):
            found = Ledger(context.state).find(str(step.args["name"]), KIND)
            if found:
                spec = spec_of(found[0])
                note, names = spec.folder / "env.json", cast("list[str]", step.args["remove"])
                await context.host.call(dotenv.drop, spec.project, spec.file, spec.name, note, names)
            return {}
        wrote = await context.host.call(write, spec_of(_line(step, context)), _pairs(step))
        return {"names": list[JsonValue](wrote)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        if step.args.get("remove"):
            return None
        spec = spec_of(_line(step, context))
        have = await context.host.call(dotenv.named, spec.project / spec.file)
        return all(name in have for name, _ in _pairs(step))


def write(spec: Spec, pairs: list[tuple[str, str]]) -> list[str]:
    """Next to the files: the values are made where they are written. Returns the names."""
    access = keeper.known(spec)
    if access is None:
        raise Failed(f"what {spec.name} kept is gone", f"envsync destroy --name {spec.name}, then provision it anew.")
    full = [(name, variables.value(spec.kind, form, access, spec.port)) for name, form in pairs]
    return dotenv.put(spec.project, spec.file, spec.name, full, spec.folder / "env.json")


def written(step: Step) -> list[str]:
    """The names that a step of VariablesStep's kind gives a value, or finds with one."""
    return [] if step.args.get("remove") else [name for name, _ in _pairs(step)]


def _pairs(step: Step) -> list[tuple[str, str]]:
    rows = cast("list[list[str]]", step.args["variables"])
    return [(str(name), str(form)) for name, form in rows]


def _spec(step: Step) -> Spec:
    return Spec.of(step.args)


STEPS: tuple[StepKind, ...] = (
    ImageStep(),
    QuietStep(),
    MakeStep(),
    EndStep(),
    StartStep(),
    StopStep(),
    VariablesStep(),
)
