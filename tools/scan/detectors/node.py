"""JavaScript and TypeScript: package.json, the lockfiles of npm, pnpm, Yarn and Bun, Deno; frameworks and their commands."""

from __future__ import annotations

import json
import re
from typing import cast

from ..draft import Declared, Draft, words
from ..parse import Node, string, strings, table
from ..text import safe
from .base import Detector, Known

FRAMEWORKS = {
    "next": Known("Next.js", "frontend", 3000, 0.95),
    "nuxt": Known("Nuxt", "frontend", 3000, 0.95),
    "@remix-run/react": Known("Remix", "frontend", 3000),
    "@react-router/dev": Known("React Router", "frontend", 5173),
    "astro": Known("Astro", "frontend", 4321, 0.95),
    "@sveltejs/kit": Known("SvelteKit", "frontend", 5173, 0.95),
    "gatsby": Known("Gatsby", "frontend", 8000),
    "@angular/core": Known("Angular", "frontend", 4200, 0.95),
    "react-scripts": Known("Create React App", "frontend", 3000, 0.95),
    "vite": Known("Vite", "frontend", 5173, 0.7),
    "@vue/cli-service": Known("Vue CLI", "frontend", 8080),
    "react": Known("React", "frontend", 0, 0.6),
    "preact": Known("Preact", "frontend", 0, 0.6),
    "vue": Known("Vue", "frontend", 0, 0.6),
    "svelte": Known("Svelte", "frontend", 0, 0.6),
    "solid-js": Known("Solid", "frontend", 0, 0.6),
    "lit": Known("Lit", "frontend", 0, 0.5),
    "@builder.io/qwik": Known("Qwik", "frontend", 5173, 0.9),
    "express": Known("Express", "backend", 3000, 0.85),
    "@nestjs/core": Known("NestJS", "backend", 3000, 0.97),
    "fastify": Known("Fastify", "backend", 3000),
    "koa": Known("Koa", "backend", 3000),
    "hono": Known("Hono", "backend", 3000, 0.8),
    "@hapi/hapi": Known("hapi", "backend", 3000),
    "elysia": Known("Elysia", "backend", 3000),
    "apollo-server": Known("Apollo Server", "backend", 4000, 0.8),
    "@apollo/server": Known("Apollo Server", "backend", 4000, 0.8),
    "socket.io": Known("Socket.IO", "backend", 3000, 0.7),
    "bullmq": Known("BullMQ", "worker", 0, 0.4),
    "electron": Known("Electron"),
    "react-native": Known("React Native", "frontend", 8081, 0.9),
    "expo": Known("Expo", "frontend", 8081, 0.92),
    "@11ty/eleventy": Known("Eleventy", "static", 8080),
    "@docusaurus/core": Known("Docusaurus", "static", 3000, 0.96),
    "vitepress": Known("VitePress", "static", 5173),
}
DEVELOPED_WITH = frozenset({
    "vite", "astro", "@sveltejs/kit", "svelte", "@angular/core", "@react-router/dev", "@11ty/eleventy", "vitepress",
    "electron", "gatsby", "@builder.io/qwik", "@vue/cli-service", "nuxt",
})  # fmt: skip
"""Frameworks that lie in devDependencies by habit; any other there is only tested against."""

CLIENTS = {
    "postgresql": "pg postgres pg-promise @neondatabase/serverless pgtyped",
    "mysql": "mysql mysql2 mariadb",
    "redis": "redis ioredis connect-redis bullmq bull",
    "mongodb": "mongodb mongoose",
    "rabbitmq": "amqplib amqp-connection-manager",
    "kafka": "kafkajs",
    "sqlite": "sqlite3 better-sqlite3 sqlite",
    "elasticsearch": "@elastic/elasticsearch",
    "mssql": "mssql tedious",
    "memcached": "memjs memcached",
}
_CLIENT = {package: database for database, packages in CLIENTS.items() for package in packages.split()}

LOCKS = {
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
FROZEN = {name: f"{name} install --frozen-lockfile" for name in ("pnpm", "yarn", "bun")} | {"npm": "npm ci"}
PATTERNS = (
    ("env", "process.env.", r"process\.env\.([A-Z][A-Z0-9_]{1,63})\b"),
    ("env", "process.env[", r"process\.env\[\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("env", "import.meta.env.", r"import\.meta\.env\.((?:VITE|PUBLIC|NUXT)_[A-Z0-9_]{1,60})\b"),
    ("env", ".env.", r"(?:Deno|Bun)\.env(?:\.get\([\"']|\.)([A-Z][A-Z0-9_]{1,63})\b"),
    ("port", ".listen(", r"\.listen\(\s*(\d{2,5})\b"),
    ("port", "process.env.PORT", r"process\.env\.PORT\s*(?:\|\||\?\?)\s*[\"']?(\d{2,5})\b"),
    ("node-server", "createServer(", r"\bcreateServer\("),
)
_NOT_SET = re.compile(r"no test specified|^\s*(echo|exit)\b")


def detect(draft: Draft) -> None:
    """Add what package.json and its neighbours say."""
    if not draft.has("package.json"):
        return
    draft.manifest("package.json")
    package = draft.json("package.json")
    name = string(package.get("name"))
    draft.name = draft.name or name
    manager = _manager(draft, package)
    engines = table(package, "engines")
    draft.runtime("node", string(engines.get("node")), "package.json", "engines.node" if "node" in engines else "")
    if node := string(table(package, "volta").get("node")):
        draft.runtime("node", node, "package.json", "volta.node")
    _workspaces(draft, package)
    wanted, developed = table(package, "dependencies"), table(package, "devDependencies")
    for key, group in (("dependencies", wanted), ("devDependencies", developed)):
        for dependency, spec in group.items():
            local = re.match(
                r"(file|link|workspace|portal|git|github|https?|catalog|npm)[:+]|[\w-]+/[\w-]+$", string(spec)
            )
            draft.declared.append(
                Declared(
                    "npm",
                    dependency,
                    "" if local else string(spec),
                    draft.at("package.json"),
                    extra=key != "dependencies",
                )
            )
    _locked(draft)
    library = (
        not package.get("private")
        and bool(package.get("version") or name)
        and any(key in package for key in ("main", "module", "exports", "files", "bin", "types"))
    )
    draft.private = draft.private and not library
    draft.exports = any(key in package for key in ("main", "module", "exports", "types"))
    _frameworks(draft, wanted, developed, library)
    _commands(draft, package, manager, library)
    if library:
        draft.role("library", 0.8 if "start" not in table(package, "scripts") else 0.55)


def _manager(draft: Draft, package: Node) -> str:
    said = string(package.get("packageManager")).partition("@")
    if said[0] in ("npm", "pnpm", "yarn", "bun"):
        draft.manager(said[0], "package.json", "packageManager")
    locks = [name for name in LOCKS if draft.has(name)]
    for name in locks:
        draft.lockfile(name)
        draft.manager(LOCKS[name], name, "", 0.95)
    if len({LOCKS[name] for name in locks}) > 1:
        draft.finding(
            f"{' and '.join(locks)} are both there: two package managers lock this project",
            locks[0],
            rule="two-lockfiles",
        )
    if draft.has("pnpm-workspace.yaml"):
        draft.manager("pnpm", "pnpm-workspace.yaml", "", 0.9)
    best = max(draft.managers.values(), key=lambda fact: fact.confidence, default=None)
    known = best.value if best and best.value in FROZEN else ""
    if not known:
        draft.manager("npm", "package.json", "", 0.5)
    if said[0] in FROZEN and locks and said[0] not in {LOCKS[name] for name in locks}:
        draft.finding(
            f"package.json asks for {said[0]}, but {locks[0]} is {LOCKS[locks[0]]}'s",
            "package.json",
            "packageManager",
            "contradiction",
        )
    manager = known or "npm"
    fits = [name for name in locks if LOCKS[name] == manager]
    draft.command(
        "install", FROZEN[manager] if fits else f"{manager} install", fits[0] if fits else "package.json", "", 0.95
    )
    return manager


def _workspaces(draft: Draft, package: Node) -> None:
    found = package.get("workspaces")
    globs = strings(found) or strings(table(found).get("packages"))
    globs += strings(draft.yaml("pnpm-workspace.yaml").get("packages"))
    draft.members += [draft.at(glob.removeprefix("./").rstrip("/")) for glob in globs]
    for tool in ("turbo", "nx", "lerna"):
        if draft.has(f"{tool}.json"):
            draft.finding(f"a monorepo run with {tool}", f"{tool}.json", rule="monorepo")


def _locked(draft: Draft) -> None:
    """Exact versions of what npm's lockfile puts at the top level of node_modules."""
    if not (text := draft.text("package-lock.json")):
        return
    try:
        packages = table(json.loads(text)).get("packages")
    except (ValueError, RecursionError) as error:
        draft.finding(
            f"{safe(draft.at('package-lock.json'))} could not be read: {safe(str(error), 120)}",
            "package-lock.json",
            rule="unreadable",
        )
        return
    for path, entry in (cast(Node, packages) if isinstance(packages, dict) else {}).items():
        name = path.removeprefix("node_modules/")
        facts = table(entry)
        if name == path or "/node_modules/" in name or facts.get("optional") or facts.get("link"):
            continue
        if version := string(facts.get("version")):
            extra = bool(facts.get("dev"))
            draft.declared.append(
                Declared("npm", name, version, draft.at("package-lock.json"), exact=True, extra=extra)
            )


def _frameworks(draft: Draft, wanted: Node, developed: Node, library: bool) -> None:
    for name, known in FRAMEWORKS.items():
        if name not in wanted and not (name in developed and name in DEVELOPED_WITH):
            continue
        if library and name in developed:
            continue  # a library builds and tests with it; it is no application of it
        draft.framework(
            known.name,
            "package.json",
            f"{'dependencies' if name in wanted else 'devDependencies'}.{name}",
            known.confidence,
        )
        if known.role:
            draft.role(known.role, known.confidence * (0.4 if library else 1.0))
        if known.port and not library:
            sure = 0.8 if known.role == "frontend" else 0.4
            draft.port(known.port, "package.json", f"the default of {known.name}", sure)
    for name in wanted:
        if name in _CLIENT:
            draft.database(_CLIENT[name], "package.json", f"dependencies.{name}")
    for hit in draft.hits("port") if not library else ():
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    if draft.has("prisma/schema.prisma") and (
        found := re.search(r'provider[ \t]*=[ \t]*"(\w+)"[ \t]*\n[ \t]*url', draft.text("prisma/schema.prisma"))
    ):
        draft.database(
            {"postgres": "postgresql", "sqlserver": "mssql"}.get(found[1], found[1]), "prisma/schema.prisma", "provider"
        )


def _commands(draft: Draft, package: Node, manager: str, library: bool) -> None:
    scripts = {key: string(value) for key, value in table(package, "scripts").items()}
    run = "npm run " if manager == "npm" else "bun run " if manager == "bun" else f"{manager} "
    purposes = {
        "start": ("start", "serve"),
        "dev": ("dev", "develop", "start:dev"),
        "build": ("build",),
        "test": ("test", "test:unit", "vitest"),
    }
    for purpose, names in purposes.items():
        for script in names:
            if scripts.get(script) and not _NOT_SET.search(scripts[script]):
                short = manager != "bun" and script in ("start", "test")
                command = f"{manager} {script}" if short else run + words(script)
                draft.command(
                    purpose, command, "package.json", f"scripts.{script}", 0.95 if script == names[0] else 0.8
                )
                break
    if "start" not in draft.commands and not library:
        if "dev" in draft.commands:
            dev = draft.commands["dev"].value
            draft.command("start", dev, "package.json", "scripts.dev", 0.7)
        elif (main := string(package.get("main"))) and draft.has(main.removeprefix("./")):
            draft.command("start", f"node {words(main)}", "package.json", "main", 0.7)
        elif found := draft.named("server.js", "index.js", "app.js", "main.js"):
            draft.command("start", f"node {words(draft.inner(found[0]))}", found[0], "", 0.5)
    for name in ("start", "dev", "serve", "develop") if not library else ():
        if port := re.search(r"(?:--port|-p)[= ](\d{2,5})\b", scripts.get(name, "")):
            draft.port(int(port[1]), "package.json", f"scripts.{name}", 0.9)
    offered = package.get("bin")
    if library and offered:
        own = string(package.get("name")).rpartition("/")[2]
        names = list(table(offered)) or [own]
        draft.command("cli", words(own if own in names else str(names[0])), "package.json", "bin", 0.9)
    if not library and not draft.roles and draft.hits("node-server"):
        hit = draft.hits("node-server")[0]
        draft.role("backend", 0.6)
        draft.framework("Node.js HTTP server", hit.path, f"line {hit.line}", 0.5)
    if not library and "start" in draft.commands:
        draft.role("job", 0.2)


SUFFIXES = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx", ".vue", ".svelte", ".astro")
DETECTOR = Detector(
    name="node",
    manifests=("package.json",),
    detect=detect,
    reads=("pnpm-workspace.yaml", "turbo.json", "nx.json", "lerna.json", "schema.prisma"),
    lockfiles=tuple(LOCKS),
    languages=("JavaScript", "TypeScript"),
    patterns=dict.fromkeys(SUFFIXES, PATTERNS),
)
