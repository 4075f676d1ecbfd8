"""A small real HTTP server that speaks as OpenAI's does, or misbehaves in every way that was seen in the field."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from envsync.agent.config import Settings
from envsync.agent.models.base import Request
from envsync.agent.models.openai import OpenAIModel
from envsync.tools.errors import Unreachable

KEY = "sk-test-" + "a1B2c3D4" * 4


def delta(finish: str | None = None, usage: dict[str, int] | None = None, **body: Any) -> dict[str, Any]:
    choices = [] if usage else [{"index": 0, "delta": body, "finish_reason": finish}]
    return {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
        "usage": usage,
    }


def call(args: str, name: str = "look", id: str = "a", index: int = 0) -> dict[str, Any]:
    function = {"name": name, "arguments": args}
    return {"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]}


class Server(ThreadingHTTPServer):
    """Answers each request with the next of `answers`, the last one for ever, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: list[Callable[[Any], None]] = []
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what some tests want."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server: Server

    def do_POST(self) -> None:
        self.server.keys.append(self.headers.get("authorization", ""))
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        answers = self.server.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def stream(*chunks: dict[str, Any], done: bool = True, wait: float = 0.0) -> Callable[[Any], None]:
    """An answer as server-sent events."""

    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        for chunk in chunks:
            handler.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            handler.wfile.flush()
            time.sleep(wait)
        if done:
            handler.wfile.write(b"data: [DONE]\n\n")

    return answer


def status(code: int, body: str = "{}", kind: str = "application/json", **headers: str) -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.send_response(code)
        handler.send_header("content-type", kind)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body.encode())

    return answer


HELLO = stream(
    delta(content="Hel"),
    delta(content="lo"),
    delta("stop"),
    delta(usage={"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}),
)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings_of(settings: Settings, server: Server) -> Settings:
    return replace(settings, base_url=server.url, model="tiny", key=KEY)


async def think(settings: Settings, request: Request | None = None) -> list[Any]:
    async with asyncio.timeout(30):
        return [piece async for piece in OpenAIModel(settings, settings.model).think(request or Request("hello"))]


async def fault(settings: Settings) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        await think(settings)
    assert KEY not in str(caught.value)
    assert caught.value.hint
    return caught.value
