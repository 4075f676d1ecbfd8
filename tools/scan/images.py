"""Container images: what each one runs, and which version of it or of a language its tag names."""

from __future__ import annotations

import re
from dataclasses import dataclass

# fmt: off
_ROLES = {
    "database": {
        "postgresql": "postgres postgis pgvector timescaledb timescaledb-ha pgvecto-rs postgresql-repmgr spilo-15 spilo-16",
        "mysql": "mysql-server mariadb mariadb-galera percona percona-server mysql-cluster",
        "mongodb": "mongo mongodb-community-server mongodb-enterprise-server mongodb-atlas-local ferretdb",
        "mssql": "mssql/server azure-sql-edge mssql-server-linux",
        "oracle": "oracle-xe oracle-free database/express database/enterprise database/free",
        "cassandra": "", "scylladb": "scylla", "clickhouse": "clickhouse-server", "neo4j": "", "influxdb": "influxdb3-core",
        "couchdb": "", "couchbase": "couchbase-server", "cockroachdb": "cockroach", "dynamodb": "dynamodb-local",
        "arangodb": "", "surrealdb": "", "rethinkdb": "", "questdb": "", "dgraph": "", "milvus": "", "qdrant": "", "weaviate": "",
        "chroma": "chromadb", "yugabytedb": "yugabyte", "tidb": "", "firebird": "", "gel": "edgedb", "eventstore": "eventstoredb kurrentdb",
        "etcd": "", "victoriametrics": "victoria-metrics", "trino": "", "ravendb": "", "tigerbeetle": "", "immudb": "",
    },
    "cache": {"redis": "valkey redis-stack redis-stack-server keydb dragonfly", "memcached": "", "hazelcast": "", "varnish": ""},
    "queue": {
        "rabbitmq": "", "kafka": "cp-kafka cp-server redpanda kafka-native", "nats": "nats-streaming", "pulsar": "", "mosquitto": "eclipse-mosquitto",
        "activemq": "activemq-classic activemq-artemis artemis", "elasticmq": "elasticmq-native", "emqx": "", "beanstalkd": "", "nsq": "nsqd nsqlookupd",
    },
    "search": {"elasticsearch": "", "opensearch": "", "meilisearch": "", "typesense": "", "solr": "", "manticore": "", "zincsearch": "zinc"},
    "storage": {"minio": "", "seaweedfs": "", "azurite": "", "gcs": "fake-gcs-server", "garage": "", "s3mock": "", "rustfs": ""},
    "mail": {
        "mailhog": "", "mailpit": "", "maildev": "", "mailcatcher": "", "smtp4dev": "", "greenmail": "standalone", "inbucket": "", "mailcrab": "",
        "postfix": "", "mailserver": "docker-mailserver", "mailtrap": "",
    },
    "proxy": {
        "nginx": "nginx-unprivileged nginx-proxy openresty nginx-proxy-manager swag", "traefik": "", "caddy": "caddy-docker-proxy", "haproxy": "",
        "envoy": "", "kong": "kong-gateway", "apache": "httpd", "oauth2-proxy": "", "pgbouncer": "", "cloudflared": "", "ngrok": "", "squid": "",
        "pomerium": "", "krakend": "",
    },
    "monitoring": {
        "prometheus": "", "grafana": "grafana-oss grafana-enterprise", "loki": "", "tempo": "", "jaeger": "jaegertracing/all-in-one", "zipkin": "",
        "opentelemetry-collector": "opentelemetry-collector-contrib", "alertmanager": "", "promtail": "", "alloy": "", "cadvisor": "", "kibana": "",
        "node-exporter": "postgres-exporter redis_exporter", "logstash": "", "fluentd": "", "fluent-bit": "", "filebeat": "", "vector": "",
        "datadog": "datadog/agent", "graphite": "graphite-statsd", "statsd": "", "netdata": "", "uptime-kuma": "", "flower": "", "seq": "",
        "dozzle": "", "opensearch-dashboards": "", "otel-lgtm": "", "sentry": "", "signoz": "", "mimir": "", "pushgateway": "",
    },
    "unknown": {
        "zookeeper": "cp-zookeeper", "keycloak": "", "localstack": "localstack-pro", "adminer": "", "pgadmin": "pgadmin4", "phpmyadmin": "",
        "mongo-express": "", "redis-commander": "", "redisinsight": "", "kafka-ui": "kafdrop akhq", "schema-registry": "cp-schema-registry",
        "kafka-connect": "cp-kafka-connect debezium/connect", "consul": "", "vault": "", "temporal": "auto-setup temporalio/auto-setup", "selenium": "",
    },
}
# fmt: on
IMAGES = {
    base: (name, role)
    for role, names in _ROLES.items()
    for name, more in names.items()
    for base in (name, *more.split())
}
"""(canonical name, role) by the last part of an image's name, or by the last two."""
DATABASES = frozenset(
    name for role in ("database", "cache", "queue", "search") for name in _ROLES[role]
) | {"minio"}  # fmt: skip
"""What counts among a service's databases: it keeps data and is asked over a connection."""
EMBEDDED = frozenset(
    {"sqlite", "h2", "duckdb", "derby", "leveldb", "rocksdb", "hsqldb", "badger", "bolt", "lmdb", "libsql"}
)
"""Databases that live inside the program: nothing has to be started for them."""

# fmt: off
_LANGUAGES = {
    "python": "pypy", "node": "", "go": "golang", "rust": "", "ruby": "jruby", "php": "", "elixir": "", "erlang": "", "haskell": "", "swift": "",
    "dart": "", "flutter": "", "crystal": "", "nim": "", "lua": "", "perl": "", "julia": "", "deno": "", "bun": "", "gleam": "", "zig": "",
    "java": "openjdk eclipse-temurin amazoncorretto ibm-semeru-runtimes zulu-openjdk liberica-openjdk-alpine liberica-openjdk-debian graalvm-ce "
    "graalvm-community sapmachine openjdk-17 openjdk-21 maven gradle scala-sbt clojure sbt jdk jre",
    "dotnet": "dotnet/sdk dotnet/aspnet dotnet/runtime dotnet/runtime-deps dotnet", "r": "r-base r-ver rocker/r-ver rocker/shiny rocker/tidyverse",
    "ocaml": "ocaml/opam opam", "elm": "elm-compiler",
}
_BASES = {base: name for name, more in _LANGUAGES.items() for base in (name, *more.split())}
# fmt: on
SERVERS = frozenset({"nginx", "caddy", "apache"})
"""Images that serve files which another stage made."""


@dataclass(frozen=True)
class Named:
    """An image's name taken apart."""

    path: str
    """Without registry, tag and digest: `library/postgres`, `postgres`."""
    base: str
    tag: str

    @property
    def pair(self) -> str:
        """The last two parts of its name."""
        return "/".join(self.path.split("/")[-2:])


def named(image: str) -> Named:
    """`docker.io/library/postgres:16-alpine@sha256:…` as its parts."""
    name = image.strip()[:300].partition("@")[0]
    folder, _, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    host, _, rest = folder.partition("/")
    if "." in host or ":" in host or host == "localhost":
        folder = rest
    return Named(f"{folder}/{base}".lstrip("/").lower(), base.lower(), tag)


def backing(image: str) -> tuple[str, str] | None:
    """(canonical name, role) of what an image runs, when it is something that projects run beside themselves."""
    parts = named(image)
    return IMAGES.get(parts.pair) or IMAGES.get(parts.base)


def version(image: str) -> str:
    """The tag as far as it is a version: `16` of `16-alpine`, `15` of `postgis:15-3.4` and of `timescaledb:2.14-pg15`."""
    parts = named(image)
    if (inner := re.search(r"(?:^|-)pg(\d{1,2}(?:\.\d{1,2})?)\b", parts.tag)) and backing(image) == (
        "postgresql",
        "database",
    ):
        return inner[1]
    return leading(parts.tag)


def leading(tag: str) -> str:
    """The version that a tag begins with; empty for `latest`, `alpine`, `bookworm-20240101`."""
    found = re.match(r"[vV]?(\d{1,4}(?:\.\d{1,6}){0,3})(?![\w.]*\d{6})", tag)
    return found[1] if found else ""


def runtime(image: str) -> tuple[str, str] | None:
    """(runtime, version) of an image that programs are built or run in; the version is empty where the tag names none."""
    parts = named(image)
    if "devcontainers" in parts.path or "vscode" in parts.path:
        # Their tags begin with the version of the image itself where they have two.
        parts = Named(parts.path, parts.base, re.sub(r"^(?:dev-)?\d{1,2}(?:\.\d+){0,2}-(?=\d)", "", parts.tag))
    name = _BASES.get(parts.pair) or _BASES.get(parts.base)
    if name == "java":
        return name, _java(parts)
    if name == "ocaml" and (inner := re.search(r"ocaml-(\d[\d.]{0,10})", parts.tag)):
        return name, inner[1]
    if name in ("deno", "bun") and (
        inner := re.match(r"(?:alpine|debian|ubuntu|distroless|bin)-(\d[\d.]{0,15})$", parts.tag)
    ):
        return name, inner[1]
    if name is None:
        return _within(parts)
    found = leading(parts.tag)
    # An image of another tool that has the language's name, e.g. playwright/python:v1.40.
    return name, "" if name == "python" and found and found[0] not in "23" else found


def _java(parts: Named) -> str:
    """Java's own version: the tags of build tools begin with the tool's."""
    if parts.base in ("openjdk-17", "openjdk-21"):
        return parts.base.rpartition("-")[2]
    if parts.base in ("maven", "gradle", "scala-sbt", "sbt", "clojure"):
        inner = re.search(
            r"(?:jdk|temurin|openjdk|corretto|java|graalvm|zulu|semeru)[-a-z]{0,8}?-?(\d{1,2}(?:\.\d{1,3}){0,2})",
            parts.tag,
        )
        return inner[1] if inner else ""
    ahead = re.match(r"(?:java|jdk|ol\d)-?(\d{1,2})\b", parts.tag)
    return ahead[1] if ahead else leading(re.sub(r"^(\d{1,2})u\d{1,4}.{0,60}", r"\1", parts.tag))


_TAGGED = re.compile(r"(?:^|-)(python|node|ruby|php|go|rust|java|jdk)-?(\d{1,3}(?:\.\d{1,3}){0,2})\b")
_INNER = {"jdk": "java"}


def _within(parts: Named) -> tuple[str, str] | None:
    """Images of a tool that name the language in their tag or name: `uv:python3.12-bookworm`, `distroless/nodejs20-debian12`."""
    if found := re.match(r"(python|nodejs|java|php|ruby|golang|node)-?(\d{1,2}(?:\.\d{1,2}){0,2})?(?:-|$)", parts.base):
        return {"nodejs": "node", "golang": "go"}.get(found[1], found[1]), found[2] or leading(parts.tag)
    if found := _TAGGED.search(parts.tag):
        return _INNER.get(found[1], found[1]), found[2]
    if name := {"javascript-node": "node", "typescript-node": "node", "jekyll": "ruby"}.get(parts.base):
        return name, leading(parts.tag)
    return None
