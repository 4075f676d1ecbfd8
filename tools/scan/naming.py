"""Names as people write them: of runtimes and databases, of roles, and which languages a runtime runs."""

from __future__ import annotations

PRETTY = {
    "postgresql": "PostgreSQL", "mysql": "MySQL", "redis": "Redis", "mongodb": "MongoDB", "rabbitmq": "RabbitMQ", "sqlite": "SQLite",
    "kafka": "Kafka", "elasticsearch": "Elasticsearch", "memcached": "Memcached", "python": "Python", "node": "Node", "go": "Go",
    "rust": "Rust", "java": "Java", "ruby": "Ruby", "php": "PHP", "deno": "Deno", "bun": "Bun", "clickhouse": "ClickHouse",
    "dotnet": ".NET", "elixir": "Elixir", "erlang": "Erlang", "gleam": "Gleam", "haskell": "GHC", "ocaml": "OCaml", "swift": "Swift", "dart": "Dart",
    "flutter": "Flutter", "crystal": "Crystal", "zig": "Zig", "nim": "Nim", "lua": "Lua", "r": "R", "julia": "Julia", "perl": "Perl", "scala": "Scala",
    "clojure": "Clojure", "kotlin": "Kotlin", "elm": "Elm", "mssql": "SQL Server", "cassandra": "Cassandra", "neo4j": "Neo4j", "nats": "NATS",
    "minio": "MinIO", "opensearch": "OpenSearch", "influxdb": "InfluxDB", "meilisearch": "Meilisearch", "couchdb": "CouchDB", "dynamodb": "DynamoDB",
    "cockroachdb": "CockroachDB", "zookeeper": "ZooKeeper", "racket": "Racket",
}  # fmt: skip
RUNS = {
    "python": ("Python",), "node": ("JavaScript", "TypeScript", "Vue", "Svelte", "Astro"), "deno": ("TypeScript", "JavaScript"), "go": ("Go",),
    "rust": ("Rust",), "java": ("Java", "Kotlin", "Scala", "Groovy", "Clojure"), "ruby": ("Ruby",), "php": ("PHP",),
    "dotnet": ("C#", "F#", "Visual Basic"), "elixir": ("Elixir",), "erlang": ("Erlang",), "gleam": ("Gleam",), "haskell": ("Haskell",),
    "ocaml": ("OCaml",), "swift": ("Swift",), "dart": ("Dart",), "flutter": ("Dart",), "crystal": ("Crystal",), "zig": ("Zig",), "nim": ("Nim",),
    "lua": ("Lua",), "r": ("R",), "julia": ("Julia",), "perl": ("Perl",), "scala": ("Scala",), "clojure": ("Clojure",), "kotlin": ("Kotlin",),
    "elm": ("Elm",), "bun": ("TypeScript", "JavaScript"), "racket": ("Racket",),
}  # fmt: skip
KINDS = {
    "backend": "web application", "frontend": "front end", "worker": "worker", "library": "library", "static": "static site",
    "job": "program", "workspace": "workspace",
}  # fmt: skip


def pretty(name: str) -> str:
    """A name as its makers write it."""
    return PRETTY.get(name, name)
