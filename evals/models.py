"""Models by the names that the commands take: the offline one, a baseline, or what the agent itself would open."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from envsync.agent.config import load
from envsync.agent.models.base import Model
from envsync.agent.models.registry import open_model

from .cases import Case, learnt, read


def _decline(cases: Sequence[Case]) -> Model:
    from .baselines.simple import Decline

    return Decline()


def _frequent(cases: Sequence[Case]) -> Model:
    from .baselines.simple import Frequent

    return Frequent(cases)


def _keywords(cases: Sequence[Case]) -> Model:
    from .baselines.simple import Keywords

    return Keywords()


def _ngrams(cases: Sequence[Case]) -> Model:
    from .baselines.ngrams import NGramsLR

    return NGramsLR(cases)


def _nearest(cases: Sequence[Case]) -> Model:
    from .baselines.nearest import Nearest

    return Nearest(cases)


BASELINES: dict[str, Callable[[Sequence[Case]], Model]] = {
    "decline": _decline,
    "frequent": _frequent,
    "keywords": _keywords,
    "tfidf": _ngrams,
    "nearest": _nearest,
}
"""They learn from `cases.learnt()` and never from the test split."""


def open_named(name: str) -> Model:
    """`offline`, `baseline:NAME`, or whatever `envsync --model` takes (`NAME@http://HOST:PORT/v1`). Raises Usage.

    The offline one is taken whole: here a call counts even where this version has no such tool.
    """
    kind, _, rest = name.partition(":")
    if kind == "baseline":
        from envsync.tools.errors import Usage

        if rest not in BASELINES:
            raise Usage(f"there is no baseline {rest!r}", f"The baselines are: {', '.join(BASELINES)}.")
        return BASELINES[rest](read(learnt()))
    if name == "offline":
        from envsync.agent.models.offline.model import OfflineModel

        return OfflineModel()
    return open_model(load({"model": name}, os.environ))


def size(model: Any) -> int | None:
    """Bytes of what a model keeps beside its code; None when that lies elsewhere."""
    if getattr(model, "name", "") == "offline":
        from envsync.agent.models.offline import model as module

        place = Path(module.__file__).parent
        return sum(file.stat().st_size for file in place.rglob("*") if file.is_file() and not file.match("*.py*"))
    return getattr(model, "size", None)
