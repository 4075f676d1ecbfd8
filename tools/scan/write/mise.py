"""mise.toml: the runtimes and package managers in the versions that the project asks for, and its commands as tasks."""

from __future__ import annotations

import json

from ...fingerprint import Project, Service
from ..text import safe
from .base import File, Made, Seen, at, manifests, slug, slugs
from .image_node import package_manager
from .releases import release

TOOLS = frozenset(
    ["python", "node", "go", "rust", "java", "ruby", "php", "deno", "bun", "dotnet", "elixir", "erlang", "gleam", "swift", "dart", "flutter", "crystal", "zig", "lua", "julia", "perl", "scala", "kotlin", "elm"]
)  # fmt: skip
"""Runtimes that mise knows by that name."""
MANAGERS = {
    "uv": "uv", "poetry": "poetry", "pdm": "pipx:pdm", "pipenv": "pipx:pipenv", "pnpm": "pnpm", "yarn": "yarn", "maven": "maven",
    "gradle": "gradle", "sbt": "sbt",
}  # fmt: skip
WRAPPERS = {"maven": "mvnw", "gradle": "gradlew"}
NAMES = ("mise.toml", ".mise.toml", "mise/config.toml", ".config/mise.toml", ".mise/config.toml")
TEMPLATE = ("{{", "{%", "{#")
PURPOSES = ("install", "build", "dev", "start", "worker", "test")


def reads(project: Project) -> tuple[str, ...]:
    return tuple(path for path in manifests(project) if path.rpartition("/")[2] == "package.json")


def make(seen: Seen) -> Made:
    """One file in the project's root; where services want different versions, one in the service's root as well."""
    services = list(seen.project.services)
    wanted = {service.root: _tools(service, seen) for service in services}
    shared: dict[str, str] = {}
    for tools in wanted.values():
        for name, version in tools.items():
            shared.setdefault(name, version)
    unknown = sorted({wish.name for service in services for wish in service.runtimes} - TOOLS)
    notes = [f"{safe(name, 40)} is not in it: mise has no tool of that name that is known" for name in unknown]
    tasks = _tasks(services)
    if not shared and not tasks:
        return Made(notes=tuple(notes))
    files = [
        File(NAMES[0], "\n\n".join(part for part in (_table("tools", shared), *tasks) if part) + "\n", also=NAMES[1:])
    ]
    for root, tools in wanted.items():
        own = {name: version for name, version in tools.items() if shared[name] != version}
        if own and root != ".":
            files.append(
                File(at(root, NAMES[0]), _table("tools", own) + "\n", also=tuple(at(root, name) for name in NAMES[1:]))
            )
    return Made(tuple(files), tuple(notes))


def _tools(service: Service, seen: Seen) -> dict[str, str]:
    names = dict.fromkeys(wish.name for wish in service.runtimes if wish.name in TOOLS)
    found = {name: release(name, service.runtimes) or "latest" for name in names}
    if found.get("rust") == "1":
        found["rust"] = "stable"
    pinned, version = package_manager(seen.text(service.root, "package.json"))
    for fact in service.managers:
        wrapped = fact.value in WRAPPERS and (
            seen.has(service.root, WRAPPERS[fact.value]) or seen.has(".", WRAPPERS[fact.value])
        )
        if fact.value in MANAGERS and fact.confidence >= 0.5 and not wrapped:
            found[MANAGERS[fact.value]] = version if pinned == fact.value else "latest"
    return found


def _tasks(services: list[Service]) -> list[str]:
    """Each known command as a task; of several services with the service's name before it."""
    made: list[str] = []
    names = slugs(services)
    for service in services:
        same: set[str] = set()
        for purpose in PURPOSES:
            fact = service.commands.get(purpose)
            # A guess is no task, and what looks like a template would be filled in.
            if fact is None or fact.confidence < 0.5 or fact.value in same:
                continue
            if any(mark in fact.value + service.root for mark in TEMPLATE):
                continue
            same.add(fact.value)
            name = purpose if len(services) == 1 else f"{names[service.root]}:{purpose}"
            body = {"run": fact.value}
            if service.root != ".":
                body["dir"] = f"{{{{config_root}}}}/{service.root}"
            made.append(_table(f"tasks.{slug(name) if ':' not in name else json.dumps(name)}", body))
    return made


def _table(name: str, values: dict[str, str]) -> str:
    if not values:
        return ""
    return "\n".join(
        [f"[{name}]", *(f"{_key(key)} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())]
    )


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() else json.dumps(name)
