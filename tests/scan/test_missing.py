"""Declared versus present: every kind of lack, its fix, and that what is there is not called missing."""

from __future__ import annotations

import socket
from pathlib import Path

from envsync.tools.contract import Context
from envsync.tools.made.ledger import Ledger, Made

from .conftest import Scan, fill, lacks, only, program, told

DIST = "lib/python3.12/site-packages/{}-{}.dist-info/METADATA"


def venv(root: Path, packages: dict[str, str], version: str = "3.12.1", name: str = ".venv") -> None:
    """A virtual environment as far as its files say what it holds."""
    files = {
        DIST.format(n, v): f"Metadata-Version: 2.1\nName: {n}\nVersion: {v}\n\nText\nVersion: 9\n"
        for n, v in packages.items()
    }
    fill(root / name, {"pyvenv.cfg": f"home = /usr/bin\nversion = {version}\n", **files})


async def test_runtime_that_does_not_satisfy(scan: Scan) -> None:
    project = await scan(
        {
            "pyproject.toml": '[project]\nname="x"\nrequires-python=">=3.13"\n',
            "package.json": '{"engines":{"node":"^18 || ^20"}}',
        }
    )
    runtime = lacks(project, "runtime")
    assert set(runtime) == {"python"}
    assert (runtime["python"].actual, runtime["python"].fix) == ("3.12.1", "envsync provision --runtimes python@3.13")


async def test_packages_of_a_venv_by_name_and_version(scan: Scan, project: Path) -> None:
    venv(project, {"Flask": "3.0.0", "numpy": "2.1.0"})
    found = await scan({"requirements.txt": "flask>=2\nnumpy==1.26.4\nRequests\nwinonly; sys_platform=='win32'\n"})
    packages = lacks(found, "packages")
    assert {n: (m.wanted, m.actual) for n, m in packages.items()} == {
        "numpy": ("==1.26.4", "2.1.0"),
        "requests": ("", ""),
    }


async def test_everything_there_means_nothing_missing(scan: Scan, project: Path, context: Context) -> None:
    venv(project, {"flask": "3.0.0"})
    assert not (await scan({"requirements.txt": "flask==3.*\n", "app.py": "import flask"})).missing
    assert (await told(context)).summary.endswith("everything it needs to run is here.")


async def test_a_half_removed_package_is_missing(scan: Scan, project: Path) -> None:
    venv(project, {"flask": "3.0.0"})
    (project / ".venv" / DIST.format("flask", "3.0.0")).unlink()
    assert set(lacks(await scan({"requirements.txt": "flask\n"}), "packages")) == {"flask"}


async def test_locked_version_beside_another_installed_one(scan: Scan, project: Path) -> None:
    venv(project, {"flask": "3.0.0", "werkzeug": "3.0.0"})
    lock = "".join(
        f'\n[[package]]\nname = "{n}"\nversion = "{v}"\n'
        for n, v in {"flask": "3.0.0", "werkzeug": "3.1.0", "colorama": "0.4"}.items()
    )
    found = await scan({"pyproject.toml": '[project]\nname="x"\ndependencies=["flask"]\n', "uv.lock": lock})
    packages = lacks(found, "packages")
    assert {n: (m.wanted, m.actual) for n, m in packages.items()} == {"werkzeug": ("==3.1.0", "3.0.0")}


async def test_pins_of_a_requirements_lock(scan: Scan, project: Path) -> None:
    venv(project, {"flask": "3.0.0", "werkzeug": "3.0.0"})
    pins = "# made by uv\nflask==3.0.0\nwerkzeug==3.1.0 \\\n    --hash=sha256:0\n    # via flask\ncolorama==0.4 ; sys_platform == 'win32'\n"
    found = await scan({"pyproject.toml": '[project]\nname="x"\ndependencies=["flask"]\n', "requirements.lock": pins})
    assert {n: m.wanted for n, m in lacks(found, "packages").items()} == {"werkzeug": "==3.1.0"}
    assert only(found).lockfiles == ("requirements.lock",)


async def test_node_modules_by_range_lockfile_and_scope(scan: Scan) -> None:
    modules = {"express": "4.18.0", "@a/b": "1.0.0", "left": "1.0.0"}
    found = await scan(
        {
            "package.json": '{"name":"x","private":true,"dependencies":{"express":"^4.17","@a/b":"~2.0","gone":"*","w":"workspace:*"}}',
            "package-lock.json": '{"packages":{"":{},"node_modules/left":{"version":"1.0.1"},"node_modules/opt":{"version":"1","optional":true}}}',
            **{f"node_modules/{n}/package.json": f'{{"name":"{n}","version":"{v}"}}' for n, v in modules.items()},
            "node_modules/w/package.json": "{}",
            "node_modules/.bin/x": "",
        }
    )
    packages = lacks(found, "packages")
    assert {n: m.actual for n, m in packages.items()} == {"@a/b": "1.0.0", "gone": "", "left": "1.0.0"}


async def test_pnpm_links_are_followed_inside_the_project_only(scan: Scan, project: Path, tmp_path: Path) -> None:
    fill(project, {"node_modules/.pnpm/a@1/node_modules/a/package.json": '{"version":"1.0.0"}'})
    fill(tmp_path / "outside", {"package.json": '{"version":"6.6.6"}'})
    (project / "node_modules/a").symlink_to(".pnpm/a@1/node_modules/a")
    (project / "node_modules/evil").symlink_to(tmp_path / "outside")
    found = await scan({"package.json": '{"name":"x","dependencies":{"a":"1","evil":"6"}}'})
    assert set(lacks(found, "packages")) == {"evil"}


async def test_tool_of_the_lockfile(scan: Scan, bin: Path) -> None:
    (bin / "uv").unlink()
    found = await scan(
        {
            "pyproject.toml": '[project]\nname="x"\n',
            "uv.lock": "",
            "web/package.json": '{"dependencies":{"next":"1"}}',
            "web/yarn.lock": "",
        }
    )
    assert set(lacks(found, "tool")) == {"uv", "yarn"}
    program(bin, "uv", "echo uv 0.9")
    assert set(lacks(await scan(), "tool")) == {"yarn"}


async def test_what_makes_an_environment_is_not_missing_once_it_is_there(scan: Scan, project: Path, bin: Path) -> None:
    (bin / "uv").unlink()
    files = {"pyproject.toml": '[project]\nname="x"\n', "uv.lock": ""}
    assert set(lacks(await scan(files), "tool")) == {"uv"}
    venv(project, {})
    assert not (await scan()).missing


async def test_variables_of_the_example_unless_set(scan: Scan) -> None:
    files = {".env.example": "A_KEY=\nB_KEY=\nC_KEY=\nPORT=1\n", ".env": "B_KEY=1\nC_KEY=\n", "app.py": "x=1"}
    assert set(lacks(await scan(files, A_KEY="x"), "variable")) == {"C_KEY"}


async def test_database_that_answers_is_not_missing(scan: Scan) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        files = {
            "requirements.txt": "redis\n",
            "app.py": "x=1",
            ".env.example": f"REDIS_URL=redis://localhost:{port}/0\n",
        }
        assert "redis" not in lacks(await scan(files, REDIS_URL="x"), "service")
    lack = lacks(await scan(REDIS_URL="x"), "service")["redis"]
    assert (lack.wanted, lack.fix) == (f"localhost:{port}", "envsync provision --services redis")


async def test_a_server_that_was_made_for_the_project_is_asked_at_its_own_port(
    scan: Scan, context: Context, project: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        about = {"kind": "mariadb", "project": str(project), "port": port}
        line = Made(kind="service", name="mariadb-x", what="mariadb", at=0.0, place="local", data=about)
        Ledger(context.state).want(line)
        files = {"requirements.txt": "pymysql\n", "app.py": "import os\nos.environ['MYSQL_HOST']\n"}
        assert "mysql" not in lacks(await scan(files), "service")
    assert lacks(await scan(), "service")["mysql"].wanted == f"localhost:{port}", "it is down now"


async def test_the_answer_is_one_sentence_and_reads_well(scan: Scan, context: Context, project: Path) -> None:
    await scan({"requirements.txt": "flask\nredis\n", "app.py": "from flask import Flask\napp = Flask(__name__)\n", ".python-version": "3.12\n",
                ".env.example": "REDIS_URL=redis://localhost:1/0\n"})  # fmt: skip
    said = await told(context)
    assert said.summary == (
        "Flask web application: needs Python 3.12 and Redis; start with `flask run`; missing here: 2 packages (flask, redis), "
        "Redis (nothing answers on localhost:1) and 1 variable (REDIS_URL)."
    )
    assert len(only(said.fingerprint.project).services if False else said.blocks()) >= 2
