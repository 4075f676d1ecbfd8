"""Cases through a model: each by itself, as many times as it is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from envsync.agent.models.base import Model, Request
from envsync.tools.errors import EnvSyncError, Usage

from .cases import Case, request
from .predict import GIVE_UP, one
from .score import Answer, Score


async def ask(
    model: Model, cases: Sequence[Case], *, times: int = 1, tell: Callable[[int], None] = lambda _: None
) -> Score:
    """`tell` hears how many cases are done. What loads at the first use is loaded before the clock is looked at.

    A model that fails at a case was wrong there; one that fails at the first request, or GIVE_UP times in a row, is not
    there: then its error is raised.
    """
    await one(model, Request("what is running?"))
    answers: list[list[Answer]] = []
    failed = 0
    for number, case in enumerate(cases, 1):
        said: list[Answer] = []
        for _ in range(times):
            try:
                said.append(await one(model, request(case)))
                failed = 0
            except EnvSyncError as error:
                failed += 1
                if failed == GIVE_UP:
                    raise
                said.append({"kind": "failed", "calls": [], "seconds": 0.0, "error": str(error)})
        answers.append(said)
        tell(number)
    return Score(cases, answers)


def answered(cases: Sequence[Case], answers: Sequence[Answer]) -> Score:
    """Answers that were made elsewhere, put to their cases by id. A case without one is wrong, even where it was to be declined.

    One id may have several answers: the model was asked that often.
    """
    by_id: dict[str, list[Answer]] = {}
    for answer in answers:
        by_id.setdefault(str(answer["id"]), []).append(answer)
    nothing: Answer = {"kind": "missing", "calls": [], "seconds": 0.0}
    return Score(cases, [by_id.get(str(case["id"])) or [nothing] for case in cases])


def read(path: Path | str) -> list[Answer]:
    """The lines that `predict` wrote. Raises Usage for one that is no answer."""
    found: list[Answer] = []
    try:
        lines = Path(path).read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{path} cannot be read: {error}", "Give the file that `python -m evals predict` wrote.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            answer = json.loads(line)
            calls = [{"tool": str(call["tool"]), "args": dict(call["args"])} for call in answer["calls"]]
            found.append({"seconds": 0.0, **answer, "kind": str(answer["kind"]), "calls": calls, "id": answer["id"]})
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise Usage(f"{path}:{number} is no answer", "An answer has id, kind and calls.") from error
    return found
