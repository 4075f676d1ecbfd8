"""Python: pyproject, requirements, setup.*, Pipfile, conda; uv, Poetry, PDM, Pipenv, pip; the web frameworks people use."""

from __future__ import annotations

import re

from ..draft import Declared, Draft
from ..parse import Broken, locked, string, strings, table
from ..requirements import Requirement, from_file, from_poetry, from_setup_cfg, from_setup_py, normal, requirement
from ..text import safe
from .base import Detector, Known
from .python_apps import PATTERNS, Found, apps

FRAMEWORKS = {
    "flask": Known("Flask", "backend", 5000),
    "django": Known("Django", "backend", 8000),
    "fastapi": Known("FastAPI", "backend", 8000),
    "starlette": Known("Starlette", "backend", 8000, 0.7),
    "litestar": Known("Litestar", "backend", 8000),
    "sanic": Known("Sanic", "backend", 8000),
    "quart": Known("Quart", "backend", 5000),
    "tornado": Known("Tornado", "backend", 0, 0.5),
    "bottle": Known("Bottle", "backend", 8080),
    "falcon": Known("Falcon", "backend"),
    "pyramid": Known("Pyramid", "backend", 6543),
    "streamlit": Known("Streamlit", "frontend", 8501),
    "gradio": Known("Gradio", "frontend", 7860),
    "dash": Known("Dash", "frontend", 8050),
    "celery": Known("Celery", "worker", 0, 0.6),
    "rq": Known("RQ", "worker", 0, 0.5),
    "dramatiq": Known("Dramatiq", "worker", 0, 0.6),
    "huey": Known("Huey", "worker", 0, 0.5),
    "djangorestframework": Known("Django REST framework"),
    "apache-airflow": Known("Airflow", "job", 8080),
    "scrapy": Known("Scrapy", "job"),
}

CLIENTS = {
    "postgresql": "psycopg psycopg2 psycopg2-binary psycopg-binary asyncpg pg8000 aiopg",
    "mysql": "mysqlclient pymysql aiomysql asyncmy mysql-connector-python",
    "redis": "redis aioredis hiredis django-redis",
    "mongodb": "pymongo motor mongoengine beanie",
    "rabbitmq": "pika aio-pika",
    "kafka": "kafka-python confluent-kafka aiokafka",
    "elasticsearch": "elasticsearch elasticsearch-dsl",
    "memcached": "pymemcache python-memcached pylibmc",
    "sqlite": "aiosqlite",
    "cassandra": "cassandra-driver",
    "clickhouse": "clickhouse-driver clickhouse-connect",
    "neo4j": "neo4j",
}
_CLIENT = {package: database for database, packages in CLIENTS.items() for package in packages.split()}

LOCKS = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "Pipfile.lock": "pipenv", "pylock.toml": "pip"}
_ONLY_BUILDS = frozenset({"build", "version", "publish", "build-backend"})
"""Keys of a tool's table that configure how a package is built, not how the project is installed."""
_PINS = ("requirements.lock", "requirements-lock.txt")
"""Requirements files that a tool made of the manifest."""
INSTALL = {"uv": "uv sync", "poetry": "poetry install", "pdm": "pdm install", "pipenv": "pipenv install --dev"}
RUN = {"uv": "uv run ", "poetry": "poetry run ", "pdm": "pdm run ", "pipenv": "pipenv run "}
REQUIREMENTS = (
    "requirements.txt",
    "requirements/base.txt",
    "requirements/prod.txt",
    "requirements/production.txt",
    "requirements/default.txt",
)


def detect(draft: Draft) -> None:
    """Add what Python's files say."""
    found = Found()
    _pyproject(draft, found)
    _legacy(draft, found)
    _requirements(draft, found)
    draft.name = draft.name or found.name
    draft.private = draft.private and not found.buildable
    manager = _manager(draft, found)
    _versions(draft)
    _declare(draft, found)
    _frameworks(draft, found)
    apps(draft, found, RUN.get(manager, ""))


def _pyproject(draft: Draft, found: Found) -> None:
    if not draft.has("pyproject.toml"):
        return
    draft.manifest("pyproject.toml")
    content = draft.toml("pyproject.toml")
    project, poetry = table(content, "project"), table(content, "tool", "poetry")
    found.name = string(project.get("name")) or string(poetry.get("name"))
    found.buildable = (
        bool(table(content, "build-system")) and bool(found.name) and poetry.get("package-mode") is not False
    )
    if python := string(project.get("requires-python")):
        draft.runtime("python", python, "pyproject.toml", "project.requires-python")
    for line in strings(project.get("dependencies")):
        if (parsed := requirement(line)) is not None:
            found.requires.append(("pyproject.toml", parsed))
    for group in [*table(content, "dependency-groups").values(), *table(project, "optional-dependencies").values()]:
        found.extra += [("pyproject.toml", r) for line in strings(group) if (r := requirement(line)) is not None]
    dynamic = table(content, "tool", "setuptools", "dynamic", "dependencies").get("file")
    for file in [dynamic] if isinstance(dynamic, str) else strings(dynamic):
        got = from_file(draft.at(file), lambda path: draft.tree.texts.get(path, ""))
        found.requires += [(draft.inner(at), parsed) for at, parsed in got]
    if poetry:
        if python := string(table(poetry, "dependencies").get("python")):
            draft.runtime("python", python, "pyproject.toml", "tool.poetry.dependencies.python")
        found.requires += [("pyproject.toml", r) for r in from_poetry(table(poetry, "dependencies"))]
        groups = [table(poetry, "dev-dependencies")]
        groups += [table(poetry, "group", name, "dependencies") for name in table(poetry, "group")]
        found.extra += [("pyproject.toml", r) for group in groups for r in from_poetry(group)]
    scripts = [*table(project, "scripts"), *table(poetry, "scripts")]
    found.scripts += [(name, "project.scripts") for name in scripts]
    if table(content, "tool", "pytest"):
        found.extra.append(("pyproject.toml", Requirement("pytest")))
    draft.members += [draft.at(glob) for glob in strings(table(content, "tool", "uv", "workspace").get("members"))]


def _legacy(draft: Draft, found: Found) -> None:
    readers = {"setup.cfg": from_setup_cfg, "setup.py": from_setup_py}
    for name, reader in readers.items():
        if not draft.has(name):
            continue
        try:
            legacy = reader(draft.text(name))
        except Broken as error:
            draft.finding(f"{safe(draft.at(name))} could not be read: {error}", name, rule="unreadable")
            continue
        if legacy.computed:
            what = f"{safe(draft.at(name))} computes what it requires, and nothing is run to find out"
            draft.finding(what, name, "install_requires", "computed")
        if name == "setup.cfg" and not (legacy.name or legacy.requires):
            continue
        draft.manifest(name)
        found.name = found.name or legacy.name
        found.buildable = found.buildable or bool(legacy.name) or name == "setup.py"
        if legacy.python:
            draft.runtime("python", legacy.python, name, "python_requires")
        found.requires += [(name, r) for line in legacy.requires if (r := requirement(line)) is not None]
        found.scripts += [(script, "console_scripts") for script in legacy.scripts]
    if draft.has("Pipfile"):
        draft.manifest("Pipfile")
        pipfile = draft.toml("Pipfile")
        if python := string(table(pipfile, "requires").get("python_version")):
            draft.runtime("python", python, "Pipfile", "requires.python_version")
        found.requires += [("Pipfile", r) for r in from_poetry(table(pipfile, "packages"))]
        found.extra += [("Pipfile", r) for r in from_poetry(table(pipfile, "dev-packages"))]
    for name in ("environment.yml", "environment.yaml"):
        if draft.has(name) and (conda := draft.yaml(name)):
            draft.manifest(name)
            draft.manager("conda", name, "dependencies")
            draft.command("install", f"conda env create -f {name}", name)
            for line in strings(conda.get("dependencies")):
                if version := re.match(r"python\s*=*\s*([\d.]+)", line):
                    draft.runtime("python", version[1], name, "dependencies.python")


def _requirements(draft: Draft, found: Found) -> None:
    prefix = draft.tree.inside(draft.root)
    for name in REQUIREMENTS:
        if draft.has(name):
            draft.manifest(name)
            for path, parsed in from_file(prefix + name, lambda path: draft.tree.texts.get(path, "")):
                found.requires.append((draft.inner(path), parsed))
            break
    for path in draft.files:
        inner = draft.inner(path)
        if re.fullmatch(
            r"(requirements[-_]?(dev|test|tests|testing)|dev-requirements|requirements/(dev|test|tests))\.txt", inner
        ):
            draft.manifest(inner)
            got = from_file(path, lambda path: draft.tree.texts.get(path, ""))
            found.extra += [(draft.inner(at), parsed) for at, parsed in got]


def _manager(draft: Draft, found: Found) -> str:
    locks = [(name, manager) for name, manager in LOCKS.items() if draft.has(name)]
    for name, manager in locks:
        draft.lockfile(name)
        draft.manager(manager, name)
    if len(locks) > 1:
        names = " and ".join(name for name, _ in locks)
        draft.finding(
            f"{names} are both there: two package managers lock this project", locks[1][0], rule="two-lockfiles"
        )
    content = draft.toml("pyproject.toml")
    for name in ("uv", "poetry", "pdm"):
        if set(table(content, "tool", name)) - _ONLY_BUILDS:
            draft.manager(name, "pyproject.toml", f"tool.{name}", 0.9)
    if draft.has("Pipfile"):
        draft.manager("pipenv", "Pipfile", "", 0.95)
    first = next((name for name in REQUIREMENTS if draft.has(name)), "")
    source = first or next((n for n in ("pyproject.toml", "setup.py", "setup.cfg") if draft.has(n)), "")
    if not any(name in draft.managers for name in (*INSTALL, "conda")) and source:
        draft.manager("pip", source, "", 0.7)
    manager = max(
        (m for m in draft.managers.values() if m.value in (*INSTALL, "pip")), key=lambda m: m.confidence, default=None
    )
    name = manager.value if manager else ""
    if name in INSTALL:
        draft.command("install", INSTALL[name], locks[0][0] if locks else source or "Pipfile", "", 0.95)
    elif first:
        draft.command("install", f"pip install -r {first}", first, "", 0.9)
    elif found.buildable:
        draft.command("install", "pip install -e .", source, "", 0.8)
    if found.buildable:
        builds = {"uv": "uv build", "poetry": "poetry build", "pdm": "pdm build"}
        built = next(n for n in ("pyproject.toml", "setup.py", "setup.cfg") if draft.has(n))
        draft.command("build", builds.get(name, "python -m build"), built, "build-system", 0.8)
    return name


def _versions(draft: Draft) -> None:
    if draft.has("runtime.txt") and (found := re.match(r"python-(\d[\d.]*)", draft.text("runtime.txt"))):
        draft.runtime("python", found[1], "runtime.txt")
    if not any(wanted.name == "python" for wanted in draft.runtimes):
        source = (
            draft.inner(draft.manifests[0])
            if draft.manifests
            else next(iter(draft.named("manage.py", "app.py", "main.py")), "")
        )
        draft.runtime("python", "", source)


def _declare(draft: Draft, found: Found) -> None:
    own = normal(found.name)
    for path, wanted in found.requires:
        draft.declared.append(Declared("pip", wanted.name, wanted.spec, draft.at(path)))
    names = {wanted.name for _, wanted in found.requires}
    for path, wanted in found.extra:
        if wanted.name not in names and wanted.name != own:
            draft.declared.append(Declared("pip", wanted.name, wanted.spec, draft.at(path), extra=True))
    for name in _PINS:
        if draft.has(name):
            draft.lockfile(name)
            for at, pinned in from_file(draft.at(name), lambda path: draft.tree.texts.get(path, "")):
                if pinned.spec.startswith("=="):
                    draft.declared.append(Declared("pip", pinned.name, pinned.spec, at, exact=True))
    for name in ("uv.lock", "poetry.lock", "pdm.lock"):
        for package, versions in locked(draft.text(name)).items():
            if len(versions) == 1 and normal(package) != own:
                version = next(iter(versions))
                draft.declared.append(Declared("pip", normal(package), f"=={version}", draft.at(name), exact=True))


def _frameworks(draft: Draft, found: Found) -> None:
    own = normal(found.name)
    for path, wanted in found.requires:
        known = FRAMEWORKS.get(wanted.name)
        if known and wanted.name != own:
            draft.framework(known.name, path, wanted.name, known.confidence)
            # A published package that depends on a framework extends it more often than it is an application of it.
            if known.role:
                draft.role(known.role, known.confidence * (1.0 if draft.private else 0.4))
            if known.port and draft.private:
                draft.port(known.port, path, f"the default of {known.name}", 0.6)
        if wanted.name in _CLIENT:
            draft.database(_CLIENT[wanted.name], path, wanted.name)
        elif wanted.name == "celery" and "redis" in wanted.extras:
            draft.database("redis", path, "celery[redis]")
    if not draft.private:
        draft.role("library", 0.6)
    else:
        for hit in draft.hits("django-database"):
            name = {"sqlite3": "sqlite"}.get(hit.value, hit.value)
            draft.database(name, hit.path, f"line {hit.line}", 0.8)
    for hit in draft.hits("port") if draft.private else ():
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.8)


DETECTOR = Detector(
    name="python",
    manifests=(
        "pyproject.toml",
        "requirements.txt",
        "setup.py",
        "setup.cfg",
        "Pipfile",
        "environment.yml",
        "environment.yaml",
    ),
    detect=detect,
    reads=(
        "*requirements*.txt",
        "base.txt",
        "default.txt",
        "prod.txt",
        "production.txt",
        "dev.txt",
        "test.txt",
        "tests.txt",
        "common.txt",
        "runtime.txt",
    ),
    lockfiles=(*LOCKS, *_PINS),
    languages=("Python",),
    patterns={".py": PATTERNS},
)
