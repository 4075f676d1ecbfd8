"""devcontainer.json and mise.toml: parsed again and checked."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.fingerprint import Project
from envsync.tools.scan.write import devcontainer, mise

from .test_write_compose import checked
from .writing import SHOP, looked, make, service, texts, wanted

KEYS = {
    "name", "image", "dockerComposeFile", "service", "workspaceFolder", "features", "forwardPorts", "portsAttributes",
    "onCreateCommand", "postCreateCommand", "secrets",
}  # fmt: skip


def container(text: str) -> dict[str, Any]:
    """The document, with what the specification says of every one."""
    document: dict[str, Any] = json.loads(text)
    assert set(document) <= KEYS and document["name"]
    assert ("image" in document) != ("dockerComposeFile" in document), "it has one source of its container"
    assert ("dockerComposeFile" in document) == ("service" in document) == ("workspaceFolder" in document)
    assert all(isinstance(port, int) and 0 < port < 65536 for port in document.get("forwardPorts", ()))
    assert {str(port) for port in document.get("forwardPorts", ())} == set(document.get("portsAttributes", {}))
    for name, options in document.get("features", {}).items():
        assert name.startswith("ghcr.io/devcontainers/features/") and name.rpartition(":")[2].isdigit()
        assert all(isinstance(value, str) and value for value in options.values())
    commands = document.get("postCreateCommand", "x")
    assert all(
        isinstance(one, str) and one for one in (commands.values() if isinstance(commands, dict) else [commands])
    )
    assert all(set(value) == {"description"} for value in document.get("secrets", {}).values()), "names, never values"
    return document


def test_with_servers_they_run_beside_the_container(tmp_path: Path) -> None:
    made = texts(make(tmp_path / "shop", SHOP, "devcontainer"))
    assert set(made) == {".devcontainer/devcontainer.json", ".devcontainer/compose.yaml"}
    document = container(made[".devcontainer/devcontainer.json"])
    services = checked(made[".devcontainer/compose.yaml"])["services"]
    assert document["dockerComposeFile"] == "compose.yaml" and document["service"] in services
    dev = services[document["service"]]
    assert dev["image"] == "mcr.microsoft.com/devcontainers/python:3.13"
    assert document["features"] == {"ghcr.io/devcontainers/features/node:1": {"version": "24"}}
    assert dev["volumes"] == [f"..:{document['workspaceFolder']}:cached"] and dev["command"] == "sleep infinity"
    assert set(dev["depends_on"]) == set(services) - {"dev"} == {"postgresql", "redis"}
    assert dev["environment"]["POSTGRES_HOST"] == "postgresql" and dev["environment"]["DB_PASSWORD"] is None
    assert document["forwardPorts"] == [8000, 5173] and document["portsAttributes"]["8000"] == {"label": "shop-api"}
    assert document["onCreateCommand"] == "pipx install uv"
    assert document["postCreateCommand"] == {"shop-api": "cd api && uv sync", "shop-web": "cd web && npm ci"}
    assert set(document["secrets"]) == {"DB_PASSWORD"}


def test_without_servers_an_image_is_enough(tmp_path: Path) -> None:
    files = {"go.mod": "module example.com/x\n\ngo 1.22\n", "main.go": "package main\n\nfunc main() {}\n"}
    made = texts(make(tmp_path, files, "devcontainer"))
    document = container(made[".devcontainer/devcontainer.json"])
    assert list(made) == [".devcontainer/devcontainer.json"]
    assert document["image"] == "mcr.microsoft.com/devcontainers/go:1.22"
    assert document["postCreateCommand"] == "go mod download"


def test_one_in_the_root_stays_in_the_root(tmp_path: Path) -> None:
    made = texts(make(tmp_path, {**SHOP, ".devcontainer.json": "{}"}, "devcontainer"))
    assert container(made[".devcontainer.json"])["dockerComposeFile"] == ".devcontainer/compose.yaml"


@pytest.mark.parametrize(
    ("runtimes", "image", "features"),
    [
        ({"python": "3.12.4"}, "python:3.12", []),
        ({"node": "20.11.1", "python": ">=3.11"}, "javascript-node:20", ["python:1"]),
        ({"java": "17"}, "java:17", ["java:1"]),
        ({"python": "2.7"}, "base:debian", ["python:1"]),
        ({"haskell": "9.6"}, "base:debian", []),
        ({}, "base:debian", []),
    ],
)
def test_the_first_runtime_is_the_image_and_others_are_features(
    runtimes: dict[str, str], image: str, features: list[str], tmp_path: Path
) -> None:
    wishes = tuple(wish for name, spec in runtimes.items() for wish in wanted(name, spec))
    managers = ["maven"] if "java" in runtimes else []
    project = Project(root=str(tmp_path), services=(service("x", runtimes=wishes, managers=managers),))
    made = devcontainer.make(looked(tmp_path, project, "devcontainer"))
    document = container(made.files[0].text)
    assert document["image"].rpartition("/")[2] == image
    assert [name.rpartition("/")[2] for name in document.get("features", {})] == features
    assert bool(made.notes) == ("haskell" in runtimes)


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    evil = '"; rm -rf / #\n'
    project = Project(
        root=str(tmp_path / "p"), services=(service(evil, evil, commands={"install": {"value": "npm ci"}}),)
    )
    (tmp_path / "p").mkdir()
    document = container(devcontainer.make(looked(tmp_path / "p", project, "devcontainer")).files[0].text)
    assert document["postCreateCommand"] == "cd '\"; rm -rf / #\n' && npm ci"


# -- mise ---------------------------------------------------------------------------------------------------------------


def test_runtimes_managers_and_commands_are_in_mise(tmp_path: Path) -> None:
    made = texts(make(tmp_path, SHOP, "mise"))
    document = tomllib.loads(made["mise.toml"])
    assert list(made) == ["mise.toml"] and document["tools"] == {"python": "3.13", "uv": "latest", "node": "24"}
    assert document["tasks"]["shop-api:install"] == {"run": "uv sync", "dir": "{{config_root}}/api"}
    assert document["tasks"]["shop-web:build"]["run"] == "npm run build"


def test_services_that_want_different_versions_have_their_own_file(tmp_path: Path) -> None:
    files = {
        "a/.python-version": "3.12\n",
        "a/requirements.txt": "flask\n",
        "b/.python-version": "3.11\n",
        "b/requirements.txt": "flask\n",
    }
    made = texts(make(tmp_path, files, "mise"))
    assert tomllib.loads(made["mise.toml"])["tools"]["python"] == "3.12"
    assert tomllib.loads(made["b/mise.toml"])["tools"] == {"python": "3.11"} and "a/mise.toml" not in made


def test_a_pinned_manager_keeps_its_version_and_a_wrapper_needs_none(tmp_path: Path) -> None:
    package = (
        '{"name": "x", "private": true, "packageManager": "pnpm@9.12.3+sha512.abc", "scripts": {"start": "node ."}}'
    )
    document = tomllib.loads(texts(make(tmp_path / "a", {"package.json": package}, "mise"))["mise.toml"])
    assert document["tools"]["pnpm"] == "9.12.3"
    files = {"build.gradle": "plugins { id 'application' }\n", "gradlew": ""}
    assert "gradle" not in tomllib.loads(texts(make(tmp_path / "b", files, "mise"))["mise.toml"])["tools"]


def test_hostile_what_mise_would_fill_in_is_no_task(tmp_path: Path) -> None:
    commands = {"start": {"value": "echo {{ exec(command='id') }}"}, "test": {"value": 'say "x" \\ y'}}
    project = Project(root=str(tmp_path), services=(service("x", commands=commands),))
    document = tomllib.loads(mise.make(looked(tmp_path, project, "mise")).files[0].text)
    assert document["tasks"] == {"test": {"run": 'say "x" \\ y'}}


def test_nothing_known_makes_no_file(tmp_path: Path) -> None:
    assert make(tmp_path, {"README.md": "x"}, "mise").files == ()
