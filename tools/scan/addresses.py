"""What addresses in settings name: a database by its scheme, a host by its place."""

from __future__ import annotations

import re

# fmt: off
SCHEMES = {
    "postgres": "postgresql", "postgresql": "postgresql", "postgis": "postgresql", "pgsql": "postgresql", "ecto": "postgresql",
    "mysql": "mysql", "mysql2": "mysql", "mariadb": "mysql", "redis": "redis", "rediss": "redis", "valkey": "redis",
    "mongodb": "mongodb", "mongodb+srv": "mongodb", "amqp": "rabbitmq", "amqps": "rabbitmq", "sqlite": "sqlite", "sqlite3": "sqlite",
    "memcached": "memcached", "nats": "nats", "sqlserver": "mssql", "mssql": "mssql", "clickhouse": "clickhouse",
    "cassandra": "cassandra", "neo4j": "neo4j", "bolt": "neo4j", "kafka": "kafka", "elasticsearch": "elasticsearch",
}
# fmt: on
_URL = re.compile(r"\s*[\"']?(?:jdbc:)?([a-z][a-z0-9]{2,15}(?:\+srv)?)(?:\+\w+)?:(?://|[\w./-]*\.(?:db|sqlite)|thin:)")
# fmt: off
PORTS = {
    "postgresql": 5432, "mysql": 3306, "redis": 6379, "mongodb": 27017, "rabbitmq": 5672, "kafka": 9092, "memcached": 11211,
    "elasticsearch": 9200, "opensearch": 9200, "clickhouse": 9000, "neo4j": 7687, "cassandra": 9042, "mssql": 1433, "nats": 4222,
    "minio": 9000, "meilisearch": 7700, "typesense": 8108, "couchdb": 5984, "influxdb": 8086, "cockroachdb": 26257, "qdrant": 6333,
    "mosquitto": 1883, "dynamodb": 8000, "scylladb": 9042, "oracle": 1521, "weaviate": 8080, "milvus": 19530, "solr": 8983,
}
# fmt: on
"""Where each listens when nothing else is said."""
HERE = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "host.docker.internal"})  # noqa: S104  # read, not bound to
_HOSTED = re.compile(
    r"HOST|URL|URI|ADDR|SERVER|ENDPOINT|BROKER|SERVICE|UPSTREAM|BACKEND|DSN|API|NODES|PEERS|CONNECTION"
)
_CALLED_BY = re.compile(r"CORS|ORIGIN|ALLOWED|TRUSTED|CALLBACK|REDIRECT|FRONTEND|CLIENT_URL|VIRTUAL_HOST|CSRF")
"""Variables that name who may call, and not who is called."""


def called_by(variable: str) -> bool:
    """Whether a variable of that name says from where a service is called."""
    return _CALLED_BY.search(variable.upper()) is not None


def database(value: str) -> str | None:
    """The database that a value is the address of, by its scheme."""
    url = _URL.match(value[:400])
    return SCHEMES.get(url[1]) if url else None


def hosts(name: str, value: str) -> list[tuple[str, int]]:
    """(host, port) of what a variable's value names."""
    found: list[tuple[str, int]] = []
    if called_by(name) or len(value) > 1_000:
        return found
    for token in re.split(r"[,;\s]", value.strip().strip("\"'"))[:20]:
        scheme, mark, rest = token.removeprefix("jdbc:").rpartition("://")
        host, _, port = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].partition(":")
        number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0
        if (mark or number or _HOSTED.search(name.upper())) and re.fullmatch(r"[A-Za-z][\w.-]{0,80}", host):
            found.append((host.lower(), number))
        elif mark and scheme and host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104  # read, not bound to
            found.append(("localhost", number))
    return found
