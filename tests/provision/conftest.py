"""A context over a real directory of the real machine, and a driver that carries a plan out step by step."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from envsync.tools.contract import Context, Outcome, StepRecord
from envsync.tools.fingerprint import Fingerprint, Project, Service
from envsync.tools.hosts.local import LocalHost
from envsync.tools.plan import Plan, Step
from envsync.tools.provision.tool import PROVISION, STEPS, ProvisionArgs, Provisioned

KINDS = {kind.name: kind for kind in STEPS}


class NoNotes:
    """Memory that is off."""

    async def add(self, fact: str, *, project: str, host: str) -> int:
        raise AssertionError("provision writes no notes")

    async def forget(self, id: int) -> None:
        raise AssertionError("provision writes no notes")

    async def get(self, id: int) -> None:
        return None

    async def search(self, query: str | None, *, project: str, limit: int, kinds: Sequence[str] = ()) -> list[object]:
        return []


class World:
    """One project directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.services: tuple[Service, ...] = ()
        self.missing: tuple[object, ...] = ()
        self.origin = "person"
        self.words = ""
        self.environ = {**os.environ}
        self.reports: list[object] = []
        self.host = LocalHost()

    @property
    def context(self) -> Context:
        async def observe(context: Context, scope: str = "all") -> Fingerprint:
            project = Project(root=str(self.path), services=self.services, missing=self.missing)  # type: ignore[arg-type]
            return Fingerprint(at=datetime.now(UTC), project=project)

        return Context(
            host=self.host,
            path=self.path,
            state=self.path.parent / "state",
            notes=NoNotes(),  # type: ignore[arg-type]
            observe=observe,  # type: ignore[arg-type]
            report=self.reports.append,
            home=Path.home(),
            origin=self.origin,
            words=self.words,
            environ=self.environ,
        )

    def put(self, name: str, content: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    async def plan(self, **args: object) -> Plan:
        assert PROVISION.plan is not None
        return await PROVISION.plan(ProvisionArgs.model_validate(args), self.context)

    async def carry(self, plan: Plan) -> Provisioned:
        """Carry out a plan as a transaction does: each step, then its post-condition."""
        assert PROVISION.finish is not None
        records: list[StepRecord] = []
        for index, step in enumerate(plan.steps):
            data = await KINDS[step.kind].do(step, self.context)
            assert await KINDS[step.kind].holds(step, self.context) is not False, step.does
            records.append(StepRecord(index=index, does=step.does, state="done", data=data))
        outcome = Outcome(transaction=1, state="committed", steps=tuple(records))
        return await PROVISION.finish(ProvisionArgs(), plan, outcome, self.context)  # type: ignore[return-value]

    async def do(self, step: Step) -> bool | None:
        """One step and its post-condition."""
        await KINDS[step.kind].do(step, self.context)
        return await KINDS[step.kind].holds(step, self.context)

    async def holds(self, step: Step) -> bool | None:
        return await KINDS[step.kind].holds(step, self.context)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty project."""
    path = tmp_path / "project"
    path.mkdir()
    return World(path)


@pytest.fixture
def worlds() -> Callable[[Path], World]:
    """Makes worlds over given directories."""
    return World
