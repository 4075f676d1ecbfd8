"""Maps of EDN and of Leiningen's project.clj; reader macros are looked through, and nothing is evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..brackets import LISP, Item, nested
from ..draft import Draft
from ..parse import Broken
from ..text import safe

_LEFT_OUT = frozenset({"#_", "^"})
"""Words after which the next form says nothing about the program."""
_MARKS = frozenset({"#", "~", "~@", "#=", "'", "#?", "#?@"})
"""Words that only say how the next form is to be read."""


@dataclass(frozen=True)
class Pairs:
    """A map; the last of two values of one key counts."""

    entries: dict[str, Item]

    def inner(self, key: str) -> Pairs:
        """The map at a key, or an empty one."""
        value = self.entries.get(key)
        return pairs(value) if isinstance(value, list) else Pairs({})

    def word(self, key: str) -> str:
        """The word, number or string at a key, or nothing."""
        value = self.entries.get(key)
        return value if isinstance(value, str) else ""

    def items(self, key: str) -> list[Item]:
        """The forms of the vector at a key."""
        value = self.entries.get(key)
        return kept(value) if isinstance(value, list) else []


def read(draft: Draft, name: str) -> list[Item]:
    """The forms of a manifest; none when it is broken, which is a finding."""
    try:
        # A comma is white space, and no string that matters here has one.
        return nested(draft.text(name).replace(",", " "), LISP)
    except Broken as error:
        draft.finding(f"{safe(draft.at(name))} could not be read: {error}", name, rule="unreadable")
        return []


def kept(items: list[Item]) -> list[Item]:
    """The forms that count: without metadata and what `#_` leaves out."""
    return list(_counting(items))


def _counting(items: list[Item]) -> Iterator[Item]:
    skip = 0
    for item in items:
        if isinstance(item, str):
            if item in _LEFT_OUT:
                skip += 1
                continue
            if item in _MARKS or re.fullmatch(r"\^:[\w.-]{1,60}|#_\S{1,200}|#:[\w.-]{1,60}", item):
                continue
        if skip:
            skip -= 1
        else:
            yield item


def pairs(items: list[Item]) -> Pairs:
    """Keys and values that stand in turn."""
    forms = kept(items)
    return Pairs({key: value for key, value in zip(forms[::2], forms[1::2], strict=False) if isinstance(key, str)})


def first(items: list[Item]) -> list[Item]:
    """The first form with brackets."""
    return next((item for item in items if isinstance(item, list)), list[Item]())


def port(word: str) -> int:
    """A number between 1 and 65535, or 0."""
    return int(word) if re.fullmatch(r"[0-9]{2,5}", word) and int(word) < 65536 else 0
