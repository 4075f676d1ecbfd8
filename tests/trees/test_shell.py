"""The slow side, with GNU's commands and with BusyBox's: what it finds and does is what the worker finds and does."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from envsync.tests.trees.test_side import file, git, plain, put
from envsync.tools.errors import Damaged, Failed, Usage
from envsync.tools.hosts.base import Completed
from envsync.tools.hosts.local import LocalHost
from envsync.tools.trees.between import perform
from envsync.tools.trees.hashing import digest_of
from envsync.tools.trees.model import Change, Entry, Options, same
from envsync.tools.trees.open import open_replica
from envsync.tools.trees.replica import Wanted
from envsync.tools.trees.shell import ShellReplica

APPLETS = "sh find stat xargs tar sha256sum readlink tail head wc cat mv cp ln rm rmdir mkdir chmod touch ls date id env printf"


class Bare(LocalHost):
    """This machine with nothing but some commands."""

    def __init__(self, path: str) -> None:
        self.path = path

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float | None = 60,
        output: Callable[[str, bytes], None] | None = None,
    ) -> Completed:
        assert argv[0] == "sh"
        command = [os.path.join(self.path, "sh"), *argv[1:]]
        return await super().run(command, cwd=cwd, env={"PATH": self.path}, stdin=stdin, timeout=timeout, output=output)


@pytest.fixture(params=["gnu", "busybox"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    folder = tmp_path_factory.mktemp("bin")
    busybox = shutil.which("busybox")
    for name in APPLETS.split():
        found = busybox if request.param == "busybox" else shutil.which(name)
        if found is None:
            pytest.skip(f"{request.param} is not installed here")
        (folder / name).symlink_to(found)
    return Bare(str(folder))


@pytest.fixture
def shell(host: Bare, tmp_path: Path) -> Callable[..., ShellReplica]:
    def make(name: str, **options: object) -> ShellReplica:
        (tmp_path / name).mkdir(exist_ok=True)
        chosen = Options(algorithm="sha256", **options)  # type: ignore[arg-type]
        return ShellReplica(host, str(tmp_path / name), name, chosen, str(tmp_path / f"private-{name}"))

    return make


def sha(content: bytes, mode: int = 0o644) -> Entry:
    return file(content, mode)._replace(digest=digest_of(content, "sha256"))


async def test_it_sees_what_the_worker_sees(shell: Callable[..., ShellReplica], tmp_path: Path) -> None:
    root = tmp_path / "a"
    put(
        root,
        {
            "x": b"one", "d/y": b"two", "empty": None, ".gitignore": b"*.log\nnode_modules/\n", "a.log": b"",
            "sub/.gitignore": b"!b.log\n", "sub/b.log": b"", "node_modules/m/x": b"", "a\nb\\c": b"odd", "--force": b"f",
        },
    )  # fmt: skip
    (root / "x").chmod(0o755)
    (root / "l").symlink_to("../outside\n")
    os.mkfifo(root / "pipe")
    with open(os.path.join(os.fsencode(root), b"\xff"), "wb") as stream:
        stream.write(b"bytes")
    git(root, "init", "-q")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    (root / ".git/index").unlink(missing_ok=True)
    git(root, "add", "x")
    near = await open_replica(LocalHost(), str(root), options=Options(algorithm="sha256"), private=str(tmp_path / "p"))
    far = shell("a")
    one, other = await near.scan(), await far.scan()
    await near.close()
    assert plain({p: e._replace(mtime_ns=0) for p, e in one.tree.items()}) == {
        p: e._replace(mtime_ns=0) for p, e in other.tree.items()
    }
    assert set(one.ignored) == set(other.ignored)
    put(root, {"d/new": b"new", "sub/c.log": b"", "deep/er/z": b"z"})
    (root / "x").unlink()
    part = await far.scan(["d/new", "sub/c.log", "deep/er/z", "x"])
    assert {path for path, entry in part.tree.items() if entry.kind == "file"} == {"d/new", "deep/er/z"}
    assert part.ignored == ("sub/c.log",)
    merged = part.onto(other)
    assert merged.tree.keys() == (await far.scan()).tree.keys()


async def test_rewrites_of_the_same_size_are_not_missed(shell: Callable[..., ShellReplica], tmp_path: Path) -> None:
    far = shell("a")
    for turn in range(4):
        put(tmp_path / "a", {"x": b"%04d" % turn})
        assert (await far.scan()).tree["x"].digest == digest_of(b"%04d" % turn, "sha256")


async def test_it_makes_what_the_worker_makes(shell: Callable[..., ShellReplica], tmp_path: Path) -> None:
    far, root = shell("b"), tmp_path / "b"
    put(root, {"old": b"before", "gone": b"deleted", "d/m": b"moved", "f": b"file", "t/x": b"below", "bit": b"bit"})
    (root / "old").chmod(0o640)
    before = (await far.scan()).tree
    changes = [
        Change("gone", before["gone"], None),
        Change("d/m", before["d/m"], None),
        Change("d", before["d"], None),
        Change("t/x", before["t/x"], None),
        Change("t", before["t"], sha(b"leaf")),
        Change("e", None, Entry("directory", 0o755)),
        Change("e/m", None, before["d/m"], "d/m"),
        Change("new $(id) '\n", None, sha(b"new", 0o755)),
        Change("old", before["old"], sha(b"after", 0o755)),
        Change("f", before["f"], Entry("directory", 0o755)),
        Change("f/x", None, sha(b"leaf")),
        Change("l", None, Entry("link", target="--x\n")),
        Change("bit", before["bit"], before["bit"]._replace(mode=0o755)),
    ]
    contents = [(digest_of(each, "sha256"), each) for each in (b"leaf", b"new", b"after")]
    outcomes = await far.apply(changes, batch="b1", contents=contents)
    assert [outcome.why for outcome in outcomes] == [""] * len(changes)
    assert (root / "e/m").read_bytes() == b"moved" and (root / "t").read_bytes() == (
        root / "f/x"
    ).read_bytes() == b"leaf"
    assert (root / "old").read_bytes() == b"after" and (root / "old").stat().st_mode & 0o777 == 0o750
    assert (root / "new $(id) '\n").stat().st_mode & 0o777 == 0o755
    assert (root / "new $(id) '\n").stat().st_mtime_ns == 1_600_000_000_000_000_000
    assert os.readlink(root / "l") == "--x\n" and (root / "bit").stat().st_mode & 0o111
    kept = {item.path: item for item in await far.kept()}
    assert {"old", "gone", "f", "t/x"} <= set(kept) and kept["old"].batch == "b1"
    assert (tmp_path / "private-b/kept" / kept["old"].name).read_bytes() == b"before"
    assert await far.missing({kept["gone"].entry.digest: 7, digest_of(b"no", "sha256"): 2}) == {
        digest_of(b"no", "sha256")
    }
    after = await far.scan()
    assert same(after.tree["old"], sha(b"after", 0o755)) and not (root / "d").exists()
    await far.prune(before=0, limit=0)
    assert await far.kept() == [] and os.listdir(tmp_path / "private-b/work") == []


async def test_hostile_18_19_20_it_refuses_what_changed_and_never_leaves_the_root(
    shell: Callable[..., ShellReplica], tmp_path: Path
) -> None:
    far, root, outside = shell("b"), tmp_path / "b", tmp_path / "outside"
    put(outside, {"x": b"theirs"})
    put(root, {"edited": b"one", "d/x": b"mine", "late/x": b"one", "late/.gitignore": b"y"})
    before = (await far.scan()).tree
    put(root, {"edited": b"two", "appeared": b"mine", "late/y": b"ignored"})
    (root / "d/x").unlink()
    (root / "d").rmdir()
    (root / "d").symlink_to(outside)
    changes = [
        Change("edited", before["edited"], sha(b"evil")),
        Change("appeared", None, sha(b"evil")),
        Change("d/x", before["d/x"], sha(b"evil")),
        Change("d/new", None, sha(b"evil")),
        Change("late/x", before["late/x"], None),
        Change("late/.gitignore", before["late/.gitignore"], None),
        Change("late", before["late"], None),
    ]
    outcomes = await far.apply(changes, contents=[(digest_of(b"evil", "sha256"), b"evil")])
    assert [bool(outcome.why) for outcome in outcomes] == [True, True, True, True, False, False, True]
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"x": b"theirs"}
    assert (root / "edited").read_bytes() == b"two" and (root / "late/y").read_bytes() == b"ignored"
    for path in ("../x", "/etc/x", "a/../../x"):
        with pytest.raises(Usage):
            await far.apply([Change(path, None, sha(b"evil"))])
    with pytest.raises(Damaged):
        await far.stage([(digest_of(b"right", "sha256"), b"wrong")])


async def test_content_goes_both_ways_between_it_and_the_worker(
    shell: Callable[..., ShellReplica], tmp_path: Path
) -> None:
    here, there = tmp_path / "a", tmp_path / "b"
    here.mkdir()
    near = await open_replica(LocalHost(), str(here), options=Options(algorithm="sha256"), private=str(tmp_path / "p"))
    far = shell("b")
    try:
        put(here, {f"d{i % 7}/f{i}": b"%d" % i for i in range(300)})
        put(here, {"big": os.urandom(9_000_001), "empty": b""})
        git(here, "init", "-q")
        git(here, "add", "d1")
        git(here, "commit", "-qm", "first")
        tree = (await near.scan()).tree
        outcomes = await perform(near, far, [Change(path, None, tree[path]) for path in sorted(tree)])
        assert [outcome for outcome in outcomes if outcome.why] == []
        there_now = (await far.scan()).tree
        assert there_now.keys() == tree.keys() and all(same(tree[path], there_now[path]) for path in tree)
        assert git(there, "log", "--format=%s") == "first" and git(there, "status", "--short", "d1") == ""
        put(there, {"back": os.urandom(5_000_000), "d0/f0": b"back"})
        git(there, "commit", "-q", "--allow-empty", "-m", "second")
        now = (await far.scan()).tree
        changes = [Change(p, tree.get(p), e) for p, e in sorted(now.items()) if not same(e, tree.get(p))]
        assert {change.path for change in changes} == {"back", "d0/f0", ".git"}
        assert not [outcome for outcome in await perform(far, near, changes) if outcome.why]
        assert (here / "back").read_bytes() == (there / "back").read_bytes()
        assert git(here, "log", "--format=%s") == "second\nfirst"
        git(here, "commit", "-q", "--allow-empty", "-m", "third")
        newest = (await near.scan()).tree
        again = await perform(near, far, [Change(".git", now[".git"], newest[".git"])])
        assert not again[0].why and git(there, "log", "--format=%s") == "third\nsecond\nfirst"
    finally:
        await near.close()


async def test_a_missing_root_and_missing_commands_are_said(shell: Callable[..., ShellReplica], tmp_path: Path) -> None:
    far = shell("a")
    facts = await far.facts()
    assert facts.kind == "directory" and facts.algorithm == "sha256" and facts.links
    assert await far.fetch([Wanted("no", b"x" * 20, 3)]) == [None]
    (tmp_path / "a").rmdir()
    assert (await far.facts()).kind == "missing"
    with pytest.raises(Failed):
        await far.scan()
    empty = tmp_path / "bin"
    empty.mkdir()
    (empty / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    (tmp_path / "a").mkdir()
    with pytest.raises(Failed):
        await ShellReplica(Bare(str(empty)), str(tmp_path / "a"), "a", Options(algorithm="sha256")).scan()


def test_the_scripts_are_plain_posix_shell(tmp_path: Path) -> None:
    from envsync.tools.trees import scripts

    for name in (name for name in dir(scripts) if name.isupper()):
        done = subprocess.run(["sh", "-n", "-c", getattr(scripts, name)], capture_output=True)
        assert done.returncode == 0, (name, done.stderr)
