"""A file's text: never blocks, never follows a link, never more than a limit."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass


class Text(str):
    """A file's content."""

    __slots__ = ()


@dataclass(frozen=True)
class Unread:
    """Why a file's content is not to be had."""

    why: str


def read_text(path: str, limit: int, *, tolerant: bool = False) -> Text | Unread:
    """A regular file's text: never blocks, never follows a link. `tolerant` takes any bytes, as far as the limit goes."""
    return read_seen(path, limit, tolerant=tolerant)[0]


def read_seen(path: str, limit: int, *, tolerant: bool = False) -> tuple[Text | Unread, os.stat_result | None]:
    """The same, with what the file was when it was opened; None when it could not be."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return Unread(f"could not be read: {error.strerror or error}"), None
    info = None
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            return Unread("not read: it is no regular file"), info
        if info.st_size > limit and not tolerant:
            why = f"not read: {info.st_size} bytes are more than the {limit} that are sensible here"
            return Unread(why), info
        content = _content(handle, limit, info.st_size)
    except OSError as error:
        return Unread(f"could not be read: {error.strerror or error}"), info
    finally:
        os.close(handle)
    return decoded(content, tolerant=tolerant), info


def _content(handle: int, limit: int, size: int) -> bytes:
    """Up to `limit` bytes; a file object would cost more than reading a small file does."""
    pieces: list[bytes] = []
    while limit > 0 and (piece := os.read(handle, min(limit, max(size + 1, 4096)))):
        pieces.append(piece)
        limit -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def decoded(content: bytes, *, tolerant: bool = False) -> Text | Unread:
    """Text of bytes: UTF-8, or UTF-16 with its mark."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return Text(content.decode("utf-16"))
        except UnicodeDecodeError:
            return Unread("could not be read: it is broken UTF-16")
    if tolerant:
        return Text(content.decode("utf-8", "replace"))
    if b"\0" in content:
        return Unread("could not be read: it is binary")
    try:
        return Text(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Unread(f"could not be read: it is no UTF-8 (byte {error.start})")
