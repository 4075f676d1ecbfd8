"""Questions that others wrote, for other tools: the Berkeley Function Calling Leaderboard, as PyPI carries it.

    pip download --no-deps bfcl-eval==2026.3.23        # Apache-2.0, 1.9 MB; its forty dependencies are not needed
    python -m evals outside bfcl_eval-2026.3.23-py3-none-any.whl [--wrong]

Two things are shown. Almost nothing in these sets is work for EnvSync's tools, so the offline model must decline or ask: that
shows whether its refusals hold for words that nobody here thought of. And the right answers to their questions are sent
through the adapter of language models by a server on this machine: what comes out must be what was sent, call for call
(echo.py), since then the layer around a model does no harm.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from envsync.agent.models.base import Model, Request
from envsync.tools.errors import Usage

from . import tables
from .models import open_named
from .predict import one
from .score import share

PROBES = ("irrelevance", "live_irrelevance", "simple_python", "live_simple", "live_multiple", "multi_turn_base")
"""Sets whose questions are put to the offline model; of conversations each turn by itself."""
ECHOED = ("simple_python", "simple_java", "multiple", "parallel", "live_simple", "live_parallel_multiple")
"""Sets whose right answers go through the adapter."""
OURS = frozenset({
    "live_irrelevance_64-2-52",  # add a new postgres server
    "live_irrelevance_439-110-1",  # run joku with 4
})  # fmt: skip
"""Questions that would be work for these tools, had they been asked here. Calls that only observe are not judged."""


async def main(place: Path, sink: TextIO, *, wrong: bool = False) -> int:
    """Write both tables; 1 when a question is answered with a change (R2 and up) or an answer came through altered."""
    sets = opened(place)
    model = open_named("offline")
    rows: list[list[str]] = []
    changes = 0
    for name in PROBES:
        found = [(id, text, await one(model, Request(text))) for id, text in questions(sets(name))]
        bad = [id for id, _, answer in found if changing(answer) and id not in OURS]
        changes += len(bad)
        alone = share(not answer["calls"] for _, _, answer in found)
        low, high = alone.interval
        counts = [str(sum(answer["kind"] == kind for _, _, answer in found)) for kind in ("decline", "ask", "calls")]
        rows.append([name, str(len(found)), *counts, f"{alone}", f"{low:.1%}–{high:.1%}", str(len(bad))])
        for id, text, answer in found if wrong else ():
            if answer["calls"]:
                sink.write(
                    f"{'!! ' if id in bad else ''}{id}: {' '.join(text.split())[:200]}\n    {tables.say(answer)}\n"
                )
    head = ["questions", "of", "declined", "asked back", "calls", "left alone", "95 %", "changes (R2+)"]
    sink.write(tables.table(head, rows) + "\n")
    altered = await _layer(sets, sink)
    return 1 if changes or altered else 0


async def _layer(sets: Callable[[str], list[dict[str, Any]]], sink: TextIO) -> int:
    from .echo import Echo

    rows: list[list[str]] = []
    altered = 0
    with Echo() as echo:
        model: Model = echo.model()
        for name in ECHOED:
            answers = {case["id"]: right(case["ground_truth"]) for case in sets(f"possible_answer/{name}")}
            came = [await echo.through(model, text, answers[id]) == answers[id] for id, text in questions(sets(name))]
            altered += len(came) - sum(came)
            rows.append([name, str(len(came)), str(sum(came)), str(share(came))])
    sink.write(tables.table(["answers through the adapter", "of", "unaltered", "share"], rows))
    return altered


def opened(place: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Gives a set by its name: from the wheel, from the folder that it is unpacked in, or from bfcl_eval itself."""
    folder = next((one for one in (place / "bfcl_eval/data", place / "data", place) if one.is_dir()), None)
    if folder is None and not zipfile.is_zipfile(place):
        raise Usage(f"{place} is neither a wheel nor a folder", "pip download --no-deps bfcl-eval==2026.3.23")

    def read(name: str) -> list[dict[str, Any]]:
        under, _, name = name.rpartition("/")
        file = f"{under}{'/' if under else ''}BFCL_v4_{name}.json"
        try:
            if folder is not None:
                text = (folder / file).read_text("utf-8")
            else:
                with zipfile.ZipFile(place) as wheel:
                    text = wheel.read(f"bfcl_eval/data/{file}").decode("utf-8")
        except (OSError, KeyError) as error:
            raise Usage(
                f"{place} has no {file}", "Version 2026.3.23 has it: pip download --no-deps bfcl-eval==2026.3.23"
            ) from error
        return [json.loads(line) for line in text.split("\n") if line.strip()]

    return read


def questions(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Id and text of what the person says, each turn by itself."""
    said: list[tuple[str, str]] = []
    for case in found:
        turns = [[part["content"] for part in turn if part["role"] == "user"] for turn in case["question"]]
        texts = [turn[-1] for turn in turns if turn]
        said += [(case["id"] if len(texts) == 1 else f"{case['id']}.{at}", text) for at, text in enumerate(texts, 1)]
    return said


def right(truth: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls of a right answer: of each argument the first value that is allowed; an empty one means left out."""
    return [
        {"tool": tool, "args": {name: options[0] for name, options in args.items() if options and options[0] != ""}}
        for call in truth
        for tool, args in call.items()
    ]


def changing(answer: dict[str, Any]) -> bool:
    return any(call["risk"] >= "R2" for call in answer["calls"])
