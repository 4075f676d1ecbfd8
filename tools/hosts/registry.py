"""Which kinds of hosts there are; adding one is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import Usage
from .base import Host
from .local import LocalHost

HOSTS: dict[str, Callable[[str], Host]] = {
    "local": lambda _: LocalHost(),
}
"""Maker by kind; it is given what stands after `KIND:`."""


def open_host(name: str) -> Host:
    """The host that people write as `name`. Raises Usage for a kind that this version cannot reach."""
    kind, _, rest = name.partition(":")
    if kind in HOSTS:
        return HOSTS[kind](rest)
    raise Usage(
        f"cannot work on host {name!r}", f"This version works on: {', '.join(HOSTS)}. Leave --on out for this machine."
    )
