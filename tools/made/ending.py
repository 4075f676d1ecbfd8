"""Removing one thing that EnvSync made: by its line in the ledger, by its marks, and never anything else."""

from __future__ import annotations

import time
from pathlib import Path

from ..errors import EnvSyncError, Failed
from .kinds import KINDS, kind
from .ledger import Ledger, Made

AGAIN = 300.0
"""Seconds after which a removal that never came back is tried again."""
SLOWEST = 3600.0
"""Seconds between two attempts at most: an engine that is off for a week is asked once an hour."""


async def end(state: Path, made: Made, *, lease: bool) -> bool:
    """Remove it and strike it off. With `lease` only if its lease has ended; False when it was extended meanwhile.

    Raises what its kind raises; the ledger then has why, and when it is tried again.
    """
    ledger, now = Ledger(state), time.time()
    if not ledger.claim(made.id, now, now + AGAIN, lease):
        return False
    try:
        if made.kind not in KINDS:
            raise Failed(f"this version does not know what a {made.kind} is", "Use the version that made it.")
        await kind(made.kind).end(made, state)
    except (EnvSyncError, OSError) as error:
        ledger.stayed(made.id, str(error), now + min(60.0 * 2 ** min(made.tries, 6), SLOWEST))
        raise
    ledger.gone(made.id, time.time())
    return True


async def removed(state: Path, made: Made) -> bool:
    """Remove it whatever its lease; True. Raises Failed where somebody else is at it, and what its kind raises."""
    if not await end(state, made, lease=False):
        raise Failed(f"{made.name} could not be taken for removal", "Ask again.")
    return True
