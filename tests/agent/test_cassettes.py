"""The adapter over answers of a real server, recorded from llama.cpp with Qwen2.5-Coder-1.5B (cassettes/README.md).

They show that the adapter reads what such a server really sends. They are no evidence of how well a model understands.
"""

from __future__ import annotations

import gzip
import os
import socket
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from envsync.agent.config import Settings
from envsync.agent.events import Call, Done, Planned, Text
from envsync.agent.models import worded
from envsync.agent.models.base import Answered, Known, Request, Thought
from envsync.agent.models.openai import OpenAIModel
from envsync.agent.models.ways import Ways
from envsync.agent.session import Session
from envsync.tools.errors import Unreachable

from .conftest import all_of, one
from .recording import CASSETTES, RECORD, URI, blocked, canonical, cassette, faults

KEY = "sk-" + "r3C0rD1nG" * 5
"""Sent with every request: a cassette that held it would be found out."""
NAME = "qwen"


@pytest.fixture
def at(settings: Settings) -> Settings:
    """The recorded server, or the one to record from."""
    place = os.environ.get(RECORD) or URI.removesuffix("/chat/completions")
    made = replace(settings, base_url=place, model=NAME, key=KEY)
    Ways(made.state, place, NAME).keep("worded")
    return made


async def think(at: Settings, request: Request) -> tuple[list[str], Thought]:
    pieces: list[Any] = [piece async for piece in OpenAIModel(at, at.model).think(request)]
    assert isinstance(pieces[-1], Thought)
    return [piece.text for piece in pieces if isinstance(piece, Text)], pieces[-1]


async def test_a_server_without_native_calls_is_found_out_and_asked_for_json(at: Settings):
    at = replace(at, state=at.state / "new")
    with cassette("found_out") as tape:
        _, thought = await think(at, Request("scan this project"))
    asked = [yaml.safe_load(request.body) for request in tape.requests]
    assert [("tools" in body, "response_format" in body) for body in asked] == [(True, False), (False, True)]
    assert thought.calls == (Call("scan"),)
    assert Ways(at.state, at.base_url, NAME).read() == "worded"


async def test_two_calls_in_order_with_what_they_cost(at: Settings):
    with cassette("two_calls"):
        _, thought = await think(at, Request("install numpy, then take a snapshot called green"))
    assert thought.calls == (Call("provision", {"packages": ["numpy"]}), Call("snapshot", {"label": "green"}))
    assert thought.usage
    assert thought.usage.prompt > 100 < 1_000 * thought.usage.completion


async def test_a_streamed_answer_comes_in_pieces(at: Settings):
    with cassette("streamed"):
        pieces, thought = await think(at, Request("who wrote Faust?"))
    assert thought.kind == "decline"
    assert len(pieces) > 3
    assert "".join(pieces) == thought.reply


async def test_after_its_calls_it_has_nothing_to_add(at: Settings):
    done = Answered(Call("status", {}, "call_1"), "nothing runs")
    with cassette("after"):
        pieces, thought = await think(at, Request("what is running here?", answered=(done,)))
    assert (pieces, thought.calls) == ([], ())


async def test_a_request_of_a_conversation_is_planned(at: Settings):
    with cassette("conversation"):
        session = await Session.open(replace(at, plan=True))
        try:
            found = await all_of(session.send("take a snapshot called green"))
        finally:
            await session.close()
    assert [item.call.tool for item in one(found, Planned).prepared] == ["snapshot"]
    assert (one(found, Done).kind, one(found, Done).model) == ("calls", NAME)


async def test_an_answer_that_is_cut_off_is_no_answer(at: Settings, monkeypatch: pytest.MonkeyPatch):
    cut = {**worded.body(True), "max_tokens": 8}
    monkeypatch.setattr(worded, "body", lambda first: cut)
    with cassette("cut_off"), pytest.raises(Unreachable, match=r"was cut off \(length\)"):
        await think(at, Request("install numpy, then take a snapshot called green"))


async def test_a_request_that_is_too_long_is_refused_in_the_servers_words(at: Settings):
    with cassette("too_long"), pytest.raises(Unreachable, match=r"refuses the request \(400\).*context"):
        await think(at, Request("and again " * 8_000))


@contextmanager
def compressing(url: str) -> Iterator[str]:
    """A proxy as many stand before a model: it compresses what comes."""
    there = urllib.parse.urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            # Not by a library: the recorder would take this for a request of its own.
            with socket.create_connection((there.hostname, there.port)) as server:
                head = f"POST {there.path}/chat/completions HTTP/1.0\r\ncontent-type: application/json\r\n"
                server.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                answer = server.makefile("rb").read()
            packed = gzip.compress(answer.partition(b"\r\n\r\n")[2], mtime=0)
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("content-encoding", "gzip")
            self.send_header("content-length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}/v1"
        proxy.shutdown()
        thread.join()


async def test_a_compressed_answer_is_read(at: Settings):
    request = Request("back to the snapshot green", known=Known(snapshots=("green",)))
    if os.environ.get(RECORD):
        with compressing(at.base_url) as url, cassette("gzip"):
            Ways(at.state, url, NAME).keep("worded")
            _, thought = await think(replace(at, base_url=url), request)
    else:
        with cassette("gzip"):
            _, thought = await think(at, request)
    assert thought.calls == (Call("rewind", {"to": "green"}),)
    answer = yaml.safe_load((CASSETTES / "gzip.yaml").read_text())["interactions"][0]["response"]
    assert answer["headers"]["content-encoding"] == ["gzip"]
    assert answer["body"]["string"].startswith(b"\x1f\x8b")


# -- The cassettes themselves -------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", sorted(CASSETTES.glob("*.yaml")), ids=lambda file: file.stem)
def test_hostile_58_a_cassette_holds_no_secret_no_address_and_no_path(file: Path):
    text = file.read_text("utf-8")
    assert faults(text) == []
    assert KEY not in text
    assert len(text) < 64_000


@pytest.mark.parametrize(
    "planted",
    [
        lambda one: one["request"]["headers"].update(authorization=[f"Bearer {KEY}"]),
        lambda one: one["response"]["headers"].update({"set-cookie": ["session=1"]}),
        lambda one: one["request"].update(uri="http://10.0.0.7/v1/chat/completions"),
        lambda one: one["request"].update(body='{"messages": [{"content": "/home/anna/shop"}]}'),
        lambda one: one["response"]["body"].update(string=f"data: {KEY}\n"),
        lambda one: one["response"].update(
            headers={"content-encoding": ["gzip"]}, body={"string": gzip.compress(f"data: {KEY}".encode())}
        ),
    ],
    ids=["key", "cookie", "address", "path", "body", "compressed body"],
)
def test_hostile_58_the_walk_finds_what_is_planted(planted: Any):
    clean = yaml.safe_load((CASSETTES / "two_calls.yaml").read_text())
    planted(clean["interactions"][0])
    assert faults(yaml.dump(clean))


@pytest.mark.skipif(bool(os.environ.get(RECORD)), reason="records")
async def test_what_is_on_no_cassette_is_not_fetched(at: Settings):
    with pytest.raises(AssertionError, match="make cassettes"), cassette("two_calls"), pytest.raises(Unreachable):
        await think(at, Request("something else"))


async def test_sockets_are_blocked():
    with blocked(), pytest.raises(AssertionError, match="network"):
        urllib.request.urlopen("http://127.0.0.1:9/")


def test_two_bodies_that_ask_the_same_are_the_same():
    one = b'{"model": "m", "messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "x"}]}'
    two = b'{"messages":[{"content":"b","role":"system"},{"content":"x","role":"user"}],"model":"m"}'
    assert canonical(one) == canonical(two) == canonical(canonical(one))
    assert canonical(one) != canonical(two.replace(b'"x"', b'"y"'))
    assert canonical(one) != canonical(two.replace(b'"m"', b'"n"'))
