"""Which variables a project reads about a service, what each should hold, and what a project's `.env` says already.

A variable's name tells its form: `DATABASE_URL` an address, `PGHOST` a host, `SPRING_DATASOURCE_URL` one for JDBC.
Plans hold names and forms; values are made where they are written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import quote, unquote, urlsplit

from ...made.servers import canonical
from .kind import Access
from .registry import KINDS

HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104  # read, not bound to
_SQL = r"DB|DATABASE|SQL|RDS|DB_MAIN|DATABASE_DEFAULT|DEFAULT_DB|DEFAULT_DATABASE"
_STEMS = {
    "postgresql": rf"POSTGRES(?:QL)?(?:_DB)?|PG|PSQL|PGSQL|{_SQL}",
    "mysql": rf"MYSQL(?:_DB)?|MARIADB|{_SQL}",
    "redis": r"REDIS(?:_CACHE)?|VALKEY|CACHE_REDIS",
    "memcached": r"MEMCACHED?|MEMCACHIER",
    "rabbitmq": r"RABBIT(?:MQ)?|AMQP|RMQ",
    "mongodb": r"MONGO(?:DB)?(?:_DB)?",
}
_ENDS = {
    "url": r"_?(?:URL|URI|DSN|CONNECTION_STRING|CONNECTION_URL|CONNECTION_URI|CONN_STR)",
    "host": r"_?(?:HOST|HOSTNAME|SERVER|ADDRESS)",
    "port": r"_?PORT",
    "user": r"_?(?:USER|USERNAME|USER_NAME|LOGIN)",
    "password": r"_?(?:PASSWORD|PASSWD|PASS|PWD)|_AUTH",
    "database": r"_?(?:DATABASE|DBNAME|DB_NAME|DATABASE_NAME|NAME|DB)",
    "vhost": r"_?(?:VHOST|VIRTUAL_HOST)",
}
_EXACT: dict[str, dict[str, str]] = {
    "postgresql": {
        "SQLALCHEMY_DATABASE_URI": "url", "SQLALCHEMY_DATABASE_URL": "url", "ASYNC_DATABASE_URL": "url", "DATABASE_URI": "url",
        "SPRING_DATASOURCE_URL": "jdbc", "SPRING_DATASOURCE_USERNAME": "user", "SPRING_DATASOURCE_PASSWORD": "password",
        "JDBC_DATABASE_URL": "jdbc", "JDBC_URL": "jdbc", "PRISMA_DATABASE_URL": "url", "POSTGRES_PRISMA_URL": "url", "PGDATABASE": "database",
        "DB_CONNECTION": "=pgsql", "POSTGRES_DB": "database",
    },
    "mysql": {
        "SQLALCHEMY_DATABASE_URI": "url", "SQLALCHEMY_DATABASE_URL": "url", "ASYNC_DATABASE_URL": "url", "DATABASE_URI": "url",
        "SPRING_DATASOURCE_URL": "jdbc", "SPRING_DATASOURCE_USERNAME": "user", "SPRING_DATASOURCE_PASSWORD": "password",
        "JDBC_DATABASE_URL": "jdbc", "JDBC_URL": "jdbc", "PRISMA_DATABASE_URL": "url", "DB_CONNECTION": "=mysql",
        "MYSQL_ROOT_PASSWORD": "", "MARIADB_ROOT_PASSWORD": "",
    },
    "redis": {
        "SPRING_REDIS_HOST": "host", "SPRING_REDIS_PORT": "port", "SPRING_REDIS_PASSWORD": "password", "SPRING_DATA_REDIS_HOST": "host",
        "SPRING_DATA_REDIS_PORT": "port", "SPRING_DATA_REDIS_PASSWORD": "password", "SPRING_DATA_REDIS_URL": "url", "CELERY_RESULT_BACKEND": "url",
        "RESULT_BACKEND": "url", "RQ_REDIS_URL": "url", "REDIS_DB": "=0", "REDIS_DATABASE": "=0", "REDIS_NAME": "", "REDIS_USER": "=default",
        "REDIS_USERNAME": "=default",
    },
    "memcached": {"MEMCACHED_SERVERS": "pair", "MEMCACHE_SERVERS": "pair", "MEMCACHED_URL": "pair", "MEMCACHIER_SERVERS": "pair"},
    "rabbitmq": {
        "CLOUDAMQP_URL": "url", "SPRING_RABBITMQ_HOST": "host", "SPRING_RABBITMQ_PORT": "port", "SPRING_RABBITMQ_USERNAME": "user",
        "SPRING_RABBITMQ_PASSWORD": "password", "SPRING_RABBITMQ_VIRTUAL_HOST": "vhost", "SPRING_RABBITMQ_ADDRESSES": "url",
        "RABBITMQ_DEFAULT_USER": "user", "RABBITMQ_DEFAULT_PASS": "password", "RABBITMQ_DEFAULT_VHOST": "vhost", "MESSENGER_TRANSPORT_DSN": "url",
    },
    "mongodb": {"SPRING_DATA_MONGODB_URI": "url", "MONGO_INITDB_ROOT_USERNAME": "user", "MONGO_INITDB_ROOT_PASSWORD": "password"},
}  # fmt: skip
"""Forms of names that no rule gives; empty: not ours to set; `=WORD`: that word."""
_SHARED = {
    "CELERY_BROKER_URL": ("rabbitmq", "redis"),
    "BROKER_URL": ("rabbitmq", "redis"),
    "QUEUE_URL": ("rabbitmq", "redis"),
    "CACHE_URL": ("redis", "memcached"),
    "DATABASE_URL": ("postgresql", "mysql", "mongodb"),
}
"""The first of these kinds that the project uses is meant."""
USUAL = {
    "postgresql": "DATABASE_URL", "mysql": "DATABASE_URL", "redis": "REDIS_URL", "memcached": "MEMCACHED_SERVERS",
    "rabbitmq": "AMQP_URL", "mongodb": "MONGODB_URI",
}  # fmt: skip
"""What is set when the project reads nothing that is known."""
# fmt: off
_OTHERS = frozenset({
    "TEST", "PROD", "PRODUCTION", "STAGING", "STAGE", "PREVIEW", "REPLICA", "READ", "READER", "READONLY", "LEGACY", "REMOTE", "OLD",
    "SOURCE", "TARGET", "BACKUP", "SHADOW", "CI",
})
# fmt: on
"""Before or behind a name: another server than the one to develop with."""
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_SECRET = re.compile(r"[\x21\x23-\x26\x28-\x5b\x5d-\x5f\x61-\x7e]{1,200}")
"""A password that every server's configuration can hold: no quotes, blanks or backslashes."""


def form(kind: str, name: str) -> str:
    """The form of the value that a variable of this name should hold for this kind; empty when it is not about it."""
    kind = canonical(kind)
    if name in _EXACT[kind]:
        return _EXACT[kind][name]
    if kind in _SHARED.get(name, ()):
        return "url"
    words = name.split("_")
    if any(word in _OTHERS for word in words):
        return ""
    for end, pattern in _ENDS.items():
        if re.fullmatch(rf"(?:{_STEMS[kind]})(?:{pattern})", name):
            return end
    # One word of the project's own may stand before: SHOP_DATABASE_URL.
    own, _, rest = name.partition("_")
    fits = rest and not any(re.fullmatch(stem, own) for stem in "|".join(_STEMS.values()).split("|"))
    return (
        form(kind, rest)
        if fits and re.match(r"(?:DB|DATABASE|POSTGRES|MYSQL|REDIS|RABBIT|AMQP|MONGO|MEMCACHE)", rest)
        else ""
    )


def lines(kind: str, names: Collection[str], used: Collection[str], scheme: str) -> list[tuple[str, str]]:
    """(name, form) of the variables to set: those among `names` that are about this kind, else the usual one.

    `used` are the kinds that the project uses, which tell whose a shared name is; `scheme` begins addresses.
    """
    found: list[tuple[str, str]] = []
    for name in sorted(set(names)):
        shared = [each for each in _SHARED.get(name, ()) if each in used]
        if shared and shared[0] != canonical(kind):
            continue
        # One called DB_HOST is PostgreSQL's where both are used.
        if canonical(kind) == "mysql" and "postgresql" in used and not re.search(r"MYSQL|MARIADB", name):
            continue
        if what := form(kind, name):
            found.append((name, f"url {scheme}" if what == "url" else what))
    # A user name or password alone leads nowhere.
    if not any(what.split()[0] in ("url", "jdbc", "host", "pair", "port") for _, what in found):
        usual = USUAL[canonical(kind)]
        found = [*found, (usual, "pair" if kind == "memcached" else f"url {scheme}")]
    return found


def value(kind: str, what: str, access: Access, port: int) -> str:
    """What a variable of this form holds."""
    host = "127.0.0.1"
    if what.startswith("="):
        return what[1:]
    if what.startswith("url"):
        scheme = what.partition(" ")[2]
        user = "" if kind == "redis" else quote(access.user, safe="")
        login = f"{user}:{quote(access.password, safe='')}@"
        if kind == "memcached":
            return f"{scheme}://{host}:{port}"
        base = "0" if kind == "redis" else quote(access.database, safe="")
        return f"{scheme}://{login}{host}:{port}/{base}{'?authSource=admin' if kind == 'mongodb' else ''}"
    plain = {
        "jdbc": f"jdbc:{'mysql' if kind == 'mysql' else kind}://{host}:{port}/{access.database}", "host": host, "port": str(port),
        "pair": f"{host}:{port}", "user": access.user, "password": access.password, "database": access.database,
        "vhost": access.database,
    }  # fmt: skip
    return plain[what]


# -- What a project has already ---------------------------------------------------------------------------------


def told(kind: str, env: Mapping[str, str]) -> dict[str, str]:
    """What an `.env` says about the server of this kind: host, port, user, password, database, as far as it does."""
    found: dict[str, str] = {}
    for name, text in sorted(env.items()):
        if not text:
            continue
        what = form(kind, name)
        if what in ("url", "jdbc", "pair"):
            for key, part in _parts(kind, text).items():
                found.setdefault(key, part)
        elif what in ("host", "port", "user", "password", "database", "vhost"):
            found["database" if what == "vhost" else what] = text
    return found


def _parts(kind: str, text: str) -> dict[str, str]:
    if kind == "memcached" and (pair := re.fullmatch(r"([\w.-]+):(\d{2,5})", text)):
        return {"host": pair[1], "port": pair[2]}
    scheme = text.removeprefix("jdbc:").partition(":")[0].partition("+")[0]
    if scheme not in KINDS[kind].schemes:
        return {}
    try:
        url = urlsplit(text.removeprefix("jdbc:"))
        port = url.port or KINDS[kind].port
    except ValueError:
        return {}
    base = "" if kind == "redis" else url.path.lstrip("/").partition("/")[0]
    parts = {
        "host": url.hostname or "",
        "port": str(port),
        "user": url.username,
        "password": url.password,
        "database": base,
    }
    return {key: unquote(part) for key, part in parts.items() if part}


def adopted(kind: str, env: Mapping[str, str], port: int) -> dict[str, str]:
    """User, password and database that the project's `.env` already gives for a server of this machine at this port.

    Only what every server can hold: anything else is generated.
    """
    found = told(kind, env)
    if found.get("host", "localhost").lower() not in HERE or found.get("port", str(port)) != str(port):
        return {}
    fine = {key: found.get(key, "") for key in ("user", "password", "database")}
    if kind == "redis":
        fine["user"] = ""
    return {key: text for key, text in fine.items() if (_SECRET if key == "password" else _WORD).fullmatch(text)}


# -- How addresses begin -------------------------------------------------------------------------------------------


def scheme(kind: str, languages: Sequence[str], packages: str) -> str:
    """How an address of this kind begins for a project in these languages, whose manifests say `packages`."""

    def has(*names: str) -> bool:
        return any(re.search(rf"(?<![\w-]){name}(?![\w-])", packages, re.IGNORECASE) for name in names)

    kind = canonical(kind)
    usual = KINDS[kind].schemes[0]
    if "ruby" in languages and kind == "mysql":
        return "mysql2"
    if "python" in languages and has("sqlalchemy", "sqlmodel", "alembic", "flask-sqlalchemy"):
        drivers = {
            "postgresql": (("psycopg2", "psycopg2-binary", ""), ("asyncpg", "asyncpg"), ("psycopg", "psycopg"), ("pg8000", "pg8000")),
            "mysql": (("mysqlclient", ""), ("aiomysql", "aiomysql"), ("asyncmy", "asyncmy"), ("pymysql", "pymysql"),
                      ("mysql-connector-python", "mysqlconnector")),
        }  # fmt: skip
        for *names, driver in drivers.get(kind, ()):
            if has(*names):
                return f"{usual}+{driver}" if driver else usual
    return usual
