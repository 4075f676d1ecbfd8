"""The module of a Go program, as the linker wrote it into the file (https://pkg.go.dev/debug/buildinfo): nothing is run."""

from __future__ import annotations

import os
import re
import stat
import struct
from typing import BinaryIO

MAGIC = b"\xff Go buildinf:"
ALIGNED = 16
SEARCHED = 64 << 20
"""Bytes that are searched for the mark where no table of sections says where it is."""
PIECE = 1 << 20
_INSIDE = 2
"""The flag that says that both texts follow at once, as Go writes them since 1.18."""
_PATH = re.compile(r"^path\t(\S{1,200})$", re.MULTILINE)
_MAIN = re.compile(r"^mod\t(\S{1,200})\t(\S{1,100})", re.MULTILINE)
_SECTION = ".go.buildinfo"


def module(path: str) -> tuple[str, str] | None:
    """Import path of the program and version of its module; None for what is no Go program."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    info = os.fstat(handle)
    if not stat.S_ISREG(info.st_mode) or not info.st_mode & 0o111:
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as file:
        try:
            head = file.read(64)
            if head[:5] == b"\x7fELF\x02" and head[5:6] == b"\x01" and len(head) == 64:
                at = _section(file, head)
            elif head[:4] in (b"\xcf\xfa\xed\xfe", b"\x7fELF"):
                at = _find(file)
            else:
                return None
            if at is None:
                return None
            file.seek(at)
            return _read(file.read(1 << 18))
        except (OSError, OverflowError, ValueError):
            return None


def _section(file: BinaryIO, head: bytes) -> int | None:
    """Where the section lies in a 64-bit little-endian ELF file, by its table."""
    table = struct.unpack_from("<Q", head, 40)[0]
    size, count, strings = struct.unpack_from("<3H", head, 58)
    if size != 64 or not 0 < count <= 200 or strings >= count:
        return None
    file.seek(table)
    rows = file.read(size * count)
    if len(rows) != size * count:
        return None
    at, length = struct.unpack_from("<2Q", rows, strings * size + 24)
    file.seek(at)
    texts = file.read(min(length, 1 << 16))
    for row in range(0, len(rows), size):
        name = struct.unpack_from("<I", rows, row)[0]
        if texts[name : name + len(_SECTION) + 1] == _SECTION.encode() + b"\0":
            return struct.unpack_from("<Q", rows, row + 24)[0]
    return None


def _find(file: BinaryIO) -> int | None:
    """Where the mark stands, at a multiple of sixteen."""
    base, kept = 0, b""
    file.seek(0)
    while base < SEARCHED and (piece := file.read(PIECE)):
        block = kept + piece
        at = block.find(MAGIC)
        while at >= 0:
            if (base + at) % ALIGNED == 0:
                return base + at
            at = block.find(MAGIC, at + 1)
        kept = block[-len(MAGIC) :]
        base += len(block) - len(kept)
    return None


def _read(block: bytes) -> tuple[str, str] | None:
    if not block.startswith(MAGIC) or len(block) < 33 or not block[15] & _INSIDE:
        return None
    _, at = _text(block, 32)
    told, _ = _text(block, at)
    # The text stands between two marks of 16 bytes.
    said = told[16:-16].decode("utf-8", "replace") if len(told) >= 33 else ""
    main, program = _MAIN.search(said), _PATH.search(said)
    return (program[1], main[2]) if main and program else None


def _text(block: bytes, at: int) -> tuple[bytes, int]:
    """A text behind its length, which is written seven bits a byte."""
    length, shift = 0, 0
    while at < len(block) and shift < 64:
        byte = block[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return block[at : at + length], at + length
    return b"", at
