"""Lua: rockspecs, Lapis and OpenResty, LÖVE games, plugins of Neovim, scripts."""

from __future__ import annotations

import re

from .. import parse
from ..draft import Draft, words
from ..parse import string, table
from .base import Detector, Known

FRAMEWORKS = {
    "lapis": Known("Lapis", "backend", 8080, 0.95),
    "lor": Known("Lor", "backend", 0, 0.85),
    "sailor": Known("Sailor", "backend", 8080, 0.85),
    "turbo": Known("Turbo", "backend", 8888, 0.85),
    "pegasus": Known("Pegasus", "backend", 9090, 0.85),
    "http": Known("lua-http", "backend", 0, 0.4),
}
CLIENTS = {
    "pgmoon": "postgresql", "luasql-postgres": "postgresql", "luasql-mysql": "mysql", "lua-resty-mysql": "mysql", "luasql-sqlite3": "sqlite",
    "lsqlite3": "sqlite", "lsqlite3complete": "sqlite", "lua-resty-redis": "redis", "redis-lua": "redis", "lua-mongo": "mongodb",
    "lua-resty-mongol": "mongodb", "lua-resty-kafka": "kafka", "lua-resty-rabbitmqstomp": "rabbitmq", "lua-resty-memcached": "memcached",
    "lua-cassandra": "cassandra", "lua-resty-elasticsearch": "elasticsearch",
}  # fmt: skip
MODULES = {
    "pgmoon": "postgresql", "luasql.postgres": "postgresql", "luasql.mysql": "mysql", "resty.mysql": "mysql", "luasql.sqlite3": "sqlite",
    "lsqlite3": "sqlite", "resty.redis": "redis", "resty.memcached": "memcached", "resty.kafka.producer": "kafka", "redis": "redis",
}  # fmt: skip
"""What source requires; the modules of OpenResty come with it and stand in no manifest."""
_KNOWN = "|".join(
    re.escape(name) for name in sorted({*MODULES, "lapis", "turbo", "pegasus"}, key=lambda word: (-len(word), word))
)
PATTERNS = (
    ("env", "os.getenv", r"\bos\.getenv[ \t]*+\(?[ \t]*+[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("lua-requires", "require", rf"\brequire[ \t]*+\(?[ \t]*+[\"']({_KNOWN})[\"']"),
    ("lua-port", "port", r"\bport[ \t]*+[=:]?[ \t]*+[\"']?(\d{2,5})\b"),
    ("lua-love", "love.", r"\b(love)\.(?:load|draw|update|conf)\b"),
    ("lua-neovim", "vim.", r"\bvim\.(api|fn|opt|keymap|cmd|g)\b"),
)
CONFIGURATIONS = ("nginx.conf", "conf/nginx.conf", "nginx/nginx.conf", "nginx/conf/nginx.conf")


def detect(draft: Draft) -> None:
    """Add what a rockspec, the server's configuration and the source say."""
    folder = draft.root.rpartition("/")[2]
    if folder in ("rockspec", "rockspecs"):
        return  # where a package keeps the specs of all its versions
    spec = _spec(draft)
    needed = _rock(draft, spec) if spec else list[str]()
    hits = draft.hits("lua-requires")
    served = _served(draft, needed, "lapis" in {*needed, *(hit.value for hit in hits)}, spec)
    if not spec and not served and (not draft.languages or draft.languages[0].value not in ("Lua", "MoonScript")):
        return
    for name in needed:
        if name in CLIENTS:
            draft.database(CLIENTS[name], spec, f"dependencies.{name}")
    for hit in hits:
        if hit.value in MODULES:
            draft.database(MODULES[hit.value], hit.path, f"line {hit.line}", 0.8)
    tests = [path for path in draft.files if path.endswith(("_spec.lua", "_spec.moon"))]
    if draft.has(".busted") or tests:
        draft.command("test", "busted", ".busted" if draft.has(".busted") else tests[0], "", 0.85)
    if not served:
        _plain(draft, spec)


def _spec(draft: Draft) -> str:
    """The rockspec that describes the source as it is: the one for development, else the last."""
    inside = draft.tree.inside(draft.root)
    found = [name for name in draft.beside if name.endswith(".rockspec")]
    found = found or [
        path.removeprefix(inside)
        for path in draft.tree.texts
        if path.startswith((f"{inside}rockspec/", f"{inside}rockspecs/")) and path.endswith(".rockspec")
    ]
    return max(found, key=lambda name: (bool(re.search(r"-(scm|dev|git|cvs)-\d", name)), name), default="")


def _rock(draft: Draft, spec: str) -> list[str]:
    draft.manifest(spec)
    draft.manager("luarocks", spec)
    text = re.sub(r"--[^\n]*", "", draft.text(spec))
    name = re.search(r"^[ \t]*package[ \t]*=[ \t]*[\"']([\w.-]{1,80})[\"']", text, re.MULTILINE)
    if text.strip() and not name:
        draft.finding(f"{draft.at(spec)} could not be read: it names no package", spec, "package", "unreadable")
        return []
    draft.name = draft.name or (name[1] if name else "")
    if draft.has("luarocks.lock"):
        draft.lockfile("luarocks.lock")
    block = re.search(r"^[ \t]*dependencies[ \t]*=[ \t]*\{([^{}]*)\}", text, re.MULTILINE)
    asked = re.findall(r"[\"']([\w.-]{1,80})[ \t]*([^\"'\n]*)[\"']", block[1] if block else "")
    lua = next((constraint.strip() for rock, constraint in asked if rock == "lua"), None)
    draft.runtime("lua", lua or "", spec, "dependencies.lua" if lua else "")
    draft.command("install", f"luarocks install --deps-only {words(spec)}", spec, "dependencies", 0.85)
    draft.command("build", "luarocks make" if "/" not in spec else f"luarocks make {words(spec)}", spec, "build", 0.8)
    if offered := re.search(
        r"\bbin[ \t]*=[ \t]*\{\s*(?:\[[\"']([^\"'\n]{1,80})[\"']\][ \t]*=)?[ \t]*[\"']([\w./-]{1,120})[\"']", text
    ):
        command = offered[1] or offered[2].rpartition("/")[2].removesuffix(".lua")
        draft.command("cli", words(command), spec, "build.install.bin", 0.85)
    if re.search(r"^[ \t]*test[ \t]*=[ \t]*\{", text, re.MULTILINE):
        draft.command("test", "luarocks test", spec, "test", 0.9)
    return [rock for rock, _ in asked if rock != "lua"]


def _served(draft: Draft, needed: list[str], lapis: bool, spec: str) -> bool:
    """Whether it is a web application, with all that is known of one."""
    configuration = next((name for name in CONFIGURATIONS if "_by_lua" in draft.text(name)), "")
    own = draft.name in FRAMEWORKS
    if lapis and not own and (configuration or draft.has("config.lua") or draft.has("config.moon")):
        app = next((name for name in ("app.lua", "app.moon", configuration) if name and draft.has(name)), "config.lua")
        draft.framework("Lapis", spec if "lapis" in needed else app, "lapis", 0.95)
        draft.role("backend", 0.95)
        draft.command("start", "lapis server", app, "", 0.95)
        _lua(draft, app)
        ports = [hit for hit in draft.hits("lua-port") if draft.inner(hit.path) in ("config.lua", "config.moon")]
        for hit in ports[:1]:  # of the first environment, which is the one for development
            draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
        if not ports:
            draft.port(8080, app, "the default of Lapis", 0.8)
        return True
    if configuration:
        text = re.sub(r"#[^\n]*", "", draft.text(configuration))
        draft.manifest(configuration)
        draft.framework("OpenResty", configuration, "by_lua", 0.9)
        draft.role("backend", 0.85)
        draft.tool("openresty", configuration)
        prefix = configuration.removesuffix("conf/nginx.conf").rstrip("/") if "conf/" in configuration else "."
        inner = configuration.removeprefix(f"{prefix}/")
        draft.command("start", f"openresty -p {prefix or '.'} -c {inner}", configuration, "", 0.7)
        for port in re.findall(r"\blisten[ \t]+(?:[\w.*\[\]]{1,40}:)?(\d{2,5})\b", text):
            draft.port(int(port), configuration, "listen", 0.9)
        for name in re.findall(r"^[ \t]*env[ \t]+([A-Z][A-Z0-9_]{1,63})[ \t]*[;=]", text, re.MULTILINE):
            draft.variable(name, configuration, "env", 0.9)
        return True
    return False


def _lua(draft: Draft, source: str) -> None:
    """The runtime of what no rockspec describes, in the version that its editor's settings name."""
    if any(wanted.name == "lua" for wanted in draft.runtimes):
        return
    try:
        settings = parse.jsonc(draft.text(".luarc.json") or "{}")
    except parse.Broken:
        settings = {}
    said = string(settings.get("runtime.version")) or string(table(settings, "runtime").get("version"))
    version = re.fullmatch(r"Lua (5\.\d)", said)
    draft.runtime(
        "lua", version[1] if version else "", ".luarc.json" if version else source, "runtime.version" * bool(version)
    )


def _plain(draft: Draft, spec: str) -> None:
    """A package, a game, a plugin, or a script."""
    if draft.hits("lua-love") and draft.has("main.lua"):
        draft.framework("LÖVE", "main.lua", "", 0.9)
        draft.role("job", 0.7)
        draft.tool("love", "main.lua")
        draft.command("start", "love .", "main.lua", "", 0.9)
        return
    web = [hit for hit in draft.hits("lua-requires") if hit.value in ("turbo", "pegasus")]
    if web and draft.name not in FRAMEWORKS:
        known = FRAMEWORKS[web[0].value]
        path = draft.inner(web[0].path)
        draft.framework(known.name, web[0].path, f"line {web[0].line}", known.confidence)
        draft.role(known.role, known.confidence)
        draft.command(
            "start", f"lua {words(path)}" if known.name != "Turbo" else f"luajit {words(path)}", web[0].path, "", 0.7
        )
        _lua(draft, path)
        found = [hit for hit in draft.hits("lua-port") if hit.path == web[0].path]
        for hit in found:
            draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.8)
        if not found:
            draft.port(known.port, path, f"the default of {known.name}", 0.5)
        return
    if draft.hits("lua-neovim"):
        if not draft.has("init.lua"):
            draft.role("library", 0.8)
        return
    if spec:
        draft.private = False
        draft.role("library", 0.8)
    elif draft.has("main.lua") and not draft.manifests:
        _lua(draft, "main.lua")
        draft.command("start", "lua main.lua", "main.lua", "", 0.6)
        draft.role("job", 0.4)


DETECTOR = Detector(
    name="lua",
    manifests=("*.rockspec",),
    detect=detect,
    reads=(".luarc.json", "nginx.conf"),
    lockfiles=("luarocks.lock",),
    languages=("Lua", "MoonScript"),
    patterns={".lua": PATTERNS, ".moon": PATTERNS},
)
