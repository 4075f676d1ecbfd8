"""python -m evals scan: fetch, ask, compare, print, and keep the document of a run over everything."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from envsync.tools.errors import Unreachable, Usage

from . import facts, fetch, report


def main(
    names: Sequence[str], *, which: str = "worked", sample: int = 0, as_json: bool = False, wrong: bool = False,
    place: Path | None = None, out: Path | None = None,
) -> int:  # fmt: skip
    """`names` are parts of `registry name version`, any of which may match; none means all packages of the set `which`.

    Raises Usage for a name that is nowhere, Unreachable when not a single package could be had.
    """
    packages = report.sampled(_named(facts.read(facts.SETS[which]), names), sample)
    result = report.run(packages, place or fetch.cache(), lambda line: print(line, file=sys.stderr, flush=True))
    if not result.packages:
        raise Unreachable("no package could be fetched", hint="\n".join(result.failed[:5]))
    options = [f"--set {which}"] * (which != "worked") + [f"--sample {sample}"] * bool(sample)
    document = report.markdown(result, " ".join(["python -m evals scan", *names, *options]), which)
    if wrong or not (names or sample):
        document += report.wrong(result)
    if as_json:
        print(report.as_json(result))
    else:
        print(document, end="")
    if out or not (names or sample):
        report.keep(out or report.RESULTS, document, which)
    return 0


def _named(packages: list[facts.Expected], names: Sequence[str]) -> list[facts.Expected]:
    for name in names:
        if not any(name in one.package.label for one in packages):
            raise Usage(
                f"no package is called {name!r}",
                hint="the lists are in evals/scan/expected and, with --set held, evals/scan/heldout",
            )
    return [one for one in packages if not names or any(name in one.package.label for name in names)]
