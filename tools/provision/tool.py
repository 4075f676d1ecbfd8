"""The tool `provision`: from names, or from what the scan says a project needs, to one plan that can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field, JsonValue

from ..contract import Args, Block, Changed, Context, Lines, Outcome, StepKind, Table, Tool, brief, undo_words
from ..errors import EnvSyncError, Usage
from ..fingerprint import Fingerprint, Service
from ..plan import Data, Plan, Risk
from . import gpu, whole
from .checks import Check, results, runnable
from .names import Named, parse, plain
from .part import Part, counted, digest
from .providers import apt, runtime
from .providers.pysteps import changes
from .providers.registry import STEPS as PROVIDING
from .services import lines
from .services import plan as services
from .services.steps import STEPS as SERVING
from .sites import assign, served, sites
from .sizes import figures
from .templates import planning as templates
from .templates.files import TemplateFiles

__all__ = ["PROVISION", "STEPS", "Change", "ProvisionArgs", "Provisioned"]

STEPS: tuple[StepKind, ...] = (*PROVIDING, *SERVING, TemplateFiles())


class ProvisionArgs(Args):
    """Arguments of `provision`."""

    runtimes: list[str] = Field(
        default=[],
        max_length=20,
        description="Runtimes, e.g. python@3.11, node@20",
        json_schema_extra=brief("e.g. python@3.11"),
    )
    packages: list[str] = Field(
        default=[],
        max_length=100,
        description="Packages, e.g. numpy@1.26.4, left-pad, flask@latest to upgrade; pip:, npm:, apt: say whose",
        json_schema_extra=brief("e.g. numpy@1.26.4, flask@latest to upgrade, apt:curl"),
    )
    services: list[str] = Field(
        default=[],
        max_length=20,
        description="Databases and other services, e.g. postgresql, redis@7",
        json_schema_extra=brief("e.g. redis@7"),
    )
    template: str | None = Field(
        default=None,
        description="Name of a template to begin with, e.g. fastapi; `list` names them",
        json_schema_extra=brief(None),
    )
    answers: list[str] = Field(
        default=[],
        max_length=20,
        description="Answers to what the template asks, e.g. name=shop port=8080",
        json_schema_extra=brief(None),
    )
    gpu: bool = Field(default=False, description="Prefer builds that use a GPU", json_schema_extra=brief(""))
    path: str = Field(default=".", description="The project's directory")
    on: str = Field(default="local", description="The host")


class Change(Data):
    """One package that was installed or changed; `old` is empty for a new one."""

    name: str
    old: str
    new: str


class Place(Data):
    """One part of the project: what it is, where it answers, and what it needs to run."""

    name: str
    role: str
    port: str = ""
    needs: tuple[str, ...] = ()


class Provisioned(Changed):
    """What `provision` did."""

    packages: tuple[Change, ...] = ()
    checks: tuple[Check, ...] = ()
    """How the services' own tests or health checks went."""
    places: tuple[Place, ...] = ()
    """What runs where, of a project with several parts."""
    commands: dict[str, str] = Field(default_factory=dict)
    """How the project is started and tested, by purpose."""
    lacking: tuple[str, ...] = ()
    """What could not be done, and what a person must know."""
    differences: tuple[str, ...] = ()
    """Of the files that were replaced, as lines of unified diffs: `--yes` shows them nowhere else."""

    def blocks(self) -> Sequence[Block]:
        """See Result.blocks."""
        blocks: list[Block] = []
        if self.packages:
            rows = [(change.name, change.old or "-", change.new) for change in self.packages]
            blocks.append(Table(("package", "before", "now"), rows))
        if self.places:
            parts = [(one.name, one.role, one.port or "-", ", ".join(one.needs) or "-") for one in self.places]
            blocks.append(Table(("part", "role", "port", "needs"), parts, "what runs where"))
        if self.checks:
            words = {True: "works", False: "fails", None: "not told"}
            blocks.append(
                Table(
                    ("part", "result", "how", "detail"),
                    [(c.service, words[c.passed], c.how, c.said.partition("\n")[0]) for c in self.checks],
                    "checked",
                )
            )
            failing = [
                line for c in self.checks if c.passed is False for line in (f"{c.service}:", *c.said.splitlines())
            ]
            blocks += [Lines(failing, "what failed")] if failing else []
        if self.commands:
            blocks.append(Lines([f"{purpose}: {line}" for purpose, line in self.commands.items()], "how to go on"))
        if self.differences:
            blocks.append(Lines(self.differences, "what was replaced"))
        if self.lacking:
            blocks.append(Lines(self.lacking, "to know"))
        return [*blocks, *super().blocks()]


async def plan(args: ProvisionArgs, context: Context) -> Plan:
    """Install what a project needs, or what is named.

    With nothing named: whatever the project's manifests and lockfiles ask for, tests included. A second run has nothing to do.
    """
    runtimes = [runtime.parse(text) for text in args.runtimes]
    wanted = [services.parse(text) for text in args.services]
    if args.template is not None:
        if args.packages:
            raise Usage("a template says itself which packages it needs", "Begin with it, then add: --packages NAME.")
        part = await templates.plan(args.template, args.answers, runtimes, wanted, context)
        return await _told(args, context, part)
    if args.answers:
        raise Usage("answers are for a template", "Name it: --template NAME. `--template list` names them.")
    named: list[Named] = []
    for text in args.packages:
        item = parse(text)
        # `node@20` among the packages is the runtime: models and people put it there.
        if not item.ecosystem and runtime.known(item.name):
            runtimes.append(runtime.parse(f"{item.name}@{item.version}" if item.version else item.name))
        elif item not in named:
            named.append(item)
    _twice(named)
    found = await context.observe(context, "project")
    if runtimes or named or wanted:
        part = await _named(runtimes, named, wanted, found, context, args.gpu)
    else:
        part = await whole.plan(found, context, args.gpu)
    return await _told(args, context, part)


async def _told(args: ProvisionArgs, context: Context, part: Part) -> Plan:
    """The plan, with what a person must know of GPUs and of what is fetched."""
    if args.gpu:
        await gpu.told(context, part)
    return _plan(args, context, part).model_copy(update={"figures": await figures(part, context)})


def _twice(named: Sequence[Named]) -> None:
    """Raise Usage when a package is asked for in two versions."""
    for item in named:
        other = [o for o in named if o.bare.lower() == item.bare.lower() and o.ecosystem == item.ecosystem]
        if len({o.version for o in other}) > 1:
            raise Usage(f"{item.bare} is asked for twice: {', '.join(map(str, other))}", "Name one version.")


async def _named(
    runtimes: Sequence[tuple[str, str]],
    named: Sequence[Named],
    wanted: Sequence[tuple[str, str]],
    found: Fingerprint,
    context: Context,
    with_gpu: bool,
) -> Part:
    """Only what was named. A runtime named in a project of its kind also becomes that of its environment."""
    part = Part()
    places = [replace(site, gpu=with_gpu) for site in await sites(found, context)]
    for name, version in runtimes:
        part.add(await runtime.obtain(name, version, context))
        for site in places if not part.steps else []:
            for provider in served(site):
                if provider.ecosystem == name == "python":
                    part.add(await provider.project(site, context, version))
    system, groups = await assign(named, places, context)
    for provider, site, items in groups:
        part.add(await provider.packages(site, items, context))
    if system:
        part.add(await apt.plan(system, context))
    for name, version in wanted:
        part.add(await services.plan(name, version, context, found))
    part.details[:] = list(dict.fromkeys(part.details))
    return part


def _plan(args: ProvisionArgs, context: Context, part: Part) -> Plan:
    given: dict[str, JsonValue] = args.model_dump(mode="json", exclude_defaults=True)
    present = f": {'; '.join(part.present)}" if part.present else ""
    if not part.steps:
        lacking = bool(part.warnings) and not part.present
        summary = f"nothing to do{present}" if not lacking else "nothing that can be done here"
    else:
        number = sum(len(changes(step)) for step in part.steps)
        what = [counted(number, "package")] if number else []
        summary = "; ".join(step.does for step in part.steps) if len(part.steps) < 3 else ""
        summary = summary or f"{', '.join([*what, counted(len(part.steps), 'step')])}: {part.steps[0].does}, …"
    system = any(not step.covered for step in part.steps)
    return Plan(
        tool="provision",
        args=given,
        host=context.host.name,
        path=str(context.path),
        summary=summary,
        steps=tuple(part.steps),
        details=tuple(part.details),
        differences=tuple(part.differences),
        warnings=tuple(dict.fromkeys(part.warnings)),
        risk=Risk.R3 if part.reasons and part.steps else Risk.R2,
        reason="; ".join(dict.fromkeys(part.reasons)) if part.steps else "",
        captures=any(step.covered for step in part.steps),
        system=system,
        basis=digest("\n".join(part.basis)) if part.basis else "",
    )


async def finish(args: ProvisionArgs, plan: Plan, outcome: Outcome, context: Context) -> Provisioned:
    """Make the result from the journal's outcome and from what the project is now."""
    found: dict[str, tuple[str, str]] = {}
    for index, step in enumerate(plan.steps):
        if any(record.index == index and record.state == "done" for record in outcome.steps):
            found.update(changes(step))
            record = next(record for record in outcome.steps if record.index == index)
            seen = record.data.get("installed")
            for name, pair in seen.items() if isinstance(seen, dict) else ():
                if isinstance(pair, list) and len(pair) == 2:
                    found[name] = (str(pair[0]), str(pair[1]))
    forgotten = await templates.remember(plan.args, context)
    done = tuple(step.does for step in outcome.steps if step.state == "done")
    seen = tuple(results([step.data for step in outcome.steps if step.state == "done"]))
    parts = await _after(context)
    number = f"{counted(len(found), 'package')} installed or changed" if found else counted(len(done), "step") + " done"
    return Provisioned(
        summary=(f"done: {number}" if len(plan.steps) > 1 or not done else f"done: {done[0]}") + _verdict(seen),
        transaction=outcome.transaction,
        snapshot=outcome.snapshot,
        done=done,
        undo=undo_words(args.path, args.on) if plan.undoable else "",
        packages=tuple(Change(name=name, old=old, new=new) for name, (old, new) in sorted(found.items())),
        commands=await _commands(parts, context),
        checks=seen,
        places=_where(parts, context),
        lacking=(*plan.warnings, *forgotten),
        differences=plan.differences,
    )


def _verdict(seen: Sequence[Check]) -> str:
    """What the checks come to, for the summary."""
    bad = [check.service for check in seen if check.passed is False]
    good = sum(check.passed is True for check in seen)
    said = [f"{counted(good, 'part')} checked and working"] if good else []
    said += [f"the check of {', '.join(map(plain, bad))} fails"] if bad else []
    return "".join(f"; {each}" for each in said)


async def _after(context: Context) -> tuple[Service, ...]:
    """The services as the scan sees them now; none when they cannot be read."""
    try:
        project = (await context.observe(context, "project")).project
    except (EnvSyncError, OSError):
        return ()
    return project.services if project else ()


def _where(parts: Sequence[Service], context: Context) -> tuple[Place, ...]:
    """What runs where, of a project with several parts: what runs now, and what is still to be started."""
    made = [
        Place(name=plain(one.name), role="running", port=str(one.data.get("port", "")))
        for one in lines.all_on(context)
        if one.data.get("project") == str(context.path)
    ]
    if len(parts) + len(made) < 2:
        return ()
    return *made, *(
        Place(
            name=plain(part.name if part.root in (".", "") else part.root),
            role=part.role,
            port=part.ports[0].value if part.ports else "",
            needs=tuple(plain(need.value) for need in part.needs),
        )
        for part in parts
        if part.role != "workspace"
    )


async def _commands(services: Sequence[Service], context: Context) -> dict[str, str]:
    """How to go on, as the scan reads it from the project."""
    lines: dict[str, str] = {}
    for part in services:
        for purpose in ("start", "dev", "test"):
            known = part.commands.get(purpose)
            if known and not (
                purpose == "dev" and "start" in part.commands and part.commands["start"].value == known.value
            ):
                key = purpose if part.root in (".", "") else f"{part.root} {purpose}"
                words = await runnable(known.value.split(" "), context.path / part.root, context)
                lines[key] = plain(" ".join(words).replace(f"{context.path / part.root}/", ""))
    return lines


PROVISION = Tool("provision", ProvisionArgs, Risk.R2, plan=plan, finish=finish)
