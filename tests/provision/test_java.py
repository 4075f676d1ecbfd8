"""Java: real Maven over a repository of our own that serves Debian's artifacts, and what is read without running anything."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envsync.tests.core.places import pipe_host
from envsync.tools.errors import Failed, Unreachable, Usage
from envsync.tools.fingerprint import Service, Wanted
from envsync.tools.plan import Plan, Risk
from envsync.tools.provision.providers.wrapper import properties

from .javaworld import TESTS, USES, Repository, dependency, lacking, pom, serving, settings, tree

World = Any
LANG = "org.apache.commons:commons-lang3:${lang}"
JUNIT = "junit:junit:4.13.2"
real = pytest.mark.skipif(bool(lacking("mvn", "javac")), reason=lacking("mvn", "javac"))


@pytest.fixture
def repository(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """The user's mirror, and a home that Java takes for the user's."""
    home = tmp_path / "home"
    monkeypatch.setenv("MAVEN_OPTS", f"-Duser.home={home} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
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
@pytest.mark.slow
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
    done = offline(world, "test")
    assert done.returncode == 0, done.stdout
    assert list((world.path / "target/surefire-reports").glob("*UsesTest.txt")), "the tests themselves ran, offline"
    assert (world.path / "target/test-classes/x/UsesTest.class").exists()
    again = await world.plan()
    assert again.empty and "nothing to do" in again.summary
    await undo(world, plan)
    assert tree(local(world)) == {"own/kept/1/kept-1.jar"}
    assert [step.kind for step in (await world.plan()).steps] == ["grown", "maven"]


@real
async def test_modules_are_provided_for_by_their_reactor_and_only_once(world: World, repository: Repository) -> None:
    parent = "<parent><groupId>org.example</groupId><artifactId>all</artifactId><version>1.0</version></parent>"
    inner = "<project><modelVersion>4.0.0</modelVersion>" + parent + "<artifactId>{}</artifactId>{}</project>"
    lang = f"<dependencies>{dependency(LANG)}</dependencies>"
    world.put("pom.xml", pom("all", "<modules><module>lib</module><module>app</module></modules>", "pom"))
    world.put("lib/pom.xml", inner.format("lib", lang))
    world.put("lib/src/main/java/x/Uses.java", USES)
    world.put("app/pom.xml", inner.format("app", f"<dependencies>{dependency('org.example:lib:1.0')}</dependencies>"))
    world.put("app/src/main/java/y/App.java", 'package y; public class App { String s = x.Uses.up("a"); }')
    world.services = (Service(name="lib", root="lib"), Service(name="app", root="app"))
    plan = await world.plan()
    assert [step.kind for step in plan.steps] == ["grown", "maven"]
    assert not any("org.example:lib" in line for line in plan.details), "a module is no package of a repository"
    await world.carry(plan)
    repository.down = True
    done = offline(world, "test-compile")
    assert done.returncode == 0 and (world.path / "app/target/classes/y/App.class").exists(), done.stdout
    again = await world.plan()
    assert again.empty and "app is a module of pom.xml" in again.summary


@real
async def test_the_same_on_a_host_that_is_elsewhere(world: World, repository: Repository, tmp_path: Path) -> None:
    far = pipe_host("remote", tmp_path)
    far.env |= {name: os.environ[name] for name in ("PATH", "MAVEN_OPTS")}
    world.host = far
    try:
        world.put("pom.xml", pom(body=f"<dependencies>{dependency(LANG)}</dependencies>"))
        plan = await world.plan()
        await world.carry(plan)
        assert any(path.endswith("commons-lang3-3.12.0.jar") for path in tree(local(world)))
        assert (await world.plan()).empty
        await undo(world, plan)
        assert tree(local(world)) == set()
    finally:
        await far.close()


@real
async def test_killed_half_way_and_run_again_then_all_back(world: World, repository: Repository) -> None:
    world.put("pom.xml", pom(body=f"<dependencies>{dependency(LANG)}</dependencies>"))
    world.put("src/main/java/x/Uses.java", USES)
    plan = await world.plan()
    assert await world.do(plan.steps[0])
    running = asyncio.ensure_future(world.do(plan.steps[1]))
    while not any(path.endswith("commons-lang3-3.12.0.jar") for path in repository.asked):
        assert not running.done()
        await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert tree(local(world)), "something had come"
    assert (await world.plan()).steps == plan.steps
    await world.carry(plan)
    assert (await world.plan()).empty
    await undo(world, plan)
    assert tree(local(world)) == set()


@real
@pytest.mark.slow
async def test_code_that_does_not_compile_does_not_keep_its_packages_away(world: World, repository: Repository) -> None:
    put_project(world)
    world.put("src/main/java/x/Uses.java", "package x; public class Uses { nonsense }")
    await world.carry(await world.plan())
    assert world.last["compiles"] is False and world.last["offline"] is True
    put_project(world)
    repository.down = True
    assert offline(world, "test-compile").returncode == 0
    assert (await world.plan()).empty


@real
@pytest.mark.parametrize(("down", "error", "said"), [(False, Failed, "nothing"), (True, Unreachable, "reach")])
async def test_a_package_that_is_nowhere_and_a_repository_that_is_gone_are_told_apart(
    world: World, repository: Repository, down: bool, error: type[Exception], said: str
) -> None:
    name = "org.example.absent:nothing:1.0"
    world.put("pom.xml", pom(body=f"<dependencies>{dependency(name)}</dependencies>"))
    world.put("src/main/java/x/A.java", "package x; class A {}")
    if down:
        settings(Path(world.context.home), "http://127.0.0.1:9")
    plan = await world.plan()
    assert "not yet in ~/.m2/repository: org.example.absent:nothing 1.0" in plan.details
    assert await world.do(plan.steps[0])
    with pytest.raises(error, match=said):
        await world.do(plan.steps[1])
    await undo(world, plan)
    assert tree(local(world)) == set()


@real
async def test_without_maven_it_comes_by_apt_or_the_plan_says_why_not(
    world: World, repository: Repository, without: Callable[..., Any]
) -> None:
    put_project(world)
    world.host = without("mvn", "apt-get", "apt-cache", "dpkg-query")
    plan = await world.plan()
    said = "pom.xml: cannot provide for it here, because there is no mvn and no complete wrapper (mvnw)"
    assert plan.empty and any(line.startswith(said) for line in plan.warnings)


async def test_without_java_the_plan_says_why_it_cannot(world: World, without: Callable[..., Any]) -> None:
    world.host = without("java", "mise", "apt-get", "apt-cache")
    world.put("pom.xml", pom())
    plan = await world.plan()
    assert plan.empty and any("cannot provide for it here, because cannot get java" in line for line in plan.warnings)


@real
async def test_a_runtime_without_a_compiler_is_not_enough(
    world: World, repository: Repository, without: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    world.put("pom.xml", pom())
    world.host = without("javac", "apt-get", "apt-cache", "dpkg-query")
    plan = await world.plan()
    assert plan.empty and any("no JDK to compile with" in line for line in plan.warnings)


@real
async def test_an_older_release_is_served_by_a_newer_jdk_and_a_newer_one_is_said(
    world: World, repository: Repository
) -> None:
    world.put("pom.xml", pom())
    for spec, warned in (("1.8", False), ("11", False), ("99", True)):
        world.services = (Service(name="app", runtimes=(Wanted(name="java", spec=spec),)),)
        said = any("asks for java >=99" in line for line in (await world.plan()).warnings)
        assert said is warned, spec


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><project><artifactId>&b;</artifactId></project>'
XXE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><project><artifactId>&a;</artifactId></project>'


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"pom.xml": BOMB}, "entities"),
        ({"pom.xml": XXE}, "entities"),
        ({"pom.xml": "<project>"}, "no valid XML"),
        ({"pom.xml": ""}, "not there, or cannot be read"),
        ({"pom.xml": "<a>" * 5000}, "nested too deep"),
        ({"pom.xml": pom(body="<modules><module>gone</module></modules>")}, "gone/pom.xml cannot be read"),
        ({"pom.xml": pom(body="<modules><module>../../x</module></modules>")}, "outside the project"),
    ],
)
async def test_poms_that_cannot_be_read_are_said_and_nothing_runs(
    world: World, files: dict[str, str], why: str
) -> None:
    for name, content in files.items():
        world.put(name, content)
    plan = await world.plan()
    assert plan.empty and not plan.details
    assert any("cannot provide for it here, because" in line and why in line for line in plan.warnings), plan.warnings
    assert "root:" not in plan.model_dump_json()


@real
async def test_repositories_that_a_pom_names_need_a_persons_eye(world: World, repository: Repository) -> None:
    home = Path(world.context.home)
    named = "<repository><id>r</id><url>https://user:hunter2@${host}/maven2</url></repository>"
    plugins = "<pluginRepository><id>p</id><url>https://plugins.example/x</url></pluginRepository>"
    body = "<properties><host>packages.example</host></properties>"
    body += f"<repositories>{named}</repositories><pluginRepositories>{plugins}</pluginRepositories>"
    text = pom(body=body).replace("<properties><maven", "<other><maven", 1).replace("</properties>", "</other>", 1)
    world.put("pom.xml", text)
    assert (await world.plan()).risk == Risk.R2, "the user's own mirror stands for all of them"
    (home / ".m2/settings.xml").unlink()
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "packages.example, plugins.example" in plan.reason
    assert "hunter2" not in plan.model_dump_json()
    settings(home, "https://packages.example/mirror")
    (home / ".m2/settings.xml").write_text((home / ".m2/settings.xml").read_text().replace("*", "central"))
    plan = await world.plan()
    assert "plugins.example" in plan.reason and "packages.example" not in plan.reason


@real
async def test_hostile_4_names_in_a_pom_never_become_words_of_a_command(world: World, repository: Repository) -> None:
    evil = "<dependency><groupId>a</groupId><artifactId>--settings=/x\u202e; rm -rf ~</artifactId><version>1</version></dependency>"
    plugin = (
        "<build><plugins><plugin><groupId>org.example</groupId><artifactId>runs</artifactId></plugin></plugins></build>"
    )
    world.put("pom.xml", pom(body=f"<dependencies>{evil}</dependencies>{plugin}"))
    plan = await world.plan()
    assert "rm -rf" not in plan.model_dump_json()
    assert any("org.example:runs" in line for line in plan.warnings), "code of others that will run is said"


WRAPPER = "distributionUrl={}\n"


@real
async def test_a_wrapper_says_what_it_downloads_from_where_and_how_sure_that_is(
    world: World, repository: Repository
) -> None:
    world.put("pom.xml", pom())
    world.put("mvnw", "#!/bin/sh\n")
    repository.files["/d/apache-maven-3.9.9-bin.zip"] = b"x" * 2_500_000
    world.put(".mvn/wrapper/maven-wrapper.properties", WRAPPER.format(f"{repository.url}/d/apache-maven-3.9.9-bin.zip"))
    plan = await world.plan()
    line = f"mvnw downloads apache-maven-3.9.9-bin.zip, 2.5 MB from {repository.url}/d/apache-maven-3.9.9-bin.zip"
    assert line in plan.details and plan.steps[-1].download == 2_500_000 and plan.risk == Risk.R2
    assert plan.steps[-1].args["program"] == ["sh", "./mvnw"]
    assert any("no checksum" in w for w in plan.warnings) and any("without encryption" in w for w in plan.warnings)
    assert any("script of the project" in w for w in plan.warnings)
    repository.asked.clear()
    assert (await world.plan()).digest == plan.digest and not repository.asked
    content = "distributionUrl=https\\://u:hunter2@evil.example/apache-maven-3.9.9-bin.zip\ndistributionSha256Sum=00\n"
    world.put(".mvn/wrapper/maven-wrapper.properties", content)
    world.put(".mvn/wrapper/maven-wrapper.jar", "program")
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "evil.example, which is not the usual server of Maven" in plan.reason
    assert "hunter2" not in plan.model_dump_json() and not any("no checksum" in w for w in plan.warnings)
    known = hashlib.sha256(b"program").hexdigest()
    assert any(
        f"maven-wrapper.jar is a program that is checked in; it runs with sha256 {known}" in w for w in plan.warnings
    )


def test_wrapper_properties_are_read_as_java_reads_them() -> None:
    said = properties("# distributionUrl=x\n distributionUrl = https\\://a/b.zip \nzipStoreBase: GRADLE\n!c=d\n")
    assert said == {"distributionUrl": "https://a/b.zip", "zipStoreBase": "GRADLE"}


def metadata(release: str) -> bytes:
    return f"<metadata><versioning><release>{release}</release></versioning></metadata>".encode()


@real
async def test_a_dependency_by_name_gets_the_lines_to_write_once_it_is_known_to_exist(
    world: World, repository: Repository
) -> None:
    world.put("pom.xml", pom(body=f"<dependencies>{dependency(LANG)}</dependencies>"))
    repository.files["/org/example/thing/maven-metadata.xml"] = metadata("2.5")
    with pytest.raises(Usage, match="no command that adds a dependency") as found:
        await world.plan(packages=["maven:org.example:thing"])
    assert "<artifactId>thing</artifactId>\n  <version>2.5</version>" in found.value.hint
    with pytest.raises(Usage) as found:
        await world.plan(packages=["maven:junit:junit@4.13.2"])
    assert "<groupId>junit</groupId>" in found.value.hint and "4.13.2" in found.value.hint
    assert (await world.plan(packages=["maven:org.apache.commons:commons-lang3"])).empty
    for name in ("maven:org.example:invented", "maven:junit:junit@99"):
        with pytest.raises(Usage, match="has no"):
            await world.plan(packages=[name])
    with pytest.raises(Usage, match="not a package name"):
        await world.plan(packages=["maven:--help"])
    settings(Path(world.context.home), "http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        await world.plan(packages=["maven:org.example:thing"])
