"""Git's facts equal git's own words, in every state a repository can be in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from envsync.tools.contract import Context
from envsync.tools.fingerprint import Git
from envsync.tools.scan.git import state

from .conftest import fill


def git(at: Path, *argv: str) -> str:
    env = {"HOME": str(at), "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    given = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *argv],
        cwd=at,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    return given.stdout.strip()


@pytest.fixture
def repository(project: Path) -> Path:
    git(project, "init", "-q", "-b", "main")
    fill(project, {"a.txt": "1", "sub/b.txt": "1"})
    git(project, "add", ".")
    git(project, "commit", "-qm", "first")
    return project


async def test_outside_of_a_repository(context: Context) -> None:
    assert await state(context) is None


async def test_unborn_branch(project: Path, context: Context) -> None:
    git(project, "init", "-q", "-b", "fresh")
    assert await state(context) == Git(head="", branch="fresh", index="", dirty=False)


async def test_clean_then_edited_then_untracked(repository: Path, context: Context) -> None:
    clean = await state(context)
    assert clean and (clean.head, clean.branch, clean.dirty) == (git(repository, "rev-parse", "HEAD"), "main", False)
    assert len(clean.index) == 64
    fill(repository, {"new.txt": ""})
    assert (await state(context)).dirty  # type: ignore[union-attr]


async def test_packed_refs_and_detached_head(repository: Path, context: Context) -> None:
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "pack-refs", "--all")
    assert (await state(context)).head == head  # type: ignore[union-attr]
    git(repository, "checkout", "-q", "--detach")
    found = await state(context)
    assert found and (found.head, found.branch) == (head, "")


async def test_linked_worktree(repository: Path, context: Context, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    from dataclasses import replace

    found = await state(replace(context, path=tmp_path / "linked"))
    assert found and (found.head, found.branch, found.dirty) == (git(repository, "rev-parse", "HEAD"), "other", False)


async def test_subdirectory_sees_its_own_changes_only(repository: Path, context: Context) -> None:
    from dataclasses import replace

    below = replace(context, path=repository / "sub")
    fill(repository, {"a.txt": "22"})
    found = await state(below)
    assert found and found.branch == "main" and not found.dirty
    fill(repository, {"sub/b.txt": "22"})
    assert (await state(below)).dirty  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["gitdir: /etc", "gitdir: ../../..", "nonsense", "gitdir: ", "\0"])
async def test_a_git_file_that_points_nowhere_is_no_repository(project: Path, context: Context, text: str) -> None:
    fill(project, {".git": text})
    assert await state(context) is None


async def test_a_ref_that_climbs_out_is_not_read(project: Path, context: Context, tmp_path: Path) -> None:
    fill(tmp_path, {"secret": "a" * 40})
    fill(project, {".git/HEAD": "ref: ../../secret\n", ".git/config": ""})
    found = await state(context)
    assert found is None or found.head == ""
