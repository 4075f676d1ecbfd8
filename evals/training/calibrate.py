"""How sure the reader may be: weights and thresholds, chosen on held cases alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from envsync.agent.events import Call
from envsync.agent.models.offline.encoder import Encoder
from envsync.agent.models.offline.reader import read
from envsync.agent.models.offline.sure import same_simply, sides_of

from .align import prepared

STEPS = 30
RIDGE = 3.0
"""Penalty on large weights, of sides scaled to a deviation of one."""


def fit(sides: Sequence[Sequence[float]], right: Sequence[bool]) -> dict[str, Any]:
    """Logistic regression from a reading's sides to being right, by Newton's method: {"weights", "bias"}."""
    import numpy as np

    rows, wanted = np.array(sides, float), np.array(right, float)
    middle, spread = rows.mean(0), np.maximum(rows.std(0), 1e-9)
    scaled = np.c_[(rows - middle) / spread, np.ones(len(rows))]
    ridge = np.diag([RIDGE] * rows.shape[1] + [0.0])
    weights = np.zeros(scaled.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (chance - wanted) + ridge @ weights
        weights -= np.linalg.solve((scaled.T * (chance * (1 - chance))) @ scaled + ridge, slope)
    plain = weights[:-1] / spread
    return {
        "weights": [round(float(w), 4) for w in plain],
        "bias": round(float(weights[-1] - plain @ middle), 4),
    }


def sides(encoder: Encoder, text: str, calls: Sequence[Call]) -> list[float] | None:
    """What the confidence of a request is made of; None for one without words."""
    words = prepared(text)
    found = read(encoder, words, {})
    return sides_of(found, calls, agreed=same_simply(found, words, {})) if found.parts else None


DISASTER = 2.5
"""Right answers that one carried-out catastrophe is not worth."""


def threshold(sures: Sequence[tuple[float, bool, bool]]) -> float:
    """The confidence from which calls are made and not asked about: where right answers less catastrophes are the most.

    `sures`: for each held case answered with calls its confidence, whether it was right, and whether it would be a catastrophe.
    Of equally good ones the lowest: an unneeded question is a nuisance too.
    """
    best, most = 0.0, sum(_worth(ok, disaster) for _, ok, disaster in sures)
    left = most
    for sure, ok, disaster in sorted(sures):
        left -= _worth(ok, disaster)
        if left > most:
            best, most = sure + 1e-4, left
    return round(best, 4)


def _worth(ok: bool, disaster: bool) -> float:
    # A wrong call that is asked about instead is a little better too: the person sees a question, not a wrong plan.
    return 1.0 if ok else -DISASTER if disaster else -0.3
