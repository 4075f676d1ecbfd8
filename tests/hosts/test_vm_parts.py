"""What virtual machines are made of, each part alone: no machine runs here."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.tests.lab.require import require
from envsync.tools.errors import Damaged, Failed, Locked, Usage
from envsync.tools.hosts import vm, vm_boot, vm_image, vm_inside, vm_listing, vm_machine, vm_recipe, vm_sources
from envsync.tools.hosts.base import Touched
from envsync.tools.hosts.registry import Hosts, canonical
from envsync.tools.hosts.vm_listing import File
from envsync.tools.hosts.vm_place import folder, turn, write

SOURCES = """# comment
Types: deb deb-src
URIs: http://one.example/debian http://two.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 URIs: http://not-this.example

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""


def machine(name: str = "m") -> vm_machine.Machine:
    return vm_machine.Machine(name, "0d1e", "/image", "q35", 256, 8, 1, "2026-01-01T00:00:00+00:00")


# -- Where Debian comes from --------------------------------------------------------------------------------------


def test_the_archive_is_the_one_that_apt_uses(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(
        "deb cdrom:[disk]/ bookworm main\n# deb http://no.example x main\n"
        "deb [signed-by=/k arch=amd64] https://three.example/debian-security bookworm-security main # why\n"
    )
    (tmp_path / "sources.list.d/debian.sources").write_text(SOURCES)
    (tmp_path / "release").write_text('PRETTY_NAME="x"\nID=debian\n')
    assert vm_sources.mirror(tmp_path, tmp_path / "release") == "http://one.example/debian"
    assert vm_sources.lines("bookworm", tmp_path).splitlines()[0] == (
        "deb https://three.example/debian-security bookworm-security main"
    )
    found = vm_sources.sources(tmp_path)
    assert len(found) == 5 and not any("off" in one.uri or "not-this" in one.uri or "no.e" in one.uri for one in found)


@pytest.mark.parametrize(("release", "word"), [("ID=fedora\n", "Debian"), ("ID=debian\n", "apt"), ("", "Debian")])
def test_without_an_archive_it_says_what_to_do(tmp_path: Path, release: str, word: str) -> None:
    (tmp_path / "release").write_text(release)
    with pytest.raises(Failed, match=word) as error:
        vm_sources.mirror(tmp_path, tmp_path / "release")
    assert error.value.hint


# -- The image ----------------------------------------------------------------------------------------------------


def test_the_first_disk_is_one_that_cpio_unpacks(tmp_path: Path) -> None:
    require("root")
    program = shutil.which("cpio")
    if program is None:
        pytest.skip("there is no cpio here")
    body = vm_recipe.archive(
        [
            vm_recipe.directory("d", 0o700),
            vm_recipe.file("d/key", b"secret", 0o600),
            vm_recipe.Entry("console", 0o020600, device=(5, 1)),
        ]
    )
    subprocess.run([program, "-i", "--quiet"], input=body, cwd=tmp_path, check=True)
    assert (tmp_path / "d/key").read_bytes() == b"secret"
    assert stat.S_IMODE((tmp_path / "d/key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o700
    assert (tmp_path / "console").stat().st_rdev == os.makedev(5, 1)


def test_another_authority_makes_another_image() -> None:
    assert vm_recipe.version({"a.crt": b"1"}, "x86_64") != vm_recipe.version({"a.crt": b"2"}, "x86_64")
    assert vm_recipe.version({"a.crt": b"1"}, "x86_64") == vm_recipe.version({"a.crt": b"1"}, "x86_64")


def sealed(path: Path) -> vm_image.Image:
    path.mkdir()
    for name in vm_image.PARTS:
        (path / name).write_bytes(name.encode() * 1000)
    vm_image.seal(path)
    return vm_image.Image(path)


def test_a_damaged_image_is_refused_and_not_offered_again(tmp_path: Path) -> None:
    image = sealed(tmp_path / f"{vm_image.version()}-1")
    vm_image.verify(image)
    assert vm_image.find(tmp_path) == image
    content = bytearray(image.disk.read_bytes())
    content[500] ^= 1
    image.disk.write_bytes(content)
    for look in (vm_image.check, vm_image.verify):
        with pytest.raises(Damaged, match=r"disk\.qcow2"):
            look(image)
    assert vm_image.find(tmp_path) is None


def test_an_image_that_was_copied_elsewhere_is_still_good(tmp_path: Path) -> None:
    image = sealed(tmp_path / "one")
    shutil.copytree(image.path, tmp_path / "two")  # with other times
    os.utime(tmp_path / "two/kernel", ns=(1, 1))
    vm_image.check(vm_image.Image(tmp_path / "two"))
    (tmp_path / "two/initrd").unlink()
    with pytest.raises(Damaged):
        vm_image.check(vm_image.Image(tmp_path / "two"))


@pytest.mark.parametrize("lacking", ["qemu-system-x86_64", "qemu-img"])
async def test_without_qemu_it_says_what_to_install(
    lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in set(vm_image.NEEDED) - {lacking}:
        (programs / name).write_text("#!/bin/sh\nexit 1\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(vm_image, "PATH", "")
    monkeypatch.setenv("ENVSYNC_IMAGES", str(tmp_path / "images"))
    with pytest.raises(Failed, match=lacking) as error:
        await vm_machine.create("m", root=tmp_path)
    assert vm_image.NEEDED[lacking] in error.value.hint
    assert vm.lacking(tmp_path) == (error.value.what, error.value.hint)
    assert not (tmp_path / "vms/m").exists()


async def test_who_may_not_build_is_told_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_image, "program", str)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("ENVSYNC_IMAGES", raising=False)
    with pytest.raises(Failed, match="needs root") as error:
        await vm_image.ensure(root=tmp_path)
    assert "sudo" in error.value.hint and "envsync.tools.hosts.vm_build" in error.value.hint
    assert str(tmp_path / "images") in error.value.hint


def test_only_an_old_image_that_nobody_uses_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENVSYNC_IMAGES", raising=False)
    made = {name: tmp_path / "images" / name for name in (f"{vm_image.version()}-1", "old-used", "old-2", "old-new")}
    for path in made.values():
        path.mkdir(parents=True)
        os.utime(path, (1, 1))
    os.utime(made["old-new"])
    folder("m", tmp_path).mkdir(parents=True)
    vm_machine.keep(replace(machine(), image=str(made["old-used"])), folder("m", tmp_path))
    folder("broken", tmp_path).mkdir()
    (folder("broken", tmp_path) / "vm.json").write_text("{")
    assert vm_machine.prune(tmp_path) == []
    (folder("broken", tmp_path) / "vm.json").unlink()
    assert vm_machine.prune(tmp_path) == [made["old-2"]]
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == sorted(set(made) - {"old-2"})


# -- Names and records --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "-rf", ".shared", "a\nb", "a b", "\x1b[31m", "é", "n" * 49]
)
async def test_hostile_20_a_name_is_never_a_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(Usage):
        folder(name, tmp_path)
    with pytest.raises(Usage):
        await vm_machine.create(name, root=tmp_path)
    assert not vm.exists(name)
    assert list(tmp_path.iterdir()) == []


def test_a_machine_is_found_by_its_bare_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVSYNC_STATE", str(tmp_path))
    with pytest.raises(Usage, match="no virtual machine 'web9'"):
        Hosts().open("vm:web9")
    path = folder("web9", tmp_path)
    path.mkdir(parents=True)
    vm_machine.keep(machine("web9"), path)
    assert canonical("web9") == "vm:web9"
    assert Hosts().open("web9").name == "vm:web9"


def test_a_damaged_record_is_an_error_and_hides_no_other_machine(tmp_path: Path) -> None:
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"name": "c"}'), ("d", json.dumps(asdict(machine("d"))))):
        folder(name, tmp_path).mkdir(parents=True)
        (folder(name, tmp_path) / "vm.json").write_text(text)
    assert [one.name for one in vm_machine.known(tmp_path)] == ["d"]
    for name in "abc":
        with pytest.raises(Damaged):
            vm_machine.find(name, tmp_path)


def test_hostile_53_a_number_that_another_process_has_now_is_not_believed(tmp_path: Path) -> None:
    path = folder("m", tmp_path)
    path.mkdir(parents=True)
    (path / "pid").write_text(f"{os.getpid()}\n")
    assert vm_boot.running(machine(), tmp_path) is None
    with subprocess.Popen(["sh", "-c", "read x", "-uuid", machine().uuid], stdin=subprocess.PIPE) as process:
        (path / "pid").write_text(f"{process.pid}\n")
        until = time.monotonic() + 60
        while vm_boot.running(machine(), tmp_path) is None and time.monotonic() < until:
            time.sleep(0.01)  # a program that has just begun has no words yet
        assert vm_boot.running(machine(), tmp_path) == process.pid


def test_what_a_machine_prints_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = folder("m", tmp_path)
    path.mkdir(parents=True)
    (path / "console").write_bytes(b"\x1b[2Jhello\r\n\x1b]0;title\x07\x9b31m\xff\x00end" + b"\n")
    text = vm_boot.console(machine(), tmp_path)
    assert text.startswith("hello\n") and text.endswith("end")
    assert all(c.isprintable() or c == "\n" for c in text)


async def test_one_waits_for_ones_turn_and_is_told_when_it_does_not_come(tmp_path: Path) -> None:
    async with turn(tmp_path / "lock", "testing"):
        with pytest.raises(Locked, match="testing"):
            async with turn(tmp_path / "lock", "testing", limit=0.1):
                raise AssertionError("two at once")


def test_hostile_50_the_turn_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom envsync.tools.hosts.vm_place import turn\n"
        "async def main():\n    async with turn(Path(sys.argv[1]), 'x'):\n        print('in', flush=True)\n"
        "        await asyncio.sleep(60)\nasyncio.run(main())\n"
    )
    argv = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None and owner.stdout.readline() == "in\n"
        owner.kill()

    async def enter() -> None:
        async with turn(tmp_path / "lock", "x", limit=10):
            pass

    asyncio.run(enter())


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(TypeError):
        write(tmp_path / "file", "text")  # type: ignore[arg-type]
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


# -- Lists of files -----------------------------------------------------------------------------------------------

OLD = File("f", 3, 100, 100, "644", "0:0", "")


@pytest.mark.parametrize(
    ("now", "how"),
    [
        (File("f", 4, 100, 100, "644", "0:0", ""), "changed"),
        (File("f", 3, 101, 900, "644", "0:0", ""), "changed"),
        (File("f", 3, 100, 900, "600", "0:0", ""), "changed"),
        (File("f", 3, 100, 900, "644", "1:0", ""), "changed"),
        (File("l", 3, 100, 900, "644", "0:0", "x"), "changed"),
        (None, "deleted"),
        (File("f", 3, 100, 900, "644", "0:0", ""), "unsure"),
        (OLD, ""),
        (File("f", 9, 550, 550, "644", "0:0", ""), ""),  # between the list and the record: recorded as it is now
    ],
)
def test_what_differs_is_told(now: File | None, how: str) -> None:
    touched, unsure = vm_listing.differs({"/a": OLD}, {"/a": now} if now else {}, 500, 600)
    assert touched == ([Touched("/a", how)] if how in ("changed", "deleted") else [])
    assert unsure == (["/a"] if how == "unsure" else [])


def test_a_directory_differs_only_by_itself() -> None:
    old, new = File("d", 4096, 1, 1, "755", "0:0", ""), File("d", 8192, 9, 9, "755", "0:0", "")
    assert vm_listing.differs({"/d": old}, {"/d": new}, 0, -1) == ([], [])
    assert vm_listing.differs({}, {"/d": new}, 0, -1) == ([Touched("/d", "added")], [])


NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name and b"/" not in name)


@given(st.dictionaries(NAMES, st.integers(0, 2**40), max_size=8))
def test_any_name_survives_the_list(names: dict[bytes, int]) -> None:
    rows = [
        b"\0".join((b"x/" + n, b"f", b"%d" % s, b"1.5", b"2.000000001", b"644", b"0:0", b"", b""))
        for n, s in names.items()
    ]
    found = vm_listing.parse(b"".join(rows))
    assert {os.fsencode(path)[3:]: file.size for path, file in found.items()} == names
    assert all((file.mtime, file.ctime) == (1_500_000_000, 2_000_000_001) for file in found.values())


@pytest.mark.parametrize("listing", [b"a", b"a\0f\0", b"a\0f\0x\0001\0001\0644\0000:0\0\0"])
def test_a_list_that_is_none_is_damaged(listing: bytes) -> None:
    with pytest.raises(Damaged):
        vm_listing.parse(listing)


# -- Putting paths back, as it happens inside ---------------------------------------------------------------------


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """A live directory, and the same place below a frozen root."""
    live, root = tmp_path / "live", tmp_path / "frozen"
    then = root / live.relative_to("/")
    for path in (live, then):
        path.mkdir(parents=True)
    return live, then


def frozen_root(live: Path, then: Path) -> str:
    return str(then)[: -len(str(live))]


def test_paths_are_put_back_and_what_was_not_there_goes(trees: tuple[Path, Path]) -> None:
    live, then = trees
    (then / "d/e").mkdir(parents=True)
    (then / "d/e/f").write_text("old")
    (then / "d/e/f").chmod(0o640)
    (then / "link").symlink_to("/etc/passwd")
    os.utime(then / "d/e/f", ns=(5, 7))
    (live / "new").mkdir()
    (live / "new/x").write_text("x")
    (live / "link").write_text("a file now")
    (live / "kept").write_text("kept")
    paths = [str(live / name) for name in ("d/e/f", "new", "link", "never")]
    vm_inside.put_back(frozen_root(live, then), paths)
    assert (live / "d/e/f").read_text() == "old" and (live / "d/e/f").stat().st_mtime_ns == 7
    assert stat.S_IMODE((live / "d/e/f").stat().st_mode) == 0o640
    assert os.readlink(live / "link") == "/etc/passwd"
    assert sorted(os.listdir(live)) == ["d", "kept", "link"]


def test_when_one_path_fails_all_are_as_they_were(trees: tuple[Path, Path]) -> None:
    live, then = trees
    for name in ("a", "b"):
        (then / name).write_text("then")
        (live / name).write_text("now")
    (then / "way").symlink_to("elsewhere")
    (live / "way").mkdir()
    (live / "way/x").write_text("now")
    paths = [str(live / name) for name in ("a", "b", "way/x")]
    with pytest.raises(RuntimeError, match="symbolic link"):
        vm_inside.put_back(frozen_root(live, then), paths)
    assert (live / "a").read_text() == (live / "b").read_text() == (live / "way/x").read_text() == "now"
    assert sorted(os.listdir(live)) == ["a", "b", "way"]


def test_only_equal_contents_are_the_same(trees: tuple[Path, Path]) -> None:
    live, then = trees
    for name, now, old in (
        ("a", b"1" * 3_000_000, b"1" * 3_000_000),
        ("b", b"12", b"1"),
        ("c", b"1", b"12"),
        ("d", b"", b""),
    ):
        (live / name).write_bytes(now)
        (then / name).write_bytes(old)
    (live / "e").write_bytes(b"")
    paths = [str(live / name) for name in "abcde"]
    assert vm_inside.same(frozen_root(live, then), paths) == [str(live / "a"), str(live / "d")]
