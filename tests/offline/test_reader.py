"""Scores of labels into parts, acts, flags and spans. The scores are made by hand: what the encoder thinks is not the matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.agent.models.offline.encoder import Encoder
from envsync.agent.models.offline.labels import ACTS, ALLOWED, FLAGGED, FLAGS, SLOTS
from envsync.agent.models.offline.normalise import normalise
from envsync.agent.models.offline.reader import Read, read
from envsync.agent.models.offline.sure import SIDES, confidence, sides_of
from envsync.agent.models.offline.words import Before, split

WIDTH = 1 + 2 * len(SLOTS) + 2 + len(ACTS) + len(FLAGS)
SURE = 12.0


class Dictated(Encoder):
    """Gives the scores that it is told."""

    def __init__(self, scores: Any) -> None:
        super().__init__()
        self._scores = scores

    def load(self) -> None:
        pass

    def scores(self, words: Sequence[str], shapes: Sequence[int], before: Before | None = None) -> Any:
        assert len(words) == len(shapes)
        return self._scores[: len(words)]


class Sheet:
    """A sheet of scores to be filled in by names; unsure of nothing."""

    def __init__(self, words: int) -> None:
        self.array = np.full((words, WIDTH), -SURE)
        self.array[:, 0] = 0.0
        self.array[:, 1 + 2 * len(SLOTS) + 1] = 0.0  # all words weigh the same

    def slot(self, name: str, *at: int, inside: bool = False) -> Sheet:
        self.array[list(at), 1 + 2 * SLOTS.index(name) + inside] = SURE
        return self

    def cut(self, at: int, score: float = SURE) -> Sheet:
        self.array[at, 1 + 2 * len(SLOTS)] = score
        return self

    def act(self, name: str, score: float = SURE, at: slice = slice(None)) -> Sheet:
        self.array[at, 1 + 2 * len(SLOTS) + 2 + ACTS.index(name)] = score
        return self

    def flag(self, name: str, at: slice = slice(None)) -> Sheet:
        self.array[at, 1 + 2 * len(SLOTS) + 2 + len(ACTS) + FLAGS.index(name)] = SURE
        return self

    def read(self, text: str) -> Read:
        return read(Dictated(self.array), normalise(text), {})


def spans(found: Read, part: int = 0) -> list[tuple[str, str]]:
    return [(span.slot, span.text.raw()) for span in found.parts[part].act.spans]


def test_a_slot_of_several_words_and_two_beside_each_other() -> None:
    sheet = (
        Sheet(6)
        .act("provision")
        .slot("package", 1)
        .slot("package", 2, inside=True)
        .slot("package", 3)
        .slot("version", 5)
    )
    found = sheet.read("install Left Pad numpy at 2")
    assert spans(found) == [("package", "Left Pad"), ("package", "numpy"), ("version", "2")]
    assert found.parts[0].act.tool == "provision" and found.whole
    assert found.parts[0].tool > 0.99 and found.parts[0].slots > 0.9 and found.cut > 0.99


def test_a_slot_that_goes_on_without_a_beginning_is_none() -> None:
    """At the first word, and after another slot."""
    sheet = Sheet(3).act("provision").slot("package", 0, inside=True).slot("service", 2, inside=True).slot("version", 1)
    assert spans(sheet.read("a b c")) == [("version", "b")]


def test_a_slot_that_the_act_has_not_is_never_heard() -> None:
    sheet = Sheet(3).act("rollback").slot("port", 1).slot("name", 2)
    assert spans(sheet.read("roll 8080 api")) == [("name", "api")]
    assert spans(Sheet(2).act("none").slot("command", 1).read("x y")) == []


def test_a_flag_that_the_act_has_not_is_never_heard() -> None:
    found = Sheet(2).act("scan").flag("gpu").flag("machine").flag("ask").read("x y")
    assert found.parts[0].act.flags == {"machine", "ask"}


def test_parts_are_cut_where_one_begins_and_each_has_its_own_act() -> None:
    sheet = Sheet(4).cut(2).act("scan", at=slice(0, 2)).act("snapshot", at=slice(2, 4)).flag("first", slice(2, 4))
    found = sheet.read("scan Here and Snap")
    assert [(part.act.tool, part.act.text.raw(), part.begin) for part in found.parts] == [
        ("scan", "scan Here", 0), ("snapshot", "and Snap", 2),
    ]  # fmt: skip
    assert found.parts[1].act.flags == {"first"} and not found.parts[0].act.flags


def test_a_cut_before_the_first_word_cuts_nothing() -> None:
    assert len(Sheet(2).cut(0).act("scan").read("scan it").parts) == 1


def test_the_next_likeliest_act_is_told() -> None:
    found = Sheet(1).act("scan", 2.0).act("drift", 1.5).read("x")
    assert (found.parts[0].act.tool, found.parts[0].second) == ("scan", "drift")
    assert 0.5 < found.parts[0].tool < 0.7


def test_a_request_that_is_not_read_to_its_end_says_so() -> None:
    array = Sheet(2).act("scan").array
    assert not read(Dictated(array), normalise("scan it and more"), {}).whole
    assert read(Dictated(array), normalise("scan it"), {}).whole


def test_no_words_have_no_parts() -> None:
    assert Sheet(1).read("").parts == ()


_SCORES = st.integers(0, 2**32 - 1).flatmap(
    lambda seed: st.tuples(st.just(seed), st.integers(1, 9), st.sampled_from([0.1, 3.0, 60.0]))
)


@given(_SCORES)
@settings(max_examples=150, deadline=None)
def test_any_scores_give_a_reading_that_holds_together(drawn: tuple[int, int, float]) -> None:
    seed, size, scale = drawn
    words = [f"w{n}" for n in range(size)]
    found = read(Dictated(np.random.default_rng(seed).normal(0, scale, (size, WIDTH))), normalise(" ".join(words)), {})
    assert " ".join(part.act.text.raw() for part in found.parts) == " ".join(words)
    for part in found.parts:
        heard = part.act.text.raw().split()
        said = [word for span in part.act.spans for word in span.text.raw().split()]
        assert [word for word in heard if word in said] == said, "spans are in the order of the text, and apart"
        assert {span.slot for span in part.act.spans} <= set(ALLOWED[part.act.tool])
        assert part.act.flags - {"ask", "first"} <= set(FLAGGED.get(part.act.tool, ()))
        assert all(0 <= side <= 1 for side in (part.tool, part.slots, part.flags, found.cut))
    assert len(sides_of(found, (), agreed=False)) == SIDES
    assert 0 <= confidence(found, (), {"weights": [0.4, 0.1, 0.1, 0.1], "bias": -1}, agreed=False) <= 1


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_best_path_is_the_best_of_all(seed: int) -> None:
    """Against trying every path: of three words and the labels of a snapshot (nothing, begins, goes on)."""
    array = np.full((3, WIDTH), -SURE)
    array[:, 1 + 2 * len(SLOTS) + 2 + ACTS.index("snapshot")] = SURE
    columns = [0, 1 + 2 * SLOTS.index("label"), 2 + 2 * SLOTS.index("label")]
    array[:, columns] = np.random.default_rng(seed).normal(0, 3, (3, 3))
    logs = array[:, columns]
    logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
    paths = [
        (a, b, c)
        for a in (0, 1)
        for b in (0, 1, 2)
        for c in (0, 1, 2)
        if not (b == 2 and a == 0) and not (c == 2 and b == 0)
    ]
    best = max(paths, key=lambda path: sum(logs[at, label] for at, label in enumerate(path)))
    wanted: list[str] = []
    for word, label in zip("abc", best, strict=True):
        if label == 1:
            wanted.append(word)
        elif label == 2:
            wanted[-1] += f" {word}"
    assert [words for _, words in spans(read(Dictated(array), normalise("a b c"), {}))] == wanted


def test_a_word_that_is_likely_enough_is_what_the_act_cannot_do_without() -> None:
    """ "roll worker back": of a rollback without a name the likeliest word is it, unless none is likely."""
    array = np.full((3, WIDTH), -SURE)
    array[:, 1 + 2 * len(SLOTS) + 2 + ACTS.index("rollback")] = SURE
    array[:, 0] = 1.0
    name = 1 + 2 * SLOTS.index("name")
    array[1, name] = 0.0
    assert spans(read(Dictated(array), normalise("roll worker back"), {})) == [("name", "worker")]
    array[1, name] = -3.0
    assert spans(read(Dictated(array), normalise("roll worker back"), {})) == []
    array[1, name] = 0.0
    array[:, 1 + 2 * len(SLOTS) + 2 + ACTS.index("snapshot")] = 2 * SURE
    assert spans(read(Dictated(array), normalise("roll worker back"), {})) == []


def test_what_is_quoted_or_piped_is_never_cut_in_two() -> None:
    for text in ("run `make and deploy`", 'run "make and deploy"', "run make | deploy", "run make > deploy"):
        size = len(split(normalise(text)))
        sheet = Sheet(size).act("run")
        for at in range(2, size):
            sheet.cut(at)
        quoted = [part.act.text.raw() for part in sheet.read(text).parts]
        assert not any("deploy" in part and "make" not in part for part in quoted), quoted


def test_a_fact_in_two_pieces_is_one_and_a_corrected_one_is_two() -> None:
    sheet = Sheet(5).act("remember").slot("fact", 1).slot("fact", 2).slot("fact", 3, inside=True)
    assert spans(sheet.read("remember my port is 80")) == [("fact", "my port is")]
    sheet = Sheet(6).act("remember").slot("fact", 1).slot("fact", 4)
    assert spans(sheet.read("remember 80 , no 81 ok")) == [("fact", "80"), ("fact", "81")]
