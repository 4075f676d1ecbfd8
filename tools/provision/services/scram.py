"""The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), which PostgreSQL and MongoDB log in with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from .kind import Unwell


class Scram:
    """One login. The exchange: `first`, the server's answer to `final`, and its last word to `check`."""

    def __init__(self, user: str, password: str) -> None:
        self._password = password.encode()
        self._nonce = secrets.token_urlsafe(18)
        self._bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self._nonce}"
        self._signature = b""

    def first(self) -> bytes:
        """The client's first message."""
        return f"n,,{self._bare}".encode()

    def final(self, challenge: bytes) -> bytes:
        """The client's proof. Raises Unwell for what is no challenge to us."""
        words = dict(part.split("=", 1) for part in challenge.decode("ascii", "replace").split(",") if "=" in part)
        try:
            nonce, salt, rounds = words["r"], base64.b64decode(words["s"]), int(words["i"])
        except (KeyError, ValueError):
            raise Unwell("its login is not understood") from None
        if not nonce.startswith(self._nonce) or not 1 <= rounds <= 200_000:
            raise Unwell("its login is not understood")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, rounds)
        key = hmac.digest(salted, b"Client Key", "sha256")
        without = f"c=biws,r={nonce}"
        message = f"{self._bare},{challenge.decode()},{without}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        self._signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature))  # noqa: B905  # it travels to Pythons without strict=
        return f"{without},p={base64.b64encode(proof).decode()}".encode()

    def check(self, last: bytes) -> None:
        """Raises Unwell when the server does not know the password either."""
        if last != b"v=" + base64.b64encode(self._signature):
            raise Unwell("another server answers there")
