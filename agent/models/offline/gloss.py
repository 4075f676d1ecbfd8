"""Requests in German, French, Spanish and Portuguese, word by word in English: for the encoder, whose base knows English alone.

One file a language in `lexicons`: a word form, a tab, what it usually means in a request to these tools. Only what the encoder sees is put
into English; the values of arguments are cut from the text as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from .english import ordinary
from .tables import words

LANGUAGES = ("de", "fr", "es", "pt")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_ENGLISH_TOO = words(
    "a active administrator ai also am an analyse arrive as bin capture car changes charge chat client compiler correct d data db dies diff "
    "distance do e-mail echo execute exporter fall fast fix for go halt has he her id importer kind land last legal lib lies listen logo mail mails "
    "mars mate max media miles n nas net nix no ok okay on once ops part pass pays pc per plus post pr pre prod propose quite ran range red "
    "reserve resolve resume sales scanner sea serve site so some spring standard such tag time times to top total trace um version virtualenv "
    "vite vm vs vue was web will yo"
)
"""Forms of the files that tell nothing of the language: they stood in English requests of the training cases too."""
_ENGLISH = words(
    "the is are what my and of with in it this that please can you i not don't we our need how from at be have just but then there all "
    "show install update upgrade run take get put make back up when which where why who now new remember deploy rollback roll destroy switch snapshot scan sync push pull logs history status undo restore rewind add stop start kill its into any since before after what's"
)
"""Forms that no file has: where they are half of the words, no file need be read."""
SHARE = 0.35
"""Least share of a request's words that are in a language's file. Chosen on the training cases: of 18,000 English ones 2 are
taken for another language, of 1,540 others none for English."""


@cache
def lexicon(language: str) -> dict[str, str]:
    """Word forms to English. A file that cannot be read is empty: the words then stay as they are."""
    try:
        lines = Path(__file__).with_name("lexicons").joinpath(f"{language}.tsv").read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {form: meaning for form, tab, meaning in (line.partition("\t") for line in lines) if tab}


def language(request: Sequence[str]) -> str | None:
    """Which of LANGUAGES the words are in; None for English and all else."""
    said = [word for word in request if _WORD.fullmatch(word)]
    if 2 * sum(word in _ENGLISH for word in said) >= len(said):
        return None
    best, most = None, 0.0
    for name in LANGUAGES:
        table = lexicon(name)
        own = sum(word in table and word not in _ENGLISH_TOO for word in said)
        score = own + 0.3 * sum(word in table and word in _ENGLISH_TOO for word in said)
        english = sum(word not in table and (len(word) < 3 or ordinary(word)) for word in said)
        if score > most and own > english and score >= SHARE * len(said):
            best, most = name, score
    return best


def english(request: Sequence[str]) -> list[str]:
    """The words as the encoder reads them."""
    spoken = language(request)
    if spoken is None:
        return list(request)
    table = lexicon(spoken)
    return [table.get(word, word) for word in request]
