"""Build scripts without their comments: they are programs that are never run, and only what they still say counts."""

from __future__ import annotations

import re

# Each of these takes all that is left when its end is missing, so that no second try starts inside of it.
_STRING = r'"(?:[^"\\\n]|\\.)*\\?(?:"|(?=\n)|\Z)'
_SLASHES = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?(?:\*/|\Z)|^[ \t]*\\\\[^\n]*", re.DOTALL | re.MULTILINE)
_HASHES = re.compile(rf"({_STRING}|'[^'\n]*(?:'|(?=\n)|\Z))|#[^\n]*", re.DOTALL)
_NIM = re.compile(rf"({_STRING})|##?\[.*?(?:\]##?|\Z)|#[^\n]*", re.DOTALL)


def without_slashes(text: str) -> str:
    """`text` without `// …` and `/* … */`, as Swift, Zig and C have them, and without Zig's lines of raw text."""
    return _SLASHES.sub(lambda match: match[1] or " ", text)


def without_hashes(text: str, *, blocks: bool = False) -> str:
    """`text` without `# …`, and where the language has such `blocks`, as Nim does, without `#[ … ]#`."""
    return (_NIM if blocks else _HASHES).sub(lambda match: match[1] or " ", text)
