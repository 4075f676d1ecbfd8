"""Python packages that say what a service is: frameworks, clients of databases, and what comes only along with another."""

from __future__ import annotations

from .base import Known

FRAMEWORKS = {
    "flask": Known("Flask", "backend", 5000),
    "django": Known("Django", "backend", 8000),
    "fastapi": Known("FastAPI", "backend", 8000),
    "starlette": Known("Starlette", "backend", 8000, 0.7),
    "litestar": Known("Litestar", "backend", 8000),
    "sanic": Known("Sanic", "backend", 8000),
    "quart": Known("Quart", "backend", 5000),
    "tornado": Known("Tornado", "backend", 0, 0.5),
    "twisted": Known("Twisted", "backend", 0, 0.5),
    "bottle": Known("Bottle", "backend", 8080),
    "falcon": Known("Falcon", "backend"),
    "pyramid": Known("Pyramid", "backend", 6543),
    "cherrypy": Known("CherryPy", "backend", 8080),
    "connexion": Known("Connexion", "backend", 8080, 0.85),
    "robyn": Known("Robyn", "backend", 8080),
    "wagtail": Known("Wagtail", "backend"),
    "djangorestframework": Known("Django REST framework"),
    "django-ninja": Known("Django Ninja"),
    "strawberry-graphql": Known("Strawberry"),
    "grpcio": Known("gRPC", "backend", 0, 0.3),
    "mcp": Known("MCP", "backend", 0, 0.5),
    "fastmcp": Known("FastMCP", "backend", 0, 0.7),
    "streamlit": Known("Streamlit", "frontend", 8501),
    "gradio": Known("Gradio", "frontend", 7860),
    "dash": Known("Dash", "frontend", 8050),
    "chainlit": Known("Chainlit", "frontend", 8000),
    "nicegui": Known("NiceGUI", "frontend", 8080),
    "panel": Known("Panel", "frontend", 5006, 0.6),
    "reflex": Known("Reflex", "frontend", 3000),
    "celery": Known("Celery", "worker", 0, 0.6),
    "rq": Known("RQ", "worker", 0, 0.5),
    "dramatiq": Known("Dramatiq", "worker", 0, 0.6),
    "huey": Known("Huey", "worker", 0, 0.5),
    "arq": Known("arq", "worker", 0, 0.5),
    "taskiq": Known("Taskiq", "worker", 0, 0.5),
    "faststream": Known("FastStream", "worker", 0, 0.8),
    "discord-py": Known("discord.py", "worker", 0, 0.7),
    "python-telegram-bot": Known("python-telegram-bot", "worker", 0, 0.7),
    "aiogram": Known("aiogram", "worker", 0, 0.7),
    "slack-bolt": Known("Slack Bolt", "worker", 0, 0.6),
    "apache-airflow": Known("Airflow", "job", 8080),
    "scrapy": Known("Scrapy", "job"),
    "prefect": Known("Prefect", "job", 0, 0.6),
    "dbt-core": Known("dbt", "job", 0, 0.7),
    "dbt-postgres": Known("dbt", "job", 0, 0.7),
    "dbt-clickhouse": Known("dbt", "job", 0, 0.7),
    "dbt-snowflake": Known("dbt", "job", 0, 0.7),
    "dbt-bigquery": Known("dbt", "job", 0, 0.7),
    "dbt-duckdb": Known("dbt", "job", 0, 0.7),
    "jupyterlab": Known("Jupyter", "job", 0, 0.3),
    "notebook": Known("Jupyter", "job", 0, 0.3),
    "jupyter": Known("Jupyter", "job", 0, 0.3),
    "mkdocs": Known("MkDocs", "static", 8000, 0.5),
    "mkdocs-material": Known("MkDocs", "static", 8000, 0.5),
}
"""By normalised name. A role's confidence is what the dependency alone says; an application in the source says more."""

COMMAND_LINE = {"click": "Click", "typer": "Typer", "typer-slim": "Typer", "docopt": "docopt", "fire": "Fire", "cyclopts": "Cyclopts"}  # fmt: skip
"""They count only where the project offers a command: everything drags click along."""

BROUGHT = {
    "flask": "dash mlflow locust apache-airflow apache-superset connexion",
    "fastapi": "gradio chainlit nicegui bentoml mlflow litserve reflex",
    "starlette": "fastapi gradio chainlit nicegui bentoml connexion mcp reflex",
    "tornado": "streamlit jupyter jupyterlab notebook ipykernel bokeh panel distributed flower jupyter-server",
    "grpcio": "tensorflow tensorboard mlflow streamlit google-cloud-storage google-cloud-pubsub google-cloud-bigquery ray",
    "sanic": "rasa",
    "notebook": "jupyter jupyterlab",
    "mkdocs": "mkdocs-material",
}
"""Frameworks that frozen requirements list because of another package; they are not the project's own choice."""

CLIENTS = {
    "postgresql": "psycopg psycopg2 psycopg2-binary psycopg-binary psycopg-pool asyncpg pg8000 aiopg pgvector procrastinate dbt-postgres",
    "mysql": "mysqlclient pymysql aiomysql asyncmy mysql-connector-python mysql-connector mariadb",
    "redis": "redis aioredis hiredis txredisapi django-redis channels-redis flask-redis redis-om rq django-rq arq valkey",
    "mongodb": "pymongo motor mongoengine beanie odmantic flask-pymongo djongo django-mongodb-backend",
    "rabbitmq": "pika aio-pika aiormq amqpstorm",
    "kafka": "kafka-python kafka-python-ng confluent-kafka aiokafka faust faust-streaming quixstreams",
    "elasticsearch": "elasticsearch elasticsearch-dsl django-elasticsearch-dsl",
    "opensearch": "opensearch-py",
    "memcached": "pymemcache python-memcached pylibmc aiomcache",
    "sqlite": "aiosqlite",
    "mssql": "pymssql mssql-django mssql-python django-mssql-backend",
    "cassandra": "cassandra-driver scylla-driver",
    "clickhouse": "clickhouse-driver clickhouse-connect clickhouse-sqlalchemy asynch dbt-clickhouse",
    "neo4j": "neo4j neomodel py2neo",
    "nats": "nats-py",
    "minio": "minio",
}
CLIENT = {package: database for database, packages in CLIENTS.items() for package in packages.split()}

EXTRAS = {
    "redis": "redis", "rabbitmq": "rabbitmq", "rabbit": "rabbitmq", "librabbitmq": "rabbitmq", "mongodb": "mongodb",
    "kafka": "kafka", "confluent": "kafka", "nats": "nats", "asyncpg": "postgresql", "postgresql": "postgresql", "aiosqlite": "sqlite",
    "psycopg": "postgresql", "asyncmy": "mysql", "aiomysql": "mysql", "mysql": "mysql", "memcache": "memcached", "cassandra": "cassandra",
}  # fmt: skip
"""Databases by a requirement's extra, e.g. `celery[redis]`; the extras of these packages name their back ends:"""
BACKED = frozenset({"celery", "kombu", "dramatiq", "databases", "tortoise-orm", "faststream", "taskiq", "sqlmodel", "piccolo", "edgy"})  # fmt: skip

ENGINES = {
    "postgis": "postgresql", "sqlite3": "sqlite", "spatialite": "sqlite", "postgresql_psycopg2": "postgresql", "mssql": "mssql", "djongo": "mongodb",
    "mysql.connector.django": "mysql", "django_cockroachdb": "postgresql", "django_mongodb_backend": "mongodb",
}  # fmt: skip
"""Django's names of databases that are not ours."""
SCHEMES = {
    "postgres": "postgresql", "mariadb": "mysql", "mongodb+srv": "mongodb", "rediss": "redis", "amqp": "rabbitmq", "amqps": "rabbitmq",
    "pyamqp": "rabbitmq", "bolt": "neo4j",
}  # fmt: skip
"""Schemes of URLs that are not called as the database is."""
BROKERS = {"RabbitmqBroker": "rabbitmq", "RabbitBroker": "rabbitmq", "RedisBroker": "redis", "KafkaBroker": "kafka", "NatsBroker": "nats"}  # fmt: skip
SERVES = frozenset({
    "uvicorn", "hypercorn", "granian", "daphne", "gunicorn", "waitress", "cheroot", "tornado", "twisted", "werkzeug", "gevent", "eventlet", "aiohttp",
    "bjoern", "asgiref", "mcp", "fastmcp",
})  # fmt: skip
"""Packages that listen for requests; who asks for one of them may be a server."""
BACKING = frozenset({5432, 3306, 6379, 27017, 5672, 9092, 1433, 11211, 9200, 4222, 8123, 25, 465, 587})
"""Ports of what a program connects to, and not its own."""
