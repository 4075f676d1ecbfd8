"""PostgreSQL."""

from __future__ import annotations

import re
import signal
import struct
from glob import glob
from pathlib import Path

from ...errors import Failed
from .kind import SOCKET, Access, Boot, Inside, Kind, Line, Program, Spec, Tools, Unwell, fits
from .programs import on_path, version_of
from .scram import Scram

FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin",
)
PASSWORD = "/etc/envsync/password"  # noqa: S105  # a path inside the container


class PostgreSQL(Kind):
    """A cluster of its own: its user owns everything in it, as in the official image."""

    name, port, first = "postgresql", 5432, 25432
    user, debian, units = "postgres", "postgresql", ("postgresql",)
    image, tag = "postgres", "16"
    stop = signal.SIGINT  # the fast shutdown: SIGTERM would wait until the last client has gone
    schemes = ("postgresql", "postgres", "pgsql", "postgis", "ecto")

    def find(self, version: str) -> Program | None:
        """See Kind.find."""
        places = [path for pattern in FOLDERS for path in glob(f"{pattern}/postgres")]
        found = [Program(path, version_of([path, "--version"])) for path in {*places, *on_path("postgres")}]
        fitting = [each for each in found if each.version and fits(version, each.version)]
        # The same program by two names: the one beside its own tools is meant.
        return max(fitting, key=lambda each: (_number(each.version), each.path in places, each.path), default=None)

    def prepare(self, spec: Spec, access: Access, tools: Tools) -> None:
        """See Kind.prepare."""
        program = self.find(spec.version)
        if program is None:
            raise Failed("PostgreSQL's program is not there", "Ask again.")
        initdb = str(Path(program.path).resolve().parent / "initdb")
        word = spec.run / "password"
        tools.put(word, access.password + "\n")
        argv = [initdb, "-D", str(spec.data), "-U", access.user, "-E", "UTF8", f"--pwfile={word}"]
        argv += ["-A", "scram-sha-256", "--locale=C.UTF-8"]
        try:
            tools.call(argv, "initdb")
        except Failed as error:
            if "locale" not in error.what:
                raise
            tools.call([*argv[:-1], "--no-locale"], "initdb")
        finally:
            word.unlink(missing_ok=True)
        # Without a server or a client: the program itself takes statements.
        single = [program.path, "--single", "-D", str(spec.data), "-c", "log_min_messages=error", "postgres"]
        if access.database != "postgres":
            tools.call(single, "creating the database", f'CREATE DATABASE "{access.database}"\n')

    def boot(self, spec: Spec, access: Access, program: Program, tools: Tools) -> Boot:
        """See Kind.boot."""
        # Nobody works in here (see keeper.start): what a kill left would only name a process that is somebody else's by now.
        for left in ("data/postmaster.pid", f"run/.s.PGSQL.{spec.port}", f"run/.s.PGSQL.{spec.port}.lock"):
            (spec.folder / left).unlink(missing_ok=True)
        folder = str(spec.run)
        local = folder if len(f"{folder}/.s.PGSQL.{spec.port}".encode()) <= SOCKET else ""
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": local,
            "unix_socket_permissions": "0700",
        }
        settings |= {"logging_collector": "off", "log_destination": "stderr"}
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return Boot([program.path, "-D", str(spec.data), "-p", str(spec.port), *words])

    def greet(self, port: int, access: Access) -> None:
        """See Kind.greet."""
        with Line(port) as line:
            words = ["user", access.user, "database", access.database, "application_name", "envsync", ""]
            body = struct.pack("!i", 196608) + "".join(f"{word}\0" for word in words).encode()
            line.send(struct.pack("!i", len(body) + 4) + body)
            _log_in(line, access)
            line.send(_message(b"Q", b"SELECT 1\0"))
            seen = b""
            while not seen.endswith(b"Z"):
                kind, body = _next(line)
                seen += kind
            if b"D" not in seen:
                raise Unwell("it gives no rows")
            line.send(_message(b"X", b""))

    def inside(self, access: Access) -> Inside:
        """See Kind.inside."""
        env = {"POSTGRES_USER": access.user, "POSTGRES_DB": access.database, "POSTGRES_PASSWORD_FILE": PASSWORD}
        return Inside(env, (), {PASSWORD: access.password})


def _log_in(line: Line, access: Access) -> None:
    scram = Scram("", access.password)  # the user's name stands in the first packet already
    while True:
        kind, body = _next(line)
        if kind == b"Z":
            return
        if kind != b"R":
            continue
        (method,) = struct.unpack("!i", body[:4])
        if method == 10:
            first = scram.first()
            line.send(_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
        elif method == 11:
            line.send(_message(b"p", scram.final(body[4:])))
        elif method == 12:
            scram.check(body[4:])
        elif method != 0:
            raise Unwell("it asks for another login than SCRAM")


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _next(line: Line) -> tuple[bytes, bytes]:
    head = line.take(5)
    body = line.take(max(struct.unpack("!i", head[1:])[0] - 4, 0))
    if head[:1] == b"E":
        fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
        raise Unwell(fields.get(b"M", b"an error").decode("utf-8", "backslashreplace"))
    return head[:1], body


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
