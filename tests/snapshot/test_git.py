"""Rewinding a project under git: files go back, commits are never lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from rewinding import append, change, facts, rewind, rewind_plan, snapshot

from envsync.tools.contract import Context


def git(at: Path, *words: str) -> str:
    argv = ["git", "-C", str(at), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def tree(project: Path) -> Path:
    git(project, "init", "-q", "-b", "main")
    (project / "app.py").write_text("one\n")
    git(project, "add", ".")
    git(project, "commit", "-qm", "first")
    return project


def status(tree: Path) -> str:
    return git(tree, "status", "--porcelain")


async def test_commits_made_since_stay_while_the_files_go_back(context: Context, tree: Path) -> None:
    first = git(tree, "rev-parse", "HEAD")
    await snapshot(context, "start")
    (tree / "app.py").write_text("two\n")
    git(tree, "commit", "-qam", "second")
    second = git(tree, "rev-parse", "HEAD")
    plan = await rewind_plan(context, "start")
    assert any("commits made since stay" in line and first[:9] in line and second[:9] in line for line in plan.warnings)
    await rewind(context, "start")
    assert (tree / "app.py").read_text() == "one\n"
    assert git(tree, "rev-parse", "HEAD") == second
    assert git(tree, "fsck", "--no-dangling") == ""
    assert status(tree) == "M app.py"
    await rewind(context)
    assert (tree / "app.py").read_text() == "two\n"
    assert status(tree) == ""


async def test_a_checkout_is_taken_back_with_its_branch_and_index(context: Context, tree: Path) -> None:
    (tree / "staged.py").write_text("staged\n")
    git(tree, "add", "staged.py")
    before = facts(tree, times=False)
    await snapshot(context, "start")
    git(tree, "switch", "-qc", "topic")
    (tree / "app.py").write_text("topic\n")
    git(tree, "commit", "-qam", "on topic")
    topic = git(tree, "rev-parse", "topic")
    await rewind(context, "start")
    assert git(tree, "branch", "--show-current") == "main"
    assert (tree / "app.py").read_text() == before["app.py"][3].decode()
    assert status(tree) == "A  staged.py"
    assert git(tree, "rev-parse", "topic") == topic
    await rewind(context)
    assert git(tree, "branch", "--show-current") == "topic"
    assert (tree / "app.py").read_text() == "topic\n"
    assert status(tree) == ""


async def test_staging_is_taken_back_but_a_mere_git_status_is_no_change(context: Context, tree: Path) -> None:
    await snapshot(context, "start")
    (tree / "app.py").touch()
    git(tree, "status")
    (tree / "new.py").write_text("new")
    git(tree, "add", "new.py")
    assert status(tree) == "A  new.py"
    await rewind(context, "start")
    assert status(tree) == ""
    assert not (tree / "new.py").exists()
    git(tree, "status")
    assert (await rewind_plan(context, "start")).empty


async def test_a_deleted_repository_comes_back_whole(context: Context, tree: Path) -> None:
    head = git(tree, "rev-parse", "HEAD")
    await snapshot(context, "start")
    subprocess.run(["rm", "-rf", "--", str(tree / ".git")], check=True)
    await rewind(context, "start")
    assert git(tree, "rev-parse", "HEAD") == head
    assert git(tree, "fsck") == ""


async def test_a_branch_that_is_gone_is_said_and_head_stays(context: Context, tree: Path) -> None:
    git(tree, "switch", "-qc", "doomed")
    await snapshot(context, "start")
    git(tree, "switch", "-q", "main")
    git(tree, "branch", "-qD", "doomed")
    (tree / "app.py").write_text("edit\n")
    plan = await rewind_plan(context, "start")
    assert any("branch doomed is gone" in line for line in plan.warnings)
    await rewind(context, "start")
    assert git(tree, "branch", "--show-current") == "main"


async def test_a_repository_made_since_stays_when_it_has_commits(context: Context, project: Path) -> None:
    (project / "app.py").write_text("one\n")
    await change(context, append("app.py"))
    git(project, "init", "-q")
    await rewind(context)
    assert not (project / ".git").exists()
    await snapshot(context, "start")
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "work")
    (project / "app.py").write_text("two\n")
    plan = await rewind_plan(context, "start")
    assert any(".git was made since and has commits, so it stays" in line for line in plan.warnings)
    await rewind(context, "start")
    assert git(project, "log", "--format=%s") == "work"


async def test_a_clone_goes_with_its_directory_and_comes_back(context: Context, tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(tree), str(other))
    await snapshot(context, "start")
    git(tmp_path, "clone", "-q", str(other), str(tree / "vendor"))
    await rewind(context, "start")
    assert not (tree / "vendor").exists()
    await rewind(context)
    assert git(tree / "vendor", "log", "--format=%s") == "first"


async def test_packed_refs_are_understood(context: Context, tree: Path) -> None:
    git(tree, "branch", "other")
    git(tree, "pack-refs", "--all")
    await snapshot(context, "start")
    git(tree, "switch", "-q", "other")
    await rewind(context, "start")
    assert git(tree, "branch", "--show-current") == "main"
