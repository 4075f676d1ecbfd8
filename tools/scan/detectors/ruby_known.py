"""Gems that say what a service is: frameworks, workers, clients of databases."""

from __future__ import annotations

from .base import Known

FRAMEWORKS = {
    "rails": Known("Rails", "backend", 3000, 0.97),
    "sinatra": Known("Sinatra", "backend", 4567),
    "hanami": Known("Hanami", "backend", 2300, 0.95),
    "grape": Known("Grape", "backend", 9292, 0.7),
    "roda": Known("Roda", "backend", 9292, 0.8),
    "cuba": Known("Cuba", "backend", 9292, 0.8),
    "padrino": Known("Padrino", "backend", 3000, 0.9),
    "rack": Known("Rack", "backend", 9292, 0.4),
    "turbo-rails": Known("Hotwire"),
    "sidekiq": Known("Sidekiq", "worker", 0, 0.5),
    "resque": Known("Resque", "worker", 0, 0.5),
    "good_job": Known("GoodJob", "worker", 0, 0.4),
    "shoryuken": Known("Shoryuken", "worker", 0, 0.6),
    "karafka": Known("Karafka", "worker", 0, 0.8),
    "sneakers": Known("Sneakers", "worker", 0, 0.6),
    "jekyll": Known("Jekyll", "static", 4000, 0.95),
    "github-pages": Known("Jekyll", "static", 4000, 0.95),
    "bridgetown": Known("Bridgetown", "static", 4000, 0.95),
    "middleman": Known("Middleman", "static", 4567, 0.95),
}
COMMAND_LINE = {"thor": "Thor", "dry-cli": "dry-cli", "gli": "GLI", "optimist": "Optimist", "slop": "Slop", "tty-option": "TTY"}  # fmt: skip
CLIENTS = {
    "postgresql": "pg activerecord-postgis-adapter good_job que queue_classic",
    "mysql": "mysql2 trilogy activerecord-trilogy-adapter",
    "sqlite": "sqlite3",
    "redis": "redis redis-rails redis-client hiredis hiredis-client redis-namespace sidekiq resque kredis",
    "mongodb": "mongoid mongo mongo_mapper",
    "rabbitmq": "bunny sneakers hutch march_hare",
    "kafka": "ruby-kafka rdkafka karafka racecar waterdrop",
    "elasticsearch": "elasticsearch elasticsearch-model elasticsearch-rails searchkick chewy",
    "opensearch": "opensearch-ruby",
    "memcached": "dalli",
    "mssql": "activerecord-sqlserver-adapter tiny_tds",
    "cassandra": "cassandra-driver",
    "clickhouse": "clickhouse-activerecord click_house",
    "neo4j": "activegraph neo4j-ruby-driver",
    "nats": "nats-pure",
}
CLIENT = {gem: database for database, names in CLIENTS.items() for gem in names.split()}
ADAPTERS = {
    "postgresql": "postgresql", "postgis": "postgresql", "mysql2": "mysql", "trilogy": "mysql", "sqlite3": "sqlite", "sqlserver": "mssql",
    "postgres": "postgresql", "mysql": "mysql", "redis": "redis", "rediss": "redis", "mongodb": "mongodb", "amqp": "rabbitmq", "sqlite": "sqlite",
}  # fmt: skip
"""Names that Rails and URLs have for databases."""
