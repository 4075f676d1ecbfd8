"""Typed calls: the command line that a tool's Args make."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field

from envsync.agent.frontends.flags import split
from envsync.agent.frontends.typed import ToolParser
from envsync.tools import registry
from envsync.tools.contract import Args, Context, Result, Tool
from envsync.tools.errors import Usage
from envsync.tools.risk import Risk


class EverythingArgs(Args):
    """One field of each kind that a tool may have."""

    what: str = Field(description="100% of it")
    names: list[str] = Field(default_factory=list)
    count: int = 3
    share: float | None = None
    watch: bool = True
    gpu: bool = False
    mode: Literal["two-way", "push"] = "two-way"
    label: str | None = None
    some_words: str = ""
    on: str = "local"


async def read(args: EverythingArgs, context: Context) -> Result:
    """Look at everything.

    More about it.
    """
    raise NotImplementedError


PARSER = ToolParser(Tool(name="look", args=EverythingArgs, risk=Risk.R0, read=read))


@pytest.mark.parametrize(
    ("line", "args"),
    [
        ("x", {"what": "x"}),
        ("yesterday at noon", {"what": "yesterday at noon"}),
        ("--what x --names a b --names c", {"what": "x", "names": ["a", "b", "c"]}),
        ("--count 4 --share 0.5 x", {"what": "x", "count": 4, "share": 0.5}),
        ("x --no-watch --gpu --mode push", {"what": "x", "watch": False, "gpu": True, "mode": "push"}),
        ("x --some-words=--odd --label=", {"what": "x", "some_words": "--odd", "label": ""}),
        ("--on docker:web x --json", {"what": "x", "on": "docker:web"}),
        ("-- -rf", {"what": "-rf"}),
    ],
)
def test_a_command_line_gives_only_what_was_said(line: str, args: dict[str, object]) -> None:
    call, _ = PARSER.parse(line.split())
    assert call.args == args
    EverythingArgs.model_validate(call.args)


@pytest.mark.parametrize(
    "line", ["x --dry-run", "x --mode pull", "x --count many", "", "x --what y", "x --names", "x --g"]
)
def test_hostile_33_what_is_not_an_argument_is_refused(line: str) -> None:
    with pytest.raises(Usage) as caught:
        PARSER.parse(line.split())
    assert caught.value.hint


def test_help_shows_every_argument_once() -> None:
    shown = PARSER.parser.format_help()
    for flag in (
        "--what",
        "--names",
        "--count",
        "--share",
        "--watch",
        "--gpu",
        "--mode",
        "--label",
        "--some-words",
        "--on",
    ):
        assert shown.count(f"\n  {flag} ") == 1, flag
    assert "100% of it" in shown and "{two-way,push}" in shown and "More about it." in shown


@pytest.mark.parametrize("name", registry.names())
def test_every_tool_has_a_command_line(name: str) -> None:
    """A field that clashes with a common flag, or a type that no flag can carry, shows here."""
    shown = ToolParser(registry.find(name)).parser.format_help()
    for field, info in registry.find(name).args.model_fields.items():
        assert f"--{field.replace('_', '-')}" in shown
        if field != "on":  # a common flag, which says the same for all
            assert info.description and info.description in " ".join(shown.split()), field


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("-- pytest -q", "pytest -q"),
        ("pytest -q --json", "pytest -q --json"),
        ("--timeout 5 -- sh -c 'a; b'", "sh -c 'a; b'"),
        ("--path sub pytest", "pytest"),
        ("--command 'a b'", "a b"),
    ],
)
def test_the_first_plain_word_of_run_begins_the_command(line: str, command: str) -> None:
    import shlex

    call, _ = ToolParser(registry.find("run")).parse(shlex.split(line))
    assert call.args["command"] == command


@pytest.mark.parametrize("name", ["; rm -rf ~ #.txt", "--force", "-rf", "a\nb"])
def test_hostile_04_a_file_named_like_a_flag_is_a_file(name: str) -> None:
    call, _ = ToolParser(registry.find("rewind")).parse(["last", f"--paths={name}"])
    assert call.args["paths"] == [name]
    call, _ = ToolParser(registry.find("run")).parse(["--", "cat", "--", name])
    import shlex

    assert shlex.split(str(call.args["command"])) == ["cat", "--", name]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], ([], "", [])),
        (["--json", "scan", "--scope", "all"], (["--json"], "scan", ["--scope", "all"])),
        (["-C", "scan", "drift"], (["-C", "scan"], "drift", [])),
        (["--", "scan"], ([], "scan", [])),
    ],
)
def test_the_command_is_the_first_plain_word(argv: list[str], expected: tuple[list[str], str, list[str]]) -> None:
    assert split(argv) == expected
