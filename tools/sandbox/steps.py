"""The steps of a sandbox: its image, its lease, the machine itself, and what is put into it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from ..contract import Context, Progress, StepKind
from ..errors import EnvSyncError, Failed
from ..hosts import vm_boot, vm_machine
from ..made import containers, machines
from ..made.kinds import kind
from ..made.ledger import Ledger, Made
from ..made.owner import ID, LEASE, NAME, OWNER, owner
from ..plan import Step
from . import image as images
from .provide import IDLE, known, provide, works
from .reaper import nudge

HOUR = 3600.0


def ours(step: Step, context: Context) -> Made:
    """The ledger's line of the machine that a step is about. Raises Failed when it is gone."""
    found = Ledger(context.state).find(str(step.args["name"]), str(step.args["kind"]))
    if not found or found[0].state == "ending":
        raise Failed(f"the sandbox {step.args['name']} is gone", "Ask for it again.")
    return found[0]


def labels(made: Made, context: Context) -> dict[str, str]:
    """What marks a machine as ours."""
    until = datetime.fromtimestamp(made.until, UTC).isoformat(timespec="seconds") if made.until else ""
    return {OWNER: owner(context.state), ID: made.id, NAME: made.name, LEASE: until}


class ImageStep:
    """Builds or pulls the base image. Its inverse keeps it: the next sandbox begins from it."""

    name = "sandbox-image"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Nothing when the image is here by now."""
        if step.args.get("keep"):
            return {}
        engine = containers.reach(str(step.args["place"]))
        base = images.Base(str(step.args["image"]), str(step.args["how"]), str(step.args["suite"]))
        await images.obtain(base, engine, context)
        return {"image": base.name}

    async def holds(self, step: Step, context: Context) -> bool | None:
        if step.args.get("keep"):
            return None
        engine = containers.reach(str(step.args["place"]))
        return await asyncio.to_thread(images.there, engine, str(step.args["image"]))


class LeaseStep:
    """Writes the lease down, before there is anything that it is for; or gives what lives a new one."""

    name = "sandbox-lease"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `until`, as ISO 8601."""
        ledger, now = Ledger(context.state), time.time()
        name, kind_name = str(step.args["name"]), str(step.args["kind"])
        until = now + float(str(step.args["hours"])) * HOUR
        back = step.args.get("back")
        if back is not None:
            until = float(str(back))
        there = ledger.find(name, kind_name)
        if there:
            if not ledger.lease(there[0].id, until):
                raise Failed(f"{name} is being removed: its lease has ended", "Ask for a new one.")
        elif back is not None:
            raise Failed(f"{name} is gone, and so is its lease", "There is nothing to take back.")
        else:
            ledger.want(
                Made(
                    kind=kind_name, name=name, what=str(step.args["what"]), at=now, until=until,
                    place=str(step.args["place"]), data={"holds": step.args.get("holds", [])},
                )
            )  # fmt: skip
        await asyncio.to_thread(nudge, context.state)
        said: dict[str, JsonValue] = {"until": datetime.fromtimestamp(until, UTC).isoformat()}
        return said

    async def holds(self, step: Step, context: Context) -> bool | None:
        return bool(Ledger(context.state).find(str(step.args["name"]), str(step.args["kind"])))


class MakeStep:
    """Makes the machine, with the marks by which it is found again, and starts it."""

    name = "sandbox-make"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `host`, the name to reach it by."""
        made = ours(step, context)
        if made.kind == "vm":
            await self._machine(made, step, context)
        else:
            await self._container(made, step, context)
        Ledger(context.state).made(made.id)
        return {"host": host_name(made.kind, made.name)}

    async def _container(self, made: Made, step: Step, context: Context) -> None:
        engine = containers.reach(made.place)
        there = await asyncio.to_thread(containers.ours, made, context.state)
        if there:
            return
        context.report(Progress(f"starting {made.name}"))
        id = await engine.ask(
            engine.create, str(step.args["image"]), made.name, command=["sh", "-c", IDLE], labels=labels(made, context)
        )
        await asyncio.sleep(0.1)
        info = await engine.ask(engine.inspect, id)
        if not info["State"]["Running"]:
            raise Failed(
                f"{step.args['image']} ended as soon as it was started (exit code {info['State']['ExitCode']})",
                "An image without a shell cannot be a sandbox; take debian.",
            )

    async def _machine(self, made: Made, step: Step, context: Context) -> None:
        root = Path(made.place)
        machine = await asyncio.to_thread(machines.ours, made, context.state)
        if machine is None:
            machine = await vm_machine.create(
                made.name, memory=int(str(step.args["memory"])), labels=labels(made, context), report=context.report,
                root=root,
            )  # fmt: skip
        context.report(Progress(f"starting {made.name}"))
        await vm_boot.start(machine, root)

    async def holds(self, step: Step, context: Context) -> bool | None:
        made = ours(step, context)
        return await kind(made.kind).alive(made, context.state) == "running"


class FillStep:
    """Installs and starts what is to be in it. Its inverse is the machine's end."""

    name = "sandbox-fill"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `versions` and `ports`."""
        made = ours(step, context)
        host = context.open(host_name(made.kind, made.name))
        runtimes, services = known(_texts(step.args, "holds"))
        done = await provide(host, runtimes, _texts(step.args, "packages"), services, context)
        Ledger(context.state).made(made.id, str(step.args["what"]))
        return done

    async def holds(self, step: Step, context: Context) -> bool | None:
        made = ours(step, context)
        runtimes, services = known(_texts(step.args, "holds"))
        try:
            await works(context.open(host_name(made.kind, made.name)), runtimes, services)
        except EnvSyncError:
            return False
        return True


def host_name(kind: str, name: str) -> str:
    """As people write it."""
    return f"vm:{name}" if kind == "vm" else f"docker:{name}"


def _texts(args: Mapping[str, JsonValue], key: str) -> list[str]:
    value = args.get(key)
    return [str(each) for each in value] if isinstance(value, list) else []


STEPS: tuple[StepKind, ...] = (ImageStep(), LeaseStep(), MakeStep(), FillStep())
