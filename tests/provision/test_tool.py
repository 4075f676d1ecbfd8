"""The tool as a whole: its arguments, what it says afterwards, and real packages from the real registries."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from envsync.tools.errors import Failed, Usage
from envsync.tools.fingerprint import Fact, Service
from envsync.tools.plan import Plan, Risk
from envsync.tools.provision.providers.pyfiles import LOCKS, MANIFESTS
from envsync.tools.provision.tool import PROVISION, STEPS, ProvisionArgs

World = Any
Index = Any


@pytest.mark.parametrize(
    "given",
    [
        {"dry_run": True}, {"packages": "numpy"}, {"packages": [1]}, {"gpu": "yes"}, {"runtimes": {"python": "3"}},
        {"path": None}, {"packages": ["x"] * 101}, {"template": 3},
    ],
)  # fmt: skip
def test_hostile_33_34_wrong_arguments_are_rejected(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ProvisionArgs.model_validate(given)
    with pytest.raises(ValidationError):
        ProvisionArgs.model_validate_json(json.dumps(given))


def test_the_contracts_arguments_and_defaults() -> None:
    assert ProvisionArgs().model_dump() == {
        "runtimes": [], "packages": [], "services": [], "template": None, "answers": [], "gpu": False, "path": ".", "on": "local",
    }  # fmt: skip
    assert PROVISION.risk == Risk.R2 and PROVISION.doc.startswith("Install what a project needs")
    assert {"apt", "python-install", "node"} <= {kind.name for kind in STEPS}


def test_every_lockfile_is_a_manifest() -> None:
    assert set(LOCKS) < MANIFESTS


async def test_a_project_that_is_gone_is_usage(world: World) -> None:
    world.path.rmdir()
    for args in ({}, {"packages": ["pip:numpy"]}):
        with pytest.raises(Usage, match="no directory"):
            await world.plan(**args)


async def test_a_runtime_among_the_packages_is_a_runtime(world: World) -> None:
    plan = await world.plan(packages=["python@3"])
    assert plan.empty and plan.summary.startswith("nothing to do: python 3.")


async def test_what_other_ecosystems_need_is_said(world: World) -> None:
    world.put("mix.exs", "defmodule X do\nend\n")
    world.services = (
        Service(
            name="api",
            managers=(Fact(value="go"),),
            manifests=("mix.exs",),
            commands={"install": Fact(value="mix deps.get")},
        ),
    )
    plan = await world.plan()
    assert plan.empty and any("mix deps.get" in line for line in plan.warnings)


async def test_the_result_says_how_to_go_on(world: World, index: Index) -> None:
    index.wheel("base", "1.0")
    world.put("requirements.txt", "base\n")
    world.services = (
        Service(name="x", commands={"test": Fact(value="uv run python -m base"), "start": Fact(value="make run")}),
    )
    result = await world.carry(await world.plan())
    assert result.commands == {"start": "make run", "test": ".venv/bin/python -m base"}
    assert result.undo and any(type(block).__name__ == "Table" for block in result.blocks())
    assert Plan.model_validate_json((await world.plan()).model_dump_json()).empty, "plans are plain data"


async def test_hostile_47_a_lock_with_another_index_is_r3(world: World, index: Index) -> None:
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    index.npm("inner", "1.0.0")
    world.put("package.json", '{"dependencies": {"inner": "1.0.0"}}')
    world.put(".npmrc", "@corp:registry=https://npm.evil.example/x\n")
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "npm.evil.example" in plan.reason


async def test_hostile_47_a_uv_lock_with_another_index_is_r3(world: World, index: Index) -> None:
    index.wheel("base", "1.0")
    world.put(
        "pyproject.toml", '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["base"]\n'
    )
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.skip("uv is not installed")
    subprocess.run([uv, "lock"], cwd=world.path, capture_output=True, check=True)
    assert (await world.plan()).risk == Risk.R2
    lock = world.path / "uv.lock"
    lock.write_text(lock.read_text().replace("http://127.0.0.1", "http://user:hunter2@evil.example"))
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "evil.example" in plan.reason and "hunter2" not in plan.model_dump_json()


@pytest.mark.slow
async def test_a_real_project_from_pypi(world: World) -> None:
    """flask 3.1.3 with its own uv.lock: its tests pass, an upgrade of werkzeug is planned with both versions."""
    done = subprocess.run(
        [
            "python3",
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            ":all:",
            "flask==3.1.3",
            "-d",
            world.path,
        ],
        capture_output=True,
    )
    if done.returncode != 0:
        pytest.skip("PyPI cannot be reached")
    shutil.unpack_archive(world.path / "flask-3.1.3.tar.gz", world.path, filter="data")
    world.path = world.path / "flask-3.1.3"
    await world.carry(await world.plan())
    python = world.path / ".venv/bin/python"
    assert subprocess.run([python, "-m", "pytest", "-q"], cwd=world.path, capture_output=True).returncode == 0
    assert (await world.plan()).empty
    plan = await world.plan(packages=["werkzeug@latest"])
    assert plan.risk == Risk.R2 and any(line.startswith("werkzeug 3.1.5 -> ") for line in plan.details)


@pytest.mark.slow
async def test_hostile_45_the_real_indexes(world: World) -> None:
    world.put("requirements.txt", "")
    with pytest.raises(Usage, match="Did you mean requests"):
        await world.plan(packages=["reqeusts"])
    plan = await world.plan(packages=["itsdangerous@2.1.2"])
    assert plan.risk == Risk.R2 and "itsdangerous 2.1.2" in plan.details
    with pytest.raises((Failed, Usage)):
        await world.plan(packages=["itsdangerous@99"])
    assert not (Path(world.path) / ".venv").exists()


async def test_a_name_known_from_npm_is_asked_about_in_a_python_project(world: World, index: Index) -> None:
    """`npm install lodash` said in words went to PyPI, where somebody else owns that name."""
    world.put("requirements.txt", "")
    with pytest.raises(Usage, match="lodash is known from npm"):
        await world.plan(packages=["lodash"])
    with pytest.raises(Usage, match="index has no"):
        await world.plan(packages=["pip:lodash"])
