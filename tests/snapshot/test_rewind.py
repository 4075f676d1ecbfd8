"""Rewind on real directories through real transactions: back bit for bit, and undoable itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue
from rewinding import append, call, change, fact, facts, install, rewind, rewind_plan, snapshot, transactions

from envsync.tools.contract import Context
from envsync.tools.errors import Failed, Stale, Usage
from envsync.tools.fingerprint import Fingerprint
from envsync.tools.journal import Journal
from envsync.tools.plan import Risk, Step
from envsync.tools.snapshot.rewind import REWIND
from envsync.tools.store.place import snapshots_of


@pytest.fixture
def tree(project: Path) -> Path:
    (project / "src").mkdir()
    (project / "src/app.py").write_text("print('one')\n")
    (project / "src/gone.py").write_text("kept\n")
    (project / "run.sh").write_text("#!/bin/sh\n")
    (project / "run.sh").chmod(0o755)
    (project / "empty/nested").mkdir(parents=True)
    (project / "link").symlink_to("src/app.py")
    (project / "dangling").symlink_to("/nowhere/at/all")
    (project / "names").mkdir()
    for name in ("; rm -rf ~ #.txt", "--force", "with\nnewline", "ünïcode", "esc\x1b[31m"):
        (project / "names" / name).write_text(name)
    with open(os.fsencode(project / "names") + b"/b\xff\xfe", "wb") as file:
        file.write(b"not utf-8")
    os.utime(project / "src/app.py", ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    os.utime(project / "empty", ns=(1_500_000_000_000_000_001, 1_500_000_000_000_000_001))
    return project


def mess(project: Path) -> None:
    """Edits of every kind."""
    (project / "src/app.py").write_text("print('two')\n")
    (project / "src/gone.py").unlink()
    (project / "run.sh").chmod(0o600)
    (project / "empty/nested").rmdir()
    (project / "empty").rmdir()
    (project / "link").unlink()
    (project / "link").write_text("a file now")
    (project / "dangling").unlink()
    (project / "dangling").mkdir()
    (project / "names/--force").unlink()
    (project / "new/deep").mkdir(parents=True)
    (project / "new/deep/file").write_text("new")
    os.utime(project / "names/ünïcode", ns=(1, 1))


async def test_every_kind_of_edit_is_taken_back_bit_for_bit_and_again(context: Context, tree: Path) -> None:
    before = facts(tree)
    await snapshot(context, "start")
    mess(tree)
    messed = facts(tree)
    done = await rewind(context, "start")
    assert facts(tree) == before
    assert done.snapshot and done.to and done.paths > 5
    await rewind(context)
    assert facts(tree) == messed
    await rewind(context)
    assert facts(tree) == before


async def test_nothing_differs_is_an_empty_plan_that_says_so(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    plan = await rewind_plan(context, "start")
    assert plan.empty
    assert plan.summary.startswith("nothing to rewind: everything is as in ")


async def test_last_takes_back_a_covered_change_of_another_tool(context: Context, tree: Path) -> None:
    before = facts(tree)
    await change(context, append("src/app.py"), append("made.txt"))
    assert facts(tree) != before
    done = await rewind(context)
    assert facts(tree) == before
    assert "before `a change`" in done.summary


async def test_last_steps_over_commands_that_left_nothing_but_caches(context: Context, tree: Path) -> None:
    (tree / ".pytest_cache").mkdir()
    before = facts(tree, times=False)
    await change(context, append("src/app.py"), summary="an upgrade")
    for _ in range(2):
        await change(context, append(".pytest_cache/seen"), tool="run", summary="run pytest")
    plan = await rewind_plan(context)
    assert "before `an upgrade`" in plan.summary
    assert any("nothing but caches" in line for line in plan.warnings)
    await rewind(context)
    assert facts(tree, times=False) == before


async def test_last_takes_back_a_command_that_left_something(context: Context, tree: Path) -> None:
    await change(context, append("src/app.py"), summary="an upgrade")
    between = facts(tree, times=False)
    await change(context, append("made.txt"), tool="run", summary="run make")
    await rewind(context)
    assert facts(tree, times=False) == between


async def test_last_takes_back_a_command_that_left_only_system_packages(context: Context, tree: Path) -> None:
    (tree / ".pytest_cache").mkdir()
    listed = context.state.parent / "system.txt"
    listed.write_text("bash 5.2\n")
    await change(context, append("src/app.py"), summary="an upgrade")
    await change(context, append(".pytest_cache/seen"), tool="run", summary="run apt-get install hello")
    listed.write_text("bash 5.2\nhello 2.10\n")
    assert "before `run apt-get install hello`" in (await rewind_plan(context)).summary


async def test_last_takes_back_a_command_that_left_only_a_dotfile(context: Context, tree: Path) -> None:
    (tree / ".pytest_cache").mkdir()
    (context.home / ".bashrc").write_text("alias a=b\n")
    await change(context, append("src/app.py"), summary="an upgrade")
    await change(context, append(".pytest_cache/seen"), tool="run", summary="run ./setup-shell")
    (context.home / ".bashrc").write_text("alias a=c\n")
    assert "before `run ./setup-shell`" in (await rewind_plan(context)).summary


async def test_last_after_only_idle_commands_takes_back_the_last_of_them(context: Context, tree: Path) -> None:
    (tree / ".pytest_cache").mkdir()
    await change(context, append(".pytest_cache/seen"), tool="run", summary="run pytest")
    assert "before `run pytest`" in (await rewind_plan(context)).summary


async def test_last_takes_back_a_change_without_snapshot_by_its_inverse_and_does_it_again(
    context: Context, tree: Path
) -> None:
    await change(context, fact("the database listens on 5433"), tool="remember", summary="remember a fact")
    kept = context.state / "facts"
    assert kept.read_text() == "the database listens on 5433\n"
    before = facts(tree)
    done = await rewind(context)
    assert done.summary == "took back `remember a fact`"
    assert kept.read_text() == ""
    await rewind(context)
    assert kept.read_text() == "the database listens on 5433\n"
    await rewind(context)
    assert kept.read_text() == ""
    assert facts(tree) == before


async def test_last_takes_back_inverse_steps_and_files_of_one_change_together(context: Context, tree: Path) -> None:
    before = facts(tree)
    await change(context, fact("service started"), append("src/app.py"), summary="set up")
    after = facts(tree)
    await rewind(context)
    assert facts(tree) == before
    assert (context.state / "facts").read_text() == ""
    await rewind(context)
    assert facts(tree) == after
    assert (context.state / "facts").read_text() == "service started\n"


async def test_last_after_a_snapshot_forgets_it_when_nothing_changed_since(context: Context, tree: Path) -> None:
    made = await snapshot(context, "oops")
    done = await rewind(context)
    assert [s.label for s in snapshots_of(context)] == []
    assert made.snapshot in done.done[0]
    await rewind(context)
    assert [s.label for s in snapshots_of(context)] == ["oops"]


async def test_last_after_a_snapshot_goes_back_to_it_when_something_changed_since(context: Context, tree: Path) -> None:
    before = facts(tree)
    await snapshot(context)
    (tree / "src/app.py").unlink()
    await rewind(context)
    assert facts(tree) == before


async def test_a_compensated_change_is_not_the_last_one(context: Context, tree: Path) -> None:
    before = facts(tree)
    await change(context, append("src/app.py"))
    failed = await change(context, append("run.sh"), append("src/app.py", fail=True))
    assert failed.state == "compensated"
    await rewind(context)
    assert facts(tree) == before


async def test_a_stopped_change_can_be_taken_back(context: Context, tree: Path) -> None:
    before = facts(tree)
    stopped = await change(context, append("src/app.py", fail=True), tool="run", compensates=False)
    assert stopped.state == "stopped"
    await rewind(context)
    assert facts(tree) == before


async def test_a_change_that_nothing_can_take_back_is_said_and_not_stepped_over(context: Context, tree: Path) -> None:
    await change(context, append("src/app.py"))
    lost = fact("sent").model_copy(update={"inverse": ()})
    await change(context, lost, summary="send a mail")
    with pytest.raises(Failed, match="cannot be taken back: keep 'sent'"):
        await rewind(context)


async def test_only_paths_are_rewound_when_paths_are_named(context: Context, tree: Path) -> None:
    before = facts(tree, times=False)
    await snapshot(context, "start")
    mess(tree)
    await rewind(context, "start", paths=["src/app.py", str(tree / "empty")])
    now = facts(tree, times=False)
    for path in ("src/app.py", "empty", "empty/nested"):
        assert now[path] == before[path]
    assert "src/gone.py" not in now
    assert now["new/deep/file"][3] == b"new"


@pytest.mark.parametrize("path", ["../other", "src/../../etc", "/etc/passwd", "/project-evil/x", ""])
async def test_hostile_20_paths_outside_the_project_are_refused_by_component(
    context: Context, tree: Path, path: str
) -> None:
    await snapshot(context, "start")
    evil = tree.with_name(tree.name + "-evil")
    evil.mkdir()
    for given in (path, f"{tree}-evil"):
        with pytest.raises(Usage):
            await rewind_plan(context, "start", paths=[given])


async def test_hostile_44_a_path_that_never_was_is_an_error_not_an_empty_plan(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    with pytest.raises(Usage, match=r"there is no src/never\.py"):
        await rewind_plan(context, "start", paths=["src/never.py"])


async def test_hostile_18_symlink_to_etc_is_put_back_as_a_link_and_never_written_through(
    context: Context, tree: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("root\n")
    (tree / "conf").mkdir()
    (tree / "conf/passwd").write_text("ours\n")
    await snapshot(context, "start")
    (tree / "conf/passwd").unlink()
    (tree / "conf").rmdir()
    (tree / "conf").symlink_to(outside)
    await rewind(context, "start")
    assert (outside / "passwd").read_text() == "root\n"
    assert (tree / "conf/passwd").read_text() == "ours\n"
    assert not (tree / "conf").is_symlink()
    await rewind(context)
    assert os.readlink(tree / "conf") == str(outside)
    assert os.listdir(outside) == ["passwd"]


async def test_hostile_21_special_files_are_noted_and_never_read(context: Context, tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(tree)
        server.bind("socket")
        os.chdir(here)
        made = await snapshot(context, "start")
    assert any(line.startswith("pipe: ") for line in made.notices)
    (tree / "src/app.py").write_text("changed")
    (tree / "pipe").unlink()
    done = await rewind(context, "start")
    assert (tree / "src/app.py").read_text() == "print('one')\n"
    assert any(line.startswith("pipe: ") for line in done.kept)


async def test_hostile_05_names_are_escaped_in_the_preview(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    for path in (tree / "names").iterdir():
        path.write_text("edited")
    plan = await rewind_plan(context, "start")
    text = plan.model_dump_json() + "".join(plan.details) + "".join(plan.warnings)
    assert "\x1b" not in "".join([*plan.details, *plan.warnings])
    assert "~ names/with\\nnewline" in plan.details
    assert "~ names/esc\\x1b[31m" in plan.details
    assert text.isprintable() or "\n" not in "".join(plan.details)


async def test_hostile_27_user_edits_are_listed_and_kept_in_a_snapshot_taken_first(
    context: Context, tree: Path
) -> None:
    await snapshot(context, "start")
    await change(context, append("run.sh"))
    (tree / "src/app.py").write_text("hours of work")
    (tree / "precious.txt").write_text("more work")
    plan = await rewind_plan(context, "start")
    assert plan.risk == Risk.R2
    assert plan.captures
    (warning,) = [line for line in plan.warnings if line.startswith("overwritten or removed")]
    assert "src/app.py" in warning
    assert "precious.txt" in warning
    await rewind(context, "start")
    assert not (tree / "precious.txt").exists()
    await rewind(context)
    assert (tree / "src/app.py").read_text() == "hours of work"
    assert (tree / "precious.txt").read_text() == "more work"


async def test_hostile_30_an_approved_plan_is_stale_when_other_files_would_be_touched(
    context: Context, tree: Path
) -> None:
    await snapshot(context, "start")
    (tree / "src/app.py").write_text("edit")
    plan = await rewind_plan(context, "start")
    (tree / "run.sh").write_text("another edit")
    args = REWIND.args.model_validate({"to": "start"})
    with pytest.raises(Stale):
        await transactions(context).apply(plan.digest, lambda: REWIND.plan(args, context), context)  # pyright: ignore
    assert (tree / "src/app.py").read_text() == "edit"


async def test_plans_are_the_same_when_made_again(context: Context, tree: Path) -> None:
    install(tree, "werkzeug", "2.2.3")
    await snapshot(context, "start")
    mess(tree)
    install(tree, "werkzeug", "3.1.3")
    assert (await rewind_plan(context, "start")).digest == (await rewind_plan(context, "start")).digest


async def test_an_edit_during_the_rewind_stops_it_and_survives(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    mess(tree)
    messed = facts(tree, times=False)

    def edit(event: object) -> None:
        # Right after the transaction's own snapshot, while the tree is being put back.
        if "files:" in str(event):
            (tree / "src/app.py").write_text("typed just now")

    with pytest.raises(Failed, match=r"src/app\.py"):
        await rewind(replace(context, report=edit), "start")
    now = facts(tree, times=False)
    assert now.pop("src/app.py")[2:] == (0, b"typed just now")
    messed.pop("src/app.py")
    assert now == messed
    assert Journal(context.state).recent(1)[0].state == "compensated"


async def test_many_deletions_of_own_files_need_more_than_a_yes(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    for number in range(201):
        (tree / f"made-{number}").write_text("x")
        (tree / "node_modules").mkdir(exist_ok=True)
        (tree / "node_modules" / f"made-{number}").write_text("x")
    plan = await rewind_plan(context, "start")
    assert plan.risk == Risk.R3
    assert "removes 201 of your" in plan.reason
    for number in range(201):
        (tree / f"made-{number}").unlink()
    assert (await rewind_plan(context, "start")).risk == Risk.R2


async def test_the_preview_speaks_of_packages_not_of_thousands_of_files(context: Context, tree: Path) -> None:
    install(tree, "numpy", "1.26.4")
    await snapshot(context, "start")
    install(tree, "numpy", "2.3.1")
    for number in range(300):
        (tree / ".venv/lib/python3.11/site-packages" / f"part{number}.py").write_text("x")
    plan = await rewind_plan(context, "start")
    assert "numpy 2.3.1 → 1.26.4 (.venv)" in plan.summary
    assert len(plan.details) < 5
    assert plan.risk == Risk.R2


async def test_dotfiles_come_back_exactly_and_forward_again(context: Context, tree: Path, private: Path) -> None:
    (private / ".bashrc").write_text("export A=1\n")
    (private / ".gitconfig").write_text("[user]\n")
    (private / ".gitconfig").chmod(0o600)
    await snapshot(context, "start")
    (private / ".bashrc").write_text("export A=2\n")
    (private / ".gitconfig").unlink()
    done = await rewind(context, "start")
    assert "~/.bashrc" in done.summary
    assert (private / ".bashrc").read_text() == "export A=1\n"
    assert (private / ".gitconfig").stat().st_mode & 0o777 == 0o600
    await rewind(context)
    assert (private / ".bashrc").read_text() == "export A=2\n"
    assert not (private / ".gitconfig").exists()
    await rewind(context, "start", paths=["~/.bashrc"])
    assert (private / ".bashrc").read_text() == "export A=1\n"
    assert not (private / ".gitconfig").exists()


async def test_hostile_58_a_dotfile_with_a_secret_is_neither_stored_nor_overwritten(
    context: Context, tree: Path, private: Path
) -> None:
    (private / ".npmrc").write_text("registry=x\n")
    await snapshot(context, "start")
    secret = "npm_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    (private / ".npmrc").write_text(f"//registry/:_authToken={secret}\n")
    made = await snapshot(context, "later")
    assert any("~/.npmrc holds a secret" in line for line in made.notices)
    plan = await rewind_plan(context, "start")
    assert any("~/.npmrc holds a secret" in line for line in (*plan.warnings, plan.summary))
    (tree / "src/app.py").write_text("edit")
    await rewind(context, "start")
    assert secret in (private / ".npmrc").read_text()
    stored = b"".join(path.read_bytes() for path in context.state.rglob("*") if path.is_file())
    assert secret.encode() not in stored


async def test_system_packages_that_envsync_changed_go_back_and_others_are_only_told(
    context: Context, tree: Path
) -> None:
    system = context.state.parent / "system.txt"
    system.write_text("libc 2.36\nredis 7.0\n")
    await snapshot(context, "start")
    up = Step(
        kind="apt",
        does="install jq",
        args={"install": {"jq": "1.6"}, "remove": []},
        inverse=(Step(kind="apt", does="remove jq", args={"install": {}, "remove": ["jq"]}),),
    )
    await change(context, up, summary="install jq", system=True)
    assert "jq 1.6" in system.read_text()
    system.write_text(system.read_text().replace("libc 2.36", "libc 2.37"))
    plan = await rewind_plan(context, "start")
    assert any("1 system package changed by others" in line and "libc" in line for line in plan.warnings)
    assert plan.system
    await rewind(context, "start")
    assert system.read_text() == "libc 2.37\nredis 7.0\n"
    await rewind(context)
    assert "jq 1.6" in system.read_text()


async def test_rewinding_to_a_moment_keeps_facts_and_snapshots(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    await change(context, fact("remembered"), tool="remember", summary="remember a fact")
    await snapshot(context, "later")
    (tree / "src/app.py").write_text("edit")
    await rewind(context, "start")
    assert (context.state / "facts").read_text() == "remembered\n"
    assert {"start", "later"} <= {s.label for s in snapshots_of(context)}


async def test_restore_for_compensation_snapshots_first(context: Context, tree: Path) -> None:
    from envsync.tools.snapshot.take import capture, restore

    start = await capture(context)
    (tree / "src/app.py").write_text("edit")
    said = await restore(context, start)
    assert start in said
    assert (tree / "src/app.py").read_text() == "print('one')\n"
    await rewind(context, said.split()[-1])
    assert (tree / "src/app.py").read_text() == "edit"


async def test_unknown_arguments_and_a_missing_target_are_refused(context: Context, tree: Path) -> None:
    with pytest.raises(Usage, match="no snapshot of this project yet"):
        await rewind_plan(context, "start")
    with pytest.raises(Usage, match="nothing was changed here yet"):
        await rewind_plan(context, "last")
    await snapshot(context, "start")
    with pytest.raises(Usage, match="to which moment"):
        await rewind_plan(context, " ")
    with pytest.raises(ValueError, match="dry_run"):
        await call(REWIND, context, to="last", dry_run=True)


async def test_a_failing_scan_does_not_prevent_the_rewind(context: Context, tree: Path) -> None:
    async def broken(context: Context, scope: str = "all") -> Fingerprint:
        raise Failed("the scan broke")

    before = facts(tree)
    await snapshot(context, "start")
    mess(tree)
    blind = replace(context, observe=broken)
    plan = await rewind_plan(blind, "start")
    assert any("the scan failed now" in line for line in plan.warnings)
    await rewind(blind, "start")
    assert facts(tree) == before


async def test_from_a_directory_below_the_way_out_is_said(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    with pytest.raises(Usage, match="above it") as error:
        await rewind_plan(replace(context, path=tree / "src"), "last")
    local = context.host.name == "local"  # elsewhere nobody can go there
    assert error.value.hint == (f"Go there, or add: -C {tree}" if local else f"Add: --path {tree}")


def apt(name: str, was: str, now: str) -> Step:
    """A step of the system's packages with its inverse, as `provision` makes them; an empty version means not installed."""

    def args(version: str) -> dict[str, JsonValue]:
        return {"install": {name: version} if version else {}, "remove": [] if version else [name]}

    back = Step(kind="apt", does=f"{name} as it was", args=args(was))
    return Step(kind="apt", does=f"{name} {was} -> {now}", args=args(now), inverse=(back,))


async def test_a_version_that_apt_no_longer_offers_stays_and_is_said(context: Context, tree: Path) -> None:
    system = context.state.parent / "system.txt"
    system.write_text("libnowhere 1.0\n")
    await snapshot(context, "start")
    await change(context, apt("libnowhere", "1.0", "2.0"), summary="upgrade libnowhere", system=True)
    await change(context, append("src/app.py"))
    plan = await rewind_plan(context, "start")
    assert plan.warnings[-1] == "apt no longer offers libnowhere 1.0, which therefore stay as they are"
    await rewind(context, "start")
    assert system.read_text() == "libnowhere 2.0\n"


async def test_what_apt_did_by_hand_goes_back_and_what_came_later_stays(context: Context, tree: Path) -> None:
    system = context.state.parent / "system.txt"
    system.write_text("libc 2.36\n")
    await snapshot(context, "start")
    step = append("src/app.py").model_copy(
        update={"args": {"file": "src/app.py", "text": "x", "argv": ["sudo", "apt-get"]}}
    )
    await change(context, step, tool="run", summary="run sudo apt-get install jq")
    system.write_text("jq 1.6\nlibc 2.36\n")
    await change(context, append("src/app.py"))
    system.write_text("jq 1.6\nlibc 2.37\n")
    await rewind(context, "start")
    assert system.read_text() == "libc 2.37\n"
    await rewind(context)
    assert system.read_text() == "jq 1.6\nlibc 2.37\n"


async def test_a_project_that_was_deleted_as_a_whole_comes_back(context: Context, tree: Path) -> None:
    before = facts(tree)
    made = await snapshot(context)
    shutil.rmtree(tree)
    tree.mkdir()
    await rewind(context, made.snapshot)
    assert facts(tree) == before


async def test_hostile_22_deep_nesting_and_long_names_are_rewound(context: Context, project: Path) -> None:
    here = os.getcwd()
    os.chdir(project)
    try:
        for _ in range(1100):
            os.mkdir("d" * 20)
            os.chdir("d" * 20)
        Path("x" * 255).write_text("one")
        bottom = os.open(".", os.O_RDONLY)
    finally:
        os.chdir(here)
    try:
        await snapshot(context, "start")
        os.unlink("x" * 255, dir_fd=bottom)
        plan = await rewind_plan(context, "start")
        assert len(plan.model_dump_json()) < 200_000
        await rewind(context, "start")
        with os.fdopen(os.open("x" * 255, os.O_RDONLY, dir_fd=bottom)) as file:
            assert file.read() == "one"
    finally:
        os.close(bottom)
        subprocess.run(["rm", "-rf", "--", str(project)], check=True)


async def test_a_directory_with_something_no_snapshot_covers_is_kept_and_said(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    (tree / "made").mkdir()
    (tree / "made/big.bin").write_text("left out of every snapshot")
    left_out = replace(context, environ={"ENVSYNC_SNAPSHOT_EXCLUDE": "made/big.bin"})
    done = await rewind(left_out, "start")
    assert (tree / "made/big.bin").read_text() == "left out of every snapshot"
    assert [line.split(":")[0] for line in done.kept] == ["made"]


async def test_words_for_a_time_give_the_same_plan_a_moment_later(context: Context, tree: Path) -> None:
    await snapshot(context)
    mess(tree)
    first = await rewind_plan(context, "3 hours ago")
    assert first.warnings[0].startswith("no snapshot is as old as '3 hours ago'")
    await asyncio.sleep(1.1)
    assert (await rewind_plan(context, "3 hours ago")).digest == first.digest


async def test_last_with_paths_right_after_a_snapshot_takes_them_from_it(context: Context, tree: Path) -> None:
    await snapshot(context)
    mess(tree)
    await rewind(context, "last", paths=["src"])
    assert (tree / "src/app.py").read_text() == "print('one')\n"
    assert (tree / "new/deep/file").exists()


async def test_a_moment_that_no_snapshot_is_as_old_as_is_said_in_the_answer_too(context: Context, tree: Path) -> None:
    await snapshot(context)
    assert "no snapshot is as old as 'yesterday'" in (await rewind_plan(context, "yesterday")).summary
    mess(tree)
    done = await rewind(context, "yesterday")
    assert done.notes[0].startswith("no snapshot is as old as 'yesterday'")


async def test_a_moment_before_an_undone_snapshot_does_not_bring_that_back(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    mess(tree)
    await snapshot(context, "oops")
    await rewind(context)
    await rewind(context, "start")
    assert [s.label for s in snapshots_of(context) if s.label] == ["start"]


async def test_a_new_fifo_is_not_counted_among_the_files_that_are_removed(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    os.mkfifo(tree / "pipe")
    (tree / "new").write_text("one")
    done = await rewind(context, "start")
    assert "1 new file removed" in done.summary and (tree / "pipe").exists() and not (tree / "new").exists()
    assert done.notes == ("pipe stays: a FIFO, socket or device is in no snapshot",)


async def test_a_snapshot_that_holds_an_edited_dotfile_is_not_forgotten_by_undo(
    context: Context, tree: Path, private: Path
) -> None:
    (private / ".bashrc").write_text("alias x=y\n")
    await snapshot(context, "dot")
    (private / ".bashrc").write_text("alias x=z\n")
    await rewind(context)
    assert (private / ".bashrc").read_text() == "alias x=y\n"
    assert "dot" in {s.label for s in snapshots_of(context)}


async def test_an_environment_that_goes_as_a_whole_is_removed_and_not_restored(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    (tree / "node_modules/one").mkdir(parents=True)
    (tree / "node_modules/one/index.js").write_text("1")
    assert "3 generated files removed" in (await rewind(context, "start")).done[0]
    assert "3 generated files back" in (await rewind(context)).done[0]


async def test_last_is_not_an_older_change_when_the_newest_was_made_in_a_part_of_the_project(
    context: Context, tree: Path
) -> None:
    """An install in `frontend`, and `undo that` above it took back the change before, which deleted the frontend."""
    await snapshot(context, "start")
    await change(context, append("src/app.py"))
    part = replace(context, path=tree / "src")
    await change(part, append("app.py"))
    with pytest.raises(Usage, match=r"the last change was made in .*/src") as caught:
        await rewind_plan(context, "last")
    assert "--path" in caught.value.hint
    assert not (await rewind_plan(part, "last")).empty
