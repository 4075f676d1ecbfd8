"""What a model or a person may send at the gate, and what must come of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from envsync.agent import executor
from envsync.agent.events import Approval, ApprovalNeeded, Call, Done, Failed, Notice, Planned, Text, ToolFinished
from envsync.agent.models.base import MALFORMED, Thought

from .conftest import all_of, calls, one, yes

PUT = ("put", {"name": "a", "text": "1"})


async def test_hostile_29_a_yes_in_words_approves_nothing_and_shows_the_plan_again(talk, project: Path):
    session = await talk([calls(PUT)])
    first = (await all_of(session.send("write a")))[-1]
    again = (await all_of(session.send("Yes!")))[-1]
    assert isinstance(again, ApprovalNeeded)
    assert again.id != first.id
    assert not (project / "a").exists()
    # The answer to the first showing is used up.
    old = await all_of(session.answer(yes(first)))
    assert one(old, Failed).error.exit == 3
    assert not (project / "a").exists()
    await all_of(session.answer(yes(again)))
    assert (project / "a").exists()


async def test_hostile_29_a_yes_after_a_change_of_topic_shows_the_plan_again(talk, project: Path):
    (project / "n").write_text("x")
    session = await talk([calls(PUT), calls(("look", {"name": "n"}))])
    first = (await all_of(session.send("write a")))[-1]
    assert isinstance((await all_of(session.send("what is in n?")))[-1], Done)
    late = await all_of(session.answer(yes(first)))
    assert one(late, Failed).error.exit == 3
    shown = await all_of(session.send("yes"))
    assert isinstance(shown[-1], ApprovalNeeded)
    assert shown[-1].prepared[0].call.args == {"name": "a", "text": "1"}
    assert not (project / "a").exists()


async def test_hostile_29_a_yes_to_an_expired_plan_shows_it_again(talk, project: Path, monkeypatch):
    session = await talk([calls(PUT)])
    first = (await all_of(session.send("write a")))[-1]
    monkeypatch.setattr(executor, "EXPIRES", -1.0)
    late = await all_of(session.answer(yes(first)))
    assert isinstance(late[-1], ApprovalNeeded)
    assert "too long ago" in one(late, Notice).text
    assert not (project / "a").exists()
    monkeypatch.undo()


async def test_hostile_29_a_clock_set_back_makes_no_old_plan_fresh(talk, project: Path, monkeypatch):
    session = await talk([calls(PUT)])
    first = (await all_of(session.send("write a")))[-1]
    past = time.time() - 3600
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: past)
        late = await all_of(session.answer(yes(first)))
    assert isinstance(late[-1], ApprovalNeeded)
    assert not (project / "a").exists()


async def test_an_approval_is_single_use(talk, project: Path):
    session = await talk([calls(PUT)])
    needed = (await all_of(session.send("write a")))[-1]
    await all_of(session.answer(yes(needed)))
    (project / "a").unlink()
    second = await all_of(session.answer(yes(needed)))
    assert one(second, Failed).error.exit == 3
    assert not (project / "a").exists()


async def test_an_answer_to_another_plan_leaves_this_one_waiting(talk, project: Path):
    session = await talk([calls(PUT)])
    needed = (await all_of(session.send("write a")))[-1]
    wrong = await all_of(session.answer(Approval("0" * 16, True)))
    assert wrong[-1] == needed
    await all_of(session.answer(yes(needed)))
    assert (project / "a").exists()


async def test_hostile_30_a_plan_that_went_stale_is_shown_anew(talk, project: Path):
    session = await talk([calls(PUT, ("put", {"name": "b", "text": "2"}))])
    needed = (await all_of(session.send("write a and b")))[-1]
    (project / "b").write_text("somebody else's")
    again = await all_of(session.answer(yes(needed)))
    assert isinstance(again[-1], ApprovalNeeded)
    assert [item.call.args["name"] for item in again[-1].prepared] == ["b"]
    assert (project / "a").read_text() == "1"
    assert (project / "b").read_text() == "somebody else's"
    done = await all_of(session.answer(yes(again[-1])))
    assert (project / "b").read_text() == "2"
    assert done[-1].reply.splitlines()[:2] == ["write a", "write b"]


async def test_hostile_33_34_35_wrong_calls_are_answered_and_mended(talk, project: Path):
    wrong = [
        Call("put", {"name": "a", "dry_run": True}),
        Call("put", {"name": ["a"]}),
        Call("snapsh0t", {}),
        Call("put\u200b", {"name": "a"}),
        Call("put", {MALFORMED: '{"name": "a'}),
        Call("put", {"name": "fine"}),
    ]
    session = await talk([calls(*wrong), calls(PUT)], follows_up=True)
    asked = await all_of(session.send("write a"))
    assert isinstance(asked[-1], ApprovalNeeded)
    assert not any(isinstance(event, Failed) for event in asked)
    answered = session._flow.model.asked[1].answered
    assert [item.call.args for item in answered] == [call.args for call in wrong]
    assert "unknown argument 'dry_run'" in answered[0].content
    assert "name: Input should be a valid string" in answered[1].content
    assert "there is no tool 'snapsh0t'" in answered[2].content
    assert "no JSON" in answered[4].content
    assert "another call of this list was wrong" in answered[5].content
    assert not (project / "fine").exists()
    assert len(asked[-1].prepared) == 1


async def test_hostile_34_at_most_two_repairs(talk):
    session = await talk(
        [calls(("put", {})), calls(("put", {"x": 1})), calls(("put", {"y": 1})), calls(PUT)], follows_up=True
    )
    found = await all_of(session.send("write a"))
    assert one(found, Failed).error.exit == 4
    assert len(session._flow.model.asked) == 3
    assert found[-1].exit == 4


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, {"a": {"b": {}}}, ["x"], None, "\ud800", "\0"])
async def test_hostile_34_61_odd_values_neither_crash_nor_run(talk, project: Path, value: object):
    session = await talk([calls(("put", {"name": value, "text": "1"})), Thought("decline", reply="well")])
    found = await all_of(session.send("write"))
    assert isinstance(found[-1], Done | ApprovalNeeded)
    assert list(project.iterdir()) == []
    assert isinstance((await all_of(session.send("next")))[-1], Done)


async def test_hostile_36_a_turn_of_malformed_calls_only_leaves_a_valid_history(talk):
    broken = Call("put", {MALFORMED: "{{{"})
    session = await talk(
        [calls(broken), calls(broken), calls(broken), Thought("decline", reply="well")], follows_up=True
    )
    assert (await all_of(session.send("write")))[-1].exit == 4
    assert (await all_of(session.send("next")))[-1].reply == "well"


async def test_hostile_38_one_id_is_one_call(talk, project: Path):
    session = await talk(
        [calls(Call("put", {"name": "a", "text": "1"}, "x"), Call("put", {"name": "b", "text": "2"}, "x"))], yes=True
    )
    found = await all_of(session.send("write"))
    assert len(one(found, Planned).prepared) == 1
    assert (project / "a").exists()
    assert not (project / "b").exists()


async def test_hostile_38_the_same_call_for_ever_is_stopped_after_3(talk, project: Path):
    (project / "n").write_text("x")
    session = await talk([calls(("look", {"name": "n"})) for _ in range(9)], follows_up=True)
    found = await all_of(session.send("look"))
    assert len([event for event in found if isinstance(event, ToolFinished)]) == 3
    assert "again and again" in one(found, Failed).error.what
    assert found[-1].exit == 1


async def test_hostile_38_different_calls_for_ever_are_stopped(talk, project: Path):
    for number in range(30):
        (project / str(number)).write_text("x")
    session = await talk([calls(("look", {"name": str(number)})) for number in range(30)], follows_up=True)
    found = await all_of(session.send("look"))
    assert one(found, Failed).error.exit == 1
    assert len(session._flow.model.asked) == 10


async def test_hostile_39_500_calls_are_refused_as_a_whole(talk, project: Path):
    session = await talk(
        [calls(*(("put", {"name": str(n)}) for n in range(500))), Thought("decline", reply="ok")], yes=True
    )
    found = await all_of(session.send("write"))
    assert one(found, Failed).error.exit == 3
    assert list(project.iterdir()) == []
    assert (await all_of(session.send("next")))[-1].reply == "ok"


@pytest.mark.parametrize("claim", ["Done! I installed numpy.", "Erledigt, numpy ist installiert."])
async def test_hostile_43_a_claim_without_a_tool_is_answered_by_code(talk, claim: str):
    session = await talk([Thought("reply", reply=claim)], follows_up=True)
    found = await all_of(session.send("install numpy"))
    assert found[-1].reply == f"{claim}\nNothing was changed."
    # The remark is no prose of the model's: front ends show it from Done.
    assert [event.text for event in found if isinstance(event, Text)] == [claim]


async def test_hostile_43_a_claim_after_only_looking_is_answered_too(talk, project: Path):
    (project / "n").write_text("x")
    session = await talk([calls(("look", {"name": "n"})), Thought("reply", reply="I upgraded it.")], follows_up=True)
    assert (await all_of(session.send("upgrade")))[-1].reply == "n: x\nNothing was changed."


async def test_hostile_61_a_megabyte_lone_surrogates_and_nul_are_bounded_and_kept_safe(talk):
    session = await talk([Thought("decline", reply="no \udcff")])
    found = await all_of(session.send("x" * 1_000_000 + "\ud800\0\u202e", piped="\udcfe" * 100_000))
    asked = session._flow.model.asked[0]
    assert len(asked.text) < 21_000
    assert asked.text.endswith("\\ud800\\x00\u202e")
    assert len(asked.piped) < 21_000
    assert sum("left out" in event.text for event in found if isinstance(event, Notice)) == 2
    assert found[-1].reply == "no \\udcff"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
THOUGHT = st.one_of(
    st.builds(
        lambda kind, reply: Thought(kind, reply=reply),
        st.sampled_from(["ask", "decline", "reply"]),
        st.text(max_size=20),
    ),
    st.lists(
        st.builds(
            Call,
            st.sampled_from(["put", "look", "wipe", "snapsh0t", ""]),
            st.dictionaries(st.sampled_from(["name", "text", "path", "x"]), JSON, max_size=3),
            st.sampled_from(["", "1", "2"]),
        ),
        min_size=1,
        max_size=4,
    ).map(lambda made: Thought("calls", tuple(made))),
)


@given(thoughts=st.lists(THOUGHT, min_size=1, max_size=4), follows=st.booleans())
@hypothesis(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_a_model_thinks_the_turn_ends_and_nothing_is_done_without_a_yes(
    talk, project: Path, thoughts: list[Thought], follows: bool
):
    session = await talk(thoughts, follows_up=follows)
    for _ in range(2):
        found = await all_of(session.send("words"))
        assert isinstance(found[-1], Done | ApprovalNeeded)
        assert list(project.iterdir()) == []
    assert len(session._kept.history) <= 3
    await session.close()
