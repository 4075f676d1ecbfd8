"""What an index of gems tells before anything is installed: versions and needs of a gem, its size, whether it builds code.

The functions run next to the project's files and use the standard library alone.
"""

from __future__ import annotations

import re
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import ssl

TIMEOUT = 15.0
MOST = 500
"""Gems looked at for one plan."""
_HEAD = 32 * 1024
_AT_ONCE = 8
_BIGGEST = 16 * 1024 * 1024

T = TypeVar("T")


class Silent(Exception):
    """No server was reached; the text says why."""


@cache
def _trust() -> ssl.SSLContext:
    import ssl

    return ssl.create_default_context()


def _ask(url: str, user: str, start: int, length: int) -> tuple[int, bytes, int | None]:
    """The status, `length` bytes from `start`, and the size of the whole where the server tells. Raises Silent."""
    import http.client
    import urllib.error
    import urllib.request

    request = urllib.request.Request(url, headers={"User-Agent": "envsync", "Accept-Encoding": "identity"})  # noqa: S310 (scheme checked by the caller)
    if length < _BIGGEST:
        request.add_header("Range", f"bytes={start}-{start + length - 1}")
    if user:
        request.add_unredirected_header("Authorization", "Basic " + b64encode(user.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT, context=_trust()) as answer:  # noqa: S310 (the same)
            whole = re.search(r"/(\d+)$", answer.headers.get("Content-Range") or "")
            size = whole[1] if whole else answer.headers.get("Content-Length") if answer.status == 200 else None
            skipped = 0
            while answer.status == 200 and skipped < min(start, 4 * _BIGGEST):  # a server that knows no ranges
                chunk = answer.read(min(65536, start - skipped))
                if not chunk:
                    break
                skipped += len(chunk)
            return answer.status, answer.read(length), int(size) if size and str(size).isdigit() else None
    except urllib.error.HTTPError as error:
        return error.code, b"", None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Silent(str(error)) from None


def _every(work: Callable[[str], T], items: Iterable[str]) -> list[T]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, items))


def heads(gems: Mapping[str, str], user: str = "") -> tuple[dict[str, tuple[int | None, bool]], str]:
    """By full name (`rack-3.0.0`) the size in bytes and whether the gem builds code of its own, given its address by full name.

    Only the beginning of each file is fetched. What does not answer so that it can be read is left out. The second value
    says why no server was reached, empty when one was.
    """
    try:
        found = _every(lambda full: (full, _head(gems[full], user)), list(gems)[:MOST])
    except Silent as error:
        return {}, str(error) or "no answer"
    return {full: head for full, head in found if head is not None}, ""


def _head(url: str, user: str) -> tuple[int | None, bool] | None:
    status, first, size = _ask(url, user, 0, _HEAD)
    start = 0
    while status in (200, 206) and len(first) >= 512 and start < 64 * _BIGGEST:
        name, length = first[:100].rstrip(b"\0"), _octal(first[124:136])
        if length is None:
            return None
        if name == b"metadata.gz":
            if len(first) < 512 + length:
                status, first, _ = _ask(url, user, start, min(512 + length, _BIGGEST - 1))
            builds = _builds(first[512 : 512 + length])
            return None if builds is None else (size, builds)
        start += 512 + (length + 511) // 512 * 512
        status, first, _ = _ask(url, user, start, _HEAD)
    return None


def kept(paths: Mapping[str, str]) -> dict[str, tuple[int | None, bool]]:
    """`heads` of gem files that lie on this machine already, by full name; those that are not there are left out."""
    import os
    import tarfile

    found: dict[str, tuple[int | None, bool]] = {}
    for full, path in paths.items():
        try:
            with tarfile.open(path) as packed:
                member = packed.extractfile("metadata.gz")
                builds = _builds(member.read(_BIGGEST)) if member else None
            if builds is not None:
                found[full] = (os.path.getsize(path), builds)
        except (OSError, KeyError, tarfile.TarError, EOFError):
            continue
    return found


def _octal(field: bytes) -> int | None:
    try:
        return int(field.rstrip(b"\0 ") or b"0", 8)
    except ValueError:
        return None


def _builds(packed: bytes) -> bool | None:
    """Whether a gem's metadata names extensions; None when it is none."""
    try:
        text = zlib.decompressobj(31).decompress(packed, _BIGGEST).decode("utf-8", "replace")
    except zlib.error:
        return None
    if "Gem::Specification" not in text[:200]:
        return None
    return re.search(r"^extensions:\s*\n\s*- |^extensions:\s*\[\s*[^\]\s]", text, re.MULTILINE) is not None


Release = tuple[str, str, dict[str, list[str]], list[str]]
"""Version, platform (`ruby` for any), what it needs (requirements by name), and the requirements on Ruby itself."""


def releases(base: str, names: list[str], user: str = "") -> tuple[dict[str, list[Release]], str]:
    """The releases of each gem by name, oldest first as the index has them; a name that it does not have is left out.

    `base` is the index's address with a slash at its end. The second value says why it gave no answer, empty when it did.
    """
    try:
        found = _every(lambda name: (name, _info(base, name, user)), names[:MOST])
    except Silent as error:
        return {}, str(error) or "no answer"
    wrong = [status for _, (status, _) in found if status not in (200, 404)]
    if wrong:
        return {}, f"it answered {wrong[0]}"
    return {name: listed for name, (status, listed) in found if status == 200}, ""


def _info(base: str, name: str, user: str) -> tuple[int, list[Release]]:
    status, body, _ = _ask(f"{base}info/{name}", user, 0, _BIGGEST)
    listed: list[Release] = []
    for line in body.decode("utf-8", "replace").splitlines() if status == 200 else ():
        found = re.match(r"([0-9][0-9A-Za-z.]*)(?:-([\w.-]+))? ([^|]*)\|(.*)$", line)
        if found is None:
            continue
        ruby = [each for key, each in _pairs(found[4]) if key == "ruby"]
        listed.append((found[1], found[2] or "ruby", {k: v.split("&") for k, v in _pairs(found[3])}, ruby[0].split("&") if ruby else []))  # fmt: skip
    return status, listed


def _pairs(text: str) -> list[tuple[str, str]]:
    found = (part.strip().partition(":") for part in text.split(","))
    return [(name, value) for name, colon, value in found if colon and name]
