"""Julia: Project.toml and Manifest.toml; Genie, Oxygen, HTTP.jl, packages, scripts."""

from __future__ import annotations

import re

from ..draft import Draft, words
from ..parse import string, strings, table
from .base import Detector, Known

FRAMEWORKS = {
    "Genie": Known("Genie", "backend", 8000, 0.95),
    "GenieFramework": Known("Genie", "backend", 8000, 0.95),
    "Oxygen": Known("Oxygen", "backend", 8080),
    "Mux": Known("Mux", "backend", 8000, 0.8),
    "Dash": Known("Dash", "frontend", 8050),
    "Bonito": Known("Bonito", "frontend", 0, 0.7),
    "Franklin": Known("Franklin", "static", 8000),
    "DrWatson": Known("DrWatson"),
}
CLIENTS = {
    "LibPQ": "postgresql", "SearchLightPostgreSQL": "postgresql", "MySQL": "mysql", "SearchLightMySQL": "mysql", "SQLite": "sqlite",
    "SearchLightSQLite": "sqlite", "Redis": "redis", "Jedis": "redis", "Mongoc": "mongodb", "AMQPClient": "rabbitmq", "RDKafka": "kafka",
    "ClickHouse": "clickhouse", "NATS": "nats", "Memcache": "memcached",
}  # fmt: skip
PATTERNS = (
    ("env", "ENV", r"\bENV\[\"([A-Z][A-Z0-9_]{1,63})\"\]"),
    ("env", "ENV", r"\b(?:get|haskey)\([ \t]*ENV,[ \t]*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("julia-web", "using", r"^[ \t]*using[ \t]+[^\n]{0,80}?\b(Genie|GenieFramework|Oxygen|Mux|Dash)\b"),
    ("julia-serve", "HTTP.", r"\bHTTP\.(serve)!?\("),
    ("julia-port", "HTTP.serve", r"\bHTTP\.serve!?\([^\n]{0,120}?,[ \t]*(\d{2,5})[ \t]*[,;)]"),
    ("julia-port", "port", r"\bserver_port[ \t]*=[ \t]*(\d{2,5})\b"),
    ("julia-port", "port", r"\b(?:up|serve|serveparallel|run_server)\([^\n]{0,80}?\bport[ \t]*=[ \t]*(\d{2,5})\b"),
    ("julia-port", "up(", r"\bup\([ \t]*(\d{2,5})\b"),
)
RUN = "julia --project"
_PKG = f"{RUN} -e 'using Pkg; Pkg.{{}}()'"


def detect(draft: Draft) -> None:
    """Add what Project.toml says; without one, what a script does."""
    project = next((name for name in ("JuliaProject.toml", "Project.toml") if draft.has(name)), "")
    if not project:
        main = bool(draft.languages) and draft.languages[0].value == "Julia"
        if main and not draft.manifests:
            draft.runtime("julia", "", next((name for name in draft.beside if name.endswith(".jl")), "*.jl"))
            _starts(draft, "", set(), "julia")
        return
    content = draft.toml(project)
    if content and not {"name", "uuid", "deps", "compat", "extras", "workspace"} & set(content):
        return  # some other tool's file
    draft.manifest(project)
    draft.manager("pkg", project)
    name = string(content.get("name"))
    draft.name = draft.name or name
    _version(draft, project, string(table(content, "compat").get("julia")))
    if not content and draft.text(project).strip():
        return
    if not name:  # a package that others lie beside is no mere head of a workspace
        draft.members += [draft.at(folder) for folder in strings(table(content, "workspace").get("projects"))]
    draft.command("install", _PKG.format("instantiate"), project, "", 0.95)
    if draft.has("test/runtests.jl") and name:
        draft.command("test", _PKG.format("test"), "test/runtests.jl", "", 0.9)
    asked = set(table(content, "deps"))
    for package in asked & set(CLIENTS):
        draft.database(CLIENTS[package], project, f"deps.{package}")
    _starts(draft, project, asked, RUN)
    if name and draft.has(f"src/{name}.jl") and "start" not in draft.commands:
        draft.private = False
        draft.exports = True
        draft.role("library", 0.9)


def _version(draft: Draft, project: str, compat: str) -> None:
    """What is allowed, else the version that the lockfile was made with."""
    locks = sorted(name for name in draft.beside if re.fullmatch(r"(?:Julia)?Manifest(?:-v[\d.]{1,10})?\.toml", name))
    for lock in locks:
        draft.lockfile(lock)
    made = re.search(r'^julia_version[ \t]*=[ \t]*"([\w.+-]{1,30})"', draft.text("Manifest.toml")[:4000], re.MULTILINE)
    if compat:
        draft.runtime("julia", compat, project, "compat.julia")
    elif made:
        draft.runtime("julia", made[1], "Manifest.toml", "julia_version")
    else:
        draft.runtime("julia", "", project)


def _starts(draft: Draft, project: str, asked: set[str], run: str) -> None:
    """What runs: Genie's own script, or the one file that is meant to be called."""
    hits = draft.hits("julia-web")
    used = {hit.value: hit for hit in reversed(hits)}
    scripts = [name for name in ("app.jl", "server.jl", "main.jl", "run.jl") if draft.has(name)]
    alone = [
        name for name in draft.beside if name.endswith(".jl") and name not in ("make.jl", "build.jl", "bootstrap.jl")
    ]
    if draft.has("bin/server"):
        draft.command("start", "bin/server", "bin/server", "", 0.95)
    elif scripts or (len(alone) == 1 and not draft.has(f"src/{draft.name}.jl")):
        script = (scripts or alone)[0]
        draft.command("start", f"{run} {words(script)}", script, "", 0.7 if scripts else 0.55)
    runs = "start" in draft.commands
    served = draft.hits("julia-serve")
    for name, known in FRAMEWORKS.items():
        at = (
            (project, f"deps.{name}")
            if name in asked
            else (used[name].path, f"line {used[name].line}")
            if name in used
            else None
        )
        if at is None or draft.name == name:
            continue
        draft.framework(known.name, *at, known.confidence)
        if runs and known.role:
            draft.role(known.role, known.confidence)
    if runs and served and not draft.roles:
        draft.framework("HTTP.jl", served[0].path, f"line {served[0].line}", 0.8)
        draft.role("backend", 0.8)
    ports = draft.hits("julia-port") if draft.roles else []
    for hit in ports:
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    for fact in list(draft.frameworks.values()) if runs and not ports else ():
        port = next((known.port for known in FRAMEWORKS.values() if known.name == fact.value), 0)
        draft.port(
            port,
            project or draft.inner(fact.evidence[0].path),
            f"the default of {fact.value}",
            0.8 if port == 8000 else 0.5,
        )
    if runs:
        draft.role("job", 0.3)


DETECTOR = Detector(
    name="julia",
    manifests=("Project.toml", "JuliaProject.toml"),
    detect=detect,
    lockfiles=("Manifest.toml", "JuliaManifest.toml"),
    languages=("Julia",),
    patterns={".jl": PATTERNS},
)
