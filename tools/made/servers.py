"""The servers that EnvSync made for a project, as others may want to know them."""

from __future__ import annotations

from pathlib import Path

from .ledger import Ledger

SAME = {"mariadb": "mysql"}
"""Databases that the scan knows by another name."""


def ports(state: Path, host: str, project: Path) -> dict[str, int]:
    """Where they listen on 127.0.0.1 of that host, by the database's canonical name."""
    found: dict[str, int] = {}
    for made in Ledger(state).living():
        about = made.data
        if made.kind == "service" and made.place == host and about.get("project") == str(project):
            kind, port = about.get("kind"), about.get("port")
            if isinstance(kind, str) and isinstance(port, int):
                found[SAME.get(kind, kind)] = port
    return found
