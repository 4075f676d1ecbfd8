"""A slot's words as they were typed, or as speech recognition wrote what is one word."""

from __future__ import annotations

import re

from .found import quoted
from .normalise import Text
from .values import JOINT

_SPELT = re.compile(r"\b(?:dash|hyphen|underscore|dot|slash|colon)\b")
_SPELLING = (
    (r"\b(?:dash|hyphen) (?:dash|hyphen) ?(?=\w)", "--"), (r"(?:^|(?<= ))dot slash ", "./"), (r" ?\bslash\b ?", "/"),
    (r"(?<=\S) (?:dash|hyphen) (?=\w)", "-"), (r"(?:^|(?<= ))(?:dash|hyphen) (?=\w)", "-"), (r" ?\bunderscore\b ?", "_"),
    (r" ?\bdot\b ?", "."), (r" ?\bcolon\b ?", ":"),
)  # fmt: skip


LETTERS = re.compile(r"(?<![\w'.-])(?=(?:[a-z] )*[b-df-hj-np-tv-xz](?![\w'.]))[a-z](?: [a-z](?![\w'.]))+")
"""Letters said one by one: a p i, n p m; not the words of other languages: il y a."""


def _spelt(low: str, *, line: bool) -> str:
    """What was said as "pre dash merge" or "dot slash deploy": pre-merge, ./deploy. In a command line a lone dash begins an option."""
    # Letters further on in a command line are its arguments: cp a b.
    low = LETTERS.sub(lambda match: match[0] if line and match.start() else match[0].replace(" ", ""), low)
    for pattern, put in _SPELLING:
        low = re.sub(pattern, " -" if line and put == "-" and pattern.startswith(r"(?<=\S)") else put, low)
    return low


_TYPED = re.compile(r"[\"'`|<>&;$=(]|(?:^|\s)--?\w")
"""What only a keyboard writes: a "dot" or "colon" beside it is a word of the command."""


def said(text: Text, *, line: bool = False) -> str | None:
    """As it was typed, without quotes around it; the plain form only where speech was put into one word ("pie test")."""
    text = text.cut()
    raw = quoted(text.raw())
    letters = LETTERS.match(text.low) if line else LETTERS.search(text.low)
    spelt = _SPELT.search(text.low) or (letters and raw[0] not in "\"'`")
    if spelt and " " in raw and not (line and _TYPED.search(raw)):
        return _spelt(quoted(text.low), line=line).replace("·", "")
    return quoted(_as_typed(text)) or None


def _as_typed(text: Text) -> str:
    """The original, but for stretches that speech wrote in several words and that are one: "pie test -k Foo" is `pytest -k Foo`."""
    out: list[str] = []
    at, last = 0, text.starts[0] if text.low else 0
    while at < len(text.low):
        end = at + 1
        while end < len(text.low) and (text.starts[end], text.ends[end]) == (text.starts[at], text.ends[at]):
            end += 1
        typed, put = text.original[text.starts[at] : text.ends[at]], text.low[at:end]
        put = put.replace(JOINT, "") if len(typed.split()) > len(put.split()) else typed
        out += text.original[last : text.starts[at]], put
        at, last = end, text.ends[at]
    return "".join(out)
