"""Rows of the list of hostile inputs that concern trees and the store."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.errors import Failed
from envsync.tools.store import tree
from envsync.tools.store.cache import Cache
from envsync.tools.store.model import Budget, Manifest
from envsync.tools.store.store import Store

from .conftest import Lab

Read = Callable[..., dict[bytes, tuple[Any, ...]]]
NAMES = [
    b"; rm -rf ~ #.txt",
    b"--force",
    b"-rf",
    b"new\nline",
    b"carriage\rreturn",
    b"\x1b[2Jescape",
    b"not-utf8-\xff\xfe",
    "bidi-\u202egnp.exe".encode(),
    "tag-\U000e0041\u200b".encode(),
    b"n" * 255,
    b" ",
    b"\\",
    b"!first",
]


def test_hostile_03_04_05_18_22_names_are_kept_byte_for_byte(lab: Lab, read: Read) -> None:
    base = os.fsencode(lab.root)
    for name in NAMES:
        with open(os.path.join(base, name), "wb") as file:
            file.write(name)
        os.mkdir(os.path.join(base, b"d-" + name[:200]))
        os.symlink(name, os.path.join(base, b"l-" + name[:200]))
    before = read(lab.root)
    target = lab.capture()
    assert target.entries[0].path == "."
    assert lab.store.manifest(target.digest) == target
    for name in NAMES:
        os.unlink(os.path.join(base, name))
        os.rmdir(os.path.join(base, b"d-" + name[:200]))
        os.unlink(os.path.join(base, b"l-" + name[:200]))
    lab.rewind(target)
    assert read(lab.root) == before


def test_hostile_18_a_link_out_is_stored_as_a_link_and_never_followed(lab: Lab, tmp_path: Path) -> None:
    outside = tmp_path / "ssh"
    outside.mkdir()
    (outside / "id").write_text("key")
    (lab.root / "etc").symlink_to("/etc")
    (lab.root / "ssh").symlink_to(outside)
    target = lab.capture()
    assert {e.path: e.target for e in target.entries if e.kind == "link"} == {"etc": "/etc", "ssh": str(outside)}
    (lab.root / "ssh").unlink()
    lab.write("ssh/id", "mine")
    inside = lab.capture()
    lab.rewind(target)
    assert (outside / "id").read_text() == "key"
    lab.rewind(inside)
    assert (outside / "id").read_text() == "key", "the restored file replaced the link, not what it points to"
    assert (lab.root / "ssh/id").read_text() == "mine"


def test_hostile_19_a_directory_swapped_for_a_link_fails_closed(lab: Lab, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("edited")
    lab.write("dir/file", "original")
    target = lab.capture()
    lab.write("dir/file", "edited")
    current = lab.capture()
    (lab.root / "dir").rename(lab.root / "gone")
    (lab.root / "dir").symlink_to(outside)
    with pytest.raises(Failed):
        tree.restore(lab.root, target, current, lab.store)
    assert (outside / "file").read_text() == "edited"


def test_hostile_19_links_swapped_in_all_the_time_never_lead_out(lab: Lab, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("secret")
    for n in range(30):
        lab.write(f"d{n}/file", "original")
    target = lab.capture()
    for n in range(30):
        lab.write(f"d{n}/file", "edited")
    stop = threading.Event()

    def swap() -> None:
        n = 0
        while not stop.is_set():
            there = lab.root / f"d{n % 30}"
            n += 1
            with suppress(OSError):  # a rewind that saw the link puts the directory back: both may come first
                there.rename(lab.root.parent / f"aside{n}")
                there.symlink_to(outside)
                time.sleep(0.0005)
                there.unlink()
                (lab.root.parent / f"aside{n}").rename(there)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(15):
            try:
                manifest = lab.capture()
                assert all(lab.store.get(e.digest) != b"secret" for e in manifest.entries if e.digest)
                tree.restore(lab.root, target, manifest, lab.store)
            except Failed:
                continue
    finally:
        stop.set()
        swapper.join()
    assert sorted(os.listdir(outside)) == ["file"]
    assert (outside / "file").read_text() == "secret"


def test_hostile_21_special_files_are_recorded_and_never_opened(lab: Lab, read: Read) -> None:
    os.mkfifo(lab.root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        old = os.getcwd()
        os.chdir(lab.root)
        listener.bind("sock")
        os.chdir(old)
        lab.write("file", "x")
        started = time.monotonic()
        target = lab.capture()
        assert time.monotonic() - started < 5, "reading a FIFO would block for ever"
    assert {e.path for e in target.entries if e.kind == "special"} == {"fifo", "sock"}
    assert {n.path for n in target.notices} == {"fifo", "sock"}
    (lab.root / "fifo").unlink()
    done = lab.rewind(target)
    assert [n.path for n in done.kept] == ["fifo"], "it says that the FIFO is not made again"
    os.mkfifo(lab.root / "later")
    done = lab.rewind(target)
    assert (lab.root / "later").is_fifo(), "no snapshot could bring it back, so it stays"


def test_hostile_21_a_hard_link_outside_is_not_written_through(lab: Lab, tmp_path: Path) -> None:
    outside = tmp_path / "cache-of-an-installer"
    outside.write_text("shared")
    outside.chmod(0o644)
    os.link(outside, lab.root / "module.py")
    target = lab.capture()
    assert any("hard link" in n.text for n in target.notices)
    (lab.root / "module.py").unlink()
    lab.write("module.py", "edited")
    lab.rewind(target)
    assert (lab.root / "module.py").read_text() == "shared"
    (lab.root / "module.py").unlink()
    os.link(outside, lab.root / "module.py")
    for act in (lambda: os.chmod(outside, 0o600), lambda: os.utime(outside, ns=(9, 9))):
        act()
        attributes = outside.stat()
        lab.rewind(target)
        assert (outside.stat().st_mode, outside.stat().st_mtime_ns) == (attributes.st_mode, attributes.st_mtime_ns)
        assert (lab.root / "module.py").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("gone", [True, False])
def test_hostile_21_hard_links_between_files_of_the_tree_do_not_stop_a_rewind(lab: Lab, gone: bool) -> None:
    """As an installer's cache leaves them in two environments: taking one name away sets the ctime of all."""
    names = ("a/module.py", "b/module.py", "c/module.py")
    if not gone:
        for name in names:
            lab.write(name, f"as {name} was")
    lab.write("stays", "x")
    target = lab.capture()
    lab.write(names[0], "shared")
    for name in names[1:]:
        (lab.root / name).parent.mkdir(exist_ok=True)
        (lab.root / name).unlink(missing_ok=True)
        os.link(lab.root / names[0], lab.root / name)
    assert not lab.rewind(target).kept
    assert lab.look().digest == target.digest


def test_hostile_19_an_edit_through_another_name_is_still_seen(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    target = lab.capture()
    first = lab.write("a", "shared")
    os.link(first, lab.root / "b")
    unlink = os.unlink

    def edit_after(name: str, **options: int) -> None:
        unlink(name, **options)
        monkeypatch.setattr(os, "unlink", unlink)
        left = lab.root / ("b" if not first.exists() else "a")
        left.write_text("worked")

    monkeypatch.setattr(os, "unlink", edit_after)
    with pytest.raises(Failed, match="changed while"):
        lab.rewind(target)
    assert [path.read_text() for path in (first, lab.root / "b") if path.exists()] == ["worked"]


def test_hostile_22_a_sparse_terabyte_meets_the_budget_before_it_is_read(lab: Lab) -> None:
    lab.write("small", "x")
    earlier = lab.save()
    with open(lab.root / "disk.img", "wb") as file:
        file.truncate(1 << 40)
    started = time.monotonic()
    with pytest.raises(Failed, match=r"disk\.img") as caught:
        lab.capture()
    assert time.monotonic() - started < 20
    assert caught.value.hint
    assert [s.id for s in lab.store.snapshots()] == [earlier.id]
    with pytest.raises(Failed, match="entries"):
        lab.capture(budget=Budget(files=1, bytes=2 << 40))


def test_hostile_22_a_sparse_file_stays_sparse(lab: Lab) -> None:
    with open(lab.root / "image", "wb") as file:
        file.truncate(64 << 20)
        file.seek(33 << 20)
        file.write(b"data")
    target = lab.capture()
    content = (lab.root / "image").read_bytes()
    (lab.root / "image").unlink()
    lab.rewind(target)
    assert (lab.root / "image").read_bytes() == content
    assert (lab.root / "image").stat().st_blocks * 512 < 16 << 20
    assert lab.store.du().bytes < 1 << 20


def test_hostile_22_four_thousand_levels(lab: Lab) -> None:
    fd = os.open(lab.root, os.O_RDONLY)
    for _ in range(4000):
        os.mkdir("level", dir_fd=fd)
        deeper = os.open("level", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    bottom = os.open("bottom", os.O_WRONLY | os.O_CREAT, dir_fd=fd)
    os.write(bottom, b"deep")
    os.close(bottom)
    os.close(fd)
    try:
        target = lab.capture()
        assert len(target.entries) == 4002
        subprocess.run(["rm", "-rf", str(lab.root / "level")], check=True)
        empty = lab.capture()
        lab.rewind(target)
        assert lab.look().digest == target.digest
        lab.rewind(empty)
        assert os.listdir(lab.root) == []
    finally:
        subprocess.run(["rm", "-rf", str(lab.root)], check=True)
        lab.root.mkdir()


def test_hostile_22_many_files_take_bounded_memory_and_few_descriptors(tmp_path: Path) -> None:
    script = f"""
import os, resource, sys
from pathlib import Path
from envsync.tools.store import tree
from envsync.tools.store.cache import Cache
from envsync.tools.store.store import Store
root = Path({str(tmp_path)!r}) / "many"
for d in range(40):
    (root / f"d{{d}}").mkdir(parents=True)
    fd = os.open(root / f"d{{d}}", os.O_RDONLY)
    for f in range(500):
        os.close(os.open(f"file-{{f}}", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=fd))
    os.close(fd)
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
store, cache = Store(root.parent / "store"), Cache(root.parent / "cache")
m = tree.capture(root, store, cache)
m2 = tree.capture(root, store, cache)
assert m.digest == m2.digest and m.files == 20_000
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) * 1024 // 20_000)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) < 3000, "bytes of memory per file"


def test_hostile_54_order_is_by_sequence_not_by_time(lab: Lab) -> None:
    lab.write("a", "1")
    now = datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
    times = [now, now - timedelta(days=400), now, now - timedelta(hours=1)]
    saved = [lab.save(at=at, label=f"n{n}") for n, at in enumerate(times)]
    assert [s.seq for s in saved] == [1, 2, 3, 4]
    assert [s.label for s in lab.store.snapshots()] == ["n0", "n1", "n2", "n3"]
    lab.store.forget(saved[-1].id)
    assert lab.save().seq == 5, "a number is never used twice"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_as_root_a_restored_file_keeps_its_owner(lab: Lab) -> None:
    lab.write("theirs", "one")
    os.chown(lab.root, 1234, 1234)
    os.chown(lab.root / "theirs", 1234, 1234)
    target = lab.capture()
    (lab.root / "theirs").write_text("two")
    lab.rewind(target)
    assert (lab.root / "theirs").stat().st_uid == 1234
    (lab.root / "theirs").unlink()
    lab.rewind(target)
    assert (lab.root / "theirs").stat().st_uid == 1234, "a new file belongs to whom its directory does"


def as_user(act: Callable[[Lab], None]) -> None:
    """Run in a child without root's rights, in a directory of its own, since root may do everything anyhow."""
    base = Path(tempfile.mkdtemp(dir="/tmp"))
    root = os.geteuid() == 0
    if root:
        os.chown(base, 4321, 4321)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if root:
                os.setgroups([])
                os.setgid(4321)
                os.setuid(4321)
            (base / "project").mkdir()
            act(Lab(base / "project", Store(base / "state/store"), Cache(base / "state/cache")))
        except BaseException:
            os.write(writing, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        problem = answer.read().decode()
    os.waitpid(child, 0)
    subprocess.run(["chmod", "-R", "u+rwX", str(base)], check=True)
    shutil.rmtree(base)
    assert not problem, problem


def test_an_unreadable_file_is_named_and_never_lost() -> None:
    def act(lab: Lab) -> None:
        lab.write("open", "x")
        lab.write("secret", "mine", 0o000)
        lab.write("dark/inside", "mine")
        (lab.root / "dark").chmod(0o000)
        target = lab.capture()
        assert sorted(n.path for n in target.notices) == ["dark", "secret"]
        (lab.root / "open").write_text("edited")
        assert lab.rewind(target).kept == []
        assert (lab.root / "open").read_text() == "x"
        empty = Manifest(target.entries[:1])
        assert sorted(n.path for n in lab.rewind(empty).kept) == ["dark", "secret"]
        assert sorted(os.listdir(lab.root)) == ["dark", "secret"]
        # Readable now: the snapshot says nothing about what is inside, so going back to it must not remove it.
        (lab.root / "dark").chmod(0o755)
        (lab.root / "secret").chmod(0o644)
        done = lab.rewind(target)
        assert not (lab.root / "dark").stat().st_mode & 0o777, "its own mode is known, and back"
        (lab.root / "dark").chmod(0o755)
        assert (lab.root / "dark/inside").read_text() == "mine"
        assert (lab.root / "secret").read_text() == "mine"
        assert [n.path for n in done.kept] == ["secret"]

    as_user(act)


def test_locked_directories_and_files_are_rewound_by_their_owner(read: Read) -> None:
    def act(lab: Lab) -> None:
        lab.write("vendor/pkg/a.txt", "one", 0o444)
        lab.write("vendor/pkg/b.txt", "two", 0o400)
        lab.write("vendor/gone/c.txt", "three")
        lab.write("dark/inside", "x")
        for path in ("vendor/pkg", "vendor", "."):
            (lab.root / path).chmod(0o555)
        before = read(lab.root)
        target = lab.capture()
        for path in (".", "vendor", "vendor/pkg"):
            (lab.root / path).chmod(0o755)
        (lab.root / "vendor/pkg/a.txt").unlink()
        lab.write("vendor/pkg/a.txt", "edited", 0o444)
        (lab.root / "vendor/pkg/b.txt").unlink()
        lab.write("vendor/pkg/new.txt", "new")
        shutil.rmtree(lab.root / "vendor/gone")
        for path in ("vendor/pkg", "vendor", "."):
            (lab.root / path).chmod(0o555)
        locked = lab.capture()
        lab.rewind(target)
        assert read(lab.root) == before
        lab.rewind(locked)
        assert lab.look().entries == locked.entries
        (lab.root / "dark").chmod(0o000)
        lab.rewind(target)
        assert read(lab.root) == before

    as_user(act)


def test_the_store_is_private(lab: Lab) -> None:
    lab.write("a", "secret")
    lab.save()
    for folder, directories, files in os.walk(lab.store.directory):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        for name in (*directories, *files):
            assert not stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) & 0o077, name
