"""Capture, compare and restore on real directories."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.errors import Damaged, Failed, Usage
from envsync.tools.store import tree
from envsync.tools.store.model import Manifest

from .conftest import Lab

Read = Callable[..., dict[bytes, tuple[Any, ...]]]


def kinds(lab: Lab, old: Manifest) -> dict[str, str]:
    return {change.path: change.kind for change in tree.compare(old, lab.look())}


def test_a_rewind_restores_every_bit(populated: Lab, read: Read) -> None:
    lab = populated
    before = read(lab.root)
    target = lab.capture()
    (lab.root / "src/main.py").write_text("print('broken')\n")
    (lab.root / "src/util.py").unlink()
    (lab.root / "bin/run").chmod(0o644)
    (lab.root / "big.bin").write_bytes(b"small now")
    shutil.rmtree(lab.root / "void")
    (lab.root / "link").unlink()
    (lab.root / "link").mkdir()
    lab.write("link/inside.txt", "a directory where a link was")
    (lab.root / "broken").unlink()
    (lab.root / "broken").symlink_to("elsewhere")
    shutil.rmtree(lab.root / "private")
    lab.write("private", "a file where a directory was")
    os.utime(lab.root / "empty.txt", ns=(1, 2))
    lab.write("new/deep/file.txt", "new")
    after = read(lab.root)

    undo = lab.capture()
    tree.restore(lab.root, target, undo, lab.store)
    assert read(lab.root) == before

    lab.rewind(undo)
    assert read(lab.root) == after


def test_a_lost_tree_comes_back_whole(populated: Lab, read: Read) -> None:
    before = read(populated.root)
    target = populated.capture()
    shutil.rmtree(populated.root)
    populated.root.mkdir()
    done = populated.rewind(target)
    assert read(populated.root) == before
    assert not done.kept


def test_a_rewind_touches_only_what_differs(populated: Lab) -> None:
    target = populated.capture()
    inode, changed = (os.stat(populated.root / "src/util.py").st_ctime_ns for _ in range(2))
    populated.write("src/main.py", "edited")
    done = populated.rewind(target)
    assert [c.path for c in done.done if c.kind == "content"] == ["src/main.py"]
    assert os.stat(populated.root / "src/util.py").st_ctime_ns == inode == changed


def test_compare_names_every_kind_of_change(populated: Lab) -> None:
    old = populated.capture()
    populated.write("src/main.py", "other")
    populated.write("added.txt", "new")
    (populated.root / "empty.txt").unlink()
    (populated.root / "bin/run").chmod(0o700)
    (populated.root / "broken").unlink()
    (populated.root / "broken").symlink_to("other")
    (populated.root / "link").unlink()
    populated.write("link", "a file now")
    os.utime(populated.root / "src/util.py", ns=(5, 5))
    found = kinds(populated, old)
    assert found == {
        ".": "mtime",
        "src/main.py": "content",
        "added.txt": "added",
        "empty.txt": "removed",
        "bin/run": "mode",
        "broken": "target",
        "link": "type",
        "src/util.py": "mtime",
    }
    again = populated.look()
    assert tree.compare(again, again) == []
    assert [c.path for c in tree.compare(old, again, ["src"])] == ["src/main.py", "src/util.py"]


def test_look_equals_capture_and_stores_nothing(populated: Lab) -> None:
    seen = populated.look()
    assert not (populated.store.directory / "packs").exists()
    assert populated.capture().digest == seen.digest
    # `look` filled the stat cache with digests that the store did not have: capture must not trust it for that
    assert populated.store.manifest(seen.digest).entries == seen.entries
    assert populated.store.check() == []


def test_only_the_named_paths_are_rewound(populated: Lab) -> None:
    target = populated.capture()
    populated.write("src/main.py", "edited")
    populated.write("srcs/other.py", "a name that begins alike")
    populated.write("bin/run", "edited")
    shutil.rmtree(populated.root / "void")
    populated.rewind(target, "src", "void/deeper/")
    assert (populated.root / "src/main.py").read_text() == "print('hello')\n"
    assert (populated.root / "bin/run").read_text() == "edited"
    assert (populated.root / "srcs/other.py").exists()
    assert (populated.root / "void/deeper").is_dir()
    (populated.root / "src").chmod(0o700)
    populated.write("src/main.py", "edited")
    was = (populated.root / "src").stat()
    populated.rewind(target, "src/main.py")
    now = (populated.root / "src").stat()
    assert (now.st_mode, now.st_mtime_ns) == (was.st_mode, was.st_mtime_ns), "only the file was asked for"


@pytest.mark.parametrize("path", ["../outside", "src/../../etc", "/etc/passwd"])
def test_hostile_20_paths_outside_are_refused(populated: Lab, path: str) -> None:
    target = populated.capture()
    with pytest.raises(Usage):
        populated.rewind(target, path)


def test_what_no_snapshot_covers_is_never_removed(populated: Lab) -> None:
    target = populated.capture()
    populated.write("build/out.o", "captured")
    current = populated.capture()
    late = populated.write("build/late.txt", "made after the capture")
    done = tree.restore(populated.root, target, current, populated.store)
    assert late.read_text() == "made after the capture"
    assert not (populated.root / "build/out.o").exists()
    assert [notice.path for notice in done.kept] == ["build"]


def test_an_edit_during_the_rewind_stops_it(populated: Lab) -> None:
    target = populated.capture()
    file = populated.write("src/main.py", "edit one")
    populated.write("bin/run", "other")
    current = populated.capture()
    info = file.stat()
    file.write_text("edit TWO")  # same size, and the time set back: only the content tells
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))
    with pytest.raises(Failed, match=r"src/main\.py") as caught:
        tree.restore(populated.root, target, current, populated.store)
    assert caught.value.data["paths"] == ["src/main.py"]
    assert file.read_text() == "edit TWO"
    assert (populated.root / "bin/run").read_text() == "other", "nothing else was touched either"


def test_a_new_file_in_the_way_is_left_alone(populated: Lab) -> None:
    target = populated.capture()
    (populated.root / "empty.txt").unlink()
    current = populated.capture()
    populated.write("empty.txt", "written during the rewind")
    with pytest.raises(Failed):
        tree.restore(populated.root, target, current, populated.store)
    assert (populated.root / "empty.txt").read_text() == "written during the rewind"


def test_repeating_a_restore_is_safe(populated: Lab, read: Read) -> None:
    before = read(populated.root)
    target = populated.capture()
    populated.write("src/main.py", "edited")
    (populated.root / "bin/run").unlink()
    populated.write("new.txt")
    current = populated.capture()
    first = tree.restore(populated.root, target, current, populated.store)
    second = tree.restore(populated.root, target, current, populated.store)
    assert {c.path for c in first.done} == {c.path for c in second.done}
    assert read(populated.root) == before


def test_read_only_directories_are_rewound_and_stay_read_only(lab: Lab, read: Read) -> None:
    lab.write("vendor/pkg/a.txt", "one", 0o444)
    lab.write("vendor/pkg/b.txt", "two", 0o444)
    (lab.root / "vendor/pkg").chmod(0o555)
    (lab.root / "vendor").chmod(0o555)
    before = read(lab.root)
    target = lab.capture()
    (lab.root / "vendor/pkg").chmod(0o755)
    (lab.root / "vendor/pkg/a.txt").chmod(0o644)
    (lab.root / "vendor/pkg/a.txt").write_text("edited")
    (lab.root / "vendor/pkg/b.txt").unlink()
    lab.write("vendor/pkg/c.txt", "new")
    (lab.root / "vendor/pkg").chmod(0o555)
    lab.rewind(target)
    assert read(lab.root) == before


def test_missing_content_is_found_before_anything_is_touched(populated: Lab) -> None:
    target = populated.capture()
    populated.write("src/main.py", "edited")
    (populated.root / "empty.txt").unlink()
    current = populated.capture()
    for pack in sorted((populated.store.directory / "packs").glob("*.pack"), key=lambda p: p.stat().st_size)[-1:]:
        pack.unlink()
    with pytest.raises(Damaged):
        tree.restore(populated.root, target, current, type(populated.store)(populated.store.directory))
    assert (populated.root / "src/main.py").read_text() == "edited"
    assert not (populated.root / "empty.txt").exists()


def test_the_store_inside_the_project_leaves_itself_out(tmp_path: Path) -> None:
    from envsync.tools.store.cache import Cache
    from envsync.tools.store.store import Store

    store = Store(tmp_path / "state/store")
    store.put(b"x")
    (tmp_path / "file").write_text("x")
    manifest = tree.capture(tmp_path, store, Cache(tmp_path / "state/cache"), excludes=["state/cache"])
    assert {entry.path for entry in manifest.entries} == {".", "file", "state"}


def test_excluded_paths_are_left_out_and_kept(populated: Lab) -> None:
    target = populated.capture(excludes=["big.bin", "src"])
    assert "src/main.py" not in target.by_path
    (populated.root / "big.bin").write_bytes(b"edited")
    populated.write("bin/run", "edited")
    current = populated.capture()  # without the excludes: the target is blind there all the same
    assert [c.path for c in tree.compare(current, target)] == ["bin/run"]
    tree.restore(populated.root, target, current, populated.store)
    assert (populated.root / "big.bin").read_bytes() == b"edited"
    assert (populated.root / "src/main.py").exists()
    assert (populated.root / "bin/run").read_text() == "#!/bin/sh\n"


def test_what_a_killed_rewind_left_does_not_stand_in_the_way(populated: Lab) -> None:
    target = populated.capture()
    populated.write("half/done.txt", "restored")
    populated.write("half/.envsync-tmp-0123456789abcdef", "cut off")
    assert "half/.envsync-tmp-0123456789abcdef" not in populated.capture().by_path
    done = populated.rewind(target)
    assert not (populated.root / "half").exists() and not done.kept
