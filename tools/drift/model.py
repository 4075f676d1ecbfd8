"""One difference, how bad it is, and the fix."""

from __future__ import annotations

import re
import shlex
from typing import Literal

from pydantic import Field, JsonValue

from ..plan import Data

Severity = Literal["info", "minor", "major", "breaking"]
ORDER: tuple[Severity, ...] = ("breaking", "major", "minor", "info")
Moved = Literal["", "here", "there", "both"]
Kind = Literal[
    "file", "package", "runtime", "tool", "variable", "dotfile", "extension", "alias", "git", "host", "service"
]  # fmt: skip


class Fix(Data):
    """A call that makes it as it was: what `provision` or `rewind` can carry out."""

    tool: str
    args: dict[str, JsonValue] = Field(default_factory=dict)

    def __str__(self) -> str:
        words = ["envsync", self.tool]
        for name, value in self.args.items():
            for item in value if isinstance(value, list) else [value]:
                words += [f"--{name}", str(item)]
        return shlex.join(words)


class Difference(Data):
    """One thing that differs; `was` is the side compared against, `now` the other one, empty for what is not there."""

    kind: Kind
    what: str
    """Path, or name; a package of an environment also says which in `where`."""
    change: Literal["added", "removed", "edited", "mode", "type", "version", "value", "moved", "missing"]
    was: str = ""
    now: str = ""
    where: str = ""
    severity: Severity = "minor"
    fix: str = ""
    """What to type; empty when there is nothing to be done by a command."""
    call: Fix | None = None
    side: str = ""
    """The other side, when it is another host or person: `was` is theirs then."""
    moved: Moved = ""
    """Who changed since both sides last had the same; empty when nobody knows."""


def fixed(difference: Difference, call: Fix | None) -> Difference:
    """The difference with its fix, as text and as a call."""
    return difference.model_copy(update={"call": call, "fix": str(call) if call else difference.fix})


def step(was: str, now: str) -> Severity:
    """How bad a change of version is: the first number major, the second minor, all else a patch, which is no more than info."""
    if not was or not now:
        return "major"
    old, new = _numbers(was), _numbers(now)
    if old[:1] != new[:1]:
        return "major"
    # Below 1.0 the second number is the one that breaks things.
    if old[:2] != new[:2]:
        return "major" if old[:1] == [0] else "minor"
    return "info"


def _numbers(version: str) -> list[int]:
    plain = version.partition(":")[2] or version
    return [int(part) for part in re.findall(r"\d+", plain)[:3]]
