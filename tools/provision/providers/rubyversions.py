"""Versions and requirements as RubyGems compares them, and what people write for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from ...errors import Usage
from ..names import Named, shown

_ONE = re.compile(r"(=|!=|>=|<=|~>|>|<)?\s*([0-9A-Za-z][0-9A-Za-z.-]*)")


def segments(version: str) -> tuple[int | str, ...]:
    """`1.2.rc3` as (1, 2, "rc", 3), without trailing zeros."""
    parts = [int(p) if p.isdigit() else p for p in re.findall(r"\d+|[A-Za-z]+", version.replace("-", ".pre."))]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def prerelease(version: str) -> bool:
    """Whether a version has letters, which makes it one that nobody gets without asking."""
    return any(isinstance(part, str) for part in segments(version))


def order(version: str) -> _Key:
    """What versions are sorted by: letters come before numbers, so `1.0.rc1` before `1.0`."""
    return _Key(segments(version))


class _Key:
    def __init__(self, parts: tuple[int | str, ...]) -> None:
        self.parts = parts

    def __lt__(self, other: _Key) -> bool:
        for mine, theirs in zip_longest(self.parts, other.parts, fillvalue=0):
            if mine == theirs:
                continue
            if isinstance(mine, int) and isinstance(theirs, int):
                return mine < theirs
            if isinstance(mine, str) and isinstance(theirs, str):
                return mine < theirs
            return isinstance(mine, str)
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and not self < other and not other < self

    def __hash__(self) -> int:
        return hash(self.parts)


def satisfies(version: str, wanted: Sequence[str]) -> bool:
    """Whether a version meets all of `>= 1`, `~> 2.1`, `3.0`. What is no requirement is met by nothing."""
    return all(_meets(version, line) for line in wanted)


def _meets(version: str, line: str) -> bool:
    found = _ONE.fullmatch(line.strip())
    if found is None:
        return False
    sign, other = found[1] or "=", found[2]
    mine, theirs = order(version), order(other)
    match sign:
        case "=":
            return mine == theirs
        case "!=":
            return mine != theirs
        case ">":
            return theirs < mine
        case "<":
            return mine < theirs
        case ">=":
            return not mine < theirs
        case "<=":
            return not theirs < mine
        case _:
            return not mine < theirs and mine < order(_bump(other))


def _bump(version: str) -> str:
    """The first version that `~> version` leaves out: `2.2` -> `3`, `2.2.1` -> `2.3`."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    parts = [int(part) for part in (numbers[0] if numbers else "0").split(".")]
    parts = parts[:-1] or parts
    return ".".join(map(str, [*parts[:-1], parts[-1] + 1]))


def wanted(item: Named) -> tuple[str, ...]:
    """The requirements that a named version stands for; none for any version. `3` means 3.x, `3.1` means 3.1.x. Raises Usage."""
    version = item.version
    if version in ("", "latest"):
        return ()
    caret = re.fullmatch(r"\^ ?((\d{1,9})(?:\.\d{1,9}){0,3})", version)
    if caret:
        return f">= {caret[1]}", f"< {int(caret[2]) + 1}"
    if version[0] in "<>=~!^":
        lines = tuple(
            " ".join(re.findall(r"[<>=~!^]+|[^<>=~!^\s]+", line)) for line in version.split(",") if line.strip()
        )
        if not lines or not all(_ONE.fullmatch(line) for line in lines):
            raise Usage(
                f"{shown(str(item))}: that is no version of a gem", f"Write e.g. {item.name}@3 or {item.name}@~>3.1."
            )
        return lines
    if re.fullmatch(r"\d+(\.\d+)?", version):
        return (f"~> {version}.0",)
    return (f"= {version}",)
