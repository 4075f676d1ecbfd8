"""What builds for the JVM have in common: libraries by coordinates, programs with a main, and what both say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..draft import Draft
from ..ignore import is_example
from .base import Known
from .jvm_settings import Settings


@dataclass(frozen=True)
class Needed:
    """A library or a plugin that a build names."""

    name: str
    """`group:artifact`, or a plugin's id."""
    path: str
    """The file that names it, relative to the project and with a `/` in front."""
    version: str = ""


_BOOT, _QUARKUS = "org.springframework.boot:spring-boot-starter-", "io.quarkus:quarkus-"
FRAMEWORKS = {
    "org.springframework.boot": Known("Spring Boot", "", 0, 0.95),
    **{_BOOT + part: Known("Spring Boot", "backend", 8080, 0.95)
       for part in ("web", "jersey", "graphql", "data-rest", "hateoas", "rsocket", "oauth2-authorization-server")},
    _BOOT + "batch": Known("Spring Batch", "job", 0, 0.7),
    _BOOT + "amqp": Known("Spring Boot", "worker", 0, 0.6),
    "org.springframework.kafka": Known("Spring Kafka", "worker", 0, 0.6),
    "org.springframework.cloud:spring-cloud-starter-gateway": Known("Spring Cloud Gateway", "backend", 8080, 0.95),
    "org.springframework.cloud:spring-cloud-config-server": Known("Spring Cloud Config", "backend", 8080, 0.95),
    "org.springframework.cloud:spring-cloud-starter-netflix-eureka-server": Known("Eureka", "backend", 8080, 0.95),
    "org.springframework.cloud:spring-cloud-starter-task": Known("Spring Cloud Task", "job", 0, 0.7),
    "org.springframework:spring-webmvc": Known("Spring MVC", "backend", 0, 0.7),
    "org.grails": Known("Grails", "backend", 8080, 0.95),
    "io.quarkus": Known("Quarkus", "", 0, 0.95),
    **{_QUARKUS + part: Known("Quarkus", "backend", 8080, 0.95)
       for part in ("rest", "resteasy", "undertow", "vertx-http", "reactive-routes", "smallrye-graphql", "grpc", "spring-web", "qute")},
    _QUARKUS + "picocli": Known("Quarkus", "job", 0, 0.6),
    _QUARKUS + "messaging": Known("Quarkus", "worker", 0, 0.6),
    "io.micronaut": Known("Micronaut", "", 0, 0.9),
    "io.micronaut:micronaut-http-server": Known("Micronaut", "backend", 8080, 0.9),
    "io.micronaut.servlet": Known("Micronaut", "backend", 8080, 0.9),
    "io.micronaut.picocli": Known("Micronaut", "job", 0, 0.6),
    "io.micronaut:micronaut-function": Known("Micronaut", "backend", 0, 0.6),
    "io.ktor:ktor-server": Known("Ktor", "backend", 0, 0.9),
    "io.javalin:javalin": Known("Javalin", "backend", 8080, 0.85),
    "io.vertx:vertx-web": Known("Vert.x", "backend", 0, 0.85),
    "io.vertx:vertx-core": Known("Vert.x", "backend", 0, 0.6),
    "io.dropwizard:dropwizard-core": Known("Dropwizard", "backend", 8080, 0.9),
    "com.sparkjava:spark-core": Known("Spark Java", "backend", 4567, 0.85),
    "io.helidon.webserver": Known("Helidon", "backend", 0, 0.9),
    "io.helidon.microprofile": Known("Helidon", "backend", 7001, 0.9),
    "org.http4k:http4k-core": Known("http4k", "", 0, 0.85),
    "org.http4k:http4k-server": Known("http4k", "backend", 0, 0.85),
    "com.linecorp.armeria:armeria": Known("Armeria", "backend", 0, 0.85),
    "org.eclipse.jetty:jetty-serv": Known("Jetty", "backend", 0, 0.6),
    "org.apache.tomcat.embed:tomcat-embed-core": Known("Tomcat", "backend", 0, 0.6),
    "io.undertow:undertow-core": Known("Undertow", "backend", 0, 0.6),
    "org.glassfish.jersey.containers:jersey-container": Known("Jersey", "backend", 0, 0.7),
    "jakarta.platform:jakarta.jakartaee": Known("Jakarta EE", "backend", 0, 0.7),
    "javax:javaee-": Known("Jakarta EE", "backend", 0, 0.7),
    "org.eclipse.microprofile:microprofile": Known("MicroProfile", "backend", 0, 0.7),
    "org.apache.struts:struts2-core": Known("Struts", "backend", 0, 0.8),
    "io.grpc:grpc-netty": Known("gRPC", "backend", 0, 0.5),
    "com.vaadin:vaadin-": Known("Vaadin", "frontend", 0, 0.6),
    "org.openjfx:javafx-controls": Known("JavaFX", "frontend", 0, 0.7),
    "org.apache.spark:spark-": Known("Apache Spark", "job", 0, 0.8),
    "org.apache.flink:flink-": Known("Apache Flink", "job", 0, 0.8),
    "org.apache.beam:beam-": Known("Apache Beam", "job", 0, 0.8),
    "org.apache.kafka:kafka-streams": Known("Kafka Streams", "worker", 0, 0.6),
    "info.picocli:picocli": Known("picocli", "job", 0, 0.5),
    "com.github.ajalt.clikt:clikt": Known("Clikt", "job", 0, 0.5),
    "com.typesafe.play:play": Known("Play", "backend", 9000, 0.95),
    "org.playframework:play": Known("Play", "backend", 9000, 0.95),
    "com.typesafe.akka:akka-http": Known("Akka HTTP", "backend", 0, 0.9),
    "com.typesafe.akka:akka-actor": Known("Akka", "", 0, 0.8),
    "org.apache.pekko:pekko-http": Known("Pekko HTTP", "backend", 0, 0.9),
    "org.apache.pekko:pekko-actor": Known("Pekko", "", 0, 0.8),
    "org.http4s:http4s": Known("http4s", "", 0, 0.85),
    "org.http4s:http4s-ember-server": Known("http4s", "backend", 8080, 0.85),
    "org.http4s:http4s-blaze-server": Known("http4s", "backend", 8080, 0.85),
    "dev.zio:zio-http": Known("ZIO HTTP", "backend", 8080, 0.85),
    "com.softwaremill.sttp.tapir:tapir-": Known("Tapir", "", 0, 0.8),
    "com.softwaremill.sttp.tapir:tapir-netty-server": Known("Tapir", "backend", 8080, 0.8),
    "com.lihaoyi:cask": Known("Cask", "backend", 8080, 0.85),
    "com.twitter:finatra-http": Known("Finatra", "backend", 8888, 0.85),
    "com.twitter:finagle-http": Known("Finagle", "backend", 0, 0.7),
    "org.scalatra:scalatra": Known("Scalatra", "backend", 8080, 0.85),
}  # fmt: skip
"""By the beginning of the coordinates; of one framework's lines all that fit count."""

CLIENTS = {
    "org.postgresql:": "postgresql", "io.quarkus:quarkus-jdbc-postgresql": "postgresql", "io.quarkus:quarkus-reactive-pg": "postgresql",
    "io.r2dbc:r2dbc-postgresql": "postgresql", "io.vertx:vertx-pg-client": "postgresql", "com.impossibl.pgjdbc-ng": "postgresql",
    "org.tpolecat:skunk": "postgresql", "org.tpolecat:doobie-postgres": "postgresql",
    "mysql:mysql-connector": "mysql", "com.mysql:mysql-connector": "mysql", "org.mariadb": "mysql", "io.vertx:vertx-mysql": "mysql",
    "io.quarkus:quarkus-jdbc-mysql": "mysql", "io.quarkus:quarkus-jdbc-mariadb": "mysql", "io.asyncer:r2dbc-mysql": "mysql",
    "com.microsoft.sqlserver": "mssql", "io.quarkus:quarkus-jdbc-mssql": "mssql", "com.oracle.database.jdbc": "oracle",
    "org.xerial:sqlite-jdbc": "sqlite", "androidx.room": "sqlite", "com.h2database": "h2", "io.quarkus:quarkus-jdbc-h2": "h2",
    "redis.clients:jedis": "redis", "io.lettuce": "redis", "org.redisson": "redis", "io.quarkus:quarkus-redis": "redis",
    "io.micronaut.redis": "redis", "org.springframework.session:spring-session-data-redis": "redis", _BOOT + "data-redis": "redis",
    "dev.profunktor:redis4cats": "redis", "net.debasishg:redisclient": "redis", "com.taoensso:carmine": "redis", "dev.zio:zio-redis": "redis",
    "org.mongodb": "mongodb", _BOOT + "data-mongodb": "mongodb", "io.quarkus:quarkus-mongodb": "mongodb", "io.micronaut.mongodb": "mongodb",
    "org.litote.kmongo": "mongodb", "com.novemberain:monger": "mongodb", "org.reactivemongo": "mongodb", "dev.morphia": "mongodb",
    "com.rabbitmq": "rabbitmq", _BOOT + "amqp": "rabbitmq", "io.micronaut.rabbitmq": "rabbitmq", "io.quarkus:quarkus-messaging-rabbitmq": "rabbitmq",
    "io.quarkus:quarkus-smallrye-reactive-messaging-rabbitmq": "rabbitmq", "com.novemberain:langohr": "rabbitmq",
    "org.springframework.cloud:spring-cloud-starter-stream-rabbit": "rabbitmq", "dev.profunktor:fs2-rabbit": "rabbitmq",
    "org.springframework.kafka": "kafka", "org.apache.kafka": "kafka", "io.quarkus:quarkus-kafka": "kafka", "io.micronaut.kafka": "kafka",
    "io.quarkus:quarkus-messaging-kafka": "kafka", "io.quarkus:quarkus-smallrye-reactive-messaging-kafka": "kafka", "com.github.fd4s:fs2-kafka": "kafka",
    "dev.zio:zio-kafka": "kafka", "com.typesafe.akka:akka-stream-kafka": "kafka", "org.apache.pekko:pekko-connectors-kafka": "kafka",
    "org.springframework.cloud:spring-cloud-starter-stream-kafka": "kafka", "io.confluent:kafka-": "kafka", "fundingcircle:jackdaw": "kafka",
    "co.elastic.clients": "elasticsearch", "org.elasticsearch.client": "elasticsearch", _BOOT + "data-elasticsearch": "elasticsearch",
    "com.sksamuel.elastic4s": "elasticsearch", "nl.gn0s1s:elastic4s": "elasticsearch",
    "com.datastax": "cassandra", "org.apache.cassandra:java-driver": "cassandra", _BOOT + "data-cassandra": "cassandra",
    "org.neo4j": "neo4j", _BOOT + "data-neo4j": "neo4j", "com.clickhouse": "clickhouse", "ru.yandex.clickhouse": "clickhouse",
    "io.nats:jnats": "nats", "io.minio:minio": "minio", "net.spy:spymemcached": "memcached", "com.googlecode.xmemcached": "memcached",
}  # fmt: skip

PATTERNS = (
    ("env", "getenv", r"getenv\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "getenv()", r"getenv\(\)(?:\.(?:get|getOrDefault|containsKey)\(|\[)\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "dotenv", r"dotenv(?:\.get\(|\[)\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "@Value", r"@Value\(\s*\"\$\{([A-Z][A-Z0-9_]{1,63})[:}]"),
    ("jvm-main", "static void main(", r"\bstatic void (main)\(\s*(?:final\s{1,4})?(?:@\w+\s{1,4})?String\b"),
    ("jvm-main", "fun main(", r"^[ \t]*(?:@JvmStatic\s{1,20})?(?:suspend )?fun (main)\("),
    ("jvm-listens", "HttpServer.create(", r"(HttpServer\.create)\("),
    ("jvm-consumes", "Listener", r"(@(?:Kafka|Rabbit|Jms|Sqs)Listener)\b"),
    ("jvm-port", "embeddedServer(", r"embeddedServer\(\s*\w+,\s*(?:port\s*=\s*)?(\d{2,5})\b"),
    ("jvm-port", "embeddedServer(", r"embeddedServer\(\s*\w+,\s*port\s*=\s*System\.getenv[^\n]{0,80}\?:\s*(\d{2,5})\b"),
    ("jvm-port", ".asServer(", r"\.asServer\(\s*\w+\(\s*(\d{2,5})\s*\)"),
    ("jvm-port", ".listen(", r"\.listen\(\s*(\d{2,5})\s*[,)]"),
    ("jvm-port", "forPort(", r"\bforPort\(\s*(\d{2,5})\s*[,)]"),
    ("jvm-port", "new Server(", r"\bnew Server\(\s*(\d{2,5})\s*\)"),
    ("jvm-port", "InetSocketAddress(", r"InetSocketAddress\(\s*(?:\"[\w.]{0,40}\",\s*)?(\d{2,5})\s*\)"),
    ("jvm-start-port", ".start(", r"\.start\(\s*(\d{4,5})\s*\)"),
    ("jvm-spark-port", "port(", r"^[ \t]*port\(\s*(\d{4,5})\s*\)"),
)
_SOURCE = (".java", ".kt", ".groovy", ".scala")
_NAMED = re.compile(r"(?:^|/)src/\w*[mM]ain/\w+/(?:.*/)?(?:\w*Application|Main|App)\.(?:java|kt|groovy|scala)$")


def has_main(draft: Draft) -> bool | None:
    """Whether something in this service's own source can be started; None when there is no source to look at."""
    if draft.hits("jvm-main"):
        return True
    own = [
        path for path in draft.files if path.endswith(_SOURCE) and not is_example(_before_packages(draft.inner(path)))
    ]
    # Packages like com.example.demo look like folders of examples, whose source is not searched.
    unsearched = [path for path in own if is_example(path)]
    if any(_NAMED.search(path) for path in unsearched):
        return True
    return None if len(unsearched) == len(own) else False


def _before_packages(path: str) -> str:
    """The folders of a source file that are no packages."""
    before = re.search(r"(?:^|/)src/\w{0,40}[mM]ain/(?:java|kotlin|scala|groovy)/", path)
    return path[: before.end()] if before else path


def known(needed: Iterable[Needed]) -> list[tuple[Needed, Known]]:
    """What the tables say about libraries and plugins; of a framework's client nobody is served."""
    served = [one for one in needed if "-client" not in one.name]
    return [(one, found) for one in served for start, found in FRAMEWORKS.items() if one.name.startswith(start)]


def databases(draft: Draft, needed: Iterable[Needed], settings: Settings) -> None:
    """Add the databases whose drivers are there; the settings tell which of several drivers is the one in use."""
    for one in needed:
        for start, database in CLIENTS.items():
            if one.name.startswith(start):
                driver = database in _RELATIONAL and settings.relational and database not in settings.relational
                draft.database(database, one.path, one.name, 0.5 if driver else 0.9)


_RELATIONAL = frozenset({"postgresql", "mysql", "mssql", "oracle", "sqlite", "h2"})


def conclude(draft: Draft, manifest: str, needed: list[Needed], settings: Settings, *, runs: bool) -> None:
    """Add frameworks, databases, role and ports; `runs`: something starts it, else it is a library."""
    found = known(needed)
    for one, framework in found:
        draft.framework(framework.name, one.path, one.name, framework.confidence)
    databases(draft, needed, settings)
    settings.apply(draft, runs=runs)
    if not runs:
        draft.role("library", 0.8)
        return
    draft.role("job", 0.3)
    serves = settings.web is not False
    for _, framework in found:
        if framework.role and (serves or framework.role != "backend"):
            draft.role(framework.role, framework.confidence)
    names = {framework.name for _, framework in found}
    _listens(draft, names)
    if "Spring Boot" in names and settings.port_said and serves:
        draft.role("backend", 0.85)
    if draft.hits("jvm-consumes"):
        draft.role("worker", 0.65)
    if draft.best_role in ("backend", "frontend") and serves and not draft.ports and not settings.port_said:
        for one, framework in found:
            if framework.port:
                # A whole framework listens there of itself; a library of servers is told where to.
                sure = 0.8 if framework.confidence >= 0.9 and not settings.remote else 0.5
                draft.port(framework.port, one.path or manifest, f"the default of {framework.name}", sure)


def _listens(draft: Draft, names: set[str]) -> None:
    rules = ["jvm-port"]
    rules += ["jvm-start-port"] if names & {"Javalin", "Undertow"} else []
    rules += ["jvm-spark-port"] if "Spark Java" in names else []
    for hit in draft.hits("jvm-listens"):
        draft.role("backend", 0.7)
        draft.framework("JDK HTTP server", hit.path, f"line {hit.line}", 0.6)
    if draft.best_role in ("backend", "frontend"):
        for hit in draft.hits(*rules):
            draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
