"""The tool `sandbox`: a throw-away machine with what was named in it, for as long as its lease lasts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from ..contract import Args, Block, Changed, Context, Lines, Outcome, Tool, brief, undo_words
from ..errors import Usage
from ..hosts import vm_place
from ..made import containers
from ..made.kinds import kind
from ..made.ledger import Ledger, Made
from ..plan import Plan, Risk, Step
from . import image as images
from .contents import RUNTIMES, SERVICES, SUITES, Wanted, parse, release
from .provide import package
from .steps import STEPS, host_name

__all__ = ["SANDBOX", "STEPS", "SandboxArgs", "Sandboxed"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}")
LONGEST = 24 * 31.0
BIG = {"java", "rust", "node", "mysql", "mariadb", "rabbitmq"}
"""What does not fit into a virtual machine of the usual size."""


class SandboxArgs(Args):
    """Arguments of `sandbox`."""

    image: str = Field(
        "debian",
        max_length=300,
        description="Image to begin from, e.g. debian:13",
        json_schema_extra=brief(""),
    )
    runtimes: list[str] = Field(default=[], max_length=20, description="Runtimes in it, e.g. python@3.11")
    packages: list[str] = Field(default=[], max_length=100, description="Packages in it")
    services: list[str] = Field(default=[], max_length=20, description="Services in it, e.g. redis")
    hours: float = Field(1.0, gt=0, le=LONGEST, description="Hours until it is removed", json_schema_extra=brief(""))
    name: str | None = Field(None, description="Its name; that of one that exists: keep it longer")
    kind: Literal["docker", "vm"] = Field("docker", description="Container or virtual machine")


class Sandboxed(Changed):
    """The sandbox."""

    name: str
    host: str
    """As `--on` takes it."""
    until: datetime
    """When it is removed."""
    versions: dict[str, str] = Field(default_factory=dict)
    ports: dict[str, int] = Field(default_factory=dict)
    """Of its services, as seen inside."""

    def blocks(self) -> Sequence[Block]:
        """See Result.blocks."""
        lines = [f"{name} {version}".strip() for name, version in self.versions.items()]
        how = [f"envsync shell {self.host}", f"envsync run --on {self.host} --command …"]
        how += [f"envsync tunnel {self.host} {port}    ({name})" for name, port in self.ports.items()]
        how += [
            f"envsync sandbox --name {self.name} --hours 2    (keep it longer)",
            f"envsync destroy --name {self.name}",
        ]
        found: list[Block] = [Lines(lines, "in it")] if lines else []
        return [*found, Lines(how, "how to go on"), *super().blocks()]


async def plan(args: SandboxArgs, context: Context) -> Plan:
    """Make a throw-away machine, removed by itself when its lease ends."""
    if context.host.name != "local":
        raise Usage(
            f"sandboxes are made on this machine, not on {context.host.name}",
            "Leave --on out; DOCKER_HOST leads to an engine elsewhere.",
        )
    runtimes = _once([parse(text, RUNTIMES, "runtime") for text in args.runtimes])
    services = _once([parse(text, SERVICES, "service") for text in args.services])
    for text in args.packages:
        package(text)
    kind_name = "vm" if args.kind == "vm" else "container"
    living = Ledger(context.state).living()
    known = [made for made in living if made.name == args.name and made.kind in ("container", "vm")]
    if known:
        if "kind" not in args.model_fields_set:
            kind_name = known[0].kind
        known = [made for made in known if made.kind == kind_name]
    if known:
        return _longer(args, known[0], [*runtimes, *services], context)
    name = args.name or _free(living)
    if not _NAME.fullmatch(name):
        raise Usage(
            f"{name[:60]!r} cannot be the name of a sandbox",
            "Use up to 48 lower-case letters, digits, dots, underscores and hyphens, beginning with a letter or digit.",
        )
    taken = await kind(kind_name).stranger(name)
    if taken:
        raise Usage(f"{taken} has this name and was not made by EnvSync", "Choose another name.")
    wanted = [*runtimes, *services]
    if kind_name == "vm":
        base, place = _machine(args, wanted)
    else:
        engine = await asyncio.to_thread(containers.engine)
        base, place = await asyncio.to_thread(images.choose, args.image, wanted, engine), engine.address.url
    return _plan(args, context, name, kind_name, base, place, runtimes, services)


def _plan(
    args: SandboxArgs,
    context: Context,
    name: str,
    kind_name: str,
    base: images.Base,
    place: str,
    runtimes: list[Wanted],
    services: list[Wanted],
) -> Plan:
    wanted: list[JsonValue] = [str(each) for each in [*runtimes, *services]]
    inside = ", ".join([*map(str, wanted), *args.packages])
    what = f"sandbox of {base.short}{f' with {inside}' if inside else ''}"
    about: dict[str, JsonValue] = {"kind": kind_name, "name": name}

    def end(does: str) -> tuple[Step]:
        return (Step(kind="made-end", does=does, args=about),)

    steps: list[Step] = []
    if base.how in ("build", "pull"):
        keep = Step(kind="sandbox-image", does="nothing: the image is kept for the next one", args={"keep": True})
        made: dict[str, JsonValue] = {"image": base.name, "how": base.how, "suite": base.suite, "place": place}
        does = f"{base.how} the image {base.name}"
        steps.append(Step(kind="sandbox-image", does=does, args=made, inverse=(keep,), seconds=60.0))
    lease: dict[str, JsonValue] = {**about, "hours": args.hours, "what": what, "place": place, "holds": wanted}
    steps.append(
        Step(
            kind="sandbox-lease",
            does=f"write down its lease: {_hours(args.hours)}",
            args=lease,
            inverse=end("end its lease"),
        )
    )
    machine: dict[str, JsonValue] = {**about, "image": base.name}
    if kind_name == "vm":
        machine["memory"] = 1024 if BIG & {each.name for each in [*runtimes, *services]} else 512
    word = "boot the virtual machine" if kind_name == "vm" else "start the container"
    steps.append(
        Step(kind="sandbox-make", does=f"{word} {name}", args=machine, inverse=end(f"remove {name}"), seconds=2.0)
    )
    if inside:
        fill: dict[str, JsonValue] = {
            **about,
            "holds": wanted,
            "packages": list[JsonValue](args.packages),
            "what": what,
        }
        does = f"install {inside} in it, and see that it works"
        steps.append(
            Step(
                kind="sandbox-fill",
                does=does,
                args=fill,
                inverse=end(f"remove {name} with everything in it"),
                seconds=30.0,
            )
        )
    notes = [each.content.note for each in services if each.content.note]
    return Plan(
        tool="sandbox",
        args=args.model_dump(mode="json", exclude_unset=True),
        host=context.host.name,
        path=str(context.path),
        summary=f"make {name}, a {what}, for {_hours(args.hours)}",
        steps=tuple(steps),
        details=(
            base.words
            if kind_name != "vm"
            else f"a virtual machine with Debian {SUITES[base.suite]} and {machine['memory']} MiB",
            f"reached as {host_name(kind_name, name)}",
            f"removed with everything in it {_hours(args.hours)} after it was made",
        ),
        warnings=tuple(dict.fromkeys(notes)),
        risk=Risk.R2,
    )


def _longer(args: SandboxArgs, made: Made, wanted: list[Wanted], context: Context) -> Plan:
    """A new lease for one that lives; and what is named goes into it."""
    about: dict[str, JsonValue] = {"kind": made.kind, "name": made.name}
    back = Step(
        kind="sandbox-lease", does="give it its old lease", args={**about, "hours": args.hours, "back": made.until}
    )
    does = f"let {made.name} live for {_hours(args.hours)} from now on"
    steps = [Step(kind="sandbox-lease", does=does, args={**about, "hours": args.hours}, inverse=(back,))]
    inside = ", ".join([*map(str, wanted), *args.packages])
    warnings: tuple[str, ...] = ()
    if inside:
        fill: dict[str, JsonValue] = {
            **about, "holds": [str(each) for each in wanted], "packages": list[JsonValue](args.packages),
            "what": f"{made.what}, {inside}",
        }  # fmt: skip
        keep = Step(kind="sandbox-image", does="nothing: what is in it goes with it", args={"keep": True})
        steps.append(
            Step(kind="sandbox-fill", does=f"install {inside} in it", args=fill, inverse=(keep,), seconds=30.0)
        )
        warnings = ("what is installed in it stays there when this is undone, until the sandbox is removed",)
    if "image" in args.model_fields_set:
        warnings += (f"{made.name} exists: it keeps its image",)
    return Plan(
        tool="sandbox",
        args=args.model_dump(mode="json", exclude_unset=True),
        host=context.host.name,
        path=str(context.path),
        summary=f"{does}{f', with {inside} in it' if inside else ''}",
        steps=tuple(steps),
        details=(f"it is a {made.what}", f"reached as {host_name(made.kind, made.name)}"),
        warnings=warnings,
        risk=Risk.R2,
    )


async def finish(args: SandboxArgs, plan: Plan, outcome: Outcome, context: Context) -> Sandboxed:
    """Make the result from what the journal and the ledger have."""
    about = next(step.args for step in plan.steps if step.kind == "sandbox-lease")
    name, kind_name = str(about["name"]), str(about["kind"])
    data = {key: value for step in outcome.steps for key, value in step.data.items()}
    versions, ports = data.get("versions"), data.get("ports")
    until = datetime.fromisoformat(str(data["until"])).astimezone()
    return Sandboxed(
        summary=f"{host_name(kind_name, name)} is there until {until:%H:%M} on {until:%A}, {until:%Y-%m-%d}",
        transaction=outcome.transaction,
        done=tuple(step.does for step in outcome.steps if step.state == "done"),
        undo=undo_words("."),
        name=name,
        host=host_name(kind_name, name),
        until=until,
        versions={key: str(value) for key, value in versions.items()} if isinstance(versions, dict) else {},
        ports={key: int(str(value)) for key, value in ports.items()} if isinstance(ports, dict) else {},
    )


def _machine(args: SandboxArgs, wanted: list[Wanted]) -> tuple[images.Base, str]:
    repository, _, tag = args.image.replace("@", ":").partition(":")
    if repository != "debian" or (tag and tag not in ("latest", "12", "bookworm")):
        raise Usage(f"a virtual machine cannot begin from {args.image[:60]!r}", "Only from debian:12 so far.")
    release(wanted, "bookworm")
    return images.Base("debian:12", "vm", "bookworm"), str(vm_place.state())


def _free(living: Sequence[Made]) -> str:
    names = {made.name for made in living}
    number = 1
    while f"sandbox-{number}" in names:
        number += 1
    return f"sandbox-{number}"


def _once(wanted: list[Wanted]) -> list[Wanted]:
    found: dict[str, Wanted] = {}
    for each in wanted:
        other = found.setdefault(each.name, each)
        if other.version and each.version and other.version != each.version:
            raise Usage(f"{each.name} is asked for twice: {other} and {each}", "Name one version.")
        if each.version:
            found[each.name] = each
    return list(found.values())


def _hours(hours: float) -> str:
    """`1 hour`, `90 minutes`, `36 hours`, `3 days`."""
    minutes = round(hours * 60)
    if minutes < 1:
        seconds = max(round(hours * 3600), 1)
        return f"{seconds} second{'s' * (seconds != 1)}"
    if minutes < 120 and minutes != 60:
        return f"{minutes} minute{'s' * (minutes != 1)}"
    if minutes % 1440 == 0 and minutes > 1440:
        return f"{minutes // 1440} days"
    return "1 hour" if minutes == 60 else f"{hours:g} hours"


SANDBOX = Tool(name="sandbox", args=SandboxArgs, risk=Risk.R2, plan=plan, finish=finish)
