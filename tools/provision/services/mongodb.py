"""MongoDB: only by its image, since no Debian has it."""

from __future__ import annotations

import struct

from .kind import Access, Boot, Inside, Kind, Line, Program, Spec, Tools, Unwell
from .scram import Scram

PASSWORD = "/etc/envsync/password"  # noqa: S105  # a path inside the container


class MongoDB(Kind):
    """A server whose one user may do everything in it."""

    name, port, first = "mongodb", 27017, 22017
    image, tag = "mongo", "7"
    starts = 120.0
    schemes = ("mongodb",)

    def find(self, version: str) -> Program | None:
        """See Kind.find: never, since without its shell nothing could make the user."""
        return None

    def boot(self, spec: Spec, access: Access, program: Program, tools: Tools) -> Boot:
        """See Kind.boot."""
        raise NotImplementedError

    def greet(self, port: int, access: Access) -> None:
        """See Kind.greet."""
        with Line(port) as line:
            scram = Scram(access.user, access.password)
            start = {"saslStart": 1, "mechanism": "SCRAM-SHA-256", "payload": scram.first(), "$db": "admin"}
            said = _ask(line, start)
            proof = {"saslContinue": 1, "conversationId": said[0], "payload": scram.final(said[1]), "$db": "admin"}
            scram.check(_ask(line, proof)[1])

    def inside(self, access: Access) -> Inside:
        """See Kind.inside."""
        env = {"MONGO_INITDB_ROOT_USERNAME": access.user, "MONGO_INITDB_ROOT_PASSWORD_FILE": PASSWORD}
        return Inside({**env, "MONGO_INITDB_DATABASE": access.database}, (), {PASSWORD: access.password})


def _ask(line: Line, document: dict[str, int | str | bytes]) -> tuple[int, bytes]:
    """One command by OP_MSG; the conversation's number and the payload of the answer. Raises Unwell for an error."""
    body = struct.pack("<IB", 0, 0) + _written(document)
    line.send(struct.pack("<iiii", len(body) + 16, 1, 0, 2013) + body)
    (size,) = struct.unpack("<i", line.take(4))
    answer = line.take(size - 4)[17:]
    found = _read(answer)
    if found.get("ok") != 1.0:
        raise Unwell(str(found.get("errmsg", "it refuses the login"))[:200])
    payload, number = found.get("payload"), found.get("conversationId")
    return (number if isinstance(number, int) else 1), (payload if isinstance(payload, bytes) else b"")


def _written(document: dict[str, int | str | bytes]) -> bytes:
    """BSON, of what a login needs."""
    items = b""
    for key, value in document.items():
        name = key.encode() + b"\0"
        if isinstance(value, int):
            items += b"\x10" + name + struct.pack("<i", value)
        elif isinstance(value, bytes):
            items += b"\x05" + name + struct.pack("<iB", len(value), 0) + value
        else:
            items += b"\x02" + name + struct.pack("<i", len(value.encode()) + 1) + value.encode() + b"\0"
    return struct.pack("<i", len(items) + 5) + items + b"\0"


def _read(content: bytes) -> dict[str, object]:
    """The numbers, texts and bytes at the top of a BSON document; what is nested is skipped."""
    found: dict[str, object] = {}
    at, end = 4, struct.unpack("<i", content[:4])[0] - 1
    while at < min(end, len(content)):
        kind, stop = content[at], content.index(b"\0", at + 1)
        key, at = content[at + 1 : stop].decode("utf-8", "replace"), stop + 1
        if kind == 0x01:
            found[key], at = struct.unpack_from("<d", content, at)[0], at + 8
        elif kind == 0x02:
            (size,) = struct.unpack_from("<i", content, at)
            found[key], at = content[at + 4 : at + 3 + size].decode("utf-8", "replace"), at + 4 + size
        elif kind in (0x03, 0x04):
            at += struct.unpack_from("<i", content, at)[0]
        elif kind == 0x05:
            (size,) = struct.unpack_from("<i", content, at)
            found[key], at = content[at + 5 : at + 5 + size], at + 5 + size
        elif kind in (0x08, 0x10, 0x09, 0x11, 0x12, 0x07):
            size = {0x08: 1, 0x10: 4, 0x07: 12}.get(kind, 8)
            if kind == 0x10:
                found[key] = struct.unpack_from("<i", content, at)[0]
            elif kind == 0x08:
                found[key] = bool(content[at])
            at += size
        else:
            raise Unwell("this is not its protocol")
    return found
