"""A person is asked on the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

Terminal = Callable[..., Any]
Script = Callable[..., str]


def ends(child: Any) -> tuple[str, int]:
    child.expect(pexpect.EOF)
    text = child.before
    child.close()
    return text, child.exitstatus


def calls(*commands: str) -> dict[str, Any]:
    return {"kind": "calls", "calls": [{"tool": "run", "args": {"command": command}} for command in commands]}


def test_the_plan_is_shown_whole_and_yes_does_it(terminal: Terminal, project: Path, bare: Callable[[str], str]) -> None:
    child = terminal("envsync", "run", "--", "touch", "made")
    child.expect("Do this?")
    shown = bare(child.before)
    for part in ("run touch made", str(project), "1. run touch made", "risk  R2", "undo  all of it"):
        assert part in shown
    assert not (project / "made").exists()
    child.sendline("y")
    text, code = ends(child)
    assert code == 0 and "succeeded" in text
    assert (project / "made").exists()


@pytest.mark.parametrize("answer", ["n", "", "q"])
def test_no_changes_nothing(terminal: Terminal, project: Path, answer: str) -> None:
    child = terminal("envsync", "run", "--", "touch", "made")
    child.expect("Do this?")
    child.sendline(answer)
    text, code = ends(child)
    assert code == 3 and "Nothing was changed" in text
    assert not (project / "made").exists()


def test_the_end_of_input_is_a_no(terminal: Terminal, project: Path) -> None:
    child = terminal("envsync", "run", "--", "touch", "made")
    child.expect("Do this?")
    child.sendeof()
    text, code = ends(child)
    assert code == 3 and "Nothing was changed" in text and not (project / "made").exists()


def test_ctrl_c_at_the_question_is_130(terminal: Terminal, project: Path, script: Script) -> None:
    for argv in (["envsync", "run", "--", "touch", "made"], ["ask", "--model", script(calls("touch made")), "go"]):
        child = terminal(*argv)
        child.expect("Do this?")
        child.sendintr()
        text, code = ends(child)
        assert code == 130 and "Nothing was changed" in text and not (project / "made").exists()


def test_hostile_29_a_yes_typed_before_the_plan_was_shown_is_no_answer(
    terminal: Terminal, project: Path, script: Script
) -> None:
    child = terminal("ask", "--model", script(calls("touch made")), "go")
    child.send("y\n")
    child.expect("Do this?")
    child.expect(pexpect.TIMEOUT, timeout=0.7)
    assert not (project / "made").exists()
    child.sendline("n")
    assert ends(child)[1] == 3


def test_what_is_high_wants_the_word_typed_out(terminal: Terminal, project: Path) -> None:
    for typed, code in (("y", 3), ("yes", 3), ("RUN", 3), ("run", 0)):
        child = terminal("envsync", "run", "--yes", "--", "sh", "-c", "touch made")
        child.expect("type 'run' to do it")
        child.sendline(typed)
        assert ends(child)[1] == code, typed
        assert (project / "made").exists() == (code == 0)


def test_edit_plans_anew(terminal: Terminal, project: Path) -> None:
    child = terminal("envsync", "run", "--", "touch", "one")
    child.expect("Do this?")
    child.sendline("e")
    child.expect("what instead\\?")
    child.sendline("run -- touch two")
    child.expect("run touch two")
    child.expect("Do this?")
    child.sendline("y")
    assert ends(child)[1] == 0
    assert (project / "two").exists() and not (project / "one").exists()


def test_an_edited_request_is_understood_anew(terminal: Terminal, project: Path, script: Script) -> None:
    child = terminal("ask", "--model", script(calls("touch one"), calls("touch two")), "make", "one")
    child.expect("Do this?")
    child.sendline("e")
    child.expect("it was: make one")
    child.expect("done instead\\?")
    child.sendline("make two")
    child.expect("1. run touch two")
    child.expect("Do this?")
    child.sendline("y")
    assert ends(child)[1] == 0
    assert (project / "two").exists() and not (project / "one").exists()


def test_hostile_31_a_long_plan_is_read_to_its_end_before_the_question(
    terminal: Terminal, project: Path, bare: Callable[[str], str]
) -> None:
    words = [f"word{number:04}" for number in range(900)]
    child = terminal("envsync", "run", "--", "echo", *words, "the-very-end", rows=24, columns=80)
    seen = ""
    while child.expect(["more line", "Do this\\?"]) == 0:
        seen += child.before
        child.sendline("")
    seen = bare(seen + child.before)
    assert seen.count("the-very-end") == 2, "in the summary and in the step"
    assert all(word in seen.replace("\n", "") for word in words)
    child.sendline("n")
    assert ends(child)[1] == 3


def test_hostile_31_a_plan_not_read_to_its_end_is_a_no(terminal: Terminal) -> None:
    child = terminal("envsync", "run", "--", "echo", "x " * 3000, rows=24, columns=80)
    child.expect("more line")
    child.sendline("q")
    text, code = ends(child)
    assert code == 3 and "not read to its end" in text


def test_piped_context_and_a_prompt_are_asked_on_the_terminal(
    terminal: Terminal, project: Path, script: Script, environ: dict[str, str]
) -> None:
    line = f"echo context | ask --model {script(calls('touch made'))} go > answer"
    child = terminal("/bin/bash", "-c", line)
    child.expect("Do this?")
    child.sendline("y")
    assert ends(child)[1] == 0
    assert (project / "made").exists()
    assert (project / "answer").read_text().startswith("`touch made` succeeded"), (
        "stdout is the answer and nothing else"
    )


def test_hostile_32_a_process_without_streams_of_a_terminal_never_asks(
    terminal: Terminal, project: Path, script: Script
) -> None:
    """It still has a controlling terminal, on which nobody waits for a question."""
    child = terminal(
        "/bin/bash", "-c", f"ask --model {script(calls('touch made'))} go </dev/null >out 2>err; echo code $?"
    )
    child.expect("code 3")
    assert "--yes" in (project / "err").read_text() and not (project / "made").exists()


def test_json_is_asked_too_and_stdout_stays_one_document(terminal: Terminal, project: Path) -> None:
    child = terminal("/bin/bash", "-c", "envsync run --json -- touch made >out")
    child.expect("Do this?")
    child.sendline("y")
    assert ends(child)[1] == 0
    assert json.loads((project / "out").read_text())["code"] == 0


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colour_the_terminal_gets_plain_lines(terminal: Terminal, plain: dict[str, str]) -> None:
    child = terminal("envsync", "scan", env=plain)
    text, code = ends(child)
    assert code == 0 and "\x1b" not in text
    assert not set("│├└━●") & set(text), "nothing that a screen reader would spell out"


def test_with_colour_markup_in_data_is_data(terminal: Terminal, project: Path, bare: Callable[[str], str]) -> None:
    (project / "package.json").write_text(json.dumps({"name": "[red]bold[/red]", "dependencies": {"express": "4"}}))
    text, code = ends(terminal("envsync", "scan"))
    assert code == 0 and "\x1b[" in text
    assert "[red]bold[/red]" in bare(text)


def test_hostile_05_a_commands_output_cannot_drive_the_terminal(terminal: Terminal, project: Path) -> None:
    (project / "evil.py").write_text(r"print('\x1b]0;owned\x07\x1b[2J\x1b[1;1H\x1b[31mred\x1b[0m', end='\r')")
    child = terminal("envsync", "run", "--yes", "--", sys.executable, "evil.py")
    text, code = ends(child)
    assert code == 0
    assert "\x1b]0;" not in text and "\x1b[2J" not in text and "\x1b[1;1H" not in text
    assert "\\x1b]0;owned" in text and "red" in text


def test_a_terminal_that_is_closed_ends_the_work(terminal: Terminal, project: Path, environ: dict[str, str]) -> None:
    (project / "work.py").write_text("import time; open('begun', 'w'); time.sleep(60); open('ended', 'w')")
    child = terminal("envsync", "run", "--yes", "--", sys.executable, "work.py")
    until = 100
    while not (project / "begun").exists() and until:
        until -= 1
        child.expect(pexpect.TIMEOUT, timeout=0.1)
    child.close(force=False)
    done = subprocess.run(
        ["envsync", "run", "--yes", "--", "true"],
        cwd=project,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert not (project / "ended").exists()
