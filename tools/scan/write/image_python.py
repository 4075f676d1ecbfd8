"""Images of Python services: uv, Poetry, PDM, Pipenv and pip, all into one virtual environment."""

from __future__ import annotations

import re
import shlex

from ...fingerprint import Service
from .. import parse
from .base import Seen, command, port
from .image import HEAD, USER, Image, Place, apt, argv, cached, copy, ending, keys, place, probe
from .releases import release

IGNORE = (".venv", "venv", "**/__pycache__", "**/*.pyc", ".pytest_cache", ".mypy_cache", ".ruff_cache", "*.egg-info")
LIBRARIES = {
    "psycopg2": "libpq5",
    "psycopg": "libpq5",
    "mysqlclient": "libmariadb3",
}
"""Shared libraries that a client needs while it runs; the image that builds has them anyway."""
_LOCAL = re.compile(
    r"^[ \t]*(?:-e|--editable|file:|\.{1,2}/|[\w.-]+[ \t]*@[ \t]*file:)|^[ \t]*\.[ \t]*(?:\[|$)", re.MULTILINE
)
_SERVERS = ("flask", "runserver", "fastapi dev")


def python(service: Service, seen: Seen) -> Image | str:
    """The image, or why there is none."""
    managers = [fact.value for fact in service.managers]
    manager = next((name for name in managers if name in _INSTALL), "")
    start, why = _start(service, seen, manager)
    if not manager:
        return (
            "conda's environments are not written" if "conda" in managers else "no package manager of Python is known"
        )
    if not start:
        return why or "it is not known what starts it"
    where, version, listens = place(service, seen), release("python", service.runtimes), port(service)
    words = argv(start, listens)
    notes = [
        f"{service.root}: `{start}` is a development server; put a production server in its place before it goes public"
    ]
    return Image(
        (
            HEAD,
            f"FROM python:{version} AS build",
            "ENV PIP_DISABLE_PIP_VERSION_CHECK=1 VIRTUAL_ENV=/opt/venv",
            *_INSTALL[manager](service, seen, where),
            "",
            f"FROM python:{version}-slim",
            "ENV PYTHONUNBUFFERED=1 VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH",
            *apt(*sorted({LIBRARIES[key] for key in keys(service) if key in LIBRARIES})),
            USER,
            f"WORKDIR {where.workdir}",
            "COPY --from=build /opt/venv /opt/venv",
            "COPY --from=build --chown=app:app /app /app",
            *ending("app", listens, words),
        ),
        where.context,
        listens,
        probe("python", listens),
        IGNORE,
        tuple(notes) if any(name in start for name in _SERVERS) else (),
    )


def _start(service: Service, seen: Seen, manager: str) -> tuple[str, str]:
    """What starts it without the package manager, and why that is not known. A manager's own scripts are no programs."""
    start = command(service, "start")
    found = re.fullmatch(r"(pdm|pipenv) run ([\w:.-]+)(.*)", start)
    if found:
        script = _script(seen, service.root, found[1], found[2])
        if script is not None:
            return (script + found[3], "") if script else ("", f"its script {found[2]} is made of several")
    if re.search(r"\bmanage\.py runserver\b", start) and _asked(service, seen, "gunicorn"):
        settings = re.search(
            r"DJANGO_SETTINGS_MODULE[\"'],\s{0,20}[\"'](\w{1,60})\.", seen.text(service.root, "manage.py")
        )
        return (f"gunicorn {settings[1]}.wsgi", "") if settings else (start, "")
    return start, ""


def _script(seen: Seen, root: str, manager: str, name: str) -> str | None:
    """A script of PDM or Pipenv as a command; empty when it is none, None when there is no such script."""
    file, keys = ("pyproject.toml", ("tool", "pdm", "scripts")) if manager == "pdm" else ("Pipfile", ("scripts",))
    try:
        scripts = parse.table(parse.toml(seen.text(root, file)), *keys)
    except parse.Broken:
        return None
    value = scripts.get(name)
    if value is None:
        return None
    return (
        parse.string(value)
        or parse.string(parse.table(value).get("cmd"))
        or parse.string(parse.table(value).get("shell"))
    )


def _asked(service: Service, seen: Seen, package: str) -> bool:
    """Whether a manifest of the service asks for a package."""
    word = re.compile(rf"^[ \t\"']*{package}\b", re.MULTILINE)
    return any(word.search(seen.texts.get(path, "")) for path in service.manifests)


def _uv(service: Service, seen: Seen, where: Place) -> list[str]:
    locked = any(lock.endswith("uv.lock") for lock in service.lockfiles)
    sync = f"uv sync{' --locked' if locked else ''} --no-dev"
    cache = "/root/.cache/uv"
    member = "" if where.alone else f" --package {shlex.quote(service.name)}"
    early = where.alone and locked
    return [
        "COPY --from=ghcr.io/astral-sh/uv:0.9 /uv /bin/",
        "ENV UV_PROJECT_ENVIRONMENT=/opt/venv UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never",
        "WORKDIR /app",
        *([copy("pyproject.toml", "uv.lock"), *cached(f"{sync} --no-install-project", cache)] if early else []),
        "COPY . .",
        *cached(sync + member, cache),
    ]


def _poetry(service: Service, seen: Seen, where: Place) -> list[str]:
    packaged = "build" in service.commands  # only then there is something of its own to install
    names = ["pyproject.toml", *_locks(service, "poetry.lock")]
    return [
        'RUN pip install "poetry==2.*" && python -m venv /opt/venv',
        "ENV PATH=/opt/venv/bin:$PATH",
        f"WORKDIR {where.workdir}",
        *(
            [copy(*names), *cached("poetry install --only main --no-root", "/root/.cache/pypoetry")]
            if where.alone
            else []
        ),
        "COPY . /app",
        *(cached("poetry install --only main", "/root/.cache/pypoetry") if packaged or not where.alone else []),
    ]


def _pdm(service: Service, seen: Seen, where: Place) -> list[str]:
    names = ["pyproject.toml", *_locks(service, "pdm.lock")]
    return [
        'RUN pip install "pdm==2.*" && python -m venv /opt/venv',
        "ENV PATH=/opt/venv/bin:$PATH PDM_CHECK_UPDATE=false",
        f"WORKDIR {where.workdir}",
        *([copy(*names)] if where.alone else ["COPY . /app"]),
        *cached("pdm install --prod --no-self --no-editable", "/root/.cache/pdm"),
        *(["COPY . ."] if where.alone else []),
    ]


def _pipenv(service: Service, seen: Seen, where: Place) -> list[str]:
    locks = _locks(service, "Pipfile.lock")
    return [
        "RUN pip install pipenv && python -m venv /opt/venv",
        "ENV PATH=/opt/venv/bin:$PATH",
        f"WORKDIR {where.workdir}",
        *([copy("Pipfile", *locks)] if where.alone else ["COPY . /app"]),
        *cached("pipenv install --deploy" if locks else "pipenv install", "/root/.cache/pipenv", "/root/.cache/pip"),
        *(["COPY . ."] if where.alone else []),
    ]


def _pip(service: Service, seen: Seen, where: Place) -> list[str]:
    install = command(service, "install")
    named = re.fullmatch(r"pip install -r ([\w./-]+)", install)
    inner = [path.removeprefix(f"{service.root}/") for path in service.manifests]
    if live := [path for path in inner if re.search(r"(?:^|[/_-])prod(?:uction)?\.txt$", path)]:
        named = re.fullmatch(r"(.*)", live[0])  # not what it is developed with
    lines = ["RUN python -m venv /opt/venv", "ENV PATH=/opt/venv/bin:$PATH", f"WORKDIR {where.workdir}"]
    if not named and where.alone and _unpackaged(service, seen):
        return [
            "RUN pip install uv && python -m venv /opt/venv",
            *lines[1:],
            copy("pyproject.toml"),
            *cached("uv pip install -r pyproject.toml", "/root/.cache/uv"),
            "COPY . .",
        ]
    if not named:
        return [*lines, "COPY . /app", *cached("pip install .", "/root/.cache/pip")]
    folder, _, name = named[1].rpartition("/")
    texts = [text for path, text in seen.texts.items() if path.endswith(".txt")]
    early = where.alone and not any(_LOCAL.search(text) for text in texts)
    # Other requirements files are often included by this one.
    copied = f"COPY {folder}/ {folder}/" if folder else "COPY *.txt ./" if name.endswith(".txt") else copy(name)
    step = cached(f"pip install -r {named[1]}", "/root/.cache/pip")
    return [*lines, *([copied, *step, "COPY . ."] if early else ["COPY . /app", *step])]


def _unpackaged(service: Service, seen: Seen) -> bool:
    """Whether a pyproject.toml only names what is needed: without a build system its folders make no package."""
    if seen.text(service.root, "setup.py") or seen.text(service.root, "setup.cfg"):
        return False
    try:
        found = parse.toml(seen.text(service.root, "pyproject.toml"))
    except parse.Broken:
        return False
    return "project" in found and "build-system" not in found


def _locks(service: Service, name: str) -> list[str]:
    return [name] if any(lock.rpartition("/")[2] == name for lock in service.lockfiles) else []


_INSTALL = {"uv": _uv, "poetry": _poetry, "pdm": _pdm, "pipenv": _pipenv, "pip": _pip}
"""The steps of the first stage by package manager: everything installed in /opt/venv, and the source in /app."""
