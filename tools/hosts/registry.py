"""Which kinds of hosts there are; adding one is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from ..errors import Usage
from .base import Host

HOSTS: dict[str, str] = {
    "local": "local",
    "docker": "docker",
    "ssh": "ssh",
    "vm": "vm",
}
"""Module by kind, imported when the kind is used: its `open_host(rest)` makes the host, without connecting, from what
stands after `KIND:`; its `exists(name)` tells whether a bare name means one of its machines."""


class Hosts:
    """The hosts that one session or command has open: one connection each, kept until `close`."""

    def __init__(self) -> None:
        self._open: dict[str, Host] = {}

    def open(self, name: str) -> Host:
        """The host that people write as `name`; connects when it is first used. Raises Usage."""
        full = canonical(name)
        if full not in self._open:
            kind, _, rest = full.partition(":")
            make: Callable[[str], Host] = import_module(f".{HOSTS[kind]}", __package__).open_host
            self._open[full] = make(rest)
        return self._open[full]

    async def close(self) -> None:
        """Let every connection go."""
        for host in self._open.values():
            await host.close()
        self._open.clear()


def canonical(name: str) -> str:
    """The full name of a host: `USER@HOST` is SSH, and a bare name means the machine of that name that exists.

    Raises Usage for a kind that there is not, and for a bare name that means nothing or more than one machine.
    """
    kind, colon, _ = name.partition(":")
    if name == "local" or (colon and kind in HOSTS):
        return name
    if "@" in name and "ssh" in HOSTS:
        return f"ssh:{name}"
    found = [kind for kind, module in HOSTS.items() if kind != "local" and not colon and _exists(module, name)]
    if len(found) == 1:
        return f"{found[0]}:{name}"
    if found:
        raise Usage(
            f"{name!r} is the name of several machines", f"Say which: {', '.join(f'{k}:{name}' for k in found)}."
        )
    raise Usage(
        f"there is no host {name!r}",
        "A host is written local, docker:NAME, ssh:USER@HOST or vm:NAME; `envsync doctor` says which work here.",
    )


def _exists(module: str, name: str) -> bool:
    exists: Callable[[str], bool] = import_module(f".{module}", __package__).exists
    return exists(name)
