"""What starts at once, and what may not be imported for it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
HEAVY = {"langgraph", "langchain_core", "langchain_openai", "openai", "chromadb", "onnxruntime", "numpy", "tokenizers"}
SCREEN = {"rich", "prompt_toolkit"}


def imported(cli: Cli, *argv: str) -> set[str]:
    done = cli(*argv, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}


@pytest.mark.parametrize(
    "argv", [["envsync", "--help"], ["envsync", "--version"], ["ask", "--help"], ["ask", "--version"]]
)
def test_help_and_version_import_nothing_heavy(cli: Cli, argv: list[str]) -> None:
    assert not imported(cli, *argv) & (HEAVY | SCREEN | {"pydantic", "asyncio", "yaml", "sqlite3"})


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_made_again_imports_nothing_heavy(cli: Cli, shell: str) -> None:
    first = cli("envsync", "completion", shell)
    assert first.returncode == 0, first.stderr
    assert not imported(cli, "envsync", "completion", shell) & (HEAVY | SCREEN | {"pydantic", "asyncio"})
    assert cli("envsync", "completion", shell).stdout == first.stdout


@pytest.mark.parametrize(
    "argv",
    [
        ["remember", "tea"],
        ["run", "--yes", "--", "true"],
        ["snapshot", "a"],
        ["scan"],
        ["doctor"],
        ["sessions"],
        ["memory"],
    ],
)
def test_typed_commands_need_no_graph_and_no_index(cli: Cli, argv: list[str]) -> None:
    hosts = set[str]() if argv == ["doctor"] else {"docker", "asyncssh"}  # which it tries
    assert not imported(cli, "envsync", *argv) & (HEAVY | SCREEN | hosts)


def test_help_names_every_tool_command_flag_and_exit_code(cli: Cli) -> None:
    shown = cli("envsync", "--help").stdout
    for word in ("scan", "provision", "snapshot", "rewind", "drift", "history", "status", "run", "remember"):
        assert re.search(rf"^  {word} ", shown, re.M), word
    for flag in (
        "--json",
        "--plan",
        "--yes",
        "--model",
        "--session",
        "--continue",
        "--on",
        "-C",
        "--quiet",
        "--no-color",
    ):
        assert re.search(rf"^  {flag}\b", shown, re.M), flag
    for code in (0, 1, 2, 3, 4, 5, 6, 7, 130):
        assert re.search(rf"^ +{code}  \w", shown, re.M), code
    assert max(map(len, shown.splitlines())) <= 120
