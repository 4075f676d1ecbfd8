"""The commands that reach other machines, as they are typed: against a real sshd and a real container."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pexpect
import pytest

from tests.lab.containers import Container
from tests.lab.require import require
from tests.lab.ssh import Sshd

Cli = Callable[..., subprocess.CompletedProcess[str]]
ENVSYNC = Path(sys.executable).with_name("envsync")
WAITS = 60.0


@pytest.fixture
def at_home(sshd: Sshd, private: Path) -> Path:
    """A home whose `~/.ssh` leads to the server as `lab`."""
    sshd.trust(private / ".ssh")
    return private


@pytest.fixture
def begun() -> Generator[Callable[..., subprocess.Popen[str]]]:
    """Starts commands that go on until they are stopped."""
    made: list[subprocess.Popen[str]] = []

    def begin(*argv: str) -> subprocess.Popen[str]:
        made.append(
            subprocess.Popen([str(ENVSYNC), *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
        return made[-1]

    yield begin
    for process in made:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def line(process: subprocess.Popen[str]) -> str:
    """The next line that a command prints."""
    assert process.stdout is not None
    return process.stdout.readline()


def test_an_unknown_key_is_shown_refused_without_a_person_and_trusted_by_its_fingerprint(
    cli: Cli, sshd: Sshd, private: Path
) -> None:
    sshd.trust(private / ".ssh", known=False)
    done = cli("envsync", "status", "--on", "ssh:lab")
    assert done.returncode == 3 and "SHA256:" in done.stderr and "envsync trust" in done.stderr
    assert cli("envsync", "trust", "lab", "--yes").returncode == 3, "--yes says nothing about a key"
    assert cli("envsync", "trust", "lab", "SHA256:" + "A" * 43).returncode == 3
    assert (private / ".ssh/known_hosts").read_text() == ""
    shown = json.loads(cli("envsync", "trust", "lab", "--plan", "--json").stdout)
    assert cli("envsync", "trust", "lab", shown["fingerprint"]).returncode == 0
    assert cli("envsync", "status", "--on", "ssh:lab").returncode == 0


def test_at_a_terminal_the_key_is_asked_for_and_the_call_goes_on(sshd: Sshd, private: Path) -> None:
    sshd.trust(private / ".ssh", known=False)
    seen = pexpect.spawn(
        str(ENVSYNC), ["status", "--on", "ssh:lab"], encoding="utf-8", timeout=WAITS, dimensions=(40, 200)
    )
    seen.expect("SHA256:")
    seen.expect(r"\[y\]es")
    seen.sendline("y")
    seen.expect(pexpect.EOF)
    seen.close()
    assert seen.exitstatus == 0 and "Linux" in seen.before
    assert "ssh-ed25519" in (private / ".ssh/known_hosts").read_text()


def test_a_changed_key_is_refused_and_no_flag_helps(cli: Cli, make_sshd: Callable[..., Sshd], private: Path) -> None:
    server = make_sshd()
    server.trust(private / ".ssh")
    server.stop()
    server.rekey()
    server.start()
    for argv in (["status", "--on", "ssh:lab", "--yes"], ["trust", "lab", "--yes"], ["trust", "lab", "SHA256:x"]):
        done = cli("envsync", *argv)
        assert done.returncode == 6 and "SHA256:" in done.stderr, done


def test_a_host_that_is_down_is_6_with_a_hint(cli: Cli, make_sshd: Callable[..., Sshd], private: Path) -> None:
    server = make_sshd(start=False)
    server.trust(private / ".ssh")
    done = cli("envsync", "scan", "--on", "ssh:lab", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == document["exit"] == 6 and document["error"]["hint"]


def test_a_bare_name_is_the_machine_of_that_name(cli: Cli, container: Container, at_home: Path) -> None:
    """An alias of ~/.ssh/config and a container need no prefix."""
    for name, full in ((container.name, container.host), ("lab", "ssh:lab")):
        done = cli("envsync", "run", "--on", name, "--yes", "--json", "--path", "/tmp", "--", "uname")
        assert done.returncode in (0, 3), done
        assert full in cli("envsync", "status", "--on", name, "--json").stdout


def test_a_tunnel_leads_to_a_port_there_and_ends_with_ctrl_c(
    begun: Callable[..., subprocess.Popen[str]], container: Container
) -> None:
    container.run("sh", "-c", "cd /etc && (python3 -m http.server 8099 --bind 127.0.0.1 >/dev/null 2>&1 &)")
    tunnel = begun("tunnel", container.name, "8099", "--json")
    told = json.loads(line(tunnel))
    port = told["forwards"][0]["local"]
    limit = time.monotonic() + WAITS
    answer = b""
    while b"200 OK" not in answer and time.monotonic() < limit:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(b"GET /hostname HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: client.recv(4096), b""))
        except OSError:
            time.sleep(0.1)
    assert b"200 OK" in answer
    tunnel.send_signal(signal.SIGINT)
    assert tunnel.wait(WAITS) == 0
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


@pytest.mark.parametrize("word", ["0", "70000", "eighty", "1:2:3:4", "-p"])
def test_what_is_no_port_is_wrong_usage(cli: Cli, word: str) -> None:
    assert cli("envsync", "tunnel", "local", word).returncode == 2


def test_a_shell_there_is_a_real_terminal_with_its_exit_code(container: Container) -> None:
    seen = pexpect.spawn(
        str(ENVSYNC), ["shell", container.name, "sh"], encoding="utf-8", timeout=WAITS, dimensions=(33, 111)
    )
    seen.expect("#")
    seen.sendline("stty size; echo $((40+2))-there")
    seen.expect("33 111")
    seen.expect("42-there")
    seen.sendline("exit 7")
    seen.expect(pexpect.EOF)
    seen.close()
    assert seen.exitstatus == 7


def test_a_shell_without_a_terminal_is_wrong_usage(cli: Cli) -> None:
    assert cli("envsync", "shell", "local").returncode == 2


@pytest.mark.parametrize("kind", ["docker", "ssh"])
def test_a_mounted_directory_is_the_one_over_there(
    begun: Callable[..., subprocess.Popen[str]],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    kind: str,
) -> None:
    require("fuse")
    if kind == "docker":
        there, name = "/srv/data", request.getfixturevalue("container").name
        request.getfixturevalue("container").run("mkdir", "-p", there)
    else:
        request.getfixturevalue("at_home")
        there, name = str(request.getfixturevalue("sshd").home / "data"), "ssh:lab"
        Path(there).mkdir()
    here = tmp_path / "here"
    here.mkdir()
    process = begun("mount", f"{name}:{there}", str(here), "--json")
    assert json.loads(line(process))["directory"] == there
    limit = time.monotonic() + WAITS
    while not os.path.ismount(here) and time.monotonic() < limit:
        time.sleep(0.05)
    odd = "-rf \n\x1b[31m.txt"
    (here / "sub").mkdir()
    (here / "sub" / odd).write_bytes(b"x" * 300_000)
    (here / "sub" / odd).rename(here / "moved")
    (here / "link").symlink_to("moved")
    os.chmod(here / "moved", 0o751)
    os.utime(here / "moved", ns=(1, 1_500_000_000_123_456_789))
    with open(here / "moved", "r+b") as file:
        file.seek(10)
        file.write(b"inside")
        file.truncate(200_000)
    assert sorted(os.listdir(here)) == ["link", "moved", "sub"] and not os.listdir(here / "sub")
    content = (here / "link").read_bytes()
    assert content == b"x" * 10 + b"inside" + b"x" * (200_000 - 16)
    assert (here / "moved").stat().st_mode & 0o777 == 0o751
    with pytest.raises(FileNotFoundError):
        (here / "none").read_bytes()
    process.send_signal(signal.SIGINT)
    assert process.wait(WAITS) == 0
    assert not os.path.ismount(here) and not os.listdir(here), "what was written is over there"


def test_mounting_over_files_is_refused(cli: Cli, tmp_path: Path) -> None:
    require("fuse")
    (tmp_path / "kept").write_text("x")
    assert cli("envsync", "mount", "local:/tmp", str(tmp_path)).returncode == 2


def test_doctor_names_the_engine_and_what_ssh_has(cli: Cli, docker_engine: str, at_home: Path) -> None:
    found = {one["name"]: one for one in json.loads(cli("envsync", "doctor", "--json").stdout)["checks"]}
    assert found["docker"]["state"] == "ok" and "API" in found["docker"]["what"]
    assert "lab" in found["ssh"]["what"]
    assert found["vm"]["state"] in ("ok", "missing") and found["mount"]["state"] in ("ok", "missing")


def test_a_container_whose_python_and_directory_are_gone_is_put_back(
    cli: Callable[..., subprocess.CompletedProcess[str]], make_container: Callable[..., Container]
) -> None:
    there = make_container("debian")
    there.run("sh", "-c", "mkdir /app && echo 1 > /app/one")
    made = cli("envsync", "snapshot", "--label", "good", "--path", "/app", "--on", there.host)
    assert f"--on {there.host} --path /app" in made.stdout and made.returncode == 0, made
    there.run("sh", "-c", "rm -rf /app /usr/lib/python3*")
    plain = cli("envsync", "drift", "--path", "/app", "--on", there.host)
    assert plain.returncode == 2 and "/app is no directory" in plain.stderr, plain
    back = cli("envsync", "rewind", "--to", "good", "--path", "/app", "--on", there.host, "--yes")
    assert back.returncode == 0 and f"undo: envsync rewind --to last --on {there.host} --path /app" in back.stdout, back
    assert there.run("cat", "/app/one") == "1"
    assert there.run("python3", "-c", "import json; print(1)") == "1"
    for place in ("/never", "/"):
        other = cli("envsync", "rewind", "--to", "good", "--path", place, "--on", there.host, "--yes")
        assert other.returncode == 2 and f"Add: --on {there.host} --path /app" in other.stderr, other


def test_a_machine_that_was_spoken_of_is_compared_with_and_no_snapshot_that_sounds_like_it(
    cli: Cli, make_container: Callable[..., Container]
) -> None:
    there = make_container("debian")
    assert cli("envsync", "snapshot", "--label", f"as on {there.name}").returncode == 0
    given = json.loads(cli("envsync", "drift", "--against", there.name, "--json").stdout)
    assert given["against"] == there.host and given["across"], given
