"""compose.yaml: the services that can be built, and what runs behind them with health checks, volumes and named credentials."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import Any

from ...fingerprint import Backing, Project, Service
from .. import parse
from ..say import pretty
from ..text import safe
from .base import File, Made, Seen, command, port, runs, slug, slugs
from .databases import HOSTS, SQL, Server, environment, server
from .dockerfile import Build, build, written
from .dockerfile import reads as manifests
from .graph import Graph
from .image import argv

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
HEAD = """\
# Services, and what they need, as this project's own files say.
# Values come from the shell or from .env beside this file. Inside, a server is reached by its name here, not at localhost.
"""
__all__ = ["NAMES", "backing", "make", "reads", "shown"]

Node = dict[str, Any]


def reads(project: Project) -> tuple[str, ...]:
    return (*manifests(project), *NAMES)


def make(seen: Seen) -> Made:
    """The compose file, and a Dockerfile for each of its services that has none."""
    graph = Graph(seen.project)
    services, files, notes = _services(seen, graph)
    servers, volumes, more = backing(seen, graph)
    if not services and not servers:
        return Made(notes=(*notes, *more) or ("nothing here runs in a container that could be described",))
    document: Node = {"name": slug(posixpath.basename(seen.project.root.rstrip("/")))}
    document["services"] = {**servers, **services}
    if volumes:
        document["volumes"] = dict.fromkeys(volumes)
    notes += [f"set in .env beside it: {', '.join(names)}" for names in [needed(servers.values())] if names]
    text = HEAD + shown(document)
    return Made((File(NAMES[0], text, also=NAMES[1:]), *files), (*notes, *more))


# -- The project's own services -------------------------------------------------------------------------------------


def _services(seen: Seen, graph: Graph) -> tuple[dict[str, Node], list[File], list[str]]:
    made: dict[str, Node] = {}
    files: list[File] = []
    notes: list[str] = []
    names = _names(seen, graph)
    taken = set(_ports(graph))
    built: dict[str, Build] = {}
    for root, service in graph.services.items():
        if not runs(service) or service.role == "job":
            continue
        found = build(service, seen)
        if isinstance(found, str):
            notes.append(f"{safe(root, 80)} is not in it: {found}")
            continue
        built[root] = found
        if found.image is not None:
            files += [File(one.path, one.text, keep=True) for one in written(service, seen, found.image)]
            notes += found.image.notes
    for root, found in built.items():
        service = graph.services[root]
        text = found.image.text if found.image is not None else seen.texts.get(found.dockerfile, "")
        node = _service(service, graph, found, taken, _set(text)) | _after(root, graph, names, built)
        made[names[root]] = node
        worker = command(service, "worker")
        if worker and found.image is not None and worker != command(service, "start"):
            apart = {key: value for key, value in node.items() if key not in ("ports", "healthcheck")}
            made[f"{names[root]}-worker"] = {**apart, "command": Flow(argv(worker))}
    return made, files, notes


def _names(seen: Seen, graph: Graph) -> dict[str, str]:
    """What each service is called: as in the compose file that is there, which people type its names of."""
    text = next((seen.texts[name] for name in NAMES if name in seen.texts), "")
    try:
        there = parse.table(parse.yaml(text), "services") if text else {}
    except parse.Broken:
        there = {}
    known: dict[str, str] = {}
    for name, value in there.items():
        built = parse.table(value).get("build")
        context = parse.string(built) or parse.string(parse.table(built).get("context"))
        root = posixpath.normpath(
            posixpath.join(context or ".", posixpath.dirname(parse.string(parse.table(built).get("dockerfile"))))
        )
        if built and root in graph.services and re.fullmatch(r"[\w.-]{1,60}", str(name)):
            known.setdefault(root, str(name))
    servers = [called(one) for one in graph.backing.values()]
    return slugs(list(graph.services.values()), servers) | {
        root: name for root, name in known.items() if name not in servers
    }


def _set(dockerfile: str) -> frozenset[str]:
    """The variables that an image sets: one that is passed on and is not set outside would be taken out of it again."""
    lines = re.findall(r"^[ \t]*ENV[ \t]+(.*)$", dockerfile.replace("\\\n", " "), re.MULTILINE | re.IGNORECASE)
    return frozenset(name for line in lines for name in re.findall(r"(?:^|[ \t])(\w+)(?==|[ \t]|$)", line))


def _service(service: Service, graph: Graph, found: Build, taken: set[int], own: frozenset[str]) -> Node:
    inner = port(service) if found.image is None else found.image.port
    node: Node = {"build": _build(found)}
    variables = environment_of(service, graph, inner)
    if variables := {name: value for name, value in variables.items() if value is not None or name not in own}:
        node["environment"] = variables
    if inner:
        outer = _free(inner, taken)
        node["ports"] = [f"{outer}:{inner}"]
    if found.image is not None and found.image.probe:
        node["healthcheck"] = _health(found.image.probe, 10)
    node["restart"] = "unless-stopped"
    return node


def _build(found: Build) -> Node | str:
    context = "." if found.context == "." else f"./{found.context}"
    if posixpath.dirname(found.dockerfile) in (
        found.context,
        "" if found.context == "." else found.context,
    ) and found.dockerfile.endswith("Dockerfile"):
        return context
    return {"context": context, "dockerfile": posixpath.relpath(found.dockerfile, found.context)}


def _after(root: str, graph: Graph, names: dict[str, str], built: dict[str, Build]) -> Node:
    """What must run before it, and must be healthy where that can be known."""
    waits: Node = {}
    for need in graph.needs.get(root, ()):
        if need in graph.backing and (kind := server(graph.backing[need])):
            waits[called(graph.backing[need])] = {"condition": "service_healthy" if kind.health else "service_started"}
        elif need in built:
            image = built[need].image
            waits[names[need]] = {
                "condition": "service_healthy" if image is not None and image.probe else "service_started"
            }
    return {"depends_on": waits} if waits else {}


def _free(wanted: int, taken: set[int]) -> int:
    while wanted in taken:
        wanted += 1
    taken.add(wanted)
    return wanted


# -- What runs behind them ------------------------------------------------------------------------------------------


def backing(seen: Seen, graph: Graph) -> tuple[dict[str, Node], list[str], list[str]]:
    """The servers by their names, the volumes that they keep their data in, and what is left out."""
    project = slug(posixpath.basename(seen.project.root.rstrip("/"))).replace("-", "_")
    read = {fact.value for service in graph.services.values() for fact in service.variables}
    made: dict[str, Node] = {}
    volumes: list[str] = []
    notes: list[str] = []
    for one in graph.backing.values():
        kind, name = server(one), called(one)
        if kind is None:
            notes.append(f"{pretty(safe(one.name, 40))} is not in it: how it is run is not known")
            continue
        node: Node = {"image": kind.image}
        if kind.command:
            node["command"] = Flow(kind.command)
        if variables := environment(kind, name, project, read):
            node["environment"] = variables
        if published := _published(one, kind):
            node["ports"] = published
        if kind.data:
            volumes.append(f"{name}-data")
            node["volumes"] = [f"{name}-data:{kind.data}"]
        if kind.health:
            node["healthcheck"] = _health(kind.health, kind.starts)
        node["restart"] = "unless-stopped"
        if one.profiles:
            node["profiles"] = [slug(profile) for profile in one.profiles]
        made[name] = node
    return made, volumes, notes


def environment_of(service: Service, graph: Graph, listens: int = 0) -> Node:
    """The variables of a service. One without a value here is passed on from outside, and stays unset where it is unset;
    only what names the machine of a server is known."""
    needed = [
        name for name in graph.needs.get(service.root, ()) if name in graph.backing and server(graph.backing[name])
    ]
    known = {variable: called(graph.backing[name]) for name in needed for variable in HOSTS.get(name, ())}
    sql = [called(graph.backing[name]) for name in needed if name in SQL]
    if len(sql) == 1:
        known |= dict.fromkeys(("DB_HOST", "DATABASE_HOST"), sql[0])
    if "redis" in needed:
        known["REDIS_URL"] = f"redis://{called(graph.backing['redis'])}:6379/0"
    if listens:
        known["PORT"] = str(listens)
    return {fact.value: known.get(fact.value) for fact in service.variables}


def called(one: Backing) -> str:
    """What a server is called, as its host name too."""
    return slug(one.label or one.name, "server")


def _published(one: Backing, kind: Server) -> list[str]:
    """Its port on this machine alone, so that no one else's machine reaches a database."""
    outer = one.ports[0] if one.ports else kind.port
    inner = kind.port or outer
    return [f"127.0.0.1:{outer}:{inner}"] if outer else []


def _ports(graph: Graph) -> Iterable[int]:
    for one in graph.backing.values():
        if kind := server(one):
            yield one.ports[0] if one.ports else kind.port


def _health(test: Iterable[str], starts: int) -> Node:
    body: Node = {"test": Flow(test), "interval": "10s", "timeout": "5s", "retries": 5}
    return {**body, "start_period": f"{starts}s"} if starts else body


def needed(servers: Iterable[Node]) -> list[str]:
    """The variables that servers cannot start without, by name."""
    values = [value for node in servers for value in node.get("environment", {}).values()]
    return sorted({name for value in values for name in re.findall(r"\$\{([A-Z_]+):\?", value)})


# -- YAML -----------------------------------------------------------------------------------------------------------


class Flow(list[str]):
    """A list that is written on one line."""

    def __init__(self, items: Iterable[str]) -> None:
        super().__init__(items)


def shown(document: Node) -> str:
    """A document as YAML as people write it: indented lists, commands on one line, no aliases."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def one_line(dumper: Any, items: Flow) -> Any:
        node = dumper.represent_sequence("tag:yaml.org,2002:seq", list(items), flow_style=True)
        for item in node.value:
            item.style = '"'
        return node

    Dumper.add_representer(Flow, one_line)

    def nothing(dumper: Any, _: None) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:null", "")

    Dumper.add_representer(type(None), nothing)
    text = yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=200)
    # An empty line before each service and each section, but not between a section's heading and its first entry.
    return re.sub(r"(?<=[^:\n]\n)(?=\w|  [\w.-]+:\n)", "\n", text)
