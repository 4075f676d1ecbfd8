"""Images of JavaScript services: npm, pnpm, Yarn and Bun; servers, and sites that are built once and served as files."""

from __future__ import annotations

import re

from ...fingerprint import Service
from .. import parse
from .base import Seen, command, port
from .image import HEAD, Image, Place, argv, cached, copy, ending, place, probe, served
from .releases import release

IGNORE = ("**/node_modules", ".next", ".nuxt", ".output", ".svelte-kit", ".turbo", "coverage")
MANAGERS = ("npm", "pnpm", "yarn", "bun")
LOCKS = {
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
    "pnpm": ("pnpm-lock.yaml",),
    "yarn": ("yarn.lock",),
    "bun": ("bun.lock", "bun.lockb"),
}
BESIDE = (".npmrc", ".yarnrc.yml", ".yarnrc", ".yarn", "pnpm-workspace.yaml", "patches")
"""What an install reads besides the manifest and the lockfile."""
CACHES = {
    "npm": "/root/.npm",
    "pnpm": "/pnpm/store",
    "yarn": "/usr/local/share/.cache/yarn",
    "bun": "/root/.bun/install/cache",
}
FROZEN = {
    "npm": ("npm ci", "npm install"),
    "pnpm": ("pnpm install --frozen-lockfile", "pnpm install"),
    "yarn": ("yarn install --frozen-lockfile", "yarn install"),
    "bun": ("bun install --frozen-lockfile", "bun install"),
}
PRUNE = {"npm": "npm prune --omit=dev", "pnpm": "pnpm prune --prod"}
"""Takes out what only the build needed; the others cannot do it in place."""
SITES = {
    "Angular": "", "Create React App": "build", "Vue CLI": "dist", "Astro": "dist", "Gatsby": "public", "Docusaurus": "build",
    "Eleventy": "_site", "VitePress": "", "VuePress": "", "Hexo": "public", "Slidev": "dist", "Starlight": "dist", "Quasar": "dist/spa",
    "Ember": "dist", "Umi": "dist", "Vite": "dist", "Parcel": "dist", "Rsbuild": "dist", "webpack": "dist",
}  # fmt: skip
"""Frameworks whose build is a folder of files, and that folder; empty: it is looked for."""
ELSEWHERE = frozenset({
    "Electron", "Tauri", "React Native", "Expo", "NativeScript", "WXT", "Plasmo", "Cloudflare Workers", "Serverless Framework",
    "Firebase Functions", "Azure Functions", "AWS CDK", "Pulumi",
})  # fmt: skip
"""What runs on a desktop, on a phone, in a browser or at a provider."""
_FOUND = "\"$(dirname \"$(find . -name index.html -not -path '*/node_modules/*' -path '*dist*' | head -n 1)\")\""
"""The built folder, where its place depends on the project's name."""


def node(service: Service, seen: Seen) -> Image | str:
    """The image, or why there is none."""
    frameworks = {fact.value for fact in service.frameworks}
    if away := sorted(frameworks & ELSEWHERE):
        return f"what is made with {away[0]} does not run in a container"
    manager = next((fact.value for fact in service.managers if fact.value in MANAGERS), "")
    if not manager:
        return "no package manager of Node is known"
    where, packages = place(service, seen), _wanted(seen.text(service.root, "package.json"))
    if "SvelteKit" in frameworks and not {"@sveltejs/adapter-node", "@sveltejs/adapter-static"} & packages:
        return "which adapter of SvelteKit it is built with is not known"
    folder = _site(service, frameworks, packages)
    if folder is not None:
        first = f"FROM {'oven/bun:1' if manager == 'bun' else 'node:' + release('node', service.runtimes)} AS build"
        lines = [first, *_installed(service, seen, where, manager)]
        return served(
            lines,
            command(service, "build"),
            folder or _FOUND,
            where,
            (*IGNORE, *(["dist"] if folder == "dist" else [])),
        )
    start = "node build" if "SvelteKit" in frameworks else _start(service, frameworks)
    if service.role in ("frontend", "static") and start == command(service, "dev"):
        return "only its development server is known"
    return _server(service, seen, where, manager, start) if start else "it is not known what starts it"


def _start(service: Service, frameworks: set[str]) -> str:
    if "Nuxt" in frameworks and "build" in service.commands:
        return "node .output/server/index.mjs"
    return command(service, "start")


def _site(service: Service, frameworks: set[str], packages: frozenset[str]) -> str | None:
    """The folder that the build makes when that is all there is to serve; empty when it has to be looked for."""
    if "build" not in service.commands or service.role not in ("frontend", "static"):
        return None
    if frameworks & {"Next.js", "Nuxt", "Remix", "React Router", "Qwik"} or "@astrojs/node" in packages:
        return None
    if "SvelteKit" in frameworks:
        return "build" if "@sveltejs/adapter-static" in packages else None
    return next((folder for name, folder in SITES.items() if name in frameworks), None)


def _server(service: Service, seen: Seen, where: Place, manager: str, start: str) -> Image:
    version, listens = release("node", service.runtimes), port(service)
    bun, berry = manager == "bun", manager == "yarn" and bool(seen.has(service.root, ".yarnrc.yml"))
    if start.split()[0] in ("pnpm", "yarn") and not berry:
        # The script is the same, and npm is in the image: the others would be fetched when the container starts.
        start = re.sub(r"^(?:pnpm|yarn)(?: run)? (?=[\w:.-]+$)", "npm run ", start)
        start = re.sub(r"^(?:pnpm|yarn) exec ", "npx ", start)
    build = command(service, "build")
    dev = service.commands.get("dev")
    pruned = (
        build and service.role == "backend" and manager in PRUNE and where.alone and (dev is None or dev.value != start)
    )
    return Image(
        (
            HEAD,
            f"FROM {'oven/bun:1' if bun else f'node:{version}'} AS build",
            *_installed(service, seen, where, manager),
            *([f"RUN {build}"] if build else []),
            *([f"RUN {PRUNE[manager]}"] if pruned else []),
            "",
            f"FROM {'oven/bun:1-slim' if bun else f'node:{version}-slim'}",
            "ENV NODE_ENV=production HOST=0.0.0.0" + (f" PORT={listens}" if listens else ""),
            f"WORKDIR {where.workdir}",
            f"COPY --from=build --chown={'bun:bun' if bun else 'node:node'} /app /app",
            *(["ENV COREPACK_HOME=/opt/corepack", *_corepack(manager, version), "RUN yarn --version"] if berry else []),
            *ending("bun" if bun else "node", listens, argv(start, listens)),
        ),
        where.context,
        listens,
        probe("bun" if bun else "node", listens),
        IGNORE,
        (f"{service.root}: `{start}` is what it is developed with; nothing else is known to start it",)
        if dev and dev.value == start
        else (),
    )


def assets(service: Service, seen: Seen, where: Place) -> list[str]:
    """A first stage `assets` that builds what a server of another language hands to browsers; nothing without a build."""
    manager = next((fact.value for fact in service.managers if fact.value in MANAGERS), "")
    build = next(
        (
            fact.value
            for fact in service.commands.values()
            if fact.value.endswith("build") and fact.value.startswith(manager)
        ),
        "",
    )
    if not manager or not build or manager == "bun":
        return []
    stage = f"FROM node:{release('node', service.runtimes)} AS assets"
    return [stage, *_installed(service, seen, where, manager), f"RUN {build}", ""]


def _installed(service: Service, seen: Seen, where: Place, manager: str) -> list[str]:
    """All packages, then the source; at once where installing runs scripts that need the source."""
    locks = [lock.rpartition("/")[2] for lock in service.lockfiles]
    lock = next((name for name in LOCKS[manager] if name in locks), "")
    berry = manager == "yarn" and bool(seen.has(service.root, ".yarnrc.yml"))
    step = cached("yarn install --immutable" if berry and lock else FROZEN[manager][0 if lock else 1], CACHES[manager])
    lines = [*_corepack(manager, release("node", service.runtimes)), "WORKDIR /app"]
    if not where.alone or _scripted(seen.text(service.root, "package.json")):
        return [*lines, "COPY . .", *step, *([] if where.alone else [f"WORKDIR {where.workdir}"])]
    beside = [name for name in BESIDE if seen.has(service.root, name)]
    folders = [name for name in beside if name in (".yarn", "patches")]
    files = [name for name in beside if name not in folders]
    return [
        *lines,
        copy("package.json", *([lock] if lock else []), *files),
        *(f"COPY {name}/ {name}/" for name in folders),
        *step,
        "COPY . .",
    ]


def _corepack(manager: str, version: str) -> list[str]:
    """pnpm and Yarn in the version that package.json names. Node has brought no corepack since 25."""
    if manager not in ("pnpm", "yarn"):
        return []
    store = ["ENV PNPM_HOME=/pnpm PATH=/pnpm:$PATH"] if manager == "pnpm" else []
    major = int(version.partition(".")[0] or 0)
    return [*store, "RUN npm install --global corepack && corepack enable" if major >= 25 else "RUN corepack enable"]


def _package(text: str) -> dict[str, object]:
    try:
        return parse.jsonc(text) if text else {}
    except parse.Broken:
        return {}


def _wanted(text: str) -> frozenset[str]:
    package = _package(text)
    return frozenset((*parse.table(package, "dependencies"), *parse.table(package, "devDependencies")))


def _scripted(text: str) -> bool:
    """Whether an install would run scripts of the project's own. What sets up git hooks needs no source."""
    scripts = parse.table(_package(text), "scripts")
    own = [parse.string(scripts.get(name)) for name in ("preinstall", "install", "postinstall", "prepare")]
    return any(
        line and not re.fullmatch(r"\s*(husky|husky install|lefthook install|simple-git-hooks)\b.*", line)
        for line in own
    )


def package_manager(text: str) -> tuple[str, str]:
    """Name and version of the manager that package.json pins; empty strings without one."""
    name, _, version = parse.string(_package(text).get("packageManager")).partition("@")
    version = version.partition("+")[0]
    return (name, version) if name in MANAGERS and re.fullmatch(r"\d+(\.\d+){0,2}", version) else ("", "")
