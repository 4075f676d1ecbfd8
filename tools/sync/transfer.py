"""Carrying out one direction of a plan: contents from one side to the other in batches, and the changes with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import Damaged
from ..trees.model import Change, Entry, Outcome, Tree
from ..trees.replica import Replica, Wanted

SMALL = 1 << 20
"""Bytes up to which a content travels whole, with others; a larger one goes in pieces, and as a delta where that pays."""
PIECE = 2 << 20
BATCH = 4 << 20
"""Bytes of small contents in one message: what is in memory at once is some of these."""
COUNT = 1000
"""Changes in one message."""
GONE = "its content changed meanwhile"

Moved = Callable[[int], None]
"""Told how many bytes of content travelled."""


@dataclass
class Batch:
    """Some changes that are made in one go, with what they need."""

    changes: list[Change] = field(default_factory=list[Change])
    contents: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    units: dict[str, Tree] = field(default_factory=dict[str, Tree])
    lost: list[Outcome] = field(default_factory=list[Outcome])
    """Changes whose content is not there any more: they wait for the next look."""


async def carry(
    source: Replica,
    target: Replica,
    changes: Sequence[Change],
    batch: str,
    known: Mapping[bytes, bytes],
    moved: Moved,
) -> AsyncIterator[list[tuple[Change, Outcome]]]:
    """Make the changes on `target`, with contents from `source`, batch by batch: what became of each.

    `known` has contents that are here already. The next batch is fetched while one is being made. Raises Unreachable and
    OSError as replicas do; what was yielded before is done.
    """
    waiting: asyncio.Task[Batch] | None = None
    try:
        for part in parts(changes):
            coming = asyncio.ensure_future(_load(source, target, part, known, moved))
            if waiting is not None:
                try:
                    ready = await waiting
                    waiting = coming
                except BaseException:
                    waiting = coming
                    raise
                yield await _apply(target, ready, batch)
            else:
                waiting = coming
        if waiting is not None:
            yield await _apply(target, await waiting, batch)
    finally:
        if waiting is not None and not waiting.done():
            waiting.cancel()
            await asyncio.wait([waiting])


def parts(changes: Sequence[Change]) -> list[list[Change]]:
    """Consecutive changes, as many as one message should have."""
    found: list[list[Change]] = []
    size = BATCH
    for change in changes:
        weight = change.new.size if _sent(change) and change.new is not None and change.new.size <= SMALL else 0
        if not found or size + weight > BATCH or len(found[-1]) >= COUNT:
            found.append([])
            size = 0
        found[-1].append(change)
        size += weight
    return [_whole(part) for part in found] if len(found) > 1 else found


def _whole(part: list[Change]) -> list[Change]:
    """What was to be moved from a path that another message deletes is made anew: its content is in the kept store."""
    going = {change.path for change in part if change.new is None}
    return [c._replace(source="") if c.source and c.source not in going else c for c in part]


def _sent(change: Change) -> bool:
    """Whether content may have to travel for it."""
    return change.new is not None and change.new.kind == "file" and not change.source


async def _apply(target: Replica, batch: Batch, name: str) -> list[tuple[Change, Outcome]]:
    lost = {outcome.path: outcome for outcome in batch.lost}
    making = [change for change in batch.changes if change.path not in lost]
    outcomes: dict[str, Outcome] = dict(lost)
    if making:
        done = await target.apply(making, batch=name, contents=batch.contents, units=batch.units)
        outcomes.update({outcome.path: outcome for outcome in done})
    return [(c, outcomes.get(c.path, Outcome(c.path, "the other side did not answer for it"))) for c in batch.changes]


async def _load(
    source: Replica, target: Replica, changes: list[Change], known: Mapping[bytes, bytes], moved: Moved
) -> Batch:
    """Bring to the target what these changes need, or have it ready to go along with them."""
    batch = Batch(changes)
    wanted: dict[bytes, tuple[str, str, Entry, str]] = {}  # digest -> path of the change, path of the file, entry, base
    for change in changes:
        if _sent(change) and change.new is not None:
            base = change.path if change.old is not None and change.old.kind == "file" else ""
            wanted.setdefault(change.new.digest, (change.path, change.path, change.new, base))
        elif change.new is not None and change.new.kind == "unit":
            batch.units[change.path] = inside = await source.inside(change.path)
            for name, entry in inside.items():
                if entry.kind == "file":
                    wanted.setdefault(entry.digest, (change.path, f"{change.path}/{name}", entry, ""))
    here = {digest: known[digest] for digest in wanted if digest in known}
    if len(here) == len(wanted) and len(wanted) <= 16:
        # What was just written is at hand and new to the other side: asking first would only cost time.
        batch.contents = list(here.items())
    elif wanted:
        needed = await target.missing({digest: entry.size for digest, (_, _, entry, _) in wanted.items()})
        batch.contents = [(digest, here[digest]) for digest in here if digest in needed]
        await _fetch(source, target, {d: w for d, w in wanted.items() if d in needed and d not in here}, batch, moved)
    moved(sum(len(content) for _, content in batch.contents))
    return batch


async def _fetch(
    source: Replica, target: Replica, wanted: Mapping[bytes, tuple[str, str, Entry, str]], batch: Batch, moved: Moved
) -> None:
    """Small ones by the message, large ones piece by piece. Of units there may be more than one message's worth."""
    lost: set[str] = set()
    small = [(digest, item) for digest, item in wanted.items() if item[2].size <= SMALL]
    at = 0
    while at < len(small):
        end, size = at, 0
        while end < len(small) and (end == at or (size + small[end][1][2].size <= BATCH and end - at < 4 * COUNT)):
            size += small[end][1][2].size
            end += 1
        asked = small[at:end]
        got = await source.fetch([Wanted(path, digest, entry.size) for digest, (_, path, entry, _) in asked])
        contents = [(d, content) for (d, _), content in zip(asked, got, strict=True) if content is not None]
        lost |= {item[0] for (_, item), content in zip(asked, got, strict=True) if content is None}
        if at == 0:
            batch.contents += contents
        else:
            await target.stage(contents)
            moved(sum(len(content) for _, content in contents))
        at = end
    for digest, (owner, path, entry, base) in wanted.items():
        if entry.size > SMALL and not await large(source, target, path, digest, entry.size, base, moved):
            lost.add(owner)
    batch.lost += [Outcome(path, GONE) for path in sorted(lost)]


async def large(source: Replica, target: Replica, path: str, digest: bytes, size: int, base: str, moved: Moved) -> bool:
    """Stage one large content, of which `base` at the target may have parts; False when it is not there any more."""
    blocks = await source.blocks(path, digest)
    left = await target.begin(digest, size, blocks, base)
    if base and left:
        left = await _anchored(source, target, path, digest, size, base, left)
    pieces = [
        (at, min(PIECE, end - at))
        for start, length in left
        for end in (start + length,)
        for at in range(start, end, PIECE)
    ]
    sending: asyncio.Future[None] | None = None
    try:
        for offset, length in pieces:
            (data,) = await source.fetch([Wanted(path, digest, size, offset, length)])
            if sending is not None:
                await sending
                sending = None
            if data is None or len(data) != length:
                return False
            sending = asyncio.ensure_future(target.fill(digest, offset, data))
            moved(length)
        if sending is not None:
            await sending
            sending = None
    finally:
        if sending is not None:
            await asyncio.wait([sending])
    try:
        await target.finish(digest)
    except Damaged:
        return False  # it was written to while it travelled
    return True


ANCHOR = 64
"""Bytes of an anchor: enough not to be found by chance."""
HOLES = 64


async def _anchored(
    source: Replica, target: Replica, path: str, digest: bytes, size: int, base: str, left: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Something was inserted or taken out: what follows it lies elsewhere in the old file."""
    if sum(length for _, length in left) < SMALL:
        return left
    spots = sorted({
        max(start, min(start + length - ANCHOR, start + offset))
        for start, length in left[:HOLES]
        for offset in (0, length // 4, length // 2, length - ANCHOR)
        if length >= ANCHOR
    })  # fmt: skip
    got = await source.fetch([Wanted(path, digest, size, spot, ANCHOR) for spot in spots])
    anchors = [(spot, data) for spot, data in zip(spots, got, strict=True) if data and len(set(data)) > 4]
    return await target.anchor(digest, base, anchors) if anchors else left
