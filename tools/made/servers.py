"""The servers that EnvSync made for a project, as others may want to know them."""

from __future__ import annotations

from pathlib import Path

from .ledger import Ledger, Made

KIND = "service"
"""Of the ledger's lines about them."""


def canonical(kind: str) -> str:
    """A database as the scan knows it: `mariadb` reads what MySQL reads."""
    return "mysql" if kind == "mariadb" else kind


def of(state: Path, host: str, project: Path | None = None) -> list[Made]:
    """The lines of those that live on a host, of one project or of all, in the order in which they were made."""
    return [
        made
        for made in Ledger(state).living()
        if made.kind == KIND and made.place == host and (project is None or made.data.get("project") == str(project))
    ]


def ports(state: Path, host: str, project: Path) -> dict[str, int]:
    """Where they listen on 127.0.0.1 of that host, by the database's canonical name."""
    found: dict[str, int] = {}
    for made in of(state, host, project):
        kind, port = made.data.get("kind"), made.data.get("port")
        if isinstance(kind, str) and isinstance(port, int):
            found[canonical(kind)] = port
    return found
