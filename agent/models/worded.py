"""Calls as one JSON object in the text, for endpoints whose model makes no native tool calls: plain functions.

The object is held to a schema by the endpoint (`response_format`) and read as strictly as native calls are. A text that
merely looks like a call is never one: it only shows that the endpoint must be asked in this way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, cast

from ...prompts.render import render
from ...tools import registry
from ..events import Call, Usage
from .base import MALFORMED, Request, Thought
from .wire import as_json, data_of, hint, strictly, tool_schemas

MOST_TOKENS = 1024
"""Of one answer: a small model that repeats itself is ended instead of waited for."""
KINDS = ("calls", "ask", "decline", "reply")


def messages(request: Request) -> list[dict[str, Any]]:
    """The conversation in plain messages: calls are JSON in the assistant's text, what they gave is data in the user's."""
    said = [_message("system", f"{render('system')}\n\n{prompt()}")]
    for turn in request.history:
        said.append(_message("user", turn.request or "(typed calls)"))
        said.append(_message("assistant", _answer(turn.calls, turn.reply)))
    said.append(_message("user", render("request", request=request.text, data=data_of(request))))
    if request.answered:
        said.append(_message("assistant", _answer(tuple(item.call for item in request.answered), "")))
        given = [
            {"tool": item.call.tool, "failed" if item.failed else "gave": item.content} for item in request.answered
        ]
        said.append(_message("user", render("results", data="\n".join(as_json(line) for line in given))))
    return said


def _message(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


def _answer(calls: tuple[Call, ...], reply: str) -> str:
    """An earlier answer as the model would have given it."""
    made = [{"tool": call.tool, "args": dict(call.args)} for call in calls]
    return as_json({"kind": "calls", "calls": made} if made else {"kind": "reply", "reply": reply})


@cache
def prompt() -> str:
    """How to answer, the tools, and examples, which small models copy from."""
    return render("worded", tools=described())


@cache
def described() -> str:
    """Every tool in words, one a line: a schema in `response_format` bounds what can be said, and is often not read."""
    return "\n".join(_line(tool["function"]) for tool in tool_schemas())


def _line(function: dict[str, Any]) -> str:
    fields: dict[str, dict[str, Any]] = function["parameters"]["properties"]
    told = [f"{name}: {field['description']}" for name, field in fields.items() if field.get("description")]
    doc = hint(registry.find(function["name"]).doc)
    return f"- {function['name']}({', '.join(fields)}): {doc}{''.join(f' {one}.' for one in told)}"


@cache
def body(first: bool) -> dict[str, Any]:
    """What the body of a request has besides the messages."""
    return {
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema(first)}},
        "temperature": 0,
        "max_tokens": MOST_TOKENS,
    }


@cache
def schema(first: bool) -> dict[str, Any]:
    """The schema of an answer, without descriptions: the prompt has them. `first`: no call was answered in this turn."""
    one = [
        _object({"tool": {"const": tool["function"]["name"]}, "args": _args(tool["function"]["parameters"])})
        for tool in tool_schemas()
    ]
    calls = {"type": "array", "items": {"anyOf": one}, "minItems": 1}
    text = {"type": "string"}
    # A small model that may reply at once says "done" instead of calling anything, and after its calls claims more than
    # they gave: what they gave is shown by code, so there it has nothing to add.
    said = [_object({"kind": {"enum": ["ask", "decline"] if first else ["ask"]}, "reply": text})]
    ended = [] if first else [_object({"kind": {"const": "reply"}})]
    return {"anyOf": [_object({"kind": {"const": "calls"}, "calls": calls}), *said, *ended]}


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _args(parameters: dict[str, Any]) -> dict[str, Any]:
    """Here it binds what the model can say at all, so nothing else may be said."""
    return {**_bare(parameters), "additionalProperties": False}


def _bare(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bare(item) for item in cast(list[Any], schema)]
    if not isinstance(schema, dict):
        return schema
    fields = cast(dict[str, Any], schema)
    return {
        key: {name: _bare(field) for name, field in value.items()} if key == "properties" else _bare(value)
        for key, value in fields.items()
        if key != "description"
    }


def pretends(text: str) -> bool:
    """Whether a text has a call in it, or what models without native calls write instead of one.

    It decides nothing but how the endpoint is asked from then on, so it may be wrong.
    """
    names = "|".join(map(re.escape, registry.names()))
    marks = (
        r"</?(tool|function)[\w=]*\b",
        rf"<({names})\b",
        rf"`({names})\b",
        rf'"(name|tool|function)"\s*:\s*"({names})"',
        rf"\b({names})\([^)]*\)",
    )
    return any(re.search(mark, text, re.IGNORECASE) for mark in marks)


_SAID = re.compile(r'"reply"\s*:\s*"((?:[^"\\]|\\[^u]|\\u[0-9a-fA-F]{4})*)')
"""Inside a string every quote is escaped, so this can only be the key; an escape that is cut in half does not match."""
_SHOWN = 20_000
"""Characters of an answer that is shown while it is written: each piece reads it from its beginning."""


def said(text: str) -> str:
    """The reply as far as it has come in an answer that is still being written."""
    found = _SAID.search(text) if len(text) <= _SHOWN else None
    try:
        shown = str(json.loads(f'"{found[1]}"', strict=False)) if found else ""
    except ValueError:
        return ""
    return shown[:-1] if "\ud800" <= shown[-1:] <= "\udbff" else shown  # the first half of a pair


def thought(text: str, usage: Usage | None) -> Thought:
    """The whole answer. Raises ValueError for anything but such an object."""
    read = strictly(text)
    if not isinstance(read, dict):
        raise ValueError("it is no object")
    found = cast(dict[str, Any], read)
    kind, made, reply = found.get("kind"), found.get("calls", []), found.get("reply", "")
    if kind not in KINDS or set(found) - {"kind", "calls", "reply"}:
        raise ValueError("its kind is unknown, or it has more than kind, calls and reply")
    if not isinstance(reply, str) or not isinstance(made, list):
        raise ValueError("its calls are no list, or its reply no text")
    calls = tuple(_calls(cast(list[Any], made)))
    if (kind == "calls") != bool(calls):
        raise ValueError("it has calls beside a question, or none")
    return Thought(kind, calls, reply, usage)


def _calls(made: list[Any]) -> Iterator[Call]:
    for item in made:
        if not isinstance(item, dict) or set(cast(dict[str, Any], item)) != {"tool", "args"}:
            raise ValueError("a call has a tool and args, and nothing else")
        tool, args = item["tool"], item["args"]  # pyright: ignore[reportUnknownVariableType]  # JSON
        if not isinstance(tool, str):
            raise ValueError("a tool's name is text")
        given = cast(dict[str, Any], args) if isinstance(args, dict) else {MALFORMED: as_json(args)[:2000]}
        yield Call(tool, given)


def unrepeated(thought: Thought, request: Request) -> Thought:
    """Without calls that were carried out in this turn already: a small model says its whole list again and again."""
    done = [(item.call.tool, dict(item.call.args)) for item in request.answered if not item.failed]
    calls = tuple(call for call in thought.calls if (call.tool, dict(call.args)) not in done)
    return thought if calls == thought.calls else replace(thought, kind="calls" if calls else "reply", calls=calls)
