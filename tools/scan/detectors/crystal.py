"""Crystal: shard.yml; Kemal, Lucky, Amber, Athena, Marten, commands and libraries."""

from __future__ import annotations

import re

from ..draft import Draft, words
from ..parse import Node, string, table
from .base import Detector, Known

SHARD = "shard.yml"
FRAMEWORKS = {
    "lucky": Known("Lucky", "backend", 3000, 0.97),
    "amber": Known("Amber", "backend", 3000, 0.95),
    "marten": Known("Marten", "backend", 8000, 0.95),
    "athena": Known("Athena", "backend", 3000, 0.9),
    "athena-framework": Known("Athena", "backend", 3000, 0.9),
    "kemal": Known("Kemal", "backend", 3000, 0.9),
    "grip": Known("Grip", "backend", 0, 0.9),
    "spider-gazelle": Known("Spider-Gazelle", "backend", 3000, 0.9),
    "action-controller": Known("Spider-Gazelle", "backend", 3000, 0.9),
    "mosquito": Known("Mosquito", "worker", 0, 0.4),
    "sidekiq": Known("Sidekiq", "worker", 0, 0.4),
    "admiral": Known("Admiral"),
    "clim": Known("Clim"),
}
CLIENTS = {
    "pg": "postgresql", "avram": "postgresql", "clear": "postgresql", "mysql": "mysql", "sqlite3": "sqlite", "redis": "redis",
    "mosquito": "redis", "sidekiq": "redis", "cryomongo": "mongodb", "moongoon": "mongodb", "mongo": "mongodb", "amqp-client": "rabbitmq",
    "amqp": "rabbitmq", "kafka": "kafka", "nats": "nats", "memcached": "memcached", "cassandra": "cassandra", "clickhouse": "clickhouse",
    "neo4j": "neo4j", "elasticsearch-crystal": "elasticsearch",
}  # fmt: skip
PATTERNS = (
    ("env", "ENV", r"\bENV\[\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "ENV.fetch", r"\bENV\.fetch\(?\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("crystal-port", "Kemal.run", r"\bKemal\.run\(?[ \t]{0,4}(?:port:[ \t]*)?(\d{2,5})\b"),
    ("crystal-port", "port", r"\bKemal\.config\.port[ \t]*=[ \t]*(\d{2,5})\b"),
    ("crystal-port", "port", r"\bconfig\.port[ \t]*=[ \t]*(\d{2,5})\b"),
    ("crystal-port", "ATH.run", r"\bATH\.run\([^)\n]{0,60}?\bport:[ \t]*(\d{2,5})\b"),
    ("crystal-port", "bind_tcp", r"\.(?:bind_tcp|listen)[( ](?:\"[^\"\n]{0,40}\",[ \t]{0,4})?(\d{2,5})\b"),
    ("crystal-port", "PORT", r"ENV(?:\.fetch\(|\[)\"PORT\"(?:\]\?[^\n]{0,20}\|\||,)[ \t]*\"?(\d{2,5})\b"),
    ("crystal-server", "HTTP::Server", r"\b(HTTP::Server\.new)\b"),
    ("crystal-kemal", "Kemal.run", r"\b(Kemal\.run)\b"),
)
_PLAIN = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?")


def detect(draft: Draft) -> None:
    """Add what shard.yml says."""
    if not draft.has(SHARD):
        return
    draft.manifest(SHARD)
    content = draft.yaml(SHARD)
    name = string(content.get("name"))
    draft.name = draft.name or name
    draft.manager("shards", SHARD)
    if draft.has("shard.lock"):
        draft.lockfile("shard.lock")
    said = str(content.get("crystal") or "") if isinstance(content.get("crystal"), str | int | float) else ""
    draft.runtime("crystal", _spec(said), SHARD, "crystal" if said else "")
    wanted = table(content, "dependencies")
    if wanted or table(content, "development_dependencies"):
        draft.command("install", "shards install", SHARD, "", 0.95)
    known = [(str(key), FRAMEWORKS[key]) for key in wanted if key in FRAMEWORKS]
    for key, one in known:
        draft.framework(one.name, SHARD, f"dependencies.{key}", one.confidence)
    for key in wanted:
        if key in CLIENTS:
            draft.database(CLIENTS[key], SHARD, f"dependencies.{key}")
    if any(draft.inner(path).startswith("spec/") for path in draft.files):
        draft.command("test", "crystal spec", SHARD, "", 0.9)
    programs = _programs(draft, content, name)
    if not programs:
        draft.exports = True
        draft.role("library", 0.85)
        return
    _start(draft, programs, bool(table(content, "targets")))
    _roles(draft, [one for _, one in known])
    draft.role("job", 0.5)


def _spec(said: str) -> str:
    """What shards understands: a version without an operator allows all that do not break it."""
    plain = _PLAIN.fullmatch(said.strip())
    if not plain:
        return "" if said.strip() == "*" else said.strip()
    return f">={plain[0]}, <{int(plain[1]) + 1}.0.0" if len(plain[1]) < 6 else ""


def _programs(draft: Draft, content: Node, name: str) -> dict[str, str]:
    """By name of each program: its main file."""
    found: dict[str, str] = {}
    for target, facts in table(content, "targets").items():
        main = string(table(facts).get("main"))
        if main and ".." not in main:
            found[str(target)] = main.removeprefix("./")
    if not found:
        # Frameworks start their server from the source itself, so a shard that does is a program.
        served = [draft.inner(hit.path) for hit in draft.hits("crystal-kemal", "crystal-server")]
        own = f"src/{name}.cr"
        if own in served or len(set(served)) == 1:
            found[name] = own if own in served else served[0]
    return found


def _start(draft: Draft, programs: dict[str, str], targets: bool) -> None:
    if targets:
        draft.command("build", "shards build --release", SHARD, "targets", 0.9)
    chosen = draft.name if draft.name in programs else next(iter(programs)) if len(programs) == 1 else ""
    chosen = chosen or next((name for name in ("server", "app", "web") if name in programs), "")
    if not chosen:
        return
    if not targets:
        draft.command("build", f"crystal build --release {words(programs[chosen])}", programs[chosen], "", 0.8)
    draft.command(
        "start", f"crystal run {words(programs[chosen])}", SHARD, f"targets.{chosen}" if targets else "", 0.85
    )
    if "worker" in programs and chosen != "worker":
        draft.command("worker", f"crystal run {words(programs['worker'])}", SHARD, "targets.worker", 0.8)


def _roles(draft: Draft, known: list[Known]) -> None:
    for one in known:
        if one.role:
            draft.role(one.role, one.confidence)
    web = next((one for one in known if one.role == "backend"), None)
    if not web and (hits := draft.hits("crystal-server")):
        draft.role("backend", 0.8)
        draft.framework("HTTP::Server", hits[0].path, f"line {hits[0].line}", 0.7)
    if "Lucky" in draft.frameworks:
        draft.command("start", "lucky dev", SHARD, "dependencies.lucky", 0.95)
        draft.command("dev", "lucky dev", SHARD, "dependencies.lucky", 0.95)
        port = table(draft.yaml("config/watch.yml")).get("port")
        if isinstance(port, int):
            draft.port(port, "config/watch.yml", "port", 0.95)
    elif "Amber" in draft.frameworks:
        draft.command("dev", "amber watch", SHARD, "dependencies.amber", 0.9)
        port = table(draft.yaml("config/environments/development.yml")).get("port")
        if isinstance(port, int):
            draft.port(port, "config/environments/development.yml", "port", 0.95)
    elif "Marten" in draft.frameworks and draft.has("manage.cr"):
        draft.command("start", "marten serve", "manage.cr", "", 0.9)
    if draft.best_role != "backend" or draft.ports:
        return
    for hit in draft.hits("crystal-port"):
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    if web and not draft.ports:
        draft.port(web.port, SHARD, f"the default of {web.name}", 0.8 if web.confidence > 0.9 else 0.5)


DETECTOR = Detector(
    name="crystal",
    manifests=(SHARD,),
    detect=detect,
    reads=("watch.yml", "development.yml"),
    lockfiles=("shard.lock",),
    languages=("Crystal",),
    patterns={".cr": PATTERNS},
)
