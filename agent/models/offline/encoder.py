"""The encoder's file: words in, the scores of all labels for each word out."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from blake3 import blake3

from ....memory.embed import VOCABULARY
from .gloss import english
from .labels import ACTS, FLAGS, SLOTS
from .words import SHAPES, Before

FILE = Path(__file__).with_name("encoder.onnx")
CARD = Path(__file__).with_name("encoder.json")
LONGEST = 256
"""Word pieces of a request that are read, with the marks at both ends."""
PIECES = (4, 2)
"""Of a word's pieces only the first and last ones are read: a path or hash shows there what it is."""


class EncoderMissing(Exception):
    """The file is not there, is damaged, or is another one than its card describes."""


@dataclass(frozen=True)
class Pieces:
    """The encoder's input: pieces with the shape of their word, and where each word begins."""

    ids: list[int]
    shapes: list[int]
    first: list[int]


class Cutter:
    """Words into word pieces. Loads the vocabulary (30 ms)."""

    def __init__(self) -> None:
        from tokenizers import BertWordPieceTokenizer

        self._tokenizer = BertWordPieceTokenizer(str(VOCABULARY), lowercase=True)
        self._ends = [self._tokenizer.token_to_id("[CLS]"), self._tokenizer.token_to_id("[SEP]")]
        self._unknown = self._tokenizer.token_to_id("[UNK]")
        self.of = lru_cache(4096)(self._of)

    def _of(self, word: str) -> tuple[int, ...]:
        ids: list[int] = self._tokenizer.encode(word, add_special_tokens=False).ids or [self._unknown]
        head, tail = PIECES
        return tuple(ids if len(ids) <= head + tail else ids[:head] + ids[-tail:])

    def cut(self, words: Sequence[str], shapes: Sequence[int], before: Before | None = None) -> Pieces:
        """As many of the words as fit, in English; `first` is shorter than `words` when they do not all fit."""
        ids, kinds, first = [self._ends[0]], [0], list[int]()
        if before:
            pieces = self.of(before.tool)
            ids += pieces
            kinds += [before.shape] * len(pieces)
        for word, kind in zip(english(words), shapes, strict=True):
            pieces = self.of(word)
            if len(ids) + len(pieces) >= LONGEST:
                break
            first.append(len(ids))
            ids += pieces
            kinds += [kind] * len(pieces)
        return Pieces([*ids, self._ends[1]], [*kinds, 0], first)


class Encoder:
    """Loads at the first use; raises EncoderMissing then. May be used from several threads."""

    def __init__(self, file: Path = FILE, card: Path = CARD) -> None:
        self._file, self._card = file, card
        self._lock = threading.Lock()
        self._session: Any = None
        self._cutter: Any = None
        self.card: dict[str, Any] = {}

    def load(self) -> None:
        """Load now. Raises EncoderMissing."""
        with self._lock:
            if self._session is None:
                self._load()

    def _load(self) -> None:
        try:
            card: dict[str, Any] | None = json.loads(self._card.read_text("utf-8"))
            content = self._file.read_bytes()
        except (OSError, ValueError, RecursionError) as error:
            raise EncoderMissing(f"the encoder cannot be read: {error}") from error
        if not isinstance(card, dict):
            raise EncoderMissing(f"{self._card.name} is no card")
        # blake3 and not sha256: 3 ms instead of 12, of a load that a person waits for.
        if blake3(content).hexdigest() != card.get("blake3"):
            raise EncoderMissing(f"{self._file.name} is not the file that its card describes")
        if [card.get(key) for key in ("acts", "slots", "flags", "shapes")] != [
            list(ACTS),
            list(SLOTS),
            list(FLAGS),
            list(SHAPES),
        ]:
            raise EncoderMissing(f"{self._file.name} was trained for other labels")
        try:
            import onnxruntime

            ort: Any = onnxruntime  # has no types
            options = ort.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 4
            # The file is optimised as it is written (evals/training/export.py): doing it again at each load takes 40 ms.
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            # Weights are used as they lie in the file: 10 ms less to load, half a millisecond more a request.
            options.add_session_config_entry("session.disable_prepacking", "1")
            session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            self._cutter = Cutter()
            self._session = session  # last: what is half loaded is loaded again
        except Exception as error:  # onnxruntime's and tokenizers' errors share no base class
            raise EncoderMissing(f"the encoder cannot be run: {error}") from error
        self.card = card

    def scores(self, words: Sequence[str], shapes: Sequence[int], before: Before | None = None) -> Any:
        """A numpy array (words, labels) of logits, for as many words as fit; columns are the labels in the card's order."""
        self.load()
        import numpy as np

        cut = self._cutter.cut(words, shapes, before)
        feed = {
            name: np.array(value, dtype=np.int64)
            for name, value in (("ids", cut.ids), ("shapes", cut.shapes), ("first", cut.first))
        }
        return self._session.run(None, feed)[0]
