"""Fills answers into a template's files and paths: `{{name}}` and nothing else, no expressions and no code."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .model import Template
from .questions import holds
from .reading import contents

RECORD = ".envsync/template.yaml"
"""Where a project says what it was made from."""
_PLACE = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")
_LEFT = re.compile(r"\{\{|\}\}")


@dataclass(frozen=True)
class Rendered:
    """A file as it is to be."""

    content: bytes
    executable: bool = False


def fill(text: str, values: Mapping[str, str], label: str) -> str:
    """The text with every `{{name}}` replaced. A name without a value, and braces that are no place, are errors of the
    template: ValueError. What is filled in is not looked at again."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ValueError(f"{label}: nothing answers {match[0]}")
        return values[match[1]]

    left = _LEFT.search(_PLACE.sub("", text))
    if left:
        raise ValueError(f"{label}: a pair of braces that is no {{{{name}}}}")
    return _PLACE.sub(value, text)


def render(template: Template, answers: Mapping[str, str]) -> dict[str, Rendered]:
    """Every file that the answers lead to, by path in the project, sorted; the project's own record of them included.

    The same template and answers always give the same bytes. Raises ValueError for a template that is wrong in itself.
    """
    rules = {rule.file: rule for rule in template.files}
    there = contents(template.name)
    unknown = set(rules) - set(there)
    if unknown:
        raise ValueError(f"{template.name} has no file {', '.join(sorted(unknown))}")
    found: dict[str, Rendered] = {}
    for file, text in there.items():
        rule = rules.get(file)
        if rule is not None and not holds(rule.when, answers):
            continue
        path = _inside(fill((rule.to if rule else "") or file, answers, file))
        if path in found:
            raise ValueError(f"{template.name}: two files are for {path}")
        found[path] = Rendered(fill(text, answers, file).encode(), bool(rule and rule.executable))
    found[RECORD] = Rendered(_record(template, answers))
    return dict(sorted(found.items()))


def _inside(path: str) -> str:
    """A relative path below the project, as it is; anything else is an error of the template."""
    if path.startswith("/") or posixpath.normpath(path) != path or ".." in path.split("/") or path == ".":
        raise ValueError(f"{path!r} is no path inside a project")
    return path


def _record(template: Template, answers: Mapping[str, str]) -> bytes:
    lines = [
        f"# What this project was made from. It configures nothing: `envsync provision --template {template.name}` takes",
        "# the answers as its defaults, and shows them.",
        f"template: {json.dumps(template.name)}",
        f"version: {template.version}",
        "answers:",
        *(f"  {key}: {json.dumps(value)}" for key, value in answers.items()),
    ]
    return ("\n".join(lines) + "\n").encode()
