"""Two directories kept the same, side by side in one run: EnvSync, lsyncd, Unison, Syncthing, rsync, tar, and the floor.

    .venv/bin/python evals/bench/sync.py [--work DIR] [--only WORD,…] [--parts latency,burst,first,large,idle,many] [--json FILE]

Each continuous engine watches a tree of 2,000 files and gets 1 KB writes, new files and rewrites of the same size, over
an sshd of its own on loopback (Syncthing: its own TLS): the time from the end of the write until the other side has
exactly that content. SYNCTHING names another syncthing than the one on PATH. What is not installed is skipped, and said.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sync_lab import Lab, fill, idle, latency, memory, quiet, same, until_same
from sync_ours import OURS, engine, once
from sync_peers import PEERS, Engine, rsync, tar, unison

PARTS = ("latency", "burst", "idle", "first", "large", "many")
Row = dict[str, Any]


def main() -> None:
    """Measure what was asked for, print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--work", type=Path, default=Path("/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir())
    )
    options.add_argument("--only", default="", help="engines whose name has one of these words, by commas")
    options.add_argument("--parts", default=",".join(PARTS))
    options.add_argument("--rounds", type=int, default=3, help="of first copies; the best counts")
    options.add_argument("--files", type=int, default=100_000, help="of the part `many`")
    options.add_argument("--writes", type=int, default=0, help="of the part `latency`; 0: as many as suits the engine")
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    parts = given.parts.split(",")
    root = Path(tempfile.mkdtemp(prefix="sync-bench-", dir=given.work))
    lab = Lab(root)
    try:
        lab.up()
        say(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, on {given.work}")
        report: dict[str, list[Row]] = {}
        kinds = [k for k in (*OURS, *PEERS) if not given.only or any(w in k.name for w in given.only.split(","))]
        if {"latency", "burst", "idle"} & set(parts):
            report["watching"] = [row for kind in kinds if (row := watching(lab, kind, parts, given.writes))]
        copies = {"EnvSync, engine": engine, "EnvSync, command": once, "tar": tar, "rsync": rsync, "unison": unison}
        if "first" in parts:
            report["first"] = first(lab, copies, given.rounds, "5,000 x 2 KB", lambda at: fill(at, 5000, 2048))
        if "large" in parts:
            report["large"] = first(lab, copies, given.rounds, "1 x 100 MB", lambda at: fill(at, 1, 100_000_000))
        if "many" in parts:
            report["many"] = [row for kind in OURS if (row := many(lab, kind, given.files))]
        table(report)
        if given.json:
            given.json.write_text(json.dumps(report, indent=1))
    finally:
        lab.down()
        shutil.rmtree(root, ignore_errors=True)


def watching(lab: Lab, kind: type[Engine], parts: list[str], writes: int = 0) -> Row:
    """One engine through new files, rewrites, a branch switch and silence."""
    here, there = lab.root / "here", lab.root / "there"
    for side in (here, there):
        shutil.rmtree(side, ignore_errors=True)
        side.mkdir()
    fill(here, 2000, 1024)
    engine = kind(lab, here, there)
    if why := engine.missing():
        return {"engine": engine.name, "skipped": why}
    row: Row = {"engine": engine.name}
    say(f"{engine.name} …")
    try:
        engine.start()
        count = writes or engine.writes
        if "latency" in parts:
            fresh = [f"d{n % 20:04}/new-{n:04}.dat" for n in range(count)]
            again = [f"d{n % 20:04}/f{100 * (n % 20) + 7:06}.dat" for n in range(count)]
            row["new"] = told(latency(here, there, fresh, engine.pause, engine.limit))
            row["same size"] = told(latency(here, there, again, engine.pause, engine.limit))
            if engine.two_way and kind in OURS:
                back = [f"d{n % 20:04}/f{100 * (n % 20) + 9:06}.dat" for n in range(count)]
                row["back"] = told(latency(there, here, back, engine.pause, engine.limit, seed=8))
        if "burst" in parts:
            row["burst"] = burst(lab, here, there, engine)
        if "idle" in parts:
            time.sleep(2)
            row["idle %"] = round(idle(engine.pids()), 2)
        row["MB"] = round(memory(engine.pids()))
    except (TimeoutError, RuntimeError) as error:
        row["failed"] = str(error)
    finally:
        engine.stop()
    return row


def told(found: Any) -> Row:
    return (
        {"text": found.text, "p50": found.p50, "p99": found.p99, "missed": found.missed}
        if found.times
        else {"text": found.text}
    )


def burst(lab: Lab, here: Path, there: Path, engine: Engine) -> float | str:
    """`git checkout` of a branch in which 2,000 files differ (the repository lies elsewhere): seconds from its start."""
    git = [
        "git",
        f"--git-dir={lab.root}/repository",
        f"--work-tree={here}",
        "-c",
        "user.name=b",
        "-c",
        "user.email=b@b",
    ]
    shutil.rmtree(lab.root / "repository", ignore_errors=True)
    quiet("git", "init", "-q", "--bare", lab.root / "repository")
    quiet("git", f"--git-dir={lab.root}/repository", "config", "core.bare", "false")
    wait_same(here, there, engine)
    quiet(*git, "add", "-A", ".")
    quiet(*git, "commit", "-qm", "one")
    quiet(*git, "checkout", "-qb", "other")
    dice = random.Random(3)
    changed = [p for p in sorted(here.rglob("f*.dat"))][:2000]
    for path in changed:
        path.write_bytes(dice.randbytes(1024))
    quiet(*git, "commit", "-qam", "two")
    wait_same(here, there, engine)
    begun = time.monotonic()
    quiet(*git, "checkout", "-q", "-")
    try:
        until_same(here, there, 60)
    except TimeoutError:
        return "not all arrived within 60 s"
    return round(time.monotonic() - begun, 2)


def wait_same(here: Path, there: Path, engine: Engine) -> None:
    """Settled; an engine that missed rewrites gets them touched, so that the next measure begins fair."""
    try:
        until_same(here, there, 15)
    except TimeoutError:
        for path in here.rglob("*.dat"):
            path.touch()
        until_same(here, there, 60)


def first(
    lab: Lab,
    copies: dict[str, Callable[[Lab, Path, Path], float | None]],
    rounds: int,
    what: str,
    make: Callable[[Path], None],
) -> list[Row]:
    """A first copy into an empty directory, each round with every program in turn; the best of each counts."""
    best: dict[str, float] = {}
    again: dict[str, float] = {}
    failed: dict[str, str] = {}
    here = lab.root / "first"
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir()
    make(here)
    for number in range(rounds):
        for name, copy in copies.items():
            if name in ("unison", "rsync") and not shutil.which(name):
                failed[name] = f"{name} is not installed"
                continue
            say(f"{what}: {name}, round {number + 1}")
            there = lab.root / f"first-{name}-{number}"
            there.mkdir()
            try:
                for record in (best, again):
                    begun = time.monotonic()
                    seconds = copy(lab, here, there) or time.monotonic() - begun
                    record[name] = min(record.get(name, seconds), seconds)
                if not same(here, there):
                    failed[name] = "the copy differs"
            except (RuntimeError, TimeoutError) as error:
                failed[name] = str(error)
            shutil.rmtree(there, ignore_errors=True)
            for left in (f"unison-{here.name}", "unison-there", "state/sync"):
                shutil.rmtree(lab.root / left, ignore_errors=True)
    shutil.rmtree(here)
    floor = min((best[name] for name in ("tar", "rsync") if name in best), default=0.0)
    return [
        {"what": what, "program": name, "first": round(best[name], 2), "again": round(again[name], 2),
         "of tar": round(best[name] / best["tar"], 2) if "tar" in best else None,
         "of rsync": round(best[name] / best["rsync"], 2) if "rsync" in best else None, "floor": round(floor, 2)}
        if name in best and name not in failed
        else {"what": what, "program": name, "skipped": " ".join(failed.get(name, "?").split())[:120]}
        for name in copies
    ]  # fmt: skip


def many(lab: Lab, kind: type[Engine], files: int) -> Row:
    """A large tree: first sync, then single writes, memory."""
    here, there = lab.root / "many-here", lab.root / "many-there"
    for side in (here, there):
        shutil.rmtree(side, ignore_errors=True)
        side.mkdir()
    fill(here, files, 512)
    engine = kind(lab, here, there)
    row: Row = {"engine": engine.name, "files": files}
    say(f"{engine.name}: {files:,} files …")
    try:
        begun = time.monotonic()
        engine.start()
        row["first"] = round(time.monotonic() - begun, 1)
        row["same size"] = told(
            latency(here, there, [f"d{n:04}/f{100 * n + 5:06}.dat" for n in range(100)], engine.pause, 10)
        )
        row["idle %"] = round(idle(engine.pids()), 2)
        row["MB"] = round(memory(engine.pids()))
    except (TimeoutError, RuntimeError) as error:
        row["failed"] = str(error)
    finally:
        engine.stop()
        shutil.rmtree(here, ignore_errors=True)
        shutil.rmtree(there, ignore_errors=True)
    return row


def table(report: dict[str, list[Row]]) -> None:
    """Print every part, with ratios where there is something to compare with."""
    ours = next((row for row in report.get("watching", []) if row["engine"].startswith("EnvSync")), {})
    for part, rows in report.items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        cells = [[_cell(row.get(key, "")) for key in columns] for row in rows]
        if part == "watching" and "new" in ours:
            columns.append("new, of ours")
            for row, line in zip(rows, cells, strict=True):
                p50 = row.get("new", {}).get("p50")
                line.append(f"{p50 / ours['new']['p50']:.1f}x" if p50 else "")
        widths = [max(len(columns[n]), *(len(line[n]) for line in cells)) for n in range(len(columns))]
        print(f"\n{part}" + (" (p50 / p99 ms)" if part == "watching" else ""))
        for line in (columns, *cells):
            print("  " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    return str(value["text"]) if isinstance(value, dict) else str(value)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
