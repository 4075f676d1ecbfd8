"""What `status`, `logs` and `destroy` say and do of a project's services."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from envsync.tools import registry
from envsync.tools.contract import Context
from envsync.tools.errors import Usage
from envsync.tools.logs.sources import find
from envsync.tools.made.ledger import Ledger
from envsync.tools.plan import Risk
from envsync.tools.provision.services import keeper
from envsync.tools.status.tool import StatusArgs, read

from .conftest import carry_out, served, spec, transactions


async def test_status_shows_name_port_project_and_state(bench: Context) -> None:
    served("redis")
    await carry_out(bench, "redis")
    where = spec(bench, "redis")
    status = await read(StatusArgs(), bench)
    (seen,) = status.made
    assert (seen.name, seen.port, seen.project, seen.runs) == (where.name, where.port, str(bench.path), "running")
    assert seen.line(bench.now()) == f"{where.name}: redis on port {where.port} for {bench.path}, running"
    assert "1 service of a project" in status.summary and "sandbox" not in status.summary
    keeper.stop(where)
    (seen,) = (await read(StatusArgs(), bench)).made
    assert seen.runs == "stopped"


async def test_logs_know_a_service_by_its_kind_in_its_project_and_by_its_name_anywhere(
    bench: Context, tmp_path: Path
) -> None:
    served("redis")
    await carry_out(bench, "redis")
    name = spec(bench, "redis").name
    found = await find("redis", 50, bench)
    assert name in found.source and any("Ready to accept connections" in line for _, line in found.lines)
    elsewhere = replace(bench, path=tmp_path)
    assert (await find(name, 5, elsewhere)).source == found.source
    assert len((await find(name, 2, elsewhere)).lines) == 2


@pytest.mark.parametrize("called", ["redis", "NAME", "service:NAME"])
async def test_destroy_removes_a_service_with_all_it_had(bench: Context, called: str) -> None:
    served("redis")
    (bench.path / ".env").write_text("KEEP=1\n")
    await carry_out(bench, "redis")
    where = spec(bench, "redis")
    tool = registry.find("destroy")
    assert tool.plan is not None
    args = tool.args(name=called.replace("NAME", where.name))
    plan = await tool.plan(args, bench)
    assert plan.risk is Risk.R3 and plan.details == ("now: running",)

    async def again() -> object:
        assert tool.plan is not None
        return await tool.plan(args, bench)

    outcome = await transactions(bench).apply(plan.digest, again, bench)  # type: ignore[arg-type]
    assert outcome.state == "committed", outcome.error
    assert Ledger(bench.state).living() == [] and not where.folder.exists()
    assert (bench.path / ".env").read_text() == "KEEP=1\n"


async def test_a_service_of_another_project_is_not_meant_by_its_kind(bench: Context, tmp_path: Path) -> None:
    served("redis")
    await carry_out(bench, "redis")
    tool = registry.find("destroy")
    assert tool.plan is not None
    with pytest.raises(Usage):
        await tool.plan(tool.args(name="redis"), replace(bench, path=tmp_path))
