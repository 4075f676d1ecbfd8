"""Services as containers of a real engine: images of our own that keep the official ones' conventions, under their names."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from envsync.tests.lab.engine import docker
from envsync.tools.contract import Context
from envsync.tools.errors import Failed, Usage
from envsync.tools.made import containers
from envsync.tools.made.kinds import kind as made_kind
from envsync.tools.made.ledger import Ledger
from envsync.tools.provision.services import keeper
from envsync.tools.provision.services.kind import Inside
from envsync.tools.provision.services.registry import KINDS

from .conftest import carry_out, env, line, planned, seeing, spec, take_back

POSTGRES = """#!/bin/sh
# As the official image has it: root hands over to postgres, which reads the password's file and makes its data.
set -e
export PATH="$PATH:/usr/lib/postgresql/15/bin" PGDATA=/var/lib/postgresql/data
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"; chown postgres "$PGDATA"; chmod 700 "$PGDATA"
    exec setpriv --reuid postgres --regid postgres --clear-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" -A scram-sha-256 >/dev/null
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "CREATE DATABASE \\"$POSTGRES_DB\\"" | postgres --single -D "$PGDATA" postgres >/dev/null
fi
exec postgres -c listen_addresses='*'
"""
REDIS = """#!/bin/sh
# As the official image has it: the command is the server with its configuration, as the user redis.
set -e
mkdir -p /data; cd /data
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    chown redis /data
    exec setpriv --reuid redis --regid redis --clear-groups "$0" "$@"
fi
exec "$@"
"""
BROKEN = "#!/bin/sh\necho the reason why; cat /etc/envsync/redis.conf; exit 3\n"


@pytest.fixture
def image(lab_image: Callable[[str], str], docker_engine: str) -> Iterator[Callable[[str, str], None]]:
    """Makes an image that begins with a script of ours."""
    base = lab_image("services")
    made: list[str] = []

    def make(name: str, script: str) -> None:
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w") as tar:
            recipe = f'FROM {base}\nCOPY start /start\nENTRYPOINT ["/start"]\nCMD []\n'
            for path, text in (("Dockerfile", recipe), ("start", script)):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(text.encode()), 0o755
                tar.addfile(entry, io.BytesIO(text.encode()))
        held.seek(0)
        built = containers.engine().slow.build(fileobj=held, custom_context=True, tag=name, rm=True, decode=True)
        said = list(built)
        assert not any("error" in row for row in said), said
        made.append(name)

    yield make
    for name in made:
        with suppress(Exception):
            docker("rmi", "--force", name, address=docker_engine)


@pytest.fixture
def here(bench: Context) -> Context:
    """A project that reads PostgreSQL's and Redis's variables."""
    return seeing(bench, databases=["postgresql", "redis"], reads=["DATABASE_URL", "REDIS_URL"])


@pytest.mark.parametrize(("kind", "version", "script"), [("postgresql", "96.1", POSTGRES), ("redis", "97.1", REDIS)])
async def test_a_version_that_only_an_image_has_runs_in_a_container_that_shows_no_password(
    here: Context, image: Callable[[str, str], None], docker_engine: str, kind: str, version: str, script: str
) -> None:
    image(f"{KINDS[kind].image}:{version}", script)
    plan, outcome = await carry_out(here, f"{kind}@{version}")
    assert outcome.state == "committed", outcome.error
    assert [step.kind for step in plan.steps] == ["service-make", "service-env"]
    where = spec(here, kind)
    access = keeper.known(where)
    assert access is not None and where.by == "container"
    KINDS[kind].greet(where.port, access)
    assert access.password in env(here)["DATABASE_URL" if kind == "postgresql" else "REDIS_URL"]
    name = f"envsync-{where.name}"
    shown = docker("inspect", name, address=docker_engine)
    assert access.password not in shown and access.password not in plan.model_dump_json()
    ports = json.loads(shown)[0]["HostConfig"]["PortBindings"]
    assert {row["HostIp"] for rows in ports.values() for row in rows} == {"127.0.0.1"}
    assert (await planned(here, kind)).empty and (await planned(here, f"{kind}@{version}")).empty

    printed = await made_kind("service").printed(line(here, kind), here.state, 5)  # type: ignore[attr-defined]
    assert printed
    docker("stop", name, address=docker_engine)
    assert (await made_kind("service").alive(line(here, kind), here.state)).startswith("unwell")
    plan, outcome = await carry_out(here, kind)
    assert [step.kind for step in plan.steps] == ["service-start"] and outcome.state == "committed", outcome.error
    KINDS[kind].greet(where.port, access)
    assert (await take_back(here)).state == "committed"  # stopped again, as it was

    await made_kind("service").end(line(here, kind), here.state)
    Ledger(here.state).gone(line(here, kind).id, 0)
    assert name not in docker("ps", "-a", "--format", "{{.Names}}", address=docker_engine)
    assert not where.folder.exists() and list(here.path.iterdir()) == []


async def test_undo_removes_the_container_and_everything_with_it(
    here: Context, image: Callable[[str, str], None], docker_engine: str
) -> None:
    image("redis:97.2", REDIS)
    await carry_out(here, "redis@97.2")
    where = spec(here, "redis")
    outcome = await take_back(here)
    assert outcome.state == "committed", outcome.error
    assert where.name not in docker("ps", "-a", "--format", "{{.Names}}", address=docker_engine)
    assert Ledger(here.state).living() == [] and list(here.path.iterdir()) == [] and not where.folder.exists()


async def test_an_image_that_ends_at_once_is_said_without_the_password_and_leaves_nothing(
    here: Context, image: Callable[[str, str], None], docker_engine: str
) -> None:
    image("redis:97.3", BROKEN)
    _, outcome = await carry_out(here, "redis@97.3")
    assert outcome.state == "compensated" and "the reason why" in outcome.error
    assert "[redacted:password]" in outcome.error
    assert Ledger(here.state).living() == []
    assert here.path.name not in docker("ps", "-a", "--format", "{{.Names}}", address=docker_engine)


async def test_a_strangers_container_of_the_name_is_not_touched(
    here: Context, image: Callable[[str, str], None], docker_engine: str
) -> None:
    image("redis:97.4", REDIS)
    plan = await planned(here, "redis@97.4")
    name = f"envsync-{plan.steps[0].args['name']}"
    docker("run", "-d", "--name", name, "redis:97.4", "sleep", "1000", address=docker_engine)
    try:
        _, outcome = await carry_out(here, "redis@97.4")
        assert outcome.state == "compensated" and "is taken" in outcome.error
        assert docker("inspect", "--format", "{{.State.Running}}", name, address=docker_engine) == "true"
    finally:
        docker("rm", "--force", name, address=docker_engine)


async def test_an_image_that_nobody_has_cannot_be_promised(here: Context, docker_engine: str) -> None:
    with pytest.raises(
        Failed, match=r"cannot get redis@98\.7 here because .*redis:98\.7 is not here and cannot be pulled"
    ):
        await planned(here, "redis@98.7")


async def test_the_engine_of_another_machine_is_not_taken(
    here: Context, monkeypatch: pytest.MonkeyPatch, docker_engine: str
) -> None:
    engine = containers.engine()
    monkeypatch.setattr(engine, "address", replace(engine.address, url="tcp://engine.example:2376"))
    with pytest.raises(Failed, match="on another machine"):
        await planned(here, "redis@98.7")


def test_every_image_gets_its_secrets_by_files() -> None:
    from envsync.tools.provision.services.kind import Access

    access = Access("shop", "s3cret-word", "shop")
    for kind in KINDS.values():
        inside: Inside = kind.inside(access)
        assert "s3cret-word" not in json.dumps([dict(inside.env), list(inside.command)])
        assert not kind.keeps or any("s3cret-word" in text for text in inside.files.values())


async def test_hostile_4_a_version_is_no_option_of_the_engine(here: Context) -> None:
    with pytest.raises(Usage):
        await planned(here, "redis@--privileged")
