"""How sure a reading is: a probability from many sides of it, whose weights the model's card gives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...events import Call
from . import simple
from .compose import compose
from .labels import NONE, VAGUE
from .normalise import Text
from .reader import Read, Reading


def in_order(found: Read) -> list[Reading]:
    first = [part for part in found.parts if "first" in part.act.flags]
    return [*first, *(part for part in found.parts if "first" not in part.act.flags)]


def same_simply(found: Read, text: Text, here: Mapping[str, str]) -> bool:
    """The simple grammar, which reads plain forms and no others, comes to the same calls."""
    calls = [compose(part.act) for part in in_order(found) if part.act.tool not in (NONE, VAGUE)]
    return bool(calls) and calls == [
        compose(part.act) for part in in_order(simple.read(text, here)) if part.act.tool not in (NONE, VAGUE)
    ]


def confidence(found: Read, calls: Sequence[Call], calibration: Mapping[str, Any], *, agreed: bool) -> float:
    """Probability that all of it is right, from the sides of the reading (weights in the card, fitted on held cases)."""
    if not found.parts:
        return 1.0
    sides = sides_of(found, calls, agreed=agreed)
    weights = calibration.get("weights", [1.0] * FIRM + [0.0] * (len(sides) - FIRM))
    # An older card knows only the first of the sides.
    score = calibration.get("bias", 0.0) + sum(w * side for w, side in zip(weights, sides, strict=False))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


SIDES = 14
"""How many `sides_of` gives."""
FIRM = 4
"""The first of the sides, which are log odds and say something by themselves."""


def sides_of(found: Read, calls: Sequence[Call], *, agreed: bool) -> list[float]:
    """Log odds of the least sure act, word, flag and cut, and the mean of acts and words; then how much there was to get wrong."""
    acts, slots = [_odds(part.tool) for part in found.parts], [_odds(part.slots) for part in found.parts]
    return [
        min(acts), min(slots), min(_odds(part.flags) for part in found.parts), _odds(found.cut),
        sum(acts) / len(acts), sum(slots) / len(slots),
        float(len(found.parts)), float(len(calls)), float(sum(len(call.args) for call in calls)),
        float(any(not call.args for call in calls)),
        math.log(1 + sum(len(part.act.text.low.split()) for part in found.parts)),
        float(any(part.second == NONE for part in found.parts)), float(any(part.second == VAGUE for part in found.parts)),
        float(agreed),
    ]  # fmt: skip


def _odds(chance: float) -> float:
    chance = min(max(chance, 1e-6), 1 - 1e-6)
    return math.log(chance / (1 - chance))
