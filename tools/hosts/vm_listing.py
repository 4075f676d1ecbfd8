"""The files of a virtual machine as a list, and what differs between two: pure, on what `find` prints."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..errors import Damaged
from .base import Touched

FIELDS = r"%P\0%y\0%s\0%T@\0%C@\0%m\0%U:%G\0%l\0"
COLUMNS = 8
LIMIT = 1 << 30
"""Bytes of a list that are taken; a million files have 100 MB."""
OURS = re.compile(
    rb"(proc|sys|dev|run|lost\+found|etc/envsync|root/\.cache/envsync|var/log/(wtmp|btmp|lastlog))(/.*)?", re.DOTALL
)
"""What is no file of the machine's, or is written by looking at it."""


@dataclass(frozen=True)
class File:
    """What tells that a file is another one. Times are in nanoseconds."""

    kind: str
    size: int
    mtime: int
    ctime: int
    mode: str
    owner: str
    target: str


def command(root: str) -> list[str]:
    """The command that lists what is below `root`, on its file system only."""
    return ["find", root, "-xdev", "-mindepth", "1", "-printf", FIELDS]


def parse(listing: bytes) -> dict[str, File]:
    """The files by absolute path. Raises Damaged when the list is no list."""
    return dict(_files(listing))


def _files(listing: bytes) -> Iterator[tuple[str, File]]:
    words = listing.split(b"\0")
    if len(words) % COLUMNS != 1 or words[-1]:
        raise Damaged("the list of the machine's files is incomplete", "Try again.")
    for start in range(0, len(words) - 1, COLUMNS):
        if OURS.fullmatch(words[start]):
            continue
        name, kind, size, mtime, ctime, mode, owner, target = map(os.fsdecode, words[start : start + COLUMNS])
        try:
            file = File(kind, int(size), _nanoseconds(mtime), _nanoseconds(ctime), mode, owner, target)
        except ValueError as error:
            raise Damaged("the list of the machine's files makes no sense", "Try again.") from error
        yield f"/{name}", file


def _nanoseconds(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * 10**9 + int(part[:9].ljust(9, "0") or 0)


def differs(
    then: Mapping[str, File], now: Mapping[str, File], since: int, until: int
) -> tuple[list[Touched], list[str]]:
    """What differs, and the files of which only the content can tell: nothing but the time of their last change of any
    kind does.

    The list of `then` was begun at `since`, and the machine recorded at `until`: a file that changed in between is now
    as it was recorded, although it is not as it was listed.
    """
    touched: list[Touched] = []
    unsure: list[str] = []
    for path in then.keys() | now.keys():
        old, new = then.get(path), now.get(path)
        if new is None:
            touched.append(Touched(path, "deleted"))
        elif since <= new.ctime <= until:
            continue
        elif old is None:
            touched.append(Touched(path, "added"))
        elif _seen(old) != _seen(new):
            touched.append(Touched(path, "changed"))
        elif old.ctime != new.ctime and new.kind == "f":
            unsure.append(path)
    return sorted(touched, key=lambda item: item.path), sorted(unsure)


def _seen(file: File) -> tuple[object, ...]:
    # A directory's size and time follow from its entries, which are compared themselves.
    about = (file.size, file.mtime) if file.kind != "d" else ()
    return (file.kind, file.mode, file.owner, file.target, *about)
