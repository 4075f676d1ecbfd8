"""A request as words, and what they look like."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envsync.agent.models.offline.mend import mend
from envsync.agent.models.offline.normalise import normalise
from envsync.agent.models.offline.words import SHAPES, shape, split

_ODD = st.sampled_from(
    ["'s", "(", ")", '"', "'", "`", ".", "..", "./", "...", "@", ":", "\n", " ", "\u200b", "\u202e", "\ud800", "ﬁ", "İ", "ß", "🎉", "x", "3.11", "\x00"]
)  # fmt: skip
_TEXTS = st.one_of(st.text(alphabet=st.characters(codec=None), max_size=200), st.lists(_ODD, max_size=40).map("".join))


@given(_TEXTS)
@example("the api's (`x`).")
@example("install three point eleven İ ﬁ of it's")
@settings(max_examples=300, deadline=None)
def test_hostile_61_words_are_apart_in_order_and_cover_all_that_is_not_white(original: str) -> None:
    text = mend(normalise(original))
    words = split(text)
    covered = ""
    at = 0
    for word in words:
        assert word.start >= at and word.end > word.start
        assert word.low == text.low[word.start : word.end]
        assert not any(char.isspace() for char in word.low)
        assert text.low[at : word.start].strip() == ""
        covered += word.low
        at = word.end
    assert covered == "".join(text.low.split())


@given(_TEXTS)
@settings(max_examples=200, deadline=None)
def test_every_word_has_a_shape(original: str) -> None:
    for word in split(mend(normalise(original))):
        assert 0 <= shape(word.low, {}) < len(SHAPES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("install numpy, please!", ["install", "numpy", ",", "please", "!"]),
        ("the api's logs", ["the", "api", "'s", "logs"]),
        ('called "before the merge".', ["called", '"', "before", "the", "merge", '"', "."]),
        ("scan .", ["scan", "."]),
        ("scan ./src/.", ["scan", "./src/."]),
        ("look in ../", ["look", "in", "../"]),
        ("go up ..", ["go", "up", ".."]),
        ("done.", ["done", "."]),
        ("run f(x)", ["run", "f(x)"]),
        ("(run make)", ["(", "run", "make", ")"]),
        ("install uvicorn[standard].", ["install", "uvicorn[standard]", "."]),
        ("run `pytest -q`", ["run", "`", "pytest", "-q", "`"]),
        ('run echo "a"b"', ["run", "echo", '"', 'a"b"']),
        ("numpy==1.26.4;", ["numpy==1.26.4", ";"]),
        ("a...", ["a", ".", ".", "."]),
        ("...", ["..."]),
        ("", []),
    ],
)
def test_marks_around_a_word_are_words_of_their_own(text: str, words: list[str]) -> None:
    assert [word.low for word in split(normalise(text))] == words


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        (",", "mark"), ("&&", "mark"), (".", "place"), ("..", "place"), ("3", "integer"), ("8080", "integer"), ("3.11", "version"), ("v20", "version"),
        (">=2", "version"), ("18.x", "version"), ("python", "runtime"), ("golang", "runtime"), ("postgres", "service"), ("numpy", "package"),
        ("pytest", "package"), ("ls", "program"), ("staging", "context"), ("numpy==1.26", "versioned"), ("react@18", "versioned"),
        ("uvicorn[standard]>=0.30", "versioned"), ("node@lts", "versioned"), ("@types/node", "scoped"), ("--force", "option"), ("-q", "option"),
        ("docker:web", "host"), ("me@box.example.org", "host"), ("me@box:/srv", "place"), ("./src", "place"), ("~/x", "place"), ("package.json", "file"),
        ("src/app", "file"), ("pre-merge", "coined"), ("chalk", "word-package"), ("the", "plain"), ("deploy", "plain"), ("qwzx", "rare"),
    ],
)  # fmt: skip
def test_shapes(word: str, kind: str) -> None:
    assert SHAPES[shape(word, {})] == kind


def test_what_the_session_knows_goes_before_what_a_word_looks_like() -> None:
    assert SHAPES[shape("redis", {"redis": "host-here"})] == "host-here"
    assert SHAPES[shape("green", {"green": "snapshot-here"})] == "snapshot-here"
    assert SHAPES[shape("redis", {"green": "snapshot-here"})] == "service"


@pytest.mark.parametrize(
    "unit",
    ["a", "(", "'", "a'", ".", "./", "@a", "a@", "1.", "a.b-", "[", "a[", "==1", "<", "*", "docker:", "a:", "\u0301"],
)
def test_hostile_61_no_shape_backtracks_without_end(unit: str) -> None:
    start = time.process_time()
    for word in split(normalise((unit * 8_000)[:8_000])):
        shape(word.low, {})
    assert time.process_time() - start < 1.0
