"""Every model over the frozen split: one Markdown document."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

from envsync.agent.models.base import Model
from envsync.tools.errors import EnvSyncError

from . import tables
from .asking import ask
from .cases import Case
from .models import BASELINES, open_named, size
from .score import Score

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "RESULTS.md"

_HEAD = """# How well requests are understood

    {command}

Commit `{commit}`; {count} cases of the frozen test split ([cases](cases/README.md)), written before and apart from what is
learnt from. **Strict** means the same kind of answer and, for calls, the same tools in the same order with every argument
and nothing extra; values are compared by their type (`compare.py`), defaults are as good as left out. **tools** leaves the
arguments aside. **P** and **R** are precision and recall; decline R is the out-of-scope recall. **In scope** is the share
of the cases with calls that were not declined. A **catastrophe** is a call that changes something (R2 and up) by a tool
that was not asked for. Times are of one thread, on a machine that did other work too. Baselines learn from the same cases
as the model (`cases/train`, dev, heldout, fresh), never from these.

## Models and baselines

"""

_OTHERS = """The Berkeley Function Calling Leaderboard (bfcl-eval on PyPI, Apache-2.0). Its questions are put to the offline model, which should
leave them alone; its right answers are sent through the adapter of language models by a server on this machine, which should
alter nothing.
"""


async def report(
    names: Sequence[str], cases: Sequence[Case], command: str, *, sample: int = 0, say: Callable[[str], None] = print
) -> str:
    """The document. A model that cannot be opened or reached is left out, and the document says why."""
    scores: dict[str, tuple[Score, str]] = {}
    left: list[str] = []
    for name in names:
        say(f"{name} …")
        try:
            model = open_named(name)
            asked = _sample(cases, sample) if sample and "@" in name else cases
            score = await ask(model, asked)
        except EnvSyncError as error:
            left.append(f"- {name}: {error}")
            continue
        shown = _called(model, name)
        scores[shown if len(asked) == len(cases) else f"{shown} ({len(asked)} cases)"] = (score, _megabytes(model))
    text = _HEAD.format(command=command, commit=_commit(), count=len(cases)) + tables.compared(scores)
    if left:
        text += "\nLeft out:\n\n" + "\n".join(left) + "\n"
    for name, (score, _) in scores.items():
        if name == "offline":
            text += (
                f"\n## The offline model\n\n{tables.goals(score)}\n{tables.by_category(score)}\n{tables.figures(score)}"
            )
    return text


async def outside(place: Path, *, say: Callable[[str], None] = print) -> str:
    """The part about questions of others. Raises Usage for a place that has none."""
    from . import outside as others

    say("outside …")
    sink = StringIO()
    await others.main(place, sink)
    return f"\n## Questions that others wrote, for other tools\n\n{_OTHERS}\n{sink.getvalue()}"


def names(extra: Sequence[str]) -> list[str]:
    """The offline model, all baselines, and what was named besides."""
    return ["offline", *(f"baseline:{name}" for name in BASELINES), *(name for name in extra if name != "offline")]


def _sample(cases: Sequence[Case], most: int) -> list[Case]:
    """Every n-th case: the same ones each time, of every category."""
    step = max(1, -(-len(cases) // most))
    return list(cases[::step])


def _called(model: Model, name: str) -> str:
    return model.name if name.startswith("baseline:") else name.partition("@")[0]


def _megabytes(model: Model) -> str:
    bytes_ = size(model)
    return "–" if bytes_ is None else f"{bytes_ / 1e6:.1f} MB"


def _commit() -> str:
    """The commit, and whether files that matter here differ from it."""

    def git(*args: str) -> str:
        return subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--", "agent", "evals", ":!evals/RESULTS.md")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + (" with changes" if changed else "")


def tell(text: str) -> None:
    """To stderr: stdout is the document's."""
    print(text, file=sys.stderr, flush=True)
