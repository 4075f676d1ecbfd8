"""What a template asks: which answers it takes, and where those come from that nobody gave."""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ...errors import Usage
from ...redact import Redactor
from ..names import shown
from .model import Question, Template, When

LONGEST = 100
"""Characters of one answer."""
_PYTHON = frozenset(keyword.kwlist) | frozenset(keyword.softkwlist) | sys.stdlib_module_names | {"test"}


@dataclass(frozen=True)
class Kind:
    """A kind of answer: its form, and how that is told."""

    form: re.Pattern[str]
    means: str


KINDS = {
    "name": Kind(
        re.compile(r"[a-z](?:-?[a-z0-9]){0,49}"), "lower-case letters, digits and single hyphens, a letter first, e.g. my-shop"
    ),
    "package": Kind(
        re.compile(r"[a-z](?:_?[a-z0-9]){0,49}"), "a Python package: lower-case letters, digits and single _, e.g. my_shop"
    ),
    "module": Kind(
        re.compile(r"[a-z](?:[.-]?[a-z0-9]){0,49}(?:/[A-Za-z](?:[._-]?[A-Za-z0-9]){0,39}){0,4}"),
        "a Go module path, e.g. shop or git.example/me/shop",
    ),
    "port": Kind(re.compile(r"[1-9][0-9]{3,4}"), "a port from 1024 to 65535"),
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """One answer, and in words where it comes from."""

    value: str
    origin: str
    given: bool = False
    """Whether the person gave it now."""


def given(answers: Sequence[str], template: Template, redact: Redactor) -> dict[str, str]:
    """`key=value` as people type them, each checked. Raises Usage for the first that is wrong."""
    questions = {question.id: question for question in template.questions}
    found: dict[str, str] = {}
    for text in answers:
        key, equals, value = text.partition("=")
        key, value = key.strip(), value.strip()
        if not equals:
            raise Usage(f"{shown(text)} is no answer", f"Write KEY=VALUE, e.g. {_example(template)}.")
        if key not in questions:
            asked = "; ".join(f"{question.id} ({question.text})" for question in template.questions)
            raise Usage(f"{template.name} asks no question {shown(key)}", f"It asks: {asked}.")
        if found.get(key, value) != value:
            raise Usage(f"{key} is answered twice", "Give one answer.")
        if redact.spans(value):
            raise Usage(f"the answer to {key} looks like a secret", "Templates take none: put secrets into .env.")
        wrong = fault(questions[key], value)
        if wrong:
            raise Usage(f"{shown(value)} is no answer to {key}: {wrong}", f"It asks: {questions[key].text}")
        found[key] = value
    return found


def fault(question: Question, value: str) -> str:
    """Why a value is no answer to the question; empty when it is one."""
    if question.kind == "choice":
        return "" if value in question.choices else f"it takes {' or '.join(question.choices)}"
    kind = KINDS[question.kind]
    if len(value) > LONGEST or not kind.form.fullmatch(value):
        return f"it takes {kind.means}"
    if question.kind == "port" and not 1024 <= int(value) <= 65535:
        return f"it takes {kind.means}"
    if _taken(question, value):
        return "that name is taken by what the project itself uses"
    return ""


def settle(
    template: Template,
    asked: Mapping[str, str],
    earlier: Sequence[tuple[str, Mapping[str, str]]],
    directory: str,
) -> dict[str, Answer]:
    """An answer to every question: what was `asked` for, else the first of `earlier` (origin in words, answers) that
    still fits, else the template's default, for which `directory` is the name of the project's."""
    found: dict[str, Answer] = {}
    for question in template.questions:
        if question.id in asked:
            found[question.id] = Answer(asked[question.id], "as you say", True)
            continue
        kept = [(origin, known[question.id]) for origin, known in earlier if question.id in known]
        fitting = [Answer(value, origin) for origin, value in kept if not fault(question, value)]
        found[question.id] = fitting[0] if fitting else _default(question, found, directory)
    return found


def holds(when: When | None, answers: Mapping[str, str]) -> bool:
    """Whether something with this condition belongs to the project."""
    return when is None or answers[when.question] == when.value


def _default(question: Question, before: Mapping[str, Answer], directory: str) -> Answer:
    if not question.source:
        return Answer(question.default, "the template's default")
    if question.source == "directory":
        return Answer(_fitting(question, directory), "from the directory's name")
    return Answer(_fitting(question, before[question.source].value), f"from {question.source}")


def _fitting(question: Question, text: str) -> str:
    """A name as the question's kind takes it."""
    plain = unicodedata.normalize("NFKD", PurePosixPath(text).name).encode("ascii", "ignore").decode().lower()
    between = "_" if question.kind == "package" else "-"
    words = re.findall(r"[a-z0-9]+", plain[:40])
    name = between.join(words).lstrip("0123456789" + between) or "app"
    return f"{name}{between}app" if _taken(question, name) else name


def _taken(question: Question, value: str) -> bool:
    return value in question.reserved or (question.kind == "package" and value in _PYTHON)


def _example(template: Template) -> str:
    return f"{template.questions[0].id}=shop"
