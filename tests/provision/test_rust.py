"""Rust: the real cargo, over a registry of our own."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
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
RUSTUP = Path(os.environ.get("RUSTUP_HOME") or Path(pwd.getpwuid(os.getuid()).pw_dir) / ".rustup")
if not shutil.which("cargo"):
    lacks("cargo", "there is no cargo here (on Debian: apt-get install cargo)")


def version() -> tuple[int, ...]:
    said = subprocess.run(["cargo", "--version"], cwd="/", capture_output=True, text=True, check=True).stdout
    match = re.search(r"(\d+)\.(\d+)", said)
    assert match, said
    return int(match[1]), int(match[2])


class Registry:
    """Publishes crates through the fixture's web server; its index is served there too, or is a git repository for an older cargo."""

    def __init__(self, index: Index, folder: Path) -> None:
        self.index = index
        self.folder = folder
        self.git = version() < (1, 68)
        self.url = f"file://{folder}" if self.git else f"sparse+{index.url}/crates-index/"
        folder.mkdir()
        if self.git:
            subprocess.run(["git", "init", "-q", str(folder)], check=True)
        self._put("config.json", json.dumps({"dl": f"{index.url}/crates/{{crate}}/{{version}}/download"}))

    def publish(
        self, name: str, number: str, requires: Mapping[str, str] = {}, files: Mapping[str, str] = {}
    ) -> None:  # not changed
        """A crate that says its version."""
        lines = "".join(f'{other} = "{req}"\n' for other, req in requires.items())
        content = {
            "Cargo.toml": f'[package]\nname = "{name}"\nversion = "{number}"\nedition = "2018"\n\n[dependencies]\n{lines}',
            "src/lib.rs": f'pub fn version() -> &\'static str {{ "{number}" }}\n',
            **files,
        }
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, text in content.items():
                member = tarfile.TarInfo(f"{name}-{number}/{path}")
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
        self.index.files[f"/crates/{name}/{number}/download"] = packed.getvalue()
        deps: list[dict[str, object]] = [
            {"name": other, "req": req, "features": [], "optional": False, "default_features": True, "target": None, "kind": "normal"}
            for other, req in requires.items()
        ]  # fmt: skip
        entry: dict[str, object] = {"name": name, "vers": number, "deps": deps, "features": {}, "yanked": False}
        entry["cksum"] = hashlib.sha256(packed.getvalue()).hexdigest()
        path = f"{name[:2]}/{name[2:4]}/{name}"
        old = (self.folder / path).read_text() if (self.folder / path).exists() else ""
        self._put(path, f"{old}{json.dumps(entry)}\n")

    def _put(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        self.index.files[f"/crates-index/{name}"] = content.encode()
        if self.git:
            who = ["-c", "user.name=t", "-c", "user.email=t@index.example"]
            subprocess.run(["git", "-C", str(self.folder), "add", "-A"], check=True)
            subprocess.run(["git", "-C", str(self.folder), *who, "commit", "-qm", "publish"], check=True)


@pytest.fixture
def registry(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """inner 1.0 and 1.1 <- outer 1.0, in the place of the usual registry, and a private Cargo home."""
    if RUSTUP.is_dir():  # its toolchains stay those of the machine, whose home the test hides
        monkeypatch.setenv("RUSTUP_HOME", str(RUSTUP))
    for name in list(os.environ):
        if name.startswith("CARGO_") or name == "RUSTUP_TOOLCHAIN":
            monkeypatch.delenv(name)
    home = tmp_path / "cargo"
    home.mkdir()
    made = Registry(index, tmp_path / "crates-index")
    source = f'[source.crates-io]\nreplace-with = "own"\n\n[source.own]\nregistry = "{made.url}"\n\n[net]\nretry = 0\n'
    (home / "config.toml").write_text(source)
    monkeypatch.setenv("CARGO_HOME", str(home))
    made.publish("inner", "1.0.0")
    made.publish("inner", "1.1.0")
    code = 'pub fn version() -> String { format!("outer {}", inner::version()) }\n'
    made.publish("outer", "1.0.0", {"inner": "1"}, {"src/lib.rs": code})
    return made


MAIN = 'fn main() { println!("{}", outer::version()); }\n'


def app(world: World, requires: str = 'outer = "1"\n', code: str = MAIN, folder: str = "", more: str = "") -> None:
    name = folder.strip("/").rpartition("/")[2] or "app"
    package = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2018"\n{more}\n[dependencies]\n{requires}'
    world.put(f"{folder}Cargo.toml", package)
    world.put(f"{folder}src/{'main' if 'fn main' in code else 'lib'}.rs", code)
    world.services = (*world.services, Service(name=name, root=folder.strip("/") or "."))


def cargo(world: World, *words: str, folder: str = ".", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["cargo", *words],
        cwd=world.path / folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def offline(world: World, tmp_path: Path, folder: str = ".") -> str:
    """What the project says when it is built and run without a network."""
    done = cargo(world, "run", "-q", "--offline", "--locked", folder=folder, CARGO_TARGET_DIR=str(tmp_path / "target"))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def locked(world: World, tmp_path: Path, folder: str = ".") -> None:
    """Write Cargo.lock with a Cargo home that the test does not use otherwise."""
    other = tmp_path / "elsewhere"
    other.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "cargo/config.toml", other)
    done = cargo(world, "generate-lockfile", folder=folder, CARGO_HOME=str(other))
    assert done.returncode == 0, done.stderr


def crates(tmp_path: Path) -> list[str]:
    found = [*tmp_path.glob("cargo/registry/cache/*/*"), *tmp_path.glob("cargo/registry/src/*/*")]
    return sorted(path.name for path in [*found, *tmp_path.glob("cargo/git/*/*")])


async def undo(world: World, plan: Plan) -> None:
    """As a transaction takes back: the inverses of what is not covered, newest first."""
    for step in reversed([step for step in plan.steps if not step.covered]):
        for back in step.inverse:
            assert await world.do(back) is True


async def test_locked_crates_are_fetched_build_without_network_and_are_taken_back(
    world: World, registry: Registry, tmp_path: Path
) -> None:
    app(world)
    locked(world, tmp_path)
    before = world.tree()
    plan = await world.plan()
    assert plan.details == ("cargo: inner 1.1.0", "cargo: outer 1.0.0")
    assert plan.risk == Risk.R2 and plan.undoable and not plan.captures and plan.system
    assert (await world.plan()).digest == plan.digest and crates(tmp_path) == []
    result = await world.carry(plan)
    assert [(c.name, c.new) for c in result.packages] == [("inner", "1.1.0"), ("outer", "1.0.0")]
    assert world.tree() == before, "the project itself is not touched"
    assert offline(world, tmp_path) == "outer 1.1.0"
    again = await world.plan()
    assert again.empty and "2 crates" in again.summary
    await undo(world, plan)
    assert crates(tmp_path) == []
    assert (await world.plan()).digest == plan.digest


async def test_on_a_host_that_is_elsewhere(world: World, registry: Registry, tmp_path: Path) -> None:
    """Through a helper of its own, which has nothing but the standard library."""
    app(world)
    locked(world, tmp_path)
    there = pipe_host("remote", tmp_path)
    there.env |= {name: value for name, value in os.environ.items() if name.startswith(("CARGO_", "RUSTUP_"))}
    world.host = there
    try:
        plan = await world.plan()
        await world.carry(plan)
        assert offline(world, tmp_path) == "outer 1.1.0" and (await world.plan()).empty
        await world.carry(await world.plan(packages=["cargo:inner@1.0.0"]))
        assert offline(world, tmp_path) == "outer 1.0.0"
        await undo(world, plan)
    finally:
        await there.close()
    assert not any("outer" in name for name in crates(tmp_path))


async def test_undo_leaves_what_was_in_the_cache_before(world: World, registry: Registry, tmp_path: Path) -> None:
    app(world, 'inner = "1"\n', "fn main() {}\n")
    locked(world, tmp_path)
    await world.carry(await world.plan())
    before = crates(tmp_path)
    app(world)
    (world.path / "Cargo.lock").unlink()
    locked(world, tmp_path)
    plan = await world.plan()
    assert plan.details == ("cargo: outer 1.0.0",)
    await world.carry(plan)
    await undo(world, plan)
    assert crates(tmp_path) == before and any(name.startswith("inner") for name in before)


async def test_a_missing_lock_is_written_and_said(world: World, registry: Registry, tmp_path: Path) -> None:
    app(world)
    plan = await world.plan()
    assert any("Cargo.lock is missing" in line for line in plan.warnings)
    assert [(step.kind, step.covered) for step in plan.steps] == [("rust-files", True), ("rust-cache", False)]
    assert await world.do(plan.steps[0]) and crates(tmp_path) == [], "settling fetches no crate"
    result = await world.carry(plan)
    assert [c.name for c in result.packages] == ["inner", "outer"], "what came along too"
    assert offline(world, tmp_path) == "outer 1.1.0" and (await world.plan()).empty
    await undo(world, plan)
    assert crates(tmp_path) == []
    (world.path / "Cargo.lock").unlink()
    assert await world.do(plan.steps[1]) is None, "when an undo is undone, the lock comes back only after the steps"


async def test_a_lock_that_lacks_a_crate_is_settled(world: World, registry: Registry, tmp_path: Path) -> None:
    app(world, 'inner = "=1.0.0"\n', "fn main() {}\n")
    locked(world, tmp_path)
    app(world, 'inner = "1"\nouter = "1"\n')
    plan = await world.plan()
    assert any("lacks outer" in line for line in plan.warnings) and plan.details == ("cargo: outer ^1",)
    await world.carry(plan)
    assert offline(world, tmp_path) == "outer 1.0.0", "what was locked stays"
    assert (await world.plan()).empty


async def test_a_crate_is_added_and_changed_by_name(world: World, registry: Registry, tmp_path: Path) -> None:
    app(world, "", 'fn main() { println!("{}", inner::version()); }\n')
    before = world.tree()
    plan = await world.plan(packages=["cargo:inner@1.0.0"])
    assert "cargo: inner 1.0.0" in plan.details and plan.risk == Risk.R2 and world.tree() == before
    await world.carry(plan)
    assert offline(world, tmp_path) == "1.0.0", "the version that was named, and not a newer one that fits"
    assert (await world.plan(packages=["cargo:inner@1.0.0"])).empty
    assert (await world.plan(packages=["cargo:inner"])).empty and (await world.plan()).empty
    plan = await world.plan(packages=["cargo:inner@latest"])
    assert "cargo: inner 1.1.0" in plan.details
    await world.carry(plan)
    assert offline(world, tmp_path) == "1.1.0" and (await world.plan(packages=["cargo:inner@latest"])).empty
    await world.carry(await world.plan(packages=["crate:outer@1"]))
    assert 'outer = "1"' in (world.path / "Cargo.toml").read_text()
    assert (await world.plan(packages=["crate:outer@1"])).empty


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cargo:nosuch", "there is no crate"),
        ("cargo:inner@9.9.9", "there is no crate"),
        ("cargo:inner@abc", "there is no crate"),
        ("cargo:--git", "not a package name"),
        ("cargo:../evil", "not a package name"),
        ("cargo:inner@../x", "not a package name"),
        ("cargo:inner[std]", "not a package name"),
    ],
)
async def test_hostile_44_names_that_are_none(world: World, registry: Registry, name: str, said: str) -> None:
    app(world)
    before = world.tree()
    with pytest.raises(Usage, match=said):
        await world.plan(packages=[name])
    assert world.tree() == before


async def test_a_workspace_is_fetched_once_at_its_root(world: World, registry: Registry, tmp_path: Path) -> None:
    world.put("Cargo.toml", '[workspace]\nmembers = ["one", "two"]\n')
    app(
        world,
        'two = { path = "../two" }\nouter = "1"\n',
        'fn main() { println!("{} {}", two::name(), outer::version()); }\n',
        "one/",
    )
    app(world, 'inner = "1.0"\n', 'pub fn name() -> String { format!("two {}", inner::version()) }\n', "two/")
    plan = await world.plan()
    assert [step.kind for step in plan.steps] == ["rust-files", "rust-cache"] and plan.steps[0].args["root"] == "."
    await world.carry(plan)
    assert not (world.path / "one/Cargo.lock").exists()
    assert offline(world, tmp_path, "one") == "two 1.1.0 outer 1.1.0" and (await world.plan()).empty
    with pytest.raises(Usage, match="for which part"):
        await world.plan(packages=["cargo:another"])
    added = await world.plan(packages=["cargo:inner@1.0.0"])
    assert added.steps[0].args["root"] == "two", "the part that names it"
    await world.carry(added)
    assert offline(world, tmp_path, "one") == "two 1.0.0 outer 1.0.0" and (await world.plan()).empty
    top, world.path, world.services = world.path, world.path / "two", ()
    assert (await world.plan()).empty, "its lock lies above, and is complete"
    with pytest.raises(Failed, match="outside the project"):
        await world.plan(packages=["cargo:outer"])
    (top / "Cargo.lock").unlink()
    plan = await world.plan()
    assert plan.empty and any("outside the project" in line for line in plan.warnings)
    world.path = top


async def test_a_workspace_below_the_project_is_spoken_for_by_its_first_member(
    world: World, registry: Registry, tmp_path: Path
) -> None:
    world.put("back/Cargo.toml", '[workspace]\nmembers = ["one", "two"]\n')
    app(world, folder="back/one/")
    app(world, 'inner = "1"\n', "pub fn a() {}\n", "back/two/")
    plan = await world.plan()
    assert [step.args["root"] for step in plan.steps] == ["back/one", "back/one"]
    await world.carry(plan)
    assert (await world.plan()).empty and offline(world, tmp_path, "back/one") == "outer 1.1.0"


DRIVER = """
import asyncio, sys
from pathlib import Path
from envsync.tests.provision.conftest import World
from envsync.tools.plan import Step
asyncio.run(World(Path(sys.argv[1])).do(Step.model_validate_json(sys.stdin.read())))
"""


def killed(world: World, registry: Registry, step: Step, held: str) -> None:
    """Carry out a step in another process, which is killed while `held` is being fetched."""
    answer, asked, go_on = registry.index.answer, threading.Event(), threading.Event()

    def slow(path: str) -> tuple[str, bytes] | None:
        if not path.startswith(held):
            return answer(path)
        asked.set()
        go_on.wait(30)
        return None

    registry.index.answer = slow
    env = {**os.environ, "PYTHONPATH": str(Path(envsync.__file__).parent.parent)}
    child = subprocess.Popen([sys.executable, "-c", DRIVER, str(world.path)], stdin=subprocess.PIPE, env=env)
    assert child.stdin is not None
    child.stdin.write(step.model_dump_json().encode())
    child.stdin.close()
    assert asked.wait(30)
    time.sleep(0.2)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    go_on.set()
    registry.index.answer = answer


async def test_hostile_50_a_step_killed_half_way_is_carried_out_again(
    world: World, registry: Registry, tmp_path: Path
) -> None:
    app(world)
    locked(world, tmp_path)
    plan = await world.plan()
    killed(world, registry, plan.steps[0], "/crates/outer/")
    assert await world.holds(plan.steps[0]) is False
    half = await world.plan()
    assert "cargo: outer 1.0.0" in half.details
    await world.carry(half)
    assert offline(world, tmp_path) == "outer 1.1.0" and (await world.plan()).empty
    await undo(world, half)
    assert crates(tmp_path) == [], "what was noted before the kill counts"


async def test_what_is_half_gone_or_half_written_is_fetched_again(
    world: World, registry: Registry, tmp_path: Path
) -> None:
    app(world)
    locked(world, tmp_path)
    await world.carry(await world.plan())
    (crate,) = tmp_path.glob("cargo/registry/cache/*/inner-1.1.0.crate")
    crate.write_bytes(crate.read_bytes()[:50])
    (tree,) = tmp_path.glob("cargo/registry/src/*/inner-1.1.0")
    shutil.rmtree(tree)
    half = await world.plan()
    assert half.details == ("cargo: inner 1.1.0",)
    await world.carry(half)
    await world.carry(half)
    assert offline(world, tmp_path) == "outer 1.1.0" and (await world.plan()).empty


async def test_a_lock_that_changed_after_the_plan_is_not_fetched(
    world: World, registry: Registry, tmp_path: Path
) -> None:
    app(world)
    locked(world, tmp_path)
    plan = await world.plan()
    lock = world.path / "Cargo.lock"
    lock.write_text(lock.read_text() + "\n")
    assert (await world.plan()).digest != plan.digest
    with pytest.raises(Failed, match=r"Cargo\.lock changed after the plan"):
        await world.carry(plan)
    assert crates(tmp_path) == []


async def test_a_crate_that_is_not_what_the_lock_says_is_refused(
    world: World, registry: Registry, tmp_path: Path
) -> None:
    app(world)
    locked(world, tmp_path)
    registry.index.files["/crates/inner/1.1.0/download"] = b"another"
    with pytest.raises(Failed, match="checksum"):
        await world.carry(await world.plan())


async def test_a_repository_is_named_and_taken_back(world: World, registry: Registry, tmp_path: Path) -> None:
    source = tmp_path / "corp.git"
    (source / "src").mkdir(parents=True)
    (source / "Cargo.toml").write_text('[package]\nname = "corp"\nversion = "0.3.0"\nedition = "2018"\n')
    (source / "src/lib.rs").write_text('pub fn version() -> &\'static str { "corp" }\n')
    who = ["git", "-C", str(source), "-c", "user.name=t", "-c", "user.email=t@index.example"]
    subprocess.run(["git", "init", "-q", str(source)], check=True)
    subprocess.run([*who, "add", "-A"], check=True)
    subprocess.run([*who, "commit", "-qm", "one"], check=True)
    app(world, f'corp = {{ git = "file://{source}" }}\n', 'fn main() { println!("{}", corp::version()); }\n')
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "corp comes from the repository" in plan.reason
    await world.carry(plan)
    assert offline(world, tmp_path) == "corp" and (await world.plan()).empty
    await undo(world, plan)
    assert crates(tmp_path) == []
    locked_plan = await world.plan()
    assert locked_plan.details == ("cargo: corp 0.3.0",) and locked_plan.risk == Risk.R3
    await world.carry(locked_plan)
    assert offline(world, tmp_path) == "corp" and (await world.plan()).empty


async def test_hostile_46_nothing_of_the_project_is_run(world: World, registry: Registry, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    evil = world.put("evil", f"#!/bin/sh\ntouch {mark}\n")
    evil.chmod(0o755)
    registry.publish("built", "1.0.0", files={"build.rs": f'fn main() {{ std::fs::write("{mark}", "").unwrap(); }}\n'})
    app(world, 'built = "1"\nouter = "1"\n', more='build = "build.rs"\n')
    world.put("build.rs", f'fn main() {{ std::fs::write("{mark}", "").unwrap(); }}\n')
    world.put(".cargo/config.toml", f'[build]\nrustc = "{evil}"\nrustc-wrapper = "./evil"\n')
    world.put("rust-toolchain.toml", f'[toolchain]\npath = "{world.path}"\n')
    (world.path / "bin").mkdir()
    shutil.copy(evil, world.path / "bin/cargo")
    plan = await world.plan()
    assert any("build.rustc" in line for line in plan.warnings)
    assert any("asks for the toolchain at" in line for line in plan.warnings)
    await world.carry(plan)
    await world.carry(await world.plan(packages=["cargo:inner"]))
    assert not mark.exists()


async def test_no_toolchain_is_downloaded(world: World, registry: Registry, tmp_path: Path) -> None:
    app(world)
    world.put("rust-toolchain", "1.10.0\n")
    plan = await world.plan()
    assert any("it asks for the toolchain 1.10.0" in line for line in plan.warnings) and plan.steps
    await world.carry(plan)
    again = await world.plan()
    assert again.empty and any("1.10.0" in line for line in again.warnings)


async def test_vendored_crates_are_there_and_what_they_lack_is_said(
    world: World, registry: Registry, tmp_path: Path
) -> None:
    app(world)
    locked(world, tmp_path)
    done = cargo(world, "vendor", "--respect-source-config", "third", CARGO_HOME=str(tmp_path / "elsewhere"))
    assert done.returncode == 0, done.stderr
    (tmp_path / "cargo/config.toml").unlink()
    settings = '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "third"\n'
    world.put(".cargo/config.toml", settings)
    plan = await world.plan()
    assert plan.empty and "third" in plan.summary and offline(world, tmp_path) == "outer 1.1.0"
    with pytest.raises(Failed, match="vendored"):
        await world.plan(packages=["cargo:inner"])
    shutil.rmtree(world.path / "third/inner")
    plan = await world.plan()
    assert plan.empty and any("lacks inner 1.1.0; run: cargo vendor" in line for line in plan.warnings)


async def test_hostile_47_the_projects_own_sources_are_for_a_person(
    world: World, registry: Registry, tmp_path: Path
) -> None:
    near = tmp_path / "near"
    (near / "src").mkdir(parents=True)
    (near / "Cargo.toml").write_text('[package]\nname = "near"\nversion = "0.1.0"\n')
    (near / "src/lib.rs").write_text("")
    app(world, 'outer = "1"\nnear = { path = "../near" }\n')
    (tmp_path / "cargo/config.toml").unlink()
    world.put(
        ".cargo/config.toml",
        f'[source.crates-io]\nreplace-with = "theirs"\n[source.theirs]\nregistry = "{registry.url}"\n'
        '[registries.corp]\nindex = "https://tok-5b1f0c7e9d@index.example/git"\ntoken = "tok-5b1f0c7e9d"\n',
    )
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "near is taken from" in plan.reason and "packages come from" in plan.reason
    assert "tok-5b1f0c7e9d" not in plan.model_dump_json()
    await world.carry(plan)
    assert offline(world, tmp_path) == "outer 1.1.0" and (await world.plan()).empty


async def test_hostile_45_a_name_that_nobody_named(world: World, registry: Registry) -> None:
    app(world)
    world.origin, world.words = "words", "add a logger"
    plan = await world.plan(packages=["cargo:inner"])
    assert plan.risk == Risk.R3 and "neither you nor a file of this project named inner" in plan.reason
    world.origin = "person"
    registry.publish("outers", "1.0.0")
    assert "looks like outer" in (await world.plan(packages=["cargo:outers"])).reason


async def test_a_registry_that_is_not_there_is_unreachable(world: World, registry: Registry, tmp_path: Path) -> None:
    app(world)
    locked(world, tmp_path)
    plan = await world.plan()
    config = tmp_path / "cargo/config.toml"
    address = "http://127.0.0.1:9/index" if registry.git else "sparse+http://127.0.0.1:9/index/"
    config.write_text(config.read_text().replace(registry.url, address))
    with pytest.raises(Unreachable, match="could not reach"):
        await world.carry(plan)
    with pytest.raises(Unreachable, match="could not reach"):
        await world.plan(packages=["cargo:inner"])


async def test_without_cargo_it_is_said_why(world: World, registry: Registry, without: Callable[..., Any]) -> None:
    app(world)
    world.host = without("rustc", "mise", "apt-cache", "apt-get")
    plan = await world.plan()
    assert plan.empty and any("cannot be fetched here: cannot get rust here because" in line for line in plan.warnings)
    with pytest.raises(Failed, match="cannot get rust here because"):
        await world.plan(packages=["cargo:inner"])
    world.host = without("cargo")
    assert any("there is no cargo" in line for line in (await world.plan()).warnings)


async def test_a_lock_that_this_cargo_does_not_read_and_a_rust_that_is_too_old(
    world: World, registry: Registry, tmp_path: Path
) -> None:
    app(world, more='rust-version = "1.999"\n')
    locked(world, tmp_path)
    assert any("asks for Rust 1.999" in line for line in (await world.plan()).warnings)
    lock = world.path / "Cargo.lock"
    lock.write_text(re.sub(r"^version = \d", "version = 9", lock.read_text(), flags=re.MULTILINE))
    plan = await world.plan()
    assert plan.empty and any("does not read a Cargo.lock of version 9" in line for line in plan.warnings)
    with pytest.raises(Failed, match="does not read"):
        await world.plan(packages=["cargo:inner"])


@pytest.mark.parametrize(
    ("manifest", "lock"),
    [
        ("[package", ""),
        ('[package]\nname = "x"\n[dependencies]\nouter = { path = "--evil\x1b[2J" }\n', ""),
        ("x = " + "[" * 20000, ""),
        ("", "[[package"),
        ("", '[[package]]\nname = "../../x"\nversion = "1.0.0"\n'),
        ("", '[[package]]\nname = "--config"\nversion = "1.0.0"\n'),
    ],
)
async def test_broken_manifests_and_locks_are_named(world: World, registry: Registry, manifest: str, lock: str) -> None:
    app(world)
    if manifest:
        world.put("Cargo.toml", manifest)
    if lock:
        world.put("Cargo.lock", lock)
    with pytest.raises(Failed, match=r"Cargo\.(toml|lock) cannot be read") as error:
        await world.plan()
    assert "\x1b" not in str(error.value)


async def test_hostile_22_paths_in_a_circle_and_odd_bytes(world: World, registry: Registry) -> None:
    app(world, 'two = { path = "../two" }\n', "pub fn a() {}\n", "one/")
    app(world, 'one = { path = "../one" }\n', "pub fn a() {}\n", "two/")
    plan = await world.plan()
    assert plan.empty, "nothing comes from a registry"
    world.services = ()
    (world.path / "Cargo.toml").write_bytes(b'[package]\nname = "\xff\xfe"\n')
    with pytest.raises(Failed, match="cannot be read"):
        await world.plan()


async def test_hostile_18_a_linked_lock_is_not_written_through(
    world: World, registry: Registry, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    app(world)
    (world.path / "Cargo.lock").symlink_to(outside)
    with pytest.raises(Failed, match="is a link"):
        await world.carry(await world.plan())
    assert outside.read_text() == ""
