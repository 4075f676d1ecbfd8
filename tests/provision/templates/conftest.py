"""A directory to begin a project in: the world of the provisioning tests, with the real scan in it."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.contract import Context
from envsync.tools.provision.templates import questions, reading
from envsync.tools.provision.templates.model import Template
from envsync.tools.provision.templates.rendering import Rendered, render
from envsync.tools.scan.tool import observe

NAMES = reading.names()
FASTAPI = {
    "fastapi": "0.165.0", "fastapi-cli": "0.0.34", "pydantic-settings": "2.16.3", "uvicorn": "0.54.0",
    "pytest": "9.2.0", "httpx2": "2.16.2", "ruff": "0.17.5",
}  # fmt: skip


@pytest.fixture
def world(world: Any, tmp_path: Path) -> Any:
    """A world whose project is called `shop` and is scanned for real."""

    class Scanned(type(world)):  # type: ignore[misc]
        @property
        def context(self) -> Context:
            return replace(super().context, observe=observe)

    path = tmp_path / "shop"
    path.mkdir()
    return Scanned(path)


def shelve(index: Any) -> None:
    """Stand-ins for what the template fastapi asks for: installed in no time, without a network."""
    for name, version in FASTAPI.items():
        index.wheel(name, version)


@pytest.fixture
def shelf(index: Any) -> Any:
    """An index with these stand-ins."""
    shelve(index)
    return index


def answered(template: Template, directory: str = "shop", **answers: str) -> dict[str, str]:
    """Every answer, with the defaults where none is given."""
    return {key: answer.value for key, answer in questions.settle(template, answers, (), directory).items()}


def rendered(name: str, directory: str = "shop", **answers: str) -> dict[str, Rendered]:
    """A template's files."""
    template = reading.find(name)
    return render(template, answered(template, directory, **answers))


def choices(template: Template) -> Iterator[dict[str, str]]:
    """Every combination of answers to the questions that offer a choice."""
    asked = [question for question in template.questions if question.kind == "choice"]
    for values in itertools.product(*(question.choices for question in asked)):
        yield dict(zip((question.id for question in asked), values, strict=True))


def written(root: Path, files: Mapping[str, Rendered]) -> Path:
    """The files in a directory."""
    for name, file in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    return root


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])
