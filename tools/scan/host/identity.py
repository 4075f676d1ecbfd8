"""Who git says the user is, and the names of the machines in ~/.ssh/config. No address is kept."""

from __future__ import annotations

import glob
import ipaddress
import os
import re
from collections.abc import Iterator

from ...equipment import Identity
from ..private import keyed
from ..text import safe
from .base import Piece, Place, words

DEPTH = 4
FILES = 50
_SECTION = re.compile(r"\[\s*([\w.-]+)(?:\s+\"((?:[^\"\\]|\\.)*)\")?\s*\]")
_SETTING = re.compile(r"([A-Za-z][\w-]*)\s*=?\s*(.*)")
_NAMED = re.compile(r"[A-Za-z0-9][\w.-]{0,100}")


def git(place: Place) -> Piece:
    """The identity outside of repositories: later files win, as they do for git."""
    user: dict[str, str] = {}
    for path in (os.path.join(place.config, "git/config"), place.under(".gitconfig")):
        _read(place, path, user, 0)
    name, email = user.get("name", ""), user.get("email", "")
    if not name and not email:
        return {"identity": None}
    digest = keyed(f"{name}\0{email}".encode("utf-8", "surrogateescape"), place.key) if place.key else ""
    return {"identity": Identity(name=safe(name, 100), email=bool(email), digest=digest)}


def _read(place: Place, path: str, user: dict[str, str], depth: int) -> None:
    section = ""
    for line in words(path, 1 << 20).splitlines():
        line = line.strip()
        if found := _SECTION.match(line):
            section = found[1].lower() if found[2] is None else ""
            line = line[found.end() :].strip()
        if not line or line[0] in "#;":
            continue
        setting = _SETTING.fullmatch(line)
        if setting is None:
            continue
        key, value = setting[1].lower(), _value(setting[2])
        if section == "user" and key in ("name", "email"):
            user[key] = value
        elif section == "include" and key == "path" and depth < DEPTH:
            other = place.under(value[2:]) if value.startswith("~/") else os.path.join(os.path.dirname(path), value)
            _read(place, other, user, depth + 1)


def _value(text: str) -> str:
    """Without quotes and comments."""
    if not text.startswith('"'):
        return re.split(r"\s[#;]", text, maxsplit=1)[0].strip()
    return text[1:].partition('"')[0]


def ssh(place: Place) -> Piece:
    """Names that `ssh NAME` takes; patterns and bare addresses are none."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    for line in _lines(place, place.under(".ssh/config"), seen, 0):
        keyword, _, rest = line.strip().replace("=", " ", 1).partition(" ")
        if keyword.lower() != "host":
            continue
        for word in rest.split():
            name = word.strip('"')
            if _NAMED.fullmatch(name) and not _address(name):
                found[name] = None
    return {"ssh_hosts": tuple(sorted(found)[:500])}


def _address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _lines(place: Place, path: str, seen: set[str], depth: int) -> Iterator[str]:
    real = os.path.realpath(path)
    if real in seen or len(seen) >= FILES:
        return
    seen.add(real)
    for line in words(path, 1 << 20).splitlines():
        keyword, _, rest = line.strip().replace("=", " ", 1).partition(" ")
        if keyword.lower() == "include" and depth < DEPTH:
            for pattern in rest.split()[:20]:
                pattern = pattern.strip('"')
                base = place.under(pattern[2:]) if pattern.startswith("~/") else place.under(".ssh", pattern)
                if re.search(r"[*?[]", os.path.dirname(base)):
                    continue  # it could mean the whole disk
                for other in sorted(glob.glob(base))[:FILES]:
                    yield from _lines(place, other, seen, depth + 1)
        else:
            yield line
