"""A rewind that dies half-way: the journal explains it, and both the old and the new state can still be reached."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rewinding import facts, rewind, rewind_plan, scan, snapshot

from envsync.tools.contract import Context
from envsync.tools.errors import Cancelled, Failed
from envsync.tools.journal import Journal
from envsync.tools.status.tool import STATUS

CHILD = """
    import asyncio, os, signal, sys
    from dataclasses import replace
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from rewinding import rewind, scan
    from envsync.tools.contract import Context
    from envsync.tools.hosts.local import LocalHost

    left = int(sys.argv[5])
    begun = False

    def begin(event):
        global begun
        begun = begun or getattr(event, "label", "").startswith("files:")

    def count(event, args):
        # Every change of the tree is one of these; the journal's and the store's own come before the step or after it.
        global left
        if begun and event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.link", "os.utime"):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    context = Context(host=LocalHost(), path=Path(sys.argv[2]), state=Path(sys.argv[3]), notes=None, observe=scan,
                      home=Path(sys.argv[4]), report=begin)
    asyncio.run(rewind(context, "start"))
"""


def fill(project: Path) -> None:
    for number in range(12):
        (project / f"dir{number % 4}/sub").mkdir(parents=True, exist_ok=True)
        (project / f"dir{number % 4}/sub/file{number}").write_text(f"one {number}")
    (project / "link").symlink_to("dir0")


def mess(project: Path) -> None:
    for number in range(0, 12, 2):
        (project / f"dir{number % 4}/sub/file{number}").write_text(f"two {number}")
    for number in range(1, 12, 4):
        (project / f"dir{number % 4}/sub/file{number}").unlink()
    (project / "new/deep").mkdir(parents=True)
    (project / "new/deep/file").write_text("new")
    (project / "link").unlink()
    (project / "link").mkdir()


@pytest.mark.parametrize("then", ["last", "start"])
@pytest.mark.parametrize("at", [1, 2, 4, 7, 11, 16, 22])
async def test_hostile_50_killed_during_a_rewind(context: Context, project: Path, at: int, then: str) -> None:
    fill(project)
    one = facts(project)
    await snapshot(context, "start")
    mess(project)
    two = facts(project)
    argv = [sys.executable, "-c", textwrap.dedent(CHILD), str(Path(__file__).parent)]
    child = subprocess.run([*argv, str(project), str(context.state), str(context.home), str(at)], check=False)
    assert child.returncode == -signal.SIGKILL
    record = Journal(context.state).recent(1)[0]
    assert record.state == "open"
    assert [step.state for step in record.steps] == ["intent"]
    status = await STATUS.read(STATUS.args(), context)  # pyright: ignore[reportOptionalCall]
    assert [u.transaction for u in status.unfinished] == [record.id]  # pyright: ignore
    assert facts(project) not in (one, two) or at < 4
    if (await rewind_plan(context, then)).empty:
        # It died before its first effect, or after its last: the state is one of the two already.
        now = {path: what for path, what in facts(project).items() if ".envsync-tmp-" not in path}
        wanted = two if then == "last" else one
        assert {p: w for p, w in now.items() if w[0] != "directory"} == {
            p: w for p, w in wanted.items() if w[0] != "directory"
        }
        return
    done = await rewind(context, then)
    assert facts(project) == (two if then == "last" else one)
    assert Journal(context.state).get(record.id).state == "interrupted"
    assert done.transaction == record.id + 1
    status = await STATUS.read(STATUS.args(), context)  # pyright: ignore[reportOptionalCall]
    assert status.unfinished == ()  # pyright: ignore


async def test_hostile_51_cancelled_during_a_rewind_the_files_are_put_back(context: Context, project: Path) -> None:
    fill(project)
    await snapshot(context, "start")
    mess(project)
    two = facts(project)
    begun = asyncio.Event()

    def report(event: object) -> None:
        if "files:" in str(event):
            begun.set()

    task = asyncio.ensure_future(rewind(replace(context, report=report), "start"))
    await begun.wait()
    task.cancel()
    with pytest.raises(Cancelled, match="taken back"):
        await task
    assert facts(project) == two
    assert Journal(context.state).recent(1)[0].state == "compensated"
    await rewind(context, "start")


async def test_hostile_48_a_store_that_lost_content_changes_nothing(context: Context, project: Path) -> None:
    fill(project)
    await snapshot(context, "start")
    mess(project)
    two = facts(project)
    for pack in (context.state / "store/packs").iterdir():
        body = bytearray(pack.read_bytes())
        for at in range(8, min(len(body), 400)):
            body[at] ^= 0xFF
        pack.chmod(0o600)
        pack.write_bytes(body)
    from envsync.tools.store import place

    place._store.cache_clear()  # a new process would not have the packs in memory either
    with pytest.raises(Failed):
        await rewind(context, "start")
    assert facts(project) == two


async def test_hostile_52_a_second_rewind_at_the_same_time_is_refused(
    context: Context, project: Path, make_context: Callable[..., Context]
) -> None:
    fill(project)
    await snapshot(context, "start")
    mess(project)
    other = make_context(project, observe=scan)
    both = await asyncio.gather(rewind(context, "start"), rewind(other, "start"), return_exceptions=True)
    refused = [result for result in both if isinstance(result, Failed)]
    assert len(refused) == 1
    assert "being changed by process" in refused[0].what
