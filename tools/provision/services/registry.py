"""Which kinds of services there are; adding one is one file and one line here."""

from __future__ import annotations

from .kind import Kind, Packaged
from .memcached import Memcached
from .mongodb import MongoDB
from .mysql import MariaDB, MySQL
from .postgresql import PostgreSQL
from .rabbitmq import RabbitMQ
from .redis import Redis

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (PostgreSQL(), MySQL(), MariaDB(), Redis(), Memcached(), RabbitMQ(), MongoDB())
}
"""Servers that a project gets one of its own of."""

PACKAGED: dict[str, Packaged] = {
    "nginx": Packaged(80, "nginx-light"),
    "elasticsearch": Packaged(9200, ""),
}
"""What is the host's own: its package is installed, and that is all."""

ALIASES = {
    "postgres": "postgresql",
    "pg": "postgresql",
    "mongo": "mongodb",
    "rabbit": "rabbitmq",
    "maria": "mariadb",
    "valkey": "redis",
    "memcache": "memcached",
}
