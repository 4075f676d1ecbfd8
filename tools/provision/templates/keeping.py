"""Answers of before: the user's own, in EnvSync's state, and those that a project's record says it was made with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ...contract import Context
from ...hosts.here import here
from ...store.durable import publish, writable
from .model import Template
from .rendering import RECORD

_FILE = "template-answers.json"
_LARGEST = 64 * 1024
"""Bytes of a record or of the kept answers; ours have a few hundred."""


async def remembered(template: Template, context: Context) -> dict[str, str]:
    """What this user last answered for this template, as far as it was kept. Not checked."""
    return _texts(_mapping(await here(_load, context.state / _FILE)).get(template.name))


async def remember(template: Template, answers: Mapping[str, str], context: Context) -> None:
    """Keep checked answers for the next project. Those to questions that are not remembered are left out."""
    kept = {question.id for question in template.questions if question.remember}
    new = {key: value for key, value in answers.items() if key in kept}
    if new:
        await here(_keep, context.state / _FILE, template.name, new)


async def recorded(template: Template, context: Context) -> tuple[dict[str, str], int | None]:
    """The answers and the version in the project's own record of this template; nothing and None without one.

    It came with the project, so it is data: not checked here, and only read because a person named the template.
    """
    place = context.path / RECORD
    try:
        folder, entry = await context.host.stat(place.parent), await context.host.stat(place)
        if folder is None or folder.kind != "directory" or entry is None or entry.kind != "file":
            return {}, None
        content = await context.host.read(place) if entry.size <= _LARGEST else b""
    except OSError:
        return {}, None
    import yaml  # here, since most plans need none

    try:
        data = _mapping(yaml.safe_load(content.decode("utf-8", "replace")))
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}, None
    if data.get("template") != template.name:
        return {}, None
    version = data.get("version")
    return _texts(data.get("answers")), version if isinstance(version, int) else 0


def _load(file: Path) -> object:
    try:
        with file.open("rb") as stream:
            return json.loads(stream.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}


def _keep(file: Path, name: str, new: Mapping[str, str]) -> None:
    known = _mapping(_load(file))
    known[name] = {**_texts(known.get(name)), **new}
    writable(file.parent)
    publish(file.parent, file.name, json.dumps(known, indent=1, sort_keys=True).encode(), replace=True)


def _mapping(value: object) -> dict[str, Any]:
    pairs = cast(dict[object, Any], value) if isinstance(value, dict) else {}
    return {key: each for key, each in pairs.items() if isinstance(key, str)}


def _texts(value: object) -> dict[str, str]:
    return {key: each for key, each in _mapping(value).items() if isinstance(each, str)}
