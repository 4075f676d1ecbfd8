"""What went wrong with a connection, and what to do about it."""

from __future__ import annotations

import errno
import os
import shlex
import socket

import asyncssh
from asyncssh import constants

from ..errors import EnvSyncError, Unreachable, Usage
from .ssh_config import Route
from .ssh_keys import RevokedKey, shown_home
from .ssh_login import Identities

_SHOWN = 200
"""Characters quoted of what a machine says; it is data from elsewhere."""


def quoted(text: str) -> str:
    """What a machine said, on one line, with everything that a terminal would act on escaped."""
    words = " ".join(text.split())
    plain = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in words)
    return f"“{plain[:_SHOWN]}{'…' if len(plain) > _SHOWN else ''}”"


def explained(
    error: BaseException,
    way: Route,
    keys: Identities,
    methods: list[str],
    banner: str,
    over: Route | None,
    complaint: str,
) -> EnvSyncError | None:
    """The error that a person gets for one of the library's or the system's; None for one that is no such thing.

    `over` is the machine that we went through, `complaint` what a ProxyCommand wrote to its standard error.
    """
    name, place = str(way.target), f"{way.host} port {way.port}"
    if isinstance(error, EnvSyncError):
        return error
    if way.command and over is None and isinstance(error, (asyncssh.ConnectionLost, asyncssh.ProtocolError, OSError)):
        said = f": {quoted(complaint)}" if complaint.strip() else ""
        return Unreachable(f"the ProxyCommand for {name} gave no connection{said}", f"Try it by itself: {way.command}")
    match error:
        case asyncssh.PermissionDenied():
            return _denied(way, keys, methods, banner)
        case asyncssh.HostKeyNotVerifiable() if "revoked" in error.reason:
            return RevokedKey(
                f"{name} shows a key or a certificate that known_hosts marks as revoked", "Ask who runs the machine."
            )
        case asyncssh.HostKeyNotVerifiable():
            return Unreachable(
                f"{name} shows a certificate that does not hold: {error.reason}",
                "Ask who runs it, or correct the @cert-authority line in known_hosts.",
            )
        case asyncssh.KeyExchangeFailed():
            return Unreachable(
                f"{name} and EnvSync have no way of encrypting in common: {quoted(error.reason)}",
                f"It may be very old. `ssh -v {shlex.quote(name)}` shows what it offers; ~/.ssh/config can allow more.",
            )
        case asyncssh.ChannelOpenError() if over is not None:
            if error.code == constants.OPEN_ADMINISTRATIVELY_PROHIBITED:
                return Unreachable(
                    f"{over.target} does not let connections through to {place}",
                    "Its sshd_config says AllowTcpForwarding no (or PermitOpen): ask who runs it.",
                )
            return Unreachable(
                f"{over.target} cannot reach {place}: {quoted(error.reason)}",
                f"Check the name and the port, as {over.target} sees them.",
            )
        case asyncssh.DisconnectError() if "uthentication fail" in error.reason:
            return Unreachable(
                f"{name} gave up after too many keys",
                f"Say which key is right: in ~/.ssh/config, for Host {way.target.host}, IdentityFile and IdentitiesOnly yes.",
            )
        case asyncssh.ProtocolError() | asyncssh.ProtocolNotSupported():
            return Unreachable(
                f"what answers at {place} does not speak SSH: {quoted(error.reason)}",
                f"Is that the right port? Write it as ssh:{way.user}@{way.host}:PORT.",
            )
        case asyncssh.ConnectionLost() | ConnectionResetError() | BrokenPipeError():
            return Unreachable(
                f"{name} hung up while the connection was made",
                "It may be busy, or not let this address in (MaxStartups, fail2ban). Try again in a minute.",
            )
        case asyncssh.DisconnectError():
            return Unreachable(f"{name} hung up: {quoted(error.reason)}", f"Try `ssh {shlex.quote(name)}` to see more.")
        case socket.gaierror():
            return Unreachable(
                f"there is no machine named {way.host!r}",
                "Check the spelling and the network; an alias belongs into ~/.ssh/config.",
            )
        case TimeoutError():
            if error.args and error.args[0] == "log in":
                return Unreachable(f"{name} did not let us in in time", "Does a security key or an agent wait for you?")
            return Unreachable(
                f"{place} did not answer in {way.connect:g} s",
                "Is it on, and reachable from this network? ConnectTimeout in ~/.ssh/config makes it wait longer.",
            )
        case OSError():
            return _unconnected(error, way, place)
        case ValueError():
            return Usage(f"the SSH settings for {name} make no sense: {error}", "Correct them in ~/.ssh/config.")
        case _:
            return None


def _unconnected(error: OSError, way: Route, place: str) -> EnvSyncError:
    text = str(error)
    if error.errno == errno.ECONNREFUSED or "refused" in text:
        return Unreachable(
            f"nothing listens at {place}",
            f"Is the machine up, with an SSH server (on Debian: openssh-server)? Another port: ssh:{way.user}@{way.host}:PORT.",
        )
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else text
    return Unreachable(f"{place} cannot be reached: {reason}", "Check the network, a VPN, and the address.")


def _denied(way: Route, keys: Identities, methods: list[str], banner: str) -> Unreachable:
    name = str(way.target)
    words = ["-p", str(way.port)] if way.port != 22 else []
    copy = shlex.join(["ssh-copy-id", *words, f"{way.user}@{way.host}"])
    said = f". It says {quoted(banner)}" if banner.strip() else ""
    what = f"{name} does not let {way.user} in{said}"
    others = sorted({method for method in methods if method != "publickey"})
    if "publickey" not in methods and others:
        return Unreachable(
            f"{name} lets {way.user} in with a password only{said}",
            f"EnvSync asks for no passwords. Have it take keys (PubkeyAuthentication yes), then run: {copy}",
        )
    if keys.locked:
        # Quoted whole, a ~ would be a letter.
        files = " ".join(
            f"~/{shlex.quote(word[2:])}" if (word := shown_home(path)).startswith("~/") else shlex.quote(word)
            for path in keys.locked
        )
        start = "" if keys.agent else 'eval "$(ssh-agent)"; '
        return Unreachable(
            f"{what}: {' and '.join(shown_home(path) for path in keys.locked)} has a passphrase, and no agent has it open",
            f"Open it once: {start}ssh-add {files}",
        )
    if keys.broken:
        return Unreachable(
            f"{what}: {'; '.join(keys.broken)}", "Mend that key, or name another with IdentityFile in ~/.ssh/config."
        )
    if not keys.files and not keys.agent:
        first = "" if (any(path.exists() for path in way.identities)) else "ssh-keygen -t ed25519; "
        return Unreachable(f"{what}: there is no key to show it", f"Make one and put it there: {first}{copy}")
    tried = ", ".join([shown_home(path) for path in keys.files] + (["the agent's keys"] if keys.agent else []))
    return Unreachable(
        f"{what}: it takes none of our keys ({tried})",
        f"Put one there: {copy}. Or is another user or key right? See User and IdentityFile in ~/.ssh/config.",
    )
