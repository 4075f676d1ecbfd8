"""A scan with what the last one remembered tells the very same as one without, and reads only what changed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsync.tools.contract import Context
from envsync.tools.scan import cache as kept
from envsync.tools.scan.project import wants
from envsync.tools.scan.tree import Limits, Tree, Wants, collect
from envsync.tools.trees.cache import FINE_NS

from .conftest import fill, seen

WANTED = wants()
SETTLED = FINE_NS / 1e9 + 0.03
"""Seconds after which an edit can be told by its stamps from the next one."""
PYTHON = "import os\nos.environ['{}_KEY']\n"
SCRIPT = "const url = process.env.{}_URL\n"
FILES = {"a.py": PYTHON.format("AAA"), "web/b.ts": SCRIPT.format("BBB"), "package.json": '{"name": "x"}'}

EXCLUDE = ".git/info/exclude"
opened: list[str] = []
watching = False


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if watching and event == "open" and isinstance(args[0], str):
        opened.append(args[0])


sys.addaudithook(_audit)


@pytest.fixture
def reads() -> Iterator[Callable[[Path], set[str]]]:
    """What was opened below a directory since the last time it was asked."""
    global watching
    watching = True
    opened.clear()

    def ask(root: Path) -> set[str]:
        found = {os.path.relpath(path, root) for path in opened if path.startswith(f"{root}{os.sep}")} - {EXCLUDE}
        opened.clear()
        return found

    yield ask
    watching = False


@pytest.fixture
def keep(tmp_path: Path) -> Path:
    return tmp_path / "state" / "scan"


def told(tree: Tree) -> dict[str, Any]:
    """All of a tree."""
    return {**asdict(tree), "hits": [tuple(hit) for hit in tree.hits], "files": list(tree.files.items())}


def fresh(root: Path) -> dict[str, Any]:
    return told(collect(str(root), WANTED))


def cached(root: Path, keep: Path) -> dict[str, Any]:
    return told(collect(str(root), WANTED, None, str(keep)))


def files(keep: Path) -> list[Path]:
    return sorted(keep.iterdir()) if keep.is_dir() else []


# -- The same result --------------------------------------------------------------------------------------------------

NAMES = ["a.py", "b.py", "pkg/c.py", "pkg/deep/d.py", "sp ace.py", os.fsdecode(b"latin\xff.py"), "línea.py", "pkg/.gitignore"]  # fmt: skip
WORDS = st.sampled_from(["AAA", "BBB", "CCC", "LONGER"])
PATHS = st.sampled_from(NAMES)


class Edits:
    """What people and tools do to files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, word: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.is_fifo():
            path.unlink()
        path.write_text("c.py\n" if name.endswith("ignore") else PYTHON.format(word))

    def put_back(self, name: str, word: str) -> None:
        """A rewrite, of the same size when the word is as long, that has the old mtime."""
        path = self.root / name
        if path.is_file():
            before = path.stat()
            self.write(name, word)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def replaced(self, name: str, word: str) -> None:
        """Another inode with the old mtime, as editors and git make it."""
        path = self.root / name
        if path.is_file():
            before = path.stat()
            self.write("new.tmp", word)
            os.utime(self.root / "new.tmp", ns=(before.st_atime_ns, before.st_mtime_ns))
            os.replace(self.root / "new.tmp", path)

    def swapped(self, name: str, word: str) -> None:
        """Two files change their names."""
        one, other = self.root / name, self.root / "b.py"
        if one.is_file() and other.is_file() and one != other:
            os.rename(one, self.root / "between")
            os.rename(other, one)
            os.rename(self.root / "between", other)

    def touched(self, name: str, word: str) -> None:
        if (self.root / name).is_file():
            os.utime(self.root / name)

    def removed(self, name: str, word: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    def special(self, name: str, word: str) -> None:
        self.removed(name, word)
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(self.root / name)

    def linked(self, name: str, word: str) -> None:
        """One content under two names, then changed through the other one."""
        target = self.root / "b.py"
        if name not in ("b.py", "pkg/.gitignore") and target.is_file():
            self.removed(name, word)
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(target, self.root / name)
            target.write_text(PYTHON.format(word))

    def settle(self, name: str, word: str) -> None:
        time.sleep(SETTLED)


EDIT = st.tuples(
    st.sampled_from(["write", "write", "put_back", "put_back", "replaced", "swapped", "touched", "removed", "special", "linked", "settle"]),
    PATHS,
    WORDS,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(EDIT, min_size=1, max_size=5), min_size=1, max_size=5), st.booleans())
def test_the_same_with_and_without(rounds: list[list[tuple[str, str, str]]], settled: bool) -> None:
    with tempfile.TemporaryDirectory() as place:
        root, keep = Path(place) / "project", Path(place) / "keep"
        root.mkdir()
        edits = Edits(root)
        for name in NAMES:
            edits.write(name, "AAA")
        if settled:
            time.sleep(SETTLED)
        assert cached(root, keep) == fresh(root)
        for done in rounds:
            for edit, name, word in done:
                getattr(edits, edit)(name, word)
            assert cached(root, keep) == fresh(root)
        assert cached(root, keep) == fresh(root)


def test_only_what_changed_is_read(tmp_path: Path, keep: Path, reads: Callable[[Path], set[str]]) -> None:
    root = fill(tmp_path / "project", {**FILES, **{f"m{number}.py": PYTHON.format("X") for number in range(50)}})
    time.sleep(SETTLED)
    cached(root, keep)
    assert {"a.py", "web/b.ts", "m49.py"} <= reads(root)
    before = files(keep)[0].stat().st_mtime_ns
    cached(root, keep)
    assert reads(root) == {"package.json"}
    assert files(keep)[0].stat().st_mtime_ns == before, "nothing changed, and it was written"
    (root / "m7.py").write_text(PYTHON.format("Y"))
    cached(root, keep)
    assert reads(root) == {"package.json", "m7.py"}


def test_a_file_touched_just_now_is_read_again(
    tmp_path: Path, keep: Path, reads: Callable[[Path], set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envsync.tools.trees.cache.FINE_NS", 60_000_000_000)  # whatever the machine is busy with
    root = fill(tmp_path / "project", FILES)
    cached(root, keep)
    reads(root)
    cached(root, keep)
    assert reads(root) == {"package.json", "a.py", "web/b.ts"}


def test_a_file_on_another_file_system_needs_two_seconds(tmp_path: Path, reads: Callable[[Path], set[str]]) -> None:
    if os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:  # another file system than the tests'
        pytest.skip("there is only one file system here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        root, keep = fill(tmp_path / "project", FILES), Path(place) / "keep"
        time.sleep(SETTLED)
        cached(root, keep)
        reads(root)
        cached(root, keep)
        assert "a.py" in reads(root)
        time.sleep(2.1)
        cached(root, keep)
        reads(root)
        cached(root, keep)
        assert reads(root) == {"package.json"}


def test_same_size_and_old_mtime_is_noticed(tmp_path: Path, keep: Path) -> None:
    root = fill(tmp_path / "project", FILES)
    time.sleep(SETTLED)
    cached(root, keep)
    Edits(root).put_back("a.py", "ZZZ")
    assert ("a.py", "env", "ZZZ_KEY", 2) in cached(root, keep)["hits"]


def test_what_is_gone_is_forgotten(tmp_path: Path, keep: Path) -> None:
    root = fill(tmp_path / "project", FILES)
    time.sleep(SETTLED)
    cached(root, keep)
    (root / "a.py").unlink()
    cached(root, keep)
    content = files(keep)[0].read_bytes()
    assert b"BBB_URL" in content and b"AAA_KEY" not in content


def test_budgets_are_the_same(tmp_path: Path, keep: Path) -> None:
    root = fill(tmp_path / "project", {f"m{number}.py": PYTHON.format("X") * 20 for number in range(20)})
    time.sleep(SETTLED)
    limits = Limits(source_total=3_000)
    first = told(collect(str(root), WANTED, limits, str(keep)))
    assert first == told(collect(str(root), WANTED, limits, str(keep))) == told(collect(str(root), WANTED, limits))
    assert "source files were not searched" in first["notes"][0][1]


# -- Whose results ----------------------------------------------------------------------------------------------------


def test_another_search_has_another_cache(tmp_path: Path, keep: Path) -> None:
    root = fill(tmp_path / "project", FILES)
    time.sleep(SETTLED)
    cached(root, keep)
    other = Wants(patterns={".py": (("mine", "import", r"(import)"),)})
    assert [hit.rule for hit in collect(str(root), other, None, str(keep)).hits] == ["mine"]
    assert collect(str(root), WANTED, Limits(source=12), str(keep)).hits == []
    assert len(files(keep)) == 3


def test_other_code_has_another_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def name() -> str:
        kept._search.cache_clear()
        kept._code.cache_clear()
        return kept.Cache("/keep", "/project", WANTED, Limits()).file

    mine = name()
    assert name() == mine
    with monkeypatch.context() as patch:
        patch.setattr("pkgutil.get_data", lambda package, file: b"changed" if file == "mentions.py" else b"")  # pyright: ignore
        assert name() != mine
    with monkeypatch.context() as patch:
        patch.setattr("envsync.__version__", "999")
        assert name() != mine
    assert name() == mine


def test_every_process_finds_the_same_cache(tmp_path: Path, keep: Path) -> None:
    """Sets have another order in each process."""
    root = fill(tmp_path / "project", FILES)
    code = (
        "import sys; from envsync.tools.scan.project import wants; from envsync.tools.scan.tree import collect;"
        "collect(sys.argv[1], wants(), None, sys.argv[2])"
    )
    parent = Path(kept.__file__).parents[3]
    time.sleep(SETTLED)
    for seed in ("1", "2", "3"):
        environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(parent)}
        subprocess.run([sys.executable, "-c", code, str(root), str(keep)], env=environ, check=True)
    assert len(files(keep)) == 1


# -- What is in it ----------------------------------------------------------------------------------------------------


def test_no_text_and_no_secret_is_kept(tmp_path: Path, keep: Path) -> None:
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    root = fill(
        tmp_path / "project",
        {
            **FILES,
            ".env": "DB_PASSWORD=hunter2-very-secret\n",
            ".env.example": "DB_PASSWORD=example-very-secret\n",
            "compose.yaml": "services:\n  db:\n    image: postgres\n    environment: {POSTGRES_PASSWORD: compose-secret}\n",
            "list.js": f"const {{ TOKEN = '{token}', OTHER_NAME }} = process.env\n",
            "note.py": "import os\nprivate_note = 'nobody else shall read'\nos.environ['NOTED']\n",
        },
    )
    time.sleep(SETTLED)
    first = cached(root, keep)
    assert any(token in hit[2] for hit in first["hits"]), "the search no longer gives values: use another example"
    (content,) = (file.read_text("latin-1") for file in files(keep))
    assert "NOTED" in content and "AAA_KEY" in content
    for secret in (token, "very-secret", "compose-secret", "nobody else", "list.js", "note.py", "OTHER_NAME"):
        assert secret not in content
    assert cached(root, keep) == first == fresh(root)


def test_a_value_of_the_environment_is_not_kept(tmp_path: Path, keep: Path) -> None:
    root = fill(tmp_path / "project", {"a.js": "const { A = 'correct horse 7 battery' } = process.env\n"})
    code = (
        "import sys; from envsync.tools.scan.project import wants; from envsync.tools.scan.tree import collect;"
        "print(len(collect(sys.argv[1], wants(), None, sys.argv[2]).hits))"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(kept.__file__).parents[3]), "MY_SECRET": "correct horse 7 battery"}
    time.sleep(SETTLED)
    argv = [sys.executable, "-c", code, str(root), str(keep)]
    assert subprocess.run(argv, env=environ, check=True, capture_output=True).stdout.strip() != b"0"
    assert not any(b"horse" in file.read_bytes() for file in files(keep))


def test_it_is_private_and_the_project_is_left_alone(tmp_path: Path, keep: Path) -> None:
    root = fill(tmp_path / "project", FILES)
    time.sleep(SETTLED)
    before = sorted((str(path), path.lstat().st_mtime_ns, path.lstat().st_ctime_ns) for path in root.rglob("*"))
    cached(root, keep)
    assert files(keep)[0].stat().st_mode & 0o777 == 0o600 and keep.stat().st_mode & 0o777 == 0o700
    assert before == sorted((str(path), path.lstat().st_mtime_ns, path.lstat().st_ctime_ns) for path in root.rglob("*"))


async def test_the_scan_itself_uses_it_here_and_leaves_nothing_elsewhere(project: Path, context: Context) -> None:
    from envsync.tools.scan.observe import _kept

    fill(project, FILES)
    time.sleep(SETTLED)
    first = await seen(context, "project")
    assert len(files(context.state / "cache" / "scan")) == 1
    again = await seen(context, "project")
    assert again.project == first.project

    class Far:
        name = "ssh:somebody@elsewhere"

    from dataclasses import replace

    assert _kept(replace(context, host=Far())) is None  # pyright: ignore[reportArgumentType]  # only its kind is asked


# -- Damaged and hostile ----------------------------------------------------------------------------------------------


def sealed(body: bytes) -> bytes:
    """A file with a right checksum, whatever it says."""
    return kept.MAGIC + hashlib.blake2b(body, digest_size=20).digest() + body


def rows(root: Path, row: Callable[[list[Any]], Any]) -> bytes:
    """What somebody could write for `a.py`, with its real stamps."""
    info = (root / "a.py").stat()
    key = [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino]
    return sealed(json.dumps({kept._name("a.py"): row(key)}).encode())


HOSTILE: dict[str, Callable[[Path, bytes], bytes]] = {
    "empty": lambda root, good: b"",
    "cut": lambda root, good: good[: len(good) // 2],
    "one bit": lambda root, good: good[:-9] + bytes([good[-9] ^ 1]) + good[-8:],
    "no json": lambda root, good: sealed(b"\x80\x04cos\nsystem\n"),
    "no dict": lambda root, good: sealed(b"[1]"),
    "deep": lambda root, good: sealed(b"[" * 200_000),
    "huge number": lambda root, good: sealed(b'{"x": [1' + b"0" * 10_000 + b"]}"),
    "nan": lambda root, good: sealed(b'{"%s": [NaN, Infinity, 1, 1, 1, ""]}' % kept._name("a.py").encode()),
    "no list": lambda root, good: rows(root, lambda key: "x"),
    "short": lambda root, good: rows(root, lambda key: key),
    "long": lambda root, good: rows(root, lambda key: [*key, 1, "", ""]),
    "size is text": lambda root, good: rows(root, lambda key: [*key, "9", ""]),
    "size is true": lambda root, good: rows(root, lambda key: [*key, True, ""]),
    "mentions are a list": lambda root, good: rows(root, lambda key: [*key, 1, ["env", "X", 1]]),
    "mentions are cut": lambda root, good: rows(root, lambda key: [*key, 1, "env\fX"]),
    "line is no number": lambda root, good: rows(root, lambda key: [*key, 1, "env\fX\fone"]),
    "line is too long": lambda root, good: rows(root, lambda key: [*key, 1, "env\fX\f" + "1" * 5000]),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_damaged_cache_is_made_again(how: str, tmp_path: Path, keep: Path, reads: Callable[[Path], set[str]]) -> None:
    root = fill(tmp_path / "project", FILES)
    time.sleep(SETTLED)
    first = cached(root, keep)
    file = files(keep)[0]
    file.write_bytes(HOSTILE[how](root, file.read_bytes()))
    reads(root)
    assert cached(root, keep) == first
    assert "a.py" in reads(root)
    assert cached(root, keep) == first
    assert reads(root) == {"package.json"}


@pytest.mark.parametrize(
    "kind", ["fifo", "directory", "link", "sparse", "folder is a file", "folder is a link to nowhere"]
)
def test_something_else_in_its_place(kind: str, tmp_path: Path, keep: Path) -> None:
    root = fill(tmp_path / "project", FILES)
    time.sleep(SETTLED)
    first = cached(root, keep)
    file = files(keep)[0]
    file.unlink()
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "directory":
        file.mkdir()
    elif kind == "link":
        file.symlink_to(victim)
    elif kind == "sparse":
        with file.open("wb") as hole:
            hole.truncate(1 << 40)
    else:
        keep.rmdir()
        keep.symlink_to(tmp_path / "nowhere") if "link" in kind else keep.write_bytes(b"mine")
    assert cached(root, keep) == first == cached(root, keep)
    assert victim.read_bytes() == b"mine"
    if kind in ("fifo", "link", "sparse"):
        assert file.is_file() and not file.is_symlink() and file.stat().st_size < 100_000


def test_somebody_elses_cache_is_not_believed(tmp_path: Path, keep: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    root = fill(tmp_path / "project", FILES)
    time.sleep(SETTLED)
    first = cached(root, keep)
    file = files(keep)[0]
    file.write_bytes(rows(root, lambda key: [*key, 1, "env\fPLANTED\f1"]))
    assert any(hit[2] == "PLANTED" for hit in cached(root, keep)["hits"]), "the example is not believed at all"
    os.chown(file, 12345, 12345)
    assert cached(root, keep) == first


def test_a_full_disk_is_survived(tmp_path: Path, keep: Path) -> None:
    root = fill(tmp_path / "project", {f"m{n}.py": PYTHON.format(f"N{n}") * 40 for n in range(200)})
    time.sleep(SETTLED)
    keep.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", keep], capture_output=True)
    if mounted.returncode:
        pytest.skip("no small file system can be mounted here")
    try:
        time.sleep(2.1)
        assert cached(root, keep) == fresh(root)
        assert files(keep) == [], "a half-written file was left"
    finally:
        subprocess.run(["umount", keep], check=True)


def test_it_stays_small(tmp_path: Path, keep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 20_000)
    monkeypatch.setattr(kept, "PROJECTS", 3)
    large = fill(tmp_path / "large", {f"m{n}.py": PYTHON.format(f"N{n}") * 10 for n in range(200)})
    small = [fill(tmp_path / f"small{n}", FILES) for n in range(6)]
    time.sleep(SETTLED)
    assert cached(large, keep) == fresh(large) == cached(large, keep)
    assert 10_000 < files(keep)[0].stat().st_size < 40_000
    (keep / "x.scan.abc").write_bytes(b"left by a killed scan")
    os.utime(keep / "x.scan.abc", (0, 0))
    for root in small:
        assert cached(root, keep) == fresh(root)
    assert len(files(keep)) == 3


def test_scans_at_the_same_time(tmp_path: Path, keep: Path) -> None:
    root = fill(tmp_path / "project", {f"m{n}.py": PYTHON.format(f"N{n}") for n in range(100)})
    time.sleep(SETTLED)
    want = fresh(root)
    wrong: list[object] = []

    def scan() -> None:
        for _ in range(10):
            try:
                if cached(root, keep) != want:
                    wrong.append("another result")
            except Exception as error:  # whatever it is, it is what is looked for
                wrong.append(error)

    def spoil() -> None:
        for _ in range(100):
            for file in files(keep):
                file.unlink(missing_ok=True)
            time.sleep(0.002)

    threads = [threading.Thread(target=work) for work in (scan, scan, scan, spoil)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    cached(root, keep)
    assert len(files(keep)) == 1, "a temporary file was left"
