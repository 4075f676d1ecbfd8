"""Redis, or Valkey, which speaks the same."""

from __future__ import annotations

from .kind import SOCKET, Access, Boot, Inside, Kind, Line, Program, Spec, Tools, Unwell, fits
from .programs import on_path, version_of

CONFIG = "/etc/envsync/redis.conf"


class Redis(Kind):
    """A server with a password; what it holds is on disk."""

    name, port, first = "redis", 6379, 26379
    user, debian, units = "redis", "redis-server", ("redis-server",)
    image, tag = "redis", "7"
    schemes = ("redis", "rediss", "valkey")

    def find(self, version: str) -> Program | None:
        """See Kind.find."""
        for path in on_path("redis-server", "valkey-server"):
            found = version_of([path, "--version"], r"v=(\d+(?:\.\d+)+)")
            if found and fits(version, found):
                return Program(path, found)
        return None

    def boot(self, spec: Spec, access: Access, program: Program, tools: Tools) -> Boot:
        """See Kind.boot."""
        lines = [f"bind 127.0.0.1\nport {spec.port}\ndaemonize no\ndir {_quoted(str(spec.data))}", _common(access)]
        local = str(spec.run / "redis.sock")
        if len(local.encode()) <= SOCKET:
            lines.append(f"unixsocket {_quoted(local)}\nunixsocketperm 700")
        tools.put(spec.run / "redis.conf", "\n".join(lines) + "\n")
        return Boot([program.path, str(spec.run / "redis.conf")])

    def greet(self, port: int, access: Access) -> None:
        """See Kind.greet."""
        with Line(port) as line:
            word = access.password.encode()
            line.send(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n" % (len(word), word))
            _well(line.line(), b"+OK")
            line.send(b"*1\r\n$4\r\nPING\r\n")
            _well(line.line(), b"+PONG")

    def inside(self, access: Access) -> Inside:
        """See Kind.inside."""
        return Inside({}, ("redis-server", CONFIG), {CONFIG: f"port 6379\n{_common(access)}\n"})


def _common(access: Access) -> str:
    return f"requirepass {_quoted(access.password)}\nprotected-mode yes\nappendonly yes"


def _well(answer: bytes, wanted: bytes) -> None:
    if answer != wanted:
        raise Unwell(answer[1:200].decode("utf-8", "backslashreplace") or "it says nothing")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
