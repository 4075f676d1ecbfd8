"""The tool `provision`: from names, or from what the scan says a project needs, to one plan that can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field, JsonValue

from ..contract import Args, Context, Outcome, StepKind, Tool, brief, undo_words
from ..errors import Usage
from ..fingerprint import Fingerprint
from ..plan import Plan, Risk
from . import gpu, whole
from .names import Named, parse
from .part import Part, counted, digest
from .providers import apt, runtime
from .providers.pysteps import changes
from .providers.registry import STEPS as PROVIDING
from .services import plan as services
from .services.steps import STEPS as SERVING
from .sites import assign, served, sites
from .sizes import figures, known
from .templates import planning as templates
from .templates.files import TemplateFiles
from .told import Change, Provisioned, result

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
        steps=tuple(known(part.steps)),
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
    """Make the result, and keep what a template's questions were answered with."""
    forgotten = await templates.remember(plan.args, context)
    undo = undo_words(args.path, args.on) if plan.undoable else ""
    return await result(plan, outcome, context, undo, forgotten)


PROVISION = Tool("provision", ProvisionArgs, Risk.R2, plan=plan, finish=finish)
