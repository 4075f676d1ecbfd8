"""`envsync unlock ID`: drops a lock that a process on another machine left behind."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from ...tools.errors import Usage
from ...tools.locks import unlock
from .flags import Parser, settings


def run(argv: Sequence[str]) -> int:
    """Drop the lock. Raises Usage for an unknown id, Locked when its owner is a living process of this machine."""
    parser = Parser("envsync unlock", description="Drop a lock that a process on another machine left behind.")
    parser.add_argument("words", nargs="*", metavar="ID", help="the lock's id, as `envsync status` shows it")
    given = parser.read(argv)
    chosen = settings(given, os.environ)
    if len(given.words) != 1:
        raise Usage("unlock needs the ID of one lock", "`envsync status` lists the locks.")
    if not chosen.plan:
        unlock(chosen.state / "locks", given.words[0])
    summary = f"{'would drop' if chosen.plan else 'dropped'} the lock {given.words[0]}"
    print(json.dumps({"summary": summary}) if chosen.json else summary)
    return 0
