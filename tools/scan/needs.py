"""What has to run before each service, and in which order everything starts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..fingerprint import Evidence, Fact
from . import images
from .addresses import HERE, called_by
from .alternatives import alternatives
from .draft import Draft
from .gathered import Call, Gathered
from .ignore import is_example
from .mentions import mentions
from .parse import string
from .text import safe

URL = ("host-and-port", "://", r"://((?:[a-z][a-z0-9.-]{0,60}|127\.0\.0\.1):\d{2,5})\b")
"""Of all source: hosts with a port that it names."""
READS = (
    "nginx*.conf",
    "*.nginx.conf",
    "default.conf",
    "default.conf.template",
    "*nginx*/*.conf",
    "Caddyfile",
    "proxy.conf.json",
    "proxy.conf.js",
)
_PROXIES = (".conf", ".conf.template", "Caddyfile", "proxy.conf.json", "proxy.conf.js")
CYCLES = 10
"""Circles that are said."""
_SOURCE = (".js", ".ts", ".mjs", ".cjs", ".mts", ".cts", ".py", ".rb", ".php", ".exs", ".kts")
_FORWARDS = re.compile(
    r"(?:proxy_pass[ \t]+|reverse_proxy[ \t]+|server[ \t]+|uwsgi_pass[ \t]+|fastcgi_pass[ \t]+|grpc_pass[ \t]+|\"?target\"?[ \t]*:[ \t]*[\"'])"
    r"(?:\w{2,8}://)?([A-Za-z][\w.-]{0,60}|127\.0\.0\.1)(?::(\d{2,5}))?"
)
_SHOWN = ("frontend", "static")
"""Roles of what is called by people, so that an address of it says who calls, not who is called."""
_STARTED = ("backend", "frontend", "worker", "proxy", "database", "cache")


def gather(draft: Draft, gathered: Gathered) -> None:
    """What the service's own source and its proxies' settings call."""
    for hit in draft.hits("host-and-port")[:500]:
        host, _, port = hit.value.rpartition(":")
        gathered.call(draft, host, hit.path, f"line {hit.line}", 0.75, "source", port=int(port))
    proxy = string(draft.json("package.json").get("proxy")) if '"proxy"' in draft.text("package.json") else ""
    if found := re.match(r"\w{2,8}://([A-Za-z][\w.-]{0,60}|127\.0\.0\.1):(\d{2,5})\b", proxy):
        gathered.call(draft, found[1], draft.at("package.json"), "proxy", 0.8, "proxy", port=int(found[2]))
    for path in draft.files:
        if path not in draft.tree.texts or is_example(draft.inner(path)):
            continue
        if path.endswith(_PROXIES):
            _forwards(draft, path, gathered)
        elif path.endswith(_SOURCE):
            # What a detector reads whole was not searched with the other source.
            for _, value, line in mentions(draft.tree.texts[path], (URL,)):
                host, _, port = value.rpartition(":")
                gathered.call(draft, host, path, f"line {line}", 0.75, "source", port=int(port))


def _forwards(draft: Draft, path: str, gathered: Gathered) -> None:
    for number, line in enumerate(draft.tree.texts[path].splitlines()[:2_000], 1):
        for host, port in _FORWARDS.findall(line[:400].partition("#")[0]):
            gathered.call(draft, host, path, f"line {number}", 0.75, "proxy", port=int(port or 0))


def resolve(drafts: Sequence[Draft], gathered: Gathered) -> None:
    """Fill in `needs`: the databases of every service that runs, and the other services that it calls."""
    here = {draft.root: draft for draft in drafts}
    by_name, by_port = _names(drafts), _ports(drafts, gathered)
    explicit = {
        call.root for call in gathered.calls if call.explicit and call.meant and call.meant.value in images.DATABASES
    }
    for draft in drafts:
        if draft.best_role in ("library", "workspace"):
            continue
        unchosen = alternatives(draft, gathered)
        for name, fact in draft.databases.items():
            # Where a file lists what must run before it, what its source only mentions is one of several that would do.
            least = 0.8 if draft.root in explicit else 0.51
            if name not in images.EMBEDDED and name not in unchosen and fact.confidence >= least:
                draft.keep(draft.needs, name, fact.model_copy(update={"rule": "database"}))
    for call in gathered.calls:
        draft = here.get(call.root)
        if draft is None or draft.best_role in ("library", "workspace") or call.confidence <= 0.5:
            continue
        meant = call.meant or gathered.means(call.host)
        if meant and not meant.own:
            if call.rule != "source":
                _beside(draft, meant.value, call)
            continue
        target, sure = (meant.value, call.confidence) if meant else _target(draft, call, by_name, by_port)
        other = here.get(target)
        if other is None or other is draft or not _may(draft, other, call):
            continue
        draft.keep(draft.needs, target, _fact(target, call, sure))


def _fact(target: str, call: Call, sure: float) -> Fact:
    evidence = (Evidence(path=safe(call.path, 400), key=safe(call.key, 120)),)
    return Fact(value=target, confidence=round(sure, 3), rule=call.rule, evidence=evidence)


def _beside(draft: Draft, name: str, call: Call) -> None:
    """Something beside the project's own services: a database that it talks to, or what a file says it waits for."""
    if name in images.DATABASES:
        draft.database(name, f"/{call.path}", call.key, call.confidence)
    if name in images.DATABASES or call.explicit:
        draft.keep(draft.needs, name, _fact(name, call, call.confidence))


def _names(drafts: Sequence[Draft]) -> dict[str, str]:
    """The root of the one service that a host name can mean."""
    found: dict[str, set[str]] = {}
    for draft in drafts:
        own = {draft.root.rpartition("/")[2].lower(), draft.name.rpartition("/")[2].lower()} - {".", ""}
        for name in own:
            found.setdefault(name, set()).add(draft.root)
    return {name: roots.pop() for name, roots in found.items() if len(roots) == 1}


def _ports(drafts: Sequence[Draft], gathered: Gathered) -> dict[int, tuple[str, float]]:
    """The one service that listens on a port of this machine, and how sure that is."""
    found: dict[int, dict[str, float]] = {}
    for draft in drafts:
        if draft.best_role in ("library", "workspace"):
            continue
        best = max((fact.confidence for fact in draft.ports.values()), default=0.0)
        for port, fact in draft.ports.items():
            if fact.confidence >= min(0.6, best):
                found.setdefault(int(port), {})[draft.root] = fact.confidence
    ports: dict[int, tuple[str, float]] = {}
    for port, roots in found.items():
        ranked = sorted(roots.items(), key=lambda item: -item[1])
        # What a file says outright goes before what is only a framework's default.
        if len(ranked) == 1 or (ranked[0][1] >= 0.85 and ranked[1][1] < 0.85):
            ports[port] = ranked[0][0], 0.65 if ranked[0][1] > 0.5 else 0.55
    for port, root in gathered.published.items():
        if root:
            ports[port] = root, 0.7
    return ports


def _target(
    draft: Draft, call: Call, by_name: Mapping[str, str], by_port: Mapping[int, tuple[str, float]]
) -> tuple[str, float]:
    if call.host in HERE:
        if str(call.port) in draft.ports and draft.ports[str(call.port)].confidence >= 0.5:
            return "", 0.0
        return by_port.get(call.port, ("", 0.0))
    return by_name.get(call.host, ""), call.confidence


def _may(draft: Draft, other: Draft, call: Call) -> bool:
    """Whether a call can mean that the other has to run before: a page that people open never does unless a file says so."""
    if other.best_role in ("library", "workspace"):
        return False
    if call.explicit:
        return True
    if called_by(call.key.rpartition(".")[2]) and call.rule == "environment":
        return False
    return other.best_role not in _SHOWN and (other.best_role != "worker" or call.port > 0)


# -- the order ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Edge:
    sure: float
    after: str
    before: str
    evidence: tuple[Evidence, ...] = ()


def order(drafts: Sequence[Draft], gathered: Gathered) -> tuple[tuple[str, ...], ...]:
    """The waves of the start: first what services talk to, then the services, each after what it needs."""
    services = {draft.root: draft for draft in drafts if starts(draft, gathered)}
    roots = {draft.root for draft in drafts}
    names = _beneath({need for draft in services.values() for need in draft.needs if need not in roots}, gathered)
    if not services and not names:
        names = _beneath({one.name for one in gathered.backing.values() if one.image and not one.profiles}, gathered)
    edges = [_Edge(1.0, name, other) for name in names for other in gathered.requires.get(name, ()) if other in names]
    edges += [
        _Edge(fact.confidence, root, need, fact.evidence[:1])
        for root, draft in services.items()
        for need, fact in draft.needs.items()
        if need in services
    ]
    first = _waves(names, [edge for edge in edges if edge.after in names], gathered)
    then = _waves(set(services), [edge for edge in edges if edge.after in services], gathered)
    return (*first, *then)


def starts(draft: Draft, gathered: Gathered) -> bool:
    """Whether a service is something that is started: no library, and no pages that nothing serves."""
    if draft.best_role in ("library", "workspace") or draft.root in gathered.asked:
        return False
    # The command for a mere folder of pages is a guess of this scan, and no sign that anything serves them.
    least = 0.5 if draft.best_role == "static" else 0.4
    runs = any(
        draft.commands[purpose].confidence >= least
        for purpose in ("start", "dev", "worker")
        if purpose in draft.commands
    )
    return runs or draft.root in gathered.composed or (draft.best_role in _STARTED and bool(draft.roles))


def _beneath(names: set[str], gathered: Gathered) -> set[str]:
    """They and all that those need, which are beside the project's own services too."""
    known = {one.name for one in gathered.backing.values()}
    found: set[str] = set()
    left = sorted(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += sorted(gathered.requires.get(name, set()) & known)
    return found


def _waves(nodes: set[str], edges: list[_Edge], gathered: Gathered) -> list[tuple[str, ...]]:
    """Waves of what waits for nothing that is left; of a circle the least sure link is cut, and that is said."""
    waits: dict[str, dict[str, _Edge]] = {node: {} for node in nodes}
    for edge in edges:
        if edge.before in nodes and edge.before != edge.after:
            waits[edge.after][edge.before] = edge
    found: list[tuple[str, ...]] = []
    left = set(nodes)
    while left:
        ready = sorted(node for node in left if not waits[node].keys() & left)
        if not ready:
            _cut(waits, left, gathered)
            continue
        found.append(tuple(ready))
        left.difference_update(ready)
    return found


def _cut(waits: dict[str, dict[str, _Edge]], left: set[str], gathered: Gathered) -> None:
    circle = _circle(waits, left)
    links = [waits[after][before] for after, before in zip(circle, [*circle[1:], circle[0]], strict=True)]
    edge = min(links, key=lambda link: (link.sure, link.after, link.before))
    del waits[edge.after][edge.before]
    after, before = safe(edge.after, 60), safe(edge.before, 60)
    if sum(fact.rule == "cycle" for fact in gathered.findings) >= CYCLES:
        return
    shown = " -> ".join(safe(name, 60) for name in [*circle[:8], circle[0]])
    value = f"these need each other: {shown}; the order of the start leaves out that {after} needs {before}"
    gathered.findings.append(Fact(value=value[:400], rule="cycle", evidence=edge.evidence))


def _circle(waits: Mapping[str, Mapping[str, _Edge]], left: set[str]) -> list[str]:
    """One circle among nodes each of which waits for another of them."""
    path = [min(left)]
    seen = {path[0]: 0}
    while True:
        following = min(name for name in waits[path[-1]] if name in left)
        if following in seen:
            return path[seen[following] :]
        seen[following] = len(path)
        path.append(following)
