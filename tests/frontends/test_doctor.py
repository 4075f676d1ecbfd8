"""Doctor, sessions, memory, unlock: small commands, real files."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envsync.tools import locks

BIN = Path(sys.executable).parent
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(environ: dict[str, str], project: Path) -> Cli:
    def run(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / argv[0], *argv[1:]],
            cwd=project,
            env={**environ, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def state(private: Path) -> Path:
    return private / ".local/state/envsync"


def found(cli: Cli, **env: str) -> tuple[int, dict[str, dict[str, str]]]:
    done = cli("envsync", "doctor", "--json", **env)
    document = json.loads(done.stdout)
    assert document["usable"] == (done.returncode == 0)
    return done.returncode, {check["name"]: check for check in document["checks"]}


def test_a_sound_installation_can_be_used(cli: Cli) -> None:
    code, checks = found(cli)
    assert code == 0, [check for check in checks.values() if check["state"] == "broken"]
    for name in ("python", "state", "journal", "snapshots", "memory", "model", "git", "uv", "node", "apt", "terminal"):
        assert checks[name]["what"], name
    assert all(check["fix"] for check in checks.values() if check["state"] in ("missing", "broken"))
    for name in ("docker", "ssh", "vm", "mount"):
        assert checks[name]["state"] in ("ok", "missing") and checks[name]["what"], name


@pytest.mark.parametrize(("name", "file"), [("journal", "journal.db"), ("memory", "memory/memory.db")])
def test_a_damaged_database_is_named_with_its_fix(cli: Cli, state: Path, name: str, file: str) -> None:
    assert cli("envsync", "remember", "tea").returncode == 0
    (state / file).write_bytes(b"no database at all" * 100)
    code, checks = found(cli)
    assert code == 1 and checks[name]["state"] == "broken"
    assert file in checks[name]["what"] and "Move it away" in checks[name]["fix"]


def test_a_state_directory_that_cannot_be_is_broken(cli: Cli, private: Path) -> None:
    (private / "file").write_text("")
    done = cli("envsync", "doctor", ENVSYNC_STATE=str(private / "file" / "state"))
    assert done.returncode == 1
    assert "ENVSYNC_STATE" in done.stdout


@pytest.fixture
def endpoint() -> Iterator[str]:
    """An endpoint that wants the key `right`."""

    class Models(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            right = self.headers.get("Authorization") == "Bearer right"
            self.send_response(200 if right and self.path == "/v1/models" else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Models) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


def test_the_endpoint_is_asked(cli: Cli, endpoint: str) -> None:
    assert found(cli, OPENAI_BASE_URL=endpoint, OPENAI_API_KEY="right", ENVSYNC_MODEL="m")[1]["model"]["state"] == "ok"
    code, checks = found(cli, OPENAI_BASE_URL=endpoint, OPENAI_API_KEY="wrong-key", ENVSYNC_MODEL="m")
    assert code == 1 and "refuses the key" in checks["model"]["what"] and "wrong-key" not in str(checks)
    code, checks = found(cli, OPENAI_BASE_URL="http://127.0.0.1:9/v1", ENVSYNC_MODEL="m")
    assert code == 1 and "cannot be reached" in checks["model"]["what"]


def test_hostile_53_a_lock_of_another_machine_is_dropped_by_its_id(cli: Cli, state: Path, project: Path) -> None:
    with locks.lock(state / "locks", f"local:{project}", "test"):
        (file,) = (state / "locks").glob("*.lock")
        owner = json.loads(file.read_text())
        assert cli("envsync", "unlock", owner["id"]).returncode == 1, "its process lives here"
    file.write_text(json.dumps({**owner, "machine": "elsewhere"}))
    done = cli("envsync", "run", "--yes", "--", "true")
    assert done.returncode == 1 and f"envsync unlock {owner['id']}" in done.stderr
    assert found(cli)[1]["locks"]["fix"].endswith(f"envsync unlock {owner['id']}")
    assert cli("envsync", "unlock", owner["id"]).returncode == 0
    assert cli("envsync", "run", "--yes", "--", "true").returncode == 0


def test_sessions_are_listed_renamed_and_deleted(cli: Cli, script: Callable[..., str]) -> None:
    model = script({"kind": "ask", "reply": "which?"})
    cli("ask", "--model", model, "upgrade", "it")
    (info,) = json.loads(cli("envsync", "sessions", "--json").stdout)["sessions"]
    assert (info["title"], info["turns"], info["model"]) == ("upgrade it", 1, "scripted")
    assert cli("envsync", "sessions", "rename", info["id"], "another", "title").returncode == 0
    assert "another title" in cli("envsync", "sessions").stdout
    cli("ask", "--model", model, "--session", info["id"], "again")
    assert json.loads(cli("envsync", "sessions", "--json").stdout)["sessions"][0]["turns"] == 2
    assert cli("envsync", "sessions", "delete", info["id"], "--plan").returncode == 0
    assert "another title" in cli("envsync", "sessions").stdout, "--plan does nothing"
    assert cli("envsync", "sessions", "delete", info["id"]).returncode == 0
    assert cli("envsync", "sessions").stdout == "no conversation yet\n"


def test_memory_is_searched_and_forgotten(cli: Cli) -> None:
    assert cli("envsync", "remember", "the database listens on 5433").returncode == 0
    (note,) = json.loads(cli("envsync", "memory", "database", "--json").stdout)["notes"]
    assert note["text"] == "the database listens on 5433"
    done = cli("envsync", "memory", "forget", str(note["id"]))
    assert done.stdout == "forgot: the database listens on 5433\n"
    assert json.loads(cli("envsync", "memory", "--json").stdout)["notes"] == []
    done = cli("envsync", "--no-memory", "remember", "tea")
    assert done.returncode != 0 and "Ask again without --no-memory" in done.stderr


@pytest.mark.parametrize("words", [["\udcff\udcfe"], ["a\u202eb\x07"], ["x" * 100_000], ["مرحبا"]])
def test_hostile_61_odd_requests_are_answered(cli: Cli, script: Callable[..., str], words: list[str]) -> None:
    done = cli("ask", "--model", script({"kind": "ask", "reply": "which?"}), *words)
    assert (done.returncode, done.stdout) == (4, "which?\n"), done.stderr


def test_hostile_61_a_megabyte_of_binary_on_stdin_is_bounded(
    environ: dict[str, str], project: Path, script: Callable[..., str]
) -> None:
    model = script({"kind": "ask", "reply": "which?"})
    done = subprocess.run(
        [BIN / "ask", "--model", model, "what is this"],
        cwd=project,
        env=environ,
        input=bytes(range(256)) * 8000,
        capture_output=True,
        timeout=60,
    )
    assert done.stdout == b"which?\n" and b"left out" in done.stderr, done.stderr


def test_a_models_prose_cannot_drive_the_terminal(cli: Cli, script: Callable[..., str]) -> None:
    done = cli("ask", "--model", script({"kind": "reply", "reply": "all\x1b[2J done\r\u202e"}), "hello")
    assert "\x1b" not in done.stdout and "\\x1b[2J" in done.stdout and "\\r" in done.stdout
    assert done.stdout.endswith("Nothing was changed.\n"), "prose never claims an effect by itself"
