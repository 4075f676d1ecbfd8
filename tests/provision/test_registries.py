"""Which registries are the user's: the tools are asked, and an index says where it keeps its files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from envsync.tools.hosts.base import Completed
from envsync.tools.hosts.local import LocalHost
from envsync.tools.plan import Risk
from envsync.tools.provision import defaults
from envsync.tools.provision.index import Entry, pypi, python_index, uv_env
from envsync.tools.provision.providers.pyhosts import strangers

World = Any
Index = Any
Without = Callable[..., LocalHost]
UV = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
uv = pytest.mark.skipif(UV is None, reason="uv is not installed")
npm = pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")


class Mute(LocalHost):
    """This machine, with a uv and a pip that do not say which index they use."""

    async def run(self, argv: Sequence[str], **options: object) -> Completed:  # type: ignore[override]
        if "--emit-index-url" in argv or any("pip._internal" in part for part in argv):
            return Completed(tuple(argv), 2, b"", b"unexpected argument", 0.0)
        return await super().run(argv, **options)  # type: ignore[arg-type]


class Counting(LocalHost):
    """This machine; remembers what was run."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    async def run(self, argv: Sequence[str], **options: object) -> Completed:  # type: ignore[override]
        self.ran.append(" ".join(argv))
        return await super().run(argv, **options)  # type: ignore[arg-type]


@pytest.fixture
def bare(index: Index, monkeypatch: pytest.MonkeyPatch) -> Index:
    """Nothing is configured for uv and pip."""
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    return index


@uv
async def test_uv_and_pip_say_which_index_is_their_own(world: World, bare: Index, without: Without) -> None:
    told = await python_index(world.context)
    assert told.startswith("https://") and await uv_env(world.context) == {}
    world.host = without("uv")
    assert await python_index(world.context) == told


@uv
async def test_the_next_process_asks_only_for_the_version(world: World, bare: Index) -> None:
    told = await python_index(world.context)
    world.host = Counting()
    assert await python_index(world.context) == told and await python_index(world.context) == told
    assert sum("--version" in line for line in world.host.ran if "uv" in line) >= 1
    assert not any("--emit-index-url" in line for line in world.host.ran)


@uv
async def test_what_a_file_named_by_the_environment_says_is_not_kept_as_uvs_own(
    world: World, bare: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = world.path.parent / "uv.toml"
    file.write_text('index-url = "https://corp.example/simple"\n')
    monkeypatch.setenv("UV_CONFIG_FILE", str(file))
    assert await python_index(world.context) == "https://corp.example/simple"
    await defaults.python(world.context)
    monkeypatch.delenv("UV_CONFIG_FILE")
    world.host = LocalHost()
    assert "corp.example" not in await python_index(world.context)


@uv
async def test_an_index_that_nobody_names_is_not_read_and_that_is_said_once(
    world: World, bare: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX", f"{bare.url}/simple")
    bare.wheel("base", "1.0")
    bare.wheel("middle", "1.0")
    world.host = Mute()
    assert await pypi(world.context, "base") == Entry("base")
    world.put("requirements.txt", "")
    plan = await world.plan(packages=["base", "middle"])
    assert sum("which package index" in line for line in plan.warnings) == 1
    assert bare.asked and not any(path.startswith("/pypi/") for path in bare.asked)
    left, why = await strangers(world.context, {"files.example"}, ["base"])
    assert left == ["files.example"] and "neither uv nor pip says" in why


@uv
@pytest.mark.parametrize("kind", ["html", "json"])
async def test_hostile_47_a_uv_lock_may_take_files_from_where_its_index_keeps_them(
    world: World, index: Index, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    index.store, index.json = index.url.replace("127.0.0.1", "localhost"), kind == "json"
    index.wheel("base", "1.0")
    world.put(
        "pyproject.toml", '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["base"]\n'
    )
    assert UV is not None
    subprocess.run([UV, "lock"], cwd=world.path, capture_output=True, check=True)
    lock = world.path / "uv.lock"
    assert "//localhost" in lock.read_text()
    plan = await world.plan()
    assert plan.risk == Risk.R2
    assert plan.digest == (await world.plan()).digest
    lock.write_text(lock.read_text().replace("http://localhost", "http://evil.example"))
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "evil.example; which is not your index" in plan.reason


async def test_where_files_are_is_asked_once_and_by_a_well_known_package(world: World, index: Index) -> None:
    index.store = "https://files.example"
    index.wheel("flask", "1.0")
    hosts = {"127.0.0.1", "files.example"}
    for _ in range(2):
        assert await strangers(world.context, hosts, ["aaa-of-the-locks-author", "flask"]) == ([], "")
    assert index.asked == ["/simple/flask/"]
    assert (await strangers(world.context, {*hosts, "evil.example"}, ["flask"]))[0] == ["evil.example"]
    index.store = "https://moved.example"
    assert await strangers(world.context, {"127.0.0.1", "moved.example"}, ["flask"]) == ([], "")


async def test_hostile_47_one_odd_link_does_not_make_a_file_host(world: World, index: Index) -> None:
    index.store = "https://files.example"
    for version in ("1.0", "2.0"):
        index.wheel("base", version)
    index.python["base"].append(("3.0", '"><a href="https://evil.example/base-3.0-py3-none-any.whl'))
    left, _ = await strangers(world.context, {"127.0.0.1", "files.example", "evil.example"}, ["base"])
    assert left == ["evil.example"]


async def test_an_index_that_does_not_answer_vouches_for_nobody(
    world: World, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    left, why = await strangers(world.context, {"127.0.0.1", "files.example"}, ["base"])
    assert left == ["files.example"] and why == "127.0.0.1 did not say whether it keeps its files there"


@npm
async def test_npms_own_registry_is_told_apart_from_the_users(
    world: World, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = world.path.parent / "npmrc"
    file.write_text("registry=https://corp.example/npm/\n")
    monkeypatch.delenv("npm_config_registry")
    monkeypatch.setenv("npm_config_userconfig", str(file))
    first = await defaults.npm(world.context)
    assert first[0] == "https://corp.example/npm/" and len(first) == 2 and "corp.example" not in first[1]
    world.host = Counting()
    assert await defaults.npm(world.context) == first and len(world.host.ran) == 1
    assert "corp" not in (world.context.state / "cache/registries.json").read_text()


@npm
async def test_hostile_47_an_npm_lock_may_name_the_users_registry_and_npms_own(world: World, index: Index) -> None:
    index.npm("inner", "1.0.0")
    own = {urlsplit(address).netloc for address in await defaults.npm(world.context)}
    assert len(own) == 2
    world.put("package.json", json.dumps({"name": "app", "version": "1.0.0", "dependencies": {"inner": "1.0.0"}}))

    def lock(host: str) -> None:
        entry = {"version": "1.0.0", "resolved": f"https://{host}/inner/-/inner-1.0.0.tgz"}
        world.put("package-lock.json", json.dumps({"lockfileVersion": 3, "packages": {"node_modules/inner": entry}}))

    for host in own:
        lock(host)
        assert (await world.plan()).risk == Risk.R2
    lock("me:pw@evil.example")
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "evil.example" in plan.reason and "pw@" not in plan.model_dump_json()


@npm
@pytest.mark.parametrize(
    ("registry", "hosts", "risk"),
    [
        ("", ["registry.example"], Risk.R3),
        ("https://registry.example", ["registry.example", "evil.example"], Risk.R3),
        ("https://registry.example", ["registry.example"], Risk.R2),
        ("https://registry.example", ["evil.example"], Risk.R3),
    ],
)
async def test_hostile_47_a_yarn_locks_hosts(
    world: World,
    index: Index,
    without: Without,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    registry: str,
    hosts: list[str],
    risk: Risk,
) -> None:
    """A yarn at hand says which is the user's; the name of a lock is otherwise no witness for itself."""
    if registry:
        program = tmp_path / "bin/yarn"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho {registry}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    else:
        world.host = without("yarn")
    names = {f"p{number}": "1.0.0" for number in range(len(hosts))}
    world.put("package.json", json.dumps({"name": "app", "version": "1.0.0", "dependencies": names}))
    blocks = [
        f'{name}@1.0.0:\n  version "1.0.0"\n  resolved "https://{host}/{name}/-/{name}-1.0.0.tgz#aa"\n'
        for name, host in zip(names, hosts, strict=True)
    ]
    world.put("yarn.lock", "# yarn lockfile v1\n\n\n" + "\n".join(blocks))
    plan = await world.plan()
    assert plan.risk == risk and ("registry.example" in plan.reason) is (not registry)
    assert ("evil.example" in plan.reason) is ("evil.example" in hosts)


@npm
async def test_npm_is_not_talked_into_an_alias(world: World, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other answer needs yarn's real lock: see the test of the other managers."""
    monkeypatch.setenv("npm_config_replace_registry_host", "always")
    for name in ("evil.example", "127.0.0.1:9", 'x"\n', "a@b"):
        assert not await defaults.npm_alias(world.context, name)
    assert not index.asked
    own = urlsplit((await defaults.npm(world.context))[-1]).netloc
    assert await defaults.npm_alias(world.context, own)
