"""A good citizen of the shell: pipes, signals, and who reads what."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
BIN = Path(sys.executable).parent
PIPES: dict[str, Any] = {
    "stdin": subprocess.DEVNULL,
    "stdout": subprocess.PIPE,
    "stderr": subprocess.PIPE,
    "text": True,
}


@pytest.fixture
def begin(environ: dict[str, str], project: Path) -> Callable[..., Any]:
    @contextmanager
    def start(*argv: str, **options: Any) -> Generator[subprocess.Popen[str]]:
        with subprocess.Popen([BIN / argv[0], *argv[1:]], cwd=project, env=environ, **{**PIPES, **options}) as process:
            try:
                yield process
            finally:
                process.kill()

    return start


def wait_for(file: Path) -> None:
    until = time.monotonic() + 15
    while not file.exists():
        assert time.monotonic() < until, f"{file} never came"
        time.sleep(0.02)


ECHO = {"kind": "ask", "reply": "which one?"}


def test_an_open_stdin_that_nobody_writes_to_does_not_hang(begin: Any, script: Callable[..., str]) -> None:
    with begin("ask", "--model", script(ECHO), "upgrade it", stdin=subprocess.PIPE) as process:
        began = time.monotonic()
        assert process.stdout.read() == "which one?\n"
        assert process.wait(5) == 4
        assert time.monotonic() - began < 5


def test_a_silent_program_at_the_pipe_does_not_hang(begin: Any, script: Callable[..., str]) -> None:
    with (
        subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE) as silent,
        begin("ask", "--model", script(ECHO), "upgrade it", stdin=silent.stdout) as process,
    ):
        assert process.wait(9) == 4
        silent.kill()


@pytest.mark.parametrize("delay", [0, 1.2])
def test_piped_text_is_context(environ: dict[str, str], project: Path, delay: float) -> None:
    """What came through the pipe reaches the model; a program that is slow to begin is waited for."""
    probe = "import sys; from envsync.agent.frontends.piped import piped; sys.stdout.write(piped(words=True))"
    line = f"(sleep {delay}; printf 'the log') | {sys.executable} -c \"{probe}\""
    done = subprocess.run(["bash", "-c", line], env=environ, cwd=project, capture_output=True, text=True, timeout=20)
    assert done.stdout == "the log", done.stderr


def test_a_file_on_stdin_is_the_request_when_there_are_no_words(cli: Cli, script: Callable[..., str]) -> None:
    done = cli("ask", "--model", script(ECHO), input="upgrade it\n")
    assert (done.returncode, done.stdout) == (4, "which one?\n")


def test_piped_stdout_is_exactly_the_answer(cli: Cli, running: Callable[..., str]) -> None:
    done = cli("ask", "--yes", "--model", running("sh -c true", "echo noise"), "go")
    assert done.returncode == 3, "a shell line is R3"
    done = cli("ask", "--yes", "--model", running("echo noise"), "go")
    assert done.returncode == 0
    assert done.stdout.startswith("`echo noise` succeeded") and "\nnoise" not in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "noise" in done.stderr.splitlines(), "what the command wrote is shown beside the answer"


def test_stdout_of_a_typed_run_is_the_commands_own(cli: Cli) -> None:
    done = cli("envsync", "run", "--yes", "--", "printf", "a\\nb")
    assert done.stdout == "a\nb"
    assert "succeeded" in done.stderr


def test_quiet_leaves_the_answer_alone(cli: Cli, running: Callable[..., str]) -> None:
    done = cli("ask", "--quiet", "--yes", "--model", running("echo noise"), "go")
    assert done.stdout.startswith("`echo noise` succeeded")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("program", "kind"),
    [("envsync", signal.SIGINT), ("envsync", signal.SIGTERM), ("envsync", signal.SIGHUP), ("ask", signal.SIGINT)],
)
def test_hostile_51_a_signal_stops_the_command_and_frees_the_lock(
    begin: Any, cli: Cli, project: Path, running: Callable[..., str], program: str, kind: signal.Signals
) -> None:
    command = [sys.executable, "-c", "import time; open('begun', 'w'); time.sleep(60); open('ended', 'w')"]
    (project / "work.py").write_text(command[2])
    words = ["run", "--yes", "--", sys.executable, "work.py"]
    if program == "ask":
        words = ["--yes", "--model", running(f"{sys.executable} work.py"), "do", "the", "work"]
    with begin(program, *words) as process:
        wait_for(project / "begun")
        process.send_signal(kind)
        stderr = process.stderr.read()
        assert process.wait(10) == 130, stderr
    assert "rewind" in stderr or "taken back" in stderr, "what became of it is said"
    assert not (project / "ended").exists()
    assert cli("envsync", "run", "--yes", "--", "true").returncode == 0, "the lock is free"


def test_a_signal_with_json_gives_one_document(begin: Any, project: Path) -> None:
    (project / "work.py").write_text("import time; open('begun', 'w'); time.sleep(60)")
    with begin("envsync", "run", "--json", "--yes", "--", sys.executable, "work.py") as process:
        wait_for(project / "begun")
        process.send_signal(signal.SIGINT)
        document = json.loads(process.stdout.read())
        assert process.wait(10) == document["exit"] == 130


def test_sigint_while_the_model_thinks(begin: Any, project: Path) -> None:
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # takes the connection and never answers
        at = f"m@http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with begin("ask", "--model", at, "what is missing?") as process:
            silent.settimeout(15)
            connection, _ = silent.accept()
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            assert process.wait(8) == 130
            connection.close()


def test_hostile_51_a_reader_that_leaves_ends_an_endless_command(begin: Any, project: Path) -> None:
    (project / "yes.py").write_text("while True: print('y', flush=True)")
    with begin("envsync", "run", "--yes", "--", sys.executable, "yes.py") as process:
        assert process.stdout.readline() == "y\n"
        process.stdout.close()
        assert process.wait(15) == 130
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("argv", [["envsync", "--help"], ["envsync", "scan"], ["envsync", "doctor"]])
def test_hostile_51_a_closed_pipe_is_no_traceback(environ: dict[str, str], project: Path, argv: list[str]) -> None:
    line = f"set -o pipefail; {' '.join(argv)} | true"
    done = subprocess.run(["bash", "-c", line], env=environ, cwd=project, capture_output=True, text=True, timeout=20)
    assert done.stderr == "", done.stderr


def test_streams_that_are_closed_are_survived(environ: dict[str, str], project: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", "envsync scan <&- >&- 2>&-; echo $?"],
        env=environ,
        cwd=project,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.stdout == "0\n"


def test_a_piped_script_of_requests(cli: Cli, script: Callable[..., str], project: Path) -> None:
    model = script({"kind": "calls", "calls": [{"tool": "remember", "args": {"fact": "tea"}}]}, {"kind": "reply"}, ECHO)
    done = cli(
        "envsync",
        "--model",
        model,
        input="# a comment\n\nkeep that: tea\n/remember coffee\nupgrade it\n/remember never\n",
    )
    assert done.returncode == 4, "it ends with the first line that fails"
    assert "remember: tea" in done.stdout and "remember: coffee" in done.stdout
    assert done.stdout.endswith("which one?\n") and "never" not in done.stdout


def test_a_model_that_reads_no_piped_text_says_so(cli: Cli) -> None:
    done = cli("ask", "--plan", "take a snapshot", input="ERROR: it broke\n")
    assert done.returncode == 0 and "did not read what was piped in" in done.stderr
    assert "piped" not in done.stdout
