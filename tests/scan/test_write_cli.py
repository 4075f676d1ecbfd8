"""`envsync scan --write` and `--mermaid` as they are typed: output, exit codes, JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.agent.cli import envsync, run

from .conftest import fill
from .writing import SHOP


@pytest.fixture
def cli(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """A typed command in the shop, without a terminal."""
    fill(project, SHOP)
    monkeypatch.chdir(project)

    def call(*argv: str) -> tuple[int, str, str]:
        code = run(envsync, argv)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_a_new_file_is_written_at_once_and_undone_with_a_yes(
    cli: Callable[..., tuple[int, str, str]], project: Path
) -> None:
    code, out, _ = cli("scan", "--write", "mise")
    assert code == 0 and "write mise.toml (new" in out and "undo:" in out and (project / "mise.toml").exists()
    assert cli("rewind", "--to", "last", "--yes")[0] == 0 and not (project / "mise.toml").exists()


def test_replacing_needs_a_yes_and_plan_shows_it_without_doing_it(
    cli: Callable[..., tuple[int, str, str]], project: Path
) -> None:
    own = project / "mise.toml"
    own.write_text("[env]\nMINE = '1'\n")
    code, out, err = cli("scan", "--write", "mise")
    assert code == 3 and "it replaces mise.toml" in err and own.read_text() == "[env]\nMINE = '1'\n"
    code, out, _ = cli("scan", "--write", "mise", "--plan")
    assert (
        code == 0
        and "  -MINE = '1'" in out
        and '  +node = "24"' in out
        and "risk  R2" in out
        and "'1'" in own.read_text()
    )
    code, out, _ = cli("scan", "--write", "mise", "--plan", "--json")
    document = json.loads(out)
    assert code == 0 and document["calls"] == [{"tool": "scan", "args": {"write": "mise"}, "risk": "R2"}]
    assert "-MINE = '1'" in document["plans"][0]["differences"]
    code, out, _ = cli("scan", "--write", "mise", "--json")
    assert code == json.loads(out)["exit"] == 3 and "'1'" in own.read_text()
    code, out, _ = cli("scan", "--write", "mise", "--yes")
    assert code == 0 and "-MINE = '1'" in out and 'node = "24"' in own.read_text()
    code, out, _ = cli("scan", "--write", "mise", "--json")
    assert code == 0 and json.loads(out)["files"] == []


def test_hostile_what_a_file_has_cannot_paint_on_the_screen(
    cli: Callable[..., tuple[int, str, str]], project: Path
) -> None:
    (project / "mise.toml").write_text(f"# \x1b[2J\x1b]0;x\x07 \u202e{' ' * 400}hidden\n    [tools]\n")
    _, out, _ = cli("scan", "--write", "mise", "--plan")
    assert "\x1b" not in out and "\x07" not in out and "\u202e" not in out
    assert "[400 blanks] hidden" in out and "  -    [tools]" in out, "indentation stays, padding is counted"


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["scan", "--write", "everything"], 2),
        (["scan", "--write"], 2),
        (["scan", "--write", "mise", "--mermaid"], 2),
        (["scan", "--write", "mise", "--scope", "machine"], 2),
        (["scan", "--mermaid", "--scope", "machine"], 2),
        (["scan", "--write", "sbom", "--path", "api"], 0),
    ],
)
def test_exit_codes_are_those_of_the_contract(
    argv: list[str], code: int, cli: Callable[..., tuple[int, str, str]]
) -> None:
    assert cli(*argv)[0] == code


def test_where_nothing_can_be_written_it_fails(cli: Callable[..., tuple[int, str, str]], project: Path) -> None:
    (project / "empty").mkdir()
    code, _, err = cli("scan", "--write", "dockerfile", "--path", "empty")
    assert code == 1 and "no dockerfile can be written" in err


def test_mermaid_is_all_that_stdout_gets(cli: Callable[..., tuple[int, str, str]], project: Path) -> None:
    before = sorted(os.listdir(project))
    code, out, err = cli("scan", "--mermaid")
    assert (
        code == 0 and out.startswith("flowchart LR\n") and "shop-api" in err and sorted(os.listdir(project)) == before
    )
    code, out, _ = cli("scan", "--mermaid", "--json")
    assert json.loads(out)["mermaid"].startswith("flowchart LR\n")
