"""Containers recorded whole and put back, in a real engine."""

from __future__ import annotations

import json
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from envsync.tests.lab.containers import Container
from envsync.tests.lab.engine import docker
from envsync.tools.errors import EnvSyncError, Failed, Usage
from envsync.tools.hosts import docker_files as files
from envsync.tools.hosts.base import Freezes, Frozen, Touched
from envsync.tools.hosts.docker import DockerHost, open_host
from envsync.tools.hosts.docker_engine import Engine, engine
from envsync.tools.hosts.docker_freeze import differs, discard, freeze
from envsync.tools.hosts.docker_record import outside
from envsync.tools.hosts.docker_thaw import thaw

Make = Callable[..., Container]


@pytest.fixture
def there(docker_engine: str) -> Engine:
    return engine()


@pytest.fixture
def snap(there: Engine) -> Generator[Callable[..., Frozen]]:
    """Records a container under an id that no other test has; forgotten after the test."""
    made: list[str] = []

    def take(name: str, **options: Any) -> Frozen:
        made.append(f"test-{secrets.token_hex(6)}")
        return freeze(there, name, made[-1], **options)

    yield take
    for id in made:
        discard(there, id)


@pytest.fixture
def volume(docker_engine: str) -> Generator[str]:
    name = f"lab-{secrets.token_hex(6)}"
    yield name
    for row in docker("ps", "-aq", "--filter", f"volume={name}", address=docker_engine).split():
        docker("rm", "-f", row, address=docker_engine)
    docker("volume", "rm", "-f", name, address=docker_engine)


def sh(container: Container, script: str) -> str:
    return container.run("sh", "-ec", script)


def told(found: list[Touched]) -> list[tuple[str, str]]:
    return [(each.path, each.how) for each in found]


def everything(there: Engine, name: str) -> dict[str, Any]:
    """All files of a container and of its volumes."""
    info = there.inspect(name)
    away = outside(info)
    own = files.entries(there.slow.export(info["Id"]))
    found: dict[str, Any] = {
        path: entry for path, entry in own.items() if not path.startswith(("/dev", "/etc/", "/sys", "/proc"))
    }
    for mount in away:
        found |= {mount + path: entry for path, entry in files.look(there.slow, info["Id"], mount).items()}
    return found


FILES = r"""
mkdir -p /srv/app/deep /srv/gone; echo 1 >/srv/app/a; echo 2 >/srv/app/b; ln /srv/app/b /srv/app/hard; ln -s a /srv/app/soft
echo x >/srv/app/deep/x; echo g >/srv/gone/g; chmod 640 /srv/app/a; chown 33:44 /srv/app/b; mkfifo /srv/app/fifo
echo same >/srv/app/touched; echo kept >/srv/app/kept
"""
CHANGES = r"""
echo 7 >/srv/app/a; chmod 600 /srv/app/b; rm /srv/app/soft; ln -s b /srv/app/soft; rm -r /srv/app/deep; echo file >/srv/app/deep
rm -r /srv/gone; mkdir /srv/gone; echo new >/srv/gone/n; mkdir /srv/made; echo m >/srv/made/m; touch -t 200001010000 /srv/app/touched
"""
CHANGED = [
    ("/srv/app/a", "changed"),
    ("/srv/app/b", "changed"),
    ("/srv/app/deep", "changed"),
    ("/srv/app/deep/x", "deleted"),
    ("/srv/app/hard", "changed"),
    ("/srv/app/soft", "changed"),
    ("/srv/gone/g", "deleted"),
    ("/srv/gone/n", "added"),
    ("/srv/made", "added"),
    ("/srv/made/m", "added"),
]


def test_what_differs_is_exact_and_putting_back_leaves_nothing(make_container: Make, there: Engine, snap: Any) -> None:
    box = make_container("busybox")
    sh(box, FILES)
    frozen, before = snap(box.name), everything(there, box.name)
    assert differs(there, box.name, frozen) == []
    sh(box, CHANGES)
    assert told(differs(there, box.name, frozen)) == CHANGED
    thaw(there, box.name, frozen)
    assert differs(there, box.name, frozen) == []
    assert everything(there, box.name) == before
    assert sh(box, "stat -c %Y:%u:%a /srv/app/b; readlink /srv/app/soft").splitlines()[1] == "a"
    # Once more, from the container that was put back: its own image is the record now. The two names of one file are in
    # a layer below by now, where the engine's file system parts them when one is changed.
    sh(box, CHANGES)
    assert told(differs(there, box.name, frozen)) == [each for each in CHANGED if each[0] != "/srv/app/hard"]


def test_what_differs_from_a_record_of_another_container_of_that_name(
    make_container: Make, there: Engine, snap: Any
) -> None:
    box = make_container("busybox")
    sh(box, FILES)
    first = snap(box.name)
    sh(box, CHANGES)
    second = snap(box.name)
    thaw(there, box.name, first)
    assert told(differs(there, box.name, second)) == [
        (path, {"added": "deleted", "deleted": "added"}.get(how, how)) for path, how in CHANGED
    ]
    thaw(there, box.name, second)
    assert told(differs(there, box.name, first)) == CHANGED


def test_many_changes_are_found_by_reading_all_of_it(make_container: Make, there: Engine, snap: Any) -> None:
    box = make_container("busybox")
    sh(box, "for i in $(seq 40); do mkdir -p /srv/d$i; echo $i >/srv/d$i/f; done; mkdir /var/x; chmod 700 /var/x")
    frozen = snap(box.name)
    sh(box, "for i in $(seq 40); do echo n$i >/srv/d$i/f; done; chmod 711 /var/x")
    assert told(differs(there, box.name, frozen)) == [
        *sorted((f"/srv/d{i}/f", "changed") for i in range(1, 41)),
        ("/var/x", "changed"),
    ]


def test_volumes_go_back_with_it_and_bound_directories_stay(
    make_container: Make, there: Engine, snap: Any, volume: str, tmp_path: Any
) -> None:
    (tmp_path / "mine").write_text("1")
    box = make_container(
        "busybox", "-v", f"{volume}:/data", "-v", "/cache", "-v", f"{tmp_path}:/bound", "--tmpfs", "/scratch"
    )
    sh(
        box,
        "echo one >/data/f; ln /data/f /data/g; mkdir /data/d; chmod 700 /data/d; chown 5:6 /data/d; echo c >/cache/c; chmod 770 /data",
    )
    frozen = snap(box.name)
    assert any(str(tmp_path) in notice for notice in frozen.notices) and any("/scratch" in n for n in frozen.notices)
    before = everything(there, box.name)
    sh(box, "echo two >/data/f; rmdir /data/d; echo n >/data/new; rm /cache/c; chmod 755 /data; echo 2 >/bound/mine")
    assert told(differs(there, box.name, frozen)) == [
        ("/cache/c", "deleted"),
        ("/data", "changed"),
        ("/data/d", "deleted"),
        ("/data/f", "changed"),
        ("/data/g", "changed"),
        ("/data/new", "added"),
    ]
    thaw(there, box.name, frozen)
    assert differs(there, box.name, frozen) == []
    assert {k: v for k, v in everything(there, box.name).items() if not k.startswith("/bound")} == {
        k: v for k, v in before.items() if not k.startswith("/bound")
    }
    assert (tmp_path / "mine").read_text() == "2\n"
    assert sh(box, "stat -c %i /data/f /data/g").split()[0] == sh(box, "stat -c %i /data/f /data/g").split()[1]


def test_a_volume_that_was_removed_meanwhile_comes_back(
    there: Engine, snap: Any, make_container: Make, volume: str
) -> None:
    box = make_container("busybox", "-v", f"{volume}:/data")
    sh(box, "echo kept >/data/f")
    frozen = snap(box.name)
    box.remove()
    docker("volume", "rm", volume, address=box.address)
    thaw(there, box.name, frozen)
    assert sh(box, "cat /data/f") == "kept"


def test_the_settings_are_those_of_before(make_container: Make, there: Engine, snap: Any, docker_engine: str) -> None:
    network = f"lab-{secrets.token_hex(6)}"
    third = random.randrange(1, 250)
    docker(
        "network", "create", "--subnet", f"10.{random.randrange(100, 250)}.{third}.0/24", network, address=docker_engine
    )
    try:
        options = [
            "--network",
            network,
            "--network-alias",
            "db",
            "-e",
            "TOKEN=s3cret value",
            "--restart",
            "unless-stopped",
        ]
        options += ["-m", "64m", "--user", "1000:1000", "-w", "/tmp", "--cap-drop", "NET_RAW", "-p", "127.0.0.1::80"]
        options += ["--read-only", "--health-cmd", "true", "--add-host", "other:10.0.0.1", "--stop-timeout", "3"]
        box = make_container("busybox", *options, labels={"com.example": "yes"})
        frozen = snap(box.name)
        was = there.inspect(box.name)
        thaw(there, box.name, frozen)
        now = there.inspect(box.name)
        assert now["Id"] != was["Id"] and now["Name"] == was["Name"] and now["State"]["Running"]
        for config in (was["Config"], now["Config"]):
            config.pop("Image")
        assert now["Config"] == was["Config"]
        assert now["HostConfig"] == was["HostConfig"]
        endpoint = now["NetworkSettings"]["Networks"][network]
        assert "db" in endpoint["Aliases"]
        assert not any(label.startswith("envsync.snapshot") for label in now["Config"]["Labels"])
        # Twice: what the first time added would show here.
        again = snap(box.name)
        thaw(there, box.name, again)
        last = there.inspect(box.name)
        assert last["HostConfig"] == was["HostConfig"]
        assert sorted(
            a for a in last["NetworkSettings"]["Networks"][network]["Aliases"] if a != last["Id"][:12]
        ) == sorted(a for a in endpoint["Aliases"] if a != now["Id"][:12])
    finally:
        box.remove()
        docker("network", "rm", network, address=docker_engine)


def test_no_value_of_the_environment_is_in_what_we_store(make_container: Make, snap: Any) -> None:
    box = make_container("busybox", "-e", "PASSWORD=hunter2-hunter2")
    assert "hunter2" not in json.dumps(snap(box.name).data)


def test_hostile_18_a_directory_that_became_a_link_is_not_followed(
    make_container: Make, there: Engine, snap: Any, tmp_path: Any
) -> None:
    (tmp_path / "f").write_text("mine")
    box = make_container("busybox", "-v", f"{tmp_path}:/bound")
    sh(box, "mkdir -p /srv/d; echo 1 >/srv/d/f")
    frozen = snap(box.name)
    sh(box, "rm -r /srv/d; ln -s /bound /srv/d")
    with pytest.raises(Failed, match="/srv/d has become something else"):
        thaw(there, box.name, frozen, ["/srv/d/f"])
    assert (tmp_path / "f").read_text() == "mine"
    thaw(there, box.name, frozen, ["/srv/d"])
    assert (tmp_path / "f").read_text() == "mine"
    assert sh(box, "cat /srv/d/f; stat -c %F /srv/d").split("\n") == ["1", "directory"]


HOSTILE = [
    b"-rf",
    b"; rm -rf ~ #",
    b"new\nline",
    b"\x1b[31mred",
    b"caf\xe9",
    "ünï".encode(),
    b"$(id)",
    b"a b",
    b"x" * 255,
]


def test_hostile_04_05_odd_names_go_back_and_forth(make_container: Make, there: Engine, snap: Any) -> None:
    box = make_container("debian")
    make = "import os,sys\nfor n in eval(sys.argv[1]):\n os.makedirs(b'/srv/t/'+n, exist_ok=True); open(b'/srv/t/'+n+b'/'+n,'w')"
    box.run("python3", "-c", make, repr(HOSTILE))
    frozen = snap(box.name)
    change = (
        "import os,sys\nfor n in eval(sys.argv[1]):\n os.unlink(b'/srv/t/'+n+b'/'+n); open(b'/srv/t/'+n[::-1]+b'+','w')"
    )
    box.run("python3", "-c", change, repr([name for name in HOSTILE if len(name) < 200]))
    found = differs(there, box.name, frozen)
    assert {each.how for each in found} == {"added", "deleted"} and len(found) == 2 * (len(HOSTILE) - 1)
    thaw(there, box.name, frozen, ["/srv/t"])
    assert differs(there, box.name, frozen) == []
    sh(box, "rm -r /srv/t")
    thaw(there, box.name, frozen, ["/srv/t"])
    assert differs(there, box.name, frozen) == []


def test_single_paths_go_back_in_the_running_container(
    make_container: Make, there: Engine, snap: Any, volume: str
) -> None:
    box = make_container("busybox", "-v", f"{volume}:/data")
    sh(box, FILES + "mkdir -p /data/d/e; echo v >/data/d/e/f; echo w >/data/w")
    frozen, id = snap(box.name), there.inspect(box.name)["Id"]
    sh(box, CHANGES + "rm -r /data/d; echo new >/data/n; echo 2 >/data/w; rm -r /srv/app; echo other >/srv/other")
    thaw(there, box.name, frozen, ["/srv/app", "/data/d/e/f", "/data/n", "/srv/made"])
    assert there.inspect(box.name)["Id"] == id
    assert told(differs(there, box.name, frozen)) == [
        ("/data/w", "changed"),
        ("/srv/gone/g", "deleted"),
        ("/srv/gone/n", "added"),
        ("/srv/other", "added"),
    ]
    with pytest.raises(Failed, match="not part of the container"):
        thaw(there, box.name, frozen, ["relative"])


def test_a_failure_takes_back_the_paths_that_were_put_already(make_container: Make, there: Engine, snap: Any) -> None:
    box = make_container("busybox")
    sh(box, "echo 1 >/srv; mkdir -p /opt/d; echo 1 >/opt/d/f")
    frozen = snap(box.name)
    sh(box, "echo 2 >/srv; rm -r /opt/d; ln -s /tmp /opt/d; echo new >/tmp/n")
    before = everything(there, box.name)
    with pytest.raises(Failed):
        thaw(there, box.name, frozen, ["/srv", "/tmp/n", "/opt/d/f"])
    assert everything(there, box.name) == before


def test_when_the_new_container_does_not_start_the_old_one_is_back(
    make_container: Make, there: Engine, snap: Any, volume: str, tmp_path: Any
) -> None:
    (tmp_path / "bound").mkdir()
    mount = f"type=bind,source={tmp_path}/bound,target=/bound"
    box = make_container("busybox", "--mount", mount, "-v", f"{volume}:/data")
    sh(box, "echo 1 >/data/f; echo 1 >/f")
    frozen = snap(box.name)
    sh(box, "echo 2 >/data/f; echo 2 >/f; echo n >/data/n")
    id, before = there.inspect(box.name)["Id"], everything(there, box.name)
    # Gone for a container that is made now, and no matter to the one that has it already.
    (tmp_path / "bound").rename(tmp_path / "elsewhere")
    with pytest.raises(EnvSyncError):
        thaw(there, box.name, frozen)
    (tmp_path / "elsewhere").rename(tmp_path / "bound")
    assert there.inspect(box.name)["Id"] == id
    assert everything(there, box.name) == before
    _nothing_is_left(there, box.name)


def test_a_container_that_ends_at_once_is_no_success(there: Engine, make_container: Make, snap: Any) -> None:
    box = make_container(
        "busybox", command=("sh", "-c", "test -e /ready || exit 9; echo up; while :; do sleep 1; done")
    )
    # It was given what it needs only while it ran: as recorded it cannot start again.
    box.remove()
    docker(
        "create",
        "--name",
        box.name,
        "envsync-lab:busybox",
        "sh",
        "-c",
        "test -e /ready && exit 9; exec sleep 1000",
        address=box.address,
    )
    docker("start", box.name, address=box.address)
    sh(box, "touch /ready")
    frozen, id = snap(box.name), there.inspect(box.name)["Id"]
    sh(box, "rm /ready; echo later >/later")
    with pytest.raises(Failed, match="ended with code 9"):
        thaw(there, box.name, frozen)
    assert there.inspect(box.name)["Id"] == id and sh(box, "cat /later") == "later"
    _nothing_is_left(there, box.name)


def _nothing_is_left(there: Engine, name: str) -> None:
    assert [each.name for each in there.containers() if each.name.startswith(f"{name}-envsync-")] == []
    assert not there.api.volumes({"label": f"envsync.thaw={name}"})["Volumes"]


def test_a_stopped_container_is_recorded_and_put_back_stopped(make_container: Make, there: Engine, snap: Any) -> None:
    box = make_container("busybox")
    sh(box, "echo 1 >/f")
    box.act("stop")
    frozen = snap(box.name)
    box.act("start")
    sh(box, "echo 2 >/f")
    assert told(differs(there, box.name, frozen)) == [("/f", "changed")]
    thaw(there, box.name, frozen)
    assert not there.inspect(box.name)["State"]["Running"]
    box.act("start")
    assert sh(box, "cat /f") == "1"


def test_a_removed_container_is_made_again(make_container: Make, there: Engine, snap: Any) -> None:
    box = make_container("busybox", labels={"com.example": "yes"})
    sh(box, "echo 1 >/f")
    frozen = snap(box.name)
    box.remove()
    thaw(there, box.name, frozen)
    assert sh(box, "cat /f") == "1"
    assert there.inspect(box.name)["Config"]["Labels"]["com.example"] == "yes"


def test_a_container_that_removes_itself_can_be_put_back_and_comes_back(
    make_container: Make, there: Engine, snap: Any, tmp_path: Any
) -> None:
    (tmp_path / "bound").mkdir()
    box = make_container("busybox", "--rm", "--mount", f"type=bind,source={tmp_path}/bound,target=/bound")
    sh(box, "echo 1 >/f")
    frozen = snap(box.name)
    sh(box, "echo 2 >/f")
    thaw(there, box.name, frozen)
    assert sh(box, "cat /f") == "1" and there.inspect(box.name)["HostConfig"]["AutoRemove"]
    sh(box, "echo 3 >/f")
    (tmp_path / "bound").rmdir()
    with pytest.raises(EnvSyncError):
        thaw(there, box.name, frozen)
    (tmp_path / "bound").mkdir()
    assert there.inspect(box.name)["HostConfig"]["AutoRemove"]
    box.act("start")
    assert sh(box, "cat /f") == "3"
    _nothing_is_left(there, box.name)


def test_layers_do_not_grow_without_bound(make_container: Make, there: Engine, snap: Any, volume: str) -> None:
    box = make_container("busybox", "-v", f"{volume}:/data", "-e", "A=b", "-w", "/srv")
    for turn in range(3):
        sh(box, f"echo {turn} >/srv/f; echo {turn} >/data/f; chown 7 /srv/f")
        frozen = snap(box.name, deep=2)
        assert len(there.api.inspect_image(frozen.data["image"])["RootFS"]["Layers"]) <= 2
        thaw(there, box.name, frozen)
        assert sh(box, "pwd; echo $A; cat f /data/f; stat -c %u f").split() == ["/srv", "b", str(turn), str(turn), "7"]
        assert differs(there, box.name, frozen) == []


def test_forgetting_frees_all_and_a_record_that_is_gone_is_said(
    make_container: Make, there: Engine, volume: str
) -> None:
    box = make_container("busybox", "-v", f"{volume}:/data")
    frozen = freeze(there, box.name, id := f"test-{secrets.token_hex(6)}")
    discard(there, id)
    discard(there, id)
    assert not there.api.images(f"envsync/snapshot:{id}")
    assert not there.api.volumes({"label": f"envsync.snapshot={id}"})["Volumes"]
    for attempt in (lambda: thaw(there, box.name, frozen), lambda: differs(there, box.name, frozen)):
        with pytest.raises(Failed, match="no longer has snapshot") as error:
            attempt()
        assert error.value.hint
    with pytest.raises(Usage):
        freeze(there, box.name, "../evil")


async def test_the_host_has_it_all(make_container: Make) -> None:
    box = make_container("debian")
    host: DockerHost = open_host(box.name)
    assert isinstance(host, Freezes)
    await host.run(["sh", "-c", "echo 1 > /srv/f"])
    frozen = await host.freeze(id := f"test-{secrets.token_hex(6)}")
    try:
        assert await host.differs(frozen) == []  # our helper leaves nothing in it
        await host.run(["sh", "-c", "echo 2 > /srv/f"])
        assert await host.differs(frozen) == [Touched("/srv/f", "changed")]
        await host.thaw(frozen, ["/srv/f"])
        assert (await host.run(["cat", "/srv/f"])).text == "1\n"
        await host.run(["rm", "/srv/f"])
        await host.thaw(frozen)
        assert (await host.run(["cat", "/srv/f"])).text == "1\n"
    finally:
        await host.forget(frozen)
        await host.close()
    assert id == frozen.data["id"]


CHILD = """
import sys, json
from envsync.tools.hosts.docker_engine import engine
from envsync.tools.hosts.base import Frozen
from envsync.tools.hosts.docker_freeze import freeze
from envsync.tools.hosts.docker_thaw import thaw
there = engine(); there.inspect(sys.argv[2])
print("go", flush=True)
if sys.argv[1] == "freeze":
    freeze(there, sys.argv[2], sys.argv[3])
else:
    thaw(there, sys.argv[2], Frozen("container", json.loads(sys.argv[3])))
print("done", flush=True)
"""


def _killed(seconds: float, *words: str) -> bool:
    """Let a process do it and kill it after a time; whether it was done before."""
    with subprocess.Popen([sys.executable, "-c", CHILD, *words], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"go\n"
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        return child.stdout.readline() == b"done\n"


def _kill_rounds(make_container: Make, there: Engine, snap: Any, volume: str, rounds: int) -> None:
    box = make_container("busybox", "-v", f"{volume}:/data")
    sh(box, "for i in 1 2 3; do echo old >/f$i; echo old >/data/f$i; done; echo o >/data/old")
    old = snap(box.name)
    was = everything(there, box.name)
    chance, done, longest = random.Random(7), 0, 2.0
    for _ in range(rounds):
        sh(box, "rm -f /data/old; for i in 1 2 3; do echo new >/f$i; echo new >/data/f$i; done; echo n >/data/new")
        now = everything(there, box.name)
        if _killed(chance.uniform(0, longest), "thaw", box.name, json.dumps(old.data)):
            done, longest = done + 1, max(0.5, longest * 0.8)
        # Whoever comes next only wants to look, and repairs.
        assert [each.path for each in _look(box.name, old)] == (
            [] if everything(there, box.name) == was else _paths(was, now)
        )
        assert everything(there, box.name) in (was, now)
        assert there.inspect(box.name)["State"]["Running"]
        _nothing_is_left(there, box.name)
    assert done < rounds


def _look(name: str, frozen: Frozen) -> list[Touched]:
    import asyncio

    return asyncio.run(open_host(name).differs(frozen))


def _paths(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [each.path for each in files.compare(was, now)]


def test_hostile_50_killed_while_putting_back_it_is_wholly_old_or_new(
    make_container: Make, there: Engine, snap: Any, volume: str
) -> None:
    _kill_rounds(make_container, there, snap, volume, 2)


@pytest.mark.slow
def test_hostile_50_killed_while_putting_back_many_times(
    make_container: Make, there: Engine, snap: Any, volume: str
) -> None:
    _kill_rounds(make_container, there, snap, volume, 30)


def test_hostile_50_killed_while_recording_it_runs_on(make_container: Make, there: Engine, volume: str) -> None:
    box = make_container("busybox", "-v", f"{volume}:/data")
    sh(box, "head -c 20000000 /dev/urandom >/data/big")
    paused, chance = False, random.Random(3)
    for _ in range(12):
        id = f"test-{secrets.token_hex(6)}"
        _killed(chance.uniform(0.1, 0.5), "freeze", box.name, id)
        paused = there.inspect(box.name)["State"]["Paused"]
        if paused:
            break
        discard(there, id)
    frozen = freeze(there, box.name, id)
    assert not there.inspect(box.name)["State"]["Paused"]
    assert differs(there, box.name, frozen) == []
    discard(there, id)
    assert not there.api.volumes({"label": f"envsync.snapshot={id}"})["Volumes"]
    assert [row for row in there.api.containers(all=True, filters={"volume": f"envsync-snapshot-{id}"})] == []


def test_another_process_putting_it_back_right_now_is_not_disturbed(
    make_container: Make, there: Engine, snap: Any
) -> None:
    box = make_container("busybox")
    frozen = snap(box.name)
    from envsync.tools.hosts.docker_process import mark

    labels = {"envsync.thaw": box.name, "envsync.token": "x", "envsync.process": mark()}
    name = there.api.create_volume(f"envsync-thaw-{secrets.token_hex(6)}", labels=labels)["Name"]
    try:
        with pytest.raises(Failed, match="another process"):
            thaw(there, box.name, frozen)
    finally:
        there.api.remove_volume(name)
