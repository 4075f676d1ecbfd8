"""Two detectors that npm installs, run as their documentation says, and their answers in the words of the comparison."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from envsync.tools.errors import Failed

from .facts import Found
from .fetch import NPM, call

HERE = Path(__file__).parent / "peers"
PACKAGES = {"specfy": ("@specfy/stack-analyser", "1.27.3"), "netlify": ("@netlify/build-info", "11.3.0")}
SECONDS = 120
DATABASES = {
    "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql", "percona": "mysql", "sqlite": "sqlite", "redis": "redis",
    "valkey": "redis", "mongodb": "mongodb", "rabbitmq": "rabbitmq", "apache_kafka": "kafka", "kafka": "kafka",
    "elasticsearch": "elasticsearch", "memcached": "memcached", "mssql": "mssql", "apache_cassandra": "cassandra",
    "clickhouse": "clickhouse", "neo4j": "neo4j", "nats": "nats", "minio": "minio",
}  # fmt: skip
"""Canonical name by specfy's key; of those that belong to a cloud (`aws.kafka`) by the last part."""
RUNTIMES = {
    "node": "JavaScript", "bun": "JavaScript", "go": "Go", "rust": "Rust", "python": "Python", "ruby": "Ruby", "php": "PHP",
    "java": "Java", "swift": "Swift", "erlang": "Erlang", "dotnet": "C#", "emacs": "Emacs Lisp",
}  # fmt: skip
"""The language that netlify's runtime stands for."""


def label(name: str) -> str:
    package, version = PACKAGES[name]
    return f"{package} {version}"


def modules(cache: Path) -> Path:
    """The folder with both peers installed. Raises Unreachable when npm cannot get them."""
    wanted = [f"{package}@{version}" for package, version in PACKAGES.values()]
    home = cache / "peers" / "+".join(version for _, version in PACKAGES.values())
    if not (home / "complete").exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text('{"private": true}\n', "utf-8")
        call("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact", *wanted, cwd=home,
             hint=NPM)  # fmt: skip
        (home / "complete").touch()
    return home


def ask(name: str, modules: Path, folder: Path) -> Found:
    """What a peer says of a folder. Raises Failed when it crashes or does not come to an end."""
    argv = ["node", str(HERE / f"{name}.mjs"), str(modules), str(folder)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"{label(name)} took longer than {SECONDS} s") from None
    try:
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        words = " ".join((done.stderr or done.stdout).split())[-200:]
        raise Failed(f"{label(name)} failed ({done.returncode}): {words}") from None
    return READERS[name](said)


def specfy(said: dict[str, Any]) -> Found:
    """It knows languages twice, by suffix and as technologies; the second is right more often, and is what counts."""
    techs: list[str] = said["techs"]
    return Found(
        services=dict.fromkeys(said["roots"], ""),
        languages=set(said["spoken"]),
        databases={DATABASES[key] for tech in techs if (key := tech.rpartition(".")[2]) in DATABASES},
        seconds=said["seconds"],
    )


def netlify(said: dict[str, Any]) -> Found:
    """It knows runtimes instead of languages, and commands of web frameworks only."""
    commands = {(one["root"], purpose, one[purpose]) for one in said["settings"] for purpose in ("build", "dev")}
    if said["install"]:
        commands |= {(root, "install", said["install"]) for root in said["roots"]}
    return Found(
        services=dict.fromkeys(said["roots"], ""),
        languages={RUNTIMES[name] for name in said["runtimes"] if name in RUNTIMES},
        commands={command for command in commands if command[2]},
        ports={str(one["port"]) for one in said["settings"] if one["port"]},
        seconds=said["seconds"],
    )


READERS: dict[str, Callable[[dict[str, Any]], Found]] = {"specfy": specfy, "netlify": netlify}
