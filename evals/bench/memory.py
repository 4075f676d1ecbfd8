"""How long remembering takes: `python -m evals.bench.memory` (about two minutes; the floor is a plain SQLite select).

Prints one line per figure: what, for how many notes, median and 95th percentile in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from envsync.memory.events import Record
from envsync.memory.notebook import Notebook

PROJECT = "/home/user/shop"
HERE = {"project": PROJECT, "host": "local"}
VERBS = [
    "installed",
    "upgraded",
    "removed",
    "configured",
    "restarted",
    "deployed",
    "tested",
    "rolled-back",
    "inspected",
    "pinned",
]
THINGS = [
    "numpy",
    "redis",
    "the-database",
    "nginx",
    "vite",
    "flask",
    "the-worker",
    "eslint",
    "postgres",
    "the-frontend",
    "docker",
    "python",
]
WHERE = [
    "in the venv",
    "for the api service",
    "because the build failed",
    "on port {n}",
    "to version {n}",
    "after the merge",
]


def texts(count: int) -> list[str]:
    """As many different sentences about an environment."""
    chance = random.Random(1)
    pick = chance.choice
    return [
        f"{pick(VERBS)} {pick(THINGS)} {pick(WHERE).format(n=chance.randrange(9000))}, turn {n}" for n in range(count)
    ]


def fill(state: Path, count: int) -> None:
    """Notes in bulk: one transaction, since making them one by one is not what is measured here."""
    record = Record(state / "memory")
    for n in range(10):
        record.add(f"my service number {n} always listens on {5400 + n}", PROJECT, "local")
    at = datetime.now(UTC).isoformat()
    sql = (
        "insert into notes(at, project, host, kind, origin, text, data) values (?, ?, 'local', 'turn', 'turn', ?, '{}')"
    )
    rows = [(at, PROJECT, text) for text in texts(count - 10)]
    record._file.write(lambda db: db.executemany(sql, rows))
    record.close()


def show(what: str, count: int, seconds: list[float]) -> None:
    ms = sorted(1000 * s for s in seconds)
    tail = ms[min(len(ms) - 1, int(len(ms) * 0.95))]
    print(f"{what:<44} {count:>7,} notes   p50 {statistics.median(ms):9.2f} ms   p95 {tail:9.2f} ms", flush=True)


async def timed(work: Callable[[int], Awaitable[object]], times: int) -> list[float]:
    seconds: list[float] = []
    for n in range(times):
        start = time.perf_counter()
        await work(n)
        seconds.append(time.perf_counter() - start)
    return seconds


def process(script: str, *args: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", script, *args], check=True)
    return time.perf_counter() - start


ONE_SHOT = """
import asyncio, sys
from pathlib import Path
from envsync.memory.notebook import Notebook
async def main():
    notebook = Notebook(Path(sys.argv[1]))
    await notebook.recall("restart redis on its port", project=sys.argv[2], host="local")
    await notebook.add(f"turn {sys.argv[3]}", project=sys.argv[2], host="local", kind="turn", origin="turn")
    await notebook.close()
asyncio.run(main())
"""


async def measure(count: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory)
        fill(state, count)
        chance = random.Random(2)
        queries = [f"{chance.choice(VERBS)} {chance.choice(THINGS)}" for _ in range(200)]

        db = sqlite3.connect(state / "memory/memory.db")
        sql = "select * from notes where project=? order by id desc limit 12"

        async def select(_: int) -> object:
            return db.execute(sql, (PROJECT,)).fetchall()

        show("floor: plain select of 12 rows", count, await timed(select, 200))
        db.close()

        notebook = Notebook(state)
        show("recall, record only", count, await timed(lambda n: notebook.recall(queries[n], **HERE), 200))
        show("facts", count, await timed(lambda n: notebook.facts(**HERE), 200))
        show("add one note", count, await timed(lambda n: notebook.add(f"new {n}", kind="turn", **HERE), 50))
        await notebook.close()

        bare = [process("import asyncio, sqlite3, concurrent.futures") for _ in range(10)]
        show("floor: process that imports asyncio, sqlite3", count, bare)
        show("process: recall and add one", count, [process(ONE_SHOT, directory, PROJECT, str(n)) for n in range(10)])

        notebook = Notebook(state)
        start = time.perf_counter()
        while not await notebook.open_index():
            await asyncio.sleep(0.1)
        show("make the index, embedding every note", count, [time.perf_counter() - start])
        search = lambda n: notebook.search(queries[n], project=PROJECT, limit=10)  # noqa: E731
        show("search, index open", count, await timed(search, 100))
        show("recall, index open", count, await timed(lambda n: notebook.recall(queries[n], **HERE), 200))

        other = Notebook(state)  # the index has an owner, so this one compares with every vector
        await other.search("warm up", project=PROJECT, limit=1)
        show(
            "search, index owned by another",
            count,
            await timed(lambda n: other.search(queries[n], project=PROJECT, limit=10), 50),
        )
        await other.close()

        start = time.perf_counter()
        await notebook.close()
        show("close and seal the index", count, [time.perf_counter() - start])
        notebook = Notebook(state)
        start = time.perf_counter()
        await notebook.open_index()
        show("open the index (libraries are loaded)", count, [time.perf_counter() - start])
        await notebook.close()

        record = Record(state / "memory")
        for key in [row[0] for row in record._file.read(lambda db: db.execute("select key from meta").fetchall())]:
            record.put(key, "")  # as after kill -9
        record.close()
        notebook = Notebook(state)
        start = time.perf_counter()
        await notebook.open_index()
        show("make the index again from kept vectors", count, [time.perf_counter() - start])
        await notebook.close()
        size = sum(path.stat().st_size for path in state.rglob("*") if path.is_file())
        print(json.dumps({"notes": count, "bytes on disk": size}), flush=True)


if __name__ == "__main__":
    for size in (100, 10_000):
        asyncio.run(measure(size))
