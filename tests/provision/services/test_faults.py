"""What goes wrong: a taken port, a server that dies, a kill at any moment, a full disk, hostile files and names."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

import envsync
from envsync.tests.lab.require import require
from envsync.tools.contract import Context
from envsync.tools.errors import Failed, Stale, Usage
from envsync.tools.made.ledger import Ledger
from envsync.tools.provision.services import keeper, processes
from envsync.tools.provision.services import plan as services
from envsync.tools.provision.services.kind import Boot, Program, Spec
from envsync.tools.provision.services.registry import KINDS

from .conftest import carry_out, env, planned, scanned, seeing, served, spec, take_back, transactions


def _passed_through(path: Path) -> None:
    """Let a server's own user come to a directory of this test."""
    base = Path(tempfile.gettempdir())
    for each in (path, *path.parents):
        if base not in each.parents:
            break
        each.chmod(each.stat().st_mode | 0o111)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of 8 MiB on which services are kept."""
    require("root")
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=711", "none", str(place)], capture_output=True
    ).returncode:
        pytest.skip("no file system can be mounted here")
    _passed_through(place)
    monkeypatch.setattr(keeper, "SYSTEM", place / "services")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def test_a_port_that_was_taken_meanwhile_makes_the_plan_stale(bench: Context) -> None:
    served("redis")
    plan = await planned(bench, "redis")
    assert plan.digest == (await planned(bench, "redis")).digest
    port = int(str(plan.steps[0].args["port"]))
    with socket.create_server(("127.0.0.1", port)), pytest.raises(Stale) as caught:
        await transactions(bench).apply(plan.digest, lambda: planned(bench, "redis"), bench)
    assert caught.value.data["plan"].steps[0].args["port"] != port
    assert Ledger(bench.state).living() == []


async def test_a_port_that_is_taken_after_a_stop_is_said_and_nothing_else_is_touched(bench: Context) -> None:
    served("redis")
    await carry_out(bench, "redis")
    where = spec(bench, "redis")
    keeper.stop(where)
    with closing(socket.socket()) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", where.port))
        server.listen()
        _, outcome = await carry_out(bench, "redis")
        assert outcome.state == "compensated" and f"port {where.port} was taken" in outcome.error and outcome.hint
    _, outcome = await carry_out(bench, "redis")
    assert outcome.state == "committed", outcome.error


async def test_a_server_that_dies_at_its_start_is_said_with_the_end_of_its_log_and_leaves_nothing(
    bench: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    served("redis")

    def broken(spec: Spec, *_: object) -> Boot:
        return Boot(["sh", "-c", f"cat {spec.folder}/credentials.json; echo the reason why; exit 3"])

    monkeypatch.setattr(KINDS["redis"], "boot", broken)
    _, outcome = await carry_out(bench, "redis")
    assert outcome.state == "compensated" and "ended as soon as it was started" in outcome.error
    assert "the reason why" in outcome.error
    assert Ledger(bench.state).living() == [] and list(bench.path.iterdir()) == []


async def test_a_log_never_gives_its_password_away(bench: Context) -> None:
    served("redis")
    await carry_out(bench, "redis")
    where = spec(bench, "redis")
    access = keeper.known(where)
    assert access is not None
    with where.log.open("a") as log:
        log.write(f"requirepass {access.password}\n")
    assert keeper.tail(where, 1) == ["requirepass [redacted:password]"]
    where.log.unlink()
    where.log.symlink_to("/etc/passwd")
    assert keeper.tail(where, 5) == []


async def test_a_program_that_cannot_make_its_data_is_said(bench: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    served("postgresql")
    real = KINDS["postgresql"].find("")
    assert real is not None
    fake = bench.path.parent / "bin"
    fake.mkdir()
    for name in ("postgres", "initdb"):
        (fake / name).write_text("#!/bin/sh\necho initdb: error: could not do it >&2\nexit 1\n")
        (fake / name).chmod(0o755)
    _passed_through(fake)
    monkeypatch.setattr(KINDS["postgresql"], "find", lambda version: Program(str(fake / "postgres"), real.version))
    _, outcome = await carry_out(bench, "postgresql")
    assert outcome.state == "compensated" and "could not do it" in outcome.error
    assert Ledger(bench.state).living() == []


async def test_hostile_48_a_full_disk_leaves_nothing_behind(bench: Context, small: Path) -> None:
    served("postgresql")
    _, outcome = await carry_out(bench, "postgresql")
    assert outcome.state == "compensated", outcome.error
    assert "space" in outcome.error.lower() or "initdb" in outcome.error
    assert Ledger(bench.state).living() == [] and list(bench.path.iterdir()) == []
    assert list(small.iterdir()) == []


@pytest.mark.parametrize("odd", ["link", "huge", "binary"])
async def test_hostile_18_22_an_env_that_is_none_is_left_alone_and_the_server_is_made(
    bench: Context, tmp_path: Path, odd: str
) -> None:
    served("redis")
    outside, path = tmp_path / "outside.env", bench.path / ".env"
    outside.write_text("OTHER=1\n")
    match odd:
        case "link":
            path.symlink_to(outside)
        case "huge":
            with path.open("wb") as file:
                file.truncate(1 << 40)
        case _:
            path.write_bytes(b"\0\1\2")
    size = path.lstat().st_size
    plan, outcome = await carry_out(bench, "redis")
    assert outcome.state == "committed", outcome.error
    assert [step.kind for step in plan.steps] == ["service-make"]
    assert any(".env is not written to" in each and "credentials.json" in each for each in plan.warnings)
    assert path.lstat().st_size == size and outside.read_text() == "OTHER=1\n"
    assert (await planned(bench, "redis")).empty


async def test_a_project_that_cannot_be_written_to_is_said_and_all_is_taken_back(
    bench: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    served("redis")
    if os.geteuid() == 0:  # root writes anywhere: a file system that nobody writes to
        if subprocess.run(["mount", "--bind", str(bench.path), str(bench.path)], capture_output=True).returncode:
            pytest.skip("nothing can be mounted here")
        subprocess.run(["mount", "-o", "remount,bind,ro", str(bench.path)], check=True)
    else:
        bench.path.chmod(0o500)
    try:
        _, outcome = await carry_out(bench, "redis")
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", "-l", str(bench.path)], check=True)
        else:
            bench.path.chmod(0o700)
    assert outcome.state == "compensated" and outcome.error
    assert Ledger(bench.state).living() == []


@pytest.mark.parametrize("name", ["redis; rm", "$(reboot)", "--all", "redis@7; x", "../redis"])
async def test_hostile_34_44_a_name_that_is_none_is_refused(bench: Context, name: str) -> None:
    with pytest.raises(Usage):
        await planned(bench, name)


async def test_what_cannot_be_had_is_said_with_everything_that_was_tried(
    bench: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(Failed, match=r"cannot get mongodb here because .*no container engine answers"):
        await planned(bench, "mongodb")


async def test_another_version_than_the_one_that_is_there_is_not_taken_for_it(
    bench: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served("redis")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(Failed, match="cannot get redis@2"):
        await planned(bench, "redis@2")
    await carry_out(bench, "redis")
    with pytest.raises(Failed, match="envsync destroy --name"):
        try:
            await planned(bench, "redis@2")
        except Failed as error:
            raise Failed(f"{error.what} {error.hint}") from None


async def test_a_version_that_is_only_wished_for_gives_way_to_the_one_that_is_there_and_that_is_said(
    bench: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served("redis")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    part = await services.plan("redis", "~2", bench, scanned(bench.path))
    assert [step.kind for step in part.steps] == ["service-make", "service-env"]
    assert any("redis@2, which cannot be had here" in each for each in part.warnings)


async def test_a_strict_umask_does_not_lock_the_server_out(bench: Context) -> None:
    served("postgresql")
    before = os.umask(0o077)
    try:
        _, outcome = await carry_out(bench, "postgresql")
    finally:
        os.umask(before)
    assert outcome.state == "committed", outcome.error


async def test_git_that_does_not_ignore_env_is_said(bench: Context) -> None:
    served("redis")
    subprocess.run(["git", "init", "-q", str(bench.path)], check=True)
    plan = await planned(bench, "redis")
    assert any("git does not ignore .env" in each for each in plan.warnings)
    (bench.path / ".gitignore").write_text(".env\n")
    plan = await planned(bench, "redis")
    assert not any("git does not" in each for each in plan.warnings)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgresql", "redis"])
async def test_hostile_50_a_kill_at_any_moment_is_made_good_by_asking_again(bench: Context, kind: str) -> None:
    served(kind)
    argv = [sys.executable, "-m", "envsync.tests.provision.services.driver", str(bench.path), str(bench.state), kind]
    surroundings = {**os.environ, "PYTHONPATH": str(Path(envsync.__file__).parents[1])}
    whole = 6.0 if kind == "postgresql" else 3.0
    for turn in range(8):
        process = subprocess.Popen(
            argv, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
        )
        time.sleep(0.6 + whole * turn / 8)
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(argv, env=surroundings, capture_output=True, text=True, cwd="/")
    assert done.stdout.startswith("committed") or "nothing" in done.stdout, done.stdout + done.stderr
    where = spec(bench, kind)
    assert keeper.look(where) == "running" and env(bench)
    context = seeing(bench)
    assert (await planned(context, kind)).empty
    # One server, and nobody of the killed ones beside it.
    working = processes.running(where.folder)
    assert len([pid for pid in working if _parent(pid) not in working]) == 1


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_taking_back_what_was_destroyed_by_hand_is_no_error(bench: Context) -> None:
    served("redis")
    await carry_out(bench, "redis")
    where = spec(bench, "redis")
    keeper.stop(where)
    shutil.rmtree(where.folder)
    outcome = await take_back(bench)
    assert outcome.state == "committed", outcome.error
    assert Ledger(bench.state).living() == []
