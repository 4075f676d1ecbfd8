"""Nested brackets as lists: s-expressions (dune, info.rkt, eggs) and Erlang terms, read and never run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from .parse import DEPTH, Broken

Item: TypeAlias = "str | list[Item]"
"""A word or a string without its quotes, or what stands between two brackets, of whatever kind they are."""
MOST = 60_000
"""Words and brackets of one file; a manifest has some hundreds."""

# A string and a block comment take all that is left when their end is missing, so that no second try starts inside of them.
_STRING = r'"((?:[^"\\]|\\.)*+)\\?"?'
LISP = re.compile(rf"{_STRING}|;[^\n]*|#\|.*?(?:\|#|\Z)|([(\[{{])|([)\]}}])|([^\s()\[\]{{}}\";]+)", re.DOTALL)
ERLANG = re.compile(
    rf"{_STRING}|%[^\n]*|\$\\?.|([(\[{{])|([)\]}}])|'([^'\n]*)'|([^\s()\[\]{{}}\",;%'.$][^\s()\[\]{{}}\",;%'$]*)",
    re.DOTALL,
)


def nested(text: str, tokens: re.Pattern[str]) -> list[Item]:
    """The file as `tokens` (LISP or ERLANG) has it; raises Broken when a bracket has no other half."""
    top: list[Item] = []
    open_lists: list[list[Item]] = [top]
    for count, match in enumerate(tokens.finditer(text)):
        if count > MOST:
            raise Broken(f"it has more than {MOST} parts")
        if match[2]:
            if len(open_lists) > DEPTH:
                raise Broken(f"it is nested more than {DEPTH} deep")
            inner: list[Item] = []
            open_lists[-1].append(inner)
            open_lists.append(inner)
        elif match[3]:
            if len(open_lists) == 1:
                raise Broken("a bracket is closed that was never opened")
            open_lists.pop()
        else:
            word = next((group for group in match.groups() if group is not None), None)
            if word is not None:
                open_lists[-1].append(word)
    if len(open_lists) > 1:
        raise Broken("a bracket is never closed")
    return top


def fields(items: Sequence[Item], name: str) -> list[list[Item]]:
    """What follows `name` in every list of `items` that begins with it."""
    return [item[1:] for item in items if isinstance(item, list) and item and item[0] == name]


def field(items: Sequence[Item], name: str) -> list[Item]:
    """Likewise of the first such list; empty when there is none."""
    found = fields(items, name)
    return found[0] if found else []


def word(items: Sequence[Item], name: str) -> str:
    """The single word that stands beside `name`, or nothing."""
    return next((item for item in field(items, name)[:1] if isinstance(item, str)), "")


def heads(items: Sequence[Item]) -> list[str]:
    """The words of a list, and of each list in it the first word: names of dependencies with or without a version."""
    firsts = (item[0] if isinstance(item, list) and item else item for item in items)
    return [first for first in firsts if isinstance(first, str)]
