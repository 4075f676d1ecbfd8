"""All packs of a store as one: what is there, and reading it verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import RLock

from blake3 import blake3

from ..errors import Damaged
from .pack import RECIPE, SUFFIX, Frames, Pack, Spot, Writer

CHUNK = 4 << 20
"""A larger file is cut into chunks of this size, each stored once: an edit in place of a big database costs one chunk."""


class Blobs:
    """The packs in one directory. Threads may share it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.damaged: dict[Path, Damaged] = {}
        """Packs that cannot be read, with the reason."""
        self._packs: dict[Path, Pack] = {}
        self._spots: dict[str, Spot] | None = None
        self._frames = Frames()
        self._lock = RLock()

    def spots(self) -> Mapping[str, Spot]:
        """Where every blob lies, by digest; kept up to date with what this process writes."""
        if self._spots is None:
            return self.refresh()
        return self._spots

    def refresh(self) -> Mapping[str, Spot]:
        """Read the directory again: another process may have written or pruned. Returns `spots`."""
        with self._lock:
            self.damaged.clear()
            try:
                present = {path for path in self.directory.iterdir() if path.suffix == SUFFIX}
            except FileNotFoundError:
                present = set[Path]()
            gone = self._packs.keys() - present
            if gone or self._spots is None:
                self._packs = {path: pack for path, pack in self._packs.items() if path in present}
                self._spots = {}
                for pack in self._packs.values():
                    self._spots.update(pack.blobs())
            for path in sorted(present - self._packs.keys()):
                try:
                    self.learn(Pack(path))
                except FileNotFoundError:
                    continue
                except Damaged as error:
                    self.damaged[path] = error
            return self._spots

    def learn(self, pack: Pack) -> None:
        """Take in a pack that was just published."""
        with self._lock:
            self._packs[pack.path] = pack
            if self._spots is not None:
                self._spots.update(pack.blobs())

    def packs(self) -> list[Pack]:
        self.refresh()
        return list(self._packs.values())

    def writer(self) -> Writer:
        return Writer(self.directory, self.learn)

    def has(self, digest: str) -> bool:
        if digest in self.spots():
            return True
        self.refresh()
        return digest in self.spots()

    def get(self, digest: str) -> bytes:
        """The content, verified. Raises Damaged when it is missing or does not match its digest."""
        content = self._read(digest)
        if isinstance(content, list):
            content = b"".join(self._piece(chunk) for chunk in content)
        if blake3(content).hexdigest() != digest:
            raise _broken(digest)
        return content

    def pieces(self, digest: str) -> Iterator[bytes]:
        """The content in pieces of at most `CHUNK`, so that a large file needs little memory.

        Each piece is verified before it is given; when the whole does not match, Damaged comes at the end.
        """
        content = self._read(digest)
        if not isinstance(content, list):
            if blake3(content).hexdigest() != digest:
                raise _broken(digest)
            yield content
            return
        whole = blake3()
        for chunk in content:
            piece = self._piece(chunk)
            whole.update(piece)
            yield piece
        if whole.hexdigest() != digest:
            raise _broken(digest)

    def parts(self, digest: str) -> list[str]:
        """The digests of the chunks that a blob consists of; empty when it is stored whole."""
        content = self._read(digest) if self.spot(digest).kind == RECIPE else b""
        return content if isinstance(content, list) else []

    def raw(self, digest: str) -> bytes:
        """A blob as it is stored (a recipe as its list), verified; for copying it to another pack."""
        content = self._read(digest)
        if isinstance(content, list):
            self.get(digest)
            return bytes.fromhex("".join(content))
        if blake3(content).hexdigest() != digest:
            raise _broken(digest)
        return content

    def spot(self, digest: str) -> Spot:
        """Where a blob lies; raises Damaged when the store does not hold it."""
        spot = self.spots().get(digest)
        if spot is None:
            self.refresh()
            spot = self.spots().get(digest)
        if spot is None:
            raise Damaged(f"content {digest[:12]} is missing from the snapshot store", _HINT, digest=digest)
        return spot

    def _piece(self, digest: str) -> bytes:
        content = self._read(digest)
        if isinstance(content, list) or blake3(content).hexdigest() != digest:
            raise _broken(digest)
        return content

    def _read(self, digest: str) -> bytes | list[str]:
        with self._lock:
            spot = self.spot(digest)
            try:
                raw = self._frames.read(spot)
            except FileNotFoundError:
                self.refresh()
                spot = self.spot(digest)
                try:
                    raw = self._frames.read(spot)
                except FileNotFoundError:
                    raise _broken(digest) from None
        if spot.kind != RECIPE:
            return raw
        text = raw.hex()
        return [text[i : i + 64] for i in range(0, len(text), 64)]


_HINT = "that snapshot cannot be restored in full; run `envsync doctor` to see which ones are whole"


def _broken(digest: str) -> Damaged:
    return Damaged(f"content {digest[:12]} in the snapshot store does not match its digest", _HINT, digest=digest)
