"""Committed examples of .env files: the variables that a service wants, the databases and the services that their values name."""

from __future__ import annotations

import re

from .addresses import database, hosts
from .dotenv import EXAMPLES, LINE
from .draft import Draft
from .gathered import Gathered

_HERE = re.compile(r"@?(?:localhost|127\.0\.0\.1|\[::1\]|host\.docker\.internal):(\d{1,5})\b")


def apply(draft: Draft, gathered: Gathered) -> None:
    """Add what the service's own example says."""
    for name in EXAMPLES:
        for variable, value in LINE.findall(draft.text(name)):
            draft.variable(variable, name, variable, 1.0, rule="declared")
            found = database(value)
            if found is not None:
                draft.database(found, name, variable, 0.85)
                if (port := _HERE.search(value)) and found != "sqlite":
                    gathered.ports.setdefault(found, int(port[1]))
                continue
            if variable == "PORT" and re.fullmatch(r"\s*\d{2,5}\s*", value):
                draft.port(int(value), name, variable, 0.9)
            for host, port in hosts(variable, value):
                gathered.call(draft, host, draft.at(name), variable, 0.75, "environment", port=port)
