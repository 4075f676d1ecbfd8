"""What a plan says of its download: real uv, pip, npm and apt, an index of our own, and the real one for a few packages."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.tags import sys_tags

from envsync.agent.events import Call, Prepared
from envsync.agent.frontends.text import plan_lines
from envsync.tools.errors import Failed
from envsync.tools.hosts.base import Completed
from envsync.tools.hosts.local import LocalHost
from envsync.tools.plan import Plan, Risk, Step
from envsync.tools.provision import sizes
from envsync.tools.provision.providers import aptsizes, pysizes
from envsync.tools.provision.providers.pytags import best, platforms, ranks

World = Any
Index = Any
Without = Callable[..., LocalHost]
UV = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
uv = pytest.mark.skipif(UV is None, reason="uv is not installed")
npm = pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
apt = pytest.mark.skipif(not shutil.which("apt-get"), reason="this machine has no apt")
MIDDLE, BASE = "middle-1.0-py3-none-any.whl", "base-1.0-py3-none-any.whl"


@pytest.fixture
def stocked(index: Index) -> Index:
    """base <- middle."""
    index.wheel("base", "1.0")
    index.wheel("middle", "1.0", ["base"])
    return index


def told(index: Index, **claims: object) -> None:
    """The index says these sizes on JSON pages (PEP 700)."""
    index.json = True
    index.sizes = {f"{name}-1.0-py3-none-any.whl": size for name, size in claims.items()}


def heads(index: Index) -> list[str]:
    return sorted(line.removeprefix("HEAD /files/") for line in index.asked if line.startswith("HEAD /files/"))


def preview(plan: Plan) -> str:
    shown = plan_lines([Prepared(Call("provision"), plan.risk, plan, asks=True)])
    return "\n".join(line.text for line in shown)


def cold(world: World) -> None:
    """All is forgotten that was learned of sizes."""
    (world.path.parent / "state/cache/sizes.json").unlink(missing_ok=True)


# -- Python -----------------------------------------------------------------------------------------------------------


@uv
async def test_the_index_tells_sizes_and_the_preview_shows_them(world: World, stocked: Index) -> None:
    told(stocked, base=12_300_000, middle=400_000)
    world.put("requirements.txt", "middle\n")
    plan = await world.plan()
    assert [(step.download, step.bound) for step in plan.steps] == [(0, ""), (12_700_000, "")]
    assert not heads(stocked), "the pages had it all"
    shown = preview(plan)
    assert "in .venv (13 MB)\n" in shown and "\ndownload  about 13 MB" in shown and "with Python" in shown
    assert json.loads(plan.model_dump_json())["steps"][1]["download"] == 12_700_000
    assert plan.figures == ()


@uv
async def test_an_index_without_sizes_is_asked_for_the_headers_once(world: World, stocked: Index) -> None:
    world.put("requirements.txt", "middle\n")
    real = sum(len(stocked.files[f"/files/{name}"]) for name in (BASE, MIDDLE))
    plan = await world.plan()
    assert plan.steps[1].download == real and plan.steps[1].bound == ""
    assert heads(stocked) == [BASE, MIDDLE]
    again = await world.plan()
    assert again == plan and heads(stocked) == [BASE, MIDDLE], "the second plan knows it from the first"
    remembered = (world.path.parent / "state/cache/sizes.json").read_text()
    assert "127.0.0.1" not in remembered, "addresses may hold signatures"


@uv
async def test_what_uvs_cache_has_is_not_fetched_and_the_plan_is_the_same(world: World, stocked: Index) -> None:
    world.put("requirements.txt", "middle\n")
    first = await world.plan()
    await world.carry(first)
    shutil.rmtree(world.path / ".venv")
    warm = await world.plan()
    assert warm.steps[1].download == 0 and warm.digest == first.digest
    assert "download" not in preview(warm)
    shutil.rmtree(os.environ["UV_CACHE_DIR"])
    cold(world)
    assert (await world.plan()).digest == first.digest


def test_a_size_is_knowledge_about_a_step_and_not_a_part_of_it() -> None:
    """A file that came into a cache between the plan that was shown and the one made again under the lock would
    otherwise make every approval stale; what is done, and how risky that is, still counts."""
    step = Step(kind="x", does="install a 1.0", args={"requirements": ["a==1.0"]})
    plan = Plan(tool="provision", path="/p", summary="s", steps=(step,), risk=Risk.R2)
    known = step.model_copy(update={"download": 5, "bound": "at least"})
    assert plan.model_copy(update={"steps": (known,), "figures": ("this downloads 5 B",)}).digest == plan.digest
    for other in (
        plan.model_copy(update={"steps": (step.model_copy(update={"args": {"requirements": ["a==1.1"]}}),)}),
        plan.model_copy(update={"warnings": ("w",)}),
        plan.model_copy(update={"risk": Risk.R3}),
    ):
        assert other.digest != plan.digest


@uv
async def test_an_index_that_hangs_costs_the_budget_once(
    world: World, stocked: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "BUDGET", 0.8)
    told(stocked, middle=1000)  # of base it says nothing, and its server is slow
    stocked.slow = 30.0
    world.put("requirements.txt", "middle\n")
    plan = await world.plan()
    assert plan.steps[1].download == 1000 and plan.steps[1].bound == "at least"
    assert "(at least 1.0 kB)" in preview(plan) and "download  at least 1.0 kB" in preview(plan)
    before = heads(stocked)
    again = await world.plan()
    assert again == plan and heads(stocked) == before, "what did not answer is not asked again at once"
    stocked.slow = 0.0
    cold(world)
    later = await world.plan()
    assert later.steps[1].bound == "" and later.steps[1].download > 1000
    assert later.digest == plan.digest, "knowing more does not make it another plan"


def test_asking_ends_with_its_budget(index: Index) -> None:
    for number in range(40):
        index.files[f"/files/{number}"] = b"x" * number
    urls = [f"{index.url}/files/{number}" for number in range(40)]
    assert sizes.ask(urls, {}, 5.0) == {url: number for number, url in enumerate(urls)}
    index.slow = 30.0
    begun = time.monotonic()
    assert set(sizes.ask(urls, {}, 0.5).values()) == {None}
    assert time.monotonic() - begun < 2
    begun = time.monotonic()
    assert sizes.ask(["http://127.0.0.1:9/none", "file:///etc/passwd"], {}, 3.0) == {
        "http://127.0.0.1:9/none": None,
        "file:///etc/passwd": None,
    }
    assert time.monotonic() - begun < 2.5, "who refuses is not waited for"


@pytest.mark.parametrize("length", ["-5", "9" * 400, "1e9", "abc", "", "12.5", "9999999999999"])
def test_hostile_34_lengths_that_are_none(index: Index, length: str) -> None:
    index.files["/files/x"] = b""
    index.lengths["/files/x"] = length or "none"
    url = f"{index.url}/files/x"
    assert sizes.ask([url], {}, 2.0) == {url: None}


@uv
@pytest.mark.parametrize("size", [-1, 10**400, "12", True, 1.5, None, {}, []])
async def test_hostile_34_sizes_that_are_none(world: World, stocked: Index, size: object) -> None:
    """Of a lockfile, which anybody may have written, and of an index, with which uv itself may refuse to work."""
    assert sizes.sane(size) is None
    if not isinstance(size, dict | list) and size is not None:
        literal = json.dumps(size)
        entry = f'{{ url = "{stocked.url}/files/{BASE}", size = {literal} }}'
        lock = f'[[package]]\nname = "base"\nversion = "1.0"\nwheels = [{entry}]\n'
        files = pysizes.locked(lock, {"base": "1.0"}, await ranks(world.context, sys.executable))
        assert [file.size for file in files] == [None]
    told(stocked, base=size, middle=1)
    world.put("requirements.txt", "middle\n")
    try:
        plan = await world.plan()
    except Failed:
        return  # uv says what is wrong with that index
    assert plan.steps[1].download == 1 + len(stocked.files[f"/files/{BASE}"])


def test_hostile_36_a_lockfile_of_nonsense_has_no_sizes() -> None:
    for lock in ("", "[[", "package = 1", "package = [1, {}]", "package = [{name='a', wheels=[1,{url=2}], sdist=3}]"):
        files = pysizes.locked(lock, {"a": ""}, {})
        assert [(file.name, file.size) for file in files] == [("a", None)]


@uv
async def test_a_uv_lock_has_the_sizes_of_its_files_and_strangers_are_not_asked(world: World, stocked: Index) -> None:
    told(stocked, base=2_000_000, middle=1_000_000)
    lines = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["middle"]\n'
    world.put("pyproject.toml", lines)
    assert UV is not None
    subprocess.run([UV, "lock"], cwd=world.path, capture_output=True, check=True)
    lock = world.path / "uv.lock"
    assert "size = 2000000" in lock.read_text()
    plan = await world.plan()
    assert plan.steps[-1].kind == "python-sync" and plan.steps[-1].download == 3_000_000
    assert (await world.plan()).digest == plan.digest and not heads(stocked)
    bare = lock.read_text().replace(", size = 2000000", "").replace(", size = 1000000", "")
    lock.write_text(bare)
    real = sum(len(stocked.files[f"/files/{name}"]) for name in (BASE, MIDDLE))
    assert (await world.plan()).steps[-1].download == real and heads(stocked) == [BASE, MIDDLE]
    lock.write_text(bare.replace(f"{stocked.url}/files", stocked.url.replace("127.0.0.1", "127.0.0.2") + "/files"))
    stocked.asked.clear()
    plan = await world.plan()
    assert plan.risk == Risk.R3 and plan.steps[-1].download is None and not heads(stocked)


@uv
async def test_without_uv_pips_report_and_cache_tell(
    world: World, stocked: Index, without: Without, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip-cache"))
    world.host = without("uv")
    world.put("requirements.txt", "middle\n")
    real = sum(len(stocked.files[f"/files/{name}"]) for name in (BASE, MIDDLE))
    plan = await world.plan()
    assert plan.steps[-1].download == real
    again = await world.plan()
    assert again.steps[-1].download == real and again.digest == plan.digest


def test_pips_cache_is_found_by_the_address(tmp_path: Path) -> None:
    """As pip itself names a file: its own CacheControl says where."""
    from pip._internal.network.cache import SafeFileCache  # pyright: ignore

    url = "https://files.example/a-1-py3-none-any.whl"
    cache = SafeFileCache(str(tmp_path / "http"))
    cache.set(url, b"x")
    assert pysizes.cached(str(tmp_path), "pip", [("a", url), ("b", url + "?")]) == [url]


# -- Which file is for whom ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", [sys.executable, "/usr/bin/python3"])
async def test_an_interpreter_takes_what_packaging_says_inside_it(world: World, python: str) -> None:
    if not Path(python).exists():
        pytest.skip(f"there is no {python}")
    import packaging

    code = "import sys; sys.path.append(sys.argv[1]); from packaging.tags import sys_tags; print(*sys_tags())"
    above = str(Path(packaging.__file__).parent.parent)
    done = subprocess.run([python, "-I", "-c", code, above], capture_output=True, text=True)
    expected = done.stdout.split() or [str(tag) for tag in sys_tags()]
    known = await ranks(world.context, python)
    found = [str(tag) for tag in sorted(known, key=lambda tag: known[tag])]
    assert set(found) == set(expected)
    # Releases of packaging differ on the place of plain `linux_`, which no index takes.
    listed = [tag for tag in dict.fromkeys(expected) if "-linux_" not in tag]
    assert [tag for tag in found if "-linux_" not in tag] == listed


async def test_another_machines_files_are_told_apart(world: World) -> None:
    class Elsewhere(LocalHost):
        """Answers as the interpreters of other machines do."""

        said = ""

        async def run(self, argv: Any, **options: object) -> Completed:  # type: ignore[override]
            return Completed(tuple(argv), 0, self.said.encode(), b"", 0.0)

    files = [
        "n-1-cp312-cp312-manylinux_2_28_x86_64.whl",
        "n-1-cp312-cp312-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
        "n-1-cp312-cp312-musllinux_1_2_aarch64.whl",
        "n-1-cp313-cp313t-manylinux_2_17_aarch64.whl",
        "n-1-cp312-cp312-macosx_11_0_arm64.whl",
        "n-1-1-cp312-cp312-macosx_11_0_arm64.whl",
        "n-1-cp38-abi3-manylinux_2_17_x86_64.whl",
        "n-1.tar.gz",
        "n-1.whl",
        "../n",
    ]
    world.host = Elsewhere()
    for said, name in (
        (["cpython", [3, 12], False, "linux", "aarch64", "glibc 2.36", "", True], files[1]),
        (["cpython", [3, 12], False, "linux", "aarch64", "musl 1.2", "", True], files[2]),
        (["cpython", [3, 13], True, "linux", "aarch64", "glibc 2.17", "", True], files[3]),
        (["cpython", [3, 12], False, "darwin", "arm64", "", "14.5", True], files[5]),
        (["cpython", [3, 12], False, "linux", "x86_64", "glibc 2.28", "", True], files[0]),
        (["cpython", [3, 12], False, "linux", "x86_64", "glibc 2.27", "", True], files[6]),
        (["cpython", [3, 12], False, "linux", "riscv64", "glibc 2.36", "", True], files[7]),
        (["pypy", [3, 10], False, "linux", "x86_64", "glibc 2.36", "", True], files[7]),
    ):
        world.host.said = json.dumps(said)
        assert best(files, await ranks(world.context, "python3")) == name, said
    world.host.said = '["cpython", [3], 1, "linux", "x86_64", "glibc 2.x"'
    assert await ranks(world.context, "python3") == {}
    assert platforms("linux", "x86_64", "glibc 2.9999999", "")[0] == "manylinux_2_200_x86_64"


# -- Node -------------------------------------------------------------------------------------------------------------


@npm
async def test_npms_archives_are_asked_for_and_its_cache_is_counted(world: World, index: Index) -> None:
    index.npm("inner", "1.0.0")
    index.npm("outer", "1.0.0", dependencies={"inner": "^1.0.0"})
    world.put("package.json", json.dumps({"name": "app", "version": "1.0.0", "dependencies": {"outer": "1.0.0"}}))
    real = sum(len(content) for path, content in index.files.items() if path.startswith("/tgz/"))
    plan = await world.plan()
    assert plan.steps[0].download == real and plan.steps[0].bound == ""
    assert (await world.plan()).digest == plan.digest
    assert sum(line.startswith("HEAD /tgz/") for line in index.asked) == 2, "the second plan knows it from the first"
    await world.carry(plan)
    shutil.rmtree(world.path / "node_modules")
    frozen = await world.plan()
    assert frozen.steps[0].args["verb"] == "frozen" and frozen.steps[0].download == 0


@npm
async def test_a_registry_that_the_project_brings_along_is_not_asked(world: World, index: Index) -> None:
    world.put("package.json", json.dumps({"name": "app", "version": "1.0.0", "dependencies": {"inner": "1.0.0"}}))
    entry = {"version": "1.0.0", "resolved": f"{index.url.replace('127.0.0.1', '127.0.0.2')}/tgz/inner-1.0.0.tgz"}
    lock = {"lockfileVersion": 3, "packages": {"node_modules/inner": entry}}
    world.put("package-lock.json", json.dumps(lock))
    plan = await world.plan()
    assert plan.risk == Risk.R3 and plan.steps[0].download is None
    assert not any(line.startswith("HEAD") for line in index.asked)


@npm
async def test_more_than_fifty_archives_are_not_asked_for(world: World, index: Index) -> None:
    names = [f"p{number}" for number in range(51)]
    for name in names:
        index.npm(name, "1.0.0")
    depends = dict.fromkeys(names, "1.0.0")
    world.put("package.json", json.dumps({"name": "app", "version": "1.0.0", "dependencies": depends}))
    plan = await world.plan()
    assert plan.steps[0].download is None and not any(line.startswith("HEAD") for line in index.asked)


# -- apt --------------------------------------------------------------------------------------------------------------


@apt
async def test_apt_says_exactly_what_it_fetches(world: World) -> None:
    """What the package lists say of each archive is what the plan says in all."""
    words = ["cowsay"]
    files, space = await aptsizes.weigh(words, {"LC_ALL": "C.UTF-8"}, world.context)
    if not files:
        pytest.skip("cowsay is installed, in apt's cache, or not in its lists")
    assert re.fullmatch(r"apt: [\d.,]+ k?B of disk taken", space), space
    for file in files:
        shown = subprocess.run(["apt-cache", "show", "--no-all-versions", file.name], capture_output=True, text=True)
        assert re.findall(r"^Size: (\d+)$", shown.stdout, re.MULTILINE)[:1] == [str(file.size)]
    if os.geteuid() == 0:
        plan = await world.plan(packages=["apt:cowsay"])
        assert plan.steps[-1].download == sum(file.size or 0 for file in files) and space in plan.details


def test_what_apt_says_is_read() -> None:
    said = (
        "After this operation, 1,234 kB disk space will be freed.\n"
        "'http://deb.example/a_1_all.deb' a_1%3a1_all.deb 9496 MD5Sum:c7\n'http://deb.example/b' b_1_all.deb 5 \n"
        "'http://deb.example/c' c_1_all.deb 99999999999999999999 \nnoise 'x' y 1\n"
    )
    files, space = aptsizes.read(said)
    assert [(f.name, f.size) for f in files] == [("a", 9496), ("b", 5)] and space == "apt: 1,234 kB of disk freed"
    assert aptsizes.read("Need to get 0 B/53.1 kB of archives.\n") == ([], "")


# -- In all -----------------------------------------------------------------------------------------------------------


@uv
async def test_a_large_download_is_said_with_what_is_large(world: World, stocked: Index) -> None:
    told(stocked, base=2_100_000_000, middle=500_000_000)
    world.put("requirements.txt", "middle\n")
    plan = await world.plan()
    assert plan.figures[0] == "this downloads 2.6 GB: the largest are base 2.1 GB, middle 500 MB"
    assert f"! {plan.figures[0]}" in preview(plan) and plan.risk == Risk.R2
    assert (await world.plan()).digest == plan.digest


@uv
async def test_too_little_space_is_said_with_figures(world: World, stocked: Index) -> None:
    free = shutil.disk_usage(world.path).free
    told(stocked, base=int(free * 0.7), middle=1)
    world.put("requirements.txt", "middle\n")
    plan = await world.plan()
    assert any(
        re.search(r"not be enough space: /\S* has [\d.]+ [MGT]B free, and this fetches", f) for f in plan.figures
    )
    told(stocked, base=1000, middle=1)
    shutil.rmtree(os.environ["UV_CACHE_DIR"])
    assert (await world.plan()).figures == ()


def test_amounts() -> None:
    said = [sizes.amount(n) for n in (0, 999, 1000, 12_345, 999_600, 2_600_000_000, 10**15)]
    assert said == ["0 B", "999 B", "1.0 kB", "12 kB", "1.0 MB", "2.6 GB", "1000.0 TB"]


@uv
async def test_the_real_index_says_what_is_really_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan's size is that of the files that pip then really downloads."""
    monkeypatch.setenv("UV_CACHE_DIR", str(world.path.parent / "uv-cache"))
    world.put("requirements.txt", "")
    done = subprocess.run(
        ["python3", "-m", "pip", "download", "-q", "--no-cache-dir", "--no-deps", "--only-binary", ":all:",
         "markupsafe==3.0.2", "itsdangerous==2.2.0", "-d", str(world.path.parent / "wheels")],
        capture_output=True,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip("PyPI cannot be reached")
    plan = await world.plan(packages=["markupsafe@3.0.2", "itsdangerous@2.2.0"])
    step = plan.steps[-1]
    if step.bound:
        pytest.skip("the index did not answer in time")
    assert step.download == sum(file.stat().st_size for file in (world.path.parent / "wheels").iterdir())
    assert (await world.plan(packages=["markupsafe@3.0.2", "itsdangerous@2.2.0"])).digest == plan.digest
