"""The installed console scripts, run as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent


@pytest.fixture
def environ(private: Path) -> dict[str, str]:
    """The environment of a command: a private home, the lab's engine, and nothing else of the tests' own."""
    kept = {
        name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR", "DOCKER_HOST") if name in os.environ
    }
    return {**kept, "PATH": f"{BIN}:{kept['PATH']}", "HOME": str(private), "TERM": "xterm-256color"}


@pytest.fixture
def cli(environ: dict[str, str], project: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command line in the project, without a terminal, and with nothing on stdin unless it is given."""

    def run(*argv: str, input: str | None = None, env: dict[str, str] | None = None, **options: Any):
        given = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run(
            [str(BIN / argv[0]), *argv[1:]],
            cwd=project,
            env={**environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
            **given,
            **options,
        )

    return run


@pytest.fixture
def script(project: Path) -> Callable[..., str]:
    """A model that gives these thoughts, as the value of --model."""

    def write(*thoughts: dict[str, Any], name: str = "script.jsonl") -> str:
        file = project.parent / name
        file.write_text("".join(json.dumps(thought) + "\n" for thought in thoughts))
        return f"scripted:{file}"

    return write


@pytest.fixture
def running(script: Callable[..., str]) -> Callable[..., str]:
    """A model that makes of any request the call `run COMMAND`."""

    def make(*commands: str) -> str:
        calls = [{"tool": "run", "args": {"command": command}} for command in commands]
        return script({"kind": "calls", "calls": calls})

    return make
