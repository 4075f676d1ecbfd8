"""Deno: deno.json and its tasks, imports by URL, jsr: and npm:; also sources that only Deno runs, without any manifest."""

from __future__ import annotations

import re

from ..draft import Draft, words
from ..parse import Node, string, strings, table
from . import node_source
from .base import Detector, Known
from .node_known import CLIENT
from .node_scripts import Call, Scripts, port_of

# fmt: off
FRAMEWORKS = {
    "$fresh": Known("Fresh", "frontend", 8000, 0.96),
    "@fresh/core": Known("Fresh", "frontend", 8000, 0.96),
    "fresh": Known("Fresh", "frontend", 8000, 0.96),
    "lume": Known("Lume", "static", 3000, 0.96),
    "@oak/oak": Known("Oak", "backend", 0, 0.9),
    "oak": Known("Oak", "backend", 0, 0.9),
    "hono": Known("Hono", "backend", 8000, 0.85),
    "@hono/hono": Known("Hono", "backend", 8000, 0.85),
    "express": Known("Express", "backend", 0, 0.85),
    "fastify": Known("Fastify", "backend", 0, 0.9),
    "koa": Known("Koa", "backend", 0, 0.9),
    "danet": Known("Danet", "backend", 3000, 0.95),
    "@danet/core": Known("Danet", "backend", 3000, 0.95),
    "aleph": Known("Aleph.js", "frontend", 3000, 0.9),
    "@cliffy/command": Known("Cliffy"),
    "cliffy": Known("Cliffy"),
    "grammy": Known("grammY", "worker", 0, 0.75),
    "discordeno": Known("Discordeno", "worker", 0, 0.75),
    "@discordeno/bot": Known("Discordeno", "worker", 0, 0.75),
}
# fmt: on
"""By the name of the package, whatever it comes from. A port is where `Deno.serve`, or the framework itself, listens by default."""
CLIENTS = {
    "postgres": "postgresql", "@db/postgres": "postgresql", "postgresjs": "postgresql", "mysql": "mysql", "@db/mysql": "mysql", "redis": "redis",
    "@db/redis": "redis", "mongo": "mongodb", "@db/mongo": "mongodb", "sqlite": "sqlite", "@db/sqlite": "sqlite", "sqlite3": "sqlite",
}  # fmt: skip
_NAMES = "|".join(sorted({*FRAMEWORKS, *CLIENTS, *CLIENT} - {"sqlite", "pg"}, key=len, reverse=True)).replace(
    "$", r"\$"
)
PATTERNS = (
    ("deno-env", "Deno.env", r"\bDeno\.env\.get\(\s{0,8}[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("deno-api", "Deno.", r"\bDeno\.(serve|args|env|readTextFile|writeTextFile|readFile|openKv|listen|cron|Command|test|exit)\b"),
    ("deno-serve", "Deno.serve(", r"\bDeno\.(serve)\("),
    ("deno-fetch", "export default", r"^export default (?:app\b|\{[^{}]{0,200}?\bfetch\b)"),
    ("deno-url", "https://", r"[\"'](https://(?:deno\.land|esm\.sh|jsr\.io|cdn\.jsr\.io)/[^\"'\s]{1,160})[\"']"),
    ("deno-url", "jsr:", r"[\"'](jsr:/?@[^\"'\s]{1,160})[\"']"),
    ("deno-url", "npm:", r"[\"'](npm:/?[^\"'\s]{1,160})[\"']"),
    ("deno-main", "import.meta.main", r"\bimport\.meta\.(main)\b"),
)  # fmt: skip
_ENTRIES = ("main.ts", "server.ts", "mod.ts", "index.ts", "app.ts", "src/main.ts", "src/server.ts", "main.tsx", "main.js", "cli.ts", "src/mod.ts")  # fmt: skip
_OURS = ("tasks", "imports", "importMap", "workspace", "workspaces", "exports", "deploy", "nodeModulesDir", "compile")
"""Keys of deno.json that speak of running; one with none of them only formats and checks."""
_LOCKS = ("package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb")


def detect(draft: Draft) -> None:
    """Add what deno.json says, or the sources where there is none."""
    # Supabase runs these itself; the project around them is none of Deno's.
    if re.search(r"(?:^|/)supabase/functions(?:/|$)", draft.root):
        return
    name = next((n for n in ("deno.json", "deno.jsonc") if draft.has(n)), "")
    sources = [hit for hit in node_source.said(draft, "deno-api", "deno-url") if "supabase/functions/" not in hit.path]
    if not name:
        api = [hit for hit in sources if hit.rule == "deno-api" or not hit.value.startswith("https://esm.sh")]
        if draft.has("package.json") or draft.manifests or not api:
            return
        draft.runtime("deno", "", api[0].path, f"line {api[0].line}")
    content = draft.json(name) if name else {}
    if name and not _serves(draft, content):
        return
    if name:
        _manifest(draft, name, content)
    imported = _imported(draft, name, content)
    found = _frameworks(draft, imported)
    _commands(draft, name, content, found)
    for hit in draft.hits("deno-env"):
        draft.variable(hit.value, hit.path, f"line {hit.line}", 0.8, rule="source")


def _serves(draft: Draft, content: Node) -> bool:
    """Whether the project is run by Deno: beside Node's lockfile a deno.json often only sets up the editor."""
    if not draft.has("package.json") or draft.has("deno.lock"):
        return bool(content) or not draft.has("package.json")
    noded = any(draft.has(lock) for lock in _LOCKS)
    return bool(content.get("tasks")) or (not noded and any(key in content for key in _OURS))


def _manifest(draft: Draft, name: str, content: Node) -> None:
    draft.manifest(name)
    draft.name = draft.name or string(content.get("name"))
    draft.runtime("deno", "", name)
    draft.manager("deno", name, "", 0.9)
    if draft.has("deno.lock"):
        draft.lockfile("deno.lock")
    draft.command("install", "deno install --frozen" if draft.has("deno.lock") else "deno install", name, "", 0.8)
    members = strings(content.get("workspace")) or strings(table(content, "workspace").get("members"))
    draft.members += [draft.at(member.removeprefix("./").rstrip("/")) for member in members]


def _imported(draft: Draft, name: str, content: Node) -> dict[str, tuple[str, str]]:
    """The packages that are imported, by name, each with the file and key that say so."""
    found: dict[str, tuple[str, str]] = {}
    mapped = table(content, "imports")
    linked = string(content.get("importMap")).removeprefix("./")
    if not mapped and linked in ("import_map.json", "imports.json"):
        name, mapped = linked, table(draft.json(linked), "imports")
    for key, value in mapped.items():
        for package in _package(string(value)):
            found.setdefault(package, (name, f"imports.{key}"))
    for hit in node_source.said(draft, "deno-url"):
        for package in _package(hit.value):
            found.setdefault(package, (hit.path, f"line {hit.line}"))
    return found


def _package(specifier: str) -> list[str]:
    """The package in `jsr:@oak/oak@17`, `npm:express@4`, `https://deno.land/x/oak@v12/mod.ts`, `https://esm.sh/preact@10`."""
    if found := re.match(r"(?:jsr|npm):/?((?:@[\w.-]+/)?[\w.-]+)", specifier):
        return [found[1]]
    if found := re.match(r"https://deno\.land/x/([\w.-]+)", specifier):
        return ["$fresh" if found[1] == "fresh" else found[1]]
    if found := re.match(r"https://(?:esm\.sh|cdn\.jsdelivr\.net/npm)/(?:v\d+/)?((?:@[\w.-]+/)?[\w.-]+)", specifier):
        return [found[1]]
    return []


def _frameworks(draft: Draft, imported: dict[str, tuple[str, str]]) -> list[Known]:
    found: list[Known] = []
    for package, (path, key) in imported.items():
        if known := FRAMEWORKS.get(package):
            draft.framework(known.name, path, key, known.confidence)
            found.append(known)
            if known.role:
                draft.role(known.role, known.confidence)
        if database := CLIENTS.get(package) or CLIENT.get(package):
            draft.database(database, path, key)
    serving = node_source.said(draft, "deno-serve")
    if serving and not any(known.role for known in found) and draft.best_role != "backend":
        draft.framework("Deno.serve", serving[0].path, f"line {serving[0].line}", 0.8)
        draft.role("backend", 0.8)
        found.append(Known("Deno.serve", "backend", 8000, 0.8))
    return found


def _ports(draft: Draft, found: list[Known], tasks: Scripts) -> None:
    said = False
    for name in ("start", "dev", "serve"):
        for call in tasks.calls(name):
            if port := port_of(Call(call.argv, call.port)):
                draft.port(port, draft.inner(draft.manifests[0]), f"tasks.{name}", 0.9)
                said = True
    for port, hit in node_source.ports(draft).items():
        draft.port(port, hit.path, f"line {hit.line}", 0.85)
        said = True
    known = max((known for known in found if known.port), key=lambda known: known.confidence, default=None)
    if known and not said:
        where = draft.frameworks[known.name].evidence[0]
        serves = node_source.said(draft, "deno-serve", "deno-fetch")
        sure = 0.8 if known.confidence >= 0.95 or serves else 0.4
        name = "Deno.serve" if known.name in ("Hono", "Deno.serve") else known.name
        draft.port(known.port, where.path, f"the default of {name}", sure)


def _commands(draft: Draft, name: str, content: Node, found: list[Known]) -> None:
    tasks = Scripts(
        {key: string(value) or string(table(value).get("command")) for key, value in table(content, "tasks").items()}
    )
    library = "exports" in content and bool(content.get("version")) and not any(known.role for known in found)
    for purpose, names in (
        ("start", ("start", "serve")),
        ("dev", ("dev",)),
        ("build", ("build",)),
        ("test", ("test",)),
    ):
        task = next((task for task in names if tasks.set(task)), "")
        if task and not (library and purpose == "start"):
            draft.command(purpose, f"deno task {words(task)}", name, f"tasks.{task}", 0.95)
    if library or ("exports" in content and not {"start", "dev"} & set(draft.commands) and not draft.roles):
        draft.role("library", 0.85)
        draft.exports = True
        draft.private = not content.get("version")
    elif "start" not in draft.commands:
        _start(draft)
    if not library:
        _ports(draft, found, tasks)
    if "test" not in draft.commands and any(re.search(r"[._]test\.[jt]sx?$", path) for path in draft.files):
        draft.command("test", "deno test", name or draft.files[0], "", 0.7)
    acts = [hit for hit in node_source.said(draft, "deno-api", "deno-main") if hit.value != "env"]
    if any(hit.value == "cron" for hit in acts):
        draft.role("worker", 0.5)
    if not library and (acts or "Cliffy" in draft.frameworks):
        draft.role("job", 0.3)


def _start(draft: Draft) -> None:
    """`start` where no task is called so. What a program may do is asked for as it runs, or allowed at once with `-A`."""
    if "dev" in draft.commands:
        fact = draft.commands["dev"]
        draft.command("start", fact.value, fact.evidence[0].path, fact.evidence[0].key, 0.7)
        return
    serving = {hit.path for hit in node_source.said(draft, "deno-serve", "js-listen", "deno-main")}
    handing = {hit.path for hit in node_source.said(draft, "deno-fetch")}
    entries = [entry for entry in _ENTRIES if draft.has(entry)]
    chosen = next((e for e in entries if draft.at(e) in serving | handing), entries[0] if entries else "")
    if not chosen:
        running = {
            hit.path
            for hit in node_source.said(draft, "deno-serve", "deno-api")
            if draft.inner(hit.path).count("/") == 0
        }
        chosen = draft.inner(next(iter(running))) if len(running) == 1 else ""
    if chosen:
        path = draft.at(chosen)
        verb = "serve" if path in handing - serving else "run"
        draft.command("start", f"deno {verb} -A {words(chosen)}", path, "", 0.6)


DETECTOR = Detector(
    name="deno",
    manifests=("deno.json", "deno.jsonc"),
    detect=detect,
    reads=("import_map.json", "imports.json"),
    lockfiles=("deno.lock",),
    languages=("TypeScript", "JavaScript"),
    patterns=dict.fromkeys((".js", ".mjs", ".ts", ".mts", ".tsx", ".jsx"), PATTERNS),
)
