"""The index of meanings, made from the record and thrown away whenever in doubt. The only importer of chromadb.

chromadb 1.5.9 silently damages its files when several processes write, and a second process reads stale vectors: one
process owns the directory, by a lock held for the client's whole life.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from blake3 import blake3

COLLECTION = "notes"
_IMPORTING = threading.Lock()


class IndexFault(Exception):
    """The index cannot be used now; the record can."""


class Index:
    """Vectors by note id. Opened by `Index.open`, used from one thread, closed once.

    The directory is ours alone: `DIRECTORY/chroma` holds chromadb's files, `DIRECTORY/lock` says who owns it. Every
    method raises IndexFault, whatever chromadb raises.
    """

    def __init__(self, client: Any, collection: Any, files: Path, lock: int) -> None:
        self._client = client
        self._collection = collection
        self._files = files
        self._lock = lock
        self.ids: set[int] = set()
        """Of the notes that are in it."""

    @classmethod
    def open(cls, directory: Path, dimension: int, seal: str) -> Index | None:
        """Own and open the index; None, at once, when another process owns it.

        `seal` is what the last `close` returned. Files that do not match it exactly (a crash, damage, another
        machine's index, one made by hand) are thrown away, and the index starts empty.
        """
        lock = _own(directory)
        if lock is None:
            return None
        files = directory / "chroma"
        try:
            if not seal or sealed(files) != seal:
                _clear(files)
            try:
                return cls._start(files, dimension, lock)
            except IndexFault:
                # The seal fits and yet chromadb does not take it, e.g. after an update of chromadb.
                _clear(files)
                return cls._start(files, dimension, lock)
        except BaseException as error:
            os.close(lock)
            if isinstance(error, OSError):
                raise IndexFault(str(error)) from error
            raise

    @classmethod
    def _start(cls, files: Path, dimension: int, lock: int) -> Index:
        client: Any = None
        try:
            client = _client(files)
            collection = client.get_or_create_collection(
                COLLECTION,
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": 200}},
            )
            index = cls(client, collection, files, lock)
            index.ids = {int(id) for id in collection.get(include=[])["ids"]}
            if len(index.ids) != collection.count():
                raise IndexFault("the index counts other notes than it lists")
            if index.ids:
                sample = collection.get(limit=1, include=["embeddings"])["embeddings"]
                if len(sample[0]) != dimension:
                    raise IndexFault("the index has vectors of another dimension")
            return index
        except BaseException as error:
            if client is not None:
                _quietly_close(client)
            raise _fault(error) from error

    def add(self, ids: Sequence[int], vectors: Sequence[Sequence[float]], places: Sequence[tuple[str, str]]) -> None:
        """Put notes in; `places` are their (project, kind). Text stays in the record alone."""
        import numpy as np

        try:
            self._collection.upsert(
                ids=[str(id) for id in ids],
                embeddings=np.array(vectors, dtype=np.float32),
                metadatas=[{"project": project, "kind": kind} for project, kind in places],
            )
        except BaseException as error:
            raise _fault(error) from error
        self.ids.update(ids)

    def remove(self, ids: Iterable[int]) -> None:
        """Take notes out; unknown ids are no error."""
        gone = [id for id in ids if id in self.ids]
        try:
            for at in range(0, len(gone), 500):
                self._collection.delete(ids=[str(id) for id in gone[at : at + 500]])
        except BaseException as error:
            raise _fault(error) from error
        self.ids.difference_update(gone)

    def nearest(
        self, vector: Sequence[float], limit: int, places: Sequence[str], kinds: Sequence[str]
    ) -> list[tuple[int, float]]:
        """Ids with their cosine similarity (-1 to 1), the most similar first.

        Of the notes in `places[0]`, the project, and the facts in all of `places`.
        """
        if not self.ids:
            return []
        fact: dict[str, Any] = {"$and": [{"kind": "fact"}, {"project": {"$in": list(places)}}]}
        where: dict[str, Any] = {"$or": [{"project": places[0]}, fact]}
        if kinds:
            where = {"$and": [where, {"kind": {"$in": list(kinds)}}]}
        try:
            found = self._collection.query(
                query_embeddings=[list(vector)], n_results=min(limit, len(self.ids)), where=where, include=["distances"]
            )
        except BaseException as error:
            raise _fault(error) from error
        return [(int(id), 1 - float(far)) for id, far in zip(found["ids"][0], found["distances"][0], strict=True)]

    def check(self) -> None:
        """Raises IndexFault when chromadb does not count what was put in."""
        try:
            count = self._collection.count()
        except BaseException as error:
            raise _fault(error) from error
        if count != len(self.ids):
            raise IndexFault(f"the index has {count} notes instead of {len(self.ids)}")

    def close(self) -> str:
        """Close the client, then let the directory go. Returns the seal: what the files were at the end."""
        try:
            _quietly_close(self._client)
            return sealed(self._files)
        except OSError:
            return ""
        finally:
            os.close(self._lock)


def sealed(files: Path) -> str:
    """BLAKE3 over the names and contents of all files; empty when the directory is missing or no plain directory."""
    if files.is_symlink() or not files.is_dir():
        return ""
    digest = blake3()
    for path in sorted(files.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            return ""
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(files)}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _own(directory: Path) -> int | None:
    """The descriptor that holds the directory's lock, or None when another has it (in this process, too)."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise IndexFault(str(error)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if isinstance(error, BlockingIOError):
            return None
        raise IndexFault(f"the file system of {directory} has no locks: {error}") from error
    return lock


def _clear(files: Path) -> None:
    if files.is_symlink() or files.is_file():
        files.unlink()
    elif files.exists():
        shutil.rmtree(files)


def _client(files: Path) -> Any:
    chromadb = _chromadb()
    config: Any = sys.modules["chromadb.config"]
    # model_construct takes the defaults and what is given here: neither the environment nor a project's `.env` counts.
    settings = config.Settings.model_construct(
        is_persistent=True, persist_directory=str(files), anonymized_telemetry=False, allow_reset=False
    )
    return chromadb.PersistentClient(str(files), settings=settings)


def _chromadb() -> Any:
    """chromadb, imported without what it does while it is imported: read `.env` in the current directory.

    That file came with a project, and one bad value in it makes the import raise.
    """
    with _IMPORTING:
        if "chromadb" not in sys.modules:
            spec = find_spec("chromadb")
            if spec is None:
                raise IndexFault("chromadb is not installed")
            # chromadb.config needs nothing of its package, so it can be imported, and told, before the package runs.
            package = ModuleType("chromadb")
            package.__path__ = list(spec.submodule_search_locations or ())
            sys.modules["chromadb"] = package
            try:
                import chromadb.config

                chromadb.config.Settings.model_config["env_file"] = None
            finally:
                del sys.modules["chromadb"]
        import chromadb

        chromadb.config = sys.modules["chromadb.config"]
        return chromadb


def _quietly_close(client: Any) -> None:
    with suppress(Exception):  # the seal is compared at the next open: what was not written is made again
        client.close()


def _fault(error: BaseException) -> BaseException:
    """Any error of chromadb as IndexFault; a Rust panic is a BaseException, and must not end the session."""
    if isinstance(error, IndexFault):
        return error
    if isinstance(error, Exception) or type(error).__name__ == "PanicException":
        return IndexFault(f"{type(error).__name__}: {str(error)[:200]}")  # chromadb quotes whole vectors
    return error
