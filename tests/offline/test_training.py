"""What the encoder is trained with, without the training itself: growth, the held cases, thresholds, the file and its card."""

from __future__ import annotations

import json
import random
from functools import cache
from itertools import pairwise

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.agent.models.offline.encoder import CARD, FILE
from envsync.agent.models.offline.labels import ACTS, ALLOWED, FLAGGED, FLAGS, NONE, SLOTS, VAGUE
from envsync.agent.models.offline.sure import SIDES
from envsync.agent.models.offline.words import SHAPES
from envsync.evals.cases import CASES, learnt, plain, read
from envsync.evals.training.align import UNSAID
from envsync.evals.training.calibrate import DISASTER, fit, threshold
from envsync.evals.training.cases import digest, held, learn
from envsync.evals.training.grow import Example, Grower, spans


@cache
def examples() -> tuple[Example, ...]:
    return tuple(learn(read([CASES / "dev.jsonl"]))[0])


def _holds_together(one: Example) -> None:
    size = len(one.words)
    assert size and len(one.slots) == len(one.part) == size
    assert all(word and not any(char.isspace() for char in word) for word in one.words)
    assert one.part[0] == 0 and all(b - a in (0, 1) for a, b in pairwise(one.part))
    assert one.part[-1] == len(one.acts) - 1 == len(one.flags) - 1
    before = 0
    for at, label in enumerate(one.slots):
        assert 0 <= label <= 2 * len(SLOTS)
        if label and label % 2 == 0:
            assert before in (label, label - 1) and one.part[at] == one.part[at - 1], one
        before = label
    for slot, begin, _ in spans(one):
        assert slot in ALLOWED[one.acts[one.part[begin]]], one
    for act, flags in zip(one.acts, one.flags, strict=True):
        assert (act in ACTS or act == UNSAID) and flags - {"ask", "first", "more"} <= set(FLAGGED.get(act, ()))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_what_grows_out_of_an_example_keeps_words_labels_and_parts_side_by_side(seed: int) -> None:
    grower = Grower(examples(), seed)
    for one in random.Random(seed).sample(examples(), 10):
        for _ in range(3):
            _holds_together(grower.grow(one))


def test_all_examples_hold_together() -> None:
    for one in examples():
        _holds_together(one)


def test_growth_is_the_same_for_the_same_seed_and_changes_most_examples() -> None:
    first, again, other = (Grower(examples(), seed) for seed in (1, 1, 2))
    some = examples()[:200]
    grown = [first.grow(one) for one in some]
    assert grown == [again.grow(one) for one in some]
    assert grown != [other.grow(one) for one in some]
    assert sum(a != b for a, b in zip(grown, some, strict=True)) > 80


def test_a_word_of_a_name_is_never_misspelt_and_its_label_stays() -> None:
    """A slip inside a value would teach that names are put right."""
    grower = Grower(examples(), 3)
    for one in examples()[:300]:
        slipped = grower._slips(one)  # pyright: ignore[reportPrivateUsage]
        assert [word for word, label in zip(slipped.words, one.slots, strict=True) if label] == [
            word for word, label in zip(one.words, one.slots, strict=True) if label
        ]


def test_two_requests_as_one_keep_what_each_means() -> None:
    grower = Grower(examples(), 4)
    one, two = grower.single[0], grower.single[1]
    joined = grower._joined(one, two)  # pyright: ignore[reportPrivateUsage]
    assert joined.acts == (one.acts[0], two.acts[0])
    assert {slot for slot, _, _ in spans(joined)} == {slot for each in (one, two) for slot, _, _ in spans(each)}
    _holds_together(joined)


def test_none_and_what_asks_is_never_joined_to_another_request() -> None:
    for one in Grower(examples(), 5).single:
        assert one.acts[0] not in (NONE, VAGUE) and not one.flags[0] & {"ask", "first"}


def test_a_tenth_is_held_back_by_its_words_alone() -> None:
    cases = plain(read(learnt()))
    kept = [case for case in cases if held(case)]
    assert 0.08 < len(kept) / len(cases) < 0.12
    for case in kept[:50]:
        assert held({"text": f"  {case['text'].upper()}!! "}), "another case or mark would leak it into what is learnt"


def test_which_cases_are_held_back_stays_the_same() -> None:
    """Else what one model learnt from would choose the thresholds of the next."""
    assert [
        text
        for text in ("install numpy", "deploy api", "undo that", "what changed?", "scan", "status")
        if held({"text": text})
    ] == ["undo that"]


def test_the_digest_of_the_data_is_of_what_cases_mean_and_not_of_their_order() -> None:
    cases = plain(read([CASES / "dev.jsonl"]))[:50]
    assert digest(cases) == digest(reversed(cases))
    assert digest(cases) != digest([{**cases[0], "kind": "decline"}, *cases[1:]]) != digest(cases[1:])


def test_calibration_learns_which_side_tells() -> None:
    rows = [[at / 10, -at / 10] for at in range(-30, 31)]
    right = [row[0] > 0 for row in rows]
    fitted = fit(rows, right)
    scores = [fitted["bias"] + sum(w * x for w, x in zip(fitted["weights"], row, strict=True)) for row in rows]
    assert all(a < b for a, b in pairwise(scores))
    assert scores[0] < -1 and scores[-1] > 1
    assert fit(rows, right) == fitted


@pytest.mark.parametrize(
    ("sures", "low", "high"),
    [
        ([(0.9, True, False), (0.8, True, False)], 0.0, 0.0),  # nothing wrong: nothing is asked
        (
            [(0.9, True, False), (0.2, False, True)],
            0.2,
            0.9,
        ),  # the disaster is below the threshold, what is right above
        ([(0.9, False, True), (0.2, True, False)], 0.9, 1.0),  # one disaster outweighs one right answer
        ([(0.9, False, True), *[(0.1, True, False)] * (int(DISASTER) + 2)], 0.0, 0.0),  # and not ever so many
        ([], 0.0, 0.0),
    ],
)
def test_the_threshold_weighs_right_answers_against_catastrophes(
    sures: list[tuple[float, bool, bool]], low: float, high: float
) -> None:
    assert low <= threshold(sures) <= high


def test_the_card_is_of_the_file_beside_it() -> None:
    card = json.loads(CARD.read_text("utf-8"))
    content = FILE.read_bytes()
    assert card["blake3"] == blake3(content).hexdigest()
    assert len(content) <= 30_000_000 and card["megabytes"] == round(len(content) / 1e6, 1)
    assert (card["acts"], card["slots"], card["flags"], card["shapes"]) == (
        list(ACTS),
        list(SLOTS),
        list(FLAGS),
        list(SHAPES),
    )


def test_the_card_says_what_the_model_was_made_of_and_how_good_it_is() -> None:
    card = json.loads(CARD.read_text("utf-8"))
    assert (
        card["base"]["licence"] == "Apache-2.0"
        and "==" in card["base"]["package"]
        and len(card["base"]["sha256"]) == 64
    )
    assert card["data"]["learnt"] > 8_000 and card["data"]["held"] > 800
    assert 0 < card["scores"]["strict"] <= 1 and card["scores"]["catastrophes"] >= 0
    for language in ("German", "French", "Spanish", "Portuguese"):
        assert language in card["languages"]
    assert len(card["calibration"]["weights"]) == SIDES
    assert set(card["thresholds"]) <= {"change", "observe"} and all(
        0 <= value <= 1 for value in card["thresholds"].values()
    )
