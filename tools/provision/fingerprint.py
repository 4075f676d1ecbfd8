"""The tool `fingerprint`: a machine as one small file, and what of it can be had on another machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from ..contract import Args, Block, Changed, Context, Lines, Outcome, Result, StepKind, Table, Tool, undo_words
from ..errors import Usage
from ..fingerprint import Fingerprint
from ..hosts.here import here, near
from ..moments.say import count, shown, size
from ..plan import Plan, Risk, Step
from ..portable import export
from ..portable.file import content, dump, load
from ..portable.model import Portable
from .names import plain
from .part import Part, digest
from .restore import home, packages, tools
from .restore.steps import STEPS as RESTORING
from .restore.writing import STEPS as WRITING

__all__ = ["FINGERPRINT", "STEPS", "Exported", "FingerprintArgs", "Restored"]

PARTS = ("tools", "packages", "extensions", "aliases", "dotfiles")


class FingerprintArgs(Args):
    """Arguments of `fingerprint`."""

    action: Literal["show", "export", "apply"] = Field(
        "show",
        description="show what an export would hold, or what FILE holds; export it to FILE; apply FILE to a host",
    )
    file: str | None = Field(None, description="the file, on this machine; NAME.json is written to be read by people")
    with_dotfiles: list[str] = Field(
        default_factory=list[str],
        description="export: take these files' contents along, e.g. .vimrc,.tmux.conf; none that holds a secret",
    )
    only: list[str] = Field(
        default_factory=list[str], description=f"apply: only these of {', '.join(PARTS)}; all of them without it"
    )
    dotfiles: list[str] = Field(
        default_factory=list[str], description="apply: of the dotfiles in the file only these; all of them without it"
    )
    on: str = Field("local", description="the host to export from, or to apply to")
    path: str = Field(".", description="a directory on that host; it is not read")


class Shown(Result):
    """What a fingerprint holds."""

    portable: Portable
    bytes: int = 0
    """Of the file."""

    def blocks(self) -> Sequence[Block]:
        """See Result.blocks."""
        return _blocks(self.portable)


class Exported(Changed):
    """What was written."""

    file: str = ""
    bytes: int = 0
    left_out: tuple[str, ...] = ()

    def blocks(self) -> Sequence[Block]:
        """With what is not in it, and why."""
        return [*([Lines(self.left_out[:20], "left out")] if self.left_out else []), *super().blocks()]


class Restored(Changed):
    """What an apply did."""

    failed: dict[str, str] = Field(default_factory=dict)
    """Why, by name, for what could not be had although it was planned."""
    lacking: tuple[str, ...] = ()
    """What was not planned, and what a person must know."""

    def blocks(self) -> Sequence[Block]:
        """Failures first."""
        rows = [(shown(name), shown(why)) for name, why in self.failed.items()]
        found: list[Block] = [Table(("could not be had", "why"), rows)] if rows else []
        return [*found, *([Lines(self.lacking, "to know")] if self.lacking else []), *super().blocks()]


# -- Showing ----------------------------------------------------------------------------------------------------------


async def read(args: FingerprintArgs, context: Context) -> Shown:
    """Carry this machine's tools, packages, extensions, aliases and chosen dotfiles to another one.

    `export FILE` writes the machine's fingerprint as one small file without secrets, addresses or private paths;
    `apply FILE --on HOST` plans what of it is missing there, shows the plan, and can be taken back.
    """
    _fits(args)
    if args.file is None:
        portable = await export.make(context, args.with_dotfiles)
        held = len(dump(portable))
    else:
        written = await here(content, _place(args, context))
        portable, held = load(written, shown(args.file)), len(written)
    kept = portable.fingerprint.equipment
    many = sum(len(k.packages) for k in kept.packages) if kept else 0
    what = f"{count(len(portable.fingerprint.tools), 'tool')}, {count(many, 'package')} asked for by name"
    return Shown(summary=f"{size(held)}: {what}, {_aliases(len(portable.aliases))}", portable=portable, bytes=held)


def _aliases(number: int) -> str:
    return "1 alias" if number == 1 else f"{number} aliases"


def _blocks(portable: Portable) -> list[Block]:
    found, kept = portable.fingerprint, portable.fingerprint.equipment
    rows = [
        ("taken", found.at.strftime("%Y-%m-%d %H:%M UTC") + f" by EnvSync {shown(portable.made_by)}"),
        ("system", f"{shown(found.facts.os)}, {shown(found.facts.arch)}" if found.facts else ""),
        ("runtimes", ", ".join(f"{name} {spec}".strip() for name, spec in tools.specs(found.runtimes))),
        ("tools", ", ".join(dict.fromkeys(shown(item.name) for item in found.tools))),
    ]
    if kept:
        rows += [(k.manager, _some([f"{n} {v}".strip() for n, v in k.packages.items()])) for k in kept.packages]
        rows += [(e.name, _some(list(e.extensions))) for e in kept.editors]
    rows += [("aliases", _some([f"{alias.name} ({alias.shell})" for alias in portable.aliases]))]
    rows += [("dotfiles", _some([file.path for file in portable.dotfiles]))]
    table = Table(("", "what"), [(shown(label), text) for label, text in rows if text], "in the file")
    return [
        table,
        *([Lines([shown(line) for line in portable.left_out[:20]], "left out")] if portable.left_out else []),
    ]


def _some(names: Sequence[str], most: int = 12) -> str:
    told = ", ".join(shown(name) for name in names[:most])
    return f"{told} and {len(names) - most} more" if len(names) > most else told


def _fits(args: FingerprintArgs) -> None:
    """Raise Usage for arguments of another action."""
    if args.with_dotfiles and args.action == "apply":
        raise Usage("--with-dotfiles goes with export", "To apply only some of the file's dotfiles: --dotfiles NAME.")
    if (args.only or args.dotfiles) and args.action != "apply":
        raise Usage(f"--only and --dotfiles go with apply, not with {args.action}", "Leave them out.")
    if args.file is None and args.action != "show":
        raise Usage(
            f"{args.action} needs a FILE", f"For example: envsync fingerprint {args.action} machine.fingerprint"
        )


def _place(args: FingerprintArgs, context: Context) -> Path:
    """The file on this machine."""
    given = Path(args.file or "").expanduser()
    return Path(os.path.normpath(context.path / given)) if near(context.host) else given.absolute()


# -- Planning ---------------------------------------------------------------------------------------------------------


def changes(args: FingerprintArgs) -> bool:
    """Showing changes nothing."""
    return args.action != "show"


async def plan(args: FingerprintArgs, context: Context) -> Plan:
    """Export this machine's fingerprint to a file, or plan what of a file is missing on a host."""
    _fits(args)
    return await (_exporting(args, context) if args.action == "export" else _applying(args, context))


async def _exporting(args: FingerprintArgs, context: Context) -> Plan:
    path = _place(args, context)
    if await here(os.path.lexists, path):
        raise Usage(f"{path} is there already", "Name another file, or remove that one first.")
    if not await here(os.path.isdir, path.parent):
        raise Usage(f"{path.parent} is no directory", "Make it first, or name another file.")
    clean = await export.cleaner(context)
    names = export.chosen_names(args.with_dotfiles)
    files = [await export.dotfile(name, context, clean) for name in names]
    told = [f"{file.path} names your user name" for file in files if clean.names(file.text)]
    step_args: dict[str, JsonValue] = {"file": str(path), "dotfiles": list[JsonValue](names)}
    back = Step(kind="fingerprint-remove", does=f"remove {plain(str(path))}", args=step_args)
    what = f" with the contents of {', '.join(file.path for file in files)}" if files else ""
    step = Step(
        kind="fingerprint-write", does=f"write the fingerprint of {context.host.name} to {plain(str(path))}{what}",
        args=step_args, inverse=(back,), seconds=2.0,
    )  # fmt: skip
    return _plan(args, context, step.does, Part(steps=[step], warnings=told), Risk.R1)


async def _applying(args: FingerprintArgs, context: Context) -> Plan:
    written = await here(content, _place(args, context))
    portable = load(written, shown(args.file or ""))
    only = _parts(args.only)
    now = await context.observe(context, "machine")
    part = Part(basis=[written.hex()])
    part.add(await _packages(portable.fingerprint, now, only, context))
    if "aliases" in only and portable.aliases:
        part.add(await home.aliases(portable.aliases, await export.defined(context), context))
    if "dotfiles" in only:
        part.add(await home.dotfiles(_chosen(portable, args), context))
    part.warnings[:] = list(dict.fromkeys(part.warnings))
    if part.steps:
        summary = f"restore on {context.host.name}: " + "; ".join(step.does for step in part.steps[:2])
        summary += f" and {count(len(part.steps) - 2, 'step')} more" if len(part.steps) > 2 else ""
    else:
        summary = "nothing to do: what can be restored is here already"
    return _plan(args, context, summary, part, Risk.R3 if part.reasons and part.steps else Risk.R2)


def _parts(given: Sequence[str]) -> frozenset[str]:
    names = [word.strip() for text in given for word in text.split(",") if word.strip()]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise Usage(f"{shown(unknown[0])!r} is no part of a fingerprint", f"The parts are: {', '.join(PARTS)}.")
    return frozenset(names or PARTS)


def _chosen(portable: Portable, args: FingerprintArgs) -> list[export.Dotfile]:
    names = [f"~/{name}" for name in export.chosen_names(args.dotfiles)]
    held = {file.path: file for file in portable.dotfiles}
    lost = [name for name in names if name not in held]
    if lost:
        raise Usage(f"{lost[0]} is not in that file", f"It has: {', '.join(held) or 'no dotfiles'}.")
    return [held[name] for name in names] if names else list(portable.dotfiles)


async def _packages(wanted: Fingerprint, now: Fingerprint, only: frozenset[str], context: Context) -> Part:
    part, found = Part(), list[packages.Wanted]()
    if "tools" in only:
        part.add(await tools.runtimes(wanted, now, context))
        commands, told = await tools.commands(wanted, now, context)
        found += commands
        part.warnings += told
    kept = wanted.equipment
    if "packages" in only and kept:
        more, told = packages.of_equipment(kept)
        found += more
        part.warnings += told
    if "extensions" in only and kept:
        found += packages.of_editors(kept)
    part.add(await packages.plan(found, context))
    return part


def _plan(args: FingerprintArgs, context: Context, summary: str, part: Part, risk: Risk) -> Plan:
    return Plan(
        tool="fingerprint",
        args=args.model_dump(mode="json", exclude_defaults=True),
        host=context.host.name,
        path=str(context.path),
        summary=summary,
        steps=tuple(part.steps),
        details=tuple(dict.fromkeys(part.details)),
        differences=tuple(part.differences),
        warnings=tuple(part.warnings),
        risk=risk,
        reason="; ".join(dict.fromkeys(part.reasons)) if part.steps else "",
        system=args.action == "apply",
        basis=digest("\n".join(part.basis)) if part.basis else "",
    )


async def finish(args: FingerprintArgs, plan: Plan, outcome: Outcome, context: Context) -> Exported | Restored:
    """Make the result from the journal's outcome."""
    done = tuple(step.does for step in outcome.steps if step.state == "done")
    undo = undo_words(args.path, args.on)
    if args.action == "export":
        data = outcome.steps[0].data if outcome.steps else {}
        left = data.get("left_out")
        return Exported(
            summary=f"{plain(str(data.get('file', args.file)))}: {size(int(str(data.get('bytes', 0))))}",
            transaction=outcome.transaction, done=done, undo=undo, file=str(data.get("file", "")),
            bytes=int(str(data.get("bytes", 0))),
            left_out=tuple(str(line) for line in left) if isinstance(left, list) else (),
        )  # fmt: skip
    failed: dict[str, str] = {}
    for step in outcome.steps:
        each = step.data.get("failed")
        failed.update({name: str(why) for name, why in each.items()} if isinstance(each, dict) else {})
    words = f"done: {count(len(done), 'step')}"
    words += f"; {count(len(failed), 'package')} could not be had" if failed else ""
    return Restored(
        summary=words, transaction=outcome.transaction, done=done, undo=undo, failed=failed, lacking=plan.warnings
    )


async def nothing(args: FingerprintArgs, plan: Plan, context: Context) -> Restored:
    """Nothing is missing, or nothing of it can be had."""
    return Restored(summary=plan.summary, lacking=plan.warnings)


STEPS: tuple[StepKind, ...] = (*WRITING, *RESTORING)
FINGERPRINT = Tool(
    "fingerprint", FingerprintArgs, Risk.R0, read=read, plan=plan, finish=finish, nothing=nothing, changes=changes
)
