"""Composer's constraints as far as a plan has to understand them, and what people write for a version."""

from __future__ import annotations

import re

from ...errors import Usage
from ..names import Named, shown

_VERSION = re.compile(r"v?(\d+(?:\.\d+){0,3})")


def numbers(version: str) -> tuple[int, ...] | None:
    """`v3.1.2` as (3, 1, 2); None for a branch or an early version, which are not compared."""
    found = _VERSION.fullmatch(version.strip())
    return tuple(map(int, found[1].split("."))) if found else None


def meets(version: str, constraint: str) -> bool | None:
    """Whether a released version meets `^8.1 || ~7.4`, `>=7.2 <9`, `8.*`, `*`; None when that cannot be told here."""
    mine = numbers(version)
    if mine is None:
        return None
    results = [_all(mine, part) for part in re.split(r"\s*\|\|?\s*", constraint.strip())]
    return True if True in results else None if None in results else False


def _all(mine: tuple[int, ...], part: str) -> bool | None:
    part = re.sub(r"([<>=!~^]+)\s+", r"\1", part.strip())
    span = re.fullmatch(r"(\S+)\s+-\s+(\S+)", part)
    words = [f">={span[1]}", f"<={span[2]}"] if span else [word for word in re.split(r"[\s,]+", part) if word]
    if span and span[2].count(".") < 2:  # `1.0 - 2.1` takes all of 2.1
        words[1] = f"<{_text(_next(numbers(span[2]) or (0,)))}"
    results = [_one(mine, word) for word in words]
    return False if False in results else None if None in results or not words else True


def _one(mine: tuple[int, ...], word: str) -> bool | None:
    if word in ("*", "@stable", "x"):
        return True
    found = re.fullmatch(r"(\^|~|>=|<=|!=|<>|==?|>|<)?v?(\d+(?:\.\d+){0,3})(\.[*x])?(?:@\w+)?", word)
    if found is None:
        return None
    sign, other = found[1] or "", tuple(map(int, found[2].split(".")))
    if found[3]:
        return _not(sign, _between(mine, other, _next(other)))
    match sign:
        case "^":
            first = next((index for index, number in enumerate(other) if number), len(other) - 1)
            return _between(mine, other, _next(other[: first + 1]))
        case "~":
            return _between(mine, other, _next(other[:-1] or other))
        case ">":
            return _padded(mine) > _padded(other)
        case "<":
            return _padded(mine) < _padded(other)
        case ">=":
            return _padded(mine) >= _padded(other)
        case "<=":
            return _padded(mine) <= _padded(other)
        case _:
            return _not(sign, _padded(mine) == _padded(other))


def _not(sign: str, result: bool) -> bool:
    return not result if sign in ("!=", "<>") else result


def _between(mine: tuple[int, ...], low: tuple[int, ...], high: tuple[int, ...]) -> bool:
    return _padded(low) <= _padded(mine) < _padded(high)


def _padded(parts: tuple[int, ...]) -> tuple[int, ...]:
    return (*parts, 0, 0, 0)[:4]


def _next(parts: tuple[int, ...]) -> tuple[int, ...]:
    return (*parts[:-1], parts[-1] + 1)


def _text(parts: tuple[int, ...]) -> str:
    return ".".join(map(str, parts))


def constraint(item: Named) -> str:
    """What is asked of composer for a named version; empty for any. `3` means 3.x, `3.1` means 3.1.x. Raises Usage."""
    version = item.version
    if version in ("", "latest"):
        return ""
    if version[0] in "<>=~!^":
        words = re.sub(r"\s+", "", version)
        if not re.fullmatch(r"(?:(?:\^|~|>=|<=|!=|==?|>|<)[0-9][\w.*-]*,?){1,4}", words):
            raise Usage(f"{shown(str(item))}: that is no version", f"Write e.g. {item.name}@^3 or {item.name}@3.1.2.")
        return words.rstrip(",")
    return f"{version}.*" if re.fullmatch(r"\d+(\.\d+)?", version) else version
