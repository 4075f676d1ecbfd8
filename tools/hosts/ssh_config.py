"""Which machine a name means, and how to get there: names, ~/.ssh/config and the keys that it names."""

from __future__ import annotations

import getpass
import ipaddress
import os
import re
import shlex
import socket
import stat as st
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Usage

if TYPE_CHECKING:
    from asyncssh.config import SSHClientConfig

CONNECT = 10.0
"""Seconds until a machine must have shown its key, when ConnectTimeout says nothing; TCP alone would wait two minutes."""
ALIVE = 15
"""Seconds without a word until we ask whether the machine is still there, when ServerAliveInterval says nothing."""
MISSES = 3
"""Such questions without an answer until the connection counts as lost; ssh's own default."""
HOPS = 8
"""Jumps in one chain; more is a circle in the configuration."""

SYSTEM = Path("/etc/ssh")
OURS = ("Ciphers", "Compression", "HostKeyAlgorithms", "BindAddress", "CanonicalizeHostname")
"""Options for which we do something of our own where the configuration does not set them."""
IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")
"""Names that ssh tries below ~/.ssh, without what is no longer accepted anywhere."""

# As OpenSSH's valid_hostname and valid_ruser have it: a ProxyCommand is a shell line, and these are put into it.
_BAD_HOST = re.compile(r"""[\s'"`$\\;&<>|(){},/\x00-\x1f\x7f]|^-""")
_BAD_USER = re.compile(r"""[\s'"`;&<>|(){}\x00-\x1f\x7f]|^-|\\$""")


@dataclass(frozen=True)
class Target:
    """A machine as it was written; an empty user and port 0 leave it to ~/.ssh/config."""

    host: str
    user: str = ""
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}".removeprefix("@") + (f":{self.port}" if self.port else "")


def target(written: str) -> Target:
    """What `USER@HOST:PORT`, `HOST` or an alias means; an IPv6 address stands in brackets. Raises Usage."""
    user, at, rest = written.removeprefix("ssh://").rpartition("@")
    if rest.startswith("["):
        host, bracket, after = rest[1:].partition("]")
        colon, port = after[:1], after[1:]
        fine = bool(bracket) and colon in ("", ":") and _ipv6(host)
    elif _ipv6(rest):
        host, colon, port, fine = rest, "", "", True
    else:
        host, colon, port = rest.partition(":")
        fine = bool(host) and not _BAD_HOST.search(host)
    if at and (not user or _BAD_USER.search(user)):
        fine = False
    if colon and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        fine = False
    if not fine:
        raise Usage(
            f"{written!r} is no name of a machine",
            "Write USER@HOST, USER@HOST:PORT, [IPv6]:PORT, or an alias from ~/.ssh/config.",
        )
    return Target(host, user, int(port or 0))


def _ipv6(host: str) -> bool:
    with suppress(ValueError):
        # What stands behind a % is the name of an interface, which may be anything as far as this is concerned.
        return ipaddress.ip_address(host).version == 6 and not _BAD_HOST.search(host)
    return False


@dataclass(frozen=True)
class Route:
    """How to get to a machine: what ~/.ssh/config makes of a target."""

    target: Target
    host: str
    port: int
    user: str
    files: tuple[Path, ...]
    """Configuration files that were read."""
    jumps: tuple[Target, ...]
    command: str
    """ProxyCommand, a shell line of the user's own configuration; empty without one."""
    known: tuple[Path, ...]
    """Files with the keys of known machines; the first one is where a new key goes."""
    alias: str
    """HostKeyAlias: the name under which its key is kept; empty for its own."""
    connect: float
    alive: int
    misses: int
    identities: tuple[Path, ...]
    only: bool
    """Only these identities, of the agent's too."""
    agent: str
    """Socket of the agent; empty for none."""
    family: int
    """AddressFamily: socket.AF_UNSPEC, AF_INET or AF_INET6."""
    chosen: frozenset[str]
    """Options that the configuration sets itself, where ours would only be a default."""

    @property
    def filed(self) -> str:
        """The name under which known_hosts has its key."""
        name = (self.alias or self.host).lower()
        return name if self.alias or self.port == 22 else f"[{name}]:{self.port}"


def home() -> Path:
    """The user's home, from the environment where it says."""
    return Path.home()


def config_files() -> tuple[Path, ...]:
    """The configuration that ssh would read, the user's before the system's.

    Raises Usage when others may write the user's: it can name a command to run, so who can write it can run anything
    as this user. ssh refuses it too.
    """
    own = home() / ".ssh" / "config"
    for path in {path for path, _ in _lines(own, 0)}:
        about = path.stat()
        if about.st_uid not in (0, os.getuid()) or st.S_IMODE(about.st_mode) & 0o022:
            word = shlex.quote(str(path))
            raise Usage(f"others may write {path}", f"Run `chmod 600 {word}`, after a look at what it says.")
    return tuple(path for path in (own, SYSTEM / "ssh_config") if os.access(path, os.R_OK))


def route(wanted: Target) -> Route:
    """How ~/.ssh/config gets to a machine. Raises Usage for a configuration that cannot be read."""
    files = config_files()
    config = _load(wanted, files)

    def text(option: str, default: str = "") -> str:
        value = config.get(option)
        return value if isinstance(value, str) else default

    def number(option: str, default: int) -> int:
        value = config.get(option)
        return value if isinstance(value, int) and value > 0 else default

    def names(option: str, default: list[str]) -> list[str]:
        value = config.get(option)
        return [str(item) for item in value] if isinstance(value, list) else default  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    ssh, family = home() / ".ssh", config.get("AddressFamily")
    host, port, user = text("Hostname", wanted.host), wanted.port or number("Port", 22), wanted.user or text("User")
    tokens = {"h": host, "k": text("HostKeyAlias") or host, "n": wanted.host, "p": str(port), "r": user or person()}
    user_known = [_path(name, tokens) for name in names("UserKnownHostsFile", [])]
    # `none` and /dev/null mean "do not check" elsewhere. Here keys are always checked, so they need a file.
    user_known = [path for path in user_known if path != Path("/dev/null")] or [
        ssh / "known_hosts",
        ssh / "known_hosts2",
    ]
    global_known = names("GlobalKnownHostsFile", [str(SYSTEM / "ssh_known_hosts"), str(SYSTEM / "ssh_known_hosts2")])
    agent = os.environ.get("SSH_AUTH_SOCK", "")
    if config.get("IdentityAgent", ...) is not ...:
        named = text("IdentityAgent")
        agent = os.environ.get(named.lstrip("$"), "") if named.startswith("$") or named == "SSH_AUTH_SOCK" else named
    if _BAD_HOST.search(host):
        raise Usage(f"~/.ssh/config gives {wanted} the impossible HostName {host!r}", "Correct it there.")
    return Route(
        target=wanted,
        host=host,
        port=port,
        user=user or person(),
        files=files,
        jumps=tuple(target(jump) for jump in text("ProxyJump").split(",") if jump),
        command=text("ProxyCommand"),
        known=(*user_known, *(_path(name) for name in global_known)),
        alias=text("HostKeyAlias"),
        connect=float(number("ConnectTimeout", int(CONNECT))),
        alive=number("ServerAliveInterval", ALIVE),
        misses=number("ServerAliveCountMax", MISSES),
        identities=tuple(_path(name) for name in names("IdentityFile", [str(ssh / name) for name in IDENTITIES])),
        only=config.get("IdentitiesOnly") is True,
        agent=str(_path(agent)) if agent else "",
        family=family if isinstance(family, int) else socket.AF_UNSPEC,
        chosen=frozenset(name for name in OURS if config.get(name) not in (None, False)),
    )


def person() -> str:
    """Who runs this process; a container's user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _load(wanted: Target, files: tuple[Path, ...]) -> SSHClientConfig:
    from asyncssh.config import SSHClientConfig

    # Its own marker for "not given" is an empty tuple, which its annotations do not know.
    user: str = wanted.user or ()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    port: int = wanted.port or ()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

    def load(final: bool) -> SSHClientConfig:
        loaded = SSHClientConfig.load(None, files, False, False, final, person(), user, wanted.host, port)
        return loaded  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    try:
        config = load(False)
        return load(True) if config.has_match_final() else config
    except (ValueError, OSError) as error:
        raise Usage(
            f"~/.ssh/config cannot be read: {error}", "Correct that line; `ssh -G HOST` reads it too."
        ) from error


def _path(name: str, tokens: Mapping[str, str] | None = None) -> Path:
    """A path of the configuration; of ssh's %-tokens, those in `tokens`, the home (%d), the user (%u) and % itself."""
    known = {"d": str(home()), "u": person(), "%": "%", **(tokens or {})}
    return Path(re.sub("%(.)", lambda found: known.get(found[1], found[0]), name)).expanduser()


def through(chain: Route) -> tuple[Target, ...]:
    """Every machine on the way, in order: the jumps of its first jump before them. Raises Usage for a circle."""
    way = _jumps(chain)
    while way and len(way) <= HOPS:
        first = route(way[0])
        before = _jumps(first)
        if not before or first.command:
            return tuple(way)
        way = [*before, *way]
    if way:
        raise Usage(f"~/.ssh/config leads in a circle to {chain.target}", "Correct its ProxyJump lines.")
    return ()


def _jumps(chain: Route) -> list[Target]:
    """The jumps of one machine. `Host *` with a ProxyJump names the jump host itself too; ssh leaves it out there."""
    ways = [(jump, route(jump)) for jump in chain.jumps]
    return [jump for jump, way in ways if (way.host, way.port) != (chain.host, chain.port)]


def aliases() -> list[str]:
    """The machines that ~/.ssh/config gives a name to, in order; patterns are none."""
    found: dict[str, None] = {}
    for _, words in _lines(home() / ".ssh" / "config", 0):
        if words[0].lower() == "host":
            found.update((word, None) for word in words[1:] if not set(word) & set("*?!"))
    return list(found)


def _lines(path: Path, depth: int) -> Iterator[tuple[Path, list[str]]]:
    """The lines of a configuration file and of what it includes, each with its file; asked for every bare name, so
    without asyncssh."""
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            words = shlex.split(line.replace("=", " ", 1) if "=" in line.split(" ", 1)[0] else line, comments=True)
        except ValueError:
            continue
        if len(words) < 2:
            continue
        yield path, words
        if words[0].lower() == "include" and depth < 16:
            for pattern in words[1:]:
                whole = _path(pattern) if pattern.startswith(("~", "/")) else home() / ".ssh" / pattern
                for included in sorted(Path(whole.anchor).glob(str(whole.relative_to(whole.anchor)))):
                    yield from _lines(included, depth + 1)


def as_jump(wanted: Target) -> Route:
    """The way to a machine on a chain: its own jumps are in the chain already."""
    return replace(route(wanted), jumps=())
