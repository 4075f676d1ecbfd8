"""What EnvSync made and still has, from its ledger: nothing is asked of an engine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ..made.ledger import Ledger
from ..moments.say import UNITS, count, shown
from ..plan import Data

STATES = {"wanted": "being made", "made": "", "ending": "being removed"}


class Leased(Data):
    """A sandbox or another thing that EnvSync made."""

    name: str
    kind: str
    what: str
    state: str
    """made, wanted (being made, or left half-way) or ending (being removed)."""
    until: datetime | None = None
    """When its lease ends."""
    error: str = ""
    """Why it could not be removed the last time."""

    def line(self, now: datetime) -> str:
        """For people: its name, what it is, and how long it has."""
        host = {"container": "docker", "vm": "vm"}.get(self.kind, self.kind)
        parts = [f"{host}:{shown(self.name)}: {shown(self.what)}", STATES.get(self.state, self.state)]
        if self.state != "ending":
            parts.append(left(self.until, now))
        if self.error:
            parts.append(f"could not be removed: {shown(self.error.splitlines()[0])}; it is tried again")
        return ", ".join(part for part in parts if part)


def leases(state: Path) -> tuple[Leased, ...]:
    """All of it, in the order in which it was made. Raises Failed when the ledger cannot be read."""
    return tuple(
        Leased(
            name=made.name, kind=made.kind, what=made.what, state=made.state, error=made.error,
            until=None if made.until is None else datetime.fromtimestamp(made.until, UTC),
        )
        for made in Ledger(state).living()
    )  # fmt: skip


def left(until: datetime | None, now: datetime) -> str:
    """`57 minutes left`, rounded down; empty for what has no lease."""
    if until is None:
        return ""
    seconds = (until - now).total_seconds()
    for size, unit in UNITS[3:]:
        if seconds >= size:
            return f"{count(int(seconds // size), unit)} left"
    return "less than a minute left" if seconds > 0 else "its lease has ended"
