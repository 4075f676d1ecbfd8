"""Services on another machine: a container as the host, as root with Debian's packages and as a normal user."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from envsync.tests.lab.containers import Container
from envsync.tools.contract import Context
from envsync.tools.errors import Failed
from envsync.tools.hosts.registry import Hosts
from envsync.tools.made.ending import end
from envsync.tools.made.kinds import kind as made_kind
from envsync.tools.made.ledger import Ledger
from envsync.tools.plan import Step
from envsync.tools.provision.services import quiet

from .conftest import carry_out, line, planned, seeing, spec, take_back


@pytest.fixture
async def away(make_context: Callable[..., Context], tmp_path: Path) -> AsyncIterator[Callable[[Container], Context]]:
    """Makes a context of a project on a container; EnvSync's own state is here."""
    hosts = Hosts()
    made: list[Context] = []

    def context(box: Container, path: str = "/srv/shop", home: str = "/root") -> Context:
        made.append(make_context(Path(path), host=hosts.open(box.host), open=hosts.open, home=Path(home)))
        return seeing(made[-1], databases=["redis", "postgresql"], reads=["REDIS_URL", "DATABASE_URL"])

    yield context
    for each in made:
        for line_ in Ledger(each.state).living():
            await end(each.state, line_, lease=False)
    await hosts.close()


def _pings(box: Container, env: str) -> bool:
    """Whether a client inside gets in with what `.env` says: redis://:PASSWORD@HOST:PORT/0."""
    login = f". {env}; rest=${{REDIS_URL#redis://:}}; at=${{rest#*@}}; at=${{at%/0}}"
    script = f'{login}; REDISCLI_AUTH="${{rest%@*}}" redis-cli -h "${{at%:*}}" -p "${{at#*:}}" PING'
    return box.run("sh", "-c", script) == "PONG"


@pytest.mark.slow
async def test_debians_package_brings_a_server_to_a_machine_without_a_server_of_the_machine(
    make_container: Callable[..., Container], away: Callable[..., Context]
) -> None:
    box = make_container("debian")
    box.run("mkdir", "-p", "/srv/shop")
    context = away(box)
    plan, outcome = await carry_out(context, "redis")
    assert outcome.state == "committed", outcome.error
    kinds = [step.kind for step in plan.steps if step.kind != "apt-update"]
    assert kinds == ["service-quiet", "apt", "service-quiet", "service-make", "service-env"]
    where = spec(context, "redis")
    running = box.run("sh", "-c", "cat /proc/net/tcp").splitlines()
    ports = {int(row.split()[1].rpartition(":")[2], 16) for row in running[1:] if row.split()[3] == "0A"}
    assert ports == {where.port}
    assert _pings(box, "/srv/shop/.env")
    assert (
        box.run("sh", "-c", f"ls {quiet.POLICY} {quiet.CLUSTERS} 2>/dev/null; ls /etc/rc?.d | grep S..redis; true")
        == ""
    )
    assert (await planned(context, "redis")).empty
    assert await made_kind("service").printed(line(context, "redis"), context.state, 3)  # type: ignore[attr-defined]
    assert (await take_back(context)).state == "committed"
    assert (
        box.run("sh", "-c", "ls -A /srv/shop /var/lib/envsync 2>/dev/null; command -v redis-server; true")
        == "/srv/shop:"
    )
    assert Ledger(context.state).living() == []


async def test_a_policy_of_somebody_else_stays(
    make_container: Callable[..., Container], away: Callable[..., Context]
) -> None:
    box = make_container("debian")
    box.run("sh", "-c", f"printf '#!/bin/sh\\nexit 101\\n' >{quiet.POLICY}")
    context, step = away(box), quiet.QuietStep()
    for on in (True, True, False, False):
        here = Step(kind="service-quiet", does="x", args={"on": on, "units": ["redis-server", "; touch /tmp/x"]})
        await step.do(here, context)
        assert await step.holds(here, context) is True
        told = box.run("sh", "-c", f"cat {quiet.CLUSTERS} 2>/dev/null; true")
        assert ("create_main_cluster = false" in told) is on
    assert box.run("cat", quiet.POLICY) == "#!/bin/sh\nexit 101"
    assert box.run("sh", "-c", f"ls {quiet.CLUSTERS} /etc/postgresql-common /tmp/x 2>/dev/null; true") == ""


@pytest.mark.parametrize("kind", ["postgresql", "redis"])
async def test_a_normal_user_gets_servers_on_a_machine_below_their_own_home(
    make_container: Callable[..., Container], away: Callable[..., Context], kind: str
) -> None:
    box = make_container("services", "--user", "dev", "--workdir", "/home/dev")
    box.run("mkdir", "-p", "/home/dev/shop")
    context = away(box, "/home/dev/shop", "/home/dev")
    _, outcome = await carry_out(context, kind)
    assert outcome.state == "committed", outcome.error
    where = spec(context, kind)
    assert where.folder.is_relative_to("/home/dev/.local/state/envsync/services")
    if kind == "postgresql":
        assert box.run("sh", "-c", '. ./shop/.env; psql -XAtc "select 1" "$DATABASE_URL"') == "1"
    else:
        assert _pings(box, "./shop/.env")
    assert box.run("stat", "-c", "%a", "/home/dev/shop/.env") == "600"
    # It outlives the connection over which it was made, and the machine's stop is a stop of it.
    await context.host.close()
    assert await made_kind("service").alive(line(context, kind), context.state) == "running"
    box.act("restart")
    assert await made_kind("service").alive(line(context, kind), context.state) == "stopped"
    plan, outcome = await carry_out(context, kind)
    assert [step.kind for step in plan.steps] == ["service-start"] and outcome.state == "committed", outcome.error
    await made_kind("service").end(line(context, kind), context.state)
    assert box.run("sh", "-c", "ls -A shop .local/state/envsync/services 2>/dev/null; true") == "shop:"


async def test_a_machine_without_python_is_said(
    make_container: Callable[..., Container], away: Callable[..., Context]
) -> None:
    box = make_container("busybox")
    box.run("mkdir", "-p", "/srv/shop")
    context = replace(away(box))
    with pytest.raises(Failed, match="has no Python"):
        await planned(context, "redis")
