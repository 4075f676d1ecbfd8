"""Files that say something about a service whatever its language: Procfile, Makefile, Dockerfile, compose, .env.example."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, field
from typing import Any, cast

from .dotenv import EXAMPLES, LINE, is_private
from .draft import Draft, words
from .parse import Node, string, strings, table
from .text import safe

COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
READS = (
    "Procfile",
    "Makefile",
    "makefile",
    "GNUmakefile",
    "justfile",
    "Justfile",
    "Dockerfile",
    *COMPOSE,
    *EXAMPLES,
    ".env",
    ".env.*",
)

IMAGES = {
    "postgres": "postgresql", "postgis": "postgresql", "pgvector": "postgresql", "timescaledb": "postgresql",
    "mysql": "mysql", "mariadb": "mysql", "percona": "mysql", "redis": "redis", "valkey": "redis", "redis-stack": "redis",
    "mongo": "mongodb", "mongodb": "mongodb", "rabbitmq": "rabbitmq", "kafka": "kafka", "cp-kafka": "kafka", "memcached": "memcached",
    "elasticsearch": "elasticsearch", "opensearch": "opensearch", "clickhouse-server": "clickhouse", "neo4j": "neo4j",
    "cassandra": "cassandra", "nats": "nats", "minio": "minio",
}  # fmt: skip
SCHEMES = {
    "postgres": "postgresql", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql", "redis": "redis", "rediss": "redis",
    "mongodb": "mongodb", "amqp": "rabbitmq", "amqps": "rabbitmq", "sqlite": "sqlite", "memcached": "memcached", "nats": "nats",
}  # fmt: skip
DEFAULT_PORTS = {
    "postgresql": 5432, "mysql": 3306, "redis": 6379, "mongodb": 27017, "rabbitmq": 5672, "kafka": 9092, "memcached": 11211,
    "elasticsearch": 9200, "opensearch": 9200, "clickhouse": 9000, "neo4j": 7687, "cassandra": 9042, "mssql": 1433, "nats": 4222,
    "minio": 9000,
}  # fmt: skip

NOT_OURS = frozenset({
    "PATH", "HOME", "USER", "USERNAME", "LOGNAME", "SHELL", "TERM", "COLORTERM", "TMPDIR", "TEMP", "TMP", "PWD",
    "OLDPWD", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES",
    "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "DISPLAY", "EDITOR", "VISUAL", "PAGER", "CONDA_PREFIX", "APPDATA",
    "LOCALAPPDATA", "USERPROFILE", "PROGRAMFILES", "SYSTEMROOT", "WINDIR", "MSYSTEM", "COMSPEC", "HOSTNAME",
    "SSH_CLIENT", "SSH_TTY", "SSH_CONNECTION", "GITHUB_ACTIONS", "NODE_PATH", "GOPATH", "GOROOT", "GOFLAGS",
    "CARGO_MANIFEST_DIR", "OUT_DIR", "JAVA_HOME", "PROCESSOR_ARCHITECTURE", "SUDO_USER", "SHLVL",
})  # fmt: skip
"""Variables that every machine has or that tools set; a project that reads them does not need them set."""


@dataclass
class Backing:
    """What the shared files say about databases beyond their names."""

    ports: dict[str, int] = field(default_factory=dict[str, int])
    """The port on this machine by database."""


def apply(draft: Draft, others: dict[str, Draft], backing: Backing) -> None:
    """Add what this folder's shared files say; `others` are the services by root, for compose files."""
    _procfile(draft)
    _make(draft)
    _docker(draft)
    _example(draft, backing)
    for name in COMPOSE:
        if draft.has(name):
            _compose(draft, name, others, backing)
            break
    for hit in draft.hits("env"):
        if hit.value not in NOT_OURS and not hit.value.startswith(("XDG_", "LC_", "npm_", "GITHUB_", "_")):
            draft.variable(hit.value, hit.path, f"line {hit.line}", 0.8, rule="source")


def _procfile(draft: Draft) -> None:
    for kind, command in re.findall(r"^(\w[\w-]{0,40}):[ \t]*(\S[^\n]*)$", draft.text("Procfile"), re.MULTILINE):
        purpose = "start" if kind == "web" else str(kind)
        draft.command(purpose, command.strip(), "Procfile", kind, 0.93)
        if kind in ("web", "worker"):
            draft.role("backend" if kind == "web" else "worker", 0.7 if kind == "web" else 0.4)


def _make(draft: Draft) -> None:
    for names, tool in ((("Makefile", "makefile", "GNUmakefile"), "make"), (("justfile", "Justfile"), "just")):
        name = next((n for n in names if draft.has(n)), "")
        targets = (
            set(re.findall(r"^([A-Za-z][\w-]{0,40})\b[^\n:=]*:(?!=)", draft.text(name), re.MULTILINE))
            if name
            else set[str]()
        )
        wanted = {
            "install": ("install", "setup"),
            "build": ("build",),
            "start": ("run", "start", "serve"),
            "dev": ("dev",),
            "test": ("test", "check"),
        }
        for purpose, options in wanted.items():
            target = next((t for t in options if t in targets), "")
            # Of a target called install nobody knows whether it installs dependencies or the program into /usr.
            if target and target != "install":
                draft.command(purpose, f"{tool} {target}", name, target, 0.5)
                if draft.commands[purpose].value.startswith(f"{tool} "):
                    draft.tool(tool, name)


def _docker(draft: Draft) -> None:
    text = draft.text("Dockerfile").replace("\\\n", " ")
    for ports in re.findall(r"^[ \t]*EXPOSE[ \t]+([^\n#]+)", text, re.MULTILINE | re.IGNORECASE):
        for port in re.findall(r"\b(\d{1,5})\b", ports):
            draft.port(int(port), "Dockerfile", "EXPOSE", 0.85)
    for command in re.findall(r"^[ \t]*CMD[ \t]+(\[[^\n]*\])[ \t\r]*$", text, re.MULTILINE | re.IGNORECASE)[-1:]:
        try:
            argv = strings(json.loads(command))
        except (ValueError, RecursionError):
            continue
        if argv:
            draft.command("start", words(*argv), "Dockerfile", "CMD", 0.45)


def _example(draft: Draft, backing: Backing) -> None:
    for name in EXAMPLES:
        for variable, value in LINE.findall(draft.text(name)):
            draft.variable(variable, name, variable, 1.0, rule="declared")
            url = re.match(r"\s*[\"']?([a-z]{3,12})(?:\+\w+)?://", value)
            if url and url[1] in SCHEMES:
                database = SCHEMES[url[1]]
                draft.database(database, name, variable, 0.85)
                if (
                    port := re.search(r"@?(?:localhost|127\.0\.0\.1|\[::1\]):(\d{1,5})\b", value)
                ) and database != "sqlite":
                    backing.ports.setdefault(database, int(port[1]))
            elif variable == "PORT" and re.fullmatch(r"\s*\d{2,5}\s*", value):
                draft.port(int(value), name, variable, 0.9)


def _compose(draft: Draft, name: str, others: dict[str, Draft], backing: Backing) -> None:
    services = table(draft.yaml(name), "services")
    images: dict[str, str] = {}
    owners: dict[str, Draft] = {}
    for service, value in services.items():
        facts = table(value)
        image = string(facts.get("image")).partition("@")[0]
        base = posixpath.basename(image).partition(":")[0]
        if base in IMAGES:
            images[str(service)] = IMAGES[base]
            host = _host_port(facts.get("ports"), DEFAULT_PORTS.get(IMAGES[base], 0))
            if host:
                backing.ports[IMAGES[base]] = host
        elif "build" in facts:
            context = string(facts["build"]) or string(table(facts["build"]).get("context")) or "."
            owner = others.get(posixpath.normpath(posixpath.join(draft.root, context)))
            owners[str(service)] = owner if owner is not None else draft
    used: set[str] = set()
    for service, owner in owners.items():
        facts = table(services[service])
        depends = strings(facts.get("depends_on")) or [str(key) for key in table(facts.get("depends_on"))]
        for other in depends:
            if other in images:
                used.add(other)
                owner.database(images[other], _seen(draft, owner, name), f"services.{other}.image", 0.95)
        for variable in _environment(facts.get("environment")):
            owner.variable(variable, _seen(draft, owner, name), f"services.{service}.environment", 0.9, rule="compose")
        for port in _container_ports(facts.get("ports")):
            owner.port(port, _seen(draft, owner, name), f"services.{service}.ports", 0.9)
    for service, database in images.items():
        if service not in used:
            draft.database(database, name, f"services.{safe(service, 60)}.image", 0.95)
    if services:
        draft.manifest(name)


def _seen(draft: Draft, owner: Draft, name: str) -> str:
    """The compose file's path in a form that `owner` resolves to the right file."""
    return name if owner is draft else draft.at(name)


def _environment(value: object) -> list[str]:
    names = [line.partition("=")[0] for line in strings(value)] or [str(key) for key in table(value)]
    return [name for name in names if re.fullmatch(r"[A-Za-z_]\w{0,127}", name)]


def _entries(ports: object) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in cast(list[Any], ports) if isinstance(ports, list) else []:
        if isinstance(entry, dict):
            facts = cast(Node, entry)
            found.append((str(facts.get("published", "")), str(facts.get("target", ""))))
        else:
            host, _, container = re.sub(r"\$\{[^${}]*:?-(\d+)\}", r"\1", str(entry)).partition("/")[0].rpartition(":")
            found.append((host.rpartition(":")[2], container))
    return found


def _host_port(ports: object, default: int) -> int:
    for host, container in _entries(ports):
        if host.isdigit() and container.isdigit() and (int(container) == default or not default):
            return int(host)
    return 0


def _container_ports(ports: object) -> list[int]:
    return [int(container) for _, container in _entries(ports) if container.isdigit() and len(container) < 6]


def set_names(draft: Draft) -> set[str]:
    """The variables that the .env files beside a service, or at the project's root, give a value."""
    found: set[str] = set()
    for path, text in draft.tree.texts.items():
        folder, _, name = path.rpartition("/")
        if is_private(name) and folder in ("", draft.root):
            found.update(match[1] for match in LINE.finditer(text))
    return found
