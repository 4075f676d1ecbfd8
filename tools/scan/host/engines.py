"""Container engines: the ones whose socket is there are asked for their version over it, as their own commands would."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
from collections.abc import Iterator

from ...equipment import Engine
from ..text import safe
from .base import Piece, Place, mapping, names, parsed

ANSWERS = 1.2
"""Seconds that an engine may take; a live one takes milliseconds."""


def look(place: Place) -> Piece:
    """See Engine. The versions of the commands are filled in by whoever asked the programs on PATH."""
    runtime = f"/run/user/{os.getuid()}"
    docker = _engine(place, "docker", _docker(place, runtime))
    podman = _engine(place, "podman", [f"{runtime}/podman/podman.sock", place.system("/run/podman/podman.sock")])
    nerdctl = _engine(place, "containerd", [])
    return {"engines": tuple(found for found in (docker, podman, nerdctl) if found)}


_COMMAND = {"docker": "docker", "podman": "podman", "containerd": "nerdctl"}


def _engine(place: Place, name: str, sockets: list[str]) -> Engine | None:
    there = any(os.access(os.path.join(folder, _COMMAND[name]), os.X_OK) for folder in place.path)
    why = "nothing listens for it: it runs a container without a service" if name == "podman" else "nothing listens"
    asked = False
    for path in dict.fromkeys(sockets):
        if path.startswith(("tcp:", "ssh:", "http:", "https:")):
            return Engine(name=name, why=f"it is on another machine ({path.partition(':')[0]}), which is not asked")
        state = _state(path)
        if not state:
            continue
        asked = True
        server, trouble = _ask(path)
        if server:
            return Engine(name=name, server=server, reachable=True)
        why = trouble
    return Engine(name=name, why=why) if there or asked else None


def _state(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _docker(place: Place, runtime: str) -> list[str]:
    """Where its command would look, in its order."""
    said = place.environ.get("DOCKER_HOST", "") or _context(place)
    if said:
        return [said.removeprefix("unix://")]
    usual = (".docker/run/docker.sock", ".colima/default/docker.sock", ".orbstack/run/docker.sock", ".rd/docker.sock")
    return [place.system("/var/run/docker.sock"), f"{runtime}/docker.sock", *(place.under(name) for name in usual)]


def _context(place: Place) -> str:
    """The address of the chosen context; empty for the default one."""
    chosen = mapping(parsed(place.under(".docker/config.json"))).get("currentContext")
    if not isinstance(chosen, str) or chosen in ("", "default"):
        return ""
    for name in names(place.under(".docker/contexts/meta"), 64):
        about = mapping(parsed(place.under(".docker/contexts/meta", name, "meta.json"), 1 << 16))
        if about.get("Name") == chosen:
            host = mapping(mapping(about.get("Endpoints")).get("docker")).get("Host")
            return host if isinstance(host, str) else ""
    return ""


def _ask(path: str) -> tuple[str, str]:
    """The version that answers, or why none does."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(ANSWERS)
            line.connect(path)
            line.sendall(b"GET /version HTTP/1.0\r\nHost: localhost\r\n\r\n")
            said = b"".join(_chunks(line))
    except TimeoutError:
        return "", f"it did not answer within {ANSWERS:g} s"
    except PermissionError:
        return "", "this user may not open its socket"
    except OSError as error:
        return "", f"its socket is there, but nobody answers: {safe(error.strerror or str(error), 80)}"
    head, _, body = said.partition(b"\r\n\r\n")
    if not re.match(rb"HTTP/1\.[01] 200 ", head):
        return "", "what answers at its socket is no engine"
    try:
        about = mapping(json.loads(body))
    except (ValueError, RecursionError):
        about = {}
    version = about.get("Version")
    return (safe(version, 40), "") if isinstance(version, str) and version else ("", "its answer cannot be read")


def _chunks(line: socket.socket) -> Iterator[bytes]:
    for _ in range(64):
        chunk = line.recv(1 << 14)
        if not chunk:
            return
        yield chunk
