"""Drift against a file that `envsync fingerprint export` made, of this machine at another time or of another machine."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..contract import Context
from ..fingerprint import Fingerprint, Installed
from ..hosts.here import here, near
from ..portable import export
from ..portable.file import content, load
from ..portable.model import Portable
from . import equipment
from .model import Difference, Kind

SUFFIX = ".fingerprint"


def meant(against: str, context: Context) -> Path | None:
    """The file that is meant, where one of that name is there; a label or a moment is written otherwise."""
    if "/" not in against and not against.endswith((SUFFIX, ".json")):
        return None
    given = Path(against).expanduser()
    path = context.path / given if near(context.host) else given.absolute()
    return path if os.path.isfile(path) else None


async def against_file(path: Path, context: Context) -> tuple[list[Difference], str]:
    """What differs between the file and the machine now, and what restores it here. Raises Usage, Damaged."""
    then = load(await here(content, path), str(path))
    now = await export.make(context, ())
    found = differences(then, now)
    lost = any(d.change in ("removed", "version", "edited") for d in found if d.kind != "host")
    on = "" if near(context.host) else f" --on {shlex.quote(context.host.name)}"
    return found, f"envsync fingerprint apply {shlex.quote(str(path))}{on}" if lost else ""


def differences(then: Portable, now: Portable) -> list[Difference]:
    """Pure. `was` is the file's side. Where a program lies and keyed hashes mean nothing between two machines."""
    one, other = then.fingerprint, now.fingerprint
    found = [*_programs("runtime", one.runtimes, other.runtimes), *_programs("tool", one.tools, other.tools)]
    sides = [side.equipment and side.equipment.model_copy(update={"definitions": ()}) for side in (one, other)]
    found += equipment.compare(*sides)
    found += _aliases(then, now)
    return [*found, *_host(one, other)]


def _programs(kind: Kind, old: Sequence[Installed], new: Sequence[Installed]) -> Iterator[Difference]:
    before, after = ({p.name: p.version for p in reversed(side)} for side in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was == now or (was == "" and now is not None) or (now == "" and was is not None):
            continue
        change = "added" if was is None else "removed" if now is None else "version"
        severity = "minor" if now is None else "info"
        yield Difference(kind=kind, what=name, change=change, was=was or "", now=now or "", severity=severity)


def _aliases(then: Portable, now: Portable) -> Iterator[Difference]:
    before, after = ({(a.shell, a.name): a.text for a in side.aliases} for side in (then, now))
    for shell, name in sorted(before.keys() | after.keys()):
        was, text = before.get((shell, name)), after.get((shell, name))
        if was != text:
            change = "added" if was is None else "removed" if text is None else "edited"
            yield Difference(kind="alias", what=name, change=change, where=f"alias of {shell}", severity="info")


def _host(one: Fingerprint, other: Fingerprint) -> Iterator[Difference]:
    if one.facts is None or other.facts is None:
        return
    for what, was, now in (
        ("operating system", one.facts.os, other.facts.os),
        ("architecture", one.facts.arch, other.facts.arch),
        ("GPUs", ", ".join(one.facts.gpus), ", ".join(other.facts.gpus)),
    ):
        if was != now:
            yield Difference(kind="host", what=what, change="version", was=was, now=now, severity="info")
