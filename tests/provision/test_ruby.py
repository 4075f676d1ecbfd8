"""Ruby: real ruby and bundler over an index of our own, with gems made by the test, one of them with an extension in C."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from envsync.tests.core.places import PipeHost
from envsync.tests.lab.require import lacks
from envsync.tests.provision import gemindex
from envsync.tests.provision.gemindex import GemIndex, gemfile, lock, ruby, told
from envsync.tools.errors import Failed, Usage
from envsync.tools.fingerprint import Service
from envsync.tools.plan import Risk
from envsync.tools.provision.names import parse
from envsync.tools.provision.providers.rubytools import fits
from envsync.tools.provision.providers.rubyversions import order, satisfies, wanted

World = Any

if reason := gemindex.lacking():
    lacks("ruby", reason)
gems = gemindex.gems


async def test_a_locked_project_is_installed_into_it_and_runs(world: World, gems: GemIndex, tmp_path: Path) -> None:
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    before, kept = world.tree(), (world.path / "Gemfile.lock").read_text()
    system = subprocess.run(["gem", "list"], capture_output=True, text=True, check=True).stdout
    plan = await world.plan()
    assert world.tree() == before, "planning only reads"
    assert plan.risk == Risk.R2 and plan.captures and not plan.system and plan.steps[0].covered
    assert {"inner 1.1.0", "outer 1.0.0"} <= set(plan.details)
    assert "Ruby code of this project" in told(plan)
    size = sum(len(gems.gems[name][version][0]) for name, version in (("inner", "1.1.0"), ("outer", "1.0.0")))
    assert plan.steps[0].download == size
    assert (await world.plan()).digest == plan.digest
    result = await world.carry(plan)
    assert [(c.name, c.new) for c in result.packages] == [("inner", "1.1.0"), ("outer", "1.0.0")]
    assert ruby(world, 'require "outer"; require "inner"; puts Inner::VERSION') == "1.1.0"
    assert (await world.plan()).empty
    assert (world.path / "Gemfile.lock").read_text() == kept
    assert {path.name for path in world.path.iterdir()} == {"Gemfile", "Gemfile.lock", ".bundle", "vendor"}
    assert subprocess.run(["gem", "list"], capture_output=True, text=True, check=True).stdout == system
    assert {path.name for path in (tmp_path / "home").iterdir()} <= {".gemrc", ".bundle", ".local"}, "caches only"
    assert not (tmp_path / "home/.bundle/config").exists()


async def test_it_works_on_a_machine_that_is_elsewhere(world: World, gems: GemIndex) -> None:
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    host = PipeHost("test:far", dict(os.environ))
    world.host = host
    try:
        plan = await world.plan()
        assert {"inner 1.1.0", "outer 1.0.0"} <= set(plan.details) and plan.steps[0].download
        await world.carry(plan)
        assert (await world.plan()).empty
        (world.path / "Gemfile.lock").unlink()
        assert (await world.plan(packages=["gem:inner@1"])).steps
    finally:
        await host.close()
    assert ruby(world, 'require "outer"; puts Outer::VERSION') == "1.0.0"


async def test_without_a_lock_one_is_written_and_said(world: World, gems: GemIndex) -> None:
    gemfile(world, gems, 'gem "outer"')
    plan = await world.plan()
    assert "there is no Gemfile.lock" in told(plan) and plan.risk == Risk.R2
    await world.carry(plan)
    assert "inner (1.1.0)" in (world.path / "Gemfile.lock").read_text()
    assert ruby(world, 'require "inner"; puts Inner::VERSION') == "1.1.0" and (await world.plan()).empty


async def test_a_server_without_ranges_tells_as_much(world: World, gems: GemIndex) -> None:
    gems.ranges = False
    gemfile(world, gems, 'gem "hidden"')
    lock(world)
    plan = await world.plan()
    assert any("native-0.1.0" in line for line in plan.warnings) and plan.steps[0].download


async def test_gems_are_added_and_updated_by_name(world: World, gems: GemIndex) -> None:
    gemfile(world, gems)
    plan = await world.plan(packages=["gem:inner@1.0"])
    assert plan.risk == Risk.R2 and any("1.0.0 fits, the newest is 2.0.0" in line for line in plan.details)
    result = await world.carry(plan)
    assert [(c.name, c.new) for c in result.packages] == [("inner", "1.0.0")]
    assert ruby(world, 'require "inner"; puts Inner::VERSION') == "1.0.0"
    assert (await world.plan(packages=["gem:inner@1.0"])).empty and (await world.plan()).empty
    with pytest.raises(Failed, match="Change the line of inner in Gemfile"):
        await world.do((await world.plan(packages=["inner@2.0.0"])).steps[0])
    gemfile(world, gems, 'gem "inner"')
    plan = await world.plan(packages=["inner@latest"])
    await world.carry(plan)
    assert ruby(world, 'require "inner"; puts Inner::VERSION') == "2.0.0"
    assert (await world.plan(packages=["inner@latest"])).empty


async def test_the_version_that_wrote_the_lock_is_not_fetched(world: World, gems: GemIndex) -> None:
    gems.put("bundler", "2.99.0")
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    text = (world.path / "Gemfile.lock").read_text()
    world.put("Gemfile.lock", text[: text.index("BUNDLED WITH")] + "BUNDLED WITH\n   2.99.0\n")
    await world.carry(await world.plan())
    assert not [path for path in gems.asked if "bundler" in path] and (await world.plan()).empty


async def test_gems_are_added_within_bounds(world: World, gems: GemIndex) -> None:
    gemfile(world, gems)
    await world.carry(await world.plan(packages=["gem:inner>=1,<2", "gem:outer@1.0.0"]))
    added = (world.path / "Gemfile").read_text()
    assert 'gem "inner", ">= 1", "< 2"' in added and 'gem "outer", "= 1.0.0"' in added
    assert ruby(world, 'require "outer"; require "inner"; puts Inner::VERSION') == "1.1.0"
    assert (await world.plan()).empty


def test_what_people_write_for_a_version() -> None:
    for text, lines in (
        ("x", ()), ("x@latest", ()), ("x@3", ("~> 3.0",)), ("x@3.1", ("~> 3.1.0",)), ("x@3.1.2", ("= 3.1.2",)),
        ("x@^3.1", (">= 3.1", "< 4")), ("x>=1,<2", (">= 1", "< 2")), ("x~>1.2", ("~> 1.2",)),
    ):  # fmt: skip
        assert wanted(parse(f"gem:{text}")) == lines
    for text in ("x@^3-a", "x~3", "x@>=<1"):
        with pytest.raises(Usage):
            wanted(parse(f"gem:{text}"))


async def test_a_path_of_the_users_own_counts(world: World, gems: GemIndex, tmp_path: Path) -> None:
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    world.put(".bundle/config", '---\nBUNDLE_PATH: "gems"\nBUNDLE_JOBS: "1"\n')
    plan = await world.plan()
    assert "into gems with bundler" in plan.summary and plan.steps[0].covered and plan.risk == Risk.R2
    await world.carry(plan)
    assert (world.path / "gems/ruby").exists() and not (world.path / "vendor").exists() and (await world.plan()).empty
    world.put(".bundle/config", f'---\nBUNDLE_PATH: "{tmp_path}/far"\nBUNDLE_SSL_VERIFY_MODE: "0"\n')
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "outside the project" in plan.reason and not plan.undoable
    assert "SSL_VERIFY_MODE" in plan.reason
    world.put(".bundle/config", '---\nBUNDLE_PATH__SYSTEM: "true"\n')
    plan = await world.plan()
    assert plan.empty and "cannot be installed here, because .bundle/config sends gems among the system's own" in told(
        plan
    )


async def test_settings_that_bundler_reads_elsewhere(
    world: World, gems: GemIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far").mkdir()
    for name in ("BUNDLE_APP_CONFIG", "GEM_HOME"):  # as images of Ruby have it
        monkeypatch.setenv(name, str(tmp_path / "far"))
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    plan = await world.plan()
    assert "run it with BUNDLE_PATH=vendor/bundle" in told(plan)
    await world.carry(plan)
    assert not list((tmp_path / "far").iterdir()) and (await world.plan()).empty
    monkeypatch.setenv("BUNDLE_PATH", "vendor/bundle")
    assert ruby(world, 'require "inner"; puts Inner::VERSION') == "1.1.0"


async def test_what_bundler_leaves_out_is_not_asked_for_again(
    world: World, gems: GemIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    gems.put("winonly", "1.0.0")
    gems.put("tester", "1.0.0")
    gemfile(
        world,
        gems,
        'gem "outer"',
        'gem "winonly", platforms: %i[mswin mingw jruby]',
        "group :test do",
        '  gem "tester"',
        "end",
    )
    subprocess.run(["bundle", "lock", "--add-platform", "ruby"], cwd=world.path, check=True, capture_output=True)
    monkeypatch.setenv("BUNDLE_WITHOUT", "test")
    plan = await world.plan()
    assert "winonly 1.0.0" not in plan.details
    await world.carry(plan)
    assert not list((world.path / "vendor").rglob("tester-*")) and (await world.plan()).empty
    monkeypatch.delenv("BUNDLE_WITHOUT")
    assert "tester 1.0.0" in (await world.plan()).details


async def test_a_lock_for_other_platforms_only(world: World, gems: GemIndex) -> None:
    gemfile(world, gems, 'gem "native"')
    world.put(
        "Gemfile.lock",
        f"GEM\n  remote: {gems.url}/\n  specs:\n    native (0.1.0-arm64-darwin)\n\nPLATFORMS\n  arm64-darwin-22\n\nDEPENDENCIES\n  native\n",
    )
    plan = await world.plan()
    assert plan.empty and "bundle lock --add-platform" in told(plan)


async def test_two_sites_and_a_vendor_folder_of_others(world: World, gems: GemIndex) -> None:
    for folder, name in (("api", "outer"), ("web", "inner")):
        gemfile(world, gems, f'gem "{name}"', folder=f"{folder}/")
        lock(world, folder)
    theirs = world.put("api/vendor/modules.txt", "# of Go\n")
    world.services = (Service(name="api", root="api"), Service(name="web", root="web"))
    plan = await world.plan()
    assert [step.args["root"] for step in plan.steps] == ["api", "web"]
    await world.carry(plan)
    assert ruby(world, 'require "outer"; puts Outer::VERSION', "api") == "1.0.0"
    assert ruby(world, 'require "inner"; puts Inner::VERSION', "web") == "2.0.0"
    assert theirs.read_text() == "# of Go\n" and (await world.plan()).empty


def test_versions_compare_as_rubygems_does() -> None:
    listed = ["1.0.a", "1.0.rc1", "1.0", "1.0.1", "1.2", "1.10", "2"]
    assert sorted(reversed(listed), key=order) == listed
    code = (
        "ARGV.each_slice(2){|v,r| print Gem::Requirement.new(*r.split(',')).satisfied_by?(Gem::Version.new(v)) ? 1 : 0}"
    )
    pairs = [
        (v, r)
        for v in [*listed, "0.9", "3.0.0"]
        for r in ("~> 1.0", "~> 1.0.0", ">= 1.2", "< 2,> 1", "= 1.0", "!= 1.0", "~> 1")
    ]
    said = subprocess.run(
        ["ruby", "-e", code, *(word for pair in pairs for word in pair)], capture_output=True, text=True
    )
    assert said.stdout == "".join("01"[satisfies(v, r.split(","))] for v, r in pairs)


def test_platforms_fit() -> None:
    assert (
        fits("ruby", "x86_64-linux")
        and fits("x86_64-linux", "x86_64-linux-gnu")
        and fits("arm64-darwin", "arm64-darwin-22")
    )
    assert (
        not fits("java", "x86_64-linux")
        and not fits("x86_64-linux-musl", "x86_64-linux")
        and not fits("aarch64-linux", "x86_64-linux")
    )
