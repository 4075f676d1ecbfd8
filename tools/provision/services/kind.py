"""What a kind of service is: how its server is found, made, started, greeted and stopped. Only the standard library:
all of it runs next to the files, on whatever host these are."""

from __future__ import annotations

import re
import secrets
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

# fmt: off
RESERVED = frozenset({
    "postgres", "template0", "template1", "mysql", "mariadb", "sys", "information_schema", "performance_schema", "test", "root",
    "admin", "local", "config", "public", "guest", "default", "user",
})
# fmt: on
"""Names of users and databases that servers have themselves, or that mean something to them."""
SOCKET = 100
"""Bytes of a unix socket's path that every system can hold."""


class Unwell(Exception):
    """A server that answers, but not as it should; the text says how."""


@dataclass(frozen=True)
class Spec:
    """One service of one project, complete enough to make, find and remove it. Plain data: it travels to the host."""

    name: str
    """As people write it, e.g. `postgresql-shop`."""
    kind: str
    folder: Path
    """Its own directory on the host: credentials, data, log."""
    port: int
    more: tuple[int, ...]
    """Further ports that it listens on, all of 127.0.0.1."""
    version: str
    """The beginning of its version that was asked for; empty for any."""
    database: str
    """Name of its database and of its user."""
    project: Path
    file: str = ".env"
    """Where its variables go, relative to the project."""
    by: str = "native"
    """`native`, or `container`."""
    image: str = ""
    engine: str = ""
    """Address of the container engine."""

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Spec:
        """From what `plain` gave. Raises KeyError, TypeError, ValueError for what another version wrote."""
        words = {
            key: str(plain[key]) for key in ("name", "kind", "version", "database", "file", "by", "image", "engine")
        }
        return cls(
            **words, folder=Path(plain["folder"]), project=Path(plain["project"]), port=int(plain["port"]),
            more=tuple(int(port) for port in plain["more"]),
        )  # fmt: skip

    def plain(self) -> dict[str, Any]:
        """As JSON, for the ledger and for steps."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**found, "folder": str(self.folder), "project": str(self.project), "more": list(self.more)}

    @property
    def data(self) -> Path:
        """What the server keeps."""
        return self.folder / "data"

    @property
    def run(self) -> Path:
        """Log, process id, sockets and the configuration."""
        return self.folder / "run"

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.run / "server.log"


@dataclass(frozen=True)
class Access:
    """How a client gets in."""

    user: str
    password: str = field(repr=False)
    database: str

    @classmethod
    def new(cls, database: str) -> Access:
        """With a password that nobody knows yet: 24 random bytes."""
        return cls(database, secrets.token_urlsafe(24), database)


@dataclass(frozen=True)
class Program:
    """A server's program on the host."""

    path: str
    version: str


@dataclass(frozen=True)
class Boot:
    """How a server is started."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Inside:
    """How its image is started: `files` (content by path) are put in before, so that `inspect` shows no secret."""

    env: Mapping[str, str] = field(default_factory=dict[str, str])
    command: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict[str, str])


class Kind:
    """One kind of service. Everything may be called again after a kill at any moment."""

    name = ""
    port = 0
    """Where it usually listens, and where its image does."""
    first = 0
    """The first port that is tried for a server of ours: never the usual one, which belongs to the host."""
    more = 0
    """How many further ports it needs."""
    user = ""
    """The system user that its Debian package makes; it runs as that one when EnvSync is root."""
    debian = ""
    """Debian's package; empty where there is none."""
    units: tuple[str, ...] = ()
    """What that package would start by itself."""
    image = ""
    tag = ""
    """The image's tag when no version is asked for."""
    keeps = True
    """Whether it has data to lose, and a password."""
    stop = signal.SIGTERM
    starts = 60.0
    """Seconds until it must answer."""
    schemes: tuple[str, ...] = ()
    """What addresses of it begin with, ours first."""

    def find(self, version: str) -> Program | None:
        """The program on this host whose version begins with `version` (empty: the newest); None without one."""
        raise NotImplementedError

    def prepare(self, spec: Spec, access: Access, tools: Tools) -> None:
        """Fill the empty data directory. Raises Failed with what went wrong."""

    def boot(self, spec: Spec, access: Access, program: Program, tools: Tools) -> Boot:
        """How to start it; writes its configuration first where it has one."""
        raise NotImplementedError

    def settled(self, spec: Spec) -> None:
        """It answers: take away what only the first start needed."""

    def stopped(self, spec: Spec) -> None:
        """It has ended: end what it had started beside itself."""

    def greet(self, port: int, access: Access) -> None:
        """Speak its protocol, log in and ask something. Raises OSError or Unwell."""
        raise NotImplementedError

    def inside(self, access: Access) -> Inside:
        """How its official image is started."""
        return Inside()


@dataclass(frozen=True)
class Packaged:
    """What is the host's own: where it usually listens, and Debian's package for it (empty where there is none)."""

    port: int
    debian: str


class Tools:
    """What a kind needs to make things as the server's own user; see keeper."""

    user = ""
    """That user's name."""

    def call(self, argv: Sequence[str], what: str, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
        """Run a program as the server's user; what it printed. Raises Failed with the end of what it said."""
        raise NotImplementedError

    def put(self, path: Path, content: str) -> None:
        """Write a file that only the server's user can read."""
        raise NotImplementedError


class Line:
    """A connection that must answer in time; reads exactly what is asked for."""

    def __init__(self, port: int, seconds: float = 5.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def take(self, count: int) -> bytes:
        """Exactly so many bytes (a megabyte at most). Raises OSError when the other side ends before."""
        if count > 1 << 20:
            raise Unwell("this is not its protocol")
        found = b""
        while len(found) < count:
            piece = self._socket.recv(count - len(found))
            if not piece:
                raise ConnectionResetError("it closed the connection")
            found += piece
        return found

    def line(self) -> bytes:
        """Up to the next line's end, without it."""
        found = b""
        while not found.endswith(b"\n") and len(found) < 4096:
            found += self.take(1)
        return found.rstrip(b"\r\n")


def slug(text: str) -> str:
    """A project's name as part of a service's: lower-case letters, digits and hyphens, 24 at most."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:24].strip("-") or "project"


def database(project: str) -> str:
    """What the project's database and user are called."""
    name = slug(project).replace("-", "_")
    return f"{name}_db" if name in RESERVED else f"db_{name}" if name[0].isdigit() or name.startswith("pg_") else name


def fits(asked: str, version: str) -> bool:
    """Whether `15.3` is a 15; nothing asked for fits everything."""
    parts = asked.split(".") if asked else []
    return re.split(r"[.~+-]", version)[: len(parts)] == parts
