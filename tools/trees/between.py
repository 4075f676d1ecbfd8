"""Moving content from one side to another, through here when both are elsewhere; and carrying out what was planned.

Many small files go in one round trip, a large one in pieces; what is under way is bounded, so memory is too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from ..errors import Damaged
from .hashing import BLOCK
from .model import Change, Entry, Outcome, Tree
from .replica import Replica, Wanted

W = TypeVar("W")

BATCH = 2 << 20
"""Bytes of small files that go together."""
COUNT = 1000
"""Files that go together."""
SMALL = 1 << 20
"""Larger files go in pieces."""
PIECE = 4 << 20
AHEAD = 3
"""Batches or pieces that are under way at a time."""
DELTA = 256 * 1024
"""From this size on it is worth to ask what the other side has already."""
RESUMED = 256 << 20
"""From this size on an interrupted move goes on where it was."""
ANCHOR = 32
ANCHORS = 64

Progress = Callable[[int, int], None]
"""Bytes moved, bytes in all."""


class Need(NamedTuple):
    """A content that one side has and the other needs."""

    digest: bytes
    size: int
    path: str
    """On the side that has it."""
    base: str = ""
    """A path on the side that needs it, whose content is probably much the same."""


@dataclass
class Carried:
    """What became of it."""

    done: set[bytes] = field(default_factory=set[bytes])
    """Staged."""
    lost: dict[bytes, str] = field(default_factory=dict[bytes, str])
    """Not moved, with the reason."""
    moved: int = 0
    """Bytes that really travelled."""


def need_of(change: Change) -> Need | None:
    """What a change needs from the other side, if anything."""
    new, old = change.new, change.old
    if new is None or new.kind != "file" or change.source:
        return None
    if old is not None and old.kind == "file" and old.digest == new.digest:
        return None
    base = change.path if old is not None and old.kind == "file" and min(old.size, new.size) >= DELTA else ""
    return Need(new.digest, new.size, change.path, base)


async def carry(
    source: Replica, destination: Replica, needs: Iterable[Need], *, progress: Progress | None = None
) -> Carried:
    """Stage contents on `destination`. What is gone or changed at the source is a value (`lost`).

    Raises Unreachable, and OSError when the destination can take no more; what was staged by then stays.
    """
    found = Carried()
    wanted = {need.digest: need for need in needs}
    if not wanted:
        return found
    missing = await destination.missing({digest: need.size for digest, need in wanted.items()})
    found.done.update(wanted.keys() - missing)
    left = [need for need in wanted.values() if need.digest in missing]
    count = _Count(sum([need.size for need in left]), progress)
    small = [need for need in left if need.size <= SMALL and not need.base]

    async def fetch(batch: Sequence[Need]) -> list[bytes | None]:
        return await source.fetch([Wanted(need.path, need.digest, need.size) for need in batch])

    async def take(batch: Sequence[Need], contents: Sequence[bytes | None]) -> None:
        given: list[tuple[bytes, bytes]] = []
        for need, content in zip(batch, contents):
            if content is None:
                found.lost[need.digest] = CHANGED
            else:
                given.append((need.digest, content))
        if given:
            await destination.stage(given)
        found.done.update([digest for digest, _ in given])
        count.add(sum([need.size for need in batch]))
        found.moved += sum([len(content) for _, content in given])

    await _flow(batches(small), fetch, take)
    for need in left:
        if need.size > SMALL or need.base:
            await _large(source, destination, need, found, count)
    return found


async def perform(
    source: Replica,
    destination: Replica,
    changes: Sequence[Change],
    *,
    batch: str = "",
    contents: Mapping[bytes, bytes] | None = None,
    progress: Progress | None = None,
    exact: bool = False,
) -> list[Outcome]:
    """Carry out changes on `destination` with content from `source`; one outcome per change, in order.

    `contents` are those that are at hand already (`Scan.contents`). First what needs no content, deletions among it,
    then files, at last units. `exact` (with `Options.exact`): directories get their times back at the end. Raises as `Replica.apply` does, with part of it done: scan both sides again.
    """
    known = contents or {}
    done: dict[str, Outcome] = {}
    plain: list[Change] = []
    small: list[Need] = []
    large: list[Need] = []
    units: list[Change] = []
    by_need: dict[str, Change] = {}
    ready: list[Change] = []
    for change in changes:
        need = need_of(change)
        if change.new is not None and change.new.kind == "unit":
            units.append(change)
        elif need is None:
            plain.append(_open(change) if exact else change)
        elif need.digest in known:
            ready.append(change)
        else:
            by_need[need.path] = change
            (large if need.size > SMALL or need.base else small).append(need)
    count = _Count(sum([need.size for need in (*small, *large)]), progress)

    async def do(some: Sequence[Change], given: Sequence[tuple[bytes, bytes]] = ()) -> None:
        if some:
            for outcome in await destination.apply(some, batch=batch, contents=given):
                done[outcome.path] = outcome

    if plain or ready:
        digests = {change.new.digest for change in ready if change.new is not None}
        await do([*plain, *ready], [(digest, known[digest]) for digest in digests])

    async def fetch(some: Sequence[Need]) -> list[bytes | None]:
        return await source.fetch([Wanted(need.path, need.digest, need.size) for need in some])

    applying: list[asyncio.Future[None]] = []

    async def take(some: Sequence[Need], fetched: Sequence[bytes | None]) -> None:
        given: dict[bytes, bytes] = {}
        fine: list[Change] = []
        for need, content in zip(some, fetched):
            if content is None:
                done[need.path] = Outcome(need.path, CHANGED)
            else:
                given[need.digest] = content
                fine.append(by_need[need.path])
        # Carried out there in the order in which they are asked: one is on its way while another is put in place.
        applying.append(asyncio.ensure_future(do(fine, list(given.items()))))
        if len(applying) >= AHEAD:
            await applying.pop(0)
        count.add(sum([need.size for need in some]))

    try:
        await _flow(batches(small), fetch, take)
        while applying:
            await applying.pop(0)
    finally:
        await asyncio.gather(*applying, return_exceptions=True)
    if large:
        found = await carry(source, destination, large, progress=count.inner())
        for need in large:
            if need.digest in found.lost:
                done[need.path] = Outcome(need.path, found.lost[need.digest])
        await do([by_need[need.path] for need in large if need.path not in done])
    for change in units:
        done[change.path] = await _unit(source, destination, change, batch)
    if exact:
        folders = [change for change in changes if change.new is not None and change.new.kind == "directory"]
        again = [Change(change.path, change.new, change.new) for change in folders if not done[change.path].why]
        await destination.apply(again, batch=batch)
    return [done.get(change.path) or Outcome(change.path, CHANGED) for change in changes]


CHANGED = "changed meanwhile on the side it comes from"


async def _unit(source: Replica, destination: Replica, change: Change, batch: str) -> Outcome:
    there = await source.inside(change.path)
    here: Tree = await destination.inside(change.path) if change.old is not None and change.old.kind == "unit" else {}
    needs = [
        Need(entry.digest, entry.size, f"{change.path}/{inner}")
        for inner, entry in there.items()
        if entry.kind == "file" and not _has(here, inner, entry)
    ]
    found = await carry(source, destination, needs)
    if found.lost:
        return Outcome(change.path, CHANGED)
    return (await destination.apply([change], batch=batch, units={change.path: there}))[0]


def _open(change: Change) -> Change:
    """A directory that can be filled, whatever its mode will be at the end."""
    if change.new is None or change.new.kind != "directory":
        return change
    return change._replace(new=change.new._replace(mode=change.new.mode | 0o700))


def _has(tree: Tree, path: str, entry: Entry) -> bool:
    other = tree.get(path)
    return other is not None and other.kind == "file" and other.digest == entry.digest


async def _large(source: Replica, destination: Replica, need: Need, found: Carried, count: _Count) -> None:
    blocks = b""
    if need.base or need.size >= RESUMED:
        blocks = await source.blocks(need.path, need.digest)
    gaps = await destination.begin(need.digest, need.size, blocks, need.base)
    if blocks and need.base and sum([length for _, length in gaps]) > 4 * BLOCK:
        anchors = await _anchors(source, need, gaps)
        if anchors:
            gaps = await destination.anchor(need.digest, need.base, anchors)
    count.add(need.size - sum([length for _, length in gaps]))
    pieces = [
        (at, min(PIECE, start + length - at)) for start, length in gaps for at in range(start, start + length, PIECE)
    ]
    gone = False

    async def fetch(piece: tuple[int, int]) -> list[bytes | None]:
        if gone:
            return [None]
        at, length = piece
        if length == need.size:
            # Not `whole`: a file that is checked when it is put together need not be checked here too.
            first, rest = length // 2, length - length // 2
            two = await source.fetch(
                [
                    Wanted(need.path, need.digest, need.size, at, first),
                    Wanted(need.path, need.digest, need.size, at + first, rest),
                ]
            )
            return [None if two[0] is None or two[1] is None else two[0] + two[1]]
        return await source.fetch([Wanted(need.path, need.digest, need.size, at, length)])

    sending: list[asyncio.Future[None]] = []

    async def take(piece: tuple[int, int], contents: Sequence[bytes | None]) -> None:
        nonlocal gone
        content = contents[0]
        if content is None or gone:
            gone = True
            return
        # Pieces arrive in the order in which they are asked to be written: there is no need to wait for each.
        sending.append(asyncio.ensure_future(destination.fill(need.digest, piece[0], content)))
        if len(sending) >= AHEAD:
            await sending.pop(0)
        found.moved += len(content)
        count.add(len(content))

    try:
        await _flow(pieces, fetch, take)
        while sending:
            await sending.pop(0)
    finally:
        await asyncio.gather(*sending, return_exceptions=True)
    try:
        await destination.finish(need.digest)
        found.done.add(need.digest)
    except Damaged:
        found.lost[need.digest] = CHANGED


async def _anchors(source: Replica, need: Need, gaps: Sequence[tuple[int, int]]) -> list[tuple[int, bytes]]:
    """Some bytes from places in what is missing: where they lie in the old content, more of the new may lie."""
    total = sum([length for _, length in gaps])
    step = max(4 * BLOCK, total // ANCHORS // BLOCK * BLOCK)
    wanted = [
        Wanted(need.path, need.digest, need.size, at, ANCHOR)
        for start, length in gaps
        for at in range(start + (BLOCK if length > BLOCK else 0), start + length - ANCHOR, step)
    ]
    texts = await source.fetch(wanted)
    # One byte repeated is found everywhere and says nothing.
    return [(piece.offset, text) for piece, text in zip(wanted, texts) if text and len(set(text)) > 4]


def batches(needs: Sequence[Need]) -> list[list[Need]]:
    """Needs grouped so that each group is one message of moderate size."""
    groups: list[list[Need]] = []
    size = 0
    for need in needs:
        if not groups or size + need.size > BATCH or len(groups[-1]) >= COUNT:
            groups.append([])
            size = 0
        groups[-1].append(need)
        size += need.size
    return groups


class _Count:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total = total
        self.done = 0
        self.progress = progress

    def add(self, size: int) -> None:
        self.done += size
        if self.progress is not None:
            self.progress(self.done, self.total)

    def inner(self) -> Progress:
        before = self.done

        def told(done: int, _: int) -> None:
            self.add(before + done - self.done)

        return told


async def _flow(
    work: Sequence[W],
    fetch: Callable[[W], Awaitable[list[bytes | None]]],
    take: Callable[[W, list[bytes | None]], Awaitable[None]],
) -> None:
    """Fetch ahead while what came is taken in, in order, at most `AHEAD` at a time."""
    waiting: list[tuple[W, asyncio.Future[list[bytes | None]]]] = []
    at = 0
    try:
        while at < len(work) or waiting:
            while at < len(work) and len(waiting) < AHEAD:
                waiting.append((work[at], asyncio.ensure_future(fetch(work[at]))))
                at += 1
            what, coming = waiting[0]
            content = await coming
            del waiting[0]
            await take(what, content)
    finally:
        for _, coming in waiting:
            coming.cancel()
        await asyncio.gather(*[coming for _, coming in waiting], return_exceptions=True)
