"""What to type for a JavaScript project: its scripts by purpose, and what people type where there is no script."""

from __future__ import annotations

from ..draft import words
from .node_package import ENTRIES, Package
from .node_scripts import RUNNING
from .node_source import listens, said
from .node_workspaces import RUNNER

PURPOSES = {
    "start": ("start", "serve"),
    "dev": ("dev", "develop", "start:dev", "start-dev", "dev:all", "hot"),
    "build": ("build",),
    "test": ("test", "test:unit", "vitest"),
    "worker": (
        "worker",
        "start:worker",
        "worker:start",
        "workers",
        "start:workers",
        "queue:work",
        "dev:worker",
        "worker:dev",
    ),
    "storybook": ("storybook",),
}
_WITHOUT = {
    "Expo": ("start", "expo start"),
    "Eleventy": ("start", "@11ty/eleventy --serve"),
    "Electron": ("start", "electron ."),
    "Angular": ("start", "ng serve"),
    "Next.js": ("dev", "next dev"),
    "Nuxt": ("dev", "nuxt dev"),
    "Astro": ("dev", "astro dev"),
    "Docusaurus": ("start", "docusaurus start"),
    "VitePress": ("dev", "vitepress dev"),
    "Cloudflare Workers": ("dev", "wrangler dev"),
    "Vite": ("dev", "vite"),
    "Probot": ("start", "probot run"),
}
"""By framework: the purpose, and what does it where no script does."""
_FILES = ("server.js", "index.js", "app.js", "main.js", "index.mjs", "server.mjs", "bot.js", "worker.js")


def commands(package: Package) -> None:
    """Add what to type; `install` is the package manager's."""
    draft, scripts = package.draft, package.scripts
    for purpose, names in PURPOSES.items():
        fitting = [script for script in names if scripts.set(script) and _fits(package, purpose, script)]
        # Of `start` that opens a shell and `serve` that serves, the latter is what starts the project.
        for script in [script for script in fitting if purpose == "start" and scripts.runs(script)][:1] or fitting[:1]:
            watches = purpose == "dev" and package.library and not scripts.runs(script)
            sure = 0.5 if watches else 0.95 if script == names[0] else 0.8
            draft.command(purpose, _run(package, script), "package.json", f"scripts.{script}", sure)
    if package.nature == "application" and "start" not in draft.commands:
        _without(package)
    if package.nature == "tool" and "start" not in draft.commands:
        _tool(package)
    if "test" not in draft.commands and package.manager == "bun" and any(".test." in path for path in draft.files):
        draft.command("test", "bun test", "package.json", "", 0.7)
    if package.commands:
        own = package.name.rpartition("/")[2]
        name = own if own in package.commands else next(iter(package.commands))
        draft.command("cli", words(name), "package.json", "bin", 0.9)
    if package.nature == "application" and "start" in draft.commands:
        draft.role("job", 0.2)


def _run(package: Package, script: str) -> str:
    if package.manager == "npm":
        return f"npm {script}" if script in ("start", "test") else f"npm run {words(script)}"
    if package.manager == "bun" or (package.manager == "yarn" and ":" in script):
        return f"{package.manager} run {words(script)}"
    return f"{package.manager} {words(script)}"


def _fits(package: Package, purpose: str, script: str) -> bool:
    """Whether a script does what its name says: `start` of a library often only watches or shows its stories."""
    kinds = package.scripts.kinds(script) - {""}
    if purpose == "start":
        if package.library or (
            script == "serve" and any("preview" in call.argv for call in package.scripts.calls(script))
        ):
            return False
        if script == "start" and package.nature == "application":
            return not kinds or not kinds <= {"docs", "test"}
        return not kinds or bool(kinds & (RUNNING | {"elsewhere", "docker"}))
    if purpose == "worker":
        return "build" not in kinds
    return not (purpose == "dev" and kinds and kinds <= {"docs", "test"})


def _file(path: str) -> str:
    """A file as an argument that cannot be taken for an option."""
    return words(f"./{path}" if path.startswith("-") else path)


def _without(package: Package) -> None:
    """`start` where no script is called so."""
    draft = package.draft
    if "dev" in draft.commands:
        fact = draft.commands["dev"]
        runs = package.scripts.runs(fact.evidence[0].key.removeprefix("scripts.")) if fact.evidence else False
        kinds = (
            package.scripts.kinds(fact.evidence[0].key.removeprefix("scripts.")) if fact.evidence else frozenset[str]()
        )
        if runs or not kinds & {"build", "docs", "test"}:
            draft.command("start", fact.value, "package.json", fact.evidence[0].key, 0.7)
            return
    for name, (purpose, program) in _WITHOUT.items():
        if name in draft.frameworks and draft.frameworks[name].confidence >= 0.7:
            command = RUNNER[package.manager] + program
            draft.command(purpose, command, "package.json", f"what {name} is started with", 0.7)
            draft.command("start", command, "package.json", f"what {name} is started with", 0.7)
            return
    run = "bun run" if any(wanted.name == "bun" for wanted in draft.runtimes) else "node"
    serving = {hit.path for hit in listens(draft)}
    exporting = {hit.path for hit in said(draft, "js-exports")}
    entry = package.main or (str(package.content.get("module") or "") if run == "bun run" else "")
    entry = entry.removeprefix("./")
    fits = entry.endswith((".js", ".mjs", ".cjs")) or (run == "bun run" and entry.endswith((".ts", ".tsx")))
    if draft.best_role == "backend":
        bins = [
            file
            for file in package.commands.values()
            if draft.has(file) and (file.endswith((".js", ".mjs", ".cjs")) or "." not in file.rpartition("/")[2])
        ]
        if not bins and package.imported and package.installed_server:
            own = package.name.rpartition("/")[2]
            name = own if own in package.commands else next(iter(package.commands))
            draft.command("start", words(name), "package.json", "bin", 0.6)
            return
        top = [name for name in ENTRIES if draft.has(name) and draft.at(name) not in exporting]
        if found := next(iter(bins or ([] if entry and draft.has(entry) else top)), ""):
            draft.command("start", f"{run} {_file(found)}", "package.json" if bins else found, "bin" * bool(bins), 0.6)
            return
    if fits and draft.has(entry) and (draft.at(entry) in serving or draft.at(entry) not in exporting):
        draft.command("start", f"{run} {_file(entry)}", "package.json", "main", 0.7)
        return
    names = (*_FILES, "index.ts", "server.ts") if run == "bun run" else _FILES
    for path in draft.named(*names):
        inner = draft.inner(path)
        if inner.count("/") < 2 and (path in serving or (path not in exporting and not draft.roles)):
            draft.command("start", f"{run} {_file(inner)}", path, "", 0.6 if path in serving else 0.5)
            return


def _tool(package: Package) -> None:
    """A command-line tool: how it is tried in its own folder, unless it has to be built first."""
    draft = package.draft
    if package.private:
        for file in package.commands.values():
            if draft.has(file) and file.endswith((".js", ".mjs", ".cjs")):
                draft.command("start", f"node {_file(file)}", "package.json", "bin", 0.7)
                return
