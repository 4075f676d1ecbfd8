"""A server that speaks as OpenAI's does and says what it is told: shows what the adapter of language models makes of it."""

from __future__ import annotations

import json
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from envsync.agent.config import load
from envsync.agent.models.base import Model, Request, Thought
from envsync.agent.models.registry import open_model

PIECE = 7
"""Characters of an argument that come at a time: pieces end inside of names, numbers and escapes."""


class Echo:
    """`with Echo() as echo:` listens on this machine until it is left."""

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                for chunk in chunks(echo._calls):
                    self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.write(b"data: [DONE]\n\n")

            def do_GET(self) -> None:
                self.send_error(404)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._state = tempfile.TemporaryDirectory()

    def __enter__(self) -> Echo:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._state.cleanup()

    def model(self) -> Model:
        """The agent's own model for an endpoint, asking here; its state and settings are its own."""
        place = self._state.name
        url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        return open_model(load({"model": f"echo@{url}"}, {"HOME": place, "ENVSYNC_STATE": f"{place}/state"}))

    async def through(self, model: Model, text: str, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the model understands when the endpoint answers with these calls."""
        self._calls = calls
        heard = [piece async for piece in model.think(Request(text)) if isinstance(piece, Thought)]
        return [{"tool": call.tool, "args": dict(call.args)} for call in heard[-1].calls]


def chunks(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A streamed answer with these calls, each in pieces."""
    deltas: list[dict[str, Any]] = []
    for index, call in enumerate(calls):
        said = json.dumps(call["args"])
        head = {"index": index, "id": f"call-{index}", "type": "function"}
        deltas.append({"tool_calls": [{**head, "function": {"name": call["tool"], "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": said[at : at + PIECE]}}]}
            for at in range(0, len(said), PIECE)
        ]
    same = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "echo"}
    told = [{**same, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [*told, {**same, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}]
