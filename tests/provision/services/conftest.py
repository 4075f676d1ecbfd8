"""A project on the real machine with EnvSync's own state, whose servers are gone afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from glob import glob
from pathlib import Path

import pytest

from envsync.tests.lab.require import lacks, program
from envsync.tools import registry
from envsync.tools.contract import Context, Outcome, Tool
from envsync.tools.fingerprint import Backing, Fact, Fingerprint, Project, Service
from envsync.tools.hosts.registry import Hosts
from envsync.tools.journal import Journal, undo
from envsync.tools.made.ending import end
from envsync.tools.made.ledger import Ledger, Made
from envsync.tools.plan import Plan, Risk
from envsync.tools.provision.services import dotenv
from envsync.tools.provision.services.kind import Spec
from envsync.tools.transaction import Transactions

PACKAGES = {
    "postgresql": ("postgres", "postgresql"),
    "mariadb": ("mariadbd", "mariadb-server"),
    "redis": ("redis-server", "redis-server"),
    "memcached": ("memcached", "memcached"),
    "rabbitmq": ("rabbitmq-server", "rabbitmq-server"),
}


def served(kind: str) -> None:
    """Skip where the server is not installed, or fail where `services` are promised (ENVSYNC_REQUIRE)."""
    name, package = PACKAGES[kind]
    there = glob("/usr/lib/postgresql/*/bin/postgres") if kind == "postgresql" else program(name)
    if not there:
        lacks("services", f"there is no {name} here (on Debian: apt-get install {package})")


def client(name: str, package: str) -> str:
    """The path of a client's program, or skip."""
    path = shutil.which(name)
    if path is None:
        lacks("services", f"there is no {name} here (on Debian: apt-get install {package})")
    return str(path)


def scanned(
    path: Path,
    databases: Sequence[str] = (),
    reads: Sequence[str] = (),
    backing: Sequence[Backing] = (),
    **more: object,
) -> Fingerprint:
    """What a scan of a project with one service would say."""
    service = Service(
        name="app", databases=tuple(Fact(value=name) for name in databases),
        needs=tuple(Fact(value=name) for name in databases if name != "sqlite"),
        variables=tuple(Fact(value=name) for name in reads), languages=(Fact(value="python"),),
    ).model_copy(update=more)  # fmt: skip
    project = Project(root=str(path), services=(service,), backing=tuple(backing), order=(tuple(databases), (".",)))
    return Fingerprint(at=datetime.now(UTC), project=project)


def seeing(context: Context, **what: object) -> Context:
    """The context, with a scan that says this."""

    async def observe(inner: Context, scope: str = "all") -> Fingerprint:
        return scanned(inner.path, **what)  # type: ignore[arg-type]

    return replace(context, observe=observe)


async def planned(context: Context, *services: str) -> Plan:
    """What `provision --services …` would do."""
    tool: Tool = registry.find("provision")
    assert tool.plan is not None
    return await tool.plan(tool.args(services=list(services)), context)


async def carry_out(context: Context, *services: str) -> tuple[Plan, Outcome]:
    """The same, planned, approved and carried out as the executor does."""
    plan = await planned(context, *services)
    return plan, await transactions(context).apply(plan.digest, lambda: planned(context, *services), context)


async def take_back(context: Context) -> Outcome:
    """The inverse of the last transaction, as rewinding makes it."""
    record = Journal(context.state).recent(1, host=context.host.name, path=str(context.path))[0]
    back = Plan(
        tool="rewind",
        host=context.host.name,
        path=str(context.path),
        summary="undo",
        risk=Risk.R2,
        steps=tuple(undo(record)),
    )

    async def same() -> Plan:
        return back

    return await transactions(context).apply(back.digest, same, context)


def transactions(context: Context) -> Transactions:
    async def no_snapshot(*_: object, **__: object) -> str:
        raise AssertionError("a service needs no snapshot")

    return Transactions(Journal(context.state), registry.kinds(), no_snapshot, no_snapshot)


def line(context: Context, kind: str) -> Made:
    """The ledger's line of the project's service."""
    return next(made for made in Ledger(context.state).living() if made.data["kind"] == kind)


def spec(context: Context, kind: str) -> Spec:
    return Spec.of(line(context, kind).data)


def env(context: Context) -> dict[str, str]:
    """What the project's `.env` sets."""
    return dotenv.read(context.path / ".env")


def at_work(folder: Path) -> list[str]:
    """The programs that work below a directory."""
    found: list[str] = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{name}/cwd").startswith(str(folder)):
                found.append(Path(f"/proc/{name}/comm").read_text().strip())
        except OSError:
            continue
    return found


@pytest.fixture
async def bench(make_context: Callable[..., Context], tmp_path: Path) -> AsyncIterator[Context]:
    """A context of an empty project; the servers that were made in it are removed at the end."""
    hosts = Hosts()
    project = tmp_path / f"shop-{os.getpid()}-{abs(hash(tmp_path)) % 10_000}"
    project.mkdir()
    context = make_context(project, open=hosts.open)
    yield context
    for made in Ledger(context.state).living():
        await end(context.state, made, lease=False)
    await hosts.close()
