"""Trees next to the files, in one run: scanning against scandir+stat, moving against tar and rsync.

    .venv/bin/python evals/bench/trees.py [--work DIR] [--files N] [--rounds N] [--python PATH] [--json FILE]

The other side is a helper in a subprocess, reached over its pipes, as one over SSH is; tar and rsync go through pipes
too. `--work` should be a quiet file system (a tmpfs): creating files after deleting many is slow on some.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from envsync.tools.hosts.local import LocalHost
from envsync.tools.hosts.pipe import Pipe, ProcessPipe
from envsync.tools.hosts.remote import RemoteHost
from envsync.tools.trees.between import perform
from envsync.tools.trees.model import Change, Tree, same
from envsync.tools.trees.open import open_replica
from envsync.tools.trees.packing import pack_tree, unpack_tree
from envsync.tools.trees.replica import Replica

figures: dict[str, list[float]] = {}


def note(name: str, seconds: float) -> None:
    figures.setdefault(name, []).append(seconds)


class Piped(RemoteHost):
    """This machine, served by a helper over pipes."""

    def __init__(self, home: Path, python: str) -> None:
        super().__init__("bench")
        self.home = home
        self.pythons = python

    async def _spawn(self, argv: Sequence[str]) -> Pipe:
        environ = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        return await ProcessPipe.start(["/usr/bin/env", "-i", *(f"{k}={v}" for k, v in environ.items()), *argv])


def timed(name: str, work: Callable[[], object]) -> None:
    start = time.perf_counter()
    work()
    note(name, time.perf_counter() - start)


def walk(root: Path) -> int:
    """What a scan cannot be faster than: every entry listed and stat'ed."""
    count = 0
    waiting = [os.fspath(root)]
    while waiting:
        with os.scandir(waiting.pop()) as found:
            for item in found:
                item.stat(follow_symlinks=False)
                count += 1
                if item.is_dir(follow_symlinks=False):
                    waiting.append(item.path)
    return count


def piped(*argv: Sequence[str]) -> None:
    """Run a pipeline of two commands."""
    first = subprocess.Popen(argv[0], stdout=subprocess.PIPE)
    second = subprocess.run(argv[1], stdin=first.stdout)
    assert first.wait() == 0 and second.returncode == 0


async def moved(name: str, source: Replica, there: Replica, changes: Sequence[Change]) -> None:
    start = time.perf_counter()
    outcomes = await perform(source, there, changes)
    note(name, time.perf_counter() - start)
    assert not [outcome for outcome in outcomes if outcome.why]


async def scanned(name: str, replica: Replica, paths: Sequence[str] = ()) -> Tree:
    start = time.perf_counter()
    scan = await replica.scan(paths)
    note(name, time.perf_counter() - start)
    return scan.tree


async def turn(work: Path, count: int, host: Piped) -> None:
    os.environ["XDG_STATE_HOME"] = str(work / "state")
    many = work / "many"
    for i in range(count):
        (many / f"d{i % 200}").mkdir(parents=True, exist_ok=True)
        (many / f"d{i % 200}/f{i}").write_bytes(b"%d" % i * 50)
    replica = await open_replica(LocalHost(), str(many), id="many")
    timed("scandir + stat", lambda: walk(many))
    tree = await scanned("first scan, everything read", replica)
    while not any((work / "state").rglob("stat.cache")):
        await asyncio.sleep(0.05)
        await replica.scan()
    await asyncio.sleep(0.1)
    await replica.scan()
    timed("scandir + stat", lambda: walk(many))
    await scanned("scan again, nothing changed", replica)
    await scanned("scan of one touched path", replica, ["d0/f0"])
    blob = b""

    def packed() -> None:
        nonlocal blob
        blob = pack_tree(tree)

    timed("pack", packed)
    timed("unpack", lambda: unpack_tree(blob))
    await replica.close()

    here, there = work / "here", work / "there"
    here.mkdir()
    there.mkdir()
    for i in range(5000):
        (here / f"d{i % 50}").mkdir(exist_ok=True)
        (here / f"d{i % 50}/f{i}").write_bytes(os.urandom(2048))
    a, b = await open_replica(LocalHost(), str(here), id="a"), await open_replica(host, str(there), id="b")
    tree = (await a.scan()).tree
    await moved("5,000 x 2 KB", a, b, [Change(path, None, entry) for path, entry in sorted(tree.items())])
    there_now = (await b.scan()).tree
    assert tree.keys() == there_now.keys() and all(same(tree[path], there_now[path]) for path in tree)
    for name, one, other in (
        ("5,000 x 2 KB, tar", ["tar", "-C", str(here), "-cf", "-", "."], ["tar", "-C", str(work / "tar"), "-xf", "-"]),
    ):
        (work / "tar").mkdir()
        timed(name, lambda one=one, other=other: piped(one, other))
    if shutil.which("rsync"):
        rsync = ["rsync", "-a", "-e", str(shell(work)), f"{here}/", f"bench:{work}/rsync/"]
        timed("5,000 x 2 KB, rsync", lambda: subprocess.run(rsync, check=True))

    big = here / "big"
    content = os.urandom(100 << 20)
    big.write_bytes(content)
    first = (await scanned("scan of a new 100 MB file", a, ["big"]))["big"]
    await moved("100 MB", a, b, [Change("big", None, first)])
    (work / "tar1").mkdir()
    one = ["tar", "-C", str(here), "-cf", "-", "big"]
    timed("100 MB, tar", lambda: piped(one, ["tar", "-C", str(work / "tar1"), "-xf", "-"]))
    if shutil.which("rsync"):
        rsync = ["rsync", "-a", "-e", str(shell(work)), str(big), f"bench:{work}/rsync1/"]
        timed("100 MB, rsync", lambda: subprocess.run(rsync, check=True))
    with open(big, "r+b") as stream:
        stream.seek(50 << 20)
        stream.write(b"8 bytes!")
    second = (await a.scan(["big"])).tree["big"]
    await moved("8 bytes of 100 MB changed", a, b, [Change("big", first, second)])
    if shutil.which("rsync"):
        timed("8 bytes of 100 MB changed, rsync", lambda: subprocess.run(rsync, check=True))
    big.write_bytes(content[:1000] + b"in front" + content[1000 : 60 << 20] + content[61 << 20 :])
    third = (await a.scan(["big"])).tree["big"]
    await moved("bytes put in and cut out of 100 MB", a, b, [Change("big", second, third)])
    if shutil.which("rsync"):
        timed("bytes put in and cut out of 100 MB, rsync", lambda: subprocess.run(rsync, check=True))
    assert (there / "big").read_bytes() == big.read_bytes()
    await a.close()
    await b.close()


def shell(work: Path) -> Path:
    """What rsync takes for ssh: it runs the other end here."""
    path = work / "shell"
    path.write_text('#!/bin/sh\nshift\nexec "$@"\n')
    path.chmod(0o755)
    return path


async def run(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=args.work, prefix="envsync-bench-") as top:
        host = Piped(Path(top), args.python)
        await host.info()  # the helper is pushed once, not measured here
        for number in range(args.rounds):
            work = Path(top, str(number))
            work.mkdir()
            await turn(work, args.files, host)
            shutil.rmtree(work)
        await host.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", default="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", default=sys.executable, help="what the helper runs on")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    asyncio.run(run(args))
    for name, seconds in figures.items():
        print(f"{name:45} {statistics.median(seconds) * 1000:9.1f} ms   (worst {max(seconds) * 1000:.1f})")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
