"""Ruby: real ruby and bundler over an index of our own, with gems made by the test, one of them with an extension in C."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envsync.tests.core.places import PipeHost
from envsync.tests.lab.require import lacks
from envsync.tests.provision.gemindex import NATIVE, GemIndex, serving
from envsync.tools.errors import Failed, Unreachable, Usage
from envsync.tools.fingerprint import Service
from envsync.tools.plan import Plan, Risk
from envsync.tools.provision.providers.rubytools import fits
from envsync.tools.provision.providers.rubyversions import order, satisfies

World = Any
if not (shutil.which("ruby") and shutil.which("bundle")):
    lacks("ruby", "ruby and bundler are not installed (on Debian: apt-get install ruby ruby-bundler)")
compiles = pytest.mark.skipif(
    not (shutil.which("make") and shutil.which("gcc") and list(Path("/usr/include").glob("ruby-*/ruby.h"))),
    reason="extensions cannot be compiled here (on Debian: apt-get install ruby-dev gcc make libc6-dev)",
)


@pytest.fixture
def gems(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[GemIndex]:
    """inner <- outer, and native, from the user's own source of gems."""
    for name in [name for name in os.environ if name.startswith(("BUNDLE", "GEM_", "RUBY"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(GemIndex()) as made:
        made.put("inner", "1.0.0")
        made.put("inner", "1.1.0")
        made.put("inner", "2.0.0")
        made.put("outer", "1.0.0", requires=[("inner", "~> 1.0")])
        made.put("native", "0.1.0", NATIVE, extensions=["ext/native/extconf.rb"])
        made.put("hidden", "1.0.0", requires=[("native", ">= 0")])
        (Path(os.environ["HOME"]) / ".gemrc").write_text(f":sources:\n- {made.url}/\n")
        yield made


def gemfile(world: World, gems: GemIndex, *lines: str, folder: str = "") -> None:
    world.put(f"{folder}Gemfile", "\n".join([f'source "{gems.url}"', *lines, ""]))


def lock(world: World, folder: str = ".") -> None:
    subprocess.run(["bundle", "lock"], cwd=world.path / folder, check=True, capture_output=True)


def ruby(world: World, code: str, folder: str = ".") -> str:
    argv = ["bundle", "exec", "ruby", "-e", code]
    done = subprocess.run(argv, cwd=world.path / folder, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()


def told(plan: Plan) -> str:
    return "\n".join((*plan.details, *plan.warnings, plan.reason))


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


@compiles
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


@compiles
async def test_hostile_46_nothing_is_built_that_the_plan_could_not_name(world: World, gems: GemIndex) -> None:
    world.put("more.rb", 'gem "native"\n')
    gemfile(world, gems, 'gem "outer"', 'eval_gemfile "more.rb"')
    plan = await world.plan()
    assert "native" not in told(plan)
    with pytest.raises(Failed, match=r"native-0\.1\.0: bundler chose it.*did not\s+name it"):
        await world.carry(plan)
    assert not (world.path / "vendor").exists()
    assert "native-0.1.0" in told(await world.plan()), "the lock is there now"


async def test_a_server_without_ranges_tells_as_much(world: World, gems: GemIndex) -> None:
    gems.ranges = False
    gemfile(world, gems, 'gem "hidden"')
    lock(world)
    plan = await world.plan()
    assert any("native-0.1.0" in line for line in plan.warnings) and plan.steps[0].download


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


async def test_the_version_that_wrote_the_lock_is_not_fetched(world: World, gems: GemIndex) -> None:
    gems.put("bundler", "2.99.0")
    gemfile(world, gems, 'gem "outer"')
    lock(world)
    text = (world.path / "Gemfile.lock").read_text()
    world.put("Gemfile.lock", text[: text.index("BUNDLED WITH")] + "BUNDLED WITH\n   2.99.0\n")
    await world.carry(await world.plan())
    assert not [path for path in gems.asked if "bundler" in path] and (await world.plan()).empty


async def test_hostile_46_plugins_of_bundler_are_not_installed(world: World, gems: GemIndex, tmp_path: Path) -> None:
    gems.put("evil", "1.0.0", {"plugins.rb": f"File.write({str(tmp_path / 'ran')!r}, '1')\n"})
    gemfile(world, gems, 'plugin "evil"', 'gem "outer"')
    for locked in (False, True):
        plan = await world.plan()
        assert "plugins of bundler that are not installed: evil" in told(plan), locked
        await world.carry(plan)
        shutil.rmtree(world.path / "vendor")
    assert not (tmp_path / "ran").exists() and "/gems/evil-1.0.0.gem" not in gems.asked


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
