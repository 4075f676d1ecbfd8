"""Rust: Cargo.toml and its workspace, binaries, and the frameworks of servers, front ends and commands."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import cast

from ..draft import Draft, words
from ..parse import Broken, Node, string, strings, table, toml
from .base import Detector, Known

FRAMEWORKS = {
    "axum": Known("Axum", "backend", 3000),
    "actix-web": Known("Actix Web", "backend", 8080),
    "rocket": Known("Rocket", "backend", 8000),
    "warp": Known("warp", "backend", 3030),
    "poem": Known("Poem", "backend", 3000),
    "salvo": Known("Salvo", "backend", 5800),
    "tide": Known("Tide", "backend", 8080),
    "ntex": Known("ntex", "backend", 8080),
    "loco-rs": Known("Loco", "backend", 5150, 0.95),
    "hyper": Known("hyper", "", 0, 0.5),
    "tonic": Known("tonic"),
    "lambda_http": Known("AWS Lambda", "backend", 0, 0.8),
    "lambda_runtime": Known("AWS Lambda", "backend", 0, 0.7),
    "leptos": Known("Leptos", "frontend", 3000),
    "yew": Known("Yew", "frontend", 8080),
    "dioxus": Known("Dioxus", "frontend", 8080),
    "tauri": Known("Tauri", "frontend"),
    "bevy": Known("Bevy"),
    "clap": Known("clap"),
    "argh": Known("argh"),
    "structopt": Known("StructOpt"),
    "ratatui": Known("Ratatui"),
}
PARSERS = frozenset({"clap", "argh", "structopt", "ratatui"})
"""Crates that only a command has, or the part of a library that is one."""
SERVED_BY = frozenset({"Axum", "Actix Web"})
"""What Loco, Leptos and Dioxus are served with: their own port comes first."""
_CLIENTS = {
    "postgresql": "tokio-postgres postgres deadpool-postgres bb8-postgres r2d2_postgres",
    "mysql": "mysql mysql_async",
    "sqlite": "rusqlite libsql r2d2_sqlite sqlite",
    "redis": "redis fred deadpool-redis bb8-redis",
    "mongodb": "mongodb",
    "rabbitmq": "lapin amqprs",
    "kafka": "rdkafka kafka rskafka",
    "elasticsearch": "elasticsearch",
    "memcached": "memcache",
    "mssql": "tiberius",
    "cassandra": "scylla cdrs-tokio",
    "clickhouse": "clickhouse",
    "neo4j": "neo4rs",
    "nats": "async-nats nats",
    "minio": "minio",
}
CLIENTS = {crate: database for database, crates in _CLIENTS.items() for crate in crates.split()}
FEATURES = {
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "sqlite": "sqlite",
    "sqlx-postgres": "postgresql",
    "sqlx-mysql": "mysql",
    "sqlx-sqlite": "sqlite",
    "diesel_postgres_pool": "postgresql",
    "diesel_mysql_pool": "mysql",
    "diesel_sqlite_pool": "sqlite",
    "sqlx_postgres": "postgresql",
    "sqlx_mysql": "mysql",
    "sqlx_sqlite": "sqlite",
}
BY_FEATURE = frozenset({"sqlx", "diesel", "diesel-async", "sea-orm", "rocket_db_pools", "rocket_sync_db_pools"})
PATTERNS = (
    ("env", "env::var", r"env::var(?:_os)?\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "dotenvy::var", r"dotenvy::var\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "env", r"#\[(?:arg|clap)\([^\]\n]{0,200}\benv\s*=\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("rust-grpc", "Server::builder", r"\b(Server::builder)\("),
    ("rust-http", "serve_connection", r"\.(serve_connection)\("),
    ("rust-port", "bind", r"bind\w{0,12}\(\s*\(?\s*&?\"[\w.\[\]:]{0,40}:(\d{2,5})\""),
    ("rust-port", "bind(", r"bind\(\s*\(\s*\"[\w.]{1,40}\"\s*,\s*(\d{2,5})"),
    ("rust-port", ", ", r"\(\s*\[\d{1,3},\s{0,4}\d{1,3},\s{0,4}\d{1,3},\s{0,4}\d{1,3}\]\s*,\s*(\d{2,5})\b"),
    ("rust-port", "parse", r"\"(?:[\d.]{7,15}|\[::1?\]|localhost):(\d{2,5})\"\s{0,20}\.parse"),
    ("rust-port", "PORT", r"var\(\"(?:HTTP_|SERVER_|APP_)?PORT\"\)[^;\n]{0,60}?\"(\d{2,5})\""),
    ("rust-port", "PORT", r"var\(\"(?:HTTP_|SERVER_|APP_)?PORT\"\)[^;\"]{0,120}?unwrap_or\((\d{2,5})\)"),
    ("rust-port", "_port()", r"\bfn default_(?:http_|server_|listen_)?port\(\)\s*->\s*u16\s*\{\s*(\d{2,5})\b"),
    ("rust-port", "PORT", r"\bconst (?:DEFAULT_)?(?:HTTP_|SERVER_)?PORT\s*:\s*u16\s*=\s*(\d{2,5})\b"),
)  # fmt: skip
_LOCO = re.compile(r"^server:[ \t]*\n(?:[ \t][^\n]{0,300}\n){0,6}?[ \t]{1,20}port:[ \t]*(\d{2,5})\b", re.MULTILINE)
"""The port in Loco's configuration, which is a template and no YAML."""
HELPERS = ("xtask", "workspace-hack")
"""Crates that help to develop a workspace and are nothing of what it makes."""


def detect(draft: Draft) -> None:
    """Add what Cargo.toml says."""
    if not draft.has("Cargo.toml"):
        return
    content = draft.toml("Cargo.toml")
    package, workspace = table(content, "package"), table(content, "workspace")
    name = string(package.get("name"))
    if name in HELPERS or table(package, "metadata").get("cargo-fuzz"):
        return
    head = content if workspace else _head(draft)
    draft.manifest("Cargo.toml")
    draft.name = draft.name or name
    draft.members += [draft.at(glob) for glob in strings(workspace.get("members"))]
    if workspace:
        # What the head depends on by path belongs to its workspace without being named there.
        paths = [string(table(facts).get("path")) for facts in table(content, "dependencies").values()]
        draft.members += [draft.at(path.removeprefix("./")) for path in paths if path and ".." not in path]
        draft.members += [f"!{draft.at(glob)}" for glob in strings(workspace.get("exclude"))]
    _runtime(draft, package, head, bool(workspace))
    draft.manager("cargo", "Cargo.toml")
    if draft.has("Cargo.lock"):
        draft.lockfile("Cargo.lock")
    flag = " --locked" if draft.has("Cargo.lock") else ""
    draft.command("install", f"cargo fetch{flag}", "Cargo.toml", "", 0.9)
    draft.command("build", "cargo build --release", "Cargo.toml", "", 0.9)
    draft.command("test", "cargo test", "Cargo.toml", "", 0.9)
    if not package:
        return
    binaries = _binaries(draft, content, name)
    known = _dependencies(draft, content, head)
    metadata = table(package, "metadata")
    start, dev, build, file = _tool(draft, {one.name for _, one in known}, metadata)
    if not binaries and not start:
        draft.exports = True
        draft.role("library", 0.85)
        return
    for purpose, command in (("start", start), ("dev", dev), ("build", build)):
        if command:
            draft.command(purpose, command, file, "", 0.95 if purpose != "dev" else 0.8)
    if not file:
        _start(draft, package, binaries)
    _roles(draft, known)
    _ports(draft, known, metadata, trunk=start.startswith("trunk"))
    # Sure enough that a workspace's own program is not taken for the mere head of it, and that a command which is also
    # published as a wheel is not taken for a library of Python.
    parses = any(crate in PARSERS for crate, _ in known)
    draft.role("job", 0.85 if parses else 0.6 if workspace else 0.5)


def _head(draft: Draft) -> Node:
    """The Cargo.toml of the nearest workspace above, from which a member inherits."""
    folder = draft.root
    while folder not in ("", "."):
        folder = folder.rpartition("/")[0]
        text = draft.tree.texts.get(f"{folder}/Cargo.toml" if folder else "Cargo.toml", "")
        if "[workspace" in text and (content := _workspace(text)):
            return content
    return {}


@lru_cache(maxsize=4)
def _workspace(text: str) -> Node:
    """A Cargo.toml that is the head of a workspace, kept because every member asks for it; else an empty mapping."""
    try:
        content = toml(text)
    except Broken:
        return {}  # its own service says so
    return content if table(content, "workspace") else {}


def _runtime(draft: Draft, package: Node, head: Node, first: bool) -> None:
    """The least version of the compiler, its own or the workspace's."""
    own = package.get("rust-version")
    shared = string(table(head, "workspace", "package").get("rust-version"))
    inherits = table(own).get("workspace") is True or (first and not string(own))
    minimum = string(own) or (shared if inherits else "")
    key = "package.rust-version" if string(own) else "workspace.package.rust-version"
    draft.runtime("rust", minimum, "Cargo.toml", key if minimum else "")


def _binaries(draft: Draft, content: Node, name: str) -> dict[str, str]:
    """By name of each binary: the file that it is made from."""
    package = table(content, "package")
    found: dict[str, str] = {}
    listed = content.get("bin")
    for one in cast(list[object], listed) if isinstance(listed, list) else ():
        if given := string(table(one).get("name")):
            found[given] = string(table(one).get("path")) or ("src/main.rs" if given == name else f"src/bin/{given}.rs")
    if package.get("autobins") is False:
        return found
    taken = set(found.values())
    if draft.has("src/main.rs") and "src/main.rs" not in taken:
        found.setdefault(name, "src/main.rs")
    for path in sorted(draft.files):
        inner = draft.inner(path)
        match = re.fullmatch(r"src/bin/([\w-]{1,80})(?:\.rs|/main\.rs)", inner)
        if match and inner not in taken:
            found.setdefault(match[1], inner)
    return found


def _start(draft: Draft, package: Node, binaries: dict[str, str]) -> None:
    """With several binaries and none that is the default, `cargo run` refuses."""
    default = string(package.get("default-run"))
    name = string(package.get("name"))
    if len(binaries) == 1 or default in binaries:
        draft.command("start", "cargo run", "Cargo.toml", "package.default-run" if default else "", 0.9)
    elif chosen := next((one for one in (name, "server", "api", "web", "app") if one in binaries), ""):
        draft.command("start", f"cargo run --bin {words(chosen)}", "Cargo.toml", "", 0.8)
    for one in ("worker", "consumer"):
        if one in binaries and len(binaries) > 1:
            draft.command("worker", f"cargo run --bin {one}", binaries[one], "", 0.8)


def _dependencies(draft: Draft, content: Node, head: Node) -> list[tuple[str, Known]]:
    """Add frameworks and databases; returns the frameworks that it always has, by crate."""
    shared = table(head, "workspace", "dependencies")
    groups = [("dependencies", table(content, "dependencies"))]
    for target, facts in list(table(content, "target").items())[:50]:
        groups.append((f"target.{target}.dependencies", table(facts, "dependencies")))
    enabled = set(strings(table(content, "features").get("default")))
    found: list[tuple[str, Known]] = []
    for key, group in groups:
        for name, value in group.items():
            facts = table(value)
            inherited = table(shared.get(name)) if facts.get("workspace") is True else {}
            crate = string(facts.get("package")) or string(inherited.get("package")) or name
            if facts.get("optional") is True and not {name, f"dep:{name}"} & enabled:
                continue
            if known := FRAMEWORKS.get(crate):
                draft.framework(known.name, "Cargo.toml", f"{key}.{name}", known.confidence)
                found.append((crate, known))
            if crate in CLIENTS:
                draft.database(CLIENTS[crate], "Cargo.toml", f"{key}.{name}")
            if crate in BY_FEATURE:
                for feature in strings(facts.get("features")) + strings(inherited.get("features")):
                    if feature in FEATURES:
                        draft.database(FEATURES[feature], "Cargo.toml", f"{key}.{name}.features")
    return found


def _roles(draft: Draft, known: list[tuple[str, Known]]) -> None:
    names = {one.name for _, one in known}
    for _, one in known:
        if one.role:
            draft.role(one.role, one.confidence)
    for rule, framework in (("rust-grpc", "tonic"), ("rust-http", "hyper")):
        if framework in names and draft.hits(rule):
            draft.role("backend", 0.88)


def _ports(draft: Draft, known: list[tuple[str, Known]], metadata: Node, trunk: bool) -> None:
    """What a configuration says, else what the source binds, else the default."""
    for name, section in (("Rocket.toml", "default"), ("Trunk.toml", "serve")):
        port = table(draft.toml(name), section).get("port")
        if isinstance(port, int):
            draft.port(port, name, f"{section}.port", 0.95)
    if found := _LOCO.search(draft.text("config/development.yaml")):
        draft.port(int(found[1]), "config/development.yaml", "server.port", 0.95)
    if found := re.search(r":(\d{2,5})$", string(table(metadata, "leptos").get("site-addr"))):
        draft.port(int(found[1]), "Cargo.toml", "package.metadata.leptos.site-addr", 0.95)
    if not draft.ports and any(role in ("backend", "frontend", "worker") for role in draft.roles):
        for hit in draft.hits("rust-port"):
            draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    if draft.ports:
        return
    if trunk:
        draft.port(8080, "Cargo.toml", "the default of Trunk", 0.8)
    else:
        with_port = sorted((one for _, one in known if one.port), key=lambda one: one.name in SERVED_BY)
        for one in with_port[:1]:
            draft.port(one.port, "Cargo.toml", f"the default of {one.name}", 0.4)


def _tool(draft: Draft, names: set[str], metadata: Node) -> tuple[str, str, str, str]:
    """(start, dev, build, file) of frameworks that have a tool of their own; cargo alone does not start them."""
    if "AWS Lambda" in names:
        return "", "cargo lambda watch", "cargo lambda build --release", "Cargo.toml"
    if "Tauri" in names:
        # The window shows what the front end's own server gives, which this command starts as well.
        return "", "cargo tauri dev", "cargo tauri build", "Cargo.toml"
    if "Loco" in names:
        return "cargo loco start", "", "", "Cargo.toml"
    if table(metadata, "leptos"):
        return "cargo leptos watch", "", "cargo leptos build --release", "Cargo.toml"
    if "Dioxus" in names and draft.has("Dioxus.toml"):
        return "dx serve", "", "dx build --release", "Dioxus.toml"
    if names & {"Yew", "Leptos"} and (page := next((n for n in ("Trunk.toml", "index.html") if draft.has(n)), "")):
        return "trunk serve", "", "trunk build --release", page
    return "", "", "", ""


DETECTOR = Detector(
    name="rust",
    manifests=("Cargo.toml",),
    detect=detect,
    reads=("Rocket.toml", "Trunk.toml", "Dioxus.toml", "development.yaml"),
    lockfiles=("Cargo.lock",),
    languages=("Rust",),
    patterns={".rs": PATTERNS},
)
