"""A package.json as data, and what kind of thing it is: an application, a library, a tool, an extension of another program."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from ..draft import Draft
from ..ignore import is_copied
from ..parse import Node, string, strings, table
from .node_installed import aside, is_server
from .node_known import FRAMEWORKS, TOOLING
from .node_scripts import RUNNING, Scripts
from .node_source import listens, said
from .node_workspaces import head

STARTING = ("start", "dev", "serve", "develop", "start:dev", "start:prod", "server", "start-dev", "hot")
"""Scripts that leave something running, if any does."""
_IMPORTED = ("exports", "module", "types", "typings")
_STRONG = (*_IMPORTED, "files", "publishConfig")
_ASSETS = frozenset({"public", "static", "assets", "wwwroot", "vendored", "bower_components", "htdocs", "webroot"})  # fmt: skip
_OTHERS = frozenset({
    "pyproject.toml", "requirements.txt", "setup.py", "Pipfile", "go.mod", "Cargo.toml", "pom.xml", "build.gradle", "build.gradle.kts", "Gemfile",
    "composer.json", "mix.exs", "pubspec.yaml", "Package.swift", "build.sbt", "deno.json", "CMakeLists.txt", "meson.build", "gleam.toml", "stack.yaml",
})  # fmt: skip
_SIDE = frozenset({"JavaScript", "TypeScript", "HTML", "CSS", "Shell", "SQL", "Vue", "Svelte", "Astro", "GraphQL", "HCL", "PowerShell", "Nix", "Jupyter"})  # fmt: skip
"""Languages that a JavaScript project has beside its own."""


@dataclass
class Package:
    """What package.json says, with its parts of the right types."""

    draft: Draft
    content: Node
    scripts: Scripts
    wanted: dict[str, str] = field(default_factory=dict[str, str])
    developed: dict[str, str] = field(default_factory=dict[str, str])
    peers: dict[str, str] = field(default_factory=dict[str, str])
    globs: list[str] = field(default_factory=list[str])
    """Of workspace members, relative to its folder."""
    manager: str = "npm"
    nature: str = "application"
    """application, library, tool (for the command line), extension (of VS Code), action (of GitHub), workspace."""

    @property
    def private(self) -> bool:
        """It is not to be published."""
        return self.content.get("private") is True

    @property
    def name(self) -> str:
        """Empty when it has none."""
        return string(self.content.get("name"))

    @property
    def imported(self) -> bool:
        """It offers something to import."""
        bins = set(self.commands.values())
        return any(self.content.get(key) for key in _IMPORTED) or bool(self.main and self.main not in bins)

    @property
    def main(self) -> str:
        """The file that is loaded, without `./`."""
        return string(self.content.get("main")).removeprefix("./")

    @cached_property
    def commands(self) -> dict[str, str]:
        """The files of the commands that it installs, by name."""
        offered = self.content.get("bin")
        if isinstance(offered, str):
            return {self.name.rpartition("/")[2]: offered.removeprefix("./")} if self.name else {}
        return {name: string(file).removeprefix("./") for name, file in table(offered).items()}

    @property
    def starts_itself(self) -> bool:
        """Its own `start` runs the file that it installs as a command."""
        files = {re.sub(r"\.[cm]?js$", "", file) for file in self.commands.values()}
        calls = [call for call in self.scripts.calls("start") if call.kind == "program"]
        said = {word.removeprefix("./") for call in calls for word in call.operands}
        return any(re.sub(r"\.[cm]?js$", "", word) in files for word in said)

    @cached_property
    def installed_server(self) -> bool:
        """It installs a server as a command, though other code may import it too."""
        files = [file for file in (self.main, *self.commands.values()) if file]
        return bool(self.commands) and is_server(self.draft, self.content, files, self.wanted)

    @property
    def library(self) -> bool:
        """It is meant to be used by other code, and nothing starts it."""
        return self.nature in ("library", "extension", "action")


def read(draft: Draft) -> Package:
    """The package.json of a folder."""
    content = draft.json("package.json")
    scripts = {key: value for key, value in table(content, "scripts").items() if isinstance(value, str)}
    groups = [
        {name: string(spec) for name, spec in table(content, key).items()}
        for key in ("dependencies", "devDependencies", "peerDependencies")
    ]
    found = content.get("workspaces")
    globs = strings(found) or strings(table(found).get("packages"))
    globs += strings(draft.yaml("pnpm-workspace.yaml").get("packages"))
    if not globs and draft.has("lerna.json"):
        globs = strings(draft.json("lerna.json").get("packages", ["packages/*"]))
    package = Package(draft, content, Scripts(scripts), *groups, globs=globs)
    package.nature = _nature(package)
    return package


def nx_members(draft: Draft) -> list[str]:
    """The folders of an Nx workspace that have a project.json."""
    if not draft.has("nx.json"):
        return []
    inside = draft.tree.inside(draft.root)
    paths = [path for path in draft.tree.by_name.get("project.json", ()) if path.startswith(inside)]
    return [path.rpartition("/")[0] for path in paths if "/" in path.removeprefix(inside)][:500]


def is_stub(package: Package) -> bool:
    """It only marks a folder as ES modules, points to files of the package above, or came here with somebody else's code."""
    draft, content = package.draft, package.content
    if draft.root == ".":
        return False
    if (
        content
        and not package.name
        and not any(content.get(key) for key in ("scripts", "dependencies", "devDependencies", "private", "engines"))
    ):
        return True
    if content.get("os") and content.get("cpu") and not content.get("scripts") and not content.get("dependencies"):
        return True  # a compiled program for one platform, which the package beside it chooses
    points = [string(content.get(key)) for key in ("main", "module", "types", "browser")]
    if any(point.startswith("../") for point in points) and not package.scripts.table:
        return True
    if draft.has("theme.toml"):
        return True  # a theme of Hugo, installed by copying it
    above = draft.root.lower().split("/")[:-1]
    if not any(part in _ASSETS for part in above) or head(draft)[0]:
        return False
    return bool(content.get("version")) and not package.private and not package.scripts.runs(*STARTING)


def is_tooling(package: Package) -> bool:
    """It only checks, formats and releases a project whose code is something else."""
    draft, content = package.draft, package.content
    asked = (*package.wanted, *package.developed)
    mine = [name for name in asked if not name.startswith(TOOLING)]
    if mine or not asked or package.globs or package.commands or any(content.get(key) for key in _IMPORTED):
        return False
    if package.main and draft.has(package.main):
        return False
    scripts = package.scripts
    if package.nature == "workspace":
        return False
    if any(
        scripts.runs(name) or "build" in scripts.kinds(name) - {""}
        for name in (*STARTING, "build")
        if name in scripts.table
    ):
        return False
    others = any(fact.value not in _SIDE for fact in draft.languages) or any(name in _OTHERS for name in draft.beside)
    return others or (draft.root == "." and _elsewhere(draft))


def _elsewhere(draft: Draft) -> bool:
    """Whether folders below have manifests of their own."""
    names = (*_OTHERS, "package.json")
    paths = [path for name in names for path in draft.tree.by_name.get(name, ()) if "/" in path]
    return any(not is_copied(path.rpartition("/")[0]) for path in paths)


def _nature(package: Package) -> str:
    draft, content = package.draft, package.content
    if table(content, "engines").get("vscode") and ("contributes" in content or "activationEvents" in content):
        return "extension"
    if action_runtime(draft)[0]:
        return "action"
    if ((package.globs or nx_members(draft)) and not _alive(package)) or _hub(package):
        return "workspace"
    peers = [name for name in package.peers if name != "typescript" and not name.startswith("@types/")]
    runs = package.scripts.runs(*STARTING)
    serves = _serves(package)
    backend = any(name in package.wanted and known.role == "backend" for name, known in FRAMEWORKS.items())
    if package.starts_itself and (backend or serves or said(draft, "js-http")) and not package.globs:
        return "application"  # a server that is installed as a command
    if package.commands and package.imported and not package.globs and not peers and package.installed_server:
        return "application"
    if package.commands and not serves:
        return "library" if package.imported and not package.private else "tool"
    if not (any(content.get(key) for key in _STRONG) or peers):
        return _plain(package, runs or serves or _whole(package))
    if peers and (package.imported or not package.private):
        return "library"
    if package.private and not runs and not serves and not _whole(package):
        return "library" if any(content.get(key) for key in ("exports", "types", "typings")) else "application"
    started = package.scripts.runs("start", "serve")
    if backend and not package.imported and _entered(package) and not peers:
        return "application"  # with nothing to import, and a program on top
    alone = package.private or _whole(package) or (runs and serves) or (started and not package.imported)
    return "application" if alone else "library"


def action_runtime(draft: Draft) -> tuple[str, str]:
    """The version of Node that an action of GitHub runs on, and the file that says so; empty where it is none."""
    for name in ("action.yml", "action.yaml"):
        using = string(table(draft.yaml(name), "runs").get("using")) if draft.has(name) else ""
        if found := re.fullmatch(r"node(\d{1,3})", using):
            return found[1], name
    return "", ""


def _hub(package: Package) -> bool:
    """Its scripts only start what lies in other folders, though it declares no workspace."""
    if package.globs or package.draft.root != "." or listens(package.draft):
        return False
    kinds = package.scripts.kinds(*STARTING)
    return bool(kinds & {"elsewhere", "docker"}) and not kinds & RUNNING and _elsewhere(package.draft)


def _entered(package: Package) -> bool:
    """Whether a file on top is there to be run: one that hands nothing out."""
    draft = package.draft
    exporting = {hit.path for hit in said(draft, "js-exports")}
    return any(draft.has(name) and draft.at(name) not in exporting for name in ENTRIES)


ENTRIES = ("index.js", "server.js", "app.js", "main.js", "index.mjs", "server.mjs")


def _plain(package: Package, running: bool) -> str:
    """With nothing but `main`, which `npm init` writes for every project."""
    content, draft = package.content, package.draft
    if package.private or running or not package.name:
        return "application"
    main = package.main or "index.js"
    if draft.has(main):
        inside = {hit.path for hit in said(draft, "js-exports")} - {hit.path for hit in said(draft, "js-handler")}
        return "library" if draft.at(main) in inside else "application"
    built = "build" in package.scripts.kinds("build", "prepare", "prepublishOnly", "prepack")
    return "library" if package.main and content.get("version") and built else "application"


def _serves(package: Package) -> bool:
    """It has a web framework, and its source starts to listen."""
    backend = any(name in package.wanted and known.role == "backend" for name, known in FRAMEWORKS.items())
    places = listens(package.draft)
    if package.commands and package.imported and not package.private:
        places = [hit for hit in places if not aside(package.draft.inner(hit.path))]
    return bool(places) and (backend or not package.imported or package.private)


def _whole(package: Package) -> bool:
    """A framework that nobody imports a part of: what asks for it is an application."""
    full = (
        name
        for name, known in FRAMEWORKS.items()
        if known.confidence >= 0.93 and known.role in ("frontend", "static", "backend") and name not in package.peers
    )
    return any(name in package.wanted for name in full) and bool(
        package.scripts.kinds(*STARTING, "build") & (RUNNING | {"build"})
    )


def _alive(package: Package) -> bool:
    """Whether a workspace's root is itself something that runs: a script starts more than its members and its helpers."""
    calls = [call for name in STARTING for call in package.scripts.calls(name)]
    kinds = {call.kind for call in calls}
    if kinds & {"front", "mobile", "desktop", "browser"} and "elsewhere" not in kinds:
        inside = [word for call in calls if call.kind in RUNNING for word in call.operands if "/" in word]
        return not inside or any(not _member(word, package.globs) for word in inside)
    return "program" in kinds and bool(said(package.draft, "js-listen"))


def _member(path: str, globs: list[str]) -> bool:
    """Whether a path lies in a folder that one of the globs names."""
    heads = [re.split(r"[*!{]", glob.removeprefix("./"))[0] for glob in globs]
    return any(head and path.removeprefix("./").startswith(head) for head in heads)
