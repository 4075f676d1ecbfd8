"""PHP: real php and composer over an index of our own, with a real library of Debian's and packages made by the test."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envsync.tests.core.places import PipeHost
from envsync.tests.lab.require import lacks
from envsync.tests.provision.packagist import PSR_LOG, Packagist, serving
from envsync.tools.errors import Failed, Unreachable, Usage
from envsync.tools.fingerprint import Service
from envsync.tools.plan import Plan, Risk
from envsync.tools.provision.providers.phpversions import meets

World = Any
if not (shutil.which("php") and shutil.which("composer") and shutil.which("unzip")):
    lacks("php", "php, composer and unzip are not installed (on Debian: apt-get install php-cli composer unzip)")


@pytest.fixture
def index(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packagist]:
    """own/inner <- own/outer, and Debian's psr/log, from the user's own repository."""
    for name in [name for name in os.environ if name.startswith("COMPOSER")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(Packagist()) as made:
        made.put("own/inner", "1.0.0")
        made.put("own/inner", "1.1.0")
        made.put("own/inner", "2.0.0")
        made.put("own/outer", "1.0.0", require={"own/inner": "^1.0"})
        files = {f"Psr/Log/{path.name}": path.read_text() for path in PSR_LOG.glob("*.php")}
        made.put("psr/log", "1.1.4", files, autoload={"psr-4": {"Psr\\Log\\": "Psr/Log/"}})
        configure(made.url)
        yield made


def configure(url: str) -> None:
    """The user's own settings of composer."""
    config = Path(os.environ["HOME"]) / ".config/composer/config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    repositories = [{"type": "composer", "url": url}, {"packagist.org": False}]
    config.write_text(json.dumps({"repositories": repositories, "config": {"secure-http": False}}))


def manifest(world: World, folder: str = "", more: dict[str, object] | None = None, **require: str) -> None:
    named = {name.replace("_", "/"): wanted for name, wanted in require.items()}
    world.put(f"{folder}composer.json", json.dumps({"name": "own/app", "require": named, **(more or {})}))


def composer(world: World, *words: str, folder: str = ".") -> None:
    env = {**os.environ, "COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_NO_INTERACTION": "1"}
    subprocess.run(["composer", *words], cwd=world.path / folder, check=True, capture_output=True, env=env)


def lock(world: World, folder: str = ".") -> None:
    composer(world, "update", "--no-install", "--no-scripts", "--no-plugins", folder=folder)


def php(world: World, code: str, folder: str = ".") -> str:
    argv = ["php", "-r", f"require 'vendor/autoload.php'; {code}"]
    done = subprocess.run(argv, cwd=world.path / folder, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()


def told(plan: Plan) -> str:
    return "\n".join((*plan.details, *plan.warnings, plan.reason))


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
