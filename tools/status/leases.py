"""What EnvSync made and still has, from its ledger: nothing is asked of an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..errors import EnvSyncError
from ..made.kinds import kind
from ..made.ledger import Ledger, Made
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
    on: str = ""
    """The host of a service."""
    port: int | None = None
    """Where a service listens, on 127.0.0.1 of its host."""
    project: str = ""
    """Whose service it is."""
    runs: str = ""
    """Of a service on the host that was asked about: running, stopped, or what is wrong with it."""

    def line(self, now: datetime) -> str:
        """For people: its name, what it is, and how long it has."""
        host = {"container": "docker:", "vm": "vm:", "service": ""}.get(self.kind, f"{self.kind}:")
        parts = [f"{host}{shown(self.name)}: {shown(self.what)}", STATES.get(self.state, self.state), shown(self.runs)]
        if self.on not in ("", "local"):
            parts.append(f"on {shown(self.on)}")
        if self.state != "ending":
            parts.append(left(self.until, now))
        if self.error:
            parts.append(f"could not be removed: {shown(self.error.splitlines()[0])}; it is tried again")
        return ", ".join(part for part in parts if part)


async def leases(state: Path, host: str) -> tuple[Leased, ...]:
    """All of it, in the order in which it was made; the services of `host` are asked how they are. Raises Failed when
    the ledger cannot be read."""
    living = Ledger(state).living()
    asked = [made for made in living if made.kind == "service" and made.place == host]
    said = await asyncio.gather(*(_runs(made, state) for made in asked))
    runs = {made.id: word for made, word in zip(asked, said, strict=True)}
    return tuple(_leased(made, runs.get(made.id, "")) for made in living)


def _leased(made: Made, runs: str) -> Leased:
    ours = made.kind == "service"
    return Leased(
        name=made.name, kind=made.kind, what=made.what, state=made.state, error=made.error, runs=runs,
        until=None if made.until is None else datetime.fromtimestamp(made.until, UTC),
        on=made.place if ours else "", port=int(made.data.get("port", 0)) if ours else None,
        project=str(made.data.get("project", "")) if ours else "",
    )  # fmt: skip


async def _runs(made: Made, state: Path) -> str:
    try:
        return await kind(made.kind).alive(made, state) or "gone"
    except EnvSyncError as error:
        return f"not to be seen now: {error.what}"


def counted(made: Sequence[Leased]) -> list[str]:
    """How many there are of what people tell apart: services of projects, and sandboxes."""
    services = sum(each.kind == "service" for each in made)
    found = [(len(made) - services, "sandbox"), (services, "service of a project")]
    return [
        count(number, noun).replace("service of a projects", "services of projects") for number, noun in found if number
    ]


def left(until: datetime | None, now: datetime) -> str:
    """`57 minutes left`, rounded down; empty for what has no lease."""
    if until is None:
        return ""
    seconds = (until - now).total_seconds()
    for size, unit in UNITS[3:]:
        if seconds >= size:
            return f"{count(int(seconds // size), unit)} left"
    return "less than a minute left" if seconds > 0 else "its lease has ended"
