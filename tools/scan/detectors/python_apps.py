"""What starts a Python project: the applications that its source makes, its scripts and its tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..draft import Draft, words
from ..requirements import Requirement, normal

PATTERNS = (
    ("env", "os.environ", r"\bos\.environ(?:\.get\(|\[|\.pop\()\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("env", "getenv", r"getenv\(\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("env", "env", r"\benv(?:\.\w{1,12})?\(\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("flask", "Flask(", r"^(\w{1,60})\s*(?::\s*\w{1,40}\s*)?=\s*(?:flask\.)?Flask\("),
    ("flask-factory", "_app(", r"^def ((?:create|make)_app)\("),
    ("fastapi", "FastAPI(", r"^(\w{1,60})\s*(?::\s*\w{1,40}\s*)?=\s*(?:fastapi\.)?FastAPI\("),
    ("asgi", "Starlette(", r"^(\w{1,60})\s*=\s*Starlette\("),
    ("asgi", "Litestar(", r"^(\w{1,60})\s*=\s*Litestar\("),
    ("asgi", "Sanic(", r"^(\w{1,60})\s*=\s*Sanic\("),
    ("celery", "Celery(", r"^(\w{1,60})\s*=\s*(?:celery\.)?Celery\("),
    ("streamlit", "streamlit", r"^(?:import|from) (streamlit)\b"),
    ("django-database", "django.db.backends", r"django\.db\.backends\.(postgresql|mysql|sqlite3|oracle)"),
    ("port", ".run(", r"\.run\([^)\n]{0,80}port\s*=\s*(\d{2,5})"),
)


@dataclass
class Found:
    """What the manifests say, gathered before anything is concluded."""

    name: str = ""
    requires: list[tuple[str, Requirement]] = field(default_factory=list[tuple[str, Requirement]])
    """(manifest, requirement), direct and needed to run."""
    extra: list[tuple[str, Requirement]] = field(default_factory=list[tuple[str, Requirement]])
    scripts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    buildable: bool = False


def apps(draft: Draft, found: Found, run: str) -> None:
    """Add start, dev and test commands; `run` goes in front of each, e.g. `uv run `."""
    own = normal(found.name)
    if own != "django" and (manage := draft.named("manage.py")):
        path = words(draft.inner(manage[0]))
        draft.framework("Django", manage[0], "", 0.9)
        draft.role("backend", 0.95)
        draft.command("start", f"{run}python {path} runserver", manage[0], "", 0.95)
        draft.command("test", f"{run}python {path} test", manage[0], "", 0.7)
        draft.port(8000, manage[0], "the default of Django", 0.6)
    names = {wanted.name for _, wanted in found.requires}
    for rule, package in (("flask", "flask"), ("fastapi", "fastapi"), ("asgi", "")):
        hits = sorted(draft.hits(rule), key=lambda hit: (hit.path.count("/"), hit.path))
        if rule == "flask" and not hits and "flask" in names:
            hits = sorted(draft.hits("flask-factory"), key=lambda hit: hit.path.count("/"))
        if hits and own not in ("flask", "fastapi", "starlette"):
            _web(draft, rule, hits[0].path, hits[0].value, run, "fastapi" if package == "fastapi" else "")
    if (hits := draft.hits("streamlit")) and own != "streamlit":
        chosen = min(hits, key=lambda hit: (hit.path.count("/"), "app" not in hit.path, hit.path))
        command = f"{run}streamlit run {words(draft.inner(chosen.path))}"
        draft.command("start", command, chosen.path, f"line {chosen.line}", 0.9 if "streamlit" in names else 0.5)
    if (hits := draft.hits("celery")) and own != "celery":
        command = f"{run}celery -A {words(_module(draft.inner(hits[0].path)))} worker"
        if "start" in draft.commands:
            draft.command("worker", command, hits[0].path, f"line {hits[0].line}", 0.85)
        else:
            draft.command("start", command, hits[0].path, f"line {hits[0].line}", 0.85)
            draft.role("worker", 0.85)
    if found.scripts:
        # A package's own command is what it offers; it starts nothing that keeps running, unless nothing else is known to.
        script, key = next((pair for pair in found.scripts if normal(pair[0]) == own), found.scripts[0])
        where = draft.inner(draft.manifests[0])
        if draft.private:
            draft.command("start", run + words(script), where, f"{key}.{script}", 0.6)
        else:
            draft.command("cli", words(script), where, f"{key}.{script}", 0.9)
    mains = [
        p
        for p in draft.named("main.py", "app.py", "server.py", "run.py", "__main__.py")
        if p.count("/") - draft.root.count("/") < 3
    ]
    for path in mains if draft.private else ():
        inner = draft.inner(path)
        module = inner.removesuffix("/__main__.py").removeprefix("src/").replace("/", ".")
        command = f"python -m {words(module)}" if inner.endswith("/__main__.py") else f"python {words(inner)}"
        draft.command("start", run + command, path, "", 0.4)
        draft.role("job", 0.3)
    if draft.frameworks and not draft.manifests:
        fact = next(iter(draft.frameworks.values()))
        draft.finding(
            f"this uses {fact.value}, but no manifest says which packages it needs",
            fact.evidence[0].path,
            rule="undeclared",
        )
    tested = [at for at, wanted in [*found.extra, *found.requires] if wanted.name == "pytest"]
    marks = [name for name in ("pytest.ini", "conftest.py", "tests/conftest.py") if draft.has(name)]
    if tested or marks:
        draft.command("test", f"{run}pytest", (tested or marks)[0], "pytest" if tested else "", 0.9)
    elif draft.has("tox.ini"):
        draft.command("test", "tox", "tox.ini", "", 0.8)


def _web(draft: Draft, rule: str, path: str, name: str, run: str, fastapi: str) -> None:
    inner = draft.inner(path)
    module = words(_module(inner))
    draft.role("backend", 0.95)
    if rule == "flask":
        draft.framework("Flask", path, name, 0.95)
        plain = inner in ("app.py", "wsgi.py")
        draft.command("start", f"{run}flask run" if plain else f"{run}flask --app {module} run", path, name, 0.9)
        draft.port(5000, path, "the default of Flask", 0.6)
        return
    draft.command("start", f"{run}uvicorn {module}:{words(name)}", path, name, 0.9)
    draft.port(8000, path, "the default of uvicorn", 0.6)
    if fastapi:
        draft.framework("FastAPI", path, name, 0.95)
        draft.command("dev", f"{run}fastapi dev {words(inner)}", path, name, 0.7)


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").removeprefix("src/").replace("/", ".")
