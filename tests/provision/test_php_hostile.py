"""PHP: what is broken, hostile or not there, with the real tools over an index of our own."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsync.tests.lab.require import lacks
from envsync.tests.provision import packagist
from envsync.tests.provision.packagist import (
    Packagist,
    composer,
    configure,
    lock,
    manifest,
    php,
    told,
)
from envsync.tools.errors import Failed, Unreachable, Usage
from envsync.tools.plan import Risk

World = Any

if reason := packagist.lacking():
    lacks("php", reason)
index = packagist.index


async def test_hostile_46_scripts_and_plugins_are_named_and_do_not_run(
    world: World, index: Packagist, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    code = f"<?php namespace Own; class Plugin implements \\Composer\\Plugin\\PluginInterface {{ function __construct() {{ touch('{ran}'); }}"
    code += (
        "".join(
            f" function {name}(\\Composer\\Composer $c, \\Composer\\IO\\IOInterface $io) {{}}"
            for name in ("activate", "deactivate", "uninstall")
        )
        + " }"
    )
    index.put(
        "own/plugin",
        "1.0.0",
        {"Plugin.php": code},
        type="composer-plugin",
        require={"composer-plugin-api": "^2.0"},
        autoload={"classmap": ["Plugin.php"]},
        extra={"class": "Own\\Plugin"},
    )
    scripts = {"post-install-cmd": f"touch {ran}-by-script", "post-autoload-dump": f"touch {ran}-too", "test": "true"}
    more = {"scripts": scripts, "config": {"allow-plugins": True}}
    manifest(world, own_plugin="*", more=more)
    for locked in (False, True):
        if locked:
            lock(world)
        plan = await world.plan()
        assert "plugins of composer that are not run: own/plugin" in told(plan), locked
        assert "not run: post-install-cmd, post-autoload-dump; `composer run-script NAME`" in told(plan)
    await world.carry(plan)
    assert not list(tmp_path.glob("ran*")) and (await world.plan()).empty
    composer(world, "run-script", "post-install-cmd")
    assert Path(f"{ran}-by-script").exists(), "the command that was named does it"
    composer(world, "install")
    assert ran.exists(), "and so does this one, by the plugin"


async def test_hostile_50_what_a_kill_left_half_done_is_repaired(world: World, index: Packagist) -> None:
    manifest(world, own_outer="*")
    lock(world)
    plan = await world.plan()
    await world.carry(plan)
    shutil.rmtree(world.path / "vendor/own/inner")
    half = await world.plan()
    assert half.details == ("own/inner 1.1.0",)
    await world.carry(half)
    assert php(world, "echo Inner::VERSION;") == "1.1.0" and (await world.plan()).empty
    (world.path / "vendor/composer/installed.json").unlink()
    (world.path / "vendor/autoload.php").unlink()
    half = await world.plan()
    assert len(half.steps) == 1 and "did not come from composer" in told(half)
    assert await world.do(plan.steps[0]), "the same step again"
    assert (await world.plan()).empty
    (world.path / "vendor/autoload.php").unlink()
    assert (await world.plan()).summary == "write vendor/autoload.php with composer"


async def test_hostile_50_a_real_kill_in_the_middle(world: World, index: Packagist) -> None:
    manifest(world, own_inner="^1", psr_log="*")
    lock(world)
    plan = await world.plan()
    index.stalled = "/dist/psr/log/1.1.4.zip"
    work = asyncio.ensure_future(world.do(plan.steps[0]))
    while index.stalled not in index.asked:
        await asyncio.sleep(0.05)
        assert not work.done()
    await asyncio.sleep(0.2)
    work.cancel()
    await asyncio.wait([work])
    index.stalled = ""
    half = await world.plan()
    assert "psr/log 1.1.4" in half.details
    await world.carry(half)
    assert php(world, "echo Inner::VERSION;") == "1.1.0" and (await world.plan()).empty


async def test_hostile_50_adding_goes_on_after_a_kill(world: World, index: Packagist) -> None:
    manifest(world)
    plan = await world.plan(packages=["composer:own/inner@^1"])
    manifest(world, own_inner="^1")
    assert await world.do(plan.steps[0])
    assert php(world, "echo Inner::VERSION;") == "1.1.0" and (await world.plan()).empty


async def test_hostile_44_and_45_names_and_versions_that_do_not_exist(world: World, index: Packagist) -> None:
    manifest(world)
    with pytest.raises(Usage, match="no 'monolog/monolgo'") as error:
        await world.plan(packages=["composer:monolog/monolgo"])
    assert "Did you mean monolog/monolog?" in error.value.hint
    with pytest.raises(Usage, match="no 'own/inner@9'") as error:
        await world.plan(packages=["composer:own/inner@9"])
    assert "2.0.0" in error.value.hint
    index.put("psr/logg", "1.0.0")
    plan = await world.plan(packages=["composer:psr/logg"])
    assert plan.risk == Risk.R3 and "looks like psr/log" in plan.reason


async def test_a_lock_that_disagrees_with_the_manifest(world: World, index: Packagist) -> None:
    manifest(world, own_inner="^1")
    lock(world)
    manifest(world, own_inner="^1", psr_log="*")
    plan = await world.plan()
    assert (
        plan.empty
        and "asks for psr/log, and composer.lock does not have that; Run `composer update psr/log`" in told(plan)
    )
    manifest(world, own_inner="^2")
    plan = await world.plan()
    assert plan.empty and "does not have such a version; Run `composer update own/inner`" in told(plan)
    manifest(world, own_inner="^2 || dev-main")
    plan = await world.plan()
    with pytest.raises(Failed) as error:
        await world.carry(plan)
    assert "`composer update NAME`" in error.value.hint


async def test_packages_from_elsewhere_are_for_a_person_to_look_at(world: World, index: Packagist) -> None:
    world.put("lib/composer.json", json.dumps({"name": "own/lib", "version": "1.0.0"}))
    more: dict[str, object] = {
        "repositories": [{"type": "path", "url": "lib"}, {"type": "vcs", "url": "http://u:pw@git.example/x"}]
    }
    manifest(world, more=more, own_lib="*")
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "of type path lib" in plan.reason and "of type vcs" in plan.reason
    assert "pw" not in plan.model_dump_json()
    manifest(world, more={"repositories": [{"type": "path", "url": "lib", "options": {"symlink": False}}]}, own_lib="*")
    await world.carry(await world.plan())
    assert (world.path / "vendor/own/lib/composer.json").exists() and (await world.plan()).empty
    manifest(world, own_inner="^1", more={"config": {"secure-http": False}})
    lock(world)
    path = world.path / "composer.lock"
    path.write_text(
        path.read_text()
        .replace(index.url.replace("/", "\\/"), "http:\\/\\/index.example")
        .replace(index.url, "http://index.example")
    )
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "own/inner from index.example" in plan.reason and "sets secure-http" in plan.reason


async def test_hostile_18_and_20_nothing_is_written_outside_the_project(
    world: World, index: Packagist, tmp_path: Path
) -> None:
    manifest(world, own_inner="*")
    lock(world)
    plan = await world.plan()
    (tmp_path / "far").mkdir()
    (world.path / "vendor").symlink_to(tmp_path / "far")
    assert (await world.plan()).empty and "is a link" in told(await world.plan())
    with pytest.raises(Failed, match="no directory of the project"):
        await world.do(plan.steps[0])
    assert not list((tmp_path / "far").iterdir())
    (world.path / "vendor").unlink()
    for key in ("vendor-dir", "bin-dir"):
        for value in ("../far", str(tmp_path / "far"), "$HOME/x", "a/../../b"):
            manifest(world, own_inner="*", more={"config": {key: value}})
            plan = await world.plan()
            assert plan.empty and f"its {key} is" in told(plan), value
    manifest(world, own_inner="*", more={"config": {"vendor-dir": "lib/php"}})
    await world.carry(await world.plan())
    assert (world.path / "lib/php/autoload.php").exists() and (await world.plan()).empty


async def test_a_missing_tool_and_a_missing_runtime(
    world: World, index: Packagist, without: Callable[..., Any]
) -> None:
    manifest(world, own_inner="*")
    lock(world)
    world.host = without("composer", "apt-get", "apt-cache", "dpkg-query")
    plan = await world.plan()
    assert plan.empty and "because composer is not installed" in told(plan)
    with pytest.raises(Failed, match="composer is not installed"):
        await world.plan(packages=["composer:own/inner"])
    world.host = without("php", "mise", "apt-get", "apt-cache", "dpkg-query")
    plan = await world.plan()
    assert plan.empty and "cannot get php here because" in told(plan)


async def test_an_index_that_does_not_answer(world: World, index: Packagist) -> None:
    manifest(world, own_inner="*")
    lock(world)
    path = world.path / "composer.lock"
    path.write_text(path.read_text().replace(index.url, "http://127.0.0.1:9"))
    configure("http://127.0.0.1:9")
    with pytest.raises(Unreachable, match="could not reach its registry"):
        await world.carry(await world.plan())
    path.unlink()
    with pytest.raises(Unreachable, match="could not ask its repositories"):
        await world.plan()
    with pytest.raises(Unreachable, match="could not ask its repositories"):
        await world.plan(packages=["composer:own/outer"])


@pytest.mark.parametrize(
    "name,version", [("../../x/y", "1.0"), ("--force/x", "1.0"), ("x", "1.0"), ("a/b", "--force"), ("a/b\x1b[31m", "1.0"), ("a/b", "")]
)  # fmt: skip
async def test_hostile_4_names_in_a_lock(world: World, index: Packagist, name: str, version: str) -> None:
    manifest(world, own_inner="*")
    world.put("composer.lock", json.dumps({"packages": [{"name": name, "version": version}]}))
    with pytest.raises(Failed, match="is no package") as error:
        await world.plan()
    assert "\x1b" not in str(error.value)


async def test_hostile_22_and_61_files_that_cannot_be_read(world: World, index: Packagist) -> None:
    manifest(world, own_inner="*")
    path = world.path / "composer.json"
    kept = path.read_text()
    for content in (
        b"{", b"[]", b"null", kept.encode("utf-16"), kept.replace("own/app", "gr\u00fc\u00df").encode("latin-1"),
        b'{"a":' * 100_000, b"{}" + b" " * (33 * 1024 * 1024),
        json.dumps({"require": {"../../x": "*"}}).encode(),
    ):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(Failed, match=r"cannot be read|is no package"):
            await world.plan()
    for value in (None, 7, [], {"require": [], "repositories": 1, "scripts": None, "config": "x"}):
        path.write_text(json.dumps({"require": value} if not isinstance(value, dict) else value))
        assert (await world.plan()).empty
