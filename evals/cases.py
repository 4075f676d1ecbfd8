"""Cases as they lie in files: {"id", "category", "text", "kind", "calls", "context"?}; other keys are for those who learn.

The rules of what a request means are in cases/README.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from envsync.agent.events import Call
from envsync.agent.models.base import Known, Request, Turn
from envsync.tools.errors import Usage

CASES = Path(__file__).parent / "cases"
Case = dict[str, Any]


def test() -> list[Path]:
    """The frozen split."""
    return sorted((CASES / "test").glob("*.jsonl"))


def learnt() -> list[Path]:
    """All that models and baselines may learn from."""
    return [
        *sorted((CASES / "train").glob("*.jsonl")),
        *(CASES / f"{name}.jsonl" for name in ("dev", "heldout", "fresh")),
    ]


def read(paths: Iterable[Path | str]) -> list[Case]:
    """All cases of the files, in order. Raises Usage for a file or line that is none."""
    found: list[Case] = []
    for path in paths:
        try:
            # A line ends with \n alone: a text may hold any other character that Python splits lines at.
            lines = Path(path).read_text("utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Usage(f"{path} cannot be read: {error}", "Give files of cases, one JSON object a line.") from error
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                case = json.loads(line)
                if not isinstance(case, dict) or not isinstance(case["text"], str):
                    raise TypeError
                found.append(
                    {"id": f"{Path(path).stem}:{number}", "category": Path(path).stem, "kind": "", "calls": [], **case}
                )
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise Usage(f"{path}:{number} is no case", "A case is a JSON object with a text.") from error
    return found


def request(case: Case) -> Request:
    """The request of a case, with what the session knows in it."""
    context = case.get("context", {})
    turns = tuple(
        Turn(turn["request"], tuple(Call(call["tool"], call["args"]) for call in turn["calls"]), "")
        for turn in context.get("history", ())
    )
    known = Known(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in context.get("known", {}).items()}
    )
    return Request(case["text"], history=turns, notes=tuple(context.get("notes", ())), known=known)


def plain(cases: Iterable[Case]) -> list[Case]:
    """Those that mean the same without what went before."""
    return [case for case in cases if not case.get("context")]
