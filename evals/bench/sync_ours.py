"""EnvSync in the sync benchmark: its own command, its own keeper, over its own SSH host; and two local directories."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from sync_lab import Lab, until_same, user
from sync_peers import Engine

COMMAND = [sys.executable, "-c", "from envsync.agent.cli import main; main()"]


class Ours(Engine):
    name = "EnvSync, two-way over SSH"

    @property
    def target(self) -> str:
        return f"ssh:{user()}@127.0.0.1:{self.lab.port}:{self.there}"

    @property
    def state(self) -> Path:
        return self.lab.root / "state"

    def start(self) -> None:
        envsync(self.lab, "sync", self.here, self.target)
        until_same(self.here, self.there, 60)

    def pids(self) -> list[int]:
        found = [json.loads(p.read_text())["pid"] for p in self.state.glob("sync/[!.]*/state.json")]
        return [*super().pids(), *(pid for pid in found if pid)]

    def stop(self) -> None:
        for session in self.state.glob("sync/[!.]*/spec.json"):
            envsync(self.lab, "syncs", "--action", "end", "--name", session.parent.name)


class OursLocal(Ours):
    name = "EnvSync, two-way, both directories here"

    @property
    def target(self) -> str:
        return str(self.there)

    def pids(self) -> list[int]:
        return [pid for pid in super().pids() if self.lab.sshd is None or pid != self.lab.sshd.pid]


def envsync(lab: Lab, *argv: object) -> None:
    """One command of ours, approved. Raises RuntimeError with what it said."""
    given = [str(a) for a in argv]
    words = [given[0], "--source", given[1], "--destination", given[2], *given[3:]] if given[0] == "sync" else given
    done = subprocess.run(
        [*COMMAND, *words, "--yes", "--quiet"],
        env={**lab.environ, "ENVSYNC_STATE": str(lab.root / "state")}, cwd=lab.root, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(
            f"envsync {given[0]} failed ({done.returncode}): {(done.stdout + done.stderr)[-1500:].decode()}"
        )


def once(lab: Lab, here: Path, there: Path) -> None:
    """The whole command, two-way, from Python's start to its end."""
    envsync(lab, "sync", here, f"ssh:{user()}@127.0.0.1:{lab.port}:{there}", "--no-watch")


ENGINE = """
import asyncio, sys, time
from pathlib import Path
from envsync.tools.hosts.registry import Hosts
from envsync.tools.sync.session import Session, Side, Spec, id_of, now
from envsync.tools.sync.work import Work
async def main(here, host, there, state):
    hosts = Hosts()
    await hosts.open(host).info()
    one, other = Side(host="local", path=here), Side(host=host, path=there)
    session = Session(Path(state), Spec(id=id_of(one, other), source=one, destination=other, at=now()))
    session.save()
    begun = time.monotonic()
    work = await Work.open(session, hosts.open)
    await work.cycles()
    await work.close()
    print(time.monotonic() - begun)
    await hosts.close()
asyncio.run(main(*sys.argv[1:]))
"""


def engine(lab: Lab, here: Path, there: Path) -> float:
    """The seconds of one two-way cycle over a connection that stands, as tar and rsync have one."""
    done = subprocess.run(
        [sys.executable, "-c", ENGINE, here, f"ssh:{user()}@127.0.0.1:{lab.port}", there, lab.root / "state"],
        env=lab.environ, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the engine failed: {done.stderr[-1000:].decode()}")
    return float(done.stdout)


OURS: tuple[type[Engine], ...] = (Ours, OursLocal)
