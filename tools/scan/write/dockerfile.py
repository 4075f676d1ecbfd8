"""A Dockerfile for every service that is known well enough, and a .dockerignore beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...fingerprint import Project, Service
from ..text import safe
from .base import File, Made, Seen, at, manifests, runs
from .image import PLAIN, Image, place
from .image_compiled import dotnet, go, jvm, rust
from .image_node import node
from .image_python import python
from .image_scripts import deno, php, ruby

BUILDERS: dict[str, Callable[[Service, Seen], Image | str]] = {
    **dict.fromkeys(("uv", "poetry", "pdm", "pipenv", "pip", "conda"), python),
    **dict.fromkeys(("npm", "pnpm", "yarn", "bun"), node),
    **dict.fromkeys(("maven", "gradle"), jvm),
    "go": go,
    "cargo": rust,
    "nuget": dotnet,
    "dotnet": dotnet,
    "bundler": ruby,
    "composer": php,
    "deno": deno,
}
"""By package manager; the service's first one decides, which is that of its main language."""
SERVERS = {
    **dict.fromkeys(("Django", "Flask", "FastAPI"), python),
    **dict.fromkeys(("Laravel", "Symfony"), php),
    "Rails": ruby,
    "Spring Boot": jvm,
}
"""Frameworks of servers that often have pages in JavaScript in the same folder."""
IGNORED = (
    ".git", ".gitignore", ".github", ".gitlab-ci.yml", ".idea", ".vscode", ".devcontainer", ".DS_Store", "**/*.log",
    "Dockerfile*", "*.dockerignore", "compose*.y*ml", "docker-compose*.y*ml",
    "**/.env", "**/.env.*", "!**/.env.example", "**/*.pem", "**/*.key",
)  # fmt: skip
"""What no image needs, and what none may hold: secrets."""
THERE = ("Dockerfile", "Containerfile")


@dataclass(frozen=True)
class Build:
    """How a service's image is built: with the Dockerfile that is there, or with the one that is made."""

    context: str
    dockerfile: str
    """Relative to the project, as `context` is."""
    image: Image | None = None
    """The one that is made; None where the service has its own."""


def reads(project: Project) -> tuple[str, ...]:
    """The manifests, and those beside them that say how something is installed."""
    beside = ("requirements.txt", "manage.py", *THERE)
    return (*manifests(project), *(at(service.root, name) for service in project.services for name in beside))


def make(seen: Seen) -> Made:
    """Dockerfiles for all services, also for those that have one: the difference is shown before it is replaced."""
    files: list[File] = []
    notes: list[str] = []
    for service in seen.project.services:
        if not runs(service):
            continue
        made = image(service, seen)
        if isinstance(made, str):
            notes.append(f"no Dockerfile for {safe(service.root, 80)}: {made}")
            continue
        files += written(service, seen, made)
        notes += made.notes
    return Made(tuple(files), tuple(notes))


def image(service: Service, seen: Seen) -> Image | str:
    """A service's image, or why there is none."""
    if not PLAIN.fullmatch(service.root):
        return "its folder's name cannot be written in a Dockerfile"
    managers = [fact.value for fact in service.managers]
    # A server may have more of the language of its pages than of its own.
    served = next((SERVERS[fact.value] for fact in service.frameworks if fact.value in SERVERS), None)
    builder = served or next((BUILDERS[name] for name in managers if name in BUILDERS), None)
    if builder is None:
        known = ", ".join(managers)
        return f"images of {known} are not written" if known else "it is not known how it is installed"
    return builder(service, seen)


def written(service: Service, seen: Seen, made: Image) -> list[File]:
    """The files of an image. One that is built in a larger folder has an ignore file of its own."""
    name = seen.has(service.root, *THERE) or "Dockerfile"
    path = at(service.root, name)
    alone = made.context == service.root
    beside = at(service.root, ".dockerignore" if alone else f"{name}.dockerignore")
    ignore = "\n".join((*IGNORED, *(line if alone or line.startswith("**/") else f"**/{line}" for line in made.ignore)))
    # What is ignored is a person's choice that cannot be seen from here, so an ignore file is never replaced.
    return [File(path, made.text), File(beside, f"{ignore}\n", keep=True)]


def build(service: Service, seen: Seen) -> Build | str:
    """How its image is built, or why it cannot be."""
    made, there = image(service, seen), seen.has(service.root, *THERE)
    if there and (isinstance(made, str) or seen.text(service.root, there) != made.text):
        return Build(place(service, seen).context, at(service.root, there))
    return made if isinstance(made, str) else Build(made.context, at(service.root, there or "Dockerfile"), made)
