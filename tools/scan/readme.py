"""What a README says of where to look once the program runs: its only address on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .addresses import PORTS
from .draft import Draft

READS = (
    *("README.md", "README.rst", "README.txt", "README", "Readme.md", "readme.md"),
    *(
        "README.markdown",
        "README.adoc",
        "README.org",
        "README.mkd",
        "README.pod",
        "ReadMe.md",
        "readme.txt",
        "readme.rst",
    ),
)
LONGEST = 100_000
"""Characters that are looked at."""
_ADDRESS = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):(\d{2,5})\b")
_AMBIGUOUS = frozenset({8000, 8080, 9000})
"""Ports of databases that are as often a program's own."""
_BESIDE = frozenset(PORTS.values()) - _AMBIGUOUS | {3100, 9090, 9093, 16686, 8025, 15672, 5601, 9411, 4318, 11434}
"""Where databases and what one watches programs with listen."""


def apply(drafts: Mapping[str, Draft]) -> None:
    """Add the port of the only address that a server's README names, where nothing surer is known than a habit."""
    servers = [draft for draft in drafts.values() if draft.best_role in ("backend", "frontend")]
    for draft in drafts.values():
        if draft.best_role not in ("backend", "frontend") or any(f.confidence > 0.55 for f in draft.ports.values()):
            continue
        path = next((draft.at(name) for name in READS if draft.has(name)), "")
        sure = 0.7
        if not path and len(servers) == 1:
            # The project's own README speaks of the only server in it.
            path, sure = next((name for name in READS if name in draft.tree.texts), ""), 0.5
        ports = {int(port) for port in _ADDRESS.findall(draft.tree.texts.get(path, "")[:LONGEST])} - _BESIDE
        if len(ports) == 1:
            draft.port(ports.pop(), f"/{path}", "an address in it", sure)
