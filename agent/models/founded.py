"""Which arguments of a model's call come from what was said, and which it invented. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile
from typing import Any, cast

from ...tools import registry
from ..events import Call
from .base import Request, Thought

NAMED = {("rewind", "to"), ("rewind", "paths"), ("drift", "against")}
"""Arguments that a wrong name makes do something else than what was asked, beside `on`. What trust says of packages is in
tools/provision/trust.py; a command is shown before it is run."""
LISTS = {("provision", "packages"), ("provision", "services"), ("provision", "runtimes")}
"""The same for a small model, which fills lists in with what it saw in its prompt."""
ALWAYS = frozenset({"last", "spec", "local", "."})
_EMPTY = frozenset({"a", "an", "the", "to", "in", "on", "at", "of", "my", "and", "or", "is", "it", "this", "that"})

_HERE = frozenset({"project", "directory", "folder", "repo", "repository", "here", "current", "path", "snapshot"})


def sources(request: Request) -> str:
    """All texts that a name may come from."""
    known = request.known
    turns = [text for turn in request.history for text in (turn.request, turn.reply, str([c.args for c in turn.calls]))]
    names = [*known.snapshots, *known.services, *known.hosts, *known.packages]
    given = [item.content for item in request.answered]
    return "\n".join([request.text, request.piped, *turns, *request.notes, *names, *given])


def _spoken(request: Request, *more: str) -> str:
    """What the person said, in this turn and before."""
    return "\n".join([request.text, *(turn.request for turn in request.history), *more])


def founded(value: Any, said: str) -> bool:
    """Whether a word of it was said, or the beginning of one. Whether a name exists is checked by its tool."""
    text = str(value).casefold()
    if text in ALWAYS or text in said.casefold():
        return True
    words = _words(said)
    return any(_related(one, other) for one in _words(text) - _EMPTY for other in words)


def question(calls: Iterable[Call], request: Request, wanted: Iterable[tuple[str, str]] = NAMED) -> str:
    """What to ask the person when a call names what nobody named; empty when there is nothing to ask."""
    said, hosts, table = sources(request), _spoken(request, *request.notes, *request.known.hosts), set(wanted)
    for call in calls:
        for name, value in call.args.items():
            if name != "on" and (call.tool, name) not in table:
                continue
            for item in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]  # JSON
                # No output of a tool and nothing piped in names a host.
                if isinstance(item, str) and not founded(item, hosts if name == "on" else said):
                    return f"{call.tool}: {_ASKED.get(name, 'which one do you mean')}? You did not name {item!r}."
    return ""


_ASKED = {
    "to": "back to which snapshot or moment",
    "paths": "which files or directories",
    "against": "compared with which snapshot or moment",
    "on": "on which host",
}


def pruned(thought: Thought, request: Request, prompt: str = "") -> Thought:
    """Without what a small model adds because the schema has a place for it: defaults, optional words, numbers and flags
    that nobody mentioned, and items of lists that it copied from `prompt`. What is left and was not named either becomes
    a question."""
    said = sources(request)
    spoken = _spoken(request)
    calls = tuple(Call(call.tool, _kept(call, said, spoken, prompt), call.id) for call in thought.calls)
    asked = question(calls, request, LISTS)
    return replace(thought, kind="ask", calls=(), reply=asked) if asked else replace(thought, calls=calls)


def _kept(call: Call, said: str, spoken: str, prompt: str) -> dict[str, Any]:
    if call.tool not in registry.names():
        return dict(call.args)  # refused later, with its reason
    fields = registry.find(call.tool).args.model_fields
    kept: dict[str, Any] = {}
    for name, value in call.args.items():
        field = fields.get(name)
        if field is not None and not field.is_required():
            if (call.tool, name) in LISTS and isinstance(value, list):
                items = cast(list[Any], value)
                value = [item for item in items if founded(item, said) or str(item) not in prompt]
            if value in ("", [], None) or value == field.get_default(call_default_factory=True):
                continue
            if name == "on" and value == "local":
                continue  # the host without saying
            if (call.tool, name) not in NAMED and name != "on" and not _meant(name, value, said, spoken):
                continue
        kept[name] = value
    return kept


def _meant(name: str, value: Any, said: str, spoken: str) -> bool:
    match value:
        case bool():
            return founded(name, said)
        case int() | float():
            return f"{value:g}" in re.findall(r"\d+(?:\.\d+)?", said) or name == "limit"
        case str() if name in ("label", "path", "template"):
            # `snapshot1` is no label of "take a snapshot", `this project` and the project's own name are no paths.
            return bool(_words(value) - _EMPTY - _HERE) and _words(value) <= _words(spoken)
        case str():
            return name in ("scope", "kind") or founded(value, said)
        case _:
            return True


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))


def _related(one: str, other: str) -> bool:
    """The same word, another form of it, or a slip towards its end."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return one == other or (
        same >= 4 and (same == min(len(one), len(other)) or 3 * same >= 2 * max(len(one), len(other)))
    )
