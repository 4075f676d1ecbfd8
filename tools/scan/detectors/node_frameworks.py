"""Which frameworks a JavaScript project is made with, the role they give it, and where it listens."""

from __future__ import annotations

import re

from ..dotenv import EXAMPLES
from ..draft import Draft
from . import node_config, node_source
from .base import Known
from .node_known import ALONE, BUNDLERS, CONFIGURED, DEVELOPED_WITH, FRAMEWORKS, SHOWN
from .node_package import STARTING, Package
from .node_runtimes import by_deno
from .node_scripts import RUNNING, port_of

WHOLE = 0.9
"""From this confidence on a framework is what the project is, and not one of its parts."""
_SERVERS = {"live-server": 8080, "http-server": 8080, "serve": 3000, "lite-server": 3000, "browser-sync": 3000, "five-server": 5500, "sirv": 8080}  # fmt: skip
_BUNDLED = ("vite", "webpack", "rollup", "parcel", "esbuild", "react-scripts", "vue-cli-service", "rsbuild", "astro", "svelte-kit", "next", "electron-vite", "electron-forge", "farm", "vitepress", "vuepress", "docusaurus", "wxt", "plasmo")  # fmt: skip


def frameworks(package: Package) -> None:
    """Add frameworks, roles and ports."""
    draft = package.draft
    if package.nature == "workspace":
        return
    found: dict[str, Known] = {}
    for name, known in FRAMEWORKS.items():
        if key := _where(package, name):
            sure = min(known.confidence, 0.6) if key == "peerDependencies" else known.confidence
            draft.framework(known.name, "package.json", f"{key}.{name}", sure)
            found[name] = known
    told = any(name.startswith("@storybook/") or name == "storybook" for name in package.developed)
    if told and "docs" in package.scripts.kinds(*package.scripts.table):
        draft.framework("Storybook", "package.json", "devDependencies", 0.4)
    _extension(package)
    for name, sure in _roles(package, found).items():
        draft.role(found[name].role, sure)
    if package.library or package.nature == "tool":
        return
    _page(package, found)
    _server(package, found)
    _shown(package)
    _ports(package, found)


def _where(package: Package, name: str) -> str:
    """The key under which package.json asks for a framework that the project is really made with; empty otherwise."""
    draft = package.draft
    if name in CONFIGURED and not any(draft.has(file) for file in CONFIGURED[name].split()):
        return ""
    if name in package.wanted and (name not in BUNDLERS or _bundled(package, name)):
        return "dependencies"
    if package.library or package.nature == "tool":
        return "peerDependencies" if name in package.peers and FRAMEWORKS[name].role else ""
    if name not in package.developed:
        return ""
    if name in SHOWN and package.scripts.uses(*_BUNDLED):
        return "devDependencies"
    if name not in DEVELOPED_WITH or (name in ALONE and name not in CONFIGURED and not _bundled(package, name)):
        return ""
    return "devDependencies"


def _bundled(package: Package, name: str) -> bool:
    """Whether a bundler makes this project's pages, rather than its library or its tests."""
    if package.library:
        return False
    return bool(package.scripts.uses(*ALONE[name].split())) or (name == "vite" and package.draft.has("index.html"))


def _roles(package: Package, found: dict[str, Known]) -> dict[str, float]:
    """How much each framework says about the role, given what the scripts really start."""
    scale = 0.4 if package.library else 0.5 if package.nature == "tool" else 1.0
    kinds = (
        package.scripts.kinds("start", "serve", "start:prod") & RUNNING or package.scripts.kinds(*STARTING) & RUNNING
    )
    listens = bool(node_source.listens(package.draft))
    result: dict[str, float] = {}
    for name, known in found.items():
        sure = known.confidence * scale
        part = known.role == "frontend" and (
            name in SHOWN or name in BUNDLERS or name in ("react-scripts", "@vue/cli-service")
        )
        if part and "program" in kinds and listens and any(other.role == "backend" for other in found.values()):
            sure *= 0.8  # its server hands out the pages, and is what is started
        elif name in SHOWN and not kinds and not package.draft.has("index.html"):
            sure *= 0.5  # nothing here shows a page
        elif known.role == "backend" and kinds == frozenset({"front"}) and not listens:
            sure *= 0.6
        if known.role:
            result[name] = sure
    return result


def _extension(package: Package) -> None:
    """Programs that other programs load: VS Code, browsers."""
    draft = package.draft
    if package.nature == "extension":
        draft.framework("VS Code", "package.json", "engines.vscode", 0.98)
    for name in (
        "manifest.json",
        "public/manifest.json",
        "src/manifest.json",
        "extension/manifest.json",
        "app/manifest.json",
    ):
        if draft.has(name) and '"manifest_version"' in draft.text(name):
            extension(draft, name)
            break


def extension(draft: Draft, path: str) -> None:
    """Add what the manifest of a browser's extension says."""
    version = draft.json(path).get("manifest_version")
    if version in (2, 3):
        draft.framework("WebExtensions", path, "manifest_version", 0.97)
        draft.role("frontend", 0.96)


def _page(package: Package, found: dict[str, Known]) -> None:
    """A folder of pages that a small server shows."""
    draft = package.draft
    if any(known.role in ("frontend", "static") for known in found.values()) or draft.roles.get("backend", 0) > 0.6:
        return
    for name in STARTING:
        for call in package.scripts.calls(name):
            if call.kind == "static" and call.program in _SERVERS:
                draft.role("static", 0.8)
                if not port_of(call):
                    draft.port(_SERVERS[call.program], "package.json", f"the default of {call.program}", 0.7)
                return


def _server(package: Package, found: dict[str, Known]) -> None:
    """A server without a framework, a function that a platform calls, a worker that waits."""
    draft = package.draft
    if any(known.role == "backend" for known in found.values()):
        return
    if hits := node_source.said(draft, "js-bun-serve"):
        draft.role("backend", 0.8)
        draft.framework("Bun.serve", hits[0].path, f"line {hits[0].line}", 0.8)
    elif not draft.roles and (hits := node_source.said(draft, "js-http")):
        draft.role("backend", 0.6)
        draft.framework("Node.js HTTP server", hits[0].path, f"line {hits[0].line}", 0.5)
    elif not draft.roles and (hits := node_source.said(draft, "js-handler")) and not package.scripts.runs(*STARTING):
        draft.role("backend", 0.55)
        draft.framework("AWS Lambda", hits[0].path, f"line {hits[0].line}", 0.6)


def _shown(package: Package) -> None:
    """What is started where no framework is known: a development server of pages, a generator of them, a window."""
    draft = package.draft
    if draft.has(".meteor/release"):
        draft.framework("Meteor", ".meteor/release", "", 0.97)
        draft.role("frontend", 0.96)
        draft.database("mongodb", ".meteor/release", "the database that Meteor brings along", 0.7)
        draft.port(3000, ".meteor/release", "the default of Meteor", 0.8)
    kinds = package.scripts.kinds(*STARTING)
    if not draft.roles and "program" not in kinds:
        if kinds & {"front", "mobile", "desktop", "browser"}:
            draft.role("frontend", 0.6)
        elif "static" in kinds:
            draft.role("static", 0.6)


def _ports(package: Package, found: dict[str, Known]) -> None:
    draft, scripts = package.draft, package.scripts
    page = served = False
    for name in (*STARTING, "start:debug", "dev:server", "dev:client"):
        for call in scripts.calls(name):
            if port := port_of(call):
                draft.port(port, "package.json", f"scripts.{name}", 0.92)
                served = served or call.kind == "program"
                page = page or call.kind != "program"
    for port, (file, key) in node_config.ports(draft).items():
        draft.port(port, file, key, 0.92)
        page, served = page or file != "wrangler.toml", served or file == "wrangler.toml"
    backend = [known for known in found.values() if known.role == "backend"]
    if backend or node_source.listens(draft) or "program" in scripts.kinds(*STARTING):
        for port, hit in node_source.ports(draft).items():
            draft.port(port, hit.path, f"line {hit.line}", 0.85)
            served = True
    pages = [known for known in found.values() if known.role in ("frontend", "static") and known.port]
    own = (
        served
        and "program" in scripts.kinds(*STARTING)
        and not scripts.kinds(*STARTING) & {"front", "static", "mobile"}
    )
    if "program" in scripts.kinds(*STARTING) and "front" not in scripts.kinds(*STARTING):
        pages = [known for known in pages if known.confidence > FRAMEWORKS["vite"].confidence]  # it only bundles them
    if pages and not page and not own and not {"electron", "@tauri-apps/api", "@tauri-apps/cli"} & set(found):
        best = max(pages, key=lambda known: known.confidence)
        draft.port(best.port, "package.json", f"the default of {best.name}", 0.8)
    seen = bool(node_source.said(draft, "js-import", "js-listen", "js-http", "js-exports"))
    # The habit of a library counts only where one sees it used, and not beside sources that are left out.
    backend = [known for known in backend if known.port and (seen or known.confidence >= 0.95)]
    whole = max((known.confidence for known in pages), default=0) >= WHOLE
    if backend and not served and not whole and not _declared(draft) and not by_deno(draft):
        best = found.get("wrangler") or max(backend, key=lambda known: known.confidence)
        draft.port(best.port, "package.json", f"the default of {best.name}", 0.8 if best.confidence >= 0.95 else 0.4)


def _declared(draft: Draft) -> bool:
    """Whether a file that says something about every service names the port."""
    examples = any(re.search(r"^PORT=\d", draft.text(name), re.MULTILINE) for name in EXAMPLES)
    return examples or re.search(r"^EXPOSE[ \t]+\d", draft.text("Dockerfile"), re.MULTILINE) is not None
