"""Debian packages: real apt with the tiny package `hello`, taken back afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

import pytest

from envsync.tools.errors import Failed, Usage
from envsync.tools.fingerprint import Missing
from envsync.tools.plan import Risk, Step
from envsync.tools.provision.providers import apt

World = Any
Index = Any
needs_apt = pytest.mark.skipif(not shutil.which("apt-get"), reason="this machine has no apt")
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("apt-get"), reason="installing Debian packages needs root and apt"
)


def version(name: str) -> str:
    done = subprocess.run(
        ["dpkg-query", "-W", "-f=${db:Status-Status} ${Version}", name], capture_output=True, text=True
    )
    return done.stdout.removeprefix("installed ") if done.stdout.startswith("installed") else ""


@needs_root
async def test_a_package_is_installed_and_its_inverse_takes_back_exactly_that(world: World) -> None:
    if version("hello"):
        pytest.skip("hello is installed on this machine already")
    try:
        plan = await world.plan(packages=["apt:hello"])
    except Usage:
        pytest.skip("apt's lists are older than the archive, or empty")
    assert plan.system and not plan.captures and plan.undoable and plan.risk == Risk.R2
    step = plan.steps[-1]
    assert step.kind == "apt" and list(step.args["install"]) == ["hello"] and step.args["remove"] == []
    assert step.inverse[0].args == {"install": {}, "remove": ["hello"]}
    try:
        await world.carry(plan)
        assert version("hello") == step.args["install"]["hello"]
        assert (await world.plan(packages=["apt:hello"])).empty
        assert await world.holds(step.inverse[0]) is False
    finally:
        assert await world.do(step.inverse[0]) is True
    assert version("hello") == ""


@needs_apt
async def test_hostile_44_a_package_that_apt_does_not_have(world: World) -> None:
    with pytest.raises((Usage, Failed)):
        await world.plan(packages=["apt:no-such-package-at-all"])


@needs_apt
@pytest.mark.parametrize("name", ["-y", "x y", "hello=1", "../x", "Hello", "hello-\n"])
async def test_hostile_4_a_step_with_a_name_that_is_none_is_refused(world: World, name: str) -> None:
    for args in ({"install": {name: ""}, "remove": []}, {"install": {}, "remove": [name, "no-such-package-at-all"]}):
        step = Step(kind="apt", does="x", args=args)
        if await world.holds(step):
            continue
        with pytest.raises(Usage):
            await world.do(step)


@needs_apt
async def test_what_is_installed_needs_nothing(world: World) -> None:
    plan = await world.plan(packages=["apt:dpkg"])
    assert plan.empty and f"dpkg {version('dpkg')}" in plan.summary


@needs_apt
async def test_a_bare_system_name_goes_to_apt(world: World) -> None:
    world.put("requirements.txt", "numpy\n")
    have = version("tar")
    plan = await world.plan(packages=["apt:tar"])
    assert plan.empty and have in plan.summary


def test_the_simulation_is_read() -> None:
    said = (
        "Inst libx [1.0] (1.1 Debian:12/stable [amd64])\nInst hello (2.10-3 Debian:12.15/oldstable [amd64])\n"
        "Inst y:i386 (3 Debian [i386]) []\nRemv old [0.9]\nConf hello (2.10-3 Debian:12.15/oldstable [amd64])\n"
    )
    assert apt.read_simulation(said) == ({"hello": "2.10-3", "y": "3"}, {"libx": ("1.0", "1.1")}, {"old": "0.9"})


async def test_what_provision_cannot_bring_is_said_and_not_faked(world: World, index: Index) -> None:
    world.put("requirements.txt", "")
    world.missing = (
        Missing(kind="variable", name="DATABASE_URL"),
        Missing(kind="runtime", name="deno", wanted="99"),
    )
    plan = await world.plan(gpu=True)
    said = "\n".join(plan.warnings)
    assert "DATABASE_URL" in said and "cannot get deno@99" in said and "no GPU" in said
