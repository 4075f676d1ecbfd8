"""Every detector over every package: one Markdown document, or one JSON object."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from dataclasses import field as default
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from envsync.tools.errors import EnvSyncError, Failed

from .. import tables
from . import detectors, fetch, peers
from .facts import SETS, Expected, Found, Package
from .score import FIELDS, Score, Tally

RESULTS = Path(__file__).parent / "RESULTS.md"
OURS, SURE, NAIVE = "EnvSync", f"EnvSync, findings ≥ {detectors.SURE}", "a manifest is a service"
PATIENCE = 3

_TITLES = {
    "worked": "How much of real packages the scan finds",
    "held": "Held out: packages that no rule is worked on with",
}
_HEAD = """# {title}

    {command}

Commit `{commit}`, {date}; {packages} packages of PyPI, npm and Debian, named in [{folder}/]({folder}) with the facts that their
own documentation and manifests state, written by hand before any detector was asked; what is judged and how is in
[README.md](README.md). **P** is precision (how much of what was found is right), **R** recall (how much of what is stated was
found), counted over all packages together; of **roles** only how many are right, among the services that were found, and
of **variables** how many of those that are documented were found; frameworks, variables and order are judged of {more} packages;
**exact** is the share of packages with everything right and nothing else.
A dash: the detector has no such field. Times are medians per package, inside the detector's process, without its start.

"""


@dataclass
class Run:
    """What came of it: a score for each detector, and what did not work."""

    scores: dict[str, Score] = default(default_factory=dict[str, Score])
    failed: list[str] = default(default_factory=list[str])
    packages: list[Expected] = default(default_factory=list[Expected])

    def add(self, name: str, expected: Expected, found: Found) -> None:
        self.scores.setdefault(name, Score()).add(expected, found)


def sampled(packages: Sequence[Expected], number: int) -> list[Expected]:
    """The same few of them in every run, of all registries; all when `number` is 0."""
    if not number or number >= len(packages):
        return list(packages)
    chosen = {one.package for one in Random(0).sample(list(packages), number)}
    return [one for one in packages if one.package in chosen]


def run(packages: Sequence[Expected], cache: Path, say: Callable[[str], None]) -> Run:
    """Fetch each package and ask every detector. What fails is noted, and the run goes on."""
    result = Run()
    failures: Counter[str] = Counter()
    modules: Path | None = None
    try:
        modules = peers.modules(cache)
    except EnvSyncError as error:
        result.failed.append(f"the peers: {error.what}; {error.hint}")
    for number, expected in enumerate(packages, 1):
        say(f"{number}/{len(packages)} {expected.package.label}")
        folder = _fetched(result, expected.package, cache, failures)
        if folder:
            result.packages.append(expected)
            _ask(result, expected, folder, modules)
    return result


def _fetched(result: Run, package: Package, cache: Path, failures: Counter[str]) -> Path | None:
    """A registry that fails again and again is not asked for the rest: each answer may take a minute to fail to come."""
    if failures[package.registry] >= PATIENCE and not fetch.kept(package, cache).is_dir():
        result.failed.append(f"{package.label}: not asked for, {package.registry} failed {PATIENCE} times in a row")
        return None
    try:
        folder = fetch.fetch(package, cache)
    except EnvSyncError as error:
        failures[package.registry] += 1
        result.failed.append(f"{package.label}: {error.what}; {error.hint}")
        return None
    failures[package.registry] = 0
    return folder


def _ask(result: Run, expected: Expected, folder: Path, modules: Path | None) -> None:
    project, seconds = detectors.project(folder)
    result.add(OURS, expected, detectors.ours(project, seconds))
    result.add(SURE, expected, detectors.ours(project, seconds, least=detectors.SURE))
    for name in peers.PACKAGES if modules else ():
        assert modules
        try:
            found = peers.ask(name, modules, folder)
        except Failed as error:
            result.failed.append(f"{expected.package.label}: {error.what}")
            found = Found(services={}, languages=set(), databases=set())  # no answer is no finding
        result.add(peers.label(name), expected, found)
    result.add(NAIVE, expected, detectors.naive(folder))


def markdown(result: Run, command: str, which: str = "worked") -> str:
    """The document about one set of packages without its list of mistakes."""
    text = _HEAD.format(
        title=_TITLES[which],
        command=command,
        commit=_commit(),
        date=datetime.now(UTC).date(),
        folder=SETS[which].name,
        packages=len(result.packages),
        more=sum(one.frameworks is not None for one in result.packages),
    )
    text += f"Python {platform.python_version()}, {platform.machine()}.\n\n"
    text += _table(result) + "\n" + _counts(result)
    if result.failed:
        text += "\n## What did not work\n\n" + "".join(f"- {line}\n" for line in result.failed)
    return text


def keep(path: Path, document: str, which: str) -> None:
    """Write what one set of packages came to; what the file says of the other set stays."""
    second = f"# {_TITLES['held']}\n"
    first, _, rest = (path.read_text("utf-8") if path.exists() else "").partition(second)
    held = document if which == "held" else rest and second + rest
    worked = document if which == "worked" else first.rstrip() + "\n" if first else ""
    path.write_text("\n".join(part for part in (worked, held) if part), "utf-8")


def _table(result: Run) -> str:
    head = ["P / R", *FIELDS, "services exact", "languages exact", "s", "slowest"]
    rows: list[list[str]] = []
    for name, score in result.scores.items():
        cells = [_ratio(score.tallies.get(field)) for field in FIELDS]
        cells[FIELDS.index("roles")] = cells[FIELDS.index("roles")].partition(" /")[0]
        cells[FIELDS.index("variables")] = cells[FIELDS.index("variables")].rpartition("/ ")[2]
        exact = [_exact(score.tallies.get(field)) for field in ("services", "languages")]
        times = [f"{statistics.median(score.seconds):.3f}", f"{max(score.seconds):.2f}"]
        rows.append([name, *cells, *exact, *times])
    return tables.table(head, rows)


def _counts(result: Run) -> str:
    """How many facts of each kind there are, since a share of few says little."""
    tallies = result.scores[OURS].tallies if OURS in result.scores else {}
    stated = ", ".join(f"{name} {tally.right + tally.missing}" for name, tally in tallies.items() if name != "roles")
    return f"Facts that must be found: {stated}.\n"


def wrong(result: Run, name: str = OURS) -> str:
    """Everything that a detector got wrong or did not find, by field."""
    rows = [
        [mistake.field, mistake.kind, mistake.package, mistake.place, mistake.found, mistake.expected]
        for mistake in sorted(result.scores[name].mistakes, key=lambda one: (one.field, one.kind, one.package))
    ]
    table = tables.table(
        ["field", "", "package", "where", "found", "expected"], [[_short(x) for x in row] for row in rows]
    )
    return f"\n## What {name} got wrong\n\n{table}"


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _ratio(tally: Tally | None) -> str:
    if tally is None:
        return "–"
    return " / ".join("–" if value is None else f"{value:.0%}" for value in (tally.precision, tally.recall))


def _exact(tally: Tally | None) -> str:
    return f"{tally.exact / tally.packages:.0%}" if tally and tally.packages else "–"


def as_json(result: Run) -> str:
    """The same as data, with every mistake of every detector."""
    return json.dumps({
        "packages": [one.package.label for one in result.packages],
        "failed": result.failed,
        "detectors": {
            name: {
                "fields": {key: asdict(tally) for key, tally in score.tallies.items()},
                "seconds": score.seconds,
                "mistakes": [asdict(mistake) for mistake in score.mistakes],
            }
            for name, score in result.scores.items()
        },
    }, ensure_ascii=False)  # fmt: skip


def _commit() -> str:
    argv = ["git", "-C", str(RESULTS.parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
