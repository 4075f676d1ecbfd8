"""SIGKILL at random moments while people write on both sides: nothing that they wrote is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import storm

ROUNDS = int(os.environ.get("ENVSYNC_ROUNDS", "50"))
SEED = int(os.environ.get("ENVSYNC_SEED", "0"))
"""Which rounds: a seed tells what people do, not when they are interrupted."""


def test_hostile_50_some_rounds_lose_nothing(tmp_path: Path) -> None:
    assert not storm.rounds(tmp_path, range(SEED + 1_000_000, SEED + 1_000_010))


@pytest.mark.slow
def test_hostile_50_nothing_that_anybody_wrote_is_lost(tmp_path: Path) -> None:
    assert not storm.rounds(tmp_path, range(SEED, SEED + ROUNDS))


def test_the_account_itself_sees_what_is_lost(tmp_path: Path) -> None:
    made = storm.Storm(tmp_path, 1)
    made.people[0].write("a")
    made.people[0].save("c.txt")
    assert made.lost() == []
    (made.roots[0] / "a").unlink()
    assert len(made.lost()) == 1
    made.people[0].delete("c.txt")
    assert len(made.lost()) == 1
