"""Real virtual machines: recorded and put back, killed, held, made twice. One machine serves most tests of a worker."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from envsync.tests.lab.require import require
from envsync.tests.lab.vms import Vm, share_images
from envsync.tools.errors import EnvSyncError, Failed, Unreachable, Usage
from envsync.tools.hosts import qmp, vm_boot, vm_machine, vm_plug, vm_records
from envsync.tools.hosts.base import Freezes, Frozen, Touched
from envsync.tools.hosts.vm import VmHost


@pytest.fixture
async def host(vm: Vm) -> AsyncIterator[VmHost]:
    host = VmHost(vm.name, vm.root)
    yield host
    await host.close()


async def sh(host: VmHost, script: str) -> str:
    done = await host.run(["sh", "-ec", script], timeout=300)
    assert done.code == 0, done.error
    return done.text


async def start_again(host: VmHost) -> None:
    """Leave the shared machine as the next test expects it."""
    await host.close()
    await vm_boot.start(host.machine(), host.root)


async def taken(port: int) -> socket.socket:
    """A socket that listens on a port which is, or will soon be, free."""
    async with asyncio.timeout(60):
        while True:
            made = socket.socket()
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                made.bind(("127.0.0.1", port))
            except OSError:
                made.close()
                await asyncio.sleep(0.05)
            else:
                made.listen()
                return made


# -- Recorded and put back ----------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_machine_is_recorded_compared_put_back_and_forgotten(host: VmHost) -> None:
    """Content, metadata, memory and clock: what was is there again, what came since is gone."""
    assert isinstance(host, Freezes)
    await sh(
        host,
        "rm -rf /site; mkdir /site; cd /site; echo one > same-size; echo old > grows; echo kept > deleted; ln -s grows link;"
        "chmod 640 grows; touch -d 2020-01-01 same-size; setsid sleep 98765 </dev/null >/dev/null 2>&1 &",
    )
    boot = await sh(host, "cat /proc/sys/kernel/random/boot_id")
    random = await sh(host, "cat /proc/sys/kernel/random/uuid")
    lists = vm_machine.home(host.machine(), host.root) / "frozen"
    before = set(lists.iterdir()) if lists.is_dir() else set[Path]()  # other tests share the machine
    frozen = await host.freeze("t/1 ; x")
    assert frozen.bytes > 10_000_000
    assert await host.differs(frozen) == []
    await sh(
        host,
        "pkill -x sleep; cd /site; echo two > same-size; touch -d 2020-01-01 same-size; echo longer > grows; chmod 600 grows; rm deleted;"
        "mkdir dir; echo new > dir/file; rm link; ln -s dir link; printf x > \"$(printf 'new\\nline')\"",
    )
    assert await host.differs(frozen) == [
        Touched("/site/deleted", "deleted"),
        Touched("/site/dir", "added"),
        Touched("/site/dir/file", "added"),
        Touched("/site/grows", "changed"),
        Touched("/site/link", "changed"),
        Touched("/site/new\nline", "added"),
        Touched("/site/same-size", "changed"),
    ]
    await host.thaw(frozen, ["/site/same-size", "/site/dir", "/site/link"])
    assert [(one.path, one.how) for one in await host.differs(frozen)] == [
        ("/site/deleted", "deleted"),
        ("/site/grows", "changed"),
        ("/site/new\nline", "added"),
    ]
    assert await sh(
        host, "cd /site; cat same-size; stat -c %Y same-size; readlink link; ls /run | grep envsync- || :"
    ) == ("one\n1577836800\ngrows\n")
    await host.thaw(frozen)
    assert await host.differs(frozen) == []
    assert await sh(host, "cat /site/grows; stat -c %a /site/grows") == "old\n640\n"
    assert await sh(host, "cat /proc/sys/kernel/random/boot_id; pgrep -c -x sleep") == f"{boot}1\n"  # memory as well
    assert abs((await host.info()).clock) < 30
    assert await sh(host, "cat /proc/sys/kernel/random/uuid") != random
    await host.forget(frozen)
    await host.forget(frozen)
    with pytest.raises(Failed, match="is gone"):
        await host.differs(frozen)
    assert set(lists.iterdir()) == before


async def test_the_record_of_another_machine_is_refused(host: VmHost) -> None:
    machine = host.machine()
    for frozen in (
        Frozen("vm", {"uuid": "other", "tag": "envsync-x"}),
        Frozen("container", {"uuid": machine.uuid, "tag": "envsync-x"}),
        Frozen("vm", {"uuid": machine.uuid, "tag": "x"}),
    ):
        for work in (host.thaw(frozen), host.thaw(frozen, ["/x"]), host.differs(frozen)):
            with pytest.raises(Failed, match="another machine"):
                await work
    mine = Frozen("vm", {"uuid": machine.uuid, "tag": "envsync-gone", "running": True})
    for path in ("relative", "/a/../../b", "/a\0b"):
        with pytest.raises(Failed, match="absolute"):
            await host.thaw(mine, [path])


@pytest.mark.slow
async def test_a_record_that_is_gone_changes_nothing(host: VmHost) -> None:
    await sh(host, "echo mine > /root/mine")
    frozen = Frozen("vm", {"uuid": host.machine().uuid, "tag": "envsync-never", "running": True})
    for paths in ((), ("/root/mine",)):
        with pytest.raises(Failed):
            await host.thaw(frozen, paths)
    assert await sh(host, "cat /root/mine") == "mine\n"
    async with qmp.talk(vm_machine.home(host.machine(), host.root)) as monitor:
        assert vm_records.BEFORE not in await vm_records.tags(monitor)


@pytest.mark.slow
async def test_hostile_50_a_crash_half_way_is_made_good_by_the_next_use(host: VmHost) -> None:
    """Killed while it was held, with a disk plugged in, and with a record that nobody wrote down."""
    path = vm_machine.home(host.machine(), host.root)
    await sh(host, "echo now > /root/file")
    first = await host.freeze("crash")
    made = vm_plug.plugged(host, host.machine(), first.data["tag"])
    mounted = await made.__aenter__()
    await sh(host, f"test -d {mounted}/etc")
    await host.close()
    async with qmp.talk(path) as monitor:
        await monitor.do("stop")
    # What a process that starts anew finds: it never saw the one that died.
    fresh = VmHost(host.name.removeprefix("vm:"), host.root)
    try:
        assert await sh(fresh, "cat /root/file") == "now\n"
        await sh(fresh, f"umount {mounted} || :")
        second = await fresh.freeze("crash")
        assert await fresh.differs(second) == []
        async with qmp.talk(path) as monitor:
            nodes = {node["node-name"] for node in await monitor.do("query-named-block-nodes", flat=True)}
            assert vm_plug.PLUGGED not in nodes
            assert [tag for tag in await vm_records.tags(monitor) if "crash" in tag] == [first.data["tag"]]
        await fresh.forget(second)
    finally:
        await fresh.close()
        (path / "frozen.qcow2").unlink(missing_ok=True)


@pytest.mark.slow
async def test_a_machine_that_is_off_is_recorded_by_its_disk(host: VmHost) -> None:
    await sh(host, "rm -rf /off; mkdir /off; echo one > /off/off; sync")
    await host.close()
    await vm_boot.stop(host.machine(), host.root)
    frozen = await host.freeze("off")
    assert vm_boot.running(host.machine(), host.root) is None
    await sh(host, "echo two > /off/off; echo x > /off/more")
    assert await host.differs(frozen) == [Touched("/off/more", "added"), Touched("/off/off", "changed")]
    await host.thaw(frozen)
    assert await sh(host, "cat /off/off; ls /off") == "one\noff\n"
    running = await host.freeze("on")
    await sh(host, "rm /off/off")
    await host.close()
    await vm_boot.stop(host.machine(), host.root)
    await host.thaw(running)
    assert await sh(host, "cat /off/off") == "one\n"
    # A machine that cannot take up that memory any more: the disk alone is put back.
    await sh(host, "rm /off/off")
    path, before = vm_machine.home(host.machine(), host.root), host.machine()
    vm_machine.keep(replace(before, memory=before.memory - 64), path)
    await host.thaw(replace(running, data={**running.data, "qemu": "another"}))
    assert await sh(host, "cat /off/off") == "one\n"
    vm_machine.keep(replace(host.machine(), memory=before.memory), path)
    for one in (frozen, running):
        await host.forget(one)


# -- When it breaks -----------------------------------------------------------------------------------------------


async def test_a_machine_that_is_killed_is_unreachable_and_then_started_again(host: VmHost) -> None:
    await sh(host, "echo safe > /root/safe; sync")
    task = asyncio.ensure_future(host.run(["sleep", "600"], timeout=None))
    pid = vm_boot.running(host.machine(), host.root)
    assert pid is not None
    await host.stat(Path("/"))  # the command before it is on its way
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Unreachable) as error:
        await task
    assert error.value.hint
    port = host.machine().port
    with await taken(port):  # somebody takes the port meanwhile
        assert await sh(host, "cat /root/safe") == "safe\n"
    assert host.machine().port != port
    assert vm_boot.running(host.machine(), host.root) not in (None, pid)


async def test_its_key_is_the_one_that_was_made_for_it(host: VmHost, vm: Vm) -> None:
    """Nothing is trusted on first use: another key is refused, and ours can be read by us alone."""
    path = vm_machine.home(host.machine(), vm.root)
    known = path / "known_hosts"
    before = known.read_text()
    assert before.split()[2] in await sh(host, "cat /etc/ssh/ssh_host_ed25519_key.pub")
    await host.close()
    other = (vm.root / "vms/.shared/key.pub").read_text().split()[1]
    try:
        known.write_text(f"{before.split()[0]} ssh-ed25519 {other}\n")
        with pytest.raises(Unreachable, match="another key"):
            await host.info()
    finally:
        known.write_text(before)
    for name in ("vms/.shared/key", f"vms/{vm.name}/initrd", f"vms/{vm.name}/disk.qcow2", f"vms/{vm.name}/vm.json"):
        assert (vm.root / name).stat().st_mode & 0o077 == 0, name


@pytest.mark.slow
async def test_a_machine_that_does_not_come_up_shows_what_it_said_last(vm: Vm) -> None:
    machine = await vm_machine.create("stuck", root=vm.root, memory=128)
    path = vm_machine.home(machine, vm.root)
    try:
        image = (path / "initrd").read_bytes()
        (path / "initrd").write_bytes(b"")  # nothing that could be run first
        with pytest.raises(Unreachable, match="stuck") as error:
            await vm_boot.start(machine, vm.root)
        assert "panic" in str(error.value) and "VFS" in str(error.value)
        assert vm_boot.running(machine, vm.root) is None
        (path / "initrd").write_bytes(image)
        with pytest.raises(Unreachable, match="within 0 seconds"):
            await vm_boot.start(machine, vm.root, limit=0.01)
        assert vm_boot.running(machine, vm.root) is None
    finally:
        await vm_boot.delete(machine, vm.root)
    assert not path.exists() and await vm_boot.delete(machine, vm.root) is None


def test_hostile_52_of_two_processes_that_make_a_machine_one_does(vm: Vm) -> None:
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom envsync.tools.errors import Usage\n"
        "from envsync.tools.hosts import vm_machine\n"
        "try:\n    asyncio.run(vm_machine.create('twice', root=Path(sys.argv[1]))); print('made')\n"
        "except Usage as error: print(error.what)\n"
    )
    argv = [sys.executable, "-c", code, str(vm.root)]
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate()[0].strip() for process in both)
    assert said == ["made", "there is a virtual machine twice already"]
    assert not [name for name in os.listdir(vm.root / "vms") if name.startswith(".new")]
    machine = vm_machine.find("twice", vm.root)
    assert machine is not None
    asyncio.run(vm_boot.delete(machine, vm.root))


@pytest.mark.parametrize("sizes", [{"memory": 1}, {"disk": 1}, {"cpus": 0}])
async def test_sizes_that_make_no_sense_are_refused(sizes: dict[str, int], vm: Vm) -> None:
    with pytest.raises(Usage, match="cannot be made"):
        await vm_machine.create("odd", root=vm.root, **sizes)


@pytest.fixture
def small_disk(tmp_path: Path) -> AsyncIterator[Path]:
    """A state directory on a file system of its own that is soon full."""
    require("root")
    path = tmp_path / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


@pytest.mark.slow
async def test_hostile_48_a_full_disk_here_loses_nothing(vm: Vm, small_disk: Path) -> None:
    """The machine's own disk is held by qemu until there is space; a record that does not fit leaves nothing behind."""
    share_images()
    machine = await vm_machine.create("full", root=small_disk, memory=256)
    host = VmHost("full", small_disk)
    try:
        await sh(host, "echo kept > /root/kept; sync")
        with pytest.raises(Failed, match="could not be recorded") as error:
            await host.freeze("x")
        assert "space" in error.value.hint
        size = (vm_machine.home(machine, small_disk) / "disk.qcow2").stat().st_blocks
        assert size * 512 < 24 << 20  # nothing of the record stays
        assert await sh(host, "cat /root/kept") == "kept\n"
        (small_disk / "ballast").write_bytes(bytes(4 << 20))
        task = asyncio.ensure_future(
            host.run(["sh", "-c", "dd if=/dev/urandom of=/root/big bs=1M count=40; sync"], timeout=None)
        )
        async with asyncio.timeout(120):
            while True:
                async with qmp.talk(vm_machine.home(machine, small_disk)) as monitor:
                    if (await monitor.do("query-status"))["status"] == "io-error":
                        break
                await asyncio.sleep(0.1)
        with pytest.raises(Unreachable, match="disk under"):
            await vm_boot.start(machine, small_disk)
        subprocess.run(["mount", "-o", "remount,size=200m", small_disk], check=True)
        await vm_boot.start(machine, small_disk)
        assert (await task).code == 0
        assert await sh(host, "cat /root/kept; stat -c %s /root/big") == "kept\n41943040\n"
    finally:
        await host.close()
        await vm_boot.delete(machine, small_disk)


async def test_making_one_on_a_full_disk_leaves_nothing(vm: Vm, tmp_path: Path) -> None:
    require("root")
    share_images()
    path = tmp_path / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path], check=True)
    try:
        with pytest.raises(EnvSyncError) as error:
            await vm_machine.create("full", root=path)
        assert "space" in error.value.hint.lower()
        assert [name for name in os.listdir(path / "vms") if not name.startswith(".shared")] == []
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


async def test_a_disk_that_is_larger_is_used(vm: Vm) -> None:
    """The overlay has the size that was asked for; the file holds only what was written."""
    machine = await vm_machine.create("large", root=vm.root, disk=20)
    disk = vm_machine.home(machine, vm.root) / "disk.qcow2"
    shown = subprocess.run(
        [str(shutil.which("qemu-img")), "info", disk], capture_output=True, text=True, check=True
    ).stdout
    assert "20 GiB" in shown and disk.stat().st_size < 1 << 20
    await vm_boot.delete(machine, vm.root)
