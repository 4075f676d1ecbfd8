"""A rewind of another host whose process is killed at any moment: the next one goes on from what is there."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from envsync.tests.anywhere.acting import World
from envsync.tests.core.places import PipeHost, pipe_host
from envsync.tools.store.model import Snapshot
from envsync.tools.store.place import snapshots_of

pytestmark = pytest.mark.slow

CHILD = """
import asyncio, sys
from pathlib import Path
from envsync.tests.anywhere.acting import World
from envsync.tests.core.places import PipeHost

async def main(home, path, root, state):
    host = PipeHost("test:remote", {"HOME": home, "PATH": path, "LANG": "C"})
    w = World(host, Path(root), Path(state), Path(home))
    await w.read("status")
    print("ready", flush=True)
    await w.act("rewind", to="good")

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("delay", [0.2, 0.5, 0.8, 1.2, 1.6])
async def test_hostile_50_killed_while_it_puts_another_host_back(tmp_path: Path, delay: float) -> None:
    host: PipeHost = pipe_host("remote", tmp_path)
    root = tmp_path / "app"
    root.mkdir()
    for number in range(400):
        (root / f"f{number}").write_text(f"good {number}" * 200)
    w = World(host, root, tmp_path / "state", Path(host.env["HOME"]))
    try:
        await w.act("snapshot", label="good")
        good = await w.listing()
        for number in range(400):
            (root / f"f{number}").write_text(f"edited {number}" * 300)
        edited = await w.listing()
        argv = [sys.executable, "-c", CHILD, host.env["HOME"], host.env["PATH"], str(root), str(w.state)]
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        time.sleep(delay)
        child.kill()
        child.wait()
        child.stdout.close()
        # Its helper ends with it; each file is wholly as it was or wholly as it shall be.
        for number in range(400):
            text = (root / f"f{number}").read_text()
            assert text in (f"good {number}" * 200, f"edited {number}" * 300)
        whole = await w.listing() == good  # killed after its last file: there is nothing left to do, and none to finish
        await w.act("rewind", to="good")
        assert await w.listing() == good
        status = await w.read("status")
        assert not status.locks and (whole or not status.unfinished)
        first = next(s for s in _snapshots(w) if s.automatic)
        await w.act("rewind", to=first.id)
        assert (await w.listing()) == edited
    finally:
        await host.close()


def _snapshots(w: World) -> list[Snapshot]:
    return list(snapshots_of(w.context))
