"""The completion scripts, in the shells that they are for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsync.agent.frontends.completer import complete
from envsync.agent.frontends.completion import common, table
from envsync.agent.frontends.repl import Repl
from envsync.tools import registry

BIN = Path(sys.executable).parent


@pytest.fixture
def ask_bash(environ: dict[str, str], project: Path) -> Callable[..., list[str]]:
    """What bash offers after these words."""

    def offers(*words: str) -> list[str]:
        quoted = " ".join(f"'{word}'" for word in words)
        line = (
            f'eval "$(envsync completion bash)"; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; '
            f'$(complete -p {words[0]} | sed "s/.*-F \\([^ ]*\\) .*/\\1/") 2>/dev/null; printf "%s\\n" "${{COMPREPLY[@]}}"'
        )
        done = subprocess.run(
            ["bash", "-c", line], cwd=project, env=environ, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0 and not done.stderr, done.stderr
        return done.stdout.split("\n")[:-1]

    return offers


def test_bash_completes_commands_flags_choices_and_files(ask_bash: Callable[..., list[str]], project: Path) -> None:
    (project / "notes.txt").write_text("")
    assert set(ask_bash("envsync", "")) >= {*registry.names(), "doctor", "sessions"}
    assert ask_bash("envsync", "--json", "sna") == ["snapshot"]
    assert ask_bash("envsync", "-C", "scan", "dri") == ["drift"], "what follows -C is no command"
    assert "--scope" in ask_bash("envsync", "scan", "--")
    assert "--scope" not in ask_bash("envsync", "rewind", "--")
    assert ask_bash("envsync", "scan", "--scope", "") == ["project", "machine", "all"]
    assert ask_bash("envsync", "scan", "--path", "no") == ["notes.txt"]
    assert ask_bash("envsync", "completion", "") == ["bash", "zsh", "fish"]
    assert "bash" in ask_bash("envsync", "run", "bas")
    assert ask_bash("ask", "--pl") == ["--plan"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_completes_in_a_real_terminal(
    terminal: Callable[..., Any], project: Path, bare: Callable[[str], str]
) -> None:
    child = terminal(shutil.which("zsh"), "-f", env={"PS1": "ready> "})
    child.expect("ready> ")
    child.sendline('autoload -Uz compinit && compinit -u; eval "$(envsync completion zsh)"; PS1="set> "')
    child.expect_exact("set> \x1b")
    child.send("envsync sna\t")
    child.expect("snapshot")
    child.send("--lab\t")
    child.expect("--label")
    child.sendcontrol("u")
    child.send("envsync scan --scope mach\t")
    child.expect("machine")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("line", "offer"),
    [
        ("envsync sna", "snapshot"),
        ("envsync scan --sco", "--scope"),
        ("envsync scan --scope ", "machine"),
        ("ask --pl", "--plan"),
    ],
)
def test_fish_completes(environ: dict[str, str], project: Path, line: str, offer: str) -> None:
    script = f"envsync completion fish | source; complete -C '{line}'"
    done = subprocess.run(["fish", "-c", script], cwd=project, env=environ, capture_output=True, text=True, timeout=30)
    assert offer in [row.split("\t")[0] for row in done.stdout.splitlines()], done


def test_every_script_is_sound_for_its_shell(environ: dict[str, str], tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        script = subprocess.run(
            [BIN / "envsync", "completion", shell], env=environ, capture_output=True, text=True, check=True
        )
        file = tmp_path / shell
        file.write_text(script.stdout)
        if shutil.which(shell):
            subprocess.run([shell, "-n", str(file)], check=True)


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    first = table(tmp_path)
    for damage in ("", "{}", "[1]", '{"key": null}'):
        (tmp_path / "flags.json").write_text(damage)
        assert table(tmp_path) == first
    assert set(first) == set(registry.names()) and "--json" in common()


# -- In the conversation --------------------------------------------------------------------------------------------


@pytest.fixture
def offers(project: Path, private: Path, tmp_path: Path) -> Callable[[str], list[str]]:
    from envsync.agent.config import load

    (project / "src").mkdir()
    (project / "src" / "main.py").write_text("")
    (project / ".hidden").write_text("")
    (project / "evil\x1b[2J").write_text("")
    repl = Repl(load({"path": str(project), "model": "offline"}, {"HOME": str(private)}))
    return lambda before: [found.text for found in complete(before, repl)]


def test_the_conversation_completes(offers: Callable[[str], list[str]]) -> None:
    assert offers("/sn") == ["/snapshot "]
    assert {"/help ", "/scan ", "/quit "} <= set(offers("/"))
    assert "--scope " in offers("/scan --")
    assert offers("/scan --scope m") == ["machine"]
    assert offers("/scan --on ") == ["local"]
    assert offers("/rewind ") == ["last"]
    assert "--against " in offers("/diff --")
    assert offers("why does @s") == ["@src/"]
    assert offers("why does @src/") == ["@src/main.py"]
    assert offers("@.h") == ["@.hidden"]
    assert offers("plain words") == []


def test_hostile_05_a_name_that_drives_the_terminal_is_not_offered(offers: Callable[[str], list[str]]) -> None:
    assert offers("@") == ["@src/"]
