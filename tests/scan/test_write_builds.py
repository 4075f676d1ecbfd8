"""Dockerfiles that EnvSync writes, built by a real engine and run: the service answers, as nobody important."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.engine import docker
from tests.lab.images import debian

from .writing import make, texts

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("builds")]

NAMES = ("python:3.11", "python:3.11-slim")
PROJECTS: dict[str, dict[str, str]] = {
    "requirements": {
        "requirements.txt": "flask>=3,<4\ngunicorn>=23\n",
        ".python-version": "3.11\n",
        "app.py": "from flask import Flask\napp = Flask(__name__)\n\n@app.get('/health')\ndef health():\n    return 'well'\n",
        "Procfile": "web: gunicorn app:app --bind 0.0.0.0:8000\n",
    },
    "two folders and no build system": {
        "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11,<3.12"\ndependencies = ["fastapi", "uvicorn"]\n',
        "core/__init__.py": "WORD = 'well'\n",
        "app/__init__.py": "",
        "app/main.py": "from fastapi import FastAPI\nfrom core import WORD\napp = FastAPI()\n\n@app.get('/health')\ndef health():\n    return WORD\n",
    },
}


def _client() -> str:
    """A docker command that builds with BuildKit: one with buildx, or Debian's, which has it built in."""
    for name in ("docker", "/usr/bin/docker"):
        path = shutil.which(name)
        if path and b"buildx" in subprocess.run([path, "buildx", "version"], capture_output=True, check=False).stdout:
            return path
    return "/usr/bin/docker"


@pytest.fixture(scope="module")
def python(_engine: object) -> Iterator[str]:
    """The engine's address, with images that bear the official names and are made of Debian's packages."""
    address = str(getattr(_engine, "address", ""))
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    lines = [
        f"FROM {debian(address)}",
        f"ENV PIP_CERT={bundle} SSL_CERT_FILE={bundle} PIP_BREAK_SYSTEM_PACKAGES=1 DEBIAN_FRONTEND=noninteractive",
        "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv python3-pip python-is-python3 >/dev/null",
    ]
    tags = [word for name in NAMES for word in ("--tag", name)]
    done = subprocess.run(
        [_client(), "build", "--quiet", "--network", "host", *tags, "-"],
        input="\n".join(lines).encode(),
        env=_env(address),
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    yield address
    docker("image", "rm", "--force", *NAMES, address=address)


def _env(address: str) -> dict[str, str]:
    return {**os.environ, "DOCKER_BUILDKIT": "1", **({"DOCKER_HOST": address} if address else {})}


@pytest.mark.parametrize("name", PROJECTS)
def test_what_is_written_builds_and_answers(name: str, python: str, tmp_path: Path) -> None:
    root = tmp_path / "project"
    for path, text in texts(make(root, PROJECTS[name], "dockerfile")).items():
        # The first line would have the engine fetch the newest reader of Dockerfiles; its own knows all that we write.
        (root / path).write_text(text.replace("# syntax=docker/dockerfile:1\n", ""))
    tag = f"envsync-lab:{re.sub('[^a-z]', '-', name)}"
    argv = [_client(), "build", "--quiet", "--network", "host", "--label", "envsync.lab=1", "--tag", tag, str(root)]
    done = subprocess.run(argv, env=_env(python), capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()[-4000:]
    shutil.rmtree(root)
    id = docker("run", "--detach", "--publish", "127.0.0.1::8000", tag, address=python)
    try:
        assert docker("exec", id, "id", "-un", address=python) == "app"
        ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/health', timeout=2).read().decode())"
        said, until = "", time.monotonic() + 30
        while "well" not in said and time.monotonic() < until:
            try:
                said = docker("exec", id, "python", "-c", ask, address=python)
            except subprocess.CalledProcessError:
                time.sleep(0.3)
        assert "well" in said, docker("logs", id, address=python)
    finally:
        docker("rm", "--force", id, address=python)
