"""The compose file: parsed again and checked as a whole, and for every small project of the scan's tests."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from envsync.tools.fingerprint import Backing, Project
from envsync.tools.scan.write import compose, registry
from envsync.tools.scan.write.base import Made
from envsync.tools.scan.write.databases import SERVERS
from envsync.tools.secret_shapes import secret_name

from .conftest import fill
from .test_projects import projects
from .test_write_dockerfile import parsed
from .test_write_mermaid import drawn
from .writing import SHOP, looked, make, seen, service, texts


def checked(text: str, folder: str = "") -> dict[str, Any]:
    """The document, with all that must hold for any of ours: nothing dangles, nothing is fixed that should be secret."""
    document: dict[str, Any] = yaml.safe_load(text)
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", document["name"]) and document["services"]
    volumes = set(document.get("volumes", {}))
    published: list[str] = []
    for name, node in document["services"].items():
        assert re.fullmatch(r"[a-zA-Z0-9._-]+", name) and ("image" in node) != ("build" in node), name
        assert set(node.get("depends_on", {})) <= set(document["services"]) - {name}
        for other, how in node.get("depends_on", {}).items():
            healthy = "healthcheck" in document["services"][other]
            assert how["condition"] == ("service_healthy" if healthy else "service_started")
        for volume in node.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in volumes or source.startswith("."), volume
        for port in node.get("ports", ()):
            assert isinstance(port, str) and re.fullmatch(r"(127\.0\.0\.1:)?\d+:\d+", port)
            published.append(port.removeprefix("127.0.0.1:").partition(":")[0])
        for key, value in node.get("environment", {}).items():
            assert value is None or isinstance(value, str)
            if secret_name(key) and value is not None and key != "MYSQL_RANDOM_ROOT_PASSWORD":
                assert "${" in value, f"{name} has {key} written out"
        check = node.get("healthcheck", {"test": ["CMD", "x"]})
        assert check["test"][0] in ("CMD", "CMD-SHELL") and (check["test"][0] == "CMD" or len(check["test"]) == 2)
    assert len(published) == len(set(published)), "two want the same port"
    return document


def test_services_are_built_and_their_servers_run_with_all_they_need(tmp_path: Path) -> None:
    made = texts(make(tmp_path, SHOP, "compose"))
    assert set(made) == {"compose.yaml", "api/Dockerfile", "api/.dockerignore", "web/Dockerfile", "web/.dockerignore"}
    services = checked(made["compose.yaml"])["services"]
    assert set(services) == {"postgresql", "redis", "shop-api", "shop-web"}
    database = services["postgresql"]
    assert database["image"] == "postgres:17" and database["ports"] == ["127.0.0.1:5432:5432"]
    assert database["volumes"] == ["postgresql-data:/var/lib/postgresql/data"]
    # The project reads its password from DB_PASSWORD, so that is the one variable to set.
    assert database["environment"]["POSTGRES_PASSWORD"] == "${DB_PASSWORD:?set it in .env}"
    assert "pg_isready" in database["healthcheck"]["test"][1]
    api = services["shop-api"]
    assert api["build"] == "./api" and api["ports"] == ["8000:8000"] and "healthcheck" in api
    assert api["environment"] == {
        "DB_PASSWORD": None, "LOG_LEVEL": None, "POSTGRES_HOST": "postgresql", "REDIS_URL": "redis://redis:6379/0",
    }  # fmt: skip
    assert set(api["depends_on"]) == {"postgresql", "redis"}
    assert services["shop-web"]["ports"] == ["8080:8080"]


def test_what_has_to_be_set_is_said_by_name(tmp_path: Path) -> None:
    assert "set in .env beside it: DB_PASSWORD" in make(tmp_path, SHOP, "compose").notes


def test_the_projects_own_images_names_and_ports_are_kept(tmp_path: Path) -> None:
    files = {
        **SHOP,
        "docker-compose.yml": """\
services:
  db:
    image: postgis/postgis:16-3.4
    ports: ["5433:5432"]
  cache:
    image: valkey/valkey:8
  mail:
    image: axllent/mailpit:v1.20
    ports: ["8025:8025"]
    profiles: [debug]
  backend:
    build: ./api
    depends_on: [db, cache]
""",
    }
    made = make(tmp_path, files, "compose")
    assert made.files[0].path == "compose.yaml" and "docker-compose.yml" in made.files[0].also
    services = checked(made.files[0].text)["services"]
    assert services["db"]["image"] == "postgis/postgis:16-3.4" and services["db"]["ports"] == ["127.0.0.1:5433:5432"]
    assert services["cache"]["image"] == "valkey/valkey:8" and services["mail"]["profiles"] == ["debug"]
    assert set(services["backend"]["depends_on"]) == {"db", "cache"}
    assert services["backend"]["environment"]["POSTGRES_HOST"] == "db"


def test_a_dockerfile_that_is_there_is_used_as_it_is(tmp_path: Path) -> None:
    own = 'FROM python:3.12\nENV LOG_LEVEL=warning\nCMD ["python", "main.py"]\n'
    made = texts(make(tmp_path, {**SHOP, "api/Dockerfile": own}, "compose"))
    assert "api/Dockerfile" not in made
    api = checked(made["compose.yaml"])["services"]["shop-api"]
    assert api["build"] == "./api" and "healthcheck" not in api, "of what is in it nothing is known"
    assert "LOG_LEVEL" not in api["environment"], "passing it on unset would take the image's own value away"


def test_what_is_written_twice_is_the_same(tmp_path: Path) -> None:
    first = texts(make(tmp_path, SHOP, "compose"))
    fill(tmp_path, first)
    second = texts(make(tmp_path, SHOP, "compose"))
    assert second["compose.yaml"] == first["compose.yaml"]


def test_a_worker_is_the_same_image_with_another_command(tmp_path: Path) -> None:
    files = {**SHOP, "api/Procfile": "web: uvicorn main:app\nworker: celery -A tasks worker\n"}
    services = checked(texts(make(tmp_path, files, "compose"))["compose.yaml"])["services"]
    worker = services["shop-api-worker"]
    assert worker["command"] == ["celery", "-A", "tasks", "worker"] and worker["build"] == services["shop-api"]["build"]
    assert "ports" not in worker and set(worker["depends_on"]) == set(services["shop-api"]["depends_on"])


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_every_server_that_is_known_runs_by_itself(name: str, tmp_path: Path) -> None:
    project = Project(root=str(tmp_path), services=(service("api", databases=[name], variables=["DB_HOST"]),))
    made = compose.make(looked(tmp_path, project, "compose"))
    node = checked(made.files[0].text)["services"][name]
    assert node["healthcheck"]["test"] and re.search(r":[\w.-]*\d", node["image"]), "a health check, and a version"


def test_what_is_run_in_an_unknown_way_is_left_out_and_said(tmp_path: Path) -> None:
    project = Project(root=str(tmp_path), services=(service("api", databases=["oracle", "redis"]),))
    made = compose.make(looked(tmp_path, project, "compose"))
    assert list(checked(made.files[0].text)["services"]) == ["redis"] and any("oracle" in note for note in made.notes)


def test_two_of_one_name_and_of_one_port_are_kept_apart(tmp_path: Path) -> None:
    files = {f"{at}/{name}": text.replace("shop-api", "redis") for at in ("one", "two") for name, text in
             ((path.removeprefix("api/"), text) for path, text in SHOP.items() if path.startswith("api/"))}  # fmt: skip
    services = checked(texts(make(tmp_path, files, "compose"))["compose.yaml"])["services"]
    assert len(services) == 4 and services["redis"]["image"].startswith("redis:")


def test_nothing_to_run_makes_no_file(tmp_path: Path) -> None:
    assert make(tmp_path, {"README.md": "x"}, "compose").files == ()


def test_hostile_names_of_a_project_stay_names(tmp_path: Path) -> None:
    evil = 'x"\nservices: {evil: {image: evil}}\n#'
    project = Project(
        root=str(tmp_path),
        services=(service(evil, variables=["A"], databases=["redis"]),),
        backing=(Backing(name=evil, label=evil, role="cache", image="evil\nports: []", profiles=(evil,)),),
    )
    document = checked(compose.make(looked(tmp_path, project, "compose")).files[0].text)
    assert "evil" not in document["services"] and len(document["services"]) == 2


# -- Every small project ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(projects())[::7])
def test_of_every_small_project_every_file_can_be_read_again(name: str, tmp_path: Path) -> None:
    found = seen(
        tmp_path / "project", {path: text or "" for path, text in projects()[name]["files"].items()}, "compose"
    )
    drawn(found.project)
    for writer in registry.WRITERS:
        made: Made = writer.make(looked(tmp_path / "project", found.project, writer.name))
        for path, text in texts(made).items():
            base = path.rpartition("/")[2]
            if base == "Dockerfile":
                parsed(text)
            elif base == "compose.yaml":
                checked(text)
            elif base.endswith(".json"):
                json.loads(text)
            elif base == "mise.toml":
                tomllib.loads(text)
            else:
                assert base.endswith("ignore"), path
