"""Real directories for the store's tests, and a reader of trees that shares no code with what it judges."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from envsync.tools.store import tree
from envsync.tools.store.cache import Cache
from envsync.tools.store.model import Manifest, Restored, Snapshot
from envsync.tools.store.store import Store

State = dict[bytes, tuple[object, ...]]


def state(root: Path, times: bool = True) -> State:
    """Everything a snapshot promises to keep, read with os.walk: kind, mode, mtime, content or target, by raw path."""
    found: State = {}

    def note(path: bytes, name: bytes) -> None:
        info = os.lstat(path)
        body: object = None
        mode = stat.S_IMODE(info.st_mode)
        if stat.S_ISREG(info.st_mode):
            with open(path, "rb") as file:
                body = file.read()
        elif stat.S_ISLNK(info.st_mode):
            body, mode = os.readlink(path), 0
        found[name] = (stat.S_IFMT(info.st_mode), mode, body, info.st_mtime_ns if times else 0)

    base = os.fsencode(root)
    note(base, b".")
    for folder, directories, files in os.walk(base):
        for name in (*directories, *files):
            path = os.path.join(folder, name)
            note(path, os.path.relpath(path, base))
    return found


@dataclass
class Lab:
    """A project, a store and a cache, all real."""

    root: Path
    store: Store
    cache: Cache

    def capture(self, **options: object) -> Manifest:
        return tree.capture(self.root, self.store, self.cache, **options)  # type: ignore[arg-type]

    def look(self) -> Manifest:
        return tree.look(self.root, self.store, self.cache)

    def rewind(self, target: Manifest, *paths: str) -> Restored:
        """As the tool does it: a capture of now, then the restore."""
        return tree.restore(self.root, target, self.capture(), self.store, paths)

    def save(self, manifest: Manifest | None = None, **fields: object) -> Snapshot:
        manifest = manifest or self.capture()
        values: dict[str, object] = {
            "at": datetime.now(UTC),
            "path": str(self.root),
            "manifest": manifest.digest,
            "files": manifest.files,
            "bytes": manifest.bytes,
            **fields,
        }
        return self.store.save(Snapshot.model_validate(values))

    def write(self, path: str, content: str | bytes = "", mode: int = 0o644) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(mode)
        return file


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    root = tmp_path / "project"
    root.mkdir()
    yield Lab(root, Store(tmp_path / "state" / "store"), Cache(tmp_path / "state" / "cache"))
    for folder, directories, _ in os.walk(root):  # what a test locked, pytest could not remove
        for name in directories:
            if not os.path.islink(path := os.path.join(folder, name)):
                os.chmod(path, 0o755)


@pytest.fixture
def read() -> Callable[..., State]:
    return state


@pytest.fixture
def populated(lab: Lab) -> Lab:
    """A small tree with everything in it that is easily lost."""
    lab.write("src/main.py", "print('hello')\n")
    lab.write("src/util.py", "x = 1\n", 0o600)
    lab.write("bin/run", "#!/bin/sh\n", 0o755)
    lab.write("empty.txt")
    lab.write("big.bin", os.urandom(9 << 20))
    (lab.root / "void/deeper").mkdir(parents=True)
    (lab.root / "private").mkdir(mode=0o700)
    (lab.root / "link").symlink_to("src/main.py")
    (lab.root / "broken").symlink_to("nowhere/at/all")
    (lab.root / "folder-link").symlink_to("src")
    old = datetime(2001, 2, 3, tzinfo=UTC)
    for n, path in enumerate(sorted(lab.root.rglob("*"), reverse=True)):
        at = int((old + timedelta(days=n)).timestamp()) * 10**9 + 123_456_789 + n
        os.utime(path, ns=(at, at), follow_symlinks=False)
    return lab
