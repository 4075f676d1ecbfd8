"""Rust: Cargo.toml and its workspace, binaries, and the web frameworks."""

from __future__ import annotations

from ..draft import Draft, words
from ..parse import string, strings, table
from .base import Detector, Known

FRAMEWORKS = {
    "axum": Known("Axum", "backend", 3000),
    "actix-web": Known("Actix Web", "backend", 8080),
    "rocket": Known("Rocket", "backend", 8000),
    "warp": Known("warp", "backend", 3030),
    "poem": Known("Poem", "backend", 3000),
    "tide": Known("Tide", "backend", 8080),
    "tonic": Known("tonic", "backend", 50051, 0.7),
    "leptos": Known("Leptos", "frontend", 3000),
    "yew": Known("Yew", "frontend", 8080),
    "tauri": Known("Tauri", "frontend", 0),
    "clap": Known("clap"),
}
CLIENTS = {
    "tokio-postgres": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mysql_async": "mysql",
    "redis": "redis",
    "mongodb": "mongodb",
    "rusqlite": "sqlite",
    "lapin": "rabbitmq",
    "rdkafka": "kafka",
}
FEATURES = {
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "sqlite": "sqlite",
    "sqlx-postgres": "postgresql",
}
PATTERNS = (
    ("env", "env::var", r"env::var(?:_os)?\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("port", "bind(", r"bind\(\s*\(?\s*&?\"[\w.\[\]:]{0,40}:(\d{2,5})\""),
    ("port", "bind(", r"bind\(\s*\(\s*\"[\w.]{1,40}\"\s*,\s*(\d{2,5})"),
)


def detect(draft: Draft) -> None:
    """Add what Cargo.toml says."""
    if not draft.has("Cargo.toml"):
        return
    draft.manifest("Cargo.toml")
    content = draft.toml("Cargo.toml")
    package, workspace = table(content, "package"), table(content, "workspace")
    draft.name = draft.name or string(package.get("name"))
    draft.members += [draft.at(glob) for glob in strings(workspace.get("members"))]
    minimum = string(package.get("rust-version")) or string(table(workspace, "package").get("rust-version"))
    draft.runtime("rust", minimum, "Cargo.toml", "package.rust-version" if minimum else "")
    draft.manager("cargo", "Cargo.toml")
    if draft.has("Cargo.lock"):
        draft.lockfile("Cargo.lock")
    flag = " --locked" if draft.has("Cargo.lock") else ""
    draft.command("install", f"cargo fetch{flag}", "Cargo.toml", "", 0.9)
    draft.command("build", "cargo build --release", "Cargo.toml", "", 0.9)
    draft.command("test", "cargo test", "Cargo.toml", "", 0.9)
    if not package:
        return
    binary = (
        draft.has("src/main.rs")
        or bool(content.get("bin"))
        or any(draft.inner(f).startswith("src/bin/") for f in draft.files)
    )
    if not binary:
        draft.role("library", 0.85)
    else:
        name = string(package.get("default-run"))
        draft.command("start", f"cargo run --bin {words(name)}" if name else "cargo run", "Cargo.toml", "", 0.9)
        draft.role("job", 0.3)
    for name, value in table(content, "dependencies").items():
        if known := FRAMEWORKS.get(name):
            draft.framework(known.name, "Cargo.toml", f"dependencies.{name}", known.confidence)
            if known.role and binary:
                draft.role(known.role, known.confidence)
            if known.port and binary:
                draft.port(known.port, "Cargo.toml", f"the default of {known.name}", 0.4)
        if name in CLIENTS:
            draft.database(CLIENTS[name], "Cargo.toml", f"dependencies.{name}")
        if name in ("sqlx", "diesel", "sea-orm"):
            for feature in strings(table(value).get("features")):
                if feature in FEATURES:
                    draft.database(FEATURES[feature], "Cargo.toml", f"dependencies.{name}.features")
    for hit in draft.hits("port"):
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)


DETECTOR = Detector(
    name="rust",
    manifests=("Cargo.toml",),
    detect=detect,
    lockfiles=("Cargo.lock",),
    languages=("Rust",),
    patterns={".rs": PATTERNS},
)
