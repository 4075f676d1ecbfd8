"""The encoder's file: it gives scores, or says what is wrong with it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3

from envsync.agent.models.base import Request
from envsync.agent.models.offline.encoder import CARD, FILE, LONGEST, Cutter, Encoder, EncoderMissing
from envsync.agent.models.offline.labels import ACTS, FLAGS, SLOTS
from envsync.agent.models.offline.model import OfflineModel
from envsync.agent.models.offline.normalise import normalise
from envsync.agent.models.offline.words import shape, split

WIDTH = 1 + 2 * len(SLOTS) + 2 + len(ACTS) + len(FLAGS)
WORDS = [word.low for word in split(normalise("install numpy 1.26 and take a snapshot"))]
SHAPES = [shape(word, {}) for word in WORDS]


def test_each_word_gets_a_score_for_each_label() -> None:
    scores = Encoder().scores(WORDS, SHAPES)
    assert scores.shape == (len(WORDS), WIDTH) and np.isfinite(scores).all()


def test_only_as_many_words_as_fit_are_scored() -> None:
    assert 80 < len(Encoder().scores(["numpy"] * 1_000, [0] * 1_000)) < LONGEST


def test_a_long_word_is_read_by_its_ends_and_one_of_no_pieces_is_unknown() -> None:
    cutter = Cutter()
    cut = cutter.cut(["/srv/" + "very/long/path/" * 200, "\u0ba8\u0bbf", "x"], [1, 2, 3])
    assert len(cut.first) == 3 and len(cut.ids) < 20
    assert len(cut.ids) == len(cut.shapes)
    assert [cut.shapes[at] for at in cut.first] == [1, 2, 3]


def _card(change: Callable[[dict[str, Any]], object]) -> Callable[[Path, Path], object]:
    def damage(_: Path, card: Path) -> None:
        content = json.loads(card.read_text("utf-8"))
        change(content)
        card.write_text(json.dumps(content), "utf-8")

    return damage


def _with(content: bytes) -> Callable[[Path, Path], object]:
    """Another file, which the card describes."""

    def damage(file: Path, card: Path) -> None:
        file.write_bytes(content)
        _card(lambda own: own.update(blake3=blake3(content).hexdigest()))(file, card)

    return damage


def _flip(file: Path, _: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


_DAMAGE: dict[str, Callable[[Path, Path], object]] = {
    "file missing": lambda file, _: file.unlink(),
    "file empty": lambda file, _: file.write_bytes(b""),
    "file truncated": lambda file, _: file.write_bytes(file.read_bytes()[:-1_000]),
    "one bit wrong": _flip,
    "file is a folder": lambda file, _: (file.unlink(), file.mkdir()),
    "card missing": lambda _, card: card.unlink(),
    "card empty": lambda _, card: card.write_text(""),
    "card cut": lambda _, card: card.write_text(card.read_text("utf-8")[:200]),
    "card binary": lambda _, card: card.write_bytes(b"\xff\xfe\x00"),
    "card is a list": lambda _, card: card.write_text("[]"),
    "card is a number": lambda _, card: card.write_text("1"),
    "card is nested": lambda _, card: card.write_text("[" * 100_000),
    "another file's sum": _card(lambda card: card.update(blake3="0" * 64)),
    "no sum": _card(lambda card: card.pop("blake3")),
    "other acts": _card(lambda card: card["acts"].reverse()),
    "other slots": _card(lambda card: card["slots"].append("more")),
    "other flags": _card(lambda card: card["flags"].pop()),
    "no shapes": _card(lambda card: card.pop("shapes")),
    "no network": _with(b"this is no network"),
    "nothing": _with(b""),
}


@pytest.fixture
def copies(tmp_path: Path) -> tuple[Path, Path]:
    file, card = tmp_path / FILE.name, tmp_path / CARD.name
    file.write_bytes(FILE.read_bytes())
    card.write_bytes(CARD.read_bytes())
    return file, card


@pytest.mark.parametrize("damage", _DAMAGE)
def test_a_damaged_file_is_missing_and_the_simple_grammar_answers_and_says_so(
    damage: str, copies: tuple[Path, Path]
) -> None:
    _DAMAGE[damage](*copies)
    encoder = Encoder(*copies)
    for _ in range(2):  # what failed once is not taken for loaded
        with pytest.raises(EncoderMissing):
            encoder.load()
        with pytest.raises(EncoderMissing):
            encoder.scores(WORDS, SHAPES)
    model = OfflineModel(encoder=encoder)
    for text, kind in (("take a snapshot", "calls"), ("install", "ask"), ("write me a poem", "decline")):
        thought = model.understand(Request(text))
        assert thought.kind == kind, text
        assert "plain forms of words only" in thought.reply and "install envsync again" in thought.reply
        assert thought.sure < 1


def test_what_was_mended_is_loaded_by_the_same_encoder(copies: tuple[Path, Path]) -> None:
    content = copies[0].read_bytes()
    copies[0].write_bytes(b"")
    encoder = Encoder(*copies)
    with pytest.raises(EncoderMissing):
        encoder.load()
    copies[0].write_bytes(content)
    assert encoder.scores(WORDS, SHAPES).shape == (len(WORDS), WIDTH)


def test_a_whole_copy_gives_the_same_scores(copies: tuple[Path, Path]) -> None:
    assert np.array_equal(Encoder(*copies).scores(WORDS, SHAPES), Encoder().scores(WORDS, SHAPES))


def test_threads_share_an_encoder_that_was_not_loaded_before() -> None:
    encoder = Encoder()
    alone = Encoder().scores(WORDS, SHAPES)
    got: list[Any] = []

    def ask() -> None:
        got.extend(encoder.scores(WORDS, SHAPES) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == 40
    assert all(np.allclose(one, alone, atol=1e-4) for one in got)


def test_a_request_takes_milliseconds() -> None:
    """Of work, not of the clock: the bound is ten times what a quiet machine needs."""
    encoder = Encoder()
    encoder.load()
    start = time.process_time()
    for _ in range(20):
        encoder.scores(WORDS, SHAPES)
    assert (time.process_time() - start) / 20 < 0.05
