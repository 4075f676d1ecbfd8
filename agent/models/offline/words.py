"""A request as the words that the encoder labels, and what each word looks like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from .english import ordinary
from .normalise import Text
from .tables import CONTEXTS, PACKAGES, PROGRAMS, RUNTIMES, SERVICES
from .values import FILELIKE, HOSTISH, PLACE, coined


@dataclass(frozen=True)
class Word:
    """`low` is `text.low[start:end]`."""

    low: str
    start: int
    end: int


_BEFORE = ",;\"'`([{"
_AFTER = ",;:!?)]}\"'`"
_CHUNK = re.compile(r"\S+")


def split(text: Text) -> list[Word]:
    """White space parts words; quotes, brackets and stops around a word, and a possessive s, are words of their own."""
    words: list[Word] = []
    for chunk in _CHUNK.finditer(text.low):
        start, end = chunk.span()
        after: list[Word] = []
        while start < end and text.low[start] in _BEFORE:
            words.append(Word(text.low[start], start, start + 1))
            start += 1
        while start < end and (_closes(text.low[start:end]) or _stop(text.low[start:end])):
            end -= 1
            after.append(Word(text.low[end], end, end + 1))
        if end - start > 2 and text.low.endswith("'s", start, end):
            after.append(Word("'s", end - 2, end))
            end -= 2
        if start < end:
            words.append(Word(text.low[start:end], start, end))
        words += reversed(after)
    return words


_PAIRS = {")": "(", "]": "[", "}": "{", '"': '"', "'": "'", "`": "`"}


def _closes(word: str) -> bool:
    """Ends with a mark that is no part of it: a bracket or quote that the word itself opens belongs to it."""
    last, before = word[-1], word[:-1]
    if last not in _AFTER or last not in _PAIRS:
        return last in _AFTER
    opens = before.count(_PAIRS[last])
    return opens % 2 == 0 if _PAIRS[last] == last else opens <= before.count(last)


def _stop(word: str) -> bool:
    """Ends with a full stop that is no part of it; `.`, `..` and `a/.` are paths."""
    return word[-1] == "." and word.strip(".") != "" and not word.endswith(("/.", "/.."))


SHAPES = (
    "plain", "rare", "mark", "word-package", "integer", "version", "runtime", "service", "package", "program", "context", "versioned",
    "scoped", "option", "host", "place", "file", "coined", "snapshot-here", "service-here", "host-here",
    "done", "open",
)  # fmt: skip


@dataclass(frozen=True)
class Before:
    """What went before the request: the tool of the last call, or of the request that was answered with a question (`open`)."""

    tool: str
    open: bool = False

    @property
    def shape(self) -> int:
        """A place in SHAPES."""
        return SHAPES.index("open" if self.open else "done")


@cache
def _popular() -> frozenset[str]:
    """Well-known packages, many of them ordinary words: click, attrs, chalk."""
    from ....tools.provision.popular import NODE, PYTHON

    return PYTHON | NODE


_SHAPE = {name: at for at, name in enumerate(SHAPES)}
_INTEGER = re.compile(r"\d{1,9}")
_VERSION = re.compile(r"v?\d+(?:\.[\dx*]+)+[\w.+-]*|v\d+|[<>=~^!]=?\d[\w.]*|\d+\.x")
_VERSIONED = re.compile(
    r"@?[a-z][\w./+-]*(?:\[[\w,-]+\])?(?:==|>=|<=|~=|@|=|>|<|:)v?\d[\w.,<>=*+-]*|@?[a-z][\w./-]*@(?:latest|next|lts)"
)
_SCOPED = re.compile(r"@[a-z0-9][\w.-]*/[\w./-]+")


def shape(word: str, here: Mapping[str, str]) -> int:
    """What a word looks like, as a place in SHAPES. `here` names what the session knows: {name: "service-here", …}."""
    return _SHAPE[here.get(word) or _kind(word)]


def _kind(word: str) -> str:
    if not word[0].isalnum() and len(word) < 3 and not any(c.isalnum() for c in word) and word not in (".", ".."):
        return "mark"
    if _INTEGER.fullmatch(word):
        return "integer"
    if _VERSION.fullmatch(word):
        return "version"
    for table, kind in (
        (RUNTIMES, "runtime"),
        (SERVICES, "service"),
        (PACKAGES, "package"),
        (PROGRAMS, "program"),
        (CONTEXTS, "context"),
    ):
        if word in table:
            return kind
    if HOSTISH.fullmatch(word):
        return "host"
    if _VERSIONED.fullmatch(word):
        return "versioned"
    if _SCOPED.fullmatch(word):
        return "scoped"
    if word.startswith("-"):
        return "option"
    if PLACE.fullmatch(word):
        return "place"
    if FILELIKE.fullmatch(word):
        return "file"
    if coined(word):
        return "coined"
    if word in _popular():
        return "word-package" if ordinary(word) else "package"
    return "plain" if ordinary(word) or len(word) < 3 else "rare"
