"""Exit codes, messages, and the one JSON document."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]

WRONG = {
    "an unknown flag": ["envsync", "run", "--dry-run", "--", "true"],
    "an unknown command": ["envsync", "snapsh0t"],
    "an abbreviated flag": ["envsync", "run", "--ye", "--", "true"],
    "a missing argument": ["envsync", "run"],
    "a flag without its value": ["envsync", "scan", "--path"],
    "a choice that is none": ["envsync", "scan", "--scope", "galaxy"],
    "a number that is none": ["envsync", "run", "--timeout", "soon", "--", "true"],
    "a directory that is none": ["envsync", "scan", "-C", "/no/such/directory"],
    "a host that cannot be reached from here": ["envsync", "scan", "--on", "moon:base"],
    "no words": ["ask"],
    "an unknown flag of ask": ["ask", "--dry-run", "set this up"],
    "a lock that is none": ["envsync", "unlock", "abc"],
    "a session that is none": ["envsync", "sessions", "delete", "zzz"],
    "a note that is none": ["envsync", "memory", "forget", "99"],
    "a shell that is none": ["envsync", "completion", "tcsh"],
    "a script that is none": ["ask", "--model", "scripted:/none", "hello"],
}


@pytest.mark.parametrize("argv", WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_is_2_with_a_hint(cli: Cli, argv: list[str]) -> None:
    done = cli(*argv)
    assert done.returncode == 2, done
    assert done.stdout == ""
    what, hint = done.stderr.splitlines()[:2]
    assert what.startswith("error: ") and hint.startswith("  ") and hint.strip(), "what happened, and what to do next"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("argv", list(WRONG.values())[1::3], ids=list(WRONG)[1::3])
def test_wrong_usage_with_json_is_one_document(cli: Cli, argv: list[str]) -> None:
    done = cli(argv[0], "--json", *argv[1:])
    document = json.loads(done.stdout)
    assert done.returncode == document["exit"] == 2
    assert document["error"]["what"] and document["error"]["hint"]


def test_a_tool_that_fails_is_1(cli: Cli) -> None:
    done = cli("envsync", "run", "--yes", "--", "false")
    assert done.returncode == 1
    assert "exit code 1" in done.stderr


def test_hostile_32_no_terminal_is_3_and_nothing_is_changed(
    cli: Cli, project: Path, running: Callable[..., str]
) -> None:
    for argv in (["envsync", "run", "--", "touch", "made"], ["ask", "--model", running("touch made"), "make it"]):
        done = cli(*argv)
        assert done.returncode == 3
        assert "--yes" in done.stderr and "Nothing was changed" in done.stderr
        assert done.stdout == ""
        assert not (project / "made").exists()
        document = json.loads(cli(argv[0], "--json", *argv[1:]).stdout)
        assert (document["exit"], document["error"]["code"]) == (3, "needsapproval")


def test_yes_approves_up_to_r2_and_never_r3(cli: Cli, project: Path) -> None:
    assert cli("envsync", "run", "--yes", "--", "touch", "made").returncode == 0
    assert (project / "made").exists()
    done = cli("envsync", "run", "--yes", "--", "sh", "-c", "rm made")
    assert done.returncode == 3 and (project / "made").exists()
    assert "terminal" in done.stderr


def test_not_understood_is_4(cli: Cli, script: Callable[..., str]) -> None:
    for kind in ("ask", "decline"):
        model = script({"kind": kind, "reply": "which one?"})
        done = cli("ask", "--model", model, "upgrade it")
        assert (done.returncode, done.stdout) == (4, "which one?\n")
        document = json.loads(cli("ask", "--model", model, "--plan", "--json", "upgrade it").stdout)
        assert document.keys() == {"kind", "calls", "reply", "model", "seconds"}
        assert (document["kind"], document["calls"], document["reply"]) == (kind, [], "which one?")


def test_a_plan_as_json_is_what_the_contract_says(cli: Cli, project: Path, running: Callable[..., str]) -> None:
    done = cli("ask", "--plan", "--json", "--model", running("touch made"), "make it")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document.keys() == {"kind", "calls", "reply", "model", "seconds"}
    assert document["calls"] == [{"tool": "run", "args": {"command": "touch made"}, "risk": "R2"}]
    assert not (project / "made").exists()


def test_calls_that_cannot_be_planned_here_are_still_understood(cli: Cli, running: Callable[..., str]) -> None:
    model = running("true", "no-such-program --now")
    done = cli("ask", "--plan", "--json", "--model", model, "do both")
    assert done.returncode == 0, done.stdout
    assert [call["args"]["command"] for call in json.loads(done.stdout)["calls"]] == ["true", "no-such-program --now"]


def test_a_dead_endpoint_is_6_within_10_seconds(cli: Cli) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        began = time.monotonic()
        done = cli("ask", "--model", f"m@http://127.0.0.1:{taken.getsockname()[1]}/v1", "what is missing here?")
        assert done.returncode == 6, done.stderr
        assert time.monotonic() - began < 10
        assert done.stdout == ""


def test_typed_json_is_the_result(cli: Cli) -> None:
    done = cli("envsync", "run", "--json", "--yes", "--", "echo", "hello there")
    document = json.loads(done.stdout)
    assert document["tail"] == "hello there\n"
    assert document["transaction"] >= 1 and document["snapshot"] and document["exit"] == 0


def test_flags_stand_before_or_after_the_tool(cli: Cli) -> None:
    before = cli("envsync", "--json", "--plan", "run", "--", "true")
    after = cli("envsync", "run", "--plan", "--json", "--", "true")
    assert json.loads(before.stdout) == json.loads(after.stdout)
    assert json.loads(before.stdout)["plans"][0]["steps"][0]["kind"] == "command"


def test_a_fault_of_ours_is_two_lines_and_a_trace_in_a_file(cli: Cli, environ: dict[str, str], private: Path) -> None:
    """Broken on purpose from outside: a module of the standard library that is not what it should be."""
    (private / "shlex.py").write_text(
        "def split(*_): raise RuntimeError('sk-ant-REDACT0123456789abcdef')\ndef join(_): return ''\n"
    )
    done = cli("envsync", "run", "--yes", "--", "true", env={"PYTHONPATH": str(private)})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and "RuntimeError" in done.stderr
    kept = list((private / ".local/state/envsync").glob("bug-*.txt"))
    assert len(kept) == 1 and "Traceback" in kept[0].read_text()
    assert "REDACT0123" not in kept[0].read_text() + done.stderr, "no secret in a trace or a message"


def test_prose_alone_is_a_decline_with_plan(cli: Cli, script: Callable[..., str]) -> None:
    model = script({"kind": "reply", "reply": "A lockfile pins versions."})
    done = cli("ask", "--plan", "--json", "--model", model, "what is a lockfile?")
    assert (done.returncode, json.loads(done.stdout)["kind"]) == (4, "decline")
    assert cli("ask", "--model", model, "what is a lockfile?").returncode == 0
