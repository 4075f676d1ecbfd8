"""A project is begun from a template on every kind of host, by a real transaction, and taken back whole."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from envsync.tests.provision.conftest import Index
from envsync.tests.provision.templates.conftest import FASTAPI, rendered, shelve
from envsync.tools.errors import Failed

World = Callable[..., object]


def exact(listing: str, kind: str) -> list[str]:
    """The tree; without the times of a container, whose archives know only whole seconds."""
    lines = [line.split(" ") for line in listing.splitlines()]
    return [" ".join(line[:2] + line[3:] if kind == "docker" else line) for line in lines]


async def use(w: Any, index: Index) -> None:
    """Make it the index of the user over there, and no other."""
    address = f'[[index]]\nurl = "{index.url}/simple"\ndefault = true\n'
    await w.host.write(w.home / ".config/uv/uv.toml", address.encode())


@pytest.mark.parametrize("kind", ["local", "remote", "ssh", pytest.param("docker", marks=pytest.mark.slow)])
async def test_a_templates_files_are_made_and_taken_back(world: World, kind: str) -> None:
    async with world(kind) as w:  # type: ignore[attr-defined]
        await w.sh("printf '# mine\\n' > README.md && mkdir docs && printf 'kept\\n' > docs/notes.md")
        before = await w.listing()
        done = await w.act("provision", template="go-service", answers=["name=shop", "port=8081"])
        made = rendered("go-service", port="8081")
        for path, file in made.items():
            assert await w.host.read(w.root / path) == file.content
        assert "-# mine" in done.differences and any("README.md" in line for line in done.lacking)
        plan = await w.plan("provision", template="go-service")
        assert plan.empty and "name: shop (as this project was made)" in plan.details
        if kind == "docker":  # elsewhere other tests use the same directory
            assert await w.sh("ls -d /tmp/envsync-npm-* || true") == "", "nothing is left of planning"
        await w.act("rewind", to="last")
        assert exact(await w.listing(), kind) == exact(before, kind)


@pytest.mark.parametrize("kind", ["local", "remote"])
async def test_one_yes_brings_a_running_project(world: World, kind: str, index: Index) -> None:
    shelve(index)
    async with world(kind) as w:  # type: ignore[attr-defined]
        await use(w, index)
        done = await w.act("provision", template="fastapi", answers=["name=shop"])
        assert {change.name for change in done.packages} == set(FASTAPI)
        assert (await w.plan("provision", template="fastapi")).empty
        assert await w.host.stat(w.root / ".venv/bin/python") is not None
        await w.act("rewind", to="last")
        assert await w.sh("ls -A") == ""


async def test_a_failing_installation_takes_the_files_back_too(world: World, index: Index) -> None:
    shelve(index)
    (path,) = [path for path in index.files if "uvicorn" in path]
    packed = io.BytesIO(index.files[path])
    with zipfile.ZipFile(packed, "a") as wheel:  # can be resolved, and not be installed
        wheel.writestr("uvicorn-0.54.0.dist-info/entry_points.txt", "[console_scripts]\nuvicorn = :::\n")
    index.files[path] = packed.getvalue()
    async with world("local") as w:  # type: ignore[attr-defined]
        await use(w, index)
        with pytest.raises(Failed) as failed:
            await w.act("provision", template="fastapi", answers=["name=shop", "port=8081"])
        assert failed.value.data["outcome"].state == "compensated"
        assert [step.state for step in failed.value.data["outcome"].steps][:2] == ["undone", "undone"]
        assert await w.sh("ls -A") == "" and not (w.state / "template-answers.json").exists()


async def test_where_there_is_no_python_it_is_said(world: World) -> None:
    async with world("docker-bare") as w:  # type: ignore[attr-defined]
        with pytest.raises(Failed, match="Python"):
            await w.plan("provision", template="go-service")
