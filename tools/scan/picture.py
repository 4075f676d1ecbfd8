"""The picture of a project as a tree: what starts first, what then, and what each part needs. For terminals and pipes alike."""

from __future__ import annotations

from ..contract import Tree
from ..fingerprint import Backing, Project, Service
from .say import describe, pretty
from .text import listed, safe
from .write.base import port
from .write.graph import Graph

FIRST = ("starts first", "starts second", "starts third")


def tree(project: Project) -> Tree | None:
    """The tree; None where it would say nothing that the table of the only service does not."""
    graph = Graph(project)
    if len(graph.services) + len(graph.backing) < 2:
        return None
    shared = [fact.value for fact in project.shared if fact.rule in ("workspace", "monorepo")]
    title = safe(project.root, 200) + (f"  ({listed(list(dict.fromkeys(shared)), 4)})" if shared else "")
    nodes = {name: _backing(backing) for name, backing in graph.backing.items()}
    nodes |= {root: _service(service, graph) for root, service in graph.services.items()}
    waves = [[nodes.pop(name) for name in wave if name in nodes] for wave in graph.waves]
    if len(waves) < 2:
        return Tree(title, [*(Tree(label) for wave in waves for label in wave), *map(Tree, nodes.values())])
    parts = [
        Tree(FIRST[number] if number < len(FIRST) else f"starts {number + 1}th", [Tree(label) for label in wave])
        for number, wave in enumerate(waves)
    ]
    return Tree(title, [*parts, *([Tree("not started", [*map(Tree, nodes.values())])] if nodes else [])])


def _service(service: Service, graph: Graph) -> str:
    name = safe(service.name if service.root == "." else service.root, 60)
    listens = f"  :{port(service)}" if port(service) else ""
    needs = [_called(need, graph) for need in graph.needs.get(service.root, ())]
    return f"{name}  {describe(service)}{listens}" + (f"  needs {listed(needs, 5)}" if needs else "")


def _backing(backing: Backing) -> str:
    version = f" {safe(backing.version, 30)}" if backing.version else ""
    ports = "".join(f"  :{number}" for number in backing.ports[:2])
    kind = f"  {backing.role}" if backing.role != "unknown" else ""
    source = f"  ({safe(backing.evidence[0].path, 60)})" if backing.evidence else ""
    request = "  only on request" if backing.profiles else ""
    return f"{pretty(safe(backing.name, 60))}{version}{kind}{ports}{request}{source}"


def _called(name: str, graph: Graph) -> str:
    service = graph.services.get(name)
    return pretty(safe(name, 40)) if service is None or service.root != "." else safe(service.name, 40)
