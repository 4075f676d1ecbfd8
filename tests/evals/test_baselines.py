"""Baselines answer with what they learnt, and with nothing of the test split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from envsync.agent.models.base import Request
from envsync.evals import cases, models
from envsync.evals.baselines.nearest import Nearest
from envsync.evals.baselines.ngrams import NGramsLR
from envsync.evals.baselines.simple import Decline, Frequent, Keywords
from envsync.evals.predict import one
from envsync.tools.errors import Usage


def case(text: str, *calls: dict[str, Any], kind: str = "", **more: Any) -> dict[str, Any]:
    return {"id": text, "text": text, "kind": kind or ("calls" if calls else "decline"), "calls": list(calls), **more}


def call(tool: str, **args: Any) -> dict[str, Any]:
    return {"tool": tool, "args": args}


LEARNT = [
    case("take a snapshot", call("snapshot")),
    case("take a snapshot now", call("snapshot")),
    case("snapshot this please", call("snapshot")),
    case("show the logs of web", call("logs", service="web")),
    case("show me the logs of api", call("logs", service="api")),
    case("logs of the worker", call("logs", service="worker")),
    case("who painted the mona lisa"),
    case("who wrote hamlet"),
    case("who composed the ninth symphony"),
    case("fix it", kind="ask"),
    case("undo it", call("snapshot"), context={"history": []}),
    case("snapshot, then logs of web", call("snapshot"), call("logs", service="web")),
]


async def answer(model: Any, text: str) -> tuple[str, list[dict[str, Any]]]:
    said = await one(model, Request(text))
    return said["kind"], [{"tool": made["tool"], "args": made["args"]} for made in said["calls"]]


async def test_the_simplest_say_always_the_same() -> None:
    assert await answer(Decline(), "take a snapshot") == ("decline", [])
    assert await answer(Frequent(LEARNT), "who wrote hamlet") == ("calls", [call("snapshot")])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("install ruff", ("calls", [call("provision", packages=["ruff"])])),
        ("show me the last 20 lines, logs of api", ("calls", [call("logs", service="api", tail=20)])),
        ("roll it back to before-seed", ("calls", [call("rewind", to="before-seed")])),
        ("undo that", ("calls", [call("rewind", to="last")])),
        ("the logs please", ("ask", [])),
        ("who wrote hamlet", ("decline", [])),
    ],
)
async def test_keywords_find_the_tool_and_what_stands_around_it(text: str, wanted: Any) -> None:
    assert await answer(Keywords(), text) == wanted


async def test_n_grams_choose_the_tool_and_the_thirty_lines_its_arguments() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is in the group `evals`")
    model = NGramsLR(LEARNT)
    assert await answer(model, "please show the logs of scheduler") == ("calls", [call("logs", service="scheduler")])
    assert await answer(model, "who composed hamlet") == ("decline", [])
    assert model.size > 0


async def test_the_nearest_example_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = Nearest(LEARNT)
    assert await answer(model, "who painted guernica") == ("decline", [])
    assert await answer(model, "give me the api logs") == ("calls", [call("logs", service="api")])
    assert await answer(model, "undo it") != ("calls", [call("snapshot")])  # it meant that in a conversation only
    assert model.size > 20e6


def test_nothing_is_learnt_from_the_test_split() -> None:
    assert not {*cases.test()} & {*cases.learnt()}
    assert len(cases.test()) >= 3 and all(path.parent.name == "test" for path in cases.test())


def test_an_unknown_baseline_is_wrong_usage_and_names_those_there_are() -> None:
    with pytest.raises(Usage) as caught:
        models.open_named("baseline:oracle")
    assert "nearest" in str(caught.value.hint)


def test_the_size_of_the_offline_model_is_its_data_and_not_its_code() -> None:
    bytes_ = models.size(models.open_named("offline"))
    assert bytes_ and 1000 < bytes_ < 30e6
