"""Services of a project: monorepos, contradictions, what a folder's shared files add, and what makes no service."""

from __future__ import annotations

import json

from envsync.tools.contract import Context

from .conftest import Scan, at, commands, lacks, only, told

WEB = '{"name":"web","private":true,"dependencies":{"next":"14"},"scripts":{"dev":"next dev"}}'
UI = '{"name":"ui","private":true,"main":"index.ts","dependencies":{"react":"18"}}'


async def test_a_pnpm_workspace_has_apps_libraries_and_one_lockfile(scan: Scan) -> None:
    project = await scan(
        {
            "package.json": '{"name":"mono","private":true,"devDependencies":{"turbo":"2"}}',
            "pnpm-workspace.yaml": "packages:\n  - 'apps/*'\n  - packages/**\n",
            "pnpm-lock.yaml": "",
            "turbo.json": "{}",
            "apps/web/package.json": WEB,
            "packages/ui/package.json": UI,
            "packages/config/eslint/package.json": '{"name":"eslint-config","private":true}',
        }
    )
    roles = {s.root: s.role for s in project.services}
    assert roles == {
        ".": "workspace",
        "apps/web": "frontend",
        "packages/ui": "library",
        "packages/config/eslint": "library",
    }
    web = at(project, "apps/web")
    assert web.managers[0].value == "pnpm" and web.lockfiles == ("pnpm-lock.yaml",)
    assert "install" not in web.commands
    assert commands(at(project, "."))["install"] == "pnpm install --frozen-lockfile"
    assert any("turbo" in fact.value for fact in project.findings)


async def test_two_services_and_no_root(scan: Scan) -> None:
    project = await scan(
        {
            "api/requirements.txt": "fastapi\n",
            "api/main.py": "from fastapi import FastAPI\napp = FastAPI()\n",
            "web/package.json": WEB,
            "compose.yaml": "services:\n  api:\n    build: ./api\n    depends_on: [db]\n    environment:\n      - API_KEY=x\n"
            "    ports: ['8080:8000']\n  db:\n    image: postgres:16\n    ports: ['127.0.0.1:5433:5432']\n",
        }
    )
    assert [s.root for s in project.services] == ["api", "web"]
    api = at(project, "api")
    assert [d.value for d in api.databases] == ["postgresql"] and not at(project, "web").databases
    assert {v.value for v in api.variables} == {"API_KEY"}
    assert lacks(project, "service")["postgresql"].wanted == "localhost:5433"


async def test_cargo_workspace_members_share_the_lockfile(scan: Scan) -> None:
    project = await scan(
        {
            "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n',
            "Cargo.lock": "",
            "crates/core/Cargo.toml": '[package]\nname="core"\n',
            "crates/core/src/lib.rs": "",
            "crates/cli/Cargo.toml": '[package]\nname="cli"\n',
            "crates/cli/src/main.rs": "fn main() {}",
        }
    )
    assert {s.root: s.role for s in project.services} == {
        ".": "workspace",
        "crates/core": "library",
        "crates/cli": "job",
    }
    assert at(project, "crates/cli").lockfiles == ("Cargo.lock",)


async def test_examples_vendored_and_made_folders_make_no_service(scan: Scan) -> None:
    project = await scan(
        {
            "package.json": WEB,
            "examples/a/package.json": WEB,
            "tests/fixtures/b/package.json": WEB,
            "node_modules/c/package.json": WEB,
            "template-react/package.json": WEB,
            "vendor/d/package.json": WEB,
            ".github/e/package.json": WEB,
            "dist/package.json": WEB,
            "ignored/package.json": WEB,
            ".gitignore": "ignored/\n",
            "supabase/functions/f/index.ts": "Deno.env.get('X_Y')",
        }
    )
    service = only(project)
    assert [r.name for r in service.runtimes] == ["node"]


async def test_gitignore_is_nested_and_can_take_back(scan: Scan) -> None:
    project = await scan(
        {
            ".gitignore": "*.py\n!keep.py\n/only-here/\n",
            "drop.py": "x=1",
            "keep.py": "x=1",
            "sub/.gitignore": "!drop.py\n",
            "sub/drop.py": "x=1",
            "sub/only-here/keep.py": "x=1",
            "only-here/keep.py": "x=1",
        }
    )
    python = next(f for f in only(project).languages if f.value == "Python")
    assert python.evidence[0].key == "3 files"


async def test_contradictions_are_findings(scan: Scan) -> None:
    project = await scan(
        {
            "pyproject.toml": '[project]\nname="x"\nrequires-python=">=3.12"\n',
            ".python-version": "3.9\n",
            "uv.lock": "",
            "poetry.lock": "",
            "package.json": '{"name":"x","packageManager":"pnpm@9"}',
            "yarn.lock": "",
        }
    )
    found = [f.value for f in project.findings]
    assert any(".python-version asks for python 3.9, but pyproject.toml asks for >=3.12" in f for f in found)
    assert any("uv.lock and poetry.lock" in f for f in found)
    assert any("package.json asks for pnpm, but yarn.lock" in f for f in found)


async def test_a_pin_inside_the_range_is_no_contradiction(scan: Scan) -> None:
    project = await scan(
        {"pyproject.toml": '[project]\nname="x"\nrequires-python=">=3.10,<3.13"\n', ".python-version": "3.12\n"}
    )
    assert not project.findings


async def test_version_files(scan: Scan) -> None:
    project = await scan(
        {
            ".tool-versions": "nodejs 20.1.0\npython 3.11.4 3.10.0\nruby system\n",
            "mise.toml": '[tools]\ngo = "1.22"\njava = {version = "temurin-21"}\n',
            "rust-toolchain.toml": '[toolchain]\nchannel = "1.77"\n',
            ".ruby-version": "ruby-3.2.2\n",
        }
    )
    wanted = {(w.name, w.spec) for w in only(project).runtimes}
    assert wanted == {
        ("node", "20.1.0"),
        ("python", "3.11.4"),
        ("go", "1.22"),
        ("java", "21"),
        ("rust", "1.77"),
        ("ruby", "3.2.2"),
    }


async def test_a_pin_at_the_root_holds_for_services_below(scan: Scan) -> None:
    project = await scan({".nvmrc": "18\n", "web/package.json": WEB, "api/requirements.txt": "flask\n"})
    assert ("node", "18") in {(w.name, w.spec) for w in at(project, "web").runtimes}
    assert {w.name for w in at(project, "api").runtimes} == {"python"}


async def test_env_example_names_variables_databases_and_ports(scan: Scan) -> None:
    project = await scan(
        {
            "requirements.txt": "flask\n",
            ".env.example": "# c\nexport DATABASE_URL=postgresql+asyncpg://u:p@localhost:5499/x\nPORT=7777\nAPI_KEY=\n",
            ".env": "API_KEY=very-secret-value\nEMPTY=\n",
        }
    )
    service = only(project)
    assert {"DATABASE_URL", "API_KEY", "PORT"} <= {v.value for v in service.variables}
    assert "EMPTY" not in {v.value for v in service.variables}
    assert [d.value for d in service.databases] == ["postgresql"]
    assert service.ports[0].value == "7777"
    assert set(lacks(project, "variable")) == {"DATABASE_URL"}
    assert lacks(project, "service")["postgresql"].wanted == "localhost:5499"


async def test_no_value_of_a_dotenv_leaves_the_walk(scan: Scan) -> None:
    project = await scan({".env": "TOKEN=very-secret-value\n", ".env.local": "A=other-secret\n", "app.py": "x=1"})
    assert "secret" not in project.model_dump_json()


async def test_requirements_includes_stay_in_the_project(scan: Scan) -> None:
    project = await scan({"requirements.txt": "-r /etc/passwd\n-r ../../x.txt\n-r sub/requirements-more.txt\nflask>=2\n",
                          "sub/requirements-more.txt": "-r ../requirements.txt\nredis\n"})  # fmt: skip
    assert set(lacks(project, "packages")) == {"flask", "redis"}


async def test_an_empty_folder_is_said_to_be_one(scan: Scan) -> None:
    project = await scan()
    service = only(project)
    assert (service.root, service.role, service.manifests) == (".", "unknown", ())
    assert not project.missing


async def test_setup_py_that_computes_its_needs_is_a_finding(scan: Scan) -> None:
    project = await scan(
        {"setup.py": "from setuptools import setup\nsetup(name='x', install_requires=open('r').readlines())\n"}
    )
    assert any(f.rule == "computed" for f in project.findings)


async def test_the_same_files_give_the_same_project(scan: Scan) -> None:
    files = {"package.json": WEB, "a/package.json": UI, "b/requirements.txt": "flask\nredis\n", "b/app.py": "import os"}
    assert (await scan(files)).model_dump_json() == (await scan()).model_dump_json()


async def test_package_json_with_wrong_types_everywhere(scan: Scan) -> None:
    odd = {
        "name": 3,
        "scripts": ["a"],
        "dependencies": {"react": {"x": 1}, "pg": None},
        "engines": "18",
        "workspaces": {"packages": 5},
    }
    project = await scan(
        {"package.json": json.dumps(odd), "composer.json": "[]", "Cargo.toml": "package = 1\nworkspace = []\n"}
    )
    assert only(project).manifests
    assert any("composer.json could not be read" in f.value for f in project.findings)


async def test_a_package_offers_its_own_command(scan: Scan, context: Context) -> None:
    toml = '[project]\nname="my-tool"\nversion="1"\n[project.scripts]\nother="a:b"\nmy_tool="a:c"\n[build-system]\nrequires=[]\n'
    service = only(await scan({"pyproject.toml": toml, "a.py": "x = 1"}))
    assert (service.role, commands(service)["cli"]) == ("library", "my_tool") and "start" not in service.commands
    assert (await told(context)).summary.startswith("Python package with the command `my_tool`: needs Python; ")
