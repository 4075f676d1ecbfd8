"""Go: the real go command, over a module proxy of our own."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import envsync
from envsync.tools.errors import Failed, Unreachable, Usage
from envsync.tools.fingerprint import Service
from envsync.tools.plan import Plan, Risk, Step

from ..core.places import pipe_host
from ..lab.require import lacks

World = Any
Index = Any
DEBIAN = Path("/usr/share/gocode/src")
if not shutil.which("go"):
    lacks("go", "there is no go here (on Debian: apt-get install golang-go)")


class Proxy:
    """Publishes modules through the fixture's web server, as a module proxy has them."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.versions: dict[str, list[str]] = {}

    def publish(self, path: str, version: str, requires: str = "", code: str = "", folder: Path | None = None) -> None:
        """A module whose package says its version, or the sources in `folder`."""
        package = path.rpartition("/")[2]
        files = {"go.mod": f"module {path}\n\ngo 1.17\n{requires}", f"{package}.go": code or _says(package, version)}
        if folder is not None:
            files = {
                str(file.relative_to(folder)): file.read_text()
                for file in sorted(folder.rglob("*"))
                if file.is_file() and (file.suffix == ".go" or file.name in ("go.mod", "LICENSE"))
            }
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, text in files.items():
                archive.writestr(f"{path}@{version}/{name}", text)
        self.versions.setdefault(path, []).append(version)
        base = f"/go/{_escaped(path)}/@v".replace("!", "%21")
        self.index.files |= {
            f"{base}/list": "".join(f"{one}\n" for one in self.versions[path]).encode(),
            f"{base}/{version}.info": f'{{"Version":"{version}","Time":"2020-01-02T00:00:00Z"}}'.encode(),
            f"{base}/{version}.mod": files.get("go.mod", f"module {path}\n").encode(),
            f"{base}/{version}.zip": packed.getvalue(),
        }


def _escaped(path: str) -> str:
    return "".join(f"!{letter.lower()}" if letter.isupper() else letter for letter in path)


def _says(package: str, version: str, more: str = "") -> str:
    return f'package {package}\n\nfunc Version() string {{ return "{version}"{more} }}\n'


@pytest.fixture
def proxy(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Proxy:
    """inner 1.0 and 1.1 <- outer 1.0, and a module with upper-case letters."""
    for name in list(os.environ):
        if name.startswith("GO") and name != "GOROOT":
            monkeypatch.delenv(name)
    monkeypatch.setenv("GOPROXY", f"{index.url}/go")
    monkeypatch.setenv("GOSUMDB", "off")
    monkeypatch.setenv("GOENV", "off")
    monkeypatch.setenv("GOPATH", str(tmp_path / "gopath"))
    monkeypatch.setenv("GOFLAGS", "-modcacherw")
    # Compiled packages of all these tests, of the standard library above all.
    monkeypatch.setenv("GOCACHE", str(tmp_path_factory.getbasetemp() / "go-build"))
    made = Proxy(index)
    made.publish("mods.example/inner", "v1.0.0")
    made.publish("mods.example/inner", "v1.1.0")
    code = (
        'package outer\n\nimport "mods.example/inner"\n\nfunc Version() string { return "outer " + inner.Version() }\n'
    )
    made.publish("mods.example/outer", "v1.0.0", "require mods.example/inner v1.0.0\n", code)
    made.publish("mods.example/Upper/thing", "v0.2.0")
    return made


MAIN = 'package main\n\nimport "mods.example/outer"\n\nfunc main() { println(outer.Version()) }\n'


def app(
    world: World, requires: str = "require mods.example/outer v1.0.0\n", code: str = MAIN, folder: str = ""
) -> None:
    world.put(f"{folder}go.mod", f"module app.example/{folder.strip('/') or 'app'}\n\ngo 1.17\n\n{requires}")
    world.put(f"{folder}main.go", code)
    world.services = (*world.services, Service(name=folder or "app", root=folder.strip("/") or "."))


def go(world: World, *words: str, folder: str = ".", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["go", *words], cwd=world.path / folder, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )


def offline(world: World, folder: str = ".") -> str:
    """What the project says when it is built and run without a network."""
    built = go(world, "build", "-o", "/dev/null", "./...", folder=folder, GOPROXY="off")
    assert built.returncode == 0, built.stderr
    return go(world, "run", ".", folder=folder, GOPROXY="off").stderr.strip()


def locked(world: World, tmp_path: Path, folder: str = ".") -> None:
    """Make go.mod and go.sum final, in a module cache that the test does not use otherwise."""
    done = go(world, "mod", "tidy", folder=folder, GOMODCACHE=str(tmp_path / "elsewhere"))
    assert done.returncode == 0, done.stderr


def cached(tmp_path: Path) -> list[str]:
    root = tmp_path / "gopath/pkg/mod"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.name not in ("lock", "cache"))


async def undo(world: World, plan: Plan) -> None:
    """As a transaction takes back: the inverses of what is not covered, newest first."""
    for step in reversed([step for step in plan.steps if not step.covered]):
        for back in step.inverse:
            assert await world.do(back) is True


async def test_a_locked_module_is_fetched_builds_without_network_and_is_taken_back(
    world: World, proxy: Proxy, tmp_path: Path
) -> None:
    app(world)
    locked(world, tmp_path)
    before = world.tree()
    plan = await world.plan()
    assert plan.details == ("go: mods.example/inner v1.0.0", "go: mods.example/outer v1.0.0")
    assert plan.risk == Risk.R2 and plan.undoable and not plan.captures and plan.system
    assert (await world.plan()).digest == plan.digest
    result = await world.carry(plan)
    assert next((c.name, c.new) for c in result.packages) == ("mods.example/inner", "v1.0.0")
    assert world.tree() == before, "the project itself is not touched"
    assert offline(world) == "outer v1.0.0"
    again = await world.plan()
    assert again.empty and "2 Go modules" in again.summary
    await undo(world, plan)
    assert cached(tmp_path) == []
    assert (await world.plan()).digest == plan.digest


async def test_on_a_host_that_is_elsewhere(world: World, proxy: Proxy, tmp_path: Path) -> None:
    """Through a helper of its own, which has nothing but the standard library."""
    app(world)
    locked(world, tmp_path)
    there = pipe_host("remote", tmp_path)
    there.env |= {name: value for name, value in os.environ.items() if name.startswith("GO")}
    world.host = there
    try:
        plan = await world.plan()
        await world.carry(plan)
        assert offline(world) == "outer v1.0.0" and (await world.plan()).empty
        await world.carry(await world.plan(packages=["go:mods.example/inner@1.1.0"]))
        assert offline(world) == "outer v1.1.0"
        await undo(world, plan)
    finally:
        await there.close()
    assert not any("outer" in path for path in cached(tmp_path))


async def test_undo_leaves_what_was_in_the_cache_before(world: World, proxy: Proxy, tmp_path: Path) -> None:
    app(world)
    locked(world, tmp_path)
    assert go(world, "mod", "download", "mods.example/inner@v1.0.0").returncode == 0
    before = cached(tmp_path)
    plan = await world.plan()
    assert plan.details == ("go: mods.example/outer v1.0.0",)
    await world.carry(plan)
    await undo(world, plan)
    assert cached(tmp_path) == before and any("inner@v1.0.0" in path for path in before)


async def test_an_older_module_gets_all_that_go_sum_has(world: World, proxy: Proxy, tmp_path: Path) -> None:
    """Before Go 1.17 go.mod does not list all; a line that is no longer needed must not stay lacking for ever."""
    module = "module app.example/app\n\ngo 1.16\n\nrequire mods.example/outer v1.0.0\n"
    lines = ""
    for older in ("require mods.example/inner v1.1.0\n", ""):
        app(world)
        world.put("go.mod", module + older)
        locked(world, tmp_path)
        lines += (world.path / "go.sum").read_text()
    world.put("go.sum", "".join(sorted(set(lines.splitlines(keepends=True)))))
    world.services = ()
    assert "inner v1.1.0 h1:" in lines and "inner v1.0.0 h1:" in lines
    plan = await world.plan()
    assert len(plan.details) == 3 and len(plan.steps) == 1
    await world.carry(plan)
    assert offline(world) == "outer v1.0.0" and (await world.plan()).empty
    await undo(world, plan)
    assert cached(tmp_path) == []


async def test_a_missing_go_sum_is_written_and_said(world: World, proxy: Proxy, tmp_path: Path) -> None:
    app(world, "require mods.example/outer v1.0.0\n")
    plan = await world.plan()
    assert any("go.sum is missing" in line for line in plan.warnings)
    assert [(step.kind, step.covered) for step in plan.steps] == [("go-cache", False), ("go-files", True)]
    assert await world.do(plan.steps[0]) is not False and not (world.path / "go.sum").exists()
    result = await world.carry(plan)
    assert [c.name for c in result.packages] == ["mods.example/inner", "mods.example/outer"], "what came along too"
    assert "mods.example/inner v1.0.0 h1:" in (world.path / "go.sum").read_text()
    assert offline(world) == "outer v1.0.0" and (await world.plan()).empty
    await undo(world, plan)
    assert cached(tmp_path) == []


async def test_a_module_is_added_and_changed_by_name(world: World, proxy: Proxy, tmp_path: Path) -> None:
    app(world)
    locked(world, tmp_path)
    await world.carry(await world.plan())
    before = world.tree()
    plan = await world.plan(packages=["go:mods.example/inner@1.1.0"])
    assert "go: mods.example/inner v1.0.0 -> v1.1.0" in plan.details and plan.risk == Risk.R2
    assert world.tree() == before, "planning only reads"
    await world.carry(plan)
    assert offline(world) == "outer v1.1.0"
    assert (await world.plan(packages=["go:mods.example/inner@v1.1.0"])).empty and (await world.plan()).empty
    plan = await world.plan(packages=["mods.example/Upper/thing"])
    assert "go: mods.example/Upper/thing v0.2.0" in plan.details
    await world.carry(plan)
    assert (await world.plan(packages=["go:mods.example/Upper/thing"])).empty
    assert "mods.example/Upper/thing v0.2.0" in (world.path / "go.mod").read_text()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("go:mods.example/none", "no Go module"),
        ("go:mods.example/inner@v9.9.9", r"there is no mods.example/inner@v9.9.9"),
        ("go:mods.example/inner@none", "no version"),
        ("go:mods.example/inner@../x", "not a package name"),
        ("go:--modfile", "not a package name"),
        ("go:../evil", "not a package name"),
        ("go:mods.example/../x", "not a package name"),
    ],
)
async def test_hostile_44_names_that_are_none(world: World, proxy: Proxy, name: str, said: str) -> None:
    app(world)
    with pytest.raises(Usage, match=said):
        await world.plan(packages=[name])
    assert not (world.path / "go.sum").exists()


async def test_a_workspace_is_fetched_once_at_its_root(world: World, proxy: Proxy, tmp_path: Path) -> None:
    world.put("go.work", "go 1.18\n\nuse (\n\t./one\n\t./two\n)\n")
    lib = 'package two\n\nimport "mods.example/inner"\n\nfunc Name() string { return "two " + inner.Version() }\n'
    both = 'package main\n\nimport (\n\t"app.example/two"\n\t"mods.example/outer"\n)\n\nfunc main() { println(two.Name(), outer.Version()) }\n'
    app(
        world,
        "require (\n\tapp.example/two v0.0.0\n\tmods.example/outer v1.0.0\n)\nreplace app.example/two => ../two\n",
        both,
        "one/",
    )
    app(world, "require mods.example/inner v1.1.0\n", lib, "two/")
    plan = await world.plan()
    assert [step.kind for step in plan.steps] == ["go-cache", "go-files"] and plan.steps[0].args["root"] == "."
    before = world.tree()
    assert await world.do(plan.steps[0]) and world.tree() == before, "the first step fills the cache only"
    await world.carry(plan)
    assert offline(world, "one") == "two v1.1.0 outer v1.1.0"
    again = await world.plan()
    assert again.empty, again.details
    top, world.path, world.services = world.path, world.path / "one", ()
    assert any("is of the workspace" in line for line in (await world.plan()).warnings)
    await world.carry(await world.plan(packages=["go:mods.example/Upper/thing"]))
    text = (top / "one/go.mod").read_text()
    assert "mods.example/Upper/thing v0.2.0" in text and text.count("replace") == 1
    world.path = top
    await undo(world, plan)
    assert not any("inner@v1.1.0" in path for path in cached(tmp_path))


async def test_a_workspace_below_the_project_is_spoken_for_by_its_first_module(
    world: World, proxy: Proxy, tmp_path: Path
) -> None:
    world.put("back/go.work", "go 1.18\nuse ./one\nuse ./two\n")
    lib = 'package two\n\nimport "mods.example/inner"\n\nvar V = inner.Version()\n'
    app(world, folder="back/one/")
    app(world, "require mods.example/inner v1.1.0\n", lib, "back/two/")
    plan = await world.plan()
    assert [step.args["root"] for step in plan.steps] == ["back", "back"]
    await world.carry(plan)
    assert (await world.plan()).empty and offline(world, "back/one") == "outer v1.1.0"


DRIVER = """
import asyncio, sys
from pathlib import Path
from envsync.tests.provision.conftest import World
from envsync.tools.plan import Step
asyncio.run(World(Path(sys.argv[1])).do(Step.model_validate_json(sys.stdin.read())))
"""


def killed(world: World, proxy: Proxy, step: Step, held: str, until: Path) -> None:
    """Carry out a step in another process, which is killed while `held` is being fetched and `until` has come in."""
    answer, go_on = proxy.index.answer, threading.Event()

    def slow(path: str) -> tuple[str, bytes] | None:
        if path.endswith(held) and not go_on.wait(30):
            raise TimeoutError
        return None if path.endswith(held) else answer(path)

    proxy.index.answer = slow
    env = {**os.environ, "PYTHONPATH": str(Path(envsync.__file__).parent.parent)}
    child = subprocess.Popen([sys.executable, "-c", DRIVER, str(world.path)], stdin=subprocess.PIPE, env=env)
    assert child.stdin is not None
    child.stdin.write(step.model_dump_json().encode())
    child.stdin.close()
    deadline = time.monotonic() + 30
    while not until.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    child.kill()
    assert child.wait() == -signal.SIGKILL and until.exists()
    go_on.set()
    proxy.index.answer = answer


async def test_hostile_50_a_step_killed_half_way_is_carried_out_again(
    world: World, proxy: Proxy, tmp_path: Path
) -> None:
    app(world)
    locked(world, tmp_path)
    plan = await world.plan()
    there = tmp_path / "gopath/pkg/mod/cache/download/mods.example/inner/@v/v1.0.0.zip"
    killed(world, proxy, plan.steps[0], "outer/@v/v1.0.0.zip", there)
    assert await world.holds(plan.steps[0]) is False
    half = await world.plan()
    assert "go: mods.example/outer v1.0.0" in half.details
    await world.carry(half)
    assert offline(world) == "outer v1.0.0" and (await world.plan()).empty
    await undo(world, half)
    assert cached(tmp_path) == [], "what was noted before the kill counts"
    assert (await world.plan()).digest == plan.digest


async def test_what_is_half_gone_is_fetched_again(world: World, proxy: Proxy, tmp_path: Path) -> None:
    app(world)
    locked(world, tmp_path)
    plan = await world.plan()
    await world.carry(plan)
    shutil.rmtree(tmp_path / "gopath/pkg/mod/cache/download/mods.example/inner")
    half = await world.plan()
    assert half.details == ("go: mods.example/inner v1.0.0",)
    await world.carry(half)
    await world.carry(half)
    assert offline(world) == "outer v1.0.0" and (await world.plan()).empty


async def test_a_sum_that_changed_after_the_plan_is_not_fetched(world: World, proxy: Proxy, tmp_path: Path) -> None:
    app(world)
    locked(world, tmp_path)
    plan = await world.plan()
    lock = world.path / "go.sum"
    lock.write_text(lock.read_text() + "\n")
    assert (await world.plan()).digest != plan.digest
    with pytest.raises(Failed, match=r"go\.sum changed after the plan"):
        await world.carry(plan)
    assert cached(tmp_path) == []


async def test_a_module_that_is_not_what_go_sum_says_is_refused(world: World, proxy: Proxy, tmp_path: Path) -> None:
    app(world)
    locked(world, tmp_path)
    proxy.publish("mods.example/inner", "v1.0.0", code=_says("inner", "another"))
    with pytest.raises(Failed, match="checksum mismatch"):
        await world.carry(await world.plan())


async def test_vendored_modules_are_there_and_what_they_lack_is_said(
    world: World, proxy: Proxy, tmp_path: Path
) -> None:
    app(world)
    locked(world, tmp_path)
    assert go(world, "mod", "vendor", GOMODCACHE=str(tmp_path / "elsewhere")).returncode == 0
    plan = await world.plan()
    assert plan.empty and "vendor" in plan.summary and offline(world) == "outer v1.0.0"
    added = await world.plan(packages=["go:mods.example/inner@v1.1.0"])
    await world.carry(added)
    assert offline(world) == "outer v1.1.0", "vendor/ is brought along"
    shutil.rmtree(world.path / "vendor/mods.example/inner")
    plan = await world.plan()
    assert plan.empty and any("does not fit" in line and "inner" in line for line in plan.warnings)


async def test_hostile_20_replacements_that_lead_out_are_for_a_person(
    world: World, proxy: Proxy, tmp_path: Path
) -> None:
    (tmp_path / "near").mkdir()
    (tmp_path / "near/go.mod").write_text("module mods.example/near\n\ngo 1.17\n")
    (tmp_path / "near/near.go").write_text("package near\n")
    requires = (
        "require (\n\tmods.example/outer v1.0.0\n\tmods.example/near v0.0.0\n\tmods.example/gone v1.0.0\n)\n"
        "replace mods.example/near => ../near\nreplace mods.example/gone => mods.example/inner v1.1.0\n"
    )
    app(world, requires)
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "mods.example/near is taken from ../near" in plan.reason
    assert any("mods.example/inner v1.1.0 stands in for mods.example/gone" in line for line in plan.details)


async def test_hostile_45_a_name_that_nobody_named(world: World, proxy: Proxy) -> None:
    app(world)
    world.origin, world.words = "words", "add a logger"
    plan = await world.plan(packages=["go:mods.example/inner"])
    assert plan.risk == Risk.R3 and "neither you nor a file of this project named mods.example/inner" in plan.reason
    world.origin = "person"
    proxy.publish("mods.example/outar", "v1.0.0")
    assert "looks like mods.example/outer" in (await world.plan(packages=["go:mods.example/outar"])).reason


async def test_a_proxy_that_is_not_there_is_unreachable(
    world: World, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app(world)
    locked(world, tmp_path)
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9/go")
    with pytest.raises(Unreachable, match="could not reach"):
        await world.carry(await world.plan())
    with pytest.raises(Unreachable, match="could not reach"):
        await world.plan(packages=["go:mods.example/Upper/thing"])


async def test_without_go_it_is_said_why(world: World, proxy: Proxy, without: Callable[..., Any]) -> None:
    app(world)
    world.host = without("go", "mise", "apt-cache", "apt-get")
    plan = await world.plan()
    assert plan.empty and any("cannot be fetched here: cannot get go here because" in line for line in plan.warnings)
    with pytest.raises(Failed, match="cannot get go here because"):
        await world.plan(packages=["go:mods.example/inner"])


@pytest.mark.parametrize("line", ["go 1.99.1\n", "go 1.99.0\n\ntoolchain go1.99.3\n"])
async def test_no_toolchain_is_downloaded(world: World, proxy: Proxy, line: str) -> None:
    world.put("go.mod", f"module app.example/app\n\n{line}\nrequire mods.example/outer v1.0.0\n")
    world.services = (Service(name="app"),)
    plan = await world.plan()
    assert plan.empty and any("cannot fetch" in line and "no other Go is downloaded" in line for line in plan.warnings)
    with pytest.raises(Failed, match="cannot add a module"):
        await world.plan(packages=["go:mods.example/inner"])
    assert not proxy.index.asked


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "names no module"),
        ("module app.example/x\n\nrequire (\n\tmods.example/inner v1.0.0\n", "has no end"),
        ("module app.example/x\n\nrequire --modfile=/tmp/x v1.0.0\n", "is no module"),
        ("module app.example/x\n\nrequire ../../x v1.0.0\n", "is no module"),
        ("module app.example/x\n\nreplace a.example/x => b.example/x\x1b[2J v1 v2\n", "cannot be read"),
        ("\ufeffm\x00dule app.example/x\n", "names no module"),
    ],
)
async def test_broken_manifests_are_named(world: World, proxy: Proxy, content: str, said: str) -> None:
    world.put("go.mod", content)
    with pytest.raises(Failed, match=said) as error:
        await world.plan()
    assert "\x1b" not in str(error.value)


async def test_hostile_22_huge_and_odd_manifests(world: World, proxy: Proxy) -> None:
    many = "".join(f"\tmods.example/m{number} v1.0.0\n" for number in range(10_001))
    world.put("go.mod", f"module app.example/x\n\ngo 1.17\n\nrequire (\n{many})\n")
    with pytest.raises(Failed, match="asks for 10001 modules"):
        await world.plan()
    (world.path / "go.mod").write_bytes(b"module app.example/x\n// \xff\xfe\n\xe9 x\n")
    assert (await world.plan()).empty
    version = "9" * 5000
    world.put("go.mod", f"module app.example/x\n\ngo {version}\nrequire mods.example/inner v{version}.0.0\n")
    await world.plan()


async def test_replacements_in_a_circle_end(world: World, proxy: Proxy, tmp_path: Path) -> None:
    """Go replaces once, so each stands in for the other; both are fetched."""
    app(
        world,
        "require (\n\tmods.example/inner v1.0.0\n\tmods.example/outer v1.0.0\n)\n"
        "replace mods.example/inner v1.0.0 => mods.example/inner v1.1.0\n"
        "replace mods.example/inner v1.1.0 => mods.example/inner v1.0.0\n",
    )
    await world.carry(await world.plan())
    assert offline(world) == "outer v1.1.0" and (await world.plan()).empty


async def test_nothing_of_the_project_is_executed(world: World, proxy: Proxy, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = MAIN.replace("import", f"//go:generate touch {mark}\n\nimport", 1)
    app(world, code=code + f"\n// #cgo pkg-config: $(touch {mark})\n")
    await world.carry(await world.plan())
    await world.carry(await world.plan(packages=["go:mods.example/inner@v1.1.0"]))
    assert not mark.exists()


@pytest.mark.skipif(
    not (DEBIAN / "github.com/google/uuid/go.mod").exists(), reason="apt: golang-github-google-uuid-dev"
)
async def test_real_sources_from_debian(world: World, proxy: Proxy, tmp_path: Path) -> None:
    proxy.publish("github.com/google/uuid", "v1.3.0", folder=DEBIAN / "github.com/google/uuid")
    main = 'package main\n\nimport "github.com/google/uuid"\n\nfunc main() { println(uuid.MustParse(uuid.NameSpaceDNS.String()).String()) }\n'
    app(world, "", main)
    await world.carry(await world.plan(packages=["github.com/google/uuid"]))
    assert offline(world) == "6ba7b810-9dad-11d1-80b4-00c04fd430c8" and (await world.plan()).empty
