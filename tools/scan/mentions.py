"""What source text mentions: one pass of a few patterns over a file, with line numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

Patterns = tuple[tuple[str, str, str], ...]
"""(rule, a plain text without which nothing can match, regular expression with one group).

The plain text is what makes this quick: most files have none of them. The expressions have no nested repetition, and their
white space is bounded here, so they are linear in the text: `a[ \t]*=` alone looks at 50,000 blanks once from each of them.
"""
_BLANKS = re.compile(r"(\\s|\[ \\t\]|\[ \\t\\n\])\*")
WIDEST = 60
"""White space in a row that an expression bridges."""

_compiled: dict[Patterns, tuple[tuple[str, str, re.Pattern[str]], ...]] = {}
_COMMENTS = ("#", "//", "*", "/*", "--", ";")
MOST = 400
"""Mentions kept per file; generated files have thousands."""


def mentions(text: str, patterns: Patterns) -> Iterator[tuple[str, str, int]]:
    """(rule, value, line) of what is found."""
    ready = _compiled.get(patterns)
    if ready is None:
        ready = _compiled[patterns] = tuple(
            (rule, needle, re.compile(_BLANKS.sub(rf"\1{{0,{WIDEST}}}", expression), re.MULTILINE))
            for rule, needle, expression in patterns
        )
    count = 0
    for rule, needle, expression in ready:
        if needle not in text:
            continue
        for match in expression.finditer(text):
            line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()].lstrip()
            if line.startswith(_COMMENTS):
                continue
            value = match.group(1) if match.lastindex else match.group(0)
            yield rule, value[:200], text.count("\n", 0, match.start()) + 1
            count += 1
            if count >= MOST:
                return


def merged(tables: Sequence[dict[str, Patterns]]) -> dict[str, Patterns]:
    """One table by suffix of several."""
    result: dict[str, Patterns] = {}
    for table in tables:
        for suffix, patterns in table.items():
            result[suffix] = (*result.get(suffix, ()), *patterns)
    return result
