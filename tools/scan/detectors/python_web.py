"""Python's web applications and pages: what makes them, what one types to start them, and where they listen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..draft import Draft, words
from ..parse import table
from ..tree import Hit
from .python_known import FRAMEWORKS
from .python_manifests import Found
from .python_sources import WEB, Sources

_TRIED = re.compile(r"(?:test|example|demo|sandbox|sample|dev)[\w-]{0,30}[./]")
"""Settings and folders with which an app for others is tried out."""

Ports = tuple[tuple[int, str, str, float], ...]


@dataclass(frozen=True)
class Started:
    """An application and how it is started."""

    name: str
    path: str
    key: str
    command: str = ""
    """Without what runs it in an environment; empty when that is not known."""
    ports: Ports = ()
    """(port, path, key, confidence)."""
    role: str = "backend"
    sure: float = 0.95
    """Of the role."""
    others: dict[str, str] = field(default_factory=dict[str, str])
    """Commands for other purposes."""


@dataclass(frozen=True)
class _App:
    """A place in the source where an application is made."""

    kind: str
    hit: Hit
    factory: bool = False

    @property
    def name(self) -> str:
        return self.hit.value

    def order(self, sources: Sources) -> tuple[float, bool, bool, str, int]:
        """The likeliest first: by place, then by name, as what is mounted below another is rarely called `app`."""
        hidden = self.name not in ("app", "application") and not self.factory
        return sources.rank(self.hit.path), self.factory, hidden, self.hit.path, self.hit.line


def _default(port: int, path: str, name: str, sure: float = 0.6) -> Ports:
    return ((port, path, f"the default of {name}", sure),) if port else ()


def django(draft: Draft, found: Found, sources: Sources) -> list[Started]:
    """Django, when manage.py really is Django's and the project is no app for others to install."""
    settings = {hit.path: hit for hit in sources.by_rule["django-settings"]}
    for path in draft.named("manage.py"):
        if path not in settings and "django" not in found.all_names:
            continue
        tried = _TRIED.match(draft.inner(path)) or (path in settings and _TRIED.match(settings[path].value))
        if not draft.private and (tried or found.name.lower().startswith(("django-", "django_", "drf-", "wagtail-"))):
            continue
        key = f"line {settings[path].line}" if path in settings else ""
        manage = f"python {words(draft.inner(path))}"
        pytest = any(name.startswith("pytest") for name in found.all_names)
        others = {} if pytest else {"test": f"{manage} test"}
        if draft.has("Procfile"):
            others["dev"] = f"{manage} runserver"
        return [Started("Django", path, key, f"{manage} runserver", _default(8000, path, "Django"), others=others)]
    return []


def web(draft: Draft, found: Found, sources: Sources) -> list[Started]:
    """The likeliest application of a framework for servers."""
    candidates = _candidates(found, sources) if not (draft.named("manage.py") and "Django" in draft.frameworks) else []
    candidates = [app for app in candidates if _counts(draft, found, app)]
    if candidates:
        app = min(candidates, key=lambda app: app.order(sources))
        if found.published and found.scripts and not draft.private:
            # It has a command of its own, and what that does besides nobody knows.
            return [Started(FRAMEWORKS[app.kind].name, app.hit.path, app.name, sure=0.7)]
        return [_started(draft, found, sources, app)]
    names = found.names
    for rule, name, port in (("aiohttp", "aiohttp", 8080), ("tornado", "Tornado", 0), ("bottle", "Bottle", 8080)):
        if hits := [hit for hit in sources.found(rule) if rule in names and draft.private]:
            path = min((hit.path for hit in hits), key=lambda path: ("guard" not in sources.rules[path], sources.rank(path)))  # fmt: skip
            told = _told(sources, path)
            if rule == "tornado" and not told:
                told = tuple((int(hit.value), hit.path, f"line {hit.line}", 0.8) for hit in sources.found("tornado-port"))  # fmt: skip
            return [Started(name, path, f"line {hits[0].line}", sources.script(path), told or _default(port, path, name))]  # fmt: skip
    if "pyramid" in names and (ini := next((n for n in ("development.ini", "production.ini") if draft.has(n)), "")):
        return [Started("Pyramid", ini, "", f"pserve {ini}", _default(6543, ini, "Pyramid"))]
    return []


def _candidates(found: Found, sources: Sources) -> list[_App]:
    kinds = [kind for kind in (*WEB, "falcon") if kind != "dash"]
    apps = [_App(kind, hit) for kind in kinds for hit in sources.found(kind)]
    makes: list[_App] = []
    for hit in sources.found("factory"):
        kind = next((kind for kind in kinds if f"{kind}-any" in sources.rules[hit.path]), "")
        if kind:
            makes.append(_App(kind, hit, factory=True))
    if makes:
        apps += [_App(makes[0].kind, hit) for hit in sources.found("made")]
    # What a framework's own extension builds on is no application of its own: the outer one counts.
    declared = [app for app in apps if app.kind in found.names]
    return [*(declared or apps), *(make for make in makes if make.kind in found.names or not found.names)]


def _counts(draft: Draft, found: Found, app: _App) -> bool:
    """Whether an application in a published package is what the package is for, and not a part that few import."""
    if draft.private:
        return True
    inner = draft.inner(app.hit.path).removeprefix("src/")
    near = inner.count("/") < 2 or (
        inner.count("/") == 2 and inner.endswith(("/main.py", "/app.py", "/wsgi.py", "/asgi.py"))
    )
    # Another package that it asks for may bring the framework, and then only a file that is called so tells.
    brought = app.kind not in found.all_names and inner.endswith(("/main.py", "/app.py", "/wsgi.py", "/asgi.py"))
    known = app.kind in found.names or (brought and not app.factory and bool(found.names))
    return near and known and "Software Development :: Libraries" not in " ".join(found.traits)


def _told(sources: Sources, path: str) -> Ports:
    """Ports that the source names where it runs the application: in its own file, or in a script on top."""
    hits = [hit for hit in sources.by_rule["port"] if hit.path == path or "/" not in sources.draft.inner(hit.path)]
    hits.sort(key=lambda hit: (hit.path != path, hit.path))
    return tuple((int(hit.value), hit.path, f"line {hit.line}", 0.8) for hit in hits[:1])


def _started(draft: Draft, found: Found, sources: Sources, app: _App) -> Started:
    known = FRAMEWORKS[app.kind]
    path, names = app.hit.path, found.all_names
    told = _told(sources, path)
    if told and sources.runs(told[0][1]) and (command := sources.script(told[0][1])):
        return Started(known.name, path, app.name, command, told)
    if app.kind in ("flask", "quart"):
        return Started(known.name, path, app.name, _flask(draft, found, sources, app), _flask_port(draft, path, known.name))  # fmt: skip
    module, outside = sources.module(path), sources.outside(path)
    target = f"{module}:{words(app.name)}"
    if app.kind == "sanic" and not outside:
        command = f"sanic {target}{' --factory' if app.factory else ''}"
        return Started(known.name, path, app.name, command, _default(8000, path, known.name))
    extras = {extra for _, wanted in found.requires if wanted.name in ("litestar", "fastapi") for extra in wanted.extras}  # fmt: skip
    if app.kind == "litestar" and (extras & {"standard", "full", "cli"} or "litestar-cli" in names) and not outside:
        plain = draft.inner(path) in ("app.py", "application.py", "app/__init__.py")
        command = "litestar run" if plain else f"litestar --app {target} run"
        return Started(known.name, path, app.name, command, _default(8000, path, known.name))
    if app.kind == "falcon" and "falcon-asgi" not in sources.rules[path]:
        return Started(known.name, path, app.name, *_wsgi(path, target, names, outside))
    command, server = _asgi(target, names, outside, app.factory)
    others: dict[str, str] = {}
    if command.startswith("uvicorn"):
        others["dev"] = f"{command} --reload"
    if app.kind == "fastapi" and not app.factory and (extras & {"standard", "all"} or "fastapi-cli" in names):
        others["dev"] = f"fastapi dev {words(draft.inner(path))}"
    return Started(known.name, path, app.name, command, _default(8000, path, server), others=others)


def _asgi(target: str, names: set[str], outside: str, factory: bool) -> tuple[str, str]:
    """What serves an ASGI application: the server that the project declares, uvicorn when it declares none."""
    server = next((name for name in ("uvicorn", "hypercorn", "granian", "daphne") if name in names), "uvicorn")
    if server == "uvicorn":
        options = f"{'--factory ' if factory else ''}{f'--app-dir {words(outside)} ' if outside else ''}"
        return f"uvicorn {options}{target}", server
    if outside or (factory and server != "granian"):
        return "", server
    granian = f"granian --interface asgi {'--factory ' if factory else ''}{target}"
    return (granian if server == "granian" else f"{server} {target}"), server


def _wsgi(path: str, target: str, names: set[str], outside: str) -> tuple[str, Ports]:
    if "gunicorn" in names:
        chdir = f"--chdir {words(outside)} " if outside else ""
        return f"gunicorn {chdir}{target}", _default(8000, path, "gunicorn")
    if "waitress" in names and not outside:
        return f"waitress-serve {target}", _default(8080, path, "waitress")
    return "", ()


def _flask(draft: Draft, found: Found, sources: Sources, app: _App) -> str:
    """`flask run` where Flask finds the application by itself, else with its place."""
    inner = draft.inner(app.hit.path)
    named = re.search(r"^(?:export[ \t]+)?FLASK_APP[ \t]*=[ \t]*\S", draft.text(".flaskenv"), re.MULTILINE)
    if inner in ("app.py", "wsgi.py") or (named and "python-dotenv" in found.all_names):
        return f"{app.kind} run"
    usual = not app.factory or app.name in ("create_app", "make_app")
    # Flask finds the folder to import from by itself when it is given a file.
    place = words(inner) if sources.outside(app.hit.path) else sources.module(app.hit.path)
    return f"{app.kind} --app {place}{'' if usual else ':' + words(app.name)} run"


def _flask_port(draft: Draft, path: str, name: str) -> Ports:
    if port := re.search(r"^FLASK_RUN_PORT[ \t]*=[ \t]*[\"']?(\d{2,5})\b", draft.text(".flaskenv"), re.MULTILINE):
        return ((int(port[1]), ".flaskenv", "FLASK_RUN_PORT", 0.9),)
    return _default(5000, path, name)


def pages(draft: Draft, found: Found, sources: Sources) -> list[Started]:
    """Streamlit, Gradio, Dash and their like: programs that are a page."""
    names = found.names
    for rule, name, port in (("streamlit", "Streamlit", 8501), ("chainlit", "Chainlit", 8000)):
        hits = [hit for hit in sources.found(rule) if draft.private or rule in names]
        if not draft.private:
            # Parts for other people's pages import it too, but show nothing by themselves.
            hits = [hit for hit in hits if rule != "streamlit" or sources.rules[hit.path] & {"streamlit-page", "guard"}]
        if not hits:
            continue
        chosen = min(hits, key=lambda hit: ("pages" in hit.path.split("/"), hit.path.count("/"), "app" not in hit.path, hit.path))  # fmt: skip
        command = f"{rule} run {words(draft.inner(chosen.path))}"
        ports = _streamlit_port(draft) if rule == "streamlit" else ()
        default = _default(port, chosen.path, name)
        return [Started(name, chosen.path, f"line {chosen.line}", command, ports or default, "frontend")]
    for rule, name, port in (("dash", "Dash", 8050), ("gradio", "Gradio", 7860), ("nicegui", "NiceGUI", 8080)):
        hits = [hit for hit in sources.found(rule) if rule in names or (not names and rule == "dash")]
        if hits and draft.private:
            path = hits[0].path
            told = _told(sources, path) or _default(port, path, name)
            return [Started(name, path, f"line {hits[0].line}", sources.script(path), told, "frontend")]
    return []


def _streamlit_port(draft: Draft) -> Ports:
    path = ".streamlit/config.toml"
    port = table(draft.toml(path), "server").get("port")
    return ((port, path, "server.port", 0.95),) if isinstance(port, int) and 0 < port < 65536 else ()
