"""The stand-ins for compiled packages do what those do, as far as the helper needs it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import blake3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from envsync.tools.fingerprint import Evidence, Fact
from envsync.tools.hosts.helper.standins import blake3 as plain
from envsync.tools.hosts.helper.standins import pydantic as models


@given(some.integers(0, 70_000), some.binary(min_size=32, max_size=32))
@settings(max_examples=60, deadline=None)
def test_blake3_gives_the_same_digests(size: int, key: bytes) -> None:
    data = (key * (size // 32 + 1))[:size]
    assert plain.blake3(data).digest() == blake3.blake3(data).digest()
    assert plain.blake3(data, key=key).digest(70) == blake3.blake3(data, key=key).digest(70)
    context = "envsync test"
    assert (
        plain.blake3(data, derive_key_context=context).hexdigest()
        == blake3.blake3(data, derive_key_context=context).hexdigest()
    )


@pytest.mark.parametrize(
    "size", [0, 1, 64, 1023, 1024, 1025, 2048, 2049, 3072, 7 * 1024 + 1, 1 << 20, (8193 << 10) + 1]
)
def test_blake3_at_the_edges_of_blocks_chunks_and_batches(size: int) -> None:
    data = bytes(i % 251 for i in range(1024)) * (size // 1024 + 1)
    assert plain.blake3(data[:size]).digest() == blake3.blake3(data[:size]).digest()
    parted = plain.blake3()
    for at in range(0, size, 300_001):
        parted.update(data[at : min(size, at + 300_001)])
    assert parted.copy().digest() == blake3.blake3(data[:size]).digest()


def _twins() -> Iterable[tuple[type, type]]:
    """A model as the stand-in makes it, and the real one."""

    class Inner(models.BaseModel):
        path: str
        key: str = ""

    class Outer(models.BaseModel):
        value: str
        confidence: float = 1.0
        rule: str = ""
        evidence: tuple[Inner, ...] = ()

    yield Inner, Evidence
    yield Outer, Fact


def test_models_hold_copy_and_dump_as_the_real_ones_do() -> None:
    (inner, evidence), (outer, fact) = _twins()
    ours = outer(value="x", evidence=(inner(path="a"),))
    real = fact(value="x", evidence=(evidence(path="a"),))
    assert ours.model_dump(mode="json") == real.model_dump(mode="json")
    assert ours.model_dump() == real.model_dump()
    assert ours.model_dump_json() == real.model_dump_json()
    assert ours.model_copy(update={"rule": "r"}).model_dump() == real.model_copy(update={"rule": "r"}).model_dump()
    assert ours.model_dump(exclude={"evidence"}) == real.model_dump(exclude={"evidence"})
    assert ours == outer(value="x", evidence=(inner(path="a"),)) and ours != outer(value="y")
    assert hash(ours) == hash(outer(value="x", evidence=(inner(path="a"),)))


def test_models_refuse_what_is_unknown_missing_or_a_change() -> None:
    (inner, _), (outer, _) = _twins()
    for wrong in (lambda: inner(), lambda: inner(path="a", more=1), lambda: setattr(outer(value="x"), "value", "y")):
        with pytest.raises(ValueError):
            wrong()


def test_defaults_are_made_anew_and_times_are_text() -> None:
    class Many(models.BaseModel):
        found: dict[str, int] = models.Field(default_factory=dict)
        at: datetime

    one, other = (Many(at=datetime(2026, 1, 1, tzinfo=UTC)) for _ in range(2))
    one.found["x"] = 1
    assert other.found == {}
    assert one.model_dump(mode="json") == {"found": {"x": 1}, "at": "2026-01-01T00:00:00Z"}
