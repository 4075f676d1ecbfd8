"""Text on its way to a model and into storage: safe, bounded, and what a bare yes or no is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ..tools.contract import Block, Lines, Result, Table, Tree


def safe(text: str) -> str:
    """Text that any store and any wire takes: lone surrogates and NUL as escapes, everything else as it is."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def plain(value: Any) -> Any:
    """The same for every string in a JSON value, keys included. A number that no store takes becomes an object that says
    so: as a string it would be a value, and some tool might take it."""
    match value:
        case str():
            return safe(value)
        case Mapping():
            return {safe(str(key)): plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # JSON
        case list() | tuple():
            return [plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
        case int() if not isinstance(value, bool) and not -(2**63) <= value < 2**63:
            return {"left out": f"a number of {value.bit_length()} bits"}  # msgpack has no larger ones
        case float() if not math.isfinite(value):
            return {"left out": str(value)}
        case _:
            return value


def middle(text: str, most: int) -> str:
    """At most about `most` characters: a longer text keeps its beginning and its end, and says what was left out."""
    if len(text) <= most:
        return text
    head, tail = most * 3 // 4, most // 4
    return f"{text[:head]}\n[… {len(text) - head - tail:,} characters left out …]\n{text[-tail:]}"


_YES = (
    "yes|y|yep|yeah|yes please|ok|okay|sure|go|go ahead|do it|proceed|confirm|confirmed|approve|approved|ja|oui|si|sí"
)
_NO = "no|n|nope|nah|no thanks|cancel|stop|abort|don't|dont|nein|non"


def says(text: str) -> str:
    """`yes` or `no` for a text that is nothing but that, else empty."""
    bare = re.sub(r"[\s.!,]+", " ", text.strip().lower()).strip()
    return "yes" if bare in _YES.split("|") else "no" if bare in _NO.split("|") else ""


def content(result: Result) -> str:
    """A result as a model reads it: its summary and what it shows, as plain lines."""
    return "\n".join([result.summary, *(line for block in result.blocks() for line in _lines(block))])


def _lines(block: Block, depth: int = 0) -> list[str]:
    match block:
        case Lines():
            return [*([block.title] if block.title else []), *block.lines]
        case Table():
            rows = [" | ".join(row) for row in [block.columns, *block.rows]]
            return [*([block.title] if block.title else []), *rows]
        case Tree():
            below = [line for child in block.children for line in _lines(child, depth + 1)]
            return ["  " * depth + block.label, *below]
