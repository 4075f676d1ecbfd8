"""Is a word an ordinary English one? Then it is a less likely name for a service, a context or a snapshot."""

from __future__ import annotations

from functools import cache

from ....memory.embed import VOCABULARY


@cache
def _words() -> frozenset[str]:
    """The whole words of the embedder's vocabulary, some 20,000; none where the file is missing."""
    try:
        lines = VOCABULARY.read_text("utf-8", "replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(word for word in lines if word.isalpha() and len(word) > 2)


def ordinary(word: str) -> bool:
    """True for a word of everyday English, in singular or plural."""
    known = _words()
    return word in known or (word.endswith("s") and word[:-1] in known)
