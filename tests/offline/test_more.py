"""Calls that go on from the one before, and what "it", "both" and "there" are then."""

from __future__ import annotations

from typing import Any

import pytest

from envsync.agent.events import Call
from envsync.agent.models.base import Known, Request, Turn
from envsync.agent.models.offline.compose import compose
from envsync.agent.models.offline.more import before, goes_on
from envsync.agent.models.offline.resolve import resolve
from envsync.agent.models.offline.words import SHAPES, Before
from envsync.agent.models.offline.world import World

from .test_resolve import act

P, R, S = "packages", "runtimes", "services"


@pytest.mark.parametrize(
    ("tool", "old", "text", "slots", "new"),
    [
        ("deploy", {"name": "api", "context": "staging"}, "same but prod", {"context": "prod"}, {"name": "api", "context": "prod"}),
        ("deploy", {"name": "api", "replicas": 30}, "3 replicas, not 30", {"count": "3"}, {"name": "api", "replicas": 3}),
        ("deploy", {"name": "api", "to": "me@box"}, "no, here", {}, {"name": "api"}),
        ("provision", {R: ["node@20"]}, "not 20, 22", {"version": "22"}, {R: ["node@22"]}),
        ("provision", {P: ["numpy@2.1"]}, "below 2 i mean", {"version": "below 2"}, {P: ["numpy<2"]}),
        ("provision", {P: ["ruff@0.4"]}, "the newest one", {"flags": "latest"}, {P: ["ruff@latest"]}),
        ("provision", {P: ["a", "b"]}, "the newest", {"flags": "latest"}, {P: ["a", "b"]}),
        ("provision", {P: ["torch"]}, "with gpu", {"flags": "gpu"}, {P: ["torch"], "gpu": True}),
        ("provision", {S: ["redis"], "on": "vm:a"}, "scipy too", {"package": "scipy"}, {P: ["scipy"], "on": "vm:a"}),
        ("provision", {P: ["httpie"], "path": "web"}, "no i said httpx", {"package": "httpx"}, {P: ["httpx"], "path": "web"}),
        ("provision", {P: ["httpie"], "path": "web"}, "and httpx", {"package": "httpx"}, {P: ["httpx"]}),
        ("provision", {R: ["deno@2"], "on": "gpu4"}, "now locally as well", {}, {R: ["deno@2"]}),
        ("history", {"query": "install redis"}, "and kafka?", {"query": "kafka"}, {"query": "install kafka"}),
        ("rewind", {"to": "monday", "paths": ["a"]}, "same for b", {"file": "b"}, {"to": "monday", "paths": ["b"]}),
        ("run", {"command": "npm test", "path": "web"}, "in mobile", {"path": "mobile"}, {"command": "npm test", "path": "mobile"}),
        ("sync", {"source": ".", "destination": "a@b:c"}, "just once", {"flags": "once"}, {"source": ".", "destination": "a@b:c", "watch": False}),
        ("status", {"on": "a@b"}, "check again", {}, {"on": "a@b"}),
    ],
)  # fmt: skip
def test_what_is_said_now_is_put_into_the_call_before(
    tool: str, old: dict[str, Any], text: str, slots: dict[str, str], new: dict[str, Any]
) -> None:
    now = act(tool, text, **slots)
    assert goes_on(Call(tool, old), now, compose(now)) == Call(tool, new)


def test_the_encoder_is_told_of_the_question_that_is_open_and_else_of_the_last_call() -> None:
    turns = (Turn("deploy api", (Call("deploy", {"name": "api"}),), ""), Turn("show me the logs", (), ""))
    asked = World.of(Request("worker", history=turns))
    assert asked.asked == "show me the logs"
    told, call = before(asked, [act("logs", "show me the logs")])
    assert told == Before("logs", open=True) and call == Call("logs", {})
    assert SHAPES[told.shape] == "open" and SHAPES[Before("logs").shape] == "done"
    chat = World.of(Request("again", history=(*turns[:1], Turn("thanks", (), ""))))
    assert before(chat, [act("none", "thanks")]) == (Before("deploy"), Call("deploy", {"name": "api"}))
    assert before(World.of(Request("again")), []) == (None, None)


def _resolved(
    text: str, tool: str, turns: tuple[Turn, ...], known: Known | None = None, **slots: str
) -> dict[str, Any]:
    now = act(tool, text, **slots)
    return dict(resolve(now, compose(now), World.of(Request(text, history=turns, known=known or Known())))[0].args)


def _turn(said: str, *calls: Call) -> tuple[Turn, ...]:
    return (Turn(said, calls, ""),)


def test_it_is_the_package_that_was_spoken_of() -> None:
    asked = _turn("is hypothesis installed here", Call("scan", {"scope": "machine"}))
    assert _resolved("install it then", "provision", asked) == {P: ["hypothesis"]}
    made = _turn("install celery 4", Call("provision", {P: ["celery@4"]}))
    assert _resolved("upgrade it", "provision", made) == {P: ["celery@latest"]}
    two = _turn("install numpy and pandas", Call("provision", {P: ["numpy", "pandas"]}))
    assert _resolved("upgrade it", "provision", two) == {}


def test_it_in_a_question_about_the_past_is_what_was_spoken_of() -> None:
    made = _turn("deploy orbit", Call("deploy", {"name": "orbit"}))
    assert _resolved("and when did i deploy it", "history", made, query="deploy it") == {"query": "deploy orbit"}


def test_that_is_remembered_is_the_statement_before() -> None:
    assert _resolved("remember that", "remember", _turn("lena owns the billing cluster"), fact="that") == {
        "fact": "lena owns the billing cluster"
    }


def test_the_folder_spoken_of_is_where_things_are_done() -> None:
    scanned = _turn("scan ./viewer", Call("scan", {"path": "./viewer"}))
    assert _resolved("run npm test in it", "run", scanned, command="npm test") == {
        "command": "npm test",
        "path": "./viewer",
    }
    assert _resolved("deploy it", "deploy", scanned) == {"path": "./viewer"}


def test_it_is_none_of_two() -> None:
    two = _turn("deploy geo and tiles", Call("deploy", {"name": "geo"}), Call("deploy", {"name": "tiles"}))
    for tool in ("rollback", "destroy", "logs"):
        assert _resolved("now do it to it", tool, two) == {}
