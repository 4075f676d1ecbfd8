"""The tool `scan`: what a project needs, what the machine has, and what is missing; and the files that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ..contract import Args, Block, Changed, Context, Lines, Outcome, Result, Tool, brief, undo_words
from ..errors import Usage
from ..fingerprint import Fingerprint
from ..plan import Plan, Risk
from . import say
from .observe import observe

__all__ = ["SCAN", "ScanArgs", "Scanned", "Written", "observe", "read"]


class ScanArgs(Args):
    """Arguments of `scan`."""

    path: str = Field(".", description="the project's directory")
    on: str = Field("local", description="the host to look at")
    scope: Literal["project", "machine", "all"] = Field("all", description="what to look at")
    mermaid: bool = Field(
        False,
        description="print the services and what they need as a Mermaid diagram, and nothing else",
        json_schema_extra=brief(None),
    )
    write: Literal["devcontainer", "compose", "dockerfile", "mise", "sbom"] | None = Field(
        None,
        description="write this kind of file from what was found; replacing one shows the difference and asks",
        json_schema_extra=brief(None),  # a project's files are a person's to ask for
    )


class Scanned(Result):
    """What a scan found."""

    fingerprint: Fingerprint
    """All of it, each finding with its evidence."""
    mermaid: str = ""
    """The picture, when it was asked for."""

    @property
    def document(self) -> str:
        return self.mermaid

    def blocks(self) -> Sequence[Block]:
        return [Lines(self.mermaid.splitlines())] if self.mermaid else say.blocks(self.fingerprint)


class Written(Changed):
    """What was written."""

    files: tuple[str, ...] = ()
    """Relative to the project's root."""
    differences: tuple[str, ...] = ()
    """Of the files that were replaced, as lines of unified diffs."""
    notes: tuple[str, ...] = ()
    """What was left out and why, and what a person must do besides."""

    def blocks(self) -> Sequence[Block]:
        """With the differences and the notes, which `--yes` shows nowhere else."""
        shown = [Lines(self.differences, "what was replaced")] if self.differences else []
        return [*shown, *([Lines(self.notes, "to know")] if self.notes else []), *super().blocks()]


async def read(args: ScanArgs, context: Context) -> Scanned:
    """Find out what a project needs, what this machine has, and what is missing.

    Reads files and asks programs for their versions; runs nothing of the project and changes nothing. Gives the
    services with languages, versions, frameworks, commands, ports, databases and variables, the machine's facts, and
    the fix for everything that is missing. --write makes a file of that, as a plan that can be taken back.
    """
    if args.mermaid and args.scope == "machine":
        raise Usage("a machine has no services to draw", "Leave --scope out, or --mermaid.")
    fingerprint = await observe(context, "project" if args.mermaid else args.scope)
    return Scanned(summary=say.summary(fingerprint), fingerprint=fingerprint, mermaid=_drawn(args, fingerprint))


def _drawn(args: ScanArgs, fingerprint: Fingerprint) -> str:
    if not args.mermaid or fingerprint.project is None:
        return ""
    from .write.mermaid import render

    return render(fingerprint.project)


def changes(args: ScanArgs) -> bool:
    """Only with --write it does anything but look."""
    return args.write is not None


async def plan(args: ScanArgs, context: Context) -> Plan:
    """Write a file from what the scan finds."""
    if args.mermaid or args.scope == "machine" or args.write is None:
        other = "--mermaid" if args.mermaid else "--scope machine"
        raise Usage(f"--write and {other} do not go together", "Give one of them.")
    from .writing import plan as write

    return await write(args.write, args.model_dump(mode="json", exclude_unset=True), context)


async def finish(args: ScanArgs, plan: Plan, outcome: Outcome, context: Context) -> Written:
    """Make the result from what the journal has."""
    replaced = bool(plan.reason)
    return Written(
        summary=plan.summary,
        transaction=outcome.transaction,
        snapshot=outcome.snapshot,
        done=tuple(step.does for step in outcome.steps if step.state == "done"),
        undo=undo_words(args.path, args.on),
        files=tuple(str(step.args["path"]) for step in plan.steps),
        differences=plan.differences if replaced else (),
        notes=plan.warnings,
    )


async def nothing(args: ScanArgs, plan: Plan, context: Context) -> Written:
    """All of it is there already, as it would be written."""
    return Written(summary=plan.summary, notes=plan.warnings)


SCAN = Tool(
    name="scan", args=ScanArgs, risk=Risk.R0, read=read, plan=plan, finish=finish, nothing=nothing, changes=changes
)
