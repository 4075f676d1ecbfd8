"""Scanning, staging and applying, next to real files."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from envsync.tools.errors import Damaged, EnvSyncError, Failed, Usage
from envsync.tools.hosts.local import LocalHost
from envsync.tools.trees.between import perform
from envsync.tools.trees.hashing import BLOCK, digest_of
from envsync.tools.trees.model import Change, Entry, Options, Outcome, Tree, same
from envsync.tools.trees.near import NearReplica
from envsync.tools.trees.open import open_replica
from envsync.tools.trees.packing import pack_scan, unpack_changes, unpack_outcomes, unpack_scan, unpack_tree
from envsync.tools.trees.private import Private
from envsync.tools.trees.replica import Replica, Wanted
from envsync.tools.trees.side import Side
from envsync.tools.trees.where import make_private

Open = Callable[..., Awaitable[Replica]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Opens replicas of directories below `tmp_path`, whose private places are there too."""
    found: list[Replica] = []

    async def make(name: str, **options: object) -> Replica:
        root = tmp_path / name
        root.mkdir(exist_ok=True)
        private = str(tmp_path / f"private-{name}")
        replica = await open_replica(LocalHost(), str(root), id=name, options=Options(**options), private=private)  # type: ignore[arg-type]
        found.append(replica)
        return replica

    yield make
    for replica in found:
        await replica.close()


def put(root: Path, files: dict[str, bytes | None]) -> None:
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            place.mkdir()
        else:
            place.write_bytes(content)


def plain(tree: Tree) -> Tree:
    """Without the times of directories, which nothing depends on."""
    return {path: entry._replace(mtime_ns=0) if entry.kind == "directory" else entry for path, entry in tree.items()}


def file(content: bytes, mode: int = 0o644, mtime_ns: int = 1_600_000_000_000_000_000) -> Entry:
    return Entry("file", mode, len(content), mtime_ns, digest_of(content))


async def make(replica: Replica, changes: list[Change], *contents: bytes) -> list[Outcome]:
    return await replica.apply(changes, batch="test", contents=[(digest_of(each), each) for each in contents])


async def test_a_scan_says_what_is_there_and_a_second_one_reads_nothing(opened: Open, tmp_path: Path) -> None:
    a = await opened("a")
    put(tmp_path / "a", {"x": b"one", "d/y": b"two", "empty": None})
    (tmp_path / "a/x").chmod(0o755)
    (tmp_path / "a/l").symlink_to("../outside")
    scan = await a.scan()
    assert {path: entry.kind for path, entry in scan.tree.items()} == {
        "x": "file", "d": "directory", "d/y": "file", "empty": "directory", "l": "link",
    }  # fmt: skip
    assert scan.tree["x"].digest == digest_of(b"one") and scan.tree["x"].mode == 0o755
    assert scan.tree["l"].target == "../outside"
    assert unpack_scan(pack_scan(scan)) == scan
    assert (await a.scan()).tree == scan.tree


async def test_rewrites_of_the_same_size_in_one_tick_are_never_missed(opened: Open, tmp_path: Path) -> None:
    a = await opened("a")
    place = tmp_path / "a/x"
    place.write_bytes(b"0000")
    before = place.stat().st_mtime_ns
    for turn in range(60):
        content = b"%04d" % turn
        with open(place, "r+b") as stream:
            stream.write(content)
        os.utime(place, ns=(before, before))  # a tool that sets the time back
        scan = await a.scan(["x"]) if turn % 2 else await a.scan()
        assert scan.tree["x"].digest == digest_of(content), turn


async def test_what_is_known_of_files_survives_a_restart_and_damage(opened: Open, tmp_path: Path) -> None:
    put(tmp_path / "a", {f"f{i}": b"%d" % i for i in range(20)})
    for name in (tmp_path / "a").iterdir():
        os.utime(name, (1, 1))
    a = await opened("a")
    first = (await a.scan()).tree
    cache = tmp_path / "private-a/stat.cache"
    while not cache.exists():  # until the files are old enough to be remembered
        await asyncio.sleep(0.02)
        await a.scan()
    await a.close()
    cache.write_bytes(cache.read_bytes()[:-3] + b"xyz")
    again = await opened("a")
    assert (await again.scan()).tree == first


async def test_ignore_files_count_nested_and_vortexignore_has_the_last_word(opened: Open, tmp_path: Path) -> None:
    a = await opened("a")
    put(
        tmp_path / "a",
        {
            ".gitignore": b"*.log\nnode_modules/\nbuild\n", ".vortexignore": b"!keep.log\nsecret.txt\n", "a.log": b"",
            "keep.log": b"", "node_modules/m/x": b"", "secret.txt": b"", "sub/.gitignore": b"!b.log\nlocal\n",
            "sub/b.log": b"", "sub/local": b"", "local": b"", "build/x": b"",
        },
    )  # fmt: skip
    scan = await a.scan()
    assert set(scan.tree) == {
        ".gitignore", ".vortexignore", "keep.log", "sub", "sub/.gitignore", "sub/b.log", "local",
    }  # fmt: skip
    assert set(scan.ignored) == {"a.log", "node_modules", "secret.txt", "sub/local", "build"}
    put(tmp_path / "a", {"node_modules/m/y": b"", "sub/c.log": b"", "sub/local2": b"", "sub/new/.gitignore": b"*\n"})
    part = await a.scan(["node_modules/m/y", "sub/c.log", "sub/local2", "sub/new"])
    assert set(part.tree) == {"sub/local2", "sub/new"} and set(part.ignored) == {"sub/c.log", "sub/new/.gitignore"}
    merged = part.onto(scan)
    whole = await a.scan()
    assert plain(merged.tree) == plain(whole.tree) and set(merged.ignored) == set(whole.ignored)
    (tmp_path / "a/.gitignore").write_bytes(b"")
    part = await a.scan([".gitignore"])
    assert "node_modules/m/x" in part.tree and part.roots is None


async def test_a_partial_scan_is_as_good_as_a_whole_one(opened: Open, tmp_path: Path) -> None:
    a = await opened("a")
    root = tmp_path / "a"
    put(root, {"d/e/x": b"1", "d/y": b"2", "gone/z": b"3", "t/u": b"4", "swap/k": b"5"})
    scan = await a.scan()
    put(root, {"d/e/new": b"new", "deep/er/still": b"deep"})
    (root / "gone/z").unlink()
    (root / "gone").rmdir()
    (root / "d/y").write_bytes(b"changed")
    (root / "swap/k").unlink()
    (root / "swap").rmdir()
    (root / "swap").symlink_to("d")
    part = await a.scan(["d/e/new", "deep/er/still", "gone", "gone/z", "d/y", "swap", "swap/k"], inline=100)
    assert part.contents[digest_of(b"new")] == b"new"
    assert plain(part.onto(scan).tree) == plain((await a.scan()).tree)


async def test_hostile_21_special_files_and_unreadable_ones_are_named_and_not_opened(
    opened: Open, tmp_path: Path
) -> None:
    a = await opened("a")
    os.mkfifo(tmp_path / "a/pipe")
    put(tmp_path / "a", {"x": b"one"})
    os.link(tmp_path / "a/x", tmp_path / "a/hard")
    scan = await a.scan()
    assert scan.tree["pipe"].kind == "special" and [notice.path for notice in scan.notices] == ["pipe"]
    assert same(scan.tree["x"], scan.tree["hard"])


async def test_names_that_are_no_text_and_hostile_ones_go_through(opened: Open, tmp_path: Path) -> None:
    a, b = await opened("a"), await opened("b")
    names = [b"\xff\xfe", b"--force", b"; rm -rf ~", b"a\nb\x1b[31m", "é".encode(), b" ", b"x" * 255, b"$(id)", b"\\"]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path / "a"), name), "wb") as stream:
            stream.write(name)
    scan = await a.scan()
    outcomes = await perform(a, b, [Change(path, None, entry) for path, entry in scan.tree.items()])
    assert [outcome.why for outcome in outcomes] == [""] * len(names)
    assert sorted(os.listdir(os.fsencode(tmp_path / "b"))) == sorted(names)
    assert (await b.scan()).tree.keys() == scan.tree.keys()


async def test_hostile_22_deep_trees_are_scanned_and_made(opened: Open, tmp_path: Path) -> None:
    a, b = await opened("a"), await opened("b")
    fd = os.open(tmp_path / "a", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d" * 10, dir_fd=fd)
        below = os.open("d" * 10, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    scan = await a.scan()
    assert len(scan.tree) == 1500
    changes = [Change(path, None, entry) for path, entry in scan.tree.items()]
    assert not any(outcome.why for outcome in await perform(a, b, changes))
    assert (await b.scan()).tree.keys() == scan.tree.keys()
    undone = [Change(path, entry, None) for path, entry in scan.tree.items()]
    assert not any(outcome.why for outcome in await b.apply(undone))
    assert os.listdir(tmp_path / "b") == []


async def test_changes_are_made_whole_with_mode_and_time_and_what_was_there_is_kept(
    opened: Open, tmp_path: Path
) -> None:
    b = await opened("b")
    put(tmp_path / "b", {"old": b"before", "gone": b"deleted"})
    (tmp_path / "b/old").chmod(0o640)
    before = (await b.scan()).tree
    changes = [
        Change("new", None, file(b"new", 0o755)),
        Change("old", before["old"], file(b"after", 0o755)),
        Change("gone", before["gone"], None),
        Change("d", None, Entry("directory", 0o755)),
        Change("d/l", None, Entry("link", target="../new")),
    ]
    outcomes = await make(b, changes, b"new", b"after")
    assert [outcome.why for outcome in outcomes] == [""] * 5
    info = (tmp_path / "b/new").stat()
    assert (info.st_mtime_ns, stat.S_IMODE(info.st_mode)) == (1_600_000_000_000_000_000, 0o755)
    # What was there keeps its own permissions but for the executable bit, which whoever may read gets.
    assert stat.S_IMODE((tmp_path / "b/old").stat().st_mode) == 0o750
    assert os.readlink(tmp_path / "b/d/l") == "../new"
    kept = {item.path: item for item in await b.kept()}
    assert set(kept) == {"old", "gone"} and all(item.batch == "test" for item in kept.values())
    assert (tmp_path / "private-b/kept" / kept["old"].name).read_bytes() == b"before"
    # Content that is kept need not be moved again.
    assert await b.missing({digest_of(b"deleted"): 7, digest_of(b"never"): 5}) == {digest_of(b"never")}
    back = await b.apply([Change("gone", None, before["gone"])])
    assert not back[0].why and (tmp_path / "b/gone").read_bytes() == b"deleted"
    assert await b.prune(before=0, limit=0) == 13 and await b.kept() == []


async def test_what_somebody_wrote_meanwhile_is_refused_and_stays(opened: Open, tmp_path: Path) -> None:
    b = await opened("b")
    put(tmp_path / "b", {"edited": b"one", "gone": b"one", "typed": b"one", "late/x": b"one", "bit": b"one"})
    before = (await b.scan()).tree
    (tmp_path / "b/edited").write_bytes(b"two")
    (tmp_path / "b/gone").unlink()
    (tmp_path / "b/typed").unlink()
    (tmp_path / "b/typed").mkdir()
    (tmp_path / "b/appeared").write_bytes(b"mine")
    (tmp_path / "b/late/y").write_bytes(b"mine")
    (tmp_path / "b/bit").chmod(0o755)
    changes = [
        Change("edited", before["edited"], file(b"new")),
        Change("gone", before["gone"], file(b"new")),
        Change("typed", before["typed"], file(b"new")),
        Change("appeared", None, file(b"new")),
        Change("late/x", before["late/x"], None),
        Change("late", before["late"], None),
        Change("bit", before["bit"], None),
    ]
    outcomes = await make(b, changes, b"new")
    assert [bool(outcome.why) for outcome in outcomes] == [True, True, True, True, False, True, True]
    assert (tmp_path / "b/edited").read_bytes() == b"two" and (tmp_path / "b/appeared").read_bytes() == b"mine"
    assert (tmp_path / "b/late/y").read_bytes() == b"mine" and (tmp_path / "b/typed").is_dir()
    assert [item.path for item in await b.kept()] == ["late/x"]


async def test_a_rename_moves_the_file_itself(opened: Open, tmp_path: Path) -> None:
    b = await opened("b")
    put(tmp_path / "b", {"d/x": b"content", "d/y": b"other"})
    inode = (tmp_path / "b/d/x").stat().st_ino
    before = (await b.scan()).tree
    changes = [
        Change("d/y", before["d/y"], None),
        Change("d/x", before["d/x"], None),
        Change("d", before["d"], None),
        Change("e", None, before["d"]),
        Change("e/x", None, before["d/x"], "d/x"),
        Change("e/y", None, before["d/y"], "d/y"),
    ]
    outcomes = await b.apply(changes)
    assert not any(outcome.why for outcome in outcomes) and not (tmp_path / "b/d").exists()
    assert (tmp_path / "b/e/x").stat().st_ino == inode and await b.kept() == []


async def test_a_rename_whose_new_name_is_taken_leaves_the_old_one(opened: Open, tmp_path: Path) -> None:
    b = await opened("b")
    put(tmp_path / "b", {"x": b"content", "taken": b"mine"})
    before = (await b.scan()).tree
    outcomes = await b.apply([Change("x", before["x"], None), Change("taken", None, before["x"], "x")])
    assert all(outcome.why for outcome in outcomes)
    assert (tmp_path / "b/x").read_bytes() == b"content" and (tmp_path / "b/taken").read_bytes() == b"mine"


async def test_kinds_change_into_each_other(opened: Open, tmp_path: Path) -> None:
    b = await opened("b")
    put(tmp_path / "b", {"f": b"file", "d/x": b"below"})
    (tmp_path / "b/l").symlink_to("f")
    before = (await b.scan()).tree
    changes = [
        Change("d/x", before["d/x"], None),
        Change("d", before["d"], file(b"now a file")),
        Change("f", before["f"], Entry("directory", 0o755)),
        Change("f/x", None, file(b"now a file")),
        Change("l", before["l"], file(b"now a file")),
    ]
    outcomes = await make(b, changes, b"now a file")
    assert [outcome.why for outcome in outcomes] == [""] * 5
    assert (tmp_path / "b/d").read_bytes() == (tmp_path / "b/f/x").read_bytes() == b"now a file"
    assert not (tmp_path / "b/l").is_symlink()
    assert {item.path for item in await b.kept()} == {"d/x", "f", "l"}


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a//b", ".", "", "a/./b"])
async def test_hostile_20_a_path_that_leads_outside_is_refused_as_a_whole(
    path: str, opened: Open, tmp_path: Path
) -> None:
    b = await opened("b")
    with pytest.raises(EnvSyncError):
        await make(b, [Change(path, None, file(b"evil"))], b"evil")
    with pytest.raises(Usage):
        await b.fetch([Wanted(path, digest_of(b"x"), 1)])
    assert os.listdir(tmp_path / "b") == []


async def test_hostile_18_19_no_link_on_the_way_is_followed(opened: Open, tmp_path: Path) -> None:
    b = await opened("b")
    outside = tmp_path / "outside"
    put(outside, {"x": b"theirs"})
    put(tmp_path / "b", {"d/x": b"mine"})
    before = (await b.scan()).tree
    (tmp_path / "b/d/x").unlink()
    (tmp_path / "b/d").rmdir()
    (tmp_path / "b/d").symlink_to(outside)  # swapped after the scan
    (tmp_path / "b/t").symlink_to(outside / "x")
    changes = [
        Change("d/x", before["d/x"], file(b"evil")),
        Change("d/new", None, file(b"evil")),
        Change("d/sub", None, Entry("directory", 0o755)),
        Change("t", None, file(b"evil")),
    ]
    outcomes = await make(b, changes, b"evil")
    assert all(outcome.why for outcome in outcomes)
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"x": b"theirs"}
    assert await b.fetch([Wanted("d/x", digest_of(b"theirs"), 6)]) == [None]
    assert set((await b.scan()).tree) == {"d", "t"}


async def test_hostile_19_a_directory_swapped_for_a_link_again_and_again_leads_nowhere(
    opened: Open, tmp_path: Path
) -> None:
    b = await opened("b")
    outside, place, aside = tmp_path / "outside", tmp_path / "b/d", tmp_path / "aside"
    outside.mkdir()
    place.mkdir()
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            place.rename(aside)
            place.symlink_to(outside)
            place.unlink()
            aside.rename(place)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for turn in range(150):
            await make(b, [Change(f"d/{turn}", None, file(b"evil"))], b"evil")
    finally:
        stop.set()
        thread.join()
    assert os.listdir(outside) == []


async def test_content_that_does_not_match_its_digest_is_never_put_in_place(opened: Open, tmp_path: Path) -> None:
    b = await opened("b")
    with pytest.raises(Damaged):
        await b.apply([Change("x", None, file(b"right"))], contents=[(digest_of(b"right"), b"wrong")])
    with pytest.raises(Damaged):
        await b.stage([(digest_of(b"right"), b"wrong")])
    big = os.urandom(3 * BLOCK)
    await b.begin(digest_of(big), len(big))
    await b.fill(digest_of(big), 0, bytes(len(big)))
    with pytest.raises(Damaged):
        await b.finish(digest_of(big))
    outcomes = await b.apply([Change("x", None, file(b"right")), Change("big", None, file(big))])
    assert all(outcome.why for outcome in outcomes) and os.listdir(tmp_path / "b") == []
    for blob in (b"", b"\0" * 9, b"\xff" * 100):
        for decode in (unpack_tree, unpack_scan, unpack_changes, unpack_outcomes):
            with pytest.raises((EnvSyncError, ValueError)):
                decode(blob)


async def test_ignored_content_keeps_its_directory(opened: Open, tmp_path: Path) -> None:
    b = await opened("b")
    put(tmp_path / "b", {".gitignore": b"cache\n", "d/x": b"one", "d/cache/y": b"two"})
    before = (await b.scan()).tree
    outcomes = await b.apply([Change("d/x", before["d/x"], None), Change("d", before["d"], None)])
    assert [bool(outcome.why) for outcome in outcomes] == [False, True]
    assert (tmp_path / "b/d/cache/y").read_bytes() == b"two"


async def test_a_read_only_directory_refuses_its_path_alone(opened: Open, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    b = await opened("b")
    put(tmp_path / "b", {"d": None})
    (tmp_path / "b/d").chmod(0o555)
    outcomes = await make(b, [Change("d/x", None, file(b"one")), Change("y", None, file(b"one"))], b"one")
    (tmp_path / "b/d").chmod(0o755)
    assert [bool(outcome.why) for outcome in outcomes] == [True, False]


async def test_a_root_that_is_gone_is_a_fact_and_an_error(opened: Open, tmp_path: Path) -> None:
    a = await opened("a")
    assert (await a.facts()).kind == "directory"
    (tmp_path / "a").rmdir()
    assert (await a.facts()).kind == "missing"
    with pytest.raises(Failed):
        await a.scan()
    (tmp_path / "a").write_bytes(b"")
    assert (await a.facts()).kind == "file"


async def test_one_changed_byte_moves_one_block_and_an_insertion_little_more(opened: Open, tmp_path: Path) -> None:
    a, b = await opened("a"), await opened("b")
    content = os.urandom(200 * BLOCK + 123)
    place = tmp_path / "a/big"
    place.write_bytes(content)
    first = (await a.scan()).tree["big"]
    assert not (await perform(a, b, [Change("big", None, first)]))[0].why
    edits = [
        content[: 100 * BLOCK] + b"!" + content[100 * BLOCK + 1 :],
        b"in front" + content,
        content[: 20 * BLOCK] + b"one" + content[20 * BLOCK : 60 * BLOCK] + content[61 * BLOCK :] + b"at the end",
        content[:1000],
        b"",
    ]
    from envsync.tools.trees.between import carry, need_of

    before = first
    for edit in edits:
        place.write_bytes(edit)
        now = (await a.scan(["big"])).tree["big"]
        need = need_of(Change("big", before, now))
        assert need is not None
        carried = await carry(a, b, [need])
        assert carried.done == {now.digest} and carried.moved <= 20 * BLOCK
        assert not (await b.apply([Change("big", before, now)]))[0].why
        assert (tmp_path / "b/big").read_bytes() == edit
        before = now


async def test_an_interrupted_large_file_goes_on_where_it_was(opened: Open, tmp_path: Path) -> None:
    a, b = await opened("a"), await opened("b")
    content = os.urandom(10 * BLOCK)
    (tmp_path / "a/big").write_bytes(content)
    entry = (await a.scan()).tree["big"]
    blocks = await a.blocks("big", entry.digest)
    assert await b.begin(entry.digest, entry.size, blocks) == [(0, 10 * BLOCK)]
    await b.fill(entry.digest, 0, content[: 6 * BLOCK])
    await b.close()
    again = await opened("b")
    assert await again.begin(entry.digest, entry.size, blocks) == [(6 * BLOCK, 4 * BLOCK)]
    await again.fill(entry.digest, 6 * BLOCK, content[6 * BLOCK :])
    await again.finish(entry.digest)
    assert not (await again.apply([Change("big", None, entry)]))[0].why
    assert (tmp_path / "b/big").read_bytes() == content


async def test_a_source_that_changes_under_way_is_said_and_nothing_wrong_arrives(opened: Open, tmp_path: Path) -> None:
    a, b = await opened("a"), await opened("b")
    put(tmp_path / "a", {"small": b"one", "big": os.urandom(40 * BLOCK), "gone": b"x"})
    tree = (await a.scan()).tree
    put(tmp_path / "a", {"small": b"two", "big": os.urandom(40 * BLOCK)})
    (tmp_path / "a/gone").unlink()
    outcomes = await perform(a, b, [Change(path, None, tree[path]) for path in ("small", "big", "gone")])
    assert all(outcome.why for outcome in outcomes) and os.listdir(tmp_path / "b") == []


async def test_what_a_killed_process_had_in_its_hands_is_kept(opened: Open, tmp_path: Path) -> None:
    first = await opened("b")
    work = tmp_path / "private-b/work"
    (work / "old-1").write_bytes(b"somebody's")
    (work / "new-1").write_bytes(b"ours")
    (tmp_path / "private-b/partial/00").write_bytes(b"half")
    second = await opened("b")
    assert await second.kept() == [] and sorted(os.listdir(work)) == ["new-1", "old-1"], "another process is at work"
    await second.close()
    await first.close()
    again = await opened("b")
    assert [(item.batch, item.entry.size) for item in await again.kept()] == [("recovered", 10)]
    assert os.listdir(work) == []


async def test_the_private_place_may_lie_inside_the_root_and_is_never_part_of_it(tmp_path: Path) -> None:
    root = tmp_path / "a"
    put(root, {"x": b"one"})
    replica = await open_replica(LocalHost(), str(root), id="in", private=str(root / "mine"))
    try:
        assert (await replica.facts()).private == str(root / "mine")
        assert set((await replica.scan()).tree) == {"x"}
        outcomes = await make(replica, [Change(".envsync-x", None, file(b"evil"))], b"evil")
        assert outcomes[0].why
    finally:
        await replica.close()


class Far(Side):
    """A side whose private place is on another file system, as when nothing of ours can be made near the root."""

    def __init__(self, tell: Callable[[object], None], root: str, spare: str, private: str) -> None:
        super().__init__(tell, root, "far", None, spare)
        self.private.close()
        assert make_private(private)
        self.private, self.near = Private(private, "blocks"), False


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[Replica]:
    """A replica of `b` with its private place elsewhere."""
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK) or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    (tmp_path / "b").mkdir()
    with tempfile.TemporaryDirectory(dir=shm) as other:
        link = await LocalHost().start(Far, str(tmp_path / "b"), str(tmp_path / "spare"), f"{other}/p")
        replica = NearReplica("local", str(tmp_path / "b"), link)
        yield replica
        await replica.close()


async def test_hostile_49_another_file_system_makes_copies_of_renames(far: Replica, tmp_path: Path) -> None:
    put(tmp_path / "b", {"x": b"before", "d": None, "gone": b"gone", "m": b"moved"})
    before = (await far.scan()).tree
    changes = [
        Change("gone", before["gone"], None),
        Change("m", before["m"], None),
        Change("x", before["x"], file(b"after")),
        Change("d/new", None, file(b"after")),
        Change("d/m", None, before["m"], "m"),
    ]
    outcomes = await make(far, changes, b"after")
    assert [outcome.why for outcome in outcomes] == [""] * 5
    assert (tmp_path / "b/x").read_bytes() == b"after" and (tmp_path / "b/d/m").read_bytes() == b"moved"
    assert {item.path for item in await far.kept()} == {"gone", "x"}
    assert sorted(os.listdir(tmp_path / "b")) == ["d", "x"]


async def test_a_repository_that_cannot_be_renamed_is_changed_under_its_own_lock(
    far: Replica, opened: Open, tmp_path: Path
) -> None:
    a, here, there = await opened("a"), tmp_path / "a", tmp_path / "b"
    git(here, "init", "-q")
    git(here, "commit", "-q", "--allow-empty", "-m", "first")
    first = (await a.scan()).tree[".git"]
    made = await perform(a, far, [Change(".git", None, first)])
    assert not made[0].why and sorted(os.listdir(there)) == [".git"]
    before = (await far.scan()).tree[".git"]
    git(here, "commit", "-q", "--allow-empty", "-m", "second")
    second = (await a.scan()).tree[".git"]
    assert not same(first, second)
    outcome = (await perform(a, far, [Change(".git", before, second)]))[0]
    assert not outcome.why and git(there, "log", "--format=%s") == "second\nfirst"
    git(there, "fsck", "--strict")
    assert same((await far.scan()).tree[".git"], second) and not (there / ".git/index.lock").exists()
    kept = (await far.kept())[0]
    private = Path((await far.facts()).private)
    assert git(there, f"--git-dir={private / 'kept' / kept.name}", "log", "--format=%s") == "first"
    (there / ".git/index.lock").touch()
    assert (await perform(a, far, [Change(".git", second, before)]))[0].why
    assert git(there, "log", "--format=%s") == "second\nfirst"


async def test_hostile_50_a_repository_half_changed_by_a_killed_process_is_finished_at_the_next_start(
    opened: Open, tmp_path: Path
) -> None:
    here, there, private = tmp_path / "a", tmp_path / "b", tmp_path / "private-b"
    here.mkdir()
    git(here, "init", "-q")
    put(here, {"x": b"one"})
    git(here, "add", ".")
    git(here, "commit", "-qm", "first")
    shutil.copytree(here, there)
    git(here, "commit", "-q", "--allow-empty", "-m", "second")
    await (await opened("b")).close()
    shutil.copytree(here / ".git", private / "ready-intent-1")
    (private / "intent-1").write_text('{"path": ".git", "ready": "ready-intent-1"}')
    (there / ".git/index.lock").write_text("intent-1")
    (there / ".git/HEAD").unlink()
    await (await opened("b")).close()
    assert git(there, "log", "--format=%s") == "second\nfirst" and git(there, "status", "--short") == ""
    assert not (there / ".git/index.lock").exists()
    assert not [name for name in os.listdir(private) if "intent" in name]
    # Nothing was begun without the lock: then the repository stays as it is.
    shutil.copytree(there / ".git", private / "ready-intent-2")
    (private / "intent-2").write_text('{"path": ".git", "ready": "ready-intent-2"}')
    git(there, "commit", "-q", "--allow-empty", "-m", "mine")
    await opened("b")
    assert git(there, "log", "-1", "--format=%s") == "mine"
    assert not [name for name in os.listdir(private) if "intent" in name]


async def test_a_root_that_is_made_later_is_as_good_as_one_that_was_there(tmp_path: Path, opened: Open) -> None:
    a, here, there = await opened("a"), tmp_path / "a", tmp_path / "later"
    git(here, "init", "-q")
    put(here, {"x": b"one"})
    b = await open_replica(LocalHost(), str(there), id="later", private=str(tmp_path / "private-later"))
    assert (await b.facts()).kind == "missing"
    there.mkdir()
    (there / "x").write_bytes(b"before")
    tree, before = (await a.scan()).tree, (await b.scan()).tree
    with open(there / "x", "rb") as stream:
        outcomes = await perform(a, b, [Change("x", before["x"], tree["x"]), Change(".git", None, tree[".git"])])
        assert [outcome.why for outcome in outcomes] == ["", ""] and stream.read() == b"before"
        kept = tmp_path / "private-later/kept" / outcomes[0].kept
        assert os.fstat(stream.fileno()).st_ino == kept.stat().st_ino, "it was copied, not exchanged"
    assert sorted(os.listdir(there)) == [".git", "x"]
    await b.close()


async def test_exact_mode_sets_and_compares_every_bit(opened: Open, tmp_path: Path) -> None:
    a, b = (
        await opened("a", exact=True, honours=(), units=False),
        await opened("b", exact=True, honours=(), units=False),
    )
    put(tmp_path / "a", {"x": b"one", "d/y": b"two", ".git/HEAD": b"ref", ".gitignore": b"*"})
    (tmp_path / "a/x").chmod(0o4711)
    (tmp_path / "a/d").chmod(0o2750)
    os.utime(tmp_path / "a/d", (5, 5))
    tree = (await a.scan()).tree
    assert ".git/HEAD" in tree
    outcomes = await perform(a, b, [Change(path, None, entry) for path, entry in tree.items()], exact=True)
    assert not any(outcome.why for outcome in outcomes)
    there = (await b.scan()).tree
    assert all(same(entry, there[path], exact=True) for path, entry in tree.items())
    assert there["d"].mtime_ns == 5_000_000_000


async def test_writing_into_an_open_file_while_it_is_replaced_is_not_lost(opened: Open, tmp_path: Path) -> None:
    b = await opened("b")
    put(tmp_path / "b", {"x": b"before"})
    before = (await b.scan()).tree["x"]
    with open(tmp_path / "b/x", "r+b") as stream:
        assert not (await make(b, [Change("x", before, file(b"after"))], b"after"))[0].why
        stream.write(b"AFTERWARDS")
    kept = (await b.kept())[0]
    assert (tmp_path / "private-b/kept" / kept.name).read_bytes() == b"AFTERWARDS"
    assert (tmp_path / "b/x").read_bytes() == b"after"


def git(where: Path, *args: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, *args], cwd=where, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def test_a_repository_is_one_thing_and_changes_at_once(opened: Open, tmp_path: Path) -> None:
    a, b = await opened("a"), await opened("b")
    here, there = tmp_path / "a", tmp_path / "b"
    git(here, "init", "-q")
    put(here, {"x": b"one"})
    git(here, "add", ".")
    git(here, "commit", "-qm", "first")
    first = await a.scan()
    assert set(first.tree) == {".git", "x"} and first.tree[".git"].kind == "unit"
    assert not any(o.why for o in await perform(a, b, [Change(p, None, e) for p, e in sorted(first.tree.items())]))
    assert git(there, "log", "--format=%s") == "first" and git(there, "status", "--short") == ""
    now = (await b.scan()).tree
    # `git status` wrote this machine's times into the index, which means nothing to the other side.
    assert same(now[".git"], first.tree[".git"])
    put(here, {"x": b"two", "y": b"new"})
    git(here, "add", ".")
    git(here, "commit", "-qm", "second")
    second = (await a.scan()).tree
    changes = [Change(path, now.get(path), entry) for path, entry in second.items() if not same(entry, now.get(path))]
    assert not any(outcome.why for outcome in await perform(a, b, changes))
    assert git(there, "log", "--format=%s") == "second\nfirst" and git(there, "status", "--short") == ""
    git(there, "fsck", "--strict")
    kept = [item for item in await b.kept() if item.entry.kind == "unit"]
    assert len(kept) == 1
    old = tmp_path / "private-b/kept" / kept[0].name
    assert git(there, f"--git-dir={old}", "log", "--format=%s") == "first"


async def test_a_repository_with_a_lock_or_a_new_commit_is_left_alone(opened: Open, tmp_path: Path) -> None:
    a, b = await opened("a"), await opened("b")
    git(tmp_path / "a", "init", "-q")
    entry = (await a.scan()).tree[".git"]
    assert not (await perform(a, b, [Change(".git", None, entry)]))[0].why
    (tmp_path / "a/.git/index.lock").touch()
    scan = await a.scan()
    assert scan.busy == (".git",) and same(scan.tree[".git"], entry)
    (tmp_path / "a/.git/index.lock").unlink()
    git(tmp_path / "a", "commit", "-q", "--allow-empty", "-m", "theirs")
    git(tmp_path / "b", "commit", "-q", "--allow-empty", "-m", "mine")
    changed = (await a.scan([".git/HEAD"])).tree[".git"]
    assert not same(changed, entry)
    outcome = (await perform(a, b, [Change(".git", entry, changed)]))[0]
    assert outcome.why and git(tmp_path / "b", "log", "--format=%s") == "mine"
    locked = (await b.scan()).tree[".git"]
    (tmp_path / "b/.git/HEAD.lock").touch()
    assert (await perform(a, b, [Change(".git", locked, changed)]))[0].why
    assert git(tmp_path / "b", "log", "--format=%s") == "mine"


async def test_a_watch_tells_what_is_touched_and_not_what_is_ignored(opened: Open, tmp_path: Path) -> None:
    a = await opened("a")
    put(tmp_path / "a", {".gitignore": b"node_modules\n", "d/x": b"one", "node_modules/m": b""})
    await a.watch()
    scan = await a.scan()
    heard: set[str] = set()

    async def until(wanted: set[str]) -> None:
        while not wanted <= heard and "." not in heard:
            heard.update(await asyncio.wait_for(a.touched(), 30))

    put(tmp_path / "a", {"node_modules/n": b"", "d/y": b"two", "new/deep/z": b"three"})
    (tmp_path / "a/d/x").unlink()
    await until({"d/y", "d/x", "new/deep/z"})
    assert not any(path.startswith("node_modules/") for path in heard)
    scan = (await a.scan(sorted(heard))).onto(scan)
    assert plain(scan.tree) == plain((await a.scan()).tree)
    # What is no longer ignored is watched from then on.
    (tmp_path / "a/.gitignore").write_bytes(b"")
    heard.clear()
    await until({".gitignore"})
    await a.scan(sorted(heard))
    heard.clear()
    await until({"."})
    heard.clear()
    put(tmp_path / "a", {"node_modules/o": b""})
    await until({"node_modules/o"})


async def test_the_machine_says_what_its_file_system_can_do(opened: Open) -> None:
    facts = await (await opened("a")).facts()
    assert replace(facts, clock=0.0).links and facts.executable and facts.longest >= 143
