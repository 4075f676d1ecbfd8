"""Gradle: Debian's real one over a repository of our own, and what is read of a build without running it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.errors import Failed, Unreachable, Usage
from envsync.tools.fingerprint import Service
from envsync.tools.plan import Plan, Risk
from envsync.tools.provision.providers.gradle import named

from .javaworld import TESTS, USES, Repository, lacking, serving, settings, tree

World = Any
real = pytest.mark.skipif(bool(lacking("gradle", "javac")), reason=lacking("gradle", "javac"))
BUILD = """apply plugin: 'java'
repositories {{ maven {{ url '{url}' }} }}
dependencies {{ compile '{name}'; testCompile 'junit:junit:4.13.2' }}
"""
LANG = "org.apache.commons:commons-lang3:3.12.0"


@pytest.fixture
def repository(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A repository that the user's own Maven settings name, and a Gradle folder of its own."""
    home = tmp_path / "home"
    monkeypatch.setenv("MAVEN_OPTS", f"-Duser.home={home}")
    monkeypatch.setenv("GRADLE_USER_HOME", str(home / ".gradle"))
    monkeypatch.setenv("GRADLE_OPTS", f"-Duser.home={home} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    with serving() as made:
        settings(home, made.url)
        yield made


def modules(world: World) -> Path:
    return Path(world.context.home) / ".gradle/caches/modules-2/files-2.1"


async def undo(world: World, plan: Plan) -> None:
    """As a transaction takes a plan back: inverses newest first, then the project's tree."""
    for step in reversed(plan.steps):
        for back in step.inverse:
            assert await world.do(back) is not False
    shutil.rmtree(world.path / ".gradle", ignore_errors=True)


def offline(world: World) -> subprocess.CompletedProcess[str]:
    argv = ["gradle", "--offline", "--no-daemon", "-q", "testClasses"]
    return subprocess.run(argv, cwd=world.path, capture_output=True, text=True)


@real
async def test_a_fresh_build_then_offline_then_nothing_to_do_then_all_back(
    world: World, repository: Repository
) -> None:
    world.put("settings.gradle", "include 'lib'\n")
    world.put("build.gradle", BUILD.format(url=repository.url, name=LANG))
    world.put("src/main/java/x/Uses.java", USES)
    world.put("src/test/java/x/UsesTest.java", TESTS)
    world.put("lib/build.gradle", BUILD.format(url=repository.url, name="commons-io:commons-io:2.11.0"))
    world.services = (Service(name="lib", root="lib"),)
    (modules(world) / "own/kept/1").mkdir(parents=True)
    (modules(world) / "own/kept/1/kept-1.jar").write_text("mine")
    before = world.tree()
    plan = await world.plan()
    assert world.tree() == before and not repository.asked, "planning runs nothing of the project"
    assert [step.kind for step in plan.steps] == ["grown", "gradle"] and plan.risk == Risk.R2
    assert (await world.plan()).digest == plan.digest
    assert any("are programs, and Gradle runs them" in line for line in plan.warnings)
    await world.carry(plan)
    assert not (world.path / "build").exists(), "nothing is built"
    repository.down = True
    done = offline(world)
    assert done.returncode == 0 and (world.path / "build/classes/java/test/x/UsesTest.class").exists(), done.stderr
    again = await world.plan()
    assert again.empty and "lib is a part of the build in the project" in again.summary
    await undo(world, plan)
    assert tree(modules(world)) == {"own/kept/1/kept-1.jar"}
    plan = await world.plan()
    assert [step.kind for step in plan.steps] == ["grown", "gradle"]
    repository.down = False
    await world.carry(plan)
    assert any(path.endswith("commons-lang3-3.12.0.jar") for path in tree(modules(world))), "it comes again"


@real
@pytest.mark.parametrize("down", [False, True])
async def test_a_package_that_is_nowhere_and_a_repository_that_is_gone_are_told_apart(
    world: World, repository: Repository, down: bool
) -> None:
    url = "http://127.0.0.1:9" if down else repository.url
    world.put("build.gradle", BUILD.format(url=url, name="org.example.absent:nothing:1.0"))
    plan = await world.plan()
    assert await world.do(plan.steps[0])
    with pytest.raises(Unreachable if down else Failed, match="reach" if down else "nothing"):
        await world.do(plan.steps[1])
    await undo(world, plan)
    assert (await world.plan()).steps == plan.steps


@real
async def test_without_gradle_the_plan_says_why_it_cannot(
    world: World, repository: Repository, without: Callable[..., Any]
) -> None:
    world.put("build.gradle.kts", "plugins { java }")
    world.put("gradlew", "#!/bin/sh")
    world.put("gradle/wrapper/gradle-wrapper.properties", "distributionUrl=https\\://gradle.example/gradle-8.5-bin.zip")
    world.host = without("gradle", "apt-get", "apt-cache", "dpkg-query")
    plan = await world.plan()
    assert plan.empty
    assert any("gradlew cannot be used: gradle/wrapper/gradle-wrapper.jar is not there" in w for w in plan.warnings)
    assert any(
        "cannot provide for it here, because there is no gradle and no complete wrapper" in w for w in plan.warnings
    )


@real
async def test_a_wrapper_that_is_complete_comes_first(world: World, repository: Repository) -> None:
    world.put("build.gradle", "")
    world.put("gradlew", "#!/bin/sh")
    world.put("gradle/wrapper/gradle-wrapper.jar", "program")
    properties = "distributionUrl={}\ndistributionSha256Sum=00\n"
    world.put(
        "gradle/wrapper/gradle-wrapper.properties", properties.format("https\\://gradle.example/gradle-8.5-bin.zip")
    )
    plan = await world.plan()
    assert plan.steps[-1].args["program"] == ["sh", "./gradlew"] and plan.risk == Risk.R3
    assert "gradle.example, which is not the usual server of Gradle" in plan.reason
    dists = Path(world.context.home) / ".gradle/wrapper/dists"
    (dists / "gradle-8.5-bin/0abc/gradle-8.5/bin").mkdir(parents=True)
    assert (await world.plan()).risk == Risk.R3, "what came from another address says nothing of this one"
    number, name = int(hashlib.md5(b"https://gradle.example/gradle-8.5-bin.zip").hexdigest(), 16), ""
    while number:
        number, rest = divmod(number, 36)
        name = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + name
    (dists / f"gradle-8.5-bin/{name}/gradle-8.5/bin").mkdir(parents=True)
    plan = await world.plan()
    assert plan.risk == Risk.R2 and "gradle-8.5-bin.zip was downloaded before" in plan.details


@real
async def test_repositories_and_scripts_from_elsewhere_need_a_persons_eye(world: World, repository: Repository) -> None:
    world.put(
        "build.gradle",
        """
        // maven { url 'https://comment.example/x' }
        repositories { mavenCentral(); maven { url = uri("https://u:hunter2@packages.example/m2") } }
        apply from: 'https://scripts.example/evil.gradle'
        """,
    )
    world.put("app/build.gradle.kts", 'repositories { maven("https://kts.example/m2") }')
    world.put("settings.gradle", "include ':app'")
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "comment.example" not in plan.reason and "hunter2" not in plan.model_dump_json()
    assert "takes packages from kts.example, packages.example" in plan.reason
    assert "runs a script that it fetches from scripts.example" in plan.reason
    script = Path(world.context.home) / ".gradle/init.d/own.gradle"
    script.parent.mkdir(parents=True)
    script.write_text("allprojects { repositories { maven { url 'https://packages.example/m2' } } }")
    reason = (await world.plan()).reason
    assert "packages.example" not in reason and "kts.example" in reason, (
        "what the user's own scripts name is the user's"
    )


@real
async def test_a_part_of_a_build_above_the_project_is_not_run_from_here(
    world: World, repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "settings.gradle").write_text("include 'project'")
    world.put("build.gradle", "")
    plan = await world.plan()
    assert plan.empty and any("lies above the project" in line for line in plan.warnings)


def test_names_are_read_from_scripts_catalogs_and_locks() -> None:
    assert named({
        "build.gradle": "compile 'a.b:c:1.0' // 'no:no:1'\ncompile group: 'g', name: 'n', version: '2'\n",
        "build.gradle.kts": 'implementation("d:e") { }; testImplementation("f:g:1.0:tests@jar")',
        "gradle/libs.versions.toml": 'h = { module = "h.i:j", version = "1" }',
    }) == {"a.b:c", "g:n", "d:e", "f:g", "h.i:j"}  # fmt: skip


@real
async def test_a_dependency_by_name_gets_the_line_of_the_build_scripts_language(
    world: World, repository: Repository
) -> None:
    repository.files["/org/example/thing/1.0/thing-1.0.pom"] = b"<project/>"
    for name, line in (
        ("build.gradle", "implementation 'org.example:thing:1.0'"),
        ("build.gradle.kts", 'implementation("org.example:thing:1.0")'),
    ):
        world.put(name, "")
        with pytest.raises(Usage) as found:
            await world.plan(packages=["gradle:org.example:thing@1.0"])
        assert line in found.value.hint and name in found.value.hint
        (world.path / name).unlink()


@real
async def test_a_project_with_both_uses_the_one_that_has_a_wrapper(world: World, repository: Repository) -> None:
    world.put("pom.xml", "<project><artifactId>a</artifactId></project>")
    world.put("build.gradle", "")
    world.put("gradlew", "#!/bin/sh")
    world.put("gradle/wrapper/gradle-wrapper.jar", "program")
    world.put("gradle/wrapper/gradle-wrapper.properties", "distributionUrl=file:/x/gradle-8.5-bin.zip")
    plan = await world.plan()
    assert plan.steps[-1].kind == "gradle" and any("pom.xml is in . as well" in line for line in plan.details)
