"""Turns of a session: what is asked, done, said, and what lasts."""

from __future__ import annotations

from pathlib import Path

from envsync.agent.events import Approval, ApprovalNeeded, Call, Done, Failed, Notice, Planned, ToolFinished
from envsync.agent.models.base import Thought

from .conftest import all_of, calls, one, yes

PUT = ("put", {"name": "a", "text": "1"})


async def test_a_change_waits_for_a_yes_and_is_then_done(talk, project: Path):
    session = await talk([calls(PUT)])
    asked = await all_of(session.send("write a"))
    assert isinstance(asked[-1], ApprovalNeeded)
    assert not (project / "a").exists()
    done = await all_of(session.answer(yes(asked[-1])))
    assert (project / "a").read_text() == "1"
    assert done[-1].exit == 0
    assert done[-1].reply.startswith("write a")
    assert "undo" in done[-1].reply


async def test_no_changes_nothing(talk, project: Path):
    session = await talk([calls(PUT)])
    asked = await all_of(session.send("write a"))
    done = await all_of(session.answer(Approval(asked[-1].id, False)))
    assert one(done, Failed).error.exit == 3
    assert done[-1].exit == 3
    assert not (project / "a").exists()


async def test_several_calls_are_asked_for_once_and_done_in_order(talk, project: Path):
    session = await talk([calls(PUT, ("put", {"name": "b", "text": "2"}), ("put", {"name": "c", "text": "3"}))])
    found = await all_of(session.send("write three files"))
    assert len(one(found, ApprovalNeeded).prepared) == 3
    done = await all_of(session.answer(yes(found[-1])))
    assert [event.call.args["name"] for event in done if isinstance(event, ToolFinished)] == ["a", "b", "c"]


async def test_the_first_failure_stops_the_list_and_every_call_has_its_answer(talk, project: Path):
    bad = ("put", {"name": "b", "text": "fail"})
    session = await talk([calls(PUT, bad, ("put", {"name": "c", "text": "3"}))], follows_up=True)
    asked = await all_of(session.send("write three files"))
    done = await all_of(session.answer(yes(asked[-1])))
    assert one(done, Failed).error.exit == 1
    assert "the disk says no" in done[-1].reply
    assert done[-1].exit == 1
    assert [(project / name).exists() for name in "abc"] == [True, False, False]
    answered = session._flow.model.asked[-1].answered
    assert [(item.call.args["name"], item.failed) for item in answered] == [("a", False), ("b", True), ("c", True)]
    assert len({item.call.id for item in answered}) == 3


async def test_a_call_that_needs_what_an_earlier_one_brings_is_planned_after_it(talk, project: Path):
    needy = ("put", {"name": "b", "text": "2", "after": "a"})
    session = await talk([calls(PUT, needy)])
    asked = await all_of(session.send("write a, then b"))
    assert [item.call.args["name"] for item in asked[-1].prepared] == ["a"]
    again = await all_of(session.answer(yes(asked[-1])))
    assert isinstance(again[-1], ApprovalNeeded)
    assert [item.call.args["name"] for item in again[-1].prepared] == ["b"]
    done = await all_of(session.answer(yes(again[-1])))
    assert (project / "b").exists()
    assert done[-1].reply.splitlines()[:2] == ["write a", "write b"]


async def test_a_model_that_follows_up_sees_what_came_of_its_calls(talk, project: Path):
    (project / "note").write_text("hello")
    session = await talk([calls(("look", {"name": "note"})), Thought("reply", reply="It says hello.")], follows_up=True)
    done = await all_of(session.send("what is in note?"))
    assert session._flow.model.asked[1].answered[0].content == "note: hello"
    assert done[-1].reply == "note: hello\nNothing was changed."
    assert done[-1].kind == "calls"


async def test_plan_stops_before_anything_is_done(talk, project: Path):
    session = await talk([calls(PUT)], plan=True)
    found = await all_of(session.send("write a"))
    assert [type(event) for event in found] == [Planned, Done]
    assert (found[-1].kind, found[-1].reply, found[-1].exit) == ("calls", "write a", 0)
    assert not (project / "a").exists()


async def test_a_question_and_a_refusal_end_with_exit_4(talk):
    session = await talk([Thought("ask", reply="Which port?"), Thought("decline", reply="I cannot cook.")])
    asked, declined = await all_of(session.send("forward it")), await all_of(session.send("cook"))
    assert (asked[-1].kind, asked[-1].reply, asked[-1].exit) == ("ask", "Which port?", 4)
    assert (declined[-1].kind, declined[-1].reply, declined[-1].exit) == ("decline", "I cannot cook.", 4)


async def test_two_turns_share_a_history_that_is_bounded(talk):
    session = await talk([Thought("decline", reply=f"no {number}") for number in range(30)])
    for number in range(30):
        await all_of(session.send(f"{number} " + "x" * 5_000))
    last = session._flow.model.asked[-1]
    assert len(last.history) == 12
    assert last.history[-1].reply == "no 28"
    assert sum(len(turn.request) for turn in last.history) < 30_000


async def test_always_asks_no_more_for_that_tool(talk, project: Path):
    session = await talk([calls(PUT), calls(("put", {"name": "b", "text": "2"})), calls(("wipe", {"name": "b"}))])
    asked = await all_of(session.send("write a"))
    await all_of(session.answer(yes(asked[-1], always=True)))
    assert isinstance((await all_of(session.send("write b")))[-1], Done)
    assert (project / "b").read_text() == "2"
    assert isinstance((await all_of(session.send("wipe b")))[-1], ApprovalNeeded)


async def test_what_cannot_be_taken_back_wants_its_phrase(talk, project: Path):
    (project / "b").write_text("old")
    session = await talk([calls(("wipe", {"name": "b"})), calls(("wipe", {"name": "b"}))])
    asked = await all_of(session.send("wipe b"))
    denied = await all_of(session.answer(yes(asked[-1])))
    assert one(denied, Failed).error.exit == 3
    assert (project / "b").read_text() == "old"
    asked = await all_of(session.send("wipe b"))
    done = await all_of(session.answer(yes(asked[-1], typed="wipe")))
    assert done[-1].exit == 0


async def test_typed_calls_are_part_of_the_conversation(talk, project: Path):
    session = await talk([Thought("decline", reply="well")])
    asked = await all_of(session.call([Call("put", {"name": "a", "text": "1"})]))
    assert isinstance(asked[-1], ApprovalNeeded)
    done = await all_of(session.answer(yes(asked[-1])))
    assert done[-1].exit == 0
    await all_of(session.send("and now?"))
    (earlier,) = session._flow.model.asked[0].history
    assert earlier.calls == (Call("put", {"name": "a", "text": "1"}),)
    assert earlier.reply.startswith("write a")


async def test_a_typed_call_that_cannot_be_keeps_its_own_error(talk):
    session = await talk()
    found = await all_of(session.call([Call("put", {"nam": "a"})]))
    assert one(found, Failed).error.exit == 2
    assert found[-1].exit == 2
    assert "unknown argument 'nam'" in found[-1].reply


async def test_hostile_59_a_pasted_secret_is_taken_out_before_model_and_store(talk, settings, project: Path):
    secret = "ghp_" + "a1B2" * 9
    session = await talk([Thought("decline", reply="no")])
    found = await all_of(session.send(f"use {secret} please", piped=f"token={secret}"))
    notices = [event.text for event in found if isinstance(event, Notice)]
    assert any("secret" in text and "github-token" in text for text in notices)
    asked = session._flow.model.asked[0]
    assert secret not in asked.text + asked.piped
    await session.close()
    for file in settings.state.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file


async def test_hostile_59_a_secret_in_a_typed_call_is_used_and_not_kept(talk, settings, project: Path):
    secret = "ghp_" + "a1B2" * 9
    session = await talk([Thought("decline", reply="no")])
    asked = await all_of(session.call([Call("put", {"name": "a", "text": secret})]))
    done = await all_of(session.answer(yes(asked[-1])))
    assert (project / "a").read_text() == secret
    assert done[-1].exit == 0
    await all_of(session.send("next"))
    await session.close()
    for file in settings.state.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file


async def test_the_model_can_be_switched_by_name(talk, tmp_path: Path):
    script = tmp_path / "script.jsonl"
    script.write_text('{"kind": "reply", "reply": "from the file"}\n')
    session = await talk([Thought("decline", reply="first")])
    await all_of(session.send("hello"))
    session.model = f"scripted:{script}"
    found = await all_of(session.send("hello"))
    assert found[-1].reply.startswith("from the file")
