"""devcontainer.json: an image with the project's runtimes, its ports, what to install, and its servers beside it."""

from __future__ import annotations

import json
import posixpath
import shlex
from typing import Any

from ...fingerprint import Project, Service, Wanted
from ...secret_shapes import secret_name
from ..text import safe
from .base import File, Made, Seen, command, manifests, port, runs, slug
from .compose import backing, environment_of, needed, shown
from .graph import Graph
from .image_node import package_manager
from .releases import LINES, release

IMAGES = {
    "python": "python", "node": "javascript-node", "go": "go", "java": "java", "ruby": "ruby", "rust": "rust", "php": "php",
    "dotnet": "dotnet",
}  # fmt: skip
"""Images of https://github.com/devcontainers/images by runtime; their tags are release lines."""
FEATURES = {
    "python": "python:1", "node": "node:1", "go": "go:1", "java": "java:1", "ruby": "ruby:1", "rust": "rust:1", "php": "php:1",
    "dotnet": "dotnet:2",
}  # fmt: skip
"""Of https://github.com/devcontainers/features, for every runtime after the first."""
PARTS = {"python": 2, "node": 1, "go": 2, "java": 1, "ruby": 2, "rust": 1, "php": 2, "dotnet": 2}
"""How many parts of a version name a line."""
TOOLS = {
    "uv": "pipx install uv",
    "poetry": "pipx install poetry",
    "pdm": "pipx install pdm",
    "pipenv": "pipx install pipenv",
}
BUILDS = {"maven": ("mvnw", "installMaven"), "gradle": ("gradlew", "installGradle")}
"""Tools of the JVM: the wrapper that makes them needless, and the option that installs them."""
FOLDER = ".devcontainer"


def reads(project: Project) -> tuple[str, ...]:
    return tuple(path for path in manifests(project) if path.rpartition("/")[2] == "package.json")


def make(seen: Seen) -> Made:
    """The configuration; with a compose file beside it where servers run behind the project."""
    project = seen.project
    graph = Graph(project)
    services = list(project.services)
    wanted = _runtimes(services)
    notes = [f"{name} is not in it: there is no feature that is known for it" for name in wanted if name not in IMAGES]
    named = posixpath.basename(project.root.rstrip("/")) or "project"
    image, features = _image({name: version for name, version in wanted.items() if name in IMAGES})
    features |= _jvm(services, seen)
    servers, volumes, more = backing(seen, graph)
    document: dict[str, Any] = {"name": safe(named, 60)}
    files: list[File] = []
    # A configuration that lies in the project's root is kept there, since two of them would be a choice each time.
    place = ".devcontainer.json" if seen.has(".", ".devcontainer.json") else f"{FOLDER}/devcontainer.json"
    if servers:
        inside = f"/workspaces/{slug(named)}"
        beside = "compose.yaml" if place.startswith(FOLDER + "/") else f"{FOLDER}/compose.yaml"
        document |= {"dockerComposeFile": beside, "service": "dev", "workspaceFolder": inside}
        files = [File(f"{FOLDER}/compose.yaml", _compose(image, inside, services, graph, servers, volumes, named))]
        notes += _secrets(servers, f"{FOLDER}/.env")
    else:
        document["image"] = image
    if features:
        document["features"] = features
    document |= _ports(services)
    document |= _commands(services, seen)
    secrets = sorted({fact.value for service in services for fact in service.variables if secret_name(fact.value)})
    if secrets:
        document["secrets"] = {name: {"description": "read by this project"} for name in secrets}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return Made((File(place, text), *files), (*notes, *more))


def _runtimes(services: list[Service]) -> dict[str, str]:
    """The version of every runtime, that of the first service first; where services want different ones, one that most meet."""
    wishes: dict[str, list[Wanted]] = {}
    for service in sorted(services, key=lambda service: not runs(service)):
        for wish in service.runtimes:
            wishes.setdefault(wish.name, []).append(wish)
    return {name: release(name, found) for name, found in wishes.items()}


def _line(name: str, version: str) -> str:
    return ".".join(version.split(".")[: PARTS[name]])


def _image(wanted: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The image of the first runtime, and the others as features."""
    first = next((name for name in wanted if _line(name, wanted[name]) in LINES[name]), "")
    image = f"{IMAGES[first]}:{_line(first, wanted[first])}" if first else "base:debian"
    features = {
        f"ghcr.io/devcontainers/features/{FEATURES[name]}": {"version": "latest" if name == "rust" else version}
        for name, version in wanted.items()
        if name != first
    }
    return f"mcr.microsoft.com/devcontainers/{image}", dict[str, Any](features)


def _jvm(services: list[Service], seen: Seen) -> dict[str, Any]:
    options = {
        BUILDS[fact.value][1]: "true"
        for service in services
        for fact in service.managers
        if fact.value in BUILDS
        and not seen.has(service.root, BUILDS[fact.value][0])
        and not seen.has(".", BUILDS[fact.value][0])
    }
    return {"ghcr.io/devcontainers/features/java:1": {"version": "none", **options}} if options else {}


def _compose(
    image: str, inside: str, services: list[Service], graph: Graph, servers: dict[str, Any], volumes: list[str], named: str
) -> str:  # fmt: skip
    dev: dict[str, Any] = {"image": image, "command": "sleep infinity", "volumes": [f"..:{inside}:cached"]}
    variables: dict[str, Any] = {}
    for service in services:
        variables |= {
            name: value for name, value in environment_of(service, graph).items() if variables.get(name) is None
        }
    variables.pop("PORT", None)  # of several services each has its own
    if variables:
        dev["environment"] = variables
    dev["depends_on"] = {
        name: {"condition": "service_healthy" if "healthcheck" in node else "service_started"}
        for name, node in servers.items()
    }
    document: dict[str, Any] = {"name": f"{slug(named)}-dev", "services": {"dev": dev, **servers}}
    return shown(document | ({"volumes": dict.fromkeys(volumes)} if volumes else {}))


def _ports(services: list[Service]) -> dict[str, Any]:
    labels: dict[str, str] = {}
    for service in services:
        if runs(service) and port(service):
            labels.setdefault(str(port(service)), safe(service.name, 60))
    if not labels:
        return {}
    return {
        "forwardPorts": [int(number) for number in labels],
        "portsAttributes": {number: {"label": label} for number, label in labels.items()},
    }


def _commands(services: list[Service], seen: Seen) -> dict[str, Any]:
    """What is done once, when it is made: first the package managers, then each service's packages."""
    tools: dict[str, None] = {}
    installs: dict[str, str] = {}
    for service in services:
        managers = [fact.value for fact in service.managers if fact.confidence >= 0.5]
        pinned, version = package_manager(seen.text(service.root, "package.json"))
        for name in managers[:2]:
            if name in TOOLS:
                tools[TOOLS[name]] = None
            elif name in ("pnpm", "yarn", "bun"):
                tools[f"npm install --global {name}{'@' + version if pinned == name else ''}"] = None
        if install := command(service, "install"):
            away = "" if service.root == "." else f"cd {shlex.quote(service.root)} && "
            installs[slug(service.name, "project")] = away + install
    made: dict[str, Any] = {"onCreateCommand": " && ".join(tools)} if tools else {}
    if installs:
        made["postCreateCommand"] = next(iter(installs.values())) if len(installs) == 1 else installs
    return made


def _secrets(servers: dict[str, Any], place: str) -> list[str]:
    names = needed(servers.values())
    return [f"set in {place}: {', '.join(names)}"] if names else []
