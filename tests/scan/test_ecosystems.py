"""One small project of each kind people have, and what must be known about it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from .conftest import Scan, commands, only


@dataclass(frozen=True)
class Case:
    files: dict[str, str]
    role: str
    framework: str = ""
    runtime: tuple[str, str] = ("", "")
    manager: str = ""
    commands: dict[str, str] = field(default_factory=dict)
    port: str = ""
    databases: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    language: str = ""


PACKAGE = '{"name": "x", "private": true, %s}'
CASES = {
    "flask-requirements": Case(
        {
            "requirements.txt": "Flask==3.0  # web\npsycopg2-binary>=2.9; python_version>='3'\n-r more.txt\n",
            "app.py": 'import os\nfrom flask import Flask\napp = Flask(__name__)\nos.environ["SECRET_KEY"]\n',
            ".python-version": "3.11\n",
        },
        "backend",
        "Flask",
        ("python", "3.11"),
        "pip",
        {"start": "flask run", "install": "pip install -r requirements.txt"},
        "5000",
        {"postgresql"},
        {"SECRET_KEY"},
        "Python",
    ),
    "django-uv": Case(
        {
            "pyproject.toml": '[project]\nname="shop"\nrequires-python=">=3.12"\ndependencies=["django>=5","redis"]\n',
            "uv.lock": 'version = 1\n\n[[package]]\nname = "django"\nversion = "5.1"\n',
            "manage.py": "import os\n",
            "shop/settings.py": 'import os\nX = os.getenv("DJANGO_KEY")\nE = "django.db.backends.postgresql"\n',
        },
        "backend",
        "Django",
        ("python", ">=3.12"),
        "uv",
        {"install": "uv sync", "start": "uv run python manage.py runserver"},
        "8000",
        {"redis", "postgresql"},
        {"DJANGO_KEY"},
        "Python",
    ),
    "fastapi-poetry": Case(
        {
            "pyproject.toml": '[tool.poetry]\nname="api"\npackage-mode=false\n[tool.poetry.dependencies]\n'
            'python="^3.11"\nfastapi="*"\n[tool.poetry.group.dev.dependencies]\npytest="^8"\n',
            "src/api/main.py": "from fastapi import FastAPI\n\napplication = FastAPI()\n",
        },
        "backend",
        "FastAPI",
        ("python", "^3.11"),
        "poetry",
        {"start": "poetry run uvicorn api.main:application", "test": "poetry run pytest", "install": "poetry install"},
        "8000",
    ),
    "streamlit": Case(
        {"requirements.txt": "streamlit\n", "dashboard_app.py": "import streamlit as st\n"},
        "frontend",
        "Streamlit",
        commands={"start": "streamlit run dashboard_app.py"},
        port="8501",
    ),
    "celery-worker": Case(
        {"requirements.txt": "celery[redis]\n", "tasks.py": "from celery import Celery\napp = Celery('x')\n"},
        "worker",
        "Celery",
        commands={"start": "celery -A tasks worker"},
        databases={"redis"},
    ),
    "setup-py-library": Case(
        {
            "setup.py": "from setuptools import setup\nN='lib'\nsetup(name=N, python_requires='>=3.8', install_requires=['six'])\n"
        },
        "library",
        runtime=("python", ">=3.8"),
    ),
    "next": Case(
        {
            "package.json": PACKAGE
            % '"dependencies":{"next":"14","react":"18"},"scripts":{"dev":"next dev","start":"next start","build":"next build"},'
            '"engines":{"node":">=18"},"packageManager":"pnpm@9.1.0"',
            "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
            "app/page.tsx": "export default () => process.env.NEXT_PUBLIC_API\n",
        },
        "frontend",
        "Next.js",
        ("node", ">=18"),
        "pnpm",
        {"start": "pnpm start", "dev": "pnpm dev", "build": "pnpm build", "install": "pnpm install --frozen-lockfile"},
        "3000",
        variables={"NEXT_PUBLIC_API"},
        language="TypeScript",
    ),
    "express": Case(
        {
            "package.json": PACKAGE % '"main":"index.js","dependencies":{"express":"4","pg":"8","ioredis":"5"}',
            "package-lock.json": '{"lockfileVersion":3,"packages":{}}',
            "index.js": "const app = express();\n// app.listen(1)\napp.listen(process.env.PORT || 4000)\n",
            ".nvmrc": "v20\n",
        },
        "backend",
        "Express",
        ("node", "20"),
        "npm",
        {"start": "node index.js", "install": "npm ci"},
        "4000",
        {"postgresql", "redis"},
        {"PORT"},
    ),
    "vite-bun": Case(
        {
            "package.json": PACKAGE
            % '"devDependencies":{"vite":"5"},"dependencies":{"vue":"3"},"scripts":{"dev":"vite --port 4321"}',
            "bun.lock": "{}",
        },
        "frontend",
        "Vite",
        manager="bun",
        commands={"start": "bun run dev"},
        port="4321",
    ),
    "deno": Case(
        {"deno.jsonc": '{/* c */ "tasks": {"start": "deno run main.ts",},}', "main.ts": 'Deno.env.get("TOKEN_NAME")\n'},
        "unknown",
        runtime=("deno", ""),
        manager="deno",
        commands={"start": "deno task start"},
        variables={"TOKEN_NAME"},
    ),
    "go-gin": Case(
        {
            "go.mod": "module example.com/me/shop\n\ngo 1.22\n\nrequire (\n\tgithub.com/gin-gonic/gin v1.10.0\n"
            "\tgithub.com/lib/pq v1.10.9\n\tgithub.com/redis/go-redis/v9 v9.0.0 // indirect\n)\n",
            "go.sum": "",
            "cmd/shop/main.go": 'package main\n\nfunc main() { r.Run(":9090"); os.Getenv("DB_DSN") }\n',
        },
        "backend",
        "Gin",
        ("go", "1.22"),
        "go",
        {"start": "go run ./cmd/shop", "test": "go test ./..."},
        "9090",
        {"postgresql"},
        {"DB_DSN"},
        "Go",
    ),
    "go-library": Case({"go.mod": "module example.com/lib/v2\n", "lib.go": "package lib\n"}, "library"),
    "rust-axum": Case(
        {
            "Cargo.toml": '[package]\nname="svc"\nversion="0.1.0"\nrust-version="1.75"\n[dependencies]\naxum="0.7"\n'
            'sqlx={version="0.7",features=["postgres"]}\n',
            "Cargo.lock": "version = 3\n",
            "src/main.rs": 'fn main() { env::var("RUST_DB"); bind("0.0.0.0:3001") }\n',
        },
        "backend",
        "Axum",
        ("rust", "1.75"),
        "cargo",
        {"start": "cargo run", "build": "cargo build --release", "install": "cargo fetch --locked"},
        "3001",
        {"postgresql"},
        {"RUST_DB"},
        "Rust",
    ),
    "spring-maven": Case(
        {
            "pom.xml": '<project xmlns="http://maven.apache.org/POM/4.0.0"><artifactId>shop</artifactId>'
            "<parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId></parent>"
            "<properties><java.version>17</java.version></properties>"
            "<dependencies><dependency><groupId>org.postgresql</groupId><artifactId>postgresql</artifactId></dependency>"
            "</dependencies></project>",
            "mvnw": "",
            "src/main/resources/application.yml": "server:\n  port: 8090\nspring:\n  x: ${DB_URL:none}\n",
            "src/main/java/App.java": "class App { public static void main(String[] a) {} }\n",
        },
        "backend",
        "Spring Boot",
        ("java", "17"),
        "maven",
        {"start": "./mvnw spring-boot:run", "test": "./mvnw test"},
        "8090",
        {"postgresql"},
        {"DB_URL"},
        "Java",
    ),
    "gradle-kotlin": Case(
        {
            "build.gradle.kts": 'plugins { kotlin("jvm"); application }\nkotlin { jvmToolchain(21) }\n'
            'dependencies { implementation("io.ktor:ktor-server-core:2.3.0") }\n',
            "settings.gradle.kts": 'rootProject.name = "svc"\n',
            "gradlew": "",
            "src/main/kotlin/Main.kt": "fun main() {}\n",
        },
        "backend",
        "Ktor",
        ("java", "21"),
        "gradle",
        {"start": "./gradlew run", "build": "./gradlew build"},
        language="Kotlin",
    ),
    "rails": Case(
        {
            "Gemfile": "source 'https://rubygems.org'\nruby '3.3.1'\ngem 'rails', '~> 7.1'\ngem \"pg\"\ngem 'sidekiq'\n# gem 'mysql2'\n",
            "Gemfile.lock": "",
            "bin/rails": "",
            "config/x.rb": 'ENV.fetch("RAILS_KEY")\n',
        },
        "backend",
        "Rails",
        ("ruby", "3.3.1"),
        "bundler",
        {"start": "bin/rails server", "install": "bundle install"},
        "3000",
        {"postgresql", "redis"},
        {"RAILS_KEY"},
        "Ruby",
    ),
    "laravel": Case(
        {
            "composer.json": '{"name":"a/b","type":"project","require":{"php":"^8.2","laravel/framework":"^11","ext-pdo_mysql":"*"}}',
            "artisan": "<?php\n",
            "config/app.php": "<?php env('APP_KEY');\n",
            "package.json": PACKAGE % '"devDependencies":{"vite":"5"},"scripts":{"dev":"vite","build":"vite build"}',
        },
        "backend",
        "Laravel",
        ("php", "^8.2"),
        "composer",
        {"start": "php artisan serve", "install": "composer install"},
        "8000",
        {"mysql"},
        {"APP_KEY"},
        "PHP",
    ),
    "static-site": Case({"index.html": "<h1>hello</h1>"}, "static", language="HTML"),
    "script": Case({"main.py": "print('hello')\n"}, "job", commands={"start": "python main.py"}, language="Python"),
    "procfile-wins": Case(
        {
            "requirements.txt": "flask\ngunicorn\n",
            "app.py": "from flask import Flask\napp = Flask(__name__)\n",
            "Procfile": "web: gunicorn app:app\nworker: python work.py\n",
        },
        "backend",
        "Flask",
        commands={"start": "gunicorn app:app", "worker": "python work.py"},
    ),
}


@pytest.mark.parametrize("name", CASES)
async def test_knows_the_stack(name: str, scan: Scan) -> None:
    case = CASES[name]
    service = only(await scan(case.files))
    assert service.role == case.role
    if case.framework:
        assert service.frameworks[0].value == case.framework
    if case.runtime[0]:
        assert case.runtime in {(w.name, w.spec) for w in service.runtimes}
    if case.manager:
        assert service.managers[0].value == case.manager
    assert {k: v for k, v in commands(service).items() if k in case.commands} == case.commands
    if case.port:
        assert service.ports[0].value == case.port
    assert {d.value for d in service.databases} == case.databases
    assert case.variables <= {v.value for v in service.variables}
    if case.language:
        assert service.languages[0].value == case.language


@pytest.mark.parametrize("name", CASES)
async def test_every_finding_has_evidence_that_exists(name: str, scan: Scan) -> None:
    service = only(await scan(CASES[name].files))
    facts = [*service.managers, *service.frameworks, *service.ports, *service.databases, *service.variables]
    for fact in [*facts, *service.commands.values()]:
        assert fact.rule and 0 < fact.confidence <= 1
        assert fact.evidence and all(e.path in CASES[name].files for e in fact.evidence), fact
