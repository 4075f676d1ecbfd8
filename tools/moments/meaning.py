"""Which of several texts a request is about: token overlap, rare words counting more. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_FILLER = """a an and are as at back be been broke but by did do does done for from go had has have how i in into is it its
last latest recent most first me moment my of on or our state take that the then there they things this time to up was we
were when where which with worked working you your before after until since prior just right snapshot one"""
FILLER = frozenset(_FILLER.split())
SAME = {
    "bump": "upgrad", "updat": "upgrad", "add": "install", "setup": "install", "provision": "install", "uninstall": "remov",
    "delet": "remov", "drop": "remov", "undo": "rewind", "revert": "rewind", "restor": "rewind", "execut": "run", "ran": "run",
}  # fmt: skip
ENOUGH = 0.6
"""Share of the request's weight that must be found."""
MARGIN = 0.15
"""By how much the best must be ahead of the next to be taken without asking."""


def words_of(text: str) -> list[str]:
    """The words that carry meaning, in one form: `upgraded` and `update` are both `upgrad`."""
    found = re.findall(r"[^\W_]+(?:[.+][^\W_]+)*", text.casefold())
    return [_stem(word) for word in found if word not in FILLER]


def best(query: str, texts: Sequence[str]) -> list[int]:
    """Indexes of the texts that the query is about, best first: several when none is clearly ahead, none when none fits."""
    scores = relevance(query, texts)
    top = max(scores, default=0.0)
    if top < ENOUGH:
        return []
    return sorted((i for i, score in enumerate(scores) if score > top - MARGIN), key=lambda i: (-scores[i], -i))


def relevance(query: str, texts: Sequence[str]) -> list[float]:
    """For each text, the share (0 to 1) of the query's weight that it holds."""
    asked = list(dict.fromkeys(words_of(query)))
    if not asked or not texts:
        return [0.0] * len(texts)
    bags = [frozenset(words_of(text)) for text in texts]
    seen = Counter(word for bag in bags for word in bag)
    weight = {word: math.log(2 + len(bags) / (1 + seen[word])) for word in asked}
    total = sum(weight.values())
    return [sum(weight[word] * _in(word, bag) for word in asked) / total for bag in bags]


def _in(word: str, bag: frozenset[str]) -> float:
    if word in bag:
        return 1.0
    if len(word) < 4:
        return 0.0
    from rapidfuzz import fuzz, process

    near = process.extractOne(word, bag, scorer=fuzz.ratio, score_cutoff=80)
    return 0.8 if near else 0.0


def _stem(word: str) -> str:
    if word.isalpha() and len(word) > 4:
        word = re.sub(r"(?:ing|ed|es|s|e)$", "", word)
    return SAME.get(word, word)
