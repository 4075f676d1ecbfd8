"""What a store promises: the conformance suite. Another implementation joins by adding itself to `MAKERS`."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from blake3 import blake3

from envsync.tools.errors import Damaged, EnvSyncError, Failed, Locked
from envsync.tools.store import tree
from envsync.tools.store.model import Dotfile, Keep, Snapshot
from envsync.tools.store.prune import surplus
from envsync.tools.store.store import Store

from .conftest import Lab

MAKERS: dict[str, Callable[[Path], Store]] = {"packs": Store}


@pytest.fixture(params=MAKERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MAKERS[request.param](tmp_path / "store")


@pytest.mark.parametrize(
    "content",
    [b"", b"x", os.urandom(100), b"a" * (1 << 20), os.urandom(5 << 20)],
    ids=["empty", "byte", "small", "megabyte", "chunks"],
)
def test_content_comes_back_under_its_blake3(store: Store, content: bytes) -> None:
    digest = store.put(content)
    assert digest == blake3(content).hexdigest()
    for reader in (store, type(store)(store.directory)):
        assert reader.has(digest)
        assert reader.get(digest) == content
        assert b"".join(reader.pieces(digest)) == content


def test_storing_twice_writes_once(store: Store) -> None:
    first = store.put(b"content")
    before = store.du()
    assert store.put(b"content") == first
    assert store.du() == before


def test_reading_makes_no_directory(store: Store) -> None:
    assert store.snapshots() == []
    assert not store.has("0" * 64)
    assert store.du().bytes == 0
    assert store.prune().blobs == 0
    assert not store.directory.exists()


def test_missing_content_is_damage_with_a_hint(store: Store) -> None:
    with pytest.raises(Damaged) as caught:
        store.get("0" * 64)
    assert caught.value.hint


def test_every_flipped_byte_is_noticed(store: Store) -> None:
    contents = [os.urandom(50), b"compressible " * 100, b"z" * 5000]
    digests = store.put_all(contents)
    (pack,) = (store.directory / "packs").glob("*.pack")
    whole = pack.read_bytes()
    for position in range(0, len(whole), 3):
        pack.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        reader = type(store)(store.directory)
        for digest, content in zip(digests, contents, strict=True):
            try:
                assert reader.get(digest) == content
            except Damaged:
                continue
        if position >= 8:
            assert reader.check(), f"byte {position} was changed and nothing was said"
    pack.write_bytes(whole[: len(whole) // 2])
    assert type(store)(store.directory).check()
    pack.write_bytes(whole)
    assert type(store)(store.directory).check() == []


def test_another_process_sees_what_was_written(store: Store) -> None:
    late = type(store)(store.directory)
    assert not late.has("0" * 64)
    digest = store.put(b"later")
    assert late.get(digest) == b"later"


def test_threads_share_a_store(store: Store) -> None:
    wrong: list[object] = []

    def work(n: int) -> None:
        for i in range(10):
            content = f"{n}-{i}".encode() * 50
            if store.get(store.put(content)) != content:
                wrong.append((n, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert store.check() == []


def test_processes_take_snapshots_at_once_and_no_number_is_given_twice(lab: Lab) -> None:
    lab.write("a", "x")
    lab.save()
    script = f"""
from datetime import UTC, datetime
from pathlib import Path
from envsync.tools.store.model import Snapshot
from envsync.tools.store.store import Store
store = Store(Path({str(lab.store.directory)!r}))
manifest = store.snapshots()[0].manifest
for _ in range(10):
    store.save(Snapshot(at=datetime.now(UTC), path="/p", manifest=manifest, files=1, bytes=1))
"""
    children = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    saved = lab.store.snapshots()
    assert [s.seq for s in saved] == list(range(1, 32))
    assert len({s.id for s in saved}) == 31


def test_finding_by_id_label_and_beginning(lab: Lab) -> None:
    lab.write("a", "x")
    first = lab.save(label="before numpy")
    second = lab.save(label="before numpy")
    third = lab.save(path="/elsewhere", label="other")
    assert lab.store.find(first.id) == [first]
    assert lab.store.find("before numpy") == [first, second], "row 26: both, so that a person can be asked which"
    assert third in lab.store.find(third.id[:2])
    assert lab.store.find("other", path=str(lab.root)) == []
    assert lab.store.find("") == [] == lab.store.find("nothing like it")
    assert first.id[0].isalpha() and 4 <= len(first.id) <= 6


def test_a_project_whose_path_is_not_utf8(lab: Lab) -> None:
    lab.write("a", "x")
    saved = lab.save(path="/x/\udcff", words="lone \ud800")
    assert Store(lab.store.directory).snapshots("/x/\udcff") == [saved]
    assert Store(lab.store.directory).check() == []


def test_a_record_needs_all_its_content(lab: Lab) -> None:
    lab.write("a", "x")
    manifest = lab.look()
    with pytest.raises(EnvSyncError):
        lab.save(manifest)
    manifest = lab.capture()
    with pytest.raises(Failed):
        lab.save(manifest, dotfiles=[Dotfile(path="~/.bashrc", digest="0" * 64, mode=0o644)])
    digest = lab.store.put(b"export A=1\n")
    saved = lab.save(manifest, dotfiles=[Dotfile(path="~/.bashrc", digest=digest, mode=0o644)])
    lab.store.prune(Keep(last=0, days=0))
    assert lab.store.get(saved.dotfiles[0].digest) == b"export A=1\n"


def test_a_capture_that_was_pruned_before_its_record_is_refused(lab: Lab) -> None:
    lab.write("a", "x")
    manifest = lab.capture()
    lab.store.prune()
    with pytest.raises(Damaged):
        lab.save(manifest)
    assert lab.store.snapshots() == []


def test_content_that_another_process_pruned_is_stored_again(lab: Lab) -> None:
    digest = lab.store.put(b"dotfile")
    lab.write("a", "x")
    manifest = lab.capture()
    Store(lab.store.directory).prune()
    assert lab.store.put(b"dotfile") == digest
    assert Store(lab.store.directory).get(digest) == b"dotfile"
    assert lab.capture().digest == manifest.digest
    lab.save(manifest)
    assert Store(lab.store.directory).check() == []


def test_a_damaged_record_hides_only_itself_and_stops_pruning(lab: Lab) -> None:
    lab.write("a", "x")
    saved = [lab.save(), lab.save(), lab.save()]
    record = sorted((lab.store.directory / "snapshots").glob("*.json"))[1]
    record.write_bytes(record.read_bytes().replace(b'"automatic":false', b'"automatic":true'))
    store = Store(lab.store.directory)
    assert [s.id for s in store.snapshots()] == [saved[0].id, saved[2].id]
    assert any(record.name in line for line in store.check())
    with pytest.raises(Damaged, match="nothing was freed"):
        store.prune()


def test_pruning_frees_what_nothing_needs_and_keeps_the_rest(lab: Lab) -> None:
    lab.write("shared.txt", "shared")
    lab.write("huge.bin", os.urandom(9 << 20))
    old = datetime.now(UTC) - timedelta(days=90)
    first = lab.save(at=old)
    (lab.root / "huge.bin").unlink()
    lab.write("kept.txt", "labelled")
    labelled = lab.save(at=old, label="keep me")
    for n in range(30):
        lab.write("kept.txt", f"version {n}")
        lab.save(at=old, automatic=True)
    before = lab.store.du()
    pruned = lab.store.prune(Keep(last=3, days=30))
    assert first.id in pruned.snapshots and labelled.id not in pruned.snapshots
    left = lab.store.snapshots()
    assert len(left) == 1 + 1 + 3, "the labelled one, the newest, and the last three before it"
    assert pruned.bytes > 9 << 20 and before.bytes - lab.store.du().bytes == pruned.bytes
    assert lab.store.du().packs < 10
    assert lab.store.check() == []
    for snapshot in left:
        lab.rewind(lab.store.manifest(snapshot.manifest))
    lab.rewind(lab.store.manifest(labelled.manifest))
    assert (lab.root / "kept.txt").read_text() == "labelled"
    assert lab.store.prune(Keep(last=3, days=30)).snapshots == ()


def test_the_size_limit_forgets_the_oldest_unlabelled_first(lab: Lab) -> None:
    saved: list[Snapshot] = []
    for n in range(5):
        lab.write("noise", os.urandom(1 << 20))
        saved.append(lab.save(label="golden" if n == 0 else None))
    pruned = lab.store.prune(Keep(bytes=(5 << 20) // 2), protect=[saved[1].id])
    assert pruned.snapshots == (saved[2].id, saved[3].id)
    assert [s.id for s in lab.store.snapshots()] == [saved[0].id, saved[1].id, saved[4].id]
    assert lab.store.check() == []


def test_retention_counts_per_project_and_keeps_the_newest() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def make(seq: int, path: str, days: float, label: str | None = None) -> Snapshot:
        return Snapshot(
            id=f"s{seq}", seq=seq, at=now - timedelta(days=days), path=path, label=label, manifest="", files=0, bytes=0
        )

    history = [make(1, "/a", 400), make(2, "/b", 400, "gold"), make(3, "/b", 400), make(4, "/a", 300), make(5, "/a", 1)]
    gone = surplus(history, Keep(last=0, days=30), now)
    assert [s.id for s in gone] == ["s1", "s4"]
    assert surplus(history, Keep(last=1, days=30), now)[0].id == "s1"
    assert surplus(history, Keep(), now) == []


def test_pruning_waits_for_captures_and_says_so(lab: Lab) -> None:
    lab.write("a", "x")
    lab.save()
    with lab.store.writing(), lab.store.writing(), pytest.raises(Locked):
        Store(lab.store.directory).prune()


def test_a_reader_survives_pruning_by_another_process(lab: Lab) -> None:
    for n in range(20):
        lab.write("f", f"version {n}")
        lab.save(label=str(n))
    reader = Store(lab.store.directory)
    digests = [e.digest for s in reader.snapshots() for e in reader.manifest(s.manifest).entries if e.digest]
    packs = set((lab.store.directory / "packs").iterdir())
    lab.store.prune()
    assert set((lab.store.directory / "packs").iterdir()) != packs
    assert len({reader.get(digest) for digest in digests}) == 20


def test_a_manifest_shares_its_stretches_with_the_one_before(lab: Lab) -> None:
    for n in range(3000):
        (lab.root / f"file-{n}").write_bytes(b"%d" % n)
    lab.save()
    before = lab.store.du().bytes
    lab.write("file-1500", "edited")
    lab.save()
    assert lab.store.du().bytes - before < 40_000, "a whole manifest of this tree takes 150 KB"
    assert tree.compare(lab.look(), lab.look()) == []
