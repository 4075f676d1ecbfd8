"""How what lies behind the services is run in containers: image, port, where it keeps data, its credentials and health check."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, replace

from ...fingerprint import Backing


@dataclass(frozen=True)
class Server:
    """One kind of server, as its official image is run."""

    image: str
    port: int
    data: str = ""
    """Where it keeps its data inside; empty when there is nothing to keep."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables with what compose fills in. `{project}` and `{name}` are names; a secret is a variable's name, never a value."""
    health: tuple[str, ...] = ()
    """The health check's test; a `$$` reaches the container's shell as `$`."""
    command: tuple[str, ...] = ()
    role: str = "database"
    starts: int = 0
    """Seconds that a first start may take before a failing check counts."""


def _secret(name: str) -> str:
    return f"${{{name}:?set it in .env}}"


SERVERS: dict[str, Server] = {
    "postgresql": Server(
        "postgres:17", 5432, "/var/lib/postgresql/data",
        (("POSTGRES_USER", "${POSTGRES_USER:-app}"), ("POSTGRES_PASSWORD", _secret("POSTGRES_PASSWORD")), ("POSTGRES_DB", "${POSTGRES_DB:-{project}}")),
        ("CMD-SHELL", 'pg_isready -q -U "$$POSTGRES_USER" -d "$$POSTGRES_DB"'),
    ),
    "mysql": Server(
        "mysql:8.4", 3306, "/var/lib/mysql",
        (("MYSQL_USER", "${MYSQL_USER:-app}"), ("MYSQL_PASSWORD", _secret("MYSQL_PASSWORD")), ("MYSQL_DATABASE", "${MYSQL_DATABASE:-{project}}"),
         ("MYSQL_RANDOM_ROOT_PASSWORD", "yes")),
        ("CMD-SHELL", 'mysqladmin ping -h 127.0.0.1 -u "$$MYSQL_USER" --password="$$MYSQL_PASSWORD" --silent'), starts=30,
    ),
    "mongodb": Server(
        "mongo:8.0", 27017, "/data/db",
        (("MONGO_INITDB_ROOT_USERNAME", "${MONGO_USER:-app}"), ("MONGO_INITDB_ROOT_PASSWORD", _secret("MONGO_PASSWORD"))),
        ("CMD", "mongosh", "--quiet", "--eval", "db.adminCommand('ping').ok"), starts=20,
    ),
    "redis": Server("redis:7-alpine", 6379, "/data", (), ("CMD", "redis-cli", "ping"), role="cache"),
    "memcached": Server("memcached:1.6-alpine", 11211, "", (), ("CMD-SHELL", "printf 'version\\r\\nquit\\r\\n' | nc 127.0.0.1 11211 | grep -q VERSION"), role="cache"),
    "rabbitmq": Server(
        "rabbitmq:4-management", 5672, "/var/lib/rabbitmq",
        (("RABBITMQ_DEFAULT_USER", "${RABBITMQ_USER:-app}"), ("RABBITMQ_DEFAULT_PASS", _secret("RABBITMQ_PASSWORD"))),
        ("CMD", "rabbitmq-diagnostics", "-q", "ping"), role="queue", starts=30,
    ),
    "kafka": Server(
        "apache/kafka:3.9.1", 9092, "",
        (("KAFKA_NODE_ID", "1"), ("KAFKA_PROCESS_ROLES", "broker,controller"), ("KAFKA_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://:9093"),
         ("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://{name}:9092"), ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
         ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"),
         ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093"), ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1")),
        ("CMD", "/opt/kafka/bin/kafka-broker-api-versions.sh", "--bootstrap-server", "127.0.0.1:9092"), role="queue", starts=30,
    ),
    "nats": Server("nats:2-alpine", 4222, "/data", (), ("CMD", "wget", "-q", "--spider", "http://127.0.0.1:8222/healthz"),
                   ("--jetstream", "--store_dir", "/data", "--http_port", "8222"), role="queue"),
    "elasticsearch": Server(
        "docker.elastic.co/elasticsearch/elasticsearch:8.17.0", 9200, "/usr/share/elasticsearch/data",
        (("discovery.type", "single-node"), ("ELASTIC_PASSWORD", _secret("ELASTIC_PASSWORD")), ("xpack.security.http.ssl.enabled", "false"),
         ("ES_JAVA_OPTS", "-Xms512m -Xmx512m")),
        ("CMD-SHELL", 'curl -fsS -u "elastic:$$ELASTIC_PASSWORD" http://127.0.0.1:9200/_cluster/health'), role="search", starts=60,
    ),
    "mssql": Server(
        "mcr.microsoft.com/mssql/server:2022-latest", 1433, "/var/opt/mssql",
        (("ACCEPT_EULA", "Y"), ("MSSQL_SA_PASSWORD", _secret("MSSQL_SA_PASSWORD"))),
        ("CMD-SHELL", '/opt/mssql-tools18/bin/sqlcmd -C -S 127.0.0.1 -U sa -P "$$MSSQL_SA_PASSWORD" -Q "SELECT 1" -b'), starts=60,
    ),
    "cassandra": Server("cassandra:5.0", 9042, "/var/lib/cassandra", (), ("CMD", "cqlsh", "-e", "describe cluster"), starts=90),
    "clickhouse": Server(
        "clickhouse/clickhouse-server:24.8", 8123, "/var/lib/clickhouse",
        (("CLICKHOUSE_USER", "${CLICKHOUSE_USER:-app}"), ("CLICKHOUSE_PASSWORD", _secret("CLICKHOUSE_PASSWORD"))),
        ("CMD", "wget", "-q", "--spider", "http://127.0.0.1:8123/ping"), starts=20,
    ),
    "neo4j": Server(
        "neo4j:5", 7687, "/data", (("NEO4J_AUTH", "neo4j/${NEO4J_PASSWORD:?set it in .env}"),),
        ("CMD", "wget", "-q", "--spider", "http://127.0.0.1:7474"), starts=60,
    ),
}  # fmt: skip
"""By canonical name. What is not here, e.g. a server whose image is no longer published, is left out and said."""

SECRETS = {
    "POSTGRES_PASSWORD": ("POSTGRES_PASSWORD", "PGPASSWORD", "DB_PASSWORD", "DATABASE_PASSWORD", "POSTGRES_PASS"),
    "POSTGRES_USER": ("POSTGRES_USER", "PGUSER", "DB_USER", "DB_USERNAME", "DATABASE_USER"),
    "POSTGRES_DB": ("POSTGRES_DB", "PGDATABASE", "DB_NAME", "DB_DATABASE", "DATABASE_NAME"),
    "MYSQL_PASSWORD": ("MYSQL_PASSWORD", "DB_PASSWORD", "DATABASE_PASSWORD"),
    "MYSQL_USER": ("MYSQL_USER", "DB_USER", "DB_USERNAME", "DATABASE_USER"),
    "MYSQL_DATABASE": ("MYSQL_DATABASE", "DB_NAME", "DB_DATABASE", "DATABASE_NAME"),
    "MONGO_PASSWORD": ("MONGO_PASSWORD", "MONGO_INITDB_ROOT_PASSWORD", "MONGODB_PASSWORD"),
    "MONGO_USER": ("MONGO_USER", "MONGO_INITDB_ROOT_USERNAME", "MONGODB_USER"),
    "RABBITMQ_PASSWORD": ("RABBITMQ_PASSWORD", "RABBITMQ_DEFAULT_PASS"),
    "RABBITMQ_USER": ("RABBITMQ_USER", "RABBITMQ_DEFAULT_USER"),
    "ELASTIC_PASSWORD": ("ELASTIC_PASSWORD", "ELASTICSEARCH_PASSWORD"),
    "MSSQL_SA_PASSWORD": ("MSSQL_SA_PASSWORD", "SA_PASSWORD", "DB_PASSWORD"),
    "CLICKHOUSE_PASSWORD": ("CLICKHOUSE_PASSWORD",),
    "CLICKHOUSE_USER": ("CLICKHOUSE_USER",),
    "NEO4J_PASSWORD": ("NEO4J_PASSWORD",),
}  # fmt: skip
"""For a variable of ours, the names that projects read the same thing from; the first that this project reads is used."""

HOSTS = {
    "postgresql": ("POSTGRES_HOST", "PGHOST", "POSTGRESQL_HOST"),
    "mysql": ("MYSQL_HOST", "MARIADB_HOST"),
    "redis": ("REDIS_HOST",),
    "mongodb": ("MONGO_HOST", "MONGODB_HOST"),
    "rabbitmq": ("RABBITMQ_HOST", "AMQP_HOST"),
    "memcached": ("MEMCACHED_HOST",),
    "elasticsearch": ("ELASTICSEARCH_HOST",),
    "mssql": ("MSSQL_HOST",),
    "clickhouse": ("CLICKHOUSE_HOST",),
    "cassandra": ("CASSANDRA_HOST",),
    "neo4j": ("NEO4J_HOST",),
}
"""Variables that name nothing but the machine that a server runs on."""
SQL = ("postgresql", "mysql", "mssql")
"""Of which there is commonly one, so that DB_HOST is about it."""


RELATED = {
    "postgresql": ("postgres", "postgis", "pgvector", "timescaledb"),
    "mysql": ("mysql", "mariadb", "percona"),
    "redis": ("redis", "valkey", "redis-stack", "redis-stack-server"),
    "mongodb": ("mongo",),
}
"""Images that are run like the official one, by the last part of their name; of others the settings are not known."""
_VARIABLE = re.compile(r"\$\{([A-Z_]+)")


def server(backing: Backing) -> Server | None:
    """How to run it; with the project's own image where it says one. None when neither is known."""
    known = SERVERS.get(backing.name)
    if not backing.image:
        return known
    base = backing.image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    alike = RELATED.get(backing.name) or ((known.image.rpartition("/")[2].partition(":")[0],) if known else ())
    if known is None or base not in alike:
        return Server(backing.image, known.port if known else 0, role=backing.role)
    own = replace(known, image=backing.image)
    if base == "mariadb":
        own = replace(own, health=("CMD", "healthcheck.sh", "--connect", "--innodb_initialized"))
    major = re.match(r"\d+", backing.version)
    if base == "postgres" and major and int(major[0]) >= 18:
        own = replace(own, data="/var/lib/postgresql")  # since 18 the version's own folder lies below it
    return own


def environment(kind: Server, name: str, project: str, read: Container[str]) -> dict[str, str]:
    """The server's variables. `name` is what the compose file calls it, `read` are the variables that the project reads."""

    def own(found: re.Match[str]) -> str:
        return "${" + next((one for one in SECRETS.get(found[1], ()) if one in read), found[1])

    return {
        key: _VARIABLE.sub(own, value).replace("{project}", project).replace("{name}", name)
        for key, value in kind.environment
    }
