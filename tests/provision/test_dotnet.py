""".NET: the real SDK over a NuGet source of our own where there is one, and what is read without running anything."""

from __future__ import annotations

import asyncio
import json
import os
import re
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
from envsync.tools.provision.providers.dotnetfiles import solution

from .networld import Source, config, project, serving, sln, uses

World = Any
PASSED = ("PATH", "LD_LIBRARY_PATH", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "DOTNET_CLI_HOME")
real = pytest.mark.skipif(not shutil.which("dotnet"), reason="the .NET SDK is not installed, and Debian 12 has none")


@pytest.fixture
def source(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """The user's one source. Inner <- Outer."""
    monkeypatch.delenv("NUGET_PACKAGES", raising=False)
    monkeypatch.setenv("DOTNET_CLI_HOME", str(tmp_path / "home"))
    with serving() as made:
        made.add("Inner", "1.0.0")
        made.add("Inner", "1.1.0")
        made.add("Outer", "1.0.0", [("Inner", "1.0.0")])
        file = tmp_path / "home/.nuget/NuGet/NuGet.Config"
        file.parent.mkdir(parents=True)
        file.write_text(config(f"{made.url}/v3/index.json"))
        yield made


def held(world: World) -> set[str]:
    folder = Path(world.context.home) / ".nuget/packages"
    return {str(path.relative_to(folder)) for path in folder.glob("*/*")}


def build(world: World, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "MSBUILDDISABLENODEREUSE": "1"}
    argv = ["dotnet", "build", "--no-restore", "-p:UseSharedCompilation=false", *words]
    return subprocess.run(argv, cwd=world.path, capture_output=True, text=True, env=env)


async def undo(world: World, plan: Plan) -> None:
    """As a transaction takes a plan back: inverses newest first, then the project's tree."""
    for step in reversed(plan.steps):
        for back in step.inverse:
            assert await world.do(back) is not False
    for folder in list(world.path.rglob("obj")):
        shutil.rmtree(folder)


@real
async def test_a_fresh_project_then_an_offline_build_then_nothing_to_do_then_all_back(
    world: World, source: Source
) -> None:
    world.put("app.csproj", project(uses("Outer", "1.0.0")))
    world.put("A.cs", "public class A { public static int F() => 1; }")
    kept = Path(world.context.home) / ".nuget/packages/kept/1.0.0"
    kept.mkdir(parents=True)
    (kept / "kept.nuspec").write_text("mine")
    before = world.tree()
    plan = await world.plan()
    assert world.tree() == before and not source.asked, "planning only reads"
    assert (await world.plan()).digest == plan.digest and plan.undoable and plan.risk == Risk.R2
    assert [step.kind for step in plan.steps] == ["grown", "dotnet"] and "Outer 1.0.0" in plan.details
    await world.carry(plan)
    assert held(world) == {"kept/1.0.0", "inner/1.0.0", "outer/1.0.0"}
    source.packages.clear()
    done = build(world)
    assert done.returncode == 0, done.stdout
    assert (await world.plan()).empty
    await undo(world, plan)
    assert held(world) == {"kept/1.0.0"}
    assert [step.kind for step in (await world.plan()).steps] == ["grown", "dotnet"]


@real
async def test_the_same_on_a_host_that_is_elsewhere(world: World, source: Source, tmp_path: Path) -> None:
    far = pipe_host("remote", tmp_path)
    far.env |= {name: os.environ[name] for name in PASSED if name in os.environ}
    far.env["HOME"] = str(world.context.home)
    world.host = far
    try:
        world.put("app.csproj", project(uses("Outer", "1.0.0")))
        plan = await world.plan()
        await world.carry(plan)
        assert held(world) == {"inner/1.0.0", "outer/1.0.0"} and (await world.plan()).empty
        await undo(world, plan)
        assert held(world) == set()
        assert (await world.plan(packages=["nuget:Inner@1.0.0"])).steps[-1].args["add"] == ["Inner", "1.0.0"]
    finally:
        await far.close()


@real
async def test_a_lock_is_kept_to_and_one_that_disagrees_is_refused(world: World, source: Source) -> None:
    world.put("app.csproj", project(uses("Outer", "1.0.0")))
    subprocess.run(["dotnet", "restore", "--use-lock-file"], cwd=world.path, check=True, capture_output=True)
    shutil.rmtree(world.path / "obj")
    shutil.rmtree(Path(world.context.home) / ".nuget/packages")
    source.add("Inner", "1.0.1")
    lock = (world.path / "packages.lock.json").read_text()
    plan = await world.plan()
    assert plan.details == ("Inner 1.0.0", "Outer 1.0.0") and "as locked" in plan.steps[1].does
    await world.carry(plan)
    assert held(world) == {"inner/1.0.0", "outer/1.0.0"} and (world.path / "packages.lock.json").read_text() == lock
    assert (await world.plan()).empty
    world.put("app.csproj", project(uses("Outer", "1.0.0") + uses("Inner", "1.1.0")))
    plan = await world.plan()
    assert await world.do(plan.steps[0])
    with pytest.raises(Failed, match="restore"):
        await world.do(plan.steps[1])
    assert (world.path / "packages.lock.json").read_text() == lock
    world.put("packages.lock.json", lock.replace("1.0.0", "1.1.0"))
    with pytest.raises(Failed, match="changed after the plan"):
        await world.do(plan.steps[1])


@real
async def test_a_solution_covers_its_projects_once(world: World, source: Source) -> None:
    world.put("lib/A.cs", "public class A { public static int F() => 1; }")
    world.put("web/web.csproj", project(uses("Outer", "1.0.0") + '<ProjectReference Include="../lib/lib.csproj"/>'))
    world.put("web/B.cs", "public class B { public static int F() => A.F(); }")
    world.put("lib/lib.csproj", project(uses("Inner", "1.0.0")))
    for words in (["new", "sln", "-n", "all"], ["sln", "all.sln", "add", "web/web.csproj", "lib/lib.csproj"]):
        subprocess.run(["dotnet", *words], cwd=world.path, check=True, capture_output=True)
    world.services = (Service(name="web", root="web"), Service(name="lib", root="lib"))
    plan = await world.plan()
    assert [step.kind for step in plan.steps] == ["grown", "dotnet"] and plan.steps[1].args["targets"] == {
        "all.sln": "open"
    }
    await world.carry(plan)
    done = build(world)
    assert done.returncode == 0, done.stdout
    assert (await world.plan()).empty
    (world.path / "lib/obj/project.assets.json").unlink()
    assert not (await world.plan()).empty, "one project of it was cleaned"


@real
async def test_killed_half_way_and_run_again(world: World, source: Source) -> None:
    source.add("Slow", "1.0.0")
    world.put("app.csproj", project(uses("Outer", "1.0.0") + uses("Slow", "1.0.0")))
    plan = await world.plan()
    assert await world.do(plan.steps[0])
    source.held.clear()
    running = asyncio.ensure_future(world.do(plan.steps[1]))
    await asyncio.to_thread(source.waiting.wait, 60)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    source.held.set()
    came = held(world)
    assert (await world.plan()).digest == plan.digest
    await world.carry(plan)
    assert held(world) == came | {"inner/1.0.0", "outer/1.0.0", "slow/1.0.0"}
    assert (await world.plan()).empty
    await undo(world, plan)
    assert held(world) == set(), "what the killed run had brought is gone too"


@real
async def test_a_killed_run_can_be_taken_back_at_once(world: World, source: Source) -> None:
    world.put("app.csproj", project(uses("Outer", "1.0.0")))
    plan = await world.plan()
    assert await world.do(plan.steps[0])
    subprocess.run(["dotnet", "restore"], cwd=world.path, check=True, capture_output=True)  # what the dead run had done
    assert held(world)
    await undo(world, plan)
    assert held(world) == set()
    await undo(world, plan)  # a second time is no error


@real
async def test_a_package_is_added_by_name_in_the_version_that_the_source_has(world: World, source: Source) -> None:
    world.put("app.csproj", project())
    plan = await world.plan(packages=["nuget:Inner"])
    assert plan.risk == Risk.R2 and plan.steps[1].args["add"] == ["Inner", "1.1.0"]
    assert "nuget: Inner 1.1.0: 2 releases" in plan.details
    result = await world.carry(plan)
    assert [(c.name, c.new) for c in result.packages] == [("Inner", "1.1.0")]
    assert '"Inner" Version="1.1.0"' in (world.path / "app.csproj").read_text() and held(world) == {"inner/1.1.0"}
    assert (await world.plan(packages=["nuget:inner"])).empty
    plan = await world.plan(packages=["nuget:Inner@1.0.0"])
    await world.carry(plan)
    assert '"Inner" Version="1.0.0"' in (world.path / "app.csproj").read_text()


@real
@pytest.mark.parametrize(
    ("name", "match"),
    [("nuget:Inmer", "NuGet has no"), ("nuget:Inner@9", "NuGet has no"), ("nuget:Inner@>=1", "range")],
)
async def test_names_and_versions_that_do_not_exist_are_usage(
    world: World, source: Source, name: str, match: str
) -> None:
    world.put("app.csproj", project())
    with pytest.raises(Usage, match=match):
        await world.plan(packages=[name])


@real
async def test_a_source_that_does_not_answer_is_unreachable(world: World, source: Source, tmp_path: Path) -> None:
    (tmp_path / "home/.nuget/NuGet/NuGet.Config").write_text(config("http://127.0.0.1:9/v3/index.json"))
    world.put("app.csproj", project(uses("Outer", "1.0.0")))
    with pytest.raises(Unreachable, match="no NuGet source answered"):
        await world.plan(packages=["nuget:Inner"])
    plan = await world.plan()
    assert await world.do(plan.steps[0])
    with pytest.raises(Unreachable, match="registry"):
        await world.do(plan.steps[1])


@real
async def test_sources_of_the_project_need_a_persons_eye_and_are_not_asked(world: World, source: Source) -> None:
    world.put("app.csproj", project(uses("Inner", "1.0.0")))
    world.put("nuget.config", config("https://user:hunter2@feed.example/v3/index.json", "./packages"))
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "feed.example" in plan.reason and "hunter2" not in plan.model_dump_json()
    assert any("./packages" in line for line in plan.warnings)


@real
async def test_a_name_that_nobody_said_is_r3(world: World, source: Source) -> None:
    world.put("app.csproj", project())
    world.origin, world.words = "words", "add logging"
    plan = await world.plan(packages=["nuget:Inner"])
    assert plan.risk == Risk.R3 and "named Inner" in plan.reason


@real
async def test_an_sdk_that_global_json_asks_for_and_nobody_has(world: World, source: Source) -> None:
    world.put("app.csproj", project())
    world.put("global.json", json.dumps({"sdk": {"version": "99.1.100", "rollForward": "disable"}}))
    plan = await world.plan()
    assert plan.empty and any(
        "cannot provide for it here, because no installed .NET SDK" in line for line in plan.warnings
    )


async def test_without_the_sdk_the_plan_says_why_it_cannot(world: World, without: Callable[..., Any]) -> None:
    world.host = without("dotnet", "mise", "apt-cache")
    world.put("app.csproj", "<Project Sdk='Microsoft.NET.Sdk'/>")
    plan = await world.plan()
    assert plan.empty and plan.summary == "nothing that can be done here"
    assert any("app.csproj: cannot provide for it here, because cannot get dotnet" in line for line in plan.warnings)
    with pytest.raises(Failed, match="cannot add packages here, because"):
        await world.plan(packages=["nuget:Inner"])


SCRIPT = """#!/bin/sh
echo "$@" >> "$HOME/asked"
case "$1" in
  --version) echo 8.0.100 ;;
  nuget) exit 1 ;;
  restore) echo "$HOME/says" | xargs cat >&2; exit 1 ;;
esac
"""


@pytest.fixture
def scripted(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called dotnet that only notes its arguments and fails: for these and exit codes alone."""
    program = tmp_path / "bin/dotnet"
    program.parent.mkdir()
    program.write_text(SCRIPT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("NUGET_PACKAGES", raising=False)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("says", "error"),
    [("error NU1004: The packages lock file is inconsistent", Failed), ("error NU1301: Unable to load the service index", Unreachable)],
)  # fmt: skip
async def test_a_restore_that_fails_says_who_is_at_fault(
    world: World, scripted: Path, says: str, error: type[Exception]
) -> None:
    (scripted / "says").write_text(says)
    world.put("-x;y.csproj", "<Project Sdk='Microsoft.NET.Sdk'/>")
    world.put("packages.lock.json", "{}")
    plan = await world.plan()
    assert await world.do(plan.steps[0])
    with pytest.raises(error, match=says[6:12]):
        await world.do(plan.steps[1])
    assert (scripted / "asked").read_text().splitlines()[-1] == "restore ./-x;y.csproj --locked-mode"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"a.csproj": '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><Project Sdk="x">&c;</Project>'}, "entities"),
        (
            {"a.csproj": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Project Sdk="x">&a;</Project>'},
            "entities",
        ),
        ({"a.csproj": "<Project"}, "no valid XML"),
        ({"a.csproj": "<a>" * 5000}, "nested too deep"),
        ({"a.sln": sln("..\\..\\other\\x.csproj")}, "outside"),
        ({"a.sln": sln("gone\\x.csproj")}, "not there"),
        ({"a.sln": sln()}, "no projects"),
        ({"a.csproj": "<Project ToolsVersion='4.0'/>", "packages.config": "<packages/>"}, r"\.NET Framework"),
    ],
)
async def test_what_cannot_be_read_or_provided_is_said_and_nothing_is_done(
    world: World, files: dict[str, str], why: str
) -> None:
    for name, content in files.items():
        world.put(name, content)
    plan = await world.plan()
    assert plan.empty and any("cannot provide for it here, because" in w for w in plan.warnings)
    assert any(re.search(why, line) for line in plan.warnings), plan.warnings


def test_versions_come_from_the_nearest_central_file_and_conditions_are_not_sure() -> None:
    found = solution({
        "a.slnx": '<Solution><Project Path="src/app/app.csproj"/></Solution>',
        "Directory.Packages.props": '<Project><ItemGroup><PackageVersion Include="Top" Version="1"/></ItemGroup></Project>',
        "src/Directory.Packages.props": '<Project><ItemGroup><PackageVersion Include="top" Version="2"/></ItemGroup></Project>',
        "src/app/app.csproj": '<Project Sdk="x"><ItemGroup Condition="x"><PackageReference Include="Old" Version="3"/></ItemGroup>'
        '<ItemGroup><PackageReference Include="Top"/><PackageReference Include="$(Evil)"/></ItemGroup></Project>',
    })  # fmt: skip
    assert found.projects == ["src/app/app.csproj"] and found.targets == ["a.slnx"]
    assert found.packages("src/app/app.csproj") == {"Old": "3", "Top": "2"}
    assert found.packages("src/app/app.csproj", sure=True) == {"Top": "2"}


async def test_an_older_sdk_than_the_framework_is_said(world: World, scripted: Path) -> None:
    world.put("app.csproj", "<Project Sdk='Microsoft.NET.Sdk'/>")
    world.services = (Service(name="app", runtimes=(Wanted(name="dotnet", spec="9.0"),)),)
    plan = await world.plan()
    assert any("asks for dotnet >=9.0" in line for line in plan.warnings)
