"""What is particular about another host: two sides compared, locks over there, its own facts, hostile names and trees."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from envsync.tests.anywhere.acting import World
from envsync.tests.anywhere.test_story import CHANGES, PROJECT
from envsync.tests.anywhere.wired import Wired
from envsync.tests.core.places import pipe_host
from envsync.tools.errors import Failed, Locked, Unreachable, Usage
from envsync.tools.hosts.base import Host, Info
from envsync.tools.hosts.holding import held_there, owners, owners_there
from envsync.tools.hosts.local import LocalHost
from envsync.tools.scan.host.base import LOCATIONS
from envsync.tools.scan.observe import observe
from envsync.tools.snapshot.take import take
from envsync.tools.store import anywhere


@pytest.fixture
def far(tmp_path: Path, private: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A project on a host that is reached through the wire's bytes."""
    for name in LOCATIONS:
        monkeypatch.delenv(name, raising=False)  # the helper's process inherits them, and the near side has none
    home = tmp_path / "far-home"
    root = home / "app"
    root.mkdir(parents=True)
    return World(Wired(home=home), root, tmp_path / "state", home, {"HOME": str(private), "PATH": os.environ["PATH"]})


def dist(root: Path, name: str, version: str) -> None:
    """A package as an installer leaves it."""
    for old in (root / ".venv/lib/python3.11/site-packages").glob(f"{name}-*"):
        shutil.rmtree(old)
    folder = root / f".venv/lib/python3.11/site-packages/{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    (root / ".venv/pyvenv.cfg").write_text("version = 3.11.2\n")


async def test_two_hosts_are_compared_and_the_side_that_moved_is_named(far: World, private: Path) -> None:
    near = private / "app"
    for root in (near, far.root):
        root.mkdir(exist_ok=True)
        dist(root, "numpy", "1.26.4")
        (root / "requirements.txt").write_text("numpy\n")
        (root / "app.py").write_text("one\n")
    w = World(LocalHost(), near, far.state, private, far.environ, open=lambda name: far.host)
    same = await w.read("drift", against="somebody@elsewhere")
    assert same.exit == 0, same.differences
    assert any(str(far.root) in line for line in same.aside)

    dist(far.root, "numpy", "2.3.1")
    (near / "app.py").write_text("two\n")
    drift = await w.read("drift", against="somebody@elsewhere")
    found = {d.what: d for d in drift.differences}
    assert (found["numpy"].was, found["numpy"].now, found["numpy"].moved) == ("2.3.1", "1.26.4", "there")
    assert found["numpy"].fix == "envsync provision --packages numpy@2.3.1"
    assert found["app.py"].moved == "here" and "sync --source" in found["app.py"].fix
    assert f"--destination ssh:somebody@elsewhere:{far.root}" in found["app.py"].fix
    assert drift.exit == 5 and "ssh:somebody@elsewhere moved" in drift.summary

    dist(near, "numpy", "3.0")
    (numpy,) = [
        d for d in (await w.read("drift", against=f"somebody@elsewhere:{far.root}")).differences if d.what == "numpy"
    ]
    assert numpy.moved == "" or numpy.moved == "both"
    dist(near, "numpy", "2.3.1")
    await w.read("drift", against="somebody@elsewhere")
    dist(near, "numpy", "4.0")
    (numpy,) = [d for d in (await w.read("drift", against="somebody@elsewhere")).differences if d.what == "numpy"]
    assert numpy.moved == "here"
    assert numpy.fix == f"envsync provision --packages numpy@4.0 --on ssh:somebody@elsewhere --path {far.root}"


async def test_the_variables_of_the_other_host_count_by_name_and_hash_alone(tmp_path: Path, private: Path) -> None:
    host = pipe_host("remote", tmp_path)
    host.env |= {"STORY_TOKEN": "hunter2hunter2", "EMPTY": ""}
    root = tmp_path / "app"
    root.mkdir()
    (root / "app.py").write_text("import os\nos.environ['STORY_TOKEN']\nos.environ['ONLY_HERE']\n")
    (root / "requirements.txt").write_text("")
    (root / ".env.example").write_text("STORY_TOKEN=\nONLY_HERE=\n")
    try:
        info = await host.info()
        w = World(host, root, tmp_path / "state", info.home, {"ONLY_HERE": "x", "PATH": os.environ["PATH"]})
        seen = await observe(w.context)
    finally:
        await host.close()
    names = {v.name for v in seen.variables}
    assert "STORY_TOKEN" in names and not {"ONLY_HERE", "EMPTY"} & names
    assert "hunter2" not in seen.model_dump_json()
    assert [m.name for m in seen.project.missing if m.kind == "variable"] == ["ONLY_HERE"]  # type: ignore[union-attr]


async def test_hostile_52_two_machines_do_not_change_one_environment_at_once(tmp_path: Path) -> None:
    one = pipe_host("remote", tmp_path)
    (tmp_path / "second").mkdir()
    other = pipe_host("remote", tmp_path / "second")
    other.env["HOME"] = one.env["HOME"]
    try:
        async with held_there(one, "local:/srv/app", "provision numpy"):
            with pytest.raises(Locked, match=r"test:remote:/srv/app is being changed by .*provision numpy \(from "):
                async with held_there(other, "local:/srv/app", "rewind"):
                    raise AssertionError("both hold it")
            async with held_there(other, "local:/srv/other", "rewind"):
                pass
            # Somebody else's machine shows in status; what this one holds there is its own lock's business.
            assert await owners_there(other) == []
            (shown,) = await other.call(owners)
            assert str(shown["what"]).startswith("provision numpy (from ")
        async with held_there(other, "local:/srv/app", "rewind"):
            pass
        # A machine that goes away lets go by itself.
        holding = held_there(one, "local:/srv/app", "provision numpy")
        await holding.__aenter__()
        one.kill()
        for _ in range(200):
            try:
                async with held_there(other, "local:/srv/app", "rewind"):
                    break
            except Locked:
                await asyncio.sleep(0.05)
        else:
            raise AssertionError("a dead holder's lock stays")
        await holding.__aexit__(None, None, None)
    finally:
        await one.close()
        await other.close()


async def test_only_what_changed_moves_and_large_files_move_in_pieces(far: World) -> None:
    (far.root / "large.bin").write_bytes(os.urandom(9 << 20))
    for number in range(50):
        (far.root / f"f{number}").write_text(str(number))
    await far.act("snapshot", label="one")
    calls = far.host.called  # type: ignore[attr-defined]
    assert calls.count("envsync.tools.store.faraway:piece_there") == 3
    calls.clear()
    with (far.root / "large.bin").open("r+b") as file:
        file.seek(5 << 20)
        file.write(b"changed")
    (far.root / "f1").write_text("other")
    await far.act("snapshot", label="two")
    assert calls.count("envsync.tools.store.faraway:contents_there") <= 2
    calls.clear()
    await far.act("snapshot", label="three")
    assert not [name for name in calls if "contents" in name or "piece" in name]
    before = (far.root / "large.bin").read_bytes()
    await far.act("rewind", to="one")
    after = (far.root / "large.bin").read_bytes()
    assert before != after and len(after) == 9 << 20 and (far.root / "f1").read_text() == "1"
    await far.act("rewind", to="two")
    assert (far.root / "large.bin").read_bytes() == before


async def test_hostile_19_an_edit_over_there_meanwhile_stops_the_rewind(far: World) -> None:
    (far.root / "a").write_text("one")
    (far.root / "b").write_text("one")
    await far.act("snapshot", label="good")
    (far.root / "a").write_text("two")
    (far.root / "b").write_text("two")
    taken = await take(far.context)
    store = anywhere.store_of(far.context)
    good = next(s for s in store.snapshots() if s.label == "good")
    (far.root / "a").write_text("three")
    with pytest.raises(Failed, match="changed while the rewind was under way: 'a'"):
        await anywhere.restore(far.context, store.manifest(good.manifest), store.manifest(taken.snapshot.manifest))
    assert (far.root / "a").read_text() == "three" and (far.root / "b").read_text() == "two"
    assert not list((far.home / ".local/state/envsync/staging").glob("*"))


async def test_hostile_12_what_a_host_says_of_itself_is_only_data(tmp_path: Path, private: Path) -> None:
    class Liar(Wired):
        async def info(self) -> Info:
            told = "\x1b[2Jx; envsync destroy --yes; $(reboot)"
            return replace(await super().info(), hostname=told, user=told, system=told, python="3.11.\x1b[0m")

    w = World(Liar(home=tmp_path), tmp_path, tmp_path / "state", tmp_path)
    status = await w.read("status")
    assert "\x1b" not in status.summary and "destroy --yes" in status.machine


@pytest.mark.parametrize("path", ["../etc/passwd", "/etc/passwd", "a/../../x", "", ".", "a//b", "a\0b"])
async def test_hostile_20_a_tree_with_paths_that_none_can_be_is_refused(far: World, path: str) -> None:
    from envsync.tools.store.faraway import Looked
    from envsync.tools.store.hashing import of, plain
    from envsync.tools.store.manifest import pack
    from envsync.tools.store.model import Entry

    class Liar(Wired):
        async def call(self, work: Callable[..., object], *args: object, **kwargs: object) -> object:
            if work.__name__ != "look_there":
                return await super().call(work, *args, **kwargs)
            rows = [Entry(".", "directory", 0o755, 0, 0, None, None), Entry(path, "file", 0o644, 0, 1, "a" * 64, None)]
            packed = pack(rows)
            name = of(packed, plain)
            return Looked((name,), {name: packed}, ())

    w = replace(far, host=Liar(home=far.home))
    with pytest.raises(Failed, match=r"a path that none can be|tree cannot be read"):
        await anywhere.look(w.context)


@pytest.mark.parametrize("place", ["home", "root", "system"])
async def test_hostile_wide_directories_over_there_are_guarded(far: World, place: str) -> None:
    root = {"home": far.home, "root": Path("/"), "system": Path("/etc")}[place]
    w = replace(far, root=root)
    with pytest.raises(Usage, match="so no snapshot of it is taken by accident"):
        await w.act("snapshot")


async def test_hostile_48_a_full_disk_over_there_stops_and_says_so(far: World, tmp_path: Path) -> None:
    (far.root / "a").write_text("one" * 30_000)
    await far.act("snapshot", label="good")
    (far.root / "a").write_text("two")
    staging = far.home / ".local/state/envsync/staging"
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "x", str(_made(staging))]).returncode
    ):
        pytest.skip("only root can make a full disk here")
    try:
        with pytest.raises(Failed, match="No space left"):
            await far.act("rewind", to="good")
        assert (far.root / "a").read_text() == "two"
    finally:
        subprocess.run(["umount", str(staging)], check=True)
    await far.act("rewind", to="good")
    assert (far.root / "a").read_text() == "one" * 30_000


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "filler").parent.mkdir(exist_ok=True)
    return path


async def test_hostile_a_host_that_goes_away_is_unreachable_and_nothing_is_half_known(tmp_path: Path) -> None:
    host = pipe_host("remote", tmp_path)
    root = tmp_path / "app"
    root.mkdir()
    for number in range(300):
        (root / f"f{number}").write_text(str(number))
    try:
        info = await host.info()
        w = World(host, root, tmp_path / "state", info.home)
        await w.read("status")
        host.kill()
        # The next use connects again; what was under way is told by one error.
        try:
            await w.act("snapshot", label="good")
        except Unreachable:
            await w.act("snapshot", label="good")
        assert not [d for d in (await w.read("drift", against="good")).differences if d.kind == "file"]
    finally:
        await host.close()


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Host]:
    """A host with BusyBox and nothing else."""
    made = pipe_host("shell", tmp_path)
    yield made
    await made.close()


async def test_a_host_without_python_is_scanned_by_its_shell(shell: Host, tmp_path: Path) -> None:
    root = tmp_path / "app"
    (root / "node_modules/left").mkdir(parents=True)
    (root / "node_modules/left/package.json").write_text('{"name": "left", "version": "1.2.3"}')
    (root / "package.json").write_text('{"dependencies": {"left": "^1.0.0"}, "scripts": {"start": "node x.js"}}')
    (root / "x.js").write_text("process.env.STORY_TOKEN\n")
    (root / ".env").write_text("STORY_TOKEN=hunter2hunter2\n")
    (root / "--odd\nname").write_text("x")
    info = await shell.info()
    w = World(shell, root, tmp_path / "state", info.home)
    seen = await observe(w.context)
    assert info.python == "" and seen.facts is not None and seen.facts.kernel == os.uname().release
    (service,) = seen.project.services  # type: ignore[union-attr]
    assert service.commands["start"].value and [f.value for f in service.variables] == ["STORY_TOKEN"]
    assert {s.where: s.packages for s in seen.packages}["node_modules"] == {"left": "1.2.3"}
    assert "hunter2" not in seen.model_dump_json()
    assert (await w.read("status")).machine


async def test_a_host_without_python_is_recorded_and_put_back_by_its_shell(shell: Host, tmp_path: Path) -> None:
    root = tmp_path / "app"
    root.mkdir()
    w = World(shell, root, tmp_path / "state", (await shell.info()).home)
    await w.sh(PROJECT)
    (root / "large.bin").write_bytes(os.urandom(5 << 20))
    for path in root.rglob("*"):  # BusyBox sets times to the second
        os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)
    good = _listing(root)
    made = await w.act("snapshot", label="good")
    assert made.files >= 9 and (await w.plan("rewind", to="good")).empty
    await w.sh(CHANGES)
    (root / "large.bin").write_bytes(b"small")
    changed = _listing(root)
    found = {d.what: d.change for d in (await w.read("drift", against="good")).differences if d.kind == "file"}
    assert {"src/app.py": "edited", "locked": "removed", "fresh.txt": "added"}.items() <= found.items()
    await w.act("rewind", to="good")
    assert _listing(root) == good
    await w.act("rewind", to="last")
    assert _listing(root) == changed


def _listing(root: Path) -> list[tuple[object, ...]]:
    """What each path is, to the second."""
    rows: list[tuple[object, ...]] = []
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        when = 0 if path.is_dir() else int(info.st_mtime)
        rows.append((str(path.relative_to(root)), stat.S_IFMT(info.st_mode), stat.S_IMODE(info.st_mode), when, content))
    return rows
