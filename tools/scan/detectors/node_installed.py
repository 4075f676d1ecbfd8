"""Published JavaScript packages that are a server, although other code may import them too."""

from __future__ import annotations

import re
from collections.abc import Collection

from ..draft import Draft
from ..parse import Node, string, strings
from .node_known import FRAMEWORKS
from .node_source import said

_SERVER = re.compile(r"\b(?:servers?|proxy|daemon|gateway|broker|registry)\b", re.IGNORECASE)
"""How such a package speaks of itself."""
_ASIDE = re.compile(
    r"(?:^|[/_.-])(?:preview|serve|coverage|docs?|reports?|reporter|watch|watcher|dev|demo|browse|open|ui|live|livereload|login|auth|callback|oauth)(?:[/_.-]|$)"
)
"""Files of tools that serve only what they made, or only when they are asked to."""
_BUILT = frozenset({"build", "dist", "out", "lib"})
"""Folders that are made of `src` before it is published."""


def is_server(draft: Draft, content: Node, files: Collection[str], wanted: Collection[str]) -> bool:
    """Whether what is published listens: `files` are those of `main` and `bin`, `wanted` the packages it depends on."""
    places = _places(draft, files)
    hits = [hit for hit in said(draft, "js-listen") if draft.inner(hit.path).startswith(places)]
    if all(aside(draft.inner(hit.path)) for hit in hits):
        return False
    about = " ".join((string(content.get("name")), string(content.get("description"))[:300], *strings(content.get("keywords"))[:30]))  # fmt: skip
    framed = any(known.role == "backend" and name in wanted for name, known in FRAMEWORKS.items())
    return framed or bool(_SERVER.search(about))


def aside(path: str) -> bool:
    """Whether a file's name says that it only serves what a tool made, or on request."""
    return _ASIDE.search(path) is not None


def _places(draft: Draft, files: Collection[str]) -> tuple[str, ...]:
    """How the paths begin of what is published: those files, what lies beside them, and what they are built from."""
    tops = {draft.inner(path).partition("/")[0] for path in draft.files}
    found: list[str] = []
    for file in files:
        folder, top = file.rpartition("/")[0], file.partition("/")[0]
        found += [f"{folder}/"] if folder else [file, "lib/", "src/", "server/"]
        found += ["src/"] if folder and top in _BUILT and top not in tops else []
    return tuple(found)
