"""Elixir: mix.exs as far as it is declarative; Phoenix, Plug, umbrella projects, releases, escripts, Mix.install scripts."""

from __future__ import annotations

import posixpath
import re

from ..draft import Draft, words
from ..shared import NOT_OURS
from ..tree import Hit
from .base import Detector, Known

FRAMEWORKS = {
    "phoenix": Known("Phoenix", "backend", 4000, 0.97),
    "phoenix_live_view": Known("Phoenix LiveView"),
    "phoenix_playground": Known("Phoenix Playground", "backend", 4000),
    "plug_cowboy": Known("Plug", "backend", 4000, 0.8),
    "bandit": Known("Plug", "backend", 4000, 0.8),
    "absinthe": Known("Absinthe"),
    "ash": Known("Ash"),
    "broadway": Known("Broadway", "worker", 0, 0.7),
    "oban": Known("Oban", "worker", 0, 0.4),
    "nostrum": Known("Nostrum", "worker", 0, 0.6),
    "nerves": Known("Nerves", "job", 0, 0.9),
}
SERVERS = frozenset({"plug_cowboy", "bandit"})
"""What Phoenix runs on as well; a framework of its own only where Phoenix is not."""
CLIENTS = {
    "postgrex": "postgresql", "myxql": "mysql", "ecto_sqlite3": "sqlite", "exqlite": "sqlite", "tds": "mssql", "redix": "redis",
    "mongodb_driver": "mongodb", "amqp": "rabbitmq", "broadway_rabbitmq": "rabbitmq", "brod": "kafka", "kafka_ex": "kafka",
    "broadway_kafka": "kafka", "xandra": "cassandra", "ecto_ch": "clickhouse", "clickhouse_ecto": "clickhouse", "bolt_sips": "neo4j", "boltx": "neo4j", "gnat": "nats",
    "elasticsearch": "elasticsearch", "snap": "elasticsearch", "memcachex": "memcached",
}  # fmt: skip
ADAPTERS = {"Postgres": "postgresql", "MyXQL": "mysql", "SQLite3": "sqlite", "Tds": "mssql"}
PATTERNS = (
    ("env", "System.", r"System\.(?:get_env|fetch_env!?)\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("elixir-endpoint", "Endpoint", r"^[ \t]*config[ \t]+:(\w{1,80}),[ \t]*[\w.]{0,80}Endpoint\b"),
    ("elixir-port", "http:", r"\bhttp:[ \t]*\[[^\]]{0,300}?\bport:[ \t]*(\d{2,5})\b"),
    ("elixir-port", "PORT", r"System\.get_env\(\"(?:HTTP_|WEB_)?PORT\"(?:\)[ \t]*\|\||,)[ \t]*\"?(\d{2,5})\b"),
    ("elixir-port", "Bandit", r"\bBandit,[^}]{0,200}?\bport:[ \t]*(\d{2,5})\b"),
    ("elixir-port", "Plug.Cowboy", r"\bPlug\.Cowboy,[^}]{0,200}?\bport:[ \t]*(\d{2,5})\b"),
    ("elixir-script", "Mix.install", r"^(Mix\.install)\("),
    ("elixir-asks", "{:", r"\{:(phoenix|phoenix_playground|bandit|plug_cowboy|nostrum|broadway),"),
)
# In a module only the one that it uses: what stands in documentation shows how others do it.
_MODULES = (*PATTERNS, ("elixir-adapter", "Ecto.Repo", r"^[ \t]{0,8}use Ecto\.Repo,[^()@]{0,200}?\bEcto\.Adapters\.(Postgres|MyXQL|SQLite3|Tds)\b"))  # fmt: skip
_SETTINGS = (*PATTERNS, ("elixir-adapter", "Ecto.Adapters", r"\bEcto\.Adapters\.(Postgres|MyXQL|SQLite3|Tds)\b"))
_DEPENDENCY = re.compile(r"\{[ \t\r\n]{0,20}:([a-z]\w{0,60}),([^{}]{0,400})")
_NOT_IN_PRODUCTION = re.compile(r"\bonly:[ \t]*(?:\[[ \t]*)?:(?:dev|test)\b(?![^\]\n]{0,40}:prod\b)")
_RELEASES = re.compile(r"^[ \t]*releases:", re.MULTILINE)
_UNREADABLE = "{} could not be read: it defines no project"


def detect(draft: Draft) -> None:
    """Add what mix.exs says; it is Elixir code, so only its plain declarations are read."""
    if not draft.has("mix.exs"):
        _script(draft)
        return
    draft.manifest("mix.exs")
    draft.manager("mix", "mix.exs")
    text = _code(draft.text("mix.exs"))
    if text.strip() and not re.search(r"\bdef project\b", text):
        draft.finding(_UNREADABLE.format(draft.at("mix.exs")), "mix.exs", "project", "unreadable")
        draft.runtime("elixir", "", "mix.exs")
        return
    if app := re.search(r"\bapp:[ \t]*:([a-z]\w{0,80})", text):
        draft.name = draft.name or app[1]
    version = re.search(r"\belixir:[ \t]*\"([^\"\n]{1,60})\"", text)
    draft.runtime("elixir", version[1] if version else "", "mix.exs", "project.elixir" if version else "")
    pinned = draft.text("elixir_buildpack.config")
    for name, spec in re.findall(
        r"^(elixir|erlang)_version[ \t]*=[ \t]*v?([\d.]{1,20})[ \t\r]*$", pinned, re.MULTILINE
    ):
        draft.runtime(name, spec, "elixir_buildpack.config", f"{name}_version")
    if draft.has("mix.lock"):
        draft.lockfile("mix.lock")
    draft.command("install", "mix deps.get", "mix.exs", "", 0.95)
    if apps := re.search(r"\bapps_path:[ \t]*\"([\w./-]{1,100})\"", text):
        inside = draft.at(f"{apps[1].strip('/')}/")
        manifests = (path.removesuffix("/mix.exs") for path in draft.tree.texts if path.endswith("/mix.exs"))
        draft.members += [folder for folder in manifests if folder.rpartition("/")[0] + "/" == inside]
        draft.command("test", "mix test", "mix.exs", "project.apps_path", 0.9)
        _build(draft, text)
        return
    if re.search(r"^[ \t]*package:|\bpackage\(\)", text, re.MULTILINE) and not _RELEASES.search(text):
        draft.private = False
        draft.role("library", 0.8)
    asked = [match[1] for match in _DEPENDENCY.finditer(text) if not _NOT_IN_PRODUCTION.search(match[2])]
    _dependencies(draft, asked)
    _commands(draft, text, asked)
    if draft.best_role == "backend":
        _configured(draft, text, asked)


def _code(text: str) -> str:
    """The text without comments; `#{` inside of a string is none."""
    return re.sub(r"(^|[ \t])#(?!\{)[^\n]*", r"\1", text, flags=re.MULTILINE)


def _dependencies(draft: Draft, asked: list[str]) -> None:
    for name in asked:
        known = FRAMEWORKS.get(name)
        if known and not (name in SERVERS and "phoenix" in asked):
            draft.framework(known.name, "mix.exs", f"deps.{name}", known.confidence)
            if known.role:
                draft.role(known.role, known.confidence * (1.0 if draft.private else 0.4))
        if name in CLIENTS:
            draft.database(CLIENTS[name], "mix.exs", f"deps.{name}")
    for hit in draft.hits("elixir-adapter"):
        if draft.private and not hit.path.endswith("test.exs"):
            draft.database(ADAPTERS[hit.value], hit.path, f"line {hit.line}", 0.8)


def _commands(draft: Draft, text: str, asked: list[str]) -> None:
    _build(draft, text)
    if re.search(r"^[ \t]*\"?setup\"?:[ \t]*\[", text, re.MULTILINE):
        draft.command("setup", "mix setup", "mix.exs", "aliases.setup", 0.9)
    inside = draft.tree.inside(draft.root)
    if any(path.startswith(f"{inside}test/") and path.endswith("_test.exs") for path in draft.files):
        draft.command("test", "mix test", "mix.exs", "", 0.9)
    script = re.search(r"^[ \t]*escript:", text, re.MULTILINE)
    if not draft.private:
        if script and draft.name:
            draft.command("build", "mix escript.build", "mix.exs", "project.escript", 0.9)
            draft.command("cli", words(draft.name), "mix.exs", "project.escript", 0.85)
        return
    started = re.search(r"\bmod:[ \t]*\{", text)
    if "phoenix" in asked and not script:
        draft.command("start", "mix phx.server", "mix.exs", "deps.phoenix", 0.95)
    elif "nerves" in asked:
        draft.command("build", "mix firmware", "mix.exs", "deps.nerves", 0.9)
    elif script:
        draft.role("job", 0.7)
        draft.command("build", "mix escript.build", "mix.exs", "project.escript", 0.9)
        if draft.name:
            draft.command("start", words(f"./{draft.name}"), "mix.exs", "project.escript", 0.6)
    elif started and (draft.roles or ("config_path:" not in text and (asked or draft.root == "."))):
        # In an umbrella, what is started only to be there for its siblings is no service of its own.
        draft.role("worker", 0.4)
        draft.command("start", "mix run --no-halt", "mix.exs", "application.mod", 0.8)
    elif not draft.roles:
        draft.role("library", 0.6)


def _build(draft: Draft, text: str) -> None:
    if _RELEASES.search(text):
        draft.command("build", "mix release", "mix.exs", "project.releases", 0.85)
    else:
        draft.command("build", "mix compile", "mix.exs", "", 0.8)


def _configured(draft: Draft, text: str, asked: list[str]) -> None:
    """Ports and variables of config/*.exs, which for a part of an umbrella lies elsewhere."""
    told = re.search(r"\bconfig_path:[ \t]*\"([\w./-]{1,100})\"", text)
    config = posixpath.normpath(posixpath.join(draft.root, told[1] if told else "config/config.exs"))
    folder = posixpath.dirname(config) + "/"
    elsewhere = [hit for hit in draft.tree.hits if told and hit.path.startswith(folder)]
    for hit in elsewhere:
        if hit.rule == "env" and hit.value not in NOT_OURS:
            draft.variable(hit.value, hit.path, f"line {hit.line}", 0.8, rule="source")
    found = [*draft.hits("elixir-port"), *(hit for hit in elsewhere if hit.rule == "elixir-port")]
    endpoints = [hit for hit in (*draft.hits("elixir-endpoint"), *elsewhere) if hit.rule == "elixir-endpoint"]
    ports = [hit for hit in found if not hit.path.endswith("test.exs") and _owner(hit, endpoints) in ("", draft.name)]
    for hit in ports:
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.9)
    for name in asked if not ports else ():
        known = FRAMEWORKS.get(name)
        if known and known.port:
            draft.port(known.port, "mix.exs", f"the default of {known.name}", 0.5 if name in SERVERS else 0.8)


def _owner(port: Hit, endpoints: list[Hit]) -> str:
    """The application whose endpoint is configured around a port."""
    before = [hit for hit in endpoints if hit.path == port.path and hit.line <= port.line]
    return max(before, key=lambda hit: hit.line).value if before else ""


def _script(draft: Draft) -> None:
    """A single file that names its packages itself."""
    found = {hit.path for hit in draft.hits("elixir-script")}
    # What lies in .github helps its authors, and is nothing that one starts.
    found = {path for path in found if not any(part.startswith(".") for part in path.split("/"))}
    scripts = sorted(found, key=lambda path: (path.count("/"), path))
    if not scripts:
        return
    draft.runtime("elixir", "", scripts[0], "Mix.install")
    if len(scripts) > 1:
        return
    draft.command("start", f"elixir {words(draft.inner(scripts[0]))}", scripts[0], "Mix.install", 0.85)
    draft.role("job", 0.3)
    for hit in draft.hits("elixir-asks"):
        known = FRAMEWORKS[hit.value]
        draft.framework(known.name, hit.path, f"line {hit.line}", known.confidence)
        draft.role(known.role, known.confidence)
        if known.port and not draft.hits("elixir-port"):
            draft.port(known.port, hit.path, f"the default of {known.name}", 0.5)
    for hit in draft.hits("elixir-port"):
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.9)


DETECTOR = Detector(
    name="elixir",
    manifests=("mix.exs",),
    detect=detect,
    reads=("elixir_buildpack.config",),
    lockfiles=("mix.lock",),
    languages=("Elixir",),
    patterns={".ex": _MODULES, ".exs": _SETTINGS},
)
