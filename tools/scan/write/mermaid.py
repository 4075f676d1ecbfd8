"""A picture of the project as a Mermaid flowchart, which GitHub, GitLab and editors draw."""

from __future__ import annotations

import re

from ...fingerprint import Backing, Project, Service
from ..say import pretty
from ..text import safe
from .base import port
from .graph import Graph

_ACTIVE = re.compile(r"[^\w .,:/@+=·()-]")
_MARKDOWN = re.compile(r"^(\d{1,9}[.)]|[-+])(?= )")
STYLES = (
    "classDef service fill:#e7f0fd,stroke:#3b6fb6,color:#12263f",
    "classDef library fill:#f3f3f3,stroke:#999999,color:#333333",
    "classDef backing fill:#fdf3e1,stroke:#c08a2b,color:#3f2c0a",
)


def render(project: Project) -> str:
    """The whole document: services with role, framework and port, what runs behind them, and what needs what.

    What starts together stands in one box. Every label is quoted, and every character of it that could mean something to
    Mermaid, to Markdown or to HTML is written by its number.
    """
    graph = Graph(project)
    ids = {name: f"b{number}" for number, name in enumerate(graph.backing)}
    ids |= {root: f"s{number}" for number, root in enumerate(graph.services)}
    if not ids:
        return 'flowchart LR\n  none["nothing was found that runs"]\n'
    nodes = {name: _backing(ids[name], backing) for name, backing in graph.backing.items()}
    nodes |= {root: _service(ids[root], service) for root, service in graph.services.items()}
    lines = ["flowchart LR"]
    waves = graph.waves if len(graph.waves) > 1 else ()
    for number, wave in enumerate(waves, 1):
        lines += [f'  subgraph start{number}["{_label(_ordinal(number))}"]']
        lines += [f"    {nodes.pop(name)}" for name in wave]
        lines += ["  end"]
    lines += [f"  {node}" for node in nodes.values()]
    lines += [f"  {ids[root]} --> {ids[name]}" for root, needed in graph.needs.items() for name in needed]
    lines += [f"  {style}" for style in STYLES]
    return "\n".join(lines) + "\n"


def _service(id: str, service: Service) -> str:
    """A box; a worker is rounded, a library has double walls."""
    kind = " · ".join([service.role, *(fact.value for fact in service.frameworks[:1])])
    place = [service.root] if service.root not in (".", service.name) else []
    parts = [service.name, *place, kind, *([f":{port(service)}"] if port(service) else [])]
    left, right = {"worker": ("([", "])"), "job": ("([", "])"), "library": ("[[", "]]")}.get(service.role, ("[", "]"))
    group = "library" if service.role == "library" else "service"
    return f'{id}{left}"{_label(*parts)}"{right}:::{group}'


def _backing(id: str, backing: Backing) -> str:
    """A cylinder for what keeps data, a lean box for the rest."""
    title = f"{pretty(backing.name)} {backing.version}".strip()
    ports = [f":{number}" for number in backing.ports[:2]]
    left, right = ("[(", ")]") if backing.role in ("database", "cache", "storage", "search") else ("[/", "/]")
    return f'{id}{left}"{_label(title, *ports)}"{right}:::backing'


def _label(*parts: str) -> str:
    """Lines of a label; one without a letter would be a syntax error."""
    shown = [safe(part.strip(), 60) for part in parts]
    return "<br/>".join(_escaped(part) for part in shown if part) or "unnamed"


def _escaped(text: str) -> str:
    """Characters by their number where they are not letters, digits or plain signs."""
    text = _ACTIVE.sub(lambda found: f"#{ord(found[0])};", text)
    # A label that begins like a list is drawn as an error: "Unsupported markdown".
    return _MARKDOWN.sub(lambda found: "".join(c if c.isdigit() else f"#{ord(c)};" for c in found[0]), text)


def _ordinal(number: int) -> str:
    return f"starts {('first', 'second', 'third')[number - 1]}" if number < 4 else f"starts {number}th"
