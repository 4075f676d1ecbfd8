"""Packs: many blobs in one write-once file. Small files are compressed together, which is faster and far smaller.

    magic | frame … | table | trailer

A frame is up to about 1 MB of content, compressed as one (or raw, where that does not help); to read one blob only its
frame is decoded. The table says which frame, where in it, how long. The file's name is the digest of the table.
"""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from threading import BoundedSemaphore, Lock, local
from typing import TYPE_CHECKING, NamedTuple, cast

from blake3 import blake3

from ..errors import Damaged
from .durable import Draft, trouble

if TYPE_CHECKING:
    from zstandard import ZstdCompressor, ZstdDecompressor

MAGIC = b"ESPACK1\n"
SUFFIX = ".pack"
FRAME = 1 << 20
PACK = 256 << 20
"""A pack is closed when it has grown to this, so that pruning never has to copy more than that at a time."""
LEVEL = 3
"""Of zstd. On a venv and a node_modules of 562 MB, level 1 took a fifth less CPU and made the store an eighth larger."""
WORKERS = min(4, os.cpu_count() or 1)
DATA, RECIPE = 0, 1
"""What a blob holds: content, or the digests of the chunks that a large file was cut into."""

BLOB = 32 + 4 + 4 + 4 + 1
"""Bytes of a blob in the table: its digest, frame, offset, length and kind. The table is a column of each."""
_FRAME = struct.Struct("<QII")
_TRAILER = struct.Struct("<QII32s8s")


class Spot(NamedTuple):
    """Where a blob lies."""

    pack: Pack
    frame: int
    offset: int
    length: int
    kind: int


make_spot = cast("Callable[[type[Spot], Iterable[object]], Spot]", tuple.__new__)  # pyright: ignore[reportUnknownMemberType]  # its own stub leaves the items open
"""`Spot(*fields)` at a third of the cost."""


class Pack:
    """A finished pack file, opened for reading; its table is verified. Raises Damaged when that does not match."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with open(path, "rb") as file:
            self.bytes = file.seek(0, os.SEEK_END)
            try:
                file.seek(self.bytes - _TRAILER.size)
                start, frames, blobs, digest, magic = _TRAILER.unpack(file.read(_TRAILER.size))
                size = frames * _FRAME.size + blobs * BLOB
                if start + size + _TRAILER.size != self.bytes:
                    raise OSError
                file.seek(start)
                table = file.read(size)
            except (OSError, struct.error):
                magic, table, digest, frames = b"", b"", b"", 0
        if magic != MAGIC or blake3(table).digest() != digest:
            raise Damaged(
                f"{path.name} in the snapshot store is damaged", "run `envsync doctor`; other snapshots may be whole"
            )
        self.frames = list(_FRAME.iter_unpack(table[: frames * _FRAME.size]))
        self.table = table[frames * _FRAME.size :]

    def blobs(self) -> list[tuple[str, Spot]]:
        """Digest and place of all blobs, in the order of their frames."""
        n = len(self.table) // BLOB
        text = self.table[: 32 * n].hex()
        columns = struct.unpack_from(f"<{n}I{n}I{n}I{n}B", self.table, 32 * n)
        rows = zip(repeat(self), *(columns[i : i + n] for i in range(0, 4 * n, n)), strict=False)
        return list(
            zip([text[i : i + 64] for i in range(0, 64 * n, 64)], map(make_spot, repeat(Spot), rows), strict=True)
        )


class Frames:
    """Reads frames, keeping the last few decoded. One per thread of work; not shared."""

    KEEP = 8

    def __init__(self) -> None:
        self._decoded: OrderedDict[tuple[Path, int], bytes] = OrderedDict()
        self._zstd: ZstdDecompressor | None = None

    def read(self, spot: Spot) -> bytes:
        """A blob's bytes, not yet verified. Raises FileNotFoundError when the pack is gone (pruned meanwhile)."""
        key = (spot.pack.path, spot.frame)
        frame = self._decoded.get(key)
        if frame is not None:
            self._decoded.move_to_end(key)
        else:
            frame = self._decoded[key] = self._load(spot.pack, spot.frame)
            if len(self._decoded) > self.KEEP:
                self._decoded.popitem(last=False)
        if spot.offset == 0 and spot.length == len(frame):
            return frame
        return frame[spot.offset : spot.offset + spot.length]

    def _load(self, pack: Pack, number: int) -> bytes:
        start, stored, size = pack.frames[number]
        # Not kept open: a file that another process prunes would go on taking space.
        fd = os.open(pack.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            raw = os.pread(fd, stored, start)
        finally:
            os.close(fd)
        if stored == size:
            return raw
        # Imported late: the far side of a snapshot reads trees and never packs, and has no zstandard.
        from zstandard import ZstdDecompressor, ZstdError

        self._zstd = self._zstd or ZstdDecompressor()
        try:
            return self._zstd.decompress(raw, max_output_size=size)
        except ZstdError:
            return b""  # the digest of every blob in it will not match, which is reported as damage by name


class Writer:
    """Collects blobs and writes them as packs: compressed by a few threads, in frames of like content.

    Memory is bounded by the frames under way. `finish` makes all of it durable; `drop` leaves nothing behind.
    """

    def __init__(self, directory: Path, learn: Callable[[Pack], None], level: int = LEVEL) -> None:
        self._directory = directory
        self._learn = learn
        self._level = level
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="pack")
        self._room = BoundedSemaphore(WORKERS * 3)
        self._lock = Lock()
        self._local = local()
        self._batches: dict[str, _Batch] = {}
        self._draft: Draft | None = None
        self._frames: list[bytes] = []
        self._blobs: list[tuple[str, int, int, int, int]] = []
        self._error: BaseException | None = None
        self.pending: set[str] = set()
        """Digests given so far."""
        self.published: set[Path] = set()
        """Packs that are complete and durable."""

    def add(self, digest: str, content: bytes, like: str = "", kind: int = DATA) -> None:
        """Take a blob. Blobs with the same `like` (a file's suffix) share frames. Raises what a thread met earlier."""
        if self._error is not None:
            raise self._error
        self.pending.add(digest)
        batch = self._batches.get(like)
        if batch is None:
            batch = self._batches[like] = _Batch()
        batch.blobs.append((digest, batch.size, len(content), kind))
        batch.parts.append(content)
        batch.size += len(content)
        if batch.size >= FRAME:
            self._submit(self._batches.pop(like))

    def flush(self) -> None:
        """Close the frames begun so far, so that what follows lies in others (manifests apart from contents)."""
        for like in list(self._batches):
            self._submit(self._batches.pop(like))

    def finish(self) -> None:
        """Write what is left, sync and publish. Raises OSError or Failed (disk full …); call `drop` afterwards in any case."""
        self.flush()
        self._pool.shutdown(wait=True)
        if self._error is not None:
            raise self._error
        with self._lock:
            self._publish()

    def drop(self) -> None:
        """Stop and remove what was not published; safe to call after `finish`."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._draft is not None:
            self._draft.drop()
            self._draft = None

    def _submit(self, batch: _Batch) -> None:
        self._room.acquire()
        self._pool.submit(self._compress, batch)

    def _compress(self, batch: _Batch) -> None:
        try:
            content = batch.parts[0] if len(batch.parts) == 1 else b"".join(batch.parts)
            batch.parts.clear()
            zstd: ZstdCompressor | None = getattr(self._local, "zstd", None)
            if zstd is None:
                from zstandard import ZstdCompressor

                zstd = self._local.zstd = ZstdCompressor(level=self._level, write_checksum=False)
            packed = zstd.compress(content)
            with self._lock:
                self._append(batch, packed if len(packed) < len(content) else content)
        except OSError as error:
            self._error = trouble(error, self._directory)
        except BaseException as error:
            self._error = error
        finally:
            self._room.release()

    def _append(self, batch: _Batch, data: bytes) -> None:
        if self._draft is None:
            self._draft = Draft(self._directory)
            self._draft.write(MAGIC)
        number = len(self._frames)
        self._frames.append(_FRAME.pack(self._draft.size, len(data), batch.size))
        self._draft.write(data)
        self._blobs += [(d, number, offset, length, kind) for d, offset, length, kind in batch.blobs]
        if self._draft.size >= PACK:
            self._publish()

    def _publish(self) -> None:
        draft = self._draft
        if draft is None:
            return
        n = len(self._blobs)
        digests, *columns = zip(*self._blobs, strict=True)
        table = b"".join(
            (
                *self._frames,
                bytes.fromhex("".join(digests)),
                struct.pack(f"<{3 * n}I{n}B", *(value for column in columns for value in column)),
            )
        )
        digest = blake3(table)
        draft.write(table + _TRAILER.pack(draft.size, len(self._frames), len(self._blobs), digest.digest(), MAGIC))
        path = draft.publish(digest.hexdigest()[:32] + SUFFIX)
        self._draft = None
        self._frames, self._blobs = [], []
        self.published.add(path)
        self._learn(Pack(path))


class _Batch:
    """A frame being filled."""

    __slots__ = ("blobs", "parts", "size")

    def __init__(self) -> None:
        self.blobs: list[tuple[str, int, int, int]] = []
        self.parts: list[bytes] = []
        self.size = 0
