"""A mount whose server is gone: a look at what lies on it never ends, and the scan does."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from envsync.tests.lab.require import lacks, require
from envsync.tools.contract import Context
from envsync.tools.errors import Usage
from envsync.tools.scan import patience
from envsync.tools.scan.project import wants
from envsync.tools.scan.tree import collect

from .conftest import fill, only, seen


@contextmanager
def dead_mount(at: Path) -> Iterator[None]:
    """A file system in user space whose server never says a word."""
    require("fuse")
    require("root")
    at.mkdir(parents=True, exist_ok=True)
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    try:
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"dead", os.fsencode(at), b"fuse", 0, options):
            lacks("fuse", f"nothing can be mounted here: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            libc.umount2(os.fsencode(at), 2)  # MNT_DETACH: it need not answer
    finally:
        os.close(device)  # whoever still waits gets an error now


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.6)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("where", ["mnt", "a/b/mnt"])
@pytest.mark.parametrize("ignored", [False, True])
def test_the_rest_is_read(project: Path, where: str, ignored: bool) -> None:
    fill(project, {"app.py": "import os\nos.environ['ONE_KEY']\n", "zoo/z.py": "import os\nos.environ['TWO_KEY']\n"})
    fill(project, {".gitignore": "mnt/\n" if ignored else "nothing\n"})
    with dead_mount(project / where):
        start = time.monotonic()
        tree = collect(str(project), wants())
        assert time.monotonic() - start < 5
    assert {"app.py", "zoo/z.py"} <= set(tree.files)
    assert {hit.value for hit in tree.hits} == {"ONE_KEY", "TWO_KEY"}
    noted = [path for path, why in tree.notes if "did not answer" in why]
    assert noted == ([] if ignored else [where])


@pytest.mark.usefixtures("quick")
def test_several_of_them(project: Path) -> None:
    fill(project, {"app.py": "x = 1\n", "c/c.py": "x = 1\n"})
    with dead_mount(project / "a"), dead_mount(project / "b/b"), dead_mount(project / "d"):
        tree = collect(str(project), wants())
    assert set(tree.files) == {"app.py", "c/c.py"}
    assert sorted(path for path, why in tree.notes if "did not answer" in why) == ["a", "b/b", "d"]


@pytest.mark.usefixtures("quick")
async def test_the_project_itself_hangs(project: Path, context: Context) -> None:
    with dead_mount(project):
        with pytest.raises(OSError, match="did not answer"):
            collect(str(project), wants())
        with pytest.raises(Usage, match="did not answer"):
            await asyncio.wait_for(seen(context, "project"), 30)


async def test_the_whole_scan_says_so(project: Path, context: Context) -> None:
    fill(project, {"requirements.txt": "flask\n", "app.py": "from flask import Flask\napp = Flask(__name__)\n"})
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    with dead_mount(project / "data"):
        found = (await asyncio.wait_for(seen(context, "all", PATH=os.environ["PATH"]), 60)).project
    assert found and found.git and only(found).frameworks[0].value == "Flask"
    assert any(f"data: not read: it did not answer within {patience.PATIENCE:g} s" in f.value for f in found.findings)


def test_the_process_ends_although_a_thread_hangs(project: Path) -> None:
    fill(project, {"app.py": "x = 1\n"})
    code = (
        "import sys; from envsync.tools.scan import patience; patience.PATIENCE = 0.6\n"
        "from envsync.tools.scan.project import wants; from envsync.tools.scan.tree import collect\n"
        "print(len(collect(sys.argv[1], wants()).files), flush=True)"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(patience.__file__).parents[3])}
    with dead_mount(project / "data"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(project)], env=environ, capture_output=True, text=True, timeout=20
        )
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr


@pytest.mark.usefixtures("quick")
def test_what_wakes_up_late_changes_nothing(project: Path) -> None:
    fill(project, {"app.py": "x = 1\n"})
    with dead_mount(project / "data"):
        tree = collect(str(project), wants())
        before = (dict(tree.files), list(tree.notes))
    time.sleep(0.3)  # the thread that was left behind has its error now
    assert (tree.files, tree.notes) == before


class Slow(patience.Patient[int, int]):
    """Steps that take long and show it, or do not."""

    def __init__(self, step: Callable[[Slow, int], None]) -> None:
        super().__init__()
        self.left, self.step = [1, 2, 3], step
        self.done: list[int] = []
        self.given_up: list[int] = []

    def next(self) -> int | None:
        return self.left.pop(0) if self.left else None

    def read(self, step: int) -> int:
        self.step(self, step)
        return step

    def take(self, step: int, result: int) -> None:
        self.done.append(result)

    def give_up(self, step: int) -> None:
        self.given_up.append(step)


@pytest.mark.usefixtures("quick")
def test_a_slow_step_that_shows_progress_is_waited_for() -> None:
    def step(work: Slow, number: int) -> None:
        for _ in range(8 if number == 2 else 0):
            time.sleep(0.2)
            work.beat()

    work = Slow(step)
    work.work()
    assert (work.done, work.given_up) == ([1, 2, 3], [])


@pytest.mark.usefixtures("quick")
def test_a_step_that_ends_after_it_was_given_up_counts_no_more() -> None:
    work = Slow(lambda _, number: time.sleep(1.5 if number == 2 else 0.4 if number == 3 else 0))
    work.work()
    assert (work.done, work.given_up) == ([1, 3], [2])
    time.sleep(1.2)
    assert work.done == [1, 3]


@pytest.mark.usefixtures("quick")
def test_an_error_is_raised_where_the_work_was_asked_for() -> None:
    def step(work: Slow, number: int) -> None:
        if number == 2:
            raise RuntimeError("unforeseen")

    with pytest.raises(RuntimeError, match="unforeseen"):
        Slow(step).work()
