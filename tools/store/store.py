"""The store: blobs, manifests and snapshot records, content-addressed and write-once, shared by all projects."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from .model import DiskUse, Keep, Manifest, Pruned, Snapshot


class Store:
    """A directory (mode 0700, made when first written to). Every read is verified: `Damaged` when it does not match.

    Safe for several processes at once: writers share a lock, `prune` takes it alone.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keeps `prune` away; wrap capture and save in one so that nothing between them is collected. Nests."""
        raise NotImplementedError
        yield

    def put(self, content: bytes) -> str:
        """Store content durably; returns its digest. Storing what is there already writes nothing."""
        raise NotImplementedError

    def get(self, digest: str) -> bytes:
        """The content; raises Damaged when it is missing or does not verify."""
        raise NotImplementedError

    def has(self, digest: str) -> bool:
        raise NotImplementedError

    def manifest(self, digest: str) -> Manifest:
        """A captured tree; raises Damaged when it is missing or does not verify."""
        raise NotImplementedError

    def save(self, snapshot: Snapshot) -> Snapshot:
        """Write the record, last of all and durably; returns it with `id` and `seq` filled in.

        Raises Failed when the store does not hold all that the snapshot refers to.
        """
        raise NotImplementedError

    def snapshots(self, path: str | None = None, host: str | None = None) -> list[Snapshot]:
        """All records, newest last, or only those of one project root. Damaged records are left out (see `check`)."""
        raise NotImplementedError

    def find(self, name: str, path: str | None = None, host: str | None = None) -> list[Snapshot]:
        """Snapshots that `name` means, newest last: an exact id, else an exact label, else an id's beginning."""
        raise NotImplementedError

    def forget(self, id: str) -> None:
        """Remove a record; its content goes with the next `prune`. Forgetting an unknown id is no error."""
        raise NotImplementedError

    def du(self) -> DiskUse:
        raise NotImplementedError

    def prune(self, keep: Keep | None = None, protect: Collection[str] = (), now: datetime | None = None) -> Pruned:
        """Forget what `keep` does not name and free content that nothing refers to. `protect`: ids to keep anyhow.

        Raises Locked when captures are under way and Damaged, freeing nothing, when a record cannot be read.
        """
        raise NotImplementedError

    def check(self) -> list[str]:
        """Verify every blob, manifest and record; returns what is wrong, one line each."""
        raise NotImplementedError
