"""Python: real virtual environments filled by real uv and pip from an index of our own."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.errors import Failed, Usage
from envsync.tools.fingerprint import Service, Wanted
from envsync.tools.hosts.local import LocalHost
from envsync.tools.plan import Risk

World = Any
Index = Any

HAVE_UV = bool(shutil.which("uv") or (Path(sys.executable).parent / "uv").exists())
pytestmark = pytest.mark.skipif(not HAVE_UV, reason="uv is not installed, and pip's own test is below")


@pytest.fixture
def stocked(index: Index) -> Index:
    """base <- middle; base has two versions."""
    index.wheel("base", "1.0")
    index.wheel("base", "2.0")
    index.wheel("middle", "1.0", ["base<2"])
    index.wheel("runner", "3.1")
    return index


def versions(world: World, *names: str) -> list[str]:
    code = "import importlib.metadata as m,sys;print(*(m.version(n) for n in sys.argv[1:]))"
    done = subprocess.run([world.path / ".venv/bin/python", "-c", code, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


async def test_a_project_is_set_up_with_its_tests_requirements_and_the_second_plan_is_empty(
    world: World, stocked: Index
) -> None:
    world.put("requirements.txt", "middle\n")
    world.put("requirements-test.txt", "-r requirements.txt\nrunner==3.1  # tests\n")
    before = world.tree()
    plan = await world.plan()
    assert world.tree() == before, "planning only reads"
    assert [step.kind for step in plan.steps] == ["python-venv", "python-install"] and plan.captures and not plan.system
    assert all(step.covered for step in plan.steps) and plan.risk == Risk.R2
    assert {"base 1.0", "middle 1.0", "runner 3.1"} <= set(plan.details)
    assert (await world.plan()).digest == plan.digest, "a plan is deterministic"
    result = await world.carry(plan)
    assert versions(world, "base", "middle", "runner") == ["1.0", "1.0", "3.1"]
    assert {(c.name, c.old, c.new) for c in result.packages} >= {("base", "", "1.0")}
    again = await world.plan()
    assert again.empty and again.summary.startswith("nothing to do") and "3 packages" in again.summary


async def test_upgrade_shows_old_and_new_and_what_it_may_break(world: World, stocked: Index) -> None:
    world.put("requirements.txt", "middle\n")
    await world.carry(await world.plan())
    plan = await world.plan(packages=["base@latest"])
    assert plan.steps[0].does == "upgrade base 1.0 -> 2.0 in .venv"
    assert plan.warnings == ("middle 1.0 asks for base<2: base 2.0 may break it",)
    result = await world.carry(plan)
    assert [(c.name, c.old, c.new) for c in result.packages] == [("base", "1.0", "2.0")]
    assert versions(world, "base") == ["2.0"]
    assert (await world.plan(packages=["base@latest"])).empty
    fix = await world.plan()
    assert fix.steps[0].does == "downgrade base 2.0 -> 1.0 in .venv"


async def test_a_lock_of_poetry_fixes_versions(world: World, stocked: Index) -> None:
    world.put(
        "pyproject.toml",
        '[tool.poetry]\nname = "app"\npackage-mode = false\n[tool.poetry.dependencies]\npython = "^3.9"\nbase = "*"\n'
        '[tool.poetry.group.dev.dependencies]\nrunner = "^3.0"\n',
    )
    world.put(
        "poetry.lock", '[[package]]\nname = "base"\nversion = "1.0"\n\n[[package]]\nname = "other"\nversion = "9"\n'
    )
    await world.carry(await world.plan())
    assert versions(world, "base", "runner") == ["1.0", "3.1"]
    assert (await world.plan()).empty


async def test_what_only_setup_py_says_literally_is_planned_without_running_it(world: World, stocked: Index) -> None:
    world.put(
        "setup.py",
        "open('ran', 'w').close()\nfrom setuptools import setup\nneeds = ['middle']\n"
        "setup(name='thing', install_requires=needs, extras_require={'test': [*needs, 'runner']}, python_requires='>=3.8')\n",
    )
    plan = await world.plan()
    assert not (world.path / "ran").exists()
    assert {"base 1.0", "runner 3.1"} <= set(plan.details)
    assert [step.kind for step in plan.steps] == ["python-venv", "python-install", "python-project"]


async def test_the_project_itself_is_installed_in_editable_mode(world: World, stocked: Index) -> None:
    backend = (
        "import os, zipfile\n"
        "def build_editable(folder, *a):\n"
        "    with zipfile.ZipFile(os.path.join(folder, 'mine-1-py3-none-any.whl'), 'w') as z:\n"
        "        z.writestr('mine.pth', os.getcwd())\n"
        "        z.writestr('mine-1.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: mine\\nVersion: 1\\n')\n"
        "        z.writestr('mine-1.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
        "        z.writestr('mine-1.dist-info/RECORD', '')\n"
        "    return 'mine-1-py3-none-any.whl'\n"
    )
    world.put("backend.py", backend)
    world.put(
        "pyproject.toml",
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "mine"\nversion = "1"\ndependencies = ["base"]\n[dependency-groups]\ntest = ["runner"]\n',
    )
    await world.carry(await world.plan())
    assert versions(world, "mine", "base", "runner") == ["1", "2.0", "3.1"]
    assert (await world.plan()).empty


@pytest.mark.parametrize("damage", ["record", "module", "metadata"])
async def test_hostile_50_what_a_kill_left_half_done_is_repaired(world: World, stocked: Index, damage: str) -> None:
    world.put("requirements.txt", "middle\n")
    await world.carry(await world.plan())
    site = next((world.path / ".venv").glob("lib/python3*/site-packages"))
    lost = {"record": "base-1.0.dist-info/RECORD", "module": "base.py", "metadata": "base-1.0.dist-info/METADATA"}
    (site / lost[damage]).unlink()
    plan = await world.plan()
    assert not plan.empty
    await world.carry(plan)
    assert versions(world, "base") == ["1.0"] and (site / "base.py").exists()
    assert (await world.plan()).empty


async def test_hostile_50_a_half_made_environment_is_made_anew(world: World, stocked: Index) -> None:
    world.put("requirements.txt", "base\n")
    (world.path / ".venv/bin").mkdir(parents=True)
    plan = await world.plan()
    assert plan.steps[0].kind == "python-venv"
    await world.carry(plan)
    assert versions(world, "base") == ["2.0"]


async def test_cancelling_an_install_ends_its_processes(world: World, stocked: Index) -> None:
    world.put("requirements.txt", "base\n")
    plan = await world.plan()
    task = asyncio.ensure_future(world.carry(plan))
    # As soon as the environment is begun: on a calm machine all of it takes 0.1 s.
    while not (world.path / ".venv").exists():
        await asyncio.sleep(0.002)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await world.carry(await world.plan())
    assert versions(world, "base") == ["2.0"]


async def test_hostile_18_a_linked_environment_is_not_written_through(
    world: World, stocked: Index, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (world.path / ".venv").symlink_to(outside)
    world.put("requirements.txt", "base\n")
    with pytest.raises(Failed, match="is a link"):
        await world.plan()
    assert not list(outside.iterdir())


async def test_hostile_19_an_environment_swapped_for_a_link_after_the_plan(
    world: World, stocked: Index, tmp_path: Path
) -> None:
    world.put("requirements.txt", "base\n")
    plan = await world.plan()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("x")
    (world.path / ".venv").symlink_to(outside)
    with pytest.raises(Failed):
        await world.carry(plan)
    assert [p.name for p in outside.iterdir()] == ["keep"]


async def test_hostile_20_requirements_outside_the_project_are_not_read(world: World, stocked: Index) -> None:
    (world.path.parent / "secret.txt").write_text("runner\n")
    world.put("requirements.txt", "-r ../secret.txt\n-r /etc/hosts\nbase\n")
    plan = await world.plan()
    assert "runner 3.1" not in plan.details and len([w for w in plan.warnings if "outside" in w]) == 2


async def test_hostile_44_a_version_that_does_not_exist(world: World, stocked: Index) -> None:
    world.put("requirements.txt", "base\n")
    with pytest.raises(Failed, match="no base==99"):
        await world.plan(packages=["base@99.0.1"])


async def test_hostile_45_a_name_that_no_index_has_is_refused_with_the_likely_one(world: World, stocked: Index) -> None:
    world.put("requirements.txt", "base\n")
    with pytest.raises(Usage, match="Did you mean requests"):
        await world.plan(packages=["reqeusts"])
    assert not (world.path / ".venv").exists()


@pytest.mark.parametrize("name", ["reqeusts", "python-requests2", "tau2"])
async def test_hostile_45_an_imitation_that_exists_needs_a_persons_yes(world: World, stocked: Index, name: str) -> None:
    stocked.wheel(name, "1.0")
    stocked.wheel("tau", "1.0")
    world.put("requirements.txt", "base\n")
    plan = await world.plan(packages=[name])
    assert plan.risk == Risk.R3 and "looks like" in plan.reason
    assert any(f"About {name}" in line and "first released 2020-01-02" in line for line in plan.details)


async def test_hostile_45_a_package_that_nobody_named_needs_a_persons_yes(world: World, stocked: Index) -> None:
    stocked.wheel("helper-thing", "1.0")
    world.put("requirements.txt", "base\n")
    world.origin, world.words = "words", "please install what is needed for yaml"
    invented = await world.plan(packages=["helper-thing"])
    assert invented.risk == Risk.R3 and "neither you nor a file" in invented.reason
    assert (await world.plan(packages=["base"])).risk == Risk.R2, "a file of the project names it"
    world.words = "install Helper_Thing please"
    assert (await world.plan(packages=["helper-thing"])).risk == Risk.R2, "the user's words name it"


async def test_hostile_7_a_summary_is_shown_as_data(world: World, stocked: Index) -> None:
    stocked.wheel("base-tool", "1.0")
    world.put("requirements.txt", "base\n")
    plan = await world.plan(packages=["base-tool"])
    assert all(line.isprintable() and "\n" not in line for line in plan.details)


async def test_hostile_46_a_source_only_package_is_refused_by_name(world: World, stocked: Index) -> None:
    stocked.sdist(
        "evil", "1.0", f"open({str(world.path.parent / 'ran')!r}, 'w').close()\nfrom setuptools import setup\nsetup()\n"
    )
    world.put("requirements.txt", "base\n")
    with pytest.raises(Failed, match="refused: evil"):
        await world.plan(packages=["evil"])
    world.put("requirements.txt", "base\nevil\n")
    plan = await world.plan()
    assert any("build script" in line for line in plan.warnings), (
        "the project names it, so it may be built, after a yes"
    )
    assert not (world.path.parent / "ran").exists(), "planning runs no build script"


async def test_hostile_47_a_second_index_of_the_project_is_not_used(world: World, stocked: Index) -> None:
    world.put(
        "requirements.txt", f"--extra-index-url http://user:pw@evil.example/simple\n--index-url={stocked.url}/x\nbase\n"
    )
    plan = await world.plan()
    assert any("evil.example" in line for line in plan.warnings) and not any("pw" in line for line in plan.warnings)
    assert "evil.example" not in plan.steps[1].model_dump_json()
    world.put("requirements.txt", "--extra-index-url http://evil.example/simple\ninternal-thing\n")
    with pytest.raises(Failed, match="internal-thing") as caught:
        await world.plan()
    assert "another index" in caught.value.hint


async def test_a_requirement_from_an_address_is_r3(world: World, stocked: Index) -> None:
    world.put("requirements.txt", "base\nthing @ https://example.com/thing-1-py3-none-any.whl\ngit+git://x.example/y\n")
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "address" in plan.reason
    assert any("git+git" in line and "left out" in line for line in plan.warnings)


async def test_hashes_of_a_requirements_file_are_held_to(world: World, stocked: Index) -> None:
    world.put("requirements.txt", "base==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    plan = await world.plan()
    with pytest.raises(Failed, match=r"[Hh]ash"):
        await world.carry(plan)


async def test_a_python_that_cannot_be_had_is_said_with_what_was_tried(
    world: World, stocked: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "http://127.0.0.1:9/none")
    world.put("requirements.txt", "base\n")
    world.services = (Service(name="x", runtimes=(Wanted(name="python", spec="3.99"),)),)
    with pytest.raises(Failed, match=r"cannot get python@3\.99 here because .*uv.*apt") as caught:
        await world.plan()
    assert "mise" in caught.value.hint


async def test_an_environment_of_the_wrong_python_is_made_anew(world: World, stocked: Index) -> None:
    world.put("requirements.txt", "base\n")
    await world.carry(await world.plan())
    config = world.path / ".venv/pyvenv.cfg"
    config.write_text(config.read_text().replace("version_info = 3.", "version_info = 2."))
    world.services = (Service(name="x", runtimes=(Wanted(name="python", spec=">=3.8"),)),)
    plan = await world.plan()
    assert plan.steps[0].does.startswith("make anew .venv") and any("made anew" in line for line in plan.warnings)
    await world.carry(plan)
    assert (await world.plan()).empty


async def test_two_parts_of_a_project_ask_which_is_meant(world: World, stocked: Index) -> None:
    world.put("a/requirements.txt", "base\n")
    world.put("b/requirements.txt", "runner\n")
    world.services = (Service(name="a", root="a"), Service(name="b", root="b"))
    with pytest.raises(Usage, match="which part"):
        await world.plan(packages=["middle"])
    plan = await world.plan(packages=["runner@latest"])
    assert plan.steps[0].args["env"] == "b/.venv", "the part whose files have the name"


async def test_nothing_to_go_by_is_usage(world: World, index: Index) -> None:
    with pytest.raises(Usage, match="no manifest"):
        await world.plan()
    with pytest.raises(Usage, match="from where"):
        await world.plan(packages=["qwerty-thing"])
    with pytest.raises(Usage, match="asked for twice"):
        await world.plan(packages=["numpy@1", "numpy@2"])
    with pytest.raises(Usage, match="no template"):
        await world.plan(template="flsk-no-such")


async def test_broken_manifests_are_named(world: World, index: Index) -> None:
    world.put("pyproject.toml", "[project\n")
    with pytest.raises(Failed, match=r"pyproject\.toml cannot be read"):
        await world.plan()


async def test_without_uv_pip_does_the_same(world: World, stocked: Index, without: Callable[..., LocalHost]) -> None:
    world.host = without("uv")
    world.put("requirements.txt", "middle\n")
    await world.carry(await world.plan())
    assert versions(world, "base", "middle") == ["1.0", "1.0"]
    plan = await world.plan(packages=["base@latest"])
    assert plan.steps[0].does == "upgrade base 1.0 -> 2.0 in .venv"
    stocked.sdist("evil", "1.0", "raise SystemExit(1)")
    with pytest.raises(Failed, match="refused: evil"):
        await world.plan(packages=["evil"])


@pytest.mark.parametrize("lies", ["pth", "sitecustomize", "python"])
async def test_hostile_15_a_plan_starts_nothing_of_a_shipped_environment(
    world: World, stocked: Index, tmp_path: Path, lies: str
) -> None:
    world.put("requirements.txt", "middle\n")
    await world.carry(await world.plan())
    env, ran = world.path / ".venv", tmp_path / "ran"
    site = next(env.glob("lib/python3*/site-packages"))
    code = f"import pathlib; pathlib.Path({str(ran)!r}).touch()\n"
    if lies == "python":
        (env / "bin/python").unlink()
        (env / "bin/python").write_text(f"#!/bin/sh\ntouch '{ran}'\n")
        (env / "bin/python").chmod(0o755)
    else:
        (site / ("shipped.pth" if lies == "pth" else "sitecustomize.py")).write_text(code)
    shutil.rmtree(tmp_path / "uv-cache", ignore_errors=True)  # uv remembers interpreters that it asked before
    world.put("requirements.txt", "middle\nrunner\n")
    plan = await world.plan()
    assert "runner 3.1" in plan.details and not any("middle" in line for line in plan.details)
    assert "base 1.0 -> 2.0" in (await world.plan(packages=["base@2.0"])).details
    assert not ran.exists()
