"""Services (postgresql, redis, …): satisfied when one answers on its port, else Debian's package; starting is not managed yet."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from ...contract import Context
from ...errors import Failed, Usage
from ...hosts.here import helped
from ..names import shown
from ..part import Part
from . import apt

ALIASES = {"postgres": "postgresql", "pg": "postgresql", "mongo": "mongodb", "rabbit": "rabbitmq", "maria": "mariadb"}


@dataclass(frozen=True)
class Kind:
    """A service's usual port and Debian's package for it (empty where Debian has none)."""

    port: int
    debian: str


KINDS = {
    "postgresql": Kind(5432, "postgresql"),
    "mysql": Kind(3306, "default-mysql-server"),
    "mariadb": Kind(3306, "mariadb-server"),
    "redis": Kind(6379, "redis-server"),
    "memcached": Kind(11211, "memcached"),
    "rabbitmq": Kind(5672, "rabbitmq-server"),
    "mongodb": Kind(27017, ""),
    "elasticsearch": Kind(9200, ""),
    "nginx": Kind(80, "nginx-light"),
}


def parse(text: str) -> tuple[str, str]:
    """`mysql@8` as name and version. Raises Usage for what is no service."""
    name, _, version = text.strip().partition("@")
    found = ALIASES.get(name.lower(), name.lower())
    if found not in KINDS or (version and not re.fullmatch(r"[0-9][0-9.]{0,12}", version)):
        raise Usage(f"{shown(text)} is no service that can be provided", f"Services are: {', '.join(KINDS)}.")
    return found, version


def _open(port: int) -> bool:
    """Whether something listens on this port of the host itself."""
    for address in ("127.0.0.1", "::1"):
        try:
            with socket.create_connection((address, port), timeout=0.5):
                return True
        except OSError:
            continue
    return False


async def answers(port: int, context: Context) -> bool:
    """Whether something listens on this port of the host."""
    if await helped(context.host):
        return await context.host.call(_open, port)
    tables = await context.host.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], timeout=15)
    return re.search(rf"^\s*\d+: [0-9A-F]+:{port:04X} \S+ 0A ", tables.text, re.MULTILINE) is not None


async def plan(name: str, version: str, context: Context) -> Part:
    """What gets the service onto the host. Raises Failed when nothing here can."""
    part = Part()
    kind = KINDS[name]
    label = f"{name}@{version}" if version else name
    if await answers(kind.port, context):
        part.present.append(f"{name} answers on port {kind.port}")
        if version:
            part.warnings.append(f"whether it is {label} was not asked: only its port was tried")
        return part
    offered = await apt.candidate(kind.debian, context) if kind.debian else ""
    if not offered:
        why = "Debian has no package of it" if not kind.debian or offered == "" else "this host has no apt"
        raise Failed(
            f"cannot get {label} here because {why}",
            f"Start it by other means on port {kind.port}; then it counts as there.",
        )
    depends = offered if re.match(r"(?:\d+:)?\d", offered) else ""
    number = re.sub(r"^\d+:", "", depends)
    if version and not (number == version or number.startswith((f"{version}.", f"{version}+", f"{version}-"))):
        raise Failed(
            f"cannot get {label} here because apt offers {kind.debian} {number} only",
            f"Name no version, or start {label} by other means on port {kind.port}.",
        )
    part.add(await apt.plan({kind.debian: ""}, context))
    if part.steps:
        part.warnings.append(
            f"{name} is only installed: starting it, its data directory and its users are not managed by this version; "
            f"what its package puts into /etc and /var/lib stays after an undo"
        )
    else:
        part.warnings.append(f"{kind.debian} is installed but nothing answers on port {kind.port}: start it yourself")
    return part
