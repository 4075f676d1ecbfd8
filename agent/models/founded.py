"""Which arguments of a model's call come from what was said, and which it invented. Pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile
from typing import Any, cast

from ...tools import registry
from ..events import Call
from .base import Request, Thought


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


ASKED = {
    ("rewind", "to"): "back to which snapshot or moment",
    ("rewind", "paths"): "which files or directories",
    ("drift", "against"): "compared with which snapshot or moment",
    ("logs", "service"): "of which service",
    ("deploy", "name"): "under which name",
    ("deploy", "to"): "where to",
    ("deploy", "context"): "in which context",
    ("rollback", "name"): "which deployment",
    ("switch", "context"): "to which context",
    ("destroy", "name"): "which one",
    ("sync", "source"): "from where",
    ("sync", "destination"): "to where",
    ("syncs", "name"): "which one",
    ("provision", "runtimes"): "which runtime, in which version",
    ("provision", "packages"): "which package, in which version",
    ("provision", "services"): "which service, in which version",
    ("provision", "template"): "which template",
    ("sandbox", "runtimes"): "which runtime, in which version",
    ("sandbox", "packages"): "which package, in which version",
    ("sandbox", "services"): "which service, in which version",
    ("sandbox", "image"): "from which image",
    ("remember", "fact"): "what exactly",
    ("", "on"): "on which host",
    ("", "path"): "in which directory",
}
"""Arguments that name something, with what is asked when nobody named it; without a tool, of every tool. What trust says of
packages is in tools/provision/trust.py. A label or a new sandbox's name is no reference, and a command is shown before it
is run."""
OWN = frozenset({"on", "fact", "source", "destination"})
"""Arguments whose value only the person can name, and what EnvSync itself made: no output of a tool, no file, nothing piped
in chooses a machine or is remembered as said."""
FOR_GOOD = frozenset({("destroy", "name")})
"""What cannot be taken back is named in the conversation; that a thing exists does not name it."""
LISTS = {("provision", "packages"), ("provision", "services"), ("provision", "runtimes")}
"""What a small model fills in with what it saw in its prompt."""
ALWAYS = frozenset({"last", "spec", "team", "local", "docker", "swarm", "debian", ".", "./"})
"""Values that stand for what is meant when nothing is named."""
SAME = tuple(
    _set(words)
    for words in (
        "postgres postgresql pg psql", "go golang", "python py", "node nodejs js javascript", "kubernetes k8s", "es elasticsearch",
        "pytorch torch", "opencv cv2", "bs4 beautifulsoup4", "java jdk openjdk jre", "dotnet net csharp", "rust rustc", "prod production",
        "apache apache2 httpd", "mssql sqlserver", "typescript ts",
    )
)  # fmt: skip
"""Other words for the same."""
_EMPTY = _set("a an the to in on at of my and or is it this that com org net io dev www http https")

_KEPT = frozenset({("rewind", "to"), ("rewind", "paths"), ("drift", "against")})
"""Without them something else would happen than what was asked: when they were invented, that is asked."""
_NUMBERS = _set(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty point dot latest newest"
)
"""Words that a version may have been said in."""
_HERE = frozenset({"project", "directory", "folder", "repo", "repository", "here", "current", "path", "snapshot"})


def sources(request: Request) -> str:
    """All texts that a name may come from."""
    known = request.known
    turns = [text for turn in request.history for text in (turn.request, turn.reply, str([c.args for c in turn.calls]))]
    names = [known.project, *known.snapshots, *known.services, *known.hosts, *known.packages]
    given = [item.content for item in request.answered]
    return "\n".join([request.text, request.piped, *turns, *request.notes, *names, *given])


def _spoken(request: Request, *more: str) -> str:
    """What the person said, in this turn and before."""
    return "\n".join([request.text, *(turn.request for turn in request.history), *more])


def _shown(request: Request) -> str:
    """That, and what the conversation came to."""
    turns = (text for turn in request.history for text in (turn.reply, str([call.args for call in turn.calls])))
    return _spoken(request, *turns)


def founded(value: Any, said: str) -> bool:
    """Whether a word of it was said, or the beginning of one, and its version if it has one. Whether a name exists is
    checked by its tool."""
    text = str(value).casefold()
    if text in ALWAYS or text in said.casefold():
        return True
    text = re.sub(r"^(?:docker|ssh|vm):", "", text)
    name, _, version = text.partition("@")
    words = _words(said)
    known = any(_related(one, other) for one in _words(name) - _EMPTY for other in words)
    if not version or not re.match(r"v?\d", version):
        return known or any(_related(one, other) for one in _words(version) - _EMPTY for other in words)
    numbers, heard = re.findall(r"\d+", version), set(re.findall(r"\d+", said))
    return known and (heard.issuperset(numbers) or "".join(numbers) in heard or bool(words & _NUMBERS))


def question(calls: Iterable[Call], request: Request) -> str:
    """What to ask the person when a call names what nobody named; empty when there is nothing to ask."""
    said = sources(request)
    own = _spoken(request, *request.notes, *request.known.hosts, *request.known.services)
    for call in calls:
        hidden = _hidden(call.tool)
        for name, value in call.args.items():
            asked = ASKED.get((call.tool, name)) or ASKED.get(("", name))
            if not asked and name in hidden and value != hidden[name] and not founded(name, own):
                return f"{call.tool}: is {name}={json.dumps(value)[:100]} what you want? You did not say so."
            if not asked:
                continue
            texts = _shown(request) if (call.tool, name) in FOR_GOOD else own if name in OWN else said
            for item in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType]  # JSON
                if isinstance(item, str) and not founded(item, texts):
                    there = request.known.services if (call.tool, name) in FOR_GOOD else ()
                    listed = f" There are: {', '.join(there[:20])}." if there else ""
                    return f"{call.tool}: {asked}? You did not name {item[:100]!r}.{listed}"
    return ""


def _hidden(tool: str) -> dict[str, Any]:
    """Arguments that no model is shown, since only a person can want them, with their defaults."""
    if tool not in registry.names():
        return {}
    fields = registry.find(tool).args.model_fields
    hidden = {name: field for name, field in fields.items() if field.json_schema_extra == {"brief": None}}
    return {name: field.get_default(call_default_factory=True) for name, field in hidden.items()}


def pruned(thought: Thought, request: Request, prompt: str = "") -> Thought:
    """Without what a small model adds because the schema has a place for it: defaults, optional words, numbers and flags
    that nobody mentioned, and items of lists that it copied from `prompt`. What is left and was not named either becomes
    a question."""
    said = sources(request)
    spoken = _spoken(request)
    calls = tuple(Call(call.tool, _kept(call, said, spoken, prompt), call.id) for call in thought.calls)
    asked = question(calls, request)
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
            if (call.tool, name) not in _KEPT and name != "on" and not _meant(name, value, said, spoken):
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
    if (len(one) >= 4 and one in other) or (len(other) >= 4 and other in one):
        return True  # sklearn and scikit-learn, torch and pytorch
    if any(one in names and other in names for names in SAME):
        return True
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return one == other or (
        same >= 4 and (same == min(len(one), len(other)) or 3 * same >= 2 * max(len(one), len(other)))
    )
