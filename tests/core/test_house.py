"""The shape of the house: packages, summaries, field texts, imports."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from envsync.tools import registry
from envsync.tools.contract import Tool
from envsync.tools.plan import Risk

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent", "memory", "prompts", "tools")


def sources() -> list[Path]:
    return [file for top in PACKAGES for file in sorted((ROOT / top).rglob("*.py"))]


def test_every_package_is_in_the_wheel() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {"envsync"} | {".".join(["envsync", *file.parent.relative_to(ROOT).parts]) for file in sources()}
    assert set(listed) == found


def test_every_folder_with_code_is_a_package_with_nothing_but_a_docstring() -> None:
    for file in sources():
        init = file.parent / "__init__.py"
        assert init.exists(), f"{file.parent} has no __init__.py"
        body = ast.parse(init.read_text()).body
        assert len(body) == 1 and ast.get_docstring(ast.parse(init.read_text())), f"{init} is more than a docstring"


def test_no_other_python_file_lies_at_the_root() -> None:
    assert [file.name for file in ROOT.glob("*.py")] == ["__init__.py"]


def test_imports_inside_the_package_are_relative() -> None:
    # An absolute `from tools…` would pick up a user's own package of that name.
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in names:
                assert name.split(".")[0] not in (*PACKAGES, "envsync", "evals", "tests"), f"{file}:{node.lineno}"


@pytest.mark.parametrize("entry", registry.TOOLS, ids=lambda entry: entry.name)
def test_a_tool_is_what_its_line_in_the_registry_says(entry: registry.Entry) -> None:
    tool: Tool = registry.find(entry.name)
    assert (tool.name, tool.risk) == (entry.name, entry.risk)
    assert tool.doc.strip().splitlines()[0] == entry.summary
    assert (tool.read is None) == (entry.risk > Risk.R0)
    assert (tool.read is None or tool.plan is None) == (tool.changes is None)
    # What only looks needs no plan unless it is told to write: that is said by its arguments alone.
    assert tool.read is None or tool.changes is None or not tool.planned(tool.args())


@pytest.mark.parametrize("entry", registry.TOOLS, ids=lambda entry: entry.name)
def test_hostile_33_unknown_arguments_are_an_error_and_every_argument_is_explained(entry: registry.Entry) -> None:
    args: type[BaseModel] = registry.find(entry.name).args
    with pytest.raises(ValidationError, match="dry_run"):
        args.model_validate({"dry_run": True})
    for name, field in args.model_fields.items():
        assert field.description, f"{entry.name}.{name} has no description"
    config = args.model_config
    assert (config.get("extra"), config.get("frozen"), config.get("strict")) == ("forbid", True, True)


WRONG = ["nan", 10**400, {"a": {"b": 1}}, [["x"]], None, True, 1.5, "\0"]


@pytest.mark.parametrize("entry", registry.TOOLS, ids=lambda entry: entry.name)
def test_hostile_34_wrong_types_are_refused_and_never_bent(entry: registry.Entry) -> None:
    args = registry.find(entry.name).args
    schema = registry.schema(args)["properties"]
    for name, about in schema.items():
        if about.get("type") in ("string", "integer", "boolean", "number"):
            with pytest.raises(ValidationError):
                args.model_validate({name: {"nested": 1}})
            with pytest.raises(ValidationError):
                args.model_validate({name: ["x"]})
        if about.get("type") == "boolean":
            with pytest.raises(ValidationError):
                args.model_validate({name: "true"})
        if "enum" in about:
            with pytest.raises(ValidationError):
                args.model_validate({name: about["enum"][0].upper()})


# The contract that scripts are written against: names, and defaults as JSON.
CONTRACT = {
    "scan": {"path": ".", "on": "local", "scope": "all"},
    "provision": {
        "runtimes": [],
        "packages": [],
        "services": [],
        "template": None,
        "gpu": False,
        "path": ".",
        "on": "local",
    },
    "snapshot": {"label": None, "on": "local", "path": "."},
    "rewind": {"paths": [], "on": "local", "path": "."},
    "drift": {"against": "last", "on": "local", "path": "."},
    "history": {"query": None, "kind": "all", "limit": 20},
    "status": {"on": None},
    "logs": {"tail": 100},
    "destroy": {},
    "run": {"on": "local", "path": "."},
    "remember": {},
    "sandbox": {
        "image": "debian",
        "runtimes": [],
        "packages": [],
        "services": [],
        "hours": 1.0,
        "name": None,
        "kind": "docker",
    },
}
NEEDED = {
    "rewind": {"to"},
    "logs": {"service"},
    "destroy": {"name"},
    "run": {"command"},
    "remember": {"fact"},
}


@pytest.mark.parametrize("name", CONTRACT)
def test_the_contract_of_the_arguments_holds(name: str) -> None:
    fields = registry.find(name).args.model_fields
    defaults = {
        key: json.loads(json.dumps(field.get_default(call_default_factory=True)))
        for key, field in fields.items()
        if not field.is_required()
    }
    assert CONTRACT[name].items() <= defaults.items()
    assert {key for key, field in fields.items() if field.is_required()} == NEEDED.get(name, set())


def test_importing_everything_prints_nothing_and_makes_nothing(tmp_path: Path) -> None:
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    names = [".".join(["envsync", *file.relative_to(ROOT).with_suffix("").parts]) for file in sources()]
    names = [name.removesuffix(".__init__") for name in names]
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
