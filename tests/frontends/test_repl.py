"""The conversation on a terminal."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect

from envsync.agent.frontends.mentions import mentioned

Terminal = Callable[..., Any]
Script = Callable[..., str]
PROMPT = "\x1b[?2004h"
"""What is sent when a prompt is drawn."""


def run(command: str) -> dict[str, Any]:
    return {"kind": "calls", "calls": [{"tool": "run", "args": {"command": command}}]}


def begin(terminal: Terminal, model: str, *flags: str, bar: bool = False, env: dict[str, str] | None = None) -> Any:
    # The bar below needs to know where the cursor is; a terminal would answer, here the test does.
    asks = {} if bar else {"PROMPT_TOOLKIT_NO_CPR": "1"}
    child = terminal("envsync", "--model", model, *flags, env={**asks, **(env or {})})
    child.expect("EnvSync")
    if bar:
        child.expect_exact("\x1b[6n")
        child.send("\x1b[4;1R")
    child.expect_exact(PROMPT)
    return child


def say(child: Any, line: str) -> None:
    child.send(line)
    child.send("\r")


def leave(child: Any) -> int:
    child.expect_exact(PROMPT)
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


def test_a_request_is_answered_and_ctrl_d_leaves(terminal: Terminal, script: Script) -> None:
    child = begin(terminal, script({"kind": "ask", "reply": "which one?"}))
    say(child, "upgrade it")
    child.expect("which one\\?")
    assert leave(child) == 0


def test_the_bar_says_host_project_model_and_conversation(terminal: Terminal, script: Script, project: Path) -> None:
    child = begin(terminal, script({"kind": "ask", "reply": "one"}))
    say(child, "about the weather")
    child.expect("one")
    assert leave(child) == 0
    child = begin(terminal, script({"kind": "ask", "reply": "two"}), "--continue", bar=True)
    child.expect("local · ")
    child.expect("project · starting")
    child.expect("about the weather"), "drawn over it once the conversation is open"
    child.sendeof()
    child.expect(pexpect.EOF)


def test_ctrl_c_stops_the_turn_and_not_the_shell(terminal: Terminal, project: Path) -> None:
    child = begin(terminal, "offline")
    say(child, "!sleep 60")
    child.expect("Do this\\?")
    child.sendline("y")
    child.expect("sleep|run")
    child.expect(pexpect.TIMEOUT, timeout=1)
    child.sendintr()
    child.expect("stopped|cancelled")
    say(child, "/remember tea")
    child.expect("remember: tea")
    assert leave(child) == 0


def test_ctrl_c_at_the_prompt_empties_the_line(terminal: Terminal) -> None:
    child = begin(terminal, "offline")
    child.send("half a req")
    child.expect("half a req")
    child.sendintr()
    assert leave(child) == 0


def test_tools_are_slash_commands_and_always_asks_no_more(terminal: Terminal, project: Path) -> None:
    child = begin(terminal, "offline")
    say(child, "/run touch one")
    child.expect("Do this\\?.*lways for run")
    child.sendline("a")
    child.expect("succeeded")
    say(child, "!touch two")
    child.expect("succeeded")
    assert (project / "one").exists() and (project / "two").exists()
    say(child, "/run --no-such-flag x")
    child.expect("unrecognized arguments")
    say(child, "/nosuch")
    child.expect("there is no command /nosuch")
    assert leave(child) == 0


def test_edit_gives_the_request_back(terminal: Terminal, project: Path, script: Script) -> None:
    child = begin(terminal, script(run("touch one"), run("touch two")))
    say(child, "make one")
    child.expect("Do this\\?")
    child.sendline("e")
    child.expect("done instead\\?")
    child.sendline("make two")
    child.expect("1. run touch two")
    child.expect("Do this\\?")
    child.sendline("y")
    child.expect("succeeded")
    assert leave(child) == 0
    assert (project / "two").exists() and not (project / "one").exists()


def test_undo_takes_the_last_change_back(terminal: Terminal, project: Path) -> None:
    (project / "kept").write_text("before")
    child = begin(terminal, "offline")
    (project / "other").write_text("after")
    say(child, "/run cp other kept")
    child.expect("Do this\\?")
    child.sendline("y")
    child.expect("succeeded")
    say(child, "/undo")
    child.expect("Do this\\?")
    assert (project / "kept").read_text() == "after"
    child.sendline("y")
    assert leave(child) == 0
    assert (project / "kept").read_text() == "before"


COMMANDS = (
    ("/help", "Ctrl-C"),
    ("/tools", "--scope"),
    ("/plan", "only plans from now on"),
    ("/plan", "carried out again"),
    ("/plan /run true", "1. run true"),
    ("/sessions", "title"),
    ("/model", "offline"),
    ("/model nosuch:x", "error|model|●"),
    ("/memory", "said by"),
    ("/status", "●"),
    ("/diff", "●"),
    ("/history", "●"),
    ("/scan --scope machine", "processor"),
    ("/doctor", "EnvSync can be used"),
    ("/run --help", "the command line"),
    ('/run "open', "Close the quotes"),
)


def test_commands(terminal: Terminal) -> None:
    child = begin(terminal, "offline")
    for line, shown in COMMANDS:
        say(child, line)
        child.expect(shown)
        child.expect_exact(PROMPT)
    child.sendeof()
    child.expect(pexpect.EOF)


def test_plan_only_does_nothing(terminal: Terminal, project: Path, script: Script) -> None:
    child = begin(terminal, script(run("touch made"), run("touch made")))
    say(child, "/plan make it")
    child.expect("1. run touch made")
    child.expect("›")
    say(child, "make it")
    child.expect("Do this\\?")
    child.sendline("n")
    assert leave(child) == 0
    assert not (project / "made").exists()


def test_several_lines_are_one_request(terminal: Terminal, script: Script) -> None:
    child = begin(terminal, script({"kind": "ask", "reply": "both read"}))
    child.send("first\\\r")
    child.send("second\x1b\r")
    say(child, "third")
    child.expect("both read")
    assert leave(child) == 0


def test_hostile_59_a_secret_is_in_no_history(terminal: Terminal, script: Script, private: Path) -> None:
    secret = "sk-ant-api03-abcdefghij0123456789abcdefghij"
    child = begin(terminal, script({"kind": "ask", "reply": "noted"}))
    say(child, f"my key is {secret}")
    child.expect("held a secret")
    child.expect("noted")
    assert leave(child) == 0
    history = private / ".local/state/envsync/history"
    assert "my key is [redacted" in history.read_text() and secret not in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    kept = [file for file in history.parent.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]
    assert kept == [], "nowhere in the state"


def test_history_is_searched_with_ctrl_r(terminal: Terminal, script: Script) -> None:
    child = begin(terminal, script({"kind": "ask", "reply": "one"}))
    say(child, "a request of long ago")
    child.expect("one")
    assert leave(child) == 0
    child = begin(terminal, script({"kind": "ask", "reply": "two"}))
    child.sendcontrol("r")
    child.send("long")
    child.expect("ago")
    child.send("\r")
    child.send("\r")
    child.expect("two")
    assert leave(child) == 0


def test_vi_keys(terminal: Terminal, script: Script) -> None:
    child = begin(terminal, script({"kind": "ask", "reply": "seen"}), env={"ENVSYNC_VI": "1"})
    child.send("wrong\x1bcc")
    child.send("/model")
    child.expect("/model")
    child.send("\r")
    child.expect("scripted")
    assert leave(child) == 0


def test_a_mentioned_file_goes_along(project: Path) -> None:
    (project / "log.txt").write_text("it broke")
    (project / "src").mkdir()
    words, context = mentioned('why @log.txt in @src and "@types/node" for me@host and @nosuch', project)
    assert words == 'why log.txt in src and "@types/node" for me@host and @nosuch'
    assert context == "== log.txt ==\nit broke"
