"""The lab itself: what other tests lean on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.tests.lab.containers import Container
from envsync.tests.lab.engine import docker
from envsync.tests.lab.place import cache
from envsync.tests.lab.require import lacks
from envsync.tests.lab.ssh import Sshd
from envsync.tests.lab.vms import Vm


def test_the_cache_is_found_from_a_private_home(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENVSYNC_LAB", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert not cache().is_relative_to(private)


def test_what_is_required_and_lacking_fails_and_what_is_not_required_is_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENVSYNC_REQUIRE", "ssh, docker")
    with pytest.raises(pytest.fail.Exception, match="none answers"):
        lacks("docker", "none answers")
    with pytest.raises(pytest.skip.Exception, match="none answers"):
        lacks("vm", "none answers")


def test_a_container_has_python_and_apt_and_is_gone_after_its_test(make_container: Callable[..., Container]) -> None:
    made = make_container("debian")
    assert made.run("python3", "-c", "print(6 * 7)") == "42"
    assert "bookworm" in made.run("cat", "/etc/apt/sources.list")
    made.remove()
    assert made.name not in docker("ps", "--all", "--format", "{{.Names}}", address=made.address).split()


def test_a_bare_container_has_a_shell_and_no_python(bare_container: Container) -> None:
    assert bare_container.run("sh", "-c", "echo $((6 * 7))") == "42"
    with pytest.raises(subprocess.CalledProcessError):
        bare_container.run("python3", "--version")


def test_the_ssh_server_lets_in_and_knows_nothing_of_the_real_home(sshd: Sshd) -> None:
    assert sshd.say("pwd; echo $HOME").split() == [str(sshd.home)] * 2


def test_a_server_with_another_key_is_refused_by_who_knew_the_old_one(make_sshd: Callable[..., Sshd]) -> None:
    server = make_sshd(banner="hello\n", shell="/bin/bash", extra=["AcceptEnv LAB_*"])
    assert server.say("echo $0").strip().endswith("bash")
    server.stop()
    server.rekey()
    server.start()
    with pytest.raises(subprocess.CalledProcessError) as caught:
        server.say("true")
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in caught.value.stderr


def test_a_cut_ends_the_connection_and_not_the_server(sshd: Sshd, make_sshd: Callable[..., Sshd]) -> None:
    server = make_sshd()
    argv = ["ssh", "-F", str(server.config), "lab", "echo up; sleep 600"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as client:
        assert client.stdout is not None and client.stdout.readline() == "up\n"
        server.cut()
        assert client.wait(60) == 255
    assert server.say("echo again") == "again\n"


def test_the_images_can_be_made_before_anything_is_installed() -> None:
    code = "import sys; sys.path.insert(0, '.'); import tests.lab.prepare"
    argv = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert (done.returncode, done.stderr) == (0, "")


def test_the_machine_is_there_and_answers(vm: Vm) -> None:
    from envsync.tools.hosts import vm_boot, vm_machine

    machine = vm_machine.find(vm.name)
    assert machine is not None and vm_boot.running(machine) is not None
