"""What comes into a folder that projects share is noted and taken out again: exactly that, and never more."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.errors import Failed
from envsync.tools.plan import Step
from envsync.tools.provision.part import Site
from envsync.tools.provision.providers import grown

from .javaworld import tree

World = Any


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder with something in it."""
    folder = tmp_path / "shared"
    put(folder, "g/a/1/a-1.jar", "mine")
    return folder


def put(folder: Path, name: str, content: str = "x") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def steps(world: World, shared: Path) -> tuple[str, Step, Step]:
    """The record's key, the note, and its inverse."""
    key = grown.key("maven", Site(world.path, ".", None, frozenset()), ["a"], world.context)  # type: ignore[arg-type]
    main = Step(kind="maven", does="x", covered=True)
    note, _ = grown.steps(key, [str(shared), str(shared / "../absent")], "shared", main)
    return key, note, note.inverse[0]


async def test_exactly_what_came_goes_and_what_came_later_or_was_changed_stays(world: World, shared: Path) -> None:
    key, note, back = steps(world, shared)
    assert await world.do(note) and await grown.complete(key, world.context) is None
    put(shared, "g/a/2/a-2.jar")
    put(shared, "g/a/2/_remote.repositories", "a-2.jar>central=\n")
    put(shared, "g/b/1/b-1.jar")
    used = [str(shared / "g/a/2/a-2.jar"), str(shared / "g/never/was.jar")]
    assert await grown.finished(key, used, world.context) == 3
    assert await grown.complete(key, world.context) == used[:1]
    put(shared, "g/c/1/c-1.jar", "another project's")
    put(shared, "g/b/1/b-1.jar", "changed by hand")
    put(shared, "g/a/2/resolver-status.properties", "later")
    assert await world.do(back)
    assert tree(shared) == {"g/a/1/a-1.jar", "g/b/1/b-1.jar", "g/c/1/c-1.jar"}
    assert not (shared / "g/a/2").exists() and await grown.complete(key, world.context) is None
    assert await world.do(back), "a second time is no error"


async def test_what_a_persons_own_build_installed_stays(world: World, shared: Path) -> None:
    key, note, back = steps(world, shared)
    await world.do(note)
    put(shared, "g/own/1/own-1.jar")
    put(shared, "g/own/1/_remote.repositories", "#NOTE\nown-1.jar>=\n")
    put(shared, "g/then/1/then-1.jar")
    await grown.finished(key, [], world.context)
    put(shared, "g/then/1/_remote.repositories", "then-1.jar>=\n")  # `mvn install` of the same version, later
    await world.do(back)
    assert {"g/own/1/own-1.jar", "g/then/1/then-1.jar"} < tree(shared)


async def test_a_missing_file_makes_the_record_void(world: World, shared: Path) -> None:
    key, note, _ = steps(world, shared)
    await world.do(note)
    jar = put(shared, "g/b/1/b-1.jar")
    await grown.finished(key, [str(jar)], world.context)
    assert await grown.complete(key, world.context) == [str(jar)]
    jar.unlink()
    assert await grown.complete(key, world.context) is None


async def test_killed_then_run_again_takes_both_runs_back(world: World, shared: Path) -> None:
    key, note, back = steps(world, shared)
    await world.do(note)
    put(shared, "g/first/1/first-1.jar")
    await world.do(note)  # the run that was killed is carried out again
    put(shared, "g/second/1/second-1.jar")
    await grown.finished(key, [], world.context)
    await world.do(note)  # and once more, since a file had gone
    put(shared, "g/third/1/third-1.jar")
    await grown.finished(key, [], world.context)
    await world.do(back)
    assert tree(shared) == {"g/a/1/a-1.jar"}


async def test_killed_and_taken_back_long_after_leaves_what_others_brought_since(world: World, shared: Path) -> None:
    key, note, back = steps(world, shared)
    await world.do(note)
    put(shared, "g/first/1/first-1.jar")
    file = world.context.state / "grown" / f"{key}.json"
    record = json.loads(file.read_bytes())
    later = time.time()
    while time.time() < later + 0.05:  # a file system's clock ticks coarsely
        time.sleep(0.01)
    file.write_text(json.dumps({**record, "until": later + 0.02}))
    put(shared, "g/other/1/other-1.jar")
    await world.do(back)
    assert tree(shared) == {"g/a/1/a-1.jar", "g/other/1/other-1.jar"}


async def test_hostile_18_20_neither_links_nor_paths_of_a_record_lead_out(
    world: World, shared: Path, tmp_path: Path
) -> None:
    key, note, back = steps(world, shared)
    outside = put(tmp_path, "outside/kept.txt")
    await world.do(note)
    (shared / "link").symlink_to(outside.parent)
    await grown.finished(key, [], world.context)
    file = world.context.state / "grown" / f"{key}.json"
    record = json.loads(file.read_bytes())
    info = outside.stat()
    value = [info.st_size, info.st_mtime_ns]
    added = {str(shared): {"../outside/kept.txt": value, str(outside): value}}
    file.write_text(json.dumps({**record, "added": added}))
    await world.do(back)
    assert outside.exists()


async def test_without_a_note_nothing_counts_as_finished(world: World, shared: Path) -> None:
    key, note, _ = steps(world, shared)
    with pytest.raises(Failed, match="not noted"):
        await grown.finished(key, [], world.context)
    with pytest.raises(Failed):
        await world.do(note.model_copy(update={"args": {**note.args, "key": "../../x"}}))
    file = world.context.state / "grown" / f"{key}.json"
    file.parent.mkdir(parents=True)
    file.write_text("[" * 100_000)
    assert await grown.complete(key, world.context) is None
