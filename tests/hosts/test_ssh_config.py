"""Which machine a name means: names, and ~/.ssh/config as ssh itself reads it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from envsync.tools.errors import Usage
from envsync.tools.hosts.registry import Hosts, canonical
from envsync.tools.hosts.ssh import exists
from envsync.tools.hosts.ssh_config import Target, aliases, route, target, through


@pytest.fixture
def config(private: Path) -> Path:
    """Where ~/.ssh/config is."""
    (private / ".ssh").mkdir(mode=0o700)
    return private / ".ssh" / "config"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("web", Target("web")),
        ("me@web", Target("web", "me")),
        ("me@web:2222", Target("web", "me", 2222)),
        ("me@[::1]:2222", Target("::1", "me", 2222)),
        ("[fe80::1%eth0]", Target("fe80::1%eth0")),
        ("::1", Target("::1")),
        ("me@company.com@web", Target("web", "me@company.com")),
        ("ssh://me@web:22", Target("web", "me", 22)),
    ],
)
def test_a_name_is_read(written: str, meant: Target) -> None:
    assert target(written) == meant
    assert target(str(meant)) == meant


@pytest.mark.parametrize(
    "written",
    ["", "@web", "me@", "web:", "web:0", "web:65536", "web:٣", "web:22:33", "[::1", "[web]:22", "-oProxyCommand=x", "-me@web",
     "me@-web", "$(touch x)", "web;id", "we b", "web\n", "a@`id`", "me@web/path", "me'@web", "me@web\\x", "[fe80::1%$(id)]"],
)  # fmt: skip
def test_hostile_04_a_name_that_a_shell_could_read_is_no_name(written: str) -> None:
    """A ProxyCommand is a shell line into which host and user are put: CVE-2023-51385 came in that way."""
    with pytest.raises(Usage):
        target(written)


def test_the_registry_takes_users_and_aliases(config: Path) -> None:
    config.write_text("Host web db-1\n  User me\nHost *.lan !x *\n  Port 23\n")
    assert canonical("me@host:22") == "ssh:me@host:22"
    assert canonical("web") == "ssh:web"
    assert Hosts().open("ssh:web").name == "ssh:web"
    assert not exists("x") and not exists("*")
    with pytest.raises(Usage):
        canonical("x")


def test_aliases_follow_includes_and_survive_circles(config: Path) -> None:
    (config.parent / "more").mkdir()
    (config.parent / "more" / "a.conf").write_text("Host=inner\n")
    (config.parent / "self").write_text("Include self\nHost circle\n")
    config.write_text(
        'Include more/*.conf\nInclude ~/.ssh/self missing\nHost "outer" # note\nHost \'broken\nMatch host x\n'
    )
    assert aliases() == ["inner", "circle", "outer"]


def test_a_route_is_what_ssh_makes_of_it(config: Path) -> None:
    config.write_text(
        "Host web\n  HostName 10.0.0.7\n  Port 2200\n  User deploy\n  IdentityFile ~/.ssh/work\n  IdentitiesOnly yes\n"
        "  ProxyJump me@hop:23,[::1]:24\n  ConnectTimeout 3\n  ServerAliveInterval 7\n  HostKeyAlias fleet\n"
        "  UserKnownHostsFile ~/.ssh/theirs\nMatch originalhost web user deploy\n  ServerAliveCountMax 2\n"
        "Host *\n  User nobody\n"
    )
    way = route(target("web"))
    assert (way.host, way.port, way.user, way.connect, way.alive, way.misses) == ("10.0.0.7", 2200, "deploy", 3, 7, 2)
    assert way.jumps == (Target("hop", "me", 23), Target("::1", "", 24))
    assert (way.identities, way.only) == ((config.parent / "work",), True)
    assert (way.known[0], way.filed) == (config.parent / "theirs", "fleet")
    other = route(target("root@web:22"))
    assert (other.user, other.port, other.misses) == ("root", 22, 3)
    ours = {"hostname": way.host, "port": str(way.port), "user": way.user, "serveraliveinterval": str(way.alive)}
    ours |= {"serveralivecountmax": str(way.misses), "hostkeyalias": way.alias, "connecttimeout": "3"}
    argv = ["ssh", "-F", str(config), "-G", "web"]
    said = dict(line.split(" ", 1) for line in subprocess.check_output(argv, text=True).splitlines() if " " in line)
    assert {key: said[key] for key in ours} == ours


@pytest.mark.parametrize("nowhere", ["none", "/dev/null"])
def test_a_configuration_cannot_switch_the_check_of_keys_off(config: Path, nowhere: str) -> None:
    """asyncssh reads `UserKnownHostsFile none` as "trust anybody"."""
    config.write_text(f"Host *\n  UserKnownHostsFile {nowhere}\n  StrictHostKeyChecking no\n")
    assert route(target("web")).known[0] == config.parent / "known_hosts"


def test_a_configuration_that_others_may_write_is_refused(config: Path) -> None:
    config.write_text("Host web\n")
    config.chmod(0o620)
    with pytest.raises(Usage, match="others may write") as error:
        route(target("web"))
    assert "chmod 600" in error.value.hint


def test_a_configuration_that_makes_no_sense_names_its_line(config: Path) -> None:
    config.write_text("Host web\n  Port many\n")
    with pytest.raises(Usage, match="line 2"):
        route(target("web"))


def test_the_agent_is_the_one_that_is_configured(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/usual")
    monkeypatch.setenv("OTHER", "/other")
    config.write_text(
        "Host none\n  IdentityAgent none\nHost set\n  IdentityAgent $OTHER\nHost file\n  IdentityAgent ~/sock\n"
        "Host same\n  IdentityAgent SSH_AUTH_SOCK\n"
    )
    found = {name: route(target(name)).agent for name in ("none", "set", "file", "same", "unnamed")}
    home = str(config.parent.parent)
    assert found == {"none": "", "set": "/other", "file": f"{home}/sock", "same": "/usual", "unnamed": "/usual"}


def test_the_way_leads_over_the_jumps_of_the_first_jump(config: Path) -> None:
    config.write_text("Host web\n  ProxyJump mid\nHost mid\n  ProxyJump edge\nHost edge\n  HostName 1.2.3.4\n")
    assert [str(hop) for hop in through(route(target("web")))] == ["edge", "mid"]


def test_a_jump_for_all_hosts_is_not_its_own_jump(config: Path) -> None:
    config.write_text("Host bastion\n  HostName 1.2.3.4\nHost *\n  ProxyJump bastion\n")
    assert [str(hop) for hop in through(route(target("web")))] == ["bastion"]
    assert through(route(target("bastion"))) == ()


def test_jumps_in_a_circle_are_an_error(config: Path) -> None:
    config.write_text("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")
    with pytest.raises(Usage, match="circle"):
        through(route(target("a")))


def test_an_included_configuration_that_others_may_write_is_refused(config: Path) -> None:
    config.write_text("Include more\n")
    more = config.parent / "more"
    more.write_text("Host web\n")
    more.chmod(0o606)
    with pytest.raises(Usage, match="more"):
        route(target("web"))


def test_the_tokens_of_known_hosts_names_are_filled_in(config: Path) -> None:
    config.write_text(
        "Host web\n  HostName 10.0.0.7\n  User me\n  Port 23\n  UserKnownHostsFile %d/keys/%n-%k-%p-%r-100%%\n"
    )
    assert route(target("web")).known[0] == config.parent.parent / "keys" / "web-10.0.0.7-23-me-100%"
