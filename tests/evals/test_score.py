"""The figures, each from cases that can be counted by hand."""

from __future__ import annotations

import json
import math
from io import BytesIO, StringIO
from typing import Any

import pytest

from envsync.agent.events import Call
from envsync.agent.models.base import Request, Thought
from envsync.evals import asking, predict, tables
from envsync.evals.cases import read, request
from envsync.evals.score import Score, catastrophe, right, wilson
from envsync.tools.errors import Unreachable, Usage


def call(tool: str, **args: Any) -> dict[str, Any]:
    return {"tool": tool, "args": args}


def case(id: str, kind: str, *calls: dict[str, Any], category: str = "single") -> dict[str, Any]:
    return {"id": id, "category": category, "text": id, "kind": kind, "calls": list(calls)}


def answer(kind: str, *calls: dict[str, Any], seconds: float = 0.001) -> dict[str, Any]:
    return {"kind": kind, "calls": list(calls), "seconds": seconds}


CASES = [
    case("scan", "calls", call("scan")),
    case("jq", "calls", call("provision", packages=["jq"])),
    case("both", "calls", call("snapshot"), call("deploy", name="web"), category="several"),
    case("what", "ask", category="missing"),
    case("joke", "decline", category="far"),
    case("moon", "decline", category="far"),
]
ANSWERS = [
    answer("calls", call("scan", path=".", scope="all"), seconds=0.001),
    answer("calls", call("provision", packages=["jq", "yq"]), seconds=0.002),
    answer("decline", seconds=0.003),
    answer("decline", seconds=0.004),
    answer("decline", seconds=0.005),
    answer("calls", call("destroy", name="moon"), seconds=0.100),
]
SCORE = Score(CASES, [[one] for one in ANSWERS])


def test_figures_are_those_counted_by_hand() -> None:
    figures = {
        "strict": SCORE.strict,
        "tools": SCORE.tools,
        "calls": SCORE.calls,
        "ask P": SCORE.precision("ask"),
        "ask R": SCORE.recall("ask"),
        "decline P": SCORE.precision("decline"),
        "decline R": SCORE.recall("decline"),
        "in scope": SCORE.in_scope,
        "left alone": SCORE.left_alone,
        "several": SCORE.categories["several"],
        "far": SCORE.categories["far"],
    }
    assert {name: (one.hits, one.of) for name, one in figures.items()} == {
        "strict": (2, 6),
        "tools": (3, 6),
        "calls": (1, 3),
        "ask P": (0, 0),
        "ask R": (0, 1),
        "decline P": (1, 3),
        "decline R": (1, 2),
        "in scope": (2, 3),
        "left alone": (2, 3),
        "several": (0, 1),
        "far": (1, 2),
    }
    assert SCORE.catastrophes == 1 and [c["id"] for c, _, disaster in SCORE.wrong if disaster] == ["moon"]
    assert str(figures["ask P"]) == "–" and math.isnan(figures["ask P"].value)


def test_time_is_that_of_the_answer_at_that_rank() -> None:
    assert SCORE.milliseconds(0.5) == pytest.approx(3.0)
    assert SCORE.milliseconds(0.95) == pytest.approx(100.0)
    assert Score([], []).milliseconds(0.95) == 0.0


def test_the_intervals_are_wilsons() -> None:
    # R: binom::binom.wilson(8, 10), (0, 50), (1000, 1000)
    assert wilson(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-5)
    assert wilson(0, 50) == pytest.approx((0.0, 0.0713476), abs=1e-5)
    assert wilson(1000, 1000) == pytest.approx((0.9961733, 1.0), abs=1e-5)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("wanted", "made", "is_one"),
    [
        ([], [call("provision", packages=["jq"])], True),
        ([], [call("scan"), call("snapshot")], False),
        ([call("scan")], [call("run", command="ls")], True),
        ([call("deploy", name="a")], [call("deploy", name="b", context="prod")], False),
        ([call("deploy", name="a")], [call("deploy", name="a"), call("destroy", name="a")], True),
        # What no tool is called is the worst that can be.
        ([], [call("format")], True),
    ],
)
def test_a_catastrophe_is_a_change_by_a_tool_that_was_not_asked_for(
    wanted: list[Any], made: list[Any], is_one: bool
) -> None:
    # An answer's own word for its risk is not taken.
    lied = [{**one, "risk": "R0"} for one in made]
    assert catastrophe(case("x", "calls", *wanted), answer("calls", *lied)) == is_one


def test_the_same_calls_under_another_kind_are_wrong() -> None:
    assert not right(case("x", "ask"), answer("decline"))
    assert right(case("x", "ask"), answer("ask"))


class Wavering:
    """Right the first time, wrong the second, and so on."""

    name, follows_up = "wavering", False

    def __init__(self) -> None:
        self.asked = 1  # the first is asked to load

    async def think(self, request: Request) -> Any:
        self.asked += 1
        yield Thought("calls", (Call("scan", {} if self.asked % 2 else {"scope": "machine"}),))


async def test_right_every_time_is_less_than_right_on_average() -> None:
    score = await asking.ask(Wavering(), CASES[:1], times=4)
    assert (score.strict.hits, score.strict.of) == (2, 4)
    assert (score.always.hits, score.always.of) == (0, 1)
    assert "pass^4: right every time" in tables.figures(score)


class Failing(Wavering):
    """Right, but for the requests in `bad`."""

    def __init__(self, *bad: str) -> None:
        super().__init__()
        self.bad = bad

    async def think(self, request: Request) -> Any:
        if request.text in self.bad:
            raise Unreachable("its answer keeps to no schema", "Try another.")
        yield Thought("calls", (Call("scan", {}),))


async def test_a_model_that_fails_at_a_case_is_wrong_there_and_one_that_fails_always_is_not_there() -> None:
    cases = [{**CASES[0], "id": str(n), "text": str(n)} for n in range(6)]
    score = await asking.ask(Failing("1", "2", "4"), cases)
    assert [case["id"] for case, _, _ in score.wrong] == ["1", "2", "4"] and score.catastrophes == 0
    assert score.recall("calls").hits == 3 and score.in_scope.hits == 3
    with pytest.raises(Unreachable):
        await asking.ask(Failing("1", "2", "3"), cases)
    with pytest.raises(Unreachable):
        await asking.ask(Failing("what is running?"), cases)


async def test_predict_goes_on_after_a_request_that_the_model_fails_at_and_says_so_with_its_code() -> None:
    lines = [json.dumps({"id": n, "text": str(n)}).encode() for n in range(6)]
    sink = StringIO()
    assert await predict.stream(Failing("1", "2", "4"), BytesIO(b"\n".join(lines)), sink) == 6
    said = [json.loads(line) for line in sink.getvalue().splitlines()]
    assert [one["id"] for one in said if "error" in one] == [1, 2, 4] and len(said) == 6
    with pytest.raises(Unreachable):
        await predict.stream(Failing("1", "2", "3"), BytesIO(b"\n".join(lines)), StringIO())


def test_goals_are_those_of_the_slices() -> None:
    lines = tables.goals(SCORE).splitlines()
    reached = {line.split("|")[1].strip(): line.split("|")[4].strip() for line in lines[2:]}
    assert set(reached.values()) == {"no"}  # what was not asked is not reached either
    perfect = Score(CASES[:1], [[answer("calls", call("scan"))]])
    assert "| strict calls           | ≥ 96.0%" in tables.goals(perfect) and "100.0% | yes" in tables.goals(perfect)


def test_answers_find_their_cases_by_id_and_a_missing_one_is_no_pass() -> None:
    made = [{"id": "jq", **answer("calls", call("provision", packages=["jq"]))}, {"id": "else", **answer("ask")}]
    score = asking.answered(CASES[:2], made)
    assert (score.strict.hits, score.strict.of) == (1, 2)
    # Nothing was said: that is no refusal.
    assert asking.answered(CASES[4:5], []).strict.hits == 0


def test_tables_keep_their_columns_whatever_stands_in_them() -> None:
    lines = tables.table(["a", "b"], [["x|y", "1"], ["", "22"]]).splitlines()
    assert lines[2] == "| x\\|y | 1  |" and len({len(line) for line in lines}) == 1
    said = tables.mistakes(SCORE)
    assert "!! moon: moon" in said and 'got  calls destroy {"name": "moon"}' in said and "scan: scan" not in said
    shown = tables.compared({"one": (SCORE, "1 MB"), "two": (SCORE, "–")}).splitlines()
    assert len(shown) == 4 and all(line.count("|") == shown[0].count("|") for line in shown)


def test_what_is_no_case_is_said_with_its_line(tmp_path: Any) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text('{"text": "a\u2028b"}\n\n{"no": 1}\n', "utf-8")
    with pytest.raises(Usage, match=r"some\.jsonl:3"):
        read([file])
    with pytest.raises(Usage, match=r"none\.jsonl"):
        read([tmp_path / "none.jsonl"])
    file.write_text('{"text": "a\u2028b", "parts": ["x"], "acts": [null], "order": [1]}\n', "utf-8")
    assert read([file])[0]["text"] == "a\u2028b"


def test_a_case_tells_the_model_what_the_session_knows() -> None:
    made = request(
        {
            "text": "undo that",
            "context": {
                "history": [{"request": "add jq", "calls": [call("provision", packages=["jq"])]}],
                "known": {"services": ["web"], "project": "shop"},
                "notes": ["n"],
            },
        }
    )
    assert made.history[0].calls[0].args == {"packages": ["jq"]} and made.notes == ("n",)
    assert made.known.services == ("web",) and made.known.project == "shop" and made.known.hosts == ("local",)
