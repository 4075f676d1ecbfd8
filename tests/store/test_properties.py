"""State meets disorder: random trees, random edits, random stamps."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsync.tools.store import tree
from envsync.tools.store.cache import Cache
from envsync.tools.store.manifest import decode, encode
from envsync.tools.store.model import Entry, Manifest
from envsync.tools.store.store import Store

from .conftest import Lab, state

NAMES = ["a", "b", "a.b", "ab", "-", "é", "x\udcff", "node_modules"]
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
ACTS = st.sampled_from(["write", "write", "rewrite", "mkdir", "remove", "chmod", "link", "touch", "move"])
EDITS = st.lists(st.tuples(ACTS, PATHS, PATHS, st.integers(0, 7)), max_size=12)


def edit(root: Path, act: str, path: str, other: str, n: int) -> None:
    """One random edit; what cannot be done is not done, as with a clumsy user."""
    at = root / path
    try:
        match act:
            case "write":
                at.parent.mkdir(parents=True, exist_ok=True)
                at.write_bytes(b"%d" % n * (n * 50))
            case "rewrite":  # same size, and mtime set back: what a quick check by size and time misses
                info = at.stat()
                at.write_bytes(bytes(b ^ (n + 1) for b in at.read_bytes()))
                os.utime(at, ns=(info.st_atime_ns, info.st_mtime_ns))
            case "mkdir":
                at.mkdir(parents=True)
            case "remove":
                shutil.rmtree(at) if at.is_dir() and not at.is_symlink() else at.unlink()
            case "chmod":
                at.chmod(0o600 | n)
            case "link":
                at.symlink_to(other)
            case "touch":
                os.utime(at, ns=(n, n * 10**18 + n), follow_symlinks=False)
            case _:
                at.rename(root / other)
    except (OSError, ValueError):
        return


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=EDITS, second=EDITS, third=EDITS)
def test_any_tree_comes_back_from_any_other(
    first: list[tuple[str, str, str, int]],
    second: list[tuple[str, str, str, int]],
    third: list[tuple[str, str, str, int]],
) -> None:
    with tempfile.TemporaryDirectory() as base:
        lab = Lab(Path(base) / "p", Store(Path(base) / "s"), Cache(Path(base) / "c"))
        lab.root.mkdir()
        known: list[tuple[Manifest, object]] = []
        for edits in (first, second, third):
            for act, path, other, n in edits:
                edit(lab.root, act, path, other, n)
            known.append((lab.capture(), state(lab.root)))
            fresh = tree.look(lab.root, lab.store, Cache(Path(base) / "none"))
            assert fresh == known[-1][0], "the stat cache must never hide an edit"
        for manifest, was in (*known, *reversed(known)):
            assert lab.store.manifest(manifest.digest) == manifest
            now = lab.capture()
            changes = tree.compare(now, manifest)
            done = tree.restore(lab.root, manifest, now, lab.store)
            assert state(lab.root) == was
            assert {c.path for c in done.done} == {c.path for c in changes}
            assert not done.kept


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    edits=st.lists(
        st.tuples(st.sampled_from(["rewrite", "touch", "swap"]), st.integers(0, 4), st.integers(0, 7)), max_size=20
    )
)
def test_no_edit_escapes_the_stat_cache(edits: list[tuple[str, int, int]]) -> None:
    """Right after a scan, in the same tick of the clock, with the same size and the old mtime."""
    with tempfile.TemporaryDirectory() as base:
        lab = Lab(Path(base) / "p", Store(Path(base) / "s"), Cache(Path(base) / "c"))
        lab.root.mkdir()
        for n in range(5):
            lab.write(f"f{n}", b"\x00" * 8)
            os.utime(lab.root / f"f{n}", ns=(10**18, 10**18))
        for act, n, value in edits:
            lab.look()
            if act == "swap":
                (lab.root / f"f{n}").rename(lab.root / "aside")
                (lab.root / f"f{(n + 1) % 5}").rename(lab.root / f"f{n}")
                (lab.root / "aside").rename(lab.root / f"f{(n + 1) % 5}")
            else:
                edit(lab.root, act, f"f{n}", "", value)
            assert lab.look() == tree.look(lab.root, lab.store, Cache(Path(base) / "none"))


HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
TEXT = st.binary(min_size=1, max_size=20).map(lambda raw: raw.replace(b"\0", b"_").decode("utf-8", "surrogateescape"))
TIMES = st.one_of(st.integers(-(2**62), 2**62), st.integers(2**63, 2**66), st.just(-(2**63)))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(
                Entry,
                TEXT,
                st.just("file"),
                st.integers(0, 0o7777),
                TIMES,
                st.integers(0, 2**60),
                st.none() | HEX,
                st.none(),
            ),
            st.builds(Entry, TEXT, st.just("link"), st.just(0), TIMES, st.just(0), st.none(), TEXT),
            st.builds(
                Entry,
                TEXT,
                st.sampled_from(["directory", "special"]),
                st.integers(0, 0o7777),
                TIMES,
                st.just(0),
                st.none(),
                st.none(),
            ),
        ),
        min_size=1,
        max_size=300,
    )
)
def test_a_manifest_survives_its_stored_form(entries: list[Entry]) -> None:
    manifest = Manifest(tuple(entries))
    encoded = encode(manifest)
    chunks = dict(encoded.chunks)
    again = decode(encoded.root, chunks.__getitem__, {})
    assert again == manifest
    assert again.digest == encoded.digest


def test_a_same_size_edit_in_the_same_tick_is_noticed(lab: Lab) -> None:
    """Scan and writes take less time than most clocks' granularity, and mtime is set to be the same."""
    for n in range(40):
        file = lab.write("f", b"a" * 8)
        os.utime(file, ns=(10**18, 10**18))
        before = lab.look().by_path["f"].digest
        file.write_bytes(b"b" * 8)
        os.utime(file, ns=(10**18, 10**18))
        assert lab.look().by_path["f"].digest != before, f"fooled in round {n}"


def test_every_edit_of_remembered_files_is_noticed(lab: Lab) -> None:
    for n in range(60):
        os.utime(lab.write(f"f{n}", b"%08d" % n), ns=(10**18, 10**18))
    lab.look()
    assert lab.cache.load(lab.root) == {}, (
        "too young: an edit in the same tick of the clock could leave all stamps equal"
    )
    time.sleep(2.1)  # ctime cannot be set, so the files must really grow old
    old = lab.capture()
    assert len(lab.cache.load(lab.root)) == 60, "all of them are remembered: what follows tests the cache"
    for n in range(0, 10):  # same size, mtime set back
        edit(lab.root, "rewrite", f"f{n}", "", n)
    for n in range(10, 20, 2):  # two files change places
        (lab.root / f"f{n}").rename(lab.root / "aside")
        (lab.root / f"f{n + 1}").rename(lab.root / f"f{n}")
        (lab.root / "aside").rename(lab.root / f"f{n + 1}")
    for n in range(20, 30):  # replaced by another inode
        os.utime(lab.write("other", b"%08d" % (n + 1)), ns=(10**18, 10**18))
        (lab.root / "other").rename(lab.root / f"f{n}")
    for n in range(30, 40):
        (lab.root / f"f{n}").chmod(0o600)
    changed = {c.path: c.kind for c in tree.compare(old, lab.look())}
    assert changed == {
        ".": "mtime",
        **{f"f{n}": "content" for n in range(30)},
        **{f"f{n}": "mode" for n in range(30, 40)},
    }
    assert lab.look() == tree.look(lab.root, lab.store, Cache(lab.root.parent / "none"))


def test_a_damaged_cache_is_only_slower(lab: Lab) -> None:
    os.utime(lab.write("f", b"content"), ns=(10**18, 10**18))
    time.sleep(2.1)
    manifest = lab.look()
    (file,) = lab.cache.directory.iterdir()
    whole = file.read_bytes()
    for n in range(len(whole)):
        file.write_bytes(whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :])
        assert lab.cache.load(lab.root) == {}
    for n in (0, 20, len(whole) - 1):
        file.write_bytes(whole[:n])
        assert lab.look() == manifest
