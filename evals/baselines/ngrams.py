"""Character n-grams, TF-IDF and logistic regression: the floor for the tool; arguments by the keywords' thirty lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from envsync.agent.models.base import Request, Thought
from envsync.tools.errors import Usage

from ..cases import Case, plain
from .base import Baseline
from .simple import filled


class NGramsLR(Baseline):
    """Learns when it is made: a few seconds. Raises Usage where scikit-learn is not installed."""

    name = "TF-IDF + LR"

    def __init__(self, cases: Sequence[Case]) -> None:
        try:
            from sklearn.feature_extraction.text import TfidfVectorizer
            from sklearn.linear_model import SGDClassifier
        except ImportError:
            raise Usage("scikit-learn is not installed", "uv pip install --group evals") from None
        # Several calls in one request have no class of their own: this baseline makes one call.
        known = [case for case in plain(cases) if len(case["calls"]) < 2]
        labels = [case["calls"][0]["tool"] if case["calls"] else case["kind"] for case in known]
        self._vectors: Any = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2)
        self._classes: Any = SGDClassifier(loss="log_loss", alpha=1e-5, random_state=0, class_weight="balanced")
        self._classes.fit(self._vectors.fit_transform([case["text"] for case in known]), labels)

    def understand(self, request: Request) -> Thought:
        best = str(self._classes.predict(self._vectors.transform([request.text]))[0])
        if best in ("ask", "decline"):
            return Thought(best)
        return filled(best, request.text)

    @property
    def size(self) -> int:
        """Four bytes a weight, and the n-grams themselves."""
        return 4 * self._classes.coef_.size + sum(len(gram) + 4 for gram in self._vectors.vocabulary_)
