"""PHP: real php and composer over an index of our own, with a real library of Debian's and packages made by the test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from envsync.tests.core.places import PipeHost
from envsync.tests.lab.require import lacks
from envsync.tests.provision import packagist
from envsync.tests.provision.packagist import (
    Packagist,
    lock,
    manifest,
    php,
    told,
)
from envsync.tools.fingerprint import Service
from envsync.tools.plan import Risk
from envsync.tools.provision.providers.phpversions import meets

World = Any

if reason := packagist.lacking():
    lacks("php", reason)
index = packagist.index


async def test_a_locked_project_is_installed_as_locked_and_runs(world: World, index: Packagist, tmp_path: Path) -> None:
    manifest(world, own_outer="^1", psr_log="^1.1")
    lock(world)
    before, kept = world.tree(), (world.path / "composer.lock").read_text()
    plan = await world.plan()
    assert world.tree() == before, "planning only reads"
    assert plan.details == ("own/inner 1.1.0", "own/outer 1.0.0", "psr/log 1.1.4")
    assert plan.risk == Risk.R2 and plan.captures and not plan.system and plan.steps[0].covered
    assert (await world.plan()).digest == plan.digest
    result = await world.carry(plan)
    assert next((c.name, c.new) for c in result.packages) == ("own/inner", "1.1.0")
    assert (
        php(world, "echo Inner::VERSION, (new Psr\\Log\\NullLogger()) instanceof Psr\\Log\\LoggerInterface;")
        == "1.1.01"
    )
    assert (await world.plan()).empty and (world.path / "composer.lock").read_text() == kept
    assert {path.name for path in world.path.iterdir()} == {"composer.json", "composer.lock", "vendor"}
    assert {path.name for path in (tmp_path / "home").iterdir()} <= {".config", ".cache", ".local"}, "caches only"


async def test_it_works_on_a_machine_that_is_elsewhere(world: World, index: Packagist) -> None:
    manifest(world, own_outer="*")
    host = PipeHost("test:far", dict(os.environ))
    world.host = host
    try:
        plan = await world.plan()
        assert plan.details == ("own/inner 1.1.0", "own/outer 1.0.0")
        await world.carry(plan)
        assert (await world.plan()).empty and (await world.plan(packages=["composer:own/inner@1"])).steps
    finally:
        await host.close()
    assert php(world, "echo Outer::VERSION;") == "1.0.0"


async def test_without_a_lock_the_plan_says_what_is_chosen_and_one_is_written(world: World, index: Packagist) -> None:
    manifest(world, own_outer="*")
    before = world.tree()
    plan = await world.plan()
    assert world.tree() == before and plan.details == ("own/inner 1.1.0", "own/outer 1.0.0")
    assert any("there is no composer.lock" in line for line in plan.warnings) and plan.risk == Risk.R2
    await world.carry(plan)
    assert (world.path / "composer.lock").exists() and php(world, "echo Outer::VERSION;") == "1.0.0"
    assert (await world.plan()).empty
    (world.path / "composer.lock").unlink()
    plan = await world.plan()
    assert plan.summary == "write composer.lock with composer"
    await world.carry(plan)
    assert (await world.plan()).empty


async def test_a_project_without_packages_gets_its_autoloader(world: World, index: Packagist) -> None:
    manifest(world, more={"autoload": {"classmap": ["src/"]}})
    world.put("src/Own.php", "<?php class Own { const VERSION = 7; }")
    await world.carry(await world.plan())
    assert php(world, "echo Own::VERSION;") == "7" and (await world.plan()).empty
    manifest(world)
    (world.path / "composer.lock").unlink()
    shutil.rmtree(world.path / "vendor")
    assert "names no packages" in (await world.plan()).summary


async def test_packages_are_added_and_changed_by_name(world: World, index: Packagist) -> None:
    manifest(world)
    plan = await world.plan(packages=["composer:own/inner@^1"])
    assert plan.risk == Risk.R2 and plan.steps[0].args["words"] == ["own/inner:^1"]
    assert any("1.1.0 fits, the newest is 2.0.0" in line for line in plan.details)
    await world.carry(plan)
    assert php(world, "echo Inner::VERSION;") == "1.1.0" and (await world.plan()).empty
    assert (await world.plan(packages=["composer:own/inner"])).empty
    assert (await world.plan(packages=["composer:own/inner@1"])).empty
    plan = await world.plan(packages=["composer:own/inner@1.0.0"])
    assert "own/inner 1.1.0 -> 1.0.0" in plan.details
    await world.carry(plan)
    plan = await world.plan(packages=["composer:own/inner@latest"])
    assert "own/inner 1.0.0 -> 2.0.0" in plan.details
    await world.carry(plan)
    assert php(world, "echo Inner::VERSION;") == "2.0.0"
    assert (await world.plan(packages=["composer:own/inner@latest"])).empty and (await world.plan()).empty


async def test_a_package_for_development_stays_one(world: World, index: Packagist) -> None:
    manifest(world, more={"require-dev": {"own/inner": "^1"}})
    await world.carry(await world.plan(packages=["composer:own/inner@2"]))
    data = json.loads((world.path / "composer.json").read_text())
    assert data["require-dev"] == {"own/inner": "2.*"} and not data.get("require")


async def test_what_php_lacks_is_said_with_debians_names(
    world: World, index: Packagist, without: Callable[..., Any]
) -> None:
    index.put("own/needy", "1.0.0", require={"ext-redis": "*"})
    index.put("own/odd", "1.0.0", require={"ext-nosuchthing": "*"})
    index.put("own/new", "1.0.0", require={"php": ">=99"})
    manifest(world, own_needy="*", ext_json="*")
    (world.path / "composer.json").write_text(
        (world.path / "composer.json").read_text().replace("ext/json", "ext-json")
    )
    plan = await world.plan()
    assert [step.kind for step in plan.steps] == ["apt", "composer"] and plan.system
    assert "php-redis" in plan.steps[0].does and "PHP lacks ext-redis" in told(plan)
    world.host = without("apt-get", "apt-cache", "dpkg-query")
    plan = await world.plan()
    assert plan.empty and "(Debian: php-redis)" in told(plan)
    world.host = without()
    manifest(world, own_odd="*")
    plan = await world.plan()
    assert plan.empty and "PHP lacks ext-nosuchthing; Install and enable" in told(plan)
    index.put("own/polyfill", "1.0.0", provide={"ext-nosuchthing": "*"})
    manifest(world, own_odd="*", own_polyfill="*")
    await world.carry(await world.plan())
    assert (await world.plan()).empty
    (world.path / "composer.lock").unlink()
    manifest(world, own_inner="*", more={"require": {"php": ">=99", "own/inner": "*"}})
    plan = await world.plan()
    assert plan.empty and "cannot be installed here, because" in told(plan) and "php" in told(plan)


async def test_two_sites_and_a_vendor_folder_of_others(world: World, index: Packagist) -> None:
    for folder, name in (("api", "own_outer"), ("web", "own_inner")):
        manifest(world, f"{folder}/", **{name: "*"})
        lock(world, folder)
    theirs = world.put("api/vendor/modules.txt", "# of Go\n")
    taken = world.put("api/vendor/own/inner/by_hand.php", "<?php\n")
    world.services = (Service(name="api", root="api"), Service(name="web", root="web"))
    plan = await world.plan()
    assert [step.args["root"] for step in plan.steps] == ["api", "web"]
    assert "own/inner in vendor did not come from composer and is replaced" in told(plan)
    await world.carry(plan)
    assert php(world, "echo Outer::VERSION;", "api") == "1.0.0" and php(world, "echo Inner::VERSION;", "web") == "2.0.0"
    assert theirs.read_text() == "# of Go\n" and not taken.exists() and (await world.plan()).empty


def test_constraints_are_met_as_composer_says() -> None:
    code = "foreach (array_chunk(array_slice($argv, 1), 2) as $p) echo Composer\\Semver\\Semver::satisfies($p[0], $p[1]) ? 1 : 0;"
    versions = ["0.2.9", "0.3.0", "1.0.0", "1.2.3", "1.3.0", "2.0.0", "8.2.35"]
    constraints = (
        "*", "^1", "^1.2", "^0.2", "^0.2.1", "~1.2", "~1.2.3", "~1", "1.2.*", "1.*", ">=1.2 <2", ">=1.2,<2", "1.0 - 1.3", "1.0.0 - 1.2.3",
        "^7.4 || ^8.1", "!=1.2.3", "1.2.3", ">=8.1", "> 1", "<= 1.3", "^8", "v1.0",
    )  # fmt: skip
    pairs = [(version, each) for version in versions for each in constraints]
    argv = [
        "php",
        "-r",
        f"require '/usr/share/php/Composer/Semver/autoload.php'; {code}",
        *(w for p in pairs for w in p),
    ]
    said = subprocess.run(argv, capture_output=True, text=True).stdout
    ours = {pair: meets(*pair) for pair in pairs}
    assert len(said) == len(pairs), said
    assert {pair: bool(int(each)) for pair, each in zip(pairs, said, strict=True)} == ours
    assert meets("dev-main", "^1") is None and meets("1.0.0", "dev-main") is None
