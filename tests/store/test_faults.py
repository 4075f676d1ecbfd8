"""Disks that fill up, fail and refuse; processes that are killed. Nothing recorded earlier may suffer."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from envsync.tools.errors import EnvSyncError, Failed
from envsync.tools.store import tree
from envsync.tools.store.cache import Cache
from envsync.tools.store.model import Keep
from envsync.tools.store.store import Store

from .conftest import Lab, State, state

WRITES = ("write", "fsync", "rename", "mkdir", "link", "symlink", "ftruncate")
READS = ("read", "pread", "fstat", "lstat", "scandir", "readlink")
UNDOES = ("unlink", "rmdir", "fchmod", "utime")


@contextmanager
def failing(at: int, code: int, names: tuple[str, ...], openings: bool = True) -> Iterator[list[str]]:
    """The operating system fails with `code` at the `at`-th of the named calls, and works before and after."""
    real = {name: getattr(os, name) for name in (*names, "open")}
    calls: list[str] = []

    def wrap(name: str) -> object:
        def call(*args: object, **kwargs: object) -> object:
            flags = args[1] if name == "open" and len(args) > 1 else 0
            if name != "open" or (openings and isinstance(flags, int) and flags & os.O_CREAT):
                calls.append(name)
                if len(calls) == at:
                    raise OSError(code, os.strerror(code))
            return real[name](*args, **kwargs)

        return call

    for name in real:
        setattr(os, name, wrap(name))
    try:
        yield calls
    finally:
        for name, function in real.items():
            setattr(os, name, function)


def leftovers(root: Path) -> list[str]:
    return [str(p) for p in root.rglob("*") if p.name.startswith((".tmp-", ".envsync-tmp-"))]


CODES = [
    pytest.param(errno.ENOSPC, WRITES, id="hostile_48_disk_full"),
    pytest.param(errno.EIO, (*WRITES, *READS, *UNDOES), id="hostile_49_io_error"),
    pytest.param(errno.EROFS, WRITES, id="hostile_49_read_only"),
    pytest.param(errno.EACCES, (*WRITES, *UNDOES), id="hostile_49_no_access"),
]


@pytest.mark.parametrize(("code", "names"), CODES)
def test_a_failing_disk_during_a_capture(populated: Lab, code: int, names: tuple[str, ...]) -> None:
    lab = populated
    before = state(lab.root)
    earlier = lab.save(label="earlier")
    lab.write("src/main.py", "edited")
    lab.write("new/file.bin", os.urandom(3 << 20))
    fired = True
    n = 0
    while fired:
        n += 1
        store = Store(lab.store.directory)
        with failing(n, code, names) as calls:
            try:
                manifest = tree.capture(lab.root, store, lab.cache)
                store.save(earlier.model_copy(update={"manifest": manifest.digest, "label": f"n{n}"}))
            except EnvSyncError as error:
                assert error.hint
        fired = len(calls) >= n
        assert not leftovers(lab.store.directory), f"call {n} ({calls[n - 1]}) left a file behind"
        assert Store(lab.store.directory).check() == []
        Store(lab.store.directory).prune(Keep(last=0, days=0))  # so that the next round has something to write
    assert n > 10
    assert earlier.id in [s.id for s in lab.store.snapshots()]
    lab.rewind(lab.store.manifest(earlier.manifest))
    assert state(lab.root) == before


@pytest.mark.parametrize(("code", "names"), CODES)
def test_a_failing_disk_during_a_rewind(populated: Lab, code: int, names: tuple[str, ...]) -> None:
    lab = populated
    shutil.rmtree(lab.root / "private")
    target = lab.capture()
    before = state(lab.root)
    n = 0
    fired = True
    while fired:
        n += 1
        lab.write("src/main.py", "edited")
        (lab.root / "bin/run").chmod(0o600)
        (lab.root / "empty.txt").unlink()
        shutil.rmtree(lab.root / "void")
        lab.write("void", "a file now")
        lab.write("added/deep/file", "x")
        current = lab.capture()
        after = state(lab.root, times=False)
        with failing(n, code, names) as calls:
            try:
                tree.restore(lab.root, target, current, lab.store)
            except Failed as error:
                assert error.hint
        fired = len(calls) >= n
        old = {name: value[:3] for name, value in before.items()}
        new = {name: value[:3] for name, value in after.items()}
        for name, value in state(lab.root, times=False).items():
            if value[0] == 0o100000:
                assert value[:3] in (old.get(name), new.get(name)), f"{name!r} is neither old nor new after call {n}"
        lab.rewind(target)  # the way on that the error names: again, with a snapshot of now first
        assert state(lab.root) == before, f"after call {n} ({calls[n - 1] if fired else ''})"
        assert not leftovers(lab.root)
    assert n > 10


EVERY = (*WRITES, *READS, *UNDOES)


def dies_at(at: int, act: Callable[[], object]) -> bool:
    """Run `act` in a child that dies, cleaning up nothing, at its `at`-th call; whether it came that far."""

    def wrap(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            nonlocal at
            at -= 1
            if at == 0:
                os._exit(9)
            return real(*args, **kwargs)

        return call

    child = os.fork()
    if child == 0:
        for name in (*EVERY, "open"):
            setattr(os, name, wrap(getattr(os, name)))
        try:
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9), "the child failed by itself"
    return code == 9


def disturb(lab: Lab) -> None:
    """Every kind of change, so that a rewind has every kind of step to do."""
    lab.write("src/main.py", "edited")
    lab.write("new/extra.py", "new")
    (lab.root / "bin/run").chmod(0o600)
    (lab.root / "empty.txt").unlink()
    shutil.rmtree(lab.root / "void")
    lab.write("void", "a file now")
    (lab.root / "link").unlink()
    lab.write("link/sub/file", "a directory now")
    (lab.root / "broken").unlink()
    os.utime(lab.root / "src/util.py", ns=(1, 1))
    lab.write("added/deep/file", "x")
    shutil.rmtree(lab.root / "private")


def test_hostile_50_a_rewind_that_dies_anywhere_goes_on_when_called_again(populated: Lab) -> None:
    lab = populated
    target = lab.capture()
    before = state(lab.root)
    died = True
    n = 0
    while died:
        n += 3
        disturb(lab)
        current = lab.capture()
        died = dies_at(n, lambda current=current: tree.restore(lab.root, target, current, lab.store))
        tree.restore(lab.root, target, current, lab.store)
        assert state(lab.root) == before, f"after dying at call {n}"
        assert not leftovers(lab.root)
    assert n > 100


def test_hostile_50_a_capture_that_dies_anywhere_leaves_the_store_whole(populated: Lab) -> None:
    lab = populated
    earlier = lab.save(label="earlier")
    lab.write("new/file.bin", os.urandom(2 << 20))
    died = True
    n = 0
    while died:
        n += 3
        lab.write("src/main.py", f"edit {n}")
        died = dies_at(n, lambda: Lab(lab.root, Store(lab.store.directory), lab.cache).save())
        store = Store(lab.store.directory)
        assert store.check() == []
        assert store.snapshots()[0] == earlier
        if n % 5 == 0:
            store.prune(Keep(last=0, days=0))
            assert not leftovers(lab.store.directory)
    assert n > 50


def test_hostile_49_exdev_falls_back_to_copying(populated: Lab) -> None:
    with failing(1, errno.EXDEV, ("rename",), openings=False) as calls:
        saved = populated.save()
    assert "rename" in calls
    assert Store(populated.store.directory).check() == []
    assert not leftovers(populated.store.directory)
    assert populated.store.snapshots() == [saved]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_hostile_48_a_disk_that_is_really_full(populated: Lab, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(disk)], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        lab = Lab(populated.root, Store(disk / "store"), Cache(disk / "cache"))
        earlier = lab.save()
        used = lab.store.du().bytes
        lab.write("noise", os.urandom(8 << 20))
        with pytest.raises(Failed, match="space") as caught:
            lab.capture()
        assert "free" in caught.value.hint
        assert lab.store.du().bytes == used, "the space is free again"
        assert lab.store.check() == []
        (lab.root / "noise").unlink()
        assert lab.save(label="after").seq == earlier.seq + 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)


WORKER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from envsync.tools.store import tree
from envsync.tools.store.cache import Cache
from envsync.tools.store.model import Keep, Snapshot
from envsync.tools.store.store import Store
base = Path(sys.argv[1])
root, store, cache = base / "project", Store(base / "state/store"), Cache(base / "state/cache")
print("ready", flush=True)
n = 0
while True:
    n += 1
    for label in ("B", "A"):
        target = store.manifest(store.find(label)[0].manifest)
        with store.writing():
            now = tree.capture(root, store, cache)
            store.save(Snapshot(at=datetime.now(UTC), path=str(root), manifest=now.digest, files=0, bytes=0, automatic=True))
        tree.restore(root, target, now, store)
    (root / "noise").write_text(str(n))
    if n % 3 == 0:
        store.prune(Keep(last=2, days=0))
"""


def test_hostile_50_killed_at_any_moment(populated: Lab) -> None:
    lab = populated
    known: dict[str, State] = {"A": state(lab.root)}
    lab.save(label="A")
    shutil.rmtree(lab.root / "void")
    lab.write("void", "a file now")
    lab.write("src/main.py", "edited")
    (lab.root / "empty.txt").unlink()
    for n in range(40):
        lab.write(f"many/dir{n % 5}/file{n}", f"{n}" * 100)
    lab.write("big.bin", os.urandom(1 << 20))
    known["B"] = state(lab.root)
    lab.save(label="B")
    seed = random.Random(7)  # moments of death, no secrets
    numbers = [s.seq for s in lab.store.snapshots()]
    for _ in range(12):
        child = subprocess.Popen([sys.executable, "-c", WORKER, str(lab.root.parent)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        (lab.root.parent / "state/store").exists()
        child.stdout.readline()
        time.sleep(seed.uniform(0, 0.25))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        store = Store(lab.store.directory)
        assert store.check() == []
        found = store.snapshots()
        assert [s.seq for s in found] == sorted({s.seq for s in found})
        numbers.append(found[-1].seq)
        for label, was in known.items():
            now = tree.capture(lab.root, store, lab.cache)
            tree.restore(lab.root, store.manifest(store.find(label)[0].manifest), now, store)
            assert state(lab.root) == was
    assert numbers[-1] > 2, "the worker did get some work done"
    Store(lab.store.directory).prune()
    assert not leftovers(lab.root.parent)
