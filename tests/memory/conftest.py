"""Memories for the suite: every one of them, and helpers around the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from envsync.memory.base import ListMemory, Memory
from envsync.memory.embed import NGrams
from envsync.memory.notebook import Notebook


def redact(text: str) -> str:
    return text.replace("hunter2", "[redacted:test]")


@pytest.fixture(params=["list", "notebook", "indexed"])
async def memory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Memory]:
    """Every memory that keeps notes; `indexed` has its index open, as a long session has."""
    if request.param == "list":
        yield ListMemory(redact)
        return
    notebook = Notebook(tmp_path / "state", redact, embedder=lambda _: NGrams())
    if request.param == "indexed":
        assert await notebook.open_index()
    yield notebook
    await notebook.close()


@pytest.fixture
async def open_notebook(tmp_path: Path) -> AsyncIterator[Callable[..., Notebook]]:
    """Opens notebooks on one state directory, and closes them at the end. `said` has what they warned of."""
    opened: list[Notebook] = []

    def make(said: list[str] | None = None, state: Path = tmp_path / "state") -> Notebook:
        warn = (said if said is not None else []).append
        opened.append(Notebook(state, redact, warn, embedder=lambda _: NGrams()))
        return opened[-1]

    yield make
    for notebook in opened:
        await notebook.close()
