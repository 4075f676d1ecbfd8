"""Files that several services share: what is taken from them, and that none of them can do harm."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsync.tools.contract import Context
from envsync.tools.fingerprint import Evidence
from envsync.tools.scan import dockerfile, images
from envsync.tools.scan.addresses import database, hosts
from envsync.tools.scan.draft import Draft
from envsync.tools.scan.hints import disagree
from envsync.tools.scan.project import survey, wants
from envsync.tools.scan.runnable import typed
from envsync.tools.scan.tree import Tree, collect

from .conftest import Scan, at, fill, lacks, only, told
from .test_hostile import shown
from .test_projects import projects

RUNTIMES = {
    "python:3.12-slim-bookworm": ("python", "3.12"),
    "docker.io/library/python@sha256:00": ("python", ""),
    "registry.example.com:5000/base/node:20.11.1-alpine3.19": ("node", "20.11.1"),
    "node:lts-alpine": ("node", ""),
    "node:alpine": ("node", ""),
    "golang:1.22rc1": ("go", "1.22"),
    "eclipse-temurin:21-jre": ("java", "21"),
    "openjdk:8u392-jdk": ("java", "8"),
    "maven:3.9.7-eclipse-temurin-21-alpine": ("java", "21"),
    "gradle:8.7-jdk17": ("java", "17"),
    "gradle:8.7": ("java", ""),
    "sbtscala/scala-sbt:eclipse-temurin-jammy-17.0.10_7_1.10.0_3.4.2": ("java", "17.0.10"),
    "clojure:temurin-21-tools-deps": ("java", "21"),
    "mcr.microsoft.com/dotnet/aspnet:8.0": ("dotnet", "8.0"),
    "hexpm/elixir:1.17.2-erlang-27.0.1-debian-bookworm-20240701-slim": ("elixir", "1.17.2"),
    "ocaml/opam:debian-12-ocaml-5.1": ("ocaml", "5.1"),
    "denoland/deno:alpine-1.44.1": ("deno", "1.44.1"),
    "oven/bun:1": ("bun", "1"),
    "gcr.io/distroless/nodejs20-debian12": ("node", "20"),
    "ghcr.io/astral-sh/uv:python3.12-bookworm-slim": ("python", "3.12"),
    "public.ecr.aws/lambda/python:3.11": ("python", "3.11"),
    "public.ecr.aws/lambda/nodejs:20": ("node", "20"),
    "dunglas/frankenphp:1-php8.3": ("php", "8.3"),
    "mcr.microsoft.com/playwright/python:v1.44.0-jammy": ("python", ""),
    "mcr.microsoft.com/devcontainers/python:1-3.11-bookworm": ("python", "3.11"),
    "mcr.microsoft.com/devcontainers/go:1.22": ("go", "1.22"),
    "alpine:3.20": None,
    "scratch": None,
    "": None,
}
BESIDE = {
    "postgres:16-alpine": ("postgresql", "database", "16"),
    "timescale/timescaledb:2.14.2-pg15": ("postgresql", "database", "15"),
    "pgvector/pgvector:pg16": ("postgresql", "database", "16"),
    "bitnami/redis:latest": ("redis", "cache", ""),
    "mcr.microsoft.com/mssql/server:2022-latest": ("mssql", "database", "2022"),
    "docker.elastic.co/elasticsearch/elasticsearch:8.14.0": ("elasticsearch", "search", "8.14.0"),
    "rabbitmq:3.13-management-alpine": ("rabbitmq", "queue", "3.13"),
    "bitnami/kafka:3.7": ("kafka", "queue", "3.7"),
    "minio/minio:RELEASE.2024-05-10T01-41-38Z": ("minio", "storage", ""),
    "traefik:v3.0": ("traefik", "proxy", "3.0"),
    "jaegertracing/all-in-one:1.57": ("jaeger", "monitoring", "1.57"),
    "axllent/mailpit": ("mailpit", "mail", ""),
    "postgres:bookworm-20240701": ("postgresql", "database", ""),
}


@pytest.mark.parametrize(("image", "wanted"), RUNTIMES.items())
def test_an_image_names_the_version_of_its_language(image: str, wanted: tuple[str, str] | None) -> None:
    assert images.runtime(image) == wanted


@pytest.mark.parametrize(("image", "wanted"), BESIDE.items())
def test_an_image_is_known_by_what_it_runs(image: str, wanted: tuple[str, str, str]) -> None:
    assert (*(images.backing(image) or ()), images.version(image)) == wanted


def test_a_stage_goes_on_from_another() -> None:
    text = 'ARG V=1\nFROM a:$V AS one\nENV P=80\nEXPOSE $P\nCMD ["x"]\nFROM one\nENV P 81\nEXPOSE ${P:-9} ${Q:-9}/udp\n'
    first, last = dockerfile.stages(text)
    assert (first.image, last.root, last.base) == ("a:1", "a:1", first)
    assert dockerfile.exposed(first) == [80] and dockerfile.exposed(last) == [81, 9]
    assert dockerfile.command(last) == ["x"]


def test_an_argument_above_the_first_stage_needs_to_be_named_in_it() -> None:
    text = "ARG PORT=70\nFROM a\nEXPOSE $PORT\nFROM b\nARG PORT\nEXPOSE $PORT"
    assert [dockerfile.exposed(stage) for stage in dockerfile.stages(text)] == [[], [70]]


ADDRESSES = {
    "postgresql+asyncpg://u:p@db:5432/x": "postgresql", "jdbc:sqlserver://db;x": "mssql", "redis://:p@h/0": "redis", "mongodb+srv://a.b": "mongodb",
    "sqlite:///x.db": "sqlite", "sqlite:./x.db": "sqlite", "http://redis:6379": None, "redis": None, "": None,
}  # fmt: skip


@pytest.mark.parametrize(("value", "wanted"), ADDRESSES.items())
def test_an_address_names_its_database(value: str, wanted: str | None) -> None:
    assert database(value) == wanted


def test_who_is_called_and_not_who_calls() -> None:
    assert hosts("API_URL", "http://api:8000/v1") == [("api", 8000)]
    assert hosts("BROKERS", "kafka-1:9092,kafka-2:9092") == [("kafka-1", 9092), ("kafka-2", 9092)]
    assert hosts("REDIS_HOST", "cache") == [("cache", 0)]
    assert hosts("DB_USER", "db") == [] and hosts("CORS_ALLOWED_ORIGINS", "http://web:3000") == []


@pytest.mark.parametrize(
    ("runtime", "pin", "spec", "wanted"),
    [
        ("node", "18", ">=20", True), ("node", "20.x", ">=20", False), ("python", "3.11", ">=3.9,<3.13", False), ("go", "1.21", "1.22", True),
        ("go", "1.23", "1.22", False), ("java", "21", "17", False), ("java", "11", "17", True), ("dotnet", "9.0", "8.0", False), ("dotnet", "7.0", "8.0", True),
        ("ruby", "3.2", "3.3.1", True), ("ruby", "3.3", "3.3.1", False), ("rust", "1.70", "stable", False), ("node", "lts/iron", ">=99", False), ("swift", "6.0", "5.9", False),
    ],
)  # fmt: skip
def test_only_versions_that_cannot_both_be_right_disagree(runtime: str, pin: str, spec: str, wanted: bool) -> None:
    assert disagree(runtime, pin, spec) is wanted


TYPED = [
    (["uvicorn", "main:app", "--host", "0.0.0.0"], "uvicorn main:app --host 0.0.0.0"),
    (["tini", "--", "node", "server.js"], "node server.js"),
    (["/docker-entrypoint.sh", "bundle", "exec", "puma"], "bundle exec puma"),
    (["sh", "-c", "alembic upgrade head && uvicorn main:app"], "alembic upgrade head && uvicorn main:app"),
    ("exec python -m bot", "python -m bot"),
    ("python -m bot", "python -m bot"),
    (["./run.sh", "--fast"], "./run.sh --fast"),
    (["./gone.sh"], ""),
    (["/app/server"], ""),
    (["server"], ""),
    (["java", "-jar", "app.jar"], ""),
    (["dotnet", "Api.dll"], ""),
    (["python", "/app/main.py"], ""),
    (["gunicorn", "--config=/etc/g.py", "app:app"], ""),
    ("gunicorn --bind :$PORT app:app", ""),
    ("npm start; rm -rf x", ""),
    (["bash"], ""),
    ("sleep infinity", ""),
    ("nginx -g 'daemon off;'", ""),
    ("python main.py 'unclosed", ""),
    ([], ""),
    ("", ""),
]


@pytest.mark.parametrize(("command", "wanted"), TYPED)
def test_only_what_can_be_typed_in_the_repository_is_a_command(command: list[str] | str, wanted: str) -> None:
    draft = Draft(Tree("/p", files={"run.sh": 1}), ".", ["run.sh"])
    assert typed(draft, command) == wanted


OURS = [name for name in projects() if name.partition(":")[0] in ("compose", "docker", "several", "files")]


@pytest.mark.parametrize("name", OURS)
def test_every_finding_about_the_whole_has_evidence_that_exists(name: str, tmp_path: Path) -> None:
    files = projects()[name]["files"]
    root = fill(tmp_path / "project", {path: text or "" for path, text in files.items()})
    found = survey(collect(str(root), wants()))
    evidence: list[Evidence] = [e for one in found.backing for e in one.evidence]
    for service in found.services:
        facts = [*service.needs, *service.ports, *service.databases, *service.variables, *service.commands.values()]
        assert all(fact.rule and 0 < fact.confidence <= 1 and fact.evidence for fact in facts)
        evidence += [e for fact in (*facts, *service.runtimes) for e in fact.evidence]
    evidence += [e for fact in found.shared for e in fact.evidence]
    assert not [e for e in evidence if e.path not in files]
    waves = [name for wave in found.order for name in wave]
    assert len(waves) == len(set(waves))
    for service in found.services:
        for need in service.needs:
            if service.root in waves and need.value in waves and "cycle" not in {f.rule for f in found.findings}:
                assert waves.index(need.value) < waves.index(service.root)


SLOW = [
    ("Dockerfile", "FROM a AS a\n"), ("Dockerfile", "FROM a\n" * 30 + "ENV A=$A$A$A$A$A$A$A\n"), ("Dockerfile", "RUN <<A <<B\n"), ("Dockerfile", "ENV " + "a" * 99),
    ("Dockerfile", "FROM a\nARG a=${a:-${a:-"), ("Dockerfile", "FROM a\nCMD a && "), ("compose.yaml", "services:\n  a: {environment: {A: '" + "a:1," * 200 + "'}}\n#"),
    ("compose.yaml", "x: ${a:-"), ("main.tf", 'resource "aws_db_instance" "a" {\n'), ("main.tf", "required_providers { a = {"), ("main.tf", "a = {\n"),
    (".gitlab-ci.yml", "a: {script: [cd a]}\n"), (".github/workflows/ci.yml", "run: a\n"), ("nginx.conf", "server a"), ("nginx.conf", "proxy_pass http://a:"),
    (".devcontainer/devcontainer.json", '{"a":'), ("Taskfile.yml", "a: {"), ("mise.toml", "[tasks."), ("Procfile", "web: --port "), ("justfile", "a a a "),
    ("src/a.ts", "http://a.b:"), ("src/b.ts", "://a" + "-" * 60), ("package.json", '{"name": "a'), (".sdkmanrc", "java="),
]  # fmt: skip


@pytest.mark.parametrize(("name", "piece"), SLOW)
async def test_no_shared_file_makes_a_reader_slow(name: str, piece: str, scan: Scan) -> None:
    text = (piece * (200_000 // len(piece) + 1))[:200_000]
    start = time.monotonic()
    await scan({"go.mod": "module m\n", "package.json": "{}", name: text})
    assert time.monotonic() - start < 8


NAMES = st.sampled_from(
    ["Dockerfile", "Dockerfile.worker", "a.Dockerfile", "compose.yaml", "docker-compose.override.yml", "docker-compose.test.yml", "main.tf", "nginx.conf",
     ".gitlab-ci.yml", ".github/workflows/ci.yml", ".devcontainer/devcontainer.json", "Taskfile.yml", "justfile", "Procfile.dev", "mise.toml", ".sdkmanrc",
     ".env.example", "package.json", "main.py", "a/main.py", "a/Dockerfile"]
)  # fmt: skip
LINES = st.lists(st.sampled_from(
    ["services:", "  a: {build: a, depends_on: [b], ports: ['1:2']}", "  b: {image: 'postgres:16', depends_on: {a: {}}}", "  c: {build: {context: ../.., dockerfile: [1]}}",
     "  d: {image: 5, extends: {file: x}}", "include: [x]", "FROM python:3.12 AS a", "FROM a", "FROM ${X:-node:20} AS", "EXPOSE $PORT 80/tcp 1-2", "CMD [\"python\", \"main.py\"]",
     "CMD python main.py", "ENTRYPOINT [1]", "ENV A=1 B", "RUN <<EOF", "EOF", "\\", 'resource "aws_db_instance" "x" {', '  engine = "postgres"', "}",
     'provider "aws" {', "jobs:", "  t: {steps: [{uses: actions/setup-node@v4, with: {node-version: [1, {a: b}]}}, 5, {run: 'cd a && npm test'}]}",
     "  u: {services: {db: {image: 'mysql:8'}}, strategy: {matrix: {include: [1, {a: 2}], v: 3}}, container: {image: [1]}}", "image: {name: 'ruby:3.3'}",
     "test: {script: [1, 'cd ..; rake'], services: [{name: 5}, 'redis:7'], image: 7}", "{", "}", '"features": {"a/node:1": {"version": 3}},', '"image": "python:3",',
     "tasks:", "  build: {cmds: [{task: x}]}", "web: x -p 80", "proxy_pass http://a:1;", "A=http://a:8000", "import os", "os.environ['A']", "[tools]", "java = 3"]
), max_size=14).map("\n".join)  # fmt: skip


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(NAMES, LINES | st.text(st.characters(codec="utf-8"), max_size=100), max_size=7))
def test_any_text_in_any_shared_file_gives_a_survey(texts: dict[str, str]) -> None:
    tree = Tree("/p", files={name: len(text) for name, text in texts.items()}, texts=dict(texts))
    found = survey(tree)
    assert found.services and not [fact for fact in found.findings if fact.rule == "gave-up"]
    for service in found.services:
        service.model_dump_json()
    for one in found.backing:
        one.model_dump_json()


async def test_hostile_03_names_inside_compose_files_are_escaped(scan: Scan, context: Context) -> None:
    compose = r"""
services:
  "evil\x1b[31m\u202e":
    image: "some/thing\x1b:1"
    ports: ["80:80"]
  "db\x07":
    image: "postgres:16\x1b"
  api:
    build: .
    depends_on: ["evil\x1b[31m\u202e", "db\x07"]
    environment: {"URL": "http://evil\x1b:1"}
"""
    found = await scan(
        {"compose.yaml": compose, "requirements.txt": "flask\n", "terraform/x.tf": 'provider "a\x1b" {}'}
    )
    text = shown(await told(context)) + found.model_dump_json()
    assert not any(c in text for c in "\x1b\x07\u202e") and found.backing


async def test_what_only_ci_names_is_not_missing(scan: Scan) -> None:
    workflow = """
jobs:
  test:
    services: {db: {image: 'postgres:16'}}
    steps:
      - uses: actions/setup-python@v5
        with: {python-version: '3.9'}
"""
    found = await scan({"requirements.txt": "", "main.py": "print(1)", ".github/workflows/ci.yml": workflow})
    service = only(found)
    assert [(w.spec, w.confidence) for w in service.runtimes if w.name == "python"] == [("3.9", 0.5)]
    assert [(f.value, f.confidence) for f in service.databases] == [("postgresql", 0.5)]
    assert not lacks(found, "runtime") and not lacks(found, "service")


async def test_it_is_said_what_runs_beside_and_what_waits(scan: Scan, context: Context) -> None:
    compose = "services:\n  api: {build: api, depends_on: [db]}\n  db: {image: 'postgres:16', ports: ['5433:5432']}\n  web: {build: web, depends_on: [api]}\n"
    found = await scan(
        {
            "compose.yaml": compose,
            "api/requirements.txt": "flask\n",
            "api/app.py": "from flask import Flask\napp = Flask(__name__)\n",
            "api/Dockerfile": "FROM python:3.12\n",
            "web/package.json": '{"name":"web","private":true,"dependencies":{"next":"14"},"scripts":{"dev":"next dev"}}',
            "web/Dockerfile": "FROM node:20\n",
        }
    )
    assert found.order == (("postgresql",), ("api",), ("web",))
    assert [need.value for need in at(found, "web").needs] == ["api"]
    text = shown(await told(context))
    assert "runs beside the services" in text and "PostgreSQL 16" in text and ":5433" in text
    assert "starts after" in text


async def test_no_value_of_a_setting_leaves_the_scan(scan: Scan) -> None:
    compose = "services:\n  a:\n    build: .\n    environment: {TOKEN: very-secret-1, DB: 'postgres://u:very-secret-2@db/x'}\n  db: {image: postgres, environment: [P=very-secret-3]}\n"
    files = {
        "compose.yaml": compose,
        ".env.example": "A=postgres://u:very-secret-4@localhost/x\n",
        "requirements.txt": "flask\n",
    }
    files["Dockerfile"] = "FROM python:3.12\nENV KEY=very-secret-5\nARG T=very-secret-6\n"
    assert "very-secret" not in (await scan(files)).model_dump_json()
