"""SIGKILL at random moments while people write on both sides: nothing that they wrote is lost."""

from __future__ import annotations

import os
from pathlib import Path

from . import storm

ROUNDS = int(os.environ.get("ENVSYNC_ROUNDS", "50"))
SEED = int(os.environ.get("ENVSYNC_SEED", "0"))


def test_hostile_50_nothing_that_anybody_wrote_is_lost(tmp_path: Path) -> None:
    assert not storm.rounds(tmp_path, range(SEED, SEED + ROUNDS))
