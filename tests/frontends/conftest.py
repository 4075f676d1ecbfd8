"""A terminal with a person at it: the installed console scripts under pexpect."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

BIN = Path(sys.executable).parent


@pytest.fixture
def environ(private: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {**kept, "PATH": f"{BIN}:{kept['PATH']}", "HOME": str(private), "TERM": "xterm-256color", "LANG": "C.UTF-8"}


@pytest.fixture
def terminal(environ: dict[str, str], project: Path) -> Iterator[Callable[..., Any]]:
    """Starts a command line on a terminal of its own."""
    begun: list[Any] = []

    def start(*argv: str, rows: int = 40, columns: int = 100, env: dict[str, str] | None = None) -> Any:
        child = pexpect.spawn(
            str(BIN / argv[0]) if "/" not in argv[0] else argv[0],
            list(argv[1:]),
            cwd=str(project),
            env={**environ, **(env or {})},
            dimensions=(rows, columns),
            encoding="utf-8",
            timeout=20,
        )
        begun.append(child)
        return child

    yield start
    for child in begun:
        child.close(force=True)


@pytest.fixture
def script(project: Path) -> Callable[..., str]:
    """A model that gives these thoughts, as the value of --model."""

    def write(*thoughts: dict[str, Any]) -> str:
        file = project.parent / "script.jsonl"
        file.write_text("".join(json.dumps(thought) + "\n" for thought in thoughts))
        return f"scripted:{file}"

    return write


@pytest.fixture
def bare() -> Callable[[str], str]:
    """Terminal output without its control sequences."""
    return lambda text: re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>])", "", text).replace("\r", "")
