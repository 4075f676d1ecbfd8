"""Node: real npm over a registry of our own, and the other managers' real lockfiles."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.errors import Failed, Usage
from envsync.tools.fingerprint import Service, Wanted
from envsync.tools.plan import Risk
from envsync.tools.provision.providers.nodelocks import fixed

World = Any
Index = Any
pytestmark = pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")


@pytest.fixture
def stocked(index: Index) -> Index:
    """inner <- outer; `scripted` writes a file when installed."""
    index.npm("inner", "1.0.0")
    index.npm("inner", "1.1.0")
    index.npm("outer", "1.0.0", dependencies={"inner": "^1.0.0"})
    index.npm("scripted", "1.0.0", scripts={"postinstall": "node -e \"fs.writeFileSync('ran','1')\""})
    index.npm("hidden", "1.0.0", dependencies={"scripted": "1.0.0"})
    return index


def manifest(world: World, **dependencies: str) -> None:
    world.put("package.json", json.dumps({"name": "app", "version": "1.0.0", "dependencies": dependencies}))


def have(world: World, name: str) -> str:
    return str(json.loads((world.path / f"node_modules/{name}/package.json").read_text())["version"])


async def test_a_locked_project_is_installed_as_locked_and_the_second_plan_is_empty(
    world: World, stocked: Index
) -> None:
    manifest(world, outer="^1.0.0", inner="1.0.0")
    subprocess.run(["npm", "install", "--package-lock-only"], cwd=world.path, check=True, capture_output=True)
    before = world.tree()
    plan = await world.plan()
    assert world.tree() == before, "planning only reads"
    assert plan.details == ("inner 1.0.0", "outer 1.0.0") and plan.captures and plan.steps[0].covered
    assert (await world.plan()).digest == plan.digest
    result = await world.carry(plan)
    assert (have(world, "inner"), have(world, "outer")) == ("1.0.0", "1.0.0")
    assert [c.name for c in result.packages] == ["inner", "outer"]
    assert (await world.plan()).empty


async def test_without_a_lock_the_plan_says_so_and_holds_to_what_it_showed(world: World, stocked: Index) -> None:
    manifest(world, outer="*")
    plan = await world.plan()
    assert plan.details == ("inner 1.1.0", "outer 1.0.0") and any("no lockfile" in line for line in plan.warnings)
    await world.carry(plan)
    assert (world.path / "package-lock.json").exists() and (await world.plan()).empty


async def test_two_versions_of_one_package_are_told_apart(world: World, stocked: Index) -> None:
    stocked.npm("inner", "2.0.0")
    manifest(world, outer="*", inner="2.0.0")
    plan = await world.plan()
    assert plan.details == ("inner 2.0.0", "outer 1.0.0", "outer > inner 1.1.0")
    await world.carry(plan)
    assert have(world, "inner") == "2.0.0" and (await world.plan()).empty


async def test_a_package_is_added_and_changed_by_name(world: World, stocked: Index) -> None:
    manifest(world)
    plan = await world.plan(packages=["inner@1.0.0"])
    assert plan.risk == Risk.R2 and plan.steps[0].args["words"] == ["inner@1.0.0"]
    await world.carry(plan)
    assert have(world, "inner") == "1.0.0" and (await world.plan(packages=["inner"])).empty
    plan = await world.plan(packages=["inner@latest"])
    assert "inner 1.0.0 -> 1.1.0" in plan.details
    await world.carry(plan)
    assert have(world, "inner") == "1.1.0" and (await world.plan(packages=["inner@latest"])).empty


async def test_hostile_46_install_scripts_run_only_for_what_the_project_names(world: World, stocked: Index) -> None:
    manifest(world, hidden="1.0.0")
    plan = await world.plan()
    await world.carry(plan)
    assert not (world.path / "node_modules/scripted/ran").exists()
    locked = await world.plan()
    assert locked.empty
    shutil.rmtree(world.path / "node_modules")
    assert any("scripted" in line and "not run" in line for line in (await world.plan()).warnings)

    manifest(world, scripted="1.0.0")
    (world.path / "package-lock.json").unlink()
    subprocess.run(["npm", "install", "--package-lock-only"], cwd=world.path, check=True, capture_output=True)
    named = await world.plan()
    assert any("run the install scripts of scripted" in step.does for step in named.steps)
    await world.carry(named)
    assert (world.path / "node_modules/scripted/ran").exists()


async def test_hostile_46_a_named_packages_script_is_not_run(world: World, stocked: Index) -> None:
    manifest(world)
    plan = await world.plan(packages=["scripted"])
    assert any("install script, which is not run" in line for line in plan.warnings)
    await world.carry(plan)
    assert have(world, "scripted") == "1.0.0" and not (world.path / "node_modules/scripted/ran").exists()


async def test_hostile_45_unknown_and_near_names(world: World, stocked: Index) -> None:
    manifest(world)
    with pytest.raises(Usage, match="Did you mean express"):
        await world.plan(packages=["expres"])
    stocked.npm("expres", "1.0.0")
    plan = await world.plan(packages=["expres"])
    assert plan.risk == Risk.R3 and "looks like express" in plan.reason


async def test_hostile_44_a_version_that_does_not_exist(world: World, stocked: Index) -> None:
    manifest(world)
    with pytest.raises(Usage, match=r"npm has no inner@9\.9\.9"):
        await world.plan(packages=["inner@9.9.9"])


async def test_hostile_50_what_a_kill_left_half_done_is_repaired(world: World, stocked: Index) -> None:
    manifest(world, outer="1.0.0")
    await world.carry(await world.plan())
    shutil.rmtree(world.path / "node_modules/inner")
    plan = await world.plan()
    assert plan.details == ("inner 1.1.0",)
    await world.carry(plan)
    (world.path / "node_modules/.package-lock.json").unlink()
    plan = await world.plan()
    assert not plan.empty, "npm writes its mark last"
    await world.carry(plan)
    assert (await world.plan()).empty


async def test_hostile_18_a_linked_node_modules_is_not_written_through(
    world: World, stocked: Index, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    manifest(world, inner="1.0.0")
    (world.path / "node_modules").symlink_to(outside)
    plan = await world.plan()
    with pytest.raises(Failed, match="is a link"):
        await world.carry(plan)
    assert not list(outside.iterdir())


async def test_a_lock_that_changed_after_the_plan_is_not_installed(world: World, stocked: Index) -> None:
    manifest(world, inner="1.0.0")
    subprocess.run(["npm", "install", "--package-lock-only"], cwd=world.path, check=True, capture_output=True)
    plan = await world.plan()
    lock = world.path / "package-lock.json"
    lock.write_text(lock.read_text() + " ")
    with pytest.raises(Failed, match="changed after the plan"):
        await world.carry(plan)
    assert not (world.path / "node_modules").exists()


async def test_node_that_cannot_be_had_is_said(world: World, index: Index) -> None:
    with pytest.raises(Failed, match=r"cannot get node@99 here because .*mise"):
        await world.plan(runtimes=["node@99"])
    manifest(world)
    world.services = (Service(name="x", runtimes=(Wanted(name="node", spec=">=99"),)),)
    assert any("asks for node >=99" in line for line in (await world.plan()).warnings)


async def test_a_name_in_a_project_of_both_kinds_is_asked_about(world: World, stocked: Index) -> None:
    manifest(world)
    world.put("requirements.txt", "numpy\n")
    with pytest.raises(Usage, match=r"pip:inner \(\.\) or npm:inner"):
        await world.plan(packages=["inner"])
    plan = await world.plan(packages=["npm:inner"])
    assert plan.steps[0].kind == "node"


async def test_broken_manifests_are_named(world: World, index: Index) -> None:
    world.put("package.json", "{")
    with pytest.raises(Failed, match=r"package\.json cannot be read"):
        await world.plan()


@pytest.mark.parametrize(
    ("lock", "content"),
    [
        (
            "pnpm-lock.yaml",
            "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      '@x/inner':\n        specifier: ^1\n"
            "        version: 1.0.0(react@18.0.0)\n      outer:\n        specifier: '*'\n        version: 1.0.0\n",
        ),
        (
            "yarn.lock",
            '# yarn lockfile v1\n\n\n"@x/inner@^1", "@x/inner@^1.0.0":\n  version "1.0.0"\n  resolved "x"\n\n'
            'outer@*:\n  version "1.0.0"\n  dependencies:\n    inner "^1.0.0"\n',
        ),
        (
            "yarn.lock",
            '__metadata:\n  version: 8\n\n"@x/inner@npm:^1":\n  version: 1.0.0\n  resolution: "y"\n\n'
            '"outer@npm:*":\n  version: 1.0.0\n',
        ),
        (
            "bun.lock",
            '{\n  "lockfileVersion": 1,\n  "packages": {\n    "@x/inner": ["@x/inner@1.0.0", "", {}, "sha"],\n\n'
            '    "outer": ["outer@1.0.0", "", {}, "sha"],\n  }\n}\n',
        ),
    ],
)
def test_the_versions_that_other_lockfiles_fix(lock: str, content: str) -> None:
    assert fixed(lock, content, {"@x/inner": "^1", "outer": "*", "absent": "1"}) == {
        "@x/inner": "1.0.0",
        "outer": "1.0.0",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("manager", "lock"), [("pnpm@9", "pnpm-lock.yaml"), ("yarn@1", "yarn.lock"), ("bun@1", "bun.lock")]
)
async def test_other_managers_are_fetched_and_keep_their_lock(world: World, manager: str, lock: str) -> None:
    """From the real registry: the manager itself comes from there too."""
    name = manager.partition("@")[0]
    manifest(world, **{"left-pad": "1.1.3"})
    first = ["npm", "exec", "--yes", f"--package={manager}", "--", name, "install"]
    subprocess.run(first, cwd=world.path, check=True, capture_output=True)
    shutil.rmtree(world.path / "node_modules")
    plan = await world.plan()
    assert (
        plan.steps[0].args["manager"] == name
        and plan.details == ("left-pad 1.1.3",)
        and plan.risk == Risk.R2
        and lock in plan.steps[0].args["lock"]
    )
    await world.carry(plan)
    assert have(world, "left-pad") == "1.1.3" and (await world.plan()).empty


async def test_hostile_58_a_projects_npmrc_gets_no_variables_value_by_a_plan(
    world: World, stocked: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "tok-5b1f0c7e9d")
    manifest(world, **{"outer": "1.0.0", "@corp/x": "1.0.0"})
    world.put(".npmrc", f"@corp:registry={stocked.url}/leak-${{DEPLOY_TOKEN}}/\nscript-shell=./evil\nsave-exact=true\n")
    monkeypatch.chdir(world.path)
    for args in ({}, {"packages": ["inner@1.0.0"]}):
        plan = await world.plan(**args)
        assert plan.risk == Risk.R3 and "DEPLOY_TOKEN" in plan.reason and "script-shell" in plan.reason
        assert "save-exact" not in plan.reason
    assert stocked.asked and not any("tok-5b1f0c7e9d" in path for path in stocked.asked)


async def test_hostile_47_a_projects_registry_does_not_answer_for_a_name(
    world: World, stocked: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest(world)
    (world.path.parent / "home/.npmrc").write_text(f"registry={stocked.url}/\n")
    monkeypatch.setenv("npm_config_userconfig", str(world.path.parent / "home/.npmrc"))
    monkeypatch.delenv("npm_config_registry")
    world.put(".npmrc", f"registry={stocked.url}/imitation/\n")
    monkeypatch.chdir(world.path)
    with pytest.raises(Failed, match="imitation/inner"):  # npm resolves there, but a name is judged at the user's own
        await world.plan(packages=["inner@1.0.0"])
    assert any(path.startswith("/inner") for path in stocked.asked)


@pytest.mark.parametrize("version", ["npm:outer", "file:evil", "github:evil", "link:evil"])
async def test_hostile_45_a_version_that_names_another_package_is_refused(
    world: World, stocked: Index, version: str
) -> None:
    manifest(world)
    with pytest.raises(Usage, match="not a package name"):
        await world.plan(packages=[f"npm:inner@{version}"])
    assert not stocked.asked


async def test_hostile_20_a_dependency_whose_name_is_a_path_is_not_looked_for(world: World, stocked: Index) -> None:
    (world.path.parent / "package.json").write_text('{"version": "6.6.6"}')
    manifest(world, **{"../..": "1", "../../": "6.6.6", "inner": "1.0.0"})
    world.put("package-lock.json", '{"lockfileVersion": 3, "packages": {"node_modules/inner": {"version": "1.0.0"}}}')
    assert not any(".." in line for line in (await world.plan()).details)
