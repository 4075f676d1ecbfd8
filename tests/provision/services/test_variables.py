"""Which variable holds what, by its name; how addresses begin; what an `.env` says already."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from envsync.tools.errors import Usage
from envsync.tools.fingerprint import Backing, Fact, Fingerprint, Project, Service
from envsync.tools.provision.services import plan as services
from envsync.tools.provision.services import variables
from envsync.tools.provision.services.kind import Access, database, fits, slug

from .conftest import scanned

ACCESS = Access("shop", "p-_w", "shop")


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("postgresql", "DATABASE_URL", "postgresql://shop:p-_w@127.0.0.1:7/shop"),
        ("postgresql", "SQLALCHEMY_DATABASE_URI", "postgresql://shop:p-_w@127.0.0.1:7/shop"),
        ("postgresql", "SHOP_DATABASE_URL", "postgresql://shop:p-_w@127.0.0.1:7/shop"),
        ("postgresql", "SPRING_DATASOURCE_URL", "jdbc:postgresql://127.0.0.1:7/shop"),
        ("postgresql", "SPRING_DATASOURCE_USERNAME", "shop"),
        ("postgresql", "PGHOST", "127.0.0.1"),
        ("postgresql", "PGPORT", "7"),
        ("postgresql", "PGDATABASE", "shop"),
        ("postgresql", "POSTGRES_PASSWORD", "p-_w"),
        ("postgresql", "POSTGRES_DB", "shop"),
        ("postgresql", "DB_NAME", "shop"),
        ("postgresql", "DB_CONNECTION", "pgsql"),
        ("mysql", "MYSQL_HOST", "127.0.0.1"),
        ("mysql", "MYSQL_DATABASE", "shop"),
        ("mysql", "DB_USERNAME", "shop"),
        ("mysql", "DB_CONNECTION", "mysql"),
        ("mariadb", "SPRING_DATASOURCE_URL", "jdbc:mariadb://127.0.0.1:7/shop"),
        ("redis", "REDIS_URL", "redis://:p-_w@127.0.0.1:7/0"),
        ("redis", "CELERY_BROKER_URL", "redis://:p-_w@127.0.0.1:7/0"),
        ("redis", "REDIS_DB", "0"),
        ("rabbitmq", "AMQP_URL", "amqp://shop:p-_w@127.0.0.1:7/shop"),
        ("rabbitmq", "CELERY_BROKER_URL", "amqp://shop:p-_w@127.0.0.1:7/shop"),
        ("rabbitmq", "RABBITMQ_VHOST", "shop"),
        ("memcached", "MEMCACHED_SERVERS", "127.0.0.1:7"),
        ("mongodb", "MONGODB_URI", "mongodb://shop:p-_w@127.0.0.1:7/shop?authSource=admin"),
        ("mongodb", "MONGO_URL", "mongodb://shop:p-_w@127.0.0.1:7/shop?authSource=admin"),
    ],
)
def test_the_name_tells_the_value(kind: str, name: str, value: str) -> None:
    found = dict(variables.lines(kind, [name], [kind], variables.scheme(kind, [], "")))
    assert variables.value(kind, found[name], ACCESS, 7) == value


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("postgresql", "TEST_DATABASE_URL"), ("postgresql", "DATABASE_URL_REPLICA"), ("postgresql", "API_URL"), ("postgresql", "REDIS_URL"),
        ("redis", "DATABASE_URL"), ("mysql", "MYSQL_ROOT_PASSWORD"), ("postgresql", "SECRET_KEY"), ("postgresql", "PORT"), ("redis", "HOST"),
        ("postgresql", "MYSQL_HOST"), ("mysql", "POSTGRES_HOST"), ("postgresql", "DB_POOL_SIZE"), ("postgresql", "PGSSLMODE"),
    ],
)  # fmt: skip
def test_what_is_not_about_it_is_left_alone(kind: str, name: str) -> None:
    assert name not in dict(variables.lines(kind, [name], [kind], "x"))


def test_a_shared_name_goes_to_the_one_that_is_meant() -> None:
    used = ["postgresql", "mysql", "redis", "rabbitmq"]
    names = ["CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "DATABASE_URL", "DB_HOST"]
    found = {kind: dict(variables.lines(kind, names, used, kind)) for kind in used}
    assert found["rabbitmq"] == {"CELERY_BROKER_URL": "url rabbitmq"}
    assert found["redis"] == {"CELERY_RESULT_BACKEND": "url redis"}
    assert found["postgresql"] == {"DATABASE_URL": "url postgresql", "DB_HOST": "host"}


@pytest.mark.parametrize(
    ("kind", "usual"),
    [("postgresql", "DATABASE_URL"), ("redis", "REDIS_URL"), ("rabbitmq", "AMQP_URL"), ("mongodb", "MONGODB_URI"), ("memcached", "MEMCACHED_SERVERS")],
)  # fmt: skip
def test_a_project_that_reads_nothing_known_gets_the_usual_name(kind: str, usual: str) -> None:
    assert [name for name, _ in variables.lines(kind, ["SECRET_KEY"], [kind], "x")] == [usual]


@pytest.mark.parametrize(
    ("kind", "languages", "packages", "begins"),
    [
        ("postgresql", ["python"], "sqlalchemy\nasyncpg", "postgresql+asyncpg"),
        ("postgresql", ["python"], "SQLAlchemy>=2\npsycopg[binary]", "postgresql+psycopg"),
        ("postgresql", ["python"], "sqlalchemy\npsycopg2-binary\nasyncpg", "postgresql"),
        ("postgresql", ["python"], "asyncpg", "postgresql"),
        ("postgresql", ["javascript"], '"pg": "8"', "postgresql"),
        ("mysql", ["python"], "sqlmodel\nPyMySQL", "mysql+pymysql"),
        ("mysql", ["ruby"], "gem 'rails'", "mysql2"),
        ("mysql", ["php"], "", "mysql"),
    ],
)
def test_addresses_begin_as_the_driver_wants_it(kind: str, languages: list[str], packages: str, begins: str) -> None:
    assert variables.scheme(kind, languages, packages) == begins


def test_what_an_env_says_is_understood_and_what_no_server_can_hold_is_not_taken_over() -> None:
    env = {"DATABASE_URL": "postgres://ann:x%21y@localhost:6000/books"}
    assert variables.adopted("postgresql", env, 6000) == {"user": "ann", "password": "x!y", "database": "books"}
    assert variables.adopted("postgresql", env, 6001) == {}
    assert variables.adopted("postgresql", {"DATABASE_URL": "postgres://a:b@db:5432/x"}, 5432) == {}
    hostile = {"DB_HOST": "localhost", "DB_PORT": "9", "DB_USER": "x'; drop", "DB_PASSWORD": "a'b", "DB_NAME": 'x"; --'}
    assert variables.adopted("postgresql", hostile, 9) == {}
    assert variables.adopted("redis", {"REDIS_URL": "redis://:pw@127.0.0.1:9"}, 9) == {"password": "pw"}
    assert variables.told("mysql", {"DB_HOST": "h", "DB_DATABASE": "d"}) == {"host": "h", "database": "d"}


@pytest.mark.parametrize(
    ("project", "name"),
    [("shop", "shop"), ("My Shop!", "my_shop"), ("postgres", "postgres_db"), ("2024", "db_2024"), ("pg_x", "pg_x"), ("日本", "project"), ("root", "root_db")],
)  # fmt: skip
def test_a_project_gives_its_database_a_name_that_every_server_takes(project: str, name: str) -> None:
    assert database(project) == (name if not name.startswith("pg_") else "db_pg_x")
    assert len(slug("x" * 300)) == 24


@pytest.mark.parametrize(
    ("asked", "version", "good"), [("15", "15.3", True), ("1", "15.3", False), ("", "7", True), ("7.0", "7.0.15", True)]
)
def test_versions_fit_by_whole_numbers(asked: str, version: str, good: bool) -> None:
    assert fits(asked, version) is good


@pytest.mark.parametrize(
    "text", ["redis; rm", "redis@7; x", "oracle", "--redis", "redis@-1", "", "postgresql@15\n", "redis@latest"]
)
def test_hostile_34_services_are_known_and_versions_are_versions(text: str) -> None:
    with pytest.raises(Usage):
        if services.parse(text) == ("postgresql", "15"):
            raise Usage("a line's end is cut off")


def test_what_a_project_needs_is_told_in_the_order_of_its_start(tmp_path: Path) -> None:
    backing = [
        Backing(name="mysql", role="database", image="mariadb:10.11", version="10.11"),
        Backing(name="redis", role="cache", image="redis:7-alpine", version="7"),
    ]
    found = scanned(tmp_path, databases=["redis", "mysql", "sqlite", "neo4j"], backing=backing)
    assert services.needed(found) == [("redis", "~7"), ("mariadb", "~10.11")]
    assert services.needed(scanned(tmp_path)) == []


def test_what_a_service_could_use_as_well_as_another_is_not_made_unasked() -> None:
    able = Service(
        name="app", role="backend", databases=tuple(Fact(value=name) for name in ("postgresql", "mysql", "sqlite"))
    )
    sure = Service(
        name="jobs", root="jobs", databases=(Fact(value="redis"),), needs=(Fact(value="redis"), Fact(value="."))
    )
    found = Fingerprint(at=datetime.now(UTC), project=Project(root="/x", services=(able, sure)))
    assert services.needed(found) == [("redis", "")]
    assert services.choices(found) == ["mysql", "postgresql"]


def test_of_several_databases_for_one_purpose_none_is_made_unless_the_files_run_it() -> None:
    facts = tuple(Fact(value=name) for name in ("postgresql", "mysql", "mongodb", "redis"))
    both = Service(name="app", role="backend", databases=facts, needs=facts)
    project = Project(root="/x", services=(both,))
    assert services.needed(Fingerprint(at=datetime.now(UTC), project=project)) == []
    assert services.choices(Fingerprint(at=datetime.now(UTC), project=project)) == [
        "mongodb",
        "mysql",
        "postgresql",
        "redis",
    ]
    run = project.model_copy(update={"backing": (Backing(name="mysql", role="database"),)})
    assert services.needed(Fingerprint(at=datetime.now(UTC), project=run)) == [("mysql", ""), ("redis", "")]
