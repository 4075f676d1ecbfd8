"""A template's files against what the project has: what is written, what is replaced and how it differs, as one step."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Usage
from ...plan import Step
from ...redact import Redactor
from ..names import plain
from ..part import Part, counted
from ..providers.pysteps import mapping
from . import placing
from .reading import load
from .rendering import Rendered, render

_SHOWN = 2000
"""Lines of differences that are shown."""


@dataclass(frozen=True)
class Change:
    """One file that is not as the template has it."""

    path: str
    wanted: Rendered
    before: bytes | None
    """None: there is none."""


async def changes(files: Mapping[str, Rendered], context: Context) -> list[Change]:
    """The files that have to be written. Raises Usage where something else lies in the way of one."""
    try:
        there = await context.host.call(placing.look, str(context.path), list(files))
    except OSError as error:
        hint = "Name the project's directory, or make it first."
        raise Usage(f"{context.path}: {error.strerror or error}", hint) from None
    found: list[Change] = []
    for path, wanted in files.items():
        kind, about, content, runs = there[path]
        if kind not in ("none", "file"):
            raise Usage(f"{plain(about)} is {_what(kind)}", "Move it away, then ask again. Nothing was changed.")
        if kind == "none" or content != wanted.content or (wanted.executable and not runs):
            found.append(Change(path, wanted, content if kind == "file" else None))
    return found


def _what(kind: str) -> str:
    match kind:
        case "link":
            return "a link, and nothing is written through one"
        case "large":
            return "a large file, which no template replaces"
        case _:
            return f"a {kind} where the template has a {'file' if kind == 'directory' else 'folder'}"


def planned(name: str, version: int, answers: Mapping[str, str], found: Sequence[Change], redact: Redactor) -> Part:
    """The part of the plan that writes these files."""
    part = Part()
    if not found:
        part.present.append(f"the files of {name} are as the template has them")
        return part
    replaced = [change for change in found if change.before is not None]
    part.details += [_line(change) for change in found]
    for change in replaced:
        part.differences += difference(change, redact)
    more = len(part.differences) - _SHOWN
    if more > 0:
        part.differences[_SHOWN:] = [f"… {counted(more, 'more line')}"]
    how = f", {len(replaced)} of them in place of what is there" if replaced else ""
    if replaced:
        part.warnings.append(f"what is there now is replaced: {', '.join(change.path for change in replaced[:8])}")
    args: dict[str, JsonValue] = {
        "template": name,
        "version": version,
        "answers": dict[str, JsonValue](answers),
        "files": {change.path: placing.digest(change.wanted.content) for change in found},
        "was": {change.path: placing.digest(change.before) for change in replaced if change.before is not None},
    }
    does = f"write {counted(len(found), 'file')} of the template {name}{how}"
    part.steps.append(Step(kind=TemplateFiles.name, does=does, args=args, covered=True, seconds=0.5))
    return part


def difference(change: Change, redact: Redactor) -> list[str]:
    """What is there now, without its secrets, against what would be there: lines of a unified diff."""
    old = redact((change.before or b"").decode("utf-8", "replace")).splitlines()
    new = change.wanted.content.decode().splitlines()
    lines = difflib.unified_diff(old, new, change.path, f"{change.path} (as it would be)", lineterm="")
    return list(lines) or [f"{change.path}: only its mode or its line ends differ"]


def _line(change: Change) -> str:
    lines = counted(change.wanted.content.count(b"\n"), "line")
    return f"{change.path}: {'new' if change.before is None else 'replaced'}, {lines}"


class TemplateFiles:
    """`provision-template`: template, version, answers, files (digest by path), was (digest of what is replaced).

    The content is rendered again from the library, so that a plan stays small; what comes out must have the digests
    that were approved.
    """

    name = "provision-template"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns how many files were written."""
        wanted = _rendered(step)
        was = mapping(step.args.get("was", {}))
        files = [(path, file.content, file.executable, was.get(path, "")) for path, file in wanted.items()]
        try:
            written = await context.host.call(placing.put, str(context.path), files)
        except OSError as error:
            where = plain(str(error.filename or "the project"))
            if error.errno == errno.ESTALE:
                raise Failed(f"{where} was edited meanwhile", "It was left as it is. Ask again.") from None
            raise Failed(
                f"{where}: {error.strerror or error}", "What lies in the way must be moved or mended first."
            ) from None
        return {"files": written}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        there = await context.host.call(placing.look, str(context.path), list(mapping(step.args.get("files", {}))))
        return all(
            there[path][0] == "file" and placing.digest(there[path][2]) == wanted
            for path, wanted in mapping(step.args.get("files", {})).items()
        )


def _rendered(step: Step) -> dict[str, Rendered]:
    """The step's files as the library has them now. Raises Failed when that is not what was approved."""
    template = load(str(step.args["template"]))
    made = render(template, mapping(step.args.get("answers", {})))
    wanted = mapping(step.args.get("files", {}))
    if any(path not in made or placing.digest(made[path].content) != digest for path, digest in wanted.items()):
        raise Failed(
            f"the template {template.name} is not what the plan was made with", "Nothing was changed. Ask again."
        )
    return {path: made[path] for path in wanted}
