"""`envsync trust HOST`, and the question whether an unknown machine's key is the right one."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence

from ...tools.errors import NeedsApproval, Usage
from .approval import Asker
from .flags import Parser, settings
from .render import Screen
from .text import safe
from .turn import Turn


def run(argv: Sequence[str]) -> int:
    """Keep a machine's key in known_hosts when a person says that it is the right one.

    Without a terminal the fingerprint must be given: `--yes` alone would trust whoever answers. Raises NeedsApproval.
    """
    parser = Parser("envsync trust", description="Keep the key of an SSH machine, when it is the right one.")
    parser.add_argument("words", nargs="*", metavar="HOST [FINGERPRINT]")
    given = parser.read(argv)
    chosen = settings(given, os.environ)
    if not 1 <= len(given.words) <= 2:
        raise Usage("trust needs the host", "For example: envsync trust user@machine")
    return asyncio.run(_trust(given.words[0], (given.words[1:] or [""])[0], Screen(chosen)))


async def _trust(name: str, fingerprint: str, screen: Screen) -> int:
    from ...tools.hosts.ssh_keys import HostKey, accept, key_of

    key: HostKey = await key_of(name)
    shown = f"{key.name} shows the {key.kind} key {key.fingerprint}"
    if screen.settings.plan:
        return _say(screen, f"{shown}; it would be kept in {key.file}", key.fingerprint)
    if not fingerprint:
        asker = Asker(screen)
        if not await asker.confirms(f"{safe(shown)}. Is that what its owner says?"):
            raise NeedsApproval(
                f"{shown}, and nobody said that it is right",
                f"Compare it with what its owner says, then: envsync trust {name} {key.fingerprint}",
            )
        fingerprint = key.fingerprint
    await accept(name, fingerprint)
    return _say(screen, f"{key.name} is trusted by its key {fingerprint}, kept in {key.file}", fingerprint)


def _say(screen: Screen, summary: str, fingerprint: str) -> int:
    print(json.dumps({"summary": summary, "fingerprint": fingerprint}) if screen.settings.json else safe(summary))
    return 0


async def trusted(turn: Turn, asker: Asker) -> bool:
    """True when a turn ended at a machine that nobody knows yet, and a person has just said yes to its key.

    Nothing was changed then, and the same turn can begin again.
    """
    error = turn.errors[-1] if turn.errors else None
    if error is None or error.code != "unknownkey":
        return False
    from ...tools.hosts.ssh_keys import UnknownKey, trust

    if not isinstance(error, UnknownKey) or not await asker.confirms("Is that the right key? Then it is kept"):
        return False
    await asyncio.to_thread(trust, error.key)
    return True
