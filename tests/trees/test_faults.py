"""Killed at any step, and a full disk: what was in the tree is there, or kept."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsync.tests.trees.test_side import file, plain, put
from envsync.tools.hosts.local import LocalHost
from envsync.tools.trees.cache import COARSE_NS, Cache
from envsync.tools.trees.hashing import digest_of
from envsync.tools.trees.model import Change, Entry, same
from envsync.tools.trees.open import open_replica
from envsync.tools.trees.packing import pack, pack_changes, unpack_outcomes, unpack_scan
from envsync.tools.trees.side import Side

KILLED = """
import os, sys
root, private, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
from envsync.tools.trees.cache import COARSE_NS, Cache
from envsync.tools.trees.hashing import digest_of
from envsync.tools.trees.model import Change, Entry
from envsync.tools.trees.packing import pack, pack_changes, unpack_scan
from envsync.tools.trees.renaming import Renamer
from envsync.tools.trees.side import Side

side = Side(lambda told: None, root, "killed", None, private)
tree = unpack_scan(side.scan([], 0)).tree
steps = 0

def deadly(call):
    def step(*args, **kwargs):
        global steps
        steps += 1
        if steps == at:
            os._exit(9)
        result = call(*args, **kwargs)
        return result
    return step

for name in ("rename", "unlink", "mkdir", "rmdir", "link", "open", "write", "symlink"):
    setattr(os, name, deadly(getattr(os, name)))
Renamer._two = deadly(Renamer._two)
new = b"new content"
entry = Entry("file", 0o644, len(new), 1, digest_of(new))
changes = [
    Change("gone", tree["gone"], None),
    Change("moved/x", tree["moved/x"], None),
    Change("moved", tree["moved"], None),
    Change("to", None, tree["moved"]),
    Change("to/x", None, tree["moved/x"], "moved/x"),
    Change("edited", tree["edited"], entry),
    Change("fresh", None, entry),
    Change("kind", tree["kind"], Entry("directory", 0o755)),
    Change("kind/y", None, entry),
]
side.apply(pack_changes(changes), "b", digest_of(new), pack([new]), {})
os._exit(0)
"""


async def test_hostile_50_killed_at_any_step_nothing_is_lost_and_no_file_is_half_there(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    content = {"gone": b"1 gone", "moved/x": b"2 moved", "edited": b"3 edited", "kind": b"4 kind", "other": b"5 other"}
    at, code = 0, 9
    while code == 9:
        at += 3 if at > 3 else 1
        root, private = tmp_path / f"r{at}", tmp_path / f"p{at}"
        put(root, dict(content))
        code = subprocess.run([sys.executable, str(script), str(root), str(private), str(at)]).returncode
        assert code in (0, 9)
        replica = await open_replica(LocalHost(), str(root), id="killed", private=str(private))
        there = {path.read_bytes() for path in root.rglob("*") if path.is_file()}
        kept = {(private / "kept" / item.name).read_bytes() for item in await replica.kept()}
        assert set(content.values()) <= there | kept, at
        assert there <= {*content.values(), b"new content"}, at
        assert os.listdir(private / "work") == []
        scan = await replica.scan()
        assert not any(".envsync" in path for path in scan.tree)
        await replica.close()
    assert at > 10, "it was never killed"


async def test_hostile_48_a_full_disk_ends_the_batch_and_loses_nothing(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(small)], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        put(small / "b", {"x": b"before", "y": b"also"})
        b = await open_replica(LocalHost(), str(small / "b"), id="b", private=str(small / "private"))
        before = (await b.scan()).tree
        big = [os.urandom(1_500_000), os.urandom(1_500_000)]
        changes = [Change(name, before[name], file(each)) for name, each in zip(("x", "y"), big, strict=True)]
        with pytest.raises(OSError, match=r".*"):
            await b.apply(changes, contents=[(digest_of(each), each) for each in big])
        assert (small / "b/x").read_bytes() == b"before" and (small / "b/y").read_bytes() == b"also"
        assert os.listdir(small / "private/work") == []
        # And with room again it goes on.
        assert not (await b.apply(changes[:1], contents=[(digest_of(big[0]), big[0])]))[0].why
        await b.close()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


NAMES = st.sampled_from(("a", "b", "c"))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
EDITS = st.lists(
    st.tuples(st.sampled_from(("write", "make", "remove", "rename", "link", "ignore")), PATHS, PATHS), max_size=8
)


def edit(root: Path, kind: str, one: str, other: str) -> set[str]:
    """One edit as a user makes it; the paths that a watch would tell."""
    path, second = root / one, root / other
    touched = {one}
    for name in (one, f"{one}/.gitignore", other):
        real = Path(
            os.path.realpath(root / name)
        )  # through a link another directory changes, and a watch tells that one
        if real != root and real.is_relative_to(root):
            touched.add(str(real.relative_to(root)))
    try:
        if kind == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(one + other)
        elif kind == "make":
            path.mkdir(parents=True, exist_ok=True)
        elif kind == "link":
            path.symlink_to(other)
        elif kind == "ignore":
            path.mkdir(parents=True, exist_ok=True)
            (path / ".gitignore").write_text(other.rpartition("/")[2] + "\n")
            touched.add(f"{one}/.gitignore")
        elif kind == "rename":
            touched.add(other)
            second.parent.mkdir(parents=True, exist_ok=True)
            path.rename(second)
        elif path.is_dir() and not path.is_symlink():
            for below in sorted(path.rglob("*"), reverse=True):
                below.rmdir() if below.is_dir() and not below.is_symlink() else below.unlink()
            path.rmdir()
        else:
            path.unlink()
    except OSError:
        pass  # not possible just now, as it is for users
    for name in list(touched):
        while "/" in name:
            name = name.rpartition("/")[0]
            touched.add(name)
    return touched


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EDITS, min_size=1, max_size=4))
async def test_partial_scans_add_up_to_what_is_there(rounds: list[list[tuple[str, str, str]]]) -> None:
    with tempfile.TemporaryDirectory() as top:
        root = Path(top, "root")
        root.mkdir()
        replica = await open_replica(LocalHost(), str(root), id="x", private=str(Path(top, "private")))
        fresh = await open_replica(LocalHost(), str(root), id="y", private=str(Path(top, "fresh")))
        try:
            known = await replica.scan()
            for edits in rounds:
                touched = {path for each in edits for path in edit(root, *each)}
                if touched:
                    known = (await replica.scan(sorted(touched))).onto(known)
                whole = await fresh.scan()
                assert plain(known.tree) == plain(whole.tree)
                assert set(known.ignored) == set(whole.ignored)
        finally:
            await replica.close()
            await fresh.close()


def test_entries_mean_the_same_whatever_their_times() -> None:
    one = Entry("file", 0o644, 3, 1, b"d" * 20)
    assert same(one, one._replace(mtime_ns=2, mode=0o600)) and not same(one, one._replace(mode=0o755))
    assert not same(one, one._replace(mode=0o600), exact=True) and same(None, None) and not same(one, None)


async def test_a_person_who_writes_while_a_file_is_replaced_or_deleted_always_wins(tmp_path: Path) -> None:
    root, private = tmp_path / "root", tmp_path / "private"
    put(root, {"x": b"base"})
    replica = await open_replica(LocalHost(), str(root), id="x", private=str(private))
    new = b"from the other side"
    entry = file(new)
    place = root / "x"
    for turn in range(240):
        place.write_bytes(b"base")
        before = (await replica.scan(["x"])).tree["x"]
        mine = b"mine %d" % turn
        start = threading.Event()

        def write(turn: int = turn, mine: bytes = mine, start: threading.Event = start) -> None:
            start.wait()
            for _ in range(turn * 7 % 400):
                pass
            if turn % 2:
                aside = root / ".mine"
                aside.write_bytes(mine)
                os.replace(aside, place)
            else:
                place.write_bytes(mine)

        thread = threading.Thread(target=write)
        thread.start()
        start.set()
        change = Change("x", before, entry if turn % 4 < 2 else None)
        await replica.apply([change], batch=str(turn), contents=[(entry.digest, new)])
        thread.join()
        kept = {(private / "kept" / item.name).read_bytes() for item in await replica.kept() if item.batch == str(turn)}
        there = place.read_bytes() if place.exists() else None
        # Whoever had the file open when it was replaced wrote into what is kept; a new file is where it was put.
        assert there == mine or (turn % 2 == 0 and mine in kept), turn
    await replica.close()


def test_a_file_changed_in_the_tick_of_the_look_is_not_remembered() -> None:
    fine, coarse = 1_700_000_000_123_456_789, 1_700_000_000_000_000_000
    cases = [
        (fine, fine + 1, True),
        (fine, fine, False),
        (fine, fine - 5, False),
        (coarse, coarse + 1, False),
        (coarse, coarse + COARSE_NS + 1, True),
    ]
    for ctime, safe, remembered in cases:
        info = os.stat_result((0o100644, 7, 1, 1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, fine, ctime))
        assert info.st_ctime_ns == ctime and info.st_mtime_ns == fine
        cache = Cache("")
        cache.put("x", info, b"d" * 20, safe)
        assert (cache.get("x", info) is not None) == remembered, (ctime, safe)


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("delete", [True, False])
def test_a_write_between_the_last_look_and_the_rename_is_put_back(
    delete: bool, in_place: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, private = tmp_path / "root", tmp_path / "private"
    put(root, {"x": b"base"})
    side = Side(lambda told: None, str(root), "x", None, str(private))
    before = unpack_scan(side.scan([], 0)).tree["x"]
    written: list[str] = []

    def write() -> None:
        if not written:
            written.append("x")
            if in_place:
                (root / "x").write_bytes(b"mine")
            else:
                (root / ".mine").write_bytes(b"mine")
                os.replace(root / ".mine", root / "x")

    rename, exchange = os.rename, side.renamer.exchange

    def late_rename(source: str, target: str, **where: int) -> None:
        if source == "x":
            write()
        rename(source, target, **where)

    def late_exchange(source: int, name: str, target: int, new: str) -> bool:
        write()
        return exchange(source, name, target, new)

    monkeypatch.setattr(os, "rename", late_rename)
    monkeypatch.setattr(side.renamer, "exchange", late_exchange)
    new = b"from the other side"
    change = Change("x", before, None if delete else file(new))
    outcome = unpack_outcomes(side.apply(pack_changes([change]), "b", digest_of(new), pack([new]), {}))[0]
    assert written and outcome.why and (root / "x").read_bytes() == b"mine"
    assert side.kept() == [] and os.listdir(private / "work") == []
    side.close()
