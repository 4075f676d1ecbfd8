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
    hits = [hit for hit in said(draft, "js-listen") if _published(draft, draft.inner(hit.path), files)]
    if all(aside(draft.inner(hit.path)) for hit in hits):
        return False
    about = " ".join((string(content.get("name")), string(content.get("description"))[:300], *strings(content.get("keywords"))[:30]))  # fmt: skip
    framed = any(known.role == "backend" and name in wanted for name, known in FRAMEWORKS.items())
    return framed or bool(_SERVER.search(about))


def aside(path: str) -> bool:
    """Whether a file's name says that it only serves what a tool made, or on request."""
    return _ASIDE.search(path) is not None


def _published(draft: Draft, path: str, files: Collection[str]) -> bool:
    """Whether a file is one of those that are published, lies beside it, or is what it is built from."""
    for file in files:
        folder = file.rpartition("/")[0]
        if path == file or (folder and path.startswith(f"{folder}/")):
            return True
        top = file.partition("/")[0]
        there = any(draft.inner(one).startswith(f"{top}/") for one in draft.files)
        if top in _BUILT and not there and path.startswith("src/"):
            return True
        if not folder and path.startswith(("lib/", "src/", "server/")):
            return True
    return False
