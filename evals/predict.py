"""Many requests through one model in one process; nothing is carried over from one line to the next."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any, BinaryIO, TextIO

from envsync.agent.models.base import Model, Request, Thought
from envsync.agent.models.offline.model import risk
from envsync.tools.errors import EnvSyncError

GIVE_UP = 3


async def stream(model: Model, source: BinaryIO, sink: TextIO) -> int:
    """A line of JSON in, a line of JSON out, in order. A line that is no request is declined, and never stops the rest.

    A request that the model fails at is declined, too, with the error beside it, and the exit code says so in the end; when
    GIVE_UP in a row fail the model is not there, and the error is raised.
    """
    code = failed = 0
    for number, line in enumerate(_lines(source), 1):
        try:
            wanted: Any = json.loads(line)
            text, id = wanted["text"], wanted.get("id", str(number))
            if not isinstance(text, str):
                raise TypeError("text")
        except (ValueError, TypeError, KeyError, RecursionError):
            answer: dict[str, Any] = {
                "id": str(number),
                "kind": "decline",
                "calls": [],
                "seconds": 0.0,
                "error": "the line is no JSON object with a text",
            }
        else:
            try:
                answer = {"id": id, **await one(model, Request(text))}
                failed = 0
            except EnvSyncError as error:
                code, failed = error.exit, failed + 1
                if failed == GIVE_UP:
                    raise
                answer = {"id": id, "kind": "decline", "calls": [], "seconds": 0.0, "error": str(error)}
        sink.write(json.dumps(answer) + "\n")
        sink.flush()
    return code


def _lines(source: BinaryIO) -> Iterable[str]:
    for raw in source:
        line = raw.decode("utf-8", "surrogateescape").strip()
        if line:
            yield line


async def one(model: Model, request: Request) -> dict[str, Any]:
    """The answer to one request, as `ask --plan --json` gives it, without the reply."""
    start = time.perf_counter()
    thought: Thought | None = None
    async for piece in model.think(request):
        if isinstance(piece, Thought):
            thought = piece
    seconds = round(time.perf_counter() - start, 6)
    if thought is None:
        return {"kind": "decline", "calls": [], "seconds": seconds}
    calls = [{"tool": call.tool, "args": dict(call.args), "risk": risk(call).name} for call in thought.calls]
    kind = "calls" if calls else "ask" if thought.kind == "ask" else "decline"
    return {"kind": kind, "calls": calls, "seconds": seconds}
