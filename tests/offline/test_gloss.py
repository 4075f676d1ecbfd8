"""Requests in other languages, word by word in English for the encoder."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.agent.models.offline import gloss
from envsync.agent.models.offline.gloss import LANGUAGES, english, language, lexicon


@pytest.mark.parametrize(
    ("said", "spoken"),
    [
        ("mach bitte einen snapshot und installier dann redis", "de"),
        ("was hat sich seit gestern geändert", "de"),
        ("peux-tu installer redis ?", "fr"),
        ("reviens à l'état d'hier", "fr"),
        ("vuelve a como estaba ayer", "es"),
        ("muéstrame los registros de cobros", "es"),
        ("desfaz o último deploy do checkout", "pt"),
        ("não faças deploy agora", "pt"),
        ("what changed since yesterday", None),
        ("install numpy and pandas", None),
        ("deploy api to staging with 3 replicas", None),
        ("stop the net-sync to nas", None),
        ("git pull", None),
        ("", None),
        ("./a.out --fast", None),
        ("снимок системы", None),
    ],
)
def test_the_language_of_a_request_is_told_by_its_words(said: str, spoken: str | None) -> None:
    assert language(said.split()) == spoken


def test_each_word_has_its_english_and_what_is_no_word_of_the_language_stays() -> None:
    assert english(["installiere", "bitte", "kafka-ui", "auf", "docker:kasse"]) == ["install", "please", "kafka-ui", "on", "docker:kasse"]  # fmt: skip
    assert english(["quero", "instalar", "o", "numpy"])[-1] == "numpy"


@given(st.lists(st.text(max_size=8), max_size=12))
def test_there_are_as_many_words_after_as_before(words: list[str]) -> None:
    assert len(english(words)) == len(words)


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_files_hold_word_forms_with_a_few_english_words_each(name: str) -> None:
    table = lexicon(name)
    assert len(table) > 1_500
    for form, meaning in table.items():
        assert form == form.lower().strip() and " " not in form, form
        assert 1 <= len(meaning.split()) <= 4 and re.fullmatch(r"[a-z0-9' -]+", meaning), (form, meaning)


def test_what_is_taken_for_english_at_once_is_in_no_file() -> None:
    for name in LANGUAGES:
        assert not gloss._ENGLISH & lexicon(name).keys()  # pyright: ignore[reportPrivateUsage]


def test_a_lexicon_that_is_not_there_leaves_the_words_as_they_are() -> None:
    assert lexicon("xx") == {}
