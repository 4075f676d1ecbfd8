"""The scan next to the floor, in one run: a tree of 20,000 files against os.scandir + stat, and a small project.

    .venv/bin/python evals/bench/scan.py [--files N] [--rounds N] [--work DIR] [--profile] [--json FILE]

The tree is a monorepo as they grow: services in several languages, each with a manifest, nested folders of sources and
a .gitignore of its own, two fifths of the files in node_modules, and folders that git ignores. The floor lists and stats
everything that lies there; the second floor only the folders that the scan looks at, which is what walking costs in Python
at least. Rounds are interleaved, and each ratio is the median of the rounds' own ratios, by processor time (in the kernel
too): so it depends neither on the machine nor on what else it is busy with. Exit 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import io
import json
import os
import platform
import pstats
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scan_made import monorepo, small

from envsync.tools.scan.project import Survey, survey, wants
from envsync.tools.scan.tree import Limits, Wants, collect
from envsync.tools.scan.walk import Walk

ALL = "floor: scandir + stat of all"
COUNTING = "floor: of the folders that are looked at"
WALK = "walk alone"
FIRST = "first scan"
SECOND = "second scan, nothing changed"
CHANGED = "second scan, 20 files changed"
GOALS = (
    (WALK, ALL, 2.0, "the walk, next to the floor of all"),
    (WALK, COUNTING, 2.0, "the walk, next to the floor of what is looked at"),
    (SECOND, ALL, 2.5, "a second scan in all, next to the floor of all"),
)
"""What, next to which floor, how many times at most, and in words."""
GOAL_SMALL = 0.050
"""Seconds for a small project, warm."""
SETTLED = 0.2
"""Seconds after which a file is no longer one that was touched just now."""
MEMORY = """
import sys
from envsync.tools.scan.project import survey, wants
from envsync.tools.scan.tree import collect
def most():
    return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
own = most()
survey(collect(sys.argv[1], wants(), None, sys.argv[2] or None))
print(own, most())
"""


@dataclass
class Taken:
    """Seconds of all rounds."""

    wall: dict[str, list[float]]
    processor: dict[str, list[float]]

    def ratio(self, name: str, floor: str) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(a / b for a, b in zip(self.processor[name], self.processor[floor], strict=True))


def floor(root: str) -> int:
    """What no walk in Python is faster than: every entry listed and stat'ed."""
    count = 0
    queue = [root]
    while queue:
        with os.scandir(queue.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    queue.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
                    count += 1
    return count


def floor_of(root: str, folders: frozenset[str]) -> int:
    """The same for these folders only."""
    count = 0
    for folder in folders:
        with os.scandir(os.path.join(root, folder)) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    entry.stat(follow_symlinks=False)
                    count += 1
    return count


def timed(work: dict[str, tuple[Callable[[], object], Callable[[], object]]], rounds: int) -> Taken:
    """All are done once in each round (first what goes before, which does not count), after a round that does not count."""
    taken = Taken({name: [] for name in work}, {name: [] for name in work})
    for number in range(rounds + 1):
        for name, (before, one) in work.items():
            before()
            gc.collect()
            wall, processor = time.perf_counter(), time.process_time()
            one()
            if number:
                taken.processor[name].append(time.process_time() - processor)
                taken.wall[name].append(time.perf_counter() - wall)
    return taken


def nothing() -> None:
    """What goes before most."""


class Large:
    """A tree and the cache of its scans."""

    def __init__(self, root: Path, keep: Path) -> None:
        self.root, self.keep = str(root), str(keep)
        self.wants = wants()
        self.found = self.scan()
        tree = self.found.tree
        self.folders = frozenset(path.rpartition("/")[0] for path in tree.files)
        self.sources = sorted({hit.path for hit in tree.hits})
        time.sleep(SETTLED)
        self.scan()

    def scan(self) -> Survey:
        return survey(collect(self.root, self.wants, None, self.keep))

    def forget(self) -> None:
        for file in os.scandir(self.keep):
            os.unlink(file.path)

    def edit(self) -> None:
        """Twenty of the files that are searched, and each as large as before."""
        self.scan()
        for path in random.Random(11).sample(self.sources, 20):
            with open(os.path.join(self.root, path), "r+b") as file:
                first = file.read(1)
                file.seek(0)
                file.write(first)
        time.sleep(SETTLED)

    def measure(self, rounds: int) -> Taken:
        tree = self.found.tree
        return timed({
            ALL: (nothing, lambda: floor(self.root)),
            COUNTING: (nothing, lambda: floor_of(self.root, self.folders)),
            WALK: (nothing, lambda: collect(self.root, Wants())),
            "walk, with manifests read": (nothing, lambda: collect(self.root, self.wants, Limits(sources=0))),
            "survey: what it means": (nothing, lambda: survey(tree)),
            "scan without a cache": (nothing, lambda: survey(collect(self.root, self.wants))),
            FIRST: (self.forget, self.scan),
            SECOND: (self.scan, self.scan),
            CHANGED: (self.edit, self.scan),
        }, rounds)  # fmt: skip

    def told(self) -> str:
        tree = self.found.tree
        (cache,) = (entry.stat().st_size for entry in os.scandir(self.keep))
        return (
            f"{floor(self.root):,} files, of which {len(tree.files):,} count; {len(tree.texts):,} manifests read, "
            f"{len(tree.hits):,} mentions in sources, {len(self.found.services)} services; the cache has {cache >> 10} KiB"
        )


def memory(root: Path, keep: Path | str) -> tuple[int, int]:
    """KiB at most of a process of its own, before its scan and with it."""
    argv = [sys.executable, "-c", MEMORY, str(root), str(keep)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    own, most = done.stdout.split()
    return int(own), int(most)


def profile(root: str) -> str:
    """Where the time of one scan goes, by a function's own time; all of it in this thread."""
    profiler = cProfile.Profile()
    walk = Walk(root, wants(), Limits(), None)
    profiler.enable()
    walk._steps(0, threading.Event())
    survey(walk.tree)
    profiler.disable()
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(18)
    return "\n".join(line for line in text.getvalue().splitlines() if line.strip())


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, help="a directory on the file system that is meant (default: TMPDIR)")
    parser.add_argument("--profile", action="store_true", help="also show where the time goes")
    parser.add_argument("--json", type=Path, help="write all figures there")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=args.work, prefix="envsync-bench-") as place:
        big, little, keep = Path(place) / "big", Path(place) / "small", Path(place) / "keep"
        monorepo(big, args.files)
        small(little)
        wanted = wants()
        started = time.perf_counter()
        survey(collect(str(little), wanted, None, str(keep / "small")))
        first = time.perf_counter() - started
        time.sleep(SETTLED)
        again: Callable[[], object] = lambda: survey(collect(str(little), wanted, None, str(keep / "small")))  # noqa: E731
        quick = timed({"scan of a small project": (nothing, again)}, 4 * args.rounds)
        large = Large(big, keep / "big")
        told = large.told()
        taken = large.measure(args.rounds)
        _say(taken, told, quick, first)
        for name, kept in (("without a cache", ""), ("with one", keep / "big")):
            own, most = memory(big, kept)
            print(f"memory of a scan {name}: {most >> 10} MiB, {own >> 10} of them before it begins")
        if args.profile:
            print(f"\nwhere the time of one scan without a cache goes:\n{profile(str(big))}")
    if args.json:
        args.json.write_text(
            json.dumps({"large": taken.__dict__, "small": quick.__dict__, "first": first}), encoding="utf-8"
        )
    return _goals(taken, quick)


def _say(taken: Taken, told: str, quick: Taken, first: float) -> None:
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {told}\n")
    print(f"| {'what':42} | {'best':>7} | {'median':>7} | {'processor':>9} | of all | of what is looked at |")
    print(f"|{'-' * 44}|{'-' * 8}:|{'-' * 8}:|{'-' * 10}:|-------:|---------------------:|")
    for name, wall in taken.wall.items():
        ratios = f"{taken.ratio(name, ALL):5.2f}x | {taken.ratio(name, COUNTING):19.2f}x"
        processor = statistics.median(taken.processor[name])
        print(f"| {name:42} | {min(wall):7.3f} | {statistics.median(wall):7.3f} | {processor:9.3f} | {ratios} |")
    for name, wall in quick.wall.items():
        print(
            f"\n{name}: best {min(wall) * 1000:.1f} ms, median {statistics.median(wall) * 1000:.1f} ms warm; ", end=""
        )
        print(f"{first * 1000:.1f} ms the first time in a process")


def _goals(taken: Taken, quick: Taken) -> int:
    checks = [(f"{words}: at most {most:g}x", taken.ratio(name, floor) <= most) for name, floor, most, words in GOALS]
    warm = statistics.median(next(iter(quick.wall.values())))
    checks.append((f"small project: at most {GOAL_SMALL * 1000:g} ms", warm <= GOAL_SMALL))
    print()
    for name, reached in checks:
        print(f"{'reached' if reached else 'MISSED '}  {name}")
    return 0 if all(reached for _, reached in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
