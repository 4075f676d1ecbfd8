"""The end of leases: by label, by lease and by owner, whatever happened to the process that waited for it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envsync.tests.lab.containers import Container
from envsync.tests.lab.engine import docker
from envsync.tests.sandbox.conftest import reaper, until
from envsync.tools.errors import EnvSyncError
from envsync.tools.made import containers
from envsync.tools.made.ending import end
from envsync.tools.made.ledger import Ledger, Made
from envsync.tools.made.owner import ID, NAME, OWNER, owner
from envsync.tools.sandbox.reaper import nudge, reap, wake

PAST = time.time() - 10


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory whose reaper, if a test starts one, does not outlive the test."""
    path = tmp_path / "state"
    path.mkdir(mode=0o700)
    yield path
    pid = reaper(path)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def leased(
    docker_engine: str, state: Path, make_container: Callable[..., Container]
) -> Callable[..., tuple[Made, Container]]:
    """A container with a line in the ledger, as `sandbox` makes them."""

    def make(until: float, mark: str | None = None) -> tuple[Made, Container]:
        made = Made(kind="container", name="", what="sandbox", at=time.time(), until=until)
        labels = {OWNER: mark or owner(state), ID: made.id}
        container = make_container("busybox", labels=labels)
        made = Ledger(state).want(Made(**{**vars(made), "name": container.name}))
        Ledger(state).made(made.id)
        return made, container

    return make


def lives(container: Container) -> bool:
    return container.name in docker("ps", "--all", "--format", "{{.Names}}", address=container.address).split()


def test_what_is_due_is_removed_and_nothing_else(
    state: Path, leased: Callable[..., tuple[Made, Container]], make_container: Callable[..., Container]
) -> None:
    made, due = leased(PAST)
    _, later = leased(time.time() + 3600)
    stranger = make_container("busybox")
    marked = make_container("busybox", labels={OWNER: owner(state), ID: "another", NAME: made.name})
    assert reap(state) == [due.name]
    assert [lives(each) for each in (due, later, stranger, marked)] == [False, True, True, True]


def test_a_container_of_that_name_without_our_mark_is_never_touched(
    state: Path, make_container: Callable[..., Container]
) -> None:
    stranger = make_container("busybox")
    Ledger(state).want(Made(kind="container", name=stranger.name, what="sandbox", at=PAST, until=PAST))
    # The line goes, since nothing of ours is there; the container of the same name stays.
    assert reap(state) == [stranger.name]
    assert lives(stranger) and Ledger(state).living() == []


def test_a_container_of_another_installation_is_never_touched(
    state: Path, leased: Callable[..., tuple[Made, Container]]
) -> None:
    _, other = leased(PAST, mark="0" * 32)
    reap(state)
    assert lives(other)


async def test_a_lease_that_was_extended_meanwhile_holds(
    state: Path, leased: Callable[..., tuple[Made, Container]]
) -> None:
    made, container = leased(PAST)
    (seen,) = Ledger(state).due(time.time())
    assert Ledger(state).lease(made.id, time.time() + 3600)
    # The reaper had looked before, and acts on what it saw.
    assert not await end(state, seen, lease=True)
    assert lives(container) and reap(state) == []


def test_a_line_whose_container_was_never_made_is_struck_off(docker_engine: str, state: Path) -> None:
    Ledger(state).want(Made(kind="container", name="never-made", what="sandbox", at=PAST, until=PAST))
    assert reap(state) == ["never-made"] and Ledger(state).living() == []


def test_an_engine_that_does_not_answer_is_asked_again_later(state: Path, tmp_path: Path) -> None:
    place = f"unix://{tmp_path}/nobody.sock"
    made = Ledger(state).want(Made(kind="container", name="far", what="sandbox", at=PAST, until=PAST, place=place))
    assert reap(state) == []
    (left,) = Ledger(state).living()
    assert left.state == "ending" and "does not answer" in left.error and (left.due or 0) > time.time() + 30
    assert reap(state) == []  # not again at once
    with pytest.raises(EnvSyncError):
        containers.ours(made, state)


def test_the_reaper_waits_for_the_lease_and_then_ends(
    state: Path, leased: Callable[..., tuple[Made, Container]]
) -> None:
    _, container = leased(time.time() + 2)
    assert wake(state)
    until(lambda: reaper(state) is not None)
    assert lives(container)
    until(lambda: not lives(container))
    until(lambda: reaper(state) is None)
    assert Ledger(state).living() == [] and (state / "made/due").read_text() == "never"
    assert not wake(state)


def test_a_shorter_lease_wakes_a_reaper_that_sleeps_for_longer(
    state: Path, leased: Callable[..., tuple[Made, Container]]
) -> None:
    made, container = leased(time.time() + 3600)
    assert wake(state)
    until(lambda: (state / "made/nudge").exists())
    assert Ledger(state).lease(made.id, time.time())
    nudge(state)
    until(lambda: not lives(container))


def test_hostile_50_a_killed_reaper_is_followed_by_another(
    state: Path, leased: Callable[..., tuple[Made, Container]]
) -> None:
    made, container = leased(time.time() + 3600)
    assert wake(state)
    until(lambda: (state / "made/nudge").exists())
    first = reaper(state)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{first}").exists())
    assert Ledger(state).lease(made.id, time.time())  # as time does, after a reboot
    assert wake(state)  # what every command does first
    until(lambda: not lives(container))


def test_one_reaper_waits_however_many_commands_start(
    state: Path, leased: Callable[..., tuple[Made, Container]]
) -> None:
    leased(time.time() + 3600)
    for _ in range(4):
        wake(state)
    until(lambda: (state / "made/nudge").exists())
    pid = reaper(state)
    until(lambda: _running(state) == [pid])
    assert not wake(state)


def _running(state: Path) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(state).encode() in words:
                found.append(int(entry.name))
    return found


def test_nothing_leased_costs_no_process_and_no_heavy_import(state: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, pathlib; from envsync.tools.sandbox.reaper import wake; assert not wake(pathlib.Path(sys.argv[1]));"
        "assert not {'docker', 'pydantic', 'sqlite3', 'asyncio', 'subprocess'} & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(state)], check=True)
    assert list(state.iterdir()) == []


def test_a_reaper_whose_state_was_removed_ends(state: Path, leased: Callable[..., tuple[Made, Container]]) -> None:
    leased(time.time() + 3600)
    assert wake(state)
    until(lambda: (state / "made/nudge").exists())
    pid = reaper(state)
    (state / "made/ledger.db").unlink()
    nudge(state)
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_any_command_brings_the_reaper_back_after_a_reboot(
    state: Path, leased: Callable[..., tuple[Made, Container]], private: Path
) -> None:
    import subprocess
    import sys

    _, container = leased(PAST)
    environ = {**os.environ, "HOME": str(private), "ENVSYNC_STATE": str(state)}
    argv = [str(Path(sys.executable).parent / "envsync"), "status", "--json"]
    subprocess.run(argv, env=environ, cwd=private, check=True, capture_output=True)
    until(lambda: not lives(container))
    until(lambda: (state / "made/due").read_text() == "never")
