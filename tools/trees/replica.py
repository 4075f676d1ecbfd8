"""The protocol of a replica: one side's directory, wherever it is, as everything here speaks to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from .model import Change, Facts, Kept, Outcome, Scan, Tree


class Wanted(NamedTuple):
    """A piece of a file's content."""

    path: str
    digest: bytes
    """Of the whole file, as the plan knows it."""
    size: int
    """Of the whole file."""
    offset: int = 0
    length: int = -1
    """Bytes from `offset`; -1: to the end."""


class Replica(Protocol):
    """A directory on some host. Every method raises Unreachable when the host is gone.

    Paths are as in `Tree`. A path that is refused or unreadable is a value; OSError comes only for what concerns all
    (no space, a read-only file system), with everything that was done before still in its place or in the kept store.
    """

    name: str
    """The host, as people write it."""
    root: str
    """As it was asked for."""

    async def facts(self) -> Facts:
        """What the root and its file system are like now. A missing root is a value (`kind`)."""
        ...

    async def scan(self, paths: Sequence[str] = (), *, inline: int = 0) -> Scan:
        """What is there: everything, or what is at and below `paths` (touched, appeared or gone). Content is read only
        where size, times or inode differ from the last look, or are too young to be trusted.

        `inline`: with `paths`, contents of changed files up to so many bytes each come along (at most 1 MiB in all).
        A missing root raises Failed. A partial scan may say more than was asked (`Scan.roots`).
        """
        ...

    async def inside(self, path: str) -> Tree:
        """The files of a unit, by path relative to it: what its digest was made of."""
        ...

    async def watch(self) -> None:
        """From now on `touched` tells what changes; call it before the scan that the changes follow."""
        ...

    async def touched(self) -> frozenset[str]:
        """The paths that were touched since the last time, waiting for one; `.` means that anything may have changed."""
        ...

    async def fetch(self, wanted: Sequence[Wanted]) -> list[bytes | None]:
        """Pieces of files, in order; None where the file is not (or no longer) what the plan knows. Ask for at most
        some MiB at a time. A whole file is verified here, a piece by whoever puts it together.

        Of a unit's files the path is that of the file, e.g. `.git/HEAD`.
        """
        ...

    async def blocks(self, path: str, digest: bytes) -> bytes:
        """The digests of a file's blocks (`hashing.BLOCK`), joined; empty when it is not what the plan knows, or when
        this side makes no blocks."""
        ...

    async def missing(self, digests: Mapping[bytes, int]) -> set[bytes]:
        """Which of these contents (digest: size) must be moved here; all others are staged when this returns, from
        what was staged before, from the kept store, or from a file of the tree with that content."""
        ...

    async def stage(self, contents: Sequence[tuple[bytes, bytes]]) -> None:
        """Take (digest, content) pairs in, verified. Raises Damaged for one that does not match its digest."""
        ...

    async def begin(self, digest: bytes, size: int, blocks: bytes = b"", base: str = "") -> list[tuple[int, int]]:
        """Start (or go on with) a large content: the (offset, length) pieces that are still to be sent.

        With `blocks`, what `base` (a path in the tree) has of them is taken from there.
        """
        ...

    async def anchor(self, digest: bytes, base: str, anchors: Sequence[tuple[int, bytes]]) -> list[tuple[int, int]]:
        """Look for pieces of a begun content that lie elsewhere in `base`: an anchor is an offset in the new content and
        some bytes from there. What is still to be sent."""
        ...

    async def fill(self, digest: bytes, offset: int, data: bytes) -> None:
        """A piece of a begun content."""
        ...

    async def finish(self, digest: bytes) -> None:
        """End a begun content. Raises Damaged, with the content dropped, when it does not match."""
        ...

    async def apply(
        self,
        changes: Sequence[Change],
        *,
        batch: str = "",
        contents: Sequence[tuple[bytes, bytes]] = (),
        units: Mapping[str, Tree] | None = None,
    ) -> list[Outcome]:
        """Make changes, each atomically; their content was staged before or comes along. One outcome per change, in order.

        A path that is not what the plan expects is refused. Content that is overwritten or deleted goes to the kept
        store first, under `batch`. A directory that holds anything else (ignored content above all) stays. Of a unit,
        `units` has the inside (by path of the unit); it is exchanged as a whole.
        """
        ...

    async def kept(self) -> list[Kept]:
        """What was overwritten or deleted and is still kept, the oldest first."""
        ...

    async def prune(self, *, before: float, limit: int) -> int:
        """Forget kept content from before a time (seconds since the epoch), and the oldest while all of it is larger
        than `limit` bytes. Bytes freed."""
        ...

    async def sweep(self) -> None:
        """Drop what was staged and never applied: a batch is over."""
        ...

    async def close(self) -> None:
        """Let go; staged content stays for the next time. Closing twice is no error."""
        ...
