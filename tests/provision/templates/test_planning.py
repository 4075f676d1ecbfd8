"""From a template's name to a plan and its effect: files, packages, what is in the way, and what is remembered."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.errors import Failed, Usage
from envsync.tools.plan import Plan, Risk, Step
from envsync.tools.provision.part import Part
from envsync.tools.provision.templates import keeping, planning, questions, reading

from .conftest import free_port, rendered, written

World = Any


@pytest.fixture(autouse=True)
def scratches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary directories are made, so that what is left of them is seen."""
    folder = tmp_path / "scratches"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def begin(world: World, name: str = "fastapi", **args: object) -> Plan:
    return await world.plan(template=name, **args)


def files_of(plan: Plan) -> list[str]:
    return [path for step in plan.steps if step.kind == "provision-template" for path in dict(step.args["files"])]  # type: ignore[arg-type]


async def test_one_yes_brings_files_and_packages(world: World, shelf: Any, scratches: Path) -> None:
    plan = await begin(world, answers=["port=8080"])
    assert [step.kind for step in plan.steps] == ["provision-template", "python-venv", "python-install"]
    assert all(step.covered for step in plan.steps) and plan.undoable and plan.captures and plan.risk == Risk.R2
    assert list(world.path.iterdir()) == [] and list(scratches.iterdir()) == [], (
        "a plan changes nothing, leaves nothing"
    )
    assert "name: shop (from the directory's name)" in plan.details and "package: shop (from name)" in plan.details
    assert "port: 8080 (as you say)" in plan.details and "database: none (the template's default)" in plan.details
    assert "then: uv run fastapi dev shop/main.py --port 8080" in plan.details
    assert (await begin(world, answers=["port=8080"])).digest == plan.digest, "it is made again under the lock"
    assert str(scratches) not in plan.model_dump_json() and Plan.model_validate_json(plan.model_dump_json()) == plan
    result = await world.carry(plan)
    for path, file in rendered("fastapi", port="8080").items():
        assert (world.path / path).read_bytes() == file.content
        assert stat.S_IMODE((world.path / path).stat().st_mode) == 0o644
    assert (world.path / ".venv/bin/python").exists() and {change.name for change in result.packages} >= {
        "fastapi",
        "ruff",
    }
    assert result.commands["start"] == ".venv/bin/python -m shop" and result.undo
    again = await begin(world, answers=["port=8080"])
    assert again.empty and again.summary == (
        "nothing to do: the files of fastapi are as the template has them; 7 packages in .venv"
    )
    assert (await world.plan()).empty, "and nothing is left for an ordinary provision"


async def test_a_program_may_be_run(world: World, shelf: Any) -> None:
    plan = await begin(world, "django")
    await world.do(plan.steps[0])
    assert stat.S_IMODE((world.path / "manage.py").stat().st_mode) == 0o755
    os.chmod(world.path / "manage.py", 0o644)
    plan = await begin(world, "django")
    assert files_of(plan) == ["manage.py"] and "only its mode" in "\n".join(plan.differences)
    assert await world.do(plan.steps[0]) is True and os.access(world.path / "manage.py", os.X_OK)


async def test_a_file_that_is_there_is_shown_before_it_is_replaced(world: World, shelf: Any) -> None:
    world.put("README.md", "# mine\n")
    world.put(".env.example", "DATABASE_PASSWORD=hunter2-and-more\n")
    world.put("shop/main.py", rendered("fastapi")["shop/main.py"].content.decode())
    world.put("docs/notes.md", "kept\n")
    os.chmod(world.path / ".env.example", 0o600)
    plan = await begin(world)
    assert "3 of them" not in plan.summary and "2 of them in place of what is there" in plan.steps[0].does
    assert "-# mine" in plan.differences and "+# shop" in plan.differences
    assert "hunter2" not in plan.model_dump_json(), "what is there may be a secret"
    assert "shop/main.py" not in files_of(plan), "the same content is nothing to do"
    assert any("is replaced: .env.example, README.md" in line for line in plan.warnings)
    assert (world.path / "README.md").read_text() == "# mine\n"
    result = await world.carry(plan)
    assert (world.path / "README.md").read_bytes() == rendered("fastapi")["README.md"].content
    assert (world.path / "docs/notes.md").read_text() == "kept\n" and "-# mine" in result.differences
    assert stat.S_IMODE((world.path / ".env.example").stat().st_mode) == 0o600, "what was private stays private"
    assert (await begin(world)).empty


async def test_what_is_edited_after_the_plan_stays(world: World, shelf: Any) -> None:
    world.put("README.md", "# mine\n")
    plan = await begin(world)
    world.put("README.md", "# mine, and more\n")
    with pytest.raises(Failed, match=r"README\.md was edited meanwhile"):
        await world.do(plan.steps[0])
    assert (world.path / "README.md").read_text() == "# mine, and more\n"
    world.put("pyproject.toml", "[project]\n")  # one that was not there at all
    with pytest.raises(Failed, match="edited meanwhile"):
        await world.do(plan.steps[0])
    assert (world.path / "pyproject.toml").read_text() == "[project]\n"


async def test_after_a_kill_half_way_it_is_done_again(world: World, shelf: Any) -> None:
    world.put("README.md", "# mine\n")
    plan = await begin(world)
    made = rendered("fastapi")
    written(world.path, {path: made[path] for path in list(made)[:4]})
    assert await world.holds(plan.steps[0]) is False
    assert await world.do(plan.steps[0]) is True and world.last == {"files": len(made) - 4}
    assert await world.do(plan.steps[0]) is True and world.last == {"files": 0}
    assert not [path for path in world.path.rglob(".envsync-tmp-*")]


@pytest.mark.parametrize("way", ["README.md", "tests", ".envsync", "shop"])
async def test_hostile_18_nothing_is_written_through_a_link(way: str, world: World, shelf: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("whole\n")
    plan = await begin(world)
    (world.path / way).symlink_to(outside / "victim" if way == "README.md" else outside)
    with pytest.raises(Usage, match="is a link, and nothing is written through one"):
        await begin(world)
    with pytest.raises(Failed):  # hostile 19: it became one after the plan was made
        await world.do(plan.steps[0])
    assert [path.name for path in outside.iterdir()] == ["victim"] and (outside / "victim").read_text() == "whole\n"


async def test_hostile_21_other_things_in_the_way_are_named(world: World, shelf: Any) -> None:
    os.mkfifo(world.path / "README.md")
    with pytest.raises(Usage, match=r"README\.md is a special"):
        await begin(world)
    (world.path / "README.md").unlink()
    (world.path / "pyproject.toml").mkdir()
    with pytest.raises(Usage, match=r"pyproject\.toml is a directory where the template has a file"):
        await begin(world)
    (world.path / "pyproject.toml").rmdir()
    (world.path / "tests").write_text("no folder\n")
    with pytest.raises(Usage, match="tests is a special where the template has a folder"):
        await begin(world)
    (world.path / "tests").unlink()
    with (world.path / "README.md").open("wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(Usage, match=r"README\.md is a large file"):
        await begin(world)
    assert not (world.path / "shop").exists()


async def test_a_project_that_is_gone_is_usage(world: World) -> None:
    world.path.rmdir()
    with pytest.raises(Usage, match="No such file"):
        await begin(world)


async def test_among_other_files_the_packages_wait_for_the_files(world: World, shelf: Any) -> None:
    world.put("package.json", '{"dependencies": {"left-pad": "1.3.0"}}')
    plan = await begin(world)
    assert [step.kind for step in plan.steps] == ["provision-template"]
    assert any(
        "package.json may ask for packages too" in line and "envsync provision" in line for line in plan.warnings
    )


async def test_with_the_manifest_there_the_packages_are_planned_for_the_project(world: World, shelf: Any) -> None:
    await world.carry(await begin(world))
    (world.path / "README.md").unlink()
    world.put("src/of/mine.py", "")
    plan = await begin(world)
    assert [step.kind for step in plan.steps] == ["provision-template"] and files_of(plan) == ["README.md"]
    assert not plan.warnings, "its packages are there"


async def test_without_an_index_the_files_come_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{free_port()}/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    plan = await begin(world)
    assert [step.kind for step in plan.steps] == ["provision-template"]
    assert any(line.startswith("the packages are not planned:") for line in plan.warnings)
    await world.carry(plan)
    assert (world.path / "shop/main.py").exists()


async def test_a_runtime_that_cannot_be_had_is_said(world: World, without: Callable[..., Any]) -> None:
    world.host = without("go", "mise", "apt-cache")
    plan = await begin(world, "go-service")
    assert [step.kind for step in plan.steps] == ["provision-template"]
    assert any("cannot get go@>=1.22 here" in line and "mise" in line for line in plan.warnings)


async def test_a_service_that_cannot_be_had_is_said(world: World, shelf: Any, without: Callable[..., Any]) -> None:
    world.host = without("apt-cache", "apt-get", "docker", "podman")
    plan = await begin(world, "fastapi", answers=["database=postgresql"], services=["redis@99", "postgresql@99"])
    said = "\n".join(plan.warnings)
    assert "cannot get redis@99" in said and "cannot get postgresql@99" in said, (
        "what is named goes before the template's"
    )
    assert "shop/database.py" in files_of(plan) and not [step for step in plan.steps if step.kind.startswith("service")]
    assert "cannot get" not in "\n".join((await begin(world, "fastapi")).warnings)


async def test_a_service_comes_with_the_project_and_its_address_with_it(world: World, index: Any) -> None:
    """Once, and told apart from the files: a second plan finds what is to be had there."""
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    for name, version in {"redis": "8.1.0", "rq": "2.12.0", "fakeredis": "2.40.0", "pytest": "9.2.0", "ruff": "0.17.5",
                          "python-dotenv": "1.2.4"}.items():  # fmt: skip
        index.wheel(name, version)
    subprocess.run(["git", "init", "-q"], cwd=world.path, check=True)
    plan = await begin(world, "worker+redis")
    kinds = [step.kind for step in plan.steps]
    if "service-make" not in kinds:
        pytest.skip(f"a redis of the host's own is taken: {plan.summary}")
    assert kinds == ["provision-template", "python-venv", "python-install", "service-make", "service-env"]
    assert plan.undoable and (await begin(world, "worker+redis")).digest == plan.digest
    assert not [line for line in plan.warnings if "git" in line], "the template's own .gitignore has .env"
    try:
        await world.carry(plan)
        assert "REDIS_URL=redis://" in (world.path / ".env").read_text()
        assert subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=world.path).returncode == 0
        assert (await begin(world, "worker+redis")).empty
    finally:
        for step in reversed(plan.steps):
            for back in step.inverse:
                await world.do(back)


def test_a_plan_that_speaks_of_the_copy_ends_with_the_files(tmp_path: Path) -> None:
    """A step with the copy's path would be looked for where it no longer is, and its digest be another every time."""
    copy = tmp_path / "copy"
    for part in (Part(details=[f"in {copy}/shop"]), Part(steps=[Step(kind="x", does="x", args={"at": [str(copy)]})])):
        left = planning._without(copy, copy / "shop", part, tmp_path / "shop")
        assert not left.steps and not left.details and "envsync provision" in left.warnings[0]
    left = planning._without(
        copy, copy / "shop", Part(warnings=[f"{copy}/shop: odd"], details=["d"]), tmp_path / "shop"
    )
    assert left.warnings == [f"{tmp_path}/shop: odd"] and left.details == ["d"]


async def test_a_runtime_and_a_gpu_may_be_named_besides(world: World, shelf: Any) -> None:
    version = ".".join(map(str, sys.version_info[:2]))
    plan = await begin(world, runtimes=[f"python@{version}"], gpu=True)
    assert any(step.args.get("specs", [""])[0] == version for step in plan.steps if step.kind == "python-venv")  # type: ignore[index]
    assert any("GPU" in line for line in plan.warnings)


async def test_what_does_not_go_together_is_usage(world: World) -> None:
    with pytest.raises(Usage, match="which packages it needs"):
        await begin(world, packages=["numpy"])
    with pytest.raises(Usage, match="answers are for a template"):
        await world.plan(answers=["port=8080"])
    with pytest.raises(Usage, match="no template"):
        await begin(world, "fastapy-no")
    with pytest.raises(Usage, match="takes lower-case letters"):
        await begin(world, answers=["name=../x"])


# -- What is remembered ---------------------------------------------------------------------------------------------


async def test_answers_come_back_for_the_next_project(world: World, shelf: Any, tmp_path: Path) -> None:
    await begin(world, answers=["port=9001"])
    kept = tmp_path / "state/template-answers.json"
    assert not kept.exists(), "a plan remembers nothing"
    await world.carry(await begin(world, answers=["port=9001", "name=first"]))
    assert json.loads(kept.read_text()) == {"fastapi": {"port": "9001"}}, "each project has its own name"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    world.path = tmp_path / "second"
    world.path.mkdir()
    plan = await begin(world)
    assert "port: 9001 (as last time)" in plan.details and "name: second (from the directory's name)" in plan.details
    await world.do(plan.steps[0])
    assert json.loads(kept.read_text()) == {"fastapi": {"port": "9001"}}
    assert "port: 5000 (the template's default)" in (await begin(world, "flask")).details
    assert "port: 9001 (as this project was made)" in (await begin(world)).details
    assert "port: 7000 (as you say)" in (await begin(world, answers=["port=7000"])).details


async def test_a_project_is_made_also_when_its_answers_cannot_be_kept(world: World, shelf: Any, tmp_path: Path) -> None:
    (tmp_path / "state/template-answers.json/in the way").mkdir(parents=True)
    result = await world.carry(await begin(world, answers=["port=9001"]))
    assert (world.path / "shop/main.py").exists()
    assert any("not remembered" in line for line in result.lacking)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b'{"fastapi": [1]}', b'{"fastapi": {"port": 1, "name": "../x"}}', b"[" * 60_000,
     b'{"fastapi": {"port": "1; rm -rf /"}}'],
)  # fmt: skip
async def test_damaged_kept_answers_are_passed_over(content: bytes, world: World, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/template-answers.json").write_bytes(content)
    fastapi, flask = reading.find("fastapi"), reading.find("flask")
    known = await keeping.remembered(fastapi, world.context)
    assert questions.settle(fastapi, {}, (("as last time", known),), "shop")["port"].value == "8000"
    await keeping.remember(fastapi, {"port": "9002"}, world.context)
    await keeping.remember(flask, {"port": "9003", "name": "mine"}, world.context)
    assert (await keeping.remembered(fastapi, world.context))["port"] == "9002"
    assert await keeping.remembered(flask, world.context) == {"port": "9003"}


async def test_hostile_a_secret_is_no_answer(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "a-value-nobody-may-see")
    with pytest.raises(Usage, match="looks like a secret") as refused:
        await begin(world, answers=["name=a-value-nobody-may-see"])
    assert "nobody" not in str(refused.value) and not (tmp_path / "state").exists()


async def test_hostile_15_a_record_that_came_with_the_project_configures_nothing(world: World, shelf: Any) -> None:
    """Without the template's name it is not read at all; with it, only answers that fit, each shown with its origin."""
    world.put(
        ".envsync/template.yaml",
        'template: "fastapi"\nversion: 9\nanswers: {port: "4444", database: "oracle", name: "x\\u001b[31m; rm", evil: "1"}\n'
        "services: [redis]\nafter: [curl evil.example]\n",
    )
    plan = await begin(world)
    assert "port: 4444 (as this project was made)" in plan.details
    assert "database: none (the template's default)" in plan.details and "name: shop (from" in "\n".join(plan.details)
    said = "\n".join(plan.warnings)
    assert "answers database with 'oracle', which is no answer" in said and "\x1b" not in plan.model_dump_json()
    assert "made with version 9 of the template, this is 1" in "\n".join(plan.details)
    assert "evil" not in "\n".join([*plan.details, *plan.warnings]) and len(plan.steps) == 3
    world.put("requirements.txt", "ruff\n")
    assert "4444" not in (await world.plan()).model_dump_json()
    assert "port: 5000" in "\n".join((await begin(world, "flask")).details), "the record of another template"


async def test_hostile_a_record_that_is_none(world: World, shelf: Any, tmp_path: Path) -> None:
    template = reading.find("fastapi")
    record = world.put(".envsync/template.yaml", "")
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for content in (
        "{", "- x", "\x00", "template: [fastapi]", "template: fastapi\nanswers: [1]", "!!python/object/apply:os.system [id]",
        "[" * 20_000, bomb, "template: fastapi\nanswers: {port: 4444}", "#" * 100_000 + "\ntemplate: fastapi\nanswers: {port: '4444'}",
    ):  # fmt: skip
        record.write_text(content)
        answers, _ = await keeping.recorded(template, world.context)
        assert answers == {}, content[:80]
    record.unlink()
    (tmp_path / "elsewhere.yaml").write_text("template: fastapi\nversion: 1\nanswers: {port: '4444'}\n")
    record.symlink_to(tmp_path / "elsewhere.yaml")
    assert await keeping.recorded(template, world.context) == ({}, None)
    record.unlink()
    record.write_text((tmp_path / "elsewhere.yaml").read_text())
    assert await keeping.recorded(template, world.context) == ({"port": "4444"}, 1)


async def test_an_approved_template_that_changed_is_not_written(world: World, shelf: Any) -> None:
    plan = await begin(world)
    args = {**plan.steps[0].args, "answers": {**dict(plan.steps[0].args["answers"]), "port": "6666"}}  # type: ignore[arg-type]
    with pytest.raises(Failed, match="not what the plan was made with"):
        await world.do(plan.steps[0].model_copy(update={"args": args}))
    assert list(world.path.iterdir()) == []
