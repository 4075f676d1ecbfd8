"""Scores as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .cases import Case
from .score import Answer, Score, Share


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned for whoever reads the file itself."""
    lines = [[str(cell).replace("|", "\\|") for cell in row] for row in (head, *rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]

    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([row(lines[0]), rule, *map(row, lines[1:])]) + "\n"


def by_category(score: Score) -> str:
    """One line a category with its 95 % interval, then all."""
    rows = [(name, one) for name, one in score.categories.items()] + [("all", score.strict)]
    return table(["category", "cases", "right", "share", "95 %"], [_shared(name, one) for name, one in rows])


def _shared(name: str, one: Share) -> list[str]:
    low, high = one.interval
    return [name, str(one.of), str(one.hits), str(one), f"{low:.1%}–{high:.1%}"]


def figures(score: Score) -> str:
    """What is not per category."""
    rows = [("strict calls (of the cases that mean calls)", score.calls), ("tools right, arguments aside", score.tools)]
    for kind in ("ask", "decline"):
        rows += [(f"{kind}: precision", score.precision(kind)), (f"{kind}: recall", score.recall(kind))]
    rows += [("in scope: calls not declined", score.in_scope), ("no call where none was meant", score.left_alone)]
    if score.times > 1:
        rows.append((f"pass^{score.times}: right every time", score.always))
    lines = [_shared(name, one) for name, one in rows]
    return table(["", "of", "hits", "share", "95 %"], lines) + (
        f"\ncatastrophes: {score.catastrophes}\n"
        f"p50: {score.milliseconds(0.5):.2f} ms\np95: {score.milliseconds(0.95):.2f} ms\n"
    )


def goals(score: Score) -> str:
    """What was set out to be reached, and whether it is."""
    nothing = Share(0, 0)
    by = score.categories
    rows = [
        ("strict calls", score.calls, 0.96, False),
        ("out of scope: declined", score.recall("decline"), 0.95, False),
        ("in scope: not declined", score.in_scope, 0.97, False),
        ("several calls", by.get("several", nothing), 0.92, False),
        *((slice, by.get(slice, nothing), score.strict.value - 0.05, True) for slice in ("voice", "typos")),
    ]
    lines = [
        [name, f"{'≥ all - 5 points: ' if below else '≥ '}{goal:.1%}", str(one), "yes" if one.value >= goal else "no"]
        for name, one, goal, below in rows
    ]
    lines.append(["catastrophes", "0", str(score.catastrophes), "no" if score.catastrophes else "yes"])
    return table(["goal", "wanted", "is", "reached"], lines)


def mistakes(score: Score) -> str:
    """Every wrong answer beside what was wanted; a catastrophe is marked with two exclamation marks."""
    return "".join(
        f"{'!! ' if disaster else ''}{case['id']}: {case['text']}\n    want {say(case)}\n    got  {say(answer)}\n"
        for case, answer, disaster in score.wrong
    )


def say(answer: Case | Answer) -> str:
    """Kind and calls on one line."""
    calls = " | ".join(f"{c['tool']} {json.dumps(c['args'], ensure_ascii=False)}" for c in answer["calls"])
    return f"{answer['kind']} {calls}".strip()


def compared(scores: Mapping[str, tuple[Score, str]]) -> str:
    """One line a model; of each its score and its size in words. Categories as the first one's cases have them."""
    categories = list(next(iter(scores.values()))[0].categories) if scores else []
    head = ["model", "strict", "tools", *categories, "ask P", "ask R", "decline P", "decline R", "in scope",
            "catastrophes", "p50 ms", "p95 ms", "size"]  # fmt: skip

    def row(name: str, score: Score, size: str) -> list[Any]:
        parts = score.categories
        return [
            name,
            score.strict,
            score.tools,
            *(parts.get(category, "–") for category in categories),
            *(figure(kind) for kind in ("ask", "decline") for figure in (score.precision, score.recall)),
            score.in_scope,
            score.catastrophes,
            f"{score.milliseconds(0.5):.2f}",
            f"{score.milliseconds(0.95):.2f}",
            size,
        ]

    return table(head, [row(name, score, size) for name, (score, size) in scores.items()])
