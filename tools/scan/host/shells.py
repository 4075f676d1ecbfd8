"""Aliases and functions by name and keyed hash, and the login shell. The files are read; no shell is started."""

from __future__ import annotations

import os
import re

from ...equipment import Definition, Unfinished
from ...portable.definitions import read
from ..private import keyed
from ..text import safe
from .base import Piece, Place, words


def look(place: Place) -> Piece:
    """See Definition."""
    found = read(place.home, place.config, (place.at("ZDOTDIR") or [""])[0])
    definitions = tuple(
        Definition(
            shell=item.shell,
            kind=item.found.kind,
            name=safe(item.found.name, 100),
            digest=_digest(f"{item.found.kind}\0{item.found.text}", place.key),
            path=safe(item.path, 200),
        )
        for item in found.defined
    )
    trouble = tuple(
        Unfinished(probe="shells", why=safe(f"{path}: {why}" if path else why, 300)) for path, why in found.trouble[:20]
    )
    return {"definitions": definitions, "shell": _login(place), "unfinished": trouble}


def _digest(text: str, key: bytes) -> str:
    return keyed(text.encode("utf-8", "surrogateescape"), key)[:32] if key else ""


def _login(place: Place) -> str:
    """As the system's table says, else as the session was begun with."""
    for line in words(place.system("/etc/passwd"), 1 << 20).splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[5] == place.home and re.fullmatch(r"/[\w./+-]{1,200}", fields[6]):
            return os.path.basename(fields[6])
    said = place.environ.get("SHELL", "")
    return os.path.basename(said)[:40] if re.fullmatch(r"/[\w./+-]{1,200}", said) else ""
