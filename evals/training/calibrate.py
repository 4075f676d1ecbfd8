"""How sure the reader may be: weights and thresholds, chosen on held cases alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from envsync.agent.models.offline.answer import sides_of
from envsync.agent.models.offline.encoder import Encoder
from envsync.agent.models.offline.reader import read

from .align import prepared

STEPS = 4000
RATE = 0.05
WEIGHT = 0.01
"""Of the penalty on large weights."""


def fit(sides: Sequence[Sequence[float]], right: Sequence[bool]) -> dict[str, Any]:
    """Logistic regression from the sides' log odds to being right: {"weights", "bias"}. Plain gradient descent; four numbers."""
    size = len(sides[0])
    weights, bias = [0.3] * size, 0.0
    for _ in range(STEPS):
        slope, shift = [0.0] * size, 0.0
        for row, ok in zip(sides, right, strict=True):
            score = bias + sum(w * x for w, x in zip(weights, row, strict=True))
            wrong = 1 / (1 + math.exp(-max(-30.0, min(30.0, score)))) - ok
            for k in range(size):
                slope[k] += wrong * row[k]
            shift += wrong
        n = len(sides)
        weights = [w - RATE * (g / n + WEIGHT * w) for w, g in zip(weights, slope, strict=True)]
        bias -= RATE * shift / n
    return {"weights": [round(w, 4) for w in weights], "bias": round(bias, 4)}


def sides(encoder: Encoder, text: str) -> list[float] | None:
    """What the confidence of a request is made of; None for one without words."""
    found = read(encoder, prepared(text), {})
    return sides_of(found) if found.parts else None


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
