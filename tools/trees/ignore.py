"""Ignore patterns, nested, as git reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from pathspec import GitIgnoreSpec

_SPECIAL = re.compile(r"[*?\[\]\\\s]")
_STARS = re.compile(r"(?<!\*)\*(?!\*)")
_LONG = 200
"""Characters of a line up to which what it means is remembered: the same few lines stand in most .gitignore files."""


@dataclass(frozen=True)
class _Line:
    """What one line means. Of `name`, `ending` and `head` the first that is not empty or None tells where to look."""

    patterns: tuple[tuple[bool, re.Pattern[str]], ...] = ()
    explosive: bool = False
    name: str = ""
    """Only this name, in any folder."""
    ending: str = ""
    """Only names that end so, in any folder."""
    head: str | None = None
    """Only what lies below this folder (`""` or with a `/` at the end) of the .gitignore's own."""
    exact: bool = False
    """Only what lies directly in `head`."""


def meaning(line: str) -> _Line:
    """What a line means; a tenth of a millisecond when it is new, nearly nothing when it was asked for before."""
    return _remembered(line) if len(line) <= _LONG else _read(line)


class Rules:
    """The patterns of one .gitignore, with a quick look in front of the library: most names match none of them."""

    def __init__(self, base: str, lines: Sequence[str]) -> None:
        self.base = base
        known = [(meaning(line), line) for line in lines]
        self.dropped = [line for one, line in known if one.explosive]
        self._patterns = [pattern for one, _ in known for pattern in one.patterns]
        # What the quick look goes by: names and endings of them, and expressions for what lies below (or directly in) a folder.
        self.names = frozenset(one.name for one, _ in known if one.name)
        self.endings = tuple({one.ending: None for one, _ in known if one.ending})
        places: dict[tuple[str, bool], list[str]] = {}
        for one, _ in known:
            if one.head is not None:
                sources = [f"(?:{expression.pattern})" for _, expression in one.patterns]
                places.setdefault((one.head, one.exact), []).extend(sources)
        self.places = [
            (head, exact, re.compile("|".join(sources), re.DOTALL))
            for (head, exact), sources in places.items()
            if sources
        ]

    def says(self, path: str, name: str) -> bool | None:
        """True ignored, False explicitly kept, None nothing said; a folder's path ends in `/`, its name does not."""
        inside = path[len(self.base) :]
        if (
            name in self.names
            or name.endswith(self.endings)
            or any(inside.startswith(head) and expression.match(inside) for head, _, expression in self.places)
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


def _read(line: str) -> _Line:
    if _explosive(line):
        return _Line(explosive=True)
    plain = line.rstrip(" ").removeprefix("!").rstrip("/")
    if not plain or line.startswith("#"):
        return _Line()
    patterns = tuple(_compiled(line))
    # `**/x` means what `x` does.
    simple = plain[3:] if plain.startswith("**/") else plain
    if simple and "/" not in simple:
        if not _SPECIAL.search(simple):
            return _Line(patterns, name=simple)
        if simple[0] == "*" and simple[1:] and not _SPECIAL.search(simple[1:]):
            return _Line(patterns, ending=simple[1:])
        return _Line(patterns, head="")
    body = plain.removeprefix("/")
    if "//" in body or body.startswith("/"):
        return _Line(patterns, head="")
    special = _SPECIAL.search(body)
    literal = body[: special.start()] if special else body
    head = literal[: literal.rfind("/") + 1]
    rest = body[len(head) :]
    return _Line(patterns, head=head, exact="/" not in rest and "**" not in rest)


_remembered = lru_cache(4096)(_read)


def _compiled(line: str) -> list[tuple[bool, re.Pattern[str]]]:
    patterns: list[Any] = []
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
