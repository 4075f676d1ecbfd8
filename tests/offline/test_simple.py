"""The simple grammar, which answers where the encoder cannot: plain requests work, and it never guesses at a change."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.agent.models.base import Known, Request
from envsync.agent.models.offline.encoder import Encoder
from envsync.agent.models.offline.model import OfflineModel
from envsync.agent.models.offline.tables import PROGRAMS, RISKS, SERVICES
from envsync.tools.risk import Risk

MODEL = OfflineModel(encoder=Encoder(Path(__file__) / "none", Path(__file__) / "none"))


def calls(text: str, **more: object) -> list[tuple[str, dict[str, object]]]:
    return [(call.tool, dict(call.args)) for call in MODEL.understand(Request(text, **more)).calls]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "tool", "args"),
    [
        ("scan this project", "scan", {}),
        ("scan docker:web", "scan", {"on": "docker:web"}),
        ("what does this need to run?", "scan", {}),
        ("install numpy", "provision", {"packages": ["numpy"]}),
        ("please install numpy==1.26.4 and redis", "provision", {"packages": ["numpy@1.26.4"], "services": ["redis"]}),
        ("install python 3.12 on me@box", "provision", {"runtimes": ["python@3.12"], "on": "me@box"}),
        ("install redis on root@10.0.0.5", "provision", {"services": ["redis"], "on": "root@10.0.0.5"}),
        ("set up this project", "provision", {}),
        ("install all dependencies", "provision", {}),
        ("snapshot", "snapshot", {}),
        ("take a snapshot called green", "snapshot", {"label": "green"}),
        ("undo that", "rewind", {"to": "last"}),
        ("rewind to yesterday at noon", "rewind", {"to": "yesterday at noon"}),
        ("rewind to pre-merge", "rewind", {"to": "pre-merge"}),
        ("what changed since yesterday?", "drift", {"against": "yesterday"}),
        ("show me the last 5 snapshots", "history", {"kind": "snapshots", "limit": 5}),
        ("status", "status", {}),
        ("what is running?", "status", {}),
        ("show me the logs of api", "logs", {"service": "api"}),
        ("logs of worker", "logs", {"service": "worker"}),
        ("deploy api to staging", "deploy", {"name": "api", "context": "staging"}),
        ("deploy api with 3 replicas on port 8080", "deploy", {"name": "api", "replicas": 3, "port": 8080}),
        ("roll back api", "rollback", {"name": "api"}),
        ("rollback web-2", "rollback", {"name": "web-2"}),
        ("switch to staging", "switch", {"context": "staging"}),
        ("destroy sandbox-1", "destroy", {"name": "sandbox-1"}),
        ("run pytest -q", "run", {"command": "pytest -q"}),
        ("run  ls  -la on docker:web", "run", {"command": "ls  -la", "on": "docker:web"}),
        ("remember that My DB listens on 5433", "remember", {"fact": "My DB listens on 5433"}),
        ("pull ops@srv:/etc/app into ./app", "sync", {"source": "ops@srv:/etc/app", "destination": "./app", "mode": "pull"}),
        ("run `make  all` on me@box", "run", {"command": "make  all", "on": "me@box"}),
        ("run make in ./web", "run", {"command": "make", "path": "./web"}),
        ("sync ./src with me@box:/src", "sync", {"source": "./src", "destination": "me@box:/src"}),
        ("push ./build to docker:web:/app once", "sync", {"source": "./build", "destination": "docker:web:/app", "mode": "push", "watch": False}),
    ],
)  # fmt: skip
def test_plain_requests_work(text: str, tool: str, args: dict[str, object]) -> None:
    assert calls(text) == [(tool, args)]


def test_several_actions_come_in_order() -> None:
    assert calls("take a snapshot, then install numpy and then run pytest -q") == [
        ("snapshot", {}), ("provision", {"packages": ["numpy"]}), ("run", {"command": "pytest -q"}),
    ]  # fmt: skip


def test_a_known_name_is_understood() -> None:
    known = Known(services=("carousel",), snapshots=("green",))
    assert calls("roll back carousel", known=known) == [("rollback", {"name": "carousel"})]
    assert calls("rewind to green", known=known) == [("rewind", {"to": "green"})]


NEAR = [
    "deploy troops", "delete my account", "scan my passport", "restore my faith in humanity", "destroy my enemies", "run for president", "run a marathon",
    "roll back the carpet", "switch off the lights", "install curtains in the bedroom", "push the button", "tear down this wall", "kill the lights",
    "upgrade my phone plan", "sync my calendar", "remove the stain", "rewind the tape", "set up a meeting with anna", "deploy the airbags",
    "ship my parcel to berlin", "add milk to the shopping list", "update me on the news", "restore the painting", "release the hounds", "copy that",
    "switch to decaf", "switch to a better job", "execute order sixty six", "run away with me", "pull yourself together", "add a comment to the function",
    "install a sense of humour", "compare apples and oranges", "undo my shoelaces", "revert to your last question please", "destroy the evidence",
]  # fmt: skip
NEGATED = [
    "don't deploy yet", "do not install anything", "please don't run rm", "never destroy api", "let's not upgrade numpy", "no, don't roll back api",
    "hold off on deploying", "install numpy? not now", "stop deploying api", "deploy nothing", "I would rather not destroy api", "instead of deploying api, wait",
]  # fmt: skip
UNKNOWN = [
    "install numpy and restart flumph with gusto", "deploy api to the moon base quickly", "destroy api except its volumes", "roll back api unless it is healthy",
    "rewind", "destroy", "roll back", "switch", "install", "sync", "run", "destroy everything", "install the thing we spoke about",
    "deploy api whenever bob says so", "frobnicate the api", "run the tests",
    "roll gateway out", "undo everything", "deploy one of the services", "remove the venv, then set the project up", "run `make test` and otherwise undo",
    "run ls /srv on web-9", "run pytest, and only if that fails roll back ledger",
]  # fmt: skip


@pytest.mark.parametrize("text", [*NEAR, *NEGATED, *UNKNOWN])
def test_no_change_is_guessed_at(text: str) -> None:
    risky = [call for call in MODEL.understand(Request(text)).calls if RISKS[call.tool] >= Risk.R2]
    assert not risky


def test_every_answer_says_that_it_is_the_simple_grammar() -> None:
    for text in ("scan", "install", "what is love"):
        assert "plain forms of words only" in MODEL.understand(Request(text)).reply


_WORDS = [*sorted(SERVICES)[:20], *sorted(PROGRAMS)[:20], *["install", "deploy", "run", "rewind", "sync", "destroy", "to", "on", "called", "the", "a", "and", "then", ",", ".", "'", '"', "`", "3", "3.11", "./x", "me@box", "docker:web", "--f"]]  # fmt: skip


@given(
    st.lists(st.sampled_from(_WORDS), max_size=30).map(" ".join)
    | st.text(alphabet=st.characters(codec=None), max_size=200)
)
@settings(max_examples=200, deadline=None)
def test_hostile_61_any_words_are_survived(text: str) -> None:
    thought = MODEL.understand(Request(text))
    assert bool(thought.calls) == (thought.kind == "calls")


@pytest.mark.parametrize(
    "unit", ["install ", "a ", "x", "and ", "and run ", ", ", "set this ", "show me the last ", "what is ", "roll "]
)
def test_hostile_61_no_pattern_backtracks_without_end(unit: str) -> None:
    start = time.process_time()
    MODEL.understand(Request((unit * 8_000)[:8_000]))
    assert time.process_time() - start < 2.0
