"""Servers of a project's own, with the real programs: made, reached with what `.env` says, stopped, started, removed."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from envsync.tools.contract import Context
from envsync.tools.fingerprint import Backing
from envsync.tools.made.kinds import kind as made_kind
from envsync.tools.made.ledger import Ledger
from envsync.tools.provision.services import keeper, processes
from envsync.tools.provision.services.kind import Access, Unwell
from envsync.tools.provision.services.registry import KINDS

from .conftest import at_work, carry_out, client, env, line, planned, seeing, served, spec, take_back

READ = {
    "postgresql": ["DATABASE_URL", "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"],
    "mariadb": ["MYSQL_HOST", "MYSQL_PORT", "MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_DATABASE"],
    "redis": ["REDIS_URL", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD"],
    "memcached": ["MEMCACHED_SERVERS"],
    "rabbitmq": ["RABBITMQ_URL"],
}
ALL = [
    "postgresql",
    "redis",
    "memcached",
    "mariadb",
    pytest.param("rabbitmq", marks=pytest.mark.slow),
]


def rows(kind: str, env: dict[str, str], tmp: Path) -> str:
    """What a real client prints when it writes and reads with the credentials of `.env`."""
    surroundings = {"PATH": os.environ["PATH"], "HOME": str(tmp), **env}
    match kind:
        case "postgresql":
            sql = "create table t(x text); insert into t values('kept'); select x from t"
            argv = [client("psql", "postgresql-client"), "-XAtq", "-c", sql]
        case "mariadb":
            login = [
                f"-h{env['MYSQL_HOST']}",
                f"-P{env['MYSQL_PORT']}",
                f"-u{env['MYSQL_USER']}",
                f"-p{env['MYSQL_PASSWORD']}",
            ]
            sql = "create table t(x text); insert into t values('kept'); select x from t"
            argv = [client("mariadb", "mariadb-client"), "--no-defaults", *login, "-Ne", sql, env["MYSQL_DATABASE"]]
        case "redis":
            login = ["-h", env["REDIS_HOST"], "-p", env["REDIS_PORT"], "-a", env["REDIS_PASSWORD"], "--no-auth-warning"]
            redis = [client("redis-cli", "redis-tools"), *login]
            subprocess.run([*redis, "SET", "x", "kept"], check=True, capture_output=True, env=surroundings)
            argv = [*redis, "GET", "x"]
        case _:
            return ""
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=surroundings).stdout.strip()


@pytest.mark.parametrize("kind", ALL)
async def test_a_project_gets_a_server_of_its_own_and_loses_nothing_but_that_when_it_is_taken_back(
    bench: Context, tmp_path: Path, kind: str
) -> None:
    served(kind)
    (bench.path / ".env").write_bytes(b"KEEP=me\r\n# and this\r\nLAST=no newline")
    before = (bench.path / ".env").read_bytes()
    context = seeing(bench, databases=[kind.replace("mariadb", "mysql")], reads=READ[kind])
    plan, outcome = await carry_out(context, kind)
    assert outcome.state == "committed", outcome.error
    assert plan.undoable and plan.system
    made, where = line(context, kind), spec(context, kind)
    assert made.state == "made" and await made_kind("service").alive(made, context.state) == "running"
    said = env(context)
    assert set(READ[kind]) <= set(said) and said["KEEP"] == "me" and said["LAST"] == "no newline"
    if kind in ("postgresql", "mariadb", "redis"):
        assert rows(kind, said, tmp_path) == "kept"

    # Nothing listens but on this machine, and nobody else can look into it.
    ports = [where.port, *where.more]
    heard = subprocess.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True).stdout
    open_at = [row.split()[1] for row in heard.splitlines() if " 0A " in row]
    for port in ports:
        at = [address.rpartition(":")[0] for address in open_at if address.endswith(f":{port:04X}")]
        assert at and set(at) <= {"0100007F", "00000000000000000000000001000000"}, at
    assert stat.S_IMODE(where.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((where.folder / "credentials.json").stat().st_mode) == 0o600
    if os.geteuid() == 0:
        assert where.data.stat().st_uid != 0
        working = [Path(f"/proc/{pid}").stat().st_uid for pid in processes.running(where.folder)]
        assert working and 0 not in working

    # The password is in no plan, journal or log.
    access = keeper.known(where)
    assert access is not None and access.password not in plan.model_dump_json()
    for path in [*context.state.rglob("*"), where.log]:
        assert (
            not path.is_file()
            or path == where.folder / "credentials.json"
            or access.password.encode() not in path.read_bytes()
        )

    assert (await planned(context, kind)).empty
    back = await take_back(context)
    assert back.state == "committed", back.error
    assert (bench.path / ".env").read_bytes() == before
    assert not where.folder.exists() and at_work(where.folder) == [] and Ledger(context.state).living() == []
    assert all(keeper.free(port) for port in ports)


@pytest.mark.parametrize("kind", ["postgresql", "redis", pytest.param("mariadb", marks=pytest.mark.slow)])
async def test_what_was_stopped_as_by_a_reboot_is_started_again_with_its_data(
    bench: Context, tmp_path: Path, kind: str
) -> None:
    served(kind)
    context = seeing(bench, databases=[kind.replace("mariadb", "mysql")], reads=READ[kind])
    await carry_out(context, kind)
    assert rows(kind, env(context), tmp_path) == "kept"
    where = spec(context, kind)
    for pid in processes.running(where.folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    limit = time.monotonic() + 30
    while processes.running(where.folder):
        assert time.monotonic() < limit
    assert await made_kind("service").alive(line(context, kind), context.state) == "stopped"
    plan, outcome = await carry_out(context, kind)
    assert [step.kind for step in plan.steps] == ["service-start"] and outcome.state == "committed", outcome.error
    said = env(context)
    if kind == "redis":
        argv = ["redis-cli", "-p", said["REDIS_PORT"], "-a", said["REDIS_PASSWORD"], "--no-auth-warning", "GET", "x"]
        assert subprocess.run(argv, capture_output=True, text=True).stdout.strip() == "kept"
    elif kind == "postgresql":
        done = subprocess.run(
            ["psql", "-XAtc", "select x from t"], capture_output=True, text=True, env={**os.environ, **said}
        )
        assert done.stdout.strip() == "kept"
    assert (await planned(context, kind)).empty
    assert (await take_back(context)).state == "committed"
    assert await made_kind("service").alive(line(context, kind), context.state) == "stopped"


@pytest.mark.parametrize("kind", ["postgresql", "redis"])
async def test_a_wrong_password_is_no_healthy_server(bench: Context, kind: str) -> None:
    served(kind)
    await carry_out(bench, kind)
    where = spec(bench, kind)
    access = keeper.known(where)
    assert access is not None
    KINDS[kind].greet(where.port, access)
    with pytest.raises(Unwell):
        KINDS[kind].greet(where.port, Access(access.user, "wrong", access.database))


async def test_two_projects_have_two_servers_and_two_names(bench: Context, tmp_path: Path) -> None:
    served("redis")
    other = tmp_path / "elsewhere" / bench.path.name
    other.mkdir(parents=True)
    second = replace(bench, path=other)
    for context in (bench, second):
        _, outcome = await carry_out(context, "redis")
        assert outcome.state == "committed", outcome.error
    living = Ledger(bench.state).living()
    assert len({made.name for made in living}) == 2 and len({made.data["port"] for made in living}) == 2
    assert env(bench)["REDIS_URL"] != env(second)["REDIS_URL"]


async def test_what_answers_already_is_taken_as_there(bench: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (bench.path / ".env").write_text(f"REDIS_URL=redis://localhost:{port}/0\n")
        plan = await planned(bench, "redis")
        assert plan.empty and f"redis answers on port {port}, as .env says" in plan.summary


async def test_a_server_of_the_host_at_its_usual_port_is_taken_as_there(
    bench: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(KINDS["redis"], "port", port)
        plan = await planned(bench, "redis")
        assert plan.empty and f"redis answers on port {port}, on the host" in plan.summary
        assert (await planned(bench, "redis@7")).warnings


async def test_a_port_that_the_compose_file_publishes_and_that_answers_is_taken_as_there(bench: Context) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        backing = [Backing(name="redis", role="cache", label="cache", image="redis:7", version="7", ports=(port,))]
        plan = await planned(seeing(bench, databases=["redis"], backing=backing), "redis")
        assert plan.empty and f"redis answers on port {port}, as cache of the project's files" in plan.summary


async def test_an_address_of_this_machine_in_env_decides_port_user_and_password(bench: Context) -> None:
    served("postgresql")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    line = f"DATABASE_URL=postgres://ann:her-own%21pw@localhost:{port}/books\n"
    (bench.path / ".env").write_text(line)
    context = seeing(bench, databases=["postgresql"], reads=["DATABASE_URL"])
    plan, outcome = await carry_out(context, "postgresql")
    assert outcome.state == "committed", outcome.error
    assert "her-own" not in plan.model_dump_json() and (bench.path / ".env").read_text() == line
    assert any("kept as they are in .env: DATABASE_URL" in each for each in plan.warnings)
    where = spec(context, "postgresql")
    assert where.port == port
    KINDS["postgresql"].greet(port, Access("ann", "her-own!pw", "books"))
    assert (await planned(context, "postgresql")).empty
