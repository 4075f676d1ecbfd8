"""Ignore patterns, nested, as git reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

from pathspec import GitIgnoreSpec

_SPECIAL = re.compile(r"[*?\[\]\\ ]")
_STARS = re.compile(r"(?<!\*)\*(?!\*)")


class Rules:
    """The patterns of one .gitignore, with a quick look in front of the library: most names match none of them."""

    def __init__(self, base: str, lines: Sequence[str]) -> None:
        self.base = base
        self.dropped = [line for line in lines if _explosive(line)]
        kept = [line for line in lines if line not in self.dropped]
        self._patterns = _compiled(kept)
        self._names: set[str] = set()
        endings: list[str] = []
        others: list[str] = []
        for line in kept:
            plain = line.rstrip().removeprefix("!").rstrip("/")
            if not plain or plain.startswith("#"):
                continue
            if "/" not in plain and not _SPECIAL.search(plain):
                self._names.add(plain)
            elif "/" not in plain and plain[0] == "*" and not _SPECIAL.search(plain[1:]):
                endings.append(plain[1:])
            else:
                others.append(line)
        self._endings = tuple(endings)
        parts = [expression.pattern for _, expression in _compiled(others)]
        self._others = re.compile("|".join(f"(?:{part})" for part in parts), re.DOTALL) if parts else None

    def says(self, path: str, name: str) -> bool | None:
        """True ignored, False explicitly kept, None nothing said; a folder's path ends in `/`, its name does not."""
        inside = path[len(self.base) :]
        if (
            name in self._names
            or name.endswith(self._endings)
            or (self._others is not None and self._others.match(inside))
        ):
            return self._judge(inside)
        return None

    def _judge(self, inside: str) -> bool | None:
        """The last pattern that means this very path decides.

        The library's own answer also lets a pattern decide that means a folder above, which is for callers that do not
        walk: `!d` would keep `d/a` from being ignored by `a`.
        """
        for include, expression in reversed(self._patterns):
            if expression.fullmatch(inside):
                return include
        return None


def _compiled(lines: Sequence[str]) -> list[tuple[bool, re.Pattern[str]]]:
    patterns: list[Any] = []
    for line in lines:
        with suppress(ValueError):  # a lone `!` or `\\`: git takes it for no pattern, the library for an error
            patterns += cast(Any, GitIgnoreSpec.from_lines([line], backend="simple").patterns)
    return [(pattern.include, _exact(pattern.regex.pattern)) for pattern in patterns if pattern.include is not None]


def _exact(source: str) -> re.Pattern[str]:
    """The library's expression made to match a whole path: it writes `a/**` and `*` as mere beginnings."""
    tail = "" if source.endswith(("(?P<ps_d>/)", "(?P<ps_d>/)|$)")) else ".+" if source.endswith("/") else ".*"
    return re.compile(source.replace("(?P<ps_d>", "(?:") + tail, re.DOTALL)


def _explosive(line: str) -> bool:
    """Many stars in one path segment make the matcher backtrack for hours on a name chosen for it."""
    return line.count("**") > 4 or any(len(_STARS.findall(part)) > 3 for part in line.split("/"))


def ignored(path: str, name: str, chain: Sequence[Rules]) -> bool:
    """Whether git would ignore `path`: the deepest .gitignore that says something wins."""
    for rules in reversed(chain):
        verdict = rules.says(path, name)
        if verdict is not None:
            return verdict
    return False
