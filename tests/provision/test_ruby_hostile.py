"""Ruby: what is broken, hostile or not there, with the real tools over an index of our own."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envsync.tests.lab.require import lacks
from envsync.tests.provision import gemindex
from envsync.tests.provision.gemindex import GemIndex, gemfile, lock, ruby, told
from envsync.tools.errors import Failed, Unreachable, Usage
from envsync.tools.plan import Risk

World = Any

if reason := gemindex.lacking():
    lacks("ruby", reason)
gems = gemindex.gems


async def test_hostile_46_gems_that_build_code_are_named_before_they_do(
    world: World, gems: GemIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    monkeypatch.setenv("RAN", str(ran))
    gemfile(world, gems, 'gem "hidden"')
    for locked in (False, True):
        if locked:
            lock(world)
        plan = await world.plan()
        assert any("code of their own" in line and "native-0.1.0" in line for line in plan.warnings), locked
        assert not ran.exists()
    await world.carry(plan)
    assert ran.exists() and ruby(world, 'require "native"; p Native.answer') == "42"
    assert (await world.plan()).empty
    next((world.path / "vendor/bundle").rglob("gem.build_complete")).unlink()
    plan = await world.plan()
    assert "native 0.1.0" in plan.details, "an extension that was not built to its end"
    await world.carry(plan)
    assert (await world.plan()).empty


async def test_hostile_46_nothing_is_built_that_the_plan_could_not_name(world: World, gems: GemIndex) -> None:
    world.put("more.rb", 'gem "native"\n')
    gemfile(world, gems, 'gem "outer"', 'eval_gemfile "more.rb"')
    plan = await world.plan()
    assert "native" not in told(plan)
    with pytest.raises(Failed, match=r"native-0\.1\.0: bundler chose it.*did not\s+name it"):
        await world.carry(plan)
    assert not (world.path / "vendor").exists()
    assert "native-0.1.0" in told(await world.plan()), "the lock is there now"


async def test_hostile_50_what_a_kill_left_half_done_is_repaired(world: World, gems: GemIndex) -> None:
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    plan = await world.plan()
    await world.carry(plan)
    place = next((world.path / "vendor/bundle/ruby").iterdir())
    shutil.rmtree(place / "gems/inner-1.1.0")
    half = await world.plan()
    assert "inner 1.1.0" in half.details and "outer 1.0.0" not in half.details
    await world.carry(half)
    (place / "specifications/outer-1.0.0.gemspec").unlink()
    assert not (await world.plan()).empty, "RubyGems writes the specification last"
    await world.do(plan.steps[0])
    assert (await world.plan()).empty and ruby(world, 'require "outer"; puts Outer::VERSION') == "1.0.0"
    (world.path / ".bundle/config").unlink()
    plan = await world.plan()
    assert "look for gems in vendor/bundle" in plan.summary
    await world.carry(plan)
    assert (await world.plan()).empty


async def test_hostile_50_a_real_kill_in_the_middle(world: World, gems: GemIndex) -> None:
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    plan = await world.plan()
    gems.stalled = "/gems/outer-1.0.0.gem"
    work = asyncio.ensure_future(world.do(plan.steps[0]))
    while not list(world.path.glob("vendor/bundle/ruby/*/gems/inner-1.1.0")):
        await asyncio.sleep(0.05)
        assert not work.done()
    work.cancel()
    await asyncio.wait([work])
    gems.stalled = ""
    half = await world.plan()
    assert "outer 1.0.0" in half.details
    await world.carry(half)
    assert ruby(world, 'require "outer"; puts Outer::VERSION') == "1.0.0" and (await world.plan()).empty


async def test_hostile_50_adding_goes_on_after_a_kill(world: World, gems: GemIndex) -> None:
    gemfile(world, gems)
    plan = await world.plan(packages=["gem:outer@1"])
    world.put("Gemfile", (world.path / "Gemfile").read_text() + '\ngem "outer", "~> 1.0"\n')
    assert await world.do(plan.steps[0])
    assert (world.path / "Gemfile").read_text().count("outer") == 1 and (await world.plan()).empty


async def test_hostile_44_and_45_names_and_versions_that_do_not_exist(world: World, gems: GemIndex) -> None:
    gemfile(world, gems)
    with pytest.raises(Usage, match="no 'rakc'") as error:
        await world.plan(packages=["gem:rakc"])
    assert "rack" in error.value.hint or "rake" in error.value.hint
    with pytest.raises(Usage, match=r"no 'inner@9'") as error:
        await world.plan(packages=["gem:inner@9"])
    assert "2.0.0" in error.value.hint
    gems.put("sidekik", "1.0.0")
    plan = await world.plan(packages=["gem:sidekik"])
    assert plan.risk == Risk.R3 and "looks like sidekiq" in plan.reason


async def test_gems_from_elsewhere_are_for_a_person_to_look_at(world: World, gems: GemIndex) -> None:
    world.put(
        "own/own.gemspec", 'Gem::Specification.new { |s| s.name="own"; s.version="1"; s.summary="x"; s.authors=["x"] }'
    )
    gemfile(world, gems, 'gem "own", path: "own"', 'gem "outer"')
    assert "own from path own" in (await world.plan()).reason
    gemfile(world, gems, 'gem "far", git: "http://u:pw@git.example/x"')
    plan = await world.plan()
    assert "far from git http://git.example/x" in plan.reason and "pw" not in plan.model_dump_json()
    gemfile(world, gems, 'gem "own", path: "own"', 'gem "outer"')
    lock(world)
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "path own" in plan.reason
    await world.carry(plan)
    assert (await world.plan()).empty
    world.put("Gemfile", 'source "http://gems.example/"\ngem "outer"\n')
    world.put(
        "Gemfile.lock",
        "GEM\n  remote: http://gems.example/\n  specs:\n    private (1.0.0)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  private\n",
    )
    gems.asked.clear()
    plan = await world.plan()
    assert plan.risk == Risk.R3 and "http://gems.example/" in plan.reason and "private-1.0.0" in plan.reason
    assert not gems.asked, "what comes from elsewhere is not fetched for a plan"


async def test_a_lock_that_disagrees_with_the_gemfile(world: World, gems: GemIndex) -> None:
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    gemfile(world, gems, 'gem "outer"', 'gem "hidden"')
    plan = await world.plan()
    assert "seems to name hidden, which Gemfile.lock does not have: `bundle lock`" in told(plan)
    with pytest.raises(Failed) as error:
        await world.carry(plan)
    assert "`bundle lock`" in error.value.hint


async def test_hostile_46_plugins_of_bundler_are_not_installed(world: World, gems: GemIndex, tmp_path: Path) -> None:
    gems.put("evil", "1.0.0", {"plugins.rb": f"File.write({str(tmp_path / 'ran')!r}, '1')\n"})
    gemfile(world, gems, 'plugin "evil"', 'gem "outer"')
    for locked in (False, True):
        plan = await world.plan()
        assert "plugins of bundler that are not installed: evil" in told(plan), locked
        await world.carry(plan)
        shutil.rmtree(world.path / "vendor")
    assert not (tmp_path / "ran").exists() and "/gems/evil-1.0.0.gem" not in gems.asked


async def test_a_vendor_folder_that_leads_out_is_not_written_into(world: World, gems: GemIndex, tmp_path: Path) -> None:
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    plan = await world.plan()
    (tmp_path / "far").mkdir()
    (world.path / "vendor").symlink_to(tmp_path / "far")
    assert "is a link" in told(await world.plan()) and (await world.plan()).empty
    with pytest.raises(Failed, match="no directory of the project"):
        await world.do(plan.steps[0])
    assert not list((tmp_path / "far").iterdir())


async def test_a_missing_tool_and_a_missing_runtime(world: World, gems: GemIndex, without: Callable[..., Any]) -> None:
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    world.host = without("bundle", "apt-get", "apt-cache", "dpkg-query")
    plan = await world.plan()
    assert plan.empty and "because bundler is not installed" in told(plan) and "gem install bundler" in told(plan)
    world.host = without("ruby", "bundle", "mise", "apt-get", "apt-cache", "dpkg-query")
    plan = await world.plan()
    assert plan.empty and "cannot get ruby here because" in told(plan)
    with pytest.raises(Failed, match="cannot get ruby"):
        await world.plan(packages=["gem:outer"])


async def test_the_gemfile_asks_for_another_ruby(world: World, gems: GemIndex, without: Callable[..., Any]) -> None:
    world.host = without("mise")
    gemfile(world, gems, 'ruby "9.9.1"', 'gem "outer"')
    plan = await world.plan()
    assert plan.empty and "cannot get ruby@9.9.1 here" in told(plan)


async def test_an_index_that_does_not_answer(world: World, gems: GemIndex) -> None:
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    plan = await world.plan()
    home = Path(os.environ["HOME"])
    (home / ".gemrc").write_text(":sources:\n- http://127.0.0.1:9/\n")
    for name in ("Gemfile", "Gemfile.lock"):
        world.put(name, (world.path / name).read_text().replace(gems.url, "http://127.0.0.1:9"))
    with pytest.raises(Unreachable, match="did not answer"):
        await world.plan()
    with pytest.raises(Unreachable, match="did not answer"):
        await world.plan(packages=["gem:inner"])
    step = plan.steps[0].model_copy(update={"args": {**plan.steps[0].args, "files": {}}})
    with pytest.raises(Unreachable, match="could not reach"):
        await world.do(step)


@pytest.mark.parametrize(
    "line",
    ["../../x (1.0.0)", "--force (1.0.0)", "x (../../y)", "x (1.0.0-../../z)", "a\x1b[31mb (1.0)", "x"],
)
async def test_hostile_4_names_in_a_lock(world: World, gems: GemIndex, line: str) -> None:
    gemfile(world, gems, 'gem "outer"')
    world.put("Gemfile.lock", f"GEM\n  remote: {gems.url}/\n  specs:\n    {line}\n\nDEPENDENCIES\n  outer\n")
    with pytest.raises(Failed, match="is no gem") as error:
        await world.plan()
    assert "\x1b" not in str(error.value)


async def test_hostile_22_and_61_files_that_are_no_text(world: World, gems: GemIndex) -> None:
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    path = world.path / "Gemfile.lock"
    kept = path.read_bytes()
    for content, why in (
        (kept.decode().encode("utf-16"), "cannot be read"),
        (b"<<<<<<< HEAD\n" + kept, "conflict markers"),
        (b"x" * (9 * 1024 * 1024), "cannot be read"),
        (b"{}", "no section"),
    ):
        path.write_bytes(content)
        with pytest.raises(Failed, match=why):
            await world.plan()
    path.unlink()
    world.put("Gemfile", "\n" * 5_000_000 + 'gem "outer"\n')
    assert "outer" in (await world.plan()).details, "a pattern must not go over it again and again"
    path.mkdir()
    with pytest.raises(Failed, match="no file"):
        await world.plan()
