"""A project of several services: what comes first, what runs beside each other, and how each part is checked."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.tools.errors import Usage
from envsync.tools.fingerprint import Fact, Service
from envsync.tools.plan import Step
from envsync.tools.provision import checks
from envsync.tools.provision.part import Part
from envsync.tools.provision.services import dotenv

from .conftest import Index, World


def fact(value: str, confidence: float = 0.9) -> Fact:
    return Fact(value=value, confidence=confidence)


def service(root: str, role: str = "backend", port: int = 0, **commands: str) -> Service:
    return Service(
        name=root,
        root=root,
        role=role,
        commands={purpose: fact(line) for purpose, line in commands.items()},
        ports=(fact(str(port)),) if port else (),
    )


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- The plan of the whole ----------------------------------------------------------------------------------------------


@pytest.fixture
def shop(world: World, index: Index) -> World:
    """Two Python services and a Node one, whose packages come from an index of our own."""
    for name in ("apple", "pear"):
        index.wheel(name, "1.0")
    index.npm("plum", "1.0.0")
    world.put("api/requirements.txt", "apple\n")
    world.put("jobs/requirements.txt", "pear\n")
    world.put("web/package.json", '{"name": "web", "dependencies": {"plum": "1.0.0"}}')
    world.put("api/test_it.py", "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): import apple\n")
    world.services = (
        service("api", test="python3 -m unittest"),
        service("jobs", "worker"),
        service("web", "frontend", test="node -e 1"),
    )
    return world


async def test_parts_of_a_project_come_beside_each_other_and_checks_at_the_end(shop: World) -> None:
    plan = await shop.plan()
    lanes = {index: step.after for index, step in enumerate(plan.steps)}
    kinds = [step.kind for step in plan.steps]
    assert kinds == ["python-venv", "python-install", "python-venv", "python-install", "node", "check", "check"]
    assert lanes == {0: (), 1: (0,), 2: (), 3: (2,), 4: (), 5: None, 6: None}
    done = await shop.carry(plan)
    assert [(check.service, check.passed) for check in done.checks] == [("api", True), ("web", True)], done.checks
    assert done.checks[0].how == ".venv/bin/python3 -m unittest"
    assert [place.name for place in done.places] == ["api", "jobs", "web"]
    assert "2 parts checked and working" in done.summary
    assert (await shop.plan()).empty


async def test_a_test_that_fails_is_told_and_takes_nothing_back(shop: World) -> None:
    shop.put(
        "api/test_it.py", "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): self.fail('rotten')\n"
    )
    done = await shop.carry(await shop.plan())
    assert [check.passed for check in done.checks] == [False, True]
    assert "rotten" in done.checks[0].said and "the check of api fails" in done.summary
    assert (shop.path / "api/.venv").exists()


async def test_a_project_of_one_part_is_not_tested_unasked(world: World, index: Index) -> None:
    index.wheel("apple", "1.0")
    world.put("requirements.txt", "apple\n")
    world.services = (service(".", test="python3 -m unittest"),)
    assert "check" not in [step.kind for step in (await world.plan()).steps]


async def test_nothing_to_go_by_is_said(world: World) -> None:
    with pytest.raises(Usage, match="no manifest"):
        await world.plan()


def test_what_goes_through_apt_is_never_beside_anything() -> None:
    part = Part(steps=[Step(kind="apt", does="first")])
    part.beside(
        [Part(steps=[Step(kind="a", does="1"), Step(kind="a", does="2")]), Part(steps=[Step(kind="b", does="3")])]
    )
    assert [step.after for step in part.steps] == [None, (0,), (0, 1), (0,)]


# -- Checks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["pytest && rm -rf /", "pytest; id", "FOO=1 pytest", "pytest `id`", "pytest > out", "pytest $HOME", "a 'b"]
)
def test_a_command_that_only_a_shell_could_run_is_not_run(line: str) -> None:
    assert checks.step(service("api", test=line)) is None


def test_a_guess_is_not_run_and_a_database_has_no_check() -> None:
    guess = Service(name="api", root="api", role="backend", commands={"test": fact("pytest", 0.4)})
    assert checks.step(guess) is None
    assert checks.step(service("db", "database", test="pytest")) is None


async def check(world: World, one: Service) -> checks.Check:
    step = checks.step(one)
    assert step is not None
    return checks.Check.model_validate(await checks.Checks().do(step, world.context))


async def test_a_server_is_started_asked_and_ended(world: World) -> None:
    port = free()
    found = await check(world, service(".", port=port, start=f"python3 -m http.server {port} --bind 127.0.0.1"))
    assert found.passed is True and found.said == f"port {port} answers"
    for _ in range(50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        await asyncio.sleep(0.1)
    raise AssertionError("it still runs")


async def test_a_server_that_dies_says_its_last_words(world: World) -> None:
    world.put("serve.py", "raise SystemExit('no database here')\n")
    found = await check(world, service(".", port=free(), start="python3 serve.py"))
    assert found.passed is False and "no database here" in found.said


async def test_a_port_that_is_taken_is_no_verdict(world: World) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        found = await check(world, service(".", port=port, start="python3 -m http.server"))
    assert found.passed is None and "taken" in found.said


async def test_hostile_58_values_of_the_env_file_reach_the_tests_and_not_what_is_said(world: World) -> None:
    world.put(".env", "DATABASE_URL=postgresql://shop:hunter2hunter2@127.0.0.1/shop\nDEBUG=1\n")
    world.put("t.py", "import os\nraise SystemExit('cannot reach ' + os.environ['DATABASE_URL'])\n")
    found = await check(world, service(".", test="python3 t.py"))
    assert found.passed is False and "hunter2" not in found.said and "[value of .env]" in found.said


async def test_a_program_that_is_not_there_is_no_failing_test(world: World) -> None:
    found = await check(world, service(".", test="no-such-program --all"))
    assert found.passed is None and "no-such-program" in found.said


# -- .env ---------------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_whatever_an_env_file_holds_gives_names_and_values_a_process_can_have(content: bytes) -> None:
    for name, value in dotenv.values(content).items():
        assert name and "=" not in name and "\0" not in name and "\n" not in value


async def test_hostile_18_21_a_link_or_a_huge_env_file_is_not_read(world: World, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("A=1\n")
    link = world.path / ".env"
    link.symlink_to(tmp_path / "outside")
    assert await checks.environment(world.path, world.context) == {}
    link.unlink()
    link.write_text("A=" + "x" * (dotenv.MOST + 1))
    assert await checks.environment(world.path, world.context) == {}
    link.write_text("A=1\nB='two'\n")
    assert await checks.environment(world.path, world.context) == {"A": "1", "B": "two"}
