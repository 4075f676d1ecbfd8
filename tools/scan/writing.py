"""`scan --write`: what the scan can write, as a plan that shows every difference and as steps that can be taken back."""

from __future__ import annotations

import posixpath
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3
from pydantic import JsonValue

from ..contract import Context, StepKind
from ..errors import Failed, Usage
from ..fingerprint import Project, Service
from ..plan import Plan, Risk, Step
from ..redact import Redactor
from .observe import observe
from .text import plural, safe
from .write import registry
from .write.base import File, Made, Seen
from .write.difference import difference

LARGEST = 32 << 20
"""Bytes of one file that is read: the largest lockfiles have about 5 MiB."""


@dataclass(frozen=True)
class Change:
    """One file as it is and as it is to be."""

    path: str
    """Relative to the project's root."""
    text: str
    before: bytes | None = None
    """None: there is none."""
    folders: tuple[str, ...] = ()
    """Folders that are made for it, the deepest first."""


async def plan(kind: str, given: dict[str, JsonValue], context: Context) -> Plan:
    """The plan that writes this kind of file. New files alone are R1, replacing one is R2. Raises Failed when there is
    nothing to write, and Usage for a place that is no regular file's."""
    redact = Redactor(context.environ)
    seen, hidden = await look(kind, context, redact)
    made = registry.find(kind).make(seen)
    notes = (*hidden, *made.notes)
    if not made.files:
        why = f": {'; '.join(notes[:3])}" if notes else ""
        raise Failed(f"no {kind} can be written{why}", "See what is known of the project: envsync scan")
    changes = await _changes(made, context)
    replaced = [change.path for change in changes if change.before is not None]
    shown = (line for change in changes for line in difference(change.path, change.before, change.text, redact))
    return Plan(
        tool="scan",
        args=given,
        host=context.host.name,
        path=str(context.path),
        summary=_summary(changes, made),
        steps=tuple(_step(change, whole=bool(replaced)) for change in changes),
        differences=tuple(shown),
        warnings=notes[:20],
        risk=Risk.R2 if replaced else Risk.R1,
        reason=f"it replaces {', '.join(replaced[:5])}" if replaced else "",
        captures=bool(replaced),
    )


async def look(kind: str, context: Context, redact: Redactor) -> tuple[Seen, tuple[str, ...]]:
    """What a writer may see: the project, the texts that it wants, and the names in the services' roots. And what it
    may not see, in words."""
    fingerprint = await observe(context, "project")
    if fingerprint.project is None:
        raise Failed("the project could not be scanned", "See: envsync scan")
    project, notes = _quiet(fingerprint.project, redact)
    wanted = dict.fromkeys(registry.find(kind).reads(project))
    texts = {path: text for path in wanted if (text := await _text(context, path))}
    roots = dict.fromkeys([".", *(service.root for service in project.services)])
    names = {root: await _names(context, root) for root in roots}
    return Seen(project, fingerprint.packages, texts, names), notes


def _quiet(project: Project, redact: Redactor) -> tuple[Project, tuple[str, ...]]:
    """The project without commands that hold a secret, so that no file gets one."""
    notes: list[str] = []
    services: list[Service] = []
    for service in project.services:
        loud = [purpose for purpose, fact in service.commands.items() if redact.spans(fact.value)]
        notes += [f"the {purpose} command of {service.root} is left out: it seems to hold a secret" for purpose in loud]
        kept = {purpose: fact for purpose, fact in service.commands.items() if purpose not in loud}
        services.append(service.model_copy(update={"commands": kept}) if loud else service)
    return project.model_copy(update={"services": tuple(services)}), tuple(notes)


async def _text(context: Context, path: str) -> str:
    try:
        entry = await context.host.stat(context.path / path)
        if entry is None or entry.kind != "file" or entry.size > LARGEST:
            return ""
        return (await context.host.read(context.path / path)).decode("utf-8", "replace").removeprefix("\ufeff")
    except (OSError, ValueError):
        return ""  # the scan has said already what cannot be read


async def _names(context: Context, root: str) -> frozenset[str]:
    try:
        return frozenset(entry.path.name for entry in await context.host.list(context.path / root))
    except (OSError, ValueError):
        return frozenset()


# -- What changes ---------------------------------------------------------------------------------------------------


async def _changes(made: Made, context: Context) -> list[Change]:
    """What differs from what is there. Raises Usage for a link or a folder where a file should be."""
    found: dict[str, Change] = {}
    for file in made.files:
        path = await _target(file, context)
        entry = await context.host.stat(context.path / path)
        if path in found or (entry is not None and file.keep):
            continue
        if entry is not None and entry.kind != "file":
            raise _no_place(path, entry.kind)
        folders = await _folders(path, context)
        before = None if entry is None else await context.host.read(context.path / path)
        if before != file.text.encode():
            found[path] = Change(path, file.text, before, folders)
    return list(found.values())


async def _target(file: File, context: Context) -> str:
    """The name under which it is there already, or its own."""
    for path in (file.path, *file.also):
        if await context.host.stat(context.path / path) is not None:
            return path
    return file.path


async def _folders(path: str, context: Context) -> tuple[str, ...]:
    """The folders above it that are not there yet, the deepest first. Raises Usage when one is a link: it may lead anywhere."""
    missing: list[str] = []
    for folder in reversed(Path(path).parents[:-1]):
        entry = await context.host.stat(context.path / folder)
        if entry is None:
            missing.insert(0, folder.as_posix())
        elif entry.kind != "directory":
            raise _no_place(folder.as_posix(), entry.kind)
    return tuple(missing)


def _no_place(path: str, kind: str) -> Usage:
    what = "link, and nothing is written through one" if kind == "link" else f"{kind}, and nothing is written over it"
    return Usage(f"{safe(path)} is a {what}", "Move it away, then ask again.")


def _summary(changes: Sequence[Change], made: Made) -> str:
    names = [change.path for change in changes] or [file.path for file in made.files]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    if not changes:
        return f"nothing to write: {shown} {'is' if len(names) == 1 else 'are'} there as it would be written"
    replaced = sum(change.before is not None for change in changes)
    return f"write {shown}" + (f" ({plural(replaced, 'file')} replaced)" if replaced else "")


def _step(change: Change, *, whole: bool) -> Step:
    """`whole`: a snapshot of the project is taken first, and takes every step back."""
    content = change.text.encode()
    args: dict[str, JsonValue] = {
        "path": change.path,
        "packed": _packed(content),
        "digest": _hash(content),
        "was": None if change.before is None else _hash(change.before),
        "folders": list[JsonValue](change.folders),
    }
    count = plural(len(change.text.splitlines()), "line")
    does = f"write {change.path} (new, {count})" if change.before is None else f"replace {change.path} ({count})"
    if whole:
        return Step(kind="scan-write", does=does, args=args, covered=True)
    known = {name: args[name] for name in ("path", "digest", "folders")}
    back = Step(kind="scan-remove", does=f"remove {change.path}", args=known)
    return Step(kind="scan-write", does=does, args=args, inverse=(back,))


# -- Steps ----------------------------------------------------------------------------------------------------------


def _hash(content: bytes) -> str:
    return blake3(content).hexdigest()


def _packed(content: bytes) -> str:
    """As text, and small: the journal keeps it, and a bill of materials may have megabytes."""
    from zstandard import ZstdCompressor

    return b64encode(ZstdCompressor(level=10).compress(content)).decode()


def _unpacked(text: str) -> bytes:
    from zstandard import ZstdDecompressor, ZstdError

    try:
        return ZstdDecompressor().decompress(b64decode(text))
    except (ZstdError, ValueError) as error:
        raise Failed("the journal's copy of the file is damaged", "Make it anew: envsync scan --write …") from error


def _place(step: Step, context: Context) -> Path:
    """The file that a step is about. Raises Failed for one outside of the project."""
    path = str(step.args["path"])
    if path.startswith("/") or posixpath.normpath(path) != path or ".." in path.split("/"):
        raise Failed(f"{safe(path)} is no path inside the project", "Nothing was changed.")
    return context.path / path


async def _digest(step: Step, context: Context) -> str | None:
    """Of what is there now; None without a file. Raises Failed when there is something else, also on the way to it."""
    place = _place(step, context)
    entry = await context.host.stat(place)
    try:
        await _folders(str(step.args["path"]), context)
        if entry is not None and entry.kind != "file":
            raise _no_place(str(step.args["path"]), entry.kind)
    except Usage as error:
        raise Failed(error.what, "It was left as it is.") from None
    return None if entry is None else _hash(await context.host.read(place))


class WriteStep:
    """`scan-write`: give the file at `path` the content `packed` (`digest`), if it still is as it `was` (null: none).

    It is written under another name and renamed, so that a crash leaves the old one or the new one whole.
    """

    name = "scan-write"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `bytes`, when there was anything to write."""
        now = await _digest(step, context)
        if now == step.args["digest"]:
            return {}
        if now != step.args["was"]:
            raise Failed(f"{step.args['path']} was edited meanwhile", "It was left as it is. Ask again for a new plan.")
        content = _unpacked(str(step.args["packed"]))
        await context.host.write(_place(step, context), content)
        return {"bytes": len(content)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return await _digest(step, context) == step.args["digest"]


class RemoveStep:
    """`scan-remove`: remove the file at `path` if it still has `digest`, and of `folders` what is empty then."""

    name = "scan-remove"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns nothing of interest."""
        now = await _digest(step, context)
        if now not in (None, step.args["digest"]):
            raise Failed(f"{step.args['path']} was edited since it was written", "It was left. Remove it yourself.")
        await context.host.remove(_place(step, context))
        folders = step.args.get("folders")
        for folder in folders if isinstance(folders, list) else []:
            try:
                await context.host.remove(context.path / str(folder))
            except OSError:
                break  # somebody has put something into it
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return await _digest(step, context) is None


STEPS: tuple[StepKind, ...] = (WriteStep(), RemoveStep())
