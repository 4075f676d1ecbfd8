"""The scan next to the floor, in one run: a tree of 20,000 files against os.scandir + stat, and a small project.

    .venv/bin/python evals/bench/scan.py [--files N] [--rounds N] [--work DIR] [--profile] [--json FILE]

The tree is a monorepo as they grow: services in several languages, each with a manifest, nested folders of sources and
a .gitignore of its own, two fifths of the files in node_modules, and folders that git ignores. The floor lists and stats
everything that lies there; the second floor only what the scan looks at, which is what walking costs in Python at least.
Rounds are interleaved, so a busy machine hits all lines alike. Exit 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import os
import platform
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from scan_made import monorepo, small

from envsync.tools.scan.project import survey, wants
from envsync.tools.scan.tree import Wants, collect

WALK = "walk alone"
GOAL_WALK = 2.0
"""Times the floor: the walk itself."""
GOAL_SMALL = 0.050
"""Seconds for a small project, warm."""


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


def timed(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds by name; all are done once in each round, after one that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, one in work.items():
            started = time.perf_counter()
            one()
            if number:
                taken[name].append(time.perf_counter() - started)
    return taken


def large(root: str, rounds: int) -> tuple[dict[str, list[float]], str]:
    wanted = wants()
    tree = collect(root, wanted)
    walked = frozenset(path.rpartition("/")[0] for path in tree.files)
    everything = floor(root)
    taken = timed({
        "floor: scandir + stat of all": lambda: floor(root),
        "floor: of the folders that are looked at": lambda: floor_of(root, walked),
        WALK: lambda: collect(root, Wants()),
        "walk, manifests and sources read": lambda: collect(root, wanted),
        "survey: what it means": lambda: survey(tree),
        "scan: all of it": lambda: survey(collect(root, wanted)),
        "scan again": lambda: survey(collect(root, wanted)),
    }, rounds)  # fmt: skip
    found = survey(tree)
    told = (
        f"{everything:,} files, of which {len(tree.files):,} count; {len(tree.texts):,} manifests read, "
        f"{len(tree.hits):,} mentions in sources, {len(found.services)} services"
    )
    return taken, told


def profile(root: str) -> str:
    """Where the time of one scan goes, by a function's own time."""
    wanted = wants()
    profiler = cProfile.Profile()
    profiler.enable()
    survey(collect(root, wanted))
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
        big, little = Path(place) / "big", Path(place) / "small"
        monorepo(big, args.files)
        small(little)
        started = time.perf_counter()
        survey(collect(str(little), wants()))
        first = time.perf_counter() - started
        wanted = wants()
        quick = timed({"scan of a small project": lambda: survey(collect(str(little), wanted))}, 4 * args.rounds)
        taken, told = large(str(big), args.rounds)
        _say(taken, told, quick, first)
        if args.profile:
            print(f"\nwhere the time of one scan goes:\n{profile(str(big))}")
    if args.json:
        args.json.write_text(json.dumps({"large": taken, "small": quick, "first": first}), "utf-8")
    return _goals(taken, quick)


def _say(taken: dict[str, list[float]], told: str, quick: dict[str, list[float]], first: float) -> None:
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}; {told}\n")
    floors = [min(taken[name]) for name in list(taken)[:2]]
    print(f"| {'what':42} | {'best':>7} | {'median':>7} | of all | of what is looked at |")
    print(f"|{'-' * 44}|{'-' * 8}:|{'-' * 8}:|-------:|---------------------:|")
    for name, seconds in taken.items():
        best = min(seconds)
        ratios = f"{best / floors[0]:5.2f}x | {best / floors[1]:19.2f}x"
        print(f"| {name:42} | {best:7.3f} | {statistics.median(seconds):7.3f} | {ratios} |")
    for name, seconds in quick.items():
        print(
            f"\n{name}: best {min(seconds) * 1000:.1f} ms, median {statistics.median(seconds) * 1000:.1f} ms warm; ",
            end="",
        )
        print(f"{first * 1000:.1f} ms the first time in a process")


def _goals(taken: dict[str, list[float]], quick: dict[str, list[float]]) -> int:
    floors = [min(seconds) for seconds in list(taken.values())[:2]]
    ratio = min(taken[WALK]) / floors[0]
    warm = statistics.median(next(iter(quick.values())))
    checks = [
        (f"{WALK}: at most {GOAL_WALK:g}x the floor of all", ratio <= GOAL_WALK),
        (f"small project: at most {GOAL_SMALL * 1000:g} ms", warm <= GOAL_SMALL),
    ]
    print()
    for name, reached in checks:
        print(f"{'reached' if reached else 'MISSED '}  {name}")
    return 0 if all(reached for _, reached in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
