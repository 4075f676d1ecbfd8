"""A model that replays thoughts: for tests and demonstrations."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, cast

from ...tools.errors import NotUnderstood, Usage
from ..events import Call, Text
from .base import Request, Thought


class ScriptedModel:
    """Gives its thoughts one after the other, whatever it is asked; `asked` keeps the requests it was given.

    With nothing left it has nothing to add to calls that were carried out, and does not understand a new request.
    """

    def __init__(self, thoughts: Iterable[Thought], *, follows_up: bool = True, name: str = "scripted") -> None:
        self.name = name
        self.follows_up = follows_up
        self.asked: list[Request] = []
        self._thoughts = list(thoughts)

    async def think(self, request: Request) -> AsyncIterator[Text | Thought]:
        """See Model.think."""
        self.asked.append(request)
        if not self._thoughts:
            if request.answered:
                yield Thought("reply")
                return
            raise NotUnderstood("the script is over", "Begin it again, or use another model.")
        thought = self._thoughts.pop(0)
        if thought.reply:
            yield Text(thought.reply)
        yield thought


def load(file: Path) -> ScriptedModel:
    """The model of a JSONL file: a thought a line, `{"kind": "calls", "calls": [{"tool": …, "args": {…}}], "reply": …}`.

    Raises Usage naming the line that is wrong.
    """
    thoughts: list[Thought] = []
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise Usage(f"the script {file} cannot be read: {error}", "Give --model scripted:FILE a JSONL file.") from error
    for number, line in enumerate(lines, 1):
        try:
            thoughts += [_thought(json.loads(line))] if line.strip() else []
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Usage(
                f"{file}, line {number} is no thought: {error}", 'Write {"kind": "calls", "calls": […]}.'
            ) from error
    return ScriptedModel(thoughts)


def _thought(body: dict[str, Any]) -> Thought:
    kind = body["kind"]
    if kind not in ("calls", "ask", "decline", "reply"):
        raise ValueError(f"unknown kind {kind!r}")
    calls = cast(list[dict[str, Any]], body.get("calls", []))
    return Thought(
        kind,
        tuple(Call(str(call["tool"]), dict(call.get("args", {})), str(call.get("id", ""))) for call in calls),
        str(body.get("reply", "")),
    )
