"""What goes over the wire to a large model, and what is heard from it: plain functions without any library."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from functools import cache
from inspect import cleandoc
from typing import Any, cast

from ...prompts.render import render
from ...tools import registry
from ..events import Call, Usage
from .base import MALFORMED, Request, Thought


def messages(request: Request) -> list[dict[str, Any]]:
    """The conversation as chat messages: every call of this turn is followed by its one answer."""
    said: list[dict[str, Any]] = [{"role": "system", "content": render("system")}]
    for turn in request.history:
        did = "".join(f"\n(called {call.tool} {as_json(dict(call.args))})" for call in turn.calls)
        said.append({"role": "user", "content": turn.request or "(typed calls)"})
        said.append({"role": "assistant", "content": f"{turn.reply}{did}" or "(no reply)"})
    said.append({"role": "user", "content": render("request", request=request.text, data=data_of(request))})
    if request.answered:
        calls = [
            {
                "id": item.call.id,
                "type": "function",
                "function": {"name": item.call.tool[:64], "arguments": as_json(dict(item.call.args))},
            }
            for item in request.answered
        ]
        said.append({"role": "assistant", "content": "", "tool_calls": calls})
        for item in request.answered:
            said.append({"role": "tool", "tool_call_id": item.call.id, "content": item.content})
    return said


def data_of(request: Request) -> str:
    """All that is data, one JSON value a line: text inside a JSON string cannot pretend to be outside of it."""
    known = request.known
    names = {
        "project": known.project,
        "snapshots": list(known.snapshots[:20]),
        "services": list(known.services[:20]),
        "hosts": list(known.hosts[:20]),
        "packages": list(known.packages[:40]),
    }
    lines: list[dict[str, Any]] = [{"origin": "names that exist here", **{k: v for k, v in names.items() if v}}]
    lines += [{"origin": "memory", "text": note} for note in request.notes]
    if request.piped:
        lines.append({"origin": "piped in by the person", "text": request.piped})
    return "\n".join(as_json(line) for line in lines)


@cache
def tool_schemas() -> list[dict[str, Any]]:
    """Every tool as a function the model may call. An argument that several tools have is described once."""
    told = set(COMMON)
    return [_function(name, told) for name in registry.names()]


def _function(name: str, told: set[str]) -> dict[str, Any]:
    tool = registry.find(name)
    parameters = compact(registry.schema(tool.args))
    # That nothing else may be given is checked here; saying it seventeen times takes a twelfth of the room.
    del parameters["description"], parameters["additionalProperties"]
    described: dict[str, Any] = {}
    for argument, field in parameters["properties"].items():
        text = field.pop("brief", field.pop("description", ""))
        if text is None:
            continue
        # Choices speak for themselves.
        described[argument] = (
            field if argument in told or "enum" in field or not text else {**field, "description": text}
        )
        told.add(argument)
    parameters["properties"] = described
    return {
        "type": "function",
        "function": {"name": name, "description": hint(tool.doc), "parameters": parameters},
    }


COMMON = frozenset({"on", "path"})
"""Arguments that the system prompt describes, once for all tools."""
SHORT = 80
"""Characters: all tools share 6 KB with the system prompt."""
_DROPPED = (
    "default",
    "maxItems",
    "minItems",
    "maximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
)
"""What a model does not need in a schema: a default is what leaving out means, and limits are checked here anyway."""


def hint(doc: str) -> str:
    """A tool's docstring for a model: its summary, and the sentence that says what to use it for when it is short."""
    first, _, rest = cleandoc(doc).partition("\n")
    use = re.search(r"(?:Use it|For|Give|With) [^.]*?\.(?=\s|$)", " ".join(rest.split()))
    return f"{first} {use[0]}" if use and len(use[0]) <= SHORT else first


def compact(schema: Any) -> Any:
    """A schema without what a model does not need, and without `null` beside a type, which means "not given" as well."""
    if isinstance(schema, list):
        return [compact(item) for item in cast(list[Any], schema)]
    if not isinstance(schema, dict):
        return schema
    body = dict(cast(dict[str, Any], schema))
    options = [option for option in body.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        del body["anyOf"]
        body = {**options[0], **body}
    if "type" in body or "anyOf" in body or "enum" in body:
        body = {key: value for key, value in body.items() if key not in _DROPPED}
    if "properties" in body:
        # Its keys are names and no keywords: an argument may be called `default`.
        body["properties"] = {name: compact(value) for name, value in body["properties"].items()}
    return {key: value if key == "properties" else compact(value) for key, value in body.items()}


class Heard:
    """Puts the pieces of a streamed answer together."""

    def __init__(self) -> None:
        self.text = ""
        self.finish = ""
        self.usage: tuple[int, int] | None = None
        self.any = False
        self._calls: dict[int | str, dict[str, str]] = {}

    def add(self, chunk: Any) -> str:
        """Take a piece of langchain's (an AIMessageChunk); returns its text."""
        self.any = True
        self.finish = str(chunk.response_metadata.get("finish_reason") or self.finish)
        if chunk.usage_metadata:
            used = (int(chunk.usage_metadata[name]) for name in ("input_tokens", "output_tokens"))
            self.usage = tuple[int, int](min(max(0, one), 2**31) for one in used)  # what an endpoint claims
        for part in chunk.tool_call_chunks:
            index = part.get("index")
            kept = self._calls.setdefault(
                index if index is not None else part.get("id") or len(self._calls), {"id": "", "name": "", "args": ""}
            )
            for key in kept:
                kept[key] += part.get(key) or ""
        text = chunk.content if isinstance(chunk.content, str) else ""
        self.text += text
        return text

    def thought(self, usage: Usage | None) -> Thought:
        """The whole answer. Arguments are parsed here, once and strictly: the library's own parser completes what was
        cut off, takes the last of two equal keys, and lets NaN through."""
        calls = tuple(
            Call(kept["name"][:LONGEST_NAME], _arguments(kept["args"]), kept["id"]) for kept in self._calls.values()
        )
        return Thought("calls" if calls else "reply", calls, self.text, usage)


LONGEST_NAME = 80
"""Characters of a tool's name that are kept; no tool has so long a one."""


def _arguments(raw: str) -> dict[str, Any]:
    try:
        value = strictly(raw or "{}")
    except (ValueError, RecursionError):
        return {MALFORMED: raw[:2000]}
    return value if isinstance(value, dict) else {MALFORMED: raw[:2000]}  # pyright: ignore[reportUnknownVariableType]  # JSON


def strictly(raw: str) -> Any:
    """JSON without keys that are given twice and without NaN. Raises ValueError, RecursionError."""
    return json.loads(raw, object_pairs_hook=_once, parse_constant=_refused)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refused(value: str) -> Any:
    raise ValueError(f"{value} is no number")


def alive(endpoint: str) -> bool:
    """Whether anything at all answers there; blocking, at most about two seconds."""
    try:
        with urllib.request.urlopen(f"{endpoint.rstrip('/')}/models", timeout=2.0):  # noqa: S310  # http(s) only
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def as_json(value: Any) -> str:
    """On one line."""
    return json.dumps(value, ensure_ascii=False)
