"""Which model the settings name, and the model that replays a script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from envsync.agent.config import Settings
from envsync.agent.events import Call, Notice, Text
from envsync.agent.models.base import Answered, Request, Thought
from envsync.agent.models.openai import OpenAIModel
from envsync.agent.models.registry import open_model
from envsync.agent.models.scripted import ScriptedModel
from envsync.agent.session import Session
from envsync.tools.errors import NotUnderstood, Usage

from .conftest import all_of


def test_with_neither_key_nor_endpoint_offline_is_used(settings: Settings):
    assert open_model(settings).name == "offline"
    assert isinstance(open_model(replace(settings, key="k")), OpenAIModel)
    assert open_model(replace(settings, base_url="http://h/v1", model="tiny")).name == "tiny"
    assert open_model(replace(settings, key="k", model="offline")).name == "offline"


async def test_that_offline_is_used_is_said_once(settings: Settings):
    said: list[bool] = []
    for _ in range(2):
        session = await Session.open(settings)
        found = await all_of(session.send("good morning"))
        said.append(any("No model is configured" in event.text for event in found if isinstance(event, Notice)))
        await session.close()
    assert said == [True, False]


async def test_a_script_is_replayed_in_order(tmp_path: Path, settings: Settings):
    file = tmp_path / "s.jsonl"
    file.write_text(
        '{"kind": "calls", "calls": [{"tool": "scan", "args": {"path": "."}}]}\n\n{"kind": "reply", "reply": "done"}\n'
    )
    model = open_model(replace(settings, model=f"scripted:{file}"))
    first = [piece async for piece in model.think(Request("a"))]
    second = [piece async for piece in model.think(Request("b"))]
    assert first == [Thought("calls", (Call("scan", {"path": "."}),))]
    assert second == [Text("done"), Thought("reply", reply="done")]


async def test_a_script_that_is_over_adds_nothing_and_understands_nothing():
    model = ScriptedModel([])
    done = Request("a", answered=(Answered(Call("scan"), "x"),))
    assert [piece async for piece in model.think(done)] == [Thought("reply")]
    with pytest.raises(NotUnderstood):
        [piece async for piece in model.think(Request("a"))]


@pytest.mark.parametrize("line", ["{", "[]", '{"kind": "dance"}', '{"calls": []}', '{"kind": "calls", "calls": [3]}'])
def test_a_broken_script_names_its_line(tmp_path: Path, settings: Settings, line: str):
    file = tmp_path / "s.jsonl"
    file.write_text(f'{{"kind": "reply"}}\n{line}\n')
    with pytest.raises(Usage, match="line 2"):
        open_model(replace(settings, model=f"scripted:{file}"))
    with pytest.raises(Usage, match="cannot be read"):
        open_model(replace(settings, model="scripted:nowhere"))


def test_a_key_may_lie_in_the_keyring(settings: Settings):
    class Memory(KeyringBackend):
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            return "k1" if (service, username) == ("envsync", "api-key") else None

        def set_password(self, service: str, username: str, password: str) -> None:
            raise AssertionError("nothing is ever written")

    class Locked(Memory):
        def get_password(self, service: str, username: str) -> str | None:
            raise KeyringLocked

    before = keyring.get_keyring()
    try:
        keyring.set_keyring(Memory())
        made = open_model(replace(settings, model="tiny"))
        assert isinstance(made, OpenAIModel)
        assert made.settings.key == "k1"
        assert open_model(settings).name == "offline"
        keyring.set_keyring(Locked())
        with pytest.raises(Usage, match="no key"):
            open_model(replace(settings, model="tiny"))
    finally:
        keyring.set_keyring(before)
