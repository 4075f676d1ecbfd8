"""Is a word an ordinary English one? Then it is a less likely name for a service, a context or a snapshot."""

from __future__ import annotations

from functools import cache

from ....memory.embed import VOCABULARY


@cache
def _words() -> frozenset[str]:
    """The embedder's vocabulary, some 20,000 of it whole words; nothing where the file is missing."""
    try:
        return frozenset(VOCABULARY.read_text("utf-8", "replace").split("\n"))
    except OSError:
        return frozenset()


def ordinary(word: str) -> bool:
    """True for a word of everyday English, in singular or plural."""
    # Asked of the word and not of the whole table when it is read: that is 10 ms of a load that a person waits for.
    if len(word) < 3 or not word.isalpha():
        return False
    known = _words()
    return word in known or (len(word) > 3 and word.endswith("s") and word[:-1] in known)
