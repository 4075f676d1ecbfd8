"""Snapshots of a real tree, side by side in one run: EnvSync, restic, borg and git plumbing.

    .venv/bin/python evals/bench/snapshot.py [--work DIR] [--tree DIR] [--rounds N] [--json FILE]

Builds a venv and a node_modules from the registries (or takes `--tree`), then for each engine, on a fresh copy: first
snapshot, one without changes, one after 20 changes, and back to the first; every restore is compared bit for bit.
Needs uv and npm to build the tree; restic, borg and git are used where they are installed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PYTHON = ["numpy", "scipy", "pandas", "matplotlib", "scikit-learn", "django", "statsmodels", "sympy", "sqlalchemy"]
NODE = ["@mui/material", "@emotion/react", "@emotion/styled"]
HERE = Path(__file__).parent
State = dict[bytes, tuple[int, int, int, object]]


def call(*argv: str | Path, cwd: Path | None = None, **environ: str) -> str:
    """Run quietly; what it printed. A failure ends the benchmark with the program's own words."""
    result = subprocess.run(
        [str(a) for a in argv], cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )
    if result.returncode:
        sys.exit(f"{argv[0]} failed ({result.returncode}):\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.stdout


def build(tree: Path) -> None:
    """A project as people have it: two services, all their packages, sources, and what is easily lost."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not uv or not shutil.which("npm"):
        sys.exit("uv and npm are needed to build the tree; or name one with --tree")
    (tree / "api").mkdir(parents=True)
    (tree / "web").mkdir()
    print("building the tree from the registries …", file=sys.stderr)
    call(uv, "venv", "-q", "--python", sys.executable, tree / "api/.venv")
    call(uv, "pip", "install", "-q", "--python", tree / "api/.venv/bin/python", *PYTHON, UV_LINK_MODE="copy")
    call("npm", "create", "-y", "vite@latest", "app", "--", "--template", "react-ts", cwd=tree / "web")
    call("npm", "install", "--no-audit", "--no-fund", "--silent", *NODE, cwd=tree / "web/app")
    for n in range(40):
        (tree / f"api/module_{n}.py").write_text(f"VALUE = {n}\n" * (n + 1))
    (tree / ".gitignore").write_text(".venv\nnode_modules\n")
    (tree / "api/.env").write_text("DEBUG=1\n")
    (tree / "api/.env").chmod(0o600)
    (tree / "api/uploads").mkdir(mode=0o750)
    (tree / "api/logs/archive").mkdir(parents=True)


def change(tree: Path) -> None:
    """20 changes: edits, a same-size edit, new files, a deletion, a mode, a link, an empty directory."""
    modules = sorted(p for p in tree.rglob("*.py") if p.is_file() and not p.is_symlink())
    for path in modules[:: len(modules) // 10][:10]:
        path.write_bytes(path.read_bytes() + b"\n# edited\n")
    same = tree / "api/module_7.py"
    if not same.exists():
        same = modules[1]
    content = same.read_bytes()
    same.write_bytes(b"#" + content[1:])
    for n in range(5):
        (tree / f"new_{n}.txt").write_text(f"new {n}\n" * 50)
    modules[3].unlink()
    modules[5].chmod(0o600)
    (tree / "new-link").symlink_to("new_0.txt")
    (tree / "new-directory").mkdir()


def state(root: Path) -> State:
    """Type, mode, mtime and content of everything below root."""
    found: State = {}
    base = os.fsencode(root)
    for folder, directories, files in os.walk(base):
        for name in (*directories, *files):
            path = os.path.join(folder, name)
            info = os.lstat(path)
            body: object = None
            if stat.S_ISREG(info.st_mode):
                with open(path, "rb") as file:
                    body = file.read()
            elif stat.S_ISLNK(info.st_mode):
                body = os.readlink(path)
            found[os.path.relpath(path, base)] = (
                stat.S_IFMT(info.st_mode),
                info.st_mode & 0o7777,
                info.st_mtime_ns,
                body,
            )
    return found


def losses(wanted: State, actual: State) -> str:
    """What a restore did not bring back, in words; empty when every bit is there."""
    count = dict.fromkeys(("missing directories", "missing files", "left over", "contents", "modes", "times"), 0)
    for path, (kind, mode, mtime, body) in wanted.items():
        got = actual.get(path)
        if got is None:
            count["missing directories" if stat.S_ISDIR(kind) else "missing files"] += 1
            continue
        count["contents"] += (kind, body) != (got[0], got[3])
        count["modes"] += not stat.S_ISLNK(kind) and mode != got[1]
        count["times"] += mtime != got[2]
    count["left over"] = len(actual.keys() - wanted.keys())
    return ", ".join(f"{n} {what}" for what, n in count.items() if n)


@dataclass
class Engine:
    """One contender: commands for a snapshot and a way back. `inside` marks one that restores in place."""

    name: str
    init: Callable[[Path, Path], None]
    snapshot: Callable[[Path, Path, str], None]
    restore: Callable[[Path, Path, Path], None]
    inside: bool
    inner: list[float] = field(default_factory=list[float])


def ours(tree: Path, store: Path, act: str) -> float:
    return float(call(sys.executable, HERE / "snapshot_ours.py", act, tree, store))


def git(tree: Path, store: Path, *args: str) -> str:
    return call(
        "git",
        "-c",
        "core.excludesFile=/dev/null",
        *args,
        cwd=tree,
        GIT_DIR=str(store / "snap.git"),
        GIT_WORK_TREE=str(tree),
    )


def git_init(tree: Path, store: Path) -> None:
    git(tree, store, "init", "-q")
    for key, value in {
        "core.bare": "false",
        "core.compression": "0",
        "core.looseCompression": "0",
        "core.untrackedCache": "true",
        "core.fsync": "none",
        "gc.auto": "0",
    }.items():
        git(tree, store, "config", key, value)


def git_snapshot(tree: Path, store: Path, name: str) -> None:
    git(tree, store, "add", "-A", "-f", ".")
    written = git(tree, store, "write-tree").strip()
    commit = git(tree, store, "-c", "user.name=x", "-c", "user.email=x@x", "commit-tree", written, "-m", name).strip()
    git(tree, store, "update-ref", f"refs/tags/{name}", commit)


def git_restore(tree: Path, store: Path, _: Path) -> None:
    git(tree, store, "read-tree", "--reset", "-u", "refs/tags/first")
    git(tree, store, "clean", "-fdxq")


def restic(store: Path, *args: str | Path, cwd: Path | None = None) -> str:
    return call(
        "restic", "-q", *args, cwd=cwd,
        RESTIC_PASSWORD="x", RESTIC_REPOSITORY=str(store / "restic"), RESTIC_CACHE_DIR=str(store.parent / "restic-cache"),
    )  # fmt: skip


def restic_restore(tree: Path, store: Path, there: Path) -> None:
    first = json.loads(restic(store, "snapshots", "--json", "--tag", "first"))[0]["id"]
    restic(store, "restore", first, "--target", there)


def borg(store: Path, *args: str, cwd: Path | None = None) -> str:
    return call(
        "borg", *args, cwd=cwd, BORG_BASE_DIR=str(store.parent / "borg-base"), BORG_RELOCATED_REPO_ACCESS_IS_OK="yes"
    )


def borg_restore(tree: Path, store: Path, there: Path) -> None:
    there.mkdir()
    borg(store, "extract", f"{store / 'borg'}::first", cwd=there)


def engines() -> list[Engine]:
    found = [
        Engine(
            "envsync",
            lambda tree, store: None,
            lambda tree, store, name: INNER.append(ours(tree, store, name)),
            lambda tree, store, there: INNER.append(ours(tree, store, "restore")),
            True,
        ),
        Engine(
            "restic",
            lambda tree, store: (restic(store, "init"), None)[1],
            lambda tree, store, name: (restic(store, "backup", "--tag", name, ".", cwd=tree), None)[1],
            restic_restore,
            False,
        ),
        Engine(
            "borg",
            lambda tree, store: (borg(store, "init", "-e", "none", str(store / "borg")), None)[1],
            lambda tree, store, name: (
                borg(store, "create", "-C", "lz4", f"{store / 'borg'}::{name}", ".", cwd=tree),
                None,
            )[1],
            borg_restore,
            False,
        ),
        Engine("git", git_init, git_snapshot, git_restore, True),
    ]
    return [engine for engine in found if engine.name == "envsync" or shutil.which(engine.name)]


INNER: list[float] = []
"""Seconds without interpreter start, of the calls of EnvSync in this row."""
COLUMNS = ("first", "no change", "20 changes", "restore")


def size(folder: Path) -> int:
    return sum(p.lstat().st_blocks * 512 for p in folder.rglob("*") if not p.is_dir())


def race(engine: Engine, pristine: Path, wanted: State, work: Path) -> dict[str, Any]:
    """One engine on a fresh copy of the tree; seconds by column, bytes of its store, and what its restore lost."""
    area = work / engine.name
    shutil.rmtree(area, ignore_errors=True)
    tree, store, there = area / "tree", area / "store", area / "restored"
    store.mkdir(parents=True)
    call("cp", "-a", pristine, tree)
    engine.init(tree, store)
    os.sync()
    time.sleep(3)  # a tree is seldom snapshotted in the second in which it was made
    INNER.clear()
    cpu: dict[str, float] = {}
    row: dict[str, Any] = {"cpu": cpu}

    def clock(column: str, act: Callable[[], None]) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        act()
        row[column] = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu[column] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    clock("first", lambda: engine.snapshot(tree, store, "first"))
    clock("no change", lambda: engine.snapshot(tree, store, "again"))
    change(tree)
    clock("20 changes", lambda: engine.snapshot(tree, store, "changed"))
    row["store"] = size(store)
    clock("restore", lambda: engine.restore(tree, store, there))
    row["lost"] = losses(wanted, state(tree if engine.inside else there))
    if INNER:
        row["inner"] = dict(zip(COLUMNS, INNER, strict=True))
    shutil.rmtree(area)
    return row


def show(rows: dict[str, dict[str, Any]]) -> str:
    head = ["engine", *COLUMNS, "store MB", "restored", "lost"]
    table = [head]
    for name, row in rows.items():
        cells = [f"{row[c]:.2f}" for c in COLUMNS]
        where = "in place" if name in ("envsync", "git") else "to a new directory"
        table.append([name, *cells, f"{row['store'] / 1e6:.0f}", where, str(row["lost"]) or "nothing"])
        for key, title in (("inner", "  without Python's start"), ("cpu", "  CPU seconds")):
            if values := row.get(key):
                table.append([title, *(f"{values[c]:.2f}" for c in COLUMNS), "", "", ""])
    peers = [row for name, row in rows.items() if name != "envsync"]
    if peers:
        mine = rows["envsync"]
        ratios = [f"{mine[c] / min(p[c] for p in peers):.2f}x" for c in COLUMNS]
        ratios.append(f"{mine['store'] / min(p['store'] for p in peers):.2f}x")
        table.append(["envsync / best peer", *ratios, "", ""])
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    return "\n".join(" | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--work", type=Path, default=Path("/dev/shm" if os.path.isdir("/dev/shm") else "/tmp") / "envsync-bench"
    )
    parser.add_argument("--tree", type=Path, help="an existing tree, left as it is")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many is shown")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    tree: Path = options.tree or options.work / "pristine"
    if not tree.exists():
        build(tree)
    wanted = state(tree)
    files = sum(kind == stat.S_IFREG for kind, *_ in wanted.values())
    total = sum(len(body) for *_, body in wanted.values() if isinstance(body, bytes))
    print(f"{files:,} files, {len(wanted) - files:,} directories and links, {total / 1e6:.0f} MB in {tree}")
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}; best of {options.rounds} rounds; seconds of the whole command")
    rows: dict[str, dict[str, Any]] = {}
    results = {engine.name: list[dict[str, Any]]() for engine in engines()}
    for _ in range(options.rounds):  # round by round, so that a busy moment does not hit one engine alone
        for engine in engines():
            results[engine.name].append(race(engine, tree, wanted, options.work))
    for name, several in results.items():
        rows[name] = {**several[-1], **{c: min(r[c] for r in several) for c in COLUMNS}}
        for key in ("inner", "cpu"):
            if key in several[-1]:
                rows[name][key] = {c: min(r[key][c] for r in several) for c in COLUMNS}
    print(show(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
