"""How long it takes to start: `--help`, a typed command, a whole offline answer; beside the floor and a bare peer.

    python evals/bench/startup.py [--rounds 10] [--imports 15]

Every round runs all commands once, one after the other, so that a busy minute hits all of them alike; the figures are
the fastest round and the median, in seconds, the least processor time, and the ratio of the fastest to the peer's. The peer is what an agent on
the same libraries pays before its first line of own code: `import langgraph.graph, langchain_openai`. Then the modules
that cost most by `python -X importtime` are printed, which slows each import down: read those as shares.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = "import sys; from envsync.agent.cli import {entry}; sys.argv[1:] = {args!r}; {entry}()"


def commands(project: str) -> dict[str, list[str]]:
    """The measured command lines; console scripts are run as `python -c` so that importtime can be asked for."""

    def cli(entry: str, *args: str) -> list[str]:
        return [sys.executable, "-c", RUN.format(entry=entry, args=[*args])]

    return {
        "floor: python -c pass": [sys.executable, "-c", "pass"],
        "peer: import langgraph + langchain_openai": [sys.executable, "-c", "import langgraph.graph, langchain_openai"],
        "import langgraph.graph": [sys.executable, "-c", "import langgraph.graph"],
        "envsync --help": cli("main", "--help"),
        "ask --help": cli("ask", "--help"),
        "envsync status (typed)": cli("main", "-C", project, "status"),
        "ask --plan (offline)": cli("ask", "-C", project, "--plan", "take a snapshot called before"),
        "ask (offline, answered)": cli("ask", "-C", project, "what is running?"),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--imports", type=int, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        project = Path(place, "project")
        project.mkdir()
        (project / "requirements.txt").write_text("flask==3.0.0\n")
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "ENVSYNC_"))}
        environ = {**plain, "HOME": place, "ENVSYNC_STATE": f"{place}/state", "NO_COLOR": "1"}
        lines = commands(str(project))
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in lines}
        for number in range(given.rounds + 1):
            for name, line in lines.items():
                seconds = _timed(line, environ)
                if number:  # the first round fills caches
                    taken[name].append(seconds)
        peer = min(seconds for seconds, _ in taken["peer: import langgraph + langchain_openai"])
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {given.rounds} rounds\n")
        print(f"| {'command':42} |  best | median |   cpu | of peer |\n|{'-' * 44}|------:|-------:|------:|--------:|")
        for name, rounds in taken.items():
            walls, cpus = zip(*rounds, strict=True)
            best = min(walls)
            print(
                f"| {name:42} | {best:5.3f} | {statistics.median(walls):6.3f} | {min(cpus):5.3f} | {best / peer:6.0%}  |"
            )
        for name in ("ask --help", "ask --plan (offline)"):
            _imports(name, lines[name], environ, given.imports)


def _timed(line: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """Seconds by the clock, and of processor time."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(line, env=environ, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{line} ended with {done.returncode}:\n{done.stderr.decode()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _imports(name: str, line: list[str], environ: dict[str, str], most: int) -> None:
    """The packages that cost most, by what their own modules take."""
    traced = [line[0], "-X", "importtime", *line[1:]]
    said = subprocess.run(traced, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL).stderr
    own: dict[str, tuple[int, int]] = {}
    for micros, module in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)", said):
        parts = module.split(".")
        package = ".".join(parts[:3] if parts[0] == "envsync" else parts[:1])
        took, count = own.get(package, (0, 0))
        own[package] = (took + int(micros), count + 1)
    total = sum(took for took, _ in own.values()) / 1000
    print(f"\n{name}: {sum(count for _, count in own.values())} modules, {total:.0f} ms with importtime on")
    for package, (took, count) in sorted(own.items(), key=lambda item: -item[1][0])[:most]:
        print(f"  {took / 1000:6.1f} ms  {count:4} modules  {package}")


if __name__ == "__main__":
    main()
