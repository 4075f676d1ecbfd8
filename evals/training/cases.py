"""The cases to learn from, with their labels, and the tenth of them that is held back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from ..cases import Case
from .align import Misfit, label
from .grow import Example, example


def held(case: Case) -> bool:
    """True for one case of ten, by its words: thresholds are chosen on these, and nothing is learnt from them."""
    key = " ".join(re.findall(r"\w+", case["text"].lower()))
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[0] % 10 == 0


def learn(cases: Iterable[Case]) -> tuple[list[Example], list[tuple[Case, str]]]:
    """The examples, and the cases that cannot be aligned with why."""
    good: list[Example] = []
    bad: list[tuple[Case, str]] = []
    for case in cases:
        try:
            labelled = label(case)
        except Misfit as error:
            bad.append((case, str(error)))
            continue
        if labelled.words:
            good.append(example(labelled))
    return good, bad


def digest(cases: Iterable[Case]) -> str:
    """Of the data: which texts, and what they mean."""
    total = hashlib.sha256()
    for line in sorted(f"{case['text']}\0{case['kind']}\0{case['calls']}\0{case.get('acts')}" for case in cases):
        total.update(line.encode("utf-8", "surrogatepass"))
    return total.hexdigest()
