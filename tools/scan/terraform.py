"""Terraform: which providers it uses, and the databases that a provider runs for the project."""

from __future__ import annotations

import re

from ..fingerprint import Backing, Evidence
from .gathered import Gathered
from .ignore import is_example
from .images import leading
from .text import safe
from .tree import Tree

READS = ("*.tf",)
FILES, BLOCKS = 200, 300
_BLOCK = re.compile(
    r"^(resource|provider|module)[ \t]+\"([\w-]{1,80})\"(?:[ \t]+\"([\w-]{1,80})\")?[ \t]*\{", re.MULTILINE
)
_SOURCE = re.compile(
    r"^[ \t]*([\w-]{1,60})[ \t]*=[ \t]*\{[^{}]{0,400}?source[ \t]*=[ \t]*\"[\w./-]{1,100}\"", re.MULTILINE
)
_SETTING = re.compile(
    r"^[ \t]*(engine|engine_version|database_version|engine_type|version|db_version|type)[ \t]*=[ \t]*\"([^\"\n$]{1,60})\"",
    re.MULTILINE,
)
_VERSION = re.compile(r"^[ \t]*required_version[ \t]*=[ \t]*\"([^\"\n]{1,40})\"", re.MULTILINE)

# fmt: off
_MANAGED = {
    "aws_db_instance": "engine", "aws_rds_cluster": "engine", "google_sql_database_instance": "database_version", "digitalocean_database_cluster": "engine",
    "aws_elasticache_cluster": "engine", "aws_elasticache_replication_group": "redis", "aws_elasticache_serverless_cache": "engine",
    "aws_memorydb_cluster": "redis", "aws_docdb_cluster": "mongodb", "aws_dynamodb_table": "dynamodb", "aws_opensearch_domain": "opensearch",
    "aws_elasticsearch_domain": "elasticsearch", "aws_mq_broker": "engine_type", "aws_msk_cluster": "kafka", "aws_msk_serverless_cluster": "kafka",
    "aws_neptune_cluster": "neptune", "aws_keyspaces_table": "cassandra", "aws_redshift_cluster": "redshift", "google_redis_instance": "redis",
    "google_memcache_instance": "memcached", "google_alloydb_cluster": "postgresql", "google_spanner_instance": "spanner",
    "google_bigtable_instance": "bigtable", "google_firestore_database": "firestore", "azurerm_postgresql_flexible_server": "postgresql",
    "azurerm_postgresql_server": "postgresql", "azurerm_mysql_flexible_server": "mysql", "azurerm_mysql_server": "mysql",
    "azurerm_mariadb_server": "mysql", "azurerm_mssql_server": "mssql", "azurerm_mssql_database": "mssql", "azurerm_redis_cache": "redis",
    "azurerm_cosmosdb_account": "cosmosdb", "azurerm_eventhub_namespace": "eventhub", "azurerm_servicebus_namespace": "servicebus",
    "mongodbatlas_cluster": "mongodb", "mongodbatlas_advanced_cluster": "mongodb", "confluent_kafka_cluster": "kafka", "neon_project": "postgresql",
    "heroku_addon": "plan", "scaleway_rdb_instance": "engine", "scaleway_redis_cluster": "redis", "aiven_pg": "postgresql", "aiven_mysql": "mysql",
    "aiven_redis": "redis", "aiven_kafka": "kafka", "upstash_redis_database": "redis", "planetscale_database": "mysql", "supabase_project": "postgresql",
    "aws_s3_bucket": "s3", "google_storage_bucket": "gcs", "azurerm_storage_account": "azure-storage", "aws_sqs_queue": "sqs",
    "google_pubsub_topic": "pubsub", "aws_sns_topic": "sns",
}
"""The canonical name by kind of resource, or the setting that holds it."""
_ENGINES = {
    "postgres": "postgresql", "pg": "postgresql", "aurora-postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql", "aurora-mysql": "mysql", "aurora": "mysql",
    "redis": "redis", "valkey": "redis", "memcached": "memcached", "mongodb": "mongodb", "sqlserver": "mssql", "sqlserver-ex": "mssql", "sqlserver-se": "mssql",
    "sqlserver-ee": "mssql", "sqlserver-web": "mssql", "rabbitmq": "rabbitmq", "activemq": "activemq", "kafka": "kafka", "opensearch": "opensearch",
    "postgresql": "postgresql",
}
_ROLES = {
    "redis": "cache", "memcached": "cache", "rabbitmq": "queue", "activemq": "queue", "kafka": "queue", "sqs": "queue", "pubsub": "queue", "sns": "queue",
    "eventhub": "queue", "servicebus": "queue", "opensearch": "search", "elasticsearch": "search", "s3": "storage", "gcs": "storage", "azure-storage": "storage",
}
# fmt: on


def apply(tree: Tree, gathered: Gathered) -> None:
    """Add the providers to what services share, and what they run to what stands beside the services."""
    paths = [path for path in tree.texts if path.endswith(".tf") and not is_example(path.rpartition("/")[0])]
    for path in sorted(paths, key=lambda path: (path.count("/"), path))[:FILES]:
        text = re.sub(r"^[ \t]*(?:#|//)[^\n]*", "", tree.texts[path], flags=re.MULTILINE)
        if version := _VERSION.search(text):
            gathered.share("terraform", path, f"required_version {version[1]}", "infrastructure")
        for name in _SOURCE.findall(_required(text)):
            gathered.share(name, path, f"required_providers.{name}", "provider")
        blocks = list(_BLOCK.finditer(text))[:BLOCKS]
        for number, match in enumerate(blocks):
            end = blocks[number + 1].start() if number + 1 < len(blocks) else len(text)
            kind, name, label = match[1], match[2], match[3] or ""
            gathered.share("terraform", path, "", "infrastructure")
            if kind == "provider":
                gathered.share(name, path, f"provider.{name}", "provider")
            elif kind == "resource" and name in _MANAGED:
                _managed(gathered, path, name, label, text[match.end() : end][:4_000])


def _required(text: str) -> str:
    start = text.find("required_providers")
    return text[start : start + 5_000] if start >= 0 else ""


def _managed(gathered: Gathered, path: str, kind: str, label: str, body: str) -> None:
    settings: dict[str, str] = {}
    for key, value in _SETTING.findall(body):
        settings.setdefault(key, value)
    said = settings.get(_MANAGED[kind], "")
    engine = (
        re.split(r"[:_]", said.lower())[0] if kind in ("google_sql_database_instance", "heroku_addon") else said.lower()
    )
    engine = engine.removeprefix("heroku-")
    name = (
        _ENGINES.get(engine, "")
        if _MANAGED[kind] in ("engine", "database_version", "engine_type", "plan")
        else _MANAGED[kind]
    )
    if not name:
        return
    version = settings.get("engine_version") or settings.get("version") or ""
    if kind == "google_sql_database_instance":
        version = said.partition("_")[2].replace("_", ".")
    gathered.add(
        Backing(
            name=name,
            role=_ROLES.get(name, "database"),
            label=safe(f"{kind}.{label}", 80),
            version=leading(version),
            evidence=(Evidence(path=safe(path, 400), key=safe(f"{kind}.{label}", 120)),),
        )
    )
