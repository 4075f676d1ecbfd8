"""A person's signing key (Ed25519), kept here and nowhere else, and what it signs."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from ..errors import Failed

SEED = 32


def public(state: Path) -> str:
    """This person's public key in hex; the key is made at the first use. Raises Failed."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(_seed(state)).public_key().public_bytes_raw().hex()


def sign(state: Path, message: bytes) -> str:
    """The signature in hex."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(_seed(state)).sign(message).hex()


def verifies(key: str, signature: str, message: bytes) -> bool:
    """Whether `key` signed `message`; False for anything that is no key or no signature."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def short(key: str) -> str:
    """A key as people compare it: `3f9a-1c22-…`, 64 bits of its hash."""
    text = blake2b(key.encode(), digest_size=8).hexdigest()
    return "-".join(text[i : i + 4] for i in range(0, 16, 4))


def _seed(state: Path) -> bytes:
    file = state / "person.key"
    with suppress(FileNotFoundError):
        return _read(file)
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = state / f".person.{secrets.token_hex(6)}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_bytes(SEED))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        # Of two processes that start together the first one's key wins for both.
        with suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        os.unlink(temporary)
    return _read(file)


def _read(file: Path) -> bytes:
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as opened:
        info = os.fstat(handle)
        content = opened.read(SEED + 1)
    if info.st_mode & 0o077:
        raise Failed(f"others may read your signing key {file}", f"Make it private again: chmod 600 {file}")
    if len(content) != SEED:
        raise Failed(f"your signing key {file} is damaged", "Move it away: a new one is made, and your team is told.")
    return content
