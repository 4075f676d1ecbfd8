"""Retention: which snapshots stay, and freeing what no snapshot refers to any more. Runs with every writer locked out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from ..errors import Damaged
from .blobs import Blobs
from .durable import sync_directory, trouble
from .manifest import chunks, contents
from .model import Keep, Snapshot
from .pack import Pack
from .records import Records

WASTE = 1 / 3
"""A pack is rewritten when more than this share of its content is dead."""
SMALL = 4 << 20
MANY = 16
"""More than so many packs smaller than `SMALL` bytes are merged into one."""


def surplus(snapshots: list[Snapshot], keep: Keep, now: datetime) -> list[Snapshot]:
    """The snapshots that no rule keeps, oldest first. Pure; the size limit is not looked at."""
    newest = {(s.host, s.path): s.id for s in snapshots}
    kept: Counter[tuple[str, str]] = Counter()
    gone: list[Snapshot] = []
    for snapshot in reversed(snapshots):
        project = (snapshot.host, snapshot.path)
        if snapshot.label is not None or newest[project] == snapshot.id:
            continue
        kept[project] += 1
        if kept[project] > keep.last and now - snapshot.at > timedelta(days=keep.days):
            gone.append(snapshot)
    return gone[::-1]


def collect(
    blobs: Blobs, records: Records, keep: Keep, protect: Collection[str], now: datetime | None
) -> tuple[list[str], int]:
    """Forget and free; returns the forgotten ids and the number of freed blobs. The caller holds the store alone.

    Crash-safe in every order it can stop: records go first, new packs are durable before old ones are removed.
    """
    for error in (*records.damaged(), *blobs.damaged.values()):
        raise Damaged(f"nothing was freed: {error.what}", error.hint)
    snapshots = records.all()
    gone = [s for s in surplus(snapshots, keep, now or datetime.now(UTC)) if s.id not in protect]
    ids = {s.id for s in gone}
    live: Counter[str] = Counter()
    read: dict[str, set[str]] = {}
    for snapshot in snapshots:
        if snapshot.id not in ids:
            live.update(references(blobs, snapshot, read))
    if keep.bytes is not None:
        newest = {(s.host, s.path): s.id for s in snapshots}
        for snapshot in snapshots:
            if _weight(blobs, live) <= keep.bytes:
                break
            kept = snapshot.label is not None or newest[(snapshot.host, snapshot.path)] == snapshot.id
            if kept or snapshot.id in ids or snapshot.id in protect:
                continue
            live.subtract(references(blobs, snapshot, read))
            live += Counter()  # drops what has come to zero
            gone.append(snapshot)
            ids.add(snapshot.id)
    for snapshot in gone:
        records.remove(snapshot.id)
    return [s.id for s in gone], _free(blobs, set(live))


def references(blobs: Blobs, snapshot: Snapshot, read: dict[str, set[str]]) -> set[str]:
    """The digests of all blobs that a snapshot needs: manifest, its chunks, contents, their chunks, dotfiles,
    fingerprint.

    `read` remembers what each chunk of a manifest refers to: snapshots of one project share nearly all of them.
    """
    found = {snapshot.manifest, *(file.digest for file in snapshot.dotfiles)}
    found |= {snapshot.fingerprint} if snapshot.fingerprint else set()
    listed = chunks(blobs.get(snapshot.manifest))
    found.update(listed)
    for chunk in listed:
        if chunk not in read:
            read[chunk] = contents(blobs.get(chunk))
        found |= read[chunk]
    spots = blobs.spots()
    for digest in [d for d in found if d in spots and spots[d].kind]:
        found.update(blobs.parts(digest))
    return found


def _free(blobs: Blobs, live: set[str]) -> int:
    spots = blobs.spots()
    dead = len(spots) - sum(digest in live for digest in spots)
    packs = blobs.packs()
    small = [pack for pack in packs if pack.bytes < SMALL]
    merge = {pack.path for pack in small} if len(small) > MANY else set[object]()
    old: list[Pack] = []
    writer = blobs.writer()
    try:
        for pack in packs:
            mine = [(digest, spot) for digest, spot in pack.blobs() if spots[digest].pack is pack]
            used = [(digest, spot) for digest, spot in mine if digest in live]
            total = sum([size for _, _, size in pack.frames]) or 1
            if used and pack.path not in merge and sum([spot.length for _, spot in used]) >= (1 - WASTE) * total:
                continue
            for digest, spot in used:
                writer.add(digest, blobs.raw(digest), kind=spot.kind)
            old.append(pack)
        writer.finish()
    except OSError as error:
        raise trouble(error, blobs.directory) from None
    finally:
        writer.drop()
    for pack in old:
        if pack.path not in writer.published:
            with suppress(FileNotFoundError):
                os.unlink(pack.path)
    sync_directory(blobs.directory)
    blobs.refresh()
    return dead


def _weight(blobs: Blobs, live: Counter[str]) -> float:
    """The bytes on disk of what is live: every blob's share of its compressed frame."""
    total = 0.0
    for digest, spot in blobs.spots().items():
        if digest in live:
            _, stored, size = spot.pack.frames[spot.frame]
            total += spot.length * stored / (size or 1)
    return total
