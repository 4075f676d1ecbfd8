"""What starts a Python project: its own tasks, the applications that its source makes, its commands, its scripts, its tests."""

from __future__ import annotations

import re

from ..draft import Draft, words
from ..parse import table
from ..requirements import normal
from .python_known import COMMAND_LINE, FRAMEWORKS
from .python_manifests import Found
from .python_sources import WEB, Sources
from .python_web import Started, django, pages, web
from .python_workers import workers

_PURPOSES = {
    "start": ("start", "serve", "server", "run", "runserver"),
    "dev": ("dev", "develop"),
    "build": ("build",),
    "test": ("test", "tests"),
    "worker": ("worker",),
}
_BOUND = re.compile(r"^web:[^\n]{1,200}?(?:-b|--bind|-p|--port)[= ][^\s$]{0,60}?\d{4,5}\b", re.MULTILINE)
"""A Procfile that says at which port the application listens."""
_MAINS = ("main.py", "app.py", "server.py", "run.py", "bot.py", "__main__.py")

_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]{1,200}|[^/]{1,200}_test|tests?)\.py$")
_RUNNERS = ("runtests.py", "run_tests.py", "run-tests.py", "runtests.sh", "run_tests.sh", "run-tests.sh", "test.sh", "tests/run.py", "tests/runtests.py", "tests/run.sh")  # fmt: skip
"""Scripts that run tests which pytest would not find by their names."""


def apps(draft: Draft, found: Found, sources: Sources, run: str) -> None:
    """Add commands and ports; `run` goes in front of what an environment has, e.g. `uv run `."""
    own = normal(found.name)
    served = _tasks(draft, found, run)
    starts: list[Started] = []
    if own not in (*WEB, "django", "streamlit", "gradio"):
        starts = [*django(draft, found, sources), *web(draft, found, sources), *pages(draft, found, sources)]
    for index, start in enumerate(starts):
        _start(draft, start, run, main=index == 0, served=served)
    if not starts and not served:
        _declared_port(draft, found)
    workers(draft, found, sources, run)
    _commands(draft, found, sources, run)
    _scripts(draft, found, sources, run)
    _sites(draft, found, run)
    if draft.frameworks and not draft.manifests and not _above(draft):
        fact = next(iter(draft.frameworks.values()))
        what = f"this uses {fact.value}, but no manifest says which packages it needs"
        draft.finding(what, fact.evidence[0].path, rule="undeclared")
    _tests(draft, found, run)


def _above(draft: Draft) -> bool:
    """Whether a folder above has a manifest: a part of a project needs none of its own."""
    parts = draft.root.split("/")
    names = ("pyproject.toml", "requirements.txt", "setup.py", "Pipfile")
    folders = ["/".join(parts[:depth]) for depth in range(len(parts))] if draft.root != "." else []
    return any(f"{folder}/{name}".lstrip("/") in draft.tree.files for folder in folders for name in names)


def _tasks(draft: Draft, found: Found, run: str) -> bool:
    """Add the commands that the manifests keep; whether they say at which port it listens."""
    told = False
    for path, key, command, does in found.tasks:
        name = command.rpartition(" ")[2]
        for purpose, names in _PURPOSES.items():
            if name not in names:
                continue
            runner = "" if command.startswith(("pdm ", "hatch ", "pipenv ")) else run
            draft.command(purpose, f"{runner}{words(*command.split())}", path, key, 0.94 if name == purpose else 0.935)
            if command.startswith("hatch "):
                draft.tool("hatch", path, key)
            port = re.search(r"(?:--port|--server\.port|-p|runserver|:)[= ]?(\d{4,5})\b", does)
            if port and purpose in ("start", "dev"):
                draft.port(int(port[1]), path, key, 0.9)
                told = True
    return told or bool(_BOUND.search(draft.text("Procfile")))


def _start(draft: Draft, start: Started, run: str, *, main: bool, served: bool) -> None:
    """Add one application: the first is the service, a further one only a page beside it."""
    draft.framework(start.name, start.path, start.key, 0.95)
    if main:
        draft.role(start.role, start.sure)
    purpose = "start" if main else "ui"
    if start.command:
        draft.command(purpose, run + start.command, start.path, start.key, 0.92)
    for kind, command in start.others.items() if main else ():
        draft.command(kind, run + command, start.path, start.key, 0.75)
    for port, path, key, sure in start.ports:
        if not (served and key.startswith("the default")):
            draft.port(port, path, key, sure)


def _declared_port(draft: Draft, found: Found) -> None:
    """Where the likeliest framework listens by itself, when the source does not show how it is started."""
    known = [(at, FRAMEWORKS[wanted.name]) for at, wanted in found.requires if wanted.name in FRAMEWORKS]
    known = [(at, one) for at, one in known if one.port and one.role in ("backend", "frontend") and draft.private]
    known = [(at, one) for at, one in known if one.name in draft.frameworks]
    if known:
        at, likeliest = max(known, key=lambda pair: pair[1].confidence)
        draft.port(likeliest.port, at, f"the default of {likeliest.name}", 0.4)


def _commands(draft: Draft, found: Found, sources: Sources, run: str) -> None:
    """Commands that an installed package has: what it offers, or what starts it when it is for nobody else."""
    if not found.scripts or not found.buildable:
        written = {hit.value for hit in sources.by_rule["command-line"]}
        for at, wanted in found.requires if draft.private and draft.best_role not in ("backend", "frontend") else ():
            if wanted.name in written:
                draft.framework(COMMAND_LINE[wanted.name], at, wanted.name, 0.7)
        return
    own = normal(found.name)
    path, key, script = next((triple for triple in found.scripts if normal(triple[2]) == own), found.scripts[0])
    if draft.private:
        draft.command("start", run + words(script), path, f"{key}.{script}", 0.6)
        draft.role("job", 0.4)
        return
    draft.command("cli", words(script), path, f"{key}.{script}", 0.9)
    tools = [(at, wanted.name) for at, wanted in found.requires if wanted.name in COMMAND_LINE]
    library = any("Software Development :: Libraries" in trait or "Framework ::" in trait for trait in found.traits)
    typed = any(path.endswith("/py.typed") for path in draft.files)
    console = "Environment :: Console" in found.traits
    serves = any(name in FRAMEWORKS and FRAMEWORKS[name].role == "backend" for name in found.names)
    if (console or (tools and not typed)) and not library and not serves and own not in FRAMEWORKS:
        draft.role("job", 0.65)
        for at, name in tools:
            draft.framework(COMMAND_LINE[name], at, name, 0.7)


def _scripts(draft: Draft, found: Found, sources: Sources, run: str) -> None:
    """A program without a framework: its main, or the only script that there is."""
    mains = [path for path in draft.named(*_MAINS) if _near(draft.inner(path)) and not sources.odd(path)]
    guards = [hit.path for hit in sources.by_rule["guard"] if "/" not in draft.inner(hit.path)]
    if not draft.private:
        return
    for path in mains or (guards if len(set(guards)) == 1 else []):
        # What manage.py does depends on what it is told.
        if draft.inner(path) not in ("manage.py", "setup.py") and (command := sources.script(path)):
            draft.command("start", run + command, path, "", 0.4)
    python = any(fact.value in ("Python", "Jupyter") for fact in draft.languages[:2])
    if mains or guards or (python and not draft.settled):
        draft.role("job", 0.3)


def _near(inner: str) -> bool:
    """Whether a file lies where a program's main lies: on top, in the package, or in the package below `src`."""
    depth = inner.removeprefix("src/").count("/")
    return depth == 0 or (depth == 1 and inner.endswith(("/main.py", "/app.py", "/server.py", "/__main__.py")))


def _sites(draft: Draft, found: Found, run: str) -> None:
    """Documentation sites and notebooks, where there is nothing else."""
    if "MkDocs" in draft.frameworks and draft.has("mkdocs.yml") and draft.best_role in ("static", "job"):
        draft.role("static", 0.9)
        draft.command("start", f"{run}mkdocs serve", "mkdocs.yml", "", 0.9)
        draft.command("build", f"{run}mkdocs build", "mkdocs.yml", "", 0.9)
        draft.port(8000, "mkdocs.yml", "the default of MkDocs", 0.7)
    if "dbt" in draft.frameworks and draft.has("dbt_project.yml"):
        draft.command("start", f"{run}dbt run", "dbt_project.yml", "", 0.8)
        draft.command("test", f"{run}dbt test", "dbt_project.yml", "", 0.85)
    notebooks = sorted((path for path in draft.files if path.endswith(".ipynb")), key=lambda path: (path.count("/"), path))  # fmt: skip
    if notebooks and "Jupyter" in draft.frameworks and draft.best_role == "job":
        lab = found.names & {"jupyterlab", "jupyter"}
        draft.command("start", f"{run}jupyter {'lab' if lab else 'notebook'}", notebooks[0], "", 0.7)
        draft.port(8888, notebooks[0], "the default of Jupyter", 0.6)


def _tests(draft: Draft, found: Found, run: str) -> None:
    if table(found.content, "tool", "hatch", "envs", "hatch-test"):
        draft.command("test", "hatch test", "pyproject.toml", "tool.hatch.envs.hatch-test", 0.92)
        draft.tool("hatch", "pyproject.toml", "tool.hatch.envs.hatch-test")
    pytest = [(at, wanted) for at, wanted in (*found.extra, *found.requires) if wanted.name.startswith("pytest")]
    marks = [name for name in ("pytest.ini", "conftest.py", "tests/conftest.py") if draft.has(name)]
    told = table(found.content, "tool", "pytest") or "[tool:pytest]" in draft.text("setup.cfg")
    tried = marks or told or any(_TEST_FILE.search(path) for path in draft.files)
    at, key = (pytest[0][0], pytest[0][1].name) if pytest else ((marks or [""])[0], "")
    if at and (tried or not (_others(draft, found, run) or _own_runner(draft, run))):
        draft.command("test", f"{run}pytest", at, key, 0.9)
    elif not at:
        _others(draft, found, run)


def _own_runner(draft: Draft, run: str) -> bool:
    """Add the project's own script that runs its tests, if there is one."""
    for name in _RUNNERS:
        if draft.has(name):
            typed = f"{run}python {name}" if name.endswith(".py") else f"sh {name}"
            draft.command("test", typed, name, "", 0.8)
            return True
    return False


def _others(draft: Draft, found: Found, run: str) -> bool:
    """What runs the tests where pytest does not, if anything is said to."""
    for name, path in (("tox", "tox.ini"), ("nox", "noxfile.py"), ("tox", "pyproject.toml")):
        if not draft.has(path) or (path == "pyproject.toml" and not table(found.content, "tool", "tox")):
            continue
        if name in found.all_names:
            draft.command("test", run + name, path, "", 0.8)
        else:
            draft.command("test", f"uvx {name}" if run == "uv run " else name, path, "", 0.8)
        return True
    suite = re.search(r"^[ \t]*test_suite[ \t]*=[ \t]*[\"'][\w.]{1,80}[\"']", draft.text("setup.py"), re.MULTILINE)
    if suite and any(draft.inner(path).startswith("tests/") for path in draft.files):
        # What ran it, `setup.py test`, is gone from setuptools.
        draft.command("test", f"{run}python -m unittest discover", "setup.py", "test_suite", 0.5)
        return True
    return False
