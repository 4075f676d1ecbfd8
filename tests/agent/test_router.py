"""The router: what leaves the machine, what does not, and what answers when the large model cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envsync.agent.config import Settings, load
from envsync.agent.events import ApprovalNeeded, Call, Done, Failed, Notice, Planned
from envsync.agent.models import router as routing
from envsync.agent.models.base import Request, Thought
from envsync.agent.models.offline.model import OfflineModel
from envsync.agent.models.openai import OpenAIModel
from envsync.agent.models.registry import open_model
from envsync.agent.models.router import Router, instead, stays
from envsync.agent.session import Session
from envsync.tools import registry

from .conftest import all_of, one, yes
from .endpoint import HELLO, KEY, Server, call, delta, server, settings_of, status, stream

__all__ = ["server", "settings_of"]


def made(*calls: tuple[str, dict[str, Any]], **more: Any) -> Thought:
    return Thought("calls", tuple(Call(tool, args) for tool, args in calls), **more)


RUNS = ("run", {"command": "touch made-by-run"})
MANY = "install redis and then run make seed"
FOR_GOOD = "take a snapshot and then run git push --force"
OFFLINE = {
    MANY: made(("provision", {"services": ["redis"]}), ("run", {"command": "make seed"})),
    FOR_GOOD: made(("snapshot", {}), ("run", {"command": "git push --force"})),
    "run touch made-by-run": made(RUNS),
    "touch it": made(RUNS, sure=0.4),
    "look at n": made(("look", {"name": "n"})),
    "scan this project": made(("scan", {})),
}
"""What the offline model of these tests understands, whatever the real one has learned by now. What is dangerous here is
only ever planned."""


class Table:
    """An offline model by a table; what is not in it is declined, surely."""

    name, follows_up = "offline", False

    def understand(self, request: Request) -> Thought:
        return OFFLINE.get(request.text, Thought("decline", reply="No."))

    async def think(self, request: Request) -> AsyncIterator[Thought]:
        yield self.understand(request)


LOOKED = stream(delta(**call('{"name": "n"}')), delta("tool_calls"))
SAID = stream(delta(content="That is all."), delta("stop"))


@pytest.fixture
def routed(settings_of: Settings) -> Settings:
    """As a person has it who set an endpoint in the environment."""
    return replace(settings_of, route=True)


@pytest.fixture
async def begin() -> AsyncIterator[Callable[[Settings], Any]]:
    """Opens conversations; all are closed at the end, also of a test that failed."""
    opened: list[Session] = []

    async def open(settings: Settings) -> Session:
        large = OpenAIModel(settings, settings.model)
        opened.append(await Session.open(settings, model=Router(Table(), large, large.who)))
        return opened[-1]

    yield open
    for session in opened:
        await session.close()


def told(found: list[Any]) -> list[str]:
    return [event.text for event in found if isinstance(event, Notice)]


def scan(sure: float = 1.0, **more: Any) -> Thought:
    return Thought("calls", (Call("scan"),), sure=sure, **more)


@pytest.mark.parametrize(
    ("thought", "piped", "home"),
    [
        (scan(), "", True),
        (scan(routing.SURE), "", True),
        (scan(routing.SURE - 0.01), "", False),
        (scan(), "some log", False),
        (scan(reply="Not understood, and left out: the rest"), "", False),
        (Thought("calls", (Call("destroy", {"name": "api"}),)), "", True),
        (Thought("calls", (Call("snapshot"), Call("scan"), Call("drift"))), "", True),
        (Thought("calls", (Call("snapshot"), Call("provision"))), "", False),
        (Thought("decline", reply="No."), "", True),
        (Thought("decline", reply="No.", sure=0.5), "", False),
        (Thought("ask", reply="Which one?"), "", True),
        (Thought("ask", reply="This or that?", sure=0.6), "", False),
        (Thought("reply", reply="Hello"), "", False),
    ],
)
def test_what_is_sure_and_simple_stays(thought: Thought, piped: str, home: bool):
    assert stays(Request("words", piped), thought) is home
    assert not stays(Request("words " * 200, piped), thought)


EVERYDAY = [
    "scan this project",
    "what does this project need to run, and what is missing here?",
    "install numpy",
    "take a snapshot called green",
    "undo that",
    "what changed since yesterday",
    "show me the logs of the worker",
    "remember that staging has 2 GB",
    "run pytest -q",
    "don't deploy yet",
]


def test_everyday_requests_stay_with_the_offline_model_as_it_is():
    model = OfflineModel(frozenset(registry.names()))
    gone = [text for text in EVERYDAY if not stays(Request(text), model.understand(Request(text)))]
    assert len(gone) <= 2, f"these leave the machine: {gone}; is Thought.sure still what router.SURE was chosen for?"


@pytest.mark.parametrize(
    ("thought", "answers"),
    [
        (scan(0.3), True),
        (Thought("calls", (Call("snapshot"), Call("provision", {"services": ["redis"]}))), True),
        (Thought("calls", (Call("scan"), Call("deploy", {"name": "api", "context": "prod"}))), False),
        (Thought("calls", (Call("destroy", {"name": "api"}),)), False),
        (Thought("calls", (Call("run", {"command": "rm -rf /"}),)), False),
        (Thought("ask", reply="Which one?"), True),
        (Thought("decline"), False),
    ],
)
def test_hostile_40_only_what_can_be_undone_is_answered_offline_instead(thought: Thought, answers: bool):
    assert instead(thought) is answers


async def test_a_sure_and_simple_request_sends_nothing(begin, server: Server, routed: Settings):
    server.answers = [HELLO]
    session = await begin(replace(routed, plan=True))
    assert session.model == "auto"
    found = await all_of(session.send("scan this project"))
    assert server.asked == []
    assert (found[-1].kind, found[-1].model, session.model) == ("calls", "offline", "offline")
    assert told(found) == []


async def test_the_rest_goes_to_the_large_model_to_the_end_of_its_turn(begin, server, routed, project):
    (project / "n").write_text("x")
    server.answers = [LOOKED, SAID]
    session = await begin(routed)
    found = await all_of(session.send("look at n", piped="a log"))
    assert told(found) == [f"asking the model tiny at {server.url[7:-3]}"]
    assert len(server.asked) == 2
    assert found[-1].model == session.model == "tiny"
    # Its prose can claim anything, as without a router.
    assert found[-1].reply == "n: x\nNothing was changed."
    found = await all_of(session.send("scan this project"))
    assert (found[-1].model, len(server.asked)) == ("offline", 2)


async def test_a_turn_that_waited_goes_on_with_the_model_that_began_it(begin, server, routed, project):
    server.answers = [stream(delta(**call('{"name": "a"}', name="put")), delta("tool_calls"))]
    first = await begin(routed)
    assert isinstance((await all_of(first.send("look at n", piped="a log")))[-1], ApprovalNeeded)
    await first.close()
    server.answers = [SAID]
    second = await begin(replace(routed, session=first.id))
    found = await all_of(second.answer(yes(second.waiting)))
    assert (project / "a").exists()
    assert (one(found, Done).model, len(server.asked)) == ("tiny", 2)


async def test_a_turn_that_began_offline_ends_without_the_large_model(begin, server, routed, project):
    server.answers = [HELLO]
    first = await begin(routed)
    assert isinstance((await all_of(first.send("run touch made-by-run")))[-1], ApprovalNeeded)
    await first.close()
    second = await begin(replace(routed, session=first.id))
    found = await all_of(second.answer(yes(second.waiting)))
    assert (project / "made-by-run").exists()
    assert (one(found, Done).model, server.asked) == ("offline", [])


@pytest.mark.parametrize(
    ("answer", "what", "tries"),
    [
        (status(401), "does not accept the key (401)", 1),
        (status(429, retry_after="0.01"), "is over its limit (429", 4),
        (status(429, retry_after="86400"), "is over its limit (429, asks to wait 86400 s)", 1),
        (status(500), "has a fault (500)", 2),
        (status(200, "<html>Log in to the Wi-Fi</html>", "text/html"), "cannot be read", 2),
    ],
    ids=["401", "429", "429 for a day", "500", "captive portal"],
)
async def test_hostile_40_41_42_what_can_be_undone_is_answered_offline(
    begin, server, routed, answer, what: str, tries: int
):
    server.answers = [answer]
    session = await begin(replace(routed, plan=True))
    found = await all_of(session.send(MANY))
    planned = one(found, Planned)
    made = [item.call.tool for item in planned.prepared] + [item.tool for item in planned.later]
    assert made == ["provision", "run"]
    assert (found[-1].model, len(server.asked)) == ("offline", tries)
    assert told(found)[-1].endswith("answered offline instead")
    assert what in told(found)[-1]
    assert KEY not in str(found)


async def test_hostile_40_what_cannot_be_undone_ends_with_6_and_the_command(begin, server, routed):
    server.answers = [status(429, retry_after="86400")]
    session = await begin(replace(routed, plan=True))
    found = await all_of(session.send(FOR_GOOD))
    error = one(found, Failed).error
    assert (error.exit, found[-1].exit, found[-1].kind, found[-1].model) == (6, 6, "decline", "tiny")
    assert "`envsync run`" in error.hint
    assert not [event for event in found if isinstance(event, Planned)]


async def test_hostile_41_an_endpoint_that_is_down_is_not_asked_for_every_request(begin, server, routed, monkeypatch):
    server.answers = [status(401)]
    session = await begin(replace(routed, plan=True))
    for _ in range(3):
        assert (await all_of(session.send(MANY)))[-1].model == "offline"
    assert len(server.asked) == 1
    monkeypatch.setattr(routing, "HOLD", 0.0)
    session.model = "auto"
    server.answers = [HELLO]
    assert (await all_of(session.send(MANY)))[-1].model == "tiny"


async def test_hostile_37_an_answer_that_breaks_off_after_words_is_replaced(begin, server, routed):
    server.answers = [stream(delta(content="I will"))]
    session = await begin(replace(routed, plan=True))
    found = await all_of(session.send(MANY))
    assert (found[-1].kind, found[-1].model) == ("calls", "offline")
    assert "broke off" in told(found)[-1]


async def test_hostile_58_59_a_secret_is_taken_out_before_anything_leaves(begin, server, routed, project):
    secret = "ghp_" + "a1B2c3D4e5F6" * 3
    (project / "n").write_text(f"token={secret}")
    server.answers = [LOOKED, SAID]
    session = await begin(replace(routed, environ={**routed.environ, "MY_TOKEN": "hunter2-hunter2-hunter2"}))
    found = await all_of(session.send(f"look at n with {secret} or hunter2-hunter2-hunter2", piped=f"x={secret}"))
    assert len(server.asked) == 2
    assert "n: token=" in json.dumps(server.asked[1])
    assert secret not in json.dumps(server.asked)
    assert "hunter2" not in json.dumps(server.asked)
    assert sum("held a secret" in text for text in told(found)) == 2


def test_a_model_that_a_flag_names_answers_alone(tmp_path: Path):
    environ = {"HOME": str(tmp_path), "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "ENVSYNC_MODEL": "tiny"}

    def opened(*, model: str = "", **more: str) -> Any:
        return open_model(load({"model": model} if model else {}, {**environ, **more}))

    assert isinstance(opened(), Router)
    assert isinstance(opened(model="auto"), Router)
    assert isinstance(opened(model="other"), OpenAIModel)
    assert isinstance(opened(ENVSYNC_ROUTE="false"), OpenAIModel)
    assert opened(model="offline").name == "offline"
    assert opened(ENVSYNC_MODEL="offline").name == "offline"
    assert opened(ENVSYNC_MODEL="auto", OPENAI_BASE_URL="").name == "offline"
    assert isinstance(open_model(load({}, {"HOME": str(tmp_path), "OPENAI_API_KEY": "k"})), Router)


async def test_the_model_is_switched_in_the_conversation(begin, server, routed):
    server.answers = [SAID]
    session = await begin(routed)
    session.model = "tiny"
    await all_of(session.send("scan this project"))
    assert len(server.asked) == 1
    session.model = "auto"
    await all_of(session.send("good morning"))
    assert (session.model, len(server.asked)) == ("offline", 1)


@pytest.fixture
def ask(server: Server, private: Path, project: Path) -> Callable[..., tuple[int, dict[str, Any], str]]:
    """The installed `ask`, with the server as its endpoint: exit code, JSON, standard error."""

    def run(*words: str) -> tuple[int, dict[str, Any], str]:
        environ = {
            "PATH": os.environ["PATH"], "HOME": str(private), "OPENAI_BASE_URL": server.url, "ENVSYNC_MODEL": "tiny"
        }  # fmt: skip
        done = subprocess.run(
            [str(Path(sys.executable).parent / "ask"), "--plan", *words],
            cwd=project,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, json.loads(done.stdout) if "--json" in words else {}, done.stderr

    return run


def test_the_command_line_shows_who_answered(ask, server: Server):
    server.answers = [stream(delta(content="Which api?"), delta("stop"))]
    code, body, _ = ask("--json", "good morning")
    assert (code, body["kind"], body["model"], server.asked) == (4, "decline", "offline", [])
    code, body, _ = ask("--json", "--model", "tiny", "scan this project")
    assert (code, body["model"], len(server.asked)) == (4, "tiny", 1)
    code, _, beside = ask(MANY)
    assert (code, len(server.asked)) == (4, 2), beside
    assert f"asking the model tiny at {server.url[7:-3]}" in beside
