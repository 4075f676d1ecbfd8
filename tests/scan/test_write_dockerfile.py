"""Dockerfiles: read by a real parser, built in stages, run by nobody important, and left out where something is not known."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser

from envsync.tools.scan.write import dockerfile
from envsync.tools.scan.write.image import argv

from .writing import SHOP, make, texts

KNOWN = {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "CMD"}


def parsed(text: str) -> list[tuple[str, str]]:
    """Instructions and their values, as a parser of its own sees them; checks what holds for all of them."""
    reader = DockerfileParser(cache_content=True, fileobj=BytesIO(text.encode()))
    lines = [(one["instruction"], one["value"]) for one in reader.structure if one["instruction"] != "COMMENT"]
    names = [name for name, _ in lines]
    assert text.startswith("# syntax=docker/dockerfile:1\n") and set(names) <= KNOWN, set(names) - KNOWN
    assert names.count("CMD") == 1 and names[-1] == "CMD"
    command = json.loads(lines[-1][1])
    assert command and all(isinstance(word, str) for word in command)
    stages = [value.split() for name, value in lines if name == "FROM"]
    assert len(stages) >= 2 and all(stage[1:2] == ["AS"] for stage in stages[:-1]), "it is built in stages"
    assert all(":" in stage[0] and not stage[0].endswith(":latest") for stage in stages), "every image has a version"
    known = {stage[2] for stage in stages[:-1]}
    for name, value in lines:
        if name == "COPY" and (source := re.match(r"--from=(\S+)", value)):
            assert source[1] in known or ":" in source[1], value
    last = lines[max(i for i, (name, _) in enumerate(lines) if name == "FROM") :]
    user = [value for name, value in last if name == "USER"]
    assert user and user[-1] not in ("root", "0"), "nobody important"
    return lines


def one(root: Path, files: dict[str, str]) -> str:
    """The only Dockerfile of a project."""
    found = {path: text for path, text in texts(make(root, files, "dockerfile")).items() if path.endswith("Dockerfile")}
    assert len(found) == 1, found
    return next(iter(found.values()))


def value(lines: list[tuple[str, str]], name: str, number: int = -1) -> str:
    return [value for known, value in lines if known == name][number]


def test_an_api_and_pages_each_get_one_with_an_ignore_file_beside_it(tmp_path: Path) -> None:
    made = texts(make(tmp_path, SHOP, "dockerfile"))
    assert set(made) == {"api/Dockerfile", "api/.dockerignore", "web/Dockerfile", "web/.dockerignore"}
    api, web = parsed(made["api/Dockerfile"]), parsed(made["web/Dockerfile"])
    assert value(api, "FROM", 0).startswith("python:3.13 ") and value(api, "FROM") == "python:3.13-slim"
    assert value(api, "EXPOSE") == "8000" and "libpq5" in made["api/Dockerfile"]
    assert json.loads(value(api, "CMD")) == ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
    install = next(text for name, text in api if name == "RUN" and "uv sync" in text)
    assert "--mount=type=cache,target=/root/.cache/uv" in install and "--locked --no-dev" in install
    order = [text for name, text in api if name == "COPY"]
    assert order.index("pyproject.toml uv.lock ./") < order.index(". ."), "packages stay cached when source changes"
    assert value(web, "FROM").startswith("nginxinc/nginx-unprivileged:") and value(web, "EXPOSE") == "8080"
    assert "npm run build && mv dist /site" in made["web/Dockerfile"] and "npm ci" in made["web/Dockerfile"]
    for name in ("api/.dockerignore", "web/.dockerignore"):
        assert {"**/.env", "**/.env.*", ".git", "**/*.pem"} <= set(made[name].splitlines()), (
            "no secret gets into an image"
        )
    assert "**/node_modules" in made["web/.dockerignore"] and ".venv" in made["api/.dockerignore"]


EXPRESS: dict[str, Any] = {"name": "shop", "private": True, "scripts": {"start": "node dist/server.js", "build": "tsc"}}
CASES: dict[str, tuple[dict[str, str], list[str], list[str]]] = {
    # name: files, what must be in it, what must not
    "a pyproject that makes no package": (
        {"pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["flask"]\n', "app/__init__.py": "", "web/__init__.py": "",
         "app/main.py": "from flask import Flask\napp = Flask(__name__)\n", "main.py": "from app.main import app\napp.run()\n"},
        ["uv pip install -r pyproject.toml", "COPY pyproject.toml ./"], ["pip install ."],
    ),
    "pip with a requirements file": (
        {"requirements.txt": "flask\n", "app.py": "from flask import Flask\napp = Flask(__name__)\n", ".python-version": "3.12\n"},
        ["FROM python:3.12 AS build", "COPY *.txt ./", "pip install -r requirements.txt", '"flask", "run", "--host", "0.0.0.0", "--port", "5000"'],
        ["libpq5"],
    ),
    "pip with a package beside the requirements": (
        {"requirements.txt": "-e .\nflask\n", "setup.py": "from setuptools import setup\nsetup(name='x')\n", "app.py": "from flask import Flask\napp = Flask(__name__)\n"},
        ["pip install -r requirements.txt"],
        ["COPY *.txt ./"],
    ),
    "poetry": (
        {"pyproject.toml": '[tool.poetry]\nname = "x"\npackage-mode = false\n[tool.poetry.dependencies]\npython = "^3.11"\nfastapi = "*"\nuvicorn = "*"\n',
         "poetry.lock": "", "main.py": "from fastapi import FastAPI\napp = FastAPI()\n"},
        ['"poetry==2.*"', "poetry install --only main --no-root", "target=/root/.cache/pypoetry", 'CMD ["uvicorn"'],
        ["poetry run", "poetry install --only main\n"],
    ),
    "express": (
        {"package.json": json.dumps({**EXPRESS, "dependencies": {"express": "4"}, "engines": {"node": "20"}}), "package-lock.json": "{}"},
        ["FROM node:20 AS build", "npm ci", "RUN npm run build", "RUN npm prune --omit=dev", "FROM node:20-slim", "ENV NODE_ENV=production", "USER node"],
        [],
    ),
    "an install that runs the project's own script": (
        {"package.json": json.dumps({**EXPRESS, "scripts": {"start": "node .", "postinstall": "node patch.js"}, "dependencies": {"express": "4"}})},
        ["COPY . .\nRUN --mount=type=cache,target=/root/.npm \\\n    npm install"],
        ["COPY package.json"],
    ),
    "pnpm": (
        {"package.json": json.dumps({**EXPRESS, "packageManager": "pnpm@9.1.0", "dependencies": {"express": "4"}}), "pnpm-lock.yaml": "lockfileVersion: '9.0'\n", ".npmrc": ""},
        ["corepack enable", "COPY package.json pnpm-lock.yaml .npmrc ./", "target=/pnpm/store", "pnpm install --frozen-lockfile", 'CMD ["npm", "run", "start"]'],
        [],
    ),
    "go": (
        {"go.mod": "module example.com/shop\n\ngo 1.22\n", "go.sum": "", "cmd/server/main.go": 'package main\n\nimport "net/http"\n\nfunc main() { http.ListenAndServe(":9090", nil) }\n', "templates/a.html": ""},
        ["FROM golang:1.22 AS build", "go mod download", "CGO_ENABLED=0 go build", "-o /out/app ./cmd/server", "static-debian13:nonroot", "EXPOSE 9090", "COPY --from=build /src/templates ./templates"],
        [],
    ),
    "go with a database in C": (
        {"go.mod": "module example.com/shop\n\ngo 1.22\n\nrequire github.com/mattn/go-sqlite3 v1.14.0\n", "main.go": 'package main\n\nimport "net/http"\n\nfunc main() { http.ListenAndServe(":9090", nil) }\n'},
        ["CGO_ENABLED=1", "distroless/base-debian13:nonroot"],
        ["COPY go.mod go.sum"],
    ),
    "rust": (
        {"Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\naxum = "0.7"\n', "Cargo.lock": "", "src/main.rs": "fn main() {}\n"},
        ["FROM rust:1-trixie AS build", "cargo build --release --locked --bin shop", "target=/usr/local/cargo/registry", "USER app"],
        [],
    ),
    "spring boot with its wrapper": (
        {"pom.xml": "<project><parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId></parent>"
         "<artifactId>shop</artifactId><properties><java.version>17</java.version></properties><dependencies><dependency>"
         "<groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-web</artifactId></dependency></dependencies></project>",
         "mvnw": "", "src/main/java/App.java": "public class App { public static void main(String[] a) {} }\n"},
        ["FROM eclipse-temurin:17-jdk AS build", "./mvnw --batch-mode -DskipTests package", "FROM eclipse-temurin:17-jre", 'CMD ["java", "-jar", "app.jar"]'],
        [],
    ),
    "rails": (
        {"Gemfile": 'source "https://gems.example"\nruby "3.3.1"\ngem "rails"\ngem "pg"\ngem "propshaft"\n', "Gemfile.lock": "", "config.ru": "", "bin/rails": "", "config/application.rb": ""},
        ["FROM ruby:3.3.1 AS build", "BUNDLE_DEPLOYMENT=1", "assets:precompile", "libpq5", '"-b", "0.0.0.0"'],
        [],
    ),
    "laravel with pages": (
        {"composer.json": '{"require": {"php": "^8.2", "laravel/framework": "^11.0"}}', "composer.lock": "{}", "artisan": "", "public/index.php": "<?php\n",
         "package.json": '{"private": true, "scripts": {"build": "vite build", "dev": "vite"}, "devDependencies": {"vite": "^5"}}'},
        ["FROM composer:2 AS build", "FROM php:8.4-apache", "USER www-data", "EXPOSE 8080", "/app/public", "AS assets", "npm run build"],
        ["php artisan serve"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_ecosystem_is_built_its_own_way(name: str, tmp_path: Path) -> None:
    files, there, not_there = CASES[name]
    text = one(tmp_path, files)
    parsed(text)
    assert [part for part in there if part not in text] == [], text
    assert [part for part in not_there if part in text] == [], text


def test_a_member_of_a_workspace_is_built_with_all_of_it(tmp_path: Path) -> None:
    files = {
        "package.json": '{"name": "all", "private": true, "workspaces": ["apps/*"]}',
        "package-lock.json": "{}",
        "apps/api/package.json": '{"name": "api", "private": true, "scripts": {"start": "node server.js"}, "dependencies": {"express": "4"}}',
        "apps/api/server.js": "require('express')().listen(4000)\n",
    }
    made = texts(make(tmp_path, files, "dockerfile"))
    assert set(made) == {"apps/api/Dockerfile", "apps/api/Dockerfile.dockerignore"}, "the project has no say in it"
    lines = parsed(made["apps/api/Dockerfile"])
    assert value(lines, "WORKDIR") == "/app/apps/api" and value(lines, "EXPOSE") == "4000"
    compose = yaml.safe_load(texts(make(tmp_path, {}, "compose"))["compose.yaml"])
    assert compose["services"]["api"]["build"] == {"context": ".", "dockerfile": "apps/api/Dockerfile"}


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"Makefile": "run:\n\t./x\n", "main.c": "int main() {}\n"}, "not"),
        ({"package.json": '{"private": true, "scripts": {"start": "electron ."}, "dependencies": {"electron": "30"}}'}, "Electron"),
        ({"environment.yml": "dependencies:\n  - python=3.11\n  - flask\n", "app.py": "from flask import Flask\napp = Flask(__name__)\n"}, "conda"),
        ({"package.json": '{"private": true, "scripts": {"dev": "vite"}, "devDependencies": {"vite": "5", "react": "18"}}'}, "development server"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_left_out_and_said(files: dict[str, str], why: str, tmp_path: Path) -> None:
    made = make(tmp_path, files, "dockerfile")
    assert made.files == () and any(why in note for note in made.notes), made.notes


def test_a_library_gets_none(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n',
        "src/x/__init__.py": "",
    }
    assert make(tmp_path, files, "dockerfile") == dockerfile.Made()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("uv run uvicorn app:app --reload --port 9000", ["uvicorn", "app:app", "--port", "9000", "--host", "0.0.0.0"]),
        ("uvicorn app:app --host 127.0.0.1", ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8000"]),
        ("poetry run gunicorn shop.wsgi", ["gunicorn", "shop.wsgi", "--bind", "0.0.0.0:8000"]),
        ("gunicorn --bind=localhost:80 shop.wsgi", ["gunicorn", "--bind=0.0.0.0:8000", "shop.wsgi"]),
        ("python manage.py runserver", ["python", "manage.py", "runserver", "0.0.0.0:8000"]),
        ("fastapi dev main.py", ["fastapi", "run", "main.py", "--host", "0.0.0.0", "--port", "8000"]),
        ("bin/rails server", ["bin/rails", "server", "-b", "0.0.0.0"]),
        ("bundle exec rackup", ["bundle", "exec", "rackup", "-o", "0.0.0.0"]),
        ("node 'my server.js'", ["node", "my server.js"]),
        ("gunicorn -b :$PORT app:app", ["sh", "-c", "exec gunicorn -b :$PORT app:app"]),
        ("migrate && serve", ["sh", "-c", "migrate && serve"]),
        ("A=1 serve", ["sh", "-c", "A=1 serve"]),
        ("broken 'quote", ["sh", "-c", "broken 'quote"]),
    ],
)
def test_a_command_is_run_without_its_manager_and_where_others_reach_it(command: str, words: list[str]) -> None:
    assert argv(command) == words


def test_hostile_a_folder_cannot_write_instructions(tmp_path: Path) -> None:
    evil = "a b\nUSER root"
    files = {
        f"{evil}/requirements.txt": "flask\n",
        f"{evil}/app.py": "from flask import Flask\napp = Flask(__name__)\n",
    }
    made = make(tmp_path, files, "dockerfile")
    assert made.files == () and "folder's name" in made.notes[0]


def test_hostile_a_command_cannot_write_instructions(tmp_path: Path) -> None:
    files = {"Procfile": 'web: python -c "print(1)" \\" ]\n', "requirements.txt": "flask\n", "app.py": "x = 1\n"}
    for text in texts(make(tmp_path, files, "dockerfile")).values():
        if text.startswith("# syntax"):
            parsed(text)
