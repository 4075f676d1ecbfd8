"""Settings of programs on the JVM (application.properties, .yml, .conf): ports, databases, names of variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from ..draft import Draft
from ..parse import Broken, yaml
from ..text import safe

FILES = ("application.properties", "application.yml", "application.yaml", "application.conf", "microprofile-config.properties")  # fmt: skip
PROFILES = ("application-*.properties", "application-*.yml", "application-*.yaml")
"""Settings of one profile: they tell of databases, but not what holds without the profile."""
MOST = 20
DEEP = 30

_PORTS = re.compile(
    r"server\.port|quarkus\.http\.port|micronaut\.server\.port|ktor\.deployment\.port|(?:play\.server\.)?http\.port"
    r"|server\.(?:applicationConnectors|connector)\.port|(?:quarkus\.)?grpc\.server\.port|management\.server\.port"
)
_HOCON_PORT = re.compile(r"(?:.{0,100}\.)?(?:http|server|api|rest|web)[\w-]{0,20}\.port")
_NUMBER = re.compile(r"(?:\$\??\{?[\w.-]{1,80}:)?(\d{1,5})\}?")
_VARIABLE = re.compile(r"\$\{\??([A-Z][A-Z0-9_]{1,63})[:}]")
_BARE = re.compile(r"\$\??([A-Z][A-Z0-9_]{1,63})(?=:|$)")
"""Ktor writes variables without braces; elsewhere it could be the beginning of a password."""
_JDBC = re.compile(r"\b(?:jdbc|r2dbc)(?::(?:pool|tc|p6spy|otel|aws-wrapper))?:(\w{2,12}):")
_KINDS = {
    "postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql", "sqlserver": "mssql", "mssql": "mssql",
    "oracle": "oracle", "sqlite": "sqlite", "h2": "h2", "clickhouse": "clickhouse", "ch": "clickhouse", "neo4j": "neo4j",
}  # fmt: skip
RELATIONAL = frozenset({"postgresql", "mysql", "mssql", "oracle", "sqlite", "h2"})
_SCHEMES = re.compile(r"^(mongodb|rediss?|amqps?|bolt|neo4j|nats)(?:\+\w{1,8})?://")
_SCHEME = {"mongodb": "mongodb", "redis": "redis", "rediss": "redis", "amqp": "rabbitmq", "amqps": "rabbitmq", "bolt": "neo4j", "neo4j": "neo4j", "nats": "nats"}  # fmt: skip
_KEYS = (
    (re.compile(r"(?:spring\.(?:data\.)?|quarkus\.|)redis\.(?:host|hosts|url|uri|port)"), "redis"),
    (re.compile(r"(?:spring\.|)rabbitmq\.(?:host|addresses|uri)"), "rabbitmq"),
    (re.compile(r"(?:spring\.|)kafka\.bootstrap[.-]servers"), "kafka"),
    (re.compile(r"(?:spring\.data\.|quarkus\.|)mongodb\.(?:uri|host|connection-string)"), "mongodb"),
    (re.compile(r"(?:spring\.|quarkus\.|)elasticsearch\.(?:uris|hosts)"), "elasticsearch"),
    (re.compile(r"spring\.(?:data\.)?cassandra\.contact-points|datastax-java-driver\.basic\.contact-points"), "cassandra"),
    (re.compile(r"spring\.neo4j\.uri"), "neo4j"),
)  # fmt: skip
_CLASSES = (("org.postgresql.", "postgresql"), ("com.mysql.", "mysql"), ("org.mariadb.", "mysql"), ("org.h2.", "h2"),
            ("org.sqlite.", "sqlite"), ("com.microsoft.sqlserver.", "mssql"), ("slick.jdbc.Postgres", "postgresql"),
            ("slick.jdbc.MySQL", "mysql"), ("slick.jdbc.H2", "h2"), ("slick.jdbc.SQLite", "sqlite"))  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One setting."""

    path: str
    key: str
    value: str
    profile: bool = False


@dataclass
class Settings:
    """What the settings files of one service say."""

    entries: list[Entry] = field(default_factory=list[Entry])
    port_said: bool = False
    """A port is set, though perhaps by a variable, so a framework's default does not hold."""
    remote: bool = False
    """A server of settings is asked for more."""
    web: bool | None = None
    relational: set[str] = field(default_factory=set[str])
    """Relational databases that a URL names."""
    _found: list[tuple[str, Entry, float]] = field(default_factory=list[tuple[str, Entry, float]])
    _ports: list[tuple[int, Entry]] = field(default_factory=list[tuple[int, Entry]])

    def apply(self, draft: Draft, *, runs: bool) -> None:
        """Add what they say; a library listens nowhere."""
        for database, entry, sure in self._found:
            draft.database(database, entry.path, entry.key, sure)
        for port, entry in self._ports if runs else ():
            draft.port(port, entry.path, entry.key, 0.95)
        ktor = any(entry.key.startswith("ktor.") for entry in self.entries)
        for entry in self.entries:
            bare = _BARE.match(entry.value) if ktor else None
            for variable in [bare[1]] if bare else _VARIABLE.findall(entry.value):
                draft.variable(variable, entry.path, entry.key, 0.9)

    def understand(self) -> Settings:
        """Judge the entries."""
        for entry in self.entries:
            key, value = entry.key, entry.value
            if key.startswith("%test."):
                continue
            if key in ("spring.main.web-application-type", "spring.main.web-environment"):
                self.web = False if value.lower() in ("none", "false") else self.web
            if key.startswith("spring.config.import") and "configserver:" in value:
                self.remote = True
            self._port(entry)
            if database := _database(key, value):
                sure = 0.7 if entry.profile or key.startswith("%") else 0.9
                self._found.append((database, entry, sure))
                if database in RELATIONAL and not entry.profile:
                    self.relational.add(database)
        return self

    def _port(self, entry: Entry) -> None:
        hocon = entry.path.endswith(".conf") and _HOCON_PORT.fullmatch(entry.key)
        if entry.profile or not (_PORTS.fullmatch(entry.key) or hocon):
            return
        if entry.key != "management.server.port":
            self.port_said = True
        if (number := _NUMBER.fullmatch(entry.value)) and 0 < int(number[1]) < 65536:
            self._ports.append((int(number[1]), entry))


def _database(key: str, value: str) -> str:
    if url := _JDBC.search(value):
        return _KINDS.get(url[1].lower(), "")
    if scheme := _SCHEMES.match(value):
        return _SCHEME[scheme[1]]
    plain = re.sub(r"^%[\w-]{1,40}\.", "", key)
    if re.fullmatch(r"quarkus\.datasource\.(?:[\w\"-]{1,60}\.)?db-kind|datasources\.[\w-]{1,60}\.db-type", plain):
        return _KINDS.get(value.lower(), "")
    if plain.rpartition(".")[2].lower() in ("driver", "profile", "driver-class-name", "driverclassname"):
        return next((database for start, database in _CLASSES if value.startswith(start)), "")
    return next((database for expression, database in _KEYS if expression.fullmatch(plain)), "")


def settings(draft: Draft, *more: str) -> Settings:
    """The settings of this service; `more` are further names of YAML files."""
    found = Settings()
    for path in draft.named(*FILES, *more)[:MOST]:
        found.entries += _entries(draft, path)
    for path in _profiles(draft)[:MOST]:
        found.entries += [Entry(e.path, e.key, e.value, True) for e in _entries(draft, path)]
    return found.understand()


def _profiles(draft: Draft) -> list[str]:
    names = {path.rpartition("/")[2] for path in draft.files if "/application-" in f"/{path}"}
    return draft.named(*sorted(name for name in names if "test" not in name))


def _entries(draft: Draft, path: str) -> list[Entry]:
    text = draft.tree.texts.get(path, "")
    if path.endswith(".properties"):
        pairs: Iterable[tuple[str, str]] = properties(text)
    elif path.endswith(".conf"):
        pairs = hocon(text)
    else:
        try:
            pairs = list(_documents(text))
        except Broken as error:
            draft.finding(f"{safe(path)} could not be read: {error}", path, rule="unreadable")
            return []
    return [Entry(path, key, value) for key, value in pairs]


def properties(text: str) -> Iterator[tuple[str, str]]:
    """Keys and values of a .properties file; a part that holds for one profile only is left out."""
    for part in re.split(r"^#---.*$", text, flags=re.MULTILINE):
        if "on-profile" in part:
            continue
        for line in part.splitlines():
            if not line.lstrip().startswith(("#", "!")) and (
                found := re.match(r"[ \t]*([^\s=:]{1,200})[ \t]*[=:]", line)
            ):
                yield found[1], line[found.end() :].strip()[:500]


def _documents(text: str) -> Iterator[tuple[str, str]]:
    """Of every document of a YAML file that holds without a profile."""
    # Maven fills in @these@, which YAML does not allow to stand without quotes.
    text = re.sub(r"@([\w.-]{1,100})@", r"\1", text)
    for part in re.split(r"^---.*$", text, flags=re.MULTILINE)[:MOST]:
        pairs = list(_flat(yaml(part), "", 0))
        if not any("on-profile" in key or key == "spring.profiles" for key, _ in pairs):
            yield from pairs


def _flat(value: object, key: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth < DEEP:
        for name, inner in cast(dict[Any, object], value).items():
            yield from _flat(inner, f"{key}.{name}"[-300:] if key else str(name)[:200], depth + 1)
    elif isinstance(value, list) and depth < DEEP:
        for inner in cast(list[object], value)[:50]:
            yield from _flat(inner, key, depth + 1)
    elif isinstance(value, (str, int)):
        yield key, str(value)[:500]


_HOCON = re.compile(
    r"""(?:\#|//)[^\n]*"""
    r"""|(?<![\w.$"-])([\w.$"-]{1,200})[ \t]*[:=]?[ \t]*\{"""
    r"""|(?<![\w.$"-])([\w.$"-]{1,200})[ \t]*(?:\+=|=|:)[ \t]*("[^"\n]{0,500}"|\$\{\??[\w.]{1,100}\}|[^\s"{}\[\],#]{1,300})"""
    r"""|"[^"\n]*"?|([{}])"""
)


def hocon(text: str) -> Iterator[tuple[str, str]]:
    """Keys and values of a HOCON file, as far as they are plain."""
    way: list[str] = []
    for match in _HOCON.finditer(text):
        if match[1] is not None:
            way.append(match[1].replace('"', ""))
        elif match[2] is not None:
            yield ".".join([*filter(None, way[-DEEP:]), match[2].replace('"', "")]), match[3].strip('"')
        elif match[4] == "{":
            way.append("")
        elif match[4] == "}" and way:
            way.pop()
