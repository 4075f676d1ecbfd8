"""The compiled graph as LangGraph's own tools see it, and what importing it costs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from envsync.agent.config import Settings
from envsync.agent.flow import Flow
from envsync.agent.graph import build
from envsync.agent.models.scripted import ScriptedModel
from envsync.agent.turn import State
from envsync.agent.wiring import build as parts_of

from .conftest import calls

ROOT = Path(__file__).parent.parent.parent


async def test_langgraph_json_names_a_factory_of_the_compiled_graph(settings: Settings, monkeypatch):
    monkeypatch.setenv("ENVSYNC_STATE", str(settings.state))
    monkeypatch.setenv("ENVSYNC_MEMORY", "false")
    monkeypatch.chdir(settings.path)
    described = json.loads((ROOT / "langgraph.json").read_text())
    module, _, name = described["graphs"]["envsync"].partition(":")
    graph = getattr(import_module(module), name)()
    drawn = graph.get_graph()
    assert [node for node in drawn.nodes if not node.startswith("__")] == [
        "recall",
        "think",
        "gate",
        "ask",
        "act",
        "remember",
    ]
    # LangGraph's server gives the input as plain JSON, and no checkpointer is ours.
    out = await graph.ainvoke({"request": "good morning"})
    assert out["out"]["kind"] in ("decline", "ask", "reply")
    json.dumps(out)


async def test_the_graph_asks_and_resumes_in_tools_that_know_nothing_of_our_events(settings: Settings):
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.types import Command

    parts = parts_of(settings)
    model = ScriptedModel([calls(("put", {"name": "a", "text": "1"}))], follows_up=False)
    graph = build(Flow(parts.executor, model, parts.recall), InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    out = await graph.ainvoke({"request": "write a"}, thread)
    (question,) = out["__interrupt__"]
    assert question.value["plans"] == [
        {"tool": "put", "risk": "R2", "summary": "write a", "steps": ["write a"], "warnings": []}
    ]
    json.dumps(question.value)
    out = await graph.ainvoke(Command(resume={"id": question.value["id"], "yes": True}), thread)
    assert (settings.path / "a").read_text() == "1"
    assert out["out"]["exit"] == 0


@pytest.mark.parametrize("said", [True, "yes", {}, {"yes": True}, {"id": "x", "yes": True}, {"yes": 1}, ["yes"]])
async def test_only_a_yes_to_this_plan_resumes_it(settings: Settings, said: object):
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.types import Command

    parts = parts_of(settings)
    model = ScriptedModel([calls(("put", {"name": "a", "text": "1"}))], follows_up=False)
    graph = build(Flow(parts.executor, model, parts.recall), InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    await graph.ainvoke({"request": "write a"}, thread)
    out = await graph.ainvoke(Command(resume=said), thread)
    assert not (settings.path / "a").exists()
    if "__interrupt__" not in out:
        assert out["out"]["exit"] == 3


def test_the_state_is_plain_json_by_its_types():
    allowed = {"str", "int", "bool", "list[Json]", "list[str]", "Json", "Trouble | None"}
    assert set(State.__annotations__.values()) <= {*allowed} or all(
        getattr(kind, "__forward_arg__", str(kind)) in allowed for kind in State.__annotations__.values()
    )


def python(code: str, tmp_path: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "ENVSYNC_STATE": str(tmp_path / "state")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_the_session_imports_no_heavy_package(tmp_path: Path):
    heavy = python(
        "import sys, envsync.agent.session, envsync.agent.wiring, envsync.agent.graph\n"
        "print(*{name.partition('.')[0] for name in sys.modules})",
        tmp_path,
    )
    assert not {
        "langgraph",
        "langchain_core",
        "langchain_openai",
        "chromadb",
        "aiosqlite",
    } & set(heavy)


def test_an_offline_turn_imports_no_client_of_any_endpoint(tmp_path: Path):
    loaded = python(
        "import asyncio, sys, os\n"
        "from envsync.agent.config import load\n"
        "from envsync.agent.session import Session\n"
        "async def main():\n"
        "    session = await Session.open(load({'plan': True}, dict(os.environ)))\n"
        "    async for event in session.send('what is missing here?'):\n"
        "        pass\n"
        "    await session.close()\n"
        "    print(type(event).__name__, *{name.partition('.')[0] for name in sys.modules})\n"
        "asyncio.run(main())\n",
        tmp_path,
    )
    assert loaded[0] == "Done"
    assert "langgraph" in loaded
    assert not {
        "langchain_openai",
        "openai",
        "chromadb",
        "httpx",
        "rich",
        "prompt_toolkit",
    } & set(loaded)


def test_the_sdk_that_was_left_out_is_whole_for_whoever_imports_it_later(tmp_path: Path):
    said = python(
        "from envsync.agent import graph; graph.load()\n"
        "import langgraph_sdk, langgraph.pregel.remote; print(callable(langgraph_sdk.get_client))",
        tmp_path,
    )
    assert said == ["True"]


def test_hostile_14_a_tracing_variable_of_some_project_sends_nothing_anywhere(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as ear:
        ear.settimeout(0.1)
        there = f"http://127.0.0.1:{ear.getsockname()[1]}"
        said = python(
            "import asyncio, os\n"
            f"os.environ |= {{'LANGSMITH_TRACING': 'true', 'LANGSMITH_API_KEY': 'x', 'LANGSMITH_ENDPOINT': '{there}'}}\n"
            "from envsync.agent.config import load\n"
            "from envsync.agent.session import Session\n"
            "async def main():\n"
            "    session = await Session.open(load({'plan': True}, dict(os.environ)))\n"
            "    async for event in session.send('what is running?'):\n"
            "        pass\n"
            "    await session.close()\n"
            "    print(type(event).__name__)\n"
            "asyncio.run(main())\n",
            tmp_path,
        )
        assert said == ["Done"]
        with pytest.raises(TimeoutError):
            ear.accept()
