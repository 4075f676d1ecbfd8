"""The names of the machines that there are: what a person's "on web-2" may mean. Quick, since every request asks."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from ..errors import EnvSyncError
from .docker_find import find
from .ssh_config import aliases
from .vm_place import machines

PATIENCE = 0.3
"""Seconds that an engine may take; one that is slower is not asked again by this process."""
MOST = 300
LARGEST = 4 << 20
"""Bytes of an engine's answer."""

_slow = set[str]()


def names(state: Path) -> tuple[str, ...]:
    """`local`, what ~/.ssh/config names, our virtual machines, and the containers that run on a local engine; each once.

    Never raises: who uses a machine is told what is wrong with it.
    """
    found = ["local"]
    with suppress(OSError, UnicodeError):
        found += aliases()
    with suppress(OSError):
        found += sorted(path.parent.name for path in machines(state).glob("*/vm.json"))
    found += containers()
    return tuple(dict.fromkeys(name for name in found if len(name) <= 253))[:MOST]


def containers() -> list[str]:
    """The names of running containers, newest first; nothing without an engine on a local socket."""
    url = ""
    try:
        url = find().url
        if not url.startswith("unix://") or url in _slow:
            return []
        line = _Local(url.removeprefix("unix://"))
        try:
            line.request("GET", "/containers/json")
            answer: Any = json.loads(line.getresponse().read(LARGEST))
        finally:
            line.close()
    except (EnvSyncError, OSError, ValueError, http.client.HTTPException, RecursionError):
        _slow.add(url)
        return []
    found: list[str] = []
    for each in cast("list[Any]", answer) if isinstance(answer, list) else []:
        given = cast("dict[str, Any]", each).get("Names") if isinstance(each, dict) else None
        for name in cast("list[Any]", given) if isinstance(given, list) else []:
            # `/web/db` is a link's other name.
            if isinstance(name, str) and (plain := name.lstrip("/")) and "/" not in plain:
                found.append(plain)
    return found


class _Local(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("engine", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        """See HTTPConnection.connect."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)
