"""A replica whose worker sits next to the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import Unreachable
from ..hosts.base import Link
from .hashing import DIGEST
from .model import Change, Entry, Facts, Kept, Outcome, Scan, Tree
from .packing import (
    pack,
    pack_changes,
    pack_names,
    pack_tree,
    unpack,
    unpack_outcomes,
    unpack_scan,
    unpack_tree,
)
from .replica import Wanted


class NearReplica:
    """See Replica."""

    def __init__(self, name: str, root: str, link: Link) -> None:
        self.name = name
        self.root = root
        self.link = link

    async def facts(self) -> Facts:
        """See Replica.facts."""
        return await self.link.ask("facts")

    async def scan(self, paths: Sequence[str] = (), *, inline: int = 0) -> Scan:
        """See Replica.scan."""
        return unpack_scan(await self.link.ask("scan", list(paths), inline))

    async def inside(self, path: str) -> Tree:
        """See Replica.inside."""
        return unpack_tree(await self.link.ask("inside", path))

    async def watch(self) -> None:
        """See Replica.watch."""
        await self.link.ask("watch")

    async def touched(self) -> frozenset[str]:
        """See Replica.touched."""
        told: Any = await self.link.heard()
        if isinstance(told, dict):
            raise Unreachable(f"{self.root} on {self.name} can no longer be watched", "Scan it now and then.")
        return frozenset(told)

    async def fetch(self, wanted: Sequence[Wanted]) -> list[bytes | None]:
        """See Replica.fetch."""
        if len(wanted) == 1:  # a piece of a large file, mostly: not copied into a message of many and out again
            piece = wanted[0]
            return [await self.link.ask("piece", piece.path, piece.digest, piece.size, piece.offset, piece.length)]
        blob = await self.link.ask(
            "fetch",
            pack_names([piece.path for piece in wanted]),
            b"".join([piece.digest for piece in wanted]),
            [(piece.size, piece.offset, piece.length) for piece in wanted],
        )
        parts = unpack(blob)
        return [content if there else None for there, content in zip(parts[::2], parts[1::2])]

    async def blocks(self, path: str, digest: bytes) -> bytes:
        """See Replica.blocks."""
        return await self.link.ask("blocks", path, digest)

    async def missing(self, digests: Mapping[bytes, int]) -> set[bytes]:
        """See Replica.missing."""
        blob: bytes = await self.link.ask("missing", b"".join(digests), list(digests.values()))
        return {blob[at : at + DIGEST] for at in range(0, len(blob), DIGEST)}

    async def stage(self, contents: Sequence[tuple[bytes, bytes]]) -> None:
        """See Replica.stage."""
        await self.link.ask("stage", b"".join([item[0] for item in contents]), pack([item[1] for item in contents]))

    async def begin(self, digest: bytes, size: int, blocks: bytes = b"", base: str = "") -> list[tuple[int, int]]:
        """See Replica.begin."""
        return await self.link.ask("begin", digest, size, blocks, base)

    async def anchor(self, digest: bytes, base: str, anchors: Sequence[tuple[int, bytes]]) -> list[tuple[int, int]]:
        """See Replica.anchor."""
        return await self.link.ask("anchor", digest, base, list(anchors))

    async def fill(self, digest: bytes, offset: int, data: bytes) -> None:
        """See Replica.fill."""
        await self.link.ask("fill", digest, offset, data)

    async def finish(self, digest: bytes) -> None:
        """See Replica.finish."""
        await self.link.ask("finish", digest)

    async def apply(
        self,
        changes: Sequence[Change],
        *,
        batch: str = "",
        contents: Sequence[tuple[bytes, bytes]] = (),
        units: Mapping[str, Tree] | None = None,
    ) -> list[Outcome]:
        """See Replica.apply."""
        blob = await self.link.ask(
            "apply",
            pack_changes(changes),
            batch,
            b"".join([item[0] for item in contents]),
            pack([item[1] for item in contents]),
            {path: pack_tree(tree) for path, tree in (units or {}).items()},
        )
        return unpack_outcomes(blob)

    async def kept(self) -> list[Kept]:
        """See Replica.kept."""
        rows: Any = await self.link.ask("kept")
        return [Kept(name, batch, path, Entry(*entry), at) for name, batch, path, entry, at in rows]

    async def prune(self, *, before: float, limit: int) -> int:
        """See Replica.prune."""
        return await self.link.ask("prune", before, limit)

    async def sweep(self) -> None:
        """See Replica.sweep."""
        await self.link.ask("sweep")

    async def close(self) -> None:
        """See Replica.close."""
        await self.link.close()
