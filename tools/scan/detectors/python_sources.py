"""What Python source mentions: applications, workers, ports, databases, and from which folder its modules are imported."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cached_property

from ..draft import Draft, words
from ..ignore import is_copied
from ..shared import NOT_OURS
from ..tree import Hit
from .python_serving import PATTERNS as SERVING

_NAME = r"[\"']([A-Z][A-Z0-9_]{1,63})[\"']"
_OWN = (
    "src app apps backend server api core db database models schemas routers routes config settings utils services crud main "
    "auth tasks views common lib helpers handlers endpoints dependencies project"
)
_SIMPLE = (
    "str|int|float|bool|bytes|list|dict|set|tuple|Optional|Literal|List|Dict|Set|Annotated|Any|Path|FilePath|SecretStr|SecretBytes|"
    "AnyUrl|AnyHttpUrl|HttpUrl|PostgresDsn|RedisDsn|MySQLDsn|MongoDsn|AmqpDsn|KafkaDsn|EmailStr|PositiveInt|timedelta"
)
_PORT = r"[\"'](?:(?:APP|SERVER|WEB|HTTP|API|FLASK|UVICORN|LISTEN|SERVICE|BACKEND|DASH|GRADIO_SERVER)_)?PORT[\"']"


def _made(name: str) -> str:
    """`app = Name(`, on a module's top level."""
    return rf"^(\w{{1,60}})[ \t]*(?::[ \t]*[\w.]{{1,60}}[ \t]*)?=[ \t]*(?:\w{{1,60}}[ \t]*=[ \t]*)?(?:\w{{1,40}}\.)?{name}\("


WEB = {"flask": "Flask", "quart": "Quart", "fastapi": "FastAPI", "starlette": "Starlette", "litestar": "Litestar", "sanic": "Sanic", "dash": "Dash"}  # fmt: skip
"""Classes of applications by package."""
# A literal at an expression's start is found fast, so what stands before it is looked at afterwards: `env(?<!\wenv)`.
PATTERNS = (
    ("env", "environ", rf"environ(?<=os\.environ)(?:\.get\(|\[|\.pop\()\s*{_NAME}"),
    ("env-bare", "environ", rf"environ(?<![\w.]environ)(?:\.get\(|\[|\.pop\()\s*{_NAME}"),
    ("environ", "environ", r"^from[ \t]+os[ \t]+import[ \t]+\(?[^\n]{0,200}?\b(environ)\b(?![ \t]+as)"),
    ("env", "env_var", rf"\benv_var[ \t]*=[ \t]*{_NAME}"),
    ("env", "envvar", rf"\benvvar[ \t]*=[ \t]*\[?{_NAME}"),
    ("env", "ENV", r"^(?:ENV|ENV_VAR|ENV_\w{1,40}|\w{1,40}_ENV(?:_VAR)?)[ \t]*=[ \t]*[\"']([A-Z][A-Z0-9]{1,30}_[A-Z0-9_]{1,40})[\"']"),
    ("env", "getenv", rf"getenv\(\s*{_NAME}"),
    ("env", "env", rf"env(?<!\wenv)(?:\.\w{{1,12}})?\(\s*{_NAME}"),
    ("env", "config(", rf"config(?<!\wconfig)\(\s*{_NAME}"),
    ("settings", "BaseSettings", rf"^(class \w+\([^)\n]*BaseSettings|(?:class|def|async def|@)[ \t]?\w|(?:[ ]{{4}}|\t)\w{{1,60}}[ \t]*:[ \t]*(?:{_SIMPLE})\b)"),
    ("settings-prefix", "env_prefix", r"env_prefix[\"']?[ \t]*[=:][ \t]*[\"'](\w{1,40})[\"']"),
    *((rule, f"{name}(", _made(name)) for rule, name in WEB.items()),
    *((f"{rule}-any", f"{name}(", rf"({name})\(") for rule, name in WEB.items()),
    ("falcon", "falcon", _made(r"(?:App|API)")),
    ("falcon-asgi", "falcon.asgi", r"(falcon\.asgi)\b"),
    ("factory", "_app", r"def (?<=^def )((?:create|make|build|get|init)_(?:\w{1,20}_)?(?:app|application))\("),
    ("made", "_app", r"^(\w{1,60})[ \t]*(?::[^=\n]{1,60})?=[ \t]*(?:\w{1,40}\.)?(?!get_[aw]sgi)((?:create|make|build|get|init)_\w{0,30}app(?:lication)?)\("),
    ("aiohttp", "run_app(", r"(web\.run_app)\("),
    ("tornado", "tornado", r"(tornado\.web\.Application|\bApplication\(\[)"),
    ("tornado-port", "listen(", r"\.listen\([ \t]*(\d{2,5})\b"),
    ("bottle", "bottle", r"^(?:from|import) (bottle)\b"),
    ("django-settings", "DJANGO_SETTINGS_MODULE", r"DJANGO_SETTINGS_MODULE[\"'],\s{0,40}[\"']([\w.]{1,100})"),
    ("django-database", "db.backends", r"[\"'](?:django|django\.contrib\.gis|django_prometheus)\.db\.backends\.(postgresql|mysql|sqlite3|postgis|spatialite|postgresql_psycopg2)[\"']"),
    ("django-database", "ENGINE", r"[\"'](mssql|djongo|mysql\.connector\.django|django_cockroachdb|django_mongodb_backend)[\"']"),
    ("url", "://", r"[\"'](postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|pyamqp|clickhouse|nats|bolt|neo4j|mssql)(?:\+\w{1,20})?://"),
    ("url", "sqlite", r"[\"'](sqlite)(?:\+\w{1,20})?:///(?!:memory:)"),
    ("url", "sqlite3.connect(", r"(sqlite)3\.connect\((?![ \t]*[\"']:memory:)"),
    ("broker", "Broker(", r"\b(\w{4,8}Broker)\("),
    ("celery", "Celery(", _made("Celery")),
    ("beat", "beat", r"\b(beat_schedule|CELERY_BEAT_SCHEDULE|add_periodic_task)\b"),
    ("dramatiq", "@dramatiq.actor", r"^@dramatiq\.(actor)\b"),
    ("dramatiq", "@actor", r"^@(actor)\b"),
    ("arq", "WorkerSettings", r"^class (\w{0,30}WorkerSettings)\b"),
    ("rq", "Worker(", r"\b(?:Simple)?(Worker)\("),
    ("queue", "Queue(", r"\b(?:rq\.)?Queue\([ \t]*[\"']([\w.-]{1,60})[\"']"),
    ("huey", "Huey(", _made(r"\w{0,20}Huey")),
    ("taskiq", "Broker(", _made(r"\w{4,20}Broker")),
    ("streamlit", "streamlit", r"^(?:import|from) (streamlit)\b"),
    ("streamlit-page", "st", r"^(?:st|streamlit)\.(set_page_config|title|header|subheader|write|markdown|text|sidebar|navigation)\b"),
    ("streamlit-page", "streamlit", r"^(?:with st\.|[ \t]{0,12}pg\.run\(|main\(\))"),
    ("chainlit", "chainlit", r"^(?:import|from) (chainlit)\b"),
    ("gradio", "launch(", r"\b(\w{1,40})\.launch\("),
    ("nicegui", "ui.run", r"^[ \t]*(ui\.run)\("),
    ("spider", "Spider", r"^class \w{1,80}\([^)\n]{0,80}Spider\):(?:\n[ \t]*(?:\"\"\"[^\"\n]{0,200}\"\"\")?)?\s{0,20}name[ \t]*=[ \t]*[\"']([\w.-]{1,60})"),
    ("command-line", "@click.", r"^@(click)\.(?:command|group)\b"),
    ("command-line", "typer.Typer(", r"(typer)\.Typer\("),
    ("guard", "__main__", r"^if __name__ ?== ?[\"'](__main__)"),
    *(("runs", f"{name}(", rf"^(?:\w{{1,40}}\.)?({name})\(") for name in ("run", "run_app", "run_server", "launch")),
    *(("port", f"port{mark}", r"run(?<!\wrun)\w{0,7}\([^()]{0,300}?\bport[ \t]*=[ \t]*(\d{2,5})\b") for mark in ("=", " =")),
    *(("port", f"port{mark}", r"\b(?:run_app|launch|run)\([^\n]{0,200}?\bport[ \t]*=[ \t]*(\d{2,5})\b") for mark in ("=", " =")),
    ("port", "server_port", r"launch\([^()]{0,300}?\bserver_port[ \t]*=[ \t]*(\d{2,5})\b"),
    ("port", "PORT", rf"port(?<!\wport)[ \t]*=[ \t]*(?:int\()?[ \t]*(?:os\.)?(?:environ\.get|getenv)\([ \t]*{_PORT}[ \t]*,[ \t]*[\"']?(\d{{2,5}})\b"),
    *SERVING,
    *(("imports", word, rf"{word} (?<=^{word} )(\.|(?:{'|'.join(_OWN.split())})\b)") for word in ("from", "import")),
)  # fmt: skip
RULES = tuple(dict.fromkeys(rule for rule, _, _ in PATTERNS))
_ODD = frozenset({
    "scripts", "script", "tools", "contrib", "notebooks", "experiments", "migrations", "alembic", "old", "legacy", "archive", "bin", "dev",
    "ci", "hacks",
})  # fmt: skip
"""Folders whose programs are not the service."""
_NAMED = frozenset({"main", "app", "application", "wsgi", "asgi", "server", "api", "web", "__init__", "__main__", "run", "index"})  # fmt: skip


class Sources:
    """What the source of one service mentions. Tests, examples and templates are left out."""

    def __init__(self, draft: Draft, installed: bool, name: str = "") -> None:
        self.draft, self.installed, self.name = draft, installed, name
        self.by_rule: dict[str, list[Hit]] = defaultdict(list)
        self.rules: dict[str, set[str]] = defaultdict(set)
        """What was found in a file, by path."""
        for hit in draft.hits(*RULES):
            if not is_copied(draft.inner(hit.path)):
                self.by_rule[hit.rule].append(hit)
                self.rules[hit.path].add(hit.rule)

    def found(self, *rules: str) -> list[Hit]:
        """Mentions, the likeliest place of an application first, those in scripts and the like left out."""
        hits = [hit for rule in rules for hit in self.by_rule.get(rule, ()) if not self.odd(hit.path)]
        return sorted(hits, key=lambda hit: (self.rank(hit.path), hit.path, hit.line))

    def runs(self, path: str) -> bool:
        """Whether a file does something when it is run, and is not only imported."""
        return bool(self.rules.get(path, set()) & {"guard", "runs"}) or path.endswith("__main__.py")

    def applications(self) -> bool:
        """Whether the source makes something that is started: a site, a page, a queue of tasks."""
        return bool(self.found(*WEB, "factory", "django-settings", "streamlit", "celery"))

    def odd(self, path: str) -> bool:
        """Whether a file is beside the point: it lies among scripts or migrations."""
        return bool(_ODD.intersection(self.draft.inner(path).split("/")[:-1]))

    def rank(self, path: str) -> float:
        """The lower, the likelier is a file to hold the application."""
        inner = self.draft.inner(path)
        stem = inner.rpartition("/")[2].removesuffix(".py")
        return inner.count("/") + (0.0 if stem in _NAMED else 1.5)

    @cached_property
    def imported(self) -> set[str]:
        """Names of common folders that are imported anywhere."""
        return {hit.value for hit in self.by_rule["imports"]}

    def import_root(self, path: str) -> tuple[str, bool]:
        """The folder from which a file's module is imported, relative to the service, and whether the source says so."""
        folder = self.draft.inner(path).rpartition("/")[0]
        first, top = folder.partition("/")[0], folder
        while top and self.draft.has(f"{top}/__init__.py"):
            top = top.rpartition("/")[0]
        if not folder:
            return "", True
        if top and self.installed and self.name.startswith(f"{top}-"):
            return "", True  # a package of several distributions, which has no file of its own
        if top != folder:
            return ("", True) if first in self.imported else (top, True)
        names = {hit.value for hit in self.by_rule["imports"] if hit.path == path}
        if any(name != "." and self._sibling(folder, name) for name in names):
            return folder, True
        if "." in names:
            return folder.rpartition("/")[0], True
        if first in self.imported:
            return "", True
        return ("src", False) if first == "src" else ("", False)

    def _sibling(self, folder: str, name: str) -> bool:
        at = self.draft.at(f"{folder}/{name}")
        return f"{at}.py" in self.draft.tree.files or any(p.startswith(at + "/") for p in self.draft.files)

    def outside(self, path: str) -> str:
        """The folder that has to be on Python's path and is not of itself; empty when there is none."""
        root, _ = self.import_root(path)
        return "" if self.installed and root in ("src", "lib", "python") else root

    def module(self, path: str) -> str:
        """A file's dotted name, seen from where it is imported."""
        root, _ = self.import_root(path)
        inner = self.draft.inner(path)
        inner = inner.removeprefix(f"{root}/") if root else inner
        return words(re.sub(r"(?:^|/)__init__$|/__main__$", "", inner.removesuffix(".py")).replace("/", "."))

    def script(self, path: str) -> str:
        """What runs a file: `python main.py`, `python -m package.main`; empty when that is not known."""
        inner = self.draft.inner(path)
        folder = inner.rpartition("/")[0]
        root, sure = self.import_root(path)
        if not folder:
            # A package's own folder: it is run from the one above.
            inside = self.draft.has("__init__.py") and inner == "__main__.py"
            return "" if inside else f"python {words(inner)}"
        if folder == root or (not sure and not inner.endswith("/__main__.py")):
            return f"python {words(inner)}"
        if root and self.outside(path):
            return f"python {words(folder)}" if inner.endswith("/__main__.py") and not sure else ""
        return f"python -m {self.module(path)}"

    def variables(self) -> None:
        """Name the environment variables that imported `environ` and the fields of pydantic's settings stand for."""
        imported = {hit.path for hit in self.by_rule["environ"]}
        for hit in self.by_rule["env-bare"]:
            # What WSGI hands to an application is called so too.
            if hit.path in imported and hit.value not in NOT_OURS:
                self.draft.variable(hit.value, hit.path, f"line {hit.line}", 0.8, rule="source")
        prefixes = {hit.path: hit.value for hit in self.by_rule["settings-prefix"]}
        inside = ""
        for hit in sorted(self.by_rule["settings"], key=lambda hit: (hit.path, hit.line)):
            if not hit.value.startswith((" ", "\t")):
                inside = hit.path if "BaseSettings" in hit.value else ""
            elif inside == hit.path and not (name := hit.value.split(":")[0].strip()).startswith(("_", "model_")):
                full = (prefixes.get(hit.path, "") + name).upper()
                self.draft.variable(full, hit.path, f"line {hit.line}", 0.75, rule="source")
