"""What libraries say about a service in Clojure, and what its source says of ports."""

from __future__ import annotations

import re

from ..draft import Draft
from .base import Known
from .jvm import CLIENTS, Needed

FRAMEWORKS = {
    "compojure:compojure": Known("Compojure", "backend", 0, 0.9),
    "metosin:reitit": Known("Reitit", "backend", 0, 0.8),
    "metosin:compojure-api": Known("Compojure API", "backend", 0, 0.9),
    "io.pedestal:pedestal.": Known("Pedestal", "backend", 8080, 0.9),
    "ring:ring": Known("Ring", "backend", 0, 0.85),
    "info.sunng:ring-jetty9-adapter": Known("Ring", "backend", 0, 0.85),
    "http-kit:http-kit": Known("http-kit", "backend", 8090, 0.8),
    "aleph:aleph": Known("Aleph", "backend", 0, 0.8),
    "luminus-": Known("Luminus", "backend", 3000, 0.9),
    "io.github.kit-clj:kit-": Known("Kit", "backend", 3000, 0.9),
    "com.biffweb:biff": Known("Biff", "backend", 8080, 0.9),
    "com.walmartlabs:lacinia": Known("Lacinia", "", 0, 0.8),
    "reagent:reagent": Known("Reagent", "frontend", 0, 0.7),
    "re-frame:re-frame": Known("re-frame", "frontend", 0, 0.8),
    "com.fulcrologic:fulcro": Known("Fulcro", "frontend", 0, 0.7),
    "rum:rum": Known("Rum", "frontend", 0, 0.6),
}
_SERVERS = re.compile(r"jetty|undertow|http-kit|aleph|pedestal|luminus|kit-clj|biff|^ring:ring$")
"""Libraries that listen; routes and middleware alone do not."""


def library(name: str, version: str, path: str) -> Needed:
    """`ring` is short for `ring/ring`."""
    group, _, artifact = name.partition("/")
    return Needed(f"{group}:{artifact or group}", path, version)


def judge(draft: Draft, manifest: str, needed: list[Needed], starts: bool) -> None:
    """Add frameworks, databases, the version of the language, and the role that follows."""
    serves = any(_SERVERS.search(one.name) for one in needed)
    for one in needed:
        if one.name == "org.clojure:clojure" and re.match(r"\d", one.version):
            draft.runtime("clojure", one.version, manifest, "org.clojure/clojure")
        for start, known in FRAMEWORKS.items():
            if one.name.startswith(start) and ("mock" not in one.name and "devel" not in one.name):
                draft.framework(known.name, one.path, one.name, known.confidence)
                if known.role == "frontend" or (known.role and starts and serves):
                    draft.role(known.role, known.confidence)
        for start, database in CLIENTS.items():
            if one.name.startswith(start):
                draft.database(database, one.path, one.name)
    draft.role("job" if starts else "library", 0.3 if starts else 0.4)


def listens(draft: Draft, manifest: str) -> None:
    """Add ports, of a backend only."""
    if draft.best_role != "backend":
        return
    for hit in draft.hits("clj-port"):
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    for known in FRAMEWORKS.values():
        if known.port and known.name in draft.frameworks and not draft.ports:
            sure = 0.8 if known.confidence >= 0.9 else 0.5
            draft.port(known.port, manifest, f"the default of {known.name}", sure)
