"""Stories on real projects from the registries, told through the installed commands as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
BIN = Path(sys.executable).parent


def say(words: str, cwd: Path, *flags: str) -> tuple[int, str]:
    """`ask` in a project; returns the exit code and the answer."""
    done = subprocess.run(
        [BIN / "ask", *flags, words], cwd=cwd, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )
    print(f"$ ask {words}\n{done.stdout}\n{done.stderr[-2000:]}")
    return done.returncode, done.stdout


def unpack_sdist(name: str, version: str, into: Path) -> Path:
    """Fetch a source distribution from the package index, and unpack it."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            name,
            "-d",
            into,
            f"{name}=={version}",
        ],
        check=True,
        timeout=300,
        capture_output=True,
    )
    (archive,) = into.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(into, filter="data")
    return into / f"{name}-{version}"


def passes(project: Path, *files: str) -> bool:
    """Run the project's own tests with the project's own environment, outside of EnvSync."""
    done = subprocess.run(
        [project / ".venv/bin/python", "-m", "pytest", "-q", "-x", *files],
        cwd=project,
        capture_output=True,
        timeout=300,
    )
    return done.returncode == 0


def test_set_up_upgrade_break_and_undo(tmp_path: Path) -> None:
    project = unpack_sdist("fastapi", "0.95.2", tmp_path)
    own = ("tests/test_path.py", "tests/test_query.py", "tests/test_validate_response.py")

    code, answer = say("what does this project need to run, and what is missing here?", project)
    assert code == 0 and "pydantic" in answer

    code, answer = say("set this project up", project)
    assert code == 3 and not (project / ".venv").exists(), "without a terminal and without --yes nothing may change"

    code, answer = say("set this project up", project, "--yes")
    assert code == 0, answer
    assert passes(project, *own)
    assert say("set this project up", project, "--yes", "--json")[0] == 0

    code, answer = say("upgrade pydantic", project, "--yes")
    assert code == 0 and "1.10" in answer
    assert not passes(project, *own), "pydantic 2 breaks this version of fastapi: if not, the story proves nothing"

    code, answer = say("what changed?", project)
    assert code == 5 and "pydantic" in answer and "1.10" in answer

    code, answer = say("undo that", project, "--yes")
    assert code == 0, answer
    assert passes(project, *own)
    assert "pydantic" in say("history", project)[1]


def test_a_deleted_file_an_edit_and_a_run_come_back(tmp_path: Path) -> None:
    project = unpack_sdist("itsdangerous", "2.2.0", tmp_path)
    source = project / "src/itsdangerous/signer.py"
    before = source.read_bytes()
    assert say("take a snapshot called good", project)[0] == 0
    source.unlink()
    (project / "pyproject.toml").write_text("broken")
    os.chmod(project / "README.md", 0o600)

    code, answer = say("what changed?", project, "--json")
    assert code == 5
    assert "signer.py" in json.dumps(json.loads(answer))
    code, _ = say(f"run {sys.executable} -c \"open('made','w').write('x')\"", project, "--yes")
    assert code == 0 and (project / "made").exists()
    assert say("undo that", project, "--yes")[0] == 0
    assert not (project / "made").exists()
    assert (project / "pyproject.toml").read_text() == "broken"

    assert say("go back to good", project, "--yes")[0] == 0
    assert source.read_bytes() == before
    assert (project / "README.md").stat().st_mode & 0o777 != 0o600


def test_a_node_project_is_set_up_changed_and_taken_back(tmp_path: Path) -> None:
    done = subprocess.run(
        ["npm", "pack", "--silent", "cra-template@1.2.0"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / done.stdout.strip()) as tar:
        tar.extractall(tmp_path, filter="data")
    project = tmp_path / "package"
    # The template is no package to install: a small one that uses what it ships is.
    (project / "package.json").write_text(
        json.dumps({"name": "page", "version": "1.0.0", "private": True, "dependencies": {"web-vitals": "^2.1.0"}})
    )
    assert say("install everything this needs", project, "--yes")[0] == 0
    installed = project / "node_modules/web-vitals/package.json"
    assert json.loads(installed.read_text())["version"].startswith("2.")
    assert say("upgrade web-vitals", project, "--yes")[0] == 0
    assert not json.loads(installed.read_text())["version"].startswith("2.")
    assert say("undo that", project, "--yes")[0] == 0
    assert json.loads(installed.read_text())["version"].startswith("2.")
    assert json.loads((project / "package.json").read_text())["dependencies"]["web-vitals"] == "^2.1.0"
