"""The stored form of a manifest: chunks of columns, cut by content, so that equal stretches of two trees are stored once.

A chunk ends where a path's checksum says so. Editing one file therefore changes one chunk of about 128 entries, and a
snapshot of 25,000 files with 20 changes costs some 100 KB instead of 1 MB.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import NamedTuple
from zlib import crc32

from blake3 import blake3

from ..errors import Damaged
from .collector import without_collector
from .model import Entry, Kind, Manifest, Notice, make_entry

MAGIC = b"ESTREE1\n"
CUT = 127
"""A chunk ends after a path whose CRC-32 has these bits clear: 128 entries on average."""
CHUNK = 4096
"""And after so many entries at the latest, so that no crafted tree makes one endless chunk."""
KINDS: tuple[Kind, ...] = ("file", "directory", "link", "special")
_CODES = {kind: code for code, kind in enumerate(KINDS)}
_HEAD = struct.Struct("<IBQQ")
_WIDE = 1
"""Flag: a time lies outside of 64 bits of nanoseconds (after 2262), so times are written as decimal text."""


class Encoded(NamedTuple):
    """A manifest's stored form: `root` is the object with this `digest`; it lists the digests of `chunks`."""

    digest: str
    root: bytes
    chunks: list[tuple[str, bytes]]
    stretches: list[Sequence[Entry]]
    """The entries of each chunk."""


def encode(manifest: Manifest) -> Encoded:
    """Pure, and the same bytes for the same manifest on every machine."""
    stretches = cut(manifest.entries)
    chunks: list[tuple[str, bytes]] = []
    for stretch in stretches:
        chunk = pack(stretch)
        chunks.append((blake3(chunk).hexdigest(), chunk))
    notices = json.dumps(manifest.notices, separators=(",", ":")).encode()
    listed = bytes.fromhex("".join([digest for digest, _ in chunks]))
    root = b"".join((MAGIC, struct.pack("<II", len(chunks), len(notices)), listed, notices))
    return Encoded(blake3(root).hexdigest(), root, chunks, stretches)


def cut(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    """The stretches that entries are stored in."""
    cuts = [i for i, entry in enumerate(entries, 1) if not crc32(_bytes(entry[0])) & CUT]
    cuts.append(len(entries))
    stretches: list[Sequence[Entry]] = []
    start = 0
    for end in cuts:
        while start < end:
            stretches.append(entries[start : min(end, start + CHUNK)])
            start += len(stretches[-1])
    return stretches


def decode(root: bytes, get: Callable[[str], bytes], known: dict[str, Sequence[Entry]]) -> Manifest:
    """The manifest of a root object; `get` fetches a chunk by digest, already verified.

    `known` has the entries of chunks that were decoded before, and has those of this manifest afterwards: two
    snapshots of one project share nearly all of their chunks.
    """
    entries: list[Entry] = []
    used: dict[str, Sequence[Entry]] = {}
    try:
        with without_collector():
            for digest in chunks(root):
                stretch = known.get(digest)
                if stretch is None:
                    stretch = unpack(get(digest))
                used[digest] = stretch
                entries += stretch
        count, length = struct.unpack_from("<II", root, len(MAGIC))
        start = len(MAGIC) + 8 + 32 * count
        notices = tuple(Notice(path, text) for path, text in json.loads(root[start : start + length]))
    except (ValueError, IndexError, StopIteration, struct.error) as error:
        raise Damaged(
            f"a stored manifest cannot be read ({error})", "take a new snapshot; older ones may be whole"
        ) from None
    known.clear()
    known.update(used)
    return Manifest(tuple(entries), notices)


def chunks(root: bytes) -> list[str]:
    """The digests that a root object refers to."""
    if not root.startswith(MAGIC):
        raise Damaged("a stored manifest is of an unknown format", "a newer envsync wrote it: upgrade envsync")
    (count,) = struct.unpack_from("<I", root, len(MAGIC))
    start = len(MAGIC) + 8
    text = root[start : start + 32 * count].hex()
    return [text[i : i + 64] for i in range(0, len(text), 64)]


def contents(chunk: bytes) -> set[str]:
    """The digests of file contents that one chunk refers to, without making its entries."""
    return {entry.digest for entry in unpack(chunk) if entry.digest}


def pack(entries: Sequence[Entry]) -> bytes:
    """One stretch of entries, not empty, as columns."""
    paths, kinds, modes, times, sizes, digests, targets = zip(*entries, strict=True)
    n = len(entries)
    codes = bytes([_CODES[kind] | (0 if digest is None else 16) for kind, digest in zip(kinds, digests, strict=True)])
    flags = 0
    try:
        clock = struct.pack(f"<{n}q", *times)
    except struct.error:
        flags, clock = _WIDE, ",".join(map(str, times)).encode()
    names = _bytes("\0".join(paths))
    links = _bytes("\0".join([target for target in targets if target is not None]))
    return b"".join(
        (
            _HEAD.pack(n, flags, len(names), len(links)),
            codes,
            struct.pack(f"<{n}H", *modes),
            struct.pack(f"<{n}Q", *sizes),
            bytes.fromhex("".join([digest for digest in digests if digest is not None])),
            names,
            links,
            clock,
        )
    )


def unpack(chunk: bytes) -> list[Entry]:
    """The entries of one chunk. Raises ValueError or struct.error for what is none."""
    n, flags, names, links = _HEAD.unpack_from(chunk)
    at = _HEAD.size
    codes = chunk[at : at + n]
    at += n
    modes = struct.unpack_from(f"<{n}H", chunk, at)
    at += 2 * n
    sizes = struct.unpack_from(f"<{n}Q", chunk, at)
    at += 8 * n
    known = sum([code >> 4 for code in codes])
    text = chunk[at : at + 32 * known].hex()
    at += 32 * known
    paths = _text(chunk[at : at + names]).split("\0")
    at += names
    targets = iter(_text(chunk[at : at + links]).split("\0"))
    at += links
    times = [int(t) for t in chunk[at:].split(b",")] if flags & _WIDE else struct.unpack_from(f"<{n}q", chunk, at)
    spots = iter(range(0, len(text), 64))
    digests = [text[(i := next(spots)) : i + 64] if code & 16 else None for code in codes]
    aims = [next(targets) if code == 2 else None for code in codes]
    rows = zip(paths, [KINDS[code & 3] for code in codes], modes, times, sizes, digests, aims, strict=True)
    return list(map(make_entry, repeat(Entry), rows))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
