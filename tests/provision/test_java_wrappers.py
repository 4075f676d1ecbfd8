"""The real wrapper scripts and jars, which npm packages carry, fetch real distributions that are served here."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.plan import Risk

from .javaworld import USES, Repository, dependency, lacking, pom, serving, settings, tree, zipped

World = Any
missing = lacking("mvn", "gradle", "javac", "npm", "unzip", "curl")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing), reason=missing)]
MAVEN = ("generator-jhipster@9.4.0", "generators/java-simple-application/generators/maven/templates/")
GRADLE = ("@react-native-community/template@0.87.2", "template/android/")


@pytest.fixture
def repository(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A repository that the user's own settings name."""
    home = tmp_path / "home"
    monkeypatch.setenv("MAVEN_OPTS", f"-Duser.home={home}")
    monkeypatch.setenv("GRADLE_USER_HOME", str(home / ".gradle"))
    # What Debian's own start script of Gradle 4 gives to Java 17.
    monkeypatch.setenv("JAVA_OPTS", "--add-opens=java.base/java.lang=ALL-UNNAMED")
    for name in ("MAVEN_USER_HOME", "MVNW_REPOURL"):
        monkeypatch.delenv(name, raising=False)
    with serving() as made:
        settings(home, made.url)
        yield made


def unpack(package: tuple[str, str], names: list[str], tmp_path: Path, world: World) -> None:
    """Files of an npm package into the project."""
    done = subprocess.run(["npm", "pack", "--silent", package[0]], cwd=tmp_path, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"npm gives no {package[0]}: {done.stderr[-200:]}")
    with tarfile.open(tmp_path / done.stdout.split()[-1]) as archive:
        for member in archive:
            name = next((n for n in names if member.name.endswith(package[1] + n)), None)
            content = archive.extractfile(member) if name else None
            if name and content:
                file = world.path / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content.read())


async def undo(world: World, plan: Any) -> None:
    for step in reversed(plan.steps):
        for back in step.inverse:
            assert await world.do(back) is not False


async def test_mavens_wrapper_fetches_maven_and_undo_takes_both_away(
    world: World, repository: Repository, tmp_path: Path
) -> None:
    unpack(MAVEN, ["mvnw", ".mvn/wrapper/maven-wrapper.properties"], tmp_path, world)
    archive = zipped(Path("/usr/share/maven"), "apache-maven-3.8.7")
    address = f"{repository.url}/apache-maven-3.8.7-bin.zip"
    repository.files["/apache-maven-3.8.7-bin.zip"] = archive
    world.put(
        ".mvn/wrapper/maven-wrapper.properties",
        f"distributionType=only-script\ndistributionUrl={address}\ndistributionSha256Sum={hashlib.sha256(archive).hexdigest()}\n",
    )
    world.put(
        "pom.xml", pom(body=f"<dependencies>{dependency('org.apache.commons:commons-lang3:${lang}')}</dependencies>")
    )
    world.put("src/main/java/x/Uses.java", USES)
    plan = await world.plan()
    assert plan.steps[-1].download == len(archive) and plan.risk == Risk.R2
    assert not any("no checksum" in line for line in plan.warnings)
    await world.carry(plan)
    home = Path(world.context.home)
    assert list(home.glob(".m2/wrapper/dists/apache-maven-3.8.7/*/bin/mvn"))
    repository.down = True
    shutil.rmtree(world.path / "target")
    done = subprocess.run(["sh", "./mvnw", "-o", "-q", "test-compile"], cwd=world.path, capture_output=True, text=True)
    assert done.returncode == 0 and (world.path / "target/classes/x/Uses.class").exists(), done.stdout
    assert (await world.plan()).empty
    world.put("pom.xml", (world.path / "pom.xml").read_text() + "<!-- changed -->")
    assert "apache-maven-3.8.7-bin.zip was downloaded before" in (await world.plan()).details
    world.put("pom.xml", (world.path / "pom.xml").read_text().replace("<!-- changed -->", ""))
    await undo(world, plan)
    assert tree(home / ".m2/repository") == tree(home / ".m2/wrapper") == set()
    assert (await world.plan()).steps == plan.steps


async def test_gradles_wrapper_fetches_gradle_and_undo_takes_both_away(
    world: World, repository: Repository, tmp_path: Path
) -> None:
    unpack(GRADLE, ["gradlew", "gradle/wrapper/gradle-wrapper.jar"], tmp_path, world)
    archive = zipped(Path("/usr/share/gradle"), "gradle-4.4.1")
    repository.files["/gradle-4.4.1-bin.zip"] = archive
    address = f"{repository.url}/gradle-4.4.1-bin.zip".replace(":", "\\:")
    world.put(
        "gradle/wrapper/gradle-wrapper.properties",
        "distributionBase=GRADLE_USER_HOME\ndistributionPath=wrapper/dists\nzipStoreBase=GRADLE_USER_HOME\n"
        f"zipStorePath=wrapper/dists\ndistributionUrl={address}\ndistributionSha256Sum={hashlib.sha256(archive).hexdigest()}\n",
    )
    world.put(
        "build.gradle",
        f"apply plugin: 'java'\nrepositories {{ maven {{ url '{repository.url}' }} }}\n"
        "dependencies { compile 'org.apache.commons:commons-lang3:3.12.0' }\n",
    )
    world.put("src/main/java/x/Uses.java", USES)
    plan = await world.plan()
    assert plan.steps[-1].download == len(archive) and plan.risk == Risk.R2
    assert any("gradle-wrapper.jar is a program that is checked in" in line for line in plan.warnings)
    await world.carry(plan)
    home = Path(world.context.home)
    assert list(home.glob(".gradle/wrapper/dists/gradle-4.4.1-bin/*/gradle-4.4.1/bin/gradle"))
    repository.down = True
    argv = ["sh", "./gradlew", "--offline", "--no-daemon", "-q", "classes"]
    done = subprocess.run(argv, cwd=world.path, capture_output=True, text=True)
    assert done.returncode == 0 and (world.path / "build/classes/java/main/x/Uses.class").exists(), done.stderr
    assert (await world.plan()).empty
    world.put("build.gradle", (world.path / "build.gradle").read_text() + "// changed")
    assert "gradle-4.4.1-bin.zip was downloaded before" in (await world.plan()).details
    world.put("build.gradle", (world.path / "build.gradle").read_text().replace("// changed", ""))
    await undo(world, plan)
    assert not list(home.glob(".gradle/wrapper/dists/*/*/*/bin")) and not tree(
        home / ".gradle/caches/modules-2/files-2.1"
    )
    assert [step.kind for step in (await world.plan()).steps] == ["grown", "gradle"]
