"""Go modules that say what a service is: frameworks, and clients of databases."""

from __future__ import annotations

from .base import Known

FRAMEWORKS = {
    "github.com/gin-gonic/gin": Known("Gin", "backend", 8080),
    "github.com/labstack/echo": Known("Echo", "backend", 1323),
    "github.com/gofiber/fiber": Known("Fiber", "backend", 3000),
    "github.com/go-chi/chi": Known("chi", "backend", 0, 0.85),
    "github.com/gorilla/mux": Known("gorilla/mux", "backend", 0, 0.85),
    "github.com/julienschmidt/httprouter": Known("httprouter", "backend", 0, 0.85),
    "github.com/danielgtaylor/huma": Known("Huma", "backend", 0, 0.85),
    "github.com/beego/beego": Known("Beego", "backend", 8080),
    "github.com/kataras/iris": Known("Iris", "backend", 8080),
    "github.com/cloudwego/hertz": Known("Hertz", "backend", 8888),
    "github.com/go-kratos/kratos": Known("Kratos", "backend", 8000),
    "github.com/zeromicro/go-zero": Known("go-zero", "backend", 8888),
    "github.com/gobuffalo/buffalo": Known("Buffalo", "backend", 3000),
    "github.com/pocketbase/pocketbase": Known("PocketBase", "backend", 8090),
    "github.com/99designs/gqlgen": Known("gqlgen", "backend", 0, 0.85),
    "connectrpc.com/connect": Known("Connect", "backend", 0, 0.6),
    "encore.dev": Known("Encore", "backend", 4000),
    "sigs.k8s.io/controller-runtime": Known("controller-runtime", "worker", 0, 0.9),
    "github.com/wailsapp/wails": Known("Wails", "frontend"),
    "fyne.io/fyne": Known("Fyne", "frontend"),
    "google.golang.org/grpc": Known("gRPC"),
    "github.com/hibiken/asynq": Known("Asynq"),
    "go.temporal.io/sdk": Known("Temporal"),
    "github.com/riverqueue/river": Known("River"),
    "github.com/aws/aws-lambda-go": Known("AWS Lambda", "backend", 0, 0.7),
    "github.com/spf13/cobra": Known("Cobra"),
    "github.com/urfave/cli": Known("urfave/cli"),
    "github.com/alecthomas/kong": Known("Kong"),
    "github.com/charmbracelet/bubbletea": Known("Bubble Tea"),
}
PARSERS = frozenset({"Cobra", "urfave/cli", "Kong"})
"""Frameworks of commands: a server behind one is started by a subcommand."""

_CLIENTS = {
    "postgresql": "github.com/lib/pq github.com/jackc/pgx gorm.io/driver/postgres github.com/go-pg/pg "
    "github.com/uptrace/bun/driver/pgdriver",
    "mysql": "github.com/go-sql-driver/mysql gorm.io/driver/mysql",
    "sqlite": "github.com/mattn/go-sqlite3 modernc.org/sqlite gorm.io/driver/sqlite github.com/glebarez/sqlite "
    "github.com/ncruces/go-sqlite3",
    "redis": "github.com/redis/go-redis github.com/go-redis/redis github.com/gomodule/redigo github.com/redis/rueidis "
    "github.com/hibiken/asynq",
    "mongodb": "go.mongodb.org/mongo-driver",
    "rabbitmq": "github.com/rabbitmq/amqp091-go github.com/streadway/amqp",
    "kafka": "github.com/segmentio/kafka-go github.com/IBM/sarama github.com/Shopify/sarama github.com/twmb/franz-go "
    "github.com/confluentinc/confluent-kafka-go",
    "elasticsearch": "github.com/elastic/go-elasticsearch github.com/olivere/elastic",
    "memcached": "github.com/bradfitz/gomemcache",
    "mssql": "github.com/microsoft/go-mssqldb github.com/denisenkom/go-mssqldb gorm.io/driver/sqlserver",
    "cassandra": "github.com/gocql/gocql",
    "clickhouse": "github.com/ClickHouse/clickhouse-go",
    "neo4j": "github.com/neo4j/neo4j-go-driver",
    "nats": "github.com/nats-io/nats.go",
    "minio": "github.com/minio/minio-go",
}
CLIENTS = {module: database for database, modules in _CLIENTS.items() for module in modules.split()}
