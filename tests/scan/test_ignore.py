"""The walk ignores exactly what git ignores: git itself is the judge."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsync.tools.scan.project import wants
from envsync.tools.scan.tree import collect

PART = st.sampled_from(["a", "b", "c.py", "d.log", "ab", "a b", ".x", "a.py.log"])
PATH = st.lists(PART, min_size=1, max_size=4).map("/".join)
PATTERN = st.one_of(
    st.sampled_from(
        ["*", "*.py", "!*.py", "/a", "a/", "!a/", "**/b", "a/**", "a/**/b", "*.log", "!d.log", "# c", "", "a*", "[ab]", "?", "/*", "!/a",
         "a/b", "b/*", "\\#x", " a", "a b", "a\\ b", "*.p?", "/a/*", "!/a/b", "**", "!**/c.py", "a//b", "*.py.log", "/**/c.py"]
    ),
    PATH,
)  # fmt: skip
IGNORE = st.lists(PATTERN, max_size=5).map("\n".join)


def judged(root: Path) -> set[str]:
    """What git would add."""
    env = {"HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(root)}
    given = subprocess.run(
        ["git", "ls-files", "-co", "-z", "--exclude-standard"], cwd=root, env=env, capture_output=True, check=True
    )
    return {name for name in given.stdout.decode().split("\0") if name}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ignore")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    paths=st.sets(PATH, min_size=1, max_size=12),
    ignores=st.dictionaries(st.sampled_from(["", "a/", "a/b/", "ab/"]), IGNORE, max_size=3),
)
def test_same_files_as_git(repository: Path, paths: set[str], ignores: dict[str, str]) -> None:
    for entry in repository.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for path in sorted(paths):
        at = repository / path
        if any(parent.is_file() for parent in at.parents if repository in parent.parents) or at.is_dir():
            continue
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text("x")
    for folder, text in ignores.items():
        if (repository / folder).is_dir():
            (repository / folder / ".gitignore").write_text(text + "\n")
    assert set(collect(str(repository), wants()).files) == judged(repository)
