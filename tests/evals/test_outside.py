"""Questions of others, read as they are published, and answers through the adapter."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from envsync.evals import outside, report
from envsync.evals.echo import Echo, chunks
from envsync.tools.errors import Usage

TRUTH = [{"math.area": {"base": [10, 10.0], "unit": ["", "m"], "box": [{"at": [1], "é\n": ["\u2028"]}], "none": []}}]
HARMLESS = "what is the area of a triangle with a base of ten metres?"


def asked(id: str, *turns: str) -> dict[str, Any]:
    said = [[{"role": "system", "content": "x"}, {"role": "user", "content": text}] for text in turns]
    return {"id": id, "question": said, "function": []}


def published(folder: Path, **changed: list[dict[str, Any]]) -> Path:
    """The sets with one harmless question each, or what is given instead."""
    data = folder / "bfcl_eval/data"
    (data / "possible_answer").mkdir(parents=True)
    for name in {*outside.PROBES, *outside.ECHOED}:
        cases = changed.get(name, [asked(f"{name}_0", HARMLESS)])
        (data / f"BFCL_v4_{name}.json").write_text("".join(json.dumps(case) + "\n" for case in cases))
        truth = [{"id": case["id"], "ground_truth": TRUTH} for case in cases]
        (data / f"possible_answer/BFCL_v4_{name}.json").write_text("".join(json.dumps(one) + "\n" for one in truth))
    return folder


async def test_a_change_that_nobody_asked_for_is_found_and_ends_with_1(tmp_path: Path) -> None:
    sink = StringIO()
    assert await outside.main(published(tmp_path / "a"), sink, wrong=True) == 0, sink.getvalue()
    assert "!!" not in sink.getvalue() and "| irrelevance      | 1  | 1 " in sink.getvalue()
    part = await report.outside(tmp_path / "a", say=lambda _: None)
    assert part.startswith("\n## ") and sink.getvalue() in part
    again = published(tmp_path / "b", irrelevance=[asked("i_0", HARMLESS, "install numpy")])
    sink = StringIO()
    assert await outside.main(again, sink, wrong=True) == 1
    assert "!! i_0.2: install numpy" in sink.getvalue() and "| irrelevance      | 2  | 1 " in sink.getvalue()


def test_sets_are_read_from_the_wheel_as_from_a_folder(tmp_path: Path) -> None:
    folder = published(tmp_path / "a")
    wheel = tmp_path / "bfcl.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for path in folder.rglob("*.json"):
            file.write(path, path.relative_to(folder))
    for place in (folder, folder / "bfcl_eval", folder / "bfcl_eval/data", wheel):
        assert outside.questions(outside.opened(place)("irrelevance")) == [("irrelevance_0", HARMLESS)]
        assert outside.opened(place)("possible_answer/multiple")[0]["ground_truth"] == TRUTH
    for place in (folder, wheel):
        with pytest.raises(Usage, match="nonsense"):
            outside.opened(place)("nonsense")
    with pytest.raises(Usage):
        outside.opened(tmp_path / "none.whl")


def test_a_right_answer_is_the_first_that_is_allowed() -> None:
    assert outside.right(TRUTH) == [{"tool": "math.area", "args": {"base": 10, "box": {"at": [1], "é\n": ["\u2028"]}}}]


async def test_what_comes_through_altered_is_seen() -> None:
    calls = [{"tool": "a", "args": {"x": "é\n" * 9, "n": 1.5}}, {"tool": "a", "args": {}}]
    with Echo() as echo:
        model = echo.model()
        assert await echo.through(model, "hello", calls) == calls
        assert await echo.through(model, "hello", calls[:1]) != calls


def test_the_echo_speaks_in_pieces_that_make_the_whole() -> None:
    calls = [{"tool": "a", "args": {"text": "x" * 30}}]
    said = [piece["choices"][0]["delta"] for piece in chunks(calls)]
    parts = [delta["tool_calls"][0]["function"]["arguments"] for delta in said if delta]
    assert len(parts) > 5 and json.loads("".join(parts)) == calls[0]["args"]


def test_a_probe_measures_in_a_process_of_its_own() -> None:
    script = Path(__file__).parents[2] / "evals/bench/understanding.py"
    done = subprocess.run([sys.executable, script, "--probe", "keywords"], capture_output=True, text=True, timeout=60)
    figures = json.loads(done.stdout)
    assert figures["file"] == 0 and 5 < figures["memory"] < 500
    assert 0 <= figures["p50"] <= figures["p95"] <= figures["p99"] and figures["load"] <= figures["whole"]
