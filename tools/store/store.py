"""The store: blobs, manifests and snapshot records, content-addressed and write-once, shared by all projects."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from blake3 import blake3
from pydantic import ValidationError

from ..errors import Damaged, EnvSyncError, Failed, Locked
from ..fingerprint import Fingerprint
from ..plan import canonical
from .blobs import Blobs
from .durable import publish, sweep, trouble, writable
from .manifest import Encoded, chunks, contents, decode
from .model import DiskUse, Entry, Keep, Manifest, Pruned, Snapshot
from .prune import collect
from .records import Records

PATIENCE = 30.0
"""Seconds that a writer waits for a `prune` to end."""


class Store:
    """A directory (mode 0700, made when first written to). Every read is verified: `Damaged` when it does not match.

    Safe for several processes at once: writers share a lock, `prune` takes it alone.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.blobs = Blobs(directory / "packs")
        self.records = Records(directory / "snapshots")
        self._seen = -1
        self._whole: dict[str, int] = {}
        self._stretches: dict[str, Sequence[Entry]] = {}

    @contextmanager
    def writing(self) -> Generator[None]:
        """Keeps `prune` away; wrap capture and save in one so that nothing between them is collected. Nests."""
        with self._locked(fcntl.LOCK_SH, PATIENCE, "the snapshot store is being cleaned up by another process"):
            generation = self.generation
            if generation != self._seen:
                self._seen = generation
                self.blobs.refresh()  # another process pruned: what we believe to be here may be gone
            yield

    @contextmanager
    def pruning(self) -> Generator[None]:
        """Excludes every writer of every process; used by `prune`."""
        with self._locked(fcntl.LOCK_EX, 2.0, "a snapshot or a rewind is under way"):
            yield

    def put(self, content: bytes) -> str:
        """Store content durably; returns its digest. Storing what is there already writes nothing."""
        return self.put_all([content])[0]

    def put_all(self, contents: Sequence[bytes]) -> list[str]:
        """Store several contents durably at once, e.g. all dotfiles; returns their digests in order."""
        digests = [blake3(content).hexdigest() for content in contents]
        with self.writing():
            missing = {d: c for d, c in zip(digests, contents, strict=True) if not self.blobs.has(d)}
            if missing:
                writer = self.blobs.writer()
                try:
                    for digest, content in missing.items():
                        writer.add(digest, content)
                    writer.finish()
                except OSError as error:
                    raise trouble(error, self.directory) from None
                finally:
                    writer.drop()
        return digests

    def get(self, digest: str) -> bytes:
        """The content; raises Damaged when it is missing or does not verify."""
        return self.blobs.get(digest)

    def pieces(self, digest: str) -> Iterator[bytes]:
        """The content in pieces of a few MB, verified; for files that may be large."""
        return self.blobs.pieces(digest)

    def place(self, digest: str) -> tuple[str, int, int]:
        """Pack, frame and offset of a content: reading in that order decodes each frame once. Raises Damaged."""
        spot = self.blobs.spot(digest)
        return str(spot.pack.path), spot.frame, spot.offset

    def has(self, digest: str) -> bool:
        return self.blobs.has(digest)

    def manifest(self, digest: str) -> Manifest:
        """A captured tree; raises Damaged when it is missing or does not verify."""
        manifest = decode(self.get(digest), self.get, self._stretches)
        vars(manifest)["digest"] = digest  # verified just now, so that asking for it does not encode again
        return manifest

    def captured(self, encoded: Encoded) -> None:
        """Remember that everything a manifest refers to was seen to be here: spares `save` the check and `manifest` work."""
        self._whole[encoded.digest] = self.generation
        self._stretches = dict(zip([digest for digest, _ in encoded.chunks], encoded.stretches, strict=True))

    def keep(self, fingerprint: Fingerprint) -> str:
        """Store a fingerprint; returns its digest. The same environment at another time is stored once."""
        still = fingerprint.still.model_copy(update={"at": datetime.fromtimestamp(0, UTC)})
        return self.put(canonical(still.model_dump(mode="json")))

    def fingerprint(self, snapshot: Snapshot) -> Fingerprint | None:
        """The fingerprint of a snapshot, free disk space aside; None when it has none. Raises Damaged."""
        if snapshot.fingerprint is None:
            return None
        try:
            kept = Fingerprint.model_validate_json(self.get(snapshot.fingerprint))
        except ValidationError:
            # Made by a version with another shape of it: its files are none the worse for that.
            return None
        return kept.model_copy(update={"at": snapshot.at})

    def save(self, snapshot: Snapshot) -> Snapshot:
        """Write the record, last of all and durably; returns it with `id` and `seq` filled in.

        Raises Failed when the store does not hold all that the snapshot refers to.
        """
        with self.writing():
            if self._whole.get(snapshot.manifest) != self.generation:
                self._complete(snapshot.manifest)
            for file in snapshot.dotfiles:
                if not self.has(file.digest):
                    raise Failed(f"the content of {file.path} is not in the store", "take the snapshot again")
            if snapshot.fingerprint and not self.has(snapshot.fingerprint):
                raise Failed("the snapshot's fingerprint is not in the store", "take the snapshot again")
            return self.records.add(snapshot)

    def snapshots(self, path: str | None = None, host: str | None = None) -> list[Snapshot]:
        """All records, newest last, or only those of one project root. Damaged records are left out (see `check`)."""
        return [s for s in self.records.all() if path in (None, s.path) and host in (None, s.host)]

    def find(self, name: str, path: str | None = None, host: str | None = None) -> list[Snapshot]:
        """Snapshots that `name` means, newest last: an exact id, else an exact label, else an id's beginning."""
        known = self.snapshots(path, host)
        by_id = [s for s in known if s.id == name]
        by_label = [s for s in known if s.label == name]
        return by_id or by_label or [s for s in known if name and s.id.startswith(name)]

    def forget(self, id: str) -> None:
        """Remove a record; its content goes with the next `prune`. Forgetting an unknown id is no error."""
        with self.writing():
            self.records.remove(id)

    def du(self) -> DiskUse:
        """What the store takes on disk, temporary files of dead writers included."""
        total = 0
        for folder, _, names in os.walk(self.directory):
            for name in names:
                with suppress(FileNotFoundError):
                    total += os.lstat(os.path.join(folder, name)).st_blocks * 512
        self.blobs.refresh()
        return DiskUse(
            bytes=total,
            blobs=len(self.blobs.spots()),
            packs=len(self.blobs.packs()),
            snapshots=len(self.records.all()),
        )

    def prune(self, keep: Keep | None = None, protect: Collection[str] = (), now: datetime | None = None) -> Pruned:
        """Forget what `keep` does not name and free content that nothing refers to. `protect`: ids to keep anyhow.

        Raises Locked when captures are under way and Damaged, freeing nothing, when a record cannot be read.
        """
        if not self.directory.exists():
            return Pruned()
        with self.pruning():
            before = self.du()
            sweep(self.blobs.directory)
            sweep(self.records.directory)
            forgotten, blobs = collect(self.blobs, self.records, keep or Keep(), protect, now)
            publish(self.directory, "generation", str(self.generation + 1).encode(), replace=True)
            return Pruned(snapshots=tuple(forgotten), blobs=blobs, bytes=max(0, before.bytes - self.du().bytes))

    def check(self) -> list[str]:
        """Verify every blob, manifest and record; returns what is wrong, one line each."""
        self.blobs.refresh()
        wrong = [error.what for error in (*self.blobs.damaged.values(), *self.records.damaged())]
        spots = self.blobs.spots()
        for digest in sorted(spots, key=lambda d: (str(spots[d].pack.path), spots[d].frame)):
            try:
                for _ in self.blobs.pieces(digest):
                    pass
            except EnvSyncError as error:
                wrong.append(error.what)
        for snapshot in self.records.all():
            try:
                self._complete(snapshot.manifest)
            except EnvSyncError as error:
                wrong.append(f"snapshot {snapshot.id}: {error.what}")
        return wrong

    @property
    def generation(self) -> int:
        """How often this store was pruned."""
        try:
            return int((self.directory / "generation").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def _complete(self, manifest: str) -> None:
        for chunk in chunks(self.get(manifest)):
            for digest in contents(self.get(chunk)):
                if not self.has(digest):
                    raise Damaged(
                        "the store no longer holds all of this snapshot's files",
                        "take the snapshot again",
                        digest=digest,
                    )

    @contextmanager
    def _locked(self, how: int, patience: float, busy: str) -> Generator[None]:
        writable(self.directory)
        writable(self.blobs.directory)
        try:
            fd = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise trouble(error, self.directory) from None
        try:
            end = time.monotonic() + patience
            while True:
                try:
                    fcntl.flock(fd, how | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise Locked(busy, "wait until it has ended, then try again") from None
                    time.sleep(0.05)
            yield
        finally:
            os.close(fd)
