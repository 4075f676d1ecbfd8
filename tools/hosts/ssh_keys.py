"""The keys of machines: what known_hosts says of them, and how a new one is let in.

A machine shows its key when one connects. A key that known_hosts has is trusted; a machine that has none there is
unknown, and a person must say yes to its key; a key other than the known one is refused, and no flag lets it in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Failed, NeedsApproval, Unreachable
from .ssh_config import Route, home, route, target

if TYPE_CHECKING:
    from asyncssh import SSHKey

KINDS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""What a machine may sign with, the best first; SHA-1 and DSA are left out as ssh leaves them out."""
_MAX = 8 << 20
"""Bytes read of one known_hosts file."""


@dataclass(frozen=True)
class HostKey:
    """A key that a machine has shown."""

    name: str
    """The machine, as people write it."""
    filed: str
    """The name under which known_hosts keeps it: `host` or `[host]:port`."""
    kind: str
    """`ssh-ed25519`, `ssh-rsa`, …"""
    public: str
    """The key itself, in base64."""
    fingerprint: str
    """`SHA256:…`, as ssh shows it."""
    file: Path
    """Where it belongs when a person says yes."""


class UnknownKey(NeedsApproval, Unreachable):
    """A machine that known_hosts does not know: a person must look at its key and say yes. `key` is what it showed."""

    def __init__(self, key: HostKey) -> None:
        super().__init__(
            f"{key.name} is not known yet: it shows the {_short(key.kind)} key {key.fingerprint}",
            f"Compare that with what its owner says, then `envsync trust {shlex.quote(key.name)}`. Nothing was changed.",
            host=key.name,
            kind=key.kind,
            fingerprint=key.fingerprint,
        )
        self.key = key


class ChangedKey(Unreachable):
    """A machine shows another key than known_hosts has. It may be another machine: nothing is sent to it."""


class RevokedKey(ChangedKey):
    """A machine shows a key that known_hosts marks as @revoked."""


def _short(kind: str) -> str:
    return kind.removeprefix("ssh-").partition("-")[0].partition("@")[0].upper() if "sk-" not in kind else kind


@dataclass(frozen=True)
class Known:
    """What known_hosts has for one machine."""

    keys: tuple[tuple[SSHKey, str], ...] = ()
    """Keys filed under its very name, each with `FILE:LINE`."""
    also: tuple[SSHKey, ...] = ()
    """Keys filed under its name without the port: good enough to trust, no reason to distrust another one."""
    authorities: tuple[SSHKey, ...] = ()
    revoked: tuple[SSHKey, ...] = ()
    kinds: tuple[str, ...] = field(default=KINDS)
    """In which order to ask for its keys: those first that can be checked."""


def known(way: Route) -> Known:
    """What the known_hosts files say of a machine. A file that is missing and a line that makes no sense say nothing."""
    import asyncssh

    name, plain = way.filed, (way.alias or way.host).lower()
    keys: list[tuple[SSHKey, str]] = []
    also: list[SSHKey] = []
    marked: dict[str, list[SSHKey]] = {"@cert-authority": [], "@revoked": []}
    for path in way.known:
        for number, line in enumerate(_text(path).splitlines(), 1):
            words = line.split()
            marker = words.pop(0) if words and words[0].startswith("@") else ""
            if len(words) < 3 or words[0].startswith("#") or (marker and marker not in marked):
                continue
            exact = _covers(words[0], name)
            if not exact and not (plain != name and _covers(words[0], plain)):
                continue
            try:
                key = asyncssh.import_public_key(f"{words[1]} {words[2]}")
            except ValueError:
                continue
            if marker:
                marked[marker].append(key)
            elif exact:
                keys.append((key, f"{path}:{number}"))
            else:
                also.append(key)
    checkable = {_text_of(alg) for key in (*(key for key, _ in keys), *also) for alg in key.sig_algorithms}
    kinds = sorted(KINDS, key=lambda kind: kind not in checkable)
    if marked["@cert-authority"]:
        kinds = [f"{kind.removesuffix('@openssh.com')}-cert-v01@openssh.com" for kind in KINDS] + kinds
    return Known(tuple(keys), tuple(also), tuple(marked["@cert-authority"]), tuple(marked["@revoked"]), tuple(kinds))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX).decode("utf-8", "replace")
    except OSError:
        return ""


def _text_of(alg: bytes) -> str:
    return alg.decode("ascii")


def _covers(patterns: str, name: str) -> bool:
    """Whether the first field of a known_hosts line means a machine: a hash, or patterns with * ? and ! before some."""
    if patterns.startswith("|1|"):
        try:
            salt, digest = (base64.b64decode(part) for part in patterns[3:].split("|"))
        except ValueError:
            return False
        return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
    found = False
    for pattern in patterns.lower().split(","):
        wanted = re.escape(pattern.removeprefix("!")).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(wanted, name):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def check(way: Route, said: Known, shown: SSHKey) -> Unreachable | None:
    """The reason not to talk to a machine that shows this key; None when it is the one we know."""
    key = described(way, shown)
    if shown in said.revoked:
        return RevokedKey(
            f"{key.name} shows the key {key.fingerprint}, which known_hosts marks as revoked",
            "That key was given up because somebody else may have it. Ask who runs the machine.",
            host=key.name,
            fingerprint=key.fingerprint,
        )
    if shown in (known for known, _ in said.keys) or shown in said.also:
        return None
    if not said.keys:
        return UnknownKey(key)
    old, where = next(((old, where) for old, where in said.keys if _kind(old) == key.kind), said.keys[0])
    file = where.rpartition(":")[0]
    return ChangedKey(
        f"{key.name} shows another key than before: {_short(key.kind)} {key.fingerprint}, "
        f"where {where} has {_short(_kind(old))} {old.get_fingerprint()}",
        "Either the machine was set up anew, or somebody is in between. Ask who runs it. Only if the new key is right: "
        f"`ssh-keygen -f {shlex.quote(file)} -R {shlex.quote(key.filed)}`, then `envsync trust {shlex.quote(key.name)}`.",
        host=key.name,
        fingerprint=key.fingerprint,
        before=old.get_fingerprint(),
    )


def described(way: Route, shown: SSHKey) -> HostKey:
    """A key that a machine has shown, in words."""
    kind, public = shown.export_public_key().decode("ascii").split()[:2]
    return HostKey(str(way.target), way.filed, kind, public, shown.get_fingerprint(), way.known[0])


def _kind(key: SSHKey) -> str:
    return key.get_algorithm()


async def key_of(name: str) -> HostKey:
    """The key that a machine shows now, whether or not it is known; nothing is kept, and nobody logs in.

    Raises ChangedKey and RevokedKey, UnknownKey for a machine on the way to it, Unreachable.
    """
    from .ssh_connect import look

    return await look(route(target(name.removeprefix("ssh:"))))


def trust(key: HostKey) -> None:
    """Keep a key that a person has said yes to, in the user's known_hosts, as ssh does it. Raises Failed."""
    salt = os.urandom(20)
    digest = hmac.new(salt, key.filed.encode(), hashlib.sha1).digest()
    words = (f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}", key.kind, key.public)
    try:
        key.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(key.file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "r+b") as file:
            size = os.fstat(handle).st_size
            cut = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            file.write(("\n" * cut + " ".join(words) + "\n").encode())
            file.flush()
            os.fsync(handle)
    except OSError as error:
        raise Failed(
            f"{key.file} cannot be written: {error.strerror}",
            f"Mend that, or add the line yourself: {key.filed} {key.kind} {key.public}",
        ) from error


async def accept(name: str, fingerprint: str) -> HostKey:
    """Keep the key of a machine when it is the one that a person has said yes to (`SHA256:…`).

    A key that is known already is no error. Raises what `key_of` raises, and NeedsApproval when the machine shows
    another key than that.
    """
    key = await key_of(name)
    if not hmac.compare_digest(key.fingerprint.encode(), fingerprint.encode()):
        raise NeedsApproval(
            f"{key.name} shows the key {key.fingerprint}, and not {fingerprint!r}",
            "Compare both with what its owner says. Nothing was changed.",
        )
    way = route(target(name.removeprefix("ssh:")))
    if all(have.get_fingerprint() != fingerprint for have, _ in known(way).keys):
        trust(key)
    return key


def shown_home(path: Path) -> str:
    """A path as people write it."""
    try:
        return f"~/{path.relative_to(home())}"
    except ValueError:
        return str(path)
