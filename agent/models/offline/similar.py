"""The nearest example, for requests that the grammar has no frame for.

`examples.jsonl` holds requests with the tool they mean ("none" for no work) and the vector that the memory's embedder
gives them, made by `python -m evals examples`. Nothing is loaded before the first request that needs it, and where the
embedder's model is missing, or is another one than made the vectors, nothing is said.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).with_name("examples.jsonl")
SURE = 0.70
"""Cosine from which a request is taken to be like its nearest example; chosen on evals/cases/dev.jsonl."""


@dataclass(frozen=True)
class Near:
    """An example and how near it is; `tool` is "none" where the example is no work."""

    tool: str
    text: str
    cosine: float


@cache
def _loaded() -> tuple[Any, Any, list[tuple[str, str]]] | None:
    """The embedder, the matrix of the examples' vectors and what they are; None when that cannot be had."""
    try:
        import numpy as np

        from ....memory.embed import MiniLM, ModelMissing
    except ImportError:
        return None
    model = MiniLM()
    try:
        lines = [json.loads(line) for line in EXAMPLES.read_text("utf-8").split("\n") if line]
        if not lines or lines[0].get("model") != model.name:
            return None
        model.load()
    except (OSError, ValueError, ModelMissing):
        return None
    vectors = np.array(
        [np.frombuffer(base64.b64decode(line["vector"]), dtype=np.int8) for line in lines[1:]], dtype=np.float32
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return model, vectors, [(line["tool"], line["text"]) for line in lines[1:]]


def nearest(text: str, count: int = 2) -> list[Near]:
    """The nearest examples of different tools, best first; empty when there is no embedder."""
    loaded = _loaded()
    if loaded is None:
        return []
    import numpy as np

    model, vectors, examples = loaded
    cosines: Any = vectors @ np.array(model.embed([text])[0], dtype=np.float32)
    found: dict[str, Near] = {}
    for at in np.argsort(-cosines)[:40]:
        tool, example = examples[int(at)]
        if tool not in found:
            found[tool] = Near(tool, example, float(cosines[int(at)]))
        if len(found) == count:
            break
    return list(found.values())
