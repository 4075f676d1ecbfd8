"""A project of several parts: set up by words with real databases and packages, killed at any moment, and taken back."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.require import lacks

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("several")]
BIN = Path(sys.executable).parent
FILES = {
    "api/pyproject.toml": '[project]\nname = "shop-api"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["fastapi", "uvicorn", "psycopg[binary]"]\n'
    '[dependency-groups]\ndev = ["pytest", "httpx"]\n[tool.pytest.ini_options]\npythonpath = ["."]\n',
    "api/app/__init__.py": "",
    "api/app/main.py": "import os\nimport psycopg\nfrom fastapi import FastAPI\napp = FastAPI()\n\n@app.get('/health')\ndef health():\n"
    "    with psycopg.connect(os.environ['DATABASE_URL']) as db:\n        return {'db': db.execute('select 1').fetchone()[0]}\n",
    "api/tests/test_health.py": "from fastapi.testclient import TestClient\nfrom app.main import app\n\n"
    "def test_health():\n    assert TestClient(app).get('/health').json() == {'db': 1}\n",
    "worker/requirements.txt": "rq>=1.16\nredis>=5\n",
    "worker/worker.py": "import os\nfrom redis import Redis\nfrom rq import Worker\n\nif __name__ == '__main__':\n"
    "    Worker(['default'], connection=Redis.from_url(os.environ['REDIS_URL'])).work()\n",
    "web/package.json": '{"name": "shop-web", "private": true, "scripts": {"test": "node --test"}, "dependencies": {"nanoid": "^3.3.0"}}',
    "web/sum.test.js": "const test = require('node:test');\nconst {nanoid} = require('nanoid');\ntest('id', () => { if (nanoid().length !== 21) throw 1; });\n",
    ".gitignore": ".env\n.venv\nnode_modules\n",
}


def envsync(project: Path, *words: str, program: str = "envsync") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [BIN / program, *words], cwd=project, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )
    print(f"$ {program} {' '.join(words)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """The project; what was started for it is ended after the test, whatever became of it."""
    for program, package in (("psql", "postgresql"), ("redis-server", "redis-server"), ("node", "nodejs")):
        if shutil.which(program) is None:
            lacks("services", f"there is no {program} here (on Debian: apt-get install {package})")
    project = tmp_path / "shop"
    for name, text in FILES.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    yield project
    for made in services(project):
        subprocess.run(
            [BIN / "envsync", "rewind", "--to", "before", "--yes"], cwd=project, capture_output=True, timeout=300
        )
        print(f"left over: {made}")
        break


def services(project: Path) -> list[str]:
    """The servers that EnvSync says it made, with how they are."""
    made = json.loads(envsync(project, "status", "--json").stdout)["made"]
    return [f"{each['name']} {each['runs']}" for each in made if each["project"] == str(project)]


def own(project: Path) -> set[str]:
    return {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}


def test_words_set_it_up_and_take_it_back(shop: Path) -> None:
    before = own(shop)
    assert envsync(shop, "snapshot", "--label", "before").returncode == 0
    done = envsync(shop, "set this project up", "--yes", "--json", program="ask")
    assert done.returncode == 0
    result = json.loads(done.stdout)["results"][0]
    assert {check["service"]: check["passed"] for check in result["checks"]} == {"api": True, "web": True}
    assert [line.split("-")[0] for line in services(shop)] == ["postgresql", "redis"]
    assert "nothing to do" in envsync(shop, "provision", "--plan").stdout
    assert "DATABASE_URL=postgresql://" in (shop / ".env").read_text()
    password = (shop / ".env").read_text().split("://")[1].split("@")[0].rpartition(":")[2]
    state = Path(os.environ.get("ENVSYNC_STATE") or Path(os.environ["HOME"]) / ".local/state/envsync")
    assert password.encode() not in (state / "journal.db").read_bytes(), "no secret reaches the journal"
    assert envsync(shop, "undo that", "--yes", program="ask").returncode == 0
    assert own(shop) == before and services(shop) == []


def test_killed_at_any_moment_it_is_finished_by_asking_again(shop: Path) -> None:
    before, chance = own(shop), random.Random(5)
    assert envsync(shop, "snapshot", "--label", "before").returncode == 0
    for _ in range(5):
        run = subprocess.Popen(
            [BIN / "envsync", "provision", "--yes"], cwd=shop, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(chance.uniform(1.0, 9.0))
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    assert envsync(shop, "provision", "--yes").returncode == 0
    assert "nothing to do" in envsync(shop, "provision", "--plan").stdout
    done = subprocess.run(
        [shop / "api/.venv/bin/python", "-m", "pytest", "-q"], cwd=shop / "api", capture_output=True, text=True,
        env={**os.environ, **dict(line.split("=", 1) for line in (shop / ".env").read_text().splitlines() if "=" in line)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert envsync(shop, "rewind", "--to", "before", "--yes").returncode == 0
    assert own(shop) == before and services(shop) == []
