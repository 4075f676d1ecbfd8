"""Who we are over there: the identities that ~/.ssh/config names, and those of the agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from .ssh_config import Route


class Given(list[asyncssh.SSHKeyPair]):
    """The keys to use: asyncssh takes an empty list for "those in ~/.ssh", and None for "no agent either"."""

    def __bool__(self) -> bool:
        return True


@dataclass
class Identities:
    """What there is to log in with."""

    pairs: list[asyncssh.SSHKeyPair] = field(default_factory=list["asyncssh.SSHKeyPair"])
    """Keys that can be used as they lie there."""
    files: list[Path] = field(default_factory=list[Path])
    """Where these are."""
    locked: list[Path] = field(default_factory=list[Path])
    """Keys with a passphrase: only an agent can use them, since nobody is asked for it here."""
    broken: list[str] = field(default_factory=list[str])
    """Keys that cannot be read, each with the reason."""
    agent: str = ""
    """Socket of the agent that may be asked; empty for none."""
    allowed: list[bytes] = field(default_factory=list[bytes])
    """Public keys that the agent may use; empty for all that it has."""


def identities(way: Route) -> Identities:
    """Read the identities of a route; one that is not there is left out, as ssh does it."""
    found = Identities(agent=way.agent)
    for path in way.identities:
        public = _public(path)
        if public is not None:
            found.allowed.append(public)
        try:
            pairs = asyncssh.load_keypairs(path)
        except FileNotFoundError:
            continue
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            if "passphrase" in str(error).lower():
                found.locked.append(path)
            elif public is None:  # the public half alone is how one names a key of the agent's
                found.broken.append(f"{path}: {error}")
            continue
        except (OSError, ValueError) as error:
            found.broken.append(f"{path}: {getattr(error, 'strerror', None) or error}")
            continue
        found.pairs += pairs
        found.files.append(path)
    if not way.only:
        found.allowed = []
    elif not found.allowed:
        found.agent = ""  # an empty list would mean all of the agent's keys
    return found


def _public(path: Path) -> bytes | None:
    """The public half of an identity."""
    for name in (Path(f"{path}.pub"), path):
        try:
            return asyncssh.read_public_key(name).public_data
        except (OSError, ValueError):
            continue
    return None
