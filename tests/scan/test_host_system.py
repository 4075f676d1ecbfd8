"""The machine's own side: where it runs, disks, engines, graphics processors, what runs and listens, git and ssh."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from envsync.tools.contract import Context
from envsync.tools.hosts.fake import FakeHost
from envsync.tools.scan.host import disks, engines, graphics, identity, running, virtual
from envsync.tools.scan.host.base import Place

from .conftest import fill, program


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "home").mkdir()
    return Place(str(tmp_path / "home"), b"k" * 32, str(tmp_path))


FLAGS = "flags\t\t: fpu vme hypervisor lm\n"


@pytest.mark.parametrize(
    ("files", "hypervisor", "container"),
    [
        ({"proc/cpuinfo": "flags\t\t: fpu vme\n", "proc/2/comm": "kthreadd\n"}, "", ""),
        ({"proc/cpuinfo": FLAGS, "proc/2/comm": "kthreadd\n"}, "unknown", ""),
        ({"proc/cpuinfo": FLAGS, "sys/class/dmi/id/sys_vendor": "QEMU\n"}, "kvm", ""),
        ({"sys/class/dmi/id/sys_vendor": "Microsoft Corporation\n", "sys/class/dmi/id/product_name": "Virtual Machine\n"}, "hyper-v", ""),
        ({"sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "proc/cpuinfo": "flags\t\t: fpu\n"}, "", ""),  # a whole machine of theirs
        ({"sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "proc/cpuinfo": FLAGS}, "amazon", ""),
        ({".dockerenv": "", "proc/cpuinfo": FLAGS, "proc/2/comm": "sh\n"}, "unknown", "docker"),
        ({".dockerenv": "", "proc/2/comm": "kthreadd\n"}, "", ""),  # a container's image, booted as a machine
        ({"run/.containerenv": "", "proc/2/comm": "sh\n"}, "", "podman"),
        ({"proc/1/cgroup": "0::/kubepods/besteffort/pod1\n"}, "", "kubernetes"),
        ({"run/systemd/container": "lxc\n"}, "", "lxc"),
        ({"proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2\n"}, "", "wsl"),
    ],
)  # fmt: skip
def test_what_the_machine_runs_in(
    place: Place, tmp_path: Path, files: dict[str, str], hypervisor: str, container: str
) -> None:
    fill(tmp_path, files)
    found = virtual.look(place)["virtual"]
    assert (found.hypervisor, found.container, found.kvm) == (hypervisor, container, "")
    fill(tmp_path, {"dev/kvm": ""})
    assert virtual.look(place)["virtual"].kvm == "usable"
    if os.geteuid() != 0:
        (tmp_path / "dev/kvm").chmod(0)
        assert virtual.look(place)["virtual"].kvm == "denied"


def test_drives_and_disks(place: Place, tmp_path: Path) -> None:
    drive = {"size": "1000215216\n", "queue/rotational": "0\n", "device/model": "Samsung  SSD \n"}
    fill(tmp_path / "sys/block/nvme0n1", drive)
    fill(tmp_path / "sys/block/sda", {**drive, "queue/rotational": "1\n"})
    fill(tmp_path / "sys/block/loop0", drive)
    fill(tmp_path / "sys/block/sdb", {"size": "0\n"})
    found = {(d.name, d.kind, d.bytes, d.model) for d in disks.drives(place)["drives"]}
    assert found == {("nvme0n1", "nvme", 512110190592, "Samsung SSD"), ("sda", "hdd", 512110190592, "Samsung SSD")}
    (tmp_path / "mnt/my disk").mkdir(parents=True)
    mounts = (
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:5 / /proc rw - proc proc rw\n3 1 8:2 / /mnt/my\\040disk rw - xfs /dev/sdb rw\n"
        "4 1 8:1 /x /etc/hosts rw - ext4 /dev/sda1 rw\n5 1 0:9 / /net/gone rw - nfs4 server:/x rw\n6 1 8:2 / /again rw - xfs /dev/sdb rw\nbroken\n"
        f"7 1 0:44 / {place.home}/cloud rw - fuse.sshfs me@host:/ rw\n"
    )
    fill(tmp_path, {"proc/self/mountinfo": mounts})
    listed = [(d.at, d.kind, d.bytes > 0) for d in disks.disks(place)["disks"]]
    assert listed == [
        ("/", "ext4", True),
        ("/mnt/my disk", "xfs", True),
        ("/net/gone", "nfs4", False),
        ("~/cloud", "fuse.sshfs", False),
    ]


# -- Container engines -------------------------------------------------------------------------------------------------


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[[str, bytes | None], Path]]:
    """Listens on a Unix socket and says one thing to everybody; None: it says nothing at all."""
    opened: list[socket.socket] = []

    def listen(path: str, answer: bytes | None) -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        # A socket's whole path is bounded, so it is made where the path is short.
        server = socket.socket(socket.AF_UNIX)
        handle = os.open(file.parent, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{handle}/{file.name}")
        os.close(handle)
        server.listen()
        opened.append(server)

        def serve() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                if answer is not None:
                    with line:
                        line.recv(4096)
                        line.sendall(answer)
                else:
                    opened.append(line)

        threading.Thread(target=serve, daemon=True).start()
        return file

    yield listen
    for server in opened:
        server.close()


def said(version: str) -> bytes:
    return b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps({"Version": version}).encode()


def test_an_engine_is_what_answers_at_its_socket(place: Place, tmp_path: Path, daemon: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    monkeypatch.setattr(engines, "ANSWERS", 0.2)
    assert engines.look(place)["engines"] == ()
    path = daemon("s/docker.sock", said("27.1.1"))
    if len(str(path)) > 100:
        pytest.skip("the path of the tests' folder is too long for a socket")
    here = replace(place, environ={"DOCKER_HOST": f"unix://{path}"})
    (docker,) = engines.look(here)["engines"]
    assert (docker.name, docker.server, docker.reachable, docker.why) == ("docker", "27.1.1", True, "")
    for answer, why in (
        (b"SSH-2.0-x\r\n", "no engine"),
        (b"HTTP/1.0 200 OK\r\n\r\n[]", "cannot be read"),
        (None, "within"),
    ):
        odd = daemon(f"s/{len(why)}.sock", answer)
        (docker,) = engines.look(replace(place, environ={"DOCKER_HOST": f"unix://{odd}"}))["engines"]
        assert not docker.reachable and why in docker.why
    (docker,) = engines.look(replace(place, environ={"DOCKER_HOST": "ssh://me@box"}))["engines"]
    assert not docker.reachable and docker.why == "it is on another machine (ssh), which is not asked"
    dead = tmp_path / "s/dead.sock"
    dead.write_text("")
    program(tmp_path / "bin", "docker", "exit 1")
    (docker,) = engines.look(replace(place, path=(str(tmp_path / "bin"),), environ={"DOCKER_HOST": f"unix://{dead}"}))[
        "engines"
    ]
    assert (docker.reachable, docker.why) == (False, "nothing listens")


def test_the_chosen_context_says_where_the_engine_is(place: Place, tmp_path: Path, daemon: Callable[..., Path]) -> None:
    path = daemon("c/d.sock", said("26.0.0"))
    if len(str(path)) > 100:
        pytest.skip("the path of the tests' folder is too long for a socket")
    meta = {"Name": "colima", "Endpoints": {"docker": {"Host": f"unix://{path}"}}}
    fill(
        tmp_path / "home",
        {".docker/config.json": '{"currentContext": "colima"}', ".docker/contexts/meta/ab/meta.json": json.dumps(meta)},
    )
    assert [e.server for e in engines.look(place)["engines"]] == ["26.0.0"]


# -- What runs ---------------------------------------------------------------------------------------------------------


def test_units_of_systemd_by_their_groups(place: Place, tmp_path: Path) -> None:
    base = "sys/fs/cgroup/system.slice"
    fill(
        tmp_path,
        {
            f"{base}/nginx.service/cgroup.events": "populated 1\nfrozen 0\n",
            f"{base}/done.service/cgroup.events": "populated 0\n",
            f"{base}/systemd-fsck@dev\\x2ddisk.service/cgroup.procs": "12\n",
            f"{base}/var.mount/cgroup.events": "populated 1\n",
        },
    )
    assert running.services(place) == {"services": ("nginx", "systemd-fsck@dev-disk"), "services_by": "systemd"}


def test_without_systemd_the_processes(place: Place, tmp_path: Path) -> None:
    def process(pid: int, name: str, cmdline: str, since: int) -> dict[str, str]:
        stat = f"{pid} ({name}) S 1 {' '.join(['0'] * 17)} {since * os.sysconf('SC_CLK_TCK')} 0\n"
        return {f"proc/{pid}/comm": f"{name}\n", f"proc/{pid}/cmdline": cmdline, f"proc/{pid}/stat": stat}

    fill(tmp_path, {"proc/uptime": "1000.5 900\n", **process(7, "redis-server", "x", 10), **process(8, "kworker", "", 1),
                    **process(9, "sleep", "x", 10), **process(10, "just-begun", "x", 999)})  # fmt: skip
    assert running.services(place) == {"services": ("redis-server",), "services_by": "processes"}


def test_ports_by_the_kernels_table(place: Place, tmp_path: Path) -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    rest = "00000000:00000000 00:00000000 00000000  1000        0"
    fill(
        tmp_path,
        {
            "proc/net/tcp": head
            + f"   0: 0100007F:1538 00000000:0000 0A {rest} 111 1\n   1: 00000000:0050 00000000:0000 0A {rest} 222 1\n"
            f"   2: 0100007F:9C40 0100007F:1538 01 {rest} 333 1\nbroken line\n",
            "proc/net/tcp6": head + f"   0: 00000000000000000000000001000000:1F90 0:0 0A {rest} 444 1\n"
            f"   1: 0000000000000000FFFF00000100007F:1F91 0:0 0A {rest} 555 1\n   2: 00000000000000000000000000000000:1538 0:0 0A {rest} 666 1\n",
            "proc/42/comm": "postgres\n",
        },
    )
    (tmp_path / "proc/42/fd").mkdir()
    (tmp_path / "proc/42/fd/3").symlink_to("socket:[666]")
    found = [(item.port, item.program, item.everywhere) for item in running.listening(place)["listening"]]
    assert found == [(80, "", True), (5432, "postgres", True), (8080, "", False), (8081, "", False)]


def test_a_port_that_this_very_process_listens_on() -> None:
    if not os.path.exists("/proc/net/tcp"):
        pytest.skip("there is no table of the kernel's here")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        found = {item.port: item for item in running.listening(Place(str(Path.home())))["listening"]}
    name = Path("/proc/self/comm").read_text().strip()
    assert found[port].program == name and not found[port].everywhere


# -- git and ssh -------------------------------------------------------------------------------------------------------


def test_git_identity_is_a_name_and_a_keyed_hash(place: Place, tmp_path: Path) -> None:
    assert identity.git(place)["identity"] is None
    fill(
        tmp_path / "home",
        {
            ".config/git/config": "[user]\n\tname = Old Name\n",
            ".gitconfig": '[alias]\n\tname = no\n[user "sub"]\n\tname = no\n[include]\n\tpath = ~/.git-work\n[User]\n\tName = "Ann Example" # me\n',
            ".git-work": "[user]\n\temail = ann@work.example ; x\n[include]\n\tpath = .git-work\n",
        },
    )
    found = identity.git(place)["identity"]
    assert (found.name, found.email, len(found.digest)) == ("Ann Example", True, 64) and "work.example" not in str(
        found
    )
    other = identity.git(replace(place, key=b"q" * 32))["identity"]
    assert other.digest != found.digest and identity.git(replace(place, key=b""))["identity"].digest == ""


def test_ssh_hosts_by_name_only(place: Place, tmp_path: Path) -> None:
    fill(
        tmp_path / "home",
        {
            ".ssh/config": "Include config.d/*.conf\nInclude /**/x\nInclude config\nHost box web-1 *.corp 10.0.0.7 !no ?x 2001:db8::1\n  HostName 10.1.2.3\n"
            '  User alice\nhost=eq\nMatch host y\nHost "quoted"\n  IdentityFile ~/.ssh/id\n',
            ".ssh/config.d/a.conf": "Host inner\n",
        },
    )
    found = identity.ssh(place)["ssh_hosts"]
    assert found == ("box", "eq", "inner", "quoted", "web-1")


# -- Graphics processors -----------------------------------------------------------------------------------------------

SMI = "NVIDIA H200, 570.86.15, 143771, 9.0\nNVIDIA H200, 570.86.15, 143771, 9.0\n"
ANSWER = {"version": "12.8", "devices": [["NVIDIA H200", "9.0", 150754820096]] * 2}


def gpu(context: Context, tmp_path: Path, commands: dict[tuple[str, ...], tuple[int, str]]) -> list[tuple[str, ...]]:
    host = FakeHost(tmp_path, commands)
    looked = asyncio.run(graphics.look(replace(context, host=host), str(tmp_path)))
    return [(g.name, g.platform, g.version, g.capability, g.why) for g in looked["graphics"]]


def test_a_gpu_that_programs_can_really_use(context: Context, tmp_path: Path) -> None:
    fill(tmp_path, {"proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  x\n"})
    found = gpu(context, tmp_path, {("nvidia-smi",): (0, SMI), ("python3",): (0, json.dumps(ANSWER))})
    assert found == [("NVIDIA H200", "CUDA", "12.8", "9.0", "")] * 2


def test_a_gpu_whose_library_does_not_answer_is_told_with_the_reason(context: Context, tmp_path: Path) -> None:
    fill(tmp_path, {"dev/nvidiactl": ""})
    for said, why in (
        ((0, '{"why": "its library answers with error 803"}'), "its library answers with error 803"),
        ((139, ""), "its library crashed"),
    ):
        found = gpu(context, tmp_path, {("nvidia-smi",): (0, SMI), ("python3",): said})
        assert found[0] == ("NVIDIA H200", "", "", "9.0", why)


def test_without_nvidia_smi_its_library_is_enough_and_without_a_driver_there_is_nothing(context: Context, tmp_path: Path) -> None:  # fmt: skip
    assert gpu(context, tmp_path, {("python3",): (0, json.dumps(ANSWER))}) == [], (
        "nothing speaks for a card, so nobody is asked"
    )
    fill(
        tmp_path,
        {"proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  x\n"},
    )
    assert gpu(context, tmp_path, {("python3",): (0, json.dumps(ANSWER))})[0][:2] == ("NVIDIA H200", "CUDA")
    fill(tmp_path, {"sys/class/drm/card0/device/vendor": "0x8086\n", "sys/class/drm/card0/device/device": "0x46a6\n", "sys/class/drm/card0-DP-1/x": "",
                    "sys/class/drm/card1/device/vendor": "0x1af4\n"})  # fmt: skip
    assert gpu(context, tmp_path, {})[-1] == (
        "intel graphics (0x46a6)",
        "",
        "",
        "",
        "no driver for computing is loaded for it",
    )


def test_amd_by_the_kernels_topology(context: Context, tmp_path: Path) -> None:
    fill(
        tmp_path,
        {
            "sys/class/kfd/kfd/topology/nodes/0/properties": "simd_count 0\ngfx_target_version 0\n",
            "sys/class/kfd/kfd/topology/nodes/1/properties": "simd_count 1216\ngfx_target_version 90402\n",
            "sys/class/kfd/kfd/topology/nodes/1/mem_banks/0/properties": "size_in_bytes 206141652992\n",
            "opt/rocm/.info/version": "6.1.0-82\n",
        },
    )
    assert gpu(context, tmp_path, {}) == [("AMD gfx942", "", "", "gfx942", "this user may not open /dev/kfd")]
    fill(tmp_path, {"dev/kfd": ""})
    assert gpu(context, tmp_path, {("python3",): (0, '{"devices": 1}')}) == [
        ("AMD gfx942", "ROCm", "6.1.0", "gfx942", "")
    ]


@pytest.mark.parametrize("script", [graphics.CUDA, graphics.HIP])
def test_the_scripts_that_ask_the_libraries_run_anywhere(script: str) -> None:
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, timeout=60)
    assert done.returncode == 0 and set(json.loads(done.stdout)) <= {"why", "devices", "version"}
