"""One act of EnvSync's engine in a process of its own, as a command would do it; prints the seconds without start-up."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from envsync.tools.store import tree
from envsync.tools.store.cache import Cache
from envsync.tools.store.model import Snapshot
from envsync.tools.store.store import Store


def main() -> None:
    act, root, base = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    store, cache = Store(base / "store"), Cache(base / "cache")
    started = time.perf_counter()
    with store.writing():
        now = tree.capture(root, store, cache)
        if act == "restore":  # as `rewind` does it: a snapshot of now first
            store.save(_record(root, now.digest, "before"))
            tree.restore(root, store.manifest(store.find("first")[0].manifest), now, store)
        else:
            store.save(_record(root, now.digest, act))
    print(time.perf_counter() - started)


def _record(root: Path, manifest: str, label: str) -> Snapshot:
    return Snapshot(at=datetime.now(UTC), label=label, path=str(root), manifest=manifest, files=0, bytes=0)


if __name__ == "__main__":
    main()
