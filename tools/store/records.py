"""The snapshot records: one small file each, written last and never changed, ordered by a sequence that never repeats."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blake3 import blake3
from pydantic import ValidationError

from ..errors import Damaged
from ..plan import canonical
from .durable import publish, sync_directory, trouble, writable
from .model import Snapshot

LETTERS = "abcdefghjkmnpqrstvwxyz"
DIGITS = "23456789"
SUFFIX = ".json"


class Records:
    """The records in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._known: dict[str, Snapshot] = {}

    def add(self, snapshot: Snapshot) -> Snapshot:
        """Give it an id and the next number, and write it durably."""
        writable(self.directory)
        with self._alone():
            taken = {known.id for known in self.all()}
            seq = max(self._last(), max((int(path.stem) for path in self._files()), default=0)) + 1
            snapshot = snapshot.model_copy(update={"id": _fresh(taken), "seq": seq})
            # The counter first: a number that was given out is never given again, even if its record is forgotten.
            publish(self.directory, "last", str(seq).encode(), replace=True)
            left_out = {"frozen"} if snapshot.frozen is None else None  # so that an older version reads it too
            body = canonical(snapshot.model_dump(mode="json", exclude=left_out))
            head = json.dumps({"blake3": blake3(body).hexdigest()}).encode()
            publish(self.directory, f"{seq:010}{SUFFIX}", head + b"\n" + body + b"\n")
        return snapshot

    def all(self) -> list[Snapshot]:
        """Every record that verifies, by number."""
        return [snapshot for _, snapshot in self._read() if isinstance(snapshot, Snapshot)]

    def damaged(self) -> list[Damaged]:
        """An error for every record that does not verify."""
        return [error for _, error in self._read() if isinstance(error, Damaged)]

    def remove(self, id: str) -> None:
        for path, snapshot in list(self._read()):
            if isinstance(snapshot, Snapshot) and snapshot.id == id:
                with suppress(FileNotFoundError):
                    os.unlink(path)
                self._known.pop(path.name, None)
                sync_directory(self.directory)

    def _files(self) -> list[Path]:
        try:
            return sorted(path for path in self.directory.iterdir() if path.suffix == SUFFIX and path.stem.isdigit())
        except FileNotFoundError:
            return []

    def _read(self) -> Iterator[tuple[Path, Snapshot | Damaged]]:
        for path in self._files():
            known = self._known.get(path.name)
            if known is not None:
                yield path, known
                continue
            try:
                head, _, body = path.read_bytes().partition(b"\n")
            except FileNotFoundError:
                continue
            except OSError as error:
                yield path, Damaged(f"{path}: {error.strerror}", "check the owner and mode of the snapshot store")
                continue
            try:
                if json.loads(head)["blake3"] != blake3(body[:-1]).hexdigest():
                    raise ValueError("it does not match its digest")
                known = self._known[path.name] = _parse(body)
                yield path, known
            except (ValueError, KeyError, TypeError, ValidationError):
                yield (
                    path,
                    Damaged(
                        f"the snapshot record {path.name} is damaged or of another version",
                        f"move {path} away to go on without that snapshot",
                    ),
                )

    def _last(self) -> int:
        try:
            return int((self.directory / "last").read_bytes())
        except (FileNotFoundError, ValueError):
            return 0

    @contextmanager
    def _alone(self) -> Generator[None]:
        try:
            fd = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise trouble(error, self.directory) from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _parse(body: bytes) -> Snapshot:
    try:
        body.decode()
    except UnicodeDecodeError:  # the project's path is not UTF-8
        return Snapshot.model_validate(json.loads(body.decode("utf-8", "surrogatepass")))
    return Snapshot.model_validate_json(body)


def _fresh(taken: set[str]) -> str:
    """A short id that is easy to say and type: begins with a letter, no look-alikes, never only digits."""
    size = 4 if len(taken) < 1000 else 6
    while True:
        id = secrets.choice(LETTERS) + "".join(secrets.choice(LETTERS + DIGITS) for _ in range(size - 1))
        if id not in taken and id not in ("last", "spec", "team"):
            return id
