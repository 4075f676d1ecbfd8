"""What is rewritten before the grammar reads: typos in the grammar's own words, names and numbers as they are spoken.

Only matching sees this. An argument is cut from the original, so a name is never mended; a runtime or service that is
named in its spoken form is the one exception, since that form is a known synonym.
"""

from __future__ import annotations

import re
from functools import cache

from .normalise import Text
from .tables import KEYWORDS, REAL, SPOKEN, TYPOS
from .values import SPOKEN_NUMBER, spoken_number

_WORD = re.compile(r"(?<![\w@/.:\\-])[a-z]{4,14}(?![\w@/\\-]|\.\w|:\S)")
_UM = re.compile(r"(?<=\s)(?:u+h+m*|u+m+|e+r+m*|hm+)[ ,]+(?=\S)")
_COMMA = re.compile(r"\s(?:comma)(?=\s(?:then|and|but|please|first|also|after|take|run|install|deploy)\b)")
_KNOWN = re.compile(
    r"(?<![\w@/.:-])(?:" + "|".join(re.escape(w) for w in sorted(TYPOS, key=len, reverse=True)) + r")(?![\w@/:=-]|\.\w)"
)
_SAID = re.compile(r"(?<![\w@/.-])(?:" + "|".join(re.escape(w) for w in SPOKEN) + r")(?![\w@/-])")


def mend(text: Text) -> Text:
    """Apply all of it; what is quoted is left alone."""
    text = text.sub(_COMMA, lambda _: ",")
    text = text.sub(_UM, lambda _: "")
    for pattern, put in (
        (_KNOWN, TYPOS.__getitem__),
        (_SAID, SPOKEN.__getitem__),
        (_WORD, _keyword),
        (SPOKEN_NUMBER, spoken_number),
    ):
        masked = text.masked()
        text = text.sub(pattern, lambda m, put=put, masked=masked: None if masked[m.start()] == "\x01" else put(m[0]))
    return text


def plain(said: str) -> str:
    """Words for a moment with the typos in them mended; all else as it was typed."""
    return re.sub(r"[A-Za-z]{4,}", lambda match: TYPOS.get(match[0]) or _keyword(match[0]) or match[0], said)


@cache
def _deletes() -> dict[str, list[str]]:
    """Every keyword under itself and under each of its forms with one letter missing."""
    found: dict[str, list[str]] = {}
    for word in sorted(KEYWORDS):
        for form in {word, *_without_one(word)}:
            found.setdefault(form, []).append(word)
    return found


def _without_one(word: str) -> set[str]:
    return {word[:i] + word[i + 1 :] for i in range(len(word))}


def _keyword(word: str) -> str | None:
    """The one keyword that `word` is one slip away from; None when it is a word itself, or could be several."""
    if word in KEYWORDS or word in REAL:
        return None
    table = _deletes()
    found = {key for form in {word, *_without_one(word)} for key in table.get(form, ()) if _one_slip(word, key)}
    return found.pop() if len(found) == 1 else None


def _one_slip(word: str, key: str) -> bool:
    """One letter added, lost, swapped with its neighbour, or (from six letters on) wrong; never just an ending."""
    if word.startswith(key) or (key.startswith(word) and len(key) < 6):
        return False
    if len(word) != len(key):
        return len(key) > 4
    wrong = [i for i in range(len(word)) if word[i] != key[i]]
    if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
        return word[wrong[0]] == key[wrong[1]] and word[wrong[1]] == key[wrong[0]]
    return len(wrong) == 1 and wrong[0] > 0 and len(word) > 5
