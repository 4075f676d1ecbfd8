"""Memcached."""

from __future__ import annotations

from .kind import Access, Boot, Kind, Line, Program, Spec, Tools, Unwell, fits
from .programs import on_path, version_of


class Memcached(Kind):
    """A cache in memory: no data on disk, and no password, since few clients could give one."""

    name, port, first = "memcached", 11211, 21211
    user, debian, units = "memcache", "memcached", ("memcached",)
    image, tag = "memcached", "1.6"
    keeps = False
    schemes = ("memcached", "memcache")

    def find(self, version: str) -> Program | None:
        """See Kind.find."""
        for path in on_path("memcached"):
            found = version_of([path, "--version"])
            if found and fits(version, found):
                return Program(path, found)
        return None

    def boot(self, spec: Spec, access: Access, program: Program, tools: Tools) -> Boot:
        """See Kind.boot."""
        return Boot([program.path, "-l", "127.0.0.1", "-p", str(spec.port), "-U", "0", "-m", "64"])

    def greet(self, port: int, access: Access) -> None:
        """See Kind.greet."""
        with Line(port) as line:
            line.send(b"version\r\n")
            if not line.line().startswith(b"VERSION "):
                raise Unwell("this is not its protocol")
