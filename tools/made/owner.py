"""Who made it: one id per installation, in the labels of everything that it makes."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

OWNER = "envsync.owner"
LEASE = "envsync.lease"
NAME = "envsync.name"
ID = "envsync.id"
"""Labels: the installation's id, when the lease ended when it was made (ISO 8601), the name, and the ledger's id."""


def owner(state: Path) -> str:
    """This installation's id: 32 hexadecimal characters, made at the first call. Raises OSError."""
    path = state / "installation"
    while True:
        with suppress(FileNotFoundError):
            known = path.read_text("ascii", "replace").strip()
            if re.fullmatch(r"[0-9a-f]{32}", known):
                return known
            path.unlink(missing_ok=True)  # what a power cut left: nothing can have been labelled with it
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(f".installation.{secrets.token_hex(4)}")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(16))
            file.flush()
            os.fsync(file.fileno())
        # Of two processes that begin at once one wins, and the other reads the winner's.
        with suppress(FileExistsError):
            os.link(part, path)
        part.unlink()
