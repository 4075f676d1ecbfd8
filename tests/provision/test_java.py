"""Java: real Maven over a repository of our own that serves Debian's artifacts, and what is read without running anything."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.plan import Plan, Risk

from .javaworld import TESTS, USES, Repository, dependency, lacking, pom, serving, settings, tree

World = Any
LANG = "org.apache.commons:commons-lang3:${lang}"
JUNIT = "junit:junit:4.13.2"
real = pytest.mark.skipif(bool(lacking("mvn", "javac")), reason=lacking("mvn", "javac"))


@pytest.fixture
def repository(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """The user's mirror, and a home that Java takes for the user's."""
    home = tmp_path / "home"
    monkeypatch.setenv("MAVEN_OPTS", f"-Duser.home={home}")
    for name in ("MAVEN_USER_HOME", "GRADLE_USER_HOME", "JAVA_TOOL_OPTIONS"):
        monkeypatch.delenv(name, raising=False)
    with serving() as made:
        settings(home, made.url)
        yield made


def local(world: World) -> Path:
    return Path(world.context.home) / ".m2/repository"


def offline(world: World, *goals: str) -> subprocess.CompletedProcess[str]:
    argv = ["mvn", "-o", "-q", "-B", *goals]
    return subprocess.run(argv, cwd=world.path, capture_output=True, text=True)


async def undo(world: World, plan: Plan) -> None:
    """As a transaction takes a plan back: inverses newest first, then the project's tree."""
    for step in reversed(plan.steps):
        for back in step.inverse:
            assert await world.do(back) is not False
    shutil.rmtree(world.path / "target", ignore_errors=True)


def put_project(world: World) -> None:
    world.put("pom.xml", pom(body=f"<dependencies>{dependency(LANG)}{dependency(JUNIT, 'test')}</dependencies>"))
    world.put("src/main/java/x/Uses.java", USES)
    world.put("src/test/java/x/UsesTest.java", TESTS)


@real
async def test_a_fresh_project_then_an_offline_build_then_nothing_to_do_then_all_back(
    world: World, repository: Repository
) -> None:
    put_project(world)
    (local(world) / "own/kept/1").mkdir(parents=True)
    (local(world) / "own/kept/1/kept-1.jar").write_text("mine")
    before = world.tree()
    plan = await world.plan()
    assert world.tree() == before and not repository.asked, "planning only reads"
    assert (await world.plan()).digest == plan.digest
    assert [step.kind for step in plan.steps] == ["grown", "maven"] and plan.risk == Risk.R2 and plan.undoable
    assert any("commons-lang3 3.12.0" in line for line in plan.details)
    await world.carry(plan)
    assert world.last["offline"] is True and world.last["compiles"] is True
    repository.down = True
    shutil.rmtree(world.path / "target")
    done = offline(world, "test-compile")
    assert done.returncode == 0, done.stdout
    assert (world.path / "target/test-classes/x/UsesTest.class").exists()
    again = await world.plan()
    assert again.empty and "nothing to do" in again.summary
    await undo(world, plan)
    assert tree(local(world)) == {"own/kept/1/kept-1.jar"}
    assert [step.kind for step in (await world.plan()).steps] == ["grown", "maven"]
