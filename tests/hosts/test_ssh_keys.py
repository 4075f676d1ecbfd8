"""The keys of machines: an unknown one is shown and asked for, a changed one is refused, and ssh reads what we write."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.tests.lab.ssh import Sshd
from envsync.tools.errors import Failed, NeedsApproval, Unreachable
from envsync.tools.hosts.ssh_config import Route, route, target
from envsync.tools.hosts.ssh_connect import connect
from envsync.tools.hosts.ssh_keys import ChangedKey, RevokedKey, UnknownKey, accept, key_of, known, trust

Make = Callable[..., Sshd]


def way(server: Sshd) -> Route:
    return route(target(server.host.removeprefix("ssh:")))


async def get_in(server: Sshd) -> None:
    """Connect and log in; raises when that is not possible."""
    await (await connect(way(server))).close()


def public(server: Sshd) -> str:
    return " ".join(Path(f"{server.host_key}.pub").read_text().split()[:2])


def keygen(path: Path, *options: str) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-N", "", "-C", "x", "-f", str(path), *(options or ("-t", "ed25519"))], check=True
    )
    return path


def fingerprint(path: Path) -> str:
    return subprocess.check_output(["ssh-keygen", "-lf", f"{path}.pub"], text=True).split()[1]


@pytest.fixture
def names(sshd: Sshd, private: Path) -> Path:
    """The known_hosts of a user who may log in to the shared server, and who knows nobody yet."""
    sshd.trust(private / ".ssh", known=False)
    return private / ".ssh" / "known_hosts"


async def test_an_unknown_key_is_shown_and_nothing_is_written(sshd: Sshd, names: Path) -> None:
    with pytest.raises(UnknownKey) as error:
        await get_in(sshd)
    assert fingerprint(sshd.host_key) in error.value.what and "ED25519" in error.value.what
    assert "envsync trust" in error.value.hint
    assert (error.value.exit, isinstance(error.value, Unreachable)) == (3, True)
    assert names.read_text() == ""


async def test_an_accepted_key_gets_in_and_ssh_knows_it_too(sshd: Sshd, names: Path) -> None:
    names.write_text("other ssh-ed25519 AAAA")  # a last line that does not end must not be joined
    key = await key_of(sshd.host)
    assert key.fingerprint == fingerprint(sshd.host_key)
    assert await accept(sshd.host, key.fingerprint) == key
    await get_in(sshd)
    await accept(sshd.host, key.fingerprint)
    assert len(names.read_text().splitlines()) == 2, "a key that is known already is not written twice"
    assert "127.0.0.1" not in names.read_text(), "who reads the file learns no names from it"
    argv = ["ssh", "-F", str(names.parent / "config"), "-o", "BatchMode=yes", "lab", "echo in"]
    assert subprocess.check_output(argv, text=True, env={"HOME": str(names.parent.parent)}) == "in\n"


async def test_another_key_than_the_one_said_yes_to_is_not_accepted(sshd: Sshd, names: Path) -> None:
    with pytest.raises(NeedsApproval, match=r"SHA256:"):
        await accept(sshd.host, "SHA256:" + "A" * 43)
    assert names.read_text() == ""


async def test_the_first_known_hosts_is_made_for_its_owner_alone(sshd: Sshd, names: Path) -> None:
    names.unlink()
    trust(await key_of(sshd.host))
    assert names.stat().st_mode & 0o777 == 0o600
    await get_in(sshd)


async def test_a_known_hosts_that_cannot_be_written_says_what_to_add(sshd: Sshd, names: Path) -> None:
    key = await key_of(sshd.host)
    names.unlink()
    names.mkdir()
    with pytest.raises(Failed) as error:
        trust(key)
    assert f"[127.0.0.1]:{sshd.port} {public(sshd)}" in error.value.hint


async def test_a_changed_key_is_refused_and_never_accepted(make_sshd: Make, private: Path) -> None:
    server = make_sshd()
    server.trust(private / ".ssh")
    before = fingerprint(server.host_key)
    server.stop()
    server.rekey()
    server.start()
    after = fingerprint(server.host_key)
    for attempt in (get_in(server), key_of(server.host), accept(server.host, after)):
        with pytest.raises(ChangedKey) as error:
            await attempt
        assert before in error.value.what and after in error.value.what
        assert "known_hosts:1" in error.value.what and "ssh-keygen" in error.value.hint
        assert error.value.exit == 6
    # What the message says to do is what helps.
    names = private / ".ssh" / "known_hosts"
    subprocess.run(["ssh-keygen", "-f", str(names), "-R", way(server).filed], check=True, capture_output=True)
    await accept(server.host, after)
    await get_in(server)


async def test_a_key_of_another_kind_than_the_known_one_is_a_change(sshd: Sshd, names: Path, tmp_path: Path) -> None:
    """Asking for a kind that is not known yet is how somebody in between would avoid the warning."""
    other = keygen(tmp_path / "other", "-t", "ecdsa")
    kind, key = Path(f"{other}.pub").read_text().split()[:2]
    names.write_text(f"{way(sshd).filed} {kind} {key}\n")
    with pytest.raises(ChangedKey, match="ECDSA"):
        await get_in(sshd)


async def test_of_several_keys_the_known_one_is_asked_for(make_sshd: Make, private: Path, tmp_path: Path) -> None:
    rsa = keygen(tmp_path / "rsa", "-t", "rsa", "-b", "2048")
    server = make_sshd(extra=[f"HostKey {rsa}"])
    server.trust(private / ".ssh")
    kind, key = Path(f"{rsa}.pub").read_text().split()[:2]
    (private / ".ssh" / "known_hosts").write_text(f"{way(server).filed} {kind} {key}\n")
    await get_in(server)


async def test_a_revoked_key_is_refused_although_it_is_known(sshd: Sshd, names: Path) -> None:
    names.write_text(f"{way(sshd).filed} {public(sshd)}\n@revoked * {public(sshd)}\n")
    with pytest.raises(RevokedKey) as error:
        await get_in(sshd)
    assert error.value.exit == 6
    with pytest.raises(RevokedKey):
        await key_of(sshd.host)


async def test_an_authority_is_honoured(make_sshd: Make, private: Path, tmp_path: Path) -> None:
    authority = keygen(tmp_path / "ca")
    server = make_sshd(start=False)

    def sign(principal: str, *options: str) -> None:
        argv = ["ssh-keygen", "-q", "-s", str(authority), "-I", "lab", "-h", "-n", principal, *options]
        subprocess.run([*argv, f"{server.host_key}.pub"], check=True)

    sign("127.0.0.1")
    config = server.root / "more"
    config.write_text(f"HostCertificate {server.host_key}-cert.pub\n")
    server._extra.append(f"Include {config}")
    server.start()
    server.trust(private / ".ssh", known=False)
    names = private / ".ssh" / "known_hosts"
    with pytest.raises(UnknownKey):  # nobody is trusted just because somebody signed
        await get_in(server)
    line = f"@cert-authority [127.0.0.*]:{server.port} {Path(f'{authority}.pub').read_text()}"
    names.write_text(line)
    await get_in(server)
    names.write_text(f"{line}@revoked * {Path(f'{authority}.pub').read_text()}")
    with pytest.raises(Unreachable, match="revoked"):
        await get_in(server)
    stranger = Path(f"{keygen(tmp_path / 'stranger')}.pub")
    other = f"@cert-authority * {stranger.read_text()}"
    names.write_text(other)
    with pytest.raises(UnknownKey):  # signed by somebody whom nobody here trusts
        await get_in(server)
    names.write_text(f"{other}{way(server).filed} {public(server)}\n")
    await get_in(server)
    names.write_text(line)
    sign("elsewhere.example")
    server.restart()
    with pytest.raises(Unreachable, match="certificate"):
        await get_in(server)
    sign("127.0.0.1", "-V", "20200101:20200102")
    server.restart()
    with pytest.raises(Unreachable, match="certificate"):
        await get_in(server)


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("[127.0.0.1]:{port}", True),
        ("a,[127.0.0.1]:{port},b", True),
        ("[127.0.0.*]:{port}", True),
        ("[127.0.0.?]:*", True),
        ("*", True),
        ("*,![127.0.0.1]:{port}", False),
        ("![127.0.0.1]:{port},*", False),
        ("127.0.0.1", False),
        ("[127.0.0.1]:1", False),
        ("[127.0.0.2]:{port}", False),
        ("|1|broken", False),
        ("|1|!!|??", False),
    ],
)
def test_a_line_means_the_machines_that_ssh_says_it_means(sshd: Sshd, names: Path, field: str, found: bool) -> None:
    names.write_text(f"{field.format(port=sshd.port)} {public(sshd)}\n")
    assert bool(known(way(sshd)).keys) is found
    argv = ["ssh-keygen", "-F", way(sshd).filed, "-f", str(names)]
    assert (subprocess.run(argv, capture_output=True, check=False).returncode == 0) is found


async def test_a_key_under_the_name_without_the_port_is_trusted_as_ssh_does(sshd: Sshd, names: Path) -> None:
    names.write_text(f"127.0.0.1 {public(sshd)}\n")
    await get_in(sshd)


async def test_another_machine_at_the_same_address_is_no_change(sshd: Sshd, names: Path, tmp_path: Path) -> None:
    """A container's port on localhost has nothing to do with localhost's own key."""
    other = Path(f"{keygen(tmp_path / 'other')}.pub").read_text()
    names.write_text(f"127.0.0.1 {other}")
    with pytest.raises(UnknownKey):
        await get_in(sshd)


async def test_hostile_12_a_damaged_known_hosts_says_nothing_about_others(sshd: Sshd, names: Path) -> None:
    rubbish = b"\xff\xfe\n@strange x y z\n|1|x| ssh-rsa\n\x00\nssh-ed25519\n# note\n* ssh-ed25519 AAAA\n@revoked\n"
    names.write_bytes(rubbish + f"{way(sshd).filed} {public(sshd)}\n".encode())
    await get_in(sshd)


async def test_no_flag_of_the_configuration_lets_an_unknown_key_in(sshd: Sshd, names: Path) -> None:
    config = names.parent / "config"
    text = config.read_text().replace("StrictHostKeyChecking yes", "StrictHostKeyChecking no")
    config.write_text(text.replace(str(names), "/dev/null"))
    with pytest.raises(UnknownKey) as error:
        await get_in(sshd)
    assert error.value.key.file == names, "what is said yes to must be kept where it is found again"
    await accept(sshd.host, error.value.key.fingerprint)
    await get_in(sshd)
