"""What `provision` says when it is done: what changed, how the parts' checks went, what runs where, and how to go on."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from ..contract import Block, Changed, Context, Lines, Outcome, Table
from ..errors import EnvSyncError
from ..fingerprint import Service
from ..made import servers
from ..plan import Data, Plan
from .checks import Check, results, runnable
from .names import plain
from .part import counted
from .providers.pysteps import changes


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


async def result(plan: Plan, outcome: Outcome, context: Context, undo: str, notes: Sequence[str] = ()) -> Provisioned:
    """Make the result from the journal's outcome and from what the project is now; `notes` are more to know."""
    found = _packages(plan, outcome)
    done = tuple(step.does for step in outcome.steps if step.state == "done")
    seen = tuple(results([step.data for step in outcome.steps if step.state == "done"]))
    parts = await _after(context)
    number = f"{counted(len(found), 'package')} installed or changed" if found else counted(len(done), "step") + " done"
    return Provisioned(
        summary=(f"done: {number}" if len(plan.steps) > 1 or not done else f"done: {done[0]}") + _verdict(seen),
        transaction=outcome.transaction,
        snapshot=outcome.snapshot,
        done=done,
        undo=undo,
        packages=tuple(Change(name=name, old=old, new=new) for name, (old, new) in sorted(found.items())),
        commands=await _commands(parts, context),
        checks=seen,
        places=_where(parts, context),
        lacking=(*plan.warnings, *notes),
        differences=plan.differences,
    )


def _packages(plan: Plan, outcome: Outcome) -> dict[str, tuple[str, str]]:
    """Versions before and after by name: as the plan had it, and as the steps that were done found it."""
    found: dict[str, tuple[str, str]] = {}
    for record in outcome.steps:
        if record.state != "done":
            continue
        found.update(changes(plan.steps[record.index]))
        seen = record.data.get("installed")
        for name, pair in seen.items() if isinstance(seen, dict) else ():
            if isinstance(pair, list) and len(pair) == 2:
                found[name] = (str(pair[0]), str(pair[1]))
    return found


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
        for one in servers.of(context.state, context.host.name, context.path)
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
