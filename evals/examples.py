"""Write the offline model's examples, with their vectors, from the development cases; never from held-out ones."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from envsync.memory.embed import MiniLM

from .cases import read

HERE = Path(__file__).parent
TARGET = HERE.parent / "agent/models/offline/examples.jsonl"
APART = {"dialogue", "languages", "injection", "several", "reported", "negated"}
"""Categories whose cases mean something only with what is around them, or by a word that vectors do not see."""


def write() -> None:
    """One line with the model's name, then a line for each example."""
    model = MiniLM()
    cases = [case for case in read([str(HERE / "cases/dev.jsonl")]) if case["category"] not in APART]
    lines = [json.dumps({"model": model.name})]
    for case in cases:
        if case["kind"] == "ask":
            continue
        tool = case["calls"][0]["tool"] if case["calls"] else "none"
        vector = bytes(round(127 * x) & 0xFF for x in model.embed([case["text"]])[0])
        lines.append(
            json.dumps(
                {"tool": tool, "text": case["text"], "vector": base64.b64encode(vector).decode()}, ensure_ascii=False
            )
        )
    TARGET.write_text("\n".join(lines) + "\n", "utf-8")
